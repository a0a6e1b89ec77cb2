"""Seconds and extra memory of every metric on a large matrix of probabilities.

Where scikit-learn has the metric for hard targets, it runs on the same ones. ``--smoke`` takes a
small matrix; ``--write`` writes the page of the docs.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, hamming_loss, log_loss

from harness import line, machine, median_seconds, parser, table, write_page
from sklearn_softloss import metrics

REPEATS = 3
SOFT = (
    "soft_log_loss",
    "soft_brier_score",
    "soft_accuracy",
    "entropy_calibration_error",
    "rank_calibration_score",
)
DISTANCES = (
    "kl_divergence", "jensen_shannon", "chebyshev", "clark", "canberra", "cosine", "total_variation"
)  # fmt: skip
Task = tuple[str, Callable[[], Any], Callable[[], Any] | None]


def draw(n_rows: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Two float32 matrices in [0, 1], without a detour through float64."""
    rng = np.random.default_rng(0)
    truth, proba = (rng.random((n_rows, n_columns), dtype=np.float32) for _ in range(2))
    return truth, proba


def class_tasks(truth: np.ndarray, proba: np.ndarray) -> Iterator[Task]:
    """Name, our call, scikit-learn's call; soft rows, then hard labels."""
    for name in SOFT:
        yield name, partial(getattr(metrics, name), truth, proba), None
    for name in DISTANCES:
        distance = partial(metrics.label_distribution_distance, truth, proba, measure=name)
        yield f"label_distribution_distance, {name}", distance, None
    for kind in ("confidence", "classwise"):
        yield from calibration_tasks(truth, proba, kind)
    hard, labels = truth.argmax(axis=1), np.arange(truth.shape[1])
    yield (
        "soft_log_loss, hard labels",
        lambda: metrics.soft_log_loss(hard, proba, labels=labels),
        lambda: log_loss(hard, proba, labels=labels),
    )


def label_tasks(truth: np.ndarray, proba: np.ndarray) -> Iterator[Task]:
    truth = (truth < 0.02).astype(np.int8)
    decided = (proba >= 0.5).astype(np.int8)
    for name in ("multilabel_log_loss", "multilabel_brier_score", "multilabel_report"):
        yield name, partial(getattr(metrics, name), truth, proba), None
    for name, peer in (
        ("multilabel_hamming_loss", hamming_loss),
        ("multilabel_subset_accuracy", accuracy_score),
        ("multilabel_f1_score", partial(sklearn.metrics.f1_score, average="macro")),
    ):
        ours = partial(getattr(metrics, name), truth, decided)
        yield name, ours, partial(peer, truth, decided)
    yield from calibration_tasks(truth, proba, "labelwise")


def calibration_tasks(truth: np.ndarray, proba: np.ndarray, kind: str) -> Iterator[Task]:
    for strategy in ("uniform", "quantile", "smooth"):
        error = partial(metrics.expected_calibration_error, kind=kind, strategy=strategy)
        yield f"expected_calibration_error, {kind}, {strategy}", partial(error, truth, proba), None
    if kind != "confidence":
        split = partial(metrics.calibration_decomposition, truth, proba, kind=kind)
        yield f"calibration_decomposition, {kind}", split, None


def measure(call: Callable[[], Any] | None) -> list[str]:
    """Seconds, and megabytes at the peak of one more call."""
    if call is None:
        return ["", ""]
    seconds = median_seconds(call, REPEATS)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return [f"{seconds:.2f}", f"{peak / 2**20:.0f}"]


def measured(n_rows: int, n_columns: int) -> Iterator[list[str]]:
    """A row of the table for each metric."""
    for tasks in (label_tasks, class_tasks):
        truth, proba = draw(n_rows, n_columns)
        if tasks is class_tasks:
            for rows in (truth, proba):
                rows /= rows.sum(axis=1, keepdims=True)
        for name, ours, peers in tasks(truth, proba):
            row = [name, *measure(ours), *measure(peers)]
            print(line(row), flush=True)
            yield row


def main() -> None:
    options = parser(__doc__, data=False).parse_args()
    n_rows, n_columns = (2000, 50) if options.smoke else (100_000, 1000)
    heads = ["metric", "s", "MB", "scikit-learn, s", "MB"]
    rows = list(measured(n_rows, n_columns))
    compared, alone = ([row for row in rows if bool(row[3]) == there] for there in (True, False))
    if options.write:
        write_page(
            "metrics",
            "# Metrics",
            "Written by `examples/benchmarks/metrics.py --write`: seconds on one thread, the "
            f"median of {REPEATS} calls, and megabytes that the call adds at its peak beside its "
            f"inputs, {n_rows} x {n_columns} float32 probabilities "
            f"({n_rows * n_columns * 4 / 2**20:.0f} MB) and targets of the same shape (float32 "
            "rows, int8 labels). scikit-learn runs on the same hard targets where it has the "
            "metric.",
            machine(),
            table(heads, compared),
            "## Metrics that scikit-learn has not",
            table(heads[:3], (row[:3] for row in alone)),
        )


if __name__ == "__main__":
    main()
