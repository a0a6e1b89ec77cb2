"""Label distributions by PyLDL's own protocol: ten times ten shuffled folds, its algorithms live.

Run it in an environment of its own that has PyLDL (``examples/benchmarks/peers.txt``); what does
not install or run there is left out by name. All predictions are scored by the measures of this
package. ``--write`` writes a page for the docs; ``--smoke`` runs small made-up data.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import time
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.model_selection import KFold

import label_distributions as unshuffled
from harness import data_folder, machine, parser, table, write_page
from harness.data import label_distributions
from sklearn_softloss import SoftTargetMLPClassifier

SETS = ("SJAFFE",)
"""On sets of 2,500 rows some of the algorithms take a minute a fit: name such sets by --sets."""

N_FOLDS = 10
N_REPEATS = 10
MAX_SECONDS = 120
"""A method ends with the repeat in which it passes this; its number of folds is on the page."""

PUBLISHED = {
    "SA_BFGS": 2016, "LDL_LRR": 2023, "LDL_DPA": 2024, "LDL_HVLC": 2024, "TLRLDL": 2024,
    "TKLRLDL": 2024, "Delta_LDL": 2025, "RKNN_LDL": 2025, "SNEFY_LDL": 2025, "S_KLD": 2025,
    "S_LRR": 2025, "S_SCL": 2025, "S_CJS": 2025, "S_QFD2": 2025, "RG4LDL": 2025,
}  # fmt: skip


def methods() -> dict[str, Any]:
    """A function of the seed each, which makes an estimator with `fit` and `predict`."""
    forest = {"max_features": "sqrt"}
    found: dict[str, Any] = {
        unshuffled.OURS: lambda seed: SoftTargetMLPClassifier(random_state=seed),
        "random forest": lambda seed: RandomForestRegressor(random_state=seed, **forest),
        "extra trees": lambda seed: ExtraTreesRegressor(random_state=seed, **forest),
    }
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        algorithms = importlib.import_module("pyldl.algorithms")
    except ImportError:
        print("PyLDL is left out: pip install -r examples/benchmarks/peers.txt")
        return found
    for name, year in PUBLISHED.items():
        try:
            Algorithm = getattr(algorithms, name)
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        found[f"{name} ({year})"] = lambda seed, Algorithm=Algorithm: Algorithm(random_state=seed)
    return found


def shuffled_folds(n_rows: int, n_folds: int, repeat: int) -> list[tuple[Any, Any]]:
    """Those of PyLDL's ``experiment.run``."""
    folds = KFold(n_folds, shuffle=True, random_state=repeat)
    return list(folds.split(np.zeros(n_rows)))


def scores(make: Any, X: Any, Y: Any, train: Any, test: Any, seed: int) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model = make(seed).fit(X[train], Y[train])
        proba = unshuffled.predicted_rows(model, X[test])
    return unshuffled.all_measures(Y[test], proba)


def run(X: Any, Y: Any, n_folds: int = N_FOLDS, n_repeats: int = N_REPEATS) -> dict[str, Any]:
    """For each method the mean of each measure, its spread over repeats, folds and seconds."""
    found = {}
    for title, make in methods().items():
        start, repeats = time.perf_counter(), []
        try:
            for repeat in range(1, n_repeats + 1):
                folds = shuffled_folds(len(X), n_folds, repeat)
                rows = [scores(make, X, Y, *fold, repeat) for fold in folds]
                repeats.append(np.mean(rows, axis=0))
                if (seconds := time.perf_counter() - start) > MAX_SECONDS:
                    break
        except Exception as error:  # of another package; the page says which method has no row
            print(f"  {title} is left out: {type(error).__name__}: {error}", flush=True)
            continue
        n_fits = n_folds * len(repeats)
        found[title] = {
            "mean": np.mean(repeats, axis=0).tolist(),
            "spread": float(np.std(repeats, axis=0)[0]),
            "folds": n_fits,
            "seconds": seconds / n_fits,
        }
        print(f"  {title}: {found[title]['mean'][0]:.4f}, {seconds / n_fits:.1f} s", flush=True)
    return found


def write(results: dict[str, Any]) -> None:
    heads = ["method", "folds", *unshuffled.MEASURES, "spread of kl over repeats", "seconds a fit"]
    paragraphs = []
    for name, found in results.items():
        rows = [
            [method, row["folds"], *row["mean"], row["spread"], row["seconds"]]
            for method, row in sorted(found.items(), key=lambda item: item[1]["mean"][0])
        ]
        paragraphs += [f"## {name}", table(heads, rows)]
    write_page(
        "label_distributions_shuffled",
        "# Label distributions, shuffled folds",
        f"Written by `examples/benchmarks/label_distributions_shuffled.py --write` ({machine()}). "
        "Single fits took the seconds shown while other work ran: orders of magnitude, not "
        f"timings. A method that took longer than {MAX_SECONDS} seconds stopped after the repeat "
        "it was in. PyLDL's tree ensembles need a compiler that its wheel does not bring, LDL-DVS "
        "wants to be told positive and negative labels: they have no row.",
        "The protocol of PyLDL's own experiments beside [that of the printed "
        "rows](label_distributions.md): ten shuffled folds, ten times, each algorithm with its "
        "defaults on raw columns, all run here. Lowest KL (in nats) first; the year is that of the "
        "paper.",
        *paragraphs,
    )


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--sets", nargs="+", default=SETS)
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.smoke:
        run(*unshuffled.made_up(), n_folds=2, n_repeats=1)
        return
    if (folder := data_folder(options)) is None:
        return
    results: dict[str, Any] = {}
    for name in options.sets:
        print(name, flush=True)
        X, Y = label_distributions(folder, name)
        results[name] = run(X.astype(np.float32), Y.astype(np.float32))
        if options.write:
            write(results)


if __name__ == "__main__":
    main()
