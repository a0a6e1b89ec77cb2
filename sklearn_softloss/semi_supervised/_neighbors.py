"""The graph of nearest neighbours, weighted so that no row of weights can underflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors

from .._targets.encoding import Array

STEEPNESS = 4.5
"""The furthest neighbour of a row lies at three standard deviations: exp(-3**2 / 2) = 0.011."""


class ApproximateNeighbors:
    """`pynndescent` behind the interface of scikit-learn's `NearestNeighbors`.

    Parameters
    ----------
    n_neighbors : int
    random_state : int, RandomState instance or None
    """

    def __init__(self, n_neighbors: int, random_state: Any) -> None:
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    def fit(self, X: Any) -> ApproximateNeighbors:
        try:
            from pynndescent import NNDescent
        except ImportError as error:
            raise ImportError(
                "neighbors='approximate' needs the package pynndescent: install it with "
                "pip install 'sklearn_softloss[large]', or take neighbors='exact'."
            ) from error
        self.index_ = NNDescent(X, n_neighbors=self.n_neighbors + 1, random_state=self.random_state)
        return self

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


def build_index(X: Any, n_neighbors: int, *, approximate: bool, random_state: Any) -> Any:
    """A fitted search for nearest neighbours; all other rows where there are fewer."""
    n_neighbors = min(n_neighbors, X.shape[0] - 1)
    if approximate:
        return ApproximateNeighbors(n_neighbors, random_state).fit(X)
    return NearestNeighbors(n_neighbors=n_neighbors).fit(X)


def neighbor_weights(distances: Array) -> Array:
    """Weights of neighbours, Gaussian in the distance relative to the furthest neighbour's.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_neighbors)
        >= 0 in any unit; infinite where there is no neighbour.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors), float64
        In [0.011, 1] whatever the scale of the distances, and 0 where there is no neighbour. At
        distance 0 the weight is 1, also where all neighbours are duplicates.
    """
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
