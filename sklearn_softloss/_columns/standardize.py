"""The first step of the built-in net: columns on one scale, that of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .._warn import warn
from .sparse_rows import SparseRows

Columns = NDArray[np.float64]

MOST_DEVIATIONS = 3.0
"""Standard deviations, at most, that a typical entry other than the usual one is from the mean: a
rare mark is no outlier."""

FEWEST_DRAWN, MOST_DRAWN, DRAWN_ENTRIES = 64, 1024, 2**20
"""Rows among which the usual entry of a column is found, fewer of many columns: one that eight rows
of nine hold, as it must to matter, is their median."""

MEASURED_ENTRIES = 2**17
"""Entries of X that are measured at once, which stay in the cache."""

ROUNDING, TINY = 1e-14, 1e-300
"""The relative deviation of a column that varies by rounding alone; the least divisor."""

LEAST_SQUARED = float(np.sqrt(np.finfo(np.float64).tiny))
"""The least number whose square keeps its digits."""

KEPT_PROPORTION = 3.0
"""Factor up to which columns of a sparse X keep their proportions, which may mean something."""


class Standardize(nn.Module):
    """Columns minus their means over their standard deviations, as they were in training.

    Columns of a sparse X are scaled by the size of their entries, never centred. A column that was
    constant in training says nothing, and counts as zero whatever comes later; what is missing
    counts as the mean, unless nothing `may_be_missing`, as after `Encode`. Each column is
    multiplied by its `factor`, and its `shift` is added.
    """

    factor: Tensor
    shift: Tensor

    def __init__(self, n_features: int, may_be_missing: bool = True) -> None:
        super().__init__()
        self.may_be_missing = may_be_missing
        self.register_buffer("factor", torch.ones(n_features, dtype=torch.float64))
        self.register_buffer("shift", torch.zeros(n_features, dtype=torch.float64))

    def fit(self, batches: Any, more_to_come: bool) -> Standardize:
        """Measure the weighted rows. With `more_to_come` a column that is constant so far may vary
        yet: it is divided by its size instead."""
        find = _sparse_scale if sp.issparse(batches.data.X) else _dense_scale
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale, size = find(batches)
        too_large = ~np.isfinite(scale)
        if too_large.any():
            raise ValueError(
                "X must hold numbers whose squares are finite; those of column "
                f"{too_large.argmax()} are too large. Take their logarithm, or another unit."
            )
        is_too_small = _warn_of_too_small(np.maximum(scale, size), batches.data.dtype)
        scale, size = np.where(is_too_small, 0, (scale, size))
        is_constant = scale == 0
        if more_to_come:
            scale = np.where(is_constant, np.where(size > 0, size, 1), scale)
        factor = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
        self.factor.copy_(torch.from_numpy(factor))
        self.shift.copy_(torch.from_numpy(-mean * factor))
        return self

    def forward(self, X: Any, out: Tensor | None = None) -> Any:
        """Rows on one scale; dense ones lie in `out` where it is given."""
        if isinstance(X, SparseRows):
            return X.scaled(self.factor)
        rows = torch.addcmul(self.shift, X, self.factor, out=out)
        return rows.nan_to_num_(0.0, torch.inf, -torch.inf) if self.may_be_missing else rows


def _warn_of_too_small(size: Columns, dtype: torch.dtype) -> NDArray[np.bool_]:
    """Columns whose squares, or the inverse of whose size, are no numbers any more."""
    least = max(torch.finfo(dtype).tiny, LEAST_SQUARED)
    found: NDArray[np.bool_] = (size > 0) & (size < least)
    if found.any():
        warn(
            f"Column {found.argmax()} of X, one of {found.sum()} such, holds numbers below "
            f"{least:.0e} alone, too small to be scaled in {str(dtype).removeprefix('torch.')}: it "
            "counts as constant. Take another unit, or drop it."
        )
    return found


def _dense_scale(batches: Any) -> tuple[Columns, Columns, Columns]:
    """Mean and scale of each column, 0 where it is constant, and its size."""
    usual, processes = _usual_entries(batches), batches.data.processes
    total, first, second, of_other = np.zeros((4, len(usual)))
    for X, weight in map(rows_and_weights, batches):
        distance = X - usual
        total = total + weight.sum()
        first = first + weight @ distance
        second = second + weight @ distance**2
        of_other = of_other + weight @ (distance != 0)
    total, first, second, of_other = processes.total((total, first, second, of_other))
    offset = first / total
    mean, variance = usual + offset, second / total - offset**2
    deviation = np.sqrt(np.maximum(variance, 0))
    is_constant = deviation <= ROUNDING * np.abs(mean)
    squares = total * variance - (total - of_other) * offset**2
    typical = np.sqrt(np.maximum(squares, 0) / np.maximum(of_other, TINY))
    scale = np.maximum(deviation, typical / MOST_DEVIATIONS)
    return mean, np.where(is_constant, 0, scale), np.abs(mean)


def _usual_entries(batches: Any) -> Columns:
    """The weighted median of each column, among some rows: what nearly all rows hold if they hold
    the same, and near enough to the mean that distances lose no digits."""
    n_rows = batches.data.block_size(DRAWN_ENTRIES, batches.width)
    X, weight = drawn_rows(batches, min(MOST_DRAWN, max(FEWEST_DRAWN, n_rows)))
    weights = None if (weight == weight[0]).all() else weight  # without, nothing is sorted
    medians: Columns = np.quantile(X, 0.5, axis=0, weights=weights, method="inverted_cdf")
    return medians


def drawn_rows(batches: Any, most: int) -> tuple[Columns, Columns]:
    """Rows of all processes, at most so many of each, drawn where there are more; with weights."""
    data = batches.data
    drawn = np.arange(len(data))
    if len(data) > most:
        drawn = np.sort(np.random.default_rng(0).choice(len(data), most, replace=False))
    X, weight = rows_and_weights(batches.rows(drawn))
    found = data.processes.gather((X, weight * len(data) / max(1, len(drawn))))
    X, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return X, weight


def _sparse_scale(batches: Any) -> tuple[Columns, Columns, Columns]:
    """The same of columns that are not centred; one without entries is constant."""
    squares, of_entries = np.zeros((2, batches.data.X.shape[1]))
    for X, weight in map(rows_and_weights, batches):
        rows = sp.csr_array(X)
        squares = squares + weight @ rows.power(2)
        of_entries = of_entries + weight @ (rows != 0)
    squares, of_entries = batches.data.processes.total((squares, of_entries))
    there = of_entries > 0
    size = np.sqrt(squares / np.maximum(of_entries, TINY))
    size = np.where(there, np.maximum(size, TINY), 0)
    proportion = size / np.median(size[there]) if there.any() else size
    kept = np.clip(proportion, 1 / KEPT_PROPORTION, KEPT_PROPORTION)
    return np.zeros_like(size), np.where(there, size / kept, 0), size


def rows_and_weights(batch: Any) -> tuple[Any, Any]:
    """Rows and their weights as NumPy has them, in float64."""
    X, (_, weight, _) = batch
    rows = X.block if isinstance(X, SparseRows) else X.double().cpu().numpy()
    return rows, np.ones(rows.shape[0]) if weight is None else weight.double().cpu().numpy()
