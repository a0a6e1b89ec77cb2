"""Which rows a choice is judged by: a seeded hash of its content decides for each row.

Equal rows stay together, so that none is judged by its twin; neither their order, nor the units of
columns, nor whether rows are repeated or weighted moves the others. Of more rows than are enough
the part that is looked at hangs on their entries as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Array
from .._training.batches import GATHERED_ENTRIES, TrainingData, release_pages, scattered_rows

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
    most = data.processes.from_first(max(MOST_TAUGHT, min(MOST_JUDGED, data.block_size())))
    if data.n_samples > most:
        hashes = data.processes.gather(_hashes_of_values(data, seed))
        groups = _numbered(np.concatenate(hashes))
        first = sum(len(part) for part in hashes[: data.processes.rank])
        data = data.restricted(data.rows[groups[first : first + len(data)] < most])
    part = data.gathered()
    return part, groups_of_equal(part.X, part.rows, seed)


def groups_of_equal(X: Any, rows: Array, seed: int) -> Array:
    """A number for each row, from 0 on; equal rows have equal ones, in an order that is random.

    An entry counts by its rank in its column, so that the order hangs on no unit and no origin.
    """
    factors = _factors(X, seed)
    if sp.issparse(X):
        return _numbered(_hashes_of_sparse_ranks(X[rows], factors))
    hashes = np.zeros(len(rows), dtype=np.uint64)
    width = max(1, GATHERED_ENTRIES // max(1, len(rows)))
    for start in range(0, X.shape[1], width):
        block = slice(start, start + width)
        for values, factor in zip(scattered_rows(X[:, block], rows).T, factors[block], strict=True):
            hashes += _mixed(np.unique(values, return_inverse=True)[1]) * factor
    return _numbered(hashes)


def _hashes_of_sparse_ranks(X: Any, factors: Array) -> Array:
    """The same numbers as of dense rows: zeros, of which a column has one here, count alike."""
    X.sum_duplicates()
    X.eliminate_zeros()
    n_stored = np.bincount(X.indices, minlength=X.shape[1])
    zeros = np.where(n_stored < X.shape[0], 0.0, np.inf)
    values = np.concatenate([X.data, zeros])
    columns = np.concatenate([X.indices, np.arange(X.shape[1])])
    order = np.lexsort((values, columns))
    is_first, is_other = (
        np.append(True, entries[order][1:] != entries[order][:-1]) for entries in (columns, values)
    )
    count = np.cumsum(is_first | is_other)
    ranks = np.empty(len(order))
    ranks[order] = count - np.maximum.accumulate(np.where(is_first, count, 0))
    terms = _mixed(ranks)
    stored, of_zeros = terms[: X.nnz], terms[X.nnz :]
    more = (stored - of_zeros[X.indices]) * factors[X.indices]
    return _sums_of_rows(X, more) + (of_zeros * factors).sum(dtype=np.uint64)


def _hashes_of_values(data: TrainingData, seed: int) -> Array:
    """A number of 64 bits for each row, by its entries as they are."""
    size, factors = data.block_size(GATHERED_ENTRIES), _factors(data.X, seed)
    blocks = [np.empty(0, dtype=np.uint64)]
    for start in range(0, len(data), size):
        blocks.append(_hashes(data.X[data.rows[start : start + size]], factors))
        release_pages(data.X)
    return np.concatenate(blocks)


def _hashes(X: Any, factors: Array) -> Array:
    """A 64-bit number of each row: the sum of its mixed entries, each times its column's factor.

    Multilinear hashing (Lemire and Kaser, 2014, arXiv:1202.4961); zeros add nothing, so that dense
    and sparse rows agree.
    """
    if sp.issparse(X):
        return _sums_of_rows(X, _mixed(X.data) * factors[X.indices])
    return (_mixed(X) * factors).sum(axis=1, dtype=np.uint64)


def _sums_of_rows(X: Any, terms: Array) -> Array:
    """Sums of numbers that belong to the stored entries of CSR rows."""
    sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    found: Array = sums[X.indptr[1:]] - sums[X.indptr[:-1]]
    return found


def _mixed(values: Array) -> Array:
    """The bits of the numbers, stirred, because those of whole numbers end in zeros."""
    bits = (np.ascontiguousarray(values, dtype=np.float64) + 0.0).view(np.uint64)
    stirred: Array = bits ^ (bits >> np.uint64(32))
    return stirred


def _factors(X: Any, seed: int) -> Array:
    """A random odd number for each column."""
    draw = np.random.RandomState(seed)
    drawn: Array = draw.randint(0, np.iinfo(np.uint64).max, size=X.shape[1], dtype=np.uint64)
    return drawn | np.uint64(1)


def _numbered(hashes: Array) -> Array:
    numbers: Array = np.unique(hashes, return_inverse=True)[1].ravel()
    return numbers


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
