"""`to_onnx`: estimators, pipelines and searches as one ONNX model."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, gen_batches
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._version import __version__
from ._check import NEEDED, what_differs
from ._inputs import MISSING_TEXT, takes_texts

ROWS_AT_ONCE = 1000
"""That are compared: ONNX holds them dense, with all columns of the steps."""


def to_onnx(estimator: Any, X: Any) -> Any:
    """A fitted estimator as one ONNX model.

    Scaler, net, inverse link, what undoes label smoothing, calibration and cut-offs are all in it.
    Outputs are called "label" and "probabilities" (and "confidence" under an 'independent' loss of
    `SoftTargetMLPClassifier`), or "variable" (and "quantiles" or "std") of a regressor.
    Probabilities are float64 whatever the net computes in. What was written is run on X beside the
    estimator, and refused where their outputs differ.

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

    See Also
    --------
    check : Runs both on rows and compares.

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
                what = what_differs(model, estimator, _safe_indexing(X, rows))
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
