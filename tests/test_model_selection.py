"""Out-of-fold probabilities from targets that scikit-learn's function would encode."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import KFold, ShuffleSplit, cross_val_predict

from cases import ESTIMATORS, make_labels, make_soft, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.model_selection import cross_val_predict_proba

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder(ClassifierMixin, BaseEstimator):
    """Answers with the mean of the targets that `fit` was given."""

    def fit(self, X, y, sample_weight=None):
        self.mean_ = np.average(y, axis=0, weights=sample_weight)
        self.classes_ = np.arange(y.shape[1])
        return self

    def predict_proba(self, X):
        return np.tile(self.mean_, (len(X), 1))


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


def test_splits_that_are_no_partition_are_refused():
    X, Y = make_soft(n=30)
    with pytest.raises(ValueError, match="every row once"):
        cross_val_predict_proba(Recorder(), X, Y, cv=ShuffleSplit(2, random_state=0))
