"""Scorers, splitters and searches together, on the targets that scikit-learn's own would harden."""

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import make_labels, make_soft, multi, soft
from sklearn_softloss.metrics import multilabel_log_loss, scorers, soft_log_loss
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    cross_val_predict_proba,
)
from test_proba_matrix import Recorder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OF_CLASSES = {
    "log_loss": scorers.neg_soft_log_loss,
    "brier": scorers.neg_soft_brier_score,
    "accuracy": scorers.soft_accuracy,
    "calibration": scorers.neg_expected_calibration_error,
}
OF_LABELS = {
    "log_loss": scorers.neg_multilabel_log_loss,
    "brier": scorers.neg_multilabel_brier_score,
    "f1": scorers.multilabel_f1_score,
    "subset": scorers.multilabel_subset_accuracy,
}


def holes(Y, unknown):
    holed = Y.astype(float)
    holed[np.random.default_rng(0).random(Y.shape) < 0.2] = unknown
    return holed


def tasks():
    soft_task = soft(max_iter=3), OF_CLASSES, SoftStratifiedKFold(3, random_state=0)
    label_task = multi(max_iter=3), OF_LABELS, MultiLabelStratifiedKFold(3, random_state=0)
    for k in (2, 3):
        X, Y = make_soft(n=60, k=k)
        yield pytest.param(*soft_task, X, Y, id=f"{k} soft classes")
        X, Y = make_labels(n=60, n_labels=k)
        yield pytest.param(*label_task, X, Y, id=f"{k} labels")
        yield pytest.param(*label_task, X, holes(Y, np.nan), id=f"{k} labels, some NaN")
        yield pytest.param(*label_task, X, holes(Y, -1), id=f"{k} labels, some -1")


every_task = pytest.mark.parametrize(("clf", "scoring", "cv", "X", "Y"), list(tasks()))


@every_task
def test_several_scores_are_those_by_hand(clf, scoring, cv, X, Y):
    pipe = make_pipeline(StandardScaler(), clf)
    found = cross_validate(pipe, X, Y, scoring=scoring, cv=cv, n_jobs=2)
    proba = cross_val_predict_proba(pipe, X, Y, cv=cv)
    measure = soft_log_loss if scoring is OF_CLASSES else multilabel_log_loss
    by_hand = [-measure(Y[test], proba[test]) for _, test in cv.split(X, Y)]
    np.testing.assert_allclose(found["test_log_loss"], by_hand)
    for name in scoring:
        assert np.isfinite(found[f"test_{name}"]).all()


@every_task
@pytest.mark.parametrize(
    "search",
    [
        lambda *args, **kwargs: GridSearchCV(*args, **kwargs),
        lambda *args, **kwargs: RandomizedSearchCV(*args, n_iter=2, random_state=0, **kwargs),
        lambda *args, **kwargs: HalvingGridSearchCV(
            *args, min_resources=30, random_state=0, **kwargs
        ),
    ],
    ids=["grid", "randomized", "halving"],
)
def test_searches(clf, scoring, cv, X, Y, search):
    pipe = make_pipeline(StandardScaler(), clf)
    grid = {f"{pipe.steps[-1][0]}__alpha": [1e-3, 1.0, 100.0]}
    found = search(pipe, grid, scoring=scoring["log_loss"], cv=cv, n_jobs=2).fit(X, Y)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert found.predict_proba(X).shape == Y.shape


def test_out_of_fold_targets_arrive_as_they_are():
    """scikit-learn's helper turns the columns of a 2-D y into codes; ours slices it."""
    X, Y = make_soft(n=30)
    theirs = cross_val_predict(Recorder(), X, Y, cv=3, method="predict_proba")
    assert theirs.max() > 1  # means of codes, not of probabilities
    ours = cross_val_predict_proba(Recorder(), X, Y, cv=3)
    np.testing.assert_allclose(ours.sum(axis=1), 1)
    for test in np.split(np.arange(30), 3):
        train = np.setdiff1d(np.arange(30), test)
        np.testing.assert_allclose(ours[test], np.tile(Y[train].mean(axis=0), (10, 1)))
    # A label that is always on becomes one that is always off.
    X, Y = make_labels(n=30)
    Y[:, 1] = 1
    theirs = cross_val_predict(Recorder(), X, Y, cv=3, method="predict_proba")
    assert (theirs[:, 1] == 0).all()
    assert (cross_val_predict_proba(Recorder(), X, Y, cv=3)[:, 1] == 1).all()
