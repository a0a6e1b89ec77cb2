"""What fitted calibrators and decision rules do to probabilities, in torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from sklearn.isotonic import IsotonicRegression
from torch import Tensor

from .._probability import FLOOR
from .._targets.encoding import Array
from ..calibration import (
    BetaCalibration,
    DirichletCalibration,
    IsotonicCalibration,
    PriorShift,
    SigmoidCalibration,
    TemperatureScaling,
    VectorScaling,
)
from ..decision import ClassThresholds, CostMatrix, RiskControlled, TopK
from ..decision.rules import CutOffs
from ..decision.untuned import Untuned

Curve = Callable[[Tensor], Tensor]


@singledispatch
def calibration_in_torch(calibrator: Any) -> Curve:
    """What maps probabilities (n_samples, n_columns), float64, to calibrated ones in [0, 1]."""
    raise ValueError(
        f"{type(calibrator).__name__} cannot be exported: its map is not known here. Take one of "
        "the calibrators of sklearn_softloss.calibration."
    )


@calibration_in_torch.register
def _(calibrator: TemperatureScaling) -> Curve:
    temperature = torch.as_tensor(calibrator.temperature_, dtype=torch.float64)
    if calibrator.multi_label:
        return _labelwise(calibrator, lambda odds: (odds / temperature).sigmoid())
    return lambda proba: (_scores(proba) / temperature).softmax(1)


@calibration_in_torch.register
def _(calibrator: SigmoidCalibration) -> Curve:
    scale, intercept = _tensors(calibrator.scale_, calibrator.intercept_)
    return _labelwise(calibrator, lambda odds: (scale * odds + intercept).sigmoid())


@calibration_in_torch.register
def _(calibrator: BetaCalibration) -> Curve:
    a, b, intercept = _tensors(*calibrator.coef_.T, calibrator.intercept_)

    def curve(odds: Tensor) -> Tensor:
        small = (-odds.abs()).exp().log1p()
        log_p, minus_log_rest = odds.clamp(max=0) - small, odds.clamp(min=0) + small
        return (a * log_p + b * minus_log_rest + intercept).sigmoid()

    return _labelwise(calibrator, curve)


@calibration_in_torch.register
def _(calibrator: IsotonicCalibration) -> Curve:
    curves = [_interpolation(regression) for regression in calibrator.regressions_]
    return _labelwise(calibrator, lambda proba: _columnwise(curves, proba), of_odds=False)


@calibration_in_torch.register
def _(calibrator: PriorShift) -> Curve:
    (intercept,) = _tensors(calibrator.intercept_)
    if calibrator.multi_label:
        return _labelwise(calibrator, lambda odds: (odds + intercept).sigmoid())
    return _keeping_absent(calibrator.unchanged_, lambda proba: _scores(proba) + intercept)


@calibration_in_torch.register
def _(calibrator: VectorScaling) -> Curve:
    scale, intercept = _tensors(calibrator.scale_, calibrator.intercept_)
    return _keeping_absent(calibrator.unchanged_, lambda proba: scale * _scores(proba) + intercept)


@calibration_in_torch.register
def _(calibrator: DirichletCalibration) -> Curve:
    coef, intercept = _tensors(calibrator.coef_.T, calibrator.intercept_)
    return _keeping_absent(
        calibrator.unchanged_, lambda proba: _scores(proba).log_softmax(1) @ coef + intercept
    )


def sklearn_calibration_in_torch(pair: Any) -> Curve:
    """What maps the scores of one estimator in a CalibratedClassifierCV to probabilities."""
    maps, k = pair.calibrators, len(pair.classes)
    if pair.method == "temperature":
        of_scores = hasattr(pair.estimator, "decision_function")
        return lambda given: (maps[0].beta_ * (given if of_scores else _scores(given))).softmax(1)
    curves = [
        (lambda s, of=of: (-(of.a_ * s + of.b_)).sigmoid()) if hasattr(of, "a_") else
        _interpolation(of) for of in maps
    ]  # fmt: skip

    def change(given: Tensor) -> Tensor:
        if k == 2:
            proba = _columnwise(curves, given[:, 1:])
            return torch.cat([1 - proba, proba], 1)
        proba = _columnwise(curves, given)
        total = proba.sum(1, keepdim=True)
        return torch.where(total == 0, 1 / k, proba / total)

    return change


# --- decision rules -------------------------------------------------------------------------------


@singledispatch
def decision_in_torch(rule: Any) -> Curve:
    """What maps probabilities (n_samples, n_columns), float64, to decisions, bool or int64."""
    raise ValueError(
        f"{type(rule).__name__} cannot be exported: its decision has no form in ONNX. Take a rule "
        "of cut-offs, such as Thresholds, or export the estimator inside and decide on its "
        "probabilities."
    )


@decision_in_torch.register
def _(rule: CutOffs) -> Curve:
    cuts = torch.from_numpy(rule.thresholds_)
    if rule.min_labels == 0 and rule.max_labels is None:
        return lambda proba: proba >= cuts
    least, most = rule.min_labels, rule.max_labels
    slope, start = rule._preferred_by(len(cuts))
    slopes, starts = torch.from_numpy(slope), torch.from_numpy(start)

    def decide(proba: Tensor) -> Tensor:
        decided, preference = proba >= cuts, slopes * proba + starts
        sizes = decided.sum(1, keepdim=True)
        wanted = sizes.clamp(least, most)
        kept = _first(torch.where(decided, preference, -torch.inf), wanted) & decided
        added = _first(torch.where(decided, -torch.inf, preference), wanted - sizes) & ~decided
        return kept | added

    return decide


@decision_in_torch.register
def _(rule: RiskControlled) -> Curve:
    return lambda proba: proba >= rule.threshold_


@decision_in_torch.register
def _(rule: TopK) -> Curve:
    if isinstance(rule.k, str):
        return lambda proba: _first(proba, proba.sum(1, keepdim=True).round())
    number = torch.tensor([[int(rule.k)]])
    return lambda proba: _first(proba, number)


@decision_in_torch.register
def _(rule: Untuned) -> Curve:
    if rule.decides == "labels":
        return lambda proba: proba >= float(rule.thresholds_[0])
    return lambda proba: proba.argmax(1)


@decision_in_torch.register
def _(rule: CostMatrix) -> Curve:
    costs = torch.from_numpy(rule.costs_)
    return lambda proba: (proba @ costs).argmin(1)


@decision_in_torch.register
def _(rule: ClassThresholds) -> Curve:
    thresholds = torch.from_numpy(rule.thresholds_)
    return lambda proba: (proba / thresholds).argmax(1)


def _first(preference: Tensor, numbers: Tensor) -> Tensor:
    """True for the `numbers` most preferred entries of each row; of equals the first."""
    order = preference.topk(preference.shape[1], dim=1).indices
    places = torch.arange(preference.shape[1]).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, places) < numbers


# --- parts of calibrations ------------------------------------------------------------------------


def _tensors(*values: Array) -> tuple[Tensor, ...]:
    return tuple(torch.as_tensor(np.ascontiguousarray(v), dtype=torch.float64) for v in values)


def _columnwise(curves: list[Curve], values: Tensor) -> Tensor:
    return torch.stack([curve(values[:, j]) for j, curve in enumerate(curves)], 1)


def _scores(proba: Tensor) -> Tensor:
    return (proba + FLOOR).log()


def _log_odds(proba: Tensor, multi_label: bool) -> Tensor:
    """Of each label, or of each class against the rest."""
    if multi_label:
        return _scores(proba) - _scores(1 - proba)
    log_proba = _scores(proba).log_softmax(1)
    is_top = torch.arange(proba.shape[1]) == log_proba.argmax(1, keepdim=True)
    others = torch.where(is_top, -torch.inf, log_proba)
    # The rest of the top class comes from the others, since 1 - p would round to 0.
    log_rest = torch.where(is_top, others.exp().sum(1, keepdim=True).log(), (-others.exp()).log1p())
    return log_proba - log_rest


def _labelwise(calibrator: Any, curve: Curve, of_odds: bool = True) -> Curve:
    """A curve for each label, or for each class against the rest, that are then shared out."""
    unchanged = torch.as_tensor(calibrator.unchanged_)
    multi_label = calibrator.multi_label

    def change(proba: Tensor) -> Tensor:
        curved = curve(_log_odds(proba, multi_label) if of_odds else proba)
        curved = torch.where(unchanged, proba, curved)
        if multi_label or bool(calibrator.unchanged_.all()):
            return curved
        changed = torch.where(unchanged, 0.0, curved)
        left = 1 - torch.where(unchanged, proba, 0.0).sum(1, keepdim=True)
        return torch.where(unchanged, proba, changed * (left / changed.sum(1, keepdim=True)))

    return change


def _keeping_absent(unchanged: Array, raw: Curve) -> Curve:
    """Softmax over the classes present, which share what the others leave."""
    absent = torch.as_tensor(unchanged)

    def change(proba: Tensor) -> Tensor:
        shares = torch.where(absent, -torch.inf, raw(proba)).softmax(1)
        left = 1 - torch.where(absent, proba, 0.0).sum(1, keepdim=True)
        return torch.where(absent, proba, left * shares)

    return change


def _interpolation(regression: IsotonicRegression | None) -> Curve:
    """Linear between the thresholds of an isotonic regression, constant beyond them."""
    if regression is None:
        return lambda values: values
    x, y = regression.X_thresholds_, regression.y_thresholds_
    if len(x) == 1:
        return lambda values: values * 0 + float(y[0])
    low, high = float(x[0]), float(x[-1])
    inner, starts, heights, slopes = _tensors(x[1:-1], x, y, np.diff(y) / np.diff(x))

    def curve(values: Tensor) -> Tensor:
        clipped = values.clamp(low, high)
        piece = (clipped[:, None] > inner).sum(1)
        return slopes[piece] * (clipped - starts[piece]) + heights[piece]

    return curve
