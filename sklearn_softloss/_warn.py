"""Warnings that point to the user's own line, however deep they come from."""

from __future__ import annotations

import sys
import warnings

BETWEEN = {"sklearn_softloss", "sklearn", "skorch", "joblib", "contextlib", "functools"}
"""Packages whose frames are no line of the user's: decorators, searches and pipelines are between
the user and a fit. Python shows a warning once a line, so one at a line of ours would hide the
next one, of another fit."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of this package and of those that call it for the user."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_between(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_between(module: str) -> bool:
    return module.partition(".")[0] in BETWEEN
