"""The most memory that the process holds during a block, as Linux counts it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Self

PROCESS = Path("/proc/self")


class PeakMemory:
    """Context whose `megabytes` is the peak resident memory inside, less that at its start.

    The kernel's own count, so that nothing is missed, whichever library allocates; it is reset at
    the start. NaN where there is no ``/proc/self/clear_refs``, that is, outside Linux. Memory that
    was freed before but not given back to the system is not counted anew.
    """

    megabytes = float("nan")

    def __enter__(self) -> Self:
        try:
            (PROCESS / "clear_refs").write_text("5")  # 5: forget the peak so far
            self._start: float | None = process_megabytes("VmRSS")
        except OSError:
            self._start = None
        return self

    def __exit__(self, *_: Any) -> None:
        if self._start is not None:
            self.megabytes = max(0.0, process_megabytes("VmHWM") - self._start)


def process_megabytes(name: str) -> float:
    """An entry of the process's status, as VmRSS, or VmHWM for the peak so far."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", (PROCESS / "status").read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"/proc/self/status has no {name}")
    return int(found[1]) / 1024
