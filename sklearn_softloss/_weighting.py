"""How class, label and sample weights meet the targets: one place, before any loss sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.class_weight import compute_class_weight

from .targets import Array, Targets

Weighted = tuple[Array, "Array | None", "Array | None"]


@dataclass(frozen=True)
class RowWeighting:
    """How targets over classes meet `class_weight` and `sample_weight`.

    A soft row stands for draws of hard labels, so class weights c turn the row y into
    c y / (c . y) with the weight c . y. On a one-hot row that is the weight of its class.
    Rows of an independent loss need not sum to 1; they keep their values and take the mean class
    weight under y / sum(y).
    """

    domain: str
    class_weight: Array | None = None
    sample_weight: Array | None = None

    def __call__(self, values: Array, rows: Any) -> Weighted:
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if self.class_weight is not None:
            weighted = values * self.class_weight
            mass, total = weighted.sum(axis=1), values.sum(axis=1)
            share = np.divide(mass, total, out=np.ones_like(mass), where=total > 0)
            if self.domain == "distribution":
                values = np.divide(
                    weighted, mass[:, None], out=values.copy(), where=mass[:, None] > 0
                )
            weight = share if weight is None else share * weight
        return values, weight, None


@dataclass(frozen=True)
class EntryWeighting:
    """How targets of labels meet weights of classes, labels and samples, and unknown entries.

    Weights (absent, present) of a label turn the entry y into present y / w with the entry weight
    w = present y + absent (1 - y). Unknown entries weigh 0. The mean entry weight over the known
    entries of a row joins the row's sample weight, so that a constant row of label weights is a
    sample weight, and a row without known labels is no sample.
    """

    absent_present: Array | None = None
    label_weight: Array | None = None
    sample_weight: Array | None = None

    def __call__(self, values: Array, rows: Any) -> Weighted:
        unknown = np.isnan(values)
        any_unknown = unknown.any()
        entry: Array | None = None
        if any_unknown:
            values = np.where(unknown, 0.0, values)
        if self.absent_present is not None:
            absent, present = self.absent_present
            raised = present * values
            entry = raised + absent * (1 - values)
            values = np.divide(raised, entry, out=values.copy(), where=entry > 0)
        if self.label_weight is not None:
            given = self.label_weight[rows]
            entry = given if entry is None else entry * given
        if any_unknown:
            entry = np.where(unknown, 0.0, 1.0 if entry is None else entry)
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if entry is None:
            return values, weight, None
        known = np.count_nonzero(entry, axis=1)
        mean = entry.sum(axis=1) / np.maximum(known, 1)
        entry = entry / np.where(mean > 0, mean, 1)[:, None]
        return values, mean if weight is None else mean * weight, entry


def check_weight(weight: Any, shape: tuple[int, ...], *, name: str) -> Array | None:
    """Weights >= 0 of the given shape with at least one above zero, or None for none.

    A single number is a weight for all.
    """
    if weight is None:
        return None
    if sp.issparse(weight):
        weight = weight.toarray()
    try:
        given = np.asarray(weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers of shape {shape}; {error}.") from error
    if given.ndim == 0:
        given = np.full(shape, given)
    if given.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, one weight for each; got {given.shape}.")
    bad = ~(np.isfinite(given) & (given >= 0))
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        raise ValueError(f"{name} must be finite and >= 0; row {row} holds {given[row]}.")
    if not given.any():
        raise ValueError(f"{name} must not be zero throughout: no sample would be left to fit.")
    return given


def class_weights(class_weight: Any, targets: Targets, sample_weight: Array | None) -> Array | None:
    """One weight a class, from None, "balanced" or a dict; soft rows count by their mass.

    "balanced" is n / (k m) with m the (weighted) mass of the class in y.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, dict):
        return compute_class_weight(class_weight, classes=targets.classes, y=targets.classes)
    if not isinstance(class_weight, str) or class_weight != "balanced":
        raise ValueError(
            "class_weight must be None, 'balanced' or a dict from class to weight; "
            f"got {class_weight!r}."
        )
    mass = _weighted_sum(np.asarray(targets.values), sample_weight)
    weights = np.ones_like(mass)
    np.divide(mass.sum(), len(mass) * mass, out=weights, where=mass > 0)
    return weights


def label_weights(class_weight: Any, targets: Targets, sample_weight: Array | None) -> Array | None:
    """Weights of absent and present labels, shape (2, n_columns), or None.

    From "balanced" (per label, over its known entries), a dict (``{0: .., 1: ..}``, for a 1-D y
    from its two classes), a list of such dicts (one a label), or one number a label.
    """
    if class_weight is None:
        return None
    n_columns = targets.n_columns
    outcomes = targets.classes if targets.hard else np.array([0, 1])
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(_label_weight_kinds(class_weight, n_columns))
        return _balanced_labels(targets, sample_weight)
    if isinstance(class_weight, dict):
        class_weight = [class_weight] * n_columns
    if np.ndim(class_weight) != 1 or len(class_weight) != n_columns:
        raise ValueError(_label_weight_kinds(class_weight, n_columns))
    if all(isinstance(weights, dict) for weights in class_weight):
        pairs = [
            compute_class_weight(weights, classes=outcomes, y=outcomes) for weights in class_weight
        ]
        return np.array(pairs, dtype=np.float64).T
    weights = check_weight(class_weight, (n_columns,), name="class_weight")
    return np.stack([weights] * 2)  # type: ignore[list-item]


def _label_weight_kinds(got: Any, n_columns: int) -> str:
    return (
        "class_weight must be None, 'balanced', a dict {0: absent, 1: present}, a list of "
        f"{n_columns} such dicts or {n_columns} numbers, one a label; got {got!r}."
    )


def _balanced_labels(targets: Targets, sample_weight: Array | None) -> Array:
    values = targets.values
    if sp.issparse(values):
        unknown = sp.csr_array(
            (np.isnan(values.data).astype(float), values.indices, values.indptr), values.shape
        )
        values = values.copy()
        values.data = np.nan_to_num(values.data)
    else:
        unknown = np.isnan(values)
        values = np.where(unknown, 0.0, values)
    n_rows = values.shape[0] if sample_weight is None else sample_weight.sum()
    known = n_rows - _weighted_sum(unknown, sample_weight)
    present = _weighted_sum(values, sample_weight)
    masses = np.stack([known - present, present])
    weights = np.ones_like(masses)
    np.divide(known, 2 * masses, out=weights, where=masses > 0)
    return weights


def _weighted_sum(values: Any, weight: Array | None) -> Array:
    """Column sums of a dense or sparse matrix, rows weighted."""
    if weight is None:
        return np.asarray(values.sum(axis=0), dtype=np.float64)
    return np.asarray(weight @ values, dtype=np.float64)
