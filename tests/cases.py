"""The lists that tests run over: a new member is tested unasked."""

import numpy as np
import pytest
import torch

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    SquaredError,
)

ESTIMATORS = [SoftTargetMLPClassifier, MultiLabelSigmoidClassifier]

LOSSES = [
    CrossEntropy(),
    SquaredError(),
    BinaryCrossEntropy(),
    BinaryCrossEntropy(pos_weight=3.0),
    BinarySquaredError(),
]

over_losses = pytest.mark.parametrize("loss", LOSSES, ids=repr)
over_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)


def draw_logits(n=7, k=4, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, (n, k))).to(dtype)


def draw_targets(loss, n=7, k=4, seed=1, dtype=torch.float64):
    """Soft targets in the loss's domain."""
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(k), n) if loss.domain == "distribution" else rng.random((n, k))
    return torch.from_numpy(values).to(dtype)


def make_soft(n=120, d=5, k=3, seed=0):
    """Rows of X with the class probabilities of a linear softmax model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    logits = X @ rng.normal(size=(d, k)) * 1.5
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    return X, proba / proba.sum(axis=1, keepdims=True)


def make_labels(n=120, d=5, n_labels=4, seed=0):
    """Rows of X with 0/1 labels of a linear model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, n_labels)) + 0.3 > 0).astype(np.int64)


def targets_for(Estimator, **kwargs):
    """X and a 2-D y of the kind that the estimator is for."""
    return make_soft(**kwargs) if Estimator is SoftTargetMLPClassifier else make_labels(**kwargs)
