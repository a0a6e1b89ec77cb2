"""Seconds of calls: of one, or the median of several in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def timed(
    call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter
) -> tuple[float, Any]:
    """Seconds of one call, and what it returned."""
    start = clock()
    found = call()
    return clock() - start, found


def take_turns(calls: dict[Any, Callable[[], Any]], repeats: int) -> dict[Any, float]:
    """Median seconds of each call, made in turns after one turn that does not count."""
    times: dict[Any, list[float]] = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            times[name].append(timed(call)[0])
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Median of several calls, after one that does not count."""
    return take_turns({"": call}, repeats)[""]
