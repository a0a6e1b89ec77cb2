"""Pictures in the way of scikit-learn's displays; they need matplotlib."""

from __future__ import annotations

from ._loss_shape import LossShapeDisplay
from ._quantiles import IntervalCalibrationDisplay, QuantileFanDisplay
from ._reliability import ReliabilityDisplay
from ._set_coverage import SetCoverageDisplay
from ._threshold_curve import ThresholdCurveDisplay

__all__ = [
    "IntervalCalibrationDisplay",
    "LossShapeDisplay",
    "QuantileFanDisplay",
    "ReliabilityDisplay",
    "SetCoverageDisplay",
    "ThresholdCurveDisplay",
]
