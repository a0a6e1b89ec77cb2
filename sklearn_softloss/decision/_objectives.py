"""What a cut-off is judged by: measures of a confusion table, weighted counts in, scores out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from .._checks import check_number, nearest_name
from .._targets.encoding import Array
from ..metrics.confusion import (
    Counts,
    accuracy,
    balanced_accuracy,
    fbeta,
    g_mean,
    jaccard,
    matthews,
    precision,
    recall,
)

NEEDS_FLOOR = ("precision_at_recall", "recall_at_precision")
MEASURES: dict[str, Callable[..., Array]] = {
    "f1": fbeta,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "jaccard": jaccard,
    "g_mean": g_mean,
    "matthews": matthews,
}
OBJECTIVES = (*MEASURES, *NEEDS_FLOOR)


@dataclass
class Objective:
    """A measure to be maximised; its parameters are those of `optimal_thresholds`."""

    objective: Any = "f1"
    beta: float = 1.0
    floor: float | None = None

    def __post_init__(self) -> None:
        _check_objective(self.objective)
        if callable(self.objective):
            self._of_counts(np.ones(2), Counts(np.ones(2), np.full(2, 2.0), 2.0, 4.0))
        check_number("beta", self.beta, 0.0, open_end=True)
        if self.objective in NEEDS_FLOOR:
            check_number(f"floor, with objective={self.objective!r},", self.floor, 0.0, 1.0)

    @property
    def is_accuracy(self) -> bool:
        """Whether it prefers some cuts to others in a label without positives."""
        return isinstance(self.objective, str) and self.objective == "accuracy"

    @property
    def decided_at_positives(self) -> bool:
        """Whether more negatives above a cut never help, so that only positives are candidates."""
        return not callable(self.objective)

    def value(self, counts: Counts) -> Array:
        if callable(self.objective):
            return self._of_counts(np.asarray(counts.tp, dtype=np.float64), counts)
        if self.objective in NEEDS_FLOOR:
            return self._above_floor(counts)
        if self.objective == "f1":
            return fbeta(counts, self.beta)
        return MEASURES[self.objective](counts)

    def _of_counts(self, tp: Array, counts: Counts) -> Array:
        """What a callable says; nothing divided by nothing is 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.asarray(self.objective(tp, counts.fp, counts.fn, counts.tn), np.float64)
        if found.shape != tp.shape:
            raise ValueError(
                "objective must answer with one value for each of the counts that it gets, shape "
                f"{tp.shape}; {self.objective!r} answers with shape {found.shape}."
            )
        return np.where(np.isnan(found), 0.0, found)

    def _above_floor(self, counts: Counts) -> Array:
        """The one measure where the other reaches the floor, elsewhere less than any of those.

        Among cuts that miss the floor the nearer one is the better. Who predicts nothing makes no
        false positive: precision 1.
        """
        precise = np.where(np.asarray(counts.predicted) > 0, precision(counts), 1.0)
        reached = recall(counts)
        if self.objective == "recall_at_precision":
            wanted, limited = reached, precise
        else:
            wanted, limited = np.where(np.asarray(counts.predicted) > 0, precise, 0.0), reached
        return np.where(limited >= self.floor, wanted, limited - 2.0)


def _check_objective(objective: Any) -> None:
    """Refuse what is neither a name nor a function of counts, and say what to pass instead."""
    advice = nearest_name(objective, OBJECTIVES)
    if hasattr(objective, "decide"):
        advice = " A decision rule goes into `rule` of TunedDecisionClassifierCV."
    elif callable(objective):
        if _takes_counts(objective):
            return
        advice = (
            " A metric of (y_true, y_pred) or a scorer cannot be asked at every cut-off at once: "
            "write it in counts, such as lambda tp, fp, fn, tn: tp / (tp + fp)."
        )
    elif isinstance(objective, str) and objective in OBJECTIVES:
        return
    raise ValueError(
        f"objective must be one of {', '.join(map(repr, OBJECTIVES))}, or a callable (tp, fp, fn, "
        f"tn) -> array; got {objective!r}.{advice}"
    )


def _takes_counts(function: Callable[..., Any]) -> bool:
    try:
        taken = signature(function).bind(*range(4)).arguments
    except TypeError:
        return False
    except ValueError:  # written in C, and silent about its parameters
        return True
    return not {"y_true", "y", "estimator"} & set(taken)
