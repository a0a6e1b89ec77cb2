"""What a process has once, grad mode and threads: as found after a call; one thread in a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch

Function = TypeVar("Function", bound=Callable[..., Any])


def leaves_process_as_found(function: Function) -> Function:
    """Decorator: grad mode and number of threads are those before the call, whatever ends it.

    The context managers inside do the same, but for an interrupt between their first act and the
    moment that Python knows that there is an end to be called.
    """

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
