"""Reads the real data; see ``SOFTLOSS_DATA`` in CONTRIBUTING.md."""

from __future__ import annotations

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

    def in_float32(self) -> Split:
        """The same with features in float32."""
        return self._replace(X=self.X.astype(np.float32), X_test=self.X_test.astype(np.float32))


def read(folder: Path, kind: str, name: str) -> dict[str, Any]:
    """Arrays of a set as stored; `X` and `Y` in CSR form where they are sparse."""
    with np.load(folder / kind / f"{name}.npz", allow_pickle=False) as file:
        stored = {name: file[name] for name in file.files if not name.endswith("_names")}
    for name in ("X", "Y"):
        if f"{name}_indices" in stored:
            indices = stored.pop(f"{name}_indices").astype(np.int32)
            indptr = stored.pop(f"{name}_indptr").astype(np.int32)
            data = stored.pop(f"{name}_data", np.ones(len(indices)))
            stored[name] = sp.csr_array((data, indices, indptr), shape=stored.pop(f"{name}_shape"))
    return stored


def label_distributions(folder: Path, name: str) -> tuple[Any, Any]:
    """Features and rows that sum to 1, both dense."""
    stored = read(folder, "label_distributions", name)
    return as_dense(stored["X"]), stored["Y"]


def multilabel(folder: Path, name: str) -> Split:
    """The publisher's split; Y is dense."""
    stored = read(folder, "multilabel", name)
    X, Y = stored["X"], as_dense(stored["Y"]).astype(np.int64)
    train, test = stored["train_idx"], stored["test_idx"]
    return Split(X[train], Y[train], X[test], Y[test])


def votes(folder: Path, name: str) -> Split:
    """Vote shares; training and development rows together."""
    stored = read(folder, "votes", name)
    shares = stored["Y"].astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    train, test = np.flatnonzero(stored["split"] < 2), np.flatnonzero(stored["split"] == 2)
    return Split(stored["X"][train], shares[train], stored["X"][test], shares[test])


def as_dense(matrix: Any) -> Any:
    return matrix.toarray() if sp.issparse(matrix) else matrix
