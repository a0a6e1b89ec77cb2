"""Cells of a column: of which kind they are, and the codes of texts."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
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


def first_rows(cells: Cells) -> dict[str, int]:
    """The kinds of the cells that are not missing, each with the first row of it."""
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


def texts(cells: Iterable[Any]) -> list[str]:
    """The different texts among cells, sorted; those of subclasses as plain ones."""
    return sorted({str.__str__(cell) for cell in set(cells) if isinstance(cell, str)})


def codes(
    cells: Cells, first: dict[str, int], levels: Iterable[str], label: str
) -> NDArray[np.float64]:
    """The places of texts among the levels; `first` are their `first_rows`."""
    refuse_kind(label, cells, first)
    if NUMBER in first:
        row = first[NUMBER]
        raise ValueError(
            f"{label} must hold texts, as in the first fit; row {row} is {cells[row]!r:.80}. "
            "astype(str) turns numbers into texts, which must be spelt as then."
        )
    if not first:
        return np.full(len(cells), np.nan)
    place = {level: float(code) for code, level in enumerate(levels)}
    listed = cells.tolist()
    code_of = {
        cell: place.get(cell, UNSEEN) if isinstance(cell, str) else np.nan for cell in set(listed)
    }
    return np.array([code_of[cell] for cell in listed])


def objects(cells: Any) -> NDArray[np.object_]:
    """A vector of things, which may be sequences."""
    listed = list(cells)
    found = np.empty(len(listed), dtype=object)
    for row, cell in enumerate(listed):
        found[row] = cell
    return found


def refuse_kind(label: str, cells: Cells, first: dict[str, int]) -> None:
    """Refuse times, and cells that are neither numbers nor texts."""
    if TIME in first:
        row = first[TIME]
        raise TypeError(f"{label} must hold numbers; row {row} is {cells[row]!r:.80}. {SPLIT_TIME}")
    if OTHER in first:
        row = first[OTHER]
        raise TypeError(
            f"{label} must hold numbers or texts; row {row} is {cells[row]!r:.80}, of "
            f"type {type(cells[row]).__name__}. {SPELL_OUT}"
        )
