"""Answers of annotators: the matrix, and a list whose memory grows with the answers alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._checks import is_missing
from .encoding import Array, as_array, as_vector, column_names, even_array, hard_labels
from .long_tables import refuse_long_table


@dataclass(frozen=True, eq=False, repr=False)
class Annotations:
    """Answers of annotators to items; memory grows with the answers alone.

    scikit-learn's splits and searches take its items as rows. `numpy.asarray` gives the answers
    themselves, one row an item and one column an annotator, '' or NaN where there is none.

    Parameters
    ----------
    item, annotator, label : ndarray of shape (n_answers,), int
        Places in `items`, in `annotators` and in `classes`, in the order of the items.
    items : ndarray of shape (n_items,)
        What the rows are.
    annotators : ndarray of shape (n_annotators,)
        What the columns are.
    classes : ndarray of shape (n_classes,)
        The answers that there are, sorted.
    given : object, default=None
        What they were read from.

    Examples
    --------
    >>> from sklearn_softloss.targets import annotation_matrix
    >>> annotation_matrix([0, 1], ["ann", "bob"], [1, 0])
    Annotations(2 items, 2 annotators, 2 answers, classes=[0 1])
    """

    item: Array
    annotator: Array
    label: Array
    items: Array
    annotators: Array
    classes: Array
    given: Any = None

    __iter__ = None

    @property
    def matrix(self) -> Array:
        """Answers, NaN where there is none; those that are no numbers as places in `classes`."""
        table = np.full(self.shape, np.nan)
        is_number = self.classes.dtype.kind in "biuf"
        table[self.item, self.annotator] = self.classes[self.label] if is_number else self.label
        return table

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
        part = np.atleast_1d(np.arange(len(self))[list(rows) if isinstance(rows, tuple) else rows])
        starts = np.searchsorted(self.item, np.arange(len(self) + 1))
        taken = sp.csr_array((self.label, self.annotator, starts), self.shape)[part]
        item = np.repeat(np.arange(len(part)), np.diff(taken.indptr))
        answers = item, taken.indices.astype(np.intp), taken.data
        return Annotations(*answers, self.items[part], self.annotators, self.classes)

    def __getitem__(self, rows: Any) -> Annotations:
        return self.take(rows[0] if isinstance(rows, tuple) else rows)  # y[rows, ...] of splits

    def _kept(self, counts: Array) -> Annotations:
        """Answers that count, by a mask; items, annotators and classes are what they were."""
        item, annotator, label = self.item[counts], self.annotator[counts], self.label[counts]
        return replace(self, item=item, annotator=annotator, label=label)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of items and annotators."""
        return len(self.items), len(self.annotators)

    def __len__(self) -> int:
        return len(self.items)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        is_text = self.classes.dtype.kind == "U"
        kind = self.classes.dtype if is_text else object
        table = np.full(self.shape, "" if is_text else np.nan, dtype=kind)
        table[self.item, self.annotator] = self.classes[self.label]
        return table if dtype is None else table.astype(dtype)

    def __repr__(self) -> str:
        counts = "{} items, {} annotators, ".format(*self.shape)
        classes = np.array2string(self.classes, threshold=6)
        return f"Annotations({counts}{len(self.item)} answers, classes={classes})"

    def _shares(self, group: Array, n_groups: int) -> Array:
        """Shares of an item's answers by the group of the annotator and the class, (n_items,
        n_groups * n_classes): rows sum to 1, those of items without an answer to 0."""
        size = (len(self), n_groups * len(self.classes))
        place = self.item * size[1] + group[self.annotator] * len(self.classes) + self.label
        counts = np.bincount(place, minlength=size[0] * size[1]).reshape(size)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


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
    """Raise where X is a frame whose index contradicts the items, or the index of a frame y; row
    numbers, and numbers beside text, only if they are those of the other side too."""
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


def known_annotations(cells: Array, what: str = "Answers") -> tuple[Array, Array]:
    """Which cells hold an answer, and these. None, NaN, NaT, pandas' NA and blank text are none,
    nor is -1 beside text, which does not mix with other numbers; blanks around it are cut."""
    if cells.dtype.kind in "biuf":
        there = ~np.isnan(cells)
        return there, cells[there]
    found = [c.strip() if isinstance(c, (str, bytes)) else c for c in cells.ravel().tolist()]
    nested = [cell for cell in found if isinstance(cell, (list, tuple, set, dict, np.ndarray))]
    if nested:
        raise ValueError(f"{what} must be text or numbers, one a cell; one is {nested[0]!r}.")
    is_text = np.array([isinstance(cell, (str, bytes)) for cell in found], dtype=bool)
    pairs = zip(found, is_text.tolist(), strict=True)
    there = np.array([bool(cell) if text else not is_missing(cell) for cell, text in pairs], bool)
    for place in np.flatnonzero(there & ~is_text).tolist() if (there & is_text).any() else ():
        there[place] = found[place] != -1
        if there[place]:
            text = found[np.argmax(there & is_text)]
            raise ValueError(
                f"{what} must be all text or all numbers; {text!r} stands beside {found[place]!r}."
            )
    values = np.array([cell for cell, known in zip(found, there, strict=True) if known])
    return there.reshape(cells.shape), values


def read_annotations(y: Any, *, are_ratings: bool = False) -> Annotations:
    """Answers of a matrix (n_items, n_annotators), a wide frame, or hard labels of one annotator;
    ratings may be any numbers."""
    if sp.issparse(y):
        raise ValueError(
            "Answers must be a dense matrix with NaN where there is none: what a sparse one does "
            "not store is 0, which may be an answer."
        )
    if isinstance(y, Annotations):
        found, is_matrix = replace(y, given=y), True
    else:
        given = y if hasattr(y, "columns") else _plain(y, are_ratings)
        refuse_long_table(given, of_votes=True)
        names, table = annotator_names(given), np.asarray(given)
        is_matrix = table.ndim == 2
        if not is_matrix:  # None and blanks are no answers in a vector of text
            is_text = table.ndim == 1 and table.dtype.kind in "OU"
            table = (table if is_text else hard_labels(as_array(given), given))[:, None]
        names = np.arange(table.shape[1]) if names is None else names
        there, values = known_annotations(table)
        item, annotator = np.nonzero(there)
        classes, label = np.unique(values, return_inverse=True)
        found = Annotations(item, annotator, label, np.arange(len(table)), names, classes, y)
    if not len(found.item):
        raise ValueError("y holds no answer: every entry is NaN, None or blank.")
    return _with_classes(found) if is_matrix and not are_ratings else found


def _plain(y: Any, are_ratings: bool) -> Array:
    """An array; None in lists stays None, and a single column of labels without gaps is a vector,
    with scikit-learn's warning."""
    given = even_array(y)
    if given.dtype.kind in "US" and not hasattr(y, "__array__"):
        given = np.asarray(y, dtype=object)  # None or -1 beside strings is no string
    is_column = given.ndim == 2 and given.shape[1] == 1 and not are_ratings
    if is_column and known_annotations(given)[0].all():
        return as_vector(given)
    return given


def holds_text_mark(names: list[Any]) -> bool:
    """Whether '-1' is among words, as NumPy makes it of -1 beside text."""
    return "-1" in names and not all(name.lstrip("+-").isdigit() for name in names)


def _with_classes(answers: Annotations) -> Annotations:
    """Whole floats, as NaN beside them makes them, are ints; other numbers are no classes. Nor is
    -1 beside numbers from 0 on, or '-1' beside words: it is as likely none."""
    classes, names = answers.classes, answers.classes.tolist()
    mark = -1 if -1 in names else "-1"
    if classes.dtype.kind == "f" and (classes != np.floor(classes)).any():
        bad = int(np.argmax(classes != np.floor(classes)))
        problem = f"Answers must be classes, one column an annotator; {names[bad]:g} stands"
        advice = "rows of shares are for SoftTargetMLPClassifier"
    elif holds_text_mark(names) or (mark == -1 == min(names) and set(names) - {-1, 1}):
        bad = names.index(mark)
        problem = f"{mark!r} stands beside answers such as {names[-1]!r}, first"
        advice = (
            "write NaN where an annotator did not answer; if it is a class, name it and the "
            "others by words"
        )
    else:
        kind = int if classes.dtype.kind == "f" else classes.dtype
        return replace(answers, classes=classes.astype(kind, copy=False))
    place = int(np.argmax(answers.label == bad))
    raise ValueError(
        f"{problem} in row {answers.item[place]}, column {answers.annotator[place]}: {advice}."
    )
