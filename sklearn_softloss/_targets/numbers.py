"""Targets that are numbers: from y as given to checked columns, and to columns on one scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from .._checks import as_floats
from ..distributed import ALONE, Processes
from .domains import Domain
from .encoding import Array, Targets, as_vector, column_names, even_array, in_order
from .weighting import WeightedEntries

if TYPE_CHECKING:
    from torch import Tensor


def encode_numbers(
    y: Any, domain: Domain, names: Array | None = None, processes: Processes = ALONE
) -> Targets:
    """Targets of a regression: numbers in the domain, NaN where unknown. A DataFrame's columns
    become `label_names`, or are put in the order of the `names` of an earlier fit."""
    columns = column_names(y)
    values = as_numbers(y)
    from_vector = values.ndim == 1
    values = values[:, None] if from_vector else in_order(values, columns, names, "targets")
    domain.check_entries(values, unknown=True)
    names = columns if names is None else names
    return Targets(values, None, from_vector, names, processes=processes)


def as_numbers(y: Any, flatten: bool = True) -> Array:
    """y as floats of one or two dimensions; to `flatten` a single column warns."""
    if sp.issparse(y):
        raise ValueError("A sparse y is not supported in a regression: pass y.toarray().")
    if not hasattr(y, "iloc"):  # pandas puts NaN for its NA
        y = even_array(y)
    if np.ndim(y) not in (1, 2):
        raise ValueError(f"y must have one or two dimensions; it has shape {np.shape(y)}.")
    values = as_floats(y, "y", "A regression has numbers as targets, NaN where they are unknown.")
    if flatten and values.ndim == 2 and values.shape[1] == 1:
        values = as_vector(values)
    if 0 in values.shape:
        raise ValueError(f"y must have a column for each target; it has shape {values.shape}.")
    return values


def _power_of_two_near(size: float) -> float:
    """A unit that changes no digit, in which squares neither overflow nor vanish."""
    return float(np.ldexp(1.0, np.frexp(size)[1] - 1)) if size > 0 else 1.0


@dataclass(frozen=True)
class TargetScale:
    """Targets minus a location over a scale, which is 0 of a constant column; and back."""

    location: Array
    scale: Array

    @classmethod
    def of(
        cls,
        targets: Targets,
        weighting: WeightedEntries,
        location_and_scale: Callable[[Array, Array], tuple[float, float]],
        more_to_come: bool,
    ) -> TargetScale:
        """Of the known entries of each column, with their weights. With `more_to_come` a column
        that is constant so far may vary yet, and is moved alone."""
        values, weight, entry = weighting(targets.values, slice(None))
        of_entries = np.ones(values.shape) if entry is None else entry
        if weight is not None:
            of_entries = of_entries * weight[:, None]
        pairs: list[tuple[float, float]] = []
        for column, weights in zip(values.T, of_entries.T, strict=True):
            parts = targets.processes.gather((column, weights))
            column, weights = np.concatenate(parts, axis=1)
            known = weights > 0
            if not known.any():
                pairs.append((0.0, 1.0))
                continue
            unit = _power_of_two_near(np.abs(column[known]).max())
            location, scale = location_and_scale(column[known] / unit, weights[known])
            pairs.append((location * unit, scale * unit))
        locations, scales = np.transpose(pairs)
        return cls(locations, np.where(scales == 0, 1.0, scales) if more_to_come else scales)

    def encode(self, values: Array) -> Array:
        return (values - self.location) / np.where(self.scale == 0, 1.0, self.scale)

    def decode(self, values: Tensor) -> Tensor:
        """Numbers in the units of y, from predictions of shape (..., n_targets)."""
        return values * values.new_tensor(self.scale) + values.new_tensor(self.location)
