"""Label sets of a least and a greatest size: what cut-offs decide, filled up or cut down to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._targets.encoding import Array

MAX_ROUNDS = 20


def check_set_sizes(min_labels: Any, max_labels: Any, n_labels: int) -> None:
    """Refuse sizes that no set has, or that leave nothing to decide."""
    for name, size in (("min_labels", min_labels), ("max_labels", max_labels)):
        whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
        if not (whole or (size is None and name == "max_labels")):
            raise ValueError(f"{name} must be a whole number; got {size!r}.")
    if not 0 <= min_labels < n_labels:
        raise ValueError(
            f"min_labels must be at least 0 and less than the number of labels, {n_labels}; got "
            f"{min_labels!r}."
        )
    if max_labels is not None and max_labels < max(1, min_labels):
        raise ValueError(
            f"max_labels must be None, or at least 1 and min_labels={min_labels!r}; got "
            f"{max_labels!r}."
        )


def top(preference: Array, numbers: Array, before: Array | None = None) -> Array:
    """True for the `numbers` most preferred entries of each row, of equals the first.

    Parameters
    ----------
    preference : ndarray of shape (n_samples, n_labels)
    numbers : ndarray of shape (n_samples,)
    before : ndarray of shape (n_samples, n_labels), bool, default=None
        Entries that come before all others.
    """
    keys = (-preference,) if before is None else (-preference, ~before)
    best_first = np.lexsort(keys, axis=1)
    taken = np.arange(preference.shape[1]) < numbers[:, None]
    answer = np.empty(preference.shape, dtype=bool)
    np.put_along_axis(answer, best_first, taken, axis=1)
    return answer


def resized(
    decided: Array, preference: Array, min_labels: int = 0, max_labels: int | None = None
) -> Array:
    """The sets with the most preferred labels added, or the least preferred ones removed.

    Parameters
    ----------
    decided : ndarray of shape (n_samples, n_labels), bool
    preference : ndarray of shape (n_samples, n_labels)
        Among equals the first label is preferred.
    min_labels, max_labels : int, int or None
        Least and greatest size of a set.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), bool
    """
    sizes = decided.sum(axis=1)
    wanted = np.clip(sizes, min_labels, max_labels)
    wrong = np.flatnonzero(sizes != wanted)
    if not len(wrong):
        return decided
    answer = decided.copy()
    answer[wrong] = top(preference[wrong], wanted[wrong], before=decided[wrong])
    return answer


def tuned_with_sizes(
    find: Callable[[Array], Array], judge: Callable[[Array], float], resize: Any, proba: Array
) -> Array:
    """Cut-offs whose sets are best after they were brought to size.

    An entry that is added whatever its probability counts as certain while its label's cut-off is
    sought, one that is removed as impossible; the cut-offs found then change what is added and
    removed. Ends when the objective no longer rises: never below that of the cut-offs found
    without sizes, though it may be a local maximum.

    Parameters
    ----------
    find : callable
        Cut-offs for probabilities.
    judge : callable
        The objective of sets; more is better.
    resize : callable
        Sets of legal size for sets.
    proba : ndarray of shape (n_samples, n_labels)
    """
    cuts = find(proba)
    decided = proba >= cuts
    answer = resize(decided)
    if np.array_equal(answer, decided):
        return cuts
    value = judge(answer)
    for _ in range(MAX_ROUNDS):
        seen = np.where(answer & ~decided, 1.0, np.where(decided & ~answer, 0.0, proba))
        candidate = find(seen)
        decided = proba >= candidate
        answer = resize(decided)
        reached = judge(answer)
        if reached <= value:
            break
        cuts, value = candidate, reached
    return cuts
