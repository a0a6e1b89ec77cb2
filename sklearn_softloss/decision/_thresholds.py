"""Cut-offs that maximise an objective, exactly where it separates over labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_one_of
from .._probability import DEFAULT_THRESHOLD
from .._targets.encoding import Array, Targets
from .._targets.labels import warn_if_never_absent
from ..metrics.confusion import Counts, counts_at, fbeta, ratio
from ._base import check_decision_data, label_matrix
from ._objectives import ADDITIVE, Objective
from ._sweep import sweep

AVERAGES = ("macro", "weighted", "micro", "samples", None)
LABELS_AT_ONCE = 64
MAX_ROUNDS = 100

Guards = tuple[float, float, float, float]
"""The parameters `min_positives`, `shrinkage`, `min_threshold` and `fallback_below`."""


def optimal_thresholds(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    objective: Any = "f1",
    average: str | None = "macro",
    beta: float = 1.0,
    costs: ArrayLike | None = None,
    floor: float | None = None,
    sample_weight: ArrayLike | None = None,
    pooled: bool = False,
    min_positives: float = 0.0,
    shrinkage: float = 0.0,
    min_threshold: float = 0.0,
    fallback_below: float = 0.0,
) -> tuple[Array, Any]:
    """Cut-offs for ``y_proba >= thresholds`` that maximise an objective on these rows.

    Every distinct probability is a candidate: one sort and cumulative sums a label, equal
    probabilities kept together, midpoints between neighbours as cut-offs, and "predict nothing".
    Tune on held-out rows: on the rows of the fit the cut-offs are too hopeful.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
        0 or 1; soft in [0, 1], which counts as an expectation; NaN or -1 where unknown.
    y_proba : array-like of shape (n_samples, n_labels), or (n_samples,)
        Probabilities, as from `predict_proba`.
    objective : str or callable, default="f1"
        "f1" (F-beta), "balanced_accuracy", "jaccard", "g_mean", "matthews", "accuracy";
        "precision_at_recall" and "recall_at_precision", with `floor`; "expected_cost" a row, with
        `costs`, minimised; or a callable ``(tp, fp, fn, tn) -> array`` to be maximised.
    average : {"macro", "weighted", "micro", "samples", None}, default="macro"
        "macro", "weighted" (by positives) and None (one value a label) are maximised label by
        label, exactly. "micro" is exact for "f1", "jaccard", "accuracy", "balanced_accuracy" and
        "expected_cost". "samples", for "f1" and "jaccard", is not: coordinate ascent from the
        macro solution, exact in each coordinate, ends in a local maximum.
    beta : float, default=1.0
        Weight of recall against precision in "f1".
    costs : array-like of shape (2,), (n_labels, 2) or (n_labels, 2, 2), default=None
        (false positive, false negative), or tables indexed by [truth, decision].
    floor : float, default=None
        The least recall or precision, in [0, 1]. If no cut reaches it the nearest one is taken.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.
    pooled : bool, default=False
        One cut-off for all labels, from the "micro" objective by one sweep over all entries; exact.
    min_positives : float, default=0.0
        Labels with fewer positives take the pooled cut-off.
    shrinkage : float, default=0.0
        Positives that the pooled cut-off counts for in a mean with the label's own: with s, a label
        with s positives ends half way between the two.
    min_threshold : float, default=0.0
        Least cut-off. A label that the probabilities know nothing of has its best F1 where all is
        predicted (Lipton et al.).
    fallback_below : float, default=0.0
        Labels whose best value is less than this predict only what reaches the highest score seen
        (the "FBR" of Fan and Lin).

    Returns
    -------
    thresholds : ndarray of shape (n_labels,), float64
        A label without positives keeps 0.5, unless it has a say of its own in the objective
        ("accuracy", "expected_cost", average="micro").
    value : float, or ndarray of shape (n_labels,) if `average` is None
        The objective reached on these rows by these cut-offs. What divides nothing by nothing
        counts as 0, as do labels without positives in F1. A label of which nothing is known is
        left out of the "macro" average.

    Raises
    ------
    ValueError
        If shapes differ, `y_proba` leaves [0, 1], or objective and average do not go together.

    References
    ----------
    Lipton, Elkan and Narayanaswamy, "Optimal thresholding of classifiers to maximize F1 measure",
    ECML PKDD 2014, arXiv:1402.1892.
    Fan and Lin, "A study on threshold selection for multi-label classification", National Taiwan
    University, 2007.
    Dinkelbach, "On nonlinear fractional programming", Management Science 13 (1967),
    doi:10.1287/mnsc.13.7.492 (for "micro").

    Examples
    --------
    >>> from sklearn_softloss.decision import optimal_thresholds
    >>> y_true = [[0, 1], [1, 0], [1, 1]]
    >>> thresholds, f1 = optimal_thresholds(y_true, [[0.1, 0.5], [0.2, 0.3], [0.3, 0.7]])
    >>> thresholds
    array([0.15, 0.4 ])
    >>> f1
    1.0
    """
    goal = Objective(objective, beta, costs, floor)
    check_average(goal, average, pooled)
    truth = label_matrix(y_true)
    warn_if_never_absent(Targets(truth))
    proba, weight = check_decision_data(truth, y_proba, sample_weight)
    guards = min_positives, shrinkage, min_threshold, fallback_below
    thresholds, counts = search_thresholds(goal, average, truth, proba, weight, pooled, guards)
    if counts is not None:
        return thresholds, _over_labels(goal, average, counts)
    return thresholds, decision_value(goal, average, truth, proba >= thresholds, weight)


def search_thresholds(
    goal: Objective,
    average: str | None,
    truth: Array,
    proba: Array,
    weight: Array | None,
    pooled: bool,
    guards: Guards,
) -> tuple[Array, Counts | None]:
    """Cut-offs of checked data, and the counts there if the search knows them."""
    goal.check_labels(truth.shape[1])
    counts = None
    if pooled:
        thresholds = np.full(truth.shape[1], _pooled_cut(goal, truth, proba, weight))
    elif average == "samples":
        thresholds = _samples(goal, truth, proba, weight)
    elif average == "micro":
        thresholds = _micro(goal, truth, proba, weight)
    else:
        thresholds, counts = _label_by_label(goal, truth, proba, weight)
    if any(guards) and not pooled:
        thresholds, counts = _guarded(thresholds, guards, goal, truth, proba, weight), None
    return thresholds, counts


def check_average(goal: Objective, average: str | None, pooled: bool) -> None:
    check_one_of("average", average, AVERAGES)
    if pooled and average != "micro":
        raise ValueError(f"pooled=True needs average='micro'; got {average!r}.")
    fractional = ("f1", "jaccard", "balanced_accuracy", *ADDITIVE)
    if average == "micro" and not pooled and goal.objective not in fractional:
        raise ValueError(
            f"The micro average of {goal.objective!r} can be maximised with pooled=True only; "
            f"without it for {', '.join(map(repr, fractional))}."
        )
    if average == "samples" and goal.objective not in ("f1", "jaccard"):
        raise ValueError(
            f"average='samples' is for 'f1' and 'jaccard'; got objective={goal.objective!r}."
        )


def decision_value(
    goal: Objective, average: str | None, truth: Array, predicted: Array, weight: Array | None
) -> Any:
    """The averaged objective of 0/1 decisions (n_samples, n_labels)."""
    if average == "samples":
        counts = counts_at(truth.T, predicted.T, None)
        known = ~np.isnan(truth).all(axis=1)
        if not known.any():
            return 0.0
        mass = None if weight is None else weight[known]
        return float(np.average(goal.value(counts)[known], weights=mass))
    return _over_labels(goal, average, counts_at(truth, predicted, weight))


def _over_labels(goal: Objective, average: str | None, counts: Counts) -> Any:
    if average == "micro":
        return _micro_value(goal, counts)
    values = goal.value(counts)
    if average is None:
        return values
    if average == "weighted":
        return float(ratio((values * counts.positives).sum(), counts.positives.sum()))
    known = counts.total > 0
    return float(values[known].mean()) if known.any() else 0.0


def _micro_value(goal: Objective, counts: Counts) -> float:
    if goal.minimised:  # tables differ from label to label
        return float(ratio((goal.value(counts) * counts.total).sum(), counts.total.sum()))
    return float(goal.value(Counts(*(part.sum() for part in vars(counts).values()))))


# --- label by label --------------------------------------------------------------------------


def _sweeps(truth: Array, proba: Array, weight: Array | None, only_positives: bool) -> Any:
    """The sweep of each label, columns gathered a few at a time."""
    for start in range(0, truth.shape[1], LABELS_AT_ONCE):
        part = slice(start, start + LABELS_AT_ONCE)
        columns = (np.ascontiguousarray(values[:, part].T) for values in (truth, proba))
        for label_truth, scores in zip(*columns, strict=True):
            yield sweep(label_truth, scores, weight, only_positives)


def _label_by_label(
    goal: Objective, truth: Array, proba: Array, weight: Array | None
) -> tuple[Array, Counts]:
    """The best cut of each label, and the counts there."""
    n_labels = truth.shape[1]
    thresholds = np.full(n_labels, DEFAULT_THRESHOLD)
    found = np.zeros((n_labels, 4))
    for label, cuts in enumerate(_sweeps(truth, proba, weight, goal.decided_at_positives)):
        if cuts.counts.positives > 0 or goal.decides_alone:
            best = int(np.argmax(goal.gain(cuts.counts, label)))
            thresholds[label] = cuts.cut(best)
            counts = cuts.counts
            found[label] = counts.tp[best], counts.predicted[best], counts.positives, counts.total
    idle = found[:, 3] == 0
    if idle.any():
        others = counts_at(truth[:, idle], proba[:, idle] >= DEFAULT_THRESHOLD, weight)
        found[idle] = np.column_stack([*vars(others).values()])
    return thresholds, Counts(*found.T)


def _pooled_cut(goal: Objective, truth: Array, proba: Array, weight: Array | None) -> float:
    """One cut for all labels, by a sweep over all entries."""
    if goal.table is not None and len(goal.table) > 1:
        raise ValueError("One cut-off for all labels needs one cost table for all labels.")
    weights = None if weight is None else np.repeat(weight, truth.shape[1])
    cuts = sweep(truth.ravel(), proba.ravel(), weights, goal.decided_at_positives)
    if cuts.counts.positives == 0 and not goal.decides_alone:
        return DEFAULT_THRESHOLD
    return cuts.cut(int(np.argmax(goal.gain(cuts.counts))))


def _guarded(
    thresholds: Array, guards: Guards, goal: Objective, truth: Array, proba: Array, weight: Any
) -> Array:
    """Against labels with few positives, and against those that the scores know nothing of."""
    min_positives, shrinkage, min_threshold, fallback_below = guards
    if fallback_below > 0:
        reached = goal.value(counts_at(truth, proba >= thresholds, weight))
        highest = np.max(proba, axis=0, where=~np.isnan(truth), initial=0.0)
        thresholds = np.where(reached < fallback_below, highest, thresholds)
    if min_positives > 0 or shrinkage > 0:
        mass = 1.0 if weight is None else weight[:, None]
        positives = np.nansum(truth * mass, axis=0)
        own = np.where(positives < min_positives, 0.0, ratio(positives, positives + shrinkage))
        pooled = _pooled_cut(goal, truth, proba, weight)
        thresholds = np.where(positives > 0, own * thresholds + (1 - own) * pooled, thresholds)
    return np.maximum(thresholds, min_threshold)


# --- micro: fractional programming -----------------------------------------------------------


def _micro(goal: Objective, truth: Array, proba: Array, weight: Array | None) -> Array:
    """Exact: Dinkelbach's iteration on F-beta (Jaccard rises with F1); the others separate."""
    if goal.objective in ADDITIVE:
        return _label_by_label(goal, truth, proba, weight)[0]
    found = [cuts.hull() for cuts in _sweeps(truth, proba, weight, True)]
    positives = sum(cuts.counts.positives for cuts in found)
    total = sum(cuts.counts.total for cuts in found)
    if not positives:
        return np.full(truth.shape[1], DEFAULT_THRESHOLD)

    def best(gain: float, price: float) -> list[int]:
        """In each label the cut that maximises ``gain * tp - price * predicted``."""
        parts = (cuts.counts for cuts in found)
        return [int(np.argmax(gain * each.tp - price * each.predicted)) for each in parts]

    if goal.objective == "balanced_accuracy":
        # tp / positives + tn / negatives falls with `predicted` at one rate for all labels.
        chosen = best(1.0, positives / total if total > positives else 0.0)
    else:
        beta = goal.beta if goal.objective == "f1" else 1.0
        chosen, value = [], 0.0
        for _ in range(MAX_ROUNDS):
            chosen = best(1 + beta**2, value)
            pairs = list(zip(found, chosen, strict=True))
            tp = sum(cuts.counts.tp[i] for cuts, i in pairs)
            predicted = sum(cuts.counts.predicted[i] for cuts, i in pairs)
            reached = float(fbeta(Counts(tp, predicted, positives, total), beta))
            if reached <= value:
                break
            value = reached
    return np.array([cuts.cut(i) for cuts, i in zip(found, chosen, strict=True)])


# --- samples: coordinate ascent --------------------------------------------------------------


def _samples(goal: Objective, truth: Array, proba: Array, weight: Array | None) -> Array:
    """From the macro solution, one label after the other, until no cut improves the mean."""
    found, _ = _label_by_label(goal, truth, proba, weight)
    known = ~np.isnan(truth)
    value = np.where(known, truth, 0.0)
    mass = np.ones(len(truth)) if weight is None else weight
    predicted = (proba >= found) & known
    tp, n_predicted = (value * predicted).sum(axis=1), predicted.sum(axis=1).astype(float)
    positives, total = value.sum(axis=1), known.sum(axis=1)
    for _ in range(MAX_ROUNDS):
        improved = False
        for label in range(truth.shape[1]):
            tp_without = tp - value[:, label] * predicted[:, label]
            n_without = n_predicted - predicted[:, label]
            without, with_it = (
                goal.value(Counts(tp_without + y, n_without + one, positives, total))
                for y, one in ((0.0, 0.0), (value[:, label], known[:, label]))
            )
            gains = sweep(
                np.where(known[:, label], with_it - without, np.nan), proba[:, label], mass, False
            )
            best = int(np.argmax(gains.counts.tp))
            now = float((mass * (with_it - without) * predicted[:, label]).sum())
            if gains.counts.tp[best] <= now + 1e-12 * mass.sum():
                continue
            improved = True
            found[label] = gains.cut(best)
            predicted[:, label] = (proba[:, label] >= found[label]) & known[:, label]
            tp = tp_without + value[:, label] * predicted[:, label]
            n_predicted = n_without + predicted[:, label]
        if not improved:
            break
    return found
