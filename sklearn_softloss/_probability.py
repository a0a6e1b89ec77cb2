"""What holds for every probability: how close to 0 and 1 it may come; the entropy of a row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST_PROBA = float(np.finfo(np.float64).tiny)
"""The smallest normal float, whose logarithm is finite."""

LARGEST_PROBA = 1 - float(np.finfo(np.float64).epsneg)
"""The largest float below 1."""

DEFAULT_THRESHOLD = 0.5
"""A label is there from this probability on, unless somebody chose or tuned another."""

FLOOR = 1e-12
"""Added to a probability before its logarithm is taken, as scikit-learn does."""


def inside_unit_interval(proba: NDArray[Any]) -> NDArray[Any]:
    """Probabilities moved strictly inside (0, 1); NaN stays."""
    return np.minimum(np.maximum(proba, SMALLEST_PROBA), LARGEST_PROBA)


def entropies(rows: NDArray[Any]) -> NDArray[Any]:
    """Entropy of each row, in nats."""
    return -(rows * np.log(np.where(rows > 0, rows, 1.0))).sum(axis=1)
