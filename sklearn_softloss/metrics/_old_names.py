"""Metrics and scorers by their names of version 0.1, until 0.4."""

from __future__ import annotations

from functools import partial
from typing import Any

from ._decomposition import calibration_decomposition
from ._distribution import label_distribution_distance, soft_accuracy
from .calibration_error import expected_calibration_error

Old = tuple[str, partial[Any]]
"""What is written now, and what that is."""


def _one_less(y_true: Any, y_proba: Any, *, of: Any, labels: Any = None, **options: Any) -> float:
    return float(1 - of(y_true, y_proba, labels=labels, **options))


def _part_of_score(
    y_true: Any, y_proba: Any, *, part: str, labels: Any = None, **options: Any
) -> float:
    return float(
        getattr(calibration_decomposition(y_true, y_proba, labels=labels, **options), part)
    )


def _old(name: str, measure: str) -> Old:
    distance = f"label_distribution_distance(measure={measure!r})"
    if name.endswith("similarity"):
        one_less = partial(_one_less, of=label_distribution_distance, measure=measure)
        return f"1 - {distance}", one_less
    return distance, partial(label_distribution_distance, measure=measure)


def _part(part: str, **options: str) -> Old:
    return f"calibration_decomposition(...).{part}", partial(_part_of_score, part=part, **options)


MEASURES = {
    "canberra_distance": "canberra", "chebyshev_distance": "chebyshev", "clark_distance": "clark",
    "cosine_similarity": "cosine", "intersection_similarity": "total_variation",
    "jensen_shannon": "jensen_shannon", "kl_divergence": "kl_divergence",
    "total_variation": "total_variation",
}  # fmt: skip

METRICS = {name: _old(name, measure) for name, measure in MEASURES.items()}
METRICS["top_label_error_probability"] = (
    "1 - soft_accuracy(...)",
    partial(_one_less, of=soft_accuracy),
)

SCORERS = {
    name if name.endswith("similarity") else f"neg_{name}": old for name, old in METRICS.items()
}
for _name in ("calibration", "refinement"):
    SCORERS[f"neg_{_name}_loss"] = _part(_name)
    SCORERS[f"neg_labelwise_{_name}_loss"] = _part(_name, kind="labelwise")
SCORERS["neg_labelwise_calibration_error"] = (
    'expected_calibration_error(kind="labelwise")',
    partial(expected_calibration_error, kind="labelwise"),
)
