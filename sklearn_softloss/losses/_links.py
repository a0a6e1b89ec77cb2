"""From logits to probabilities and means: exact at the ends, and in the faster layout."""

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


def log_sigmoids(logits: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p) of sigmoids."""
    logsigmoid = torch.nn.functional.logsigmoid
    return logsigmoid(logits), logsigmoid(-logits)


def log_complement(logits: Tensor) -> Tensor:
    """log(1 - p) of a softmax, exact also where p rounds to 1.

    Only the largest entry can be near 1: there 1 - p is the sum of the others.
    """
    top = torch.zeros_like(logits, dtype=torch.bool)
    top.scatter_(-1, logits.argmax(-1, keepdim=True), True)
    others = logits.masked_fill(top, torch.finfo(logits.dtype).min / 2)
    of_top = others.logsumexp(-1, keepdim=True) - logits.logsumexp(-1, keepdim=True)
    of_rest = (-softmax(logits).masked_fill(top, 0.0)).log1p()
    return torch.where(top, of_top, of_rest)


def exact_softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), exact everywhere (torch's is linear beyond 20)."""
    return -torch.nn.functional.logsigmoid(-x)


TANGENT_FROM = 20.0
"""Where an exponential gives way to its tangent, so that nothing overflows."""


def tangent_exp(exponent: Tensor) -> Tensor:
    """The exponential up to `TANGENT_FROM`, its tangent from there on."""
    return exponent.clamp_max(TANGENT_FROM).exp() * (1 + (exponent - TANGENT_FROM).clamp_min(0.0))
