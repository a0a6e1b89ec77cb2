"""Searches: what pruning saves and finds beside the whole grid, and a grid in threads or processes.

Three sets: digits, the label distributions of SBU_3DFE and the label sets of yeast. Each
search has the same candidates and folds; what it chose is scored by the whole grid. Optuna is run
where it is installed, as the extra ``test`` does, and dask-ml's Hyperband where dask-ml is
(``examples/benchmarks/peers.txt``). ``--write`` writes the page of the docs; ``--smoke`` takes few
rows and candidates.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from harness import data_folder, machine, parser, table, timed, write_page
from harness.data import label_distributions, multilabel
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.metrics.scorers import neg_multilabel_log_loss, neg_soft_log_loss
from sklearn_softloss.model_selection import MultiLabelStratifiedKFold, SoftStratifiedKFold

GRID = {
    "alpha": [0.01, 0.1, 1.0, 10.0],
    "learning_rate_init": [0.0006, 0.002, 0.006, 0.02],
    "dropout": [0.0, 0.5],
}
EPOCHS = 32
FACTOR = 4


class Task(NamedTuple):
    """Rows, an estimator and how candidates are judged."""

    X: Any
    y: Any
    estimator: Any
    scoring: Any
    cv: Any


def tasks(folder: Path | None, most_rows: int) -> Iterator[tuple[str, Task]]:
    soft = SoftTargetMLPClassifier((64,), random_state=0)
    sets = MultiLabelSigmoidClassifier((64,), random_state=0)
    folds = {"n_splits": 3, "shuffle": True, "random_state": 0}
    X, y = load_digits(return_X_y=True)
    scoring, cv = neg_soft_log_loss, SoftStratifiedKFold(**folds)
    yield "digits", Task(X[:most_rows], y[:most_rows], soft, scoring, cv)
    if folder is None:
        return
    rows = slice(most_rows)
    X, y = label_distributions(folder, "SBU_3DFE")
    yield "SBU_3DFE", Task(X[rows], y[rows], soft, scoring, cv)
    found = multilabel(folder, "yeast")
    cv = MultiLabelStratifiedKFold(**folds)
    yield "yeast", Task(found.X[rows], found.Y[rows], sets, neg_multilabel_log_loss, cv)


# --- searches: each returns the parameters that it chose -----------------------------------------


def whole_grid(task: Task, grid: dict[str, Any], n_jobs: int | None = None) -> GridSearchCV:
    estimator = clone(task.estimator).set_params(max_iter=EPOCHS)
    options = {"scoring": task.scoring, "cv": task.cv, "refit": False, "n_jobs": n_jobs}
    return GridSearchCV(estimator, grid, **options).fit(task.X, task.y)


def halving(task: Task, grid: dict[str, Any]) -> dict[str, Any]:
    search = HalvingGridSearchCV(
        task.estimator, grid, resource="max_iter", factor=FACTOR, min_resources=EPOCHS // FACTOR**2,
        max_resources=EPOCHS, scoring=task.scoring, cv=task.cv, refit=False,
    )  # fmt: skip
    return search.fit(task.X, task.y).best_params_


def pruned_study(task: Task, grid: dict[str, Any]) -> dict[str, Any]:
    """Trainings of planned length, pruned by the validation loss of their epochs."""
    from optuna_integration.skorch import SkorchPruningCallback

    train, valid = next(task.cv.split(task.X, task.y))

    def objective(trial: Any) -> float:
        clf = clone(task.estimator).set_params(
            **{name: trial.suggest_categorical(name, values) for name, values in grid.items()},
            max_iter=EPOCHS, early_stopping=True, n_iter_no_change=EPOCHS,
            callbacks=[SkorchPruningCallback(trial, "valid_loss")],
        )  # fmt: skip
        clf.fit(task.X[train], task.y[train], X_val=task.X[valid], y_val=task.y[valid])
        return clf.best_loss_

    return _study("minimize", grid, objective).best_params


def optuna_search(task: Task, grid: dict[str, Any], n_folds: int = 1) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution
    from optuna_integration import OptunaSearchCV

    search = OptunaSearchCV(
        clone(task.estimator).set_params(max_iter=EPOCHS),
        {name: CategoricalDistribution(values) for name, values in grid.items()},
        cv=list(task.cv.split(task.X, task.y))[:n_folds], scoring=task.scoring, refit=False,
        enable_pruning=True, max_iter=EPOCHS,
        n_trials=_n_candidates(grid), error_score="raise", study=_new_study("maximize", grid),
    )  # fmt: skip
    n_classes = len(np.unique(task.y)) if np.ndim(task.y) == 1 else task.y.shape[1]
    return search.fit(task.X, task.y, classes=np.arange(n_classes)).best_params_


def hyperband(task: Task, grid: dict[str, Any]) -> dict[str, Any]:
    from dask.distributed import Client
    from dask_ml.model_selection import HyperbandSearchCV

    n_classes = len(np.unique(task.y)) if np.ndim(task.y) == 1 else task.y.shape[1]
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"):
        estimator = clone(task.estimator).set_params(max_iter=EPOCHS)
        search = HyperbandSearchCV(
            estimator, grid, max_iter=EPOCHS, aggressiveness=FACTOR,
            scoring=task.scoring, random_state=0,
        )  # fmt: skip
        return search.fit(task.X, task.y, classes=np.arange(n_classes)).best_params_


def _new_study(direction: str, grid: dict[str, Any]) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        direction=direction,
        sampler=optuna.samplers.GridSampler(grid, seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=FACTOR),
    )


def _study(direction: str, grid: dict[str, Any], objective: Callable[[Any], float]) -> Any:
    study = _new_study(direction, grid)
    study.optimize(objective, n_trials=_n_candidates(grid))
    return study


def _n_candidates(grid: dict[str, Any]) -> int:
    return int(np.prod([len(values) for values in grid.values()]))


SEARCHES: dict[str, Callable[[Task, dict[str, Any]], dict[str, Any]]] = {
    "HalvingGridSearchCV": halving,
    "Optuna, epochs of fit": pruned_study,
    "OptunaSearchCV, partial_fit": optuna_search,
    "OptunaSearchCV, three folds": partial(optuna_search, n_folds=3),
    "Hyperband of dask-ml": hyperband,
}

# --- tables --------------------------------------------------------------------------------------


def compare(name: str, task: Task, grid: dict[str, Any]) -> Iterator[list[Any]]:
    """A row a search: time and score of its choice, beside those of the whole grid."""
    few = task._replace(X=task.X[:150], y=task.y[:150])
    whole_grid(few, grid)  # a first use of each comes before the clock, with its imports
    whole, search = timed(lambda: whole_grid(task, grid))
    candidates = search.cv_results_["params"]
    scores = dict(zip(map(str, candidates), search.cv_results_["mean_test_score"], strict=True))
    for kind, find in SEARCHES.items():
        try:
            find(few, grid)
            seconds, chosen = timed(lambda find=find: find(task, grid))
        except ImportError as error:
            print(f"{kind} is left out: {error}")
            continue
        score = scores[str({name: chosen[name] for name in candidates[0]})]
        loss = score / search.best_score_  # of negative losses
        yield [name, kind, whole, seconds, seconds / whole, loss]


def side_by_side(task: Task, grid: dict[str, Any]) -> Iterator[list[Any]]:
    """A row a way of running the fits of a grid."""
    for kind, n_jobs, backend in (
        ("one after the other", None, "loky"),
        ("2 threads", 2, "threading"),
        ("2 processes", 2, "loky"),
    ):
        with joblib.parallel_config(backend):
            if n_jobs:  # processes that are up, as in the second search of a session
                whole_grid(task, {"alpha": [1.0, 2.0]}, n_jobs)
            seconds, search = timed(lambda n_jobs=n_jobs: whole_grid(task, grid, n_jobs))
        yield [kind, seconds, search.cv_results_["mean_test_score"]]


def main() -> None:
    reader = parser(__doc__)
    options = reader.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    grid = {name: values[:2] for name, values in GRID.items()} if options.smoke else GRID
    rows: list[list[Any]] = []
    folder = None if options.smoke else data_folder(options)
    for name, task in tasks(folder, 150 if options.smoke else 10**6):
        rows += compare(name, task, grid)
    heads = ["set", "search", "grid, s", "search, s", "ratio", "loss over the grid's best"]
    pruned = table(heads, rows, digits=3)
    print(pruned)
    beside, n_fits = [], 0
    for name, task in tasks(None, 150 if options.smoke else 10**6):
        some = {"alpha": np.geomspace(0.01, 10, 20)[: 2 if options.smoke else 20]}
        found = list(side_by_side(task, some))
        n_fits = 3 * len(some["alpha"])
        same = all(np.array_equal(scores, found[0][2]) for *_, scores in found)
        beside += [
            [name, kind, seconds, seconds / found[0][1], "equal" if same else "NOT equal"]
            for kind, seconds, _ in found
        ]
    fits = table(["set", "fits", "seconds", "ratio", "scores"], beside, digits=2)
    print(fits)
    if options.write:
        write_page(
            "searches",
            "# Searches that prune, and many fits",
            f"Written by `examples/benchmarks/searches.py`: {_n_candidates(GRID)} candidates, 3 "
            f"folds, {EPOCHS} epochs, 64 units, one thread. Both of Optuna's take one of the "
            f"folds, but for the row that says three; Hyperband (`aggressiveness={FACTOR}`) holds "
            "out rows of its own, in a cluster of one thread of the same process. A first use of "
            "each comes before the clock. The last column is the loss of what the "
            "search chose, as the whole grid measures it, over that of the grid's best.",
            machine(),
            pruned,
            f"## {n_fits} fits of a grid",
            fits,
        )


if __name__ == "__main__":
    main()
