"""Decisions from probabilities, made after training and apart from any loss."""

from __future__ import annotations

from ._base import DecisionRule
from ._class_rules import ClassThresholds, CostMatrix
from ._conformal import VoteConformal
from ._expected_f1 import ExpectedF1
from ._risk import RiskControlled
from ._thresholds import optimal_thresholds
from ._tuned import TunedDecisionClassifierCV
from .rules import CostSensitive, PrevalenceMatched, Thresholds, TopK

__all__ = [
    "ClassThresholds",
    "CostMatrix",
    "CostSensitive",
    "DecisionRule",
    "ExpectedF1",
    "PrevalenceMatched",
    "RiskControlled",
    "Thresholds",
    "TopK",
    "TunedDecisionClassifierCV",
    "VoteConformal",
    "optimal_thresholds",
]
