"""All cuts of one label at once: one sort and cumulative sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from .._targets.encoding import Array
from ..metrics.confusion import Counts


@dataclass
class Sweep:
    """Counts at every cut that matters, from "predict nothing" downwards.

    Cut-offs lie in [0, 1], so what has the score 1 is always predicted. `scores`, descending, are
    the lowest that each cut but the first predicts; `ordered` are all known scores, ascending.
    """

    scores: Array
    counts: Counts
    ordered: Array

    def cut(self, index: int) -> float:
        """Cut-off for ``score >= cut``: half way to the next score that is not predicted."""
        if index == 0:
            top = self.ordered[-1] if len(self.ordered) else 0.0
            return between(top, 1.0) if top < 1 else 1.0
        score = self.scores[index - 1]
        place = np.searchsorted(self.ordered, score, side="left")
        below = self.ordered[place - 1] if place else 0.0
        return between(below, score)

    def hull(self) -> Sweep:
        """The cuts that maximise some ``a * tp - b * predicted``, a and b >= 0.

        They are the ends of the blocks of a falling isotonic regression of the truth.
        """
        counts = self.counts
        tp, predicted = np.diff(counts.tp), np.diff(counts.predicted)
        counted = predicted > 0
        corners = np.append(0, np.flatnonzero(counted) + 1)
        if len(corners) > 1:
            rates = tp[counted] / predicted[counted]
            fitted = isotonic_regression(rates, weights=predicted[counted], increasing=False)
            corners = corners[fitted.blocks]
        at = Counts(counts.tp[corners], counts.predicted[corners], counts.positives, counts.total)
        return Sweep(self.scores[corners[1:] - 1], at, self.ordered)


def between(below: float, score: float) -> float:
    """Half way between two scores, and above the lower one, to which the middle may round."""
    middle = (below + score) / 2
    return float(middle if middle > below else score)


def sweep(truth: Array, scores: Array, weight: Array | None, only_positives: bool) -> Sweep:
    """Counts of one label at all cuts between distinct scores; its truth is NaN where unknown.

    With `only_positives`, cuts just below positives are enough: 0/1 truth needs no argsort then.
    """
    known = ~np.isnan(truth) if weight is None else ~np.isnan(truth) & (weight > 0)
    if not known.all():
        truth, scores = truth[known], scores[known]
        weight = None if weight is None else weight[known]
    if only_positives and weight is None:
        positive = truth == 1
        if np.count_nonzero(positive) == truth.sum():  # the others are 0
            return _cuts_at_positives(scores, scores[positive])
    order = np.argsort(scores)[::-1]
    descending = scores[order]
    ends = np.flatnonzero(descending[1:] < descending[:-1])
    ends = np.append(ends, len(scores) - 1)[: len(scores)]
    mass = np.ones(len(truth)) if weight is None else weight[order]
    tp, predicted = (truth[order] * mass).cumsum(), mass.cumsum()
    certain = np.count_nonzero(scores >= 1)
    first = (tp[certain - 1], predicted[certain - 1]) if certain else (0.0, 0.0)
    return _sweep(descending[ends], tp[ends], predicted[ends], descending[::-1], first)


def _cuts_at_positives(scores: Array, scores_of_positives: Array) -> Sweep:
    ordered = np.sort(scores)
    values, repeats = np.unique(scores_of_positives, return_counts=True)
    predicted = len(ordered) - np.searchsorted(ordered, values, side="left")
    first = float((scores_of_positives >= 1).sum()), float((scores >= 1).sum())
    found = _sweep(values[::-1], repeats[::-1].cumsum(), predicted[::-1], ordered, first)
    found.counts.total = float(len(ordered))
    return found


def _sweep(
    scores: Array, tp: Array, predicted: Array, ordered: Array, first: tuple[float, float]
) -> Sweep:
    """With the `first` counts, of the scores of 1, in front; the last cut predicts all."""
    tp, predicted = np.append(first[0], tp), np.append(first[1], predicted)
    return Sweep(scores, Counts(tp, predicted, tp[-1], predicted[-1]), ordered)
