"""Rows of a sparse matrix that meet the first layer's weights without becoming dense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from ..distributed import ALONE, Processes

WORTH_STAYING_SPARSE = {torch.float32: 0.25, torch.float64: 0.08}
"""Share of stored entries below which the sparse product beats the dense one, and by how much more
the sparser the rows are: measured at 0.02, 27 times in float32 and 5 times in float64."""


def stays_sparse(X: Any, dtype: torch.dtype, processes: Processes = ALONE) -> bool:
    """Whether products with these rows are faster on the stored entries alone."""
    if not sp.issparse(X):
        return False
    n_stored, n_rows = processes.total((X.nnz, X.shape[0]))
    return bool(n_stored < WORTH_STAYING_SPARSE.get(dtype, 0.0) * n_rows * X.shape[1])


class SparseRows:
    """A block of CSR rows in the dtype and on the device of a net."""

    def __init__(self, block: Any, dtype: torch.dtype, device: torch.device) -> None:
        self.block, self.dtype, self.device = block, dtype, device
        self.shape = block.shape
        self._scaled: tuple[Tensor, SparseRows] | None = None

    def __len__(self) -> int:
        return int(self.shape[0])

    def split(self, sizes: Sequence[int]) -> Iterator[SparseRows]:
        """Blocks of so many rows."""
        for block in split_rows(self.block, sizes):
            yield SparseRows(block, self.dtype, self.device)

    def scaled(self, factor: Tensor) -> SparseRows:
        """The rows with each column multiplied by its factor; kept, since L-BFGS asks often."""
        if self._scaled is None or self._scaled[0] is not factor:
            block = self.block.copy()
            block.data = block.data * factor.cpu().numpy()[block.indices]
            self._scaled = factor, SparseRows(block, self.dtype, self.device)
        return self._scaled[1]

    def product(self, matrix: Tensor) -> Tensor:
        """Rows (n_rows, n_features) times a matrix (n_features, m)."""
        indices, starts, values = self._lists
        return embedding_bag(
            indices,
            matrix.contiguous(),
            starts,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )

    @cached_property
    def transposed(self) -> SparseRows:
        """Columns as rows, kept for the gradients of later steps."""
        columns = self.block.tocsc()
        columns.data = columns.data.astype(str(self.dtype).removeprefix("torch."), copy=False)
        return SparseRows(columns.T, self.dtype, self.device)

    @cached_property
    def _lists(self) -> tuple[Tensor, Tensor, Tensor]:
        """Indices, starts of rows, and values."""
        indices, starts, values = (
            torch.from_numpy(np.ascontiguousarray(part)).to(self.device)
            for part in (self.block.indices, self.block.indptr, self.block.data)
        )
        return indices, starts, values.to(self.dtype)


def split_rows(rows: Any, sizes: Sequence[int]) -> Iterator[Any]:
    """An array or a sparse matrix in blocks of so many rows."""
    return (rows[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True))


class SparseProduct(torch.autograd.Function):
    """`SparseRows.product` with its gradient, which is a product of the transposed rows."""

    @staticmethod
    def forward(ctx: Any, rows: SparseRows, matrix: Tensor) -> Tensor:
        ctx.rows = rows
        return rows.product(matrix)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.rows.transposed.product(gradient)
