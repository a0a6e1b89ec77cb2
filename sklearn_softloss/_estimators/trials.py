"""Small nets and linear models that are trained to be compared; their scores on rows held out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import sqrt
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing
from torch import Tensor

from .._targets.encoding import Array
from .._training.batches import TrainingData
from .._training.epoch_loss import weight_of, weighted_sum
from .._training.lbfgs import minimize_lbfgs
from .._training.mlp import MLP
from .._training.schedule import Schedule
from .._training.siblings import Sibling, train_together
from .._training.threads import threads_for
from ..losses import Loss
from .building import inputs_of
from .candidates import CONSTANT, Candidate, params_of
from .course import Problem
from .held_out import SEED, Split
from .settings import Settings, least_batch

Scores = tuple[Array, Array]
"""Of each row held out, and its weight; or one of all. More is better."""

TRIAL_WIDTH = 128
"""Most units of a hidden layer; half as many on bent columns of many rows, whose first layer would
take most of the time of a choice."""

FEWEST_STEPS = 32
"""Steps an epoch on bent columns, as far as batches are no smaller than those of the last net."""


class Trials:
    """Trains candidates on the one part of a split, and scores them on the other."""

    def __init__(self, estimator: Any, problem: Problem, n_splits: int) -> None:
        self.estimator, self.problem, self.n_splits = estimator, problem, n_splits
        self.weight = problem.train.weight_sum()
        scoring = estimator.scoring
        self.scorer = None if scoring is None else check_scoring(estimator, scoring)

    def scores(self, candidates: Sequence[Candidate], split: Split) -> list[Scores]:
        """Of each candidate."""
        estimator, n_samples = self.estimator, self.problem.train.n_samples
        members = []
        for one in candidates:
            width = TRIAL_WIDTH // 2 if one.bent_units and self.n_splits == 1 else TRIAL_WIDTH
            params = params_of(one, estimator, n_samples, width)
            members.append(Settings.of(estimator, params))
        loss, share = self.problem.loss_on(split.train), split.train.weight_sum() / self.weight
        modules = trained(members, loss, split.train, share)
        return [self._score(module, loss, split) for module in modules]

    def _score(self, module: MLP | None, loss: Loss, split: Split) -> Scores:
        """By the losses of the rows held out, or by `scoring` as an estimator."""
        if module is None:
            return np.full(1, np.nan), np.ones(1)
        if self.scorer is None:
            return minus_losses(module, loss, split.held)
        problem, twin = self.problem, copy.copy(self.estimator)
        net = SimpleNamespace(module_=module, criterion_=loss)
        twin.__dict__.update(twin._to_predict(net, problem))
        if not hasattr(problem.given_X, "columns"):  # texts are numbers here
            twin.__dict__.pop("feature_names_in_", None)
            twin._columns = replace(twin._columns, levels={})
        rows = _safe_indexing(problem.given_X, split.places)
        score = self.scorer(twin, rows, _safe_indexing(problem.given_y, split.places))
        return np.full(1, float(score)), np.ones(1)


def trained(
    members: Sequence[Settings], loss: Loss, part: TrainingData, share: float
) -> list[MLP | None]:
    """A module for each of the settings, trained on a part of rows of this share of all weight, or
    None.

    Nets are small and take half the steps: batches are twice as large, at which Adam's rate grows
    by the root of two. The decay of an epoch is that of all rows, in fewer and longer steps.
    """
    inputs: dict[Any, Any] = {}
    found: list[MLP | None] = []
    kind = attrgetter("encoding", "is_lbfgs", "max_iter")
    for (encoding, is_lbfgs, _), alike in groupby(members, kind):
        group = list(alike)
        if encoding not in inputs:
            inputs[encoding] = inputs_of(group[0], part)
        if is_lbfgs:
            found += [_linear(one, loss, part, inputs[encoding]) for one in group]
        else:
            found += _nets(group, loss, part, share, inputs[encoding])
    return found


def _fresh(
    settings: Settings, loss: Loss, part: TrainingData, encoded: Any, dtype: torch.dtype
) -> tuple[MLP, torch.Generator]:
    """A net of these settings, without dropout, and the generator that has drawn its weights."""
    inputs, width = copy.deepcopy(encoded)  # the net changes their dtype
    sizes = [width, *settings.hidden_layer_sizes, loss.n_logits(part.targets.n_columns)]
    generator = torch.Generator().manual_seed(SEED)
    net = MLP(sizes, settings.activation, 0.0, generator, inputs)
    return net.to(device=part.device, dtype=dtype), generator


def _linear(settings: Settings, loss: Loss, part: TrainingData, encoded: Any) -> MLP | None:
    module, _ = _fresh(settings, loss, part, encoded, part.dtype)
    blocks = list(part.blocks_for(module))
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
    group: list[Settings], loss: Loss, part: TrainingData, share: float, encoded: Any
) -> list[MLP]:
    first = group[0]
    start, generator = _fresh(first, loss, part, encoded, torch.float32)
    batch = least_batch(first.batch_size, first.encoding, len(part))
    larger = 2.0
    if first.encoding == "piecewise":
        larger = min(2.0, max(1.0, len(part) / FEWEST_STEPS / batch))
    batch = min(round(larger * batch), len(part))
    factor = sqrt(larger) / share
    return train_together(
        start,
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
def minus_losses(module: Any, loss: Loss, held: TrainingData) -> Scores:
    """Minus the loss of each row held out, and its weight."""
    dtype = next(module.parameters()).dtype
    data = held.dense(dtype) if dtype != held.dtype else held
    losses, weights = [], []
    with threads_for(module, len(data), data.sparse):
        for X, (target, weight, entry_weight) in data.blocks_for(module):
            losses.append(loss(module(X), target, entry_weight).double().cpu())
            weights.append(torch.ones(len(X)) if weight is None else weight.cpu())
    return -torch.cat(losses).numpy(), torch.cat(weights).double().numpy()
