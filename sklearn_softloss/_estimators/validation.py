"""Which rows validate, drawn at random, and whether those that a user gives are like X."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import train_test_split
from sklearn.utils.sparsefuncs import min_max_axis

from .._targets.encoding import Array, Targets
from .._training.batches import TrainingData
from .._warn import warn

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset, "
    "or pass rows of your own to fit: X_val and y_val."
)

FAR, MANY, SOME_ROWS, FEW_ROWS = 0.75, 0.2, 2000, 20
"""An entry is far out that lies beyond its column's range in training by this part of the range. Of
rows from elsewhere few do: below a hundredth of them in seven tables, a sixth of a trend that goes
on for as long as training saw it. Raw columns beside scaled ones do if their unit or origin is
another, 0.26 to 1 of them in these tables. Both are looked at in some rows; the range of fewer than
`FEW_ROWS` says too little."""

TRANSFORM_IT = (
    "If X comes out of the steps of a pipeline, these do not see X_val unless they are asked to: "
    "Pipeline(..., transform_input=['X_val']), with scikit-learn's metadata routing."
)


def warn_if_far_out(X: Any, train: TrainingData, is_category: Array) -> None:
    """Say that validation rows look as if they were not transformed as the training rows were."""
    there = train.X[train.rows[:: len(train) // SOME_ROWS + 1]]
    ends: Any = ()
    if sp.issparse(there) and len(train):
        ends = min_max_axis(there, axis=0)
    elif len(train):
        ends = np.fmin.reduce(there, axis=0), np.fmax.reduce(there, axis=0)
    found = [pair for pair in train.processes.gather(ends) if pair]
    low, high = np.fmin.reduce([a for a, _ in found]), np.fmax.reduce([b for _, b in found])
    low = np.where(is_category, high, low)
    entries = X[:: X.shape[0] // SOME_ROWS + 1]
    if sp.issparse(entries):
        low, high, entries = low[entries.indices], high[entries.indices], entries.data
    with np.errstate(over="ignore"):
        room = FAR * (high - low)
        is_far = ((entries < low - room) | (entries > high + room)) & (high > low)
    n_varying = np.broadcast_to(high > low, entries.shape).sum()
    if train.n_samples >= FEW_ROWS and is_far.sum() > MANY * n_varying:
        warn(
            f"{is_far.sum() / n_varying:.0%} of the entries of X_val lie far outside of the range "
            f"that their column has in X, so that the loss on them may mean nothing. {TRANSFORM_IT}"
        )


def hold_out(
    data: TrainingData, targets: Targets, fraction: float, random_state: Any
) -> tuple[Array, Array]:
    """Rows to train on and to validate on, of each process its own; hard labels in equal shares, if
    they can be: a class of one row trains, and of too many classes the rarest count as one."""
    rows, processes = data.rows, data.processes
    codes = np.zeros(len(rows), dtype=int)
    are_labels = targets.from_vector and targets.classes is not None
    if are_labels:
        codes = np.asarray(targets.values[rows] @ np.arange(1, 1 + targets.n_columns), dtype=int)
    given = processes.gather(codes)
    start, codes = sum(map(len, given[: processes.rank])), np.concatenate(given)
    places, strata = np.arange(len(codes)), None
    is_alone = are_labels & (np.bincount(codes)[codes] == 1)
    alone, places = places[is_alone], places[~is_alone]
    if are_labels:
        strata = _frequent(codes[places], int(np.ceil(fraction * len(places))))
    if len(places) < 2:
        raise ValueError(TOO_SMALL)
    train, valid = train_test_split(
        places, test_size=fraction, random_state=random_state, stratify=strata
    )
    if len(valid) < 2:
        raise ValueError(TOO_SMALL)

    def own(places: Array) -> Array:
        return rows[places[(places >= start) & (places < start + len(rows))] - start]

    return own(np.concatenate([train, alone])), own(valid)


def _frequent(codes: Array, n_valid: int) -> Array | None:
    """Classes by number; -1 for the rarest, where there are more than rows on a side."""
    n_strata = min(n_valid, len(codes) - n_valid)
    counts = np.bincount(codes, minlength=1)
    if np.count_nonzero(counts) <= n_strata:
        return codes
    if n_strata < 2:
        return None
    frequent = np.argsort(-counts, kind="stable")[: n_strata - 1]
    return np.where(np.isin(codes, frequent), codes, -1)
