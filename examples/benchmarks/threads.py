"""Fits in threads: one after the other, and side by side through joblib's threading backend.

Each fit computes on one core. Both ways take turns in one process; the fits have different seeds
and the same data. Prints medians, their ratio (threads / sequential), and whether both ways give
the same weights bit for bit. ``--write`` writes the page of the docs; ``--smoke`` trains one epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from harness import machine, parser, table, take_turns, write_page
from sklearn_softloss import SoftTargetMLPClassifier

N_FITS, N_JOBS = 8, 2
SEQUENTIAL, THREADS = "one after the other", f"n_jobs={N_JOBS}"


def cases() -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    """X, y and parameters, from steps that Python rules to steps that compute."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    rng = np.random.default_rng(0)
    wide, labels = rng.normal(size=(3000, 784)), rng.integers(0, 10, 3000)
    small = {"hidden_layer_sizes": (100,), "max_iter": 16}
    return {
        "64 features, 100 units, 32 rows a step, float32": (X.astype(np.float32), y, small),
        "64 features, defaults": (X, y, {"max_iter": 8}),
        "64 features, 200 rows a step": (X, y, {"batch_size": 200, "max_iter": 16}),
        "784 features, defaults": (wide, labels, {"max_iter": 3}),
        "784 features, 200 rows a step": (wide, labels, {"batch_size": 200, "max_iter": 5}),
    }


def classifiers(params: dict[str, Any]) -> list[SoftTargetMLPClassifier]:
    return [SoftTargetMLPClassifier(**params, random_state=seed) for seed in range(N_FITS)]


def fit_all(clfs: list[Any], X: Any, y: Any, n_jobs: int | None) -> list[Any]:
    """The fitted classifiers; without a number of jobs in a plain loop."""
    if n_jobs is None:
        return [clf.fit(X, y) for clf in clfs]
    return Parallel(n_jobs=n_jobs, backend="threading")(delayed(clf.fit)(X, y) for clf in clfs)


def weights(clfs: list[Any]) -> list[Any]:
    return [array for clf in clfs for array in (*clf.coefs_, *clf.intercepts_)]


def compare(X: Any, y: Any, params: dict[str, Any], repeats: int) -> list[Any]:
    """Seconds one after the other and in threads, their ratio, and whether weights are equal."""
    jobs = {SEQUENTIAL: None, THREADS: N_JOBS}
    clfs = {name: classifiers(params) for name in jobs}
    calls = {name: lambda name=name: fit_all(clfs[name], X, y, jobs[name]) for name in jobs}
    seconds = take_turns(calls, repeats)
    pairs = zip(*(weights(clfs[name]) for name in jobs), strict=True)
    same = all(np.array_equal(one, other) for one, other in pairs)
    one, other = (seconds[name] for name in jobs)
    return [one, other, other / one, "equal" if same else "NOT equal"]


def main() -> None:
    reader = parser(__doc__, data=False)
    reader.add_argument("--repeats", type=int, default=5)
    options = reader.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name, (X, y, params) in cases().items():
        if options.smoke:
            X, y, params = X[:200], y[:200], {**params, "max_iter": 1, "alpha": 1.0}
        rows.append([name, *compare(X, y, params, 1 if options.smoke else options.repeats)])
    found = table(["fits", SEQUENTIAL, THREADS, "ratio", "weights"], rows, digits=3)
    print(found)
    if options.write:
        write_page(
            "threads",
            "# Fits in threads",
            f"Written by `make bench` (`examples/benchmarks/threads.py`): seconds of {N_FITS} fits "
            f"of `SoftTargetMLPClassifier` with seeds 0 to {N_FITS - 1}, in a plain loop and "
            f"through joblib's threading backend with {N_JOBS} threads, each fit on one core "
            f"(`torch.set_num_threads(1)`); medians of {options.repeats} turns after one that does "
            "not count. Threads pay where the steps of a fit compute, with many features or many "
            "rows a step; where they are small the interpreter rules, and two threads get in each "
            "other's way: use processes there, joblib's default.",
            machine(),
            found,
        )


if __name__ == "__main__":
    main()
