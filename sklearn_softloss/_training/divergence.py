"""Whether a training diverged: a net must not cost more than outputs of zero, where it began."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

from .batches import TrainingData
from .epoch_loss import weight_of, weighted_mean, weighted_sum
from .mlp import width_of
from .net import TrainingNet
from .threads import leaves_process_as_found, threads_for

MARGIN, TOLS = 0.01, 10
"""How far above that of outputs of zero a loss may be, as a share of it or in units of `tol`: where
there is nothing to learn a net ends beside them, on either side."""

CURE = (
    "Scale the inputs, for example by StandardScaler, or lower learning_rate_init (if the loss "
    "still falls, raise max_iter)."
)


@leaves_process_as_found
@torch.no_grad()
def divergence(net: TrainingNet, data: TrainingData) -> str | None:
    """What to say of a training on these rows that was worse than none; None where it was better.

    The loss of the last epoch decides almost always; where it is too high, which dropout may
    explain, the net is read as it predicts. One that has just begun may cost twice as much, as
    chance has made its outputs. A penalty may be as high as with weights of size 1: beyond it they
    have exploded, and left units that never answer.
    """
    monitor, module, n_epochs = net.monitor, net.module_.eval(), len(net.monitor.train_losses)
    last = monitor.train_losses[-1]
    if not all(map(isfinite, [last, *monitor.valid_losses[-1:]])):
        return f"The training diverged: its loss is no longer a finite number. {CURE}"
    size = data.block_size(width=width_of(module))
    with threads_for(module, min(size, len(data)), data.sparse):
        zeros = _loss_of_zeros(net, data, size)
        allowed = zeros + max(MARGIN * abs(zeros), TOLS * monitor.tol)
        if last <= allowed:
            return None
        reached = _mean_loss(net, data, size)
    matrices = [p for p in module.parameters() if p.ndim > 1]
    strength = 0.0 if net.decay_weights else 0.5 * net.alpha / data.n_samples
    penalty = strength * sum(float(p.double().square().sum()) for p in matrices)
    if penalty > allowed + strength * sum(p.numel() for p in matrices):
        reached += penalty
    elif n_epochs < monitor.n_iter_no_change:
        allowed += abs(zeros)
    if reached <= allowed:
        return None
    return (
        f"The training diverged or never got under way: its loss ended at {reached:.4g}, above "
        f"the {zeros:.4g} of outputs near zero for every row. {CURE}"
    )


def _loss_of_zeros(net: TrainingNet, data: TrainingData, size: int) -> float:
    """Of numbers it is that of outputs a unit off at least, as they may all be the same."""
    loss = net.criterion_
    zeros = torch.zeros(loss.n_logits(data.targets.n_columns), dtype=data.dtype, device=data.device)
    are_numbers = not all(map(isfinite, loss.domain.prediction_range))
    rows = [zeros, zeros + 1] if are_numbers else [zeros]
    return max(_mean_loss(net, data, size, row) for row in rows)


def _mean_loss(
    net: TrainingNet, data: TrainingData, size: int, constant: Tensor | None = None
) -> float:
    """Of the net as it predicts, or of the same outputs for every row."""
    loss, losses, weights = net.criterion_, [], []
    size = net.batch_size if loss.batch_dependent else size
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        y = data.target_batch(part)
        if constant is None:
            logits = net.module_(data.batch(part)[0])
        else:
            logits = constant.expand(len(y[0]), -1)
        weights.append(float(weight_of(y)))
        losses.append(float(weighted_sum(loss, logits, y)) / weights[-1])
    return weighted_mean(losses, weights, data.processes)
