"""Losses on rows that sum to 1 (softmax): one of k classes, or a distribution over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._checks import check_number
from ._base import DistributionLoss, Properness, number, register_loss, sum_entries, weighted
from ._formulas import (
    AbsoluteErrorFormula,
    CosineFormula,
    FocalFormula,
    JeffreysFormula,
    PartialDistributionLoss,
    Poly1Formula,
)
from ._links import log_complement, log_softmax, softmax


@register_loss
class CrossEntropy(DistributionLoss):
    r"""Softmax cross-entropy in nats: :math:`-\sum_k y_k \log p_k` with p = softmax(logits).

    Domain: distribution. Link: softmax. Strictly proper: linear in y, with the entropy of y as its
    infimum, attained at p = y alone (Gneiting and Raftery 2007, section 4).

    Use it by default. Not when a few wrong labels are far off: it is unbounded.

    References
    ----------
    Gneiting and Raftery, JASA 102 (2007) 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import CrossEntropy
    >>> CrossEntropy()(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor([0.6931])
    """

    name = "cross_entropy"
    properness = "strictly proper"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(-target * log_softmax(logits), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        if entry_weight is None:  # rows of the target sum to 1
            return softmax(logits) - target
        mass = entry_weight * target
        return mass.sum(-1, keepdim=True) * softmax(logits) - mass


@register_loss
class KLDivergence(DistributionLoss):
    r"""Kullback-Leibler divergence in nats: :math:`\sum_k y_k \log(y_k / p_k)`.

    Domain: distribution. Link: softmax. Strictly proper: it is the cross-entropy less the entropy
    of y, which does not depend on p, so the gradients are equal.

    Use it in place of `CrossEntropy` when the value itself is read: zero means a perfect fit. Not
    when a few wrong labels are far off.

    References
    ----------
    Kullback and Leibler, Ann. Math. Statist. 22 (1951) 79-86, doi:10.1214/aoms/1177729694.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import KLDivergence
    >>> KLDivergence()(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]])).abs()
    tensor([0.])
    """

    name = "kl_divergence"
    properness = "strictly proper"
    logit_gradient = CrossEntropy.logit_gradient

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        terms = torch.xlogy(target, target) - target * log_softmax(logits)
        return sum_entries(terms, entry_weight)


@register_loss
class SquaredError(DistributionLoss):
    r"""Brier score of a softmax: :math:`\sum_k (p_k - y_k)^2`.

    Domain: distribution. Link: softmax. Strictly proper: its expectation is least at the mean of
    y (Gneiting and Raftery 2007, section 4).

    Use it when some labels are plainly wrong: it is bounded by 2. Not with a poor start: its
    gradient vanishes where the output is confidently wrong (saturation).

    References
    ----------
    Brier, Mon. Weather Rev. 78 (1950) 1-3, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import SquaredError
    >>> SquaredError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    """

    name = "squared_error"
    properness = "strictly proper"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((softmax(logits) - target).square(), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        proba = softmax(logits)
        error = weighted(2 * (proba - target), entry_weight)
        return proba * (error - (error * proba).sum(-1, keepdim=True))


@register_loss
class AbsoluteError(AbsoluteErrorFormula, DistributionLoss):
    r"""Total absolute error of a softmax: :math:`\sum_k |p_k - y_k|`.

    Domain: distribution. Link: softmax. Neither proper nor invertible: for drawn labels its
    expectation is linear in p, so it is least at a corner, the most frequent class.

    Use it when many labels are wrong at random and only the class is wanted (Ghosh et al. 2017).
    Not for probabilities: calibrate first.

    References
    ----------
    Ghosh, Kumar and Sastry, AAAI 2017, arXiv:1712.09482.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import AbsoluteError
    >>> AbsoluteError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.])
    """


@register_loss
class Jeffreys(JeffreysFormula, DistributionLoss):
    r"""Jeffreys divergence in nats: :math:`\sum_k (p_k - y_k) (\log p_k - \log y_k)`.

    Known also as the "modified KL" ``sum |(P - Q) log(P / Q)|``: both factors have the same sign.

    Domain: distribution. Link: softmax. Neither proper nor invertible: it is linear in neither
    argument, and for targets of 0 its value is set by `floor`.

    Use it when rows of y are the true distributions, dense and exact. Not for drawn labels.

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
    >>> from sklearn_softloss.losses import Jeffreys
    >>> Jeffreys()(torch.zeros(1, 2), torch.tensor([[0.75, 0.25]]))
    tensor([0.2747])
    """

    def _log_proba(self, logits: Tensor) -> Tensor:
        return log_softmax(logits)


@register_loss
class Cosine(CosineFormula, DistributionLoss):
    r"""One minus the cosine between the rows p and y, in [0, 1].

    Domain: distribution. Link: softmax. Neither proper nor invertible for soft rows: dividing by
    the length of y weighs rows by how concentrated they are. For hard labels alone it is the
    spherical score, which is strictly proper (Gneiting and Raftery 2007, section 4).

    Use it when only the direction of a row matters. Not for probabilities: calibrate first.

    References
    ----------
    Barz and Denzler, WACV 2020, arXiv:1901.09054.
    Gneiting and Raftery, JASA 102 (2007) 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Cosine
    >>> Cosine()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.2929])
    """


@register_loss
class Focal(FocalFormula, PartialDistributionLoss):
    r"""Focal loss of a softmax: :math:`-\sum_k y_k (1 - p_k)^\gamma \log p_k`.

    Domain: distribution. Link: :math:`p_k \mapsto h(p_k) / \sum_j h(p_j)` with
    :math:`h(p) = p / ((1 - p)^\gamma - \gamma (1 - p)^{\gamma - 1} p \log p)`. Invertible, not
    proper: the minimiser is less confident than y, and the link undoes that (Charoenphakdee et
    al. 2021).

    Use it when easy rows swamp hard ones. Not when cross-entropy does.

    Parameters
    ----------
    gamma : float, default=2.0
        How much confident rows are played down, >= 0; 0 is the cross-entropy.

    References
    ----------
    Lin et al., "Focal loss for dense object detection", ICCV 2017, arXiv:1708.02002.
    Charoenphakdee et al., CVPR 2021, arXiv:2011.09172.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Focal
    >>> Focal()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.1733])
    """


@register_loss
class Poly1(Poly1Formula, PartialDistributionLoss):
    r"""Cross-entropy plus a linear term: :math:`\sum_k y_k (-\log p_k + \epsilon (1 - p_k))`.

    Domain: distribution. Link: p / (1 + epsilon p), normalised. Invertible: at the minimiser y is
    proportional to 1 / (1 / p + epsilon).

    Use it to pull more (epsilon > 0) or less on classes that are right already. Not where
    plain cross-entropy does: its parameter has to be tuned.

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
    >>> from sklearn_softloss.losses import Poly1
    >>> Poly1()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.1931])
    """


@register_loss
class GeneralizedCrossEntropy(PartialDistributionLoss):
    r"""Between cross-entropy and absolute error: :math:`\sum_k y_k (1 - p_k^q) / q`.

    Domain: distribution. Link: :math:`p^{1 - q}`, normalised. Invertible for q < 1: at the
    minimiser p is proportional to :math:`y^{1 / (1 - q)}`, sharper than y. At q = 1 it is half the
    absolute error, and neither.

    Use it when labels are wrong at random. Not with clean soft rows: the link has to stretch what
    the loss has sharpened, and small errors grow.

    Parameters
    ----------
    q : float, default=0.7
        In (0, 1]; the cross-entropy as q falls to 0.

    References
    ----------
    Zhang and Sabuncu, NeurIPS 2018, arXiv:1805.07836.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=1.0)(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    """

    name = "generalized_cross_entropy"
    q: float = number(default=0.7, low=0.0, high=1.0, open_end=True)

    @property
    def properness(self) -> Properness:
        return "invertible" if self.q < 1 else "neither"

    def _cost(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return -(self.q * log_p).expm1() / self.q

    def _log_slope(self, log_p: Tensor, log_not_p: Tensor) -> Tensor:
        return (self.q - 1) * log_p

    def inverse_link(self, logits: Tensor) -> Tensor:
        return super().inverse_link(logits) if self.q < 1 else softmax(logits)


@register_loss
class SymmetricCrossEntropy(DistributionLoss):
    r"""Cross-entropy both ways: :math:`-a \sum_k y_k \log p_k - b \sum_k p_k \log y_k`.

    The logarithm of a target is cut at `log_zero`. Domain: distribution. Link: softmax. Neither:
    the second sum is not linear in y, so drawn labels and their mean pull differently.

    Use it when labels are wrong at random and the class is wanted. Not for probabilities.

    Parameters
    ----------
    alpha : float, default=0.1
        Weight a of the cross-entropy, >= 0.
    beta : float, default=1.0
        Weight b of the reverse cross-entropy, >= 0.
    log_zero : float, default=-4.0
        What log 0 counts as, < 0.

    References
    ----------
    Wang et al., "Symmetric cross entropy", ICCV 2019, arXiv:1908.06112.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import SymmetricCrossEntropy
    >>> SymmetricCrossEntropy()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([2.0693])
    """

    name = "symmetric_cross_entropy"
    properness = "neither"
    alpha: float = number(default=0.1, low=0.0)
    beta: float = number(default=1.0, low=0.0)
    log_zero: float = -4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("-log_zero", -self.log_zero, low=0.0, open_end=True)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        log_p = log_softmax(logits)
        log_target = target.clamp_min(np.exp(self.log_zero)).log()
        terms = -self.alpha * target * log_p - self.beta * log_p.exp() * log_target
        return sum_entries(terms, entry_weight)


@register_loss
class CrossEntropyWithComplement(DistributionLoss):
    r"""Both sides of every class: :math:`-\sum_k y_k \log p_k + (1 - y_k) \log(1 - p_k)`, in nats.

    Domain: distribution. Link: softmax. Strictly proper: each term, a logarithmic score, is least
    at p_k = y_k, and these values together are a distribution.

    Use it when wrong classes should be pushed down one by one, and not only through the softmax.
    Not with classes that do not exclude each other: take `BinaryCrossEntropy`, the same form of
    sigmoids. One of four exclusive classes predicted as (.7, .1, .1, .1) costs 0.67, and the
    confidences (.73, .26, .05, .05), better for that class, cost 0.72.

    References
    ----------
    Gneiting and Raftery, JASA 102 (2007) 359-378, doi:10.1198/016214506000001437.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import CrossEntropyWithComplement
    >>> logits = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).log()
    >>> CrossEntropyWithComplement()(logits, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    tensor([0.6728])
    """

    name = "cross_entropy_with_complement"
    properness = "strictly proper"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        terms = target * log_softmax(logits) + (1 - target) * log_complement(logits)
        return sum_entries(-terms, entry_weight)


@register_loss
class EarthMover(DistributionLoss):
    r"""Squared distance of cumulative rows: :math:`\sum_k (\sum_{j \le k} p_j - y_j)^2`.

    Domain: distribution, over ordered classes (the order of `classes_`). Link: softmax. Strictly
    proper: the ranked probability score (Epstein 1969; Gneiting and Raftery 2007, section 4.2).

    Use it for grades and ratings: missing by two classes costs more than by one. Not without order.

    References
    ----------
    Epstein, J. Appl. Meteorol. 8 (1969) 985-987,
    doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2.
    Hou, Yu and Samaras, 2016, arXiv:1611.05916.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import EarthMover
    >>> EarthMover()(torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    tensor([0.2500, 0.0000])
    """

    name = "earth_mover"
    properness = "strictly proper"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((softmax(logits) - target).cumsum(-1).square(), entry_weight)


@register_loss
class LogitAdjustedCrossEntropy(DistributionLoss):
    r"""Cross-entropy of :math:`\mathrm{softmax}(z + \tau \log \pi)`, in nats.

    With tau = 1 the logits z rank classes as if equally frequent; the link puts the prior pi back.

    Domain: distribution. Link: softmax(z + tau log pi). Strictly proper: cross-entropy of that.

    Use it with rare classes when a net of small capacity should not spend it on the prior. Not
    for balanced decisions by itself: for those divide the probabilities by the prior.

    Parameters
    ----------
    tau : float, default=1.0
        Strength of the adjustment, >= 0.
    prior : array-like of shape (n_classes,), default=None
        Positive numbers. None takes the mean of the training targets; without one, equal classes.

    References
    ----------
    Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, arXiv:2007.07314.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import LogitAdjustedCrossEntropy
    >>> LogitAdjustedCrossEntropy(prior=[0.9, 0.1]).inverse_link(torch.zeros(1, 2))
    tensor([[0.9000, 0.1000]])
    """

    name = "logit_adjusted_cross_entropy"
    properness = "strictly proper"
    tau: float = number(default=1.0, low=0.0)
    prior: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prior is None:
            return
        prior = np.asarray(self.prior, dtype=np.float64)
        if prior.ndim != 1 or not np.all(np.isfinite(prior) & (prior > 0)):
            raise ValueError(f"prior must be one number > 0 a class; got {self.prior!r}.")

    @property
    def needs_mean_target(self) -> bool:
        return self.prior is None

    def with_mean_target(self, mean: np.ndarray[Any, Any]) -> LogitAdjustedCrossEntropy:
        # A class without mass keeps a finite logarithm.
        return replace(self, prior=np.maximum(mean, np.finfo(np.float64).eps))

    def _adjusted(self, logits: Tensor) -> Tensor:
        if self.prior is None:
            return logits
        prior = np.asarray(self.prior, dtype=np.float64)
        shift = torch.from_numpy(self.tau * np.log(prior / prior.sum()))
        return logits + shift.to(logits)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(-target * log_softmax(self._adjusted(logits)), entry_weight)

    def inverse_link(self, logits: Tensor) -> Tensor:
        return softmax(self._adjusted(logits))
