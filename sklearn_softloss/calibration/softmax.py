"""Changes of logits, a temperature or linear, that minimise the soft log loss of a softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from .._namespace import namespaces
from .._targets.encoding import Array
from .._warn import warn

RIDGE = 1e-8
"""Twice the penalty, in nats, on squared parameters: scores that separate the classes without
error leave a finite optimum, and directions that change nothing a single one."""

MAX_ITER = 500
HIT_THE_LIMIT = 1
"""Status of scipy's trust region methods after `MAX_ITER` iterations."""


def soft_log_loss_and_residual(
    raw: Array, weighted_truth: Array, weight: Array
) -> tuple[float, Array]:
    """Sum of soft log losses in nats and its slope by `raw` (n_classes, n_samples), overwritten."""
    raw -= raw.max(axis=0)
    fitted = np.vdot(weighted_truth, raw)
    residual = np.exp(raw, out=raw)
    total = residual.sum(axis=0)
    residual *= weight / total
    residual -= weighted_truth
    return float(weight @ np.log(total) - fitted), residual


def fit_softmax(
    scores: Array,
    linear: Callable[[Array], Array],
    adjoint: Callable[[Array], Array],
    n_parameters: int,
    truth: Array,
    weight: Array,
    penalty_slope: Callable[[Array], Array] = np.zeros_like,
) -> Array:
    """Parameters of the change of `scores` with the least mean soft log loss plus penalty.

    `linear` maps parameters to what is added to the scores, `adjoint` derivatives back;
    `penalty_slope` is the derivative, linear, of a quadratic penalty. Scores and truth are
    (n_classes, n_samples).
    """
    share = weight / weight.sum()
    weighted_truth = truth * share
    latest: dict[bytes, Array] = {}

    def slope_of_penalties(theta: Array) -> Array:
        return penalty_slope(theta) + RIDGE * theta

    def objective(theta: Array) -> tuple[float, Array]:
        loss, residual = soft_log_loss_and_residual(scores + linear(theta), weighted_truth, share)
        slope = slope_of_penalties(theta)
        return loss + float(theta @ slope) / 2, adjoint(residual) + slope

    def hessian_product(theta: Array, direction: Array) -> Array:
        if theta.tobytes() not in latest:
            latest.clear()
            latest[theta.tobytes()] = softmax(scores + linear(theta), axis=0)
        proba = latest[theta.tobytes()]
        moved = proba * linear(direction)
        moved -= proba * moved.sum(axis=0)
        moved *= share
        return adjoint(moved) + slope_of_penalties(direction)

    found = minimize(
        objective,
        np.zeros(n_parameters),
        jac=True,
        hessp=hessian_product,
        method="trust-ncg",
        options={"gtol": 1e-10, "maxiter": MAX_ITER},
    )
    if found.status == HIT_THE_LIMIT:
        warn(
            f"Calibration stopped after {MAX_ITER} iterations, before its loss was least.",
            ConvergenceWarning,
        )
    return np.asarray(found.x)


def best_temperature(
    scores: Array,
    truth: Array,
    weight: Array,
    bounds: tuple[float, float],
    offset: Array | float = 0.0,
) -> float:
    """The temperature, within bounds, at which softmax(offset + scores / temperature) fits best.

    The soft log loss is convex in 1 / temperature: its slope is 0 at one place, or at none, and
    then the best is a bound. Rows are samples; `offset` has shape (n_classes, 1).
    """
    share = weight / weight.sum()
    scores = np.ascontiguousarray((scores - scores.max(axis=1, keepdims=True)).T)
    weighted_truth = np.ascontiguousarray(truth.T) * share

    def slope(log_temperature: float) -> float:
        raw = scores * np.exp(-log_temperature) + offset
        _, residual = soft_log_loss_and_residual(raw, weighted_truth, share)
        return float(np.vdot(residual, scores))

    low, high = np.log(bounds)
    if slope(0.0) == 0:
        return 1.0
    if slope(low) <= 0:
        return bounds[0]
    if slope(high) >= 0:
        return bounds[1]
    return float(np.exp(brentq(slope, low, high, xtol=1e-12)))


def one_row_a_class(scores: Array, truth: Array, present: Array) -> tuple[Array, Array]:
    """Of the classes present, contiguous over samples."""
    return np.ascontiguousarray(scores[:, present].T), np.ascontiguousarray(truth[:, present].T)


def keeping_absent(raw: Any, absent: Array, proba: Any) -> Any:
    """Softmax over the classes present, which share what the others leave."""
    xp, special = namespaces(raw)
    if not absent.any():
        return special.softmax(raw, axis=1)
    present = np.flatnonzero(~absent)
    left = 1 - proba[:, np.flatnonzero(absent)].sum(axis=1, keepdims=True)
    shares = left * special.softmax(raw[:, present], axis=1)
    return xp.where(xp.asarray(absent), proba, shares[:, np.cumsum(~absent) - 1])
