"""Probabilities that mean what they say, fitted to soft, multi-label and partly known truths."""

from __future__ import annotations

from ._base import Calibrator
from ._classifier import SoftCalibratedClassifierCV
from ._prior import PriorShift
from ._scaling import DirichletCalibration, TemperatureScaling, VectorScaling
from ._univariate import BetaCalibration, IsotonicCalibration, SigmoidCalibration

__all__ = [
    "BetaCalibration",
    "Calibrator",
    "DirichletCalibration",
    "IsotonicCalibration",
    "PriorShift",
    "SigmoidCalibration",
    "SoftCalibratedClassifierCV",
    "TemperatureScaling",
    "VectorScaling",
]
