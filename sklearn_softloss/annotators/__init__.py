"""Who said what: a net for the shares of answers and for each annotator, and votes without X."""

from __future__ import annotations

from ._classifier import AnnotatorMLPClassifier
from ._dawid_skene import DawidSkene

__all__ = ["AnnotatorMLPClassifier", "DawidSkene"]
