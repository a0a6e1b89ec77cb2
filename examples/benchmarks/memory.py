"""Peak memory of a fit on a memory-mapped file, on CSR and on dense rows, against their number.

Each fit runs in a process of its own; counted is what it adds to the imports and to X itself.
``--gigabytes`` sets the size of the file (written once to a temporary folder, then deleted);
``--smoke`` takes a small one; ``--write`` writes the page of the docs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from harness import machine, parser, table, write_page
from harness.memory import PeakMemory
from sklearn_softloss import SoftTargetMLPClassifier

N_FEATURES = 1024
ROWS_PER_CHUNK = 4096


def write_file(path: Path, n_rows: int) -> None:
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, n_rows, ROWS_PER_CHUNK):
            rows = min(ROWS_PER_CHUNK, n_rows - start)
            rng.standard_normal((rows, N_FEATURES), dtype=np.float32).tofile(file)


def sparse_rows(n_rows: int) -> sp.csr_array:
    """Twenty entries a row, made without a detour through anything dense."""
    rng = np.random.default_rng(0)
    columns = rng.integers(0, N_FEATURES, (n_rows, 20), dtype=np.int32)
    starts = np.arange(0, 20 * n_rows + 1, 20)
    data = np.ones(20 * n_rows, dtype=np.float32)
    return sp.csr_array((data, columns.ravel(), starts), shape=(n_rows, N_FEATURES))


def fit_one(kind: str, n_rows: int, path: str) -> None:
    """What a child does: print the megabytes that a fit of one epoch adds to the imports."""
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
    with PeakMemory() as memory:
        clf.fit(X, y)
    print(memory.megabytes)


def measure(kind: str, n_rows: int, path: Path) -> float:
    command = [sys.executable, __file__, "--child", kind, str(n_rows), str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    reader = parser(__doc__, data=False)
    reader.add_argument("--gigabytes", type=float, default=4.0)
    reader.add_argument("--child", nargs=3, metavar=("KIND", "ROWS", "PATH"))
    options = reader.parse_args()
    if options.child:
        kind, n_rows, path = options.child
        fit_one(kind, int(n_rows), path)
        return
    gigabytes = 0.02 if options.smoke else options.gigabytes
    most = int(gigabytes * 2**30 / (4 * N_FEATURES))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.float32"
        write_file(path, most)
        for kind, counts in (
            ("memmap", (most // 4, most // 2, most)),
            ("csr", (most // 16, most // 8)),
            ("dense", (most // 16, most // 8)),
        ):
            for n_rows in counts[:1] if options.smoke else counts:
                size = n_rows * N_FEATURES * 4 / 2**20
                rows.append((kind, n_rows, size, measure(kind, n_rows, path)))
    heads = ["X", "rows", "size on disk or dense, MB", "added by the fit, MB"]
    found = table(heads, rows, digits=0)
    print(found)
    if options.write:
        write_page(
            "memory",
            "# Memory",
            f"Written by `make bench` (`examples/benchmarks/memory.py`), {machine()}: peak of one "
            f"epoch over float32 rows of {N_FEATURES} features, less the imports and X itself; CSR "
            "rows hold 20 entries.",
            found,
        )


if __name__ == "__main__":
    main()
