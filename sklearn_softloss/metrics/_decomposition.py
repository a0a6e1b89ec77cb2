"""What part of a score is bad calibration, and what part recalibration cannot mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA
from .._targets.encoding import Array
from ._distribution import brier_scale
from .calibration_error import columns_of_kind

Score = Literal["log_loss", "brier_score"]
Columns = Literal["classwise", "labelwise"]


class CalibrationDecomposition(NamedTuple):
    """Parts >= 0: score = calibration + refinement, and refinement = uncertainty - resolution."""

    score: float
    calibration: float
    refinement: float
    uncertainty: float
    resolution: float


def calibration_decomposition(
    y_true: Any,
    y_proba: Any,
    *,
    score: Score = "log_loss",
    kind: Columns = "classwise",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> CalibrationDecomposition:
    """Split log loss or Brier score into calibration and refinement.

    The refinement is the score that remains when the probabilities of each class or label are
    replaced by their isotonic regression on the targets, the best monotone recalibration; the
    calibration is what that gains. The uncertainty is the score of the mean targets, the resolution
    what recalibration gains on it.

    Parameters
    ----------
    y_true, y_proba : array-like or sparse matrix
        As in `expected_calibration_error`, of the same kind.
    score : {"log_loss", "brier_score"}, default="log_loss"
        `soft_log_loss` or `soft_brier_score` for classes, `multilabel_log_loss` or
        `multilabel_brier_score` for labels, each as it is by default.
    kind : {"classwise", "labelwise"}, default="classwise"
        Whether the columns are exclusive classes or independent labels.
    labels, sample_weight : array-like, default=None
        As in `soft_log_loss`.

    Returns
    -------
    CalibrationDecomposition
        Named tuple of the floats score, calibration, refinement, uncertainty and resolution, in
        nats for the log loss.

    Notes
    -----
    Isotonic regression minimises every Bregman divergence at once, so that no part is negative;
    also over classes, since it keeps the sums of the columns. It is fitted on the rows it is judged
    on: on few rows the calibration part comes out too large.

    References
    ----------
    Dimitriadis, Gneiting and Jordan, PNAS 118(8), 2021, arXiv:2008.03033.

    Examples
    --------
    >>> from sklearn_softloss.metrics import calibration_decomposition
    >>> y_true, y_proba = [0, 0, 1, 1], [[0.6, 0.4], [0.6, 0.4], [0.6, 0.4], [0.2, 0.8]]
    >>> parts = calibration_decomposition(y_true, y_proba, score="brier_score")
    >>> round(parts.score, 4), round(parts.calibration, 4), round(parts.refinement, 4)
    (0.18, 0.0133, 0.1667)
    """
    check_one_of("score", score, get_args(Score))
    check_one_of("kind", kind, get_args(Columns))
    of_column = _brier_score
    if score == "log_loss":
        of_column = _class_log_loss if kind == "classwise" else _label_log_loss
    sums, total, n_columns = np.zeros(3), 0.0, 0
    for truth, proba, weight in columns_of_kind(kind, y_true, y_proba, labels, sample_weight):
        n_columns += 1
        total += weight.sum()
        sums += _column_scores(of_column, truth, proba, weight)
    scale = 1 / total
    if kind == "classwise":
        scale *= n_columns * (brier_scale("auto", n_columns) if score == "brier_score" else 1)
    found, refined, uncertain = (float(value) for value in scale * sums)
    return CalibrationDecomposition(found, found - refined, refined, uncertain, uncertain - refined)


ColumnScore = Callable[[Array, Array, Array, Array], float]


def _column_scores(score: ColumnScore, truth: Array, proba: Array, weight: Array) -> Array:
    """Scores of the probabilities, of their isotonic regression and of the mean target, summed."""
    if not len(truth):
        return np.zeros(3)
    levels, level = np.unique(proba, return_inverse=True)
    mass = np.bincount(level, weights=weight)
    hits = np.bincount(level, weights=weight * truth)
    squares = weight @ np.square(truth)
    recalibrated = isotonic_regression(hits / mass, weights=mass).x
    mean = np.full_like(levels, hits.sum() / mass.sum())
    return np.array(
        [score(prediction, mass, hits, squares) for prediction in (levels, recalibrated, mean)]
    )


def _class_log_loss(proba: Array, mass: Array, hits: Array, squares: Array) -> float:
    return float(-hits @ np.log(np.maximum(proba, SMALLEST_PROBA)))


def _label_log_loss(proba: Array, mass: Array, hits: Array, squares: Array) -> float:
    present = hits @ np.log(np.maximum(proba, SMALLEST_PROBA))
    return float(-present - (mass - hits) @ np.log(np.maximum(1 - proba, SMALLEST_PROBA)))


def _brier_score(proba: Array, mass: Array, hits: Array, squares: Array) -> float:
    return float(squares - 2 * hits @ proba + mass @ np.square(proba))
