"""Scores of probabilities, quantiles and intervals against full and partly known targets."""

from .. import _renamed
from . import _old_names
from . import scorers as scorers
from ._annotators import annotator_absolute_distance as annotator_absolute_distance
from ._annotators import annotator_error_rate as annotator_error_rate
from ._decomposition import CalibrationDecomposition as CalibrationDecomposition
from ._decomposition import calibration_decomposition as calibration_decomposition
from ._distribution import entropy_calibration_error as entropy_calibration_error
from ._distribution import label_distribution_distance as label_distribution_distance
from ._distribution import rank_calibration_score as rank_calibration_score
from ._distribution import soft_accuracy as soft_accuracy
from ._distribution import soft_brier_score as soft_brier_score
from ._distribution import soft_log_loss as soft_log_loss
from ._multilabel import multilabel_brier_score as multilabel_brier_score
from ._multilabel import multilabel_f1_score as multilabel_f1_score
from ._multilabel import multilabel_hamming_loss as multilabel_hamming_loss
from ._multilabel import multilabel_log_loss as multilabel_log_loss
from ._multilabel import multilabel_subset_accuracy as multilabel_subset_accuracy
from ._quantiles import crps_from_quantiles as crps_from_quantiles
from ._quantiles import interval_coverage as interval_coverage
from ._quantiles import pinball_loss as pinball_loss
from ._ranking import multilabel_average_precision_score as multilabel_average_precision_score
from ._ranking import multilabel_ndcg_score as multilabel_ndcg_score
from ._ranking import multilabel_precision_at_k as multilabel_precision_at_k
from ._ranking import multilabel_ranking_average_precision as multilabel_ranking_average_precision
from ._ranking import multilabel_roc_auc_score as multilabel_roc_auc_score
from ._report import MultilabelReport as MultilabelReport
from ._report import multilabel_report as multilabel_report
from .calibration_error import expected_calibration_error as expected_calibration_error

__all__ = ["scorers"]
__all__ += [name for name in dir() if callable(globals()[name]) and not name.startswith("_")]

__getattr__ = _renamed.renamed(__name__, _old_names.METRICS)
