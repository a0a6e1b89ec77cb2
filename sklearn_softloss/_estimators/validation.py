"""Which rows early stopping holds out to validate on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from .._processes import Processes
from .._targets.encoding import Array, Targets

TOO_SMALL = (
    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset, "
    "or pass rows of your own to fit: X_val and y_val."
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
