"""Seeded work that leaves the global random generators as it found them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

GeneratorState = dict[str, Any]

_one_at_a_time = threading.RLock()


def _capture() -> GeneratorState:
    state: GeneratorState = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore(state: GeneratorState) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if "cuda" in state and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


@contextmanager
def isolated_generators(start: int | GeneratorState) -> Iterator[GeneratorState]:
    """Seed torch, NumPy and Python (or resume a state); at the end the caller's states are back.

    A process has one set of global generators, so threads of one process take turns here: fits in
    threads are as reproducible as fits one after the other. Processes run side by side.

    Parameters
    ----------
    start : int or dict
        A seed, or the dict that an earlier block yielded.

    Yields
    ------
    dict
        Holds, after the block, the states at its end, so that a later block can go on from there.
    """
    with _one_at_a_time:
        before = _capture()
        reached: GeneratorState = {}
        try:
            if isinstance(start, dict):
                _restore(start)
            else:
                random.seed(start)
                np.random.seed(start)
                torch.manual_seed(start)
            yield reached
        finally:
            reached.update(_capture())
            _restore(before)
