"""Newton's method for many small convex problems at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._targets.encoding import Array

Evaluation = tuple[Array, Array, Array]
"""Values (m,), gradients (m, d) and Hessians (m, d, d) of m problems."""

SMALL_DECREMENT = 1e-14
"""Expected decrease, in the unit of the value, below which a problem is solved."""

LONGEST_STEP = 100.0
SHORTEST_STEP = 1e-12
"""Share of a Newton step below which rounding forbids any decrease."""

MAX_ITER = 100


def minimise(
    evaluate: Callable[[Array], Evaluation], start: Array, lower: Array
) -> tuple[Array, Array]:
    """Minimise m convex functions of d bounded parameters by projected Newton steps.

    Steps that do not decrease their value are halved (Bertsekas, "Projected Newton methods for
    optimization problems with simple constraints", 1982, doi 10.1137/0320018).

    Parameters
    ----------
    evaluate : callable
        From parameters of shape (m, d) to an `Evaluation`.
    start : ndarray of shape (m, d)
    lower : ndarray of shape (d,)
        Least values; -inf where there is none.

    Returns
    -------
    theta : ndarray of shape (m, d)
    value : ndarray of shape (m,)
        About 0 if the least value is 0 and lies at infinity.
    """
    theta = np.maximum(start, lower)
    value, gradient, hessian = evaluate(theta)
    length = np.ones(len(theta))
    for _ in range(MAX_ITER):
        step = _newton_step(gradient, hessian, held=(theta <= lower) & (gradient > 0))
        going = ((gradient * step).sum(axis=1) > SMALL_DECREMENT) & (length > SHORTEST_STEP)
        if not going.any():
            # One more step costs no evaluation and squares the error.
            return np.maximum(theta - length[:, None] * step, lower), value
        trial = np.maximum(theta - (going * length)[:, None] * step, lower)
        tried = evaluate(trial)
        better = tried[0] <= value + np.finfo(np.float64).eps * np.abs(value)
        length = np.where(better, 1.0, length / 2)
        theta = np.where(better[:, None], trial, theta)
        value = np.where(better, tried[0], value)
        gradient = np.where(better[:, None], tried[1], gradient)
        hessian = np.where(better[:, None, None], tried[2], hessian)
    return theta, value


def _newton_step(gradient: Array, hessian: Array, held: Array) -> Array:
    """The step to subtract; 0 for parameters held at their bound."""
    free = np.where(held, 0.0, gradient)
    both_free = ~(held[:, :, None] | held[:, None, :])
    # The ridge bounds the step where all is saturated and the Hessian vanishes, and keeps
    # collinear features solvable; it vanishes with the gradient.
    ridge = np.linalg.norm(free, axis=1) / LONGEST_STEP
    ridge += 1e-12 * np.trace(hessian, axis1=1, axis2=2) + np.finfo(np.float64).tiny
    curved = np.where(both_free, hessian, 0.0) + ridge[:, None, None] * np.eye(free.shape[1])
    return np.asarray(np.linalg.solve(curved, free[:, :, None])[:, :, 0])
