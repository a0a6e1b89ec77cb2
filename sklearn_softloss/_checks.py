"""Checks of arguments that every room needs: options, numbers, weights."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
        found = np.atleast_1d(np.asarray(levels, dtype=np.float64))
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


def check_weight(weight: Any, shape: tuple[int, ...], *, name: str) -> NDArray[Any] | None:
    """Weights >= 0 of the given shape with at least one above zero, or None for none.

    A single number is a weight for all.
    """
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
