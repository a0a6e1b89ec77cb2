"""Scores of probabilities, quantiles and intervals against full and partly known targets."""

from __future__ import annotations

from .._renamed import renamed
from . import scorers
from ._annotators import annotator_absolute_distance, annotator_error_rate
from ._decomposition import CalibrationDecomposition, calibration_decomposition
from ._distribution import (
    entropy_calibration_error,
    label_distribution_distance,
    rank_calibration_score,
    soft_accuracy,
    soft_brier_score,
    soft_log_loss,
)
from ._multilabel import (
    multilabel_brier_score,
    multilabel_f1_score,
    multilabel_hamming_loss,
    multilabel_log_loss,
    multilabel_subset_accuracy,
)
from ._old_names import METRICS
from ._quantiles import crps_from_quantiles, interval_coverage, pinball_loss
from ._ranking import (
    multilabel_average_precision_score,
    multilabel_ndcg_score,
    multilabel_precision_at_k,
    multilabel_ranking_average_precision,
    multilabel_roc_auc_score,
)
from ._report import MultilabelReport, multilabel_report
from .calibration_error import expected_calibration_error

__all__ = [
    "CalibrationDecomposition",
    "MultilabelReport",
    "annotator_absolute_distance",
    "annotator_error_rate",
    "calibration_decomposition",
    "crps_from_quantiles",
    "entropy_calibration_error",
    "expected_calibration_error",
    "interval_coverage",
    "label_distribution_distance",
    "multilabel_average_precision_score",
    "multilabel_brier_score",
    "multilabel_f1_score",
    "multilabel_hamming_loss",
    "multilabel_log_loss",
    "multilabel_ndcg_score",
    "multilabel_precision_at_k",
    "multilabel_ranking_average_precision",
    "multilabel_report",
    "multilabel_roc_auc_score",
    "multilabel_subset_accuracy",
    "pinball_loss",
    "rank_calibration_score",
    "scorers",
    "soft_accuracy",
    "soft_brier_score",
    "soft_log_loss",
]

__getattr__ = renamed(__name__, METRICS)
