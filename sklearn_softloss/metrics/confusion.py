"""The confusion table of labels, weighted and expected, and what is measured on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._targets.encoding import Array


@dataclass
class Counts:
    """Weights, expected if soft: of positives predicted, all predicted, positives, all known."""

    tp: Any
    predicted: Any
    positives: Any
    total: Any

    @property
    def fp(self) -> Any:
        return self.predicted - self.tp

    @property
    def fn(self) -> Any:
        return self.positives - self.tp

    @property
    def tn(self) -> Any:
        return self.total - self.predicted - self.positives + self.tp


def counts_at(truth: Array, predicted: Array, weight: Array | None) -> Counts:
    """Counts of each label, shape (n_labels,), for 0/1 decisions (n, n_labels)."""
    known = ~np.isnan(truth)
    mass = known if weight is None else known * weight[:, None]
    value = np.where(known, truth, 0.0)
    return Counts(
        (value * predicted * mass).sum(axis=0),
        (predicted * mass).sum(axis=0, dtype=np.float64),
        (value * mass).sum(axis=0),
        mass.sum(axis=0, dtype=np.float64),
    )


def ratio(numerator: Any, denominator: Any) -> Array:
    """The quotient, 0 where nothing is divided by nothing."""
    numerator = np.asarray(numerator, dtype=np.float64)
    out = np.zeros(np.broadcast_shapes(numerator.shape, np.shape(denominator)))
    return np.divide(numerator, denominator, out=out, where=np.asarray(denominator) > 0)


def fbeta(counts: Counts, beta: float = 1.0) -> Array:
    return ratio(*fbeta_parts(counts, beta))


def fbeta_parts(counts: Counts, beta: float = 1.0) -> tuple[Any, Any]:
    """Numerator and denominator of F-beta: precision for 0, recall for infinity."""
    if np.isinf(beta):
        return counts.tp, counts.positives
    return (1 + beta**2) * counts.tp, beta**2 * np.asarray(counts.positives) + counts.predicted


def recall(counts: Counts) -> Array:
    return ratio(counts.tp, counts.positives)


def specificity(counts: Counts) -> Array:
    return ratio(counts.tn, np.asarray(counts.total) - counts.positives)


def precision(counts: Counts) -> Array:
    return ratio(counts.tp, counts.predicted)


def accuracy(counts: Counts) -> Array:
    return ratio(counts.tp + counts.tn, counts.total)


def balanced_accuracy(counts: Counts) -> Array:
    return (recall(counts) + specificity(counts)) / 2


def jaccard(counts: Counts) -> Array:
    return ratio(counts.tp, np.asarray(counts.positives) + counts.fp)


def g_mean(counts: Counts) -> Array:
    return np.sqrt(np.maximum(recall(counts) * specificity(counts), 0.0))


def matthews(counts: Counts) -> Array:
    covariance = counts.tp * np.asarray(counts.total) - counts.predicted * counts.positives
    spread = (
        np.asarray(counts.predicted, dtype=np.float64)
        * (counts.total - counts.predicted)
        * counts.positives
        * (counts.total - counts.positives)
    )
    return ratio(covariance, np.sqrt(np.maximum(spread, 0.0)))
