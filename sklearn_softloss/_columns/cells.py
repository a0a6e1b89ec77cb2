"""Cells of a column: of which kinds they are, and the codes of texts."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import is_missing

Cells = NDArray[Any]
NUMBER, TEXT, TIME, OTHER, MISSING = "numbers", "texts", "times", "others", "missing"
"""The kinds of cells."""
UNSEEN = -1.0
"""The code of a text that the first fit did not hold."""

SPLIT_TIME = (
    "Turn times into numbers, such as days since a date, or into parts, such as month and weekday, "
    "as numbers or categories; or drop the column."
)
SPELL_OUT = "Turn the cells into numbers, or into texts by astype(str); or drop the column."


class Column:
    """The cells of one column of X, and what messages call it."""

    def __init__(self, cells: Cells, label: str) -> None:
        self.cells, self.label = cells, label

    @cached_property
    def first(self) -> dict[str, int]:
        """The kinds of the cells that are not missing, each with the first row of it."""
        cells = self.cells
        if cells.dtype.kind in "biufmM":
            there = cells == cells  # neither NaN nor NaT
            kind = TIME if cells.dtype.kind in "mM" else NUMBER
            return {kind: int(there.argmax())} if there.any() else {}
        found = {}
        listed = cells.tolist()
        kinds = {cls: kind_of(cls) for cls in set(map(type, listed))}
        for kind in set(kinds.values()) - {MISSING}:
            rows = (row for row, cell in enumerate(listed) if kinds[type(cell)] == kind)
            if kind in (NUMBER, TIME):
                rows = (row for row in rows if not is_missing(listed[row]))
            row = next(rows, None)
            if row is not None:
                found[kind] = row
        return found

    def shown(self, kind: str) -> str:
        """The first cell of a kind, for a message."""
        row = self.first[kind]
        return f"row {row} is {self.cells[row]!r:.80}"

    def refuse_other_kinds(self) -> None:
        """Refuse times, and cells that are neither numbers nor texts."""
        if TIME in self.first:
            raise TypeError(f"{self.label} must hold numbers; {self.shown(TIME)}. {SPLIT_TIME}")
        if OTHER in self.first:
            raise TypeError(
                f"{self.label} must hold numbers or texts; {self.shown(OTHER)}, of type "
                f"{type(self.cells[self.first[OTHER]]).__name__}. {SPELL_OUT}"
            )

    def texts(self) -> tuple[str, ...]:
        """The different texts, sorted; those of subclasses as plain ones."""
        found = set(self.cells.tolist())
        return tuple(sorted({str.__str__(cell) for cell in found if isinstance(cell, str)}))

    def codes(self, levels: Iterable[str]) -> NDArray[np.float64]:
        """The places of texts among the levels."""
        self.refuse_other_kinds()
        if NUMBER in self.first:
            raise ValueError(
                f"{self.label} must hold texts, as in the first fit; {self.shown(NUMBER)}. "
                "astype(str) turns numbers into texts, which must be spelt as then."
            )
        if not self.first:
            return np.full(len(self.cells), np.nan)
        place = {level: float(code) for code, level in enumerate(levels)}
        listed = self.cells.tolist()
        code_of = {
            cell: place.get(cell, UNSEEN) if isinstance(cell, str) else np.nan
            for cell in set(listed)
        }
        return np.array([code_of[cell] for cell in listed])


def kind_of(cls: type) -> str:
    """The kind of cells of a type, missing ones of numbers and times among them."""
    if cls.__name__ in ("NoneType", "NAType", "NaTType"):
        return MISSING
    if issubclass(cls, str):
        return TEXT
    times = datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64
    if issubclass(cls, times) or cls.__name__ == "Period":
        return TIME
    return NUMBER if issubclass(cls, (Real, Decimal, np.bool_)) else OTHER


def objects(cells: Any) -> NDArray[np.object_]:
    """A vector of things, which may be sequences."""
    return np.fromiter(cells, dtype=object)
