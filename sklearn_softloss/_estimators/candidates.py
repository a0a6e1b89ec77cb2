"""What alpha, dropout and encoding="auto" may become, and the parameters that this means. Nets from
hardly any decay to much, on columns as they are and bent, linear models, the constant."""

from __future__ import annotations

from math import inf, log, sqrt
from typing import Any, NamedTuple

import numpy as np

from .._columns.encode import bent_entries
from .._training.batches import Batches
from .._training.schedule import FIXED_LENGTH
from .._training.solvers import SOLVERS
from .course import Course, Problem
from .parameters import AUTO_WIDTH, hidden_layers
from .settings import least_batch


class Candidate(NamedTuple):
    """Decay and dropout of a net of its usual width, how many times the planned epochs it trains,
    and that width if columns are bent; or the penalty of a linear model."""

    alpha: float
    dropout: float = 0.0
    longer: float = 1.0
    is_linear: bool = False
    bent_units: int = 0


MIDDLE = Candidate(1.0, 0.5)
"""Where nothing is chosen."""

NETS = (
    Candidate(10.0, 0.5),
    Candidate(3.0, 0.5),
    Candidate(1.0, 0.25, 2.0),
    Candidate(0.3, 0.25, 2.0),
    Candidate(0.1, 0.25, 2.0),
    Candidate(0.03, 0.0, 2.0),
)
BENT = (*NETS[:3], Candidate(0.3, 0.1, 2.0), Candidate(0.1, 0.0, 2.0))
"""Of nets on bent columns."""

BENT_WEIGHTS, LEAST_BENT_WIDTH = 25_000, 96
"""Weights of the first layer of a net on bent columns, about as many as those of a wide net on 56
columns as they are; units, at least."""

CONSTANT = Candidate(1e5, is_linear=True)
LINEAR = (Candidate(30.0, is_linear=True), Candidate(1.0, is_linear=True))
NO_LINEAR = (Candidate(1000.0, 0.5), Candidate(100.0, 0.5), Candidate(30.0, 0.5))
"""Where layers or dropout are stated, or a linear model has more weights than the net."""

LINEAR_ALONE = tuple(
    Candidate(alpha, is_linear=True) for alpha in (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
)
"""Of wide sparse rows, for which a net takes many times as long."""

SOME_COLUMNS, FEW_ENTRIES, MANY_COLUMNS = 1000, 64, 5000
"""Sparse rows are wide from so many columns on if a column has so few entries that it cannot teach
the units of a layer what to make of it; or from many columns on."""

LINEAR_TOL, LINEAR_ITERATIONS = 1e-3, 200
"""Largest gradient entry of a linear model by L-BFGS: smaller ones no longer move what it says; and
its iterations, as a stated `max_iter` means epochs of a net."""

MANY_STEPS = 4000
"""Steps up to which a training with little decay is longer than planned: beyond there are enough
for weights to grow."""

PENALTY = 1e-4
"""alpha="auto" of solvers that do not decay: the L2 penalty of ``MLPClassifier``."""


class Size(NamedTuple):
    """What of the training rows of all processes decides: columns of X and of the targets, stored
    entries of a column where rows stay sparse, units of a net on bent columns (the first layer has
    so many weights), 0 if none bends."""

    n_columns: int
    n_targets: int
    n_entries: float = inf
    bent_units: int = 0


def options_of(estimator: Any, problem: Problem) -> tuple[Candidate, tuple[Candidate, ...]]:
    """What is trained where nothing is chosen; and those to choose from, if there is a choice."""
    train, course, encoding = problem.train, problem.course, estimator.encoding
    before = Candidate(*estimator._candidate)
    # In parts a linear model, too, is trained by steps, as no part is the whole.
    if course.goes_on and not (course.in_parts and before.is_linear):
        return before, ()
    if estimator.module is not None:
        return MIDDLE, ()
    is_choice = course is Course.FRESH and estimator.alpha == "auto" and _decays(estimator)
    n_bent = 0
    if encoding == "piecewise" or (encoding == "auto" and is_choice):
        n_bent = bent_entries(Batches(train, len(train)), estimator._columns.is_category)
    units = int(np.clip(BENT_WEIGHTS // n_bent, LEAST_BENT_WIDTH, AUTO_WIDTH)) if n_bent else 0
    middle = MIDDLE._replace(bent_units=units if encoding == "piecewise" else 0)
    if not is_choice:
        return middle, ()
    stored = train.X.nnz * len(train) / train.X.shape[0] if train.sparse else inf
    n_columns, n_stored = train.X.shape[1], train.processes.total(stored)
    size = Size(n_columns, train.targets.n_columns, n_stored / n_columns, units)
    return middle, candidates_of(estimator, size)


def candidates_of(estimator: Any, size: Size) -> tuple[Candidate, ...]:
    """Those to choose from for rows of this size."""
    n_columns, n_targets, n_entries, units = size
    is_free = isinstance(estimator.hidden_layer_sizes, str) and estimator.dropout == "auto"
    bent = tuple(net._replace(bent_units=units) for net in BENT if units)
    if bent and estimator.encoding == "piecewise":
        base = (CONSTANT,) if is_free else NO_LINEAR
        return (*(net._replace(bent_units=units) for net in base), *bent)
    if not is_free or n_columns * n_targets > AUTO_WIDTH * (n_columns + n_targets):
        return (*NO_LINEAR, *NETS, *bent)
    few_entries = inf if n_columns >= MANY_COLUMNS else FEW_ENTRIES
    if n_columns >= SOME_COLUMNS and n_entries < few_entries:
        return (CONSTANT, *LINEAR_ALONE)
    return (CONSTANT, *LINEAR, *NETS, *bent)


def _decays(estimator: Any) -> bool:
    return isinstance(estimator.solver, str) and SOLVERS[estimator.solver].decays


def params_of(
    candidate: Candidate, estimator: Any, n_samples: int, most_units: int = 10**9
) -> dict[str, Any]:
    """Parameters by which the estimator trains what a candidate says, on so many rows.

    A narrow net gets less of both, so that two things stay: the noise of dropout (its odds over the
    units) and the largest output that decayed weights can make (units over squared decay).
    """
    encoding = estimator.encoding
    if encoding == "auto":
        encoding = "piecewise" if candidate.bent_units else "standard"
    known = {"encoding": encoding, "dropout": 0.0}
    if candidate.is_linear:
        tol = max(estimator.tol, LINEAR_TOL)
        training = {"solver": "lbfgs", "max_iter": LINEAR_ITERATIONS, "tol": tol}
        return {**known, "hidden_layer_sizes": (), "alpha": candidate.alpha, **training}
    usual = candidate.bent_units or AUTO_WIDTH
    sizes = estimator.hidden_layer_sizes
    wanted = [usual] if isinstance(sizes, str) else hidden_layers(sizes)
    widths = [min(width, most_units) for width in wanted]
    narrow = min([1.0, *(width / usual for width in widths)])
    given = {name: getattr(estimator, name) for name in ("alpha", "dropout", "max_iter")}
    params = {**known, **given, "hidden_layer_sizes": tuple(widths)}
    if estimator.dropout == "auto":
        if estimator.alpha != "auto" and _decays(estimator):
            target = log(max(estimator.alpha, 1e-9) / sqrt(narrow))
            candidate = min((MIDDLE, *NETS), key=lambda net: abs(target - log(net.alpha)))
        odds = narrow * candidate.dropout / (1 - candidate.dropout)
        params["dropout"] = odds / (1 + odds)
    if estimator.alpha == "auto":
        params["alpha"] = candidate.alpha * sqrt(narrow) if _decays(estimator) else PENALTY
        is_planned = estimator.learning_rate in FIXED_LENGTH
        if estimator.max_iter == "auto" and is_planned and _decays(estimator):
            planned = estimator._planned_epochs
            batch = least_batch(estimator.batch_size, "standard", n_samples)
            most = MANY_STEPS * batch / (planned * n_samples)
            params["max_iter"] = round(planned * max(1.0, min(candidate.longer, most)))
    return params
