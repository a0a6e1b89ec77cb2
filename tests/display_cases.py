"""Targets and probabilities that the tests of pictures share."""

import numpy as np


def draw_soft(n=400, k=3, seed=0, sharpness=2.0):
    """Shares of five votes, and probabilities that are too sure of themselves."""
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.ones(k), n)
    votes = np.array([rng.multinomial(5, row) / 5 for row in chance])
    proba = chance**sharpness
    return votes, proba / proba.sum(axis=1, keepdims=True)


def draw_labels(n=300, n_labels=4, seed=0):
    """Label sets with unknown entries, and probabilities that are wrong."""
    rng = np.random.default_rng(seed)
    proba = rng.random((n, n_labels)) ** np.arange(1, n_labels + 1)
    truth = (rng.random(proba.shape) < proba**1.5).astype(float)
    truth[rng.random(proba.shape) < 0.2] = np.nan
    return truth, proba


VOTES, VOTE_PROBA = draw_soft()
SETS, SET_PROBA = draw_labels()

X_LINE = np.random.default_rng(1).permutation(np.linspace(0, 1, 60))
Y_LINE = X_LINE + np.random.default_rng(2).normal(size=60)
Y_LINE[::7] = np.nan
BANDS = X_LINE[:, None] + np.array([-1.2, 0.0, 1.2])
