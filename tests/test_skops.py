"""skops writes and reads fitted estimators with nothing trusted but this package."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import LOSSES, REGRESSION_LOSSES, fitted_with, make_labels, make_soft
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftRowsClassifier,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.calibration._classifier import METHODS
from sklearn_softloss.decision import ExpectedF1, Thresholds, TunedDecisionClassifierCV

skops = pytest.importorskip("skops.io")
FEW_PASSES = {"hidden_layer_sizes": (6,), "alpha": 0.1, "max_iter": 4, "random_state": 0}


def again(estimator):
    written = skops.dumps(estimator)
    untrusted = skops.get_untrusted_types(data=written)
    assert all(name.startswith("sklearn_softloss.") for name in untrusted)
    return skops.loads(written, trusted=untrusted)


def same(estimator, X):
    found = again(estimator)
    for method in ("predict", "predict_proba", "predict_quantiles", "predict_std"):
        if hasattr(estimator, method) and (method != "predict_quantiles" or hasattr(
            estimator, "quantile_"
        )):  # fmt: skip
            np.testing.assert_array_equal(getattr(found, method)(X), getattr(estimator, method)(X))
    return found


@pytest.mark.parametrize("loss", [*LOSSES, *REGRESSION_LOSSES], ids=repr)
def test_every_loss(loss):
    same(*fitted_with(loss, **FEW_PASSES))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"hidden_layer_sizes": (5, 4), "activation": "tanh", "encoding": None},
        {"solver": "lbfgs", "label_smoothing": 0.1},
        {"solver": "sgd", "early_stopping": True, "n_iter_no_change": 2},
        {"alpha": "auto", "dropout": "auto"},
        {"hidden_layer_sizes": "auto", "alpha": "auto", "max_iter": "auto", "cv": 2},
        {"warm_start": True},
        {"dtype": "float32"},
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_kind_of_training(params):
    X, Y = make_soft(n=80)
    clf = SoftTargetMLPClassifier(**{**FEW_PASSES, **params}).fit(X, Y)
    found = same(clf, X)
    assert found.get_params() == clf.get_params()
    assert found.loss_curve_ == clf.loss_curve_
    np.testing.assert_equal(found.selection_results_, clf.selection_results_)


@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd", "adadelta", "rmsprop"])
def test_training_goes_on_as_it_would_have(solver):
    X, Y = make_labels(n=60)
    clf = MultiLabelSigmoidClassifier(**{**FEW_PASSES, "solver": solver}).partial_fit(X, Y)
    found = again(clf)
    for _ in range(2):
        clf.partial_fit(X, Y)
        found.partial_fit(X, Y)
    np.testing.assert_array_equal(found.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("method", list(METHODS))
def test_calibrated(method):
    X, Y = make_soft(n=90)
    y = np.array(["a", "b", "c"])[Y.argmax(axis=1)]
    same(SoftCalibratedClassifierCV(LogisticRegression(), method=method, cv=3).fit(X, y), X)


@pytest.mark.parametrize("rule", ["thresholds", Thresholds(min_labels=1), ExpectedF1()], ids=repr)
def test_tuned(rule):
    X, Y = make_labels(n=90)
    inner = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    tuned = TunedDecisionClassifierCV(inner, rule, cv=3, random_state=0)
    tuned.fit(X, (Y > 0.5).astype(int))
    found = same(tuned, X)
    assert str(found.decision_report()) == str(tuned.decision_report())


def test_soft_rows():
    X, Y = make_soft(n=60)
    same(SoftRowsClassifier(LogisticRegression()).fit(X, Y), X)


def test_an_older_file_loads():
    path = Path(__file__).parent / "data" / "classifier_format_2.skops"
    found = skops.load(path, trusted=skops.get_untrusted_types(file=path))
    rows = np.array([[-1.0, 0.5, 0.0], [1.0, 0.0, 2.0]])
    kept = np.load(path.with_suffix(".npy"))
    np.testing.assert_allclose(found.predict_proba(rows), kept, rtol=1e-6)
    assert found.classes_.tolist() == ["no", "yes"]
