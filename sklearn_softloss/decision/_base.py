"""What all decision rules share: the reading of truths, probabilities and weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from .._checks import check_weight
from .._estimator_base import SoftlossEstimator
from .._targets.encoding import Array, check_proba, encode_classes, even_array
from .._targets.labels import encode_labels
from ._objectives import Objective


class DecisionRule(SoftlossEstimator, ABC):
    """Base of the decision rules: `fit` learns from held-out rows, `decide` answers.

    A rule writes `_fit` and `_decide`, which get what is checked already, and sets `decides` to
    "classes" if its columns are exclusive classes. If it maximises something, `_scored_by` says so.

    Attributes
    ----------
    n_columns_ : int
        Number of labels or classes in `fit`.
    """

    decides = "labels"
    """"labels" (answers 0 and 1) or "classes" (answers with the number of a column)."""

    def fit(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> Self:
        """Learn from rows that the classifier was not fitted to.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_columns)
            For a rule that decides labels, label sets: 0, 1 or between, NaN or -1 if unknown. For
            one that decides classes, rows of class mass; hard labels as one-hot rows.
        y_proba : array-like of shape (n_samples, n_columns)
            Predicted probabilities.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the shapes differ, or a truth, a probability, a weight or a parameter is illegal.
        """
        truth = label_matrix(y_true) if self.decides == "labels" else encode_classes(y_true).dense()
        self._fit_encoded(truth, y_proba, sample_weight)
        self._warn_of_fit()
        return self

    def _fit_encoded(self, truth: Array, y_proba: Any, sample_weight: Any) -> Self:
        """`fit` to a truth that is encoded already."""
        proba, weight = check_decision_data(truth, y_proba, sample_weight)
        self._fit(truth, proba, weight)
        self.n_columns_ = truth.shape[1]
        return self

    def decide(self, y_proba: Any) -> Array:
        """Decide on rows of probabilities.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_columns)
            Predicted probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,), int64
            0 and 1 for each label; for classes numbers of columns.
        """
        proba = self._check_proba(y_proba)
        answer = np.asarray(self._decide(proba))
        wanted = proba.shape if self.decides == "labels" else proba.shape[:1]
        if answer.shape != wanted:
            raise ValueError(
                f"A rule that decides {self.decides} must answer with shape {wanted}; "
                f"{type(self).__name__}._decide answers with {answer.shape}."
            )
        return answer.astype(np.int64)

    @abstractmethod
    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        """Learn from float64 arrays (n_samples, n_columns); unknown labels are NaN."""

    @abstractmethod
    def _decide(self, proba: Any) -> Any:
        """Answers for probabilities with the columns of `_fit`; labels may be boolean."""

    def _warn_of_fit(self) -> None:
        """Warn where the rows of the last fit were too few; not in `_fit`, which folds call too."""

    def _scored_by(self, objective: Any = "f1", average: Any = "macro") -> tuple[Objective, Any]:
        """Objective and average that a tuner reports: its own, given here, or those of the rule."""
        return Objective(objective), average

    def _check_proba(self, y_proba: Any) -> Array:
        check_is_fitted(self)
        return check_proba(y_proba, (np.shape(y_proba)[0], self.n_columns_))


def label_matrix(y_true: Any) -> Array:
    """Truth (n_samples, n_labels), where one column, unlike in `fit`, is a label like any other."""
    given: Any = y_true if sp.issparse(y_true) else even_array(y_true)
    if given.ndim == 1:
        given = given[:, None]
    if given.ndim == 2 and given.shape[1] == 1:
        column = given.toarray() if sp.issparse(given) else given
        return encode_labels(np.repeat(column, 2, axis=1)).dense()[:, :1]
    return encode_labels(y_true).dense()


def check_decision_data(
    truth: Array, y_proba: Any, sample_weight: Any
) -> tuple[Array, Array | None]:
    """Probabilities of the shape of the truth, and the weights of its rows."""
    if np.ndim(y_proba) == 1:
        y_proba = np.asarray(y_proba)[:, None]
    proba = check_proba(y_proba, truth.shape)
    return proba, check_weight(sample_weight, truth.shape[:1], name="sample_weight")
