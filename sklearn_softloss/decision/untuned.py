"""The decision without a tuned rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._probability import DEFAULT_THRESHOLD
from .._targets.encoding import Array
from ._base import DecisionRule
from ._objectives import Objective
from ._thresholds import decision_value


class Untuned(DecisionRule):
    """Labels from 0.5 on, or the most probable class: in force where tuning gains nothing."""

    def __init__(self, decides: str, objective: Any, average: str) -> None:
        self.decides = decides
        self.objective = objective
        self.average = average

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        n_columns = truth.shape[1]
        cut = DEFAULT_THRESHOLD if self.decides == "labels" else 1 / n_columns
        self.thresholds_ = np.full(n_columns, cut)
        goal = Objective(self.objective)
        answers = indicators(self._decide(proba), self.decides, n_columns)
        self.value_ = float(decision_value(goal, self.average, truth, answers, weight))

    def _decide(self, proba: Any) -> Any:
        return proba >= DEFAULT_THRESHOLD if self.decides == "labels" else proba.argmax(axis=1)


def indicators(decided: Array, decides: str, n_columns: int) -> Array:
    """Answers as 0 and 1, one column a label or class."""
    return decided if decides == "labels" else decided[:, None] == np.arange(n_columns)
