"""The averages over labels or rows that scores of labels know, and their mean."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .._targets.encoding import Array

Average = Literal["micro", "macro", "weighted", "samples"] | None
AVERAGES = ("micro", "macro", "weighted", "samples", None)


def mean_of_defined(values: Array, weight: Array | None = None) -> float:
    """The mean of what is not NaN; without weights where all of them are 0, as scikit-learn's."""
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    if weight is None or not weight[defined].any():
        return float(values[defined].mean())
    return float(np.average(values[defined], weights=weight[defined]))
