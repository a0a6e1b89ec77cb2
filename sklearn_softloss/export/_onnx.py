"""`to_onnx`: estimators, pipelines and searches as one ONNX model, and `check`: both compared."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._targets.encoding import Array
from .._version import __version__
from ._inputs import MISSING_TEXT, as_matrix, fed, takes_texts

NEEDED = "pip install 'sklearn-softloss[onnx]'"

TOLERANCE = 1e-3
"""Of probabilities, and of other numbers in parts of their range. Float32, in which skl2onnx
computes many steps, is off by 1e-7 to 1e-5 here; a step that is written wrong by far more."""

METHODS = {
    "label": "predict", "probabilities": "predict_proba", "confidence": "predict_confidence",
    "variable": "predict", "quantiles": "predict_quantiles", "std": "predict_std",
}  # fmt: skip

ROWS_AT_ONCE = 1000
"""That are compared: ONNX holds them dense, with all columns of the steps."""


def to_onnx(estimator: Any, X: Any) -> Any:
    """A fitted estimator as one ONNX model.

    Scaler, net, inverse link, what undoes label smoothing, calibration and cut-offs are all in it.
    Outputs are called "label" and "probabilities" (and "confidence" under an 'independent' loss of
    `SoftTargetMLPClassifier`), or "variable" (and "quantiles" or "std") of a regressor.
    Probabilities are float64 whatever the net computes in. What was written is compared with the
    estimator on X, as by `check`, and refused where their outputs differ.

    Parameters
    ----------
    estimator : estimator
        `SoftTargetMLPClassifier`, `MultiLabelSigmoidClassifier`, `SoftLossMLPRegressor`,
        `SoftCalibratedClassifierCV` or `TunedDecisionClassifierCV`, or a pipeline or search that
        ends in one, with any transformer that skl2onnx knows.
    X : array-like, DataFrame or sparse matrix
        Some hundred rows, for the names and types of the inputs (float32, float64, int64 or
        strings) and for the comparison. A table with texts, or one of which a `ColumnTransformer`
        picks columns, gives one input a column, (n_rows, 1) and named as the column; all else is
        one matrix, "X". A missing number is given as NaN, a missing text as "nan". ONNX has no
        sparse input: where X is sparse the model takes the same rows, dense.

    Returns
    -------
    onnx.ModelProto
        Its metadata hold the names of classes and labels, as JSON, and the missing text.

    Raises
    ------
    ImportError
        Without the extra 'onnx'.
    ValueError
        If something in the estimator cannot be exported, or has other outputs; it is named.

    References
    ----------
    https://onnx.ai/onnx/ and https://onnx.ai/sklearn-onnx/.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.export import to_onnx
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> clf = SoftTargetMLPClassifier((8,), max_iter=5, random_state=0).fit(X, [0, 0, 1, 1])
    >>> model = to_onnx(clf, X)
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    converters()
    check_is_fitted(estimator)
    if _num_samples(X) == 0:
        raise ValueError("X must have rows, on which the ONNX model is compared; got none.")
    try:
        return _alike(estimator, X)
    except ImportError:
        raise
    except Exception as error:  # skl2onnx and onnxruntime raise of all kinds
        reason = _step_at_fault(estimator, X) or _in_words(error)
        raise ValueError(f"{type(estimator).__name__} cannot be exported: {reason}") from error


def _alike(estimator: Any, X: Any) -> Any:
    """A model with the outputs of the estimator: in the precision of X, else in float32, which is
    all that some steps of skl2onnx know."""
    X = X.tocsr() if sp.issparse(X) else X
    for in_float32 in (False, True):
        try:
            model = _write(estimator, X, in_float32)
            for rows in gen_batches(_num_samples(X), ROWS_AT_ONCE):
                what = _what_differs(model, estimator, _safe_indexing(X, rows))
                if what is not None:
                    raise ValueError(what)
            return model
        except Exception:
            if in_float32:
                raise


def _write(estimator: Any, X: Any, in_float32: bool) -> Any:
    registered = converters()
    import onnx
    import skl2onnx

    types = registered.input_types(estimator, X, in_float32)
    model = skl2onnx.convert_sklearn(
        estimator,
        initial_types=types,
        options=registered.matrix_options(estimator),
        **registered.OWN_CONVERTERS,
    )
    _set_inputs(model.graph, [name for name, _ in types])
    model.producer_name, model.producer_version = "sklearn_softloss", __version__
    onnx.helper.set_model_props(model, _metadata(estimator))
    return model


def _set_inputs(graph: Any, names: list[str]) -> None:
    """Leave those that are read, by the names of the columns: skl2onnx writes "a b" as "a_b"."""
    read = {name for node in graph.node for name in node.input}
    outputs = {output.name for output in graph.output}
    new = {}
    for found, name in zip(list(graph.input), names, strict=True):
        if found.name not in read:
            graph.input.remove(found)
            continue
        if name in outputs:
            raise ValueError(
                f"Column {name!r} of X has the name of an output of the ONNX model. Rename it "
                "before fit."
            )
        new[found.name] = name
        found.name = name
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]


def _step_at_fault(estimator: Any, X: Any) -> str | None:
    """The first step that has other outputs on what the steps before it give, and why."""
    with contextlib.suppress(Exception):  # of X that the estimator itself cannot take
        for name, step, rows in _steps(estimator, X):
            try:
                _alike(step, rows)
            except Exception as error:
                return f"step '{name}' ({type(step).__name__}): {_in_words(error)}"
    return None


def _steps(estimator: Any, X: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The named steps in an estimator, and their rows."""
    if isinstance(estimator, Pipeline):
        for name, step in estimator.steps:
            if not isinstance(step, str) and step is not None:
                yield from _steps(step, X, name)
                X = step.transform(X) if hasattr(step, "transform") else X
    elif isinstance(estimator, ColumnTransformer):
        for name, step, columns in estimator.transformers_:
            if not isinstance(step, str):
                yield from _steps(step, _safe_indexing(X, columns, axis=1), name)
    else:
        pairs = getattr(estimator, "calibrated_classifiers_", [])
        inside = [getattr(estimator, place, None) for place in ("best_estimator_", "estimator_")]
        for found in [*(pair.estimator for pair in pairs[:1]), *inside]:
            if found is not None and not hasattr(estimator, "estimators_"):
                yield from _steps(found, X)
        if name:
            yield name, estimator, X


def _in_words(error: Exception) -> str:
    kind = "" if isinstance(error, (ValueError, RuntimeError)) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())


def converters() -> Any:
    """The module of the converters, which skl2onnx knows of from now on."""
    try:
        from . import _converters
    except ImportError as error:
        raise ImportError(f"ONNX needs what the extra 'onnx' installs: {NEEDED}") from error
    return _converters


def _metadata(estimator: Any) -> dict[str, str]:
    """Names of classes and labels, what stands for a missing text, and the version that wrote."""
    found = {"sklearn_softloss": __version__}
    if takes_texts(estimator):
        found["missing_text"] = json.dumps(MISSING_TEXT)
    for name in ("classes_", "label_names_", "quantile_", "feature_names_in_"):
        values = getattr(estimator, name, None)
        if values is not None:
            found[name.rstrip("_")] = json.dumps(np.asarray(values).tolist(), default=str)
    return found


# --- beside the estimator -------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """How far an ONNX model is from its estimator; `check` makes it.

    Parameters
    ----------
    n_rows : int
        Rows that both predicted.
    differences : dict
        By the name of an output of numbers, the largest absolute difference.
    n_other_labels : int
        Rows with another label, or another set of labels.

    Examples
    --------
    >>> from sklearn_softloss.export import Comparison
    >>> Comparison(100, {"probabilities": 1e-16}, n_other_labels=0).n_rows
    100
    """

    n_rows: int
    differences: dict[str, float]
    n_other_labels: int


def check(model: Any, estimator: Any, X: Any) -> Comparison:
    """Run an ONNX model and the estimator on the same rows.

    Parameters
    ----------
    model : onnx.ModelProto
        From `to_onnx`.
    estimator : estimator
        The one it was made from.
    X : array-like, DataFrame or sparse matrix
        Rows.

    Returns
    -------
    Comparison

    Raises
    ------
    ImportError
        Without the extra 'onnx'.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.export import check, to_onnx
    >>> X = np.linspace(-2, 2, 20)[:, None]
    >>> clf = SoftTargetMLPClassifier((8,), max_iter=5, random_state=0).fit(X, X[:, 0] > 0)
    >>> found = check(to_onnx(clf, X), clf, X)
    >>> found.n_other_labels, found.differences["probabilities"] < 1e-12
    (0, True)
    """
    found, n_other = _both(model, estimator, X), 0
    if "label" in found:
        n_other = int(_rows_with_others(*found.pop("label")).sum())
    differences = {name: float(np.abs(a - b).max()) for name, (a, b) in found.items()}
    return Comparison(_num_samples(X), differences, n_other)


def _what_differs(model: Any, estimator: Any, X: Any) -> str | None:
    """In what an ONNX model differs from its estimator, beyond rounding."""
    found = _both(model, estimator, X)
    for name, (given, wanted) in found.items():
        if name == "label":
            other = _rows_with_others(given, wanted)
            proba = found.get("probabilities", (None, wanted))[1]
            if other.any() and not _are_ties(given, wanted, proba, estimator):
                return f"its ONNX model gives {other.sum()} of {len(other)} rows another label"
        elif wanted.dtype.kind in "OUT":
            if (given != wanted).any():
                return "its ONNX model gives other texts"
        else:
            known = np.nan_to_num(wanted)
            size = np.ptp(known, axis=0) if name not in ("probabilities", "confidence") else 1.0
            size = np.where(size > 0, size, np.abs(known).max(axis=0) + TOLERANCE)
            if not np.isclose(given, wanted, 0, TOLERANCE * size, equal_nan=True).all():
                worst = np.abs(given - wanted).max()
                return f"its ONNX model gives other {name}, off by up to {worst:.3g}"
    return None


def _rows_with_others(given: Array, wanted: Array) -> Array:
    return (given != wanted).reshape(len(wanted), -1).any(axis=1)


def _are_ties(given: Array, wanted: Array, proba: Array, estimator: Any) -> bool:
    """Whether rounding may decide in the rows with another label: both labels are level there, to
    the tolerance, or they are 1 in 1000 rows at most, such as those at a tuned cut-off."""
    if wanted.ndim == 1 and proba.ndim == 2:
        sides = [labels[:, None] == estimator.classes_ for labels in (given, wanted)]
        gap = np.abs((proba * (1.0 * sides[0] - sides[1])).sum(axis=1))
    else:
        cuts = getattr(estimator, "thresholds_", getattr(estimator, "threshold", 0.5))
        gap = np.abs(proba - cuts)
    return bool(((given != wanted) & (gap > TOLERANCE)).sum() <= len(wanted) // 1000)


def _both(model: Any, estimator: Any, X: Any) -> dict[str, tuple[Array, Array]]:
    """The outputs of an ONNX model and of its estimator, by the name of the output."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"onnxruntime is missing: {NEEDED}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it says is in its exceptions too
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    found = {}
    for name, given in zip(names, session.run(None, fed(session, estimator, X)), strict=True):
        method = METHODS[name] if hasattr(estimator, "predict") else "transform"
        wanted = as_matrix(getattr(estimator, method)(X))
        found[name] = as_matrix(given).reshape(wanted.shape), wanted
    return found
