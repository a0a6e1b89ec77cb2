"""Few labels and many rows without: where scikit-learn's methods collapse, and what ours cost.

Four parts, each of which ``--part`` runs alone:

- collapse: 12,000 made-up rows of 1,024 features in 7 classes, 2,000 of them labelled
- large: the same with 102,000 rows, in a process of its own whose peak memory is counted
- digits: 50, 100 and 200 labelled digits out of 898
- votes: offensive-language votes of annotators (TF-IDF), from the folder given by ``--data``

``--write`` keeps the results in docs/benchmarks and writes the page from all that are there;
``--smoke`` runs everything in a small size and writes nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

import harness.data
from harness import (
    data_folder,
    machine,
    parser,
    store,
    stored,
    table,
    timed,
    write_page,
)
from harness.memory import process_megabytes
from harness.semi_supervised import SUPERVISED, compare_semi_supervised
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.metrics import soft_log_loss
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

N_CLASSES, N_FEATURES, N_LABELLED, N_TEST = 7, 1024, 2000, 5000
N_FACTORS, CLUSTERS_PER_CLASS = 16, 4
GRAPH, SOFT = "GraphLabelSpreading", "SoftPseudoLabelClassifier"
SELF_TRAINING = f"{SOFT}, self-training"
OURS = (GRAPH, SOFT, SELF_TRAINING)


def make_rows(n_rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows like the embeddings of a net: curved, noisy, and with classes that overlap.

    Each class is four clusters, Gaussian with a shape of their own, in 16 hidden factors. A random
    layer with tanh takes them to 1,024 features, and noise of twice their range is added.
    """
    rng = np.random.default_rng(seed)
    n_clusters = N_CLASSES * CLUSTERS_PER_CLASS
    centres = rng.normal(size=(n_clusters, N_FACTORS))
    shapes = rng.normal(scale=0.9 / np.sqrt(N_FACTORS), size=(n_clusters, N_FACTORS, N_FACTORS))
    layer = rng.normal(scale=1.5 / np.sqrt(N_FACTORS), size=(N_FACTORS, N_FEATURES))
    share = rng.dirichlet(np.full(N_CLASSES, 20.0))
    y = rng.choice(N_CLASSES, size=n_rows, p=share)
    cluster = y * CLUSTERS_PER_CLASS + rng.integers(CLUSTERS_PER_CLASS, size=n_rows)
    X = np.empty((n_rows, N_FEATURES), dtype=np.float32)
    for start in range(0, n_rows, 4096):  # so that no float64 copy of X is made
        rows = slice(start, start + 4096)
        draws = rng.normal(size=(len(y[rows]), N_FACTORS))
        factors = centres[cluster[rows]] + np.einsum("nij,nj->ni", shapes[cluster[rows]], draws)
        noise = rng.standard_normal((len(draws), N_FEATURES), dtype=np.float32)
        X[rows] = np.tanh(factors @ layer) + 2 * noise
    return X, y


# --- the parts -----------------------------------------------------------------------------------


def net(max_iter: int) -> SoftTargetMLPClassifier:
    return SoftTargetMLPClassifier(
        (100,), solver="adam", beta_2=0.999, dropout=0.3, learning_rate="one_cycle",
        learning_rate_init=0.003, max_iter=max_iter, batch_size=256, random_state=0,
    )  # fmt: skip


def supervised_net() -> SoftTargetMLPClassifier:
    """Few rows get more epochs: ten would be fewer than a hundred steps."""
    return net(50)


def collapse(smoke: bool) -> Any:
    n_rows, n_labelled = (200, 100) if smoke else (12_000, N_LABELLED)
    X, y = make_rows(n_rows + min(N_TEST, n_rows))
    median_gamma = 1 / np.median(pdist(X[:1000], "sqeuclidean"))
    methods = {SUPERVISED: supervised_net()}
    for method in (LabelPropagation, LabelSpreading):
        methods[f"{method.__name__} rbf"] = method()
        methods[f"{method.__name__} rbf, median gamma"] = method(gamma=median_gamma)
        methods[f"{method.__name__} knn"] = method("knn")
    methods |= {GRAPH: GraphLabelSpreading(), SOFT: SoftPseudoLabelClassifier(net(10))}
    found = compare_semi_supervised(
        X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:], n_labelled=[n_labelled], n_draws=1,
        methods=methods, random_state=0,
    )  # fmt: skip
    return found.runs


class TimedGraph(GraphLabelSpreading):
    """Remembers how long its last fit took."""

    def fit(self, X: Any, y: Any) -> TimedGraph:
        self.seconds_, _ = timed(lambda: GraphLabelSpreading.fit(self, X, y))
        return self


def large_in_this_process(n_rows: int, n_labelled: int) -> dict[str, Any]:
    """Fits on all rows; the peak is that of the whole process, X and the test rows included."""
    X, truth = make_rows(n_rows + min(N_TEST, n_rows))
    X, X_test, truth, y_test = X[:n_rows], X[n_rows:], truth[:n_rows], truth[n_rows:]
    hidden = np.arange(n_rows) >= n_labelled

    supervised, soft = supervised_net(), SoftPseudoLabelClassifier(net(10), TimedGraph())
    seconds, _ = timed(lambda: supervised.fit(X[~hidden], truth[~hidden]))
    soft_seconds, _ = timed(lambda: soft.fit(X, np.where(hidden, -1, truth)))
    graph = soft.labeler_
    rows = []
    for name, classifier, fit_seconds in (
        (SUPERVISED, supervised, seconds),
        (GRAPH, graph, graph.seconds_),
        (SOFT, soft, soft_seconds),
    ):
        proba = classifier.predict_proba(X_test)
        answer = proba.argmax(axis=1)
        rows.append(
            {
                "method": name,
                "accuracy": float((answer == y_test).mean()),
                "soft_log_loss": soft_log_loss(y_test, proba),
                "classes predicted": len(np.unique(answer)),
                "NaN": int(np.isnan(proba).sum()),
                "fit_seconds": fit_seconds,
            }
        )
    return {
        "rows": rows,
        "n_rows": n_rows,
        "unreached": len(graph.unreached_),
        "n_iter": graph.n_iter_,
        "transduction": float((graph.transduction_ == truth)[hidden].mean()),
        "temperature": soft.temperature_,
        "peak_megabytes": process_megabytes("VmHWM"),
    }


def large(smoke: bool) -> Any:
    n_rows, n_labelled = (300, 100) if smoke else (102_000, N_LABELLED)
    command = [sys.executable, __file__, "--child", str(n_rows), str(n_labelled)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(found.stdout)


def digits(smoke: bool) -> Any:
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.5, stratify=y, random_state=0)
    numbers, n_draws = ([20], 1) if smoke else ([50, 100, 200], 20)
    found = compare_semi_supervised(
        X, y, X_test, y_test, n_labelled=numbers, n_draws=n_draws, random_state=0
    )
    return found.runs


def votes(smoke: bool, folder: Path) -> Any:
    data = harness.data.votes(folder, "lewidi_md_agreement").in_float32()
    n_rows = 200 if smoke else len(data.Y)
    numbers, n_draws = ([50], 1) if smoke else ([200, 500, 1000, 2000], 5)
    names = ("LabelPropagation knn", "LabelSpreading rbf", "LabelSpreading knn")
    found = compare_semi_supervised(
        normalize(data.X[:n_rows]), data.Y[:n_rows],
        normalize(data.X_test[:n_rows]), data.Y_test[:n_rows],
        n_labelled=numbers, n_draws=n_draws,
        methods=[SUPERVISED, *names, "SelfTrainingClassifier", *OURS], random_state=0,
    )  # fmt: skip
    return found.runs


PARTS: dict[str, Callable[..., Any]] = {
    "collapse": collapse, "large": large, "digits": digits, "votes": votes,
}  # fmt: skip


# --- the page ------------------------------------------------------------------------------------


def markdown(rows: list[dict[str, Any]]) -> str:
    return table(rows[0], (row.values() for row in rows), digits=3)


def by_method(runs: list[dict[str, Any]], score: str) -> dict[int, dict[str, np.ndarray]]:
    """The draws of a score, by number of labelled rows and method."""
    found: dict[int, dict[str, list[float]]] = {}
    for run in runs:
        found.setdefault(run["n_labelled"], {}).setdefault(run["method"], []).append(run[score])
    return {
        number: {name: np.array(values) for name, values in scores.items()}
        for number, scores in found.items()
    }


def mean_and_error(values: np.ndarray, sign: str = "") -> str:
    if len(values) < 2:
        return f"{values.mean():{sign}.3f}"
    return f"{values.mean():{sign}.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def table_of_accuracies(runs: list[dict[str, Any]]) -> str:
    scores = by_method(runs, "accuracy")
    names = dict.fromkeys(run["method"] for run in runs)
    return markdown(
        [
            {"test accuracy": name}
            | {f"{number} labels": mean_and_error(scores[number][name]) for number in scores}
            for name in names
        ]
    )


def table_of_differences(runs: list[dict[str, Any]]) -> str:
    """Ours against supervised only, and against the best of scikit-learn's, draw by draw."""
    rows = []
    for number, scores in by_method(runs, "accuracy").items():
        theirs = {
            name: values for name, values in scores.items() if name not in (SUPERVISED, *OURS)
        }
        best = max(theirs, key=lambda name: theirs[name].mean())
        rows += [
            {
                "labels": number,
                "ours": name,
                "less supervised only": mean_and_error(scores[name] - scores[SUPERVISED], "+"),
                "less the best of scikit-learn": mean_and_error(scores[name] - theirs[best], "+"),
                "which is": best,
            }
            for name in OURS
        ]
    return markdown(rows)


def table_of_runs(runs: list[dict[str, Any]]) -> str:
    hidden = ("draw", "n_labelled")
    return markdown([{k: v for k, v in run.items() if k not in hidden} for run in runs])


def page(results: dict[str, Any]) -> list[str]:
    parts = [
        "# Semi-supervised",
        "Written by `examples/benchmarks/semi_supervised.py --write`.",
    ]
    for name, title in (
        ("digits", "scikit-learn's digits: 898 training rows, 899 test rows, 20 draws of labels"),
        ("votes", "Offensive language (TF-IDF), soft votes of annotators, 5 draws of labels"),
    ):
        if name in results:
            found = results[name]["found"]
            parts += [
                f"## {title}",
                results[name]["machine"],
                table_of_accuracies(found),
                "Differences within a draw:",
                table_of_differences(found),
            ]
    if "collapse" in results:
        parts += [
            "## Where the rbf kernel underflows",
            f"12,000 made-up rows of {N_FEATURES:,} features, {N_CLASSES} classes that overlap, "
            f"{N_LABELLED:,} labelled; {N_TEST:,} test rows.",
            results["collapse"]["machine"],
            table_of_runs(results["collapse"]["found"]),
        ]
    if "large" in results:
        found = results["large"]["found"]
        parts += [
            "## The large case",
            f"The same with {found['n_rows']:,} rows. Peak memory of the whole process, rows "
            f"included: {found['peak_megabytes'] / 1024:.1f} GB. Conjugate gradients took at most "
            f"{found['n_iter']} steps; {found['unreached']} rows were not reached; the graph named "
            f"{found['transduction']:.1%} of the rows without a label rightly. The temperature "
            f"found on hidden labels is {found['temperature']:.2f}. The seconds of "
            "SoftPseudoLabelClassifier include those of the graph.",
            results["large"]["machine"],
            markdown(found["rows"]),
        ]
    return parts


def write(part: str, found: Any) -> None:
    results = {**stored("semi_supervised"), part: {"machine": machine(), "found": found}}
    store("semi_supervised", results)
    write_page("semi_supervised", *page(results))


def show(part: str, found: Any) -> None:
    print(f"\n{part}")
    if part == "large":
        print(markdown(found.pop("rows")), found, sep="\n")
    elif part == "collapse":
        print(table_of_runs(found))
    else:
        print(table_of_accuracies(found), table_of_differences(found), sep="\n\n")


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--part", choices=list(PARTS), action="append", help="by default all")
    reader.add_argument("--child", nargs=2, type=int, metavar=("ROWS", "LABELS"))
    options = reader.parse_args()
    if options.child:
        print(json.dumps(large_in_this_process(*options.child)))
        return
    for part in options.part or PARTS:
        if part != "votes":
            found = PARTS[part](options.smoke)
        elif (folder := data_folder(options)) is not None:
            found = votes(options.smoke, folder)
        else:
            continue
        if options.write:
            write(part, found)
        show(part, found)


if __name__ == "__main__":
    main()
