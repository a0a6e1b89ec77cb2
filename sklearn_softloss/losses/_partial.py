"""Partial losses f(p), one formula for softmax and sigmoid, and what undoes their distortion.

A loss that is linear in the target, sum_k y_k f(p_k), is minimised over distributions where
y_k f'(p_k) is the same for all k. So y_k is proportional to -1 / f'(p_k) at the minimiser: with f
convex that is the inverse link, in closed form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from .._checks import check_number
from ._base import DistributionLoss, IndependentLoss, Properness, sum_entries
from ._softmax import log_softmax, softmax


class Partial(ABC):
    """f(p) and log(-f'(p)), from log p and log(1 - p)."""

    @abstractmethod
    def partial(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        """What an entry of target 1 costs, f(p).

        Parameters
        ----------
        log_p : Tensor
            Logarithm of p.
        log_not_p : Tensor of the same shape
            Logarithm of 1 - p.

        Returns
        -------
        Tensor of the same shape
        """

    @abstractmethod
    def log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        """How hard an entry of target 1 pulls, log(-f'(p)).

        Parameters
        ----------
        log_p : Tensor
            Logarithm of p.
        log_not_p : Tensor of the same shape
            Logarithm of 1 - p.

        Returns
        -------
        Tensor of the same shape
        """

    @property
    def properness(self) -> Properness:
        return "invertible"


class PartialDistributionLoss(Partial, DistributionLoss):
    """sum_k y_k f(p_k) with p a softmax."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        cost = self.partial(log_softmax(logits), log_complement(logits))
        return sum_entries(target * cost, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p = log_softmax(logits)
        pull = target * (self.log_slope(log_p, log_complement(logits)) + log_p).exp()
        if entry_weight is not None:
            pull = entry_weight * pull
        return pull.sum(-1, keepdim=True) * log_p.exp() - pull

    def inverse_link(self, logits: Tensor) -> Tensor:
        slope = self.log_slope(log_softmax(logits), log_complement(logits))
        return softmax(-slope)


class PartialIndependentLoss(Partial, IndependentLoss):
    """sum_l y_l f(p_l) + (1 - y_l) f(1 - p_l) with p sigmoids."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        present, absent = self.partial(log_p, log_not_p), self.partial(log_not_p, log_p)
        return sum_entries(target * present + (1 - target) * absent, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        log_both = log_p + log_not_p
        up = target * (self.log_slope(log_p, log_not_p) + log_both).exp()
        down = (1 - target) * (self.log_slope(log_not_p, log_p) + log_both).exp()
        return down - up if entry_weight is None else entry_weight * (down - up)

    def inverse_link(self, logits: Tensor) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        return (self.log_slope(log_not_p, log_p) - self.log_slope(log_p, log_not_p)).sigmoid()


def log_sigmoids(logits: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p) of sigmoids."""
    logsigmoid = torch.nn.functional.logsigmoid
    return logsigmoid(logits), logsigmoid(-logits)


def log_complement(logits: Tensor) -> Tensor:
    """log(1 - p) of a softmax, exact also where p rounds to 1.

    Only the largest entry can be near 1: there 1 - p is the sum of the others.
    """
    top = torch.zeros_like(logits, dtype=torch.bool)
    top.scatter_(-1, logits.argmax(-1, keepdim=True), True)
    others = logits.masked_fill(top, torch.finfo(logits.dtype).min / 2)
    of_top = others.logsumexp(-1, keepdim=True) - logits.logsumexp(-1, keepdim=True)
    of_rest = (-softmax(logits).masked_fill(top, 0.0)).log1p()
    return torch.where(top, of_top, of_rest)


class FocalPartial(Partial):
    """f(p) = -(1 - p)^gamma log p."""

    gamma: float

    def __post_init__(self) -> None:
        check_number("gamma", self.gamma, low=0.0)

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.gamma == 0 else "invertible"

    def partial(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -(self.gamma * log_not_p).exp() * log_p

    def log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        # -f' = (1 - p)^gamma / p * (1 + gamma p r) with r = -log p / (1 - p), which tends to 1.
        rest = log_not_p.exp()
        ratio = torch.where(rest < 1e-9, 1.0, -log_p / rest.clamp_min(1e-9))
        return -log_p + self.gamma * log_not_p + (self.gamma * log_p.exp() * ratio).log1p()


class Poly1Partial(Partial):
    """f(p) = -log p + epsilon (1 - p)."""

    epsilon: float

    def __post_init__(self) -> None:
        check_number("epsilon", self.epsilon, low=-1.0, open_end=True)

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.epsilon == 0 else "invertible"

    def partial(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -log_p + self.epsilon * log_not_p.exp()

    def log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -log_p + (self.epsilon * log_p.exp()).log1p()
