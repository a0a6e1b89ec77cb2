"""Threads and grad mode, which a process has once: how many a net takes, and as found after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from math import inf
from threading import current_thread, main_thread
from typing import Any, TypeVar

import torch
from joblib.parallel import get_active_backend
from torch import nn

from .mlp import MLP

Function = TypeVar("Function", bound=Callable[..., Any])

WORTH_SHARING = 3e7
"""Floating point operations a step from which a second thread is used. For a 100-unit net (13
million) it saves a quarter on one kind of processor (140 us against 190), costs a tenth on another
(248 us against 222) and two thirds on a third (501 us against 306); for 256 and 256 units (144
million) it saves a tenth there. A fixed number, so that equal seeds take equal paths everywhere."""


def is_thread_of_joblib() -> bool:
    """Whether this is one of some threads among which joblib has shared the cores already."""
    if current_thread() is main_thread():
        return False
    backend, _ = get_active_backend()
    return bool(backend.nesting_level)


@contextmanager
def threads_for(module: nn.Module, n_rows: int, sparse: bool) -> Iterator[None]:
    """Compute on one thread where so many rows are little work, or joblib runs calls side by side;
    the caller's number is back at the end. A training step counts its rows three times, since it
    also goes back. Never more threads than the caller allowed, and as many for a custom module. The
    first layer's product with `sparse` rows does not count: it is bound by memory, and two threads
    took up to twice as long."""
    allowed = torch.get_num_threads()
    work = inf
    if isinstance(module, MLP):
        gathered = module.layer_sizes[0] * module.layer_sizes[1] if sparse else 0
        work = 2.0 * n_rows * (module.n_weights - gathered)
    if allowed == 1 or (work >= WORTH_SHARING and not is_thread_of_joblib()):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(allowed)


def leaves_process_as_found(function: Function) -> Function:
    """Decorator: grad mode and number of threads are those before the call, whatever ends it;
    context managers miss an interrupt between their first act and their registration."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        grad_mode, n_threads = torch.is_grad_enabled(), torch.get_num_threads()
        try:
            return function(*args, **kwargs)
        finally:
            torch.set_grad_enabled(grad_mode)
            if torch.get_num_threads() != n_threads:
                torch.set_num_threads(n_threads)

    return call  # type: ignore[return-value]


def _one_thread() -> None:
    """The threads that torch shares its work among do not live on in a forked child: it would wait
    for them without end."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread)
