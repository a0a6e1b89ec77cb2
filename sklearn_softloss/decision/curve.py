"""The objective of each label along its cut-offs, for the tuner's results and for displays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._targets.encoding import Array
from ..metrics.confusion import Counts
from ._base import check_decision_data, label_matrix
from ._objectives import Objective
from ._sweep import sweep

CURVE_POINTS = 100


def threshold_curve(
    y_true: Any, y_proba: Any, objective: Any = "f1", sample_weight: Any = None
) -> tuple[Array, Array]:
    """Cut-offs and the objective there, both (n_points, n_labels); as in `optimal_thresholds`."""
    truth = label_matrix(y_true)
    proba, weight = check_decision_data(truth, y_proba, sample_weight)
    grid = curve_grid(proba)
    return grid, curve(Objective(objective), grid, truth, proba, weight)


def curve_grid(proba: Array) -> Array:
    """Cut-offs (n_points, n_labels) for a curve: quantiles of each label's probabilities."""
    return np.asarray(np.quantile(proba, np.linspace(0, 1, CURVE_POINTS), axis=0))


def curve(goal: Objective, grid: Array, truth: Array, proba: Array, weight: Array | None) -> Array:
    """The objective of each label at its cut-offs, shape (n_points, n_labels)."""
    found = np.empty(grid.shape)
    for label in range(truth.shape[1]):
        cuts = sweep(truth[:, label], proba[:, label], weight, only_positives=False)
        at = np.searchsorted(-cuts.scores, -grid[:, label], side="right")
        counts = cuts.counts
        along = Counts(counts.tp[at], counts.predicted[at], counts.positives, counts.total)
        found[:, label] = goal.value(along, label)
    return found
