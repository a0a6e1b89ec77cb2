"""Splitters that keep the rows of a group together, for soft and partly known y."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection._split import GroupsConsumerMixin
from sklearn.utils.validation import column_or_1d

from .._targets.domains import INDEPENDENT
from .._targets.encoding import Array, Rows
from .._warn import warn
from ._groups_to_folds import folds_of_groups
from .split import StratifiedFolds, expected_mass


class _StratifiedGroupFolds(GroupsConsumerMixin, StratifiedFolds):
    """Folds that keep the rows of a group together; a subclass says which y it reads."""

    def _read_groups(self, groups: Any) -> Any:
        if groups is None:
            raise ValueError(
                f"groups are required: {type(self).__name__} keeps their rows together. Pass "
                "split(X, y, groups)."
            )
        return groups

    def _iter_test_masks(self, X: Rows, y: None, groups: Any = None) -> Iterator[Array]:
        distinct, codes = np.unique(column_or_1d(groups), return_inverse=True)
        if len(distinct) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the {len(distinct)} different groups."
            )
        mass, _ = expected_mass(X)
        _warn_of_labels_in_few_groups(mass, codes, self.n_splits)
        folds = folds_of_groups(mass, codes, self.n_splits, self._generator())
        for fold in range(self.n_splits):
            yield folds == fold


def _warn_of_labels_in_few_groups(mass: sp.csr_array, codes: Array, n_folds: int) -> None:
    entries = mass.tocoo()
    pairs = np.unique(entries.coords[1].astype(np.int64) * len(codes) + codes[entries.coords[0]])
    n_groups = np.bincount(pairs // len(codes), minlength=mass.shape[1])
    few = np.flatnonzero((n_groups > 0) & (n_groups < n_folds))
    if len(few):
        warn(
            f"Columns {few.tolist()} of y have mass in fewer groups than there are folds: some of "
            f"the {n_folds} test parts have none of it.",
        )


class SoftStratifiedGroupKFold(_StratifiedGroupFolds):
    """Folds of whole groups with the same expected class shares, for rows and hard labels.

    Parameters
    ----------
    n_splits, shuffle, random_state : int, bool, RandomState instance or None
        As in `SoftStratifiedKFold`.

    See Also
    --------
    MultiLabelStratifiedGroupKFold : The same for label sets.
    SoftStratifiedKFold : The same without groups.

    Notes
    -----
    y is read as by `SoftStratifiedKFold`. The groups that weigh most are given to the fold where
    they add least to the differences of the class shares; then groups are moved and exchanged.
    Folds differ by no more rows than the largest group has.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.model_selection import SoftStratifiedGroupKFold
    >>> Y = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9]])
    >>> patient = ["a", "b", "a", "c", "d", "c"]
    >>> folds = SoftStratifiedGroupKFold(2, random_state=0)
    >>> for train, test in folds.split(Y, Y, patient):
    ...     print(sorted({patient[row] for row in test}))
    ['b', 'c']
    ['a', 'd']
    """

    _domain = INDEPENDENT


class MultiLabelStratifiedGroupKFold(_StratifiedGroupFolds):
    """Folds of whole groups with the same share of each label, for label sets.

    Parameters
    ----------
    n_splits, shuffle, random_state : int, bool, RandomState instance or None
        As in `SoftStratifiedKFold`.

    See Also
    --------
    SoftStratifiedGroupKFold : The same for exclusive classes.
    MultiLabelStratifiedKFold : The same without groups.

    Notes
    -----
    y is read as by `MultiLabelStratifiedKFold`, the method is that of `SoftStratifiedGroupKFold`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.model_selection import MultiLabelStratifiedGroupKFold
    >>> Y = np.array([[1, 1], [1, 0], [0, 1], [1, np.nan], [1, 0], [0, 1]])
    >>> patient = ["a", "b", "b", "c", "d", "d"]
    >>> folds = MultiLabelStratifiedGroupKFold(2, random_state=0)
    >>> for train, test in folds.split(Y, Y, patient):
    ...     print(np.nansum(Y[test], axis=0), sorted({patient[row] for row in test}))
    [2. 1.] ['c', 'd']
    [2. 2.] ['a', 'b']
    """
