"""Simulated answers of annotators, which several test files share."""

import numpy as np
from scipy.special import softmax

FIXED = {"hidden_layer_sizes": (16,), "alpha": 0.1, "dropout": 0.0, "max_iter": 15}


def simulate(n=600, kinds=(24, 10, 6), per_item=5, k=3, seed=0, camps_differ=True):
    """Answers of a main camp, a second one and some that answer at random.

    Returns X, Y, the kind of each annotator, and P(answer), (n_annotators, n, k).
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    main = softmax(2 * X @ rng.normal(size=(6, k)), axis=1)
    other = softmax(2 * X @ rng.normal(size=(6, k)), axis=1) if camps_differ else main
    kind = np.repeat(np.arange(3), kinds)
    proba = np.stack([main, other, np.full((n, k), 1 / k)])[kind]
    drawn = proba.cumsum(axis=2) < rng.random((len(kind), n, 1))
    Y = drawn.sum(axis=2).T.astype(float)
    for row in Y:
        row[rng.permutation(len(kind))[per_item:]] = np.nan
    return X, Y, kind, proba
