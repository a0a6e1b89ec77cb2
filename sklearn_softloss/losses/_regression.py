"""Losses on numbers: each says which functional of y given x its prediction is."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._checks import check_number
from .._targets.domains import NONNEGATIVE_REAL, POSITIVE_REAL, REAL
from ._base import Loss, Properness, number, register_loss, sum_entries, weighted
from ._links import TANGENT_FROM, tangent_exp

Values = NDArray[np.float64]

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

    @property
    @abstractmethod
    def functional(self) -> str:
        """What is predicted, such as "mean" or "median": a class attribute."""

    @property
    def properness(self) -> Properness:
        """Strictly proper where the functional is the mean."""
        return "strictly proper" if self.functional == "mean" else "neither"

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        """What is subtracted from a target and what divides it then: here mean and deviation.

        Parameters
        ----------
        values : ndarray of shape (n_known,)
            Known targets of one column, over a power of two near the largest.
        weight : ndarray of shape (n_known,)
            Greater than 0.

        Returns
        -------
        location, scale : float
            The scale is 0 where the target is constant, which is then predicted as it is.
        """
        mean = mean_of(values, weight)
        return mean, float(np.sqrt(mean_of((values - mean) ** 2, weight)))

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        """How much better than the best constant predictions of one target are, at most 1; here R².

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

    def _warning(self) -> str:
        return ""  # the functional says what the output is


def mean_of(values: Values, weight: Values) -> float:
    """Weighted mean, exact for equal values."""
    first = float(values[0])
    return first + float(weight @ (values - first)) / float(weight.sum())


def weighted_quantile(values: Values, weight: Values, level: float) -> float:
    """The least value at or below which lies that share of the weight."""
    return float(np.quantile(values, level, weights=weight, method="inverted_cdf"))


def quantile_and_deviation(values: Values, weight: Values, level: float) -> tuple[float, float]:
    """A quantile, and the mean absolute deviation from the median as a standard deviation."""
    median = weighted_quantile(values, weight, 0.5)
    spread = DEVIATION_OF_NORMAL * mean_of(np.abs(values - median), weight)
    return weighted_quantile(values, weight, level), spread


class EntrywiseLoss(RegressionLoss):
    """A sum over entries, each with a cost of its own logit and target."""

    @abstractmethod
    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        """Of each entry."""

    @abstractmethod
    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        """Derivative of the cost with respect to the logit."""

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries(self._cost(logits, target), entry_weight)

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return weighted(self._slope(logits, target), entry_weight)


@register_loss
class RegressionSquaredError(EntrywiseLoss):
    r"""Half squared error: :math:`\sum_j (\hat y_j - y_j)^2 / 2`.

    Domain: real. Link: identity. Functional: the conditional mean, so strictly proper.

    Use it by default. Not where few rows are far off (see `RegressionAbsoluteError` and `Huber`).

    References
    ----------
    Gneiting, JASA 106 (2011) 746-762, doi:10.1198/jasa.2011.r10138.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import RegressionSquaredError
    >>> RegressionSquaredError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([2.])
    """

    name = "squared_error"
    functional = "mean"

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        return 0.5 * (logits - target).square()

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits - target


class _RobustLoss(EntrywiseLoss):
    """One whose scale few rows far off do not move."""

    def location_and_scale(self, values: Values, weight: Values) -> tuple[float, float]:
        return quantile_and_deviation(values, weight, 0.5)


@register_loss
class RegressionAbsoluteError(_RobustLoss):
    r"""Absolute error: :math:`\sum_j |\hat y_j - y_j|`.

    Domain: real. Link: identity. Functional: the conditional median. Neither proper for the mean
    nor invertible: of skewed targets the median is not the mean.

    Use it where few rows are far off, or where the middle is asked for. Not where sums must fit.

    References
    ----------
    Koenker and Bassett, Econometrica 46 (1978) 33-50, doi:10.2307/1913643.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import RegressionAbsoluteError
    >>> RegressionAbsoluteError()(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([2.])
    """

    name = "absolute_error"
    functional = "median"

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        return (logits - target).abs()

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        return (logits - target).sign()

    def score(self, y_true: Values, y_pred: Values, sample_weight: Values | None) -> float:
        from sklearn.metrics import d2_absolute_error_score

        return float(d2_absolute_error_score(y_true, y_pred, sample_weight=sample_weight))


@register_loss
class Huber(_RobustLoss):
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
    Huber, Ann. Math. Statist. 35 (1964) 73-101, doi:10.1214/aoms/1177703732.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Huber
    >>> Huber(delta=1.0)(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([1.5000])
    """

    name = "huber"
    functional = "Huber location"
    delta: float = number(default=1.35, low=0, open_end=True)

    def _cost(self, logits: Tensor, target: Tensor) -> Tensor:
        near = self._slope(logits, target)
        return near * (logits - target - 0.5 * near)

    def _slope(self, logits: Tensor, target: Tensor) -> Tensor:
        return (logits - target).clamp(-self.delta, self.delta)


# --- amounts and counts: deviances of the mean, read through an exponential ----------------------


def _log(target: Tensor) -> Tensor:
    """Finite also for unknown entries, which are 0, and where the least numbers round to 0."""
    return target.clamp_min(torch.finfo(target.dtype).tiny).log()


def _slope_of_exp(exponent: Tensor) -> Tensor:
    return exponent.clamp_max(TANGENT_FROM).exp()


class LogLinkLoss(EntrywiseLoss):
    """Half a unit deviance (of Tweedie) of targets and the exponential of the logits.

    Targets are divided by their mean, never moved, and `score` is D² of the deviance.
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
    Gneiting, JASA 106 (2011) 746-762, doi:10.1198/jasa.2011.r10138.

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
    Gneiting, JASA 106 (2011) 746-762, doi:10.1198/jasa.2011.r10138.

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
    Jorgensen, JRSS B 49 (1987) 127-162, doi:10.1111/j.2517-6161.1987.tb01685.x.

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
