"""Folds for a y in which some rows have no label."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._targets.encoding import Array
from ..model_selection import SoftStratifiedKFold
from ._partly_labelled import has_label, read_partly_labelled


class LabelledStratifiedKFold(SoftStratifiedKFold):
    """Folds of the labelled rows, with the same class shares; other rows are always trained on.

    No test part holds a row without a label, so that a search scores known answers only; every
    training part holds all rows without a label.

    Parameters
    ----------
    n_splits, shuffle, random_state : int, bool, RandomState instance or None
        As in `SoftStratifiedKFold`.

    Notes
    -----
    y is 1-D with -1 in rows without a label, or 2-D with rows that sum to 1 and NaN rows. A class
    with one labelled row is missing from the training part of the fold that tests it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.semi_supervised import LabelledStratifiedKFold
    >>> y = np.array([0, -1, 0, -1, 2, 2])
    >>> for train, test in LabelledStratifiedKFold(2, shuffle=False).split(y, y):
    ...     print(train, y[test])
    [0 1 3 5] [0 2]
    [1 2 3 4] [0 2]
    """

    def _read(self, y: Any) -> Array:
        return read_partly_labelled(y).dense()

    def _folds(self, values: Array, groups: None, rng: np.random.RandomState) -> Array:
        labelled = has_label(values)
        if labelled.sum() < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs at least as many labelled rows; y has "
                f"{labelled.sum()}."
            )
        folds = np.full(len(labelled), -1)
        folds[labelled] = super()._folds(values[labelled], groups, rng)
        return folds
