"""Decision rules for labels: fitted to probabilities (n_samples, n_labels), they answer 0 or 1."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from .._namespace import namespaces
from .._targets.encoding import Array
from ..metrics.confusion import counts_at
from ._base import DecisionRule
from ._objectives import Objective, cost_tables, error_prices
from ._set_sizes import check_set_sizes, resized, top
from ._sweep import sweep
from ._thresholds import check_average, decision_value, search_thresholds

MAX_ROUNDS = 20


class CutOffs(DecisionRule):
    """Base of the rules that predict a label where it reaches its cut-off.

    Sets of fewer labels than `min_labels` or more than `max_labels` are then brought to size.
    """

    thresholds_: Array
    min_labels: int
    max_labels: int | None

    def _decide(self, proba: Any) -> Any:
        return self._resized(proba >= self.thresholds_, proba)

    def _resized(self, decided: Any, proba: Any) -> Any:
        if self.min_labels == 0 and self.max_labels is None:
            return decided
        return resized(decided, self._preference(proba), self.min_labels, self.max_labels)

    def _preference(self, proba: Any) -> Any:
        """What orders the labels of a row."""
        return proba


class TunedCutOffs(CutOffs):
    """Base of those whose cut-offs are found by `_find` and whose sets are judged by `_judge`."""

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        """Find the cut-offs whose sets are best after they were brought to size.

        An entry that is added whatever its probability counts as certain while its label's cut-off
        is sought, one that is removed as impossible. Ends in a local maximum.
        """
        check_set_sizes(self.min_labels, self.max_labels, truth.shape[1])
        self.thresholds_ = self._find(truth, proba, weight)
        decided = proba >= self.thresholds_
        answer = self._resized(decided, proba)
        if np.array_equal(answer, decided):
            return
        value = self._judge(truth, answer, weight)
        for _ in range(MAX_ROUNDS):
            seen = np.where(answer & ~decided, 1.0, np.where(decided & ~answer, 0.0, proba))
            candidate = self._find(truth, seen, weight)
            decided = proba >= candidate
            answer = self._resized(decided, proba)
            reached = self._judge(truth, answer, weight)
            if reached <= value:
                break
            self.thresholds_, value = candidate, reached

    @abstractmethod
    def _find(self, truth: Array, proba: Array, weight: Array | None) -> Array:
        """A cut-off for each label, for sets of any size."""

    @abstractmethod
    def _judge(self, truth: Array, answer: Array, weight: Array | None) -> float:
        """What label sets are worth; more is better."""


class Thresholds(TunedCutOffs):
    """One cut-off a label, from `optimal_thresholds`.

    Parameters
    ----------
    objective : str or callable, default="f1"
        What is maximised, as in `optimal_thresholds`.
    average : {"macro", "weighted", "micro", "samples", None}, default="macro"
        Over labels.
    beta, costs, floor, pooled : float, array-like, float, bool
        As in `optimal_thresholds`.
    min_positives, shrinkage, min_threshold, fallback_below : float, default=0.0
        As in `optimal_thresholds`.
    min_labels, max_labels : int, default=0 and None
        Least and greatest number of labels a row: a smaller set gets the most probable of the other
        labels, of a larger one the most probable remain. The cut-offs are then found by ascent for
        sets of that size: never worse than those of `optimal_thresholds`, but no longer exact.

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
    >>> rule = Thresholds(min_labels=1).fit([[1, 0], [0, 1]], [[0.3, 0.1], [0.1, 0.4]])
    >>> rule.decide([[0.1, 0.2]])
    array([[0, 1]])
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
        min_labels: int = 0,
        max_labels: int | None = None,
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
        self.min_labels = min_labels
        self.max_labels = max_labels

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        super()._fit(truth, proba, weight)
        goal, average = self._scored_by()
        self.value_ = decision_value(goal, average, truth, self._decide(proba), weight)

    def _find(self, truth: Array, proba: Array, weight: Array | None) -> Array:
        goal, average = self._scored_by()
        guards = self.min_positives, self.shrinkage, self.min_threshold, self.fallback_below
        return search_thresholds(goal, average, truth, proba, weight, self.pooled, guards)[0]

    def _judge(self, truth: Array, answer: Array, weight: Array | None) -> float:
        goal, average = self._scored_by()
        value = float(np.mean(decision_value(goal, average, truth, answer, weight)))
        return -value if goal.minimised else value

    def _scored_by(self, objective: Any = None, average: Any = None) -> tuple[Objective, Any]:
        goal = Objective(self.objective, self.beta, self.costs, self.floor)
        check_average(goal, self.average, self.pooled)
        return goal, self.average


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

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        if self.k != "count" and not (
            isinstance(self.k, (int, np.integer)) and 0 <= self.k <= proba.shape[1]
        ):
            raise ValueError(
                f"k must be 'count' or a number from 0 to {proba.shape[1]}, the number of labels; "
                f"got {self.k!r}."
            )

    def _decide(self, proba: Any) -> Any:
        numbers = proba.sum(axis=1, keepdims=True).round() if self.k == "count" else self.k
        return top(proba, numbers)

    def decide(self, y_proba: Any, counts: Any = None) -> Array:
        """1 for the labels taken; of equals the first.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_labels)
            Predicted probabilities.
        counts : array-like of shape (n_samples,), default=None
            How many labels each row gets, where `k` is "count".

        Returns
        -------
        ndarray of shape (n_samples, n_labels), int64
            0 and 1.
        """
        if counts is None:
            return super().decide(y_proba)
        proba = self._check_proba(y_proba)
        if self.k != "count":
            raise ValueError(f"counts go with k='count'; k is {self.k!r}.")
        numbers = np.rint(np.asarray(counts))
        if numbers.shape != (len(proba),):
            raise ValueError(
                f"counts must have shape ({len(proba)},), one a row; got {numbers.shape}."
            )
        return top(proba, numbers[:, None]).astype(np.int64)


class PrevalenceMatched(TunedCutOffs):
    """Cut-offs at which each label is predicted as often as it is true.

    Parameters
    ----------
    min_labels, max_labels : int, default=0 and None
        As in `Thresholds`.

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

    def __init__(self, *, min_labels: int = 0, max_labels: int | None = None) -> None:
        self.min_labels = min_labels
        self.max_labels = max_labels

    def _find(self, truth: Array, proba: Array, weight: Array | None) -> Array:
        found = []
        for label_truth, scores in zip(truth.T, proba.T, strict=True):
            cuts = sweep(label_truth, scores, weight, only_positives=False)
            missed = np.abs(cuts.counts.predicted - cuts.counts.positives)
            found.append(cuts.cut(int(np.argmin(missed))))
        return np.array(found)

    def _judge(self, truth: Array, answer: Array, weight: Array | None) -> float:
        counts = counts_at(truth, answer, weight)
        return -float(np.abs(counts.predicted - counts.positives).sum())


class CostSensitive(CutOffs):
    """The decision of least expected cost, from calibrated probabilities.

    Parameters
    ----------
    costs : array-like of shape (2,), (n_labels, 2) or (n_labels, 2, 2)
        (false positive, false negative), or tables indexed by [truth, decision]. A label is
        predicted from c_fp / (c_fp + c_fn) on.
    min_labels, max_labels : int, default=0 and None
        As in `Thresholds`, by the least expected cost in place of the probability.

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

    def __init__(
        self, costs: Any = (1.0, 1.0), *, min_labels: int = 0, max_labels: int | None = None
    ) -> None:
        self.costs = costs
        self.min_labels = min_labels
        self.max_labels = max_labels

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        n_labels = truth.shape[1]
        check_set_sizes(self.min_labels, self.max_labels, n_labels)
        Objective("expected_cost", costs=self.costs).check_labels(n_labels)
        of_negative, of_positive = error_prices(cost_tables(self.costs))
        cuts = of_negative / (of_positive + of_negative)
        self.thresholds_ = np.broadcast_to(cuts, n_labels).copy()

    def _preference(self, proba: Any) -> Any:
        xp, _ = namespaces(proba)
        of_negative, of_positive = map(xp.asarray, error_prices(cost_tables(self.costs)))
        return (of_positive + of_negative) * proba - of_negative
