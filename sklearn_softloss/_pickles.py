"""Pickles that say which version of the package can read them."""

from __future__ import annotations

from typing import Any

FORMAT = 2
"""Rises with a change of what fitted estimators hold that older or newer code cannot read."""

_KEY = "_sklearn_softloss_format"


class VersionedPickle:
    """Base of estimators, before `BaseEstimator`: a pickle of another format is refused by name."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {**state, _KEY: FORMAT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        found = state.pop(_KEY, 0)
        if found != FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was pickled by another version of sklearn_softloss "
                f"(format {found}, here {FORMAT}): load it with the version that wrote it, or fit "
                "it anew."
            )
        super().__setstate__(state)  # type: ignore[misc]
