"""Checks of arguments that every room needs: options, numbers, weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_one_of(name: str, value: Any, choices: Collection[Any]) -> None:
    """Refuse what is not one of the choices, which are strings or None."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(
            f"{name} must be one of {list(choices)}; got {value!r}.{nearest_name(value, choices)}"
        )


def nearest_name(value: Any, names: Iterable[Any]) -> str:
    """The end of a message that refuses a name: the known one that was probably meant."""
    if not isinstance(value, str):
        return ""
    known = {name.lower(): name for name in names if isinstance(name, str)}
    found = get_close_matches(value.lower(), known, n=1)
    return f" Did you mean {known[found[0]]!r}?" if found else ""


def check_number(
    name: str, value: Any, low: float, high: float = float("inf"), open_end: bool = False
) -> None:
    """Refuse a number outside [low, high], or (low, high] with `open_end`; NaN too."""
    legal = isinstance(value, (int, float, np.integer, np.floating)) and low <= value <= high
    if not legal or (open_end and value == low):
        bracket = "(" if open_end else "["
        raise ValueError(f"{name} must be a number in {bracket}{low:g}, {high:g}]; got {value!r}.")


def check_inside(name: str, value: Any) -> None:
    """Refuse what is no number in (0, 1)."""
    if not (isinstance(value, (int, float, np.integer, np.floating)) and 0 < value < 1):
        raise ValueError(f"{name} must lie in (0, 1); got {value!r}.")


def check_real(value: Any, name: str, **bounds: Any) -> None:
    """scikit-learn's `check_scalar` for a real number, which is not NaN."""
    from sklearn.utils.validation import check_scalar  # losses import no scikit-learn

    check_scalar(value, name, Real, **bounds)
    if value != value:
        raise ValueError(f"{name} must be a number; got {value!r}.")


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or less than the least."""
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}; got {value!r}.")


def require_y(estimator: Any, y: Any) -> None:
    """Refuse a y that is None, in the words that scikit-learn's checks look for."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y "
            "is None."
        )


def check_levels(name: str, levels: Any) -> NDArray[Any]:
    """Levels of quantiles as an array: numbers in (0, 1), increasing."""
    try:
        found = np.atleast_1d(np.asarray(levels))
        found = found.astype(np.float64) if found.dtype.kind in "iuf" else np.zeros(1)
    except (TypeError, ValueError):
        found = np.zeros(1)
    inside = (found > 0) & (found < 1)
    if found.ndim != 1 or not len(found) or not inside.all() or (np.diff(found) <= 0).any():
        raise ValueError(
            f"{name} must be a number in (0, 1), or several such numbers in increasing order; got "
            f"{levels!r}."
        )
    return found


def refuse_masked(values: np.ma.MaskedArray[Any, Any], name: str) -> None:
    """Refuse a masked array whose mask NumPy would drop in silence."""
    masked = np.ma.getmaskarray(values)
    if masked.any():
        row = int(np.argwhere(masked)[0, 0])
        raise ValueError(
            f"{name} must not be a masked array: row {row} is masked, and the values under a mask "
            f"mean nothing. Fill it, such as {name}.filled(np.nan) for unknown labels, or drop "
            "the rows."
        )


def refuse_no_table(X: Any) -> None:
    """Refuse what holds columns, but no rows of them that could be counted."""
    name = type(X).__name__
    is_record = isinstance(X, Mapping) and not hasattr(X, "shape")  # as a sparse array has it
    if isinstance(X, Sequence) and not isinstance(X, str) and len(X):
        is_record = isinstance(X[0], Mapping)
    if is_record:
        cure = "pandas.DataFrame makes one of a list of records."
    elif name == "LazyFrame":
        cure = "Call its collect()."
    elif name == "Series":
        cure = "One row of a frame is frame[:1] or frame.iloc[[0]], one column frame[['name']]."
    else:
        return
    raise ValueError(f"X must be a table of rows and columns; got a {name}. {cure}")


def refuse_entries(
    bad: NDArray[np.bool_], values: NDArray[Any], rule: str, cure: str = "", first_row: int = 0
) -> None:
    """Refuse a matrix, whose rows count from `first_row`, by the first of its bad entries."""
    if bad.any():
        row, column = np.argwhere(bad)[0]
        where = f"row {first_row + row}, column {column}"
        raise ValueError(f"{rule}; {where} is {values[row, column]}. {cure}".rstrip())


def is_missing(cell: Any) -> bool:
    """Whether a cell holds None, NaN, NaT or pandas' NA."""
    return cell is None or type(cell).__name__ == "NAType" or bool(cell != cell)


def as_floats(values: Any, what: str, cure: str) -> NDArray[Any]:
    """Numbers as float64, NaN where a cell is missing; the first one that is no number is named."""
    cells = np.asarray(values)
    if cells.dtype.kind in "mM":  # times would become nanoseconds
        cells = cells.astype(f"{cells.dtype.kind}8[us]")
    else:
        try:
            return np.asarray(values.astype(np.float64))  # pandas puts NaN for its NA
        except (TypeError, ValueError, OverflowError):
            pass
    found, cells = np.full(cells.shape, np.nan), cells.astype(object)
    for place in np.ndindex(cells.shape):
        try:
            found[place] = np.nan if is_missing(cells[place]) else float(cells[place])
        except (TypeError, ValueError, OverflowError) as error:
            where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")
            why = f" ({error})" if isinstance(error, TypeError) else ""
            raise type(error)(
                f"{what} must hold numbers; {where} is {cells[place]!r:.80}{why}. {cure}"
            ) from error
    return found


def check_distinct(names: list[Any], what: str) -> None:
    """Refuse columns of a table X or y that share a name."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"The columns of {what} must have distinct names; two are {twice!r}.")


def check_weight(weight: Any, shape: tuple[int, ...], *, name: str) -> NDArray[Any] | None:
    """Weights >= 0 of this shape, or one for all, not all of them 0; None for none."""
    if weight is None:
        return None
    if hasattr(weight, "toarray"):
        weight = weight.toarray()
    try:
        given = np.asarray(weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers of shape {shape}; {error}.") from error
    if given.ndim == 0:
        given = np.full(shape, given)
    if given.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, one weight for each; got {given.shape}.")
    bad = ~(np.isfinite(given) & (given >= 0))
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        raise ValueError(f"{name} must be finite and >= 0; row {row} holds {given[row]}.")
    if not given.any():
        raise ValueError(f"{name} must not be zero throughout: no sample would be left to fit.")
    return given


def weight_or_ones(weight: Any, shape: tuple[int, ...], *, name: str) -> NDArray[Any]:
    """The same, with 1 for each where there is none."""
    found = check_weight(weight, shape, name=name)
    return np.ones(shape) if found is None else found
