"""The net that settings describe: module, solver, schedule."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from .._columns.encode import encoding_of
from .._columns.standardize import MEASURED_ENTRIES, Standardize
from .._training.batches import Batches, TrainingData
from .._training.contract import check_net
from .._training.mlp import MLP
from .._training.net import TrainingNet
from .._training.observers import Monitor
from .._training.schedule import FIXED_LENGTH, Schedule
from .._training.solvers import SOLVERS, Solver
from .course import Course, Problem
from .settings import Settings


def build_net(settings: Settings, problem: Problem, before: Any = None) -> TrainingNet:
    """A net to train; where the course goes on, with the weights that it has in the estimator
    `before`."""
    train, course, loss = problem.train, problem.course, problem.loss_on(problem.train)
    n_outputs = loss.n_logits(train.targets.n_columns)
    if course.goes_on:
        module = copy.deepcopy(before.net_.module_)
    else:
        module = _fresh_module(settings, problem, n_outputs)
    module = module.to(device=train.device, dtype=train.dtype)
    check_net(module, loss, train.batch(slice(0, 2)), n_outputs)
    solver = Solver(settings.solver) if callable(settings.solver) else SOLVERS[settings.solver]
    options: dict[str, Any] = {}
    for name, read in solver.options.items():
        value = read(settings)  # torch refuses a whole 0 where it wants a float
        value = tuple(map(float, value)) if isinstance(value, tuple) else value
        options[f"optimizer__{name}"] = value
    if solver.decays:
        options["optimizer__weight_decay"] = settings.alpha
    verbose = settings.verbose if train.processes.rank == 0 else 0
    schedule = _schedule_for(settings, course)
    if course.goes_on:
        schedule.samples = before.t_
    return TrainingNet(
        module,
        loss,
        optimizer=solver.optimizer,
        lr=schedule.rate,
        max_epochs=settings.max_iter,
        callbacks=settings.callbacks,
        device=str(train.device),
        verbose=0,
        predict_nonlinearity=loss.inverse_link,
        schedule=schedule,
        monitor=Monitor(settings.tol, settings.n_iter_no_change, verbose),
        alpha=settings.alpha,
        shuffle=settings.shuffle,
        decay_weights=solver.decays,
        lbfgs={"max_fun": settings.max_fun, "tol": settings.tol} if settings.is_lbfgs else None,
        **options,
    ).initialize()


def _fresh_module(settings: Settings, problem: Problem, n_outputs: int) -> nn.Module:
    train = problem.train
    if settings.module is None:
        dropout = 0.0 if settings.is_lbfgs else settings.dropout
        inputs, width = inputs_of(settings, train, problem.course.in_parts)
        layers = [width, *settings.hidden_layer_sizes, n_outputs]
        return MLP(layers, settings.activation, dropout, problem.generators.torch, inputs)
    module = settings.module(train.X.shape[1], n_outputs, **settings.module_parameters)
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must return a torch.nn.Module; {settings.module!r} returned {module!r}."
        )
    return module


def inputs_of(
    settings: Settings, train: TrainingData, more_to_come: bool = False
) -> tuple[list[nn.Module], int]:
    """What encodes these rows and puts their entries on one scale; and how many entries."""
    found: list[nn.Module] = []
    columns, width = (settings.is_category, settings.holds_text), train.X.shape[1]
    rows = Batches(train, train.block_size(MEASURED_ENTRIES))
    encode = encoding_of(rows, *columns, settings.encoding)
    if encode is not None:
        found, width = [encode.to(train.device)], encode.width
        rows = Batches(
            train, train.block_size(MEASURED_ENTRIES, width), through=encode, width=width
        )
    if settings.encoding is not None:
        found.append(Standardize(width, encode is None).fit(rows, more_to_come))
    return found, width


def net_of_the_next_part(settings: Settings, net: TrainingNet) -> TrainingNet:
    """The net there is, at a rate that no plan lowers any longer."""
    if net.schedule.is_planned and not net.schedule.repeats:
        net.schedule = _schedule_for(settings, Course.NEXT_PART)
        net.schedule.step(net.optimizer_)
    return net


def _schedule_for(settings: Settings, course: Course) -> Schedule:
    """The learning rate; planned for calls of partial_fit only where max_iter says how many."""
    repeats = course is Course.FIRST_PART and settings.says_when_to_stop
    has_no_plan = settings.is_lbfgs or (course.in_parts and not repeats)
    kind = settings.learning_rate
    if kind in FIXED_LENGTH and has_no_plan:
        kind = "constant"
    rate, power_t = settings.learning_rate_init, settings.power_t
    return Schedule(kind, rate, power_t, settings.max_iter, repeats)
