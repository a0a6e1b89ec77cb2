"""Softmax over the classes, in the layout in which torch computes it faster."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FEW_CLASSES, MANY_LOGITS = 16, 2**7
"""Columns up to which, and entries from which on, a softmax is faster over the transposed logits:
up to nine times, since torch then computes it for many rows at once."""


def softmax(logits: Tensor) -> Tensor:
    """Softmax over the last axis."""
    return _over_classes(torch.softmax, logits)


def log_softmax(logits: Tensor) -> Tensor:
    """Logarithm of the softmax over the last axis."""
    return _over_classes(torch.log_softmax, logits)


def _over_classes(function: Callable[[Tensor, int], Tensor], logits: Tensor) -> Tensor:
    if (
        logits.ndim == 2
        and logits.shape[1] <= FEW_CLASSES
        and not torch.compiler.is_compiling()
        and logits.numel() >= MANY_LOGITS
    ):
        return function(logits.t(), 0).t()
    return function(logits, -1)
