"""`to_onnx`: estimators, pipelines and searches as one ONNX model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.utils.validation import check_is_fitted

from .. import __version__

NEEDED = "pip install 'sklearn-softloss[onnx]'"


def to_onnx(estimator: Any, X: Any) -> Any:
    """A fitted estimator as one ONNX model.

    Scaler, net, inverse link, what undoes label smoothing, calibration and cut-offs are all in it.
    Answers are called "label" and "probabilities" (and "confidence" under an 'independent' loss of
    `SoftTargetMLPClassifier`), or "variable" (and "quantiles" or "std") of a regressor.
    Probabilities are float64 whatever the net computes in.

    Parameters
    ----------
    estimator : estimator
        `SoftTargetMLPClassifier`, `MultiLabelSigmoidClassifier`, `SoftLossMLPRegressor`,
        `SoftCalibratedClassifierCV` or `TunedDecisionClassifierCV`, or a pipeline or search that
        ends in one, with any transformer that skl2onnx knows.
    X : array-like, DataFrame or sparse matrix
        Some rows, for the names and types of the inputs: float32, float64 or int64. ONNX has no
        sparse input: where X is sparse the model takes the same rows, dense. A DataFrame gives one
        input a column where a `ColumnTransformer` picks them, else one matrix.

    Returns
    -------
    onnx.ModelProto
        Its metadata hold the names of classes and labels, as JSON.

    Raises
    ------
    ImportError
        Without the extra 'onnx'.
    ValueError
        If something in the estimator cannot be exported; it is named.

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
    registered = converters()
    import onnx
    import skl2onnx

    check_is_fitted(estimator)
    options = {id(found): {"zipmap": False} for found in registered.classifiers_in(estimator)}
    try:
        model = skl2onnx.to_onnx(
            estimator, initial_types=_input_types(estimator, X), options=options
        )
    except registered.REFUSALS as error:
        raise ValueError(f"{type(estimator).__name__} cannot be exported: {error}") from error
    model.producer_name, model.producer_version = "sklearn_softloss", __version__
    onnx.helper.set_model_props(model, _metadata(estimator))
    return model


def converters() -> Any:
    """The module of the converters, which skl2onnx knows of from now on.

    Raises
    ------
    ImportError
        Without the extra 'onnx'.
    """
    try:
        from . import _converters
    except ImportError as error:
        raise ImportError(f"ONNX needs what the extra 'onnx' installs: {NEEDED}") from error
    return _converters


def _input_types(estimator: Any, X: Any) -> list[tuple[str, Any]]:
    if sp.issparse(X):
        X = np.zeros((1, X.shape[1]), dtype=X.dtype)
    parts = estimator.get_params().values()
    if hasattr(X, "columns") and any(isinstance(part, ColumnTransformer) for part in parts):
        return [(str(name), _type_of(np.asarray(X[name])[:, None])) for name in X.columns]
    return [("X", _type_of(np.asarray(X)))]


def _type_of(X: Any) -> Any:
    """skl2onnx's type of an array, with any number of rows."""
    from skl2onnx.common.data_types import guess_data_type

    first = X[:1].reshape(1, -1)
    found = guess_data_type(first.astype(str) if X.dtype.kind in "OU" else first)[0][1]
    found.shape = [None, *X.shape[1:]]
    return found


def _metadata(estimator: Any) -> dict[str, str]:
    """Names of classes and labels, and the version that wrote the model."""
    found = {"sklearn_softloss": __version__}
    for name in ("classes_", "label_names_", "quantile_", "feature_names_in_"):
        values = getattr(estimator, name, None)
        if values is not None:
            found[name.rstrip("_")] = json.dumps(np.asarray(values).tolist(), default=str)
    return found
