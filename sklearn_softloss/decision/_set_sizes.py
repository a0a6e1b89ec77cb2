"""Label sets of a least and a greatest size: what cut-offs decide, filled up or cut down to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._targets.encoding import Array


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
    """True for the `numbers` (n_samples,) most preferred entries of each row, of equals the first.

    Entries marked in `before` come before all others.
    """
    keys = (-preference,) if before is None else (-preference, ~before)
    best_first = np.lexsort(keys, axis=1)
    taken = np.arange(preference.shape[1]) < numbers[:, None]
    answer = np.empty(preference.shape, dtype=bool)
    np.put_along_axis(answer, best_first, taken, axis=1)
    return answer


def resized(decided: Array, preference: Array, min_labels: int, max_labels: int | None) -> Array:
    """The sets with the most preferred labels added, or the least preferred ones removed."""
    sizes = decided.sum(axis=1)
    wanted = np.clip(sizes, min_labels, max_labels)
    wrong = np.flatnonzero(sizes != wanted)
    if not len(wrong):
        return decided
    answer = decided.copy()
    answer[wrong] = top(preference[wrong], wanted[wrong], before=decided[wrong])
    return answer
