"""
One net trained in several processes
====================================

Two processes, or more, train one net on rows that Dask holds in partitions. Run it by torchrun,
which comes with torch::

    torchrun --nproc-per-node=2 examples/train_in_processes.py

Each process reads the partitions whose turn it is, and none reads all. The net that the first one
saves is the same in each.
"""

import sys
import tempfile
from pathlib import Path

import dask.array as da
import numpy as np

from sklearn_softloss import SoftTargetMLPClassifier, persistence
from sklearn_softloss.distributed import data_parallel

N_ROWS, PART = 6000, 500


def rows_and_targets():
    """Rows of 20 columns and class probabilities; nothing is computed yet."""
    X = da.random.RandomState(0).normal(size=(N_ROWS, 20), chunks=(PART, -1))
    mass = da.exp(2 * X[:, :4])
    return X, mass / mass.sum(axis=1, keepdims=True)


def own_rows(array, processes):
    """The partitions of this process, as one NumPy array."""
    parts = range(processes.rank, array.numblocks[0], processes.size)
    return np.concatenate([array.blocks[part].compute() for part in parts])


def main(folder):
    X, Y = rows_and_targets()
    with data_parallel() as processes:
        clf = SoftTargetMLPClassifier((64,), batch_size=256, max_iter=10, random_state=0)
        clf.fit(own_rows(X, processes), own_rows(Y, processes))
        if processes.rank == 0:
            persistence.dump(clf, Path(folder) / "net.joblib")
            print(f"{processes.size} processes, loss {clf.loss_:.3f}, alpha {clf.alpha_:g}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
