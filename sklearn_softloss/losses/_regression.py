"""Losses on numbers: each says which functional of y given x its prediction is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from .._checks import check_levels, check_number
from .._targets.domains import REAL
from ._base import Loss, Properness, register_loss, sum_entries

Values = NDArray[np.float64]

UNIT = float(np.log(np.expm1(1.0)))
"""Where softplus is 1."""

DEVIATION_OF_NORMAL = float(np.sqrt(np.pi / 2))
"""Standard deviations to one mean absolute deviation from the median, for normal values."""


class RegressionLoss(Loss):
    """A loss on numbers, one column a target, read by the identity unless `inverse_link` says else.

    A subclass names its `functional`: what `inverse_link` of the minimiser is of y given x. Targets
    reach it on the scale that `location_and_scale` sets, so that units do not matter.

    Examples
    --------
    >>> from sklearn_softloss.losses import RegressionLoss, sum_entries
    >>> class Quartic(RegressionLoss):
    ...     name = "quartic"
    ...     functional = "a middle that outliers pull hard"
    ...     def per_sample(self, logits, target, entry_weight):
    ...         return sum_entries((logits - target) ** 4, entry_weight)
    >>> Quartic()
    Quartic()
    """

    domain = REAL
    in_nats = False

    @property
    @abstractmethod
    def functional(self) -> str:
        """What is predicted, such as "mean" or "median": a class attribute."""

    @property
    def properness(self) -> Properness:
        """Strictly proper where the functional is the mean."""
        return "strictly proper" if self.functional == "mean" else "neither"

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        """What is subtracted from a target, and what it is divided by then.

        Here the mean and the standard deviation, or 1 where the target is constant.

        Parameters
        ----------
        values : ndarray of shape (n_known,)
            Known targets of one column.
        weight : ndarray of shape (n_known,)
            Greater than 0.

        Returns
        -------
        location, scale : float
            The scale is greater than 0.
        """
        mean = mean_of(values, weight)
        return mean, float(np.sqrt(mean_of((values - mean) ** 2, weight))) or 1.0

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        """How much better than the best constant the predictions of one target are, at most 1.

        Here R².

        Parameters
        ----------
        y_true, y_pred : ndarray of shape (n_known,)
            Known targets of one column, and their predictions.
        sample_weight : ndarray of shape (n_known,) or None
            Weights >= 0.

        Returns
        -------
        float
        """
        from sklearn.metrics import r2_score  # losses import no scikit-learn

        return float(r2_score(y_true, y_pred, sample_weight=sample_weight))

    def inverse_link(self, logits: Tensor) -> Tensor:
        return logits

    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        return logits.masked_fill(unknown, 0.0)

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({params})"


def mean_of(values: Values, weight: Values) -> float:
    """Weighted mean, exact for equal values.

    Parameters
    ----------
    values, weight : ndarray of shape (n,)
    """
    first = float(values[0])
    return first + float(weight @ (values - first)) / float(weight.sum())


def weighted_quantile(values: Values, weight: Values, level: float) -> float:
    """The least value at or below which lies that share of the weight.

    Parameters
    ----------
    values, weight : ndarray of shape (n,)
    level : float
        In (0, 1).
    """
    return float(np.quantile(values, level, weights=weight, method="inverted_cdf"))


def _quantile_and_deviation(values: Values, weight: Values, level: float) -> tuple[float, float]:
    """A quantile, and the mean absolute deviation from the median as a standard deviation."""
    median = weighted_quantile(values, weight, 0.5)
    spread = DEVIATION_OF_NORMAL * mean_of(np.abs(values - median), weight)
    return weighted_quantile(values, weight, level), spread or 1.0


class _Residual(RegressionLoss):
    """A loss of the distance between logit and target alone."""

    @abstractmethod
    def _cost(self, residual: Tensor) -> Tensor:
        """Of each entry, from logit minus target."""

    @abstractmethod
    def _slope(self, residual: Tensor) -> Tensor:
        """Derivative of the cost."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(self._cost(logits - target), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        slope = self._slope(logits - target)
        return slope if entry_weight is None else slope * entry_weight


@register_loss
class RegressionSquaredError(_Residual):
    r"""Half squared error: :math:`\sum_j (\hat y_j - y_j)^2 / 2`.

    Domain: real. Link: identity. Functional: the conditional mean, so strictly proper.

    Use it by default. Not where few rows are far off (see `RegressionAbsoluteError` and `Huber`).

    References
    ----------
    Gneiting, "Making and evaluating point forecasts", JASA 106 (2011) 746-762,
    doi:10.1198/jasa.2011.r10138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import RegressionSquaredError
    >>> RegressionSquaredError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([2.])
    """

    name = "squared_error"
    functional = "mean"

    def _cost(self, residual: Tensor) -> Tensor:
        return 0.5 * residual.square()

    def _slope(self, residual: Tensor) -> Tensor:
        return residual


class _RobustResidual(_Residual):
    """One whose scale few rows far off do not move."""

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        return _quantile_and_deviation(values, weight, 0.5)


@register_loss
class RegressionAbsoluteError(_RobustResidual):
    r"""Absolute error: :math:`\sum_j |\hat y_j - y_j|`.

    Domain: real. Link: identity. Functional: the conditional median. Neither proper for the mean
    nor invertible: of skewed targets the median is not the mean.

    Use it where few rows are far off, or where the middle is asked for. Not where sums of
    predictions must fit.

    References
    ----------
    Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978) 33-50,
    doi:10.2307/1913643.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import RegressionAbsoluteError
    >>> RegressionAbsoluteError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([2.])
    """

    name = "absolute_error"
    functional = "median"

    def _cost(self, residual: Tensor) -> Tensor:
        return residual.abs()

    def _slope(self, residual: Tensor) -> Tensor:
        return residual.sign()

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        from sklearn.metrics import d2_absolute_error_score

        return float(d2_absolute_error_score(y_true, y_pred, sample_weight=sample_weight))


@register_loss
class Huber(_RobustResidual):
    r"""Squared error near the target, absolute error beyond `delta`.

    :math:`r^2 / 2` of a residual r up to `delta`, :math:`\delta (|r| - \delta / 2)` beyond.

    Domain: real. Link: identity. Functional: Huber's location, between median and mean. Neither
    proper for the mean nor invertible, unless targets are symmetric around it.

    Use it where few rows are far off and the others are nearly normal. Not for skewed targets whose
    mean or median is asked for by name. `score` is R².

    Parameters
    ----------
    delta : float, default=1.35
        Residual from which on the cost is linear, > 0, in units of the scale of the targets (a
        standard deviation, for normal ones).

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964)
    73-101, doi:10.1214/aoms/1177703732.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Huber
    >>> Huber(delta=1.0)(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([1.5000])
    """

    name = "huber"
    functional = "Huber location"
    delta: float = 1.35

    def __post_init__(self) -> None:
        check_number("delta", self.delta, 0, open_end=True)

    def _cost(self, residual: Tensor) -> Tensor:
        near = residual.clamp(-self.delta, self.delta)
        return near * (residual - 0.5 * near)

    def _slope(self, residual: Tensor) -> Tensor:
        return residual.clamp(-self.delta, self.delta)


# --- several numbers a target --------------------------------------------------------------------


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
    """Levels, and the distance of each from its neighbour towards the middle in a standard normal,
    0 for the middle one."""
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
    Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978) 33-50,
    doi:10.2307/1913643.

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
        found = steps.cumsum(-1) if middle == 0 else steps.clone()
        if middle:
            found[..., middle:] = steps[..., middle:].cumsum(-1)
            found[..., :middle] = -steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        return found

    def quantiles(self, logits: Tensor) -> Tensor:
        """All quantiles, never decreasing along the last axis.

        Parameters
        ----------
        logits : Tensor of shape (..., n_labels * n_levels)
            Outputs of the net.

        Returns
        -------
        Tensor of shape (..., n_labels, n_levels)
        """
        each = _per_target(logits, self._n_each)
        middle = each[..., self.nearest_median, None]
        _, gaps = _constants(self._taus, logits.dtype, logits.device)
        return middle + self._outwards(gaps * softplus(each + UNIT))

    def at_levels(self, levels: Any = None) -> Callable[[Tensor], Tensor]:
        """What reads quantiles from logits: at the loss's own levels, the only ones it has.

        Parameters
        ----------
        levels : sequence of float, default=None
            None, or the loss's own.

        Returns
        -------
        callable (Tensor) -> Tensor
        """
        if levels is not None and not np.array_equal(check_levels("levels", levels), self._taus):
            raise ValueError(f"The net has the levels {self.levels!r} alone; got {levels!r}.")
        return self.quantiles

    def inverse_link(self, logits: Tensor) -> Tensor:
        return _per_target(logits, self._n_each)[..., self.nearest_median]

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(self._cost(target[..., None] - self.quantiles(logits)), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        short = target[..., None] - self.quantiles(logits)
        return self._gradient(logits, short, entry_weight)

    def sum_and_gradient(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, entry_weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        logits, target, entry_weight = self._without_unknown(logits, target, entry_weight)
        short = target[..., None] - self.quantiles(logits)
        values = sum_entries(self._cost(short), entry_weight)
        gradient = self._gradient(logits, short, entry_weight)
        if weight is None:
            return values.sum(), gradient
        return values.dot(weight), gradient * weight[:, None]

    def _cost(self, short: Tensor) -> Tensor:
        """Of each entry, from what its quantiles fall short by."""
        taus, _ = _constants(self._taus, short.dtype, short.device)
        return torch.maximum(taus * short, (taus - 1) * short).mean(-1)

    def _gradient(self, logits: Tensor, short: Tensor, entry_weight: Tensor | None) -> Tensor:
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
        return _quantile_and_deviation(values, weight, level)

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
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution",
    ICNN 1994, doi:10.1109/ICNN.1994.374138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Gaussian
    >>> Gaussian()(torch.zeros(1, 2), torch.tensor([[1.0]]))
    tensor([1.4189])
    """

    name = "gaussian"
    functional = "mean"
    in_nats = True
    _n_each = 2

    LEAST_SPREAD = 1e-3

    def _parts(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = _per_target(logits, 2).unbind(-1)
        return mean, raw

    def inverse_link(self, logits: Tensor) -> Tensor:
        return self._parts(logits)[0]

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
        return softplus(self._parts(logits)[1] + UNIT) + self.LEAST_SPREAD

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

    def at_levels(self, levels: Any = None) -> Callable[[Tensor], Tensor]:
        """What reads quantiles from logits.

        Parameters
        ----------
        levels : sequence of float
            In (0, 1), increasing.

        Returns
        -------
        callable (Tensor) -> Tensor
        """
        taus = check_levels("levels", levels)
        return lambda logits: self.quantiles(logits, taus)

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        std = self.std(logits)
        squared = ((target - self._parts(logits)[0]) / std).square()
        return sum_entries(0.5 * (squared + np.log(2 * np.pi)) + std.log(), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        (mean, raw), std = self._parts(logits), self.std(logits)
        off = (mean - target) / std
        spread = (1 - off.square()) / std * (raw + UNIT).sigmoid()
        gradient = torch.stack([off / std, spread], -1)
        if entry_weight is not None:
            gradient = gradient * entry_weight[..., None]
        return gradient.flatten(-2)
