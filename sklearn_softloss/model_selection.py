"""Cross-validation that leaves soft and partly known 2-D targets as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params

from .targets import Array, as_array


def cross_val_predict_proba(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: Any = None,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
) -> Array:
    """Out-of-fold probabilities, with y passed to `fit` unchanged.

    scikit-learn's ``cross_val_predict(method="predict_proba")`` label-encodes each column of a
    2-D y: probability rows arrive in `fit` as integer codes, and NaN as one more class. Here a
    2-D y is sliced and nothing else. A 1-D y goes to scikit-learn's function.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba` that returns one column a column of y.
    X : array-like or sparse matrix of shape (n_samples, ...)
    y : array-like or sparse matrix of shape (n_samples, n_columns), or (n_samples,)
        Soft rows or label sets, NaN and -1 included.
    groups : array-like of shape (n_samples,), default=None
        For a grouped `cv`.
    cv : int, splitter or iterable of splits, default=None
        A number means so many contiguous folds (``KFold``); None means 5. Each row must be in the
        test part of exactly one split.
    n_jobs : int, default=None
        Fits at the same time.
    params : dict, default=None
        Passed to `fit`; values with one entry a sample are sliced.

    Returns
    -------
    ndarray of shape (n_samples, n_columns), float64

    Raises
    ------
    ValueError
        If the test parts of `cv` are no partition of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.model_selection import cross_val_predict_proba
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> Y = np.array([[0.8, 0.2]] * 4 + [[0.1, 0.9]] * 4)
    >>> clf = SoftTargetMLPClassifier(solver="lbfgs", random_state=0)
    >>> cross_val_predict_proba(clf, X, Y, cv=4).shape
    (8, 2)
    """
    if as_array(y).ndim == 1:
        return np.asarray(
            cross_val_predict(
                estimator,
                X,
                y,
                groups=groups,
                cv=cv,
                n_jobs=n_jobs,
                params=params,
                method="predict_proba",
            )
        )
    X, y, groups = indexable(X, y, groups)
    n_samples = y.shape[0] if hasattr(y, "shape") else len(y)
    # Without y, because scikit-learn would look for classes in it.
    splits = list(check_cv(cv).split(np.zeros(n_samples), groups=groups))
    order = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(order), np.arange(n_samples)):
        raise ValueError(
            "The test parts of cv must hold every row once; cross_val_predict_proba cannot work "
            "with repeated or partial splits."
        )
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(clone(estimator), X, y, train, test, params)
        for train, test in splits
    )
    proba = np.concatenate(parts)
    found = np.empty_like(proba)
    found[order] = proba
    return found


def _fit_and_predict(
    estimator: Any, X: Any, y: Any, train: Array, test: Array, params: dict[str, Any] | None
) -> Array:
    sliced = _check_method_params(X, params=params or {}, indices=train)
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **sliced)
    return np.asarray(estimator.predict_proba(_safe_indexing(X, test)), dtype=np.float64)
