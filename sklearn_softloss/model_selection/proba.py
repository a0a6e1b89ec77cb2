"""Probabilities as one (n_samples, n_columns) array: from any classifier, and out of fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.validation import _check_method_params, _num_samples

from .._targets.encoding import Array, as_array, check_proba


def as_proba_matrix(proba: Any, classes: Any = None) -> Array:
    """What a classifier's `predict_proba` returned, as one array with a column a class or label.

    Parameters
    ----------
    proba : array-like, sparse matrix or list of arrays
        Any of

        - (n_samples, n_columns), dense or sparse: taken as it is;
        - one array (n_samples, 2) a label, as forests and ``MultiOutputClassifier`` return: the
          column of class 1. Where a label had one class only in training the array has one column,
          which `classes` has to explain;
        - (n_samples, 2, n_labels), as skorch returns for logits of several labels: ``[:, 1]``.
    classes : list of arrays, default=None
        The classifier's `classes_`, needed for the second format where a label had only one class.

    Returns
    -------
    ndarray of shape (n_samples, n_columns), float64

    Raises
    ------
    ValueError
        If the format is another one, a label has classes other than 0 and 1, or entries leave
        [0, 1].

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_softloss.model_selection import as_proba_matrix
    >>> X, Y = [[0.0], [1.0], [2.0]], [[0, 1, 0], [1, 0, 0], [1, 1, 0]]
    >>> forest = RandomForestClassifier(10, random_state=0).fit(X, Y)
    >>> as_proba_matrix(forest.predict_proba(X), forest.classes_).shape
    (3, 3)
    """
    if sp.issparse(proba):
        proba = proba.toarray()
    elif isinstance(proba, (list, tuple)) and np.ndim(proba[0]) == 2:
        proba = np.column_stack(
            [_positive_column(np.asarray(columns), j, classes) for j, columns in enumerate(proba)]
        )
    found = np.asarray(proba, dtype=np.float64)
    if found.ndim == 3 and found.shape[1] == 2:
        found = found[:, 1]
    if found.ndim != 2:
        raise ValueError(
            "proba must be an array (n_samples, n_columns) or (n_samples, 2, n_labels), a sparse "
            f"matrix or a list with one (n_samples, 2) array a label; its shape is {found.shape}."
        )
    return check_proba(found, found.shape)


def _positive_column(columns: Array, label: int, classes: Any) -> Array:
    """Probability of class 1 of one label, from one column a class that it had in training."""
    if classes is not None:
        known = list(classes[label])
    elif columns.shape[1] == 2:
        known = [0, 1]
    else:
        raise ValueError(
            f"Label {label} has {columns.shape[1]} column(s) of probabilities: pass "
            "classes=estimator.classes_, which says of which classes."
        )
    if not set(known) <= {0, 1}:
        raise ValueError(
            f"Labels must have the classes 0 and 1; label {label} has {known}. Fit on rows of 0 "
            "and 1."
        )
    if 1 not in known:
        return np.zeros(len(columns))
    return np.asarray(columns[:, known.index(1)])


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
    2-D y is only sliced. A 1-D y goes to scikit-learn's function.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba` in any format that `as_proba_matrix` reads.
    X : array-like or sparse matrix of shape (n_samples, ...)
        As the estimator takes it.
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

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.model_selection import cross_val_predict_proba
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> Y = np.array([[0.8, 0.2]] * 4 + [[0.1, 0.9]] * 4)
    >>> clf = SoftTargetMLPClassifier(random_state=0)
    >>> cross_val_predict_proba(clf, X, Y, cv=4).shape
    (8, 2)
    """
    if as_array(y).ndim == 1:
        options = {"groups": groups, "cv": cv, "n_jobs": n_jobs, "params": params}
        found = cross_val_predict(estimator, X, y, method="predict_proba", **options)
        return np.asarray(found)
    X, y, groups = indexable(X, y, groups)
    # `check_cv` is not told of y, in which it would look for classes.
    splits = list(check_cv(cv).split(np.zeros(_num_samples(y)), y, groups))
    order = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(order), np.arange(_num_samples(y))):
        raise ValueError(
            "The test parts of cv must hold every row once; cross_val_predict_proba cannot work "
            "with repeated or partial splits."
        )
    parts = fold_probabilities(estimator, X, y, splits, n_jobs=n_jobs, params=params)
    return np.concatenate(parts)[np.argsort(order)]


def fold_probabilities(
    estimator: Any,
    X: Any,
    y: Any,
    splits: list[tuple[Array, Array]],
    *,
    n_jobs: int | None = None,
    params: dict[str, Any] | None = None,
    known: Array | None = None,
) -> list[Array]:
    """Probabilities of the test part of each split, from a clone fitted to its training part.
    Columns are the `known` classes, also where a training part lacks one, or those of y."""
    fit = delayed(_fit_and_predict)
    return list(
        Parallel(n_jobs=n_jobs)(fit(estimator, X, y, *split, params, known) for split in splits)
    )


def fit_rows(estimator: Any, X: Any, y: Any, rows: Array, params: dict[str, Any] | None) -> Any:
    """A clone fitted to these rows, with what has an entry a sample sliced alike."""
    sliced = _check_method_params(X, params=params or {}, indices=rows)
    return clone(estimator).fit(_safe_indexing(X, rows), _safe_indexing(y, rows), **sliced)


def _fit_and_predict(
    estimator: Any, X: Any, y: Any, train: Array, test: Array, params: Any, known: Array | None
) -> Array:
    fitted = fit_rows(estimator, X, y, train, params)
    return aligned_proba(fitted, _safe_indexing(X, test), known)


def aligned_proba(estimator: Any, X: Any, known: Array | None = None) -> Array:
    """Probabilities with a column for each known class, or as they are for labels."""
    classes = getattr(estimator, "classes_", None)
    proba = as_proba_matrix(estimator.predict_proba(X), classes)
    if known is None or classes is None or np.array_equal(classes, known):
        return proba
    unknown = set(np.asarray(classes).tolist()) - set(known.tolist())
    if unknown:
        raise ValueError(
            f"{type(estimator).__name__} gives probabilities of the classes "
            f"{np.asarray(classes).tolist()}, but the classes here are {known.tolist()}."
        )
    found = np.zeros((len(proba), len(known)))
    found[:, np.searchsorted(known, classes)] = proba
    return found
