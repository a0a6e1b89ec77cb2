"""SoftCalibratedClassifierCV against scikit-learn: its checks, and equal results on hard labels."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from test_common import run


def linear():
    return SoftTargetMLPClassifier((), solver="lbfgs", random_state=0)


def linear_labels():
    return MultiLabelSigmoidClassifier((), solver="lbfgs", random_state=0)


X_IRIS, Y_IRIS = load_iris(return_X_y=True)
# Two features with noise, so that classes overlap and no calibrator is at a limit.
X_IRIS = X_IRIS[:, :2] + np.random.RandomState(0).normal(0, 0.3, (150, 2))
X_TWO, Y_TWO = X_IRIS[Y_IRIS > 0], Y_IRIS[Y_IRIS > 0]
X_NEW = np.random.RandomState(1).uniform(2, 8, (40, 2))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        SoftCalibratedClassifierCV(linear(), cv=2),
        SoftCalibratedClassifierCV(linear_labels(), method="sigmoid", cv=2),
        SoftCalibratedClassifierCV(LogisticRegression(), method="isotonic"),
        SoftCalibratedClassifierCV(LogisticRegression(), method="vector", cv=3, ensemble=False),
    ]
)
def test_scikit_learns_checks(estimator, check):
    run(estimator, check)


# scikit-learn reads decision_function where there is one, else predict_proba: as ours for "sigmoid"
# if that is the log-odds, for "isotonic" if there is none, for "temperature" if it is a logit.
SAME = [
    ("sigmoid", LogisticRegression(), "two"),
    ("sigmoid", linear(), "two"),
    ("sigmoid", linear(), "three"),
    ("isotonic", GaussianNB(), "two"),
    ("isotonic", GaussianNB(), "three"),
    ("isotonic", RandomForestClassifier(10, random_state=0), "three"),
    ("temperature", LogisticRegression(), "two"),
    ("temperature", LogisticRegression(), "three"),
    ("temperature", GaussianNB(), "two"),
    ("temperature", KNeighborsClassifier(), "three"),
]


@pytest.mark.parametrize("ensemble", [True, False, "frozen"])
@pytest.mark.parametrize(("method", "clf", "which"), SAME)
def test_equal_to_scikit_learn_on_hard_labels(method, clf, which, ensemble):
    X, y = (X_TWO, Y_TWO) if which == "two" else (X_IRIS, Y_IRIS)
    weight = np.random.RandomState(2).uniform(0.5, 2, len(y))
    y = np.array(["a", "b", "c"])[y]
    params = {"cv": 4, "ensemble": ensemble}
    if ensemble == "frozen":
        clf, params = FrozenEstimator(clone(clf).fit(X[::2], y[::2])), {}
        X, y, weight = X[1::2], y[1::2], weight[1::2]
    fit_weight = {} if "KNeighbors" in repr(clf) else {"sample_weight": weight}
    ours = SoftCalibratedClassifierCV(clf, method=method, **params).fit(X, y, **fit_weight)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Since FrozenEstimator does not appear to accept")
        theirs = CalibratedClassifierCV(clf, method=method, **params).fit(X, y, **fit_weight)
    # Isotonic probabilities are kept off 0 and 1 by one part in (the weight of a fold + 2).
    tolerance = (
        3.5 / (weight.sum() / (4 if ensemble is True else 1)) if method == "isotonic" else 2e-5
    )
    assert_allclose(ours.predict_proba(X_NEW), theirs.predict_proba(X_NEW), atol=tolerance)
    assert_array_equal(ours.classes_, theirs.classes_)
    if method != "isotonic":
        assert_array_equal(ours.predict(X_NEW), theirs.predict(X_NEW))
        assert ours.score(X, y) == theirs.score(X, y)


def test_isotonic_curves_are_those_of_scikit_learn_where_they_are_inside():
    ours = SoftCalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2).fit(X_TWO, Y_TWO)
    theirs = CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2).fit(X_TWO, Y_TWO)
    for pair, other in zip(
        ours.calibrated_classifiers_, theirs.calibrated_classifiers_, strict=True
    ):
        margin = 1 / (len(Y_TWO) / 2 + 2)
        x = pair.calibrator.regressions_[1].X_thresholds_
        expected = np.clip(other.calibrators[0].predict(x), margin, 1 - margin)
        assert_allclose(pair.calibrator.regressions_[1].predict(x), expected, rtol=1e-12)
