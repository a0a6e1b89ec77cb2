"""F-beta from precision to recall: as scikit-learn has it, or by brute force."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn import metrics as reference

from sklearn_softloss import metrics

PAIRS = {
    "f1": (metrics.multilabel_f1_score, reference.f1_score),
    "f2": (
        partial(metrics.multilabel_f1_score, beta=2.0),
        partial(reference.fbeta_score, beta=2.0),
    ),
    "precision": (partial(metrics.multilabel_f1_score, beta=0), reference.precision_score),
    "recall": (partial(metrics.multilabel_f1_score, beta=np.inf), reference.recall_score),
}
AVERAGES = ("micro", "macro", "weighted", "samples", None)
over_pairs = pytest.mark.parametrize("name", PAIRS)
over_averages = pytest.mark.parametrize("average", AVERAGES)


def draw(n=40, n_labels=6, seed=0):
    """Decisions and label sets, with an empty label, an unused one, and rows without either."""
    rng = np.random.default_rng(seed)
    Y, decided = (rng.random((2, n, n_labels)) < 0.3).astype(int)
    Y[:, 1] = decided[:, 1] = 0
    Y[:, 2] = 0
    decided[:, 3] = 0
    Y[:4], decided[:4] = 0, 0
    return Y, decided, rng.integers(0, 3, n).astype(float)


@over_pairs
@over_averages
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_full_label_sets_are_scored_as_scikit_learn_does(name, average, zero_division):
    ours, theirs = PAIRS[name]
    for seed in range(5):
        Y, decided, weight = draw(seed=seed)
        options = {"average": average, "zero_division": zero_division, "sample_weight": weight}
        found = ours(Y, decided, **options)
        assert_allclose(found, theirs(Y, decided, **options))
        assert_allclose(ours(sp.csr_array(Y), decided, **options), found)


@over_pairs
@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
def test_soft_entries_are_the_expected_counts(name, average):
    """Each soft row stands for draws of hard ones; the counts of many draws are the expected."""
    Y, decided, _ = draw(n=12)
    soft = np.where(np.random.default_rng(1).random(Y.shape) < 0.5, Y, 0.25)
    hard = np.concatenate([soft >= level for level in (0.2, 0.3, 0.6, 0.9)]).astype(int)
    ours, theirs = PAIRS[name]
    expected = theirs(hard, np.tile(decided, (4, 1)), average=average, zero_division=0.0)
    assert_allclose(ours(soft, decided, average=average), expected)


@over_pairs
def test_unknown_entries_count_for_nothing(name):
    Y, decided, weight = draw()
    known = np.random.default_rng(2).random(Y.shape) < 0.7
    known[5], known[:, 5] = False, False
    partly = np.where(known, Y, np.nan)
    ours, theirs = PAIRS[name]
    by_label = ours(partly, decided, average=None, sample_weight=weight)
    assert np.isnan(by_label).tolist() == [False] * 5 + [True]
    for j in range(5):
        rows = known[:, j]
        expected = theirs(Y[rows, j], decided[rows, j], sample_weight=weight[rows], zero_division=0)
        assert by_label[j] == pytest.approx(expected)
    assert ours(partly, decided, sample_weight=weight) == pytest.approx(np.nanmean(by_label))
    by_row = [
        ours(Y[i, known[i]][:, None], decided[i, known[i]][:, None], average="micro")
        for i in np.flatnonzero(known.any(axis=1))
    ]
    weight_of_rows = weight[known.any(axis=1)]
    found = ours(partly, decided, average="samples", sample_weight=weight)
    assert found == pytest.approx(np.average(by_row, weights=weight_of_rows))


@over_pairs
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"average": "binary"}, "average must be one of"),
        ({"zero_division": 0.5}, "zero_division must be"),
        ({"y_pred": np.full((40, 6), 0.5)}, "decisions must be 0 or 1"),
        ({"y_true": np.full((40, 6), np.nan)}, "no known label"),
    ],
)
def test_what_is_refused(name, change, message):
    Y, decided, _ = draw()
    with pytest.raises(ValueError, match=message):
        PAIRS[name][0](**{"y_true": Y, "y_pred": decided, **change})


def test_beta_is_no_less_than_zero():
    Y, decided, _ = draw()
    with pytest.raises(ValueError, match="beta must be a number in"):
        metrics.multilabel_f1_score(Y, decided, beta=-1.0)
