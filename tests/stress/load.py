"""Threads that predict while others fit, and a server's million rows: right answers, flat memory.

``python tests/stress/load.py [seconds] [rows]``: 60 seconds of 8 threads that predict while 2 fit,
then 1,000,000 predictions of single rows.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

MEBIBYTE = 2**20
STATM = Path("/proc/self/statm")
WARM_UP = 0.2
"""Share of the time after which memory is what a process needs."""


def resident() -> int:
    """Bytes of the process in memory."""
    pages = int(STATM.read_text().split()[1])
    return pages * 4096


def fitted() -> list:
    X = np.random.default_rng(0).normal(size=(300, 10))
    Y = (X[:, :3] > 0).astype(int)
    return [
        SoftTargetMLPClassifier((32,), max_iter=3, random_state=0).fit(X, Y[:, 0]),
        MultiLabelSigmoidClassifier((32,), max_iter=3, random_state=0).fit(X, Y),
    ]


def side_by_side(seconds: float, n_predict: int = 8, n_fit: int = 2) -> dict:
    """Answers that were wrong, answers in all, fits, and the growth of memory in MiB."""
    models = fitted()
    X = np.random.default_rng(1).normal(size=(50, 10))
    wanted = [model.predict_proba(X) for model in models]
    weights = [model.coefs_[0].copy() for model in models]
    stop, lock = threading.Event(), threading.Lock()
    found = {"wrong": 0, "answers": 0, "fits": 0}

    def count(name: str, n: int = 1) -> None:
        with lock:
            found[name] += n

    def predict() -> None:
        while not stop.is_set():
            for model, proba in zip(models, wanted, strict=True):
                row = np.random.randint(len(X))
                count("wrong", not np.allclose(model.predict_proba(X[row : row + 1]), proba[row]))
                count("wrong", not np.array_equal(model.predict_proba(X), proba))
                count("answers", 2)

    def fit() -> None:
        while not stop.is_set():
            for again, first in zip(fitted(), weights, strict=True):
                count("wrong", not np.array_equal(again.coefs_[0], first))
                count("fits")

    threads = [threading.Thread(target=predict) for _ in range(n_predict)]
    threads += [threading.Thread(target=fit) for _ in range(n_fit)]
    for thread in threads:
        thread.start()
    time.sleep(WARM_UP * seconds)
    before = resident()
    time.sleep((1 - WARM_UP) * seconds)
    stop.set()
    for thread in threads:
        thread.join()
    gc.collect()
    return {**found, "grown by MiB": (resident() - before) / MEBIBYTE}


def single_rows(n: int) -> float:
    """MiB by which memory grew over n predictions of one row, the first fifth left out."""
    model, X = fitted()[0], np.random.default_rng(1).normal(size=(1000, 10))
    for index in range(n):
        if index == int(WARM_UP * n):
            before = resident()
        row = index % len(X)
        model.predict_proba(X[row : row + 1])
    return (resident() - before) / MEBIBYTE


if __name__ == "__main__":
    warnings.simplefilter("error")
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    n_rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    print(side_by_side(seconds))
    print(f"{n_rows} single rows: memory grew by {single_rows(n_rows):.1f} MiB")
