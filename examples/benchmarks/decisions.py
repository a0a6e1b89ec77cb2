"""What tuning the decision gains: by our net, by its peers, and how fast it is.

On the publishers' splits of six multi-label sets each classifier decides at 0.5, and by cut-offs
tuned out of fold on the training rows with `TunedDecisionClassifierCV`. The second part times the
tuning. ``--write`` writes a page for the docs; ``--smoke`` runs small made-up data.
"""

from __future__ import annotations

import warnings
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

from harness import (
    data_folder,
    machine,
    median_seconds,
    parser,
    store,
    stored,
    table,
    timed,
    write_page,
)
from harness.data import multilabel
from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import (
    ExpectedF1,
    TunedDecisionClassifierCV,
    optimal_thresholds,
)
from sklearn_softloss.model_selection import as_proba_matrix

SETS = ("emotions", "yeast", "scene", "medical", "bibtex", "delicious")
OURS = "MultiLabelSigmoidClassifier"


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
        tuner = TunedDecisionClassifierCV(clf, random_state=0)
        seconds, tuned = timed(lambda tuner=tuner: tuner.fit(X, Y))
        fitted = tuned.estimator_
        proba = as_proba_matrix(fitted.predict_proba(X_test), fitted.classes_)
        found[f"{name}, at 0.5"] = scores(Y_test, proba >= 0.5)
        found[f"{name}, tuned"] = scores(Y_test, tuned.rule_.decide(proba))
        if name == OURS:
            answer = ExpectedF1().fit(Y_test, proba).decide(proba)
            found[f"{name}, expected F1"] = scores(Y_test, answer)
        print(f"  {name}: {seconds:.0f} s", flush=True)
    return found


def table_of_f1(sets: dict[str, dict[str, dict[str, float]]], average: str) -> str:
    names = next(iter(sets.values()))
    rows = ([name, *(found[name][average] for found in sets.values())] for name in names)
    return table([f"{average} F1", *sets], rows, digits=3)


# --- speed -------------------------------------------------------------------------------------


def speed(n: int, n_labels: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    proba = rng.random((n, n_labels))
    truth = (rng.random((n, n_labels)) < 0.03).astype(np.int8)
    sorts = median_seconds(lambda: [np.argsort(column) for column in proba.T], repeats)
    ours = median_seconds(lambda: optimal_thresholds(truth, proba), repeats)

    # Its tuner asks a fitted classifier, so this one answers with the column it is given.
    column, y = proba[:, :1], truth[:, 0]
    stub = _ColumnAsProba().fit(column, y)
    theirs = median_seconds(
        lambda: TunedThresholdClassifierCV(
            stub, scoring="f1", cv="prefit", refit=False, thresholds=100
        ).fit(column, y),
        repeats,
    )
    rows, labels = n // 2, min(159, n_labels)
    marginals = proba[:rows, :labels] ** 4
    rule = ExpectedF1().fit(truth[:1, :labels], marginals[:1])
    expected = median_seconds(lambda: rule.decide(marginals), repeats)
    in_sorts = f"{ours / sorts:.2f} of one `np.argsort` of each column ({sorts:.3f})"
    faster = (
        f"{theirs / (ours / n_labels):.0f} times faster than `TunedThresholdClassifierCV` with 100 "
        f"candidates ({theirs:.3f})"
    )
    return table(
        ["what", "seconds", "compared"],
        [
            [f"per-label F1 cut-offs, {n} x {n_labels}", ours, in_sorts],
            ["the same, one label", f"{ours / n_labels:.6f}", faster],
            [f"`ExpectedF1`, {rows} x {labels}", expected, ""],
        ],
        digits=3,
    )


class _ColumnAsProba(DummyClassifier):
    def predict_proba(self, X: Any) -> Any:
        return np.column_stack([1 - X[:, 0], X[:, 0]])


# --- report ------------------------------------------------------------------------------------


def write(results: dict[str, Any]) -> None:
    store("decisions", results, indent=1)
    sets = {name: results["sets"][name] for name in SETS if name in results["sets"]}
    write_page(
        "decisions",
        "# Decisions",
        "Written by `examples/benchmarks/decisions.py --write`. F1 on the test rows of the "
        "publishers' splits; one net configuration for all sets; cut-offs tuned for the macro F1 "
        "on out-of-fold probabilities of the training rows, for ours and for its peers alike. On "
        "delicious the forest's leaves hold at least ten rows.",
        machine(),
        table_of_f1(sets, "macro"),
        "## Micro F1",
        table_of_f1(sets, "micro"),
        "## Samples F1",
        table_of_f1(sets, "samples"),
        "## Speed",
        results.get("speed", ""),
    )


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--sets", nargs="*", default=list(SETS), help="none: the timing alone")
    reader.add_argument("--no-speed", action="store_true", help="the sets alone")
    options = reader.parse_args()
    warnings.filterwarnings("ignore")
    if options.smoke:
        X, Y = make_multilabel_classification(300, 20, n_classes=5, random_state=0)
        print(table_of_f1({"made up": compare(X[:200], Y[:200], X[200:], Y[200:])}, "macro"))
        print(speed(500, 20, 1))
        return
    results = stored("decisions") or {"sets": {}}
    if not options.no_speed:
        results["speed"] = speed(20000, 1000, 5)
        print(results["speed"], flush=True)
        if options.write:
            write(results)
    folder = data_folder(options) if options.sets else None
    for name in options.sets if folder else ():
        print(name, flush=True)
        results["sets"][name] = found = compare(*multilabel(folder, name))
        for average in ("macro", "samples"):
            print(table_of_f1({name: found}, average), flush=True)
        if options.write:
            write(results)


if __name__ == "__main__":
    main()
