"""Curves that are a small logistic regression on soft truths, one a label."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import ClassVar

import numpy as np

from .._targets.encoding import Array
from ._newton import Evaluation, minimise
from ._per_label import Block, LabelwiseCalibrator

SEPARATED = 1e-9
"""Log loss, in nats, at which a curve has become a step: its slope has no finite optimum."""


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
        theta, value = minimise(evaluate, start, np.asarray(self.lower))
        return theta, value < SEPARATED


def _evaluate(
    features: list[Array], offset: Array | float, truth: Array, weight: Array, theta: Array
) -> Evaluation:
    """Logistic regressions with soft truths, one a row of the arrays (m, n_samples).

    The weighted log loss of each, in nats, and its derivatives by theta, (m, d).
    """
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
