"""How each annotator departs from the share: a scale and biases, shrunk to those of the group."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.special import softmax

from .._targets.encoding import Array

ROUNDS = 30
TOL = 1e-2
"""Change of a scale or bias below which a round was the last."""

BLOCK_ENTRIES = 2**22
"""Entries of the second derivatives of answers that are held at once."""

PRIOR_SCALE_VARIANCE, PRIOR_BIAS_VARIANCE = 0.25, 1.0
"""What one more annotator, that nobody saw, says of how much annotators differ."""

TINY = 1e-300


class Effects(NamedTuple):
    """P(label) of an annotator is softmax(scale * log share + bias).

    Parameters
    ----------
    scale : ndarray of shape (n_annotators,)
        1 follows the share, 0 does not look at the item, below 0 says the opposite.
    bias : ndarray of shape (n_annotators, n_classes)
        In nats.
    """

    scale: Array
    bias: Array

    @classmethod
    def none(cls, n_annotators: int, n_classes: int) -> Effects:
        return cls(np.ones(n_annotators), np.zeros((n_annotators, n_classes)))

    def proba(self, log_share: Array, annotators: Array) -> Array:
        """Probabilities (n_classes, n_rows, n_annotators) of these annotators' labels.

        Parameters
        ----------
        log_share : ndarray of shape (n_classes, n_rows, n_annotators)
            Of each one's camp.
        annotators : ndarray of shape (n_annotators,), int
        """
        logits = self.scale[annotators] * log_share + self.bias[annotators].T[:, None]
        proba = np.exp(logits - logits.max(axis=0))
        return proba / proba.sum(axis=0)


def fit_effects(log_share: Array, label: Array, annotator: Array, weight: Array, n: int) -> Effects:
    """Most probable effects of `n` annotators, with normal priors estimated from the same answers.

    Newton's method for each annotator, and after each step an EM step (with Laplace's approximation
    of the variances) for the priors: of the scale its mean and variance, of the biases a variance
    around 0. Who answered little keeps what the group has.

    Parameters
    ----------
    log_share : ndarray of shape (n_answers, n_classes)
        Log probabilities of the labels for the item, by a net that did not see it.
    label, annotator : ndarray of shape (n_answers,), int
    weight : ndarray of shape (n_answers,)
    n : int
    """
    k = log_share.shape[1]
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
    return Effects(found[:, 0], found[:, 1:])


class _Likelihood(NamedTuple):
    """Negative log likelihood of each annotator's answers, in nats, and its derivatives."""

    value: Array
    gradient: Array
    curvature: Array


def _derivatives(
    found: Array, log_share: Array, label: Array, annotator: Array, weight: Array
) -> _Likelihood:
    n, size = found.shape
    k = size - 1
    value, gradient, curvature = np.zeros(n), np.zeros((n, size)), np.zeros((n, size * size))
    rows = max(1, BLOCK_ENTRIES // size**2)
    for start in range(0, len(label), rows):
        part = slice(start, start + rows)
        who, f, w = annotator[part], log_share[part], weight[part]
        p = softmax(found[who, :1] * f + found[who, 1:], axis=1)
        of_answers = -np.log(np.maximum(p[np.arange(len(who)), label[part]], TINY))
        error = p - (label[part, None] == np.arange(k))
        centred = p * (f - (p * f).sum(axis=1, keepdims=True))
        second = np.empty((len(who), size, size))
        second[:, 0, 0] = (centred * f).sum(axis=1)
        second[:, 0, 1:] = second[:, 1:, 0] = centred
        second[:, 1:, 1:] = -p[:, :, None] * p[:, None, :]
        second[:, 1 + np.arange(k), 1 + np.arange(k)] += p
        first = np.hstack([(error * f).sum(axis=1, keepdims=True), error])
        of_annotator = sp.csr_array((w, (who, np.arange(len(who)))), shape=(n, len(who)))
        value += of_annotator @ of_answers
        gradient += of_annotator @ first
        curvature += of_annotator @ second.reshape(len(who), -1)
    return _Likelihood(value, gradient, curvature.reshape(n, size, size))
