"""Example data: simulated targets whose truth is known, and public sets fetched on request."""

from __future__ import annotations

from ._fetched import fetch_emotions, fetch_hs_brexit, fetch_sjaffe
from ._simulated import make_annotations, make_label_sets, make_soft_labels

__all__ = [
    "fetch_emotions",
    "fetch_hs_brexit",
    "fetch_sjaffe",
    "make_annotations",
    "make_label_sets",
    "make_soft_labels",
]
