"""Class labels of small tables with raw columns: our defaults beside peers at theirs.

The peers of other packages are those of ``examples/benchmarks/peers.txt``, best in an environment
of their own; those that are not installed are left out. ``--write`` writes a page for the docs.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import data_folder, line, machine, parser, table, timed, write_page
from harness.data import read
from sklearn_softloss import SoftTargetMLPClassifier

OURS, NET, LOGISTIC = "SoftTargetMLPClassifier", "MLPClassifier", "logistic regression"
SLOW = ("TabM_D",)
"""Peers that are shown on the first fold alone."""
ONE_THREAD = {"device": "cpu", "n_threads": 1}
OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "CatBoost": (
        "catboost",
        "CatBoostClassifier",
        {"iterations": 500, "verbose": 0, "thread_count": 1, "allow_writing_files": False},
    ),
    "RealMLP_TD_S": ("pytabkit", "RealMLP_TD_S_Classifier", ONE_THREAD),
    "TabM_D": ("pytabkit", "TabM_D_Classifier", ONE_THREAD),
}
"""Package, class and parameters of peers that may not be installed."""
N_FOLDS, SEEDS = 5, (0, 1)

Models = dict[str, Callable[[int], Any]]


def in_scikit_learn() -> Models:
    return {
        OURS: lambda seed: SoftTargetMLPClassifier(random_state=seed),
        NET: lambda seed: make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)),
        LOGISTIC: lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "random forest": lambda seed: RandomForestClassifier(random_state=seed),
        "histogram boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    }


def of_other_packages() -> Models:
    """Peers that are installed."""
    found: Models = {}
    for title, (package, name, params) in OTHERS.items():
        try:
            Model = getattr(importlib.import_module(package), name)
        except ImportError:
            continue
        found[title] = lambda seed, Model=Model, params=params: Model(random_state=seed, **params)
    return found


def one_fit(title: str, X: Any, y: Any, train: Any, test: Any, seed: int) -> list[float]:
    """Log loss of the test rows in nats, accuracy, and seconds of the fit."""
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLPClassifier stops before it has converged
        model = {**in_scikit_learn(), **of_other_packages()}[title](seed)
        seconds, _ = timed(lambda: model.fit(X[train], y[train]))
        proba = np.asarray(model.predict_proba(X[test]))
    accuracy = float(np.mean(proba.argmax(axis=1) == y[test]))
    return [float(log_loss(y[test], proba, labels=np.unique(y))), accuracy, seconds]


def scores(folder: Path, titles: list[str], n_splits: int) -> dict[str, Any]:
    """For each table an array (model, split, score); a split is a fold under a seed."""
    found = {}
    for path in sorted((folder / "hard").glob("*.npz")):
        stored = read(folder, "hard", path.stem)
        X, y = stored["X"].astype(np.float64), stored["y"]
        splits = [
            (*split, seed)
            for seed in SEEDS
            for split in StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, y)
        ][:n_splits]
        results = Parallel(n_jobs=2)(
            delayed(one_fit)(title, X, y, *split) for title in titles for split in splits
        )
        found[path.stem] = np.reshape(results, (len(titles), len(splits), 3))
        print(line([path.stem, *found[path.stem][:, :, 0].mean(axis=1)]), flush=True)
    return found


def loss_table(found: dict[str, Any], titles: list[str]) -> str:
    means = {name: values.mean(axis=1) for name, values in found.items()}
    losses = np.array([values[:, 0] for values in means.values()])
    ranks = losses.argsort(axis=1).argsort(axis=1) + 1
    seconds = np.array([values[:, 2] for values in means.values()])
    rows: list[list[Any]] = [[name, *values[:, 0]] for name, values in means.items()]
    for peer in (NET, LOGISTIC):
        ratio = np.exp(np.log(losses / losses[:, [titles.index(peer)]]).mean(axis=0))
        rows.append([f"ratio to {peer}", *ratio])
    rows.append(["average rank", *(f"{rank:.2f}" for rank in ranks.mean(axis=0))])
    accuracy = np.mean([values[:, 1] for values in means.values()], axis=0)
    rows.append(["mean accuracy", *accuracy])
    rows.append(["fit, s, geometric mean", *np.exp(np.log(seconds).mean(axis=0))])
    return table(["table", *titles], rows)


def main() -> None:
    options = parser(__doc__).parse_args()
    if options.smoke:
        X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
        for title in in_scikit_learn():
            print(title, one_fit(title, X, y, np.arange(30), np.arange(30, 40), 0))
        return
    if (folder := data_folder(options)) is None:
        return
    titles = [*in_scikit_learn(), *of_other_packages()]
    for title in sorted({*OTHERS} - {*titles}):
        print(f"{title} is left out: pip install -r examples/benchmarks/peers.txt")
    parts = []
    for some, n_splits in (
        ([title for title in titles if title not in SLOW], N_FOLDS * len(SEEDS)),
        ([OURS, NET, LOGISTIC, *(title for title in titles if title in SLOW)], 1),
    ):
        parts.append(loss_table(scores(folder, some, n_splits), some))
        print(parts[-1], flush=True)
    if options.write:
        write_page(
            "tables",
            "# Small tables",
            f"Written by `examples/benchmarks/tables.py --write` ({machine()}). Log loss (nats) of "
            f"{N_FOLDS} stratified folds, {len(SEEDS)} seeds. All models have default parameters, "
            "CatBoost 500 trees. MLPClassifier and logistic regression get standardised columns, "
            "all others, ours too, the columns as they are: numbers in their units, and marks for "
            "nominal values. Ratios are geometric means over the tables; ranks are of the mean log "
            "loss. One thread a fit.",
            "## All models",
            parts[0],
            "## Slow peers",
            "The first fold alone, since a fit takes so much longer.",
            parts[1],
        )


if __name__ == "__main__":
    main()
