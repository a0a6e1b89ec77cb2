"""Old names that still work, and warn: what docs/stability.md promises."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ._warn import warn

Function = TypeVar("Function", bound=Callable[..., Any])


def renamed_argument(old: str, new: str, *, until: str) -> Callable[[Function], Function]:
    """Let a function or method, `__init__` too, take an argument by its old name, with a warning.

    Parameters
    ----------
    old, new : str
        Names of the argument.
    until : str
        The version that will refuse the old one, such as "0.4".

    Returns
    -------
    callable
        The decorator; the signature lists the new name alone.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def with_old_name(*args: Any, **kwargs: Any) -> Any:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(f"{old} is the old name of {new}: give {new} alone.")
                _warn(f"{old}= is called {new}= now", until)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return cast(Function, with_old_name)

    return decorate


def renamed(module: str, names: dict[str, Any], *, until: str) -> Callable[[str], Any]:
    """A ``__getattr__`` for a module some of whose names are called otherwise now.

    Parameters
    ----------
    module : str
        ``__name__`` of the module.
    names : dict
        What each old name stands for: functions or classes.
    until : str
        The version that will not know the old names.

    Returns
    -------
    callable
        To be assigned to ``__getattr__`` in the module.
    """

    def found(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name} is called {names[name].__name__} now", until)
        return names[name]

    return found


def _warn(what: str, until: str) -> None:
    warn(f"{what}; the old name goes in sklearn_softloss {until}.", FutureWarning)
