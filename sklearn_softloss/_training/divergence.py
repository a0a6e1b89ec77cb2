"""Whether a training diverged: a net must cost less than one answer given for every row."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .batches import TrainingData
from .epoch_loss import weight_of, weighted_mean, weighted_sum
from .mlp import width_of
from .net import TrainingNet
from .threads import leaves_process_as_found, threads_for

MARGIN, TOLS = 0.01, 10
"""How far above the constant's a loss may be, as a share of it or in units of `tol`: where there is
nothing to learn a net ends beside the constant, on either side."""

CURE = (
    "Scale the inputs, for example by StandardScaler, or lower learning_rate_init (if the loss "
    "still falls, raise max_iter)."
)


@leaves_process_as_found
@torch.no_grad()
def divergence(net: TrainingNet, data: TrainingData) -> str | None:
    """What to say of a training on these rows that was worse than none; None where it was better.

    Where the loss of the last epoch is too high, which dropout may explain, the net is read as it
    predicts. Let pass is one on its way, as half its logits would cost more, and one just begun,
    with outputs of chance. A penalty beyond that of weights of size 1 means that they exploded.
    """
    monitor, module, n_epochs = net.monitor, net.module_.eval(), len(net.monitor.train_losses)
    last = monitor.train_losses[-1]
    if not all(map(isfinite, [last, *monitor.valid_losses[-1:]])):
        return f"The training diverged: its loss is no longer a finite number. {CURE}"
    size = data.block_size(width=width_of(module))
    with threads_for(module, min(size, len(data)), data.sparse):
        zeros, constant = _losses_of_constants(net, data, size)
        allowed = constant + max(MARGIN * abs(constant), TOLS * monitor.tol)
        if last <= allowed:
            return None
        reached, halfway = _mean_losses(net, data, size, [])
    matrices = [p for p in module.parameters() if p.ndim > 1]
    strength = 0.0 if net.decay_weights else 0.5 * net.alpha / data.n_samples
    penalty = strength * sum(float(p.double().square().sum()) for p in matrices)
    if penalty > allowed + strength * sum(p.numel() for p in matrices):
        reached += penalty
    elif reached < halfway or (n_epochs < monitor.n_iter_no_change and reached <= 2 * zeros):
        return None
    if reached <= allowed:
        return None
    return (
        f"The training diverged or never got under way: its loss ended at {reached:.4g}, above "
        f"the {constant:.4g} of a constant that predicts the mean of y. {CURE}"
    )


def _losses_of_constants(net: TrainingNet, data: TrainingData, size: int) -> tuple[float, float]:
    """Of outputs of zero, and those for the mean of y where they cost less; of numbers, scaled to a
    mean near zero, of outputs a unit off at least, as they may all be the same."""
    loss, domain = net.criterion_, net.criterion_.domain
    place: Any = {"dtype": data.dtype, "device": data.device}
    n_columns = data.targets.n_columns
    zeros = torch.zeros(loss.n_logits(n_columns), **place)
    constants = [zeros]
    are_numbers = not all(map(isfinite, domain.prediction_range))
    if are_numbers:
        constants.append(zeros + 1)
    elif len(zeros) == n_columns:
        mean = torch.as_tensor(data.mean_target(), **place).clamp(*domain.prediction_range)
        constants.append(mean.logit() if domain.has_absence else mean.log())
    found = _mean_losses(net, data, size, constants)
    return found[0], (max if are_numbers else min)(found)


def _mean_losses(
    net: TrainingNet, data: TrainingData, size: int, constants: list[Tensor]
) -> list[float]:
    """Of each of some logits, the same for every row; of none, of the net's as it predicts, and of
    half of them."""
    loss, losses, weights = net.criterion_, [], []
    size = net.batch_size if loss.batch_dependent else size
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        if constants:
            y = data.target_batch(part)
            answers = [logits.expand(len(y[0]), -1) for logits in constants]
        else:
            X, y = data.batch(part)
            logits = net.module_(X)
            answers = [logits, 0.5 * logits]
        weights.append(float(weight_of(y)))
        losses.append([float(weighted_sum(loss, one, y)) / weights[-1] for one in answers])
    columns = np.reshape(losses, (-1, len(constants) or 2)).T
    return [weighted_mean(column.tolist(), weights, data.processes) for column in columns]
