"""Ten thousand labels: time and peak memory of a fit, against the number of labels; wide rows.

Rows are sparse, 50,000 columns with some 40 entries each; label frequencies follow Zipf's law, five
labels a row, which draw half of their words. Each fit runs in a process of its own, for one epoch;
a prediction in blocks then gives the five most probable labels of the rows left out. Fits with
dense steps of Adam, which move the first-layer weights of all columns, stand beside ours. With
omikuji (``examples/benchmarks/peers.txt``) and real data its trees stand beside on delicious.
``--write`` writes the page of the docs; ``--smoke`` takes few rows and labels.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from harness import data_folder, machine, parser, table, timed, write_page
from harness.data import multilabel
from harness.memory import PeakMemory
from sklearn_softloss import MultiLabelSigmoidClassifier

N_ROWS, N_FEATURES, LABELS_A_ROW, TOP = 100_000, 50_000, 5, 5
PARAMS = {"batch_size": 256, "alpha": 0.01, "dropout": 0.0, "random_state": 0}


def make(n_labels: int, n_rows: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, n_labels + 1)
    labels = rng.choice(n_labels, (n_rows, LABELS_A_ROW), p=share / share.sum())
    words = rng.integers(0, N_FEATURES, (n_labels, 4))
    noise = rng.integers(0, N_FEATURES, (n_rows, 20))
    X = _ones(np.hstack([words[labels].reshape(n_rows, -1), noise]), N_FEATURES, np.float32)
    return X, _ones(labels, n_labels, np.float64)


def _ones(columns: Any, n_columns: int, dtype: Any) -> Any:
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])
    ones = np.ones(columns.size, dtype)
    found = sp.csr_array((ones, (rows, columns.ravel())), shape=(len(columns), n_columns))
    found.data[:] = 1
    return found


def top_labels(clf: Any, X: Any, k: int, block: int = 1000) -> Any:
    """The k most probable labels of each row, the most probable first."""
    found = []
    for start in range(0, X.shape[0], block):
        proba = clf.predict_proba(X[start : start + block])
        best = np.argpartition(-proba, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(proba, best, axis=1), axis=1)
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found)


def precision(top: Any, Y: Any, k: int) -> float:
    hits = Y.toarray() if sp.issparse(Y) else Y
    return float(np.take_along_axis(hits, top[:, :k], axis=1).mean())


def fit_one(n_labels: int, n_rows: int) -> None:
    """What a child does: print seconds, megabytes and the precision of a fit of one epoch."""
    X, Y = make(n_labels, n_rows + 1000)
    clf = MultiLabelSigmoidClassifier((128,), max_iter=1, **PARAMS)
    with PeakMemory() as memory:
        fit, _ = timed(lambda: clf.fit(X[:n_rows], Y[:n_rows]))
        predict, top = timed(lambda: top_labels(clf, X[n_rows:], TOP))
    print(json.dumps([fit, predict, memory.megabytes, precision(top, Y[n_rows:], TOP)]))


def lazy_and_dense(n_rows: int) -> list[list[Any]]:
    """Seconds of a fit of one epoch and its loss, by steps for few columns and by dense ones.

    What a fit costs besides its steps is in both.
    """
    X, Y = make(100, n_rows)
    found = []
    for width, batch in ((448, 32), (448, 256), (128, 32), (128, 256)):
        params = {**PARAMS, "batch_size": batch, "learning_rate": "constant"}
        seconds, losses = [], []
        for allowed in (True, False):
            dense = patch("sklearn_softloss._training.fused.worth_being_lazy", return_value=False)
            with nullcontext() if allowed else dense:
                clf = MultiLabelSigmoidClassifier((width,), max_iter=1, **params)
                seconds.append(timed(lambda clf=clf: clf.fit(X, Y))[0])
            losses.append(clf.loss_)
        found.append([f"{width} units, {batch} rows", *seconds, seconds[0] / seconds[1], *losses])
    return found


def on_delicious(folder: Path) -> list[list[Any]]:
    """Precision at 1, 3 and 5 and seconds, beside omikuji's trees."""
    split = multilabel(folder, "delicious")
    X, test = sp.csr_array(split.X), sp.csr_array(split.X_test)
    clf = MultiLabelSigmoidClassifier((256,), max_iter=10, **{**PARAMS, "dropout": 0.5, "alpha": 1})
    seconds, _ = timed(lambda: clf.fit(X, split.Y))
    found = {"256 units, 10 epochs": (seconds, top_labels(clf, test, TOP))}
    try:
        import omikuji
    except ImportError as error:
        print(f"omikuji is left out: {error}")
    else:
        found["omikuji, its defaults"] = omikuji_on(omikuji, X, split.Y, test)
    return [
        [name, seconds, *(precision(top, split.Y_test, k) for k in (1, 3, 5))]
        for name, (seconds, top) in found.items()
    ]


def entries_of(X: Any) -> Iterator[list[tuple[int, float]]]:
    """Columns and values of each row."""
    for start, end in pairwise(X.indptr):
        columns, values = X.indices[start:end].tolist(), X.data[start:end].tolist()
        yield list(zip(columns, values, strict=True))


def omikuji_on(omikuji: Any, X: Any, Y: Any, test: Any) -> tuple[float, Any]:
    """Its trainer reads a text file in the format of the extreme classification repository."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        with path.open("w") as file:
            print(X.shape[0], X.shape[1], Y.shape[1], file=file)
            for entries, labels in zip(entries_of(X), Y, strict=True):
                words = " ".join(f"{column}:{value:g}" for column, value in entries)
                print(",".join(map(str, np.flatnonzero(labels))), words, file=file)

        def train() -> Any:
            return omikuji.Model.train_on_data(str(path), n_threads=1)

        seconds, model = timed(train)
    answers = [model.predict(entries, top_k=TOP) for entries in entries_of(test)]
    return seconds, np.array([[label for label, _ in answer] for answer in answers])


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--child", nargs=2, type=int, metavar=("LABELS", "ROWS"))
    options = reader.parse_args()
    warnings.simplefilter("ignore")
    if options.child:
        fit_one(*options.child)
        return
    n_rows = 500 if options.smoke else N_ROWS
    rows = []
    for n_labels in (20,) if options.smoke else (1_000, 3_000, 10_000):
        command = [sys.executable, __file__, "--child", str(n_labels), str(n_rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append([n_labels, *json.loads(done.stdout)])
    heads = ["labels", "fit, s", "prediction of 1,000 rows, s", "added memory, MB", "P@5"]
    found = table(heads, rows, digits=2)
    print(found)
    heads = ["a step", "ours, s", "dense, s", "ratio", "loss", "loss, dense"]
    steps = table(heads, lazy_and_dense(64 if options.smoke else N_ROWS // 5), digits=4)
    print(steps)
    folder = None if options.smoke else data_folder(options)
    beside = "" if folder is None else table(
        ["delicious", "fit, s", "P@1", "P@3", "P@5"], on_delicious(folder), digits=3
    )  # fmt: skip
    print(beside)
    if options.write:
        write_page(
            "many_labels",
            "# Many labels",
            f"Written by `examples/benchmarks/many_labels.py`: {n_rows:,} rows of {N_FEATURES:,} "
            f"sparse columns, {LABELS_A_ROW} labels a row of Zipf's frequencies; one epoch, 128 "
            "units, 256 rows a step, float32; the memory is what fit and prediction add.",
            machine(),
            found,
            "## Sparse steps and dense ones",
            f"{N_ROWS // 5:,} such rows with 100 labels, an epoch at a constant rate; dense steps "
            "move the first-layer weights of all columns.",
            steps,
            "## Beside omikuji",
            beside,
        )


if __name__ == "__main__":
    main()
