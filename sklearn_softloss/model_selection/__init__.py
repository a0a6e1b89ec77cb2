"""Cross-validation that leaves soft and partly known 2-D targets as they are."""

from __future__ import annotations

from .proba import as_proba_matrix, cross_val_predict_proba
from .split import (
    MultiLabelStratifiedGroupKFold,
    MultiLabelStratifiedKFold,
    MultiLabelStratifiedShuffleSplit,
    SoftStratifiedGroupKFold,
    SoftStratifiedKFold,
)

__all__ = [
    "MultiLabelStratifiedGroupKFold",
    "MultiLabelStratifiedKFold",
    "MultiLabelStratifiedShuffleSplit",
    "SoftStratifiedGroupKFold",
    "SoftStratifiedKFold",
    "as_proba_matrix",
    "cross_val_predict_proba",
]
