"""The graph of nearest neighbours, weighted so that no row of weights can underflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Array

STEEPNESS = 4.5
"""The furthest neighbour of a row lies at three standard deviations: exp(-3**2 / 2) = 0.011."""


class ApproximateNeighbors:
    """`pynndescent` on rows, with the search of scikit-learn's `NearestNeighbors`."""

    def __init__(self, X: Any, n_neighbors: int, random_state: Any) -> None:
        try:
            from pynndescent import NNDescent
        except ImportError as error:
            raise ImportError(
                "neighbors='approximate' needs the package pynndescent: install it with "
                "pip install 'sklearn_softloss[large]', or take neighbors='exact'."
            ) from error
        self.n_neighbors = n_neighbors
        self.index_ = NNDescent(X, n_neighbors=n_neighbors + 1, random_state=random_state)

    def kneighbors(self, X: Any = None) -> tuple[Array, Array]:
        """Distances and row numbers of the neighbours; a fitted row is no neighbour of itself."""
        if X is not None:
            indices, distances = self.index_.query(X, k=self.n_neighbors)
        else:
            indices, distances = without_self(*self.index_.neighbor_graph)
        missing = indices < 0
        return np.where(missing, np.inf, distances), np.where(missing, 0, indices)


def without_self(indices: Array, distances: Array) -> tuple[Array, Array]:
    """Drop each row from its own list of neighbours, or the furthest where it is not listed."""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return indices[~own].reshape(shape), distances[~own].reshape(shape)


def neighbor_weights(distances: Array) -> Array:
    """In [0.011, 1], 1 at distance 0; 0 at infinity, where there is no neighbour."""
    there = np.isfinite(distances)
    found = np.where(there, distances, 0.0).astype(np.float64)
    furthest = found.max(axis=1, keepdims=True)
    relative = np.divide(found, furthest, out=np.zeros_like(found), where=furthest > 0)
    return np.where(there, np.exp(-STEEPNESS * relative**2), 0.0)


def weight_matrix(distances: Array, indices: Array, n_columns: int) -> Any:
    """Weights of neighbours as a CSR array of shape (n_samples, n_columns)."""
    n_rows, n_neighbors = indices.shape
    starts = np.arange(0, n_rows * n_neighbors + 1, n_neighbors)
    weights = neighbor_weights(distances)
    return sp.csr_array((weights.ravel(), indices.ravel(), starts), shape=(n_rows, n_columns))


def symmetric_affinity(distances: Array, indices: Array) -> Any:
    """The mean of the weight that each row gives its neighbours and of the weight they give it."""
    directed = weight_matrix(distances, indices, len(indices))
    affinity = sp.csr_array((directed + directed.T) / 2)
    affinity.eliminate_zeros()
    return affinity
