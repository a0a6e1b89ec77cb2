"""Losses on entries in [0, 1] (sigmoid): several labels a row, or one confidence a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import IndependentLoss, Properness, number, register_loss, sum_entries, weighted
from ._formulas import (
    AbsoluteErrorFormula,
    CosineFormula,
    FocalFormula,
    JeffreysFormula,
    PartialIndependentLoss,
    Poly1Formula,
)
from ._links import exact_softplus, log_sigmoids


@register_loss
class BinaryCrossEntropy(IndependentLoss):
    r"""Sigmoid cross-entropy in nats: :math:`-\sum_l w_l y_l \log p_l + (1 - y_l) \log(1 - p_l)`.

    Here p = sigmoid(logits), whose logarithms are exact, and w is the `pos_weight`.

    Domain: independent. Link: sigmoid p, and p / (p + w (1 - p)) with `pos_weight`, because the
    weighted loss is least at w y / (w y + 1 - y). Strictly proper without `pos_weight`, invertible
    with it.

    Use it by default for label sets and for per-class confidences. Not where many labels that
    are present were recorded as absent (see `Hill`).

    Parameters
    ----------
    pos_weight : float or array-like of shape (n_labels,), default=None
        Weight of the positive part, > 0: rare labels pull harder, and the inverse link undoes it.

    References
    ----------
    Gneiting and Raftery, JASA 102 (2007) 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryCrossEntropy
    >>> BinaryCrossEntropy()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.3863])
    """

    name = "binary_cross_entropy"
    pos_weight: Any = None

    def __post_init__(self) -> None:
        if self.pos_weight is None:
            return
        weight = np.asarray(self.pos_weight, dtype=np.float64)
        if weight.ndim > 1 or not np.all(np.isfinite(weight) & (weight > 0)):
            raise ValueError(
                "pos_weight must be a number > 0 or one such number a label; "
                f"got {self.pos_weight!r}."
            )

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.pos_weight is None else "invertible"

    def _weight_like(self, logits: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(self.pos_weight, dtype=np.float64)).to(logits)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        present = target * log_p
        if self.pos_weight is not None:
            present = self._weight_like(logits) * present
        return sum_entries(-present - (1 - target) * log_not_p, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        proba = logits.sigmoid()
        if self.pos_weight is None:
            gradient = proba - target
        else:
            weight = self._weight_like(logits)
            gradient = (1 - target) * proba - weight * target * (-logits).sigmoid()
        return weighted(gradient, entry_weight)

    def inverse_link(self, logits: Tensor) -> Tensor:
        if self.pos_weight is None:
            return logits.sigmoid()
        return (logits - self._weight_like(logits).log()).sigmoid()


@register_loss
class BinarySquaredError(IndependentLoss):
    r"""Brier score of sigmoids: :math:`\sum_l (p_l - y_l)^2` with p = sigmoid(logits).

    Domain: independent. Link: sigmoid. Strictly proper: each term is least at the mean of y.

    Use it when some labels are plainly wrong: it is bounded. Not with a poor start: it saturates,
    since its gradient holds a factor p (1 - p) and vanishes where the output is confidently wrong.
    Targets of 0.1 and 0.9 (`target_range`) keep it out of that region (LeCun et al. 1998, 4.5).

    References
    ----------
    Brier, Mon. Weather Rev. 78 (1950) 1-3, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    LeCun et al., "Efficient BackProp", 1998, doi:10.1007/3-540-49430-8_2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinarySquaredError
    >>> BinarySquaredError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    """

    name = "squared_error"
    properness = "strictly proper"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((logits.sigmoid() - target).square(), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        proba = logits.sigmoid()
        gradient = 2 * (proba - target) * proba * (1 - proba)
        return weighted(gradient, entry_weight)


@register_loss
class BinaryAbsoluteError(AbsoluteErrorFormula, IndependentLoss):
    r"""Absolute error of sigmoids: :math:`\sum_l |p_l - y_l|`.

    Domain: independent. Link: sigmoid. Neither proper nor invertible: its expectation is least at
    the median of y, which for drawn labels is 0 or 1.

    Use it for the median of soft targets, or with many labels wrong at random. Not for
    probabilities: calibrate first.

    References
    ----------
    Ghosh, Kumar and Sastry, AAAI 2017, arXiv:1712.09482.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryAbsoluteError
    >>> BinaryAbsoluteError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.])
    """


@register_loss
class BinaryFocal(FocalFormula, PartialIndependentLoss):
    r"""Focal loss of sigmoids.

    .. math:: -\sum_l y_l (1 - p_l)^\gamma \log p_l + (1 - y_l) p_l^\gamma \log(1 - p_l)

    Domain: independent. Link: the ratio of the slopes of both parts, which is y / (1 - y) at the
    minimiser. Invertible, not proper: the minimiser is less confident than y.

    Use it when absent labels that are easy swamp the rest. Not when `BinaryCrossEntropy` does.

    Parameters
    ----------
    gamma : float, default=2.0
        How much confident entries are played down, >= 0; 0 is the cross-entropy.

    References
    ----------
    Lin et al., "Focal loss for dense object detection", ICCV 2017, arXiv:1708.02002.
    Charoenphakdee et al., CVPR 2021, arXiv:2011.09172.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryFocal
    >>> BinaryFocal()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.3466])
    """


@register_loss
class BinaryPoly1(Poly1Formula, PartialIndependentLoss):
    r"""Sigmoid cross-entropy plus a linear term.

    .. math:: \sum_l y_l f(p_l) + (1 - y_l) f(1 - p_l), \quad f(p) = -\log p + \epsilon (1 - p)

    Domain: independent. Link: the ratio of the slopes of both parts. Invertible.

    Use it to pull more (epsilon > 0) or less on entries that are right already. Not where plain
    cross-entropy does: its parameter has to be tuned.

    Parameters
    ----------
    epsilon : float, default=1.0
        Coefficient of the linear term, > -1; 0 is the cross-entropy.

    References
    ----------
    Leng et al., "PolyLoss", ICLR 2022, arXiv:2204.12511.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryPoly1
    >>> BinaryPoly1()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([2.3863])
    """


@register_loss
class Asymmetric(IndependentLoss):
    r"""Focal loss with different strengths for present and absent labels, and a shift.

    .. math:: -\sum_l y_l (1 - p_l)^{\gamma_+} \log p_l + (1 - y_l) q_l^{\gamma_-} \log(1 - q_l),
        \quad q = \max(p - m, 0)

    Domain: independent. Link: sigmoid. Neither: below the margin m absent labels cost nothing, so
    different probabilities share a minimiser (Cheng and Vasconcelos, CVPR 2024, on why such
    losses are badly calibrated).

    Use it to rank with many labels, most of them absent. Not for probabilities: calibrate first.

    Parameters
    ----------
    gamma_pos, gamma_neg : float, default=1.0, 4.0
        Focal exponents of present and absent labels, >= 0.
    margin : float, default=0.05
        Probability that costs nothing for an absent label, in [0, 1].

    References
    ----------
    Ridnik et al., "Asymmetric loss for multi-label classification", ICCV 2021, arXiv:2009.14119.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Asymmetric
    >>> Asymmetric()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.3711])
    """

    name = "asymmetric"
    properness = "neither"
    gamma_pos: float = number(default=1.0, low=0.0)
    gamma_neg: float = number(default=4.0, low=0.0)
    margin: float = number(default=0.05, low=0.0, high=1.0)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p, log_not_p = log_sigmoids(logits)
        present = (self.gamma_pos * log_not_p).exp() * log_p
        shifted = (log_p.exp() - self.margin).clamp_min(0.0)
        if self.margin == 0:
            absent = (self.gamma_neg * log_p).exp() * log_not_p
        else:
            # Away from zero, where a power below 1 has no derivative; there the term is zero.
            some = shifted.clamp_min(torch.finfo(logits.dtype).eps)
            power = some.pow(self.gamma_neg).masked_fill(shifted == 0, 0.0)
            absent = power * (-shifted).log1p()
        return sum_entries(-target * present - (1 - target) * absent, entry_weight)


@register_loss
class Hill(IndependentLoss):
    r"""Loss whose pull on absent labels falls again where the net is sure they are present.

    .. math:: -\sum_l y_l (1 - q_l)^\gamma \log q_l - (1 - y_l) (\lambda - p_l) p_l^2,
        \quad q = \mathrm{sigmoid}(z - m)

    with z the logits and p = sigmoid(z).

    Domain: independent. Link: sigmoid. Neither: it takes some of the recorded absences back, so
    its minimiser is not the recorded share.

    Use it when labels that are present were often recorded as absent. Not for probabilities of
    what was recorded: calibrate first. For labels known to be unknown use NaN or -1 instead.

    Parameters
    ----------
    lamb : float, default=1.5
        Where the hill ends, >= 1.
    margin : float, default=1.0
        Shift of the logit of a present label, in nats.
    gamma : float, default=2.0
        Focal exponent of present labels, >= 0.

    References
    ----------
    Zhang et al., 2021, arXiv:2112.07368.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Hill
    >>> Hill()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.9519])
    """

    name = "hill"
    properness = "neither"
    lamb: float = number(default=1.5, low=1.0)
    margin: float = number(default=1.0, low=-float("inf"))
    gamma: float = number(default=2.0, low=0.0)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_q, log_not_q = log_sigmoids(logits - self.margin)
        present = (self.gamma * log_not_q).exp() * log_q
        proba = logits.sigmoid()
        absent = (self.lamb - proba) * proba.square()
        return sum_entries(-target * present + (1 - target) * absent, entry_weight)


@register_loss
class ZLPR(IndependentLoss):
    r"""Zero-bounded log-sum-exp loss over pairs of present and absent labels, in nats.

    .. math:: \log(1 + \sum_l (1 - y_l) e^{z_l}) + \log(1 + \sum_l y_l e^{-z_l})

    with z the logits; the soft form weighs each label's two terms.

    Domain: independent. Link: sigmoid, because z = 0 parts present from absent. Neither: labels
    of a row are coupled, so z_l depends on the other labels of the row.

    Use it to rank labels and to cut at 0.5 without tuning, whatever their number. Not for
    probabilities: calibrate first.

    References
    ----------
    Su et al., "ZLPR: a novel loss for multi-label classification", 2022, arXiv:2208.02955.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import ZLPR
    >>> ZLPR()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.3863])
    """

    name = "zlpr"
    properness = "neither"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        absent = (logits + log_share(1 - target, entry_weight)).logsumexp(-1)
        present = (log_share(target, entry_weight) - logits).logsumexp(-1)
        return exact_softplus(absent) + exact_softplus(present)


@register_loss
class TwoWay(IndependentLoss):
    r"""Present against absent, among the labels of a row and among the rows of a label.

    .. math:: s\Big(\log\sum (1 - y) e^{z} + T \log\sum y\,e^{-z / T}\Big)

    with z the logits and s the softplus, once over the labels of each row and once over the rows
    of each label; the second kind is averaged over the labels that occur and added to every row.

    Domain: independent. Link: sigmoid. Neither: it ranks, and shifting all logits by a constant
    costs nothing. The value of a row depends on its batch, so weights of rows are not separable:
    a row of weight 2 is not two rows.

    Use it with large batches, for ranking. Not for probabilities, and not with row weights.

    Parameters
    ----------
    temperature : float, default=4.0
        T, > 0: the larger, the more the present labels count alike.

    References
    ----------
    Kobayashi, "Two-way multi-label loss", CVPR 2023, doi:10.1109/CVPR52729.2023.00722.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import TwoWay
    >>> TwoWay()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.6931])
    """

    name = "two_way"
    properness = "neither"
    batch_dependent = True
    temperature: float = number(default=4.0, low=0.0, open_end=True)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        lead = logits.shape[:-1]
        logits, target = logits.flatten(0, -2), target.flatten(0, -2)
        weight = None if entry_weight is None else entry_weight.flatten(0, -2)
        absent, present = log_share(1 - target, weight), log_share(target, weight)
        of_rows = self._pairs(logits, absent, present, -1)
        of_labels = self._pairs(logits, absent, present, 0)
        n_present = (target > 0).any(0).sum().clamp_min(1)
        known = torch.ones_like(of_rows) if weight is None else (weight > 0).any(-1).to(of_rows)
        return (of_rows + known * (of_labels.sum() / n_present)).reshape(lead)

    def _pairs(self, logits: Tensor, absent: Tensor, present: Tensor, axis: int) -> Tensor:
        t = self.temperature
        return exact_softplus(
            (logits + absent).logsumexp(axis) + t * (-logits / t + present).logsumexp(axis)
        )


@register_loss
class BinaryJeffreys(JeffreysFormula, IndependentLoss):
    r"""The "modified KL" of unnormalised rows: :math:`\sum_l (p_l - y_l) (\log p_l - \log y_l)`.

    Domain: independent. Link: sigmoid. Neither: for targets of 0 the value is set by `floor`, and
    drawn labels and their mean pull differently.

    Use it with dense soft targets that are exact. Not for drawn labels: calibrate first.

    Parameters
    ----------
    floor : float, default=1e-4
        Targets below it count as it inside the logarithm.

    References
    ----------
    Jeffreys, Proc. Royal Society A 186 (1946) 453-461, doi:10.1098/rspa.1946.0056.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryJeffreys
    >>> BinaryJeffreys()(torch.zeros(1, 2), torch.tensor([[0.75, 0.25]]))
    tensor([0.2747])
    """

    def _log_proba(self, logits: Tensor) -> Tensor:
        return log_sigmoids(logits)[0]


@register_loss
class BinaryCosine(CosineFormula, IndependentLoss):
    r"""One minus the cosine between the rows p of sigmoids and y, in [0, 1].

    Domain: independent. Link: sigmoid. Neither: it is free of scale, so a row of p may be
    multiplied by any number. Rows without a present label count for nothing.

    Use it with very many labels of which few are present. Not for probabilities.

    References
    ----------
    Barz and Denzler, WACV 2020, arXiv:1901.09054.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryCosine
    >>> BinaryCosine()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.2929])
    """


def log_share(share: Tensor, entry_weight: Tensor | None) -> Tensor:
    """log of weighted shares, with a finite stand-in for log 0 whose exponential is zero."""
    share = weighted(share, entry_weight)
    none = share <= 0
    return share.masked_fill(none, 1.0).log().masked_fill(none, torch.finfo(share.dtype).min / 8)
