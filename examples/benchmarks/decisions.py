"""What tuning the decision gains: by our net, by its peers, and how fast it is.

On the publishers' splits of six multi-label sets each classifier decides at 0.5, and by cut-offs
tuned out of fold on the training rows with `TunedDecisionClassifierCV`. The second part times the
tuning. ``--write`` writes a page for the docs; ``--smoke`` runs small made-up data.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from speed import PAGE, machine

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import (
    ExpectedF1,
    TunedDecisionClassifierCV,
    optimal_thresholds,
)
from sklearn_softloss.model_selection import as_proba_matrix

SETS = ("emotions", "yeast", "scene", "medical", "bibtex", "delicious")
OURS = "MultiLabelSigmoidClassifier"


# --- real data ---------------------------------------------------------------------------------


def read(path: Path) -> tuple[Any, Any, Any, Any]:
    """Training rows, their labels, test rows, their labels."""
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files if not name.endswith("_names")}

    def matrix(name: str) -> Any:
        if name in stored:
            return stored[name]
        indices, indptr = (
            stored[f"{name}_{part}"].astype(np.int32) for part in ("indices", "indptr")
        )
        data = stored.get(f"{name}_data", np.ones(len(indices)))
        return sp.csr_matrix((data, indices, indptr), shape=stored[f"{name}_shape"])

    X, Y = matrix("X"), matrix("Y")
    Y = np.asarray(Y.toarray() if sp.issparse(Y) else Y).astype(np.int64)
    train, test = stored["train_idx"], stored["test_idx"]
    return X[train], Y[train], X[test], Y[test]


def classifiers(sparse: bool, n_labels: int) -> dict[str, Any]:
    """Ours and its peers, each behind a scaler that fits the features."""
    scaler = MaxAbsScaler() if sparse else StandardScaler()
    # Full trees with hundreds of outputs a leaf do not fit into memory.
    leaf = 10 if n_labels > 200 else 1
    ours = MultiLabelSigmoidClassifier(
        (256,), solver="adam", beta_2=0.999, dropout=0.5, max_iter=40, batch_size=32,
        learning_rate="one_cycle", learning_rate_init=0.002, dtype="float32", random_state=0,
    )  # fmt: skip
    peers = {
        OURS: ours,
        "MLPClassifier": MLPClassifier(random_state=0),
        "logistic regression": OneVsRestClassifier(LogisticRegression(max_iter=300)),
    }
    found = {name: make_pipeline(clone(scaler), clf) for name, clf in peers.items()}
    found["random forest"] = RandomForestClassifier(min_samples_leaf=leaf, n_jobs=2, random_state=0)
    return found


def scores(truth: Any, answer: Any) -> dict[str, float]:
    return {
        average: float(f1_score(truth, answer, average=average, zero_division=0.0))
        for average in ("macro", "micro", "samples")
    }


def compare(X: Any, Y: Any, X_test: Any, Y_test: Any) -> dict[str, dict[str, float]]:
    """F1 of each classifier at 0.5, tuned for the macro F1, and of ours under other rules."""
    found = {}
    for name, clf in classifiers(sp.issparse(X), Y.shape[1]).items():
        start = time.perf_counter()
        tuned = TunedDecisionClassifierCV(clf, random_state=0).fit(X, Y)
        fitted = tuned.estimator_
        proba = as_proba_matrix(fitted.predict_proba(X_test), fitted.classes_)
        found[f"{name}, at 0.5"] = scores(Y_test, proba >= 0.5)
        found[f"{name}, tuned"] = scores(Y_test, tuned.rule_.decide(proba))
        if name == OURS:
            answer = ExpectedF1().fit(Y_test, proba).decide(proba)
            found[f"{name}, expected F1"] = scores(Y_test, answer)
        print(f"  {name}: {time.perf_counter() - start:.0f} s", flush=True)
    return found


def page_of(results: dict[str, dict[str, dict[str, float]]], average: str) -> str:
    sets = list(results)
    lines = [f"| {average} F1 | {' | '.join(sets)} |", "|---" * (len(sets) + 1) + "|"]
    for name in next(iter(results.values())):
        cells = " | ".join(f"{results[data][name][average]:.3f}" for data in sets)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


# --- speed -------------------------------------------------------------------------------------


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median of several runs, after one that does not count."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def speed(n: int, n_labels: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    proba = rng.random((n, n_labels))
    truth = (rng.random((n, n_labels)) < 0.03).astype(np.int8)
    sorts = seconds(lambda: [np.argsort(column) for column in proba.T], repeats)
    ours = seconds(lambda: optimal_thresholds(truth, proba), repeats)

    # Its tuner asks a fitted classifier, so this one answers with the column it is given.
    column, y = proba[:, :1], truth[:, 0]
    stub = _ColumnAsProba().fit(column, y)
    theirs = seconds(
        lambda: TunedThresholdClassifierCV(
            stub, scoring="f1", cv="prefit", refit=False, thresholds=100
        ).fit(column, y),
        repeats,
    )
    rows, labels = n // 2, min(159, n_labels)
    marginals = proba[:rows, :labels] ** 4
    rule = ExpectedF1().fit(truth[:1, :labels], marginals[:1])
    expected = seconds(lambda: rule.decide(marginals), repeats)
    return "\n".join(
        [
            "| what | seconds | compared |",
            "|---|---|---|",
            f"| per-label F1 cut-offs, {n} x {n_labels} | {ours:.3f} | {ours / sorts:.2f} of one "
            f"`np.argsort` of each column ({sorts:.3f}) |",
            f"| the same, one label | {ours / n_labels:.6f} | {theirs / (ours / n_labels):.0f} "
            f"times faster than `TunedThresholdClassifierCV` with 100 candidates ({theirs:.3f}) |",
            f"| `ExpectedF1`, {rows} x {labels} | {expected:.3f} | |",
        ]
    )


class _ColumnAsProba(DummyClassifier):
    def predict_proba(self, X: Any) -> Any:
        return np.column_stack([1 - X[:, 0], X[:, 0]])


# --- report ------------------------------------------------------------------------------------

STORE = PAGE / "decisions.json"


def write_page(stored: dict[str, Any]) -> None:
    STORE.write_text(json.dumps(stored, indent=1) + "\n")
    results = {name: stored["sets"][name] for name in SETS if name in stored["sets"]}
    tables = "\n\n".join(page_of(results, average) for average in ("macro", "micro", "samples"))
    (PAGE / "decisions.md").write_text(
        "# Decisions\n\nWritten by `examples/benchmarks/decisions.py --write`. F1 on the test "
        "rows of the publishers' splits; one net configuration for all sets; cut-offs tuned for "
        "the macro F1 on out-of-fold probabilities of the training rows, for ours and for its "
        "peers alike. On delicious the forest's leaves hold at least ten rows.\n\n"
        f"{machine()}\n\n{tables}\n\n## Speed\n\n{stored.get('speed', '')}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", default=os.environ.get("SOFTLOSS_DATA"), help="folder of the sets"
    )
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="none: the timing alone")
    parser.add_argument("--no-speed", action="store_true", help="the sets alone")
    parser.add_argument("--smoke", action="store_true", help="small made-up data, writes nothing")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks/decisions.md, part by part"
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    if options.smoke:
        X, Y = make_multilabel_classification(300, 20, n_classes=5, random_state=0)
        print(page_of({"made up": compare(X[:200], Y[:200], X[200:], Y[200:])}, "macro"))
        print(speed(500, 20, 1))
        return
    stored = json.loads(STORE.read_text()) if STORE.exists() else {"sets": {}}
    if not options.no_speed:
        stored["speed"] = speed(20000, 1000, 5)
        print(stored["speed"], flush=True)
    if options.sets and options.data is None:
        print("No data: pass --data or set SOFTLOSS_DATA.")
        options.sets = []
    for name in options.sets:
        print(name, flush=True)
        found = compare(*read(Path(options.data) / "multilabel" / f"{name}.npz"))
        stored["sets"][name] = found
        for average in ("macro", "samples"):
            print(page_of({name: found}, average), flush=True)
        if options.write:
            write_page(stored)
    if options.write:
        write_page(stored)


if __name__ == "__main__":
    main()
