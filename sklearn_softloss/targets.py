"""What annotators and label sets become before a fit: rows of shares from votes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from ._checks import check_one_of, weight_or_ones
from ._targets.annotations import (
    Annotations,
    holds_text_mark,
    known_annotations,
    read_annotations,
    refuse_other_type,
)
from ._targets.encoding import Array, column_names
from ._targets.long_tables import refuse_long_table

__all__ = ["Annotations", "annotation_matrix", "vote_shares"]


def annotation_matrix(
    item: ArrayLike,
    annotator: ArrayLike,
    answer: ArrayLike,
    *,
    items: ArrayLike | None = None,
    repeated: str = "refuse",
) -> Annotations:
    """A long table of answers, such as columns of a DataFrame, as a matrix.

    Parameters
    ----------
    item, annotator, answer : array-like of shape (n_answers,)
        What was asked, who answered, and what. An answer of NaN, None or blanks is none, nor is -1
        beside text.
    items : array-like of shape (n_items,), default=None
        The items in the order of the rows wanted, such as the index of X, those without an answer
        too; by default those of `item`, sorted.
    repeated : {"refuse", "first", "last"}, default="refuse"
        What to do where an annotator answered an item more than once: refuse it, or keep one.

    Returns
    -------
    Annotations
        `matrix`, `items`, `annotators` and `classes`.

    Raises
    ------
    ValueError
        If the columns differ in length, an annotator answered an item twice (unless `repeated`
        says what to keep), an item is not among `items`, or an item or annotator is unknown.

    See Also
    --------
    vote_shares : Shares of the answers.

    Examples
    --------
    >>> from sklearn_softloss.targets import annotation_matrix
    >>> found = annotation_matrix([7, 7, 9], ["ann", "bob", "bob"], ["cat", "dog", "dog"])
    >>> found.matrix
    array([[ 0.,  1.],
           [nan,  1.]])
    >>> found.items, found.annotators, found.classes
    (array([7, 9]), array(['ann', 'bob'], dtype='<U3'), array(['cat', 'dog'], dtype='<U3'))
    """
    check_one_of("repeated", repeated, ("refuse", "first", "last"))
    columns = [np.asarray(column, dtype=object) for column in (item, annotator, answer)]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        raise ValueError(
            "item, annotator and answer must be columns of one length; their shapes are "
            f"{[column.shape for column in columns]}."
        )
    there, answers = known_annotations(columns[2], "answer")
    if not len(answers):
        raise ValueError("answer holds no answer.")
    given, people = _ids(columns[0], "item"), _ids(columns[1], "annotator")
    rows = np.unique(given) if items is None else _ids(np.asarray(items, dtype=object), "item")
    names, column_of = np.unique(people[there], return_inverse=True)
    place = {name: i for i, name in enumerate(rows.tolist())}
    if len(place) < len(rows):
        again = next(name for i, name in enumerate(rows.tolist()) if place[name] != i)
        raise ValueError(f"items must be distinct; {again!r} is there more than once.")
    refuse_other_type(given.tolist(), rows.tolist(), "item and items")
    unknown = [name for name in given[there].tolist() if name not in place]
    if unknown:
        raise ValueError(f"items must name every item; {unknown[0]!r} is not among them.")
    row_of = np.array([place[name] for name in given[there].tolist()], dtype=np.intp)
    pairs = row_of * len(names) + column_of
    classes, codes = np.unique(answers, return_inverse=True)
    order = np.arange(len(codes))[:: -1 if repeated == "last" else 1]
    kept = order[np.unique(pairs[order], return_index=True)[1]]  # of equal ones the first in order
    if repeated == "refuse" and len(kept) < len(pairs):
        again = np.setdiff1d(order, kept)[0]
        places = np.flatnonzero(there)[[np.argmax(pairs == pairs[again]), again]]
        name, asked = names.tolist()[column_of[again]], rows.tolist()[row_of[again]]
        raise ValueError(
            f"Annotator {name!r} answered item {asked!r} twice, in rows {places[0]} and "
            f"{places[1]}: keep one answer, or say repeated='first' or 'last'."
        )
    return Annotations(row_of[kept], column_of[kept], codes[kept], rows, names, classes)


def _ids(column: Array, what: str) -> Array:
    """Names of one type, each there; blanks around text count."""
    there, _ = known_annotations(column, what)
    if not there.all():
        raise ValueError(f"Every row needs its {what}; row {np.argmin(there)} has none.")
    return np.array(column.tolist())


def vote_shares(
    votes: Any,
    *,
    classes: ArrayLike | None = None,
    missing: Any = -1,
    annotator_weight: ArrayLike | None = None,
    counts: bool = False,
) -> tuple[Array, Array]:
    """Turn annotators' votes into rows of shares, ready as soft targets.

    Parameters
    ----------
    votes : array-like of shape (n_samples, n_annotators), or Annotations
        The label each annotator gave. NaN, None, blank text and `missing` mean "did not vote". With
        ``counts`` array-like of shape (n_samples, n_classes): how often each label was given.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the columns wanted; by default those that occur, sorted. With
        ``counts`` the names of the columns; by default those of a DataFrame, or 0, 1, ...
    missing : object, default=-1
        A further mark for "did not vote", unless `classes` name it.
    annotator_weight : array-like of shape (n_annotators,), default=None
        How much each annotator's vote counts, >= 0.
    counts : bool, default=False
        Whether `votes` are counts already.

    Returns
    -------
    shares : ndarray of shape (n_samples, n_classes)
        Rows that sum to 1.
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a row has no vote (of weight), a vote is not among `classes`, -1 may be a vote or none,
        or `votes` are a long table with one answer a row.

    See Also
    --------
    annotation_matrix : The matrix of a long table.

    Examples
    --------
    >>> from sklearn_softloss.targets import vote_shares
    >>> shares, classes = vote_shares([["cat", "cat", "dog", None], ["dog", "dog", None, None]])
    >>> classes
    array(['cat', 'dog'], dtype='<U3')
    >>> shares
    array([[0.66666667, 0.33333333],
           [0.        , 1.        ]])
    """
    if counts:
        return _shares_of_counts(votes, classes, annotator_weight)
    if not (isinstance(votes, Annotations) or sp.issparse(votes)):
        refuse_long_table(votes, of_votes=True)
        votes = np.asarray(votes, dtype=None if hasattr(votes, "__array__") else object)
        if votes.ndim != 2:
            raise ValueError(
                f"votes must have shape (n_samples, n_annotators); they have shape {votes.shape}."
            )
    answers = read_annotations(votes, are_ratings=True)
    found, known = answers.classes.tolist(), answers.classes
    marks = known_annotations(np.array([missing], dtype=object))[1].tolist()
    if classes is None:
        _refuse_doubtful_mark(found, marks)
        known = known[[name not in marks for name in found]]
    else:
        known = known_annotations(np.asarray(classes), "classes")[1]
        marks = [mark for mark in marks if mark not in known.tolist()]
    answers = answers._kept(np.array([name not in marks for name in found])[answers.label])
    place = {name: j for j, name in enumerate(known.tolist())}
    column = np.array([place.get(name, -1) for name in found], dtype=np.intp)[answers.label]
    if (column < 0).any():
        foreign = int(np.argmax(column < 0))
        raise ValueError(
            f"classes must name every vote; row {answers.item[foreign]} holds "
            f"{found[answers.label[foreign]]!r}, which is not among {known.tolist()}."
        )
    weights = weight_or_ones(annotator_weight, (len(answers.annotators),), name="annotator_weight")
    totals = np.zeros((len(answers), len(known)))
    np.add.at(totals, (answers.item, column), weights[answers.annotator])
    return _shares(totals), known


def _refuse_doubtful_mark(found: list[Any], marks: list[Any]) -> None:
    """Refuse -1 that may be a vote: beside 1 alone, beside a -2, and as text beside words."""
    others = [name for name in found if name not in marks]
    is_text = holds_text_mark(others)
    is_number = marks == [-1] and -1 in found and others
    if is_text or (is_number and (others == [1] or min(others) < -1)):
        mark = "-1" if is_text else -1
        raise ValueError(
            f"{mark!r} beside {[name for name in others if name != mark]} may be a vote or none: "
            "name the classes, it among them, if it is one; if it is none, without it, and pass "
            f"missing={mark!r}."
        )


def _shares_of_counts(
    votes: Any, classes: ArrayLike | None, annotator_weight: Any
) -> tuple[Array, Array]:
    if annotator_weight is not None:
        raise ValueError("annotator_weight is for single votes; counts do not say who gave them.")
    names = column_names(votes)
    totals = np.asarray(votes, dtype=np.float64)
    if totals.ndim != 2:
        raise ValueError(f"counts must have shape (n_samples, n_classes); got {totals.shape}.")
    bad = ~(np.isfinite(totals) & (totals >= 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"Counts must be finite and >= 0; row {row} has {totals[row, column]:g} in column "
            f"{column}."
        )
    if classes is not None:
        names = np.asarray(classes)
    known = np.arange(totals.shape[1]) if names is None else names
    if len(known) != totals.shape[1]:
        raise ValueError(f"classes must name {totals.shape[1]} columns; got {len(known)} names.")
    return _shares(totals), known


def _shares(totals: Array) -> Array:
    empty = totals.sum(axis=1) == 0
    if empty.any():
        raise ValueError(f"Every row needs a vote; row {int(np.argmax(empty))} has none. Drop it.")
    return totals / totals.sum(axis=1, keepdims=True)
