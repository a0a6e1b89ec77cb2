"""How many threads a piece of work is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORTH_SHARING = 40e6
"""Floating point operations a step from which a second thread pays for itself. Steps of a 100-unit
net (13 million) are faster on one thread, those of two layers of 256 units (140 million) on two."""


@contextmanager
def threads_for(work: float) -> Iterator[None]:
    """Run small steps on one thread, and put the caller's number back at the end.

    Never more than the caller allowed: a worker that joblib limits stays limited.

    Parameters
    ----------
    work : float
        Floating point operations of one step.
    """
    allowed = torch.get_num_threads()
    if allowed == 1 or work >= WORTH_SHARING:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(allowed)
