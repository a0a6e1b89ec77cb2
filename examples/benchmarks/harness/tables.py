"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]], digits: int = 4) -> str:
    """Lines of cells under their heads; floats with so many digits, NaN as a dash."""
    heads = list(heads)
    return "\n".join([line(heads), "|---" * len(heads) + "|", *(line(row, digits) for row in rows)])


def line(cells: Iterable[Any], digits: int = 4) -> str:
    """One line of a table."""
    return f"| {' | '.join(_text(cell, digits) for cell in cells)} |"


def _text(cell: Any, digits: int) -> str:
    if isinstance(cell, (float, np.floating)):
        return "-" if np.isnan(cell) else f"{cell:.{digits}f}"
    return str(cell)
