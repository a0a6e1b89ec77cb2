"""The net that the parameters of an estimator describe: module, solver, schedule, sizes."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from .._training.batches import Batches, TrainingData
from .._training.generators import Generators
from .._training.loops import Monitor
from .._training.mlp import MLP
from .._training.net import TrainingNet, check_net
from .._training.schedule import FIXED_LENGTH, Schedule
from .._training.solvers import SOLVERS, Solver
from .._training.standardize import MEASURED_ENTRIES, Standardize
from .._warn import warn
from ..losses import Loss
from .course import Course
from .keywords import module_parameters
from .parameters import hidden_layers

SMALL_BATCH = 32
"""Rows a step of batch_size="auto", at least."""

MOST_EPOCHS = 200
"""Epochs of max_iter="auto" where the loss ends them."""


def build_net(
    estimator: Any,
    loss: Loss,
    train: TrainingData,
    n_columns: int,
    course: Course,
    generators: Generators,
) -> TrainingNet:
    """A net to train on these rows, with the weights of the last where the course goes on."""
    if loss.needs_mean_target:
        loss = loss.with_mean_target(train.mean_target())
    module = _module_for(estimator, train, loss.n_logits(n_columns), course, generators)
    check_net(module, loss, train.batch(slice(0, 2)), loss.n_logits(n_columns))
    solver = Solver(estimator.solver) if callable(estimator.solver) else SOLVERS[estimator.solver]
    options: dict[str, Any] = {}
    for name, read in solver.options.items():
        value = read(estimator)  # torch refuses a whole 0 where it wants a float
        value = tuple(map(float, value)) if isinstance(value, tuple) else value
        options[f"optimizer__{name}"] = value
    if solver.decays:
        options["optimizer__weight_decay"] = estimator.alpha
    limits = {"max_fun": estimator.max_fun, "tol": estimator.tol}
    verbose = int(estimator.verbose) if train.processes.rank == 0 else 0
    schedule = _schedule_for(estimator, course)
    if course.goes_on:
        schedule.samples = estimator.t_
    return TrainingNet(
        module,
        loss,
        optimizer=solver.optimizer,
        lr=schedule.rate,
        max_epochs=n_epochs_of(estimator),
        callbacks=estimator.callbacks,
        device=str(train.device),
        verbose=0,
        predict_nonlinearity=loss.inverse_link,
        schedule=schedule,
        monitor=Monitor(estimator.tol, estimator.n_iter_no_change, verbose),
        alpha=float(estimator.alpha),
        shuffle=estimator.shuffle,
        decay_weights=solver.decays,
        lbfgs=limits if estimator.solver == "lbfgs" else None,
        **options,
    ).initialize()


def _module_for(
    estimator: Any, train: TrainingData, n_outputs: int, course: Course, generators: Generators
) -> Any:
    if course.goes_on:
        module = copy.deepcopy(estimator.net_.module_)
    elif estimator.module is None:
        standardize = None
        if estimator.standardize:
            blocks = Batches(train, train.block_size(MEASURED_ENTRIES))
            standardize = Standardize(train.X.shape[1]).fit(blocks, course.in_parts)
        layers = [train.X.shape[1], *hidden_layers(estimator.hidden_layer_sizes), n_outputs]
        dropout = 0.0 if estimator.solver == "lbfgs" else float(estimator.dropout)
        module = MLP(layers, estimator.activation, dropout, generators.torch, standardize)
    else:
        module = estimator.module(train.X.shape[1], n_outputs, **module_parameters(estimator))
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module must return a torch.nn.Module; {estimator.module!r} returned {module!r}."
            )
    return module.to(device=train.device, dtype=train.dtype)


def net_of_the_next_part(estimator: Any) -> TrainingNet:
    """The net there is, at a rate that no plan lowers any longer."""
    schedule = estimator.net_.schedule
    if schedule.is_planned and not schedule.repeats:
        estimator.net_.follow(_schedule_for(estimator, Course.NEXT_PART))
    return estimator.net_


def _schedule_for(estimator: Any, course: Course) -> Schedule:
    """The learning rate; planned for calls of partial_fit only where max_iter says how many."""
    repeats = course is Course.FIRST_PART and estimator.max_iter != "auto"
    has_no_plan = estimator.solver == "lbfgs" or (course.in_parts and not repeats)
    kind = estimator.learning_rate
    if kind in FIXED_LENGTH and has_no_plan:
        kind = "constant"
    rate, power_t = estimator.learning_rate_init, estimator.power_t
    return Schedule(kind, rate, power_t, n_epochs_of(estimator), repeats)


def n_epochs_of(estimator: Any) -> int:
    """Epochs of a fit, at most."""
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    is_planned = estimator.learning_rate in FIXED_LENGTH and estimator.solver != "lbfgs"
    return estimator._planned_epochs if is_planned else MOST_EPOCHS


def least_batch(estimator: Any) -> int:
    """Rows a step, at least, where there are as many."""
    return SMALL_BATCH if estimator.batch_size == "auto" else int(estimator.batch_size)


def batch_size_of(estimator: Any, n_samples: int) -> int:
    """Rows a step of so many; warns where more were asked for."""
    if estimator.solver == "lbfgs":
        return n_samples
    if estimator.batch_size == "auto":
        return min(max(least_batch(estimator), n_samples // estimator._most_steps), n_samples)
    if estimator.batch_size > n_samples:
        warn(
            f"batch_size={estimator.batch_size} is larger than the {n_samples} samples to train "
            "on. It is going to be clipped.",
        )
    return min(int(estimator.batch_size), n_samples)
