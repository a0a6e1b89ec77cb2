"""What alpha, dropout and encoding="auto" become: a cross-validation inside `fit`.

Small nets, from hardly any decay to much, on columns as they are and bent, linear models and the
constant are trained on folds of the rows, and the one whose mean loss on the rows held out is least
is trained on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from .._columns.encode import bent_entries
from .._targets.encoding import Array
from .._training.batches import Batches, TrainingData
from .._training.schedule import FIXED_LENGTH
from .._training.solvers import SOLVERS
from ..losses import Loss
from .held_out import Split
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
"""Largest gradient entry of a linear model by L-BFGS: smaller ones no longer move what it says."""

MANY_STEPS = 4000
"""Steps up to which a training with little decay is longer than planned: beyond there are enough
for weights to grow."""

FEWEST_LEFT, SURE = 2, 1.0
"""Candidates that go on after each fold, at least; standard errors by which the best one must beat
the constant, as the best of many wins by chance where nothing is to be known."""

BENT_DECAY = 12.0
"""How many times the decay of the best net on straight columns those on bent columns are tried
about, which want more, as they have more weights a column: 1 to 30 times on eleven tables."""

FAILED = -1e100
"""The score of a candidate that has no finite one."""

PENALTY = 1e-4
"""alpha="auto" of solvers that do not decay: the L2 penalty of ``MLPClassifier``."""


def candidates_of(estimator: Any, train: TrainingData) -> tuple[Candidate, ...]:
    """Those to choose from; one alone where the parameters leave no choice."""
    encoding = estimator._encoding
    if estimator.alpha != "auto" or estimator.module is not None or not _decays(estimator):
        return (middle_of(estimator, train),)
    is_free = isinstance(estimator.hidden_layer_sizes, str) and estimator.dropout == "auto"
    n_columns, n_targets = train.X.shape[1], train.targets.n_columns
    is_large = n_columns * n_targets > AUTO_WIDTH * (n_columns + n_targets)
    bent: tuple[Candidate, ...] = ()
    if encoding in ("auto", "piecewise") and (n_units := _bent_units(estimator, train)):
        bent = tuple(net._replace(bent_units=n_units) for net in BENT)
        if encoding == "piecewise":
            base = (CONSTANT,) if is_free else NO_LINEAR
            return (*(net._replace(bent_units=n_units) for net in base), *bent)
    if is_large or not is_free:
        return (*NO_LINEAR, *NETS, *bent)
    stored = train.X.nnz * len(train) / train.X.shape[0] if train.sparse else 0.0
    n_entries = train.processes.total(stored) / n_columns
    is_wide = n_columns >= MANY_COLUMNS or (n_columns >= SOME_COLUMNS and n_entries < FEW_ENTRIES)
    if train.sparse and is_wide:
        return (CONSTANT, *LINEAR_ALONE)
    return (CONSTANT, *LINEAR, *NETS, *bent)


def middle_of(estimator: Any, train: TrainingData) -> Candidate:
    """What is trained where nothing is chosen."""
    is_bent = estimator._encoding == "piecewise" and estimator.module is None
    return MIDDLE._replace(bent_units=_bent_units(estimator, train) if is_bent else 0)


def _bent_units(estimator: Any, train: TrainingData) -> int:
    """Units of a net on bent columns: the first layer has so many weights; 0 if none bends."""
    n_entries = bent_entries(Batches(train, len(train)), estimator._columns.is_category)
    if not n_entries:
        return 0
    return int(np.clip(BENT_WEIGHTS // n_entries, LEAST_BENT_WIDTH, AUTO_WIDTH))


def _decays(estimator: Any) -> bool:
    return isinstance(estimator.solver, str) and SOLVERS[estimator.solver].decays


def params_of(
    candidate: Candidate, estimator: Any, n_samples: int, most_units: int = 10**9
) -> dict[str, Any]:
    """Parameters by which the estimator trains what a candidate says, on so many rows.

    A narrow net gets less of both, so that two things are as in one of the usual width: the
    noise of dropout, which is the odds of dropping a unit over the number of units, and the largest
    output that decayed weights can make, which is the units over the square of the decay.
    """
    encoding = estimator._encoding
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
    params = {**known, **given}
    params["hidden_layer_sizes"] = tuple(widths)
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


class Choice:
    """The candidate of the greatest mean score over the splits; of equals the first.

    After each split the better half goes on, by the mean so far, and always the first candidate,
    which knows nothing: others must be better by a standard error. Of many rows, where there is
    one split, those nets on bent columns are tried whose decay goes with that of the best on
    straight ones. A `score` is that of each row and its weight, or one of all; more is better.
    Without splits, as of few rows, it is `middle`.

    Attributes
    ----------
    candidate : Candidate
    scores : ndarray of shape (n_candidates, n_splits), or None
        NaN where a candidate no longer took part.
    best : int or None
        Its place, where a candidate has finite scores.
    """

    def __init__(
        self,
        candidates: tuple[Candidate, ...],
        splits: Sequence[Split],
        fit: Callable[[list[Candidate], TrainingData], tuple[Loss, list[Any]]],
        score: Callable[[Any, Loss, Split], tuple[Array, Array]],
        middle: Candidate = MIDDLE,
    ) -> None:
        self.candidate = middle if len(candidates) > 1 else candidates[0]
        self.scores: Array | None = None
        self.best: int | None = None
        if len(candidates) == 1 or not splits:
            return
        self.scores = np.full((len(candidates), len(splits)), np.nan)
        rows: dict[int, list[tuple[Array, Array]]] = {}

        def judge(places: Array, split: Split, column: Array) -> None:
            loss, modules = fit([candidates[place] for place in places], split.train)
            for place, module in zip(places, modules, strict=True):
                values, weight = np.ones((2, 1))
                if module is not None:
                    values, weight = score(module, loss, split)
                is_finite = module is not None and np.isfinite(values).all()
                column[place] = np.average(values, weights=weight) if is_finite else FAILED
                rows.setdefault(int(place), []).append((values, weight))

        left, bent = np.arange(len(candidates)), np.arange(0)
        if len(splits) == 1:
            left, bent = _straight_and_bent(candidates)
        for column, split in zip(self.scores.T, splits, strict=True):
            judge(left, split, column)
            if len(bent):
                straight = candidates[int(left[np.argmax(column[left])])]
                bent = _beside(straight, candidates, bent)
                judge(bent, split, column)
                left = np.union1d(left, bent)
            n_left = max(FEWEST_LEFT, len(left) // 2)
            order = np.argsort(-np.nanmean(self.scores[left], axis=1), kind="stable")
            best, left = int(left[order[0]]), np.union1d([0], left[order[:n_left]])
        if self.scores[best].min() > FAILED:
            is_beaten = self.scores[0].min() == FAILED or _is_sure(rows[best], rows[0])
            self.best = best if is_beaten else 0
            self.candidate = candidates[self.best]

    def sentence(self, params: dict[str, Any]) -> str:
        """What is used, and why."""
        assert self.scores is not None
        used = ", ".join(f"{name}={value}" for name, value in params.items())
        return "{}: best of {} candidates over {} split(s).".format(used, *self.scores.shape)

    def results(self, params: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        """What was tried, as in ``cv_results_`` of scikit-learn's searches."""
        if self.scores is None:
            return None
        found: dict[str, Any] = {"params": list(params)}
        for name in ("alpha", "dropout"):
            found[f"param_{name}"] = np.array([float(given[name]) for given in params])
        found["param_encoding"] = np.array([given["encoding"] for given in params], dtype=object)
        for place, column in enumerate(self.scores.T):
            found[f"split{place}_test_score"] = column
        n_tried = (~np.isnan(self.scores)).sum(axis=1)
        mean, deviation = np.full((2, len(params)), np.nan)
        mean[n_tried > 0] = np.nanmean(self.scores[n_tried > 0], axis=1)
        deviation[n_tried > 0] = np.nanstd(self.scores[n_tried > 0], axis=1)
        found["mean_test_score"], found["std_test_score"] = mean, deviation
        order = np.stack([n_tried, np.nan_to_num(mean)], axis=1)
        _, standing = np.unique(order, axis=0, return_inverse=True)
        if self.best is not None:  # which may be the constant, though others were better by chance
            standing[self.best] = len(mean)
        found["rank_test_score"] = rankdata(-standing, "min").astype(np.int32)
        return found


def _straight_and_bent(candidates: Sequence[Candidate]) -> tuple[Array, Array]:
    """Places of the candidates to begin with, and of those on bent columns that come after them."""
    is_bent = np.array([one.bent_units > 0 for one in candidates])
    if not any(one.bent_units == 0 and not one.is_linear for one in candidates):
        is_bent[:] = False
    return np.flatnonzero(~is_bent), np.flatnonzero(is_bent)


def _beside(best: Candidate, candidates: Sequence[Candidate], places: Array) -> Array:
    """Of nets on bent columns the two whose decay is nearest to that which goes with the best."""
    wanted = log(BENT_DECAY * (NETS[0].alpha if best.is_linear else best.alpha))
    distance = [abs(log(candidates[place].alpha) - wanted) for place in places]
    return np.sort(places[np.argsort(distance)[:2]])


def _is_sure(best: list[tuple[Array, Array]], base: list[tuple[Array, Array]]) -> bool:
    """Whether the rows of all splits are better by more than chance explains."""
    gains, variances = [], []
    for (values, weight), (others, _) in zip(best, base, strict=True):
        gain = np.average(values - others, weights=weight)
        gains.append(gain)
        variances.append(weight**2 @ (values - others - gain) ** 2 / weight.sum() ** 2)
    return bool(np.mean(gains) > SURE * sqrt(np.sum(variances)) / len(gains))
