"""A y in which some rows have no label: how it is read, and what its two classifiers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from .._checks import is_missing, weight_or_ones
from .._columns.table import check_columns
from .._estimator_base import MostProbableMixin, SoftlossEstimator
from .._targets.domains import first_bad_sum
from .._targets.encoding import Array, Targets, as_array, encode_classes
from .._targets.labels import encode_labels
from .._warn import warn
from ..distributed import refuse_processes

UNLABELLED = -1
"""Marks a row without a label in a 1-D y, beside None and NaN."""

TEXT_MARKS = ("", "-1", "-1.0", "nan")
"""Text that says the same in a file."""


def read_partly_labelled(y: Any, classes: Array | None = None) -> Targets:
    """Rows of class probabilities, those of an earlier fit if it is given, from labels or rows. A
    row without a label, marked by -1, None or NaN or in a 2-D y by NaN throughout, is NaN."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    values = as_array(y)
    if values.dtype.kind in "US" and isinstance(y, (list, tuple)):
        values = np.asarray(y, dtype=object)  # where -1 is still a number
    return _from_labels(values, classes) if values.ndim == 1 else _from_rows(y, classes)


def has_label(y_soft: Array) -> Array:
    return ~np.isnan(y_soft[:, 0])


def _from_labels(y: Array, classes: Array | None) -> Targets:
    unlabelled = _marked(y, classes)
    _check_any_label(unlabelled)
    filled: Any = np.where(unlabelled, y[~unlabelled][:1], y)
    if y.dtype.kind == "O":
        filled = filled.tolist()  # so that numbers are numbers again
    return _hidden(encode_classes(filled, classes=classes), unlabelled)


def _marked(y: Array, classes: Array | None) -> Array:
    """Which labels of a 1-D y are the mark of a row without a label."""
    known = [] if classes is None else classes.tolist()
    if y.dtype.kind in "OUS":
        _refuse_text_marks(y, known)
    missing = np.array([is_missing(cell) for cell in y.tolist()], dtype=bool)
    marked = np.zeros(len(y), dtype=bool)
    if UNLABELLED not in known:
        marked[~missing] = y[~missing] == UNLABELLED
    if classes is None and marked.any() and set(y[~marked].tolist()) == {1}:
        warn(
            "y holds -1 and 1 and nothing else: these are read as two classes, every row "
            "labelled. If -1 stands for 'no label' pass a 2-D y with NaN rows instead."
        )
        return missing
    return marked | missing


def _refuse_text_marks(y: Array, known: list[Any]) -> None:
    for row, cell in enumerate(y.tolist()):
        if isinstance(cell, str) and cell.strip() in TEXT_MARKS and cell not in known:
            raise ValueError(
                f"y holds the text {cell!r} in row {row}, which looks like a mark for 'no label' "
                f"and would be a class. Replace it by None, or by the number {UNLABELLED} in an "
                "array of objects: np.array(labels, dtype=object)."
            )


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
    bad = first_bad_sum(values)
    if bad is not None:
        raise ValueError(
            f"A row of a 2-D y must be a distribution over the classes: row {bad[0]} sums to "
            f"{bad[1]:.6g}. Divide votes by their sums; label sets are not supported: "
            "take one fit a label, with a 1-D y."
        )
    targets = encode_classes(values, classes=classes, declared=partly.label_names)
    return _hidden(targets, unlabelled)


def _check_any_label(unlabelled: Array) -> None:
    if unlabelled.all():
        raise ValueError(
            f"y has no labelled row: all {len(unlabelled)} rows are marked as unlabelled (-1, or "
            "NaN throughout). Label at least one row of each class."
        )


def _hidden(targets: Targets, unlabelled: Array) -> Targets:
    return replace(targets, values=np.where(unlabelled[:, None], np.nan, targets.dense()))


class PartlyLabelledClassifier(MostProbableMixin, SoftlossEstimator, ABC):
    """Base of classifiers whose y may lack labels."""

    label_distributions_: Array
    _cure_of_texts: str  # what to do with a column of X that holds no numbers

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from the rows with a label and from those without.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            All rows, labelled or not; float32 stays float32.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, -1 for none; or rows that sum to 1, NaN throughout for none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y or a parameter is illegal, or no row has a label.
        ImportError
            If a package that a parameter asks for is missing.
        """
        refuse_processes(self)
        targets = read_partly_labelled(y)
        check_consistent_length(X, targets.values)
        self._check(targets.classes)
        if has_label(targets.dense()).all():
            warn(
                "Every row of y has a label, so there is none to learn without: mark rows without "
                f"a label by {UNLABELLED} or None, in a 2-D y by NaN throughout."
            )
        self.__dict__.update(self._fit(self._check_X(X, reset=True), targets))
        self.classes_ = targets.classes
        self.transduction_ = self.classes_[self.label_distributions_.argmax(axis=1)]
        return self

    @abstractmethod
    def _check(self, classes: Array) -> None:
        """Refuse illegal parameters, and classes that cannot be learned."""

    @abstractmethod
    def _fit(self, X: Any, targets: Targets) -> dict[str, Any]:
        """Fitted attributes from checked rows: `label_distributions_` and others."""

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

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected accuracy over the labelled rows: the mean target mass on the predicted class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels (then this is the accuracy) or soft rows. Rows without a label, -1 or NaN, are
            left out; one must have a label.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            In [0, 1].
        """
        best = self.predict_proba(X).argmax(axis=1)
        targets = read_partly_labelled(y, self.classes_)
        check_consistent_length(best, targets.values)
        labelled = has_label(targets.dense())
        mass = targets.dense()[np.arange(len(best)), best]
        weight = weight_or_ones(sample_weight, best.shape, name="sample_weight")
        return float(np.average(mass[labelled], weights=weight[labelled]))

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """X as a dense or CSR matrix of float64 or float32, in the precision it came in."""
        check_columns(X, self._cure_of_texts)
        may_lack = get_tags(self).input_tags.allow_nan and not sp.issparse(X)
        return validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_all_finite="allow-nan" if may_lack else True,
            ensure_min_samples=2 if reset else 1,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
