"""Which rows are equal, and a random order of the different ones, by a hash of their content:
neither order, units of columns nor repeated rows move the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Array
from .._training.batches import GATHERED_ENTRIES, TrainingData, release_pages, scattered_rows


def groups_of_equal(X: Any, rows: Array, seed: int) -> Array:
    """A number for each row, from 0 on; equal rows have equal ones, in an order that is random. An
    entry counts by its rank in its column, so that the order hangs on no unit and no origin."""
    factors = _factors(X, seed)
    if sp.issparse(X):
        hashes = _hashes_of_sparse_ranks(X[rows], factors)
    else:
        hashes = np.zeros(len(rows), dtype=np.uint64)
        width = max(1, GATHERED_ENTRIES // max(1, len(rows)))
        for start in range(0, X.shape[1], width):
            block = slice(start, start + width)
            columns = scattered_rows(X[:, block], rows).T
            for values, factor in zip(columns, factors[block], strict=True):
                hashes += _mixed(np.unique(values, return_inverse=True)[1]) * factor
    return np.unique(hashes, return_inverse=True)[1]


def _hashes_of_sparse_ranks(X: Any, factors: Array) -> Array:
    """The same numbers as of dense rows: zeros, of which a column has one here, count alike."""
    X.sum_duplicates()
    X.eliminate_zeros()
    n_rows, n_columns = X.shape
    zeros = np.where(np.bincount(X.indices, minlength=n_columns) < n_rows, 0.0, np.inf)
    columns = np.append(X.indices, np.arange(n_columns))
    values, codes = np.unique(np.append(X.data, zeros), return_inverse=True)
    pairs, codes = np.unique(columns * len(values) + codes, return_inverse=True)
    first_codes = np.searchsorted(pairs, np.arange(n_columns) * len(values))
    terms = _mixed(codes - first_codes[columns])
    of_zeros = terms[X.nnz :]
    more = terms[: X.nnz] - of_zeros[X.indices]
    return _with_entries(X, more) @ factors + of_zeros @ factors


def hashes_of_values(data: TrainingData, seed: int) -> Array:
    """A number of 64 bits for each row, by its entries as they are, dense and sparse alike: the sum
    of its mixed entries, each times its column's factor (Lemire and Kaser, 2014,
    arXiv:1202.4961)."""
    size, factors = data.block_size(GATHERED_ENTRIES), _factors(data.X, seed)
    blocks = [np.empty(0, dtype=np.uint64)]
    for start in range(0, len(data), size):
        X = data.X[data.rows[start : start + size]]
        X = _with_entries(X, _mixed(X.data)) if sp.issparse(X) else _mixed(X)
        blocks.append(X @ factors)
        release_pages(data.X)
    return np.concatenate(blocks)


def _with_entries(X: Any, entries: Array) -> Any:
    """CSR rows with other numbers where they store one."""
    return sp.csr_array((entries, X.indices, X.indptr), shape=X.shape)


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
