"""Rows of a sparse matrix that meet the first layer's weights without becoming dense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
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
        start = 0
        for size in sizes:
            yield SparseRows(self.block[start : start + size], self.dtype, self.device)
            start += size

    def scaled(self, factor: Tensor) -> SparseRows:
        """The rows with each column multiplied by its factor; kept, since L-BFGS asks often."""
        if self._scaled is None or self._scaled[0] is not factor:
            block = self.block.copy()
            block.data = block.data * factor.cpu().numpy()[block.indices]
            self._scaled = factor, SparseRows(block, self.dtype, self.device)
        return self._scaled[1]

    def product(self, matrix: Tensor) -> Tensor:
        """Rows (n_rows, n_features) times a matrix (n_features, m)."""
        return self._sums_of_rows(self._by_row, matrix)

    def transposed_product(self, matrix: Tensor) -> Tensor:
        """Rows transposed, (n_features, n_rows), times a matrix (n_rows, m)."""
        return self._sums_of_rows(self._by_column, matrix)

    @cached_property
    def _by_row(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._lists(self.block)

    @cached_property
    def _by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._lists(self.block.tocsc())

    def _lists(self, compressed: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Indices, starts and values of compressed rows or columns."""
        indices, starts, values = (
            torch.from_numpy(np.ascontiguousarray(part)).to(self.device)
            for part in (compressed.indices, compressed.indptr, compressed.data)
        )
        return indices, starts, values.to(self.dtype)

    @staticmethod
    def _sums_of_rows(lists: tuple[Tensor, Tensor, Tensor], matrix: Tensor) -> Tensor:
        """For each list of indices the sum of the rows of `matrix` at them, times the values."""
        indices, starts, values = lists
        return embedding_bag(
            indices,
            matrix.contiguous(),
            starts,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )


class SparseProduct(torch.autograd.Function):
    """`SparseRows.product` with its gradient, which is its transposed product."""

    @staticmethod
    def forward(ctx: Any, rows: SparseRows, matrix: Tensor) -> Tensor:
        ctx.rows = rows
        return rows.product(matrix)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.rows.transposed_product(gradient)
