"""What annotators and label sets become before a fit: rows of shares from votes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._checks import check_one_of, weight_or_ones
from ._targets.answers import Annotations, is_known
from ._targets.encoding import Array, column_names, first_unseen, one_hot
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
        What was asked, who answered, and what. An answer of NaN or None is none.
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
    for what, column in zip(("item", "annotator"), columns, strict=False):
        missing = ~is_known(column)
        if missing.any():
            raise ValueError(f"Every answer needs its {what}; row {np.argmax(missing)} has none.")
    there = is_known(columns[2])
    if not there.any():
        raise ValueError("answer holds no answer.")
    given, people, answers = (np.array(column[there].tolist()) for column in columns)
    names, column_of = np.unique(people, return_inverse=True)
    rows = np.unique(np.array(columns[0].tolist())) if items is None else np.asarray(items)
    place = {name: i for i, name in enumerate(rows.tolist())}
    unknown = [name for name in given.tolist() if name not in place]
    if unknown:
        raise ValueError(f"items must name every item; {unknown[0]!r} is not among them.")
    row_of = np.array([place[name] for name in given.tolist()], dtype=np.intp)
    if repeated == "refuse":
        _refuse_second_answers(row_of, column_of, rows, names, np.flatnonzero(there))
    classes, codes = np.unique(answers, return_inverse=True)
    matrix = np.full((len(rows), len(names)), np.nan)
    values = answers if answers.dtype.kind in "biuf" else codes
    order = np.arange(len(values))[:: -1 if repeated == "first" else 1]  # the last one stays
    matrix[row_of[order], column_of[order]] = values[order]
    return Annotations(matrix, rows, names, classes)


def _refuse_second_answers(
    row_of: Array, column_of: Array, items: Array, names: Array, places: Array
) -> None:
    pairs = row_of * len(names) + column_of
    _, first, counts = np.unique(pairs, return_index=True, return_counts=True)
    if (counts > 1).any():
        place = int(first[np.argmax(counts > 1)])
        again = int(np.flatnonzero(pairs == pairs[place])[1])
        item, name = items.tolist()[row_of[place]], names.tolist()[column_of[place]]
        raise ValueError(
            f"Annotator {name!r} answered item {item!r} twice, in rows {places[place]} and "
            f"{places[again]}: keep one answer, or say repeated='first' or 'last'."
        )


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
        The label each annotator gave. NaN, None and `missing` mean "did not vote". With ``counts``
        array-like of shape (n_samples, n_classes): how often each label was given.
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the columns wanted; by default those that occur, sorted. With
        ``counts`` the names of the columns; by default those of a DataFrame, or 0, 1, ...
    missing : object, default=-1
        A further mark for "did not vote".
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
        If a row has no vote (of weight), a vote is not among `classes`, or `votes` are a long table
        with one answer a row.

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
    if isinstance(votes, Annotations):
        numbers = votes.classes.dtype.kind in "biuf"
        if classes is None:
            classes = votes.classes
        table = votes.matrix if numbers else _named(votes)
    else:
        refuse_long_table(votes, of_votes=True)
        table = votes
    if not (hasattr(table, "__array__") and np.asarray(table).dtype.kind in "biuf"):
        table = np.asarray(table, dtype=object)
    table = np.asarray(table)
    if table.ndim != 2:
        raise ValueError(
            f"votes must have shape (n_samples, n_annotators); they have shape {table.shape}."
        )
    cast = is_known(table) & (table != missing)
    weights = weight_or_ones(annotator_weight, table.shape[1:], name="annotator_weight")
    labels = np.array(table[cast].tolist())
    rows, columns = np.nonzero(cast)
    distinct, inverse = np.unique(labels, return_inverse=True)
    known = distinct if classes is None else np.asarray(classes)
    foreign = first_unseen(distinct, inverse, set(known.tolist()))
    if foreign is not None:
        raise ValueError(
            f"classes must name every vote; row {rows[foreign]} holds "
            f"{labels.tolist()[foreign]!r}, which is not among {known.tolist()}."
        )
    totals = np.zeros((len(table), len(known)))
    if len(labels):
        np.add.at(totals, rows, weights[columns][:, None] * one_hot(labels, known))
    return _shares(totals), known


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


def _named(votes: Annotations) -> Array:
    """The answers themselves, None where there is none."""
    there = ~np.isnan(votes.matrix)
    table = np.full(votes.matrix.shape, None, dtype=object)
    table[there] = votes.classes[votes.matrix[there].astype(np.intp)]
    return table
