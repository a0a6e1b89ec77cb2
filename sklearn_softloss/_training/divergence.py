"""Whether a training diverged: a net must cost less than one answer given for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ..losses import Loss
from .batches import TrainingData
from .epoch_loss import weight_of, weighted_sum
from .lbfgs import minimize_lbfgs
from .mlp import threads_for, width_of
from .net import TrainingNet
from .process import leaves_process_as_found

MARGIN, TOLS = 0.01, 10
"""How far above the constant's a loss may be, as a share of it or in units of `tol`: where there is
nothing to learn a net ends beside the constant, on either side."""

CALM = 2.0
"""By which factor the loss of a fresh net, whose outputs chance has made, may exceed that of even
odds."""

TARGET_ENTRIES = 2**20
"""Entries of targets that are evaluated at once."""

MOST_STEPS, CLOSE = 20, 1e-3
"""When the search for the constant's logits ends: after so many steps, or at such an error."""

CURE = (
    "Scale the inputs, for example by StandardScaler, or lower learning_rate_init (if the loss "
    "still falls, raise max_iter)."
)


@leaves_process_as_found
def divergence(net: TrainingNet, data: TrainingData) -> str | None:
    """What to say of a training on these rows that was worse than none; None where it was better.

    It is measured by the constant that predicts the mean of y for every row. The loss of the last
    epoch decides almost always; where it is too high, which dropout and a penalty may explain, the
    net is read as it predicts.
    """
    monitor = net.monitor
    last = monitor.train_losses[-1]
    if not all(map(isfinite, [last, *monitor.valid_losses[-1:]])):
        return f"The training diverged: its loss is no longer a finite number. {CURE}"
    with threads_for(net.module_, 1, data.sparse):
        logits = _constant_logits(net.criterion_, data)
        constant = _loss_of_constant(net, data, logits)
    margin = max(MARGIN * abs(constant), TOLS * monitor.tol)
    if last <= constant + margin or not isfinite(constant):
        return None
    calm = CALM * _loss_of_constant(net, data, torch.zeros_like(logits))
    reached = _reached(net, data, constant, margin, calm)
    if reached is None:
        return None
    return (
        f"The training diverged or never got under way: its loss ended at {reached:.4g}, above "
        f"the {constant:.4g} of a constant that predicts the mean of y. {CURE}"
    )


def _reached(
    net: TrainingNet, data: TrainingData, constant: float, margin: float, calm: float
) -> float | None:
    """The loss of a net that went astray; None of one that did not.

    Two kinds are let pass though they cost more than the constant. One is on its way: half its
    logits would cost more, where they cost less, or the same, once a net is too sure. The other
    has just begun, and has never been far from the even odds that a fresh net starts at. Where the
    loss of the last epoch is more than dropout and the penalty of weights of size 1 may add, and
    the net is no better than the constant, weights have exploded and left units that never answer.
    """
    losses = net.monitor.train_losses
    module = net.module_.eval()
    size = data.block_size(width=width_of(module))

    def answers(part: slice) -> tuple[Tensor, Tensor]:
        logits = module(data.batch(part)[0]).double().cpu()
        return logits, 0.5 * logits

    with threads_for(module, min(size, len(data)), data.sparse):
        reached, halfway = _mean_losses(net, data, size, answers)
    if reached <= constant + margin:
        alpha = 0.0 if net.decay_weights else net.alpha
        n_weights = sum(p.numel() for p in module.parameters() if p.ndim > 1)
        beside = margin / MARGIN + 0.5 * alpha * n_weights / data.n_samples
        exploded = reached >= constant - margin and losses[-1] - reached > beside
        return losses[-1] if exploded else None
    just_begun = len(losses) < net.monitor.n_iter_no_change and max(reached, *losses) <= calm
    return None if reached < halfway or just_begun else reached


def _constant_logits(loss: Loss, data: TrainingData) -> Tensor:
    """Logits that the loss's link, which may distort, takes to the mean target; those that cost
    least where there are more of them than columns."""
    n_columns = data.targets.n_columns
    if loss.n_logits(n_columns) != n_columns:
        return data.processes.from_first(_cheapest_logits(loss, data))
    lowest, highest = loss.domain.prediction_range

    def scaled(values: Tensor) -> Tensor:
        values = values.clamp(lowest, highest)
        if loss.domain.has_absence:
            return values.logit()
        return values.log() if isfinite(lowest) else values

    wanted = scaled(torch.from_numpy(data.mean_target(_rows_at_once(data))).double())
    logits, step = wanted, 1.0
    for _ in range(MOST_STEPS):
        gap = wanted - scaled(loss.inverse_link(logits))
        if gap.abs().max() < CLOSE:
            break
        moved = logits + step * gap
        if (wanted - scaled(loss.inverse_link(moved))).abs().max() < gap.abs().max():
            logits = moved
        else:
            step /= 2
    return logits


def _cheapest_logits(loss: Loss, data: TrainingData) -> Tensor:
    logits = torch.zeros(loss.n_logits(data.targets.n_columns), dtype=torch.float64)
    y = _targets(data, slice(_rows_at_once(data)))

    def objective() -> Tensor:
        value = weighted_sum(loss, logits.expand(len(y[0]), -1), y) / weight_of(y)
        value.backward()
        return value.detach()

    limits: Any = {"max_iter": MOST_STEPS, "max_fun": 2 * MOST_STEPS, "tol": CLOSE}
    minimize_lbfgs(objective, [logits.requires_grad_()], lambda _: False, **limits)
    return logits.detach()


def _loss_of_constant(net: TrainingNet, data: TrainingData, logits: Tensor) -> float:
    return _mean_losses(net, data, _rows_at_once(data), lambda _: [logits])[0]


@torch.no_grad()
def _mean_losses(
    net: TrainingNet, data: TrainingData, size: int, answers: Callable[[slice], Iterable[Tensor]]
) -> list[float]:
    """Mean loss of each of the logits that `answers` gives for so many rows at a time."""
    loss = net.criterion_
    size = net.batch_size if loss.batch_dependent else size
    sums: Any = 0.0
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        y = _targets(data, part)
        given = [logits.expand(len(y[0]), -1) for logits in answers(part)]
        totals = [weighted_sum(loss, logits, y) for logits in given]
        sums = sums + torch.tensor([*totals, weight_of(y)], dtype=torch.float64).numpy()
    *totals, weight_sum = data.processes.total(sums)
    return [float(total / weight_sum) for total in totals]


def _targets(data: TrainingData, part: slice) -> Any:
    parts: Any = data.targets.block(data.rows[part])
    return [None if each is None else torch.from_numpy(each).double() for each in parts]


def _rows_at_once(data: TrainingData) -> int:
    return max(1, TARGET_ENTRIES // data.targets.n_columns)
