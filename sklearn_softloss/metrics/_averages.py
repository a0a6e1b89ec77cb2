"""Weighted sums over the known entries of labels, and the averages over labels or rows of these."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._targets.encoding import Array
from .blocks import NOTHING_KNOWN, LabelBlocks, Values

Average = Literal["micro", "macro", "weighted", "samples"] | None
AVERAGES = ("micro", "macro", "weighted", "samples", None)


def label_sums(blocks: LabelBlocks, *values: Values) -> list[Array]:
    """Weighted sums over the known entries of each label: first their weight, then each value."""
    sums = np.zeros((1 + len(values), blocks.n_columns))
    for rows, truth, proba in blocks.rows():
        weight = blocks.weight[rows]
        known = ~np.isnan(truth)
        all_known = known.all()
        sums[0] += weight.sum() if all_known else weight @ known
        for j, value in enumerate(values, start=1):
            found = value(truth, proba)
            sums[j] += weight @ (found if all_known else np.where(known, found, 0.0))
    if not sums[0].any():
        raise ValueError(NOTHING_KNOWN)
    return list(sums)


def row_sums(blocks: LabelBlocks, *values: Values) -> list[Array]:
    """Sums over the known entries of each row: first their number, then each value."""

    def summed(value: Values) -> Values:
        return lambda truth, proba: np.where(np.isnan(truth), 0.0, value(truth, proba)).sum(axis=1)

    sums = blocks.row_values(summed(lambda truth, _: np.ones(truth.shape)), *map(summed, values))
    if not blocks.weight[sums[0] > 0].any():
        raise ValueError(NOTHING_KNOWN)
    return list(sums)


def averaged(
    numerator: Any,
    denominator: Any,
    average: str | None,
    *,
    known: Array,
    zero_division: float = 0.0,
    weight: Array | None = None,
) -> float | Array:
    """Quotients of sums of labels or rows (NaN where nothing is known), or their average."""
    if average == "micro":
        numerator, denominator = numerator.sum(), denominator.sum()
    values = np.full(np.shape(denominator), float(zero_division))
    np.divide(numerator, denominator, out=values, where=denominator > 0)
    if average == "micro":
        return float(values)
    values[known <= 0] = np.nan
    return values if average is None else mean_of_defined(values, weight)


def mean_of_defined(values: Array, weight: Array | None = None) -> float:
    """The mean of what is not NaN; without weights where all of them are 0, as scikit-learn's."""
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    if weight is None or not weight[defined].any():
        return float(values[defined].mean())
    return float(np.average(values[defined], weights=weight[defined]))
