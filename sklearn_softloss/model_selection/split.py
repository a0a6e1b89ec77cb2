"""Splitters whose parts have each class or label in proportion, for soft and partly known y."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import BaseShuffleSplit
from sklearn.model_selection._split import GroupsConsumerMixin, _BaseKFold, _validate_shuffle_split
from sklearn.utils.validation import check_consistent_length, column_or_1d

from .._random import generator_from
from .._targets.domains import INDEPENDENT, NONNEGATIVE, Domain
from .._targets.encoding import Array, Rows, as_array, encode_classes
from .._targets.labels import encode_labels
from .._warn import warn
from ._groups_to_folds import folds_of_groups
from ._iterative import exchange, stratified_parts, with_label_pairs

RandomState = int | np.random.RandomState | None


class StratifiedByTargets:
    """`split` of a splitter that reads y."""

    _domain: Domain = NONNEGATIVE

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Array, Array]]:
        """Indices of the training and test rows of each split.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            Only its length counts.
        y : array-like or sparse matrix of shape (n_samples, n_columns), or (n_samples,)
            What to stratify by.
        groups : array-like of shape (n_samples,), default=None
            Splitters of groups never part rows with equal values, and warn of labels that lie in
            fewer groups than there are folds; others ignore it, with a warning.

        Yields
        ------
        train : ndarray of int
        test : ndarray of int

        Raises
        ------
        ValueError
            If y, or groups where they are needed, are missing, have no legal meaning, or have fewer
            rows, or groups, than the splits need.
        """
        groups, values = self._read_groups(groups), self._read(y)
        check_consistent_length(X, values, groups)
        return self._split_encoded(values, groups)

    def _read_groups(self, groups: Any) -> Any:
        if groups is not None:
            warn(f"The groups parameter is ignored by {type(self).__name__}")

    def _read(self, y: Any) -> Rows:
        """Hard labels as one-hot rows, a matrix as it is; NaN where unknown."""
        if y is None:
            raise ValueError(
                f"y is required: {type(self).__name__} stratifies by it. Pass split(X, y), or take "
                "KFold or ShuffleSplit, which need no y."
            )
        y = as_array(y)
        if y.ndim != 1:
            return encode_labels(y, self._domain).values
        try:
            return encode_classes(y).values
        except ValueError as error:
            raise ValueError(
                "y must hold one hard label a row if it is 1-D, or be a matrix with one column a "
                f"class or label. {error}"
            ) from error

    def _split_encoded(self, values: Rows, groups: Any = None) -> Iterator[tuple[Array, Array]]:
        """`split` once y is read: scikit-learn's hooks get its values in the place of X."""
        return super().split(values, None, groups)  # type: ignore[misc]


class StratifiedFolds(StratifiedByTargets, _BaseKFold):
    """Folds of all rows; a subclass gives each row its fold."""

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = True, random_state: RandomState = None
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)

    def _iter_test_masks(self, X: Rows, y: None, groups: Any = None) -> Iterator[Array]:
        # A fixed seed makes the folds without shuffling a function of y and groups alone.
        rng = generator_from(self.random_state if self.shuffle else 0)
        folds = self._folds(X, groups, rng)
        for fold in range(self.n_splits):
            yield folds == fold

    @abstractmethod
    def _folds(self, values: Rows, groups: Any, rng: np.random.RandomState) -> Array:
        """The fold of each row."""


class SoftStratifiedKFold(StratifiedFolds):
    """Folds with the same expected class shares, for probability rows and hard labels.

    Rows are dealt out class by class, by their most probable one; then rows are exchanged between
    folds until the mass of each class, the sum of its column, is in proportion. Between folds the
    number of rows differs by one at most; with hard labels that of a class too, as with
    ``StratifiedKFold``.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=True
        Whether chance decides between folds that are as good as each other. If False, `split`
        always gives the same folds for the same y.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling. Pass an int for the same folds in each call.

    Notes
    -----
    y is a vector of hard labels, or a matrix with one column a class and entries in [0, 1]: rows
    that sum to 1, one-hot rows, or confidences of an 'independent' loss. NaN and -1 are unknown
    and count nothing; rows without any mass are shared out evenly.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.model_selection import SoftStratifiedKFold
    >>> Y = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9]])
    >>> folds = SoftStratifiedKFold(3, random_state=0)
    >>> for train, test in folds.split(Y, Y):
    ...     print(len(train), Y[test].mean(axis=0).round(2))
    4 [0.5 0.5]
    4 [0.5 0.5]
    4 [0.5 0.5]
    """

    _domain = INDEPENDENT

    def _folds(self, values: Rows, groups: None, rng: np.random.RandomState) -> Array:
        mass, group = expected_mass(values)
        has_mass = group == 0
        dealt = np.where(has_mass, np.ravel(mass.argmax(axis=1)), mass.shape[1] + group)
        order = rng.permutation(len(group))
        order = order[np.argsort(dealt[order], kind="stable")]
        folds = np.empty(len(group), dtype=np.intp)
        folds[order] = np.arange(len(group)) % self.n_splits
        folds[has_mass] = exchange(mass[has_mass], folds[has_mass], self.n_splits, rng)
        return folds


class MultiLabelStratifiedKFold(StratifiedFolds):
    """Folds with the same share of each label, for label sets.

    Iterative stratification [1]_, which shares out the rarest label first, into folds that differ
    by one row at most; then exchanges of rows, for the frequent labels.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    order : {1, 2}, default=1
        2 shares out pairs of labels that occur in two rows or more as well [2]_; time and memory
        grow with the squared number of labels a row.
    shuffle, random_state : bool, int, RandomState instance or None
        As in `SoftStratifiedKFold`.

    Notes
    -----
    y is a matrix, dense or sparse, with one column a label: 0 and 1, probabilities or counts, which
    count as expected positives; or a vector of hard labels. NaN and -1 are unknown and count
    nothing; rows without any positive are shared out evenly. A label with fewer positives than
    folds is missing from some.

    References
    ----------
    .. [1] Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011, doi:10.1007/978-3-642-23808-6_10.
    .. [2] Szymanski and Kajdanowicz, LIDTA 2017, arXiv:1704.08756.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.model_selection import MultiLabelStratifiedKFold
    >>> Y = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, np.nan], [1, 0, 1], [0, 1, 1]])
    >>> folds = MultiLabelStratifiedKFold(2, random_state=0)
    >>> for train, test in folds.split(Y, Y):
    ...     print(np.nansum(Y[test], axis=0))
    [2. 2. 1.]
    [2. 2. 1.]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        order: int = 1,
        shuffle: bool = True,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)
        if order not in (1, 2) or not isinstance(order, (int, np.integer)):
            raise ValueError(
                f"order must be 1 (labels) or 2 (labels and their pairs); got {order!r}."
            )
        self.order = int(order)

    def _folds(self, values: Rows, groups: None, rng: np.random.RandomState) -> Array:
        mass, group = expected_mass(values, self.order)
        sizes = np.full(self.n_splits, len(group) // self.n_splits)
        sizes[: len(group) % self.n_splits] += 1
        # Not sizes / n: with equal shares, hard labels differ between folds by one at most.
        shares = np.full(self.n_splits, 1 / self.n_splits)
        return stratified_parts(mass, group, sizes, shares, rng)


class _StratifiedGroupFolds(GroupsConsumerMixin, StratifiedFolds):
    """Folds that keep the rows of a group together; a subclass says which y it reads."""

    def _read_groups(self, groups: Any) -> Any:
        if groups is None:
            raise ValueError(
                f"groups are required: {type(self).__name__} keeps their rows together. Pass "
                "split(X, y, groups)."
            )
        return groups

    def _folds(self, values: Rows, groups: Any, rng: np.random.RandomState) -> Array:
        distinct, codes = np.unique(column_or_1d(groups), return_inverse=True)
        if len(distinct) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the {len(distinct)} different groups."
            )
        return folds_of_groups(expected_mass(values)[0], codes, self.n_splits, rng)


class SoftStratifiedGroupKFold(_StratifiedGroupFolds):
    """Folds of whole groups with the same expected class shares, for rows and hard labels.

    Parameters
    ----------
    n_splits, shuffle, random_state : int, bool, RandomState instance or None
        As in `SoftStratifiedKFold`.

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

    Notes
    -----
    y is read as by `MultiLabelStratifiedKFold`; the method is that of `SoftStratifiedGroupKFold`.

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


class MultiLabelStratifiedShuffleSplit(StratifiedByTargets, BaseShuffleSplit):
    """Repeated splits into training and test rows with the same share of each label.

    Each split is drawn anew by the method of `MultiLabelStratifiedKFold`, which says what y may be;
    the test parts of different splits overlap.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size, train_size : float or int, default=None
        Share or number of the rows. One that is not given is the complement of the other; 0.1 of
        the rows are for testing if neither is.
    random_state : int, RandomState instance or None, default=None
        Seed. Pass an int for the same splits in each call.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.model_selection import MultiLabelStratifiedShuffleSplit
    >>> Y = np.tile([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]], (5, 1))
    >>> splits = MultiLabelStratifiedShuffleSplit(2, test_size=0.2, random_state=0)
    >>> for train, test in splits.split(Y, Y):
    ...     print(len(train), len(test), Y[test].sum(axis=0))
    16 4 [2 2 1]
    16 4 [2 2 1]
    """

    def _iter_indices(self, X: Rows, y: None, groups: None = None) -> Iterator[tuple[Array, Array]]:
        mass, group = expected_mass(X)
        n_samples = len(group)
        n_train, n_test = _validate_shuffle_split(
            n_samples, self.test_size, self.train_size, self._default_test_size
        )
        sizes = np.array([n_train, n_test, n_samples - n_train - n_test])
        rng = generator_from(self.random_state)
        for _ in range(self.n_splits):
            parts = stratified_parts(mass, group, sizes, sizes / n_samples, rng)
            train, test = (rng.permutation(np.flatnonzero(parts == part)) for part in (0, 1))
            yield train, test


def expected_mass(values: Rows, order: int = 1) -> tuple[sp.csr_array, Array]:
    """What each row adds to each class or label (with order 2 each pair too), > 0 and in the order
    of the columns, and its group: 0 with mass, 1 without, 2 if nothing is known."""
    mass = sp.csr_array(values, copy=True)
    n_samples, n_columns = mass.shape
    if n_columns == 0:
        raise ValueError(f"y must have a column for each class or label; got {mass.shape}.")
    row_of_entry = np.repeat(np.arange(n_samples), np.diff(mass.indptr))
    n_unknown = np.bincount(row_of_entry[np.isnan(mass.data)], minlength=n_samples)
    mass.data = np.nan_to_num(mass.data)
    mass.eliminate_zeros()
    has_mass = np.diff(mass.indptr) > 0
    group = np.where(has_mass, 0, np.where(n_unknown == n_columns, 2, 1))
    return (with_label_pairs(mass) if order == 2 else mass), group
