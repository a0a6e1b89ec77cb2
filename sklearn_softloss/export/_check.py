"""`check`: an ONNX model beside the estimator that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._onnx import NEEDED


@dataclass(frozen=True)
class Comparison:
    """How far an ONNX model is from its estimator; `check` makes it.

    Parameters
    ----------
    n_rows : int
        Rows that both answered.
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
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"onnxruntime is missing: {NEEDED}") from error
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, _feed(session, X)), strict=True))
    differences, n_other = {}, 0
    for name, values in found.items():
        wanted = np.asarray(_wanted(estimator, name, X))
        if name == "label":
            differ = np.asarray(values).reshape(wanted.shape) != wanted
            n_other = int(np.count_nonzero(differ.reshape(len(wanted), -1).any(axis=1)))
        else:
            differences[name] = float(np.abs(values.reshape(wanted.shape) - wanted).max())
    return Comparison(len(wanted), differences, n_other)


def _feed(session: Any, X: Any) -> dict[str, Any]:
    inputs = session.get_inputs()
    if len(inputs) > 1:
        return {i.name: _as_input(X[[i.name]], i.type) for i in inputs}
    return {inputs[0].name: _as_input(X, inputs[0].type)}


def _as_input(X: Any, kind: str) -> Any:
    dtypes = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    dense = X.toarray() if sp.issparse(X) else np.asarray(X)
    return dense.astype(dtypes.get(kind, str))


def _wanted(estimator: Any, name: str, X: Any) -> Any:
    methods = {
        "label": "predict", "probabilities": "predict_proba", "confidence": "predict_confidence",
        "variable": "predict", "quantiles": "predict_quantiles", "std": "predict_std",
    }  # fmt: skip
    return getattr(estimator, methods[name])(X)
