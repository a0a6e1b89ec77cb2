"""What a cut-off is judged by: measures of a confusion table, weighted counts in, scores out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
    ratio,
    recall,
)

ADDITIVE = ("accuracy", "expected_cost")
NEEDS_FLOOR = ("precision_at_recall", "recall_at_precision")
MEASURES: dict[str, Callable[..., Array]] = {
    "f1": fbeta,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "jaccard": jaccard,
    "g_mean": g_mean,
    "matthews": matthews,
}
OBJECTIVES = (*MEASURES, *NEEDS_FLOOR, "expected_cost")


@dataclass
class Objective:
    """A measure to be maximised, or a cost to be minimised; as in `optimal_thresholds`."""

    objective: Any = "f1"
    beta: float = 1.0
    costs: Any = None
    floor: float | None = None
    table: Array | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        _check_objective(self.objective)
        if callable(self.objective):
            self._of_counts(np.ones(2), Counts(np.ones(2), np.full(2, 2.0), 2.0, 4.0))
        check_number("beta", self.beta, 0.0, open_end=True)
        if self.objective == "expected_cost":
            if self.costs is None:
                raise ValueError(
                    "objective='expected_cost' needs costs=(false positive, false negative), as in "
                    "Thresholds('expected_cost', costs=(1, 5)); of exclusive classes take "
                    "CostMatrix."
                )
            self.table = cost_tables(self.costs)
        if self.objective in NEEDS_FLOOR:
            check_number(f"floor, with objective={self.objective!r},", self.floor, 0.0, 1.0)

    @property
    def minimised(self) -> bool:
        return self.objective == "expected_cost"

    @property
    def decides_alone(self) -> bool:
        """Whether it prefers some cuts to others in a label without positives."""
        return self.objective in ADDITIVE

    @property
    def decided_at_positives(self) -> bool:
        """Whether more negatives above a cut never help, so that only positives are candidates."""
        return not callable(self.objective) and (
            self.table is None or bool((self.table[:, 0, 1] >= self.table[:, 0, 0]).all())
        )

    def check_labels(self, n_labels: int) -> None:
        if self.table is not None and len(self.table) not in (1, n_labels):
            raise ValueError(
                f"costs must be for one or for {n_labels} labels; they are for {len(self.table)}."
            )

    def value(self, counts: Counts, label: Any = slice(None)) -> Array:
        """The measure itself, a cost included, for counts of one label or of all of them."""
        if callable(self.objective):
            return self._of_counts(np.asarray(counts.tp, dtype=np.float64), counts)
        if self.objective == "expected_cost":
            assert self.table is not None
            (c_tn, c_fp), (c_fn, c_tp) = np.moveaxis(
                self.table[0 if len(self.table) == 1 else label], (-2, -1), (0, 1)
            )
            cost = c_tn * counts.tn + c_fp * counts.fp + c_fn * counts.fn + c_tp * counts.tp
            return ratio(cost, counts.total)
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

    def gain(self, counts: Counts, label: Any = slice(None)) -> Array:
        """What is maximised."""
        value = self.value(counts, label)
        return -value if self.minimised else value


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


def cost_tables(costs: Any) -> Array:
    """Checked tables of costs, (n_labels, 2, 2) or for all labels (1, 2, 2)."""
    given = np.asarray(costs, dtype=np.float64)
    if given.ndim in (1, 2) and given.shape[-1] == 2:
        tables = np.zeros((*np.atleast_2d(given).shape[:1], 2, 2))
        tables[:, 0, 1], tables[:, 1, 0] = np.atleast_2d(given).T
    elif given.ndim == 3 and given.shape[1:] == (2, 2):
        tables = given
    else:
        raise ValueError(
            "costs must be (false positive, false negative), one such row a label, or one table "
            f"(2, 2) a label; the shape is {given.shape}."
        )
    if not np.isfinite(tables).all():
        raise ValueError("costs must be finite.")
    prices = np.stack(error_prices(tables))
    wrong = (prices < 0).any(axis=0) | (prices.sum(axis=0) == 0)
    if wrong.any():
        label = int(np.argmax(wrong))
        raise ValueError(
            "An error must cost at least what the right answer costs, and one of the two errors "
            f"more; the table of label {label} is {tables[label].tolist()}."
        )
    return tables


def error_prices(tables: Array) -> tuple[Array, Array]:
    """What an error costs more than the right answer, of negatives and of positives."""
    return tables[:, 0, 1] - tables[:, 0, 0], tables[:, 1, 0] - tables[:, 1, 1]
