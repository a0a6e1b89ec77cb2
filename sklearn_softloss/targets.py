"""What annotators and label sets become before a fit: rows of shares from votes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._targets.encoding import Array, one_hot

__all__ = ["vote_shares"]


def vote_shares(
    votes: ArrayLike, *, classes: ArrayLike | None = None, missing: Any = -1
) -> tuple[Array, Array]:
    """Turn annotators' votes into rows of shares, ready as soft targets.

    Parameters
    ----------
    votes : array-like of shape (n_samples, n_annotators)
        The label each annotator gave. NaN, None and `missing` mean "did not vote".
    classes : array-like of shape (n_classes,), default=None
        The labels, in the order of the columns wanted; by default those that occur, sorted.
    missing : object, default=-1
        A further mark for "did not vote".

    Returns
    -------
    shares : ndarray of shape (n_samples, n_classes)
        Rows that sum to 1.
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a row has no vote, or a vote is not among `classes`.

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
    table = np.asarray(votes, dtype=object)
    if table.ndim != 2:
        raise ValueError(
            f"votes must have shape (n_samples, n_annotators); they have shape {table.shape}."
        )
    cast = np.array(
        [[v is not None and v == v and v != missing for v in row] for row in table], dtype=bool
    ).reshape(table.shape)
    if not cast.any(axis=1).all():
        row = int(np.argmin(cast.any(axis=1)))
        raise ValueError(f"Every row needs a vote; row {row} has none. Drop it.")
    labels = np.array(table[cast].tolist())
    known = np.unique(labels) if classes is None else np.asarray(classes)
    rows = np.nonzero(cast)[0]
    counts = np.zeros((len(table), len(known)))
    np.add.at(counts, rows, one_hot(labels, known))
    return counts / counts.sum(axis=1, keepdims=True), known
