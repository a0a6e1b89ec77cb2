"""Data-parallel training: each process holds some of the rows, and all end with the same net. Sums
over rows go through `total` or `add_`; chance and searches are those of the first process."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Self

import numpy as np

__all__ = ["data_parallel"]

LETTING_GO = 0.2
"""Seconds for torch's thread of the last exchange to let go of its tensors: it needs the GIL, which
the end of a group holds while it waits for the thread."""


class Processes:
    """One process alone, which agrees with itself: its number, and how many there are."""

    rank, size = 0, 1

    @contextmanager
    def failing_together(self) -> Iterator[Self]:
        """What ends the block in one process ends it in all of them."""
        yield self

    def gather(self, thing: Any) -> list[Any]:
        """The things of all processes."""
        return [thing]

    def from_first(self, thing: Any) -> Any:
        """The thing of the first process."""
        return thing

    def total(self, values: Any) -> Any:
        """The sum of numbers, or of arrays of one shape, over all processes, in float64."""
        return values

    def add_(self, tensor: Any) -> None:
        """Put the sum over all processes into a contiguous tensor of each."""

    def take_over_weights(self, module: Any) -> None:
        """Give a module the weights and buffers that it has in the first process."""

    def check_that_all_agree(self, said: dict[str, Any]) -> None:
        """Refuse to train what is not the same in all processes, by what each says of it."""


class ProcessGroup(Processes):
    """Those that torch.distributed has brought together in a `group`, which is this object's own,
    so that giving it up is a sign to the others; in the `store` one that fails leaves word."""

    def __init__(self, group: Any, store: Any) -> None:
        import torch
        from torch import distributed

        self._torch, self._distributed = torch, distributed
        self._group, self._store = group, store
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        self._owner = os.getpid(), threading.get_ident()

    @contextmanager
    def failing_together(self) -> Iterator[Self]:
        if self._owner != (os.getpid(), threading.get_ident()):
            raise RuntimeError(
                "data_parallel() trains in the thread that entered it, one fit at a time: searches "
                "and ensembles inside need n_jobs=None."
            )
        try:
            yield self
        except BaseException as error:
            self.leave(f"{type(error).__name__}: {error}")
            raise

    def leave(self, why: str | None = None) -> None:
        """Close the connections; who waits for this process learns of it, and why."""
        group, self._group = self._group, None
        if group is None:
            return
        if why is not None:
            with suppress(Exception):
                self._store.set(f"why/{self.rank}", why[:2000])
        time.sleep(LETTING_GO)
        with suppress(Exception):
            self._distributed.destroy_process_group(group)

    def _together(self, act: Callable[..., Any], *given: Any) -> Any:
        """Act with the others, or say which of them cannot."""
        if self._group is None:
            raise RuntimeError(
                "The processes no longer train together, since one of them failed: leave the block "
                "of data_parallel() and start all of them again."
            )
        try:
            return act(*given, group=self._group)
        except RuntimeError as error:
            found = str(error).partition("\n")[0]
        # Outside the handler, whose frames would keep the connections open.
        self.leave()
        raise RuntimeError(
            f"Data-parallel training has ended in process {self.rank} of {self.size}: "
            f"{self._what_befell_others()} ({found})"
        )

    def _what_befell_others(self) -> str:
        """The first word that another process left; or that it is gone without one."""
        others = [rank for rank in range(self.size) if rank != self.rank]
        for rank in others:
            key = f"why/{rank}"
            with suppress(Exception):
                if self._store.check([key]):
                    return f"process {rank} failed with {self._store.get(key).decode()}"
        if self.size == 2:
            return f"process {others[0]} was killed, hangs, or cannot be reached"
        return "the connection to another process is lost"

    def gather(self, thing: Any) -> list[Any]:
        found = [None] * self.size
        self._together(self._distributed.all_gather_object, found, thing)
        return found

    def from_first(self, thing: Any) -> Any:
        found = [thing]
        self._together(self._distributed.broadcast_object_list, found, 0)
        return found[0]

    def total(self, values: Any) -> Any:
        tensor = self._torch.tensor(np.asarray(values), dtype=self._torch.float64)
        self.add_(tensor)
        return tensor.numpy() if tensor.ndim else tensor.item()

    def add_(self, tensor: Any) -> None:
        self._together(self._distributed.all_reduce, tensor)

    def take_over_weights(self, module: Any) -> None:
        for tensor in module.state_dict().values():
            values = tensor.contiguous()
            self._together(self._distributed.broadcast, values, 0)
            tensor.copy_(values)

    def check_that_all_agree(self, said: dict[str, Any]) -> None:
        told = self.gather({name: str(value) for name, value in said.items()})
        for rank, other in enumerate(told):
            for name in told[0]:
                if other.get(name) != told[0][name]:
                    raise ValueError(
                        f"All processes must train the same: {name} is {told[0][name]} in process "
                        f"0 and {other.get(name)} in process {rank}."
                    )


ALONE = Processes()
_entered = [ALONE]


@contextmanager
def entering(processes: Processes) -> Iterator[None]:
    """`entered` answers with these processes in the block."""
    _entered.append(processes)
    try:
        yield
    finally:
        _entered.pop()


def entered() -> Processes:
    """The processes whose block of `data_parallel` this one is in."""
    return _entered[-1]


def refuse_processes(estimator: Any) -> None:
    """For a `fit` that does not know how to share its rows with other processes."""
    if entered().size > 1:
        raise NotImplementedError(
            f"{type(estimator).__name__} does not train by data_parallel(): fit it in one process, "
            "outside the block. SoftTargetMLPClassifier, MultiLabelSigmoidClassifier and "
            "SoftLossMLPRegressor do."
        )


@contextmanager
def data_parallel(timeout: float = 600.0) -> Iterator[Processes]:
    """Train with the other processes that ``torchrun`` has started.

    In the block `fit` and `partial_fit` of `SoftTargetMLPClassifier`,
    `MultiLabelSigmoidClassifier` and `SoftLossMLPRegressor` take the rows that this process holds,
    and learn classes, scales, "auto" parameters and weights from those of all: a full batch takes
    the same steps as one process with all rows, smaller ones hold of each process its share. All
    processes must make the same calls, and end with the same net, which predicts alone. Without
    ``torchrun`` there is one process, which trains as it does outside the block. The block may be
    entered again, also after one that failed.

    Parameters
    ----------
    timeout : float, default=600
        Seconds that a process waits for the others, in the block and on the way in. One that was
        killed, or that raised an error, is noticed at once; one that hangs after this time.

    Yields
    ------
    Processes
        ``rank``, the number of this process from 0 on, and ``size``, how many there are.

    Raises
    ------
    RuntimeError
        By a `fit` in the block, if another process failed, was killed or hangs; it says which and
        why where that is known. What was fitted before is kept. On the way in, if not all come.
    ValueError
        By a `fit` in the block, if calls, parameters or columns differ between the processes.

    Notes
    -----
    Sums go through gloo on the CPU and NCCL on a GPU, of which each process takes the one of its
    ``LOCAL_RANK``: state ``device="cuda"``. The default group of ``torch.distributed`` is made by
    the first block, unless there is one, and stays until Python exits. A module's own buffers, such
    as the statistics of batch norm, are those of the first process.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.distributed import data_parallel
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> with data_parallel() as processes:
    ...     own = slice(processes.rank, None, processes.size)
    ...     clf = SoftTargetMLPClassifier((8,), random_state=0).fit(X[own], y[own])
    >>> clf.predict([[0.5]])
    array([0])
    """
    if entered() is not ALONE:
        raise RuntimeError("data_parallel() is entered already: fit in the block around.")
    from torch import distributed

    is_initialized = distributed.is_available() and distributed.is_initialized()
    if "WORLD_SIZE" not in os.environ and not is_initialized:
        yield ALONE
        return
    try:
        group = _meet(timeout)
    except RuntimeError as error:
        found = str(error).partition("\n")[0]
        raise RuntimeError(
            f"Not all processes of data_parallel() came within {timeout:g} seconds, or one is "
            "gone: all must enter the block, the same number of times; start all of them again "
            f"({found})"
        ) from error
    try:
        with entering(group), group.failing_together():
            yield group
            group.check_that_all_agree({"the call": "the end of the block of data_parallel()"})
    finally:
        group.leave()


def _meet(timeout: float) -> ProcessGroup:
    """The processes of one block, connected anew. What they met through at first stays until
    Python exits: a second meeting at its address would find what the first one left there."""
    import torch
    from torch import distributed

    backend, limit = "gloo", timedelta(seconds=timeout)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
        backend = "cpu:gloo,cuda:nccl"
    if not distributed.is_initialized():
        distributed.init_process_group(backend, timeout=limit)
        atexit.register(
            lambda: distributed.is_initialized() and distributed.destroy_process_group()
        )
    group: Any = distributed.new_group(backend=backend, timeout=limit)
    c10d: Any = distributed.distributed_c10d
    store = c10d.PrefixStore(group.group_name, c10d._get_default_store())
    return ProcessGroup(group, store)
