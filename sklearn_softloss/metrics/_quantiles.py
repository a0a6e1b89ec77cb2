"""Scores of predicted quantiles and intervals against numbers, some of which may be unknown."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._checks import check_levels, check_one_of, weight_or_ones
from .._targets.encoding import Array
from .._targets.numbers import as_numbers
from ._averages import averaged
from .blocks import OptionalArray

Average = Literal["macro"] | None

NOTHING_KNOWN = "y_true holds no known entry of weight > 0 to score by."


def _truth(y_true: Any) -> Array:
    """Truths (n_samples, n_targets); a vector is one target."""
    truth = as_numbers(y_true, flatten=False)
    if np.isinf(truth).any():
        row = int(np.argwhere(np.isinf(truth))[0, 0])
        raise ValueError(f"y_true must be finite, or NaN where unknown; row {row} is infinite.")
    return truth[:, None] if truth.ndim == 1 else truth


def _predicted(values: Any, shape: tuple[int, ...], name: str) -> Array:
    """Finite predictions of the shape; the axis of a single target or level may be left out."""
    found = np.asarray(values, dtype=np.float64)
    wanted, given = (of[:1] + tuple(n for n in of[1:] if n != 1) for of in (shape, found.shape))
    if given != wanted:
        raise ValueError(f"{name} must have the shape {wanted}; it has {found.shape}.")
    if not np.isfinite(found).all():
        row = int(np.argwhere(~np.isfinite(found))[0, 0])
        raise ValueError(f"{name} must be finite; row {row} holds {found[row]}.")
    return found.reshape(shape)


def _over_known(values: Array, truth: Array, sample_weight: Any, average: Average) -> float | Array:
    """Weighted mean of values (n_samples, n_targets) over the known entries of each target."""
    check_one_of("average", average, ("macro", None))
    weight = weight_or_ones(sample_weight, (len(truth),), name="sample_weight")
    known = ~np.isnan(truth)
    weights = known * weight[:, None]
    total = weights.sum(axis=0)
    if not total.any():
        raise ValueError(NOTHING_KNOWN)
    sums = (np.where(known, values, 0.0) * weights).sum(axis=0)
    return averaged(sums, total, average, known=total)


def _pinball(y_true: Any, y_quantiles: Any, levels: Any) -> tuple[Array, Array, Array]:
    """Known truths (n, m), levels (q,) and the pinball loss of each (n, m, q)."""
    taus = check_levels("levels", levels)
    truth = _truth(y_true)
    short = truth[..., None] - _predicted(y_quantiles, (*truth.shape, len(taus)), "y_quantiles")
    return truth, taus, np.maximum(taus * short, (taus - 1) * short)


def pinball_loss(
    y_true: Any,
    y_quantiles: Any,
    *,
    levels: Any,
    average: Average = "macro",
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Pinball loss, the mean over the levels and the known entries.

    Least where each prediction is the quantile of its level. scikit-learn's ``mean_pinball_loss``
    takes one level and no unknown entry.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
        Numbers, NaN where unknown; at least one known.
    y_quantiles : array-like of shape (n_samples, n_levels) or (n_samples, n_targets, n_levels)
        Predicted quantiles, finite; of one target or level with or without its axis.
    levels : float or sequence of float
        Their levels, in (0, 1), increasing.
    average : {"macro"} or None, default="macro"
        "macro": the mean over the targets. None: one value a target, NaN where none is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float or ndarray of shape (n_targets,), >= 0, in the units of y

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite or nothing is known.

    References
    ----------
    Koenker and Bassett, Econometrica 46 (1978) 33-50, doi:10.2307/1913643.

    Examples
    --------
    >>> from sklearn_softloss.metrics import pinball_loss
    >>> pinball_loss([1.0, 2.0], [[0.0, 1.0], [2.0, 4.0]], levels=(0.1, 0.5))
    0.275
    """
    truth, _, losses = _pinball(y_true, y_quantiles, levels)
    return _over_known(losses.mean(axis=-1), truth, sample_weight, average)


def crps_from_quantiles(
    y_true: Any,
    y_quantiles: Any,
    *,
    levels: Any,
    average: Average = "macro",
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Continuous ranked probability score of the distribution that quantiles stand for.

    Twice the pinball loss, integrated over the levels: each stands for the levels nearer to it than
    to another. Of many levels this is the score itself; of few, comparable only between predictions
    of the same levels.

    Parameters
    ----------
    y_true, y_quantiles, levels, average, sample_weight : array-like, str
        As in `pinball_loss`.

    Returns
    -------
    float or ndarray of shape (n_targets,), >= 0, in the units of y

    References
    ----------
    Gneiting and Raftery, JASA 102 (2007) 359-378, doi:10.1198/016214506000001437, section 4.2. Laio
    and Tamea, HESS 11 (2007) 1267-1277, doi:10.5194/hess-11-1267-2007.

    Examples
    --------
    >>> from sklearn_softloss.metrics import crps_from_quantiles
    >>> crps_from_quantiles([1.0], [[0.0, 1.0, 2.0]], levels=(0.1, 0.5, 0.9))  # doctest: +NUMBER
    0.12
    """
    truth, taus, losses = _pinball(y_true, y_quantiles, levels)
    between = (taus[:-1] + taus[1:]) / 2
    widths = np.diff(np.concatenate([[0.0], between, [1.0]]))
    return _over_known(2 * losses @ widths, truth, sample_weight, average)


def interval_coverage(
    y_true: Any,
    y_lower: Any,
    y_upper: Any,
    *,
    average: Average = "macro",
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Share of the known entries that lie in their interval, ends included.

    Parameters
    ----------
    y_true : array-like
        As in `pinball_loss`.
    y_lower, y_upper : array-like of the shape of y_true
        Ends of the intervals, finite.
    average, sample_weight : str, array-like
        As in `pinball_loss`.

    Returns
    -------
    float or ndarray of shape (n_targets,), in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import interval_coverage
    >>> interval_coverage([1.0, 5.0, float("nan")], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0])
    0.5
    """
    truth = _truth(y_true)
    lower = _predicted(y_lower, truth.shape, "y_lower")
    upper = _predicted(y_upper, truth.shape, "y_upper")
    crossed = lower > upper
    if crossed.any():
        row, column = (int(place) for place in np.argwhere(crossed)[0])
        raise ValueError(
            f"y_lower must not exceed y_upper; in row {row} it is {lower[row, column]:g} and the "
            f"other {upper[row, column]:g}."
        )
    with np.errstate(invalid="ignore"):
        inside = (lower <= truth) & (truth <= upper)
    return _over_known(inside.astype(np.float64), truth, sample_weight, average)
