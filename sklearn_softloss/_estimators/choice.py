"""Which candidate "auto" becomes: a cross-validation of small nets inside `fit`; the one of the
least mean loss on rows held out is trained on all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from .._targets.encoding import Array
from .._training.batches import TrainingData
from .._training.threads import leaves_process_as_found
from ..losses import Loss
from .candidates import NETS, Candidate, candidates_of, middle_of, params_of
from .course import Course, Problem
from .held_out import Split, splits_of
from .settings import Settings
from .trials import minus_losses, trained, trial_width

FEWEST_LEFT, SURE = 2, 1.0
"""Candidates that go on after each fold, at least; standard errors by which the best one must beat
the constant, as the best of many wins by chance where nothing is to be known."""

BENT_DECAY = 12.0
"""How many times the decay of the best net on straight columns those on bent columns are tried
about, which want more, as they have more weights a column: 1 to 30 times on eleven tables."""

FAILED = -1e100
"""The score of a candidate that has no finite one."""

Fit = Callable[[list[Candidate], TrainingData], tuple[Loss, list[Any]]]
Score = Callable[[Any, Loss, Split], tuple[Array, Array]]


@dataclass(frozen=True)
class Chosen:
    """A candidate, the parameters that it means for the whole training, and what else was tried."""

    candidate: Candidate
    params: dict[str, Any]
    results: dict[str, Any] | None = None


@leaves_process_as_found
def choose(estimator: Any, problem: Problem) -> Chosen:
    """What stands in place of "auto"."""
    train, course = problem.train, problem.course

    def chosen(candidate: Candidate, results: dict[str, Any] | None = None) -> Chosen:
        return Chosen(candidate, params_of(candidate, estimator, train.n_samples), results)

    if course is not Course.FRESH:
        before = Candidate(*estimator._candidate)
        if course is Course.FIRST_PART or (course is Course.NEXT_PART and before.is_linear):
            return chosen(middle_of(estimator, train))  # by steps, as no part is the whole
        return chosen(before)
    candidates = candidates_of(estimator, train)
    if len(candidates) == 1:
        return chosen(candidates[0])
    splits = splits_of(problem, estimator.cv)
    if not splits:
        return chosen(middle_of(estimator, train))
    fit, score = _fit_of(estimator, problem, len(splits)), _score_of(estimator, problem)
    scores, best = train.processes.from_first(compared(candidates, splits, fit, score))
    if estimator.scoring is not None and best is None:
        raise ValueError(f"scoring={estimator.scoring!r} gave no candidate a finite score.")
    params = [params_of(one, estimator, train.n_samples) for one in candidates]
    found = chosen(
        middle_of(estimator, train) if best is None else candidates[best],
        results_of(params, scores, best),
    )
    if estimator.verbose and train.processes.rank == 0:
        used = ", ".join(f"{name}={value}" for name, value in found.params.items())
        print("{}: best of {} candidates over {} split(s).".format(used, *scores.shape))
    return found


def _fit_of(estimator: Any, problem: Problem, n_splits: int) -> Fit:
    """How candidates are trained on a part of the rows: to modules, and the loss they learnt by."""
    n_samples, weight = problem.train.n_samples, problem.train.weight_sum()

    def fit(some: list[Candidate], part: TrainingData) -> tuple[Loss, list[Any]]:
        loss = problem.loss_on(part)
        tried = [params_of(one, estimator, n_samples, trial_width(one, n_splits)) for one in some]
        members = [Settings.of(estimator, {**params, "callbacks": None}) for params in tried]
        return loss, trained(members, loss, part, weight)

    return fit


def _score_of(estimator: Any, problem: Problem) -> Score:
    """How a module is judged: by its losses, or by `scoring` as an estimator."""
    if estimator.scoring is None:
        return lambda module, loss, split: minus_losses(module, loss, split.held)
    scorer, twin = check_scoring(estimator, estimator.scoring), copy.copy(estimator)
    if not hasattr(problem.given_X, "columns"):  # texts are numbers here
        twin.__dict__.pop("feature_names_in_", None)
        twin._columns = replace(estimator._columns, levels={})

    def score(module: Any, loss: Loss, split: Split) -> tuple[Array, Array]:
        net = SimpleNamespace(module_=module, criterion_=loss)
        twin.__dict__.update(estimator._to_predict(net, problem))
        rows = _safe_indexing(problem.given_X, split.places)
        found = scorer(twin, rows, _safe_indexing(problem.given_y, split.places))
        return np.array([float(found)]), np.ones(1)

    return score


def compared(
    candidates: Sequence[Candidate], splits: Sequence[Split], fit: Fit, score: Score
) -> tuple[Array, int | None]:
    """The candidate of the greatest mean score over the splits; of equals the first.

    After each split the better half goes on, by the mean so far, and always the first candidate,
    which knows nothing: others must be better by a standard error. Of many rows, where there is
    one split, those nets on bent columns are tried whose decay goes with that of the best on
    straight ones. A `score` is that of each row and its weight, or one of all; more is better.

    Returns
    -------
    scores : ndarray of shape (n_candidates, n_splits)
        NaN where a candidate no longer took part.
    best : int or None
        Its place, where a candidate has finite scores.
    """
    scores = np.full((len(candidates), len(splits)), np.nan)
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
    for column, split in zip(scores.T, splits, strict=True):
        judge(left, split, column)
        if len(bent):
            straight = candidates[int(left[np.argmax(column[left])])]
            bent = _beside(straight, candidates, bent)
            judge(bent, split, column)
            left = np.union1d(left, bent)
        n_left = max(FEWEST_LEFT, len(left) // 2)
        order = np.argsort(-np.nanmean(scores[left], axis=1), kind="stable")
        best, left = int(left[order[0]]), np.union1d([0], left[order[:n_left]])
    if scores[best].min() == FAILED:
        return scores, None
    is_beaten = scores[0].min() == FAILED or _is_sure(rows[best], rows[0])
    return scores, best if is_beaten else 0


def results_of(params: Sequence[dict[str, Any]], scores: Array, best: int | None) -> dict[str, Any]:
    """What was tried, as in ``cv_results_`` of scikit-learn's searches."""
    found: dict[str, Any] = {"params": list(params)}
    for name in ("alpha", "dropout"):
        found[f"param_{name}"] = np.array([float(given[name]) for given in params])
    found["param_encoding"] = np.array([given["encoding"] for given in params], dtype=object)
    for place, column in enumerate(scores.T):
        found[f"split{place}_test_score"] = column
    n_tried = (~np.isnan(scores)).sum(axis=1)
    mean, deviation = np.full((2, len(params)), np.nan)
    mean[n_tried > 0] = np.nanmean(scores[n_tried > 0], axis=1)
    deviation[n_tried > 0] = np.nanstd(scores[n_tried > 0], axis=1)
    found["mean_test_score"], found["std_test_score"] = mean, deviation
    order = np.stack([n_tried, np.nan_to_num(mean)], axis=1)
    _, standing = np.unique(order, axis=0, return_inverse=True)
    if best is not None:  # which may be the constant, though others were better by chance
        standing[best] = len(mean)
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
