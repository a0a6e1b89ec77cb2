"""Cross-validation that leaves soft and partly known 2-D targets as they are."""

from __future__ import annotations

from .grouped import MultiLabelStratifiedGroupKFold, SoftStratifiedGroupKFold
from .proba import as_proba_matrix, cross_val_predict_proba
from .split import (
    MultiLabelStratifiedKFold,
    MultiLabelStratifiedShuffleSplit,
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
