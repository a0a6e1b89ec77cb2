"""Out-of-fold probabilities from targets that scikit-learn's function would encode."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier

from cases import ESTIMATORS, make_labels, make_soft, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    as_proba_matrix,
    cross_val_predict_proba,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder(ClassifierMixin, BaseEstimator):
    """Answers with the mean of the targets that `fit` was given."""

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, axis=0, weights=sample_weight)
        self.classes_ = np.arange(y.shape[1])
        return self

    def predict_proba(self, X):
        return np.tile(self.mean_, (len(X), 1))

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def test_fit_is_given_the_targets_as_they_are():
    X, Y = make_soft(n=30)
    weight = np.arange(30.0)
    proba = cross_val_predict_proba(Recorder(), X, Y, cv=3, params={"sample_weight": weight})
    for fold in range(3):
        test = np.arange(10) + 10 * fold
        train = np.setdiff1d(np.arange(30), test)
        expected = np.average(Y[train], axis=0, weights=weight[train])
        np.testing.assert_allclose(proba[test], np.tile(expected, (10, 1)))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_is_the_fit_by_hand(Estimator):
    X, Y = targets_for(Estimator, n=40)
    clf = Estimator(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    cv = KFold(4, shuffle=True, random_state=0)
    proba = cross_val_predict_proba(clf, X, Y, cv=cv)
    for train, test in cv.split(X):
        by_hand = clone(clf).fit(X[train], Y[train]).predict_proba(X[test])
        np.testing.assert_array_equal(proba[test], by_hand)


def test_unknown_and_sparse_labels():
    X, Y = make_labels(n=30)
    clf = MultiLabelSigmoidClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    holed = np.where(np.random.default_rng(0).random(Y.shape) < 0.2, np.nan, Y)
    assert np.isfinite(cross_val_predict_proba(clf, X, holed, cv=3)).all()
    np.testing.assert_array_equal(
        cross_val_predict_proba(clf, X, sp.csr_array(Y), cv=3),
        cross_val_predict_proba(clf, X, Y, cv=3),
    )


def test_hard_labels_go_to_scikit_learn():
    X, Y = make_soft(n=40)
    clf = SoftTargetMLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    y = Y.argmax(axis=1)
    np.testing.assert_array_equal(
        cross_val_predict_proba(clf, X, y, cv=3),
        cross_val_predict(clf, X, y, cv=3, method="predict_proba"),
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_splitters_that_read_y(Estimator):
    X, Y = targets_for(Estimator, n=40)
    splitter = {SoftTargetMLPClassifier: SoftStratifiedKFold}.get(
        Estimator, MultiLabelStratifiedKFold
    )(4, random_state=0)
    clf = Estimator(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    np.testing.assert_array_equal(
        cross_val_predict_proba(clf, X, Y, cv=splitter),
        cross_val_predict_proba(clf, X, Y, cv=list(splitter.split(X, Y))),
    )


def test_splits_that_are_no_partition_are_refused():
    X, Y = make_soft(n=30)
    with pytest.raises(ValueError, match="every row once"):
        cross_val_predict_proba(Recorder(), X, Y, cv=ShuffleSplit(2, random_state=0))


def forest_and_labels():
    X, Y = make_labels(n=40)
    Y[:, 1] = 0
    Y[:, 2] = 1
    return RandomForestClassifier(5, random_state=0), X, Y


def test_lists_of_arrays_and_labels_of_one_class():
    forest, X, Y = forest_and_labels()
    forest.fit(X, Y)
    proba = as_proba_matrix(forest.predict_proba(X), forest.classes_)
    assert proba.shape == Y.shape
    assert (proba[:, 1] == 0).all()
    assert (proba[:, 2] == 1).all()
    for label in (0, 3):
        np.testing.assert_array_equal(proba[:, label], forest.predict_proba(X)[label][:, 1])
    with pytest.raises(ValueError, match=r"Label 1 has 1 column.*classes="):
        as_proba_matrix(forest.predict_proba(X))


@pytest.mark.parametrize("as_other", [sp.csr_array, sp.lil_matrix, np.ndarray.tolist, pd.DataFrame])
def test_matrices_of_any_container(as_other):
    proba = np.random.default_rng(0).random((5, 3))
    np.testing.assert_array_equal(as_proba_matrix(as_other(proba)), proba)


def test_what_skorch_and_lists_return_for_labels():
    proba = np.random.default_rng(0).random((5, 3))
    both = np.stack([1 - proba, proba], axis=1)
    np.testing.assert_array_equal(as_proba_matrix(both), proba)
    np.testing.assert_array_equal(as_proba_matrix(list(both.transpose(2, 0, 1))), proba)
    # Of two labels, too, the first axis holds the rows.
    np.testing.assert_array_equal(
        as_proba_matrix(list(both[:, :, :2].transpose(2, 0, 1))), proba[:, :2]
    )


@pytest.mark.parametrize(
    ("proba", "classes", "message"),
    [
        ([0.1, 0.2], None, "shape is"),
        (np.zeros((2, 3, 4)), None, "shape is"),
        ([[0.1, 1.2]], None, r"\[0, 1\]"),
        ([np.full((2, 3), 1 / 3)], [[0, 1, 2]], r"label 0 has \[0, 1, 2\]"),
    ],
)
def test_other_formats_are_refused(proba, classes, message):
    with pytest.raises(ValueError, match=message):
        as_proba_matrix(proba, classes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomForestClassifier(5, random_state=0),
        lambda: MultiOutputClassifier(LogisticRegression()),
        lambda: OneVsRestClassifier(LogisticRegression()),
        lambda: MLPClassifier((4,), max_iter=5, random_state=0),
    ],
)
def test_out_of_fold_probabilities_of_other_classifiers(make):
    X, Y = make_labels(n=60)
    proba = cross_val_predict_proba(make(), X, Y, cv=3)
    assert proba.shape == Y.shape
    fitted = make().fit(X[20:], Y[20:])
    by_hand = as_proba_matrix(fitted.predict_proba(X[:20]), fitted.classes_)
    np.testing.assert_allclose(proba[:20], by_hand)
