"""Rows to parts of given sizes, each label's mass, the sum of its known entries, in proportion:
iterative stratification, then exchanges, which repair what its greedy choices leave."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.extmath import _approximate_mode

from .._targets.encoding import Array

N_PASSES = 3
"""How often each row is offered for exchange; further passes gain little."""


def stratified_parts(
    mass: sp.csr_array, group: Array, sizes: Array, shares: Array, rng: np.random.RandomState
) -> Array:
    """The part of each row: parts take `sizes` rows, n_samples in all, and should have `shares` of
    each label. Rows with mass are of group 0; others are shared out by their number."""
    parts = np.empty(len(group), dtype=np.intp)
    places = np.array(sizes)
    for number in np.unique(group):
        rows = group == number
        taken = _approximate_mode(places, np.count_nonzero(rows), rng)
        places -= taken
        if number == 0:
            start = assign_iteratively(mass[rows], taken, shares, rng)
            parts[rows] = exchange(mass[rows], start, len(sizes), rng)
        else:
            parts[rows] = rng.permutation(np.repeat(np.arange(len(sizes)), taken))
    return parts


def assign_iteratively(
    mass: sp.csr_array, sizes: Array, shares: Array, rng: np.random.RandomState
) -> Array:
    """Iterative stratification (Sechidis et al., 2011): the label with the least mass left comes
    first. Each of its rows goes to the part with a place left that lacks most of the label, of
    several such to the one with most places left, then to a random one."""
    n_samples, n_columns = mass.shape
    order = rng.permutation(n_samples)
    mass = mass[order]
    random_tie = rng.random_sample((n_samples, len(sizes)))
    places = np.array(sizes)
    left = np.asarray(mass.sum(axis=0))
    lacking = np.outer(left, shares)
    rows_left = np.bincount(mass.indices, minlength=n_columns)
    left[rows_left == 0] = np.inf
    by_label = mass.tocsc()
    parts = np.full(n_samples, -1)
    while np.isfinite(left[label := int(np.argmin(left))]):
        rows = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        for row in rows[parts[rows] < 0]:
            part = np.lexsort((random_tie[row], places, lacking[label], places > 0))[-1]
            entries = slice(mass.indptr[row], mass.indptr[row + 1])
            columns, values = mass.indices[entries], mass.data[entries]
            parts[row] = part
            places[part] -= 1
            lacking[columns, part] -= values
            left[columns] -= values
            rows_left[columns] -= 1
            left[columns[rows_left[columns] == 0]] = np.inf
    return parts[np.argsort(order)]


def exchange(mass: sp.csr_array, parts: Array, n_parts: int, rng: np.random.RandomState) -> Array:
    """Exchange rows between parts, sizes unchanged, to bring each label nearer to its shares.

    Lowers the sum over parts and labels of (mass - expected mass)^2 / total mass, which no block
    raises: one random row of each part; which part takes which is solved exactly. Every row must
    have an entry.
    """
    parts = parts.copy()
    scaled = over_root_of_total(mass)
    member = np.equal.outer(parts, np.arange(n_parts)).astype(np.float64)
    shares = member.sum(axis=0) / max(len(parts), 1)
    surplus = scaled.T @ member - np.outer(scaled.sum(axis=0), shares)
    for _ in range(N_PASSES):
        queues = [rng.permutation(np.flatnonzero(parts == part)) for part in range(n_parts)]
        for block in zip_longest(*queues):
            rows = [row for row in block if row is not None]
            if len(rows) > 1:
                _reassign(scaled, parts, surplus, rows)
    return parts


def over_root_of_total(mass: sp.csr_array) -> sp.csr_array:
    """Each column divided by the square root of its sum."""
    scaled = sp.csr_array(mass, copy=True)
    scaled.data /= np.sqrt(np.asarray(mass.sum(axis=0))[mass.indices])
    return scaled


def _reassign(scaled: sp.csr_array, parts: Array, surplus: Array, rows: list[int]) -> None:
    """Give rows of different parts to those parts by the best assignment."""
    here = parts[rows]
    entries = [slice(scaled.indptr[row], scaled.indptr[row + 1]) for row in rows]
    columns = np.concatenate([scaled.indices[entry] for entry in entries])
    values = np.concatenate([scaled.data[entry] for entry in entries])
    lengths = [entry.stop - entry.start for entry in entries]
    surplus[columns, np.repeat(here, lengths)] -= values
    # |surplus + row|^2 differs between assignments by twice the product of the two only.
    starts = np.cumsum([0, *lengths[:-1]])
    products = np.add.reduceat(values[:, None] * surplus[columns], starts)
    there = here[linear_sum_assignment(products[:, here])[1]]
    parts[rows] = there
    surplus[columns, np.repeat(there, lengths)] += values


def with_label_pairs(mass: sp.csr_array) -> sp.csr_array:
    """The columns of `mass`, in order, and one more for each pair of labels that two rows or more
    share: the product of the two, its expectation were the labels independent."""
    n_samples, n_columns = mass.shape
    products = PolynomialFeatures(interaction_only=True, include_bias=False).fit_transform(mass)
    pairs = sp.coo_array(products[:, n_columns:])
    _, pair, n_rows = np.unique(pairs.col, return_inverse=True, return_counts=True)
    keep = (n_rows[pair] > 1) & (pairs.data > 0)  # tiny numbers may have the product 0
    shared, column = np.unique(pair[keep], return_inverse=True)
    entries = pairs.data[keep], (pairs.row[keep], column)
    pairs = sp.csr_array(entries, shape=(n_samples, len(shared)))
    return sp.csr_array(sp.hstack([mass, pairs], format="csr"))
