"""`check`: an ONNX model beside the estimator that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from .._targets.encoding import Array
from ._inputs import as_matrix, fed

NEEDED = "pip install 'sklearn-softloss[onnx]'"

TOLERANCE = 1e-3
"""Of probabilities, and of other numbers in parts of their range. Float32, in which skl2onnx
computes many steps, is off by 1e-7 to 1e-5 here; a step that is written wrong by far more."""

METHODS = {
    "label": "predict", "probabilities": "predict_proba", "confidence": "predict_confidence",
    "variable": "predict", "quantiles": "predict_quantiles", "std": "predict_std",
}  # fmt: skip


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


def what_differs(model: Any, estimator: Any, X: Any) -> str | None:
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
