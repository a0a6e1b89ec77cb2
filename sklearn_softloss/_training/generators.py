"""The random generators of an estimator, and the global ones for a module that knows no others."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

GlobalStates = dict[str, Any]


@dataclass
class Generators:
    """What an estimator draws from; nothing else does, so fits in threads draw as one alone."""

    torch: torch.Generator
    """On the CPU, also for a net on another device: weights, order and dropout."""
    numpy: np.random.RandomState
    """The validation split."""
    of_module: int | GlobalStates
    """Seed or states of the global generators, from which a custom module draws."""

    def __getstate__(self) -> dict[str, Any]:
        """Plain values and arrays."""
        return {**vars(self), "torch": self.torch.get_state().numpy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.torch = torch.Generator()
        self.torch.set_state(_as_tensor(state["torch"]))
        self.numpy, self.of_module = state["numpy"], state["of_module"]

    @classmethod
    def seeded(cls, seed: int) -> Generators:
        return cls(torch.Generator().manual_seed(seed), np.random.RandomState(seed), seed)

    def for_another_part(self) -> Generators:
        """A copy, but for the generator of the validation split, which parts do not have."""
        return replace(self, torch=self.torch.clone_state())


_one_at_a_time = threading.RLock()


def _renew_lock() -> None:
    """A thread that holds the lock does not live on in a forked child to give it back."""
    global _one_at_a_time
    _one_at_a_time = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def capture() -> GlobalStates:
    """The states of the global generators, in plain values and arrays."""
    state: GlobalStates = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state().numpy(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = [of_one.numpy() for of_one in torch.cuda.get_rng_state_all()]
    return state


def restore(state: GlobalStates) -> None:
    """Set the global generators to what `capture` found; a checkpoint holds lists for arrays."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(_as_tensor(state["torch"]))
    if "cuda" in state and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(list(map(_as_tensor, state["cuda"])))


def _as_tensor(state: Any) -> Tensor:
    return torch.tensor(np.asarray(state, dtype=np.uint8))


@contextmanager
def lent_to_module(generators: Generators) -> Iterator[None]:
    """Seed the global generators, or go on with them; at the end the caller's states are back. A
    process has one set: fits of custom modules in threads take turns here, to be reproducible."""
    with _one_at_a_time:
        before = capture()
        try:
            try:
                if isinstance(generators.of_module, dict):
                    restore(generators.of_module)
                else:
                    random.seed(generators.of_module)
                    np.random.seed(generators.of_module)
                    torch.manual_seed(generators.of_module)
                yield
            finally:
                generators.of_module = capture()
                restore(before)
        except BaseException:  # an interrupt may fall into the lines above
            restore(before)
            raise
