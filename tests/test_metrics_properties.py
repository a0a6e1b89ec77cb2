"""What holds for every metric: weights, order, blocks, formats, bounds, and little memory."""

import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_softloss import metrics
from sklearn_softloss.metrics import blocks

ECE = metrics.expected_calibration_error
PARTS = metrics.calibration_decomposition

CLASSES = {  # metric: (least, greatest, value at the truth) for three classes; None: depends
    metrics.soft_log_loss: (0, 709, None),
    partial(metrics.soft_log_loss, subtract_entropy=True): (0, 709, 0),
    metrics.soft_brier_score: (0, 2, 0),
    metrics.soft_accuracy: (0, 1, None),
    **{
        partial(metrics.label_distribution_distance, measure=measure): (0, greatest, 0)
        for measure, greatest in {
            "canberra": 3,
            "chebyshev": 1,
            "clark": 3**0.5,
            "cosine": 1,
            "jensen_shannon": np.log(2),
            "kl_divergence": 12 * np.log(10),
            "manhattan": 2,
            "total_variation": 1,
            "wasserstein": 2,
        }.items()
    },
    metrics.entropy_calibration_error: (0, np.log(3), 0),
    metrics.rank_calibration_score: (0, 1, 1),
    **{
        partial(ECE, kind=kind, strategy=strategy): (0, 1, 0)
        for kind in ("confidence", "classwise")
        for strategy in ("uniform", "quantile", "smooth")
    },
    partial(PARTS, score="log_loss"): (0, 709, None),
    partial(PARTS, score="brier_score"): (0, 2, None),
}
LABELS = {
    metrics.multilabel_log_loss: (0, 709, None),
    partial(metrics.multilabel_log_loss, average="macro"): (0, 709, None),
    partial(metrics.multilabel_log_loss, average=None): (0, 709, None),
    metrics.multilabel_brier_score: (0, 1, 0),
    partial(metrics.multilabel_brier_score, average="macro"): (0, 1, 0),
    **{
        partial(ECE, kind="labelwise", average=None, strategy=strategy): (0, 1, 0)
        for strategy in ("uniform", "quantile", "smooth")
    },
    partial(PARTS, kind="labelwise"): (0, 709, None),
}
DECISIONS = {
    metrics.multilabel_hamming_loss: (0, 1, None),
    metrics.multilabel_f1_score: (0, 1, None),
    partial(metrics.multilabel_f1_score, average="micro"): (0, 1, None),
    metrics.multilabel_subset_accuracy: (0, 1, None),
}
BOUNDS = CLASSES | LABELS | DECISIONS


def named(metric):
    options = getattr(metric, "keywords", {})
    return "-".join([getattr(metric, "func", metric).__name__, *map(str, options.values())])


over = partial(pytest.mark.parametrize, "metric", ids=named)
over_all = over(BOUNDS)


def draw(metric, n=40, k=3, seed=0):
    """y_true and its predictions; a quarter of the labels is unknown."""
    rng = np.random.default_rng(seed)
    if metric in CLASSES:
        return rng.dirichlet(np.ones(k), n), rng.dirichlet(np.ones(k), n)
    truth, proba = rng.random((2, n, k)).round(2)
    truth[rng.random((n, k)) < 0.25] = rng.choice([-1, np.nan])
    return truth, (proba >= 0.5).astype(float) if metric in DECISIONS else proba


close = partial(assert_allclose, rtol=1e-9, atol=1e-12)


@over_all
@pytest.mark.parametrize("seed", range(3))
def test_a_weight_is_a_number_of_copies(metric, seed):
    truth, proba = draw(metric, seed=seed)
    copies = np.random.default_rng(seed).integers(0, 4, len(truth))
    expected = metric(truth.repeat(copies, axis=0), proba.repeat(copies, axis=0))
    close(metric(truth, proba, sample_weight=copies), expected)


@over_all
def test_the_scale_of_the_weights_does_not_count(metric):
    truth, proba = draw(metric)
    weight = np.random.default_rng(0).random(len(truth))
    found = [metric(truth, proba, sample_weight=scale * weight) for scale in (1, 7)]
    close(*found)


@over_all
def test_the_order_of_rows_does_not_count(metric):
    truth, proba = draw(metric)
    order = np.random.default_rng(1).permutation(len(truth))
    close(metric(truth[order], proba[order]), metric(truth, proba))


@over_all
def test_the_order_of_columns_does_not_count(metric):
    truth, proba = draw(metric)
    options = getattr(metric, "keywords", {})
    of_ordered_classes = options.get("measure") == "wasserstein"  # which may only be turned round
    order = [2, 1, 0] if of_ordered_classes else [2, 0, 1]
    found, expected = metric(truth[:, order], proba[:, order]), metric(truth, proba)
    one_a_label = options.get("average", "") is None
    close(found, expected[order] if one_a_label else expected)


@over_all
def test_blocks_do_not_count(metric, monkeypatch):
    truth, proba = draw(metric)
    expected = metric(truth, proba)
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", 7)
    monkeypatch.setattr(blocks, "COLUMNS_AT_ONCE", 2)
    close(metric(truth, proba), expected)


@over_all
def test_formats_do_not_count(metric):
    truth, proba = draw(metric)
    expected = metric(truth, proba)
    for of_truth in (
        sp.csr_array,
        np.asfortranarray,
        pd.DataFrame,
        pl.DataFrame,
        np.ndarray.tolist,
    ):
        close(metric(of_truth(truth), proba), expected)
    for of_proba in (
        sp.csc_array,
        np.asfortranarray,
        pd.DataFrame,
        pl.DataFrame,
        np.ndarray.tolist,
    ):
        close(metric(truth, of_proba(proba)), expected)
    single = [values.astype(np.float32) for values in (truth, proba)]
    assert_allclose(metric(*single), metric(*(values.astype(float) for values in single)))


@over(CLASSES)
def test_hard_labels_are_rows_with_a_one(metric):
    _, proba = draw(metric)
    names = np.array(["ape", "bee", "cat"])
    y = np.random.default_rng(0).integers(0, 3, len(proba))
    close(metric(names[y], proba), metric(np.eye(3)[y], proba))
    close(metric(names[y], proba, labels=names), metric(y, proba))


@over(LABELS | DECISIONS)
def test_one_label_may_be_a_vector(metric):
    truth, proba = (values[:, 1] for values in draw(metric))
    close(metric(truth, proba), metric(truth[:, None], proba[:, None]))


@over(LABELS | DECISIONS)
def test_unknown_entries_do_not_count(metric):
    """Whatever is predicted there, and whichever mark they have."""
    truth, proba = draw(metric)
    unknown = ~(truth >= 0)
    other = np.where(unknown, 1 - proba, proba)
    for mark in (-1, np.nan):
        close(metric(np.where(unknown, mark, truth), other), metric(truth, proba))


@over(LABELS | DECISIONS)
def test_a_label_nobody_knows(metric):
    truth, proba = draw(metric)
    truth[:, 1] = np.nan
    found = metric(truth, proba)
    if getattr(metric, "keywords", {}).get("average", "") is None:
        assert np.isnan(found).tolist() == [False, True, False]
        found = found[[0, 2]]
    rest = metric(truth[:, [0, 2]], proba[:, [0, 2]])
    close(found, rest)
    with pytest.raises(ValueError, match="y_true holds no known label"):
        metric(np.full((3, 2), -1), np.ones((3, 2)))


@over([metric for metric, (*_, at_truth) in BOUNDS.items() if at_truth is not None])
def test_the_truth_gets_the_best_value(metric):
    truth, _ = draw(metric)
    if metric in LABELS:
        truth = np.abs(np.nan_to_num(truth))
    assert_allclose(metric(truth, truth), BOUNDS[metric][2], atol=1e-12)


@st.composite
def pairs(draw, metric):
    """Targets and predictions, with many zeros, ones and ties."""
    shape = (draw(st.integers(1, 8)), 3)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 2, 5, 10**6]))
    truth, proba = rng.integers(0, levels + 1, (2, *shape)) / levels
    if metric not in CLASSES:
        return truth, (proba >= 0.5) if metric in DECISIONS else proba
    for rows in (truth, proba):
        rows[rows.sum(axis=1) == 0, rng.integers(3)] = 1
        rows /= rows.sum(axis=1, keepdims=True)
    return truth, proba


@over_all
def test_bounds(metric):
    least, greatest, _ = BOUNDS[metric]

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(pairs(metric))
    def check(pair):
        found = np.asarray(metric(*pair))
        assert (found >= least - 1e-11).all()
        assert (found <= greatest + 1e-9).all()

    check()


@over_all
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_is_that_of_some_blocks(metric, dtype, monkeypatch):
    """The input is never converted or masked as a whole."""
    monkeypatch.setattr(blocks, "BLOCK_ENTRIES", 2**14)
    monkeypatch.setattr(blocks, "COLUMNS_AT_ONCE", 4)
    truth, proba = (values.astype(dtype) for values in draw(metric, n=10_000, k=40))
    metric(truth[:50], proba[:50])  # what is imported and built at the first call
    tracemalloc.start()
    try:
        metric(truth, proba)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * 8 * truth.size
