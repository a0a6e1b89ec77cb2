"""The loss of an epoch, from those of its batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..distributed import ALONE, Processes
from ..losses import Loss
from .batches import TargetBatch


def weighted_sum(loss: Loss, logits: Tensor, y: TargetBatch) -> Tensor:
    """Weighted sum of the losses of a batch."""
    target, weight, entry_weight = y
    values = loss(logits, target, entry_weight)
    return values.sum() if weight is None else values.dot(weight)


def weight_of(y: TargetBatch) -> Any:
    """Weight sum of a batch."""
    target, weight, _ = y
    return len(target) if weight is None else weight.sum()


def weighted_mean(losses: list[Any], weights: Iterable[Any], processes: Processes = ALONE) -> float:
    """Mean loss of batches, in float64; of the batches of all processes."""
    weight = torch.as_tensor(weights, dtype=torch.float64)
    if losses and isinstance(losses[0], Tensor):
        losses = torch.stack(losses).tolist()  # waits for the device once
    values = torch.tensor(losses, dtype=torch.float64)
    total, weight_sum = processes.total((float((values * weight).sum()), float(weight.sum())))
    return float(total / weight_sum)


def kept(value: Any) -> Any:
    """What an epoch keeps of a step's loss or weight: a number, but of a device that computes on
    its own the tensor, to wait for nothing. On the CPU small tensors that stay would keep the
    memory of large ones around them from use: gigabytes in an epoch of large steps."""
    return value.item() if isinstance(value, Tensor) and value.device.type == "cpu" else value
