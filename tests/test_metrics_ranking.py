"""Rankings: scikit-learn's where it has them, by brute force and over draws elsewhere."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics as reference
from sklearn.exceptions import UndefinedMetricWarning

from sklearn_softloss import metrics

OF_LABELS = {
    "roc_auc": (metrics.multilabel_roc_auc_score, reference.roc_auc_score),
    "average_precision": (
        metrics.multilabel_average_precision_score,
        reference.average_precision_score,
    ),
}
OF_ROWS = {
    "ranking_average_precision": (
        metrics.multilabel_ranking_average_precision,
        reference.label_ranking_average_precision_score,
    ),
    "ndcg": (metrics.multilabel_ndcg_score, reference.ndcg_score),
    "precision_at_k": (metrics.multilabel_precision_at_k, None),
}
over_labels = pytest.mark.parametrize("name", OF_LABELS)
over_rows = pytest.mark.parametrize("name", OF_ROWS)


def draw(n=30, n_labels=5, seed=0):
    """Label sets and scores with many ties; each label has both classes."""
    rng = np.random.default_rng(seed)
    Y = (rng.random((n, n_labels)) < 0.4).astype(int)
    Y[0], Y[1] = 0, 1
    return Y, rng.integers(-3, 4, (n, n_labels)) / 2, rng.integers(1, 4, n).astype(float)


# --- full label sets -----------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(sorted(OF_LABELS)))
def test_labels_are_ranked_as_scikit_learn_does(seed, name):
    ours, theirs = OF_LABELS[name]
    Y, scores, weight = draw(seed=seed)
    for average in ("micro", "macro", "weighted", None):
        options = {"average": average, "sample_weight": weight}
        assert_allclose(ours(Y, scores, **options), theirs(Y, scores, **options))
        assert_allclose(ours(sp.csr_array(Y), scores, **options), theirs(Y, scores, **options))


@over_labels
def test_rows_are_ranked_as_scikit_learn_does(name):
    ours, theirs = OF_LABELS[name]
    Y, scores, _ = draw()
    mixed = (Y.sum(axis=1) > 0) & (Y.sum(axis=1) < Y.shape[1])
    Y, scores = Y[mixed], scores[mixed]
    expected = theirs(Y, scores, average="samples")
    assert ours(Y, scores, average="samples") == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_orders_of_labels_are_scored_as_scikit_learn_does(seed):
    ours, theirs = OF_ROWS["ranking_average_precision"]
    Y, scores, weight = draw(seed=seed)
    assert_allclose(ours(Y, scores), theirs(Y, scores))
    assert_allclose(ours(Y, scores, sample_weight=weight), theirs(Y, scores, sample_weight=weight))


def test_the_ranking_loss_is_what_the_area_of_the_rows_leaves():
    """Of rows that have labels and lack others, without ties."""
    Y = np.array([[1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 1, 1]])
    scores = np.random.default_rng(0).random(Y.shape)
    area = metrics.multilabel_roc_auc_score(Y, scores, average="samples")
    assert 1 - area == pytest.approx(reference.label_ranking_loss(Y, scores))


@pytest.mark.parametrize("k", [None, 1, 3, 9])
def test_gain_is_scikit_learns_soft_targets_included(k):
    Y, scores, weight = draw()
    for truth in (Y, np.where(Y == 1, 0.75, 0.1)):
        expected = reference.ndcg_score(truth, scores, k=k, sample_weight=weight)
        found = metrics.multilabel_ndcg_score(truth, scores, k=k, sample_weight=weight)
        assert found == pytest.approx(expected)


# --- by brute force ------------------------------------------------------------------------------


def test_precision_at_k_shares_the_places_of_ties():
    Y, scores, _ = draw(n=12)
    rng = np.random.default_rng(0)
    for k in (1, 2, 4):
        found = []
        for _ in range(3000):
            order = np.lexsort((rng.random(scores.shape), -scores), axis=1)[:, :k]
            found.append(np.take_along_axis(Y, order, axis=1).mean())
        assert metrics.multilabel_precision_at_k(Y, scores, k=k) == pytest.approx(
            np.mean(found), abs=0.01
        )
    assert metrics.multilabel_precision_at_k(Y, scores, k=99) == pytest.approx(Y.mean())


@over_labels
def test_soft_entries_are_weighted_draws(name):
    ours, theirs = OF_LABELS[name]
    Y, scores, weight = draw()
    soft = np.where(np.random.default_rng(1).random(Y.shape) < 0.5, 0.25, Y)
    twice = np.tile([1, 0], (len(Y), 1)).T.reshape(-1)
    for j in range(Y.shape[1]):
        both = np.concatenate([soft[:, j], 1 - soft[:, j]]) * np.tile(weight, 2)
        expected = theirs(twice, np.tile(scores[:, j], 2), sample_weight=both)
        found = ours(soft, scores, average=None, sample_weight=weight)[j]
        assert found == pytest.approx(expected)


def test_soft_precisions_by_brute_force():
    Y, scores, _ = draw(n=8)
    soft = np.where(np.random.default_rng(1).random(Y.shape) < 0.5, 0.25, Y)
    precisions = []
    for y, s in zip(soft, scores, strict=True):
        at_each = [y[s >= s[j]].sum() / (s >= s[j]).sum() for j in range(len(y))]
        precisions.append(y @ at_each / y.sum() if y.sum() > 0 else 1.0)
    found = metrics.multilabel_ranking_average_precision(soft, scores)
    assert found == pytest.approx(np.mean(precisions))


# --- unknown entries and labels of one class -----------------------------------------------------


@over_labels
def test_unknown_entries_of_a_label_are_left_out(name):
    ours, theirs = OF_LABELS[name]
    Y, scores, weight = draw()
    known = np.random.default_rng(2).random(Y.shape) < 0.7
    known[:2] = True
    partly = np.where(known, Y, np.nan)
    by_label = ours(partly, scores, average=None, sample_weight=weight)
    for j, found in enumerate(by_label):
        rows = known[:, j]
        expected = theirs(Y[rows, j], scores[rows, j], sample_weight=weight[rows])
        assert found == pytest.approx(expected)
    pooled = ours(partly, scores, average="micro")
    assert pooled == pytest.approx(theirs(Y[known], scores[known]))


@over_rows
def test_unknown_entries_of_a_row_are_left_out(name):
    ours, _ = OF_ROWS[name]
    Y, scores, weight = draw()
    known = np.random.default_rng(2).random(Y.shape) < 0.7
    known[5] = False
    found = ours(np.where(known, Y, np.nan), scores, sample_weight=weight)
    kept = np.flatnonzero(known.any(axis=1))
    rows = [ours(Y[i, known[i]][None], scores[i, known[i]][None]) for i in kept]
    assert found == pytest.approx(np.average(rows, weights=weight[kept]))


@over_labels
def test_labels_without_a_value_are_named_and_left_out(name):
    ours, theirs = OF_LABELS[name]
    Y, scores, _ = draw()
    frame = pd.DataFrame(Y, columns=list("abcde"))
    frame["c"] = 0
    kept = [0, 1, 3, 4]
    with pytest.warns(UndefinedMetricWarning, match=r"Labels \['c'\] have"):
        found = ours(frame, scores)
    assert found == pytest.approx(theirs(Y[:, kept], scores[:, kept]))
    with pytest.warns(UndefinedMetricWarning, match=r"Labels \[2\] have"):
        ours(frame.to_numpy(), scores, average="weighted")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(ours(frame, scores, average=None)).tolist() == [i == 2 for i in range(5)]


@pytest.mark.parametrize("name", [*OF_LABELS, *OF_ROWS])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_score": np.full((30, 5), np.nan)}, "y_score: scores must be finite; row 0, column 0"),
        ({"y_score": np.ones((30, 4))}, "y_score must have the shape of y_true"),
        ({"y_true": np.full((30, 5), np.nan)}, "no known label"),
        ({"y_true": np.full((30, 5), 2.0)}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_is_refused(name, change, message):
    Y, scores, _ = draw()
    ours, _ = {**OF_LABELS, **OF_ROWS}[name]
    with pytest.raises(ValueError, match=message):
        ours(**{"y_true": Y, "y_score": scores, **change})


@pytest.mark.parametrize("k", [0, 1.5, -1])
def test_k_counts_labels(k):
    Y, scores, _ = draw()
    for metric in (metrics.multilabel_precision_at_k, metrics.multilabel_ndcg_score):
        with pytest.raises(ValueError, match="k must be a whole number >= 1"):
            metric(Y, scores, k=k)
