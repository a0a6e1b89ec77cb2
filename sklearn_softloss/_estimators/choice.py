"""Which candidate "auto" becomes: a cross-validation of small nets inside `fit`; the one of the
least mean loss on rows held out is trained on all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
from scipy.stats import rankdata

from .._targets.encoding import Array
from .._training.threads import leaves_process_as_found
from .candidates import NETS, Candidate, options_of, params_of
from .course import Problem
from .held_out import Split, splits_of
from .trials import Scores, Trials

FEWEST_LEFT, SURE = 2, 1.0
"""Candidates that go on after each fold, at least; standard errors by which the best one must beat
the constant, as the best of many wins by chance where nothing is to be known."""

BENT_DECAY = 12.0
"""How many times the decay of the best net on straight columns those on bent columns are tried
about, which want more, as they have more weights a column: 1 to 30 times on eleven tables."""

FAILED = -1e100
"""The score of a candidate that has no finite one."""


@dataclass(frozen=True)
class Chosen:
    """A candidate, the parameters that it means for the whole training, and what else was tried."""

    candidate: Candidate
    params: dict[str, Any]
    results: dict[str, Any] | None = None


@leaves_process_as_found
def choose(estimator: Any, problem: Problem) -> Chosen:
    """What stands in place of "auto"."""
    train = problem.train
    found, candidates = options_of(estimator, problem)
    params = {one: params_of(one, estimator, train.n_samples) for one in (found, *candidates)}
    splits = splits_of(problem, estimator.cv) if candidates else []
    if not splits:
        return Chosen(found, params[found])
    trials = Trials(estimator, problem, len(splits))
    scores, best = train.processes.from_first(compared(candidates, splits, trials.scores))
    if best is not None:
        found = candidates[best]
    elif estimator.scoring is not None:
        raise ValueError(f"scoring={estimator.scoring!r} gave no candidate a finite score.")
    if estimator.verbose and train.processes.rank == 0:
        used = ", ".join(f"{name}={value}" for name, value in params[found].items())
        print("{}: best of {} candidates over {} split(s).".format(used, *scores.shape))
    results = results_of([params[one] for one in candidates], scores, best)
    return Chosen(found, params[found], results)


def compared(
    candidates: Sequence[Candidate],
    splits: Sequence[Split],
    judge: Callable[[list[Candidate], Split], list[Scores]],
) -> tuple[Array, int | None]:
    """The candidate of the greatest mean score over the splits; of equals the first.

    After each split the better half goes on, by the mean so far, and always the first candidate,
    which knows nothing: others must be better by a standard error. Of many rows, where there is
    one split, those nets on bent columns are tried whose decay goes with that of the best on
    straight ones.

    Returns
    -------
    scores : ndarray of shape (n_candidates, n_splits)
        NaN where a candidate no longer took part.
    best : int or None
        Its place, where a candidate has finite scores.
    """
    scores = np.full((len(candidates), len(splits)), np.nan)
    rows: list[list[Scores]] = [[] for _ in candidates]

    def add(places: Array, split: Split, column: Array) -> None:
        found = judge([candidates[place] for place in places], split)
        for place, (values, weight) in zip(places, found, strict=True):
            is_finite = np.isfinite(values).all()
            column[place] = np.average(values, weights=weight) if is_finite else FAILED
            rows[place].append((values, weight))

    is_later = np.array([one.bent_units > 0 for one in candidates])
    if len(splits) > 1 or is_later.all():
        is_later[:] = False
    left, bent = np.flatnonzero(~is_later), np.flatnonzero(is_later)
    for column, split in zip(scores.T, splits, strict=True):
        add(left, split, column)
        if len(bent):
            straight = candidates[left[np.argmax(column[left])]]
            bent = _beside(straight, candidates, bent)
            add(bent, split, column)
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
    tried = np.ma.masked_invalid(scores)
    mean = tried.mean(axis=1).filled(np.nan)
    found["mean_test_score"], found["std_test_score"] = mean, tried.std(axis=1).filled(np.nan)
    order = np.stack([tried.count(axis=1), np.nan_to_num(mean)], axis=1)
    _, standing = np.unique(order, axis=0, return_inverse=True)
    if best is not None:  # which may be the constant, though others were better by chance
        standing[best] = len(mean)
    found["rank_test_score"] = rankdata(-standing, "min").astype(np.int32)
    return found


def _beside(best: Candidate, candidates: Sequence[Candidate], places: Array) -> Array:
    """Of nets on bent columns the two whose decay is nearest to that which goes with the best."""
    wanted = log(BENT_DECAY * (NETS[0].alpha if best.is_linear else best.alpha))
    distance = [abs(log(candidates[place].alpha) - wanted) for place in places]
    return np.sort(places[np.argsort(distance)[:2]])


def _is_sure(best: list[Scores], base: list[Scores]) -> bool:
    """Whether the rows of all splits are better by more than chance explains."""
    gains, variances = [], []
    for (values, weight), (others, _) in zip(best, base, strict=True):
        gain = np.average(values - others, weights=weight)
        gains.append(gain)
        variances.append(weight**2 @ (values - others - gain) ** 2 / weight.sum() ** 2)
    return bool(np.mean(gains) > SURE * sqrt(np.sum(variances)) / len(gains))
