"""Scores of probabilities against hard, soft, multi-label and partly known targets (NumPy only)."""

from __future__ import annotations

from ._decomposition import CalibrationDecomposition, calibration_decomposition
from ._disagreement import entropy_calibration_error, rank_calibration_score, total_variation
from ._distribution import (
    jensen_shannon,
    kl_divergence,
    soft_accuracy,
    soft_brier_score,
    soft_log_loss,
    top_label_error_probability,
)
from ._label_distribution import (
    canberra_distance,
    chebyshev_distance,
    clark_distance,
    cosine_similarity,
    intersection_similarity,
)
from ._multilabel import (
    multilabel_brier_score,
    multilabel_f1_score,
    multilabel_hamming_loss,
    multilabel_log_loss,
    multilabel_subset_accuracy,
)
from ._report import MultilabelReport, multilabel_report
from .calibration_error import expected_calibration_error

__all__ = [
    "CalibrationDecomposition",
    "MultilabelReport",
    "calibration_decomposition",
    "canberra_distance",
    "chebyshev_distance",
    "clark_distance",
    "cosine_similarity",
    "entropy_calibration_error",
    "expected_calibration_error",
    "intersection_similarity",
    "jensen_shannon",
    "kl_divergence",
    "multilabel_brier_score",
    "multilabel_f1_score",
    "multilabel_hamming_loss",
    "multilabel_log_loss",
    "multilabel_report",
    "multilabel_subset_accuracy",
    "rank_calibration_score",
    "soft_accuracy",
    "soft_brier_score",
    "soft_log_loss",
    "top_label_error_probability",
    "total_variation",
]
