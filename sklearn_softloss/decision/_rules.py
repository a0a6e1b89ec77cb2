"""Decision rules for labels: fitted to probabilities (n_samples, n_labels), they answer 0 or 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..targets import Array, check_proba
from ._objectives import Objective, cost_tables
from ._sweep import sweep
from ._thresholds import check_decision_data, optimal_thresholds


class DecisionRule(BaseEstimator):
    """Base: `fit(y_true, y_proba)` learns from held-out rows, `decide(y_proba)` answers."""

    decides = "labels"
    """"labels" or "classes"."""

    def _check_proba(self, y_proba: Any) -> Array:
        check_is_fitted(self)
        return check_proba(y_proba, (np.shape(y_proba)[0], self.n_columns_))


class CutOffs(DecisionRule):
    """Base of the rules whose `fit` finds one cut-off a label, `thresholds_`."""

    thresholds_: Array

    def decide(self, y_proba: Any) -> Array:
        """1 where a probability reaches its cut-off.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_labels)
            Predicted probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), int64
            0 and 1.

        Raises
        ------
        ValueError
            If `y_proba` is illegal or has other columns than in `fit`.
        """
        return (self._check_proba(y_proba) >= self.thresholds_).astype(np.int64)


class Thresholds(CutOffs):
    """One cut-off a label, from `optimal_thresholds`.

    Parameters
    ----------
    objective : str or callable, default="f1"
        What is maximised. This and all others as in `optimal_thresholds`, which says more.
    average : {"macro", "weighted", "micro", "samples", None}, default="macro"
        Over labels.
    beta : float, default=1.0
        Weight of recall against precision in "f1".
    costs : array-like, default=None
        (false positive, false negative), or tables indexed by [truth, decision].
    floor : float, default=None
        The least recall or precision, in [0, 1].
    pooled : bool, default=False
        One cut-off for all labels.
    min_positives : float, default=0.0
        Labels with fewer positives take the pooled cut-off.
    shrinkage : float, default=0.0
        Positives that the pooled cut-off counts for in a mean with the label's own.
    min_threshold : float, default=0.0
        Least cut-off.
    fallback_below : float, default=0.0
        Labels whose best value is less than this predict only what reaches the highest score seen.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_labels,)
    value_ : float
        The objective reached on the rows of `fit`.

    Examples
    --------
    >>> from sklearn_softloss.decision import Thresholds
    >>> rule = Thresholds().fit([[0], [0], [1]], [[0.1], [0.2], [0.3]])
    >>> rule.thresholds_
    array([0.25])
    >>> rule.decide([[0.24], [0.26]]).ravel()
    array([0, 1])
    """

    def __init__(
        self,
        objective: Any = "f1",
        *,
        average: str | None = "macro",
        beta: float = 1.0,
        costs: Any = None,
        floor: float | None = None,
        pooled: bool = False,
        min_positives: float = 0.0,
        shrinkage: float = 0.0,
        min_threshold: float = 0.0,
        fallback_below: float = 0.0,
    ) -> None:
        self.objective = objective
        self.average = average
        self.beta = beta
        self.costs = costs
        self.floor = floor
        self.pooled = pooled
        self.min_positives = min_positives
        self.shrinkage = shrinkage
        self.min_threshold = min_threshold
        self.fallback_below = fallback_below

    def fit(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> Thresholds:
        """Choose the cut-offs on these rows.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_labels)
            Label sets that the classifier was not fitted to: 0, 1 or between, NaN or -1 if unknown.
        y_proba : array-like of shape (n_samples, n_labels)
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
        self.thresholds_, self.value_ = optimal_thresholds(
            y_true, y_proba, sample_weight=sample_weight, **self.get_params()
        )
        self.n_columns_ = len(self.thresholds_)
        return self


class TopK(DecisionRule):
    """The k most probable labels of each row.

    Parameters
    ----------
    k : int or "count", default=1
        How many; "count" takes a number a row: the `counts` given to `decide`, or else the sum of
        the row's probabilities, rounded.

    Examples
    --------
    >>> from sklearn_softloss.decision import TopK
    >>> TopK("count").fit([[1, 1, 0]], [[0.9, 0.4, 0.3]]).decide([[0.9, 0.4, 0.3]])
    array([[1, 1, 0]])
    """

    def __init__(self, k: int | str = 1) -> None:
        self.k = k

    def fit(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> TopK:
        """Check k; nothing is learned.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_labels)
            Label sets that the classifier was not fitted to: 0, 1 or between, NaN or -1 if unknown.
        y_proba : array-like of shape (n_samples, n_labels)
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
        _, proba, _ = check_decision_data(y_true, y_proba, sample_weight)
        if self.k != "count" and not (
            isinstance(self.k, (int, np.integer)) and 0 <= self.k <= proba.shape[1]
        ):
            raise ValueError(
                f"k must be 'count' or a number from 0 to {proba.shape[1]}, the number of labels; "
                f"got {self.k!r}."
            )
        self.n_columns_ = proba.shape[1]
        return self

    def decide(self, y_proba: Any, counts: Any = None) -> Array:
        """1 for the labels taken; of equals the first.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_labels)
            Predicted probabilities.
        counts : array-like of shape (n_samples,), default=None
            How many labels each row gets, if `k` is "count".

        Returns
        -------
        ndarray of shape (n_samples, n_labels), int64
            0 and 1.

        Raises
        ------
        ValueError
            If `y_proba` is illegal or has other columns than in `fit`, or `counts` do not fit.
        """
        proba = self._check_proba(y_proba)
        if self.k != "count":
            if counts is not None:
                raise ValueError(f"counts go with k='count'; k is {self.k!r}.")
            numbers = np.full(len(proba), self.k)
        else:
            numbers = np.rint(proba.sum(axis=1) if counts is None else np.asarray(counts))
            if numbers.shape != (len(proba),):
                raise ValueError(
                    f"counts must have shape ({len(proba)},), one a row; got {numbers.shape}."
                )
        return top(proba, numbers)


def top(proba: Array, numbers: Array) -> Array:
    """1 for the `numbers` largest entries of each row, int64."""
    rank = np.argsort(np.argsort(-proba, axis=1, kind="stable"), axis=1, kind="stable")
    return (rank < np.asarray(numbers)[:, None]).astype(np.int64)


class PrevalenceMatched(CutOffs):
    """Cut-offs at which each label is predicted as often as it is true.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_labels,)
        At which the weight predicted on the rows of `fit` comes nearest to the positives' weight.

    References
    ----------
    Yang, "A study on thresholding strategies for text categorization", SIGIR 2001,
    doi:10.1145/383952.383975 (PCut).

    Examples
    --------
    >>> from sklearn_softloss.decision import PrevalenceMatched
    >>> rule = PrevalenceMatched().fit([[1], [0], [0]], [[0.2], [0.3], [0.1]])
    >>> rule.thresholds_
    array([0.25])
    """

    def fit(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> PrevalenceMatched:
        """Choose the cut-offs on these rows.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_labels)
            Label sets that the classifier was not fitted to: 0, 1 or between, NaN or -1 if unknown.
        y_proba : array-like of shape (n_samples, n_labels)
            Predicted probabilities.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the shapes differ, or a truth, a probability or a weight is illegal.
        """
        truth, proba, weight = check_decision_data(y_true, y_proba, sample_weight)
        found = []
        for label_truth, scores in zip(truth.T, proba.T, strict=True):
            cuts = sweep(label_truth, scores, weight, only_positives=False)
            missed = np.abs(cuts.counts.predicted - cuts.counts.positives)
            found.append(cuts.cut(int(np.argmin(missed))))
        self.thresholds_ = np.array(found)
        self.n_columns_ = len(found)
        return self


class CostSensitive(CutOffs):
    """The decision of least expected cost, from calibrated probabilities.

    Parameters
    ----------
    costs : array-like of shape (2,), (n_labels, 2) or (n_labels, 2, 2)
        (false positive, false negative), or tables indexed by [truth, decision]. A label is
        predicted from c_fp / (c_fp + c_fn) on.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_labels,)

    See Also
    --------
    CostMatrix : The same for exclusive classes.

    References
    ----------
    Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.

    Examples
    --------
    >>> from sklearn_softloss.decision import CostSensitive
    >>> CostSensitive((1, 3)).fit([[0], [1]], [[0.2], [0.3]]).thresholds_
    array([0.25])
    """

    def __init__(self, costs: Any = (1.0, 1.0)) -> None:
        self.costs = costs

    def fit(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> CostSensitive:
        """Work out the cut-offs; the rows say how many labels there are.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_labels)
            Label sets that the classifier was not fitted to: 0, 1 or between, NaN or -1 if unknown.
        y_proba : array-like of shape (n_samples, n_labels)
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
        truth, _, _ = check_decision_data(y_true, y_proba, sample_weight)
        self.n_columns_ = truth.shape[1]
        Objective("expected_cost", costs=self.costs).check_labels(self.n_columns_)
        tables = cost_tables(self.costs)
        of_negative = tables[:, 0, 1] - tables[:, 0, 0]
        of_positive = tables[:, 1, 0] - tables[:, 1, 1]
        cuts = of_negative / (of_negative + of_positive)
        self.thresholds_ = np.broadcast_to(cuts, self.n_columns_).copy()
        return self
