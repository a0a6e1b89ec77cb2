"""The picture of tuned thresholds: what it shows, and how it is refused."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier

from sklearn_softloss.decision import ClassThresholds, TunedDecisionClassifierCV, optimal_thresholds
from sklearn_softloss.display import ThresholdCurveDisplay

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def draw(n_labels, n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    chance = 1 / (1 + np.exp(-(X @ rng.normal(size=(5, n_labels)) - 1)))
    return X, (rng.random(chance.shape) < chance).astype(int), chance


def tuned(n_labels):
    X, Y, _ = draw(n_labels)
    names = [f"label {j}" for j in range(n_labels)]
    clf = TunedDecisionClassifierCV(OneVsRestClassifier(LogisticRegression()), random_state=0, cv=3)
    return clf.fit(X, pd.DataFrame(Y, columns=names)), X, Y


def test_each_of_a_few_labels_has_a_panel():
    clf, _, _ = tuned(6)
    display = ThresholdCurveDisplay.from_estimator(clf)
    assert len(display.ax_) == 6
    for label, panel in enumerate(display.ax_):
        assert panel.get_title().startswith(f"label {label}:")
        curve, chosen, half = panel.get_lines()
        np.testing.assert_array_equal(curve.get_xdata(), clf.cv_results_["thresholds"][:, label])
        np.testing.assert_array_equal(curve.get_ydata(), clf.cv_results_["mean_score"][:, label])
        assert chosen.get_xdata()[0] == clf.thresholds_[label]
        assert half.get_xdata()[0] == 0.5
        assert len(panel.collections) == 1  # the band
    assert display.figure_ is display.ax_[0].figure


def test_many_labels_are_rows_of_a_map():
    clf, _, _ = tuned(30)
    display = ThresholdCurveDisplay.from_estimator(clf)
    marks, _ = display.ax_.get_lines()
    np.testing.assert_array_equal(marks.get_xdata(), np.sort(clf.thresholds_))
    assert (np.diff([float(t) for t in marks.get_xdata()]) >= 0).all()
    values = display.ax_.collections[0].get_array()
    assert values.shape == (30, 201)
    order = np.argsort(clf.thresholds_, kind="stable")
    named = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert named[0] == f"label {order[0]}"


def test_curves_of_predictions_are_the_objective_at_each_cut():
    _, Y, chance = draw(3)
    display = ThresholdCurveDisplay.from_predictions(Y, chance, label_names=list("abc"))
    np.testing.assert_allclose(display.thresholds, optimal_thresholds(Y, chance)[0])
    for i in (0, 30, 99):
        for label in range(3):
            cut = display.cuts[i, label]
            assert display.scores[i, label] == pytest.approx(
                f1_score(Y[:, label], chance[:, label] >= cut)
            )
    assert [panel.get_title()[0] for panel in display.ax_] == list("abc")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_one_column_of_two_classes_is_one_label():
    X, Y, _ = draw(1)
    y = np.where(Y[:, 0], "yes", "no")
    clf = LogisticRegression().fit(X, y)
    expected = ThresholdCurveDisplay.from_estimator(clf, X, y)
    for given in (y[:, None], y[:, None].tolist(), pd.DataFrame({"y": y})):
        found = ThresholdCurveDisplay.from_estimator(clf, X, given)
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.thresholds, expected.thresholds)


def test_one_of_several_classes_is_no_label():
    X, Y, _ = draw(2)
    y = Y.sum(axis=1)
    with pytest.raises(ValueError, match="Only binary classification is supported"):
        ThresholdCurveDisplay.from_estimator(LogisticRegression().fit(X, y), X, y)


def test_any_classifier_on_held_out_rows():
    X, Y, _ = draw(3)
    clf = OneVsRestClassifier(LogisticRegression()).fit(X[:100], Y[:100])
    display = ThresholdCurveDisplay.from_estimator(clf, X[100:], Y[100:], objective="jaccard")
    expected, _ = optimal_thresholds(Y[100:], clf.predict_proba(X[100:]), objective="jaccard")
    np.testing.assert_array_equal(display.thresholds, expected)
    one = LogisticRegression().fit(X, Y[:, 0])
    display = ThresholdCurveDisplay.from_estimator(one, X, Y[:, 0], thresholds=[0.3])
    assert len(display.ax_) == 1
    assert display.thresholds == 0.3


def test_axes_may_be_given():
    _, Y, chance = draw(2)
    figure, axes = plt.subplots(1, 2)
    display = ThresholdCurveDisplay.from_predictions(Y, chance, ax=axes)
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="2 axes"):
        ThresholdCurveDisplay.from_predictions(Y, chance, ax=axes[0])


def test_what_has_no_curve_is_refused():
    X, Y, _ = draw(2)
    y = Y[:, 0] + Y[:, 1]
    clf = TunedDecisionClassifierCV(LogisticRegression(), ClassThresholds(), random_state=0)
    with pytest.raises(ValueError, match="has a cut-off a label"):
        ThresholdCurveDisplay.from_estimator(clf.fit(X, y))
    with pytest.raises(ValueError, match="both X and y"):
        ThresholdCurveDisplay.from_estimator(clf, X)


def test_a_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    _, Y, chance = draw(2)
    with pytest.raises(ImportError, match=r"sklearn-softloss\[plots\]"):
        ThresholdCurveDisplay.from_predictions(Y, chance)
