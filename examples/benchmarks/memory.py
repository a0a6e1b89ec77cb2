"""Peak memory of a fit on a memory-mapped file, on CSR and on dense rows, against their number.

Each fit runs in a process of its own; counted is what it adds to the imports and to X itself.
``--gigabytes`` sets the size of the file (written once to a temporary folder, then deleted).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import scipy.sparse as sp

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "memory.md"
N_FEATURES = 1024
ROWS_PER_CHUNK = 4096


def write_file(path: Path, n_rows: int) -> None:
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, ROWS_PER_CHUNK):
            rows = min(ROWS_PER_CHUNK, n_rows - start)
            rng.standard_normal((rows, N_FEATURES), dtype=np.float32).tofile(file)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def sparse_rows(n_rows: int) -> sp.csr_array:
    """Twenty entries a row, made without a detour through anything dense."""
    rng = np.random.default_rng(0)
    columns = rng.integers(0, N_FEATURES, (n_rows, 20), dtype=np.int32)
    starts = np.arange(0, 20 * n_rows + 1, 20)
    data = np.ones(20 * n_rows, dtype=np.float32)
    return sp.csr_array((data, columns.ravel(), starts), shape=(n_rows, N_FEATURES))


def fit_one(kind: str, n_rows: int, path: str) -> None:
    """What a child does: print the megabytes that a fit of one pass adds to the imports."""
    from sklearn_softloss import SoftTargetMLPClassifier

    params = {"max_iter": 1, "batch_size": 200, "learning_rate": "cosine", "random_state": 0}
    clf = SoftTargetMLPClassifier((32,), **params)
    small = np.random.default_rng(0).normal(size=(64, N_FEATURES)).astype(np.float32)
    clf.fit(small, np.arange(64) % 2)  # torch allocates its own at the first step
    y = np.arange(n_rows) % 2
    if kind == "memmap":
        X = np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, N_FEATURES))
    elif kind == "csr":
        X = sparse_rows(n_rows)
    else:
        X = np.random.default_rng(0).random((n_rows, N_FEATURES), dtype=np.float32)
    before = peak_megabytes()
    clf.fit(X, y)
    print(f"{peak_megabytes() - before:.0f}")


def measure(kind: str, n_rows: int, path: Path) -> float:
    command = [sys.executable, __file__, "--child", kind, str(n_rows), str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return float(found.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    parser.add_argument("--child", nargs=3, metavar=("KIND", "ROWS", "PATH"))
    options = parser.parse_args()
    if options.child:
        kind, n_rows, path = options.child
        fit_one(kind, int(n_rows), path)
        return
    most = int(options.gigabytes * 2**30 / (4 * N_FEATURES))
    lines = ["| X | rows | size on disk or dense, MB | added by the fit, MB |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.float32"
        write_file(path, most)
        for kind, counts in (
            ("memmap", (most // 4, most // 2, most)),
            ("csr", (most // 16, most // 8)),
            ("dense", (most // 16, most // 8)),
        ):
            for n_rows in counts:
                megabytes = measure(kind, n_rows, path)
                size = n_rows * N_FEATURES * 4 / 2**20
                lines.append(f"| {kind} | {n_rows} | {size:.0f} | {megabytes:.0f} |")
    print("\n".join(lines))
    if options.write:
        PAGE.write_text(
            "# Memory\n\nWritten by `make bench` (`examples/benchmarks/memory.py`), "
            f"{date.today()}: peak of one pass over float32 rows of {N_FEATURES} features, less "
            "the imports and X itself; CSR rows hold 20 entries.\n\n" + "\n".join(lines) + "\n"
        )


if __name__ == "__main__":
    main()
