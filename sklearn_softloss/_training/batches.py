"""Rows of X and of targets as tensors, a block at a time: to train on, and to read a net by."""

from __future__ import annotations

import copy
import mmap
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from math import prod
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from .._columns.sparse_rows import SparseRows, stays_sparse
from .._targets.codes import TargetCode
from .._targets.encoding import Array, Rows
from .._targets.numbers import TargetScale
from .._targets.weighting import Weighted, WeightedEntries, WeightedRows
from ..distributed import ALONE, Processes
from .mlp import MLP, width_of
from .threads import leaves_process_as_found, threads_for

TargetBatch = tuple[Tensor, "Tensor | None", "Tensor | None"]
Batch = tuple[Any, TargetBatch]

BLOCK_ENTRIES = 2**24
"""Entries of X that become dense at once where the batch size does not say."""

COPIED_BYTES = 2**27
"""Size up to which a read-only or memory-mapped X is copied: joblib hands workers such arrays."""

SCATTERED_ROWS = 32
"""Rows read from a memory-mapped file before the pages around them are let go."""

TARGET_ROWS = 4096
"""Rows of targets that are counted at once."""

READ_ENTRIES = 2**19
"""Of the widest layer of the built-in net in a block of a prediction, which stays in the cache."""

GATHERED_ENTRIES = 2**21
"""Entries of X that are gathered at once for the batches of an epoch: few enough for the cache's
sake, many enough that the cost of a gather is shared."""


def block_size(X: Any) -> int:
    """Rows of X per block."""
    return max(1, BLOCK_ENTRIES // max(1, prod(X.shape[1:])))


def row_entries(X: Any, sparse: bool) -> int:
    """Entries of a row of X that are computed with; of rows that stay sparse their mean."""
    return -(-X.nnz // X.shape[0]) if sparse else prod(X.shape[1:])


def rows_as_tensor(X: Any, rows: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Rows of a dense or CSR matrix as a tensor that does not share the caller's memory."""
    if sp.issparse(X):
        block = X[rows].toarray()
    elif isinstance(rows, slice):
        block = np.array(X[rows])  # a view may be read-only, and a module may write
        release_pages(X)
    else:
        block = scattered_rows(X, rows)
    return torch.from_numpy(block).to(device=device, dtype=dtype)


def scattered_rows(X: Any, rows: Array) -> Any:
    """A copy of these rows; of a memory-mapped file each may bring megabytes around it into memory,
    which are let go."""
    if not isinstance(X, np.memmap):
        return X[rows]
    block = np.empty((len(rows), *X.shape[1:]), dtype=X.dtype)
    for start in range(0, len(rows), SCATTERED_ROWS):
        part = slice(start, start + SCATTERED_ROWS)
        block[part] = X[rows[part]]
        release_pages(X)
    return block


def release_pages(X: Any) -> None:
    """Let go of the pages of a memory-mapped file that were read, so that they do not add up; not
    in mode "c", where they hold changes that are nowhere else."""
    mapping = getattr(X, "_mmap", None)
    if mapping is not None and X.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


class TrainingTargets:
    """Targets (n_samples, n_columns), code and weights as a training step reads them. Dense targets
    are prepared once; sparse ones stay sparse and become dense a block at a time."""

    def __init__(
        self,
        values: Rows,
        code: TargetCode | TargetScale | None,
        weighting: WeightedRows | WeightedEntries | None,
    ) -> None:
        self.code, self.weighting = code, weighting
        self._values, self.n_columns = values, int(values.shape[1])
        self._prepared = None if sp.issparse(values) else self._prepare(values, slice(None))

    @classmethod
    def prepared(cls, blocks: Sequence[Weighted]) -> TrainingTargets:
        """From targets and weights as `block` gives them, one under the other."""
        target = np.concatenate([block[0] for block in blocks])
        twin = cls(target, None, None)
        weight, entry_weight = (
            None
            if all(block[place] is None for block in blocks)
            else np.concatenate(
                [np.ones(shape(b[0])) if b[place] is None else b[place] for b in blocks]
            )
            for place, shape in ((1, len), (2, np.shape))
        )
        twin._prepared = target, weight, entry_weight
        return twin

    def __len__(self) -> int:
        return int(self._values.shape[0])

    def _prepare(self, values: Array, rows: Any) -> Weighted:
        weight = entry_weight = None
        if self.weighting is not None:
            values, weight, entry_weight = self.weighting(values, rows)
        return values if self.code is None else self.code.encode(values), weight, entry_weight

    def block(self, rows: Any) -> Weighted:
        """Targets (m, n_columns), sample weights (m,) or None, entry weights or None."""
        if self._prepared is None:
            return self._prepare(self._values[rows].toarray(), rows)
        target, weight, entry_weight = self._prepared
        return (
            target[rows],
            None if weight is None else weight[rows],
            None if entry_weight is None else entry_weight[rows],
        )

    def rows_with_weight(self) -> Array:
        """Indices of the rows that count: weight > 0 after masks and weights have met."""
        if self.weighting is None:
            return np.arange(len(self))
        counts = np.ones(len(self), dtype=bool)
        for start in range(0, len(self), TARGET_ROWS):
            rows = slice(start, start + TARGET_ROWS)
            weight = self.block(rows)[1]
            if weight is not None:
                counts[rows] = weight > 0
        return np.flatnonzero(counts)

    def mass_and_weight(self, rows: Array) -> tuple[Array, Array]:
        """Weighted sum of the known targets of each column of these rows, and that weight."""
        total, weight_sum = np.zeros((2, self.n_columns))
        for start in range(0, len(rows), TARGET_ROWS):
            target, weight, entry_weight = self.block(rows[start : start + TARGET_ROWS])
            weight = np.ones(len(target)) if weight is None else weight
            if entry_weight is None:
                total, weight_sum = total + weight @ target, weight_sum + weight.sum()
            else:
                total = total + weight @ (entry_weight * target)
                weight_sum = weight_sum + weight @ entry_weight
        return total, weight_sum


def shared_tensor(X: Any) -> Tensor | None:
    """X as a tensor on the caller's memory, or on a copy where torch cannot share it (read-only,
    memory-mapped); None where that would be large, and for sparse X."""
    if not isinstance(X, np.ndarray):
        return None
    shares = X.flags.writeable and min(X.strides, default=0) >= 0
    if not shares or isinstance(X, np.memmap):
        if X.nbytes > COPIED_BYTES:
            return None
        X = np.array(X)
    return torch.from_numpy(X)


class TrainingData(Dataset[Any]):
    """Some rows of X, an array or CSR matrix, with their targets. Batches of a sparse X are
    `SparseRows` where they may be, and where that is faster. The processes hold the other rows of
    the set, of which there are `n_samples` in all."""

    def __init__(
        self,
        X: Any,
        targets: TrainingTargets,
        rows: Array,
        dtype: torch.dtype,
        device: torch.device,
        may_stay_sparse: bool,
        processes: Processes = ALONE,
    ) -> None:
        self.X, self.targets, self.rows = X, targets, rows
        self.dtype, self.device, self.processes = dtype, device, processes
        self.n_samples = int(processes.total(len(rows)))
        self.sparse = may_stay_sparse and stays_sparse(X, dtype, processes)
        self._shared = shared_tensor(X)

    def __len__(self) -> int:
        return len(self.rows)

    def block_size(self, entries: int = BLOCK_ENTRIES, width: int = 1) -> int:
        """Rows per block of so many entries: of X, of the targets, or of dense rows made wider."""
        width = 1 if self.sparse else width
        widest = max(row_entries(self.X, self.sparse), self.targets.n_columns, width)
        return max(1, entries // widest)

    def blocks_for(self, module: nn.Module) -> Batches:
        """All rows in order, in blocks that stay small in the module's first layer."""
        return Batches(self, self.block_size(width=width_of(module)))

    def restricted(self, rows: Array) -> TrainingData:
        """The same data, other rows."""
        twin = copy.copy(self)
        twin.rows = rows
        twin.n_samples = int(self.processes.total(len(rows)))
        return twin

    def dense(self, dtype: torch.dtype) -> TrainingData:
        """The same rows as dense tensors of a dtype."""
        twin = copy.copy(self)
        twin.dtype, twin.sparse = dtype, False
        return twin

    def gathered(self, rows: Array) -> TrainingData:
        """These rows of all processes, and of a memory-mapped file, in the memory of each, which
        asks the others no more."""
        twin = copy.copy(self)
        twin.rows, twin.processes = rows, ALONE
        if self.processes.size > 1 or isinstance(self.X, np.memmap):
            own = scattered_rows(self.X, rows), self.targets.block(rows)
            X, targets = zip(*self.processes.gather(own), strict=True)
            twin.X = sp.vstack(X, format="csr") if sp.issparse(self.X) else np.concatenate(X)
            twin._shared, twin.targets = shared_tensor(twin.X), TrainingTargets.prepared(targets)
            twin.rows = np.arange(len(twin.targets))
        twin.n_samples = len(twin.rows)
        return twin

    def mean_target(self) -> Array:
        """Weighted mean of the known targets, shape (n_columns,)."""
        sums = self.targets.mass_and_weight(self.rows)
        total, weight_sum = self.processes.total(sums)
        return np.asarray(total / np.where(weight_sum > 0, weight_sum, 1.0))

    def weight_sum(self) -> float:
        """Weight of the known targets of all columns."""
        _, weight = self.targets.mass_and_weight(self.rows)
        return float(self.processes.total(weight.sum()))

    def memory_for(self, n_rows: int) -> Tensor | None:
        """Where `batch` may lay so many rows of X, if it gathers them by torch."""
        if self.sparse or self._shared is None:
            return None
        return self._shared.new_empty(n_rows, *self._shared.shape[1:])

    def batch(self, position: Any, memory: Tensor | None = None) -> Batch:
        """The rows at these positions: X, in `memory` if it is given, and (target, sample weight,
        entry weight)."""
        rows = self.rows[position]
        X: Any
        if self.sparse:
            X = SparseRows(self.X[rows], self.dtype, self.device)
        elif self._shared is None:
            X = rows_as_tensor(self.X, rows, self.dtype, self.device)
        else:
            out = None if memory is None else memory[: len(rows)]
            gathered = torch.index_select(self._shared, 0, torch.from_numpy(rows), out=out)
            X = gathered.to(device=self.device, dtype=self.dtype)
        return X, self.target_batch(position)

    def target_batch(self, position: Any) -> TargetBatch:
        """The targets and weights at these positions."""
        parts = (
            None if part is None else torch.from_numpy(part).to(self.device, self.dtype)
            for part in self.targets.block(self.rows[position])
        )
        target, weight, entry_weight = parts
        assert target is not None
        return target, weight, entry_weight


class Block(NamedTuple):
    """The rows of some batches, one under the other."""

    X: Any
    targets: TargetBatch
    sizes: list[int]

    def split_targets(self, size: int | list[int]) -> Iterator[TargetBatch]:
        """Those of so many rows each."""
        parts = (repeat(None) if values is None else values.split(size) for values in self.targets)
        return zip(*parts, strict=False)


class Batches:
    """Iterates over a `TrainingData`, in a new random order each time if there is a `generator`.

    One batch of all rows draws no order, so that rows of weight zero or two change no later draw.
    Batches `in_step` are those of all processes, of which each has its share, perhaps none. Rows of
    X go `through` what makes them `width` wide, and may write over them; its blocks share their
    memory.
    """

    def __init__(
        self,
        data: TrainingData,
        batch_size: int,
        generator: torch.Generator | None = None,
        in_step: bool = False,
        through: Callable[[Any], Any] | None = None,
        width: int = 1,
    ) -> None:
        self.data, self.generator, self.through, self.width = data, generator, through, width
        n = len(data)
        if in_step and data.processes.size > 1:
            n_batches = -(-data.n_samples // batch_size)
            self.starts = np.arange(n_batches + 1) * n // n_batches
        else:
            self.starts = np.append(np.arange(0, n, batch_size), n)
        self.sizes = np.diff(self.starts).tolist()
        largest = max([1, *self.sizes])
        self.per_block = max(1, data.block_size(GATHERED_ENTRIES, width) // largest)
        self._memory: Tensor | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Batch]:
        for block in self.blocks():
            sizes = block.sizes
            yield from zip(block.X.split(sizes), block.split_targets(sizes), strict=False)

    def blocks(self) -> Iterator[Block]:
        """Batches by the block in which their rows are gathered."""
        order = None
        if self.generator is not None and len(self) > 1:
            order = torch.randperm(len(self.data), generator=self.generator).numpy()
        if self.through is not None and self._memory is None:
            most_rows = min(len(self.data), self.per_block * max(self.sizes, default=0))
            self._memory = self.data.memory_for(most_rows)
        for first in range(0, len(self), self.per_block):
            sizes = self.sizes[first : first + self.per_block]
            part = slice(self.starts[first], self.starts[first + len(sizes)])
            yield Block(*self.rows(part if order is None else order[part]), sizes)

    def rows(self, position: Any) -> Batch:
        """The rows at these positions, in the memory of a block."""
        X, targets = self.data.batch(position, self._memory)
        return X if self.through is None else self.through(X), targets


@leaves_process_as_found
def read_net(module: nn.Module, X: Any, link: Callable[[Tensor], Tensor]) -> Array:
    """What `link` makes of the logits of all rows, float64, block by block."""
    if module.training:
        module.eval()
    if isinstance(module, MLP):  # which writes to nothing that it is given; another might
        like: Tensor = module.linear_layers()[-1].weight
        shared = shared_tensor(X)
        sparse = stays_sparse(X, like.dtype)
        widths = module.layer_sizes[1:] if sparse else module.layer_sizes
        size = READ_ENTRIES // max(row_entries(X, sparse), *widths) + 1
    else:
        like = next(module.parameters(), torch.empty(0, dtype=torch.float64))
        shared, sparse, size = None, False, block_size(X)
    parts = []
    block: Any
    with torch.inference_mode(), threads_for(module, min(size, X.shape[0]), sparse):
        for start in range(0, X.shape[0], size):
            rows = slice(start, start + size)
            if sparse:
                block = SparseRows(X[rows], like.dtype, like.device)
            elif shared is None:
                block = rows_as_tensor(X, rows, like.dtype, like.device)
            else:
                block = shared[rows].to(device=like.device, dtype=like.dtype)
            parts.append(link(module(block).double()).cpu().numpy())
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
