"""Answers of annotators: the matrix, and a list whose memory grows with the answers alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import column_or_1d

from .._checks import refuse_masked
from .encoding import Array, as_array, column_names, even_array, hard_labels, is_missing
from .long_tables import refuse_long_table


@dataclass(frozen=True, eq=False, repr=False)
class Annotations:
    """Answers of annotators, one row an item and one column an annotator.

    scikit-learn's splits and searches take its rows. `numpy.asarray` gives the answers themselves,
    '' or NaN where there is none.

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
    >>> annotation_matrix([0, 1], ["ann", "bob"], [1, 0])
    Annotations(2 items, 2 annotators, 2 answers, classes=[0 1])
    """

    matrix: Array
    items: Array
    annotators: Array
    classes: Array

    __iter__ = None

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
        part = rows if isinstance(rows, slice) else np.atleast_1d(rows)
        return replace(self, matrix=self.matrix[part], items=self.items[part])

    def __getitem__(self, rows: Any) -> Annotations:
        return self.take(rows[0] if isinstance(rows, tuple) else rows)  # y[rows, ...] of splits

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of items and annotators."""
        return self.matrix.shape

    def __len__(self) -> int:
        return len(self.matrix)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        is_text = self.classes.dtype.kind == "U"
        kind = self.classes.dtype if is_text else object
        table = np.full(self.shape, "" if is_text else np.nan, dtype=kind)
        item, annotator, label = self._entries()
        table[item, annotator] = self.classes[label]
        return table if dtype is None else table.astype(dtype)

    def __repr__(self) -> str:
        counts = "{} items, {} annotators, ".format(*self.shape)
        classes = np.array2string(self.classes, threshold=6)
        return f"Annotations({counts}{np.sum(~np.isnan(self.matrix))} answers, classes={classes})"

    def _entries(self) -> tuple[Array, Array, Array]:
        """Item and annotator of each answer, and its place in the classes."""
        item, annotator = np.nonzero(~np.isnan(self.matrix))
        values = self.matrix[item, annotator]
        is_number = self.classes.dtype.kind in "biuf"
        place = np.searchsorted(self.classes, values) if is_number else values.astype(np.intp)
        return item, annotator, place


def are_same(given: Array, predicted: Array) -> Array:
    """Whether answers are those that were predicted, all of them text or numbers."""
    if (given.dtype.kind in "US") != (predicted.dtype.kind in "US"):
        raise ValueError(
            "Answers and predictions must be all text or all numbers; the first are "
            f"{given.tolist()[0]!r} and {predicted.tolist()[0]!r}."
        )
    return np.asarray(given == predicted)


def annotator_names(y: Any) -> Array | None:
    """Names of the columns of a matrix of answers, where it has some."""
    if isinstance(y, Annotations):
        return y.annotators
    if hasattr(y, "columns") and len(y.columns) == 1 and y.columns[0] != 0:
        return np.array([y.columns[0]])
    return column_names(y)


def refuse_other_rows(X: Any, y: Any) -> None:
    """Raise where X is a frame whose index contradicts the items, or the index of a frame y.

    Row numbers that a frame has by itself, and numbers beside text, are no names of rows unless
    they are those of the other side too.
    """
    index = y.items if isinstance(y, Annotations) else y.index if hasattr(y, "iloc") else None
    if not hasattr(X, "iloc") or index is None or len(index) != len(X):
        return
    rows, items = X.index.tolist(), index.tolist()
    unlike = [row for row, name in enumerate(rows) if name != items[row]]
    if not unlike:
        return
    is_text = [all(isinstance(name, str) for name in names) for names in (rows, items)]
    if set(map(_as_text, rows)) == set(map(_as_text, items)):
        refuse_other_type(rows, items, "The index of X and the items")
        how = "the index of X in another order"
    elif is_text[0] != is_text[1] or "RangeIndex" in [type(i).__name__ for i in (X.index, index)]:
        return
    else:
        how = "not the index of X"
    raise ValueError(
        f"The items of the answers are {how}: row {unlike[0]} is {items[unlike[0]]!r}, in X "
        f"{rows[unlike[0]]!r}. Pass items=X.index to annotation_matrix, or y.loc[X.index] of a "
        "frame; X.to_numpy() if the rows belong together as they stand."
    )


def _as_text(name: Any) -> str:
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


def refuse_other_type(names: list[Any], known: list[Any], what: str) -> None:
    """Raise where a name is not among those known, but would be if all were text: 3 and "3"."""
    there, of_text = set(known), {_as_text(name): name for name in known}
    for name in names:
        if name not in there and _as_text(name) in of_text:
            raise ValueError(
                f"{what} must be of one type: {name!r} is not {of_text[_as_text(name)]!r}. Make "
                "all text or all numbers, such as by .astype(str)."
            )


def known_answers(cells: Array, what: str = "Answers") -> tuple[Array, Array]:
    """Which cells hold an answer, and these: the one rule of all that read answers.

    None, NaN, NaT, pandas' NA and blank text are none, nor is -1 beside text. Blanks around text
    are no part of it. Text and other numbers do not mix.
    """
    if cells.dtype.kind in "biuf":
        there = ~np.isnan(cells)
        return there, cells[there]
    found = [c.strip() if isinstance(c, (str, bytes)) else c for c in cells.ravel().tolist()]
    there, is_text = np.zeros((2, len(found)), dtype=bool)
    for place, cell in enumerate(found):
        if isinstance(cell, (list, tuple, set, dict, np.ndarray)):
            raise ValueError(f"{what} must be text or numbers, one a cell; one is {cell!r}.")
        is_text[place] = isinstance(cell, (str, bytes))
        there[place] = bool(cell) if is_text[place] else not is_missing(cell)
    for place in np.flatnonzero(there & ~is_text).tolist() if (there & is_text).any() else ():
        there[place] = found[place] != -1
        if there[place]:
            text = found[np.argmax(there & is_text)]
            raise ValueError(
                f"{what} must be all text or all numbers; {text!r} stands beside {found[place]!r}."
            )
    values = np.array([cell for cell, known in zip(found, there, strict=True) if known])
    return there.reshape(cells.shape), values


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
        if sp.issparse(y):
            raise ValueError(
                "Answers must be a dense matrix with NaN where there is none: what a sparse one "
                "does not store is 0, which may be an answer."
            )
        is_matrix = True
        if isinstance(y, Annotations):
            item, annotator, label = y._entries()
            values = y.classes[label]
        else:
            given = y if hasattr(y, "columns") else _plain(y, are_ratings)
            refuse_long_table(given, of_votes=True)
            names, table = annotator_names(given), np.asarray(given)
            is_matrix = table.ndim == 2
            if not is_matrix:  # None and blanks are no answers in a vector of text
                is_text = table.ndim == 1 and table.dtype.kind in "OU"
                table = (table if is_text else hard_labels(as_array(given), given))[:, None]
            there, values = known_answers(table)
            item, annotator = np.nonzero(there)
        if not len(item):
            raise ValueError("y holds no answer: every entry is NaN, None or blank.")
        if is_matrix and not are_ratings:
            values = _as_labels(values, item, annotator)
        if isinstance(y, Annotations):
            return cls(item, annotator, label, len(y), y.annotators, y.classes, y)
        classes, label = np.unique(values, return_inverse=True)
        names = np.arange(table.shape[1]) if names is None else names
        return cls(item, annotator, label, len(table), names, classes, y)

    @property
    def n_annotators(self) -> int:
        return len(self.names)

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    def kept(self, counts: Array) -> Answers:
        """Those that count, by a mask; items, annotators and classes are what they were."""
        parts = self.item[counts], self.annotator[counts], self.label[counts]
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


def _plain(y: Any, are_ratings: bool) -> Array:
    """An array; None in lists stays None, and a single column of labels without gaps is a vector,
    with scikit-learn's warning."""
    if isinstance(y, np.ma.MaskedArray):
        refuse_masked(y, "y")
    given = np.asarray(y) if hasattr(y, "__array__") else even_array(y)
    if given.dtype.kind in "US" and not hasattr(y, "__array__"):
        given = np.asarray(y, dtype=object)  # None or -1 beside strings is no string
    is_column = given.ndim == 2 and given.shape[1] == 1 and not are_ratings
    if is_column and known_answers(given)[0].all():
        return np.asarray(column_or_1d(given, warn=True))
    return given


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
