"""Formulas that a softmax and sigmoids share: each is a loss once it has its domain."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ._base import (
    DistributionLoss,
    IndependentLoss,
    Loss,
    Properness,
    number,
    sum_entries,
    weighted,
)
from ._links import log_complement, log_sigmoids, log_softmax, softmax


class AbsoluteErrorFormula(Loss):
    """sum |p - y|."""

    name = "absolute_error"
    properness = "neither"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((self.inverse_link(logits) - target).abs(), entry_weight)


class CosineFormula(Loss):
    """1 - cos(p, y); 0, without a gradient, for rows of y that have no direction."""

    name = "cosine"
    properness = "neither"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        proba = self.inverse_link(logits)
        inner = sum_entries(proba * target, entry_weight)
        of_proba = sum_entries(proba.square(), entry_weight)
        of_target = sum_entries(target.square(), entry_weight)
        blank = of_target == 0
        tiny = torch.finfo(proba.dtype).tiny
        norms = of_proba.clamp_min(tiny).sqrt() * of_target.masked_fill(blank, 1.0).sqrt()
        return (1 - inner / norms).masked_fill(blank, 0.0)


class JeffreysFormula(Loss):
    """sum (p - y) (log p - log y), with targets below the floor raised to it in the logarithm."""

    name = "jeffreys"
    properness = "neither"
    floor: float = number(default=1e-4, low=0.0, high=1.0, open_end=True)

    @abstractmethod
    def _log_proba(self, logits: Tensor) -> Tensor: ...

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p = self._log_proba(logits)
        terms = (log_p.exp() - target) * (log_p - target.clamp_min(self.floor).log())
        return sum_entries(terms, entry_weight)


# --- partial losses ------------------------------------------------------------------------------

# A loss that is linear in the target, sum_k y_k f(p_k), is minimised over distributions where
# y_k f'(p_k) is the same for all k. So y_k is proportional to -1 / f'(p_k) at the minimiser: with f
# convex that is the inverse link, in closed form.


class Partial(Loss):
    """f(p), what an entry of target 1 costs, and log(-f'(p)); from log p and log(1 - p)."""

    @abstractmethod
    def _cost(self, log_p: Tensor, log_not_p: Tensor) -> Tensor: ...

    @abstractmethod
    def _log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor: ...


class PartialDistributionLoss(Partial, DistributionLoss):
    """sum_k y_k f(p_k) with p a softmax."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        cost = self._cost(log_softmax(logits), log_complement(logits))
        return sum_entries(target * cost, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p = log_softmax(logits)
        pull = target * (self._log_slope(log_p, log_complement(logits)) + log_p).exp()
        pull = weighted(pull, entry_weight)
        return pull.sum(-1, keepdim=True) * log_p.exp() - pull

    def inverse_link(self, logits: Tensor) -> Tensor:
        return softmax(-self._log_slope(log_softmax(logits), log_complement(logits)))


class PartialIndependentLoss(Partial, IndependentLoss):
    """sum_l y_l f(p_l) + (1 - y_l) f(1 - p_l) with p sigmoids."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        present, absent = self._cost(log_p, log_not_p), self._cost(log_not_p, log_p)
        return sum_entries(target * present + (1 - target) * absent, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        log_both = log_p + log_not_p
        up = target * (self._log_slope(log_p, log_not_p) + log_both).exp()
        down = (1 - target) * (self._log_slope(log_not_p, log_p) + log_both).exp()
        return weighted(down - up, entry_weight)

    def inverse_link(self, logits: Tensor) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        return (self._log_slope(log_not_p, log_p) - self._log_slope(log_p, log_not_p)).sigmoid()


class Poly1Formula(Partial):
    """f(p) = -log p + epsilon (1 - p)."""

    name = "poly1"
    epsilon: float = number(default=1.0, low=-1.0, open_end=True)

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.epsilon == 0 else "invertible"

    def _cost(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -log_p + self.epsilon * log_not_p.exp()

    def _log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -log_p + (self.epsilon * log_p.exp()).log1p()


class FocalFormula(Partial):
    """f(p) = -(1 - p)^gamma log p."""

    name = "focal"
    gamma: float = number(default=2.0, low=0.0)

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.gamma == 0 else "invertible"

    def _cost(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -(self.gamma * log_not_p).exp() * log_p

    def _log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        # -f' = (1 - p)^gamma / p * (1 + gamma p r) with r = -log p / (1 - p), which tends to 1.
        rest = log_not_p.exp()
        ratio = torch.where(rest < 1e-9, 1.0, -log_p / rest.clamp_min(1e-9))
        return -log_p + self.gamma * log_not_p + (self.gamma * log_p.exp() * ratio).log1p()
