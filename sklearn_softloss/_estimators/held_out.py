"""Which rows are held out to judge a choice, by a hash of their content: equal rows stay together;
order, units and weights move none."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import check_cv

from .._targets.encoding import Array
from .._training.batches import TrainingData
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
        pairs = _given_pairs(train.rows, cv, problem.given_X, problem.given_y)
        return [Split(train.restricted(a), train.restricted(b), b) for a, b in pairs]
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


def _given_pairs(rows: Array, cv: Any, X: Any, y: Any) -> list[list[Array]]:
    """Those of these rows, which train, that a splitter or an iterable gives."""
    try:
        pairs = list(check_cv(cv).split(X, y))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv={cv!r} gives no splits: {error} Where it needs groups, pass "
            "cv=list(splitter.split(X, y, groups))."
        ) from error
    if not pairs:
        raise ValueError("cv holds no (train, test) rows; an iterator that was read is empty.")
    known = [[np.intersect1d(rows, _places(given, X)) for given in pair] for pair in pairs]
    if not all(len(side) for pair in known for side in pair):
        raise ValueError("cv must leave rows with weight and known targets on both sides.")
    return known


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
    rows = data.rows
    most = data.processes.from_first(max(MOST_TAUGHT, min(MOST_JUDGED, data.block_size())))
    if data.n_samples > most:
        hashes = hashes_of_values(data, SEED)
        different = np.unique(np.concatenate(data.processes.gather(hashes)))
        rows = rows[hashes <= different[:most][-1]]
    part = data.gathered(rows)
    places = rows if data.processes.size == 1 else part.rows
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
