"""Answers of annotators: the matrix, and a list whose memory grows with the answers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import column_or_1d

from .._checks import refuse_masked
from .encoding import Array, column_names, encode_classes, even_array
from .long_tables import refuse_long_table


class Annotations(NamedTuple):
    """Answers of annotators, one row an item and one column an annotator.

    Parameters
    ----------
    matrix : ndarray of shape (n_items, n_annotators), float64
        Answers; NaN where an annotator did not answer. Answers that are no numbers are places in
        `classes`.
    items : ndarray of shape (n_items,)
        What the rows are.
    annotators : ndarray of shape (n_annotators,)
        What the columns are.
    classes : ndarray of shape (n_classes,)
        The answers that there are, sorted.

    Examples
    --------
    >>> from sklearn_softloss.targets import annotation_matrix
    >>> annotation_matrix([0, 1], ["ann", "bob"], [1, 0]).annotators
    array(['ann', 'bob'], dtype='<U3')
    """

    matrix: Array
    items: Array
    annotators: Array
    classes: Array

    def take(self, rows: Any) -> Annotations:
        """Those of some items, with all annotators and classes.

        Parameters
        ----------
        rows : array-like of shape (n_taken,) or slice
            Places, or a mask, of the items.

        Returns
        -------
        Annotations
        """
        part = rows if isinstance(rows, slice) else np.asarray(rows)
        return self._replace(matrix=self.matrix[part], items=self.items[part])


def is_known(values: Array) -> Array:
    """Whether entries are neither None nor NaN nor pandas' NA."""
    if values.dtype.kind in "biuf":
        return ~np.isnan(values)
    found = [v is not None and _equals_itself(v) for v in values.ravel()]
    return np.array(found, dtype=bool).reshape(values.shape)


def _equals_itself(value: Any) -> bool:
    same = value == value
    return isinstance(same, (bool, np.bool_)) and bool(same)


@dataclass(frozen=True)
class Answers:
    """Which annotator gave which label to which item.

    Parameters
    ----------
    item, annotator, label : ndarray of shape (n_answers,), int
        Places in the items, in `names` and in `classes`, in the order of the items.
    n_items : int
    names : ndarray of shape (n_annotators,)
    classes : ndarray of shape (n_classes,)
    given : object
        What they were read from.
    """

    item: Array
    annotator: Array
    label: Array
    n_items: int
    names: Array
    classes: Array
    given: Any = None

    @classmethod
    def read(cls, y: Any, *, are_ratings: bool = False) -> Answers:
        """Answers of a matrix (n_items, n_annotators), a wide frame, or hard labels of one
        annotator; NaN and None are no answers. Ratings may be any numbers."""
        names, classes, given_y = None, None, y
        if sp.issparse(y):
            raise ValueError(
                "Answers must be a dense matrix with NaN where there is none: what a sparse one "
                "does not store is 0, which may be an answer."
            )
        if isinstance(y, Annotations):
            names, classes, y = y.annotators, y.classes, y.matrix
        else:
            y = y if hasattr(y, "columns") else _plain(y)
            refuse_long_table(y, of_votes=True)
            names = column_names(y)
        table = np.asarray(y)
        if table.ndim != 2:
            targets = encode_classes(y)
            label = targets.dense().argmax(axis=1)
            order = np.arange(len(label))
            nobody = np.zeros(len(label), dtype=np.intp)
            return cls(order, nobody, label, len(label), np.arange(1), targets.classes, given_y)
        item, annotator = np.nonzero(is_known(table))
        given = _as_array(table[item, annotator])
        if not are_ratings:
            given = _as_labels(given, item, annotator)
        if classes is None:
            classes, label = np.unique(given, return_inverse=True)
        elif classes.dtype.kind in "biuf":
            label = np.searchsorted(classes, given)
        else:
            label = given.astype(np.intp)
        if names is None:
            names = np.arange(table.shape[1])
        return cls(item, annotator, label.ravel(), len(table), names, classes, given_y)

    @property
    def n_annotators(self) -> int:
        return len(self.names)

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    def of_items(self, counts: Array) -> Answers:
        """Those to the items that count, a mask; the items are what they were."""
        kept = counts[self.item]
        parts = self.item[kept], self.annotator[kept], self.label[kept]
        return Answers(*parts, self.n_items, self.names, self.classes, self.given)

    def of_rows(self, rows: Array) -> Answers:
        """Those to these items alone, in their order."""
        place = np.full(self.n_items, -1)
        place[rows] = np.arange(len(rows))
        kept = place[self.item] >= 0
        parts = place[self.item[kept]], self.annotator[kept], self.label[kept]
        return Answers(*parts, len(rows), self.names, self.classes)

    def shares(self, group: Array, n_groups: int) -> Array:
        """Shares of an item's answers by the group of the annotator and the class.

        Parameters
        ----------
        group : ndarray of shape (n_annotators,), int
        n_groups : int

        Returns
        -------
        ndarray of shape (n_items, n_groups * n_classes)
            Rows sum to 1; those of items without an answer to 0.
        """
        size = (self.n_items, n_groups * self.n_classes)
        place = self.item * size[1] + group[self.annotator] * self.n_classes + self.label
        counts = np.bincount(place, minlength=size[0] * size[1]).reshape(size)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _plain(y: Any) -> Array:
    """An array; None in lists stays None, and a single column without gaps is a vector, with
    scikit-learn's warning."""
    if isinstance(y, np.ma.MaskedArray):
        refuse_masked(y, "y")
    given = np.asarray(y) if hasattr(y, "__array__") else even_array(y)
    if given.dtype.kind in "US" and not hasattr(y, "__array__"):
        given = np.asarray(y, dtype=object)  # None beside strings is no string
    if given.ndim == 2 and given.shape[1] == 1 and is_known(given).all():
        return np.asarray(column_or_1d(given, warn=True))
    return given


def _as_array(given: Array) -> Array:
    if not len(given):
        raise ValueError("y holds no answer: every entry is NaN or None.")
    return given if given.dtype.kind in "biuf" else np.array(given.tolist())


def _as_labels(labels: Array, item: Array, annotator: Array) -> Array:
    """Whole floats, as NaN beside them makes them, are ints; other numbers are no classes."""
    if labels.dtype.kind == "f":
        broken = labels != np.floor(labels)
        if broken.any():
            place = int(np.argmax(broken))
            raise ValueError(
                "Answers must be classes, one column an annotator; row "
                f"{item[place]} has {labels[place]:g} in column {annotator[place]}. Rows of "
                "shares are for SoftTargetMLPClassifier."
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "iu" and labels.min() == -1 and set(labels.tolist()) - {-1, 1}:
        place = int(np.argmin(labels))
        raise ValueError(
            f"-1 stands beside answers from 0 to {labels.max()}, first in row {item[place]}, "
            f"column {annotator[place]}: write NaN where an annotator did not answer; if it is a "
            "class, name the classes by strings."
        )
    return labels
