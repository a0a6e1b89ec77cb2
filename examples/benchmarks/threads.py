"""Fits in threads: one after the other, and side by side through joblib's threading backend.

Both take turns in one process; the fits have different seeds and the same data. Prints medians,
their ratio (threads / sequential), and whether both ways give the same weights bit for bit.
``--write`` writes the page of the docs; ``--smoke`` trains one epoch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits

from harness import machine, parser, table, take_turns, write_page
from sklearn_softloss import SoftTargetMLPClassifier

N_FITS, N_JOBS = 8, 2
SEQUENTIAL, THREADS = "one after the other", f"threading backend, n_jobs={N_JOBS}"


def classifiers(max_iter: int) -> list[SoftTargetMLPClassifier]:
    params = {"dtype": "float32", "max_iter": max_iter}
    return [SoftTargetMLPClassifier((100,), **params, random_state=seed) for seed in range(N_FITS)]


def fit_all(clfs: list[Any], X: Any, y: Any, n_jobs: int | None) -> list[Any]:
    """The fitted classifiers; without a number of jobs in a plain loop."""
    if n_jobs is None:
        return [clf.fit(X, y) for clf in clfs]
    return Parallel(n_jobs=n_jobs, backend="threading")(delayed(clf.fit)(X, y) for clf in clfs)


def weights(clfs: list[Any]) -> list[Any]:
    return [array for clf in clfs for array in (*clf.coefs_, *clf.intercepts_)]


def main() -> None:
    reader = parser(__doc__, data=False)
    reader.add_argument("--repeats", type=int, default=7)
    options = reader.parse_args()
    repeats, max_iter = (1, 1) if options.smoke else (options.repeats, 32)
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    jobs = {SEQUENTIAL: None, THREADS: N_JOBS}
    clfs = {name: classifiers(max_iter) for name in jobs}
    calls = {name: lambda name=name: fit_all(clfs[name], X, y, jobs[name]) for name in jobs}
    seconds = take_turns(calls, repeats)
    pairs = zip(*(weights(clfs[name]) for name in jobs), strict=True)
    same = all(np.array_equal(one, other) for one, other in pairs)
    rows = [[name, seconds[name], seconds[name] / seconds[SEQUENTIAL]] for name in jobs]
    found = table(["how", "seconds", "ratio to sequential"], rows, digits=3)
    verdict = f"The weights of both ways are {'equal' if same else 'NOT equal'} bit for bit."
    print(found, verdict, sep="\n\n")
    if options.write:
        write_page(
            "threads",
            "# Fits in threads",
            f"Written by `make bench` (`examples/benchmarks/threads.py`): {N_FITS} fits of "
            f"`SoftTargetMLPClassifier((100,))`, {max_iter} epochs of the digits in float32, "
            f"seeds 0 to {N_FITS - 1}; median of {repeats} turns after one that does not count.",
            machine(),
            found,
            verdict,
        )


if __name__ == "__main__":
    main()
