"""What a fitted decision rule decides from probabilities, in torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from ..decision import ClassThresholds, CostMatrix, DecisionRule, RiskControlled, TopK
from ..decision.rules import CutOffs
from ..decision.untuned import Untuned

Decision = Callable[[Tensor], Tensor]


def decision_in_torch(rule: DecisionRule) -> Decision:
    """What maps probabilities (n_samples, n_columns), float64, to the rule's decisions, int64."""
    decide = _decision(rule)
    return lambda proba: decide(proba).long()


@singledispatch
def _decision(rule: Any) -> Decision:
    raise ValueError(
        f"{type(rule).__name__} cannot be exported: its decision has no form in ONNX. Take a rule "
        "of cut-offs, such as Thresholds, or export the estimator inside and decide on its "
        "probabilities."
    )


@_decision.register
def _(rule: CutOffs) -> Decision:
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


@_decision.register
def _(rule: RiskControlled) -> Decision:
    return lambda proba: proba >= rule.threshold_


@_decision.register
def _(rule: TopK) -> Decision:
    if isinstance(rule.k, str):
        return lambda proba: _first(proba, proba.sum(1, keepdim=True).round())
    number = torch.tensor([[int(rule.k)]])
    return lambda proba: _first(proba, number)


@_decision.register
def _(rule: Untuned) -> Decision:
    if rule.decides == "labels":
        return lambda proba: proba >= float(rule.thresholds_[0])
    return lambda proba: proba.argmax(1)


@_decision.register
def _(rule: CostMatrix) -> Decision:
    costs = torch.from_numpy(rule.costs_)
    return lambda proba: (proba @ costs).argmin(1)


@_decision.register
def _(rule: ClassThresholds) -> Decision:
    thresholds = torch.from_numpy(rule.thresholds_)
    return lambda proba: (proba / thresholds).argmax(1)


def _first(preference: Tensor, numbers: Tensor) -> Tensor:
    """True for the `numbers` most preferred entries of each row; of equals the first."""
    order = preference.topk(preference.shape[1], dim=1).indices
    places = torch.arange(preference.shape[1]).expand_as(order)
    return torch.zeros_like(order).scatter(1, order, places) < numbers
