"""The first step of the built-in net: columns are bent, categories spread, gaps marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .standardize import ROUNDING, drawn_rows, rows_and_weights

Numbers = NDArray[np.float64]

MOST_BINS, FEWEST_BINS, BENT_ENTRIES = 16, 4, 256
"""Bins of a column that bends, and entries that all of them together become, as long as each has
the fewest bins: so the first layer costs about what it costs without. Of so many columns that they
would become more there are enough to make bends of, and "auto" does not try."""

MOST_LEVELS = 64
"""Entries of a category, at most: the rarest levels share the last one."""

DRAWN_ROWS, FEW_ROWS = 2**15, 2**10
"""Rows among which quantiles are found, and among which the values of a column are counted."""


class Encode(nn.Module):
    """Columns as they are given to entries that a linear layer reads.

    A number stays one, or is bent: it becomes an entry for each bin between quantiles of the
    training rows, 0 below the bin, 1 above it and a straight line inside (Gorishniy et al., 2022,
    arXiv:2203.05556). A category becomes an entry for each level, of which one is 1, or none for a
    level that training has not seen. A number that is missing counts as the mean, and a column of
    which training has seen missing ones has an entry that is 1 there. Entries come in this order:
    numbers, gaps, levels, the rare levels of each category.

    Attributes
    ----------
    mean : Tensor of shape (n_features,)
        What a missing number counts as.
    column, low, slope, bent : Tensor of shape (n_numbers,)
        (X[:, column] - low) * slope, clipped to [0, 1] if it is bent.
    gap : Tensor of shape (n_gaps,)
        Columns in which something is missing.
    category, level : Tensor of shape (n_levels,)
        Column and number of each level.
    rare, text : Tensor of shape (n_rare,)
        Columns whose other levels share an entry; whether -1 is a text that training has not seen.
    """

    mean: Tensor
    column: Tensor
    low: Tensor
    slope: Tensor
    bent: Tensor
    gap: Tensor
    category: Tensor
    level: Tensor
    rare: Tensor
    text: Tensor

    places = ("column", "gap", "category", "rare")
    attributes = (*places, "mean", "low", "slope", "bent", "level", "text")

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """With these attributes."""
        encode = cls()
        for name in cls.attributes:
            is_flag = name in ("bent", "text")
            is_place = name in cls.places
            dtype = torch.bool if is_flag else torch.int64 if is_place else torch.float64
            encode.register_buffer(name, torch.as_tensor(values[name], dtype=dtype))
        return encode

    @property
    def width(self) -> int:
        """Entries of a row."""
        return sum(len(getattr(self, name)) for name in self.places)

    def forward(self, X: Tensor) -> Tensor:
        """Entries (n_rows, width) of rows (n_rows, n_features)."""
        numbers = torch.where(X.isnan(), self.mean, X).index_select(1, self.column)
        least = torch.where(self.bent, 0.0, -torch.inf).to(X.dtype)
        parts = [numbers.sub_(self.low).mul_(self.slope).clamp_(least, 1 - least)]
        if len(self.gap):
            parts.append(X[:, self.gap].isnan().to(X.dtype))
        if len(self.category):
            parts.append((X[:, self.category] == self.level).to(X.dtype))
        if len(self.rare):
            others = X[:, self.rare]
            kept = (self.category[:, None] == self.rare).to(X.dtype)
            is_known = torch.where(self.text, others >= 0, ~others.isnan())
            parts.append(is_known.to(X.dtype) - parts[-1] @ kept)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def names(self, columns: Sequence[str], texts: dict[int, Any]) -> list[str]:
        """A name for each entry; `texts` are those that stand behind the numbers of levels."""
        found = []
        ends = self.low + 1 / self.slope
        for place, low, high, bent in zip(self.column, self.low, ends, self.bent, strict=True):
            bin_ = f" from {low:.6g} to {high:.6g}" if bent else ""
            found.append(f"{columns[place]}{bin_}")
        found += [f"{columns[place]} missing" for place in self.gap]
        for place, level in zip(self.category.tolist(), self.level.tolist(), strict=True):
            text = np.format_float_positional(level, trim="-")
            if place in texts:
                text = texts[place][int(level)]
            found.append(f"{columns[place]}={text}")
        return found + [f"{columns[place]} rare" for place in self.rare]


def encoding_of(
    batches: Any,
    is_category: NDArray[np.bool_],
    holds_text: NDArray[np.bool_],
    encoding: str | None,
) -> Encode | None:
    """How columns of the training rows enter the net; None where they do as they are, as numbers
    do that are standardised. `holds_text` says which categories stand for texts."""
    if sp.issparse(batches.data.X):
        return None
    has_gaps, mean, levels = _looked_through(batches, is_category)
    if encoding == "standard" and not (is_category.any() or has_gaps.any()):
        return None
    values: dict[str, Any] = {name: [] for name in Encode.attributes}
    values["gap"], values["mean"] = np.flatnonzero(has_gaps), mean
    _add_numbers(values, batches, np.flatnonzero(~is_category), encoding == "piecewise")
    for place, weights in levels.items():
        _refuse_large(place, weights, batches.data.dtype)
        found = sorted(weights)
        if len(found) > MOST_LEVELS:
            found = sorted(sorted(found, key=lambda level: -weights[level])[: MOST_LEVELS - 1])
            values["rare"].append(place)
            values["text"].append(bool(holds_text[place]))
        values["category"] += [place] * len(found)
        values["level"] += found
    return Encode.of(values)


def _looked_through(
    batches: Any, is_category: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], Numbers, dict[int, Counter[float]]]:
    """Which columns have missing entries, the mean of the others, and the weight of each level."""
    processes, places = batches.data.processes, np.flatnonzero(is_category).tolist()
    missing, known, total = np.zeros((3, len(is_category)))
    levels: list[Counter[float]] = [Counter() for _ in places]
    for X, weight in map(rows_and_weights, batches):
        is_missing = np.isnan(X)
        missing += weight @ is_missing
        known += weight @ ~is_missing
        with np.errstate(over="ignore", invalid="ignore"):
            total += weight @ np.where(is_missing, 0, X)
        for place, counter in zip(places, levels, strict=True):
            there = ~is_missing[:, place]
            found, codes = np.unique(X[there, place], return_inverse=True)
            weights = np.bincount(codes, weight[there]).tolist()
            counter.update(dict(zip(found.tolist(), weights, strict=True)))
    told = zip(*processes.gather(levels), strict=True)
    weights_of = {
        place: sum(of_all, Counter[float]()) for place, of_all in zip(places, told, strict=True)
    }
    missing, known, total = processes.total((missing, known, total))
    mean = np.where(is_category, 0, np.nan_to_num(total) / np.where(known > 0, known, 1))
    return missing > 0, mean, weights_of


def bent_entries(batches: Any, is_category: NDArray[np.bool_]) -> int:
    """Entries of a row if numbers are bent, as far as some rows tell; 0 if no column can bend, or
    so many that numbers would become more than `BENT_ENTRIES`."""
    if sp.issparse(batches.data.X):
        return 0
    X, _ = drawn_rows(batches, FEW_ROWS)
    n_values = _n_values(X)
    n_bent = int((n_values[~is_category] > 2).sum())
    if not 0 < n_bent <= BENT_ENTRIES // FEWEST_BINS:
        return 0
    of_numbers = np.clip(n_values - 1, 1, _most_bins(n_bent))
    n_entries = np.where(is_category, np.minimum(n_values, MOST_LEVELS), of_numbers)
    return int(n_entries.sum() + np.isnan(X).any(axis=0).sum())


def _n_values(X: Numbers) -> NDArray[np.int64]:
    """How many different numbers each column holds: between two there is one line."""
    return np.array([len(np.unique(column[~np.isnan(column)])) for column in X.T], dtype=np.int64)


def _most_bins(n_bent: int) -> int:
    """Bins of each of so many columns that bend."""
    return int(np.clip(BENT_ENTRIES // max(1, n_bent), FEWEST_BINS, MOST_BINS))


def _add_numbers(values: dict[str, Any], batches: Any, columns: Any, is_bent: bool) -> None:
    all_knots = [np.empty(0)] * len(columns)
    if is_bent:
        most = min(DRAWN_ROWS, max(FEW_ROWS, batches.data.block_size()))
        X, weight = drawn_rows(batches, most)
        X = X[:, columns]
        n_bins = _most_bins(int((_n_values(X) > 2).sum()))
        all_knots = [_knots(column, weight, n_bins, batches.data.dtype) for column in X.T]
    for column, knots in zip(columns, all_knots, strict=True):
        low, slope = np.zeros(1), np.ones(1)
        if len(knots) > 1:
            low, slope = knots[:-1], 1 / np.diff(knots)
        values["column"] += [column] * len(low)
        values["low"] += list(low)
        values["slope"] += list(slope)
        values["bent"] += [len(knots) > 1] * len(low)


def _knots(values: Numbers, weight: Numbers, n_bins: int, dtype: torch.dtype) -> Numbers:
    """The ends of the bins of a column: weighted quantiles, or all its values if they are few,
    further apart than rounding, so that slopes are numbers."""
    is_there = ~np.isnan(values)
    values, weight = values[is_there], weight[is_there]
    knots = np.unique(values)
    if len(knots) > n_bins + 1:
        weights = None if (weight == weight[0]).all() else weight
        levels = np.linspace(0, 1, n_bins + 1)
        knots = np.unique(np.quantile(values, levels, weights=weights, method="inverted_cdf"))
    if len(knots) < 2:
        return knots
    least = max(ROUNDING * np.ptp(knots), 1 / torch.finfo(dtype).max)
    return knots[np.append(True, np.diff(knots) > least)]


def _refuse_large(place: int, weights: Counter[float], dtype: torch.dtype) -> None:
    most, large = 2 / torch.finfo(dtype).eps, max(map(abs, weights), default=0.0)
    if large > most:
        raise ValueError(
            f"Column {place} of X is a category whose numbers, such as {large:.0f}, are too large "
            f"to be told apart in {str(dtype).removeprefix('torch.')}: make them texts, by "
            "astype(str)."
        )
