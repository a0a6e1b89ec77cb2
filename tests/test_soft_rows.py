"""Soft rows for classifiers of hard labels: the expanded fit, and what is built around it."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import X_SOFT, Y_SOFT
from sklearn_softloss import SoftRowsClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.metrics.scorers import neg_soft_log_loss
from sklearn_softloss.semi_supervised import SoftPseudoLabelClassifier

CLASSIFIERS = [
    LogisticRegression(),
    HistGradientBoostingClassifier(max_iter=5),
    GaussianNB(),
    RandomForestClassifier(5, bootstrap=False, random_state=0),
]
over_classifiers = pytest.mark.parametrize("inner", CLASSIFIERS, ids=lambda c: type(c).__name__)


@parametrize_with_checks([SoftRowsClassifier(LogisticRegression())])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def expanded(inner, X, Y, weight):
    """One row for each class, written out."""
    rows = [(i, c) for i in range(len(Y)) for c in range(Y.shape[1]) if Y[i, c] * weight[i] > 0]
    at, codes = np.transpose(rows)
    return inner.fit(X[at], codes, sample_weight=[Y[i, c] * weight[i] for i, c in rows])


@over_classifiers
def test_it_is_the_expanded_fit(inner):
    rng = np.random.default_rng(0)
    Y = np.array([rng.multinomial(8, row) / 8 for row in Y_SOFT])
    weight = np.arange(len(Y)) % 3
    clf = SoftRowsClassifier(inner).fit(X_SOFT, Y, sample_weight=weight)
    expected = expanded(inner, X_SOFT, Y, weight)
    assert_array_equal(clf.predict_proba(X_SOFT), expected.predict_proba(X_SOFT))
    assert_array_equal(clf.predict(X_SOFT), expected.predict(X_SOFT))


@over_classifiers
def test_hard_labels_are_passed_on(inner):
    y = np.array(["c", "a", "b"])[Y_SOFT.argmax(axis=1)]
    clf = SoftRowsClassifier(inner).fit(X_SOFT, y)
    assert_array_equal(clf.predict_proba(X_SOFT), inner.fit(X_SOFT, y).predict_proba(X_SOFT))
    assert clf.classes_.tolist() == ["a", "b", "c"]
    assert clf.score(X_SOFT, y) == inner.score(X_SOFT, y)


def test_one_hot_rows_are_hard_labels():
    y = Y_SOFT.argmax(axis=1)
    soft = SoftRowsClassifier(LogisticRegression()).fit(X_SOFT, np.eye(3)[y])
    hard = LogisticRegression().fit(X_SOFT, y)
    assert_allclose(soft.predict_proba(X_SOFT), hard.predict_proba(X_SOFT))


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, pd.DataFrame])
def test_pipelines_containers_and_names(container):
    frame = pd.DataFrame(Y_SOFT, columns=["b", "c", "a"])
    pipe = make_pipeline(StandardScaler(with_mean=False), MaxAbsScaler(), LogisticRegression())
    clf = SoftRowsClassifier(pipe).fit(container(X_SOFT), frame)
    assert clf.classes_.tolist() == ["a", "b", "c"]
    plain = SoftRowsClassifier(pipe).fit(X_SOFT, Y_SOFT)
    assert_allclose(
        clf.predict_proba(container(X_SOFT))[:, [1, 2, 0]], plain.predict_proba(X_SOFT), rtol=1e-6
    )
    assert clf.score(container(X_SOFT), frame) == pytest.approx(plain.score(X_SOFT, Y_SOFT))


def test_a_class_without_mass_has_probability_zero():
    Y = np.insert(Y_SOFT, 1, 0.0, axis=1)
    clf = SoftRowsClassifier(LogisticRegression()).fit(X_SOFT, Y)
    assert clf.classes_.tolist() == [0, 1, 2, 3]
    proba = clf.predict_proba(X_SOFT)
    assert (proba[:, 1] == 0).all()
    assert_allclose(proba.sum(axis=1), 1)
    assert clf.predict_log_proba(X_SOFT)[0, 1] == -np.inf


def test_it_goes_where_classifiers_of_soft_rows_go():
    clf = SoftRowsClassifier(LogisticRegression())
    forest = SoftRowsClassifier(RandomForestClassifier(5, random_state=0))
    for around in (
        TunedDecisionClassifierCV(clf, cv=2, random_state=0),
        SoftCalibratedClassifierCV(clf, cv=2),
        SoftCalibratedClassifierCV(forest, cv=2),
        GridSearchCV(clf, {"estimator__C": [0.1, 1.0]}, scoring=neg_soft_log_loss, cv=2),
    ):
        assert around.fit(X_SOFT, Y_SOFT).predict(X_SOFT).shape == (len(X_SOFT),)
    y = Y_SOFT.argmax(axis=1)
    y[::2] = -1
    student = SoftPseudoLabelClassifier(clf).fit(X_SOFT, y)
    assert student.predict_proba(X_SOFT).shape == Y_SOFT.shape


@pytest.mark.parametrize(
    ("inner", "error", "message"),
    [
        (KNeighborsClassifier(), TypeError, r"KNeighborsClassifier.fit takes no sample_weight"),
        (LinearSVC(), ValueError, "must have predict_proba"),
        (None, TypeError, "estimator must be a classifier"),
        (LogisticRegression, TypeError, "estimator must be a classifier"),
    ],
)
def test_what_cannot_be_wrapped(inner, error, message):
    with pytest.raises(error, match=message):
        SoftRowsClassifier(inner).fit(X_SOFT, Y_SOFT)


def test_rows_that_are_none_are_refused():
    clf = SoftRowsClassifier(LogisticRegression())
    with pytest.raises(ValueError, match="row 2 sums to 0"):
        clf.fit(X_SOFT[:3], np.diag([1.0, 1.0, 0.0]))
