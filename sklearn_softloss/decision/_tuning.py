"""What is learned from out-of-fold probabilities: a rule, its score, its curve and its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from .._table import Table
from ..metrics.confusion import Counts, accuracy, counts_at, fbeta, precision, recall
from ..targets import Array
from ._objectives import Objective
from ._sweep import sweep
from ._thresholds import DEFAULT_THRESHOLD, decision_value

CURVE_POINTS = 100

Fold = tuple[Array, Array, "Array | None"]
"""Truth and probabilities of the test part of a split, and the weights of its rows."""


@dataclass
class Tuning:
    """Fits a rule to the test parts of all folds together, and to each fold for comparison.

    Parameters
    ----------
    rule : DecisionRule
    objective : str or callable
    average : str
        Both for rules that have none of their own.
    names : ndarray
        Of the classes or labels.
    truth : ndarray of shape (n_samples, n_columns)
    weight : ndarray of shape (n_samples,) or None
    keeps_default : bool
        Cut at 0.5, or take the argmax, unless the rule gains more than a standard error over folds.
    """

    rule: Any
    objective: Any
    average: str
    names: Array
    truth: Array
    weight: Array | None
    keeps_default: bool
    kept_default: bool = field(init=False, default=False)
    score: float = field(init=False)
    results: dict[str, Any] = field(init=False, default_factory=dict)
    fold_thresholds: Array | None = field(init=False, default=None)

    def run(self, tests: list[Array], parts: list[Array]) -> None:
        """Fit the rule; `parts` are the probabilities of the rows `tests` of each fold."""
        own = self.rule.get_params()
        self.goal = Objective(
            own.get("objective", self.objective),
            own.get("beta", 1.0),
            own.get("costs") if own.get("objective") == "expected_cost" else None,
            own.get("floor"),
        )
        self.average = own.get("average", self.average)
        folds: list[Fold] = [
            (self.truth[rows], proba, None if self.weight is None else self.weight[rows])
            for rows, proba in zip(tests, parts, strict=True)
        ]
        truth, proba = (np.concatenate([fold[i] for fold in folds]) for i in (0, 1))
        weight = None if self.weight is None else np.concatenate([fold[2] for fold in folds])
        self._everything = truth, proba, weight
        self._fit(self.rule, folds)
        if len(folds) > 1:
            self._compare_over_folds(folds)
        self.score = self._value(truth, self._answers(self.rule, proba), weight)
        if hasattr(self.rule, "thresholds_"):
            self.fold_thresholds = np.array(
                [self._fit(clone(self.rule), [fold]).thresholds_ for fold in folds]
            )
            if self.rule.decides == "labels":
                self._record_curve(folds)

    def _fit(self, rule: Any, folds: list[Fold]) -> Any:
        truth, proba = (np.concatenate([fold[i] for fold in folds]) for i in (0, 1))
        weights = [fold[2] for fold in folds if fold[2] is not None]
        weight = np.concatenate(weights) if weights else None
        return rule.fit(truth, proba, sample_weight=weight)

    def _compare_over_folds(self, folds: list[Fold]) -> None:
        """Score each fold by a rule fitted to the others, and by the default."""
        scores, defaults = [], []
        for index, (truth, proba, weight) in enumerate(folds):
            rule = self._fit(clone(self.rule), folds[:index] + folds[index + 1 :])
            scores.append(self._value(truth, self._answers(rule, proba), weight))
            defaults.append(self._value(truth, self._default(proba), weight))
        self.results["fold_scores"] = np.array(scores)
        self.results["fold_default_scores"] = np.array(defaults)
        gains = np.subtract(scores, defaults) * (-1 if self.goal.minimised else 1)
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        if self.keeps_default and not gains.mean() > error:
            self.kept_default = True
            default = DEFAULT_THRESHOLD if self.rule.decides == "labels" else 1 / len(self.names)
            self.rule.thresholds_ = np.full(self.truth.shape[1], default)

    def _answers(self, rule: Any, proba: Array) -> Array:
        """Answers as 0 and 1, one column a label or class."""
        decided = rule.decide(proba)
        if rule.decides == "labels":
            return np.asarray(decided)
        return np.asarray(decided[:, None] == np.arange(proba.shape[1]))

    def _default(self, proba: Array) -> Array:
        if self.rule.decides == "labels":
            return np.asarray(proba >= DEFAULT_THRESHOLD)
        return np.asarray(proba.argmax(axis=1)[:, None] == np.arange(proba.shape[1]))

    def _value(self, truth: Array, answers: Array, weight: Array | None) -> float:
        return float(decision_value(self.goal, self.average, truth, answers, weight))

    def _record_curve(self, folds: list[Fold]) -> None:
        """The objective of each label against its cut-off, at quantiles of its probabilities."""
        grid = curve_grid(self._everything[1])
        self.results["thresholds"] = grid
        self.results["scores"] = curve(self.goal, grid, *self._everything)
        by_fold = np.array([curve(self.goal, grid, *fold) for fold in folds])
        self.results["mean_score"], self.results["std_score"] = by_fold.mean(0), by_fold.std(0)

    def never_predicted(self) -> list[str]:
        """One message if there are labels that the rule never predicted, else none."""
        never = np.flatnonzero(~self._answers(self.rule, self._everything[1]).any(axis=0))
        if not len(never):
            return []
        shown = ", ".join(str(self.names[self._offset :][i]) for i in never[:5])
        more = f" and {len(never) - 5} more" if len(never) > 5 else ""
        what = "label" if self.rule.decides == "labels" else "class"
        return [
            f"The rule never predicted {what} {shown}{more} out of fold; see decision_report()."
        ]

    @property
    def _offset(self) -> int:
        """1 where the one column is the second of two classes."""
        return len(self.names) - self.truth.shape[1]

    def report(self) -> Table:
        """One row a label, and notes on the whole."""
        truth, proba, weight = self._everything
        tuned = counts_at(truth, self._answers(self.rule, proba), weight)
        plain = counts_at(truth, self._default(proba), weight)
        name = "at 0.5" if self.rule.decides == "labels" else "by argmax"
        zeros = np.zeros(len(tuned.tp))
        nothing = Counts(zeros, zeros, tuned.positives, tuned.total)
        columns = {
            "label": self.names[self._offset :],
            "positives": tuned.positives,
            "cut-off": getattr(self.rule, "thresholds_", None),
            "spread": None if self.fold_thresholds is None else self.fold_thresholds.std(axis=0),
            "precision": precision(tuned),
            "recall": recall(tuned),
            "F1": fbeta(tuned),
            f"F1 {name}": fbeta(plain),
            "F1 all-zero": fbeta(nothing),
            "accuracy": accuracy(tuned),
            "accuracy all-zero": accuracy(nothing),
        }
        found = {head: cells for head, cells in columns.items() if cells is not None}
        rows = [dict(zip(found, cells, strict=True)) for cells in zip(*found.values(), strict=True)]
        notes = _notes({"with the rule": tuned, name: plain}, nothing)
        if self.kept_default:
            notes.append(
                "Tuning gained no more than its standard error over folds: it is not used."
            )
        return Table(rows, notes)


def curve_grid(proba: Array) -> Array:
    """Cut-offs (n_points, n_labels) for a curve: quantiles of each label's probabilities."""
    return np.asarray(np.quantile(proba, np.linspace(0, 1, CURVE_POINTS), axis=0))


def curve(goal: Objective, grid: Array, truth: Array, proba: Array, weight: Array | None) -> Array:
    """The objective of each label at its cut-offs, shape (n_points, n_labels)."""
    found = np.empty(grid.shape)
    for label in range(truth.shape[1]):
        cuts = sweep(truth[:, label], proba[:, label], weight, only_positives=False)
        at = np.searchsorted(-cuts.scores, -grid[:, label], side="right")
        counts = cuts.counts
        along = Counts(counts.tp[at], counts.predicted[at], counts.positives, counts.total)
        found[:, label] = goal.value(along, label)
    return found


def _notes(decisions: dict[str, Counts], nothing: Counts) -> list[str]:
    notes = []
    for measure, what in ((_macro_f1, "Macro F1"), (_hamming, "Hamming accuracy")):
        parts = [f"{measure(counts):.4f} {name}" for name, counts in decisions.items()]
        notes.append(f"{what}: {', '.join(parts)}, {measure(nothing):.4f} for predicting nothing.")
    for name, counts in decisions.items():
        never = int(np.count_nonzero(counts.predicted == 0))
        if never == len(counts.tp):
            notes.append(
                f"Nothing is predicted {name}: its accuracy is that of predicting nothing."
            )
        elif never:
            notes.append(f"{never} of {len(counts.tp)} are never predicted {name}.")
    return notes


def _macro_f1(counts: Counts) -> float:
    return float(fbeta(counts).mean())


def _hamming(counts: Counts) -> float:
    return float((counts.tp + counts.tn).sum() / counts.total.sum())
