"""What all calibrators share: the reading of truths and of logits or probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._checks import weight_or_ones
from .._estimator_base import SoftlossEstimator
from .._namespace import namespaces
from .._probability import FLOOR, inside_unit_interval
from .._targets.domains import first_bad_sum
from .._targets.encoding import Array, Rows, check_proba, encode_classes
from .._targets.labels import encode_labels


class Calibrator(SoftlossEstimator, ABC):
    """Base of the maps from a model's logits or probabilities to calibrated probabilities.

    A subclass has the parameter `from_logits`, and `multi_label` where it also serves label sets.
    What the truths say nothing about stays as it is: where all name one class, nothing changes.
    """

    from_logits: bool
    multi_label: bool = False

    def fit(self, y_true: Any, logits_or_proba: Any, sample_weight: Any = None) -> Self:
        """Fit the map to held-out rows, which the model has not been trained on.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_classes)
            Hard labels, whose sorted distinct values are the columns of the probabilities, or soft
            rows that sum to 1. With ``multi_label=True`` an array-like or sparse matrix of shape
            (n_samples, n_labels) with entries 0, 1 or between, NaN or -1 where unknown.
        logits_or_proba : array-like of shape (n_samples, n_classes) or (n_samples, n_labels)
            Probabilities; with ``from_logits=True`` logits, refused if all are probabilities.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; a row of weight 2 counts as two rows, one of weight 0 as none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the shapes differ, truths or probabilities leave their domain, or what is said to be
            logits are rows of probabilities throughout.
        """
        given = self._check_given(logits_or_proba)
        values = self._check_truth(y_true, given)
        weight = weight_or_ones(sample_weight, (len(given),), name="sample_weight")
        may_be_proba = self.from_logits and not self.multi_label and given.min() >= 0
        if may_be_proba and first_bad_sum(given) is None:
            raise ValueError(
                "from_logits=True, but all rows are >= 0 and sum to 1: these are probabilities. "
                "Set from_logits=False, or pass their logarithms."
            )
        if not weight.all():
            rows = np.flatnonzero(weight)
            values, given, weight = values[rows], given[rows], weight[rows]
        self._fit(values, given, weight)
        self.n_columns_ = given.shape[1]
        return self

    def predict_proba(self, logits_or_proba: Any) -> Array:
        """Calibrated probabilities.

        Parameters
        ----------
        logits_or_proba : array-like of shape (n_samples, n_classes) or (n_samples, n_labels)
            Of the kind and with the columns that `fit` has seen.

        Returns
        -------
        ndarray of the same shape, float64
            Entries strictly inside (0, 1). Rows sum to 1, unless ``multi_label=True``.
        """
        check_is_fitted(self)
        given = self._check_given(logits_or_proba)
        if given.shape[1] != self.n_columns_:
            raise ValueError(
                f"The calibrator was fitted on {self.n_columns_} columns; got {given.shape[1]}."
            )
        return inside_unit_interval(self._calibrated(given))

    @abstractmethod
    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        """Fit checked truths (dense rows, or label sets that may be sparse) of weight > 0."""

    @abstractmethod
    def _calibrated(self, given: Any) -> Any:
        """Probabilities from checked logits or probabilities. In a graph that is written these and
        the numbers that `fit` has learned are tensors."""

    def _check_given(self, given: Any) -> Array:
        if self.from_logits:
            checked = np.asarray(check_array(given, dtype=np.float64, input_name="logits"))
        else:
            try:
                checked = check_proba(given, np.shape(given))
            except ValueError as error:
                raise ValueError(
                    f"{error} If these are logits, construct {type(self).__name__} with "
                    "from_logits=True."
                ) from error
        if self.multi_label:
            return checked
        if checked.shape[1] < 2:
            raise ValueError(
                "Classes need one column each, also the first of two; there is 1 column. For "
                "probabilities p of the second class pass np.column_stack([1 - p, p]), for its "
                "log-odds z np.column_stack([np.zeros_like(z), z])."
            )
        bad = None if self.from_logits else first_bad_sum(checked)
        if bad is not None:
            raise ValueError(
                f"Rows of y_proba must sum to 1; row {bad[0]} sums to {bad[1]:.6g}. For "
                "independent labels construct the calibrator with multi_label=True, for logits "
                "with from_logits=True."
            )
        return checked

    def _check_truth(self, y_true: Any, given: Array) -> Rows:
        if self.multi_label:
            values = encode_labels(y_true).values
        else:
            values = encode_classes(y_true).dense()
        check_consistent_length(values, given)
        if values.shape != given.shape:
            raise ValueError(
                f"y_true must have the columns of the probabilities, {given.shape[1]}; it has "
                f"{values.shape[1]}. Hard labels that lack a class must come as one-hot rows."
            )
        return values

    def _as_proba(self, given: Any) -> Any:
        if not self.from_logits:
            return given
        _, special = namespaces(given)
        return special.expit(given) if self.multi_label else special.softmax(given, axis=1)

    def _as_scores(self, given: Any) -> Any:
        """Logits of the softmax: those given, or log-probabilities."""
        return given if self.from_logits else _log(given)

    def _as_log_odds(self, given: Any) -> Any:
        """Log-odds of each label, or of each class against the rest."""
        if not self.multi_label:
            return _one_against_rest(self._as_scores(given))
        return given if self.from_logits else _log(given) - _log(1 - given)


def _log(proba: Any) -> Any:
    xp, _ = namespaces(proba)
    return xp.log(proba + FLOOR)


def _one_against_rest(scores: Any) -> Any:
    xp, special = namespaces(scores)
    log_proba = special.log_softmax(scores, axis=1)
    is_top = xp.arange(scores.shape[1]) == log_proba.argmax(axis=1)[:, None]
    others = xp.where(is_top, -xp.inf, log_proba)
    # The rest of the top class comes from the others, since 1 - p would round to 0.
    rest_of_top = special.logsumexp(others, axis=1, keepdims=True)
    return log_proba - xp.where(is_top, rest_of_top, xp.log1p(-xp.exp(others)))
