"""Decisions tuned on out-of-fold probabilities, around any classifier."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import multi, rare_labels, soft
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss._targets import encoding, labels
from sklearn_softloss.decision import (
    ClassThresholds,
    CostMatrix,
    CostSensitive,
    DecisionRule,
    ExpectedF1,
    Thresholds,
    TopK,
    TunedDecisionClassifierCV,
    optimal_thresholds,
)
from sklearn_softloss.metrics import multilabel_f1_score
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    as_proba_matrix,
    cross_val_predict_proba,
)
from test_common import run

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FAST = {
    "hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 1.0, "encoding": None,
    "random_state": 0,
}  # fmt: skip
INSIDE = [
    LogisticRegression(),
    SoftTargetMLPClassifier(**FAST),
    MultiLabelSigmoidClassifier(**FAST),
]


@parametrize_with_checks([TunedDecisionClassifierCV(clf, cv=3, random_state=0) for clf in INSIDE])
def test_scikit_learns_checks(estimator, check):
    run(estimator, check)


LABEL_CLASSIFIERS = [
    multi(),
    RandomForestClassifier(20, min_samples_leaf=5, random_state=0),
    MultiOutputClassifier(LogisticRegression()),
    OneVsRestClassifier(LogisticRegression()),
    make_pipeline(StandardScaler(), multi()),
]


@pytest.mark.parametrize("clf", LABEL_CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def test_any_classifier_of_labels(clf):
    X, Y = rare_labels()
    tuned = TunedDecisionClassifierCV(clf, random_state=0, cv=3).fit(X, Y)
    plain = clone(clf).fit(X, Y)
    proba = as_proba_matrix(plain.predict_proba(X), plain.classes_)
    np.testing.assert_array_equal(
        as_proba_matrix(tuned.predict_proba(X), tuned.estimator_.classes_), proba
    )
    np.testing.assert_array_equal(tuned.classes_, [0, 1, 2])
    np.testing.assert_array_equal(tuned.predict(X), proba >= tuned.thresholds_)
    assert tuned.predict(X).dtype == np.int64
    fresh, truth = rare_labels(seed=1)
    assert f1_score(truth, tuned.predict(fresh), average="macro") > 0.01 + f1_score(
        truth, proba_at_half(plain, fresh), average="macro", zero_division=0.0
    )


def proba_at_half(clf, X):
    return as_proba_matrix(clf.predict_proba(X), clf.classes_) >= 0.5


def test_cut_offs_are_those_of_out_of_fold_probabilities():
    X, Y = rare_labels()
    clf, cv = LABEL_CLASSIFIERS[2], MultiLabelStratifiedKFold(4, random_state=1)
    tuned = TunedDecisionClassifierCV(clf, Thresholds(), cv=4, random_state=1).fit(X, Y)
    proba = cross_val_predict_proba(clf, X, Y, cv=list(cv.split(X, Y)))
    cuts, value = optimal_thresholds(Y, proba)
    np.testing.assert_allclose(tuned.thresholds_, cuts)
    assert tuned.best_score_ == pytest.approx(value)
    for (_, test), fold_cuts in zip(cv.split(X, Y), tuned.fold_thresholds_, strict=True):
        np.testing.assert_allclose(fold_cuts, optimal_thresholds(Y[test], proba[test])[0])
    results = tuned.cv_results_
    for label in range(3):
        for i in (0, 40, 90):
            cut = results["thresholds"][i, label]
            folds = [
                f1_score(Y[test, label], proba[test, label] >= cut, zero_division=0.0)
                for _, test in cv.split(X, Y)
            ]
            assert results["mean_score"][i, label] == pytest.approx(np.mean(folds))
            assert results["std_score"][i, label] == pytest.approx(np.std(folds))
            assert results["scores"][i, label] == pytest.approx(
                f1_score(Y[:, label], proba[:, label] >= cut, zero_division=0.0)
            )
    for (train, test), score in zip(cv.split(X, Y), results["fold_scores"], strict=True):
        cuts, _ = optimal_thresholds(Y[train], proba[train])
        assert score == pytest.approx(f1_score(Y[test], proba[test] >= cuts, average="macro"))


def test_two_classes_of_any_name():
    X, Y = rare_labels()
    y = np.where(Y[:, 0] == 1, "yes", "no")
    tuned = TunedDecisionClassifierCV(LogisticRegression(), random_state=0).fit(X, y)
    plain = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(tuned.predict_proba(X), plain.predict_proba(X))
    chosen = plain.predict_proba(X)[:, 1] >= tuned.thresholds_[0]
    np.testing.assert_array_equal(tuned.predict(X), np.where(chosen, "yes", "no"))
    assert f1_score(y, tuned.predict(X), pos_label="yes") > f1_score(
        y, plain.predict(X), pos_label="yes"
    )
    assert tuned.decision_report().rows[0]["label"] == "yes"


def unbalanced_classes(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    logits = np.column_stack([np.full(n, 2.0), 1.5 * X[:, 0], 1.5 * X[:, 1]])
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return X, np.array([rng.choice(3, p=p) for p in proba]), proba


def test_more_classes():
    X, y, _ = unbalanced_classes()
    names = np.array(["a", "b", "c"])
    tuned = TunedDecisionClassifierCV(LogisticRegression(), random_state=0).fit(X, names[y])
    plain = LogisticRegression().fit(X, y)
    assert isinstance(tuned.rule_, ClassThresholds)
    expected = (plain.predict_proba(X) / tuned.thresholds_).argmax(axis=1)
    np.testing.assert_array_equal(tuned.predict(X), names[expected])
    fresh, truth, _ = unbalanced_classes(seed=1)
    assert f1_score(names[truth], tuned.predict(fresh), average="macro") > f1_score(
        truth, plain.predict(fresh), average="macro"
    )


def test_rows_of_class_mass():
    X, _, proba = unbalanced_classes()
    clf = soft(max_iter=60)
    tuned = TunedDecisionClassifierCV(clf, random_state=0, cv=3).fit(X, proba)
    np.testing.assert_array_equal(tuned.predict_proba(X), clone(clf).fit(X, proba).predict_proba(X))
    assert set(tuned.predict(X)) == {0, 1, 2}
    frame = pd.DataFrame(proba, columns=["a", "b", "c"])
    named = TunedDecisionClassifierCV(clf, random_state=0, cv=3).fit(X, frame)
    np.testing.assert_array_equal(named.predict(X), np.array(["a", "b", "c"])[tuned.predict(X)])


def test_unknown_and_sparse_labels():
    X, Y = rare_labels()
    holed = np.where(np.random.default_rng(1).random(Y.shape) < 0.2, np.nan, Y)
    fits = [
        TunedDecisionClassifierCV(multi(), cv=3, random_state=0).fit(X, targets)
        for targets in (holed, np.where(np.isnan(holed), -1, holed).astype(int))
    ]
    np.testing.assert_array_equal(fits[0].thresholds_, fits[1].thresholds_)
    np.testing.assert_allclose(
        [row["positives"] for row in fits[0].decision_report().rows], np.nansum(holed, axis=0)
    )
    sparse, dense = (
        TunedDecisionClassifierCV(multi(), cv=3, random_state=0).fit(X, targets)
        for targets in (sp.csr_array(Y), Y)
    )
    np.testing.assert_array_equal(sparse.thresholds_, dense.thresholds_)


# --- rules, splits, parameters ---------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The rule never predicted")
def test_rule_objects():
    X, Y = rare_labels()
    for rule in (TopK(1), ExpectedF1(), CostSensitive((1, 5)), Thresholds("jaccard", shrinkage=5)):
        tuned = TunedDecisionClassifierCV(multi(), rule, cv=3, random_state=0).fit(X, Y)
        proba = tuned.predict_proba(X)
        np.testing.assert_array_equal(tuned.predict(X), tuned.rule_.decide(proba))
        assert not hasattr(rule, "n_columns_")
        assert hasattr(tuned, "thresholds_") == hasattr(tuned.rule_, "thresholds_")
    y = Y[:, 1]
    costs = TunedDecisionClassifierCV(LogisticRegression(), CostMatrix([[0, 1], [9, 0]])).fit(X, y)
    np.testing.assert_array_equal(costs.predict(X), costs.predict_proba(X)[:, 1] > 0.1)


def test_no_set_is_empty_where_one_label_is_asked_for():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    scores = X @ rng.normal(size=(5, 12)) + rng.normal(size=(400, 12))
    Y = (scores > np.quantile(scores, 0.88, axis=0)).astype(int)
    clf = OneVsRestClassifier(LogisticRegression())
    plain = TunedDecisionClassifierCV(clf, Thresholds(), cv=2, random_state=0).fit(X[:300], Y[:300])
    rule = Thresholds(min_labels=1, max_labels=4)
    tuned = TunedDecisionClassifierCV(clf, rule, cv=2, random_state=0).fit(X[:300], Y[:300])
    assert (plain.predict(X[300:]).sum(axis=1) == 0).mean() > 0.05
    sizes = tuned.predict(X[300:]).sum(axis=1)
    assert (sizes.min(), sizes.max()) == (1, 4)
    proba = cross_val_predict_proba(
        clf, X[:300], Y[:300], cv=MultiLabelStratifiedKFold(2, random_state=0)
    )
    assert tuned.best_score_ == rule.fit(Y[:300], proba).value_
    scoring = make_scorer(multilabel_f1_score, average="samples")
    search = GridSearchCV(tuned, {"rule__min_labels": [0, 1]}, scoring=scoring, cv=2)
    assert search.fit(X, Y).best_params_ == {"rule__min_labels": 1}


def test_one_label_of_one_is_no_decision():
    X, y = rare_labels()[0], np.arange(300) % 2
    tuned = TunedDecisionClassifierCV(LogisticRegression(), Thresholds(min_labels=1))
    with pytest.raises(ValueError, match="less than the number of labels, 1"):
        tuned.fit(X, y)


def test_prefit_and_a_single_split():
    X, Y = rare_labels()
    fitted = multi().fit(X[:150], Y[:150])
    prefit = TunedDecisionClassifierCV(fitted, Thresholds(), cv="prefit").fit(X[150:], Y[150:])
    cuts, _ = optimal_thresholds(Y[150:], fitted.predict_proba(X[150:]))
    np.testing.assert_array_equal(prefit.thresholds_, cuts)
    assert prefit.estimator_ is fitted
    split = [(np.arange(150), np.arange(150, 300))]
    kept = TunedDecisionClassifierCV(multi(), Thresholds(), cv=split, refit=False).fit(X, Y)
    np.testing.assert_array_equal(kept.thresholds_, cuts)
    np.testing.assert_array_equal(kept.predict_proba(X), fitted.predict_proba(X))
    refitted = TunedDecisionClassifierCV(multi(), Thresholds(), cv=split).fit(X, Y)
    np.testing.assert_array_equal(refitted.thresholds_, cuts)
    np.testing.assert_array_equal(refitted.predict_proba(X), multi().fit(X, Y).predict_proba(X))
    holdout = ShuffleSplit(1, test_size=0.3, random_state=0)
    assert TunedDecisionClassifierCV(multi(), cv=holdout).fit(X, Y).fold_thresholds_.shape == (1, 3)


class Memory(ClassifierMixin, BaseEstimator):
    """Knows the rows that it was fitted to, and nothing else."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = {tuple(row): label for row, label in zip(X, y, strict=True)}
        return self

    def predict_proba(self, X):
        proba = np.array([self.seen_.get(tuple(row), 0.5) for row in X], dtype=float)
        return np.column_stack([1 - proba, proba])


def test_groups_stay_on_one_side():
    X, Y = rare_labels(n=60)
    X, y = np.repeat(X, 2, axis=0), np.repeat(Y[:, 2], 2)
    groups = np.repeat(np.arange(60), 2)
    deceived = TunedDecisionClassifierCV(Memory(), random_state=0).fit(X, y)
    assert deceived.best_score_ > 0.8
    honest = TunedDecisionClassifierCV(Memory(), random_state=0).fit(X, y, groups=groups)
    assert honest.best_score_ == pytest.approx(f1_score(y, np.ones(120)))


def test_weights_reach_the_estimator_and_the_rule():
    X, Y = rare_labels()
    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    fitted = multi().fit(X, Y)
    weighed = TunedDecisionClassifierCV(fitted, cv="prefit").fit(X, Y, sample_weight=weight)
    dropped = TunedDecisionClassifierCV(fitted, cv="prefit").fit(X[weight > 0], Y[weight > 0])
    np.testing.assert_allclose(weighed.thresholds_, dropped.thresholds_)
    tuned = TunedDecisionClassifierCV(multi(), cv=3, random_state=0)
    proba = tuned.fit(X, Y, sample_weight=weight).predict_proba(X)
    np.testing.assert_array_equal(proba, multi().fit(X, Y, sample_weight=weight).predict_proba(X))


def test_score_is_the_expected_accuracy_of_the_answers():
    X, Y = rare_labels()
    weight = np.random.default_rng(0).random(len(X))
    labels = TunedDecisionClassifierCV(multi(), cv=3, random_state=0).fit(X, Y)
    expected = accuracy_score(Y, labels.predict(X), sample_weight=weight)
    assert labels.score(X, Y, sample_weight=weight) == pytest.approx(expected)
    X, y, proba = unbalanced_classes()
    clf = TunedDecisionClassifierCV(soft(), cv=3, random_state=0).fit(X, proba)
    mass = proba[np.arange(len(X)), clf.predict(X)]
    assert clf.score(X, proba) == pytest.approx(mass.mean())
    assert clf.score(X, y) == pytest.approx(accuracy_score(y, clf.predict(X)))


def test_metadata_routing():
    X, Y = rare_labels()
    weight, groups = np.ones(len(X)), np.arange(len(X)) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        inner = multi().set_fit_request(sample_weight=True)
        tuned = TunedDecisionClassifierCV(inner, cv=3).set_fit_request(groups=True)
        tuned.fit(X, Y, sample_weight=weight, groups=groups)
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
            TunedDecisionClassifierCV(multi(), cv=3).fit(X, Y, sample_weight=weight)


def test_search_pickle_and_jobs():
    X, Y = rare_labels(n=240)
    grid = {"estimator__alpha": [0.001, 1.0], "objective": ["f1", "jaccard"]}
    tuned = TunedDecisionClassifierCV(multi(max_iter=5), cv=2, random_state=0)
    search = GridSearchCV(tuned, grid, cv=KFold(2)).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    tuned.fit(X, Y)
    again = pickle.loads(pickle.dumps(tuned))
    np.testing.assert_array_equal(again.predict(X), tuned.predict(X))
    parallel = clone(tuned).set_params(n_jobs=2).fit(X, Y)
    np.testing.assert_array_equal(parallel.thresholds_, tuned.thresholds_)


def test_a_refit_keeps_nothing_of_the_earlier_fit():
    X, Y = rare_labels(n=120)
    tuned = TunedDecisionClassifierCV(multi(), Thresholds(), cv=3, random_state=0)
    tuned.fit(pd.DataFrame(X, columns=list("abcd")), Y)
    assert list(tuned.feature_names_in_) == list("abcd")
    tuned.set_params(rule=ExpectedF1()).fit(X, Y)
    for name in ("feature_names_in_", "thresholds_", "fold_thresholds_"):
        assert not hasattr(tuned, name)
    assert tuned.n_features_in_ == 4


def test_tuning_without_gain_is_not_used():
    X, y = load_iris(return_X_y=True)
    tuned = TunedDecisionClassifierCV(LogisticRegression(max_iter=500), random_state=0).fit(X, y)
    np.testing.assert_allclose(tuned.thresholds_, 1 / 3)
    assert "not used" in str(tuned.decision_report())
    gain = tuned.cv_results_["fold_scores"] - tuned.cv_results_["fold_default_scores"]
    assert gain.mean() <= gain.std(ddof=1) / np.sqrt(5)
    np.testing.assert_array_equal(tuned.predict(X), tuned.predict_proba(X).argmax(axis=1))


def out_of_fold(estimator, X, y, folds):
    """Rows of the test parts, and probabilities for them; made without the package."""
    rows, parts = [], []
    for train, test in folds.split(X, y):
        rows.append(test)
        fitted = clone(estimator).fit(X[train], y[train])
        parts.append(as_proba_matrix(fitted.predict_proba(X[test]), fitted.classes_))
    return np.concatenate(rows), np.concatenate(parts)


def balanced(columns):
    """Classes or labels as frequent as not: nothing is gained by leaving 0.5 or the argmax."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    scores = X + rng.logistic(scale=0.2, size=X.shape)
    if columns == "classes":
        return X, scores.argmax(axis=1)
    return X, (scores[:, columns] > 0).astype(int)


@pytest.mark.parametrize(
    ("X", "y", "kept"),
    [
        (*unbalanced_classes()[:2], False),
        (*balanced("classes"), True),
        (rare_labels()[0], rare_labels()[1][:, 0], False),
        (*balanced(0), True),
        (*rare_labels(), False),
        (*balanced([0, 1]), True),
    ],
    ids=["classes", "classes kept", "binary", "binary kept", "labels", "labels kept"],
)
def test_the_rule_in_force_has_the_value_that_it_reaches_out_of_fold(X, y, kept):
    several = y.ndim == 2
    clf = MultiOutputClassifier(LogisticRegression()) if several else LogisticRegression()
    splitter = MultiLabelStratifiedKFold if several else StratifiedKFold
    tuned = TunedDecisionClassifierCV(clf, random_state=0).fit(X, y)
    assert ("not used" in str(tuned.decision_report())) == kept
    rows, proba = out_of_fold(clf, X, y, splitter(5, shuffle=True, random_state=0))
    of_labels = tuned.rule_.decides == "labels"
    if of_labels and not several:
        proba = proba[:, 1:]
    answers = tuned.rule_.decide(proba)
    assert np.array_equal(answers, proba >= 0.5 if of_labels else proba.argmax(axis=1)) == kept
    average = "binary" if answers.shape[1:] == (1,) else "macro"
    reached = f1_score(y[rows], answers, average=average)
    assert tuned.best_score_ == pytest.approx(reached)
    assert tuned.rule_.value_ == pytest.approx(tuned.best_score_)
    np.testing.assert_array_equal(tuned.rule_.thresholds_, tuned.thresholds_)


class Quota(DecisionRule):
    """Names its parameters as others do and means something else by them."""

    def __init__(self, objective="fill", beta=-3, costs="none", floor="ground", average=0.2):
        self.objective = objective
        self.beta = beta
        self.costs = costs
        self.floor = floor
        self.average = average

    def _fit(self, truth, proba, weight):
        self.least_ = np.quantile(proba, 1 - self.average, axis=0)

    def _decide(self, proba):
        return proba >= self.least_


class QuotaByJaccard(Quota):
    def _scored_by(self, objective, average):
        return super()._scored_by("jaccard", "micro")


def test_a_rule_is_asked_for_its_objective_and_its_parameters_are_not_read():
    X, Y = rare_labels()
    clf = MultiOutputClassifier(LogisticRegression())
    folds = MultiLabelStratifiedKFold(5, random_state=0)
    rows, proba = out_of_fold(clf, X, Y, folds)
    for rule, score in (
        (Quota(), f1_score(Y[rows], Quota().fit(Y[rows], proba).decide(proba), average="macro")),
        (
            QuotaByJaccard(),
            jaccard_score(Y[rows], Quota().fit(Y[rows], proba).decide(proba), average="micro"),
        ),
    ):
        tuned = TunedDecisionClassifierCV(clf, rule, random_state=0).fit(X, Y)
        assert isinstance(tuned.rule_, Quota)
        assert tuned.best_score_ == pytest.approx(score)


class OfMass(ClassifierMixin, BaseEstimator):
    """Answers every row with the mean class mass."""

    def fit(self, X, y):
        self.classes_, self.mean_ = np.arange(y.shape[1]), y.mean(axis=0)
        return self

    def predict_proba(self, X):
        return np.tile(self.mean_, (len(X), 1))


@pytest.mark.parametrize("kind", ["classes", "binary", "labels", "mass"])
def test_labels_are_encoded_once_a_fit(kind, monkeypatch):
    X, Y = rare_labels()
    X_classes, classes, mass = unbalanced_classes()
    clf, X, y = {
        "classes": (LogisticRegression(), X_classes, classes),
        "binary": (LogisticRegression(), X, np.where(Y[:, 0], "yes", "no")),
        "labels": (MultiOutputClassifier(LogisticRegression()), X, Y),
        "mass": (OfMass(), X_classes, mass),
    }[kind]
    calls = []
    for name, module in (("encode_classes", encoding), ("encode_labels", labels)):
        original = getattr(module, name)

        def counted(*args, original=original, **kwargs):
            calls.append(original.__name__)
            return original(*args, **kwargs)

        for module in [m for n, m in sys.modules.items() if n.startswith("sklearn_softloss")]:
            if getattr(module, name, None) is original:
                monkeypatch.setattr(module, name, counted)
    TunedDecisionClassifierCV(clf, cv=5, random_state=0).fit(X, y)
    assert calls == ["encode_labels" if kind == "labels" else "encode_classes"]
