"""Steps of Adam on flat parameters, by its kernel; for wide sparse rows where they have entries.

Adam also moves the weights of columns that a batch has not, by momentum and decay: with wide sparse
rows nearly all. `LazyColumns` makes up for that when a column comes again or the epoch ends, so
that the net is that of the dense steps.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, exp, inf, log, log1p, sqrt
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from .._columns.sparse_rows import SparseRows
from .batches import Batches
from .schedule import Schedule

Kernel = Callable[..., None]

NEGLIGIBLE = 1e-9
"""Share of a move that is left out of the momentum that stays."""

LONGEST_MEMORY, MOST_DECAY, MOST_DECAY_A_STEP = 2000, 100.0, 0.5
"""Steps that momentum may last, and shares of the weights that decay may take in an epoch and in a
step, up to which moves are made up for exactly."""

FEWEST_STEPS = 4
"""Steps of an epoch at whose end a pass over all weights is worth it."""

MOST_ENTRIES, FEWEST_WEIGHTS = 0.25, 2**19
"""Stored entries of a batch for each column of X, and weights of the first layer, up to and from
which the steps of few columns are faster than dense ones; measured for 2,000 to 50,000 columns."""

COLUMNS_AT_ONCE = 2**12
"""Columns that are brought up to date together."""


def adam_kernel(optimizer: torch.optim.Optimizer) -> Kernel | None:
    """That of Adam and AdamW, once they have a state, which the first full step makes. The
    bookkeeping around it costs four times its arithmetic in a small net."""
    kernel = {
        torch.optim.Adam: getattr(torch, "_fused_adam_", None),
        torch.optim.AdamW: getattr(torch, "_fused_adamw_", None),
    }.get(type(optimizer))
    is_ready = kernel is not None and all(
        group["fused"] and optimizer.state.get(p)
        for group in optimizer.param_groups
        for p in group["params"]
    )
    return kernel if is_ready else None


def _options(group: dict[str, Any]) -> dict[str, Any]:
    """Of the kernel, besides tensors and rate."""
    return {
        "beta1": group["betas"][0],
        "beta2": group["betas"][1],
        "weight_decay": group["weight_decay"],
        "eps": group["eps"],
        "amsgrad": False,
        "maximize": False,
    }


class AdamStep:
    """A step by its kernel of an optimizer that has one flat parameter in each group, of the first
    one's numbers all but the first `skipped`."""

    def __init__(self, kernel: Kernel, optimizer: torch.optim.Optimizer, skipped: int = 0) -> None:
        self.kernel = kernel
        self.counts: list[Tensor] = []
        self.calls = []
        for group in optimizer.param_groups:
            (p,) = group["params"]
            state = optimizer.state[p]
            self.counts.append(state["step"])
            flats = p, p.grad, state["exp_avg"], state["exp_avg_sq"]
            lists = [*([flat[skipped:]] for flat in flats), [], [state["step"]]]
            skipped = 0
            self.calls.append((group, lists, _options(group)))
        self.one = torch.ones_like(self.counts[0])

    def __call__(self) -> None:
        for count in self.counts:
            count.add_(self.one)
        for group, lists, options in self.calls:
            self.kernel(*lists, lr=group["lr"], **options)


def memory_of(group: dict[str, Any]) -> float:
    """Steps after which what is left of a gradient moves nothing, by its share of the deviation."""
    beta1, beta2 = group["betas"]
    kept = beta1 / sqrt(beta2) if beta2 else inf
    if kept == 0:
        return 1
    return ceil(log(NEGLIGIBLE) / log(kept)) if kept < 1 else inf


def worth_being_lazy(
    batches: Batches, n_units: int, schedule: Schedule, optimizer: torch.optim.Optimizer
) -> bool:
    """Whether `LazyColumns` end where dense steps do, and sooner."""
    data, group, n_steps = batches.data, optimizer.param_groups[0], len(batches)
    if not data.sparse or data.device.type != "cpu" or data.processes.size > 1:
        return False
    n_columns = data.X.shape[1]
    n_entries = data.X.nnz / data.X.shape[0] * len(data) / n_steps
    decay = schedule.initial_rate * group["weight_decay"]
    return bool(
        n_steps >= FEWEST_STEPS
        and n_entries <= MOST_ENTRIES * n_columns
        and n_columns * n_units >= FEWEST_WEIGHTS
        and memory_of(group) <= LONGEST_MEMORY
        and decay < MOST_DECAY_A_STEP
        and decay * n_steps < MOST_DECAY
    )


class LazyColumns:
    """Adam's steps for the first layer's weights, of the columns alone that a batch has.

    Between visits to a column momentum and squares fall by the betas a step: its moves are a series
    whose sum depends on the step of the visit alone, so that a number a step tells what any column
    missed. The first parameter begins with the weights; there are `n_steps` to come.
    """

    def __init__(
        self,
        kernel: Kernel,
        optimizer: torch.optim.Optimizer,
        n_features: int,
        n_units: int,
        n_steps: int,
    ) -> None:
        self.kernel, self.group = kernel, optimizer.param_groups[0]
        self.options = _options(self.group)
        flat, size = self.group["params"][0], n_features * n_units
        state = optimizer.state[flat]
        self.count, self.memory = state["step"], int(memory_of(self.group))
        self.tables = [
            tensor[:size].view(n_features, n_units)
            for tensor in (flat, state["exp_avg"], state["exp_avg_sq"])
        ]
        self.others = AdamStep(kernel, optimizer, size)
        self.n_steps = 0
        self.visited = np.zeros(n_features, dtype=int)
        self.log_decay = np.zeros(n_steps + 1)
        self.missed, self.missed_eps = np.zeros((2, n_steps + 1))
        self.buffers: list[Tensor] = []

    def take(self, rows: SparseRows) -> tuple[SparseRows, Tensor, Tensor]:
        """The rows with the columns that they have; weights and room for gradients of these."""
        columns, places = np.unique(rows.block.indices, return_inverse=True)
        self.columns, self.index = columns, torch.from_numpy(columns).long()
        n, n_units = len(columns), self.tables[0].shape[1]
        if not self.buffers or n > len(self.buffers[0]):
            self.buffers = [self.tables[0].new_empty(n + n // 4, n_units) for _ in range(4)]
        *self.taken, self.gradient = (buffer[:n] for buffer in self.buffers)
        for table, taken in zip(self.tables, self.taken, strict=True):
            torch.index_select(table, 0, self.index, out=taken)
        self._catch_up(columns, self.taken, self.gradient)
        block = rows.block
        narrow = sp.csr_array((block.data, places, block.indptr), shape=(len(rows), n))
        return SparseRows(narrow, rows.dtype, rows.device), self.taken[0], self.gradient

    def step(self) -> None:
        """Move what was taken, and put it back; and all other parameters."""
        self.others()
        rate = self.group["lr"]
        weights, mean, square = ([taken] for taken in self.taken)
        self.kernel(
            weights, [self.gradient], mean, square, [], [self.count], lr=rate, **self.options
        )
        for table, taken in zip(self.tables, self.taken, strict=True):
            table.index_copy_(0, self.index, taken)
        self._book(rate)
        self.visited[self.columns] = self.n_steps

    def _book(self, rate: float) -> None:
        """Add the step to what columns have missed that were last visited before it."""
        beta1, beta2 = self.group["betas"]
        before, self.n_steps, count = self.n_steps, self.n_steps + 1, int(self.count)
        decay = self.log_decay[before] + log1p(-rate * self.group["weight_decay"])
        self.log_decay[self.n_steps] = decay
        since = slice(max(0, self.n_steps - self.memory), self.n_steps)
        steps = np.arange(self.n_steps - since.start, 0, -1)
        unbiased = sqrt(1 - beta2**count) / sqrt(beta2) ** steps
        moves = rate * exp(-decay) * beta1**steps * unbiased / (1 - beta1**count)
        self.missed[since] += moves
        self.missed_eps[since] += moves * unbiased

    def _catch_up(self, columns: Any, tables: list[Tensor], scratch: Tensor) -> None:
        """Weights, momentum and squares as dense steps would have left them."""
        weights, mean, square = tables
        visited = self.visited[columns]
        beta1, beta2 = self.group["betas"]
        decay = np.exp(self.log_decay[self.n_steps] - self.log_decay[visited])
        missed = self.missed[visited]
        eps = self.missed_eps[visited]
        eps = np.divide(eps, missed, out=np.ones_like(eps), where=missed > 0) * self.group["eps"]
        missed = missed * np.exp(self.log_decay[self.n_steps])
        steps = self.n_steps - visited
        decay, missed, eps, fall, fall_of_square = (
            torch.from_numpy(values).to(weights.dtype)[:, None]
            for values in (decay, missed, eps, beta1**steps, beta2**steps)
        )
        torch.sqrt(square, out=scratch).add_(eps)
        torch.div(mean, scratch, out=scratch)
        weights.mul_(decay).sub_(scratch.mul_(missed))
        mean.mul_(fall)
        square.mul_(fall_of_square)

    def finish(self) -> None:
        """Bring all columns up to date."""
        for start in range(0, len(self.visited), COLUMNS_AT_ONCE):
            part = slice(start, start + COLUMNS_AT_ONCE)
            parts = [table[part] for table in self.tables]
            self._catch_up(part, parts, torch.empty_like(parts[0]))
