"""Scores of class probabilities, against scikit-learn's and scipy's on hard labels and by hand."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from scipy.spatial import distance
from scipy.stats import entropy, wasserstein_distance
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor

from cases import X_HARD, X_SOFT, Y_HARD, Y_SOFT, soft
from sklearn_softloss.losses import BinaryCrossEntropy
from sklearn_softloss.metrics import (
    entropy_calibration_error,
    label_distribution_distance,
    rank_calibration_score,
    soft_accuracy,
    soft_brier_score,
    soft_log_loss,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DATA = os.environ.get("SOFTLOSS_DATA")
NAMES = np.array(["ape", "bee", "cat", "dog"])
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def draw(n=60, k=3, seed=0):
    """Target rows, probabilities, weights."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(k), n), rng.dirichlet(np.ones(k), n), rng.random(n)


def draw_hard(n=60, k=3, seed=0):
    """Labels, all of which occur, probabilities, weights."""
    _, proba, weight = draw(n, k, seed)
    labels = np.r_[np.arange(k), np.random.default_rng(seed).integers(0, k, n - k)]
    return NAMES[labels], proba, weight


# --- hard labels: scikit-learn's metrics ---------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_hard_labels_give_scikit_learns_scores(k, weighted):
    y, proba, weight = draw_hard(k=k)
    kwargs = {"sample_weight": weight} if weighted else {}
    assert_allclose(soft_log_loss(y, proba, **kwargs), log_loss(y, proba, **kwargs), **EXACT)
    for scale in (True, False, "auto"):
        assert_allclose(
            soft_brier_score(y, proba, scale_by_half=scale, **kwargs),
            brier_score_loss(y, proba, labels=NAMES[:k], scale_by_half=scale, **kwargs),
            **EXACT,
        )
    accuracy = accuracy_score(y, NAMES[proba.argmax(axis=1)], **kwargs)
    assert soft_accuracy(y, proba, **kwargs) == accuracy


def test_labels_name_the_classes_that_y_does_not_hold():
    y, proba = ["cat", "ape", "cat"], draw(3, 4)[1]
    expected = log_loss(y, proba, labels=NAMES)
    assert soft_log_loss(y, proba, labels=NAMES) == pytest.approx(expected, rel=1e-12)
    swapped = [2, 0, 3, 1]
    assert soft_log_loss(y, proba[:, swapped], labels=NAMES[swapped]) == pytest.approx(expected)
    with pytest.raises(ValueError, match="Pass all classes as labels"):
        soft_log_loss(y, proba)


def test_columns_of_a_frame_are_matched_with_the_labels():
    truth, proba, _ = draw(k=3)
    frame = pd.DataFrame(truth, columns=NAMES[:3])[["cat", "ape", "bee"]]
    expected = soft_log_loss(truth, proba)
    assert soft_log_loss(frame, pd.DataFrame(proba), labels=NAMES[:3]) == expected


def test_many_classes_give_no_warning_about_their_number():
    """Some blocks of rows hold nearly as many classes as rows."""
    rng = np.random.default_rng(0)
    y, proba = rng.permutation(np.repeat(np.arange(600), 4)), rng.random((2400, 600))
    proba /= proba.sum(axis=1, keepdims=True)
    assert_allclose(soft_log_loss(y, proba), log_loss(y, proba), **EXACT)


# --- soft rows: scipy and the formulas -----------------------------------------------------------


def test_soft_log_loss_is_the_entropy_plus_the_divergence():
    truth, proba, weight = draw()
    rows = entropy(truth, axis=1) + entropy(truth, proba, axis=1)
    expected = np.average(rows, weights=weight)
    assert_allclose(soft_log_loss(truth, proba, sample_weight=weight), expected, **EXACT)


def test_without_the_entropy_it_is_the_divergence():
    truth, proba, weight = draw()
    found = soft_log_loss(truth, proba, subtract_entropy=True, sample_weight=weight)
    options = {"measure": "kl_divergence", "sample_weight": weight}
    assert_allclose(found, label_distribution_distance(truth, proba, **options), **EXACT)
    assert_allclose(soft_log_loss(truth, truth, subtract_entropy=True), 0, atol=1e-15)


def test_soft_brier_score_by_hand():
    assert soft_brier_score([[0.5, 0.25, 0.25]], [[1.0, 0.0, 0.0]]) == 0.25 + 2 / 16
    assert soft_brier_score([[0.5, 0.5]], [[1.0, 0.0]]) == 0.25


OF_ROWS = {
    "canberra": distance.canberra,
    "chebyshev": distance.chebyshev,
    "clark": lambda d, p: np.sqrt((((d - p) / (d + p)) ** 2).sum()),
    "cosine": distance.cosine,
    "jensen_shannon": lambda d, p: distance.jensenshannon(d, p) ** 2,
    "kl_divergence": entropy,
    "manhattan": distance.cityblock,
    "total_variation": lambda d, p: 1 - np.minimum(d, p).sum(),
    "wasserstein": lambda d, p: wasserstein_distance(range(4), range(4), d, p),
}


def mean_over(rows, truth, proba, weight):
    found = [rows(d, p) for d, p in zip(truth, proba, strict=True)]
    return np.average(found, weights=weight)


@pytest.mark.parametrize("measure", OF_ROWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_distances_are_means_of_what_scipy_finds_for_a_row(measure, weighted):
    truth, proba, weight = draw(k=4)
    weight = weight if weighted else None
    expected = mean_over(OF_ROWS[measure], truth, proba, weight)
    found = label_distribution_distance(truth, proba, measure=measure, sample_weight=weight)
    assert_allclose(found, expected, **EXACT)


def test_a_distance_by_another_name_is_refused():
    with pytest.raises(ValueError, match=r"measure must be one of \['canberra', .*'chebyshev'"):
        label_distribution_distance([[1.0, 0.0]], [[1.0, 0.0]], measure="chebychev")


@pytest.mark.parametrize(
    ("metric", "of_rows"),
    [
        (entropy_calibration_error, lambda d, p: abs(entropy(d) - entropy(p))),
        (rank_calibration_score, lambda d, p: np.array_equal(np.argsort(d), np.argsort(p))),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_uncertainty_and_order_are_compared_row_by_row(metric, of_rows, weighted):
    truth, proba, weight = draw(k=4)
    weight = weight if weighted else None
    expected = mean_over(of_rows, truth, proba, weight)
    assert_allclose(metric(truth, proba, sample_weight=weight), expected, **EXACT)


def test_clips_of_the_label_distribution_measures():
    """At 1e-12 inside logarithms and denominators, as in the published tables."""
    hard, certain = [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]
    for measure, expected in {
        "kl_divergence": 12 * np.log(10),
        "canberra": 2,
        "clark": np.sqrt(2),
    }.items():
        found = label_distribution_distance(hard, certain, measure=measure)
        assert found == pytest.approx(expected)
    assert soft_log_loss(hard, certain) == pytest.approx(-np.log(np.finfo(float).tiny))


def test_classes_with_equal_votes_may_be_ranked_either_way():
    votes = [[0.4, 0.4, 0.2, 0.0]] * 5
    proba = [
        [0.4, 0.3, 0.2, 0.1],
        [0.3, 0.4, 0.2, 0.1],
        [0.3, 0.4, 0.1, 0.2],  # the last two classes swapped
        [0.4, 0.2, 0.2, 0.2],  # a tie where the votes decide
        [0.2, 0.2, 0.5, 0.1],
    ]
    found = [rank_calibration_score(votes[:1], [row]) for row in proba]
    assert found == [1, 1, 0, 0, 0]


def test_entropy_error_knows_neither_direction_nor_class():
    assert entropy_calibration_error([[1.0, 0.0]], [[0.0, 1.0]]) == 0
    assert entropy_calibration_error([[1.0, 0.0]], [[0.5, 0.5]]) == pytest.approx(np.log(2))


# --- the estimators' score -----------------------------------------------------------------------


def test_soft_accuracy_is_the_score_of_the_classifier():
    weight = np.random.default_rng(0).random(len(X_SOFT))
    clf = soft(max_iter=3).fit(X_SOFT, Y_SOFT)
    for w in (None, weight):
        found = soft_accuracy(Y_SOFT, clf.predict_proba(X_SOFT), sample_weight=w)
        assert found == clf.score(X_SOFT, Y_SOFT, sample_weight=w)


def test_soft_accuracy_is_the_score_on_hard_labels():
    y = NAMES[Y_HARD]
    clf = soft(max_iter=3).fit(X_HARD, y)
    proba = clf.predict_proba(X_HARD)
    assert soft_accuracy(y, proba, labels=clf.classes_) == clf.score(X_HARD, y)


def test_soft_accuracy_is_the_score_on_confidences():
    confidences = np.random.default_rng(0).choice([0.1, 0.9], Y_SOFT.shape)
    clf = soft(loss=BinaryCrossEntropy(), max_iter=3).fit(X_SOFT, confidences)
    proba = clf.predict_proba(X_SOFT)
    assert soft_accuracy(confidences, proba, domain="independent") == clf.score(X_SOFT, confidences)
    with pytest.raises(ValueError, match="must sum to 1"):
        soft_accuracy(confidences, proba)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "proba", "message"),
    [
        ([[1.0, 0.0]], [[1.0, 0.0, 0.0]], r"y_proba must have the shape of y_true, \(1, 2\)"),
        ([[1.0, 0.0]], [1.0], "y_proba must have the shape of y_true"),
        ([[1.0, 0.0]], [[1.5, -0.5]], r"y_proba.*\[0, 1\]"),
        ([[1.0, 0.0]], [[np.nan, 1.0]], "y_proba contains NaN"),
        ([[1.0, 0.0]] * 2, [[0.5, 0.5], [0.5, 0.6]], "y_proba: each row.* row 1 sums to 1.1"),
        ([[1.0, 1.0]], [[0.5, 0.5]], "y_true: .*row 0 sums to 2"),
        ([[1.0, np.nan]], [[0.5, 0.5]], "y_true: .*NaN"),
        ([[2.0, -1.0]], [[0.5, 0.5]], "y_true: .*row 0, column 0 is 2"),
        ([0.3, 0.7], [[0.5, 0.5]] * 2, "y_true: Unknown label type"),
        ([0, 1, 2], [[0.5, 0.5]] * 3, r"y_proba must have shape \(3, 3\)"),
        ([[1.0], [0.5, 0.5]], [[0.5, 0.5]] * 2, "rows differ in length"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "at least one row"),
    ],
)
def test_bad_input_is_refused(truth, proba, message):
    with pytest.raises(ValueError, match=message):
        soft_log_loss(truth, proba)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"labels": ["no", "yes"]}, "classes not in `classes_`: row 2 holds 'maybe'"),
        ({"labels": ["no"]}, "y_proba must have shape"),
        ({"labels": ["maybe", "no"], "sample_weight": [1, -1, 1]}, "sample_weight.*row 1 holds -1"),
        ({"sample_weight": [1, 1]}, r"sample_weight must have shape \(3,\)"),
    ],
)
def test_bad_options_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        soft_log_loss(["no", "no", "maybe"], [[0.5, 0.5]] * 3, **kwargs)


def test_other_refusals():
    with pytest.raises(ValueError, match="one column for each of the 3 classes in labels"):
        soft_log_loss([[1.0, 0.0]], [[0.5, 0.5]], labels=[0, 1, 2])
    with pytest.raises(ValueError, match="scale_by_half must be True, False or 'auto'; got 'half'"):
        soft_brier_score([[1.0, 0.0]], [[0.5, 0.5]], scale_by_half="half")


def test_the_row_of_an_error_is_counted_from_where_the_message_says(monkeypatch):
    monkeypatch.setattr("sklearn_softloss.metrics.blocks.BLOCK_ENTRIES", 8)
    truth = np.tile([0.5, 0.5], (10, 1))
    truth[9] = 0.6
    with pytest.raises(ValueError, match=r"y_true\[8:\]: .*row 1 sums to 1.2"):
        soft_log_loss(truth, np.full((10, 2), 0.5))
    with pytest.raises(ValueError, match=r"y_proba\[8:\]: .*row 1 sums to 1.2"):
        soft_log_loss(np.full((10, 2), 0.5), truth)
    with pytest.raises(ValueError, match=r"y_true: .*row 9 holds .*2"):
        soft_log_loss(np.arange(10) // 9 * 2, np.full((10, 2), 0.5), labels=[0, 1])


def test_sparse_rows_and_lists_are_rows():
    truth, proba, _ = draw(k=4)
    truth[truth < 0.2] = 0
    truth /= truth.sum(axis=1, keepdims=True)
    expected = soft_log_loss(truth, proba)
    for form in (sp.csr_array, sp.csc_matrix, sp.coo_array, np.ndarray.tolist):
        assert soft_log_loss(form(truth), proba) == expected
    assert soft_log_loss(truth, sp.lil_array(proba)) == expected


# --- published figures ---------------------------------------------------------------------------

PUBLISHED = {  # distance, and whether the tables have it as a similarity
    "chebyshev": ("chebyshev", False),
    "clark": ("clark", False),
    "canberra": ("canberra", False),
    "kl": ("kl_divergence", False),
    "cosine": ("cosine", True),
    "intersection": ("total_variation", True),
}


@pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data")
@pytest.mark.parametrize("name", ["Yeast_spoem", "Yeast_heat", "SBU_3DFE"])
def test_published_tables_are_met(name):
    """Four nearest neighbours over ten contiguous folds."""
    with (Path(DATA) / "published" / "label_distributions_10fold.csv").open() as file:
        printed = {
            row["metric"]: float(row["mean"])
            for row in csv.DictReader(file)
            if row["dataset"] == name and row["method"] == "k-NN"
        }
    with np.load(Path(DATA) / "label_distributions" / f"{name}.npz") as file:
        X, Y = file["X"], file["Y"]
    scores = {metric: [] for metric in PUBLISHED}
    for train, test in KFold(10).split(X):
        proba = KNeighborsRegressor(4).fit(X[train], Y[train]).predict(X[test])
        for metric, (measure, is_similarity) in PUBLISHED.items():
            found = label_distribution_distance(Y[test], proba, measure=measure)
            scores[metric].append(1 - found if is_similarity else found)
    for metric, folds in scores.items():
        assert np.mean(folds) == pytest.approx(printed[metric], abs=2e-4), metric
