"""What alpha="auto" and dropout="auto" become: chosen by the loss on rows held out of a fit.

How much decay a set of data wants differs more than a hundredfold, and neither rows nor columns
tell how much. So small nets are trained at strengths from weak to strong, and judged on rows that
they have not seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import log, sqrt
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from .._targets.encoding import Array
from .._training.batches import Batches, TrainingData
from .._training.mlp import threads_for
from .._training.net import TrainingNet
from .._training.solvers import SOLVERS
from .held_out import MOST_TAUGHT, enough_rows, part_to_judge_by
from .parameters import AUTO_WIDTH, hidden_layers

Estimator = TypeVar("Estimator", bound=Any)


class Strength(NamedTuple):
    """Decay and dropout of a net of `AUTO_WIDTH` units; or the penalty of a linear model."""

    alpha: float
    dropout: float = 0.0
    is_linear: bool = False


PATH = (
    Strength(0.03, 0.0),
    Strength(0.1, 0.25),
    Strength(1.0, 0.5),
    Strength(3.0, 0.5),
    Strength(10.0, 0.5),
)
LINEAR_PATH = tuple(
    Strength(alpha, is_linear=True) for alpha in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
)
"""Paths are entered in the middle, which is also taken where nothing can be chosen."""

MIDDLE = PATH[len(PATH) // 2]

SOME_COLUMNS, FEW_ENTRIES, MANY_COLUMNS = 1000, 64, 5000
"""Sparse rows are wide from so many columns on if a column has so few entries that it cannot teach
the units of a layer what to make of it; or from many columns on, where a net takes many times what
a linear model does. With many targets it is the linear model that has more weights than a net, and
L-BFGS holds two dozen copies of them: then they are not."""

LINEAR_TOL = 1e-3
"""Largest gradient entry of a linear model by L-BFGS: smaller ones no longer move what it says."""

FULL_ROWS = 7000
"""Rows up to which decay and dropout are those of the path; beyond both fall, as the weight of a
prior does."""

FEW_COLUMNS = 4
"""Columns from which on decay and dropout are those of the path; fewer leave fewer ways to fit
noise, a bend within a standard deviation of one takes large weights, and a unit that is dropped has
fewer others that see the same."""

FEWEST_GROUPS = 60
"""Different rows below which a quarter of them says too little."""

CLEAR_GAIN, SURE_GAIN = 1.0, 2.0
"""Standard errors by which the held-out loss must fall: for a first step to more decay or a step to
another penalty of a linear model; for other steps, as few data want the far end of the path, and
the errors of a net that is too sure are rare and large. Where trials see a part of the rows the
first step is such a step too, as fewer rows want more decay than all do."""

SURPRISE = 3.0
"""What weaker decay must save on all held-out rows together, in nats: a net that is too sure pays
it for the first row unlike those it knows, and there may be none of these among few rows."""

FAR_ERRORS = 4.0
"""Standard errors by which the loss of a strength beyond the middle is raised before the choice
leans to it: trials see three quarters of the rows, and fewer rows want more decay."""

LONGEST, MANY_STEPS = 3.0, 1600
"""Where less decay than the middle's was chosen a training takes up to so many times the epochs
that are planned, and not more steps than this: weights that decay less grow for longer, and the few
steps of few rows end before they have."""

TRIAL_WIDTH = 128
"""Most units of a hidden layer while strengths are compared."""

FAILED = 1e100
"""The loss of a row that a training has no finite one for."""

PENALTY = 1e-4
"""alpha="auto" of solvers that do not decay: the L2 penalty of ``MLPClassifier``."""


def path_of(estimator: Any, train: TrainingData) -> tuple[Strength, ...]:
    """The strengths to choose from; one alone where the parameters leave no choice."""
    if estimator.alpha != "auto" or estimator.module is not None or not _decays(estimator):
        return (MIDDLE,)
    is_free = isinstance(estimator.hidden_layer_sizes, str) and estimator.dropout == "auto"
    return LINEAR_PATH if is_free and _is_wide_and_sparse(train) else PATH


def _is_wide_and_sparse(data: TrainingData) -> bool:
    n_columns, n_targets = data.X.shape[1], data.targets.n_columns
    if not data.sparse or n_columns * n_targets > AUTO_WIDTH * (n_columns + n_targets):
        return False
    stored = data.X.nnz * len(data) / data.X.shape[0]
    entries = data.processes.total(stored) / n_columns
    return n_columns >= MANY_COLUMNS or (n_columns >= SOME_COLUMNS and entries < FEW_ENTRIES)


def settled(
    estimator: Estimator, n_samples: int, n_features: int, strength: Strength = MIDDLE
) -> Estimator:
    """A copy of the estimator with numbers in place of "auto".

    A narrow net gets less of both, so that two things are as in one of `AUTO_WIDTH` units: the
    noise of dropout, which is the odds of dropping a unit over the number of units, and the largest
    output that decayed weights can make, which is the units over the square of the decay. So does
    one of few columns.
    """
    twin = copy.copy(estimator)
    if strength.is_linear:
        twin.hidden_layer_sizes, twin.solver = (), "lbfgs"
        twin.alpha, twin.dropout = strength.alpha, 0.0
        twin.tol = max(estimator.tol, LINEAR_TOL)
        return twin
    widths = hidden_layers(estimator.hidden_layer_sizes)
    narrow = min([1.0, *(width / AUTO_WIDTH for width in widths)])
    few = 1.0 if estimator.module is not None else min(1.0, n_features / FEW_COLUMNS)
    many = min(1.0, FULL_ROWS / n_samples)
    unit = sqrt(narrow) * few * many
    if estimator.dropout == "auto":
        if estimator.alpha != "auto" and _decays(estimator):
            strength = _nearest(estimator.alpha / unit)
        odds = narrow * few**2 * many * strength.dropout / (1 - strength.dropout)
        twin.dropout = odds / (1 + odds)
    if estimator.alpha == "auto":
        twin.alpha = strength.alpha * unit if _decays(estimator) else PENALTY
    return twin


def trial_of(
    estimator: Estimator, train: TrainingData, share: float, strength: Strength
) -> Estimator:
    """A copy to compare strengths by, on a share of the samples: a smaller net, fewer steps.

    Batches are to be twice as large, at which Adam's rate grows by the root of two. The decay of an
    epoch is that of all samples, in the fewer and longer steps.
    """
    small = copy.copy(estimator)
    small.callbacks, small.verbose = None, 0
    if not strength.is_linear:
        widths = hidden_layers(estimator.hidden_layer_sizes)
        small.hidden_layer_sizes = [min(width, TRIAL_WIDTH) for width in widths]
        small.learning_rate_init = estimator.learning_rate_init * sqrt(2)
    small = settled(small, train.n_samples, train.X.shape[1], strength)
    if not strength.is_linear:
        small.alpha *= sqrt(2) / share
    return small


def epochs_of(strength: Strength, planned: int, steps_per_epoch: float) -> int:
    """Epochs of a training at a strength that has been chosen, where `planned` are for the middle.

    They rise with the square root of the decay that is missing.
    """
    most = min(LONGEST, MANY_STEPS / (planned * steps_per_epoch))
    return round(planned * max(1.0, min(most, sqrt(MIDDLE.alpha / strength.alpha))))


def _decays(estimator: Any) -> bool:
    return isinstance(estimator.solver, str) and SOLVERS[estimator.solver].decays


def _nearest(alpha: float) -> Strength:
    return min(PATH, key=lambda strength: abs(log(max(alpha, 1e-9) / strength.alpha)))


class Choice:
    """A walk along a path of strengths, away from its middle as long as the held-out loss falls
    clearly: to the stronger ones, or else to the weaker ones.

    Parameters
    ----------
    path : sequence of Strength
    train : TrainingData
    valid : TrainingData or None
        Rows to judge by; None holds out a quarter of `train`.
    fit : callable (Strength, TrainingData) -> TrainingNet
    seed : int
        Of the hash that decides which rows are held out.
    in_nats : bool
        Whether the losses are; of others the share saved counts, times the rows, which it is nearly
        for the likelihood of a scale.

    Attributes
    ----------
    strength : Strength
        The one to train with.
    results : dict of str to ndarray, or None
        What was tried; None where there was no choice, or too few rows for one.
    """

    def __init__(
        self,
        path: tuple[Strength, ...],
        train: TrainingData,
        valid: TrainingData | None,
        fit: Callable[[Strength, TrainingData], TrainingNet],
        seed: int,
        in_nats: bool = True,
    ) -> None:
        self._in_nats = in_nats
        self._middle = len(path) // 2
        self.path, self.strength = path, path[self._middle]
        self.results: dict[str, Array] | None = None
        if len(path) == 1:
            return
        part, groups = enough_rows(train, seed)
        if groups.max() + 1 < FEWEST_GROUPS:
            return
        is_taught = groups < MOST_TAUGHT
        self._teaches_all = np.count_nonzero(is_taught) == train.n_samples
        if valid is None:
            self._part, self._held, self._groups = part_to_judge_by(part, groups)
        else:
            self._part = part.restricted(part.rows[is_taught])
            self._held, self._groups = enough_rows(valid, seed)
        self._fit = fit
        self._losses: dict[int, tuple[Array, Array]] = {}
        found = self._between(self._walk()), self._table()
        self.strength, self.results = train.processes.from_first(found)

    def __str__(self) -> str:
        if self.results is None:
            return f"{self.strength}: nothing to choose by."
        return f"{self.strength}, from losses on {len(self._held)} held-out rows:\n{self.results}"

    def _walk(self) -> int:
        best = self._middle
        for step in (1, -1):
            while (after := self._clear_step(best, step)) is not None:
                best = after
            if self._gain(self._middle, self._middle + step)[0] > 0:
                break
        return best

    def _clear_step(self, before: int, step: int) -> int | None:
        """The next strength that is clearly better; or the one after it, where the next one gains,
        but not clearly."""
        for after in (before + step, before + 2 * step):
            if not 0 <= after < len(self.path):
                break
            if self._is_clear(before, after):
                return after
            if self._gain(before, after)[0] <= 0:
                break
        return None

    def _is_clear(self, before: int, after: int) -> bool:
        gain, error = self._gain(before, after)
        in_all = self._gain(self._middle, after)[0]
        return gain > self._errors_needed(after) * error and in_all > self._price(after)

    def _errors_needed(self, after: int) -> float:
        is_first = after == self._middle + 1
        is_small = self.path[after].is_linear or (is_first and self._teaches_all)
        return CLEAR_GAIN if is_small else SURE_GAIN

    def _price(self, index: int) -> float:
        """What decay weaker than the middle's must save on a held-out row."""
        if index >= self._middle:
            return 0.0
        price = SURPRISE / len(np.unique(self._groups))
        if self._in_nats:
            return price
        losses, weight = self._judge(self._middle)
        return price * float(weight @ losses / weight.sum())

    def _between(self, best: int) -> Strength:
        """Where a parabola through the losses of a strength and of its two neighbours is least,
        over the logarithm of alpha: at most half way to one of them.

        The loss of the weaker one is raised by what a step to it must save, that of one beyond the
        middle by `FAR_ERRORS`. Trials of a part of the rows lean to less decay alone, as fewer rows
        want more. Penalties of linear models lie close together as they are.
        """
        here = self.path[best]
        if here.is_linear or best in (0, len(self.path) - 1) or self._failed(best - 1, best + 1):
            return here
        weaker, stronger = self.path[best - 1], self.path[best + 1]
        left, right = log(here.alpha / weaker.alpha), log(stronger.alpha / here.alpha)
        gain, error = self._gain(best, best - 1)
        needed = self._errors_needed(best - 1) * error + self._price(best - 1)
        slope = max(0.0, needed - gain) / left
        gain, error = self._gain(best, best + 1)
        raised = FAR_ERRORS * error if best > self._middle else 0.0
        slope_of_stronger = max(0.0, raised - gain) / right
        if slope + slope_of_stronger == 0:
            return here
        move = (slope * right - slope_of_stronger * left) / (slope + slope_of_stronger) / 2
        if not self._teaches_all:
            move = min(move, 0.0)
        neighbour, share = (weaker, -move / left) if move < 0 else (stronger, move / right)
        return here._replace(
            alpha=here.alpha * (neighbour.alpha / here.alpha) ** share,
            dropout=here.dropout + share * (neighbour.dropout - here.dropout),
        )

    def _failed(self, *indices: int) -> bool:
        return any((self._judge(index)[0] == FAILED).any() for index in indices)

    def _gain(self, before: int, after: int) -> tuple[float, float]:
        """By how much the held-out loss falls, and the standard error of that.

        Equal rows count as one draw, so that weight 2 is two rows here too.
        """
        (old, weight), (new, _) = self._judge(before), self._judge(after)
        fall = old - new
        mean = float(weight @ fall / weight.sum())
        of_groups = np.bincount(self._groups, weight * (fall - mean))
        return mean, float(np.sqrt(of_groups @ of_groups) / weight.sum())

    def _judge(self, index: int) -> tuple[Array, Array]:
        """Loss and weight of each held-out row."""
        if index not in self._losses:
            try:
                net = self._fit(self.path[index], self._part)
            except ValueError:  # its weights are no longer finite
                net = None
            self._losses[index] = _losses_of_rows(net, self._held)
        return self._losses[index]

    def _table(self) -> dict[str, Array]:
        """Strengths and held-out losses, and what each gains on the middle, in the path's order."""
        tried = sorted(self._losses)
        gains = [self._gain(self._middle, index) for index in tried]
        of_middle, weight = self._losses[self._middle]
        loss = weight @ of_middle / weight.sum()
        columns = {name: [getattr(self.path[i], name) for i in tried] for name in Strength._fields}
        columns["loss"] = [loss - gain for gain, _ in gains]
        columns["gain"] = [gain for gain, _ in gains]
        columns["gain_error"] = [error for _, error in gains]
        return {name: np.asarray(values) for name, values in columns.items()}


@torch.no_grad()
def _losses_of_rows(net: TrainingNet | None, data: TrainingData) -> tuple[Array, Array]:
    """Losses, `FAILED` where they are not finite, and weights."""
    if net is None:
        return np.full(len(data), FAILED), np.ones(len(data))
    net.module_.eval()
    losses, weights = [], []
    with threads_for(net.module_, len(data), data.sparse):
        for X, (target, weight, entry_weight) in Batches(data, data.block_size()):
            losses.append(net.criterion_(net.module_(X), target, entry_weight).double().cpu())
            weights.append(torch.ones(len(X)) if weight is None else weight.cpu())
    found = np.nan_to_num(torch.cat(losses).numpy(), nan=FAILED, posinf=FAILED)
    return found, torch.cat(weights).double().numpy()
