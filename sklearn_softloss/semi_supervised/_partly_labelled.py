"""A y in which some rows have no label: how it is read, and what its two classifiers share."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from .._checks import check_weight
from .._targets.encoding import (
    Array,
    Targets,
    as_array,
    encode_classes,
    encode_labels,
    in_order,
)

UNLABELLED = -1
"""Marks a row without a label in a 1-D y."""


def read_partly_labelled(y: Any, classes: Array | None = None) -> Targets:
    """Rows of class probabilities, NaN throughout where a row has no label.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels with -1 for "no label", or rows that sum to 1 with NaN rows for "no label".
    classes : ndarray of shape (n_classes,), default=None
        Classes of an earlier fit: y must fit them.

    Returns
    -------
    Targets
        Values of shape (n_samples, n_classes), float64.

    Raises
    ------
    ValueError
        If no row has a label, a row is partly NaN, or a labelled row is illegal.
    """
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    values = as_array(y)
    if values.ndim == 1:
        return _from_labels(values, classes)
    return _from_rows(values.toarray() if sp.issparse(values) else y, classes)


def labelled_rows(targets: Targets) -> Array:
    """A mask of shape (n_samples,)."""
    return ~np.isnan(targets.dense()[:, 0])


def _from_labels(y: Array, classes: Array | None) -> Targets:
    unlabelled = _marked(y, classes)
    _check_any_label(unlabelled)
    if unlabelled.any():
        y = np.where(unlabelled, y[~unlabelled][0], y)
    return _hidden(encode_classes(y, classes=classes), unlabelled)


def _marked(y: Array, classes: Array | None) -> Array:
    """Which labels of a 1-D y are the mark of a row without a label."""
    if y.dtype.kind in "US":
        text = np.flatnonzero(y == np.array(str(UNLABELLED)).astype(y.dtype))
        if text.size and (classes is None or str(UNLABELLED) not in classes.tolist()):
            raise ValueError(
                f"y holds the text '{UNLABELLED}' in row {text[0]}: NumPy has turned labels and "
                f"the number {UNLABELLED} for 'no label' into text. Pass "
                "np.array(labels, dtype=object), or a 2-D y with NaN rows."
            )
        return np.zeros(len(y), dtype=bool)
    marked = np.asarray(y == UNLABELLED)
    if classes is not None:
        return np.asarray(marked & (UNLABELLED not in classes.tolist()))
    if marked.any() and set(y[~marked].tolist()) == {1}:
        warnings.warn(
            "y holds -1 and 1 and nothing else: these are read as two classes, every row "
            "labelled. If -1 stands for 'no label' pass a 2-D y with NaN rows instead.",
            stacklevel=5,
        )
        return np.zeros(len(y), dtype=bool)
    return marked


def _from_rows(y: Any, classes: Array | None) -> Targets:
    partly = encode_labels(y)
    values = partly.dense().astype(np.float64)
    unknown = np.isnan(values)
    unlabelled = np.asarray(unknown.all(axis=1))
    mixed = unknown.any(axis=1) & ~unlabelled
    if mixed.any():
        raise ValueError(
            "A row of a 2-D y must be a distribution over the classes, or NaN throughout where "
            f"the row has no label; row {int(np.argmax(mixed))} is NaN in some columns only."
        )
    _check_any_label(unlabelled)
    values[unlabelled] = 1 / values.shape[1]
    columns = partly.label_names
    if columns is not None:
        classes = np.unique(columns) if classes is None else classes
        values = in_order(values, columns, classes)
    return _hidden(encode_classes(values, classes=classes), unlabelled)


def _check_any_label(unlabelled: Array) -> None:
    if unlabelled.all():
        raise ValueError(
            f"y has no labelled row: all {len(unlabelled)} rows are marked as unlabelled (-1, or "
            "NaN throughout). Label at least one row of each class."
        )


def _hidden(targets: Targets, unlabelled: Array) -> Targets:
    return replace(targets, values=np.where(unlabelled[:, None], np.nan, targets.dense()))


class PartlyLabelledClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Base of classifiers whose y may lack labels."""

    classes_: Array

    @abstractmethod
    def _proba(self, X: Any) -> Array:
        """Probabilities of the classes for checked rows."""

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1; columns follow `classes_`.
        """
        check_is_fitted(self)
        return np.asarray(self._proba(self._check_X(X, reset=False)))

    def predict(self, X: Any) -> Array:
        """The most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected accuracy over the labelled rows: the mean target mass on the predicted class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels (then this is the accuracy) or soft rows. Rows without a label, -1 or NaN, are
            left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        ValueError
            If no row has a label, or y does not fit the classes.
        """
        best = self.predict_proba(X).argmax(axis=1)
        targets = read_partly_labelled(y, self.classes_)
        check_consistent_length(best, targets.values)
        labelled = labelled_rows(targets)
        mass = targets.dense()[np.arange(len(best)), best]
        weight = check_weight(sample_weight, best.shape, name="sample_weight")
        if weight is not None:
            weight = weight[labelled]
        return float(np.average(mass[labelled], weights=weight))

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """X as a dense or CSR matrix of float64 or float32, in the precision it came in."""
        return validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_min_samples=2 if reset else 1,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
