"""The processes that share a training: one alone, unless `distributed.data_parallel` says others.

Each holds rows of its own. What is a sum over all rows goes through `total` or `add_`; what chance
or a search decides, the first process decides for all.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

LETTING_GO = 0.2
"""Seconds for torch's thread of the last exchange to let go of its tensors. It needs the GIL
for that, which the end of a group holds while it waits for the thread."""


class Processes:
    """One process alone, which agrees with itself.

    Attributes
    ----------
    rank, size : int
        The number of this process, from 0 on, and how many there are.
    """

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
    """Processes that torch.distributed has brought together.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup
        Used by this object alone, so that giving it up is a sign to the others.
    store : torch.distributed.Store
        Where a process that fails leaves word.
    """

    def __init__(self, group: Any, store: Any) -> None:
        import torch
        from torch import distributed

        self._torch, self._distributed = torch, distributed
        self._group, self._store = group, store
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        self._owner = os.getpid(), threading.get_ident()

    # --- the end of one is the end of all --------------------------------------------------------

    @contextmanager
    def failing_together(self) -> Iterator[Self]:
        self._check_caller()
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
            _quietly(lambda: self._store.set(f"why/{self.rank}", why[:2000]))
        time.sleep(LETTING_GO)
        _quietly(lambda: self._distributed.destroy_process_group(group))

    def _together(self, act: Any) -> Any:
        """Act with the others, or say which of them cannot."""
        if self._group is None:
            raise RuntimeError(
                "The processes no longer train together, since one of them failed: leave the block "
                "of data_parallel() and start all of them again."
            )
        try:
            return act(self._group)
        except RuntimeError as error:
            found = str(error).partition("\n")[0]
        # Outside the handler, whose frames would keep the connections open.
        self.leave()
        raise RuntimeError(
            f"Data-parallel training has ended in process {self.rank} of {self.size}: "
            f"{self._what_befell_others() or 'the connection to another process is lost'} "
            f"({found})"
        )

    def _what_befell_others(self) -> str | None:
        """The first word that another process left; or that it is gone without one."""
        others = [rank for rank in range(self.size) if rank != self.rank]
        for rank in others:
            why = _quietly(lambda rank=rank: self._read(f"why/{rank}"))
            if why is not None:
                return f"process {rank} failed with {why}"
        if self.size == 2:
            return f"process {others[0]} was killed, hangs, or cannot be reached"
        return None

    def _read(self, key: str) -> str | None:
        return self._store.get(key).decode() if self._store.check([key]) else None

    def _check_caller(self) -> None:
        if self._owner != (os.getpid(), threading.get_ident()):
            raise RuntimeError(
                "data_parallel() trains in the thread that entered it, one fit at a time: searches "
                "and ensembles inside need n_jobs=None."
            )

    # --- what all do at once ---------------------------------------------------------------------

    def gather(self, thing: Any) -> list[Any]:
        found = [None] * self.size
        self._together(lambda group: self._distributed.all_gather_object(found, thing, group))
        return found

    def from_first(self, thing: Any) -> Any:
        found = [thing]
        self._together(lambda group: self._distributed.broadcast_object_list(found, 0, group))
        return found[0]

    def total(self, values: Any) -> Any:
        tensor = self._torch.tensor(np.asarray(values), dtype=self._torch.float64)
        self.add_(tensor)
        return tensor.numpy() if tensor.ndim else tensor.item()

    def add_(self, tensor: Any) -> None:
        self._together(lambda group: self._distributed.all_reduce(tensor, group=group))

    def take_over_weights(self, module: Any) -> None:
        def act(group: Any) -> None:
            for tensor in module.state_dict().values():
                values = tensor.contiguous()
                self._distributed.broadcast(values, 0, group)
                tensor.copy_(values)

        self._together(act)

    def check_that_all_agree(self, said: dict[str, Any]) -> None:
        told = self.gather({name: str(value) for name, value in said.items()})
        for rank, other in enumerate(told):
            for name in told[0]:
                if other.get(name) != told[0][name]:
                    raise ValueError(
                        f"All processes must train the same: {name} is {told[0][name]} in process "
                        f"0 and {other.get(name)} in process {rank}."
                    )


def _quietly(act: Any) -> Any:
    """What an act on processes that may be gone returns; None if it fails."""
    try:
        return act()
    except Exception:
        return None


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
