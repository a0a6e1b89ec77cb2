"""Started twice: trains the cases on the shard of this process, and keeps what comes of it."""

import pickle
import sys
from pathlib import Path

import numpy as np
from sklearn.base import clone

from cases import CASES, LABELS, SOFT, SPARSE, Module, X, shard, soft, weights
from sklearn_softloss.distributed import data_parallel

folder = Path(sys.argv[1])
found = {}
with data_parallel(timeout=60) as processes:
    rank = processes.rank
    for name, (estimator, rows, y, given) in CASES.items():
        own = {key: shard(value, rank) for key, value in given.items()}
        fitted = clone(estimator).fit(shard(rows, rank), shard(y, rank), **own)
        found[name] = weights(fitted), fitted.loss_curve_, fitted.validation_loss_curve_
    np.save(folder / f"rows{rank}.npy", shard(X, rank))
    mapped = np.load(folder / f"rows{rank}.npy", mmap_mode="r")
    file = soft(solver="adamw").fit(mapped, shard(LABELS, rank))
    found["memory-mapped"] = weights(file), file.loss_curve_, None
    parts = soft()
    for _ in range(3):
        parts.partial_fit(shard(X, rank), shard(LABELS, rank), classes=list("abc"))
    found["parts"] = weights(parts), parts.loss_curve_, None
    warm = soft(warm_start=True)
    for _ in range(2):
        warm.fit(shard(X, rank), shard(np.sort(LABELS), rank))
    found["warm start"] = weights(warm), warm.loss_curve_, None
    few = soft(batch_size=8, random_state=None, dropout=0.2)
    found["a seed of its own, steps of few rows"] = (
        weights(few.fit(X[rank:6] if rank else X[6:], LABELS[rank:6] if rank else LABELS[6:])),
        few.loss_curve_,
        None,
    )
    few.set_params(module=Module, early_stopping=True, validation_fraction=0.2)
    few.fit(X[:3] if rank else X[3:], LABELS[:3] if rank else LABELS[3:])
    found["a module, steps of few rows"] = weights(few), few.loss_curve_, None
    few.set_params(module=None, early_stopping=False).fit(
        SPARSE[:2] if rank else SPARSE, SOFT[:2] if rank else SOFT
    )
    found["sparse steps of few rows"] = weights(few), few.loss_curve_, None
np.testing.assert_array_equal(pickle.loads(pickle.dumps(few)).predict(SPARSE), few.predict(SPARSE))
(folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))
