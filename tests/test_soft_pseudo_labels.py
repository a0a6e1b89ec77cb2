"""SoftPseudoLabelClassifier: weights, temperatures, rounds, labelers, splits, and refusals."""

import warnings
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import entropy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_blobs, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import X_THREE, Y_THREE
from semi_supervised_cases import moons
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.calibration import TemperatureScaling
from sklearn_softloss.metrics import soft_log_loss
from sklearn_softloss.semi_supervised import (
    GraphLabelSpreading,
    LabelledStratifiedKFold,
    SoftPseudoLabelClassifier,
)
from sklearn_softloss.semi_supervised._evidence import (
    confidence,
    held_out_temperature,
    hidden_labels,
    tempered,
)

pytestmark = pytest.mark.filterwarnings("ignore:Every row of y has a label:UserWarning")

NET = SoftTargetMLPClassifier((), solver="lbfgs", alpha=1.0, encoding=None, random_state=0)
UNIFORM = np.full(3, 1 / 3)


class Recorder(ClassifierMixin, BaseEstimator):
    """Says always the same of the classes, and keeps what it was fitted to."""

    def __init__(self, says=(0.9, 0.05, 0.05)):
        self.says = says

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        self.classes_ = np.arange(y.shape[1])
        return self

    def predict_proba(self, X):
        return np.tile(self.says, (X.shape[0], 1))


class FixedLabeler(ClassifierMixin, BaseEstimator):
    """A labeler with given distributions."""

    def __init__(self, distributions=None):
        self.distributions = distributions

    def fit(self, X, y):
        self.classes_ = np.arange(3)
        self.label_distributions_ = np.asarray(self.distributions, dtype=float)
        return self


def three_digits(n_labels=15, seed=0):
    """Digits with few labels; each class has one at least."""
    shown = np.random.default_rng(seed).permutation(len(Y_THREE))[:n_labels]
    y = np.full(len(Y_THREE), -1)
    y[shown] = Y_THREE[shown]
    assert set(y) == {-1, 0, 1, 2}
    return X_THREE, y


def six_rows():
    """Three labelled rows, one a class, and three others with given distributions."""
    said = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    said += [[1 / 3, 1 / 3, 1 / 3], [0.6, 0.3, 0.1], [0.0, 0.0, 1.0]]
    return np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, -1, -1, -1]), np.array(said)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:y holds -1 and 1:UserWarning")  # as one of the checks has it
@parametrize_with_checks(
    [
        SoftPseudoLabelClassifier(NET),
        SoftPseudoLabelClassifier(NET, labeler="estimator", temperature=0.5, n_rounds=2),
    ]
)
def test_sklearn_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


# --- what the estimator learns from ---------------------------------------------------------------


def test_given_labels_and_weighted_pseudo_labels():
    X, y, said = six_rows()
    clf = SoftPseudoLabelClassifier(Recorder(), FixedLabeler(said), temperature=1.0).fit(X, y)
    learnt = np.vstack([np.eye(3), said[3:]])
    weight = [1, 1, 1, 0, 1 - entropy(said[4]) / np.log(3), 1]
    for name, expected in (("y_", learnt), ("weight_", weight), ("X_", X)):
        np.testing.assert_allclose(getattr(clf.estimator_, name), expected, atol=1e-12)
    np.testing.assert_array_equal(clf.label_distributions_, clf.estimator_.y_)
    np.testing.assert_array_equal(clf.sample_weight_, clf.estimator_.weight_)
    np.testing.assert_array_equal(clf.transduction_, [0, 1, 2, 0, 0, 2])


def test_threshold_keeps_what_is_at_least_so_sure():
    X, y, said = six_rows()
    clf = SoftPseudoLabelClassifier(
        Recorder(), FixedLabeler(said), threshold=0.6, temperature=1.0
    ).fit(X, y)
    np.testing.assert_array_equal(clf.sample_weight_, [1, 1, 1, 0, 1, 1])


def test_rows_that_no_label_reaches_weigh_nothing():
    X = np.concatenate([np.arange(12.0), 1000 + np.arange(5.0)])[:, None]
    y = np.full(17, -1)
    y[[0, 1, 2, 11]] = [0, 0, 0, 1]
    with pytest.warns(UserWarning, match="No label reaches 5 rows"):
        clf = SoftPseudoLabelClassifier(
            Recorder((0.5, 0.5)), GraphLabelSpreading(2), temperature=0.2
        ).fit(X, y)
    assert np.all(clf.sample_weight_[:12] > 0)
    np.testing.assert_allclose(clf.sample_weight_[12:], 0, atol=1e-12)


def test_rows_to_which_a_labeler_gives_no_class():
    X, y, said = six_rows()
    said[4] = 0
    with pytest.warns(UserWarning, match="FixedLabeler gave 1 of 6 rows no class"):
        clf = SoftPseudoLabelClassifier(Recorder(), FixedLabeler(said), temperature=1.0).fit(X, y)
    np.testing.assert_allclose(clf.label_distributions_[4], 1 / 3)
    np.testing.assert_allclose(clf.sample_weight_, [1, 1, 1, 0, 0, 1], atol=1e-12)


def test_rounds_are_a_moving_average_of_labeler_and_students():
    X, y, said = six_rows()
    says = np.array([0.2, 0.2, 0.6])
    clf = SoftPseudoLabelClassifier(
        Recorder(tuple(says)), FixedLabeler(said), temperature=1.0, n_rounds=3, momentum=0.75
    ).fit(X, y)
    expected = 0.75 * (0.75 * said + 0.25 * says) + 0.25 * says
    np.testing.assert_allclose(clf.label_distributions_[3:], expected[3:], rtol=1e-12)
    np.testing.assert_array_equal(clf.label_distributions_[:3], np.eye(3))


def test_teacher_is_the_estimator_on_the_labelled_rows():
    X, y, _ = six_rows()
    clf = SoftPseudoLabelClassifier(Recorder(), "estimator", temperature=0.5).fit(X, y)
    np.testing.assert_array_equal(clf.labeler_.X_, X[:3])
    np.testing.assert_array_equal(clf.labeler_.y_, np.eye(3))
    sharp = np.array(Recorder().says) ** 2
    np.testing.assert_allclose(clf.label_distributions_[3:], np.tile(sharp / sharp.sum(), (3, 1)))


def test_all_rows_labelled_is_the_estimator_alone():
    clf = SoftPseudoLabelClassifier(NET).fit(X_THREE, Y_THREE)
    alone = SoftTargetMLPClassifier(**NET.get_params()).fit(X_THREE, Y_THREE)
    np.testing.assert_allclose(clf.predict_proba(X_THREE), alone.predict_proba(X_THREE))
    assert clf.labeler_ is None
    assert clf.temperature_ is None


def test_the_estimator_is_our_net_where_none_is_given():
    X, y = moons(40, 10)
    clf = SoftPseudoLabelClassifier().fit(X, y)
    assert type(clf.estimator_) is SoftTargetMLPClassifier
    assert clf.predict_proba(X).shape == (40, 2)


@pytest.mark.parametrize("labeler", [None, "estimator"], ids=str)
def test_few_labels_and_many_rows_beat_few_labels(labeler):
    X, truth = make_moons(600, noise=0.1, random_state=0)
    X, X_test, truth, y_test = X[:300], X[300:], truth[:300], truth[300:]
    y = np.where(np.arange(300) < 12, truth, -1)
    net = SoftTargetMLPClassifier((20,), solver="lbfgs", alpha=0.1, max_iter=100, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = net.fit(X[:12], y[:12]).score(X_test, y_test)
        clf = SoftPseudoLabelClassifier(net, labeler, n_rounds=2, random_state=0).fit(X, y)
    assert clf.score(X_test, y_test) >= alone - (0.02 if labeler else -0.03)


def test_other_labelers():
    X, y = three_digits()
    for labeler in (LabelSpreading("knn", n_neighbors=20), GraphLabelSpreading(mode="propagation")):
        clf = SoftPseudoLabelClassifier(NET, labeler).fit(X, y)
        assert clf.score(X, Y_THREE) > 0.9
        assert type(clf.labeler_) is type(labeler)


def test_text_labels_and_soft_rows_and_frames():
    X, y = three_digits()
    by_number = SoftPseudoLabelClassifier(NET).fit(X, y)
    names = np.array(["one", "three", "two"])
    text = np.where(y >= 0, names[y].astype(object), -1)
    by_name = SoftPseudoLabelClassifier(NET).fit(X, text)
    np.testing.assert_array_equal(by_name.predict(X), names[by_number.predict(X)])
    rows = np.where((y >= 0)[:, None], np.eye(3)[y], np.nan)
    by_row = SoftPseudoLabelClassifier(NET).fit(X, pd.DataFrame(rows, columns=names))
    np.testing.assert_allclose(by_row.predict_proba(X), by_number.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(by_row.predict(X), by_name.predict(X))
    assert by_row.score(X, rows) == by_number.score(X, y)


def test_sparse_rows_and_single_precision():
    X, y = three_digits()
    dense = SoftPseudoLabelClassifier(NET).fit(X, y)
    sparse = SoftPseudoLabelClassifier(NET).fit(sp.csr_array(X), y)
    np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), atol=1e-3)
    clf = SoftPseudoLabelClassifier(Recorder()).fit(X.astype(np.float32), y)
    assert clf.estimator_.X_.dtype == np.float32


def test_random_state_seeds_estimator_and_labeler():
    X, y = three_digits()
    net = SoftTargetMLPClassifier((5,), max_iter=3, learning_rate="one_cycle")
    labeler = GraphLabelSpreading()
    fits = [
        SoftPseudoLabelClassifier(net, labeler, random_state=seed).fit(X, y) for seed in (1, 1, 2)
    ]
    probas = [clf.predict_proba(X) for clf in fits]
    np.testing.assert_array_equal(probas[0], probas[1])
    assert np.abs(probas[0] - probas[2]).max() > 1e-6
    assert fits[0].labeler_.random_state is not None
    assert net.random_state is labeler.random_state is None
    assert SoftPseudoLabelClassifier(NET).fit(X, Y_THREE).estimator_.random_state == 0


def test_grid_search_in_a_pipeline():
    X, y = three_digits(30)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SoftPseudoLabelClassifier(NET)),
        {
            "softpseudolabelclassifier__temperature": ["auto", 1.0],
            "softpseudolabelclassifier__labeler": [None, "estimator"],
        },
        cv=LabelledStratifiedKFold(3, random_state=0),
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.9


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": KNeighborsClassifier()}, "take sample_weight"),
        ({"estimator": make_pipeline(StandardScaler(), NET)}, "pipeline around"),
        ({"labeler": "graph"}, "labeler must be"),
        ({"labeler": FixedLabeler(np.full((200, 3), 0.5))}, "FixedLabeler.*row 0 sums to 1.5"),
        ({"labeler": FixedLabeler(np.full((200, 3), np.nan))}, "FixedLabeler.*NaN"),
        ({"temperature": 0.0}, "temperature"),
        ({"threshold": 1.5}, "threshold"),
        ({"n_rounds": 0}, "n_rounds"),
        ({"momentum": -0.1}, "momentum"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_parameters(params, message):
    X, y = three_digits()
    with pytest.raises(ValueError, match=message):
        SoftPseudoLabelClassifier(**{"estimator": NET, **params}).fit(X, y)


def test_refused_temperature_of_the_wrong_type():
    with pytest.raises(TypeError, match="temperature"):
        SoftPseudoLabelClassifier(NET, temperature="automatic").fit(*three_digits())


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(200, -1), "no labelled row"),
        (np.where(np.arange(200) < 5, 4, -1), "one class only, .*4"),
        (np.full(200, 4), "one class only"),
        (np.zeros(3), "inconsistent numbers"),
    ],
    ids=["unlabelled", "one class", "one class throughout", "too short"],
)
def test_refused_y(y, message):
    X, fine = three_digits()
    clf = SoftPseudoLabelClassifier(NET).fit(X, fine)
    before = clf.estimator_
    with pytest.raises(ValueError, match=message):
        clf.fit(X[:, :2], y)
    assert clf.estimator_ is before
    assert clf.n_features_in_ == X.shape[1]


def test_refused_X():
    X, y = three_digits()
    with pytest.raises(ValueError, match="NaN"):
        SoftPseudoLabelClassifier(NET).fit(np.where(X > 0.9, np.nan, X), y)


def test_an_estimator_of_hard_labels_says_so_itself():
    with pytest.raises(ValueError, match="1d array"):
        SoftPseudoLabelClassifier(LogisticRegression()).fit(*three_digits())


# --- evidence: temperature, confidence, hidden labels ---------------------------------------------


def drawn_rows(seed, n=40, k=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(k), n), rng.dirichlet(5 * np.ones(k))


@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.1, 100))
@settings(max_examples=30, deadline=None)
def test_tempered_rows(seed, temperature):
    proba, prior = drawn_rows(seed)
    found = tempered(proba, prior, temperature)
    expected = prior * (np.maximum(proba, 1e-6) / prior) ** (1 / temperature)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(tempered(prior[None], prior, temperature), prior[None], rtol=1e-9)
    back = tempered(tempered(proba, prior, 2.0), prior, 0.5)
    np.testing.assert_allclose(back, proba, rtol=0, atol=1e-5)


def test_temperature_at_its_ends():
    proba, prior = drawn_rows(0)
    assert tempered(proba, prior, 1.0) is proba
    np.testing.assert_allclose(tempered(proba, prior, 1e9), np.tile(prior, (40, 1)), atol=1e-6)
    likelier = (proba / prior).argmax(axis=1)
    np.testing.assert_allclose(tempered(proba, prior, 1e-4), np.eye(3)[likelier], atol=1e-6)


def test_classes_that_never_occur_stay_impossible():
    proba, prior = np.array([[0.7, 0.3, 0.0]]), np.array([0.5, 0.5, 0.0])
    np.testing.assert_allclose(
        tempered(proba, prior, 0.5), [[0.49 / 0.58, 0.09 / 0.58, 0]], rtol=1e-9
    )
    assert confidence(proba, prior) < 1


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_confidence(seed):
    proba, prior = drawn_rows(seed)
    expected = 1 - entropy(proba, axis=1) / np.log(3)
    np.testing.assert_allclose(confidence(proba, UNIFORM), expected, atol=1e-12)
    divergence = (proba * np.log(proba / prior)).sum(axis=1) / entropy(prior)
    np.testing.assert_allclose(confidence(proba, prior), np.minimum(divergence, 1), atol=1e-12)
    repeated = confidence(np.tile(prior, (20, 1)) * (1 + 1e-16), prior)
    assert np.all((repeated >= 0) & (repeated < 1e-12))
    rounded = confidence(proba / 3 / (1 / 3), proba[0])  # rounding must not go below 0
    assert np.all((rounded >= 0) & (rounded <= 1))
    np.testing.assert_array_equal(confidence(np.eye(3), UNIFORM), 1)


@pytest.mark.parametrize("slope", [0.3, 1.0, 2.5])
def test_held_out_temperature_finds_the_one_that_was_applied(slope):
    """Labels drawn from rows p: of rows p ** slope (relative to the prior) p is the best again."""
    rng = np.random.default_rng(0)
    prior = np.array([0.6, 0.3, 0.1])
    proba = tempered(rng.dirichlet(np.ones(3), 5000), prior, 2.0)
    truth = rng.multinomial(1, proba).astype(float)
    shown = tempered(proba, prior, 1 / slope)
    found = held_out_temperature(shown, prior, truth)
    assert found == pytest.approx(slope, rel=0.1)
    best = minimize_scalar(
        lambda t: soft_log_loss(truth, tempered(shown, prior, t)), bounds=(0.1, 9), method="bounded"
    )
    np.testing.assert_allclose(found, best.x, rtol=1e-3)


def test_under_equal_classes_the_temperature_is_that_of_temperature_scaling():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.full(3, 5.0), 200)
    truth = rng.multinomial(1, proba**2 / (proba**2).sum(axis=1, keepdims=True))
    scaling = TemperatureScaling().fit(truth, proba)
    assert held_out_temperature(proba, UNIFORM, truth) == pytest.approx(scaling.temperature_)


def test_held_out_temperature_at_its_ends():
    right = np.array([[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]])
    assert held_out_temperature(right, UNIFORM, np.eye(3)[:2]) == pytest.approx(0.1, rel=1e-3)
    wrong = held_out_temperature(right, UNIFORM, np.eye(3)[[1, 0]])
    np.testing.assert_allclose(tempered(right, UNIFORM, wrong), 1 / 3, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_hidden_labels(seed):
    rng = np.random.default_rng(seed)
    y = np.full((60, 4), np.nan)
    shown = rng.permutation(60)[:21]
    y[shown] = np.eye(4)[np.r_[0, rng.integers(1, 4, 20)]]  # one row alone shows class 0
    parts = list(hidden_labels(y))
    for hidden, judged in parts:
        kept = ~np.isnan(hidden[:, 0])
        np.testing.assert_array_equal(hidden[kept], y[kept])
        assert np.isnan(hidden[judged]).all()
        assert np.all(hidden[kept].sum(axis=0)[y[judged].argmax(axis=1)] > 0)
    judged = np.sort(np.concatenate([rows for _, rows in parts]))
    np.testing.assert_array_equal(judged, np.sort(shown[1:]))


@pytest.mark.parametrize("labels", [[0], [0, 1], [0, 1, 2]])
def test_labels_too_few_to_hide_any(labels):
    y = np.full((9, 3), np.nan)
    y[: len(labels)] = np.eye(3)[labels]
    assert list(hidden_labels(y)) == []
    X = np.arange(9.0)[:, None]
    if len(labels) > 1:
        assert SoftPseudoLabelClassifier(NET).fit(X, y).temperature_ == 1


def test_auto_temperature_is_that_of_the_graph_on_hidden_labels():
    X, y = three_digits(30)
    clf = SoftPseudoLabelClassifier(Recorder()).fit(X, y)
    graph = GraphLabelSpreading().fit(X, y)
    soft = np.where((y >= 0)[:, None], np.eye(3)[y], np.nan)
    proba, truth = [], []
    for hidden, judged in hidden_labels(soft):
        anew = GraphLabelSpreading().fit(X, np.where(np.isnan(hidden[:, 0]), -1, y))
        proba.append(anew.label_distributions_[judged])
        truth.append(soft[judged])
    prior = soft[y >= 0].mean(axis=0)
    expected = held_out_temperature(np.concatenate(proba), prior, np.concatenate(truth))
    assert clf.temperature_ == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(
        clf.label_distributions_[y < 0],
        tempered(graph.label_distributions_, prior, expected)[y < 0],
        rtol=1e-6,
    )


# --- folds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("n_splits", [2, 5])
def test_folds_hold_labelled_rows_only(soft, n_splits):
    X, y = three_digits(40)
    given = np.where((y >= 0)[:, None], np.eye(3)[y], np.nan) if soft else y
    folds = LabelledStratifiedKFold(n_splits, random_state=0)
    assert folds.get_n_splits() == n_splits
    counts, tested = np.bincount(y[y >= 0]), []
    for train, test in folds.split(X, given):
        assert np.all(y[test] >= 0)
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(len(y)))
        assert np.all(np.abs(np.bincount(y[test], minlength=3) - counts / n_splits) <= 1)
        tested.append(test)
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.flatnonzero(y >= 0))


def test_folds_of_a_full_y_are_stratified_folds():
    for train, test in LabelledStratifiedKFold(4, random_state=0).split(X_THREE, Y_THREE):
        assert len(train) + len(test) == len(Y_THREE)
    sizes = [np.bincount(Y_THREE[test]) for _, test in StratifiedKFold(4).split(X_THREE, Y_THREE)]
    ours = [
        np.bincount(Y_THREE[test]) for _, test in LabelledStratifiedKFold(4).split(X_THREE, Y_THREE)
    ]
    np.testing.assert_allclose(np.array(ours), np.array(sizes), atol=1)


def test_folds_are_a_function_of_the_seed():
    X, y = three_digits(40)
    folds = [
        [test.tolist() for _, test in LabelledStratifiedKFold(3, random_state=seed).split(X, y)]
        for seed in (0, 0, 1)
    ]
    assert folds[0] == folds[1] != folds[2]


def test_refused_folds():
    X, y = three_digits(4, seed=6)
    with pytest.raises(ValueError, match="n_splits=5 needs at least as many labelled rows"):
        list(LabelledStratifiedKFold(5).split(X, y))
    with pytest.raises(ValueError, match="no labelled row"):
        list(LabelledStratifiedKFold(2).split(X, np.full(len(y), -1)))


def test_blobs_with_one_label_each():
    X, truth = make_blobs(150, centers=3, random_state=1)
    y = np.full(150, -1)
    for number in range(3):
        y[np.flatnonzero(truth == number)[0]] = number
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf = SoftPseudoLabelClassifier(NET).fit(X, y)
    assert clf.score(X, truth) > 0.95


def test_an_estimator_without_soft_targets_is_named():
    X, y = make_blobs(30, centers=2, random_state=0)
    y = np.where(np.arange(30) % 3 == 0, y, -1)
    with pytest.raises(ValueError, match=r"LogisticRegression\.fit refused .* take soft targets"):
        SoftPseudoLabelClassifier(LogisticRegression()).fit(X, y)
