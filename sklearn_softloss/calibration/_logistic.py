"""Curves that are small logistic regressions on soft truths, fitted many at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import numpy as np

from .._targets.encoding import Array
from ._per_label import Block, LabelwiseCalibrator

SEPARATED = 1e-9
"""Log loss, in nats, at which a curve has become a step: its slope has no finite optimum."""

Evaluation = tuple[Array, Array, Array]
"""Values (m,), gradients (m, d) and Hessians (m, d, d) of m problems."""

SMALL_DECREMENT = 1e-14
"""Expected decrease, in the unit of the value, below which a problem is solved."""

LONGEST_STEP = 100.0
SHORTEST_STEP = 1e-12
"""Share of a Newton step below which rounding forbids any decrease."""

MAX_ITER = 100


class LogisticCalibrator(LabelwiseCalibrator):
    """Base of the curves expit(offset + theta . features) of the log-odds."""

    start: ClassVar[tuple[float, ...]]
    """Parameters of the curve that changes nothing."""

    lower: ClassVar[tuple[float, ...]]
    """Least values of the parameters."""

    bounds_truths: ClassVar[bool] = False
    """Whether truths are kept within 1 / (N- + 2) and (N+ + 1) / (N+ + 2), Platt's 0 and 1."""

    @abstractmethod
    def _features(self, log_odds: Array) -> tuple[list[Array], Array | float]:
        """One feature a parameter, and the part of the log-odds that has no parameter."""

    def _identity(self, n_labels: int) -> Array:
        return np.tile(np.asarray(self.start), (n_labels, 1))

    def _fit_block(self, block: Block) -> tuple[Array, Array]:
        positives, negatives = block.positives[:, None], block.negatives[:, None]
        truth = block.truth
        if self.bounds_truths:
            truth = np.clip(truth, 1 / (negatives + 2), (positives + 1) / (positives + 2))
        weight = block.weight / (positives + negatives)
        evaluate = partial(_evaluate, *self._features(block.read), truth, weight)
        start = self._identity(len(truth))
        theta, value = _minimise(evaluate, start, np.asarray(self.lower))
        return theta, value < SEPARATED


def _evaluate(
    features: list[Array], offset: Array | float, truth: Array, weight: Array, theta: Array
) -> Evaluation:
    """Soft log loss in nats of m regressions on (m, n_samples), and derivatives by theta (m, d)."""
    m, d = theta.shape
    raw = offset + sum(theta[:, [i]] * features[i] for i in range(d))
    small = np.exp(-np.abs(raw))
    likelier = 1 / (1 + small)
    losses = np.maximum(raw, 0) + np.log1p(small) - truth * raw
    proba = 0.5 + np.copysign(likelier - 0.5, raw)
    residual = weight * (proba - truth)
    curvature = weight * (small * np.square(likelier))
    gradient, hessian = np.empty((m, d)), np.empty((m, d, d))
    for i, feature in enumerate(features):
        gradient[:, i] = _row_dots(residual, feature)
        curved = curvature * feature
        for j in range(i + 1):
            hessian[:, i, j] = hessian[:, j, i] = _row_dots(curved, features[j])
    return _row_dots(weight, losses), gradient, hessian


def _row_dots(left: Array, right: Array) -> Array:
    return np.asarray(np.einsum("mn,mn->m", left, right))


def _minimise(
    evaluate: Callable[[Array], Evaluation], start: Array, lower: Array
) -> tuple[Array, Array]:
    """Minima of m convex functions of (m, d): projected Newton (Bertsekas, doi:10.1137/0320018)."""
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
