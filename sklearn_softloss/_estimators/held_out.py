"""Which rows are held out to judge a choice, by a hash of their content (equal rows stay together;
order, units and weights move none), and which validate, drawn at random."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import check_cv, train_test_split

from .._targets.encoding import Array, Targets
from .._training.batches import TrainingData
from .._warn import warn
from ..distributed import Processes
from .course import Problem
from .equal_rows import groups_of_equal, hashes_of_values

SEED = 0
"""Of the hash: the choice is the same whatever `random_state` is."""

FEWEST_GROUPS = 60
"""Different rows below which a fold of them says too little."""

N_FOLDS, MOST_FOLDED, ONE_IN = 3, 2000, 4
"""Folds, each of which is held out once; of more different rows than that one in four are."""

MOST_TAUGHT, MOST_JUDGED = 5000, 25_000
"""Different rows that are enough to train trials on and hold out of, and to choose by in all: to
judge a row costs a hundredth of what it costs to train on it."""


class Split(NamedTuple):
    """Rows to train on, rows to judge by, and the places of the latter in y as given."""

    train: TrainingData
    held: TrainingData
    places: Array


def splits_of(problem: Problem, cv: Any) -> list[Split]:
    """Those of `cv`, if it is given; rows that validate, if there are; else folds, or of many rows
    the first alone, and none of too few."""
    train, valid = problem.train, problem.valid
    if cv is not None and not isinstance(cv, Integral):
        return _given_splits(train, cv, problem.given_X, problem.given_y)
    part, groups, places = enough_rows(train)
    n_groups = int(groups.max()) + 1
    n_folds = None if cv is None else int(cv)
    if n_folds is not None and n_groups < n_folds:
        raise ValueError(f"cv={cv} folds need as many different rows; there are {n_groups}.")
    if n_groups < FEWEST_GROUPS and cv is None:
        return []
    if valid is not None and cv is None:
        held, _, places = enough_rows(valid)
        return [Split(part.restricted(part.rows[groups < MOST_TAUGHT]), held, places)]
    fold, n_splits = _dealt(part, groups, n_folds)
    return [
        Split(
            part.restricted(part.rows[fold != k]),
            part.restricted(part.rows[fold == k]),
            places[fold == k],
        )
        for k in range(n_splits)
    ]


def _given_splits(train: TrainingData, cv: Any, X: Any, y: Any) -> list[Split]:
    """Those of a splitter or of an iterable, as far as their rows train."""
    try:
        pairs = list(check_cv(cv).split(X, y))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv={cv!r} gives no splits: {error} Where it needs groups, pass "
            "cv=list(splitter.split(X, y, groups))."
        ) from error
    if not pairs:
        raise ValueError("cv holds no (train, test) rows; an iterator that was read is empty.")
    known = [[np.intersect1d(train.rows, _places(rows, X)) for rows in pair] for pair in pairs]
    if not all(len(rows) for pair in known for rows in pair):
        raise ValueError("cv must leave rows with weight and known targets on both sides.")
    return [Split(train.restricted(a), train.restricted(b), b) for a, b in known]


def _places(given: Any, X: Any) -> Array:
    rows, n_rows = np.asarray(given), X.shape[0]
    if rows.dtype == bool and rows.shape == (n_rows,):
        rows = np.flatnonzero(rows)
    is_legal = rows.ndim == 1 and (rows.dtype.kind in "iu" or not len(rows))
    if not is_legal or (len(rows) and not 0 <= rows.min() <= rows.max() < n_rows):
        raise ValueError(f"cv must hold rows of this X, from 0 to {n_rows - 1}; got {given!r}.")
    return rows


def enough_rows(data: TrainingData) -> tuple[TrainingData, Array, Array]:
    """All rows of all processes, of many a part that says enough; a number of each, from 0 on,
    which equal rows share; and their places in X as given."""
    most = data.processes.from_first(max(MOST_TAUGHT, min(MOST_JUDGED, data.block_size())))
    if data.n_samples > most:
        hashes = data.processes.gather(hashes_of_values(data, SEED))
        groups = np.unique(np.concatenate(hashes), return_inverse=True)[1]
        first = sum(len(part) for part in hashes[: data.processes.rank])
        data = data.restricted(data.rows[groups[first : first + len(data)] < most])
    part = data.gathered()
    places = data.rows if data.processes.size == 1 else np.arange(len(part))
    return part, groups_of_equal(part.X, part.rows, SEED), places


def _dealt(part: TrainingData, groups: Array, n_folds: int | None) -> tuple[Array, int]:
    """The fold of each row, and how many folds are held out in turn. Groups are dealt by their
    `_strata`; of many, those beyond the ones that are enough to train on judge too."""
    strata = _strata(part, groups)
    by_stratum = np.lexsort((np.arange(len(strata)), strata))
    is_many = n_folds is None and len(strata) > MOST_FOLDED
    if is_many:
        by_stratum = by_stratum[by_stratum < MOST_TAUGHT]
    n_folds = n_folds or (ONE_IN if is_many else N_FOLDS)
    fold = np.zeros(len(strata), dtype=int)
    fold[by_stratum] = (1 + np.arange(len(by_stratum))) % n_folds
    return fold[groups], 1 if is_many else n_folds


def _strata(data: TrainingData, groups: Array) -> Array:
    """For each group the column whose mean target exceeds its mean over all rows most; numbers of
    both signs have no such column."""
    target, weight, entry_weight = data.targets.block(data.rows)
    weight = np.ones(len(target)) if weight is None else weight
    of_group = sp.csr_array((weight, (groups, np.arange(len(groups)))))
    mean = data.mean_target()
    if entry_weight is not None:
        target = np.where(entry_weight > 0, target, 0.0)
    if (target < 0).any():
        return np.full(groups.max() + 1, -1)
    excess = (of_group @ target) / np.where(mean > 0, mean, np.inf)
    return np.where(excess.max(axis=1) > 0, excess.argmax(axis=1), -1)


# --- rows that validate ---------------------------------------------------------------------------

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
    """Rows to train on and to validate on, of each process its own; hard labels in equal shares, if
    they can be: a class of one row trains, and of too many classes the rarest count as one."""
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
        strata = _frequent(codes, int(np.ceil(fraction * len(places))))
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
