"""Public names of an earlier version: they work, and warn of what is written now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._warn import warn


def renamed(module: str, now: dict[str, tuple[str, Any]]) -> Callable[[str], Any]:
    """The `__getattr__` of a module, from its old names: what is written now, and what that is."""

    def __getattr__(name: str) -> Any:
        if name not in now:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        written, thing = now[name]
        warn(f"{module}.{name} is {written} now; 0.4 will refuse the old name.", FutureWarning)
        return thing

    return __getattr__
