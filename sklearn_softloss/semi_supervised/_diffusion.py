"""Labels diffused over a graph: sparse linear systems, solved by conjugate gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import cg
from sklearn.exceptions import ConvergenceWarning

from .._targets.encoding import Array
from .._warn import warn


class Diffused(NamedTuple):
    """A distribution a row, the class prior for the rows `unreached` by a label, and the most steps
    of conjugate gradients that a class took."""

    distributions: Array
    unreached: Array
    n_iter: int


def spread(affinity: Any, y_soft: Array, *, alpha: float, tol: float) -> Diffused:
    """Soft clamping: F = (1 - alpha) (I - alpha S)^-1 Y with S = D^-1/2 W D^-1/2. `affinity` is W,
    with a zero diagonal; rows of `y_soft` without a label are NaN, and 0 in Y."""
    labelled = ~np.isnan(y_soft[:, 0])
    start = np.where(labelled[:, None], y_soft, 0.0)
    scale = _inverse_roots(affinity.sum(axis=1))
    system = sp.eye_array(len(start)) - alpha * (scale @ affinity @ scale)
    mass, n_iter = _solve(sp.csr_array(system), (1 - alpha) * start, tol)
    # The error of a solution is below tol * |Y|: what is smaller cannot be told from 0.
    visible = mass.sum(axis=1) > tol * np.linalg.norm(start)
    reached = _connected_to(affinity, labelled) & (labelled | visible)
    return _diffused(mass, reached, y_soft[labelled].mean(axis=0), n_iter)


def propagate(affinity: Any, y_soft: Array, *, tol: float) -> Diffused:
    """Hard clamping, which keeps given labels: L_uu F_u = W_ul Y_l with L = D - W, u the rows
    without and l those with a label."""
    labelled = ~np.isnan(y_soft[:, 0])
    reached = _connected_to(affinity, labelled)
    asked = np.flatnonzero(reached & ~labelled)
    rows = affinity[asked]
    scale = _inverse_roots(rows.sum(axis=1))
    system = sp.eye_array(len(asked)) - scale @ rows[:, asked] @ scale
    from_labels = rows[:, np.flatnonzero(labelled)] @ y_soft[labelled]
    scaled, n_iter = _solve(sp.csr_array(system), scale @ from_labels, tol)
    mass = np.where(labelled[:, None], y_soft, 0.0)
    mass[asked] = scale @ scaled
    return _diffused(mass, reached, y_soft[labelled].mean(axis=0), n_iter)


def _connected_to(affinity: Any, labelled: Array) -> Array:
    """Which rows are in one connected part of the graph with a labelled row."""
    _, part = connected_components(affinity, directed=False)
    return np.isin(part, part[labelled])


def _inverse_roots(degree: Array) -> Any:
    """D^-1/2, a diagonal matrix; 0 where the degree is."""
    root = np.sqrt(degree)
    return sp.diags_array(np.divide(1.0, root, out=np.zeros_like(root), where=root > 0))


def _solve(system: Any, targets: Array, tol: float) -> tuple[Array, int]:
    """Columns X of system @ X = targets, no entry below 0, and the most steps one took."""
    found = np.zeros_like(targets)
    steps = np.zeros(targets.shape[1], dtype=int)
    for j, target in enumerate(targets.T):

        def count(_: Array, j: int = j) -> None:
            steps[j] += 1

        found[:, j], unfinished = cg(system, target, rtol=tol, callback=count)
        if unfinished:
            warn(
                f"Conjugate gradients stopped after {steps[j]} steps short of tol={tol:g}: raise "
                "tol, or check the graph.",
                ConvergenceWarning,
            )
    return np.maximum(found, 0.0), int(steps.max(initial=0))


def _diffused(mass: Array, reached: Array, prior: Array, n_iter: int) -> Diffused:
    """Rows that sum to 1, the class prior where no label arrives."""
    distributions = np.tile(prior, (len(mass), 1))
    distributions[reached] = mass[reached] / mass[reached].sum(axis=1, keepdims=True)
    return Diffused(distributions, np.flatnonzero(~reached), n_iter)
