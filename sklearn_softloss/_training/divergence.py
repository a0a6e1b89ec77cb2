"""Whether a training diverged: a net must cost less than one answer given for every row."""

from __future__ import annotations

from math import isfinite
from typing import Any

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
        reached, halfway = (_mean_loss(net, data, size, share=share) for share in (1.0, 0.5))
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
    zeros = torch.zeros(loss.n_logits(data.targets.n_columns), **place)
    of_zeros = _mean_loss(net, data, size, zeros)
    if not all(map(isfinite, domain.prediction_range)):
        return of_zeros, max(of_zeros, _mean_loss(net, data, size, zeros + 1))
    if len(zeros) != data.targets.n_columns:
        return of_zeros, of_zeros
    mean = torch.as_tensor(data.mean_target(), **place).clamp(*domain.prediction_range)
    logits = mean.logit() if domain.has_absence else mean.log()
    return of_zeros, min(of_zeros, _mean_loss(net, data, size, logits))


def _mean_loss(
    net: TrainingNet,
    data: TrainingData,
    size: int,
    constant: Tensor | None = None,
    share: float = 1.0,
) -> float:
    """Of a share of the net's logits as it predicts, or of the same logits for every row."""
    loss, losses, weights = net.criterion_, [], []
    size = net.batch_size if loss.batch_dependent else size
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        y = data.target_batch(part)
        if constant is None:
            logits = share * net.module_(data.batch(part)[0])
        else:
            logits = constant.expand(len(y[0]), -1)
        weights.append(float(weight_of(y)))
        losses.append(float(weighted_sum(loss, logits, y)) / weights[-1])
    return weighted_mean(losses, weights, data.processes)
