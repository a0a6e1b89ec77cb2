"""Names of classes and labels: columns are found by name, whatever their order."""

from functools import partial

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import make_labels, make_soft, multi, soft
from sklearn_softloss import metrics
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import CostMatrix, TunedDecisionClassifierCV
from sklearn_softloss.display import (
    ReliabilityDisplay,
    ThresholdCurveDisplay,
)
from sklearn_softloss.metrics import scorers
from sklearn_softloss.semi_supervised import GraphLabelSpreading
from sklearn_softloss.targets import vote_shares

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Every row of y has a label:UserWarning"),
]

NAMES = np.array(["no", "maybe", "yes"])
LABELS = np.array(["dog", "cat", "owl", "ant"])

permutations = st.permutations(range(3))
label_permutations = st.permutations(range(4))


def yes_no(n=400):
    """Soft answers in the order yes, no, which is not that of the alphabet."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    yes = 1 / (1 + np.exp(-2 * X[:, 0]))
    drawn = np.where(rng.random(n) < yes, "yes", "no")
    return X, pd.DataFrame({"yes": yes, "no": 1 - yes}), drawn


def drawn_by(display):
    """All points of all lines of a picture, one after the other."""
    lines = [line for axes in display.figure_.axes for line in axes.get_lines()]
    points = np.concatenate([np.ravel(line.get_xydata()) for line in lines])
    plt.close(display.figure_)
    return points


# --- classes -------------------------------------------------------------------------------------


def test_classes_are_sorted_as_sklearn_metrics_assume():
    X, rows, drawn = yes_no()
    clf = soft(learning_rate_init=0.05).fit(X, rows)
    assert clf.classes_.tolist() == ["no", "yes"]
    proba = clf.predict_proba(X)
    hard = soft(learning_rate_init=0.05).fit(X, drawn)
    assert roc_auc_score(drawn == "yes", proba[:, 1]) > 0.75
    assert log_loss(drawn, proba) < log_loss(drawn, hard.predict_proba(X)) + 0.05
    importance = permutation_importance(
        clf, X, drawn, scoring="neg_log_loss", n_repeats=3, random_state=0
    )
    assert importance.importances_mean[0] > 0.1


@settings(max_examples=6, deadline=None)
@given(permutations)
def test_the_order_of_named_columns_changes_nothing(order):
    X, Y = make_soft()
    named = pd.DataFrame(Y, columns=NAMES)
    turned = named.iloc[:, list(order)]
    wanted = soft(max_iter=3).fit(X, named)
    found = soft(max_iter=3).fit(X, turned)
    assert_array_equal(found.classes_, np.sort(NAMES))
    assert_allclose(found.predict_proba(X), wanted.predict_proba(X), rtol=1e-9)
    assert wanted.score(X, turned) == wanted.score(X, named)
    assert scorers.neg_soft_log_loss(wanted, X, turned) == pytest.approx(
        scorers.neg_soft_log_loss(wanted, X, named), rel=1e-12
    )


@settings(max_examples=6, deadline=None)
@given(permutations)
def test_declared_classes_name_the_columns_in_the_order_given(order):
    X, Y = make_soft()
    order = list(order)
    wanted = soft().partial_fit(X, pd.DataFrame(Y, columns=NAMES))
    found = soft().partial_fit(X, Y[:, order], classes=NAMES[order])
    assert_allclose(found.predict_proba(X), wanted.predict_proba(X), rtol=1e-9)
    again = found.partial_fit(X, Y[:, order], classes=NAMES[order]).predict_proba(X)
    assert_allclose(
        wanted.partial_fit(X, pd.DataFrame(Y, columns=NAMES)).predict_proba(X), again, rtol=1e-9
    )


@settings(max_examples=6, deadline=None)
@given(permutations)
def test_columns_named_once_keep_their_names(order):
    X, Y = make_soft()
    order = list(order)
    named, turned = pd.DataFrame(Y, columns=NAMES), Y[:, order]
    wanted = soft().partial_fit(X, named).partial_fit(X, named)
    found = soft().partial_fit(X, turned, classes=NAMES[order]).partial_fit(X, turned)
    assert_array_equal(found.column_classes_, NAMES[order])
    assert_allclose(found.predict_proba(X), wanted.predict_proba(X), rtol=1e-9)
    score = pytest.approx(wanted.score(X, named))
    readers = [
        found,
        make_pipeline(StandardScaler(with_mean=False, with_std=False).fit(X), found),
        SoftCalibratedClassifierCV(found, cv="prefit").fit(X, turned),
        SoftCalibratedClassifierCV(FrozenEstimator(found), cv=2).fit(X, turned),
        TunedDecisionClassifierCV(found, CostMatrix(1 - np.eye(3)), cv="prefit").fit(X, turned),
    ]
    for reader in readers:
        assert reader.score(X, turned) == score
        assert reader.score(X, sp.coo_array(turned)) == score
        assert reader.score(X, named) == score
        assert scorers.soft_accuracy(reader, X, turned) == score
    assert not hasattr(found.fit(X, Y), "column_classes_")


@pytest.mark.parametrize("kind", ["confidence", "classwise"])
def test_pictures_of_classes_read_the_columns_as_they_were_named(kind):
    X, Y = make_soft()
    order = [2, 0, 1]
    clf = soft().partial_fit(X, Y[:, order], classes=NAMES[order])
    named = pd.DataFrame(Y, columns=NAMES)
    display = partial(ReliabilityDisplay.from_estimator, kind=kind, random_state=0)
    wanted = drawn_by(display(clf, X, named))
    for same in (Y[:, order], named.iloc[:, order]):
        assert_allclose(drawn_by(display(clf, X, same)), wanted, rtol=1e-9)


def test_votes_and_parts_agree_on_the_columns():
    X, _, drawn = yes_no()
    shares, classes = vote_shares(np.column_stack([drawn] * 3), classes=["yes", "no"])
    clf = soft(learning_rate_init=0.05)
    for _ in range(30):
        clf.partial_fit(X, shares, classes=classes)
    assert np.mean(clf.predict(X) == drawn) > 0.7


@settings(max_examples=4, deadline=None)
@given(permutations)
def test_meta_estimators_of_classes_find_columns_by_name(order):
    X, Y = make_soft()
    named = pd.DataFrame(Y, columns=NAMES)
    turned = named.iloc[:, list(order)]
    metas = [
        SoftCalibratedClassifierCV(soft(max_iter=3), cv=2),
        GraphLabelSpreading(),
        TunedDecisionClassifierCV(soft(max_iter=3), cv=2, random_state=0),
        GridSearchCV(soft(max_iter=3), {"alpha": [0.1]}, cv=2),
        make_pipeline(StandardScaler(), soft(max_iter=3)),
    ]
    for meta in metas:
        wanted = meta.fit(X, named).predict_proba(X)
        score = meta.score(X, named)
        assert meta.score(X, turned) == pytest.approx(score)
        assert_array_equal(meta.classes_, np.sort(NAMES))
        assert_allclose(meta.fit(X, turned).predict_proba(X), wanted, rtol=1e-9)


# --- labels --------------------------------------------------------------------------------------


def label_frame(n_labels=4):
    X, Y = make_labels(n_labels=n_labels)
    return X, pd.DataFrame(Y, columns=LABELS[:n_labels])


@settings(max_examples=6, deadline=None)
@given(label_permutations)
def test_label_columns_are_found_by_name(order):
    X, Y = label_frame()
    turned = Y.iloc[:, list(order)]
    clf = multi(max_iter=3).fit(X, Y)
    assert clf.score(X, turned) == clf.score(X, Y)
    for scorer in (scorers.neg_multilabel_log_loss, scorers.multilabel_f1_score):
        assert scorer(clf, X, turned) == scorer(clf, X, Y)
    weight = pd.DataFrame(np.random.default_rng(0).random(Y.shape), columns=Y.columns)
    weighted = multi(max_iter=3).fit(X, Y, label_weight=weight)
    by_name = multi(max_iter=3).fit(X, Y, label_weight=weight.iloc[:, list(order)])
    assert_allclose(by_name.predict_proba(X), weighted.predict_proba(X), rtol=1e-9)
    parts = multi().partial_fit(X, Y).partial_fit(X, Y).predict_proba(X)
    mixed = multi().partial_fit(X, Y).partial_fit(X, turned).predict_proba(X)
    assert_allclose(mixed, parts, rtol=1e-9)
    warm = multi(warm_start=True, max_iter=2)
    wanted = warm.fit(X, Y).fit(X, Y).predict_proba(X)
    warm = multi(warm_start=True, max_iter=2)
    assert_allclose(warm.fit(X, Y).fit(X, turned).predict_proba(X), wanted, rtol=1e-9)


@settings(max_examples=4, deadline=None)
@given(label_permutations)
def test_meta_estimators_of_labels_find_columns_by_name(order):
    X, Y = label_frame()
    turned = Y.iloc[:, list(order)]
    metas = [
        SoftCalibratedClassifierCV(multi(max_iter=3), cv=2),
        SoftCalibratedClassifierCV(multi(max_iter=3).fit(X, Y), cv="prefit"),
        TunedDecisionClassifierCV(multi(max_iter=3), cv=2, random_state=0),
        GridSearchCV(multi(max_iter=3), {"alpha": [0.1]}, cv=2),
        make_pipeline(StandardScaler(), multi(max_iter=3)),
    ]
    for meta in metas:
        meta.fit(X, Y)
        assert meta.score(X, turned) == meta.score(X, Y)
        wanted = scorers.neg_multilabel_log_loss(meta, X, Y)
        assert scorers.neg_multilabel_log_loss(meta, X, turned) == pytest.approx(wanted, rel=1e-12)


def test_pictures_of_labels_find_columns_by_name():
    X, Y = label_frame()
    clf = multi(max_iter=3).fit(X, Y)
    for display in (
        partial(ReliabilityDisplay.from_estimator, random_state=0),
        ThresholdCurveDisplay.from_estimator,
    ):
        wanted = display(clf, X, Y)
        titles = [panel.get_title().split(":")[0] for panel in wanted.ax_]
        assert titles == list(Y.columns)
        for same in (Y.iloc[:, ::-1], Y.to_numpy()):
            found = display(clf, X, same)
            assert [panel.get_title().split(":")[0] for panel in found.ax_] == titles
            assert_allclose(drawn_by(found), drawn_by(wanted), rtol=1e-9)
    of_predictions = ThresholdCurveDisplay.from_predictions(Y, clf.predict_proba(X))
    assert [panel.get_title().split(":")[0] for panel in of_predictions.ax_] == titles


def test_foreign_and_missing_labels_are_refused():
    X, Y = label_frame()
    clf = multi(max_iter=2).fit(X, Y)
    foreign = Y.rename(columns={"cat": "elk"})
    for call in (clf.score, clf.partial_fit, lambda X, Y: scorers.multilabel_f1_score(clf, X, Y)):
        with pytest.raises(ValueError, match=r"must be the labels .*'cat'.*they are .*'elk'"):
            call(X, foreign)
    with pytest.raises(ValueError, match="must be the labels"):
        clf.fit(X, Y, label_weight=pd.DataFrame(np.ones(Y.shape), columns=foreign.columns))


def test_names_of_an_earlier_fit_go():
    X, Y = label_frame()
    clf = multi(max_iter=2).fit(X, Y)
    assert clf.label_names_.tolist() == LABELS.tolist()
    assert clf.partial_fit(X, Y.to_numpy()).label_names_.tolist() == LABELS.tolist()
    assert not hasattr(clf.fit(X, Y.to_numpy()), "label_names_")


def test_a_classifier_that_knows_no_names_is_scored_by_position():
    X, Y = label_frame()
    clf = OneVsRestClassifier(LogisticRegression()).fit(X, Y.to_numpy())
    assert scorers.multilabel_f1_score(clf, X, Y) == scorers.multilabel_f1_score(
        clf, X, Y.to_numpy()
    )


# --- metrics, and names of features -------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(permutations, permutations)
@pytest.mark.parametrize("name", ["soft_log_loss", "soft_accuracy", "entropy_calibration_error"])
def test_metrics_of_classes_find_columns_by_name(name, order, other):
    rng = np.random.default_rng(0)
    truth, proba = (pd.DataFrame(rng.dirichlet(np.ones(3), 20), columns=NAMES) for _ in range(2))
    metric = getattr(metrics, name)
    wanted = metric(truth, proba)
    turned = truth.iloc[:, list(order)]
    assert metric(turned, proba.iloc[:, list(other)]) == pytest.approx(wanted)
    assert metric(turned, proba[np.sort(NAMES)].to_numpy()) == pytest.approx(wanted)
    with pytest.raises(ValueError, match="y_proba: The columns must be the classes"):
        metric(truth, proba.rename(columns={"no": "never"}))


@settings(max_examples=10, deadline=None)
@given(label_permutations, label_permutations)
@pytest.mark.parametrize("name", ["multilabel_log_loss", "multilabel_brier_score"])
def test_metrics_of_labels_find_columns_by_name(name, order, other):
    rng = np.random.default_rng(0)
    _, Y = label_frame()
    proba = pd.DataFrame(rng.random(Y.shape), columns=Y.columns)
    metric = getattr(metrics, name)
    turned = Y.iloc[:, list(order)], proba.iloc[:, list(other)]
    assert metric(*turned) == pytest.approx(metric(Y, proba))


@pytest.mark.parametrize("clf", [soft(), multi()], ids=["soft", "multi"])
def test_features_in_another_order_are_refused(clf):
    X, Y = make_soft() if "threshold" not in clf.get_params() else make_labels()
    frame = pd.DataFrame(X, columns=list("abcde"))
    clf.fit(frame, Y)
    with pytest.raises(ValueError, match="same order"):
        clf.predict(frame[list("edcba")])
