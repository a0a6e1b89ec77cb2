"""Cross-validation that leaves soft and partly known 2-D targets as they are."""

from .proba import as_proba_matrix as as_proba_matrix
from .proba import cross_val_predict_proba as cross_val_predict_proba
from .split import MultiLabelStratifiedGroupKFold as MultiLabelStratifiedGroupKFold
from .split import MultiLabelStratifiedKFold as MultiLabelStratifiedKFold
from .split import MultiLabelStratifiedShuffleSplit as MultiLabelStratifiedShuffleSplit
from .split import SoftStratifiedGroupKFold as SoftStratifiedGroupKFold
from .split import SoftStratifiedKFold as SoftStratifiedKFold

__all__ = [name for name in dir() if callable(globals()[name]) and not name.startswith("_")]
