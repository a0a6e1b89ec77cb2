"""Data-parallel training: each process holds some of the rows, and all end with the same net."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from ._processes import ALONE, Processes, ProcessGroup, entered, entering

__all__ = ["data_parallel"]

END = {"the call": "the end of the block of data_parallel()"}


@contextmanager
def data_parallel(timeout: float = 600.0) -> Iterator[Processes]:
    """Train with the other processes that ``torchrun`` has started.

    In the block `fit` and `partial_fit` of `SoftTargetMLPClassifier`,
    `MultiLabelSigmoidClassifier` and `SoftLossMLPRegressor` take the rows that this process holds.
    Classes, class weights, levels of categories, bins and scale of inputs, the scale of targets,
    validation rows, the choice of "auto" parameters, and the weighted loss are those of the rows of
    all processes: a full batch takes the same steps as one process with all rows. Smaller batches
    hold of each process its share of rows. All processes must make the same calls. They end with
    the same net, which predicts alone.

    Without ``torchrun`` there is one process, which trains as it does outside the block.

    The block may be entered any number of times, also after one that failed in processes that live
    on.

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
    the first block, unless there is one, and stays until Python exits. Searches, and estimators
    around an estimator, belong outside the block. A module's own buffers, such as the statistics
    of batch norm, are those of the first process.

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
            group.check_that_all_agree(END)
    finally:
        group.leave()


def _meet(timeout: float) -> ProcessGroup:
    """The processes of one block, connected anew.

    What they met through at first stays until Python exits: a second meeting at the same address
    would find what the first one left there.
    """
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
    store: Any = distributed.distributed_c10d._get_default_store()
    return ProcessGroup(group, distributed.PrefixStore(group.group_name, store))
