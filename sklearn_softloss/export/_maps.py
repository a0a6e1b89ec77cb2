"""What fitted calibrators and decision rules do to probabilities, in torch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from sklearn.isotonic import IsotonicRegression
from torch import Tensor

from .._probability import FLOOR
from ..calibration import IsotonicCalibration
from ..decision import ExpectedF1

Curve = Callable[[Tensor], Tensor]


def calibration_in_torch(calibrator: Any) -> Curve:
    """What maps probabilities (n_samples, n_columns), float64, to calibrated ones in [0, 1]."""
    if not _is_ours(calibrator._calibrated):
        raise ValueError(
            f"{type(calibrator).__name__} cannot be exported: its map is not known here. Take one "
            "of the calibrators of sklearn_softloss.calibration."
        )
    return _on_tensors(calibrator)._calibrated


def decision_in_torch(rule: Any) -> Curve:
    """What maps probabilities (n_samples, n_columns), float64, to decisions, bool or int64."""
    if isinstance(rule, ExpectedF1) or not _is_ours(rule._decide):
        raise ValueError(
            f"{type(rule).__name__} cannot be exported: its decision has no form in ONNX. Take a "
            "rule of cut-offs, such as Thresholds, or export the estimator inside and decide on "
            "its probabilities."
        )
    return _on_tensors(rule)._decide


def sklearn_calibration_in_torch(pair: Any) -> Curve:
    """What maps the scores of one estimator in a CalibratedClassifierCV to probabilities."""
    maps, k = pair.calibrators, len(pair.classes)
    if pair.method == "temperature":
        of_scores = hasattr(pair.estimator, "decision_function")
        beta = maps[0].beta_
        return lambda given: (beta * (given if of_scores else (given + FLOOR).log())).softmax(1)
    curves = [
        _interpolation(of) if pair.method == "isotonic" else _sigmoid(of.a_, of.b_) for of in maps
    ]

    def change(given: Tensor) -> Tensor:
        given = given[:, 1:] if k == 2 else given
        proba = torch.stack([curve(given[:, j]) for j, curve in enumerate(curves)], 1)
        if k == 2:
            return torch.cat([1 - proba, proba], 1)
        total = proba.sum(1, keepdim=True)
        return torch.where(total == 0, 1 / k, proba / total)

    return change


def _is_ours(method: Any) -> bool:
    """Whether a method is written in this package, so that it reads tensors too."""
    return method.__module__.startswith("sklearn_softloss.")


def _on_tensors(fitted: Any) -> Any:
    """A copy of a calibrator or rule whose numbers are tensors, so that it reads tensors."""
    copied = copy.copy(fitted)
    for name, learned in vars(fitted).items():
        is_learned = name.endswith("_") and isinstance(learned, np.ndarray)
        if is_learned and learned.dtype == np.float64:
            setattr(copied, name, torch.tensor(learned))
    if isinstance(fitted, IsotonicCalibration):
        copied.regressions_ = [
            None if found is None else SimpleNamespace(predict=_interpolation(found))
            for found in fitted.regressions_
        ]
    return copied


def _sigmoid(slope: float, intercept: float) -> Curve:
    return lambda values: (-(slope * values + intercept)).sigmoid()


def _interpolation(regression: IsotonicRegression) -> Curve:
    """Linear between the thresholds of an isotonic regression, constant beyond them."""
    x, y = regression.X_thresholds_, regression.y_thresholds_
    starts = torch.tensor([*x, np.inf], dtype=torch.float64)
    heights = torch.tensor([*y, y[-1]], dtype=torch.float64)
    slopes = heights.diff() / starts.diff()

    def curve(values: Tensor) -> Tensor:
        reached = values.clamp(min=float(x[0]))
        piece = (reached[:, None] > starts[1:-1]).sum(1)
        return slopes[piece] * (reached - starts[piece]) + heights[piece]

    return curve
