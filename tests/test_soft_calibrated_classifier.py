"""SoftCalibratedClassifierCV around any classifier, for any y, in both ensemble modes."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import make_labels, make_soft
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import (
    DirichletCalibration,
    IsotonicCalibration,
    PriorShift,
    SigmoidCalibration,
    SoftCalibratedClassifierCV,
    TemperatureScaling,
    VectorScaling,
)
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    as_proba_matrix,
    cross_val_predict_proba,
)

METHODS = ["temperature", "vector", "dirichlet", "sigmoid", "beta", "isotonic", "prior_shift"]
LABEL_METHODS = [method for method in METHODS if method not in ("vector", "dirichlet")]


def linear(**kwargs):
    return SoftTargetMLPClassifier((), solver="lbfgs", random_state=0, **kwargs)


def linear_labels(**kwargs):
    return MultiLabelSigmoidClassifier((), solver="lbfgs", random_state=0, **kwargs)


(X_SOFT, Y_SOFT), (X_SETS, Y_SETS) = make_soft(n=160), make_labels(n=160)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
# Two features with noise, so that classes overlap and no calibrator is at a limit.
X_IRIS = X_IRIS[:, :2] + np.random.RandomState(0).normal(0, 0.3, (150, 2))
X_NEW = np.random.RandomState(1).uniform(2, 8, (40, 2))


# --- soft and multi-label truths -----------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_soft_rows_in_both_ensemble_modes(method):
    for ensemble in (True, False):
        clf = SoftCalibratedClassifierCV(linear(), method=method, cv=3, ensemble=ensemble)
        proba = clf.fit(X_SOFT, Y_SOFT).predict_proba(X_SOFT)
        assert len(clf.calibrated_classifiers_) == (3 if ensemble else 1)
        assert_allclose(proba.sum(axis=1), 1)
        assert np.abs(proba - Y_SOFT).mean() < 0.02
        assert_array_equal(clf.predict(X_SOFT), proba.argmax(axis=1))
        expected = Y_SOFT[np.arange(len(Y_SOFT)), proba.argmax(axis=1)].mean()
        assert clf.score(X_SOFT, Y_SOFT) == pytest.approx(expected)


@pytest.mark.parametrize("method", LABEL_METHODS)
def test_label_sets_with_unknown_entries(method):
    chance = np.random.RandomState(0).uniform(size=Y_SETS.shape)
    Y = np.where(chance < 0.2, -1, np.where(chance < 0.25, 0.3, Y_SETS))
    clf = SoftCalibratedClassifierCV(linear_labels(), method=method, cv=3).fit(X_SETS, Y)
    proba = clf.predict_proba(X_SETS)
    assert_array_equal(clf.classes_, np.arange(4))
    assert_array_equal(clf.predict(X_SETS), proba >= 0.5)
    assert (clf.predict(X_SETS) == Y_SETS).mean() > 0.9
    agreement = np.where(Y == -1, 1.0, np.where(proba >= 0.5, Y, 1 - Y)).prod(axis=1)
    assert clf.score(X_SETS, Y) == pytest.approx(agreement[(Y != -1).any(axis=1)].mean())
    as_nan = clone(clf).fit(X_SETS, np.where(Y == -1, np.nan, Y))
    as_sparse = clone(clf).fit(X_SETS, sp.csr_array(Y))
    assert_array_equal(as_nan.predict_proba(X_SETS), proba)
    assert_array_equal(as_sparse.predict_proba(X_SETS), proba)
    assert_array_equal(
        as_sparse.fit(sp.csr_array(X_SETS), Y).predict(sp.csr_array(X_SETS)), proba >= 0.5
    )


LABEL_CLASSIFIERS = [
    RandomForestClassifier(10, random_state=0),  # a list of arrays
    KNeighborsClassifier(),
    MultiOutputClassifier(LogisticRegression()),
    OneVsRestClassifier(LogisticRegression()),
    make_pipeline(StandardScaler(), linear_labels()),
    GridSearchCV(linear_labels(), {"alpha": [0.1]}, cv=KFold(2)),
]


@pytest.mark.parametrize("clf", LABEL_CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def test_any_classifier_of_labels(clf):
    folds = MultiLabelStratifiedKFold(3, shuffle=False)
    calibrated = SoftCalibratedClassifierCV(clf, cv=3, ensemble=False).fit(X_SETS, Y_SETS)
    held_out = cross_val_predict_proba(clf, X_SETS, Y_SETS, cv=list(folds.split(X_SETS, Y_SETS)))
    by_hand = TemperatureScaling(multi_label=True).fit(Y_SETS, held_out)
    fitted = clone(clf).fit(X_SETS, Y_SETS)
    expected = by_hand.predict_proba(as_proba_matrix(fitted.predict_proba(X_SETS), fitted.classes_))
    assert_allclose(calibrated.predict_proba(X_SETS), expected, rtol=1e-6)


def test_one_hot_rows_are_what_the_tags_of_the_estimator_say():
    one_hot = np.eye(3)[Y_IRIS]
    as_class = SoftCalibratedClassifierCV(linear(), cv=3).fit(X_IRIS, one_hot)
    as_labels = SoftCalibratedClassifierCV(linear_labels(), cv=3).fit(X_IRIS, one_hot)
    assert as_class.predict(X_IRIS).shape == (150,)
    assert as_labels.predict(X_IRIS).shape == (150, 3)


def test_classes_and_label_names_come_from_the_columns_of_a_frame():
    rows = pd.DataFrame(Y_SOFT, columns=["b", "c", "a"])
    clf = SoftCalibratedClassifierCV(linear(), cv=3).fit(pd.DataFrame(X_SOFT).add_prefix("f"), rows)
    assert_array_equal(clf.classes_, ["a", "b", "c"])
    assert_array_equal(clf.feature_names_in_, [f"f{i}" for i in range(5)])
    assert clf.n_features_in_ == 5
    frozen = FrozenEstimator(linear().fit(X_SOFT, rows))
    again = SoftCalibratedClassifierCV(frozen).fit(X_SOFT, rows[["a", "b", "c"]])
    assert_array_equal(again.classes_, ["a", "b", "c"])
    assert again.score(X_SOFT, rows[["a", "b", "c"]]) == again.score(X_SOFT, rows)
    sets = pd.DataFrame(Y_SETS, columns=list("wxyz"))
    assert_array_equal(
        SoftCalibratedClassifierCV(linear_labels(), cv=3).fit(X_SETS, sets).label_names_,
        list("wxyz"),
    )


def test_a_fit_to_plain_arrays_forgets_the_names_of_an_earlier_frame():
    clf = SoftCalibratedClassifierCV(linear_labels(), cv=3)
    clf.fit(pd.DataFrame(X_SETS).add_prefix("f"), pd.DataFrame(Y_SETS, columns=list("wxyz")))
    clf.fit(X_SETS, Y_SETS)
    assert not hasattr(clf, "label_names_")
    assert not hasattr(clf, "feature_names_in_")


def test_the_estimator_by_default_takes_soft_rows():
    proba = SoftCalibratedClassifierCV(cv=2).fit(X_SOFT, Y_SOFT).predict_proba(X_SOFT)
    assert np.abs(proba - Y_SOFT).mean() < 0.1


# --- the parts that it is made of ----------------------------------------------------------------


def test_an_ensemble_averages_pairs_fitted_to_each_fold():
    weight = np.random.RandomState(0).uniform(0.5, 2, len(X_SOFT))
    clf = SoftCalibratedClassifierCV(linear(), method="vector", cv=3)
    found = clf.fit(X_SOFT, Y_SOFT, weight).predict_proba(X_SOFT)
    parts = []
    for train, test in SoftStratifiedKFold(3, shuffle=False).split(X_SOFT, Y_SOFT):
        net = linear().fit(X_SOFT[train], Y_SOFT[train], weight[train])
        scaling = VectorScaling().fit(Y_SOFT[test], net.predict_proba(X_SOFT[test]), weight[test])
        parts.append(scaling.predict_proba(net.predict_proba(X_SOFT)))
    assert_allclose(found, np.mean(parts, axis=0), rtol=1e-9)


def test_without_an_ensemble_one_calibrator_reads_out_of_fold_probabilities():
    clf = SoftCalibratedClassifierCV(GaussianNB(), method="beta", cv=3, ensemble=False)
    estimator, calibrator = clf.fit(X_IRIS, Y_IRIS).calibrated_classifiers_[0]
    held_out = cross_val_predict(
        GaussianNB(), X_IRIS, Y_IRIS, cv=StratifiedKFold(3), method="predict_proba"
    )
    by_hand = type(calibrator)().fit(Y_IRIS, held_out)
    assert_allclose(calibrator.coef_, by_hand.coef_, rtol=1e-9)
    plain = GaussianNB().fit(X_IRIS, Y_IRIS).predict_proba(X_NEW)
    assert_array_equal(estimator.predict_proba(X_NEW), plain)
    assert_allclose(clf.predict_proba(X_NEW), by_hand.predict_proba(plain), rtol=1e-9)


def test_prefit_and_frozen_estimators_are_calibrated_as_they_are():
    net = linear().fit(X_SOFT[:80], Y_SOFT[:80])
    by_hand = TemperatureScaling().fit(Y_SOFT[80:], net.predict_proba(X_SOFT[80:]))
    expected = by_hand.predict_proba(net.predict_proba(X_SOFT))
    for clf in (
        SoftCalibratedClassifierCV(net, cv="prefit"),
        SoftCalibratedClassifierCV(FrozenEstimator(net)),
    ):
        clf.fit(X_SOFT[80:], Y_SOFT[80:])
        assert len(clf.calibrated_classifiers_) == 1
        assert_allclose(clf.predict_proba(X_SOFT), expected, rtol=1e-9)
    several = SoftCalibratedClassifierCV(FrozenEstimator(net), cv=3, ensemble=True)
    assert len(several.fit(X_SOFT[80:], Y_SOFT[80:]).calibrated_classifiers_) == 3
    for clf in (
        SoftCalibratedClassifierCV(linear(), cv="prefit"),
        SoftCalibratedClassifierCV(FrozenEstimator(linear())),
    ):
        with pytest.raises(NotFittedError):
            clf.fit(X_SOFT, Y_SOFT)


def test_a_prefit_classifier_may_know_classes_that_y_lacks():
    net = linear().fit(X_IRIS, Y_IRIS)
    clf = SoftCalibratedClassifierCV(net, method="vector", cv="prefit")
    clf.fit(X_IRIS[Y_IRIS < 2], Y_IRIS[Y_IRIS < 2])
    assert_array_equal(clf.classes_, [0, 1, 2])
    assert_allclose(clf.predict_proba(X_NEW)[:, 2], net.predict_proba(X_NEW)[:, 2], rtol=1e-6)
    with pytest.raises(ValueError, match="classes not in `classes_`"):
        clf.fit(X_IRIS, np.where(Y_IRIS == 2, 7, Y_IRIS))


def test_methods_may_be_calibrators():
    for method in (DirichletCalibration(0.5), PriorShift([0.2, 0.2, 0.6], from_logits=True)):
        clf = SoftCalibratedClassifierCV(linear(), method=method, cv=2).fit(X_SOFT, Y_SOFT)
        used = clf.calibrated_classifiers_[0].calibrator
        assert type(used) is type(method)
        assert used is not method
        assert not used.from_logits
    assert clf.predict_proba(X_SOFT)[:, 2].mean() > Y_SOFT[:, 2].mean() + 0.1
    used = SoftCalibratedClassifierCV(linear_labels(), method=SigmoidCalibration(), cv=2)
    assert used.fit(X_SETS, Y_SETS).calibrated_classifiers_[0].calibrator.multi_label


def test_folds_are_stratified_grouped_or_given():
    def test_parts(**kwargs):
        clf = SoftCalibratedClassifierCV(KeepsRows(), cv=kwargs.pop("cv", 3))
        clf.fit(np.arange(150.0)[:, None], Y_IRIS, **kwargs)
        return [pair.estimator.rows_ for pair in clf.calibrated_classifiers_]

    groups = np.arange(150) // 2 % 9
    for found, splitter in (
        (test_parts(), StratifiedKFold(3)),
        (test_parts(groups=groups), StratifiedGroupKFold(3)),
        (test_parts(cv=GroupKFold(4), groups=groups), GroupKFold(4)),
        (
            test_parts(cv=KFold(2, shuffle=True, random_state=1)),
            KFold(2, shuffle=True, random_state=1),
        ),
    ):
        grouped = (
            {"groups": groups} if isinstance(splitter, (GroupKFold, StratifiedGroupKFold)) else {}
        )
        expected = [train for train, _ in splitter.split(Y_IRIS, Y_IRIS, **grouped)]
        assert len(found) == len(expected)
        for rows, train in zip(found, expected, strict=True):
            assert_array_equal(rows, train)


class KeepsRows(ClassifierMixin, BaseEstimator):
    """Remembers the rows of its fit and what was passed with them."""

    def fit(self, X, y, colour=None):
        self.rows_, self.colour_ = X[:, 0].astype(int), colour
        self.classes_, self.share_ = np.unique(y, return_counts=True)
        return self

    def predict_proba(self, X):
        return np.tile(self.share_ / self.share_.sum(), (len(X), 1))


def test_fit_parameters_are_sliced():
    clf = SoftCalibratedClassifierCV(KeepsRows(), cv=3)
    clf.fit(np.arange(150.0)[:, None], Y_IRIS, colour=np.arange(150))
    for pair in clf.calibrated_classifiers_:
        assert_array_equal(pair.estimator.colour_, pair.estimator.rows_)


def test_weights_that_the_estimator_cannot_take_weigh_the_calibration_only():
    X, weight = np.arange(150.0)[:, None], 1.0 + Y_IRIS
    clf = SoftCalibratedClassifierCV(KeepsRows(), method="prior_shift", cv=3, ensemble=False)
    with pytest.warns(UserWarning, match="KeepsRows takes no sample_weight"):
        clf.fit(X, Y_IRIS, sample_weight=weight)
    assert_allclose(clf.predict_proba(X)[0], [1 / 6, 2 / 6, 3 / 6], rtol=1e-3)


def test_weights_are_routed():
    weight = np.random.RandomState(0).uniform(0.1, 3, len(Y_IRIS))
    plain = SoftCalibratedClassifierCV(LogisticRegression(), cv=3).fit(X_IRIS, Y_IRIS, weight)
    with sklearn.config_context(enable_metadata_routing=True):
        asks = LogisticRegression().set_fit_request(sample_weight=True)
        clf = SoftCalibratedClassifierCV(asks, cv=3).fit(X_IRIS, Y_IRIS, sample_weight=weight)
        assert_array_equal(clf.predict_proba(X_NEW), plain.predict_proba(X_NEW))
        refuses = LogisticRegression().set_fit_request(sample_weight=False)
        other = SoftCalibratedClassifierCV(refuses, cv=3).fit(X_IRIS, Y_IRIS, sample_weight=weight)
        assert not np.allclose(other.predict_proba(X_NEW), plain.predict_proba(X_NEW))
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
            SoftCalibratedClassifierCV(LogisticRegression()).fit(
                X_IRIS, Y_IRIS, sample_weight=weight
            )


# --- in a workflow -------------------------------------------------------------------------------


def test_it_can_be_searched_saved_and_fitted_in_parallel():
    clf = SoftCalibratedClassifierCV(linear(), cv=2)
    search = GridSearchCV(
        clf, {"method": ["temperature", "vector"], "estimator__alpha": [0.0]}, cv=KFold(2)
    )
    search.fit(X_SOFT, Y_SOFT)
    assert search.best_score_ > 0.5
    fitted = clone(clf).fit(X_SOFT, Y_SOFT)
    proba = fitted.predict_proba(X_SOFT)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X_SOFT), proba)
    with parallel_config("threading"):
        parallel = clone(clf).set_params(n_jobs=2).fit(X_SOFT, Y_SOFT)
    assert_array_equal(parallel.predict_proba(X_SOFT), proba)
    piped = make_pipeline(StandardScaler(), clf).fit(X_SOFT, Y_SOFT)
    assert np.abs(piped.predict_proba(X_SOFT) - Y_SOFT).mean() < 0.02


def test_decisions_are_tuned_on_calibrated_probabilities():
    calibrated = SoftCalibratedClassifierCV(linear_labels(), method="sigmoid", cv=3)
    tuned = TunedDecisionClassifierCV(calibrated, random_state=0, cv=3).fit(X_SETS, Y_SETS)
    assert_array_equal(
        tuned.predict_proba(X_SETS), clone(calibrated).fit(X_SETS, Y_SETS).predict_proba(X_SETS)
    )
    assert tuned.thresholds_.shape == (4,)
    inner = TunedDecisionClassifierCV(linear_labels(), random_state=0, cv=3)
    other = SoftCalibratedClassifierCV(inner, method="sigmoid", cv=3).fit(X_SETS, Y_SETS)
    assert_allclose(
        other.predict_proba(X_SETS), clone(calibrated).fit(X_SETS, Y_SETS).predict_proba(X_SETS)
    )


def test_it_can_be_calibrated_again():
    twice = SoftCalibratedClassifierCV(SoftCalibratedClassifierCV(linear_labels(), cv=2), cv=2)
    assert twice.fit(X_SETS, Y_SETS).predict(X_SETS).shape == Y_SETS.shape


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "platt"}, "method must be one of .*'temperature'.*got 'platt'"),
        ({"method": IsotonicCalibration}, "method must be one of"),
        ({"cv": "loo"}, "cv must be a number, a splitter or 'prefit'; got 'loo'"),
        ({"ensemble": "yes"}, "ensemble must be True, False or 'auto'"),
        ({"cv": 200}, "n_splits=200"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        SoftCalibratedClassifierCV(linear(), **params).fit(X_SOFT, Y_SOFT)


@pytest.mark.parametrize("method", ["vector", "dirichlet", VectorScaling()])
def test_maps_of_all_classes_are_refused_for_label_sets(method):
    with pytest.raises(ValueError, match="serves classes; for label sets take"):
        SoftCalibratedClassifierCV(linear_labels(), method=method).fit(X_SETS, Y_SETS)


def test_bad_y_is_refused():
    clf = SoftCalibratedClassifierCV(LogisticRegression())
    with pytest.raises(ValueError, match="requires y to be passed"):
        clf.fit(X_IRIS, None)
    with pytest.raises(ValueError, match="y has 1 class"):
        clf.fit(X_IRIS, np.zeros(150))
    with pytest.raises(ValueError, match=r"row 0 sums to 1\.4"):
        clf.fit(X_IRIS, np.full((150, 2), 0.7))
    with pytest.raises(ValueError, match="inconsistent"):
        clf.fit(X_IRIS, Y_IRIS[:-1])
    with pytest.raises(ValueError, match="sample_weight must"):
        clf.fit(X_IRIS, Y_IRIS, sample_weight=np.ones(3))
    with pytest.raises(NotFittedError):
        clf.predict(X_IRIS)


def test_a_class_that_a_training_part_lacks_is_refused():
    with pytest.raises(ValueError, match="training part of split 0 has no row of class 0"):
        SoftCalibratedClassifierCV(LogisticRegression(), cv=KFold(3)).fit(X_IRIS, Y_IRIS)


def test_a_class_that_a_test_part_lacks_keeps_its_probability():
    first = np.flatnonzero(Y_IRIS < 2)[::2]
    split = [(np.setdiff1d(np.arange(150), first), first)]
    clf = SoftCalibratedClassifierCV(LogisticRegression(), method="beta", cv=split)
    clf.fit(X_IRIS, Y_IRIS)
    plain = LogisticRegression().fit(X_IRIS[split[0][0]], Y_IRIS[split[0][0]])
    assert_allclose(clf.predict_proba(X_NEW)[:, 2], plain.predict_proba(X_NEW)[:, 2], rtol=1e-9)


def test_a_failed_fit_leaves_the_one_before():
    clf = SoftCalibratedClassifierCV(linear(), cv=KFold(3)).fit(X_SOFT, Y_SOFT)
    before = clf.predict_proba(X_SOFT)
    with pytest.raises(ValueError, match="has no row of class"):
        clf.fit(X_IRIS, Y_IRIS)
    assert_array_equal(clf.predict_proba(X_SOFT), before)


def test_a_frozen_classifier_of_other_classes_is_refused_fold_by_fold():
    X, y = load_iris(return_X_y=True)
    frozen = FrozenEstimator(LogisticRegression(max_iter=500).fit(X, y))
    others = SoftCalibratedClassifierCV(frozen, cv=2, ensemble=True)
    with pytest.raises(
        ValueError, match=r"classes \[0, 1, 2\], but the classes here are \[0, 1, 3\]"
    ):
        others.fit(X, np.where(y == 2, 3, y))
