"""Which rows a choice is judged by: a seeded hash of its content decides for each row.

Equal rows stay together, so that none is judged by its twin; neither their order nor whether they
are repeated or weighted moves the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Array
from .._training.batches import GATHERED_ENTRIES, TrainingData, release_pages

MOST_TAUGHT, MOST_JUDGED = 5000, 25_000
"""Different rows that are enough to train trials on and hold out of, and to choose by in all: to
judge a row costs a hundredth of what it costs to train on it."""

ONE_IN = 4
"""One of so many different rows is held out."""


def enough_rows(data: TrainingData, seed: int) -> tuple[TrainingData, Array]:
    """All rows, of many a part that says enough; and a number of each, from 0 on, which equal rows
    share.

    Those of other processes too, brought together.
    """
    size = data.block_size(GATHERED_ENTRIES)
    most = data.processes.from_first(max(MOST_TAUGHT, min(MOST_JUDGED, data.block_size())))
    hashes = data.processes.gather(hashes_of_rows(data.X, data.rows, size, seed))
    groups: Array = np.unique(np.concatenate(hashes), return_inverse=True)[1].ravel()
    first = sum(len(part) for part in hashes[: data.processes.rank])
    own = groups[first : first + len(data)]
    part = data.restricted(data.rows[own < most]).gathered()
    return part, groups[groups < most]


def groups_of_equal(X: Any, rows: Array, size: int, seed: int) -> Array:
    """A number for each row, from 0 on; equal rows have equal ones, in an order that is random."""
    hashes = hashes_of_rows(X, rows, size, seed)
    groups: Array = np.unique(hashes, return_inverse=True)[1].ravel()
    return groups


def hashes_of_rows(X: Any, rows: Array, size: int, seed: int) -> Array:
    """A number of 64 bits for some rows of a 2-D X, of which so many are read at once."""
    columns = np.random.RandomState(seed).randint(
        0, np.iinfo(np.uint64).max, size=X.shape[1], dtype=np.uint64
    )
    blocks = [np.empty(0, dtype=np.uint64)]
    for start in range(0, len(rows), size):
        blocks.append(_hashes(X[rows[start : start + size]], columns | np.uint64(1)))
        release_pages(X)
    return np.concatenate(blocks)


def _hashes(X: Any, columns: Array) -> Array:
    """A 64-bit number of each row: the sum of its mixed entries, each times that of its column.

    Multilinear hashing (Lemire and Kaser, 2014, arXiv:1202.4961); zeros add nothing, so that dense
    and sparse rows agree.
    """
    if sp.issparse(X):
        terms = _mixed(X.data) * columns[X.indices]
        sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
        return sums[X.indptr[1:]] - sums[X.indptr[:-1]]
    return (_mixed(X) * columns).sum(axis=1, dtype=np.uint64)


def _mixed(values: Array) -> Array:
    """The bits of the numbers, stirred, because those of whole numbers end in zeros."""
    bits = (np.ascontiguousarray(values, dtype=np.float64) + 0.0).view(np.uint64)
    stirred: Array = bits ^ (bits >> np.uint64(32))
    return stirred


def part_to_judge_by(part: TrainingData, groups: Array) -> tuple[TrainingData, TrainingData, Array]:
    """Rows to train on, rows to judge by, and the groups of the latter.

    Every fourth group is held out, in an order by the column in which the target of the group
    stands out most: the class, or the rarest label. So are all beyond those that are enough.
    """
    strata = _strata(part, groups)
    by_stratum = np.lexsort((np.arange(len(strata)), strata))
    by_stratum = by_stratum[by_stratum < MOST_TAUGHT]
    is_held = np.arange(len(strata)) >= MOST_TAUGHT
    is_held[by_stratum[ONE_IN - 1 :: ONE_IN]] = True
    held = is_held[groups]
    return part.restricted(part.rows[~held]), part.restricted(part.rows[held]), groups[held]


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
