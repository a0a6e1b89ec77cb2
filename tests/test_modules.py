"""Modules of one's own: their parameters in searches, images the wrong way round, habits of fit."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, :2] > 0).astype(float)
TARGETS = {
    SoftTargetMLPClassifier: Y[:, 0],
    MultiLabelSigmoidClassifier: Y,
    SoftLossMLPRegressor: X[:, 0],
    AnnotatorMLPClassifier: Y,
}
ESTIMATORS = list(TARGETS)


def net(n_features, n_outputs, *, hidden=4, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(n_features, hidden), activation(), nn.Linear(hidden, n_outputs))


class Net(nn.Module):
    def __init__(self, n_features, n_outputs, hidden=4):
        super().__init__()
        self.layers = net(n_features, n_outputs, hidden=hidden)

    def forward(self, X):
        return self.layers(X)


def width(fitted):
    return next(fitted.net_.module_.parameters()).shape[0]


@pytest.mark.parametrize("module", [net, Net])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parameters_of_a_module_are_handed_to_it(estimator, module):
    clf = estimator(module=module, module__hidden=5, max_iter=2, random_state=0)
    assert clf.get_params()["module__hidden"] == 5
    y = TARGETS[estimator]
    assert width(clf.fit(X, y)) == 5
    assert width(clone(clf).fit(X, y)) == 5
    assert width(clone(clf).set_params(module__hidden=7).fit(X, y)) == 7
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))
    assert again.get_params() == clf.get_params()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_without_them_nothing_is_handed(estimator):
    clf = estimator(module=net, max_iter=2, random_state=0).fit(X, TARGETS[estimator])
    assert width(clf) == 4
    assert not [name for name in clf.get_params() if name.startswith("module__")]


def test_a_search_finds_them_in_a_pipeline():
    clf = SoftTargetMLPClassifier(module=net, max_iter=5, random_state=0)
    grid = {"clf__module__hidden": [1, 6], "clf__module__activation": [nn.Tanh, nn.ReLU]}
    pipe = Pipeline([("scale", StandardScaler()), ("clf", clf)])
    search = GridSearchCV(pipe, grid, cv=2).fit(X, Y[:, 0])
    assert search.best_params_.keys() == grid.keys()
    best = search.best_estimator_[-1]
    assert width(best) == search.best_params_["clf__module__hidden"]
    assert len(search.cv_results_["params"]) == 4


def test_they_reach_through_an_estimator_around():
    inner = MultiLabelSigmoidClassifier(module=net, max_iter=2, random_state=0)
    tuned = TunedDecisionClassifierCV(inner, cv=2).set_params(estimator__module__hidden=3)
    assert width(tuned.fit(X, Y).estimator_) == 3


def test_they_show_in_the_representation():
    clf = SoftTargetMLPClassifier(module=net, module__hidden=5)
    assert "module__hidden=5" in repr(clf)
    assert "module__hidden" in clf._repr_html_()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_they_need_a_module(estimator):
    with pytest.raises(ValueError, match="module__hidden is handed to a module of your own"):
        estimator(module__hidden=5).fit(X, TARGETS[estimator])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_other_keywords_are_refused_as_ever(estimator):
    with pytest.raises(TypeError, match="dropuot"):
        estimator(dropuot=0.5)
    with pytest.raises(ValueError, match="Invalid parameter 'dropuot'"):
        estimator().set_params(dropuot=0.5)
    with pytest.raises(TypeError, match="width"):
        estimator(module=net, module__width=5).fit(X, TARGETS[estimator])


def test_a_refused_parameter_sets_none():
    clf = SoftTargetMLPClassifier(module=net)
    with pytest.raises(ValueError, match="Invalid parameter"):
        clf.set_params(module__hidden=3, dropuot=0.5)
    assert "module__hidden" not in clf.get_params()


def conv(n_channels, n_outputs):
    return nn.Sequential(
        nn.Conv2d(n_channels, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 8 * 8, n_outputs)
    )


def pooled(n_channels, n_outputs):
    return nn.Sequential(
        nn.Conv2d(n_channels, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, n_outputs)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_images_with_channels_last_are_named(channels):
    images = rng.normal(size=(12, 8, 8, channels)).astype(np.float32)
    y = np.arange(12) % 2
    clf = SoftTargetMLPClassifier(module=conv, max_iter=1, random_state=0)
    with pytest.raises(ValueError, match=r"\(8, 8, \d\).*channels last.*np.moveaxis\(X, -1, 1\)"):
        clf.fit(images, y)
    clf.fit(np.moveaxis(images, -1, 1), y)
    # A net that reads any shape would take the height for channels and say nothing.
    with pytest.warns(UserWarning, match="look like images with their channels last"):
        clone(clf).set_params(module=pooled).fit(images, y)


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8, 8), (1, 8, 3), (16, 2, 1)])
def test_other_images_are_left_alone(shape):
    images = rng.normal(size=(6, *shape)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SoftTargetMLPClassifier(module=pooled, max_iter=1).fit(images, np.arange(6) % 2)


def test_a_net_that_cannot_read_rows_says_for_what_it_was_made():
    def wrong(n_features, n_outputs):
        return nn.Linear(n_features + 1, n_outputs)

    with pytest.raises(
        ValueError, match=r"made for n_features=3, fails on rows of shape \(3,\): mat1"
    ):
        SoftTargetMLPClassifier(module=wrong).fit(X, Y[:, 0])


HABITS = {
    "validation_data": "X_val= and y_val=, with early_stopping=True",
    "eval_set": "X_val= and y_val=, with early_stopping=True",
    "validation_split": "validation_fraction=",
    "epochs": "max_iter=",
    "batch_size": "set_params(batch_size=...) before fit",
    "verbose": "set_params(verbose=...) before fit",
}


@pytest.mark.parametrize(("name", "here"), HABITS.items())
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_keywords_of_other_libraries_get_an_answer(estimator, name, here):
    with pytest.raises(TypeError) as caught:
        estimator().fit(X, TARGETS[estimator], **{name: 1})
    assert f"fit takes no {name}" in str(caught.value)
    assert here in str(caught.value)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_keyword_that_nobody_knows_is_refused_by_python(estimator):
    with pytest.raises(TypeError, match="unexpected keyword argument 'sample_weigth'"):
        estimator().fit(X, TARGETS[estimator], sample_weigth=[1])
