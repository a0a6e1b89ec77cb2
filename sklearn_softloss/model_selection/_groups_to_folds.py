"""Groups of rows to folds so that each label's mass, and the rows, are shared out in proportion."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Array
from .._warn import warn
from ._iterative import over_root_of_total

MOST_PASSES, MOST_VISITS = 30, 20_000
"""How often each group is offered for a better fold after the first, and all of them together: of
many, each weighs little."""

PARTNERS = 16
"""Groups of other folds that one is offered to change places with."""

ROUNDING = 1e-12
"""A gain that is none."""


def folds_of_groups(
    mass: sp.csr_array, groups: Array, n_folds: int, rng: np.random.RandomState
) -> Array:
    """The fold of each row; rows of one group, all numbered from 0 on without gaps, share it.

    Lowers the sum of `exchange`, with the number of rows as one more label: the groups that weigh
    most go to the fold where they add least, then groups are moved, or two exchanged. Folds never
    differ by more rows than the largest group has.
    """
    n_groups = int(groups.max()) + 1
    members = sp.csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))))
    of_groups = members @ mass
    having = np.bincount(of_groups.indices, minlength=mass.shape[1])
    few = np.flatnonzero((having > 0) & (having < n_folds))
    if len(few):
        warn(
            f"Columns {few.tolist()} of y have mass in fewer groups than there are folds: some of "
            f"the {n_folds} test parts have none of it."
        )
    of_groups = over_root_of_total(sp.hstack([of_groups, members.sum(axis=1)[:, None]], "csr"))
    dealing = _Dealing(of_groups, np.bincount(groups), n_folds, rng)
    weight = np.asarray(of_groups.multiply(of_groups).sum(axis=1))
    for group in np.lexsort((rng.random_sample(n_groups), -weight)):
        dealing.give(group)
    n_passes = max(1, min(MOST_PASSES, MOST_VISITS // n_groups))
    visits = np.concatenate([rng.permutation(n_groups) for _ in range(n_passes)])[:MOST_VISITS]
    dealing.surplus -= dealing.surplus.mean(axis=1, keepdims=True)
    for group in visits:
        dealing.improve(group)
    return dealing.folds[groups]


class _Dealing:
    """Which fold each group is in, and what each fold holds."""

    def __init__(
        self, of_groups: sp.csr_array, sizes: Array, n_folds: int, rng: np.random.RandomState
    ) -> None:
        self.of_groups, self.sizes, self.rng = of_groups, sizes, rng
        self.largest = int(sizes.max())
        self.folds = np.full(len(sizes), -1)
        self.rows = np.zeros(n_folds, dtype=np.intp)
        self.surplus = np.zeros((of_groups.shape[1], n_folds))

    def give(self, group: int) -> None:
        """Put a group where it adds least, among the folds that stay small enough."""
        columns, values = self._entries(group)
        added = values @ self.surplus[columns]
        too_large = self.rows + self.sizes[group] > self.rows.min() + self.largest
        tie = self.rng.random_sample(len(self.rows))
        self._put(group, int(np.lexsort((tie, self.rows, added, too_large))[0]))

    def improve(self, group: int) -> None:
        """Move a group, or change it with another, if that lowers the sum."""
        here = self.folds[group]
        columns, values = self._entries(group)
        towards = values @ (self.surplus[columns] - self.surplus[columns, here][:, None])
        gain = towards + values @ values
        gain[here] = 0.0
        there = int(np.argmin(gain))
        if gain[there] < -ROUNDING and self._fits(here, there, self.sizes[group]):
            self._put(group, there)
            return
        others = self.rng.randint(len(self.folds), size=PARTNERS)
        others = others[self.folds[others] != here]
        if not len(others):
            return
        row = np.zeros(self.surplus.shape[0])
        row[columns] = values
        difference = row - self.of_groups[others].toarray()
        apart = self.surplus[:, self.folds[others]] - self.surplus[:, [here]]
        gain = np.einsum("ij,ji->i", difference, apart) + (difference**2).sum(axis=1)
        best = np.argmin(gain)
        other = others[best]
        there, more = self.folds[other], self.sizes[group] - self.sizes[other]
        if gain[best] < -ROUNDING and self._fits(here, there, more):
            self._put(group, there)
            self._put(other, here)

    def _entries(self, group: int) -> tuple[Array, Array]:
        entries = slice(*self.of_groups.indptr[group : group + 2])
        return self.of_groups.indices[entries], self.of_groups.data[entries]

    def _fits(self, here: int, there: int, n_rows: int) -> bool:
        """Whether folds stay small enough if so many rows move."""
        rows = self.rows.copy()
        rows[here] -= n_rows
        rows[there] += n_rows
        return bool(rows.max() - rows.min() <= self.largest)

    def _put(self, group: int, fold: int) -> None:
        columns, values = self._entries(group)
        if self.folds[group] >= 0:
            self.surplus[columns, self.folds[group]] -= values
            self.rows[self.folds[group]] -= self.sizes[group]
        self.surplus[columns, fold] += values
        self.rows[fold] += self.sizes[group]
        self.folds[group] = fold
