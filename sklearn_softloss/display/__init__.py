"""Pictures in the way of scikit-learn's displays; they need matplotlib."""

from ._loss_shape import LossShapeDisplay as LossShapeDisplay
from ._quantiles import IntervalCalibrationDisplay as IntervalCalibrationDisplay
from ._quantiles import QuantileFanDisplay as QuantileFanDisplay
from ._reliability import ReliabilityDisplay as ReliabilityDisplay
from ._set_coverage import SetCoverageDisplay as SetCoverageDisplay
from ._threshold_curve import ThresholdCurveDisplay as ThresholdCurveDisplay

__all__ = [name for name in dir() if callable(globals()[name]) and not name.startswith("_")]
