"""scikit-learn's `available_if`, with the type of what it decorates for type checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sklearn.utils import metaestimators

Method = TypeVar("Method", bound=Callable[..., Any])


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """The method exists only where ``check(estimator)`` is true.

    Parameters
    ----------
    check : callable
        Returns False, or raises AttributeError with a reason, where there is no such method.

    Returns
    -------
    callable
        The decorator.
    """
    return cast(Callable[[Method], Method], metaestimators.available_if(check))
