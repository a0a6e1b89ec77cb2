"""Moons of which few rows have a label, for the tests of semi-supervised methods."""

import numpy as np
import pytest
from sklearn.datasets import make_moons

MODES = ["spreading", "propagation"]
over_modes = pytest.mark.parametrize("mode", MODES)


def few_labels(y, n, seed=0):
    """The first n rows of a random order keep their labels, the others are -1."""
    shown = np.random.default_rng(seed).permutation(len(y))[:n]
    found = np.full(len(y), -1)
    found[shown] = y[shown]
    return found


def moons(n=80, n_labels=12):
    X, y = make_moons(n, noise=0.1, random_state=0)
    return X, few_labels(y, n_labels)
