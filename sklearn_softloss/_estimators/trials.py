"""Small nets and linear models that are trained to be compared, and their loss on rows held out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._targets.encoding import Array
from .._training.batches import Batches, TrainingData
from .._training.epoch_loss import weight_of, weighted_sum
from .._training.lbfgs import minimize_lbfgs
from .._training.mlp import MLP, width_of
from .._training.schedule import Schedule
from .._training.siblings import Sibling, train_together
from .._training.threads import threads_for
from ..losses import Loss
from .building import inputs_of
from .candidates import CONSTANT, Candidate
from .held_out import SEED
from .settings import Settings, least_batch

TRIAL_WIDTH = 128
"""Most units of a hidden layer."""

FEWEST_STEPS = 32
"""Steps an epoch on bent columns, as far as batches are no smaller than those of the last net."""


def trial_width(candidate: Candidate, n_splits: int) -> int:
    """Most units of a hidden layer: half as many on bent columns of many rows, whose first layer
    would take most of the time of a choice."""
    return TRIAL_WIDTH // 2 if candidate.bent_units and n_splits == 1 else TRIAL_WIDTH


def trained(
    members: Sequence[Settings], loss: Loss, part: TrainingData, total: float
) -> list[MLP | None]:
    """A module for each of the settings, trained on a part of rows of so much weight; None where it
    came to no end.

    Nets are smaller than the last one and take half the steps: batches are twice as large, at which
    Adam's rate grows by the root of two. The decay of an epoch is that of all rows, in fewer and
    longer steps.
    """
    found: list[MLP | None] = [None] * len(members)
    groups: dict[Any, list[tuple[int, Settings]]] = {}
    inputs = {one.encoding: one for one in members}
    encoded = {encoding: inputs_of(one, part) for encoding, one in inputs.items()}
    for place, settings in enumerate(members):
        if settings.is_lbfgs:
            found[place] = _linear(settings, loss, part, *encoded[settings.encoding])
        else:
            kind = settings.encoding, settings.max_iter
            groups.setdefault(kind, []).append((place, settings))
    if not groups:
        return found
    encoded = copy.deepcopy(encoded)  # nets change their dtype
    share = part.weight_sum() / total
    for (encoding, _), group in groups.items():
        nets = _nets([settings for _, settings in group], loss, part, share, *encoded[encoding])
        for (place, _), net in zip(group, nets, strict=True):
            found[place] = net
    return found


def _linear(
    settings: Settings, loss: Loss, part: TrainingData, inputs: Any, width: int
) -> MLP | None:
    sizes = [width, loss.n_logits(part.targets.n_columns)]
    module = MLP(sizes, settings.activation, 0.0, torch.Generator().manual_seed(SEED), inputs)
    module = module.to(device=part.device, dtype=part.dtype)
    blocks = list(Batches(part, part.block_size(width=width)))
    weight = sum(weight_of(y) for _, y in blocks)
    matrix = module.linear_layers()[-1].weight
    if settings.alpha >= CONSTANT.alpha:
        matrix.requires_grad_(False).zero_()

    def objective() -> Tensor:
        penalty = 0.5 * settings.alpha * matrix.square().sum()
        value = (penalty + sum(weighted_sum(loss, module(X), y) for X, y in blocks)) / weight
        value.backward()
        return value.detach()

    with threads_for(module, 3 * len(part), part.sparse):
        found = minimize_lbfgs(
            objective,
            module.parameters(),
            lambda _: False,
            max_iter=settings.max_iter,
            max_fun=settings.max_fun,
            tol=settings.tol,
        )
    return module.eval() if np.isfinite(found.x).all() else None


def _nets(
    group: list[Settings],
    loss: Loss,
    part: TrainingData,
    share: float,
    inputs: Any,
    width: int,
) -> list[MLP]:
    first = group[0]
    generator = torch.Generator().manual_seed(SEED)
    n_outputs = loss.n_logits(part.targets.n_columns)
    sizes = [width, *first.hidden_layer_sizes, n_outputs]
    start = MLP(sizes, first.activation, 0.0, generator, inputs)
    batch = least_batch(first.batch_size, first.encoding, len(part))
    larger = 2.0
    if first.encoding == "piecewise":
        larger = min(2.0, max(1.0, len(part) / FEWEST_STEPS / batch))
    batch = min(round(larger * batch), len(part))
    factor = sqrt(larger) / share
    return train_together(
        start.to(device=part.device, dtype=torch.float32),
        [Sibling(settings.alpha * factor, settings.dropout) for settings in group],
        loss,
        part.dense(torch.float32),
        Schedule("cosine", first.learning_rate_init * sqrt(larger), first.power_t, first.max_iter),
        batch,
        generator,
        betas=(float(first.beta_1), float(first.beta_2)),
        eps=float(first.epsilon),
    )


@torch.no_grad()
def minus_losses(module: Any, loss: Loss, held: TrainingData) -> tuple[Array, Array]:
    """Minus the loss of each row held out, and its weight."""
    dtype = next(module.parameters()).dtype
    data = held.dense(dtype) if dtype != held.dtype else held
    losses, weights = [], []
    with threads_for(module, len(data), data.sparse):
        for X, (target, weight, entry_weight) in Batches(
            data, data.block_size(width=width_of(module))
        ):
            losses.append(loss(module(X), target, entry_weight).double().cpu())
            weights.append(torch.ones(len(X)) if weight is None else weight.cpu())
    return -torch.cat(losses).numpy(), torch.cat(weights).double().numpy()
