"""The matrix products of a training step: torch's, or for small matrices NumPy's.

NumPy works on the same memory. The way into its BLAS takes a third of the time of torch's, and
where torch's BLAS does not favour the processor it also computes faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .._columns.sparse_rows import SparseRows

SMALL_PRODUCT = 2**19
"""Multiplications below which a product is small: OpenBLAS shares none of them between threads, of
which a net would otherwise have more than the caller allows."""

ARRAY_TYPES = (torch.float32, torch.float64)


class Products(NamedTuple):
    """Products into a place that is there.

    Attributes
    ----------
    seen : callable
        What the products take of a tensor.
    split : callable
        Of what is seen and the numbers of rows: its parts.
    affine : callable
        Of rows, which may be sparse; weights (n_in, n_out); biases and outputs, which are
        tensors; and the outputs as they are seen.
    dot : callable
        Of two matrices, or a matrix and a vector; `out` lies row by row.
    """

    seen: Callable[[Tensor], Any]
    split: Callable[[Any, list[int]], Iterable[Any]]
    affine: Callable[[Any, Any, Tensor, Tensor, Any], Any]
    dot: Callable[..., Any]


def _affine_of_arrays(rows: Any, weights: Any, bias: Tensor, outputs: Tensor, seen: Any) -> None:
    np.dot(rows, weights, out=seen)
    outputs.add_(bias)


def _affine_of_tensors(
    rows: Any, weights: Tensor, bias: Tensor, outputs: Tensor, _seen: Tensor
) -> None:
    if isinstance(rows, SparseRows):
        torch.add(rows.product(weights), bias, out=outputs)
    else:
        torch.addmm(bias, rows, weights, out=outputs)


def _split_array(rows: Any, sizes: list[int]) -> Iterator[Any]:
    return (rows[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True))


OF_TENSORS = Products(
    lambda tensor: tensor, lambda rows, sizes: rows.split(sizes), _affine_of_tensors, torch.matmul
)
OF_ARRAYS = Products(Tensor.numpy, _split_array, _affine_of_arrays, np.dot)


def products_for(X: Tensor | SparseRows, n_rows: int, weights: list[Tensor]) -> Products:
    """Those that are faster for at most so many rows of X at once."""
    largest = max(weight.numel() for weight in weights)
    is_array = isinstance(X, Tensor) and X.device.type == "cpu" and X.dtype in ARRAY_TYPES
    return OF_ARRAYS if is_array and n_rows * largest < SMALL_PRODUCT else OF_TENSORS
