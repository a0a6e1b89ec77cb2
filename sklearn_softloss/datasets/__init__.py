"""Example data: simulated targets whose truth is known, and public sets fetched on request."""

from ._fetched import fetch_emotions as fetch_emotions
from ._fetched import fetch_hs_brexit as fetch_hs_brexit
from ._fetched import fetch_sjaffe as fetch_sjaffe
from ._simulated import make_annotations as make_annotations
from ._simulated import make_label_sets as make_label_sets
from ._simulated import make_soft_labels as make_soft_labels

__all__ = [name for name in dir() if not name.startswith("_")]
