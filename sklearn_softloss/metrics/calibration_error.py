"""How far probabilities are from the frequencies that they promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct, idct
from scipy.optimize import brentq

from .._checks import check_count, check_one_of
from .._targets.encoding import Array
from .blocks import Blocks, ClassBlocks, LabelBlocks, mass_on_top

Kind = Literal["confidence", "classwise", "labelwise"]
Strategy = Literal["uniform", "quantile", "smooth"]

GRID = 2**14
"""Cells on [0, 1] that stand for probabilities under the strategy "smooth"."""


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    kind: Kind = "confidence",
    strategy: Strategy = "uniform",
    n_bins: int = 15,
    average: Literal["macro"] | None = "macro",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float | Array:
    """Expected calibration error: mean distance of probabilities from target frequencies.

    In each bin of probabilities the mean probability is compared with the mean target, which may be
    soft; the absolute differences are averaged with the weight of the bins.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_columns) or (n_samples,)
        For the kinds "confidence" and "classwise" rows that sum to 1, or hard labels. For
        "labelwise" entries 0 or 1, soft in [0, 1], NaN or -1 where unknown.
    y_proba : array-like of shape (n_samples, n_columns)
        Predicted probabilities.
    kind : {"confidence", "classwise", "labelwise"}, default="confidence"
        "confidence": the largest probability of each row against the target mass on its class.
        "classwise": each class by itself. "labelwise": each label, over its known entries.
    strategy : {"uniform", "quantile", "smooth"}, default="uniform"
        "uniform": bins of equal width. "quantile": bins of equal weight, equal probabilities kept
        together. "smooth": no bins but a Gaussian kernel, reflected at 0 and 1, whose bandwidth is
        the error itself; its value depends continuously on the probabilities.
    n_bins : int, default=15
        Number of bins, for the first two.
    average : "macro" or None, default="macro"
        The mean over the classes or labels with a known entry, or one value for each (NaN where
        none is known). Of no effect for "confidence".
    labels, sample_weight : array-like, default=None
        As in `soft_log_loss`.

    Returns
    -------
    float or ndarray of shape (n_columns,)
        In [0, 1]. "smooth" is within 1e-4 of its definition.

    Notes
    -----
    The smooth error with bandwidth s is the integral over t of ``abs(mean(K_s(t, p) (y - p)))`` and
    falls as s grows; the value returned is the s at which both are equal.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, ICML 2017, arXiv:1706.04599 ("confidence"). Kull et al.,
    NeurIPS 2019, arXiv:1910.12656 ("classwise"). Blasiok and Nakkiran, ICLR 2024, arXiv:2309.12236
    ("smooth").

    Examples
    --------
    >>> from sklearn_softloss.metrics import expected_calibration_error
    >>> y_true = [[0.6, 0.4], [0.9, 0.1], [0.0, 1.0]]
    >>> y_proba = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]
    >>> round(expected_calibration_error(y_true, y_proba), 4)
    0.1667
    >>> labels = [[1, 0], [1, -1], [0, 1]]
    >>> expected_calibration_error(labels, y_proba, kind="labelwise", average=None).round(4)
    array([0.1333, 0.15  ])
    """
    check_options(kind, strategy, n_bins)
    check_one_of("average", average, ("macro", None))
    columns = columns_of_kind(kind, y_true, y_proba, labels, sample_weight)
    errors = [column_ece(strategy, n_bins, *column) for column in columns]
    if average is None and kind != "confidence":
        return np.array(errors)
    return float(np.nanmean(errors))


def columns_of_kind(
    kind: Kind, y_true: Any, y_proba: Any, labels: Any, sample_weight: Any
) -> Iterator[tuple[Array, Array, Array]]:
    """Target, probability and weight of the known entries of each column that a kind speaks of."""
    blocks: Blocks
    if kind == "labelwise":
        blocks = LabelBlocks(y_true, y_proba, sample_weight)
    else:
        blocks = ClassBlocks(y_true, y_proba, labels, sample_weight)
    if kind == "confidence":
        yield *blocks.row_values(mass_on_top, lambda truth, proba: proba.max(axis=1)), blocks.weight
    else:
        yield from blocks.known_columns()


def column_ece(strategy: Strategy, n_bins: int, truth: Array, proba: Array, weight: Array) -> float:
    """Of one column; NaN without an entry."""
    if not len(truth):
        return np.nan
    residual = weight * (truth - proba) / weight.sum()
    if strategy == "smooth":
        return _smooth_error(proba, residual)
    if strategy == "uniform":
        sums = np.bincount(bins_of_equal_width(proba, n_bins), weights=residual)
    else:
        sums = sums_in_quantiles(proba, residual, weight, n_bins)
    return float(np.abs(sums).sum())


def bins_of_equal_width(proba: Array, n_bins: int) -> Array:
    """The number of the bin of each probability; an upper edge belongs to its bin."""
    return np.maximum(np.ceil(proba * n_bins).astype(np.intp) - 1, 0)


def sums_in_quantiles(proba: Array, residual: Array, weight: Array, n_bins: int) -> Array:
    order = np.argsort(proba)
    proba, filled = proba[order], np.cumsum(weight[order])
    full = np.searchsorted(filled * n_bins, np.arange(1, n_bins) * filled[-1])
    ends = np.append(np.searchsorted(proba, proba[full], side="right"), len(proba))
    return np.diff(np.cumsum(residual[order])[ends - 1], prepend=0.0)


def _smooth_error(proba: Array, residual: Array) -> float:
    spectrum = dct(on_grid(proba, residual), norm="ortho")
    if _excess(0, spectrum) <= 0:
        return 0.0
    return float(brentq(_excess, 0, 2, args=(spectrum,)))


def _excess(bandwidth: float, spectrum: Array) -> float:
    """Smooth error at a bandwidth, less the bandwidth; it falls as the bandwidth grows."""
    heard = int(min(GRID, 1 + 9 / (np.pi * bandwidth))) if bandwidth else GRID
    frequency = np.pi * bandwidth * np.arange(heard)  # the rest is damped below exp(-40)
    damped = spectrum[:heard] * np.exp(-0.5 * np.square(frequency))
    return float(np.abs(idct(damped, n=GRID, norm="ortho")).sum() - bandwidth)


def on_grid(place: Array, mass: Array) -> Array:
    """Masses in [0, 1], each shared by the two nearest midpoints of a reflected grid."""
    exact = place * GRID - 0.5
    below = np.floor(exact).astype(np.intp)
    above_share = mass * (exact - below)
    cells = np.bincount(np.maximum(below, 0), weights=mass - above_share, minlength=GRID)
    return cells + np.bincount(np.minimum(below + 1, GRID - 1), weights=above_share, minlength=GRID)


def check_options(kind: Any, strategy: Any, n_bins: Any) -> None:
    check_one_of("kind", kind, get_args(Kind))
    check_one_of("strategy", strategy, get_args(Strategy))
    check_count("n_bins", n_bins, 1)
