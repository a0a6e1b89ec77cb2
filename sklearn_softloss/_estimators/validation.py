"""Which rows early stopping holds out to validate on, and whether those given are like the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import train_test_split

from .._targets.encoding import Array, Targets
from .._training.batches import TrainingData
from .._warn import warn
from ..distributed import Processes

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
    rows = train.rows[:: len(train) // SOME_ROWS + 1]
    ends: list[Array] = []
    if len(rows):
        there = train.X[rows]
        if sp.issparse(there):
            ends = [np.ravel(end.toarray()) for end in (there.min(axis=0), there.max(axis=0))]
        else:
            ends = [np.fmin.reduce(there, axis=0), np.fmax.reduce(there, axis=0)]
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
    rows: Array, targets: Targets, fraction: float, random_state: Any, processes: Processes
) -> tuple[Array, Array]:
    """Rows to train on and rows to validate on, hard labels in equal shares where they can be.

    A class of one row stays in training. Where there are more classes than rows held out the
    rarest count as one. Each process gets what the split of all rows leaves of its own.
    """
    codes: Array | None = None
    if targets.from_vector and targets.classes is not None:
        codes = np.asarray(targets.values[rows] @ np.arange(1, 1 + targets.n_columns), dtype=int)
    given = processes.gather((len(rows), codes))
    start = sum(n_rows for n_rows, _ in given[: processes.rank])
    places = np.arange(sum(n_rows for n_rows, _ in given))
    strata: Array | None = None
    alone = places[:0]
    if codes is not None:
        codes = np.concatenate([codes for _, codes in given])
        is_alone = np.bincount(codes)[codes] == 1
        alone, places, codes = places[is_alone], places[~is_alone], codes[~is_alone]
        strata = _strata(codes, int(np.ceil(fraction * len(places))))
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


def _strata(codes: Array, n_valid: int) -> Array | None:
    n_strata = min(n_valid, len(codes) - n_valid)
    counts = np.bincount(codes, minlength=1)
    if np.count_nonzero(counts) <= n_strata:
        return codes
    if n_strata < 2:
        return None
    frequent = np.argsort(-counts, kind="stable")[: n_strata - 1]
    return np.where(np.isin(codes, frequent), codes, -1)
