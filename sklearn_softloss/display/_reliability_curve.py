"""What a reliability diagram draws: means in bins or under kernels, and their band."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.fft import dct, idct

from .._targets.encoding import Array
from ..metrics import expected_calibration_error
from ..metrics.calibration_error import (
    GRID,
    Strategy,
    bins_of_equal_width,
    on_grid,
    sums_in_quantiles,
)

BAND = (5, 95)
"""Percentiles between which a calibrated model would fall."""

SMOOTH_POINTS = 256
"""Points of a smooth curve, before those without entries nearby are left out."""

LEAST_BANDWIDTH = 1e-3
"""Kernels narrower than this would show single rows."""

Means = Callable[[Array], Array]
"""Weighted means, in each bin or under each kernel, of values that belong to the entries."""


class ReliabilityCurve(NamedTuple):
    """What a panel of `ReliabilityDisplay` shows.

    Parameters
    ----------
    proba, target : ndarray of shape (n_points,)
        Mean probability and mean target in each bin that is not empty, or, for the strategy
        "smooth", under kernels along the axis.
    low, high : ndarray of shape (n_points,) or None
        Between these the mean target of a calibrated model would be in 90 of 100 samples.
    spans : ndarray of shape (n_bins, 2)
        Where each bin of the strip begins and ends.
    counts : ndarray of shape (n_bins,)
        Entries in it.
    error : float
        Expected calibration error; NaN where no entry is known.
    """

    proba: Array
    target: Array
    low: Array | None
    high: Array | None
    spans: Array
    counts: Array
    error: float


def reliability_curve(
    truth: Array,
    proba: Array,
    weight: Array,
    strategy: Strategy,
    n_bins: int,
    n_resamples: int,
    rng: np.random.RandomState,
) -> ReliabilityCurve:
    """The curve of one class or label, from the targets, probabilities and weights of its entries.

    Without resamples it has no band.
    """
    counted = weight > 0
    truth, proba, weight = truth[counted], proba[counted], weight[counted]
    if not len(truth):
        nothing = np.empty(0)
        return ReliabilityCurve(
            nothing, nothing, None, None, np.empty((0, 2)), nothing.astype(int), np.nan
        )
    error = float(
        expected_calibration_error(
            truth, proba, kind="labelwise", strategy=strategy, n_bins=n_bins, sample_weight=weight
        )
    )
    bins = bin_numbers(proba, weight, strategy, n_bins)
    spans, counts = _strip(proba, bins, strategy, n_bins)
    means = _under_kernels(proba, weight, error) if strategy == "smooth" else in_bins(bins, weight)
    low = high = None
    if n_resamples:
        spread = _spread(truth, proba, weight)
        drawn = [means(again) for again in _calibrated_truths(proba, spread, n_resamples, rng)]
        low, high = np.percentile(drawn, BAND, axis=0)
    return ReliabilityCurve(means(proba), means(truth), low, high, spans, counts, error)


def bin_numbers(place: Array, weight: Array, strategy: Strategy, n_bins: int) -> Array:
    """The bin of each place in [0, 1]; equal places share a quantile."""
    if strategy != "quantile":
        return bins_of_equal_width(place, n_bins)
    sizes = np.rint(sums_in_quantiles(place, np.ones(len(place)), weight, n_bins))
    found = np.empty(len(place), dtype=np.intp)
    found[np.argsort(place)] = np.repeat(np.arange(n_bins), sizes.astype(np.intp))
    return found


def in_bins(bins: Array, weight: Array) -> Means:
    """Means in each bin that is not empty."""
    _, bins = np.unique(bins, return_inverse=True)
    total = np.bincount(bins, weight)
    return lambda values: np.bincount(bins, weight * values) / total


def _under_kernels(proba: Array, weight: Array, bandwidth: float) -> Means:
    """Means under reflected Gaussians along the axis, where one entry at least lies under each."""
    bandwidth = max(bandwidth, LEAST_BANDWIDTH)
    damping = np.exp(-0.5 * np.square(np.pi * bandwidth * np.arange(GRID)))
    first, last = np.minimum(GRID * proba.min(), GRID - 1), np.minimum(GRID * proba.max(), GRID - 1)
    cells = np.unique(np.linspace(first, last, SMOOTH_POINTS).astype(np.intp))

    def sums(values: Array) -> Array:
        return np.asarray(idct(dct(on_grid(proba, values), norm="ortho") * damping, norm="ortho"))

    entries_under = sums(np.ones(len(proba)))[cells] * GRID * bandwidth * np.sqrt(2 * np.pi)
    cells = cells[entries_under >= 1]
    total = sums(weight)[cells]
    return lambda values: sums(weight * values)[cells] / total


def _strip(proba: Array, bins: Array, strategy: Strategy, n_bins: int) -> tuple[Array, Array]:
    """Begin, end and number of entries of each bin that is not empty."""
    numbers, bins, counts = np.unique(bins, return_inverse=True, return_counts=True)
    if strategy != "quantile":
        return np.stack([numbers, numbers + 1], axis=1) / n_bins, counts
    spans = np.tile([np.inf, -np.inf], (len(counts), 1))
    np.minimum.at(spans[:, 0], bins, proba)
    np.maximum.at(spans[:, 1], bins, proba)
    return spans, counts


def _spread(truth: Array, proba: Array, weight: Array) -> float:
    """Variance of the targets about the probabilities, as a share of that of 0/1 targets."""
    if np.all((truth == 0) | (truth == 1)):
        return 1.0
    most = weight @ (proba * (1 - proba))
    return float(min(weight @ np.square(truth - proba) / most, 1.0)) if most > 0 else 1.0


def _calibrated_truths(
    proba: Array, spread: float, n_resamples: int, rng: np.random.RandomState
) -> Iterator[Array]:
    """Targets in [0, 1] whose means are the probabilities."""
    for _ in range(n_resamples):
        drawn = rng.random_sample(len(proba)) < proba
        yield proba + np.sqrt(spread) * (drawn - proba)
