"""The name by which files of format 2 hold what a fit chose; nothing else reads it."""

from __future__ import annotations

from typing import NamedTuple


class Strength(NamedTuple):
    """Decay and dropout of a net, or the penalty of a linear model."""

    alpha: float
    dropout: float = 0.0
    is_linear: bool = False
