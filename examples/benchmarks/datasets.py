"""Reads the real data that the benchmarks share; see ``SOFTLOSS_DATA`` in CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp


class Split(NamedTuple):
    """Rows to train on and rows to test on."""

    X: Any
    Y: Any
    X_test: Any
    Y_test: Any


def parser(purpose: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark on real data has."""
    found = argparse.ArgumentParser(description=purpose)
    found.add_argument("--data", default=os.environ.get("SOFTLOSS_DATA"), help="folder of the data")
    found.add_argument("--smoke", action="store_true", help="small made-up data, writes nothing")
    found.add_argument("--write", action="store_true", help="write the page in docs/benchmarks")
    return found


def read(path: Path) -> dict[str, Any]:
    """Arrays of a set; `X` (float32) and `Y` as stored, in CSR form where they are sparse."""
    with np.load(path, allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files if not name.endswith("_names")}
    for name in ("X", "Y"):
        if name not in stored:
            indices = stored.pop(f"{name}_indices").astype(np.int32)
            indptr = stored.pop(f"{name}_indptr").astype(np.int32)
            data = stored.pop(f"{name}_data", np.ones(len(indices)))
            stored[name] = sp.csr_array((data, indices, indptr), shape=stored.pop(f"{name}_shape"))
    stored["X"] = stored["X"].astype(np.float32)
    return stored


def label_distributions(folder: Path, name: str) -> tuple[Any, Any]:
    """Dense features and rows that sum to 1."""
    stored = read(folder / "label_distributions" / f"{name}.npz")
    return as_dense(stored["X"]), stored["Y"]


def multilabel(folder: Path, name: str) -> Split:
    """The publisher's split; Y is dense."""
    stored = read(folder / "multilabel" / f"{name}.npz")
    X, Y = stored["X"], as_dense(stored["Y"]).astype(np.int64)
    train, test = stored["train_idx"], stored["test_idx"]
    return Split(X[train], Y[train], X[test], Y[test])


def votes(folder: Path, name: str) -> Split:
    """Vote shares; training and development rows together."""
    stored = read(folder / "votes" / f"{name}.npz")
    shares = stored["Y"].astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    train, test = np.flatnonzero(stored["split"] < 2), np.flatnonzero(stored["split"] == 2)
    return Split(stored["X"][train], shares[train], stored["X"][test], shares[test])


def as_dense(matrix: Any) -> Any:
    return matrix.toarray() if sp.issparse(matrix) else matrix
