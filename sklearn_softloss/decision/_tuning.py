"""What is learned from out-of-fold probabilities: a rule, its score, its curve and its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from .._checks import check_one_of
from .._table import Table
from .._targets.encoding import Array
from ..metrics.confusion import Counts, accuracy, counts_at, fbeta, precision, recall
from ._base import DecisionRule
from ._thresholds import AVERAGES, decision_value
from .curve import curve, curve_grid
from .untuned import Untuned, indicators

Fold = tuple[Array, Array, "Array | None"]
"""Truth and probabilities of the test part of a split, and the weights of its rows."""


@dataclass
class Tuning:
    """Fits a rule to the test parts of all folds together, and to each fold for comparison.

    `rule` is not fitted itself: `chosen` is its fitted clone. With `keeps_default` that is
    `Untuned` unless the rule gains more than a standard error over folds. Objective and average are
    for rules that have none of their own, `names` those of the columns of `truth`.
    """

    rule: DecisionRule
    objective: Any
    average: str
    names: Array
    truth: Array
    weight: Array | None
    keeps_default: bool
    chosen: Any = field(init=False)
    kept_default: bool = field(init=False)
    score: float = field(init=False)
    results: dict[str, Any] = field(init=False, default_factory=dict)
    fold_thresholds: Array | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.default = Untuned(self.rule.decides, self.objective, self.average)
        self.goal, self.average = self.rule._scored_by(self.objective, self.average)
        check_one_of("average, which must give one value,", self.average, AVERAGES[:-1])

    def run(self, tests: list[Array], parts: list[Array]) -> None:
        """Fit the rule; `parts` are the probabilities of the rows `tests` of each fold."""
        folds: list[Fold] = [
            (self.truth[rows], proba, None if self.weight is None else self.weight[rows])
            for rows, proba in zip(tests, parts, strict=True)
        ]
        self._everything = truth, proba, weight = _joined(folds)
        gains = len(folds) == 1 or self._gains_over_folds(folds)
        self.kept_default = self.keeps_default and not gains
        self.chosen = self._fit(self.default if self.kept_default else self.rule, folds)
        self.chosen._warn_of_fit()
        self._decided = self._answers(self.chosen.decide(proba))
        self.score = self._value(truth, self._decided, weight)
        if hasattr(self.chosen, "thresholds_"):
            self.fold_thresholds = np.array(
                [self._fit(self.rule, [fold]).thresholds_ for fold in folds]
            )
            if self.rule.decides == "labels":
                self._record_curve(folds)

    def _fit(self, rule: DecisionRule, folds: list[Fold]) -> Any:
        """A clone fitted to these folds."""
        return clone(rule)._fit_encoded(*_joined(folds))

    def _gains_over_folds(self, folds: list[Fold]) -> bool:
        """Whether rules fitted to the other folds beat the default by more than noise."""
        scores, defaults = [], []
        for index, (truth, proba, weight) in enumerate(folds):
            rule = self._fit(self.rule, folds[:index] + folds[index + 1 :])
            scores.append(self._value(truth, self._answers(rule.decide(proba)), weight))
            defaults.append(self._value(truth, self._defaults(proba), weight))
        self.results["fold_scores"] = np.array(scores)
        self.results["fold_default_scores"] = np.array(defaults)
        gains = np.subtract(scores, defaults) * (-1 if self.goal.minimised else 1)
        return bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))

    def _answers(self, decided: Array) -> Array:
        """Answers as 0 and 1, one column a label or class."""
        return indicators(decided, self.rule.decides, self.truth.shape[1])

    def _defaults(self, proba: Array) -> Array:
        return self._answers(self.default._decide(proba))

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
        never = np.flatnonzero(~self._decided.any(axis=0))
        if not len(never):
            return []
        shown = ", ".join(str(self.names[i]) for i in never[:5])
        more = f" and {len(never) - 5} more" if len(never) > 5 else ""
        what = "label" if self.rule.decides == "labels" else "class"
        return [
            f"The rule never predicted {what} {shown}{more} out of fold; see decision_report()."
        ]

    def report(self) -> Table:
        """One row a label, and notes on the whole."""
        truth, proba, weight = self._everything
        tuned = counts_at(truth, self._decided, weight)
        plain = counts_at(truth, self._defaults(proba), weight)
        name = "at 0.5" if self.rule.decides == "labels" else "by argmax"
        zeros = np.zeros(len(tuned.tp))
        nothing = Counts(zeros, zeros, tuned.positives, tuned.total)
        scores = {
            "precision": precision(tuned),
            "recall": recall(tuned),
            "F1": fbeta(tuned),
            f"F1 {name}": fbeta(plain),
            "F1 all-zero": fbeta(nothing),
            "accuracy": accuracy(tuned),
            "accuracy all-zero": accuracy(nothing),
        }
        known = tuned.total > 0
        columns = {
            "label": self.names,
            "positives": tuned.positives,
            "cut-off": getattr(self.chosen, "thresholds_", None),
            "spread": None if self.fold_thresholds is None else self.fold_thresholds.std(axis=0),
            **{head: np.where(known, score, np.nan) for head, score in scores.items()},
        }
        found = {head: cells for head, cells in columns.items() if cells is not None}
        rows = [dict(zip(found, cells, strict=True)) for cells in zip(*found.values(), strict=True)]
        notes = _notes({"with the rule": tuned, name: plain}, nothing)
        if self.kept_default:
            notes.append(
                "Tuning gained no more than its standard error over folds: it is not used."
            )
        return Table(rows, notes)


def _joined(folds: list[Fold]) -> Fold:
    truth, proba = (np.concatenate([fold[i] for fold in folds]) for i in (0, 1))
    weights = [fold[2] for fold in folds if fold[2] is not None]
    return truth, proba, np.concatenate(weights) if weights else None


def _notes(decisions: dict[str, Counts], nothing: Counts) -> list[str]:
    shown = [*decisions.items(), ("for predicting nothing", nothing)]
    macro = [f"{fbeta(each)[each.total > 0].mean():.4f} {name}" for name, each in shown]
    hamming = [f"{(each.tp + each.tn).sum() / each.total.sum():.4f} {name}" for name, each in shown]
    notes = [f"Macro F1: {', '.join(macro)}.", f"Hamming accuracy: {', '.join(hamming)}."]
    for name, counts in decisions.items():
        known = counts.total > 0
        never = int(np.count_nonzero(counts.predicted[known] == 0))
        if never == np.count_nonzero(known):
            notes.append(
                f"Nothing is predicted {name}: its accuracy is that of predicting nothing."
            )
        elif never:
            notes.append(f"{never} of {np.count_nonzero(known)} are never predicted {name}.")
    return notes
