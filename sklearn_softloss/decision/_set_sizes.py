"""Label sets of a least and a greatest size: what cut-offs decide, filled up or cut down to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._namespace import namespaces


def check_set_sizes(min_labels: Any, max_labels: Any, n_labels: int) -> None:
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


def top(preference: Any, numbers: Any) -> Any:
    """True for the `numbers` most preferred entries of each row; of equals the first."""
    xp, _ = namespaces(preference)
    best_first = xp.argsort(-preference, axis=1, stable=True)
    if xp is not np:
        return xp.argsort(best_first, axis=1) < numbers
    answer = np.empty(preference.shape, dtype=bool)
    np.put_along_axis(answer, best_first, np.arange(preference.shape[1]) < numbers, axis=1)
    return answer


def resized(decided: Any, preference: Any, min_labels: int, max_labels: int | None) -> Any:
    """The sets with the most preferred labels added, or the least preferred ones removed."""
    sizes = decided.sum(axis=1, keepdims=True)
    wanted = sizes.clip(min_labels, max_labels)
    if not isinstance(decided, np.ndarray):
        return _of_size(decided, preference, sizes, wanted)
    answer, wrong = decided.copy(), np.flatnonzero(sizes != wanted)
    answer[wrong] = _of_size(*(part[wrong] for part in (decided, preference, sizes, wanted)))
    return answer


def _of_size(decided: Any, preference: Any, sizes: Any, wanted: Any) -> Any:
    xp, _ = namespaces(decided)
    is_small = sizes < wanted
    # The labels of a small set come first, those outside a large one last.
    ends = xp.where(is_small, xp.inf, -xp.inf)
    return top(xp.where(decided == is_small, ends, preference), wanted)
