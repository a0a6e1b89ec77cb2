"""Scores of independent labels and their report, against scikit-learn's on hard known labels."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    d2_brier_score,
    d2_log_loss_score,
    f1_score,
    hamming_loss,
    log_loss,
    precision_score,
    recall_score,
)

from cases import X_HARD, X_SETS, Y_HARD, Y_SETS, multi
from sklearn_softloss.metrics import (
    expected_calibration_error,
    multilabel_brier_score,
    multilabel_f1_score,
    multilabel_hamming_loss,
    multilabel_log_loss,
    multilabel_report,
    multilabel_subset_accuracy,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EXACT = {"rtol": 1e-12, "atol": 1e-12}
weighted_or_not = pytest.mark.parametrize("weighted", [False, True])


def draw(n=50, n_labels=4, seed=0, weighted=True):
    """0/1 labels, probabilities, and weights as keyword."""
    rng = np.random.default_rng(seed)
    truth, proba = rng.integers(0, 2, (n, n_labels)), rng.random((n, n_labels))
    return truth, proba, {"sample_weight": rng.random(n)} if weighted else {}


def draw_partly_known(seed=0):
    """Soft labels and probabilities, and which of them are known."""
    rng = np.random.default_rng(seed)
    truth, proba = rng.random((2, 50, 4))
    known = rng.random((50, 4)) < 0.7
    return np.where(known, truth, np.nan), proba, known


# --- hard labels, all known: scikit-learn's metrics -----------------------------------------------


@weighted_or_not
@pytest.mark.parametrize(
    ("metric", "of_label"),
    [(multilabel_log_loss, log_loss), (multilabel_brier_score, brier_score_loss)],
)
def test_losses_are_means_of_scikit_learns(metric, of_label, weighted):
    truth, proba, kwargs = draw(weighted=weighted)
    expected = [of_label(t, p, **kwargs) for t, p in zip(truth.T, proba.T, strict=True)]
    assert_allclose(metric(truth, proba, average=None, **kwargs), expected, **EXACT)
    assert_allclose(metric(truth, proba, average="macro", **kwargs), np.mean(expected), **EXACT)
    assert_allclose(metric(truth, proba, **kwargs), np.mean(expected), **EXACT)


@weighted_or_not
def test_decisions_are_scored_as_by_scikit_learn(weighted):
    truth, proba, kwargs = draw(weighted=weighted)
    decided = (proba > 0.4).astype(int)
    found = multilabel_hamming_loss(truth, decided, **kwargs)
    assert_allclose(found, hamming_loss(truth, decided, **kwargs), **EXACT)
    found = multilabel_subset_accuracy(truth, decided, **kwargs)
    assert_allclose(found, accuracy_score(truth, decided, **kwargs), **EXACT)
    for average in ("micro", "macro", None):
        found = multilabel_f1_score(truth, decided, average=average, **kwargs)
        assert_allclose(found, f1_score(truth, decided, average=average, **kwargs), **EXACT)


def test_f1_without_anything_to_find_is_zero():
    truth, decided = [[0, 1], [0, 0]], [[0, 1], [0, 0]]
    assert multilabel_f1_score(truth, decided, average=None).tolist() == [0, 1]
    assert multilabel_f1_score(np.zeros((3, 2)), np.zeros((3, 2)), average="micro") == 0


# --- soft and unknown entries: formulas over the known ones --------------------------------------


def test_losses_are_means_over_the_known_entries():
    truth, proba, known = draw_partly_known()
    weight = np.random.default_rng(1).random(len(truth))
    losses = -(truth * np.log(proba) + (1 - truth) * np.log(1 - proba))
    weights = (weight[:, None] * known)[known]
    found = multilabel_log_loss(truth, proba, sample_weight=weight)
    assert_allclose(found, np.average(losses[known], weights=weights), **EXACT)
    found = multilabel_log_loss(truth, proba, average="macro")
    assert_allclose(found, np.nanmean(losses, axis=0).mean(), **EXACT)
    found = multilabel_brier_score(truth, proba)
    assert_allclose(found, np.nanmean((truth - proba) ** 2), **EXACT)


def test_expected_scores_are_means_over_drawn_labels():
    """A soft entry stands for draws of a label."""
    rng = np.random.default_rng(0)
    truth, decided = rng.random((8, 3)), rng.integers(0, 2, (8, 3))
    drawn = (rng.random((4000, 8, 3)) < truth).astype(int)
    hits = [(labels == decided).all(axis=1).mean() for labels in drawn]
    wrong = [(labels != decided).mean() for labels in drawn]
    assert multilabel_subset_accuracy(truth, decided) == pytest.approx(np.mean(hits), abs=0.01)
    assert multilabel_hamming_loss(truth, decided) == pytest.approx(np.mean(wrong), abs=0.01)


def test_certain_errors_cost_much_but_not_everything():
    assert np.isfinite(multilabel_log_loss([[0, 1]], [[1.0, 0.0]]))
    assert multilabel_log_loss([[0, 1]], [[0.0, 1.0]]) == 0


def test_what_a_sparse_matrix_does_not_store_is_absent():
    dense = np.array([[1, 0, 0], [0, -1, 0], [0, 0, 0.5]])
    proba = np.full((3, 3), 0.3)
    for form in (sp.csr_array, sp.csc_matrix, sp.lil_array):
        assert multilabel_log_loss(form(dense), proba) == multilabel_log_loss(dense, proba)
        assert expected_calibration_error(
            form(dense), proba, kind="labelwise"
        ) == expected_calibration_error(dense, proba, kind="labelwise")
    assert multilabel_hamming_loss(sp.csr_array(dense), sp.csr_array(dense == 1)) == 0.5 / 8


# --- the classifier's score ----------------------------------------------------------------------


@weighted_or_not
@pytest.mark.parametrize("soft", [False, True])
def test_subset_accuracy_is_the_score_of_the_classifier(weighted, soft):
    rng = np.random.default_rng(0)
    Y = rng.random(Y_SETS.shape) if soft else Y_SETS.astype(float)
    Y[rng.random(Y.shape) < 0.5] = np.nan  # some rows are not known at all
    clf = multi(max_iter=3).fit(X_SETS, Y)
    kwargs = {"sample_weight": rng.random(len(Y))} if weighted else {}
    for form in (np.asarray, sp.csr_array, pd.DataFrame):
        found = multilabel_subset_accuracy(form(Y), clf.predict(X_SETS), **kwargs)
        assert found == clf.score(X_SETS, form(Y), **kwargs)


def test_subset_accuracy_of_one_label_is_the_score():
    y = (Y_HARD == 1).astype(int)
    clf = multi(max_iter=3).fit(X_HARD, y)
    assert multilabel_subset_accuracy(y, clf.predict(X_HARD)) == clf.score(X_HARD, y)


# --- the report ----------------------------------------------------------------------------------


@weighted_or_not
def test_report_per_label_is_scikit_learns(weighted):
    truth, proba, kwargs = draw(weighted=weighted)
    threshold = np.array([0.2, 0.4, 0.6, 0.8])
    report = multilabel_report(truth, proba, threshold=threshold, **kwargs)
    found = report.per_label["model"]
    for j in range(4):
        y, p, decided = truth[:, j], proba[:, j], proba[:, j] >= threshold[j]
        for name, expected in {
            "log_loss": log_loss(y, p, **kwargs),
            "d2_log_loss": d2_log_loss_score(y, p, **kwargs),
            "brier_score": brier_score_loss(y, p, **kwargs),
            "d2_brier_score": d2_brier_score(y, p, **kwargs),
            "hamming_loss": 1 - accuracy_score(y, decided, **kwargs),
            "precision": precision_score(y, decided, **kwargs),
            "recall": recall_score(y, decided, **kwargs),
            "f1_score": f1_score(y, decided, **kwargs),
        }.items():
            assert_allclose(found[name][j], expected, **EXACT, err_msg=name)


@pytest.mark.parametrize("model", ["model", "all_zero", "prior"])
def test_report_is_what_the_metrics_say(model):
    truth, proba, known = draw_partly_known()
    report = multilabel_report(truth, proba)
    prior = np.nanmean(truth, axis=0)
    proba = {"model": proba, "all_zero": 0 * proba, "prior": np.tile(prior, (len(proba), 1))}[model]
    decided = (proba >= 0.5).astype(int)
    expected = {
        "log_loss": multilabel_log_loss(truth, proba),
        "brier_score": multilabel_brier_score(truth, proba),
        "hamming_loss": multilabel_hamming_loss(truth, decided),
        "f1_score": multilabel_f1_score(truth, decided, average="micro"),
        "macro_f1_score": multilabel_f1_score(truth, decided),
        "subset_accuracy": multilabel_subset_accuracy(truth, decided),
        "calibration_error": expected_calibration_error(truth, proba, kind="labelwise"),
    }
    for name, value in expected.items():
        assert_allclose(report.aggregate[model][name], value, **EXACT, err_msg=name)
    assert_allclose(report.known, known.sum(axis=0))
    assert_allclose(report.support, np.nansum(truth, axis=0))


def test_report_shows_how_little_accuracy_says():
    rng = np.random.default_rng(0)
    truth = (rng.random((1000, 3)) < 0.01).astype(int)
    report = multilabel_report(truth, np.full((1000, 3), 0.01))
    assert report.aggregate["model"]["hamming_loss"] < 0.02
    assert report.aggregate["model"]["hamming_loss"] == report.aggregate["all_zero"]["hamming_loss"]
    assert report.aggregate["model"]["f1_score"] == 0
    assert abs(report.aggregate["model"]["d2_log_loss"]) < 0.02


def test_report_as_text():
    truth, proba, _ = draw_partly_known()
    truth[:, 2] = np.nan
    names = ["dog", "a label with a long name", "nobody knows", "bee"]
    report = multilabel_report(pd.DataFrame(truth, columns=names), proba)
    lines = str(report).splitlines()
    assert lines[0].split() == ["model", "all_zero", "prior"]
    assert lines[1].split() == [
        "log_loss",
        *(f"{report.aggregate[model]['log_loss']:.4f}" for model in report.aggregate),
    ]
    table = lines[-5:]
    assert len({len(line) for line in table}) == 1
    assert [line[:24].strip() for line in table] == ["label", *names]
    assert table[3].split()[-9:] == ["0", "0"] + ["nan"] * 7
    assert np.isnan(report.per_label["prior"]["f1_score"]).tolist() == [False, False, True, False]


@pytest.mark.filterwarnings("ignore:Labels .* are 1 in every row:UserWarning")
def test_report_of_a_label_that_is_always_there():
    report = multilabel_report([1, 1, 1], [0.9, 0.8, 0.9])
    assert np.isnan(report.aggregate["model"]["d2_log_loss"])
    assert report.aggregate["model"]["f1_score"] == 1


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "proba", "message"),
    [
        ([[1, 2]], [[0.5, 0.5]], "y_true: .*row 0, column 1 is 2"),
        ([[1, -0.5]], [[0.5, 0.5]], "y_true: .*row 0, column 1 is -0.5"),
        ([["yes", "no"]], [[0.5, 0.5]], "y_true: .*must hold numbers"),
        ([[1, 0]], [[0.5, 1.5]], r"y_proba: .*\[0, 1\]"),
        ([[1, 0]], [[0.5, np.nan]], "y_proba: .*NaN"),
        ([[1, 0]], [[0.5, 0.5, 0.5]], r"shape of y_true, \(1, 2\); it has \(1, 3\)"),
        ([[1, 0], [1]], [[0.5, 0.5]], "y_true: "),
        (np.ones((1, 1, 1)), [[0.5]], r"y_true must have one or two dimensions.*\(1, 1, 1\)"),
        (np.ones((0, 2)), np.ones((0, 2)), "at least one row"),
        ([[np.nan, -1]], [[0.5, 0.5]], "no known label"),
    ],
)
def test_bad_input_is_refused(truth, proba, message):
    with pytest.raises(ValueError, match=message):
        multilabel_log_loss(truth, proba)


def test_bad_options_are_refused():
    with pytest.raises(
        ValueError, match=r"y_pred: decisions must be 0 or 1; row 0, column 1 is 0\.5"
    ):
        multilabel_f1_score([[1, 0]], [[1, 0.5]])
    with pytest.raises(ValueError, match="y_pred must have the shape of y_true"):
        multilabel_hamming_loss([[1, 0]], [[1]])
    with pytest.raises(
        ValueError, match=r"average must be one of \['micro', 'macro', None\]; got 'samples'"
    ):
        multilabel_log_loss([[1, 0]], [[0.5, 0.5]], average="samples")
    for name, value in (("threshold", [0.5] * 3), ("label_names", ["a"])):
        with pytest.raises(
            ValueError, match=f"{name} must have one entry for each of the 2 labels"
        ):
            multilabel_report([[1, 0]], [[0.5, 0.5]], **{name: value})
    for call in (multilabel_subset_accuracy, multilabel_report):
        with pytest.raises(ValueError, match="no known label in a row of weight above 0"):
            call([[1, 0], [-1, -1]], [[1, 0], [1, 0]], sample_weight=[0, 1])


def test_the_row_of_an_error_is_counted_from_where_the_message_says(monkeypatch):
    monkeypatch.setattr("sklearn_softloss.metrics.blocks.BLOCK_ENTRIES", 8)
    monkeypatch.setattr("sklearn_softloss.metrics.blocks.COLUMNS_AT_ONCE", 1)
    truth, proba = np.zeros((10, 2)), np.full((10, 2), 0.5)
    truth[9, 1] = 3
    with pytest.raises(ValueError, match=r"y_true\[8:\]: .*row 1, column 1 is 3"):
        multilabel_log_loss(truth, proba)
    with pytest.raises(ValueError, match=r"y_true\[:, 1:\]: .*row 9, column 0 is 3"):
        expected_calibration_error(truth, proba, kind="labelwise")


def test_the_report_is_a_frame_and_html():
    y_true = pd.DataFrame([[1, 0], [0, 0], [1, 1]], columns=["cat", "dog"])
    report = multilabel_report(y_true, [[0.9, 0.2], [0.1, 0.3], [0.8, 0.6]])
    frame = report.to_frame()
    assert frame.index.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(frame["f1_score"], report.per_label["model"]["f1_score"])
    np.testing.assert_array_equal(frame["log_loss (prior)"], report.per_label["prior"]["log_loss"])
    assert report._repr_html_().count("<tr>") == 3


def test_the_report_names_labels_that_are_never_absent():
    y_true = pd.DataFrame([[1, 0], [np.nan, 1], [1, 1]], columns=["cat", "dog"])
    with pytest.warns(UserWarning, match=r"Labels \['cat'\] are 1 in every row"):
        multilabel_report(y_true, np.full((3, 2), 0.5))
