"""Scores of probabilities, quantiles and intervals against full and partly known targets."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ._annotators import (
    annotator_absolute_distance,
    annotator_error_rate,
    manhattan_distance,
    wasserstein_distance,
)
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
    multilabel_hamming_loss,
    multilabel_log_loss,
    multilabel_subset_accuracy,
)
from ._multilabel_counts import (
    multilabel_f1_score,
    multilabel_jaccard_score,
    multilabel_precision_score,
    multilabel_recall_score,
)
from ._quantiles import crps_from_quantiles, interval_coverage, interval_width, pinball_loss
from ._ranking import (
    multilabel_average_precision_score,
    multilabel_ndcg_score,
    multilabel_precision_at_k,
    multilabel_ranking_average_precision,
    multilabel_ranking_loss,
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
    "canberra_distance",
    "chebyshev_distance",
    "clark_distance",
    "cosine_similarity",
    "crps_from_quantiles",
    "entropy_calibration_error",
    "expected_calibration_error",
    "intersection_similarity",
    "interval_coverage",
    "interval_width",
    "jensen_shannon",
    "kl_divergence",
    "manhattan_distance",
    "multilabel_average_precision_score",
    "multilabel_brier_score",
    "multilabel_f1_score",
    "multilabel_hamming_loss",
    "multilabel_jaccard_score",
    "multilabel_log_loss",
    "multilabel_ndcg_score",
    "multilabel_precision_at_k",
    "multilabel_precision_score",
    "multilabel_ranking_average_precision",
    "multilabel_ranking_loss",
    "multilabel_recall_score",
    "multilabel_report",
    "multilabel_roc_auc_score",
    "multilabel_subset_accuracy",
    "pinball_loss",
    "rank_calibration_score",
    "soft_accuracy",
    "soft_brier_score",
    "soft_log_loss",
    "top_label_error_probability",
    "total_variation",
    "wasserstein_distance",
]


def __getattr__(name: str) -> Any:
    """The scorers import this module, so that they come on first use."""
    if name == "scorers":
        return import_module(".scorers", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
