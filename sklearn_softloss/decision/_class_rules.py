"""Decision rules for exclusive classes: they answer with the number of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA
from .._targets.encoding import Array
from ..metrics.confusion import Counts
from ._base import DecisionRule
from ._objectives import Objective


class CostMatrix(DecisionRule):
    """Of exclusive classes, the one of least expected cost.

    Parameters
    ----------
    costs : array-like of shape (n_classes, n_classes)
        What it costs to decide for the column's class where the row's class is true.

    Examples
    --------
    >>> from sklearn_softloss.decision import CostMatrix
    >>> rule = CostMatrix([[0, 1], [5, 0]]).fit([[1, 0], [0, 1]], [[0.8, 0.2], [0.6, 0.4]])
    >>> rule.decide([[0.8, 0.2], [0.9, 0.1]])
    array([1, 0])
    """

    decides = "classes"

    def __init__(self, costs: Any) -> None:
        self.costs = costs

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        self.costs_ = np.asarray(self.costs, dtype=np.float64)
        wanted = (truth.shape[1], truth.shape[1])
        if self.costs_.shape != wanted or not np.isfinite(self.costs_).all():
            raise ValueError(
                f"costs must be a finite matrix of shape {wanted}, [truth, decision]; got "
                f"{self.costs!r}."
            )

    def _decide(self, proba: Any) -> Any:
        return (proba @ self.costs_).argmin(axis=1)


class ClassThresholds(DecisionRule):
    """Of exclusive classes, the one whose probability is largest in units of its threshold.

    Plain argmax has equal thresholds. They are tuned class by class, the others held fixed, as long
    as the objective rises: on the rows of `fit` the rule is never worse than argmax, and ends in a
    local maximum. A class without mass in `fit` is left as it is.

    Parameters
    ----------
    objective : str or callable, default="f1"
        As in `optimal_thresholds`, without floors; for costs see `CostMatrix`.
    average : {"macro", "weighted"}, default="macro"
        Over classes, each against the others.
    beta : float, default=1.0
        Weight of recall against precision in F-beta.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_classes,)
        Positive, sum 1: class k is preferred to j where p_k / t_k > p_j / t_j.
    value_ : float
        The objective reached on the rows of `fit`.

    Examples
    --------
    >>> from sklearn_softloss.decision import ClassThresholds
    >>> proba = [[0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]
    >>> rule = ClassThresholds().fit([[1, 0], [0, 1], [0, 1]], proba)
    >>> rule.decide(proba)
    array([0, 1, 1])
    """

    decides = "classes"
    max_rounds = 20

    def __init__(self, objective: Any = "f1", *, average: str = "macro", beta: float = 1.0) -> None:
        self.objective = objective
        self.average = average
        self.beta = beta

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        goal, _ = self._scored_by()
        mass = truth * (np.ones(len(truth)) if weight is None else weight)[:, None]
        present = np.flatnonzero(mass.any(axis=0)).tolist()
        log_proba = np.full(proba.shape, -np.inf)
        log_proba[:, present] = np.log(np.maximum(proba[:, present], SMALLEST_PROBA))
        offsets = np.zeros(truth.shape[1])
        value = float(self._value(goal, _counts(mass, log_proba.argmax(axis=1))))
        for _ in range(self.max_rounds):
            start = value
            for column in present if len(present) > 1 else ():
                offset, reached = self._best_offset(goal, mass, log_proba + offsets, column)
                if reached > value + 1e-12:
                    offsets[column] += offset
                    value = reached
            if value == start:
                break
        self.value_ = value
        offsets -= offsets.min()  # no exponential overflows
        self.thresholds_ = np.exp(-offsets) / np.exp(-offsets).sum()

    def _decide(self, proba: Any) -> Any:
        return (proba / self.thresholds_).argmax(axis=1)

    def _scored_by(self, objective: Any = None, average: Any = None) -> tuple[Objective, Any]:
        check_one_of("average", self.average, ("macro", "weighted"))
        return Objective(self.objective, self.beta), self.average

    def _value(self, goal: Objective, counts: Counts) -> Array:
        """The averaged objective of counts whose last axis are the classes."""
        weights = None if self.average == "macro" else counts.positives
        return np.asarray(np.average(goal.value(counts), axis=-1, weights=weights))

    def _best_offset(
        self, goal: Objective, mass: Array, scores: Array, column: int
    ) -> tuple[float, float]:
        """What to add to one column of log-scores, and the objective that this reaches."""
        others = scores.copy()
        others[:, column] = -np.inf
        rival = others.argmax(axis=1)
        needed = others.max(axis=1) - scores[:, column]
        order = np.argsort(needed, kind="stable")
        ends = np.flatnonzero(np.append(needed[order][1:] > needed[order][:-1], True))
        before = _counts(mass, rival)
        rows = np.arange(len(scores))
        row_mass = mass.sum(axis=1)
        tp, predicted = np.zeros((2, *scores.shape))
        tp[rows, rival], predicted[rows, rival] = -mass[rows, rival], -row_mass
        tp[:, column] += mass[:, column]
        predicted[:, column] += row_mass
        tp, predicted = (
            np.vstack([start, start + change[order].cumsum(axis=0)[ends]])
            for start, change in ((before.tp, tp), (before.predicted, predicted))
        )
        values = self._value(goal, Counts(tp, predicted, before.positives, before.total))
        best = int(np.argmax(values))
        steps = needed[order][ends]
        low = steps[best - 1] if best else steps[0] - 2.0
        high = steps[best] if best < len(steps) else steps[-1] + 2.0
        return float((low + high) / 2), float(values[best])


def _counts(mass: Array, chosen: Array) -> Counts:
    """Counts of each class against the others, (n_classes,)."""
    one_hot = chosen[:, None] == np.arange(mass.shape[1])
    predicted = (one_hot * mass.sum(axis=1, keepdims=True)).sum(axis=0)
    return Counts((one_hot * mass).sum(axis=0), predicted, mass.sum(axis=0), mass.sum())
