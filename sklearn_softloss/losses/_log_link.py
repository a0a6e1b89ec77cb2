"""Regression losses of amounts and counts: deviances of the mean, read through an exponential."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from .._checks import check_number
from .._targets.domains import NONNEGATIVE_REAL, POSITIVE_REAL
from ._base import register_loss
from ._regression import EntrywiseLoss, Values, mean_of

TANGENT_FROM = 20.0
"""Where an exponential gives way to its tangent, so that nothing overflows."""


def tangent_exp(exponent: Tensor) -> Tensor:
    """The exponential up to `TANGENT_FROM`, its tangent from there on.

    Parameters
    ----------
    exponent : Tensor

    Returns
    -------
    Tensor
    """
    return exponent.clamp_max(TANGENT_FROM).exp() * (1 + (exponent - TANGENT_FROM).clamp_min(0.0))


def _log(target: Tensor) -> Tensor:
    """Finite too of unknown entries, which are 0, and where the least numbers round to 0."""
    return target.clamp_min(torch.finfo(target.dtype).tiny).log()


def _slope_of_exp(exponent: Tensor) -> Tensor:
    return exponent.clamp_max(TANGENT_FROM).exp()


class LogLinkLoss(EntrywiseLoss):
    """Half a unit deviance (of Tweedie) of targets and the exponential of the logits.

    Functional: the mean. Targets are divided by their mean, never moved, and `score` is D² of the
    deviance.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Gamma, LogLinkLoss
    >>> isinstance(Gamma(), LogLinkLoss), Gamma().inverse_link(torch.zeros(1, 1))
    (True, tensor([[1.]]))
    """

    functional = "mean"

    @property
    @abstractmethod
    def power(self) -> float:
        """The variance of a target is its mean to this power."""

    def inverse_link(self, logits: Tensor) -> Tensor:
        return tangent_exp(logits)

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        return 0.0, mean_of(values, weight) or 1.0

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        from sklearn.metrics import d2_tweedie_score

        found = d2_tweedie_score(y_true, y_pred, sample_weight=sample_weight, power=self.power)
        return float(found)


@register_loss
class Poisson(LogLinkLoss):
    r"""Half the Poisson deviance: :math:`\sum_j \hat y_j - y_j + y_j \log (y_j / \hat y_j)`.

    Domain: nonnegative real. Link: exp. Functional: the conditional mean, so strictly proper.

    Use it for counts, with `sample_weight` for exposures. Not for amounts whose spread grows as
    fast as they do (see `Gamma`).

    References
    ----------
    Gneiting, "Making and evaluating point forecasts", JASA 106 (2011) 746-762,
    doi:10.1198/jasa.2011.r10138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Poisson
    >>> Poisson()(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]]))
    tensor([0., 1.])
    """

    name = "poisson"
    domain = NONNEGATIVE_REAL
    power = 1.0

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        return tangent_exp(logits) - target * (1 + logits) + torch.xlogy(target, target)

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        return _slope_of_exp(logits) - target


@register_loss
class Gamma(LogLinkLoss):
    r"""Half the gamma deviance: :math:`\sum_j y_j / \hat y_j - 1 - \log (y_j / \hat y_j)`.

    Domain: positive real. Link: exp. Functional: the conditional mean, so strictly proper.

    Use it for amounts whose spread grows as they do, such as costs. Not where some are 0 (see
    `Tweedie`).

    References
    ----------
    Gneiting, "Making and evaluating point forecasts", JASA 106 (2011) 746-762,
    doi:10.1198/jasa.2011.r10138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Gamma
    >>> Gamma()(torch.zeros(2, 1), torch.tensor([[1.0], [2.0]]))
    tensor([0.0000, 0.3069])
    """

    name = "gamma"
    domain = POSITIVE_REAL
    power = 2.0

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        return target * tangent_exp(-logits) - 1 + logits - _log(target)

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        return 1 - target * _slope_of_exp(-logits)


@register_loss
class Tweedie(LogLinkLoss):
    r"""Half the Tweedie deviance of a power p between 1 and 2: between Poisson and gamma.

    .. math:: \sum_j \frac{y_j^{2-p}}{(1-p)(2-p)} - \frac{y_j \hat y_j^{1-p}}{1-p}
        + \frac{\hat y_j^{2-p}}{2-p}

    Domain: nonnegative real. Link: exp. Functional: the conditional mean, so strictly proper.

    Use it for amounts of which many are exactly 0, such as claims or rain. Not for counts.

    Parameters
    ----------
    power : float, default=1.5
        In (1, 2).

    References
    ----------
    Jorgensen, "Exponential dispersion models", JRSS B 49 (1987) 127-162,
    doi:10.1111/j.2517-6161.1987.tb01685.x.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Tweedie
    >>> Tweedie()(torch.zeros(2, 1), torch.tensor([[1.0], [0.0]]))
    tensor([0., 2.])
    """

    name = "tweedie"
    domain = NONNEGATIVE_REAL
    power: float = 1.5

    def __post_init__(self) -> None:
        check_number("power", self.power, 1, 2, open_end=True)
        if self.power == 2:
            raise ValueError("power must be less than 2; take loss='gamma' for 2.")

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        low, high = 1 - self.power, 2 - self.power
        of_target = target.pow(high) / (low * high)
        of_mean = tangent_exp(high * logits) / high
        return of_target - target * tangent_exp(low * logits) / low + of_mean

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        low, high = 1 - self.power, 2 - self.power
        return _slope_of_exp(high * logits) - target * _slope_of_exp(low * logits)
