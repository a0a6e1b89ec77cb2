"""The parts behind annotators: camps, scales and biases, and Dawid and Skene's votes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from annotator_cases import simulate
from sklearn_softloss._targets.annotations import Annotations, read_annotations
from sklearn_softloss.annotators import DawidSkene
from sklearn_softloss.annotators._camps import _shrunk, camps_of
from sklearn_softloss.annotators._effects import _derivatives, fit_effects
from sklearn_softloss.targets import vote_shares

# --- camps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_item", [5, 30])
@pytest.mark.parametrize("kinds", [(40, 0, 0), (30, 0, 10)])
def test_one_camp_is_not_split(kinds, per_item):
    _, Y, _, _ = simulate(kinds=kinds, per_item=per_item)
    camps = camps_of(read_annotations(Y), "auto", np.random.RandomState(0))
    assert_array_equal(camps.of_annotator, 0)


def test_blocks_of_annotators_that_never_meet_are_no_camps():
    _, Y, _, _ = simulate(kinds=(40, 0, 0), per_item=40)
    Y[:300, 20:], Y[300:, :20] = np.nan, np.nan
    camps = camps_of(read_annotations(Y), "auto", np.random.RandomState(0))
    assert_array_equal(camps.of_annotator, 0)


def test_spammer_scores_of_few_answers_are_near_the_mean():
    found = _shrunk(np.array([0.9, 0.7, 0.0, 0.5]), np.array([101, 6, 1, 0]))
    mean = (100 * 0.9 + 5 * 0.7) / 105
    assert_allclose(found, [(90 + 5 * mean) / 105, (3.5 + 5 * mean) / 10, mean, np.nan])
    assert np.isnan(_shrunk(np.zeros(3), np.ones(3))).all()


# --- effects by themselves -----------------------------------------------------------------------


def test_derivatives_are_those_of_the_likelihood():
    rng = np.random.default_rng(0)
    n, k, m = 3, 4, 50
    log_share = np.log(rng.dirichlet(np.ones(k), m)).T
    data = log_share, rng.integers(k, size=m), rng.integers(n, size=m), rng.random(m)
    at, step = rng.normal(size=(n, 1 + k)), 1e-5
    found = _derivatives(at, *data)
    for j in range(1 + k):
        move = step * np.eye(1 + k)[j]
        up, down = _derivatives(at + move, *data), _derivatives(at - move, *data)
        assert_allclose(found.gradient[:, j], (up.value - down.value) / (2 * step), atol=1e-6)
        slope = (up.gradient - down.gradient) / (2 * step)
        assert_allclose(found.curvature[:, j], slope, atol=1e-6)


def test_effects_are_recovered():
    rng = np.random.default_rng(0)
    n, k, m = 8, 3, 40_000
    scale, bias = rng.normal(1, 0.5, n), rng.normal(0, 1, (n, k))
    log_share = np.log(rng.dirichlet(np.ones(k), m))
    who = rng.integers(n, size=m)
    proba = softmax(scale[who, None] * log_share + bias[who], axis=1)
    label = (proba.cumsum(axis=1) < rng.random((m, 1))).sum(axis=1)
    found, found_bias = fit_effects(log_share.T, label, who, np.ones(m), n)
    assert_allclose(found, scale, atol=0.1)
    centred = bias - bias.mean(axis=1, keepdims=True)
    assert_allclose(found_bias - found_bias.mean(axis=1, keepdims=True), centred, atol=0.1)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_effects_are_finite_whatever_the_answers(seed):
    rng = np.random.default_rng(seed)
    n, k, m = (int(size) for size in rng.integers((1, 2, 1), (6, 5, 60)))
    log_share = np.log(np.maximum(rng.dirichlet(np.full(k, 0.05), m), 1e-6))
    who = rng.integers(n, size=m)
    label = np.where(rng.random(n)[who] < 0.5, 0, rng.integers(k, size=m))
    scale, bias = fit_effects(log_share.T, label, who, np.ones(m), n)
    assert np.isfinite(scale).all()
    assert np.isfinite(bias).all()


# --- votes without X -----------------------------------------------------------------------------


def confused(n=1500, seed=0):
    """Votes of four kinds of annotators, and how they confuse."""
    rng = np.random.default_rng(seed)
    kinds = np.array(
        [
            [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]],
            [[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]],
            [[0.6, 0.4, 0.0], [0.0, 0.6, 0.4], [0.4, 0.0, 0.6]],
            [[1 / 3] * 3] * 3,
        ]
    )
    confusion = kinds[np.arange(32) % 4]
    truth = rng.integers(3, size=n)
    drawn = confusion.cumsum(axis=2)[:, truth] < rng.random((32, n, 1))
    votes = drawn.sum(axis=2).T.astype(float)
    votes[rng.random(votes.shape) > 30 / 32] = np.nan
    return votes, truth, confusion


def test_dawid_skene_finds_labels_and_confusion():
    votes, truth, confusion = confused()
    found = DawidSkene().fit(votes)
    assert (found.proba_.argmax(axis=1) == truth).mean() > 0.99
    assert np.abs(found.confusion_ - confusion).mean() < 0.03
    assert_allclose(found.confusion_.sum(axis=2), 1)
    assert_allclose(found.prior_, 1 / 3, atol=0.05)
    assert_allclose(found.weights_, np.einsum("ajj->a", confusion) / 3, atol=0.05)


def test_votes_without_x_keep_names_gaps_and_order():
    votes, truth, _ = confused(n=60)
    votes[7], votes[:, 5] = np.nan, np.nan
    names = [f"n{j:02d}" for j in range(32)]
    places = np.nan_to_num(votes, nan=3).astype(int)
    frame = pd.DataFrame(np.array(["a", "b", "c", None], dtype=object)[places], columns=names)
    found = DawidSkene().fit(frame)
    assert_array_equal(found.classes_, ["a", "b", "c"])
    assert list(found.annotators_) == names
    assert_allclose(found.proba_.sum(axis=1), 1)
    assert_allclose(found.proba_[7], found.prior_)
    assert (found.proba_.argmax(axis=1) == truth).mean() > 0.95
    assert found.weights_[5] == 0
    assert np.isnan(found.confusion_[5]).all()
    shares, _ = vote_shares(frame.drop(index=7), annotator_weight=found.weights_)
    assert_allclose(shares.sum(axis=1), 1)


ANAESTHETISTS = """
111 1111 333 4334 112 2122 222 3121 222 3222 222 3322 122 2111 333 3433 222 2223 232 2223 444 4444
222 3343 111 1111 222 3212 121 1111 111 2111 111 1111 111 1111 222 2221 222 1322 222 2222 222 2221
222 3222 221 2222 111 1111 111 1111 232 2222 111 1111 111 1111 112 1121 111 1111 333 3233 111 1111
222 2222 222 3232 433 4343 221 2232 232 3233 333 3432 111 1111 111 1111 121 2111 232 2222 121 1111
222 2222
"""
"""Fitness of 45 patients, judged three times by a first and once by four others (Dawid and Skene
1979, table 1)."""


def test_dawid_skene_meets_its_published_example():
    digits = np.array([list(word) for word in "".join(ANAESTHETISTS.split())]).astype(int)
    judged = digits.reshape(45, 7) - 1
    observer = np.tile([0, 0, 0, 1, 2, 3, 4], 45)
    patient = np.repeat(np.arange(45), 7)
    answers = Annotations(
        patient, observer, judged.ravel(), np.arange(45), np.arange(5), np.arange(4)
    )
    found = DawidSkene().fit(answers)
    assert_allclose(found.prior_, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    first = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0]]
    assert_allclose(found.confusion_[0, :3], first, atol=0.005)
