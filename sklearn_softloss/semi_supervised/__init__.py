"""Few labels and many rows without: a graph labels them softly, and a classifier learns from it."""

from __future__ import annotations

from ._graph import GraphLabelSpreading
from ._pseudo_labels import SoftPseudoLabelClassifier
from ._split import LabelledStratifiedKFold

__all__ = ["GraphLabelSpreading", "LabelledStratifiedKFold", "SoftPseudoLabelClassifier"]
