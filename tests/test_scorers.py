"""Scorers in model selection: two classes or labels, strings, unknown entries, any classifier."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, d2_log_loss_score, get_scorer, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import X_SETS, X_SOFT, Y_SETS, Y_SOFT, make_labels, make_soft, multi, soft
from sklearn_softloss import SoftLossMLPRegressor, metrics
from sklearn_softloss.metrics import scorers
from sklearn_softloss.model_selection import as_proba_matrix

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ALL = {name: value for name, value in vars(scorers).items() if isinstance(value, scorers.Scorer)}
TAKES = {name: scorers.what_it_takes(scorer.metric) for name, scorer in ALL.items()}
LABELS = {name: scorer for name, scorer in ALL.items() if "multilabel" in name}
QUANTILES = {name: scorer for name, scorer in ALL.items() if TAKES[name] == "y_quantiles"}
ANSWERS = {name for name in ALL if TAKES[name] in ("y_answers", "y_ratings")}
OTHERS = {*LABELS, *QUANTILES, *ANSWERS}  # those of answers are tested beside their estimator
CLASSES = {name: scorer for name, scorer in ALL.items() if name not in OTHERS}
NAMES = np.array(["no", "yes"])
Y_PARTLY = Y_SETS.astype(float)
Y_PARTLY[np.random.default_rng(0).random(Y_SETS.shape) < 0.2] = np.nan

over_all = pytest.mark.parametrize("name", sorted({*ALL} - ANSWERS))
over_classes = pytest.mark.parametrize("name", CLASSES)
over_labels = pytest.mark.parametrize("name", LABELS)
quick = {"max_iter": 3}


@pytest.fixture(scope="module")
def of_classes():
    return soft(**quick).fit(X_SOFT, Y_SOFT)


@pytest.fixture(scope="module")
def of_labels():
    return multi(**quick).fit(X_SETS, Y_PARTLY)


@pytest.fixture(scope="module")
def of_two_names():
    y = NAMES[(X_SETS[:, 0] > 0).astype(int)]
    return LogisticRegression().fit(X_SETS, y), X_SETS, y


def test_every_scorer_is_public():
    assert set(scorers.__all__) == {*ALL, "Scorer", "make_scorer"}
    covered = {scorer.metric.__name__ for scorer in ALL.values()}
    missing = set(metrics.__all__) - covered
    assert missing == {
        "CalibrationDecomposition",
        "MultilabelReport",
        "calibration_decomposition",
        "interval_coverage",  # neither greater nor less is better
        "multilabel_report",
        "scorers",
    }


@pytest.fixture(scope="module")
def of_quantiles():
    levels = (0.1, 0.5, 0.9)
    reg = SoftLossMLPRegressor((4,), loss="quantile", quantile=levels, max_iter=3, random_state=0)
    return reg.fit(X_SETS, X_SETS[:, 0])


# --- the value is the metric's -------------------------------------------------------------------


@over_classes
def test_scores_of_classes_are_the_metrics(name, of_classes):
    weight = np.random.default_rng(0).random(len(X_SOFT))
    scorer, proba = ALL[name], of_classes.predict_proba(X_SOFT)
    expected = scorer.metric(Y_SOFT, proba, sample_weight=weight, **scorer.options)
    found = scorer(of_classes, X_SOFT, Y_SOFT, sample_weight=weight)
    assert found == (-expected if name.startswith("neg_") else expected)
    assert type(found) is float


@over_labels
def test_scores_of_labels_are_the_metrics(name, of_labels):
    weight = np.random.default_rng(0).random(len(X_SETS))
    scorer, proba = ALL[name], of_labels.predict_proba(X_SETS)
    decisions = TAKES[name] == "y_pred"
    answer = of_labels.predict(X_SETS) if decisions else proba
    expected = scorer.metric(Y_PARTLY, answer, sample_weight=weight, **scorer.options)
    for y in (Y_PARTLY, np.nan_to_num(Y_PARTLY, nan=-1).astype(int), sp.csr_array(Y_PARTLY)):
        found = scorer(of_labels, X_SETS, y, sample_weight=weight)
        assert_allclose(found, -expected if name.startswith("neg_") else expected, rtol=1e-12)


def test_scores_are_those_of_the_estimators(of_classes, of_labels):
    assert scorers.soft_accuracy(of_classes, X_SOFT, Y_SOFT) == of_classes.score(X_SOFT, Y_SOFT)
    found = scorers.multilabel_subset_accuracy(of_labels, X_SETS, Y_PARTLY)
    assert found == of_labels.score(X_SETS, Y_PARTLY)


def test_options_are_passed_on(of_classes):
    found = scorers.neg_soft_log_loss(of_classes, X_SOFT, Y_SOFT, subtract_entropy=True)
    assert found == scorers.make_scorer(
        metrics.soft_log_loss, greater_is_better=False, subtract_entropy=True
    )(of_classes, X_SOFT, Y_SOFT)
    divergence = scorers.make_scorer(
        metrics.label_distribution_distance, greater_is_better=False, measure="kl_divergence"
    )
    assert found == pytest.approx(divergence(of_classes, X_SOFT, Y_SOFT))


def test_a_calibration_error_of_labels_is_given_labels(of_labels):
    ece, proba = metrics.expected_calibration_error, of_labels.predict_proba(X_SETS)
    scorer = scorers.make_scorer(ece, greater_is_better=False, kind="labelwise")
    expected = -ece(Y_PARTLY, proba, kind="labelwise")
    assert scorer(of_labels, X_SETS, Y_PARTLY) == pytest.approx(expected)


@over_all
def test_pickle_and_clone(name, of_classes, of_labels, of_quantiles):
    scorer = ALL[name]
    clf, X, y = (of_classes, X_SOFT, Y_SOFT) if name in CLASSES else (of_labels, X_SETS, Y_PARTLY)
    if name in QUANTILES:
        clf, y = of_quantiles, X_SETS[:, 0]
    again = pickle.loads(pickle.dumps(scorer))
    assert again(clf, X, y) == scorer(clf, X, y)
    assert clone(GridSearchCV(clf, {}, scoring=scorer)).scoring(clf, X, y) == scorer(clf, X, y)
    assert repr(scorer).startswith("make_scorer(")


@pytest.mark.parametrize("name", QUANTILES)
def test_one_column_of_numbers_is_scored_as_a_vector(name, of_quantiles):
    y = X_SETS[:, 0]
    options = {"scoring": ALL[name], "cv": KFold(2), "error_score": "raise"}
    expected = cross_val_score(of_quantiles, X_SETS, y, **options)
    column = y[:, None]
    assert ALL[name](of_quantiles, X_SETS, column) == ALL[name](of_quantiles, X_SETS, y)
    with pytest.warns(DataConversionWarning, match="column-vector y"):  # of the fits
        found = cross_val_score(of_quantiles, X_SETS, pd.DataFrame(column), **options)
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("name", [*CLASSES, *LABELS])
def test_one_column_of_names_is_scored_as_a_vector(name, of_two_names):
    clf, X, y = of_two_names
    expected = ALL[name](clf, X, y)
    column = y[:, None]
    for given in (
        column,
        column.tolist(),
        pd.DataFrame(column),
        pd.DataFrame({"y": pd.Categorical(y)}),
        pd.Series(y, index=np.arange(len(y))[::-1] * 3),
    ):
        assert ALL[name](clf, X, given) == expected


# --- two classes, two labels, strings ------------------------------------------------------------


@pytest.mark.parametrize("name", [*CLASSES, *LABELS])
def test_two_named_classes(name, of_two_names):
    """As classes, and as one label that is there or not."""
    clf, X, y = of_two_names
    scorer, codes = ALL[name], (y == "yes").astype(int)
    found = scorer(clf, X, y)
    by_code = LogisticRegression().fit(X, codes)
    assert found == scorer(by_code, X, codes)
    if name in CLASSES:
        assert_allclose(found, scorer(clf, X, np.eye(2)[codes]), rtol=1e-12)
    if name != "multilabel_roc_auc_score":  # which has no value there, and says so
        in_one_class = scorer(clf, X[y == "yes"][:3], y[y == "yes"][:3])
        assert np.isfinite(in_one_class)


def test_two_named_classes_are_scored_as_by_scikit_learn(of_two_names):
    clf, X, y = of_two_names
    proba = clf.predict_proba(X)
    expected = -log_loss(y, proba)
    assert scorers.neg_soft_log_loss(clf, X, y) == pytest.approx(expected, rel=1e-12)
    assert scorers.neg_multilabel_log_loss(clf, X, y) == pytest.approx(expected, rel=1e-12)
    expected = -brier_score_loss(y, proba[:, 1], pos_label="yes")
    assert scorers.neg_soft_brier_score(clf, X, y) == pytest.approx(expected, rel=1e-12)
    assert scorers.soft_accuracy(clf, X, y) == clf.score(X, y)
    assert scorers.multilabel_subset_accuracy(clf, X, y) == clf.score(X, y)


def test_two_labels_are_not_cut_to_one():
    """scikit-learn's scorer reads the two columns as two classes, keeps one, and is silent."""
    X, Y = make_labels(n=60, n_labels=2)
    mlp = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, Y)
    expected = -metrics.multilabel_log_loss(Y, mlp.predict_proba(X))
    assert scorers.neg_multilabel_log_loss(mlp, X, Y) == pytest.approx(expected, rel=1e-12)
    try:
        found = get_scorer("neg_log_loss")(mlp, X, Y)
    except ValueError:
        return
    assert found != pytest.approx(expected, rel=0.01)


def test_two_soft_classes():
    X, Y = make_soft(n=60, k=2)
    clf = soft(**quick).fit(X, Y)
    for name, scorer in CLASSES.items():
        assert np.isfinite(scorer(clf, X, Y)), name


# --- any classifier ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clf",
    [
        RandomForestClassifier(5, max_depth=3, random_state=0),
        MultiOutputClassifier(LogisticRegression()),
        KNeighborsClassifier(),
        MLPClassifier((4,), max_iter=3, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
        multi(**quick),
    ],
    ids=lambda clf: type(clf).__name__,
)
@pytest.mark.parametrize("n_labels", [2, 3])
def test_any_multilabel_classifier(clf, n_labels):
    X, Y = make_labels(n=60, n_labels=n_labels)
    clf = clone(clf).fit(X, Y)
    proba = as_proba_matrix(clf.predict_proba(X), clf.classes_)
    for scorer in (scorers.neg_multilabel_log_loss, scorers.neg_multilabel_brier_score):
        assert scorer(clf, X, Y) == -scorer.metric(Y, proba)
    found = scorers.multilabel_f1_score(clf, X, Y)
    assert found == metrics.multilabel_f1_score(Y, clf.predict(X))


def test_a_label_without_positives_in_training():
    X, Y = make_labels(n=60, n_labels=3)
    Y[:, 1] = 0
    clf = RandomForestClassifier(5, random_state=0).fit(X, Y)
    Y[0, 1] = 1
    assert scorers.neg_multilabel_brier_score(clf, X, Y) < 0


def test_columns_of_a_frame_may_come_in_any_order():
    frame = pd.DataFrame(Y_SOFT, columns=["cat", "ape", "bee"])
    clf = soft(**quick).fit(X_SOFT, frame)
    expected = scorers.neg_soft_log_loss(clf, X_SOFT, frame)
    other_order = scorers.neg_soft_log_loss(clf, X_SOFT, frame[["ape", "bee", "cat"]])
    assert other_order == pytest.approx(expected, rel=1e-12)


def test_a_metric_of_ones_own():
    def worst_log_loss(y_true, y_proba, *, sample_weight=None):
        return metrics.multilabel_log_loss(y_true, y_proba, average=None).max()

    X, Y = make_labels(n=60, n_labels=3)
    clf = multi(**quick).fit(X, Y)
    scorer = scorers.make_scorer(worst_log_loss, greater_is_better=False)
    losses = metrics.multilabel_log_loss(Y, clf.predict_proba(X), average=None)
    assert scorer(clf, X, Y) == -losses.max()


def test_log_losses_of_scikit_learn_are_given_probabilities(of_two_names):
    """Their `y_pred`, an old name, is no decision."""
    clf, X, y = of_two_names
    for metric in (log_loss, d2_log_loss_score):
        assert scorers.make_scorer(metric)(clf, X, y) == metric(y, clf.predict_proba(X))


def test_what_is_no_score_makes_no_scorer():
    with pytest.raises(ValueError, match=r"interval_coverage is no score, .* take pinball_loss"):
        scorers.make_scorer(metrics.interval_coverage)


def test_a_metric_of_ones_own_over_classes(of_classes):
    def certainty(y_true, y_proba, *, labels=None, sample_weight=None):
        assert list(labels) == list(of_classes.classes_)
        return y_proba.max(axis=1).mean()

    found = scorers.make_scorer(certainty)(of_classes, X_SOFT, Y_SOFT)
    assert found == of_classes.predict_proba(X_SOFT).max(axis=1).mean()


def test_labels_for_classes_and_classes_for_labels_are_refused(of_labels):
    with pytest.raises(ValueError, match="take a multilabel metric"):
        scorers.neg_soft_log_loss(of_labels, X_SETS, np.eye(4)[Y_SETS.argmax(axis=1)])


# --- searches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clf", "X", "Y", "scoring"),
    [
        (soft(**quick), X_SOFT, Y_SOFT, CLASSES),
        (multi(**quick), X_SETS, Y_PARTLY, LABELS),
    ],
    ids=["classes", "labels"],
)
def test_all_scorers_in_one_search(clf, X, Y, scoring):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), clf),
        {f"{type(clf).__name__.lower()}__alpha": [1e-4, 1e-2]},
        scoring=scoring,
        refit=next(iter(scoring)),
        cv=KFold(2),
        error_score="raise",
    ).fit(X, Y)
    for name in scoring:
        assert np.isfinite(search.cv_results_[f"mean_test_{name}"]).all()


def test_a_search_takes_the_best_of_its_scorer():
    X, Y = make_soft(n=90)
    search = GridSearchCV(
        soft(max_iter=40, learning_rate_init=0.05),
        {"alpha": [1e-4, 100.0]},
        scoring=scorers.neg_soft_log_loss,
        cv=3,
        error_score="raise",
    ).fit(X, Y)
    assert search.best_params_ == {"alpha": 1e-4}
    assert search.score(X, Y) == scorers.neg_soft_log_loss(search.best_estimator_, X, Y)


def test_worker_processes():
    """With a classifier whose import is quick."""
    scoring = {"loss": scorers.neg_multilabel_log_loss, "f1": scorers.multilabel_f1_score}
    clf = RandomForestClassifier(3, random_state=0)
    parallel, serial = (
        cross_validate(clf, X_SETS, Y_SETS, scoring=scoring, cv=2, n_jobs=n, error_score="raise")
        for n in (2, None)
    )
    for name in ("test_loss", "test_f1"):
        assert_allclose(parallel[name], serial[name], rtol=1e-12)


def test_other_tools_of_model_selection():
    data, clf = (X_SETS, Y_PARTLY), multi(**quick)
    one = {"scoring": scorers.neg_multilabel_log_loss, "cv": KFold(2), "error_score": "raise"}
    expected = cross_val_score(clf, *data, **one)
    grid = {"alpha": [1e-4, 1e-2]}
    for search in (
        RandomizedSearchCV(clf, grid, n_iter=1, random_state=0, **one),
        HalvingGridSearchCV(clf, grid, min_resources=20, random_state=0, **one),
    ):
        assert np.isfinite(search.fit(*data).best_score_)
    sizes = learning_curve(clf, *data, train_sizes=[1.0], **one)
    assert_allclose(sizes[2][0], expected, rtol=1e-9)
    found = permutation_importance(
        clf.fit(*data), *data, scoring=scorers.neg_multilabel_log_loss, n_repeats=1
    )
    assert np.isfinite(found.importances).all()


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True])
def test_a_search_passes_its_weights_to_the_scorer(several):
    """Without metadata routing too."""
    weight = np.random.default_rng(0).random(len(X_SOFT))
    scorer, cv = scorers.neg_soft_log_loss, KFold(2)
    scoring = {"loss": scorer, "acc": scorers.soft_accuracy} if several else scorer
    search = GridSearchCV(soft(**quick), {}, scoring=scoring, refit=False, cv=cv)
    search.fit(X_SOFT, Y_SOFT, sample_weight=weight)
    found = search.cv_results_["mean_test_loss" if several else "mean_test_score"][0]
    by_hand = []
    for train, test in cv.split(X_SOFT):
        clf = soft(**quick).fit(X_SOFT[train], Y_SOFT[train], sample_weight=weight[train])
        by_hand.append(scorer(clf, X_SOFT[test], Y_SOFT[test], sample_weight=weight[test]))
    assert found == pytest.approx(np.mean(by_hand))


def test_metadata_routing():
    weight = np.random.default_rng(0).random(len(X_SOFT))
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = scorers.neg_soft_log_loss.set_score_request(sample_weight=True)
        clf = soft(**quick).set_fit_request(sample_weight=False)
        found = cross_validate(
            clf,
            X_SOFT,
            Y_SOFT,
            scoring={"loss": scorer, "plain": scorer.set_score_request(sample_weight=False)},
            cv=KFold(2),
            params={"sample_weight": weight},
            error_score="raise",
            return_estimator=True,
            return_indices=True,
        )
    assert scorers.neg_soft_log_loss.sample_weight_request is None
    for fold, (clf, test) in enumerate(
        zip(found["estimator"], found["indices"]["test"], strict=True)
    ):
        data = clf, X_SOFT[test], Y_SOFT[test]
        expected = scorers.neg_soft_log_loss(*data, sample_weight=weight[test])
        assert found["test_loss"][fold] == expected
        assert found["test_plain"][fold] == scorers.neg_soft_log_loss(*data)


def test_scorers_are_reached_from_the_metrics():
    code = "import sklearn_softloss.metrics as m; print(m.scorers.neg_soft_log_loss)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("make_scorer(soft_log_loss")
