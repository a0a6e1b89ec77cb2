"""What a metric takes beside y_true, as it declares: a scorer then knows what to ask for."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, Literal, TypeVar

Takes = Literal[
    "classes", "labels", "decisions", "quantiles", "interval", "scores", "answers", "ratings"
]
Metric = TypeVar("Metric", bound=Callable[..., Any])


def takes(what: Takes) -> Callable[[Metric], Metric]:
    """Declare that a metric takes probabilities of classes or labels, decisions, quantiles, or
    the answers of annotators."""

    def declare(metric: Metric) -> Metric:
        metric.__dict__["takes"] = what
        return metric

    return declare


def what_it_takes(metric: Callable[..., Any]) -> str:
    """What it declares; of a metric from outside the names of its parameters tell.

    scikit-learn's log losses had a `y_pred` that is probabilities, and keep the name for a while.
    """
    names = list(signature(metric).parameters)
    decides = "y_pred" in names[:2] and "log_loss" not in getattr(metric, "__name__", "")
    from_names = "decisions" if decides else "classes" if "labels" in names else "labels"
    return getattr(metric, "takes", from_names)
