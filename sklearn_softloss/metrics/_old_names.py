"""Metrics by their names of version 0.1, until 0.4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._decomposition import calibration_decomposition
from ._distribution import soft_accuracy
from ._label_distribution import label_distribution_distance
from .blocks import OptionalArray


def _of_classes(name: str, value: Callable[..., float]) -> Callable[..., float]:
    def metric(
        y_true: Any,
        y_proba: Any,
        *,
        labels: OptionalArray = None,
        sample_weight: OptionalArray = None,
    ) -> float:
        return value(y_true, y_proba, labels=labels, sample_weight=sample_weight)

    metric.__name__ = name
    return metric


def _distance(name: str, measure: str) -> tuple[str, Callable[..., float]]:
    written = f"label_distribution_distance(measure={measure!r})"
    return written, _of_classes(
        name,
        lambda *rows, **options: label_distribution_distance(*rows, measure=measure, **options),
    )


def _similarity(name: str, measure: str) -> tuple[str, Callable[..., float]]:
    written, distance = _distance(name, measure)
    return f"1 - {written}", _of_classes(
        name, lambda *rows, **options: 1 - distance(*rows, **options)
    )


METRICS = {
    **{name: _distance(name, name) for name in ("jensen_shannon", "kl_divergence")},
    **{
        f"{measure}_distance": _distance(f"{measure}_distance", measure)
        for measure in ("canberra", "chebyshev", "clark")
    },
    "total_variation": _distance("total_variation", "total_variation"),
    "cosine_similarity": _similarity("cosine_similarity", "cosine"),
    "intersection_similarity": _similarity("intersection_similarity", "total_variation"),
    "top_label_error_probability": (
        "1 - soft_accuracy(...)",
        _of_classes(
            "top_label_error_probability",
            lambda *rows, **options: 1 - soft_accuracy(*rows, **options),
        ),
    ),
}
"""What is written now, and what it is."""


def part_of_decomposition(part: str) -> Callable[..., float]:
    """`calibration_decomposition`'s "calibration" or "refinement" alone."""

    def metric(y_true: Any, y_proba: Any, *, labels: Any = None, **options: Any) -> float:
        found = calibration_decomposition(y_true, y_proba, labels=labels, **options)
        return float(getattr(found, part))

    metric.__name__ = part
    return metric
