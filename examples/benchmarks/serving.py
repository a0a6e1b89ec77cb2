"""What an ONNX model answers beside its estimator, and how long one row takes.

Ten sets of the real data, dense and sparse, hard, soft, label sets and numbers, each behind what a
user would put before it: the largest difference of probabilities in float32 and in float64, and the
rows with another label. Then the latency of one row. ``--write`` writes a page for the docs;
``--smoke`` runs small made-up data.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime
import torch
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from harness import data_folder, machine, parser, table, take_turns, write_page
from harness.data import label_distributions, multilabel, read, votes
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import Thresholds, TunedDecisionClassifierCV
from sklearn_softloss.export import check, to_onnx

FIXED = {"alpha": 1.0, "dropout": 0.5, "max_iter": 8, "random_state": 0}
"""The choice of the decay is left out and the training short: the model is what is measured."""

MOST_ROWS = 10_000
CALLS = 2000


def real_sets(folder: Path) -> Iterator[tuple[str, Any, Any, Any]]:
    """Name, model, X and y."""
    net = SoftTargetMLPClassifier((448,), **FIXED)
    labels = MultiLabelSigmoidClassifier((448,), **FIXED)
    tuned = TunedDecisionClassifierCV(labels, Thresholds(min_labels=1), cv=2, random_state=0)
    for name in ("emotions", "yeast", "scene", "medical"):
        split = multilabel(folder, name)
        yield f"{name}, tuned cut-offs", tuned, split.X, split.Y
    for name in ("SJAFFE", "SBU_3DFE"):
        X, Y = label_distributions(folder, name)
        yield f"{name}, calibrated", SoftCalibratedClassifierCV(net, cv=2), X, Y
    split = votes(folder, "lewidi_hs_brexit")
    yield "hs_brexit, votes", net, split.X, split.Y
    for name in ("vowel", "car"):
        stored = read(folder, "hard", name)
        yield (
            f"{name}, in a pipeline",
            make_pipeline(StandardScaler(), net),
            stored["X"],
            stored["y"],
        )
    stored = read(folder, "regression", "wq")
    quantiles = SoftLossMLPRegressor((448,), loss="quantile", quantile=(0.1, 0.5, 0.9), **FIXED)
    yield "wq, quantiles", quantiles, stored["X"], stored["Y"]


def made_up() -> Iterator[tuple[str, Any, Any, Any]]:
    X, Y = make_multilabel_classification(80, n_classes=4, random_state=0)
    model = MultiLabelSigmoidClassifier((8,), **FIXED)
    yield "made up", TunedDecisionClassifierCV(model, cv=2, random_state=0), X, Y


def differences(sets: Iterator[tuple[str, Any, Any, Any]]) -> list[list[Any]]:
    rows = []
    for name, model, X, y in sets:
        cells: list[Any] = [name, f"{min(X.shape[0], MOST_ROWS):,} x {X.shape[1]:,}"]
        for dtype in (np.float32, np.float64):
            given = X[:MOST_ROWS].astype(dtype)
            fitted = model.fit(given, y[:MOST_ROWS])
            found = check(to_onnx(fitted, given), fitted, given)
            cells += [f"{max(found.differences.values()):.1e}", found.n_other_labels]
        rows.append(cells)
        print("  ", *cells, flush=True)
    return rows


def latency(n_calls: int) -> list[list[Any]]:
    """Rows of the table of times."""
    X, y = load_digits(return_X_y=True)
    rows = []
    for dtype in (np.float32, np.float64):
        for title, n_rows in (("one row", 1), ("20,000 rows", 20_000)):
            repeats = n_calls if n_rows == 1 else max(3, n_calls // 100)
            micro = microseconds(X.astype(dtype), y, n_rows, repeats)
            ratios = (
                micro["onnxruntime"] / micro["predict_proba"],
                micro["predict_proba"] / micro["MLPClassifier"],
            )
            cells = [f"{value:,.0f}" for value in micro.values()]
            rows.append([f"{title}, {np.dtype(dtype)}", *cells, *(f"{r:.2f}" for r in ratios)])
            print("  ", *rows[-1], flush=True)
    return rows


def microseconds(X: Any, y: Any, n_rows: int, repeats: int) -> dict[str, float]:
    """Of ours loaded by joblib, of the same in onnxruntime, of MLPClassifier."""
    ours = SoftTargetMLPClassifier((100,), **FIXED).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(ours, f"{folder}/ours.joblib")
        loaded = joblib.load(f"{folder}/ours.joblib")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(ours, X).SerializeToString(), options)
    theirs = MLPClassifier((100,), max_iter=8, random_state=0).fit(X, y)
    part = np.resize(X, (n_rows, X.shape[1]))
    calls = {
        "predict_proba": lambda: loaded.predict_proba(part),
        "onnxruntime": lambda: session.run(["probabilities"], {"X": part}),
        "MLPClassifier": lambda: theirs.predict_proba(part),
    }
    return {name: 1e6 * value for name, value in take_turns(calls, repeats).items()}


def main() -> None:
    options = parser(__doc__).parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.smoke:
        differences(made_up())
        latency(3)
        return
    with threadpool_limits(1):
        times = latency(CALLS)
    if (folder := data_folder(options)) is None:
        return
    rows = differences(real_sets(folder))
    if options.write:
        heads = ["set", "rows", "float32: difference", "other labels"]
        write_page(
            "serving",
            "# Serving",
            "Microseconds for the digits, a hidden layer of 100 units, one thread; medians of "
            f"{CALLS:,} calls in turns. Written by `examples/benchmarks/serving.py --write` "
            f"({machine()}, onnxruntime {onnxruntime.__version__}).",
            table(
                ["task", "predict_proba, joblib", "onnxruntime", "MLPClassifier",
                 "onnxruntime / predict_proba", "predict_proba / MLPClassifier"],
                times,
            ),
            "## The same answers",
            "Largest absolute difference of the probabilities, or of the quantiles in the units of "
            "y, and rows with another label or set of labels.",
            table([*heads, "float64: difference", "other labels"], rows),
        )  # fmt: skip


if __name__ == "__main__":
    main()
