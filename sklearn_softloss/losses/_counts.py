"""Losses on nonnegative rows: which labels, and how many."""

from __future__ import annotations

import torch
from torch import Tensor

from .._checks import check_one_of
from .._targets.domains import NONNEGATIVE
from ._base import Loss, Properness, register_loss, sum_entries
from ._links import TANGENT_FROM, log_softmax, softmax, tangent_exp

SMALLEST_COUNT = 0.01


class NonnegativeLoss(Loss):
    """A loss on rows of counts or weights >= 0 that need not sum to anything."""

    domain = NONNEGATIVE

    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        labels, rest = logits.split([unknown.shape[-1], logits.shape[-1] - unknown.shape[-1]], -1)
        hidden = labels.masked_fill(unknown, torch.finfo(logits.dtype).min / 2)
        rest = rest.masked_fill(unknown.all(-1, keepdim=True), 0.0)
        return torch.cat([hidden, rest], -1)


@register_loss
class CountDistribution(NonnegativeLoss):
    r"""Factorised model of a row: p = softmax for which labels, one more logit c for how many, Z.

    Domain: nonnegative; rows of zeros are legal. Link: :math:`\min(1, Z p_l)`; `count` gives Z.

    With ``count_link="poisson"`` Z = exp(c) and a count n costs Z - n log Z (Poisson, in nats);
    with "linear" Z = max(1 + c, 0.01), so that a fresh net starts off the flat part, and it costs
    (Z - n)^2. With ``mode="separate"`` a row costs
    KL(y / n || p) plus the cost of its sum n, and rows of zeros cost the count alone. With
    "product" the cost is that of each y_l under Z p_l, summed over labels.

    "product" is strictly proper: both costs are consistent for the mean, and Z p can be any row.
    "separate" is neither: its p is the mean of y / n, which weighs rows with few labels more.

    Use it for label sets whose size says something. Not for labels that occur independently of
    each other: one sigmoid each is simpler.

    Parameters
    ----------
    count_link : {"poisson", "linear"}, default="poisson"
    mode : {"separate", "product"}, default="separate"

    References
    ----------
    Cameron and Trivedi, "Regression analysis of count data", 2013, doi:10.1017/CBO9781139013567,
    chapter 3 (Poisson quasi-likelihood and the conditional mean).

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import CountDistribution
    >>> loss = CountDistribution()
    >>> logits = torch.tensor([[1.0, 1.0, 1.0, 1.0, 2.0]]).log()  # four labels, two expected
    >>> loss.inverse_link(logits)
    tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    >>> loss.count(logits)
    tensor([2.])
    """

    name = "count_distribution"
    count_link: str = "poisson"
    mode: str = "separate"

    def __post_init__(self) -> None:
        check_one_of("count_link", self.count_link, ("poisson", "linear"))
        check_one_of("mode", self.mode, ("separate", "product"))

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.mode == "product" else "neither"

    def n_logits(self, n_labels: int) -> int:
        return n_labels + 1

    def count(self, logits: Tensor) -> Tensor:
        """Expected sum Z of the row.

        Parameters
        ----------
        logits : Tensor of shape (..., n_labels + 1)
            Outputs of the net, before any link.

        Returns
        -------
        Tensor of shape (...)
        """
        return self._log_count(logits)[1]

    def _log_count(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """log Z and Z."""
        raw = logits[..., -1]
        if self.count_link == "linear":
            count = (1 + raw).clamp_min(SMALLEST_COUNT)
            return count.log(), count
        excess = (raw - TANGENT_FROM).clamp_min(0.0)
        return raw.clamp_max(TANGENT_FROM) + excess.log1p(), tangent_exp(raw)

    def _count_cost(self, log_count: Tensor, count: Tensor, target: Tensor) -> Tensor:
        if self.count_link == "linear":
            return (count - target).square()
        return count - target * log_count

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p = log_softmax(logits[..., :-1])
        log_count, count = self._log_count(logits)
        if self.mode == "product":
            log_product, product = log_count[..., None] + log_p, count[..., None] * log_p.exp()
            return sum_entries(self._count_cost(log_product, product, target), entry_weight)
        total = sum_entries(target, entry_weight)
        share = target / total.masked_fill(total == 0, 1.0)[..., None]
        divergence = sum_entries(torch.xlogy(share, share) - share * log_p, entry_weight)
        cost = self._count_cost(log_count, count, total)
        return divergence + (cost if entry_weight is None else cost * entry_weight.any(-1))

    def inverse_link(self, logits: Tensor) -> Tensor:
        expected = self.count(logits)[..., None] * softmax(logits[..., :-1])
        return expected.clamp_max(1.0)


@register_loss
class NormalizedCrossEntropy(NonnegativeLoss):
    r"""Softmax cross-entropy with rows divided by their sum: :math:`-\sum_l (y_l / n) \log p_l`.

    Domain: nonnegative; n is the sum of the row, and rows of zeros cost nothing. Link: softmax.
    Neither: its output is the mean of y / n, which is no probability of a label.

    Use it to rank very many labels (Mahajan et al. 2018 train on hashtags so). Not where rows
    without labels matter, nor for probabilities: calibrate, and tune the threshold.

    References
    ----------
    Mahajan et al., ECCV 2018, arXiv:1805.00932, section 2.2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import NormalizedCrossEntropy
    >>> NormalizedCrossEntropy()(torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    tensor([0.6931, 0.0000])
    """

    name = "normalized_cross_entropy"
    properness = "neither"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        mass = target if entry_weight is None else entry_weight * target
        total = mass.sum(-1)
        cost = -(target * log_softmax(logits))
        return sum_entries(cost, entry_weight) / total.masked_fill(total == 0, 1.0)

    def inverse_link(self, logits: Tensor) -> Tensor:
        return softmax(logits)
