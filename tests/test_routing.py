"""Sample and label weights reach the classifiers through pipelines and searches."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import (
    QUICK,
    THREE_FOLDS,
    X_SETS,
    Y_SETS,
    fitted_by_hand,
    over_estimators,
    predictions_by_hand,
)
from sklearn_softloss import MultiLabelSigmoidClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def wrong_rows():
    """Hard labels, a third of them wrong, and weights that are zero for the wrong ones."""
    X = np.random.RandomState(0).normal(size=(90, 4))
    y = (X[:, 0] > 0).astype(int)
    weight = np.ones(90)
    weight[::3] = 0
    return X, np.where(weight == 0, 1 - y, y), weight


@pytest.fixture(scope="module")
def wrong_entries():
    """Label sets, a third of the entries wrong, and weights that are zero for the wrong ones."""
    right = np.random.RandomState(0).uniform(size=Y_SETS.shape) < 0.66
    return X_SETS, np.where(right, Y_SETS, 1 - Y_SETS), right.astype(float)


def _routed(Estimator, **requests):
    net = Estimator(**QUICK).set_fit_request(**requests)
    scaler = StandardScaler()
    if "sample_weight" in requests:
        scaler.set_fit_request(sample_weight=False)
        net.set_score_request(sample_weight=True)
    return Pipeline([("scale", scaler), ("mlp", net)])


def _agrees_with(model, X, net_by_hand, scaler):
    return np.allclose(
        model.predict_proba(X), net_by_hand.predict_proba(scaler.transform(X)), rtol=1e-9
    )


@over_estimators
def test_sample_weight_is_routed_through_a_grid_search(Estimator, wrong_rows, routing):
    X, y, weight = wrong_rows
    search = GridSearchCV(_routed(Estimator, sample_weight=True), {"mlp__alpha": [1e-4]}, cv=3)
    search.fit(X, y, sample_weight=weight)
    everything = np.arange(90)
    scaler, weighted = fitted_by_hand(Estimator, X, y, everything, sample_weight=weight)
    _, plain = fitted_by_hand(Estimator, X, y, everything)
    assert _agrees_with(search, X, weighted, scaler)
    assert not _agrees_with(search, X, plain, scaler)
    # The wrong rows count neither in the fits nor in the scores of the folds: with them the truth
    # itself would score two thirds.
    assert search.best_score_ > 0.7


@over_estimators
def test_sample_weight_that_is_not_requested_is_refused(Estimator, wrong_rows, routing):
    X, y, weight = wrong_rows
    pipeline = make_pipeline(StandardScaler(), Estimator(**QUICK))
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        pipeline.fit(X, y, sample_weight=weight)


def test_label_weight_is_routed_through_a_grid_search(wrong_entries, routing):
    X, Y, weight = wrong_entries
    pipeline = _routed(MultiLabelSigmoidClassifier, label_weight=True)
    search = GridSearchCV(pipeline, {"mlp__alpha": [1e-4]}, cv=3).fit(X, Y, label_weight=weight)
    everything = np.arange(90)
    scaler, weighted = fitted_by_hand(
        MultiLabelSigmoidClassifier, X, Y, everything, label_weight=weight
    )
    _, plain = fitted_by_hand(MultiLabelSigmoidClassifier, X, Y, everything)
    assert _agrees_with(search, X, weighted, scaler)
    assert not _agrees_with(search, X, plain, scaler)


def test_label_weight_is_routed_to_each_fold(wrong_entries, routing):
    X, Y, weight = wrong_entries
    found, expected = (
        cross_val_predict(
            _routed(MultiLabelSigmoidClassifier, label_weight=True),
            X,
            Y,
            cv=THREE_FOLDS,
            params={"label_weight": weight},
        ),
        predictions_by_hand(MultiLabelSigmoidClassifier, X, Y, label_weight=weight),
    )
    assert_array_equal(found, expected)
    assert not np.array_equal(found, predictions_by_hand(MultiLabelSigmoidClassifier, X, Y))


def test_label_weight_is_sliced_for_each_fold_without_routing(wrong_entries):
    X, Y, weight = wrong_entries
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("mlp", MultiLabelSigmoidClassifier(**QUICK))]
    )
    search = GridSearchCV(pipeline, {"mlp__alpha": [1e-4]}, cv=THREE_FOLDS)
    search.fit(X, Y, mlp__label_weight=weight)
    scores = []
    for train, test in THREE_FOLDS.split(X):
        scaler, net = fitted_by_hand(MultiLabelSigmoidClassifier, X, Y, train, label_weight=weight)
        scores.append(net.score(scaler.transform(X[test]), Y[test]))
    found = [search.cv_results_[f"split{k}_test_score"][0] for k in range(3)]
    assert_allclose(found, scores, rtol=1e-12)
    scaler, weighted = fitted_by_hand(
        MultiLabelSigmoidClassifier, X, Y, np.arange(90), label_weight=weight
    )
    assert _agrees_with(search, X, weighted, scaler)


@over_estimators
def test_sample_weight_is_sliced_for_each_fold_without_routing(Estimator, wrong_rows):
    X, y, weight = wrong_rows
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", Estimator(**QUICK))])
    found = cross_val_predict(pipeline, X, y, cv=THREE_FOLDS, params={"mlp__sample_weight": weight})
    assert_array_equal(found, predictions_by_hand(Estimator, X, y, sample_weight=weight))
    assert not np.array_equal(found, predictions_by_hand(Estimator, X, y))
