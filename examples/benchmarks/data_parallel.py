"""Data-parallel training: two processes with half the rows each, against one with all.

20,000 rows of 512 features, 50 classes, hidden layers of 512 and 512 units, float32, one thread a
process; medians of turns. The processes are started by ``torchrun`` on this machine. With real data
the loss of both is compared on yeast, in small batches. ``--write`` writes the page of the docs;
``--smoke`` takes few rows.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from harness import data_folder, machine, parser, table, timed, write_page
from harness.data import multilabel
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.distributed import data_parallel
from sklearn_softloss.metrics import multilabel_log_loss

BATCHES = (64, 256, 1024, 4096)
SEEDS = 5


def rows(n_rows: int) -> tuple[Any, Any]:
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, 512)).astype(np.float32)
    scores = X @ rng.normal(size=(512, 50)) / 10
    return X, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


def train(n_rows: int, repeats: int, folder: Path | None) -> dict[str, float]:
    """What each process does: seconds of two epochs by the rows of a step; the loss on yeast."""
    warnings.simplefilter("ignore")
    X, y = rows(n_rows)
    found = {}
    with data_parallel() as processes:
        own = slice(processes.rank, None, processes.size)
        for size in BATCHES:
            clf = SoftTargetMLPClassifier(
                (512, 512), batch_size=min(size, n_rows), max_iter=2, alpha=1.0, random_state=0
            )
            times = [timed(lambda clf=clf: clf.fit(X[own], y[own]))[0] for _ in range(repeats)]
            found[str(size)] = statistics.median(times)
        if folder is not None:
            split = multilabel(folder, "yeast")
            of_seeds: dict[str, list[float]] = {"training rows": [], "test rows": []}
            for seed in range(SEEDS):
                net = MultiLabelSigmoidClassifier(alpha=1.0, dropout=0.25, random_state=seed)
                net.fit(split.X[own], split.Y[own])
                for kind, Z, Y in (
                    ("training rows", split.X, split.Y),
                    ("test rows", split.X_test, split.Y_test),
                ):
                    of_seeds[kind].append(multilabel_log_loss(Y, net.predict_proba(Z)))
            found |= {kind: statistics.mean(losses) for kind, losses in of_seeds.items()}
    return found if processes.rank == 0 else {}


def measure(n_processes: int, options: Any, repeats: int, folder: Any) -> dict[str, float]:
    command = [__file__, "--child", str(options.rows), str(repeats), str(folder or "")]
    if n_processes == 1:
        command = [sys.executable, *command]
    else:
        run = "torch.distributed.run"
        command = [sys.executable, "-m", run, f"--nproc-per-node={n_processes}", *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"')))


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("--rows", type=int, default=20_000)
    reader.add_argument("--child", nargs=3, metavar=("ROWS", "REPEATS", "FOLDER"))
    options = reader.parse_args()
    if options.child:
        n_rows, repeats, folder = options.child
        found = train(int(n_rows), int(repeats), Path(folder) if folder else None)
        if found:
            print(json.dumps(found), flush=True)
        return
    if options.smoke:
        options.rows = 200
    folder = None if options.smoke else data_folder(options)
    one, two = (measure(n, options, 1 if options.smoke else 5, folder) for n in (1, 2))
    times = [[size, one[size], two[size], two[size] / one[size]] for size in map(str, BATCHES)]
    found = table(["rows a step", "one process, s", "two, s", "ratio"], times, digits=2)
    print(found)
    losses = ""
    if folder is not None:
        found_on = ("training rows", "test rows")
        kinds = [[kind, one[kind], two[kind], two[kind] / one[kind]] for kind in found_on]
        losses = table(["loss on yeast", "one process", "two", "ratio"], kinds, digits=4)
        print(losses)
    if options.write:
        write_page(
            "data_parallel",
            "# Data-parallel training",
            f"Written by `examples/benchmarks/data_parallel.py`: {options.rows:,} rows of 512 "
            "features, 50 classes, hidden layers of 512 and 512 units, float32, two epochs; one "
            "thread a process, gloo on one machine, medians of five.",
            machine(),
            found,
            "## The same losses",
            f"32 rows a step, `alpha=1`, `dropout=0.25`, means of {SEEDS} seeds:",
            losses,
        )


if __name__ == "__main__":
    main()
