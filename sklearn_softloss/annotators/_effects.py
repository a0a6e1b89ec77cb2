"""How each annotator departs from the share: a scale and biases, shrunk to those of the group."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from .._targets.encoding import Array

ROUNDS = 30
TOL = 0.03
"""Change of a scale or bias below which a round was the last."""

PRIOR_SCALE_VARIANCE, PRIOR_BIAS_VARIANCE = 0.25, 1.0
"""What one more annotator, that nobody saw, says of how much annotators differ."""

TINY = 1e-300


def fit_effects(
    log_share: Array, label: Array, annotator: Array, weight: Array, n: int
) -> tuple[Array, Array]:
    """Likeliest scales and biases of `n` annotators: P(label) = softmax(scale * log share + bias).

    By Newton's method for each, and EM steps (Laplace's approximation) for the normal priors: of
    the scale mean and variance, of the biases a variance around 0. `log_share` is (n_classes,
    n_answers), by a net that did not see the items.
    """
    k = len(log_share)
    log_share = np.ascontiguousarray(log_share)
    data = log_share, label, annotator, weight
    found = np.hstack([np.ones((n, 1)), np.zeros((n, k))])
    mean = np.eye(1, k + 1)[0]
    variance = np.r_[PRIOR_SCALE_VARIANCE, np.full(k, PRIOR_BIAS_VARIANCE)]
    likelihood = _derivatives(found, *data)
    reach = np.ones((n, 1))
    for _ in range(ROUNDS):
        gradient = likelihood.gradient + (found - mean) / variance
        covariance = np.linalg.inv(likelihood.curvature + np.diag(1 / variance))
        tried = found - reach * np.einsum("aij,aj->ai", covariance, gradient)
        there = _derivatives(tried, *data)
        prior = ((tried - mean) ** 2 - (found - mean) ** 2) @ (0.5 / variance)
        is_better = there.value + prior <= likelihood.value
        change = np.abs(tried - found).max()
        found[is_better] = tried[is_better]
        for old, new in zip(likelihood, there, strict=True):
            old[is_better] = new[is_better]
        reach = np.where(is_better[:, None], np.minimum(2 * reach, 1.0), reach / 4)
        if change < TOL:
            break
        mean[0] = (found[:, 0].sum() + 1) / (n + 1)
        spread = (found - mean) ** 2 + np.diagonal(covariance, axis1=1, axis2=2)
        variance[0] = (spread[:, 0].sum() + PRIOR_SCALE_VARIANCE) / (n + 1)
        variance[1:] = (spread[:, 1:].mean(axis=1).sum() + PRIOR_BIAS_VARIANCE) / (n + 1)
    return found[:, 0], found[:, 1:]


class _Likelihood(NamedTuple):
    """Negative log likelihood of each annotator's answers, in nats, and its derivatives."""

    value: Array
    gradient: Array
    curvature: Array


def _derivatives(
    found: Array, log_share: Array, label: Array, annotator: Array, weight: Array
) -> _Likelihood:
    n, size = found.shape
    logits = found[annotator, 0] * log_share + found.T[1:].take(annotator, axis=1)
    p = softmax(np.ascontiguousarray(logits), axis=0)  # whose sums over a short axis are fast

    def total(values: Array) -> Array:
        return np.bincount(annotator, weight * values, n)

    of_answers = p[label, np.arange(len(label))]
    mean = (p * log_share).sum(axis=0)
    centred = p * (log_share - mean)
    gradient, curvature = np.empty((n, size)), np.empty((n, size, size))
    gradient[:, 0] = total(mean - log_share[label, np.arange(len(label))])
    curvature[:, 0, 0] = total((centred * log_share).sum(axis=0))
    for i in range(1, size):
        gradient[:, i] = total(p[i - 1] - (label == i - 1))
        curvature[:, 0, i] = curvature[:, i, 0] = total(centred[i - 1])
        for j in range(1, i):
            curvature[:, i, j] = curvature[:, j, i] = -total(p[i - 1] * p[j - 1])
        curvature[:, i, i] = total(p[i - 1] * (1 - p[i - 1]))
    return _Likelihood(total(-np.log(np.maximum(of_answers, TINY))), gradient, curvature)
