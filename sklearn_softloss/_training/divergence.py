"""Whether a training diverged: a net must cost less than one answer given for every row."""

from __future__ import annotations

from math import isfinite

import numpy as np
import torch
from torch import Tensor

from .._targets.encoding import Array
from ..losses import Loss
from .batches import TrainingData
from .epoch_loss import weight_of
from .lbfgs import minimize_lbfgs
from .mlp import threads_for
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
    """What to say of a training that was worse than none; None where it was better.

    It is measured by the constant that predicts the mean of y for every row. The loss of the last
    epoch decides almost always; where it is too high, which dropout and a penalty may explain, the
    net is read as it predicts.

    Parameters
    ----------
    net : TrainingNet
        After its training.
    data : TrainingData
        What it was trained on.

    Returns
    -------
    str or None
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
    even_odds = _loss_of_constant(net, data, torch.zeros_like(logits))
    reached = _reached(net, data, constant, margin, CALM * even_odds)
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
    has just begun, and has never been far from the even odds that a fresh net starts at.
    """
    monitor = net.monitor
    last = monitor.train_losses[-1]
    reached, halfway = _losses_of_net(net, data)
    if reached <= constant + margin:
        exploded = reached >= constant - margin and last - reached > _most_beside(net, data, margin)
        return last if exploded else None
    if reached < halfway:
        return None
    just_begun = len(monitor.train_losses) < monitor.n_iter_no_change
    if just_begun and max(reached, *monitor.train_losses) <= calm:
        return None
    return reached


def _most_beside(net: TrainingNet, data: TrainingData, margin: float) -> float:
    """What dropout and the penalty of weights of size 1 may add to the loss of a net.

    Where they add more, and the net is no better than the constant, weights have exploded and
    left units that never answer again.
    """
    alpha = 0.0 if net.decay_weights else net.alpha
    n_weights = sum(p.numel() for p in net.module_.parameters() if p.ndim > 1)
    return margin / MARGIN + 0.5 * alpha * n_weights / data.n_samples


# --- the constant --------------------------------------------------------------------------------


def _constant_logits(loss: Loss, data: TrainingData) -> Tensor:
    """Logits that the loss's link takes to the mean target.

    On the scale of the link they are the mean itself where the link is a plain one, and are moved
    until they fit where the loss distorts. Where there are more logits than columns they are those
    that cost least.
    """
    size = _rows_of_targets(data)
    n_logits = loss.n_logits(data.targets.n_columns)
    if n_logits != data.targets.n_columns:
        some = _targets(data, data.rows[:size])
        return data.processes.from_first(_cheapest_logits(loss, some, n_logits))
    domain, mean = loss.domain, torch.from_numpy(data.mean_target(size)).double()

    def scaled(values: Tensor) -> Tensor:
        values = values.clamp(*domain.prediction_range)
        if domain.has_absence:
            return values.logit()
        return values.log() if isfinite(domain.prediction_range[0]) else values

    wanted = scaled(mean)
    logits, step = wanted, 1.0
    gap = wanted - scaled(loss.inverse_link(logits))
    for _ in range(MOST_STEPS):
        if gap.abs().max() < CLOSE:
            break
        moved = logits + step * gap
        left = wanted - scaled(loss.inverse_link(moved))
        if left.abs().max() < gap.abs().max():
            logits, gap = moved, left
        else:
            step /= 2
    return logits


def _targets(data: TrainingData, rows: Array) -> tuple[Tensor, Tensor | None, Tensor | None]:
    target, weight, entry_weight = (
        None if part is None else torch.from_numpy(part).double()
        for part in data.targets.block(rows)
    )
    assert target is not None
    return target, weight, entry_weight


def _cheapest_logits(
    loss: Loss, rows: tuple[Tensor, Tensor | None, Tensor | None], n_logits: int
) -> Tensor:
    logits = torch.zeros(n_logits, dtype=torch.float64, requires_grad=True)
    target, weight, entry_weight = rows

    def objective() -> Tensor:
        values = loss(logits.expand(len(target), -1), target, entry_weight)
        value = values.mean() if weight is None else values.dot(weight) / weight.sum()
        value.backward()
        return value.detach()

    minimize_lbfgs(
        objective,
        [logits],
        lambda _: False,
        max_iter=MOST_STEPS,
        max_fun=2 * MOST_STEPS,
        tol=CLOSE,
    )
    return logits.detach()


def _loss_of_constant(net: TrainingNet, data: TrainingData, logits: Tensor) -> float:
    """Mean loss of the same logits for every row."""
    loss, total, weight_sum = net.criterion_, 0.0, 0.0
    size = _rows_at_once(net, _rows_of_targets(data))
    for start in range(0, len(data), size):
        target, weight, entry_weight = _targets(data, data.rows[start : start + size])
        values = loss(logits.expand(len(target), -1), target, entry_weight)
        total += float(values.sum() if weight is None else values.dot(weight))
        weight_sum += float(weight_of((target, weight, entry_weight)))
    total, weight_sum = data.processes.total((total, weight_sum))
    return total / weight_sum


def _rows_of_targets(data: TrainingData) -> int:
    return max(1, TARGET_ENTRIES // data.targets.n_columns)


# --- the net -------------------------------------------------------------------------------------


@torch.no_grad()
def _losses_of_net(net: TrainingNet, data: TrainingData) -> tuple[float, float]:
    """Mean loss of the net as it predicts, and at half its logits."""
    module, loss = net.module_.eval(), net.criterion_
    size = _rows_at_once(net, data.block_size())
    total, weight_sum = np.zeros(2), 0.0
    with threads_for(module, min(size, len(data)), data.sparse):
        for start in range(0, len(data), size):
            X, (target, weight, entry_weight) = data.batch(slice(start, start + size))
            logits = module(X)
            for place, share in enumerate((1.0, 0.5)):
                values = loss(share * logits, target, entry_weight).double()
                total[place] += float((values if weight is None else weight * values).sum())
            weight_sum += float(weight_of((target, weight, entry_weight)))
    total, weight_sum = data.processes.total((total, np.full(2, weight_sum)))
    reached, halfway = (total / weight_sum).tolist()
    return reached, halfway


def _rows_at_once(net: TrainingNet, size: int) -> int:
    """So many, or those of a batch where the loss of a row depends on the others."""
    return net.batch_size if net.criterion_.batch_dependent else size
