"""A small table for people: rows of named cells, and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

MOST_ROWS = 40


@dataclass(repr=False)
class Table:
    """Rows of named cells, which ``print(table)`` lines up; ``pandas.DataFrame(table.rows)`` works.

    Attributes
    ----------
    rows : list of dict
        All with the same keys.
    notes : list of str
        Sentences printed above the rows.
    """

    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return str(self)

    def to_frame(self) -> Any:
        """A pandas DataFrame, with the first column as its index."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: pip install 'sklearn_softloss[frames]'."
            ) from error
        return pd.DataFrame(self.rows).set_index(next(iter(self.rows[0])))

    def _repr_html_(self) -> str:
        heads = list(self.rows[0]) if self.rows else []
        lines = [f"<p>{escape(note)}</p>" for note in self.notes]
        lines += ["<table>", f"<tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"]
        for row in self.rows:
            cells = "".join(f"<td>{escape(_text(row[head]))}</td>" for head in heads)
            lines.append(f"<tr>{cells}</tr>")
        return "\n".join([*lines, "</table>"])

    def __str__(self) -> str:
        shown = self.rows[:MOST_ROWS]
        heads = list(self.rows[0]) if self.rows else []
        cells = [heads, *([_text(row[head]) for head in heads] for row in shown)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        if len(self.rows) > MOST_ROWS:
            lines.append(f"... {len(self.rows) - MOST_ROWS} more in .rows")
        return "\n".join([*self.notes, *lines])


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, (float, np.floating)):
        return "-" if np.isnan(cell) else f"{cell:.4g}"
    return str(cell)
