"""Losses that read several logits a target: quantiles that cannot cross, a mean with its spread."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from .._checks import check_levels
from ._base import register_loss, sum_entries
from ._regression import RegressionLoss, Values, quantile_and_deviation

UNIT = float(np.log(np.expm1(1.0)))
"""Where softplus is 1."""

LEAST_SPREAD = 1e-3


def _per_target(logits: Tensor, n_each: int) -> Tensor:
    """Logits (..., n_targets * n_each) as (..., n_targets, n_each)."""
    return logits.unflatten(-1, (-1, n_each))


class _SeveralLogits(RegressionLoss):
    """A loss that reads several logits a target: those of a target lie side by side."""

    @property
    @abstractmethod
    def _n_each(self) -> int:
        """Logits a target."""

    def n_logits(self, n_labels: int) -> int:
        return n_labels * self._n_each

    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        return logits.masked_fill(unknown.repeat_interleave(self._n_each, -1), 0.0)


@cache
def _nearest_median(levels: tuple[float, ...]) -> int:
    return int(np.argmin(np.abs(np.asarray(levels) - 0.5)))


@cache
@torch.inference_mode(mode=False)  # they are kept, and may meet autograd later
def _constants(
    levels: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Levels, and how far each is from its neighbour towards the middle in a standard normal."""
    taus = torch.tensor(levels, dtype=torch.float64)
    z, middle = torch.special.ndtri(taus), _nearest_median(levels)
    gaps = torch.zeros_like(z)
    gaps[middle + 1 :] = z[middle + 1 :] - z[middle:-1]
    gaps[:middle] = z[1 : middle + 1] - z[:middle]
    return taus.to(device, dtype), gaps.to(device, dtype)


@register_loss
class Quantile(_SeveralLogits):
    r"""Pinball loss, mean over the levels: :math:`\max(\tau (y - q), (\tau - 1) (y - q))`.

    Domain: real. Link: the identity for the level nearest the median. Functional: the conditional
    quantiles of all `levels`. Neither proper for the mean nor invertible.

    Quantiles of one net cannot cross. The one nearest the median is a logit; each further one lies
    beyond its neighbour by a softplus of another logit, which is never negative, times the distance
    of the two levels in a standard normal, which is where an untrained net starts.

    Use it for prediction intervals. Not for the mean of skewed targets.

    Parameters
    ----------
    levels : float or sequence of float, default=0.5
        Each in (0, 1), increasing.

    References
    ----------
    Koenker and Bassett, Econometrica 46 (1978) 33-50, doi:10.2307/1913643.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Quantile
    >>> loss = Quantile(levels=(0.1, 0.5, 0.9))
    >>> loss.quantiles(torch.zeros(1, 3))  # of a standard normal
    tensor([[[-1.2816,  0.0000,  1.2816]]])
    >>> loss(torch.zeros(1, 3), torch.tensor([[1.0]]))
    tensor([0.2521])
    """

    name = "quantile"
    functional = "quantile"
    levels: Any = 0.5

    def __post_init__(self) -> None:
        check_levels("levels", self.levels)

    @property
    def _taus(self) -> tuple[float, ...]:
        return (self.levels,) if np.ndim(self.levels) == 0 else tuple(self.levels)

    @property
    def _n_each(self) -> int:
        return int(np.size(self.levels))

    @property
    def nearest_median(self) -> int:
        """Which of the levels is nearest 0.5."""
        return _nearest_median(self._taus)

    def _outwards(self, steps: Tensor) -> Tensor:
        """What steps from the middle level to the outer ones add up to."""
        middle = self.nearest_median  # whose own step is 0
        if middle == 0:
            return steps.cumsum(-1)
        lower = -steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([lower, steps[..., middle:].cumsum(-1)], -1)

    def quantiles(self, logits: Tensor, levels: Any = None) -> Tensor:
        """All quantiles, never decreasing along the last axis.

        Parameters
        ----------
        logits : Tensor of shape (..., n_labels * n_levels)
            Outputs of the net.
        levels : sequence of float, default=None
            None, or the loss's own: there are no others.

        Returns
        -------
        Tensor of shape (..., n_labels, n_levels)
        """
        if levels is not None and not np.array_equal(check_levels("levels", levels), self._taus):
            raise ValueError(
                f"The net has the quantiles of its training alone, quantile={self.levels!r}; got "
                f"levels={levels!r}."
            )
        each = _per_target(logits, self._n_each)
        middle = each[..., self.nearest_median, None]
        _, gaps = _constants(self._taus, logits.dtype, logits.device)
        return middle + self._outwards(gaps * softplus(each + UNIT))

    def inverse_link(self, logits: Tensor) -> Tensor:
        return _per_target(logits, self._n_each)[..., self.nearest_median]

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        short = target[..., None] - self.quantiles(logits)
        taus, _ = _constants(self._taus, short.dtype, short.device)
        cost = torch.maximum(taus * short, (taus - 1) * short).mean(-1)
        return sum_entries(cost, entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        short = target[..., None] - self.quantiles(logits)
        taus, gaps = _constants(self._taus, short.dtype, short.device)
        slope = ((short < 0).to(short.dtype) - taus) / self._n_each
        if entry_weight is not None:
            slope = slope * entry_weight[..., None]
        each, middle = _per_target(logits, self._n_each), self.nearest_median
        # A step moves its own quantile and all beyond it, down from the middle on the lower side.
        beyond = slope.flip(-1).cumsum(-1).flip(-1)
        if middle:
            beyond[..., :middle] = -slope[..., :middle].cumsum(-1)
        gradient = beyond * gaps * (each + UNIT).sigmoid()
        gradient[..., middle] = slope.sum(-1)
        return gradient.flatten(-2)

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        level = float(self._taus[self.nearest_median])
        return quantile_and_deviation(values, weight, level)

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        from sklearn.metrics import d2_pinball_score

        level = float(self._taus[self.nearest_median])
        return float(d2_pinball_score(y_true, y_pred, sample_weight=sample_weight, alpha=level))


@register_loss
class Gaussian(_SeveralLogits):
    r"""Negative log-likelihood of a normal distribution, in nats.

    :math:`\frac{1}{2} ((y - \mu) / \sigma)^2 + \log \sigma + \frac{1}{2} \log 2 \pi`.

    Domain: real. Link: the identity for the mean :math:`\mu`; :math:`\sigma` is a softplus of a
    second logit plus 0.001, in units of the targets' scale, and starts at 1. Functional: the
    conditional mean, so strictly proper; `std` gives the spread.

    Use it where the noise is nearly normal and its size matters. Not where few rows are far off, or
    for skewed noise: `Quantile` supposes nothing.

    References
    ----------
    Nix and Weigend, ICNN 1994, doi:10.1109/ICNN.1994.374138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Gaussian
    >>> Gaussian()(torch.zeros(1, 2), torch.tensor([[1.0]]))
    tensor([1.4189])
    """

    name = "gaussian"
    functional = "mean"
    _n_each = 2

    def inverse_link(self, logits: Tensor) -> Tensor:
        return logits[..., ::2]

    def std(self, logits: Tensor) -> Tensor:
        """Standard deviation of each target.

        Parameters
        ----------
        logits : Tensor of shape (..., 2 * n_labels)
            Outputs of the net.

        Returns
        -------
        Tensor of shape (..., n_labels)
        """
        return softplus(logits[..., 1::2] + UNIT) + LEAST_SPREAD

    def quantiles(self, logits: Tensor, levels: Any) -> Tensor:
        """Quantiles of the normal distributions.

        Parameters
        ----------
        logits : Tensor of shape (..., 2 * n_labels)
            Outputs of the net.
        levels : sequence of float
            In (0, 1), increasing.

        Returns
        -------
        Tensor of shape (..., n_labels, n_levels)
        """
        z = torch.special.ndtri(torch.from_numpy(check_levels("levels", levels))).to(logits)
        return self.inverse_link(logits)[..., None] + self.std(logits)[..., None] * z

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        std = self.std(logits)
        squared = ((target - self.inverse_link(logits)) / std).square()
        return sum_entries(0.5 * (squared + np.log(2 * np.pi)) + std.log(), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        std = self.std(logits)
        off = (self.inverse_link(logits) - target) / std
        spread = (1 - off.square()) / std * (logits[..., 1::2] + UNIT).sigmoid()
        gradient = torch.stack([off / std, spread], -1)
        if entry_weight is not None:
            gradient = gradient * entry_weight[..., None]
        return gradient.flatten(-2)
