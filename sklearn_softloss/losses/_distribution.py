"""Losses on rows that sum to 1 (softmax): one of k classes, or a distribution over them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ._base import DistributionLoss, register_loss, sum_entries


@register_loss
@dataclass(repr=False)
class CrossEntropy(DistributionLoss):
    r"""Softmax cross-entropy in nats: :math:`-\sum_k y_k \log p_k` with p = softmax(logits).

    Domain: distribution. Link: softmax. Strictly proper, being linear in y with the entropy of y
    as its infimum, attained at p = y alone (Gneiting and Raftery 2007, section 4).

    When to use it: by default. When not: when a few wrong labels are far off (it is unbounded;
    `SquaredError` is not).

    References
    ----------
    Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102
    (2007) 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import CrossEntropy
    >>> CrossEntropy()(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor([0.6931])
    """

    name = "cross_entropy"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(-target * logits.log_softmax(-1), entry_weight)


@register_loss
@dataclass(repr=False)
class SquaredError(DistributionLoss):
    r"""Brier score of a softmax: :math:`\sum_k (p_k - y_k)^2` with p = softmax(logits).

    Domain: distribution. Link: softmax. Strictly proper: its expectation is minimised by the mean
    of y. Bounded by 2, so single wrong labels pull less; its gradient vanishes where the output is
    confidently wrong, so training may stall there.

    References
    ----------
    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
    78 (1950) 1-3, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import SquaredError
    >>> SquaredError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    """

    name = "squared_error"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((logits.softmax(-1) - target).square(), entry_weight)
