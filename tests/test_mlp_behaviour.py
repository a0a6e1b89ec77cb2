"""What users of scikit-learn's MLPClassifier expect of a fit, checked on both classifiers."""

from __future__ import annotations

import io
import re
import sys
import warnings
from functools import partial
from itertools import pairwise

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from skorch.callbacks import Callback

from cases import over_estimators
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

# Nets here are trained for a few passes on purpose; the tests of the warning ask for it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

every_activation = pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])

NAMED_SOLVERS = {"adam": 0.01, "adamw": 0.01, "sgd": 0.1, "adadelta": 1.0, "rmsprop": 0.01}
"""Stochastic solvers with a learning rate that suits them."""
SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "one_cycle")
SPARSE_CONTAINERS = [
    sp.csr_matrix,
    sp.csr_array,
    sp.csc_matrix,
    sp.csc_array,
    sp.coo_matrix,
    sp.coo_array,
]


def _digits(n_class, n_samples):
    X, y = load_digits(n_class=n_class, return_X_y=True)
    return X[:n_samples] / 16, y[:n_samples]


X_BINARY, Y_BINARY = _digits(2, 100)
X_THREE, Y_THREE = _digits(3, 200)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)

RNG = np.random.RandomState(0)
X_SMALL = RNG.randn(60, 4)
LOGITS = 2 * X_SMALL @ RNG.randn(4, 3)
SOFT_ROWS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
SOFT_ENTROPY = -(SOFT_ROWS * np.log(SOFT_ROWS)).sum(axis=1).mean()
LABEL_SETS = (RNG.uniform(size=LOGITS.shape) < expit(LOGITS)).astype(float)
NOISY_BINARY = (X_SMALL[:, 0] + 2 * RNG.randn(60) > 0).astype(int)


def matrix_targets(Estimator):
    """Three columns of the kind of 2-D y that the estimator is for."""
    return SOFT_ROWS if Estimator is SoftTargetMLPClassifier else LABEL_SETS


def three_digits(Estimator):
    """Targets of three digits: labels, or their indicators."""
    return Y_THREE if Estimator is SoftTargetMLPClassifier else np.eye(3)[Y_THREE]


def parameters_of(estimator):
    """Weights and biases as one vector."""
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


def final_rate(estimator):
    return estimator.net_.optimizer_.param_groups[0]["lr"]


class Recorder(Callback):
    """Keeps the rate of each training step, and the rows of X that training holds out."""

    def initialize(self):
        self.rates_ = []
        self.held_out_ = None
        return self

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        if training:
            self.rates_.append(net.optimizer_.param_groups[0]["lr"])
        else:
            self.held_out_ = batch[0].numpy()

    def held_out_rows(self, X):
        """Numbers of the rows of X, which must be distinct, that were held out."""
        return np.flatnonzero((X[:, None] == self.held_out_[None]).all(axis=-1).any(axis=1))


# --- the same training as scikit-learn's -----------------------------------------------------


@over_estimators
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"solver": "sgd", "momentum": 0},
        {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False},
        {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": True, "batch_size": 16},
        {"solver": "sgd", "momentum": 0, "learning_rate": "invscaling", "power_t": 0.2},
        {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-16, "batch_size": 16},
        {"solver": "lbfgs"},
    ],
    ids=lambda params: "-".join(str(value) for value in params.values()),
)
def test_training_from_the_same_weights_equals_mlp_classifier(Estimator, params, weighted):
    y = Y_IRIS[::3] if Estimator is SoftTargetMLPClassifier else np.eye(3, dtype=int)[Y_IRIS[::3]]
    X = X_IRIS[::3] - X_IRIS.mean(axis=0)
    weight = np.random.RandomState(1).uniform(0.1, 3, size=len(X)) if weighted else None
    ours, reference = (
        kind(
            hidden_layer_sizes=(5, 4),
            activation="tanh",
            alpha=0.3,
            learning_rate_init=0.05,
            shuffle=False,
            max_iter=1,
            random_state=0,
            warm_start=True,
            **params,
        ).fit(X, y)
        for kind in (Estimator, MLPClassifier)
    )
    reference.coefs_ = [coef.copy() for coef in ours.coefs_]
    reference.intercepts_ = [intercept.copy() for intercept in ours.intercepts_]
    for estimator in (ours, reference):
        estimator.set_params(max_iter=12).fit(X, y, sample_weight=weight)
    assert_allclose(parameters_of(ours), parameters_of(reference), rtol=0, atol=1e-10)
    assert_allclose(ours.predict_proba(X), reference.predict_proba(X), atol=1e-10)
    if not weighted:
        assert_allclose(ours.loss_, reference.loss_, rtol=1e-10)


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_net_without_hidden_layer_equals_logistic_regression(C):
    params = {"solver": "lbfgs", "alpha": 1 / C, "tol": 1e-7, "max_iter": 1000}
    X = X_IRIS - X_IRIS.mean(axis=0)
    net = SoftTargetMLPClassifier((), random_state=0, **params).fit(X, Y_IRIS)
    reference = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(X, Y_IRIS)
    assert_allclose(net.predict_proba(X), reference.predict_proba(X), atol=1e-3)
    labels = np.eye(3, dtype=int)[Y_IRIS]
    net = MultiLabelSigmoidClassifier((), random_state=0, **params).fit(X, labels)
    for j in range(3):
        reference.fit(X, labels[:, j])
        assert_allclose(net.predict_proba(X)[:, j], reference.predict_proba(X)[:, 1], atol=1e-3)


@over_estimators
def test_one_step_equals_worked_example(Estimator):
    """One step of gradient descent from given weights, with the chain rule written out."""
    x, W1, b1 = np.array([0.6, 0.8, 0.7]), np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]]), 0.1
    W2, b2 = np.array([[0.1, -0.3], [0.2, 0.4]]), np.array([1.0, 0.5])
    target, rate, alpha = np.array([0.25, 0.75]), 0.1, 0.1

    def module(n_features, n_outputs):
        net = torch.nn.Sequential(
            torch.nn.Linear(n_features, 2), torch.nn.Sigmoid(), torch.nn.Linear(2, n_outputs)
        ).double()
        start = {"0.weight": W1.T, "0.bias": [b1, b1], "2.weight": W2.T, "2.bias": b2}
        net.load_state_dict({k: torch.as_tensor(np.array(v)) for k, v in start.items()})
        return net

    params = {"momentum": 0, "learning_rate_init": rate, "alpha": alpha, "max_iter": 1}
    net = Estimator(solver="sgd", module=module, **params).fit(x[None], target[None])

    hidden = expit(x @ W1 + b1)
    logits = hidden @ W2 + b2
    if Estimator is SoftTargetMLPClassifier:
        proba = np.exp(logits) / np.exp(logits).sum()
    else:
        proba = expit(logits)
    to_logits = proba - target
    to_hidden = (W2 @ to_logits) * hidden * (1 - hidden)
    after = {
        "0.weight": (W1 - rate * (np.outer(x, to_hidden) + alpha * W1)).T,
        "0.bias": b1 - rate * to_hidden,
        "2.weight": (W2 - rate * (np.outer(hidden, to_logits) + alpha * W2)).T,
        "2.bias": b2 - rate * to_logits,
    }
    for name, value in net.net_.module_.state_dict().items():
        assert_allclose(value.numpy(), after[name], rtol=1e-12, err_msg=name)


# --- partial_fit -----------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_n_calls_of_partial_fit_equal_fit_with_n_passes(Estimator, solver, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    params = {"solver": solver, "learning_rate_init": 0.05, "batch_size": 16, "tol": 0}
    whole = Estimator(8, max_iter=12, random_state=1, **params).fit(X_SMALL, y)
    parts = Estimator(8, random_state=1, **params)
    for _ in range(12):
        parts.partial_fit(X_SMALL, y, classes=[0, 1] if hard else None)
    assert_allclose(parameters_of(parts), parameters_of(whole), rtol=0, atol=1e-12)
    assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert parts.t_ == whole.t_ == 12 * 60


@over_estimators
@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_partial_fit_follows_the_learning_rate_schedule(Estimator, learning_rate):
    params = {"learning_rate": learning_rate, "learning_rate_init": 0.1, "max_iter": 8}
    params |= {"solver": "sgd", "batch_size": 16, "tol": 0, "random_state": 1}
    y = matrix_targets(Estimator)
    whole, parts = Estimator(8, **params).fit(X_SMALL, y), Estimator(8, **params)
    for _ in range(8):
        parts.partial_fit(X_SMALL, y)
    assert_allclose(parameters_of(parts), parameters_of(whole), rtol=0, atol=1e-12)
    assert final_rate(parts) == final_rate(whole)


@over_estimators
def test_partial_fit_after_fit_is_one_more_pass(Estimator):
    params = {"random_state": 3, "learning_rate_init": 0.05, "tol": 0, "batch_size": 20}
    y = matrix_targets(Estimator)
    longer = Estimator(8, max_iter=6, **params).fit(X_SMALL, y)
    resumed = Estimator(8, max_iter=5, **params).fit(X_SMALL, y).partial_fit(X_SMALL, y)
    assert_allclose(parameters_of(resumed), parameters_of(longer), rtol=0, atol=1e-12)
    assert_allclose(resumed.loss_curve_, longer.loss_curve_, rtol=1e-12)


@over_estimators
def test_partial_fit_learns_as_well_as_fit(Estimator):
    net = Estimator(8, solver="sgd", learning_rate_init=0.2, alpha=1e-5, random_state=1)
    for _ in range(60):
        net.partial_fit(X_THREE, three_digits(Estimator), classes=[0, 1, 2])
    assert net.score(X_THREE, three_digits(Estimator)) > 0.95


@over_estimators
def test_partial_fit_needs_the_classes_of_labels_on_the_first_call(Estimator):
    net = Estimator(4)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        net.partial_fit(X_BINARY, Y_BINARY)
    net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    net.partial_fit(X_BINARY, Y_BINARY)
    assert_array_equal(net.classes_, [0, 1])


@over_estimators
def test_partial_fit_takes_classes_in_any_order(Estimator):
    labels = np.array(["no", "yes"])[Y_BINARY]
    net = Estimator(4).partial_fit(X_BINARY, labels, classes=["yes", "no"])
    net.partial_fit(X_BINARY, labels, classes=["no", "yes"])
    assert_array_equal(net.classes_, ["no", "yes"])


@over_estimators
def test_partial_fit_refuses_other_classes_later(Estimator):
    net = Estimator(4, solver="sgd").partial_fit([[3, 2]], [0], classes=[0, 1])
    before = parameters_of(net).copy()
    with pytest.raises(ValueError, match="is not the same as on"):
        net.partial_fit([[3, 2]], [1], classes=[1, 2])
    assert_array_equal(parameters_of(net), before)


@over_estimators
def test_partial_fit_refuses_labels_that_are_not_among_the_classes(Estimator):
    net = Estimator(4, solver="sgd")
    with pytest.raises(ValueError, match="classes"):
        net.partial_fit([[3, 2], [1, 6]], [1, 0], classes=[1, 2])
    assert not hasattr(net, "classes_")
    net.partial_fit([[3, 2], [1, 6]], [1, 0], classes=[0, 1])
    with pytest.raises(ValueError, match="classes not in"):
        net.partial_fit([[3, 2]], [5])


def test_partial_fit_learns_a_declared_class_that_comes_later():
    classes = ["a", "b", "c", "d"]
    net = SoftTargetMLPClassifier(8, learning_rate_init=0.05, random_state=0)
    net.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=classes)
    assert net.predict_proba([[4.0]]).shape == (1, 4)
    before = net.predict_proba([[4.0]])[0, 3]
    net.partial_fit([[4]], ["d"])
    assert net.predict_proba([[4.0]])[0, 3] > before


@over_estimators
def test_partial_fit_refuses_another_number_of_target_columns(Estimator):
    y = matrix_targets(Estimator)
    net = Estimator(4).partial_fit(X_SMALL, y)
    wider = np.full((60, 4), 0.25)
    with pytest.raises(ValueError, match="columns"):
        net.partial_fit(X_SMALL, wider)
    assert net.predict_proba(X_SMALL).shape == (60, 3)


@over_estimators
def test_partial_fit_refuses_early_stopping(Estimator):
    message = "partial_fit does not support early_stopping=True"
    net = Estimator(4, early_stopping=True, max_iter=5, random_state=0)
    with pytest.raises(ValueError, match=message):
        net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    net.fit(X_BINARY, Y_BINARY)
    with pytest.raises(ValueError, match=message):
        net.partial_fit(X_BINARY, Y_BINARY)


@over_estimators
def test_lbfgs_has_no_partial_fit(Estimator):
    assert not hasattr(Estimator(solver="lbfgs"), "partial_fit")
    assert hasattr(Estimator(solver="sgd"), "partial_fit")


@over_estimators
def test_dumped_estimator_goes_on_with_partial_fit(Estimator, tmp_path):
    net = Estimator(8, learning_rate_init=0.05, random_state=4, max_iter=5, batch_size=16)
    net.fit(X_SMALL, matrix_targets(Estimator))
    joblib.dump(net, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    assert_array_equal(parameters_of(loaded), parameters_of(net))
    before = parameters_of(net).copy()
    for _ in range(3):
        net.partial_fit(X_SMALL, matrix_targets(Estimator))
        loaded.partial_fit(X_SMALL, matrix_targets(Estimator))
    assert_array_equal(parameters_of(loaded), parameters_of(net))
    assert not np.array_equal(parameters_of(loaded), before)


# --- warm start ------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_start_goes_on_from_the_weights_of_the_last_fit(Estimator, solver):
    params = {"solver": solver, "alpha": 0, "learning_rate_init": 0.05, "batch_size": 60}
    net = Estimator(8, max_iter=5, warm_start=True, random_state=0, **params)
    net.fit(X_SMALL, NOISY_BINARY)
    reached = log_loss(NOISY_BINARY, net.predict_proba(X_SMALL))
    first_curve = list(net.loss_curve_)
    net.fit(X_SMALL, NOISY_BINARY)
    assert net.loss_curve_[:5] == first_curve
    assert len(net.loss_curve_) == 10
    if solver == "lbfgs":
        assert net.loss_curve_[5] < reached
    else:  # the loss of a pass over one batch is the one before its step
        assert_allclose(net.loss_curve_[5], reached, rtol=1e-10)


@over_estimators
def test_without_warm_start_fit_begins_anew(Estimator):
    net = Estimator(8, max_iter=5, random_state=0).fit(X_SMALL, NOISY_BINARY)
    first, curve = parameters_of(net), net.loss_curve_
    net.fit(X_SMALL, NOISY_BINARY)
    assert_array_equal(parameters_of(net), first)
    assert net.loss_curve_ == curve


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_each_warm_fit_may_take_max_iter_passes(Estimator, solver):
    params = {"solver": solver, "n_iter_no_change": np.inf, "tol": 1e-12, "random_state": 0}
    net = Estimator(8, warm_start=True, max_iter=4, **params)
    for max_iter in (4, 4, 7):
        net.set_params(max_iter=max_iter)
        with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
            net.fit(X_SMALL, matrix_targets(Estimator))
        assert net.n_iter_ == max_iter
    assert len(net.loss_curve_) == 15


@over_estimators
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_extends_every_curve(Estimator, early_stopping):
    params = {"early_stopping": early_stopping, "warm_start": True, "random_state": 0}
    net = Estimator(8, max_iter=6, **params).fit(X_SMALL, NOISY_BINARY)
    train, valid = net.loss_curve_, net.validation_loss_curve_
    net.set_params(max_iter=9).fit(X_SMALL, NOISY_BINARY)
    assert net.loss_curve_[:6] == train
    assert len(net.loss_curve_) == 15
    if early_stopping:
        assert net.validation_loss_curve_[:6] == valid
        assert len(net.validation_scores_) == 15
    else:
        assert net.validation_loss_curve_ is None


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize(
    "blocks", [(75, 75), (50, 50, 0, 50), (37, 37, 38, 38), (30, 30, 30, 30, 30)]
)
def test_warm_start_refuses_other_classes_in_the_words_of_scikit_learn(solver, blocks):
    net = SoftTargetMLPClassifier(4, solver=solver, warm_start=True, max_iter=3, random_state=0)
    net.fit(X_IRIS, Y_IRIS).fit(X_IRIS, np.repeat([0, 1, 2], [40, 40, 70]))
    proba = net.predict_proba(X_IRIS)
    other = np.repeat(np.arange(len(blocks)), blocks)
    message = (
        "warm_start can only be used where `y` has the same classes as in the previous call to "
        f"fit. Previously got [0 1 2], `y` has {np.unique(other)}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        net.fit(X_IRIS, other)
    assert_array_equal(net.predict_proba(X_IRIS), proba)


@pytest.mark.parametrize("other", [[0, 2], [2, 3], [0, 1, 2]])
def test_warm_multi_label_refuses_other_classes_in_the_words_of_scikit_learn(other):
    net = MultiLabelSigmoidClassifier(4, warm_start=True, max_iter=3).fit(X_BINARY, Y_BINARY)
    message = (
        "warm_start can only be used where `y` has the same classes as in the previous call to "
        f"fit. Previously got [0 1], `y` has {np.array(other)}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        net.fit(X_BINARY, np.resize(other, len(X_BINARY)))


@over_estimators
def test_warm_start_refuses_another_number_of_target_columns(Estimator):
    net = Estimator(4, warm_start=True, max_iter=3).fit(X_SMALL, matrix_targets(Estimator))
    with pytest.raises(ValueError, match="columns"):
        net.fit(X_SMALL, np.full((60, 2), 0.5))


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
def test_rate_of_a_warm_start_goes_on_with_the_samples_seen(Estimator, learning_rate):
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    params = {"solver": "sgd", "learning_rate": learning_rate, "power_t": 0.25, "max_iter": 1}
    net = Estimator(4, warm_start=True, learning_rate_init=0.01, **params).fit(X, y).fit(X, y)
    expected = {"constant": 0.01, "invscaling": 0.01 / (2 * 4 + 1) ** 0.25}
    assert_allclose(final_rate(net), expected[learning_rate], rtol=1e-12)
    assert net.t_ == 8


# --- early stopping --------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
def test_early_stopping_ends_training_and_keeps_its_curve(Estimator, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    tol = 0.2
    net = Estimator(4, solver="sgd", tol=tol, max_iter=1000, early_stopping=True, random_state=0)
    net.fit(X_SMALL, y)
    assert net.n_iter_ < 1000
    assert isinstance(net.validation_loss_curve_, list)
    assert len(net.validation_loss_curve_) == len(net.loss_curve_) == net.n_iter_
    assert net.best_loss_ == min(net.validation_loss_curve_)
    assert isinstance(net.validation_scores_, list)
    assert net.validation_scores_ == [-loss for loss in net.validation_loss_curve_]
    assert net.best_validation_score_ == max(net.validation_scores_) == -net.best_loss_
    assert min(net.validation_loss_curve_[-2:]) + tol > net.best_loss_


@over_estimators
def test_without_early_stopping_there_are_no_validation_attributes(Estimator):
    net = Estimator(4, max_iter=5, random_state=0).fit(X_BINARY, Y_BINARY)
    assert net.validation_loss_curve_ is None
    assert net.validation_scores_ is None
    assert net.best_validation_score_ is None
    assert net.best_loss_ == min(net.loss_curve_)
    assert net.loss_ == net.loss_curve_[-1]


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_restores_the_best_weights(Estimator, solver):
    recorder = Recorder()
    params = {"solver": solver, "learning_rate_init": 0.1, "random_state": 1, "max_iter": 100}
    net = Estimator(16, early_stopping=True, n_iter_no_change=5, callbacks=[recorder], **params)
    net.fit(X_SMALL, NOISY_BINARY)
    assert int(np.argmin(net.validation_loss_curve_)) < net.n_iter_ - 1
    held_out = recorder.held_out_rows(X_SMALL)
    assert len(held_out) == 6
    loss = log_loss(NOISY_BINARY[held_out], net.predict_proba(X_SMALL[held_out]))
    assert_allclose(loss, net.best_loss_, rtol=1e-10)


@over_estimators
def test_best_weights_of_matrix_targets_are_restored(Estimator):
    y, recorder = matrix_targets(Estimator).round(), Recorder()
    y = np.random.RandomState(0).permutation(y)  # nothing to learn but the noise
    params = {"learning_rate_init": 0.1, "n_iter_no_change": 5, "random_state": 0}
    net = Estimator(16, early_stopping=True, callbacks=[recorder], **params)
    net.fit(X_SMALL, np.where(y.sum(axis=1, keepdims=True) == 0, [1, 0, 0], y))
    y = np.where(y.sum(axis=1, keepdims=True) == 0, [1, 0, 0], y)
    assert int(np.argmin(net.validation_loss_curve_)) < net.n_iter_ - 1
    held_out = recorder.held_out_rows(X_SMALL)
    proba, truth = net.predict_proba(X_SMALL[held_out]), y[held_out]
    losses = truth * np.log(proba)
    if Estimator is MultiLabelSigmoidClassifier:
        losses += (1 - truth) * np.log1p(-proba)
    assert_allclose(-losses.sum(axis=1).mean(), net.best_loss_, rtol=1e-10)


@over_estimators
@pytest.mark.parametrize("seed", range(3))
def test_hard_labels_are_held_out_in_proportion(Estimator, seed):
    recorder = Recorder()
    y = np.array([0] * 45 + [1] * 15)
    params = {"early_stopping": True, "validation_fraction": 0.2, "random_state": seed}
    Estimator(4, max_iter=2, callbacks=[recorder], **params).fit(X_SMALL, y)
    assert_array_equal(np.bincount(y[recorder.held_out_rows(X_SMALL)]), [9, 3])


@over_estimators
def test_a_class_with_one_member_cannot_be_split(Estimator):
    net = Estimator(4, early_stopping=True)
    with pytest.raises(ValueError, match="least populated class"):
        net.fit([[1, 2], [2, 3], [3, 4], [4, 5]], [0, 0, 0, 1])


@over_estimators
def test_matrix_targets_are_split_without_strata(Estimator):
    y = np.full((60, 3), [1.0, 0.0, 0.0])
    y[0] = [0.0, 1.0, 0.0]
    net = Estimator(4, early_stopping=True, max_iter=3, random_state=0).fit(X_SMALL, y)
    assert len(net.validation_loss_curve_) == 3


@over_estimators
def test_early_stopping_with_string_labels(Estimator):
    labels = np.array(["class_a", "class_b"], dtype=object)[NOISY_BINARY]
    net = Estimator(4, early_stopping=True, max_iter=8, random_state=42).fit(X_SMALL, labels)
    assert len(net.validation_scores_) == net.n_iter_
    assert np.isfinite(net.validation_scores_).all()
    assert set(net.predict(X_SMALL)) <= {"class_a", "class_b"}


@over_estimators
def test_early_stopping_on_a_data_frame_does_not_warn_of_feature_names(Estimator):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(X_SMALL[:20], columns=["a", "b", "c", "d"])
    y = pd.Series([0, 1] * 10, name="target")
    net = Estimator(4, early_stopping=True, validation_fraction=0.2, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y).predict(X)
    assert_array_equal(net.feature_names_in_, ["a", "b", "c", "d"])


@over_estimators
@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 2])
def test_validation_fraction_lies_between_zero_and_one(Estimator, fraction):
    net = Estimator(4, early_stopping=True, validation_fraction=fraction)
    with pytest.raises((ValueError, TypeError), match="validation_fraction"):
        net.fit(X_BINARY, Y_BINARY)


@over_estimators
def test_too_small_validation_set_is_refused(Estimator):
    net = Estimator(4, early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="The validation set is too small"):
        net.fit(X_SMALL[:5], matrix_targets(Estimator)[:5])


@pytest.fixture(params=[1e3, 1e200], ids=["slowly", "at once"])
def diverging(request):
    """Parameters of a training whose loss becomes NaN, in the first pass or later."""
    return {
        "solver": "sgd",
        "activation": "identity",
        "learning_rate_init": request.param,
        "max_iter": 200,
        "n_iter_no_change": 20,
        "early_stopping": True,
        "random_state": 0,
    }


@over_estimators
def test_diverging_loss_under_early_stopping_raises_no_error(Estimator, diverging):
    net = Estimator((8, 8), **diverging).fit(X_SMALL, NOISY_BINARY)
    assert isinstance(net.validation_scores_[-1], float)
    assert np.isnan(net.validation_scores_[-1])
    assert np.isfinite(parameters_of(net)).all()


@over_estimators
def test_best_validation_score_of_a_diverging_loss_is_read_without_a_warning(Estimator, diverging):
    net = Estimator((8, 8), **diverging).fit(X_SMALL, NOISY_BINARY)
    finite = [score for score in net.validation_scores_ if not np.isnan(score)]
    best = net.best_validation_score_
    assert best == max(finite) if finite else np.isnan(best) or best == -np.inf


# --- when training ends ----------------------------------------------------------------------


def _passes_until_stalled(curve, tol, n_iter_no_change):
    """Where a loss curve has gone more than n passes without a fall of tol below its lowest."""
    best, waited = np.inf, 0
    for n, loss in enumerate(curve, start=1):
        waited = waited + 1 if loss > best - tol else 0
        best = min(best, loss)
        if waited > n_iter_no_change:
            return n
    return None


@over_estimators
@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5, 10, 40])
def test_training_ends_after_n_iter_no_change_passes_without_gain(Estimator, n_iter_no_change):
    net = Estimator(
        8, solver="sgd", tol=0.01, max_iter=1000, random_state=0, n_iter_no_change=n_iter_no_change
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == _passes_until_stalled(net.loss_curve_, 0.01, n_iter_no_change)


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "adaptive"])
@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_number_of_passes_without_any_gain_is_that_of_mlp_classifier(
    Estimator, n_iter_no_change, learning_rate
):
    params = {"solver": "sgd", "tol": 1e9, "max_iter": 500, "learning_rate": learning_rate}
    params |= {"n_iter_no_change": n_iter_no_change, "learning_rate_init": 0.01}
    n_iter = [
        kind(4, **params).fit(X_BINARY, Y_BINARY).n_iter_ for kind in (Estimator, MLPClassifier)
    ]
    assert n_iter[0] == n_iter[1]


@over_estimators
def test_infinite_n_iter_no_change_runs_to_max_iter(Estimator):
    net = Estimator(4, solver="sgd", tol=1e9, max_iter=40, n_iter_no_change=np.inf)
    with pytest.warns(ConvergenceWarning):
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == len(net.loss_curve_) == 40


@over_estimators
def test_coarse_tolerance_ends_training_early(Estimator):
    params = {"learning_rate_init": 0.01, "max_iter": 100, "random_state": 0}
    n_iter = [
        Estimator(8, tol=tol, **params).fit(X_SMALL, NOISY_BINARY).n_iter_ for tol in (0.5, 5e-3, 0)
    ]
    assert n_iter[0] < n_iter[1] < n_iter[2]


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_reaching_max_iter_warns(Estimator, solver):
    net = Estimator(4, solver=solver, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 2


@over_estimators
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_planned_schedules_end_at_max_iter_without_a_warning(Estimator, learning_rate):
    net = Estimator(4, learning_rate=learning_rate, max_iter=15, tol=1e9, n_iter_no_change=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 15


@over_estimators
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_early_stopping_ends_planned_schedules(Estimator, learning_rate):
    params = {"learning_rate": learning_rate, "max_iter": 50, "tol": 1e9, "n_iter_no_change": 2}
    net = Estimator(4, early_stopping=True, random_state=0, **params).fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 4


@over_estimators
def test_partial_fit_never_warns_of_convergence(Estimator):
    net = Estimator(4, max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    assert len(net.loss_curve_) == 3


@over_estimators
@every_activation
def test_max_fun_limits_lbfgs_and_warns(Estimator, activation):
    net = Estimator(8, activation, solver="lbfgs", max_fun=10, max_iter=150, random_state=1)
    with pytest.warns(ConvergenceWarning, match="max_fun"):
        net.fit(X_BINARY, Y_BINARY)
    assert 1 <= net.n_iter_ <= 10


def _overflowing_data():
    X = np.finfo(np.float64).max * np.random.RandomState(0).uniform(size=(10, 2))
    return X, [0, 1] * 5


@over_estimators
def test_weights_that_overflow_raise_and_leave_the_last_fit(Estimator):
    X, y = _overflowing_data()
    params = {"solver": "sgd", "max_iter": 20, "random_state": 0}
    net = Estimator(16, "identity", **params).fit(X_SMALL[:, :2], NOISY_BINARY)
    proba = net.predict_proba(X_SMALL[:, :2])
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        net.fit(X, y)
    assert_array_equal(net.predict_proba(X_SMALL[:, :2]), proba)
    unfitted = Estimator(16, "identity", **params)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        unfitted.fit(X, y)
    assert not [name for name in vars(unfitted) if name.endswith("_")]


@over_estimators
@pytest.mark.parametrize("way", ["warm start", "partial_fit"])
def test_going_on_with_weights_that_overflow_leaves_the_last_fit(Estimator, way):
    X, y = _overflowing_data()
    params = {"solver": "sgd", "max_iter": 20, "random_state": 0, "batch_size": 2}
    net = Estimator(16, "identity", warm_start=True, **params).fit(X_SMALL[:, :2], NOISY_BINARY)
    proba, curve, seen = net.predict_proba(X_SMALL[:, :2]), list(net.loss_curve_), net.t_
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        net.fit(X, y) if way == "warm start" else net.partial_fit(X, y)
    assert_array_equal(net.predict_proba(X_SMALL[:, :2]), proba)
    assert net.loss_curve_ == curve
    assert net.t_ == seen


@over_estimators
def test_lbfgs_that_gives_up_warns(Estimator):
    """The loss overflows, so that the line search fails before the first iteration."""
    net = Estimator(4, solver="lbfgs", max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        net.fit(*_overflowing_data())


# --- what is printed -------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("verbose", [2, 10])
def test_verbose_prints_a_line_a_pass(Estimator, capsys, verbose):
    net = Estimator(4, solver="sgd", max_iter=2, verbose=verbose)
    net.fit([[3, 2], [1, 6]], [1, 0])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    assert f"{net.loss_curve_[1]:.8f}" in lines[1]
    net.partial_fit([[3, 2], [1, 6]], [1, 0])
    assert capsys.readouterr().out.startswith("Iteration 3")


@over_estimators
def test_verbose_prints_the_validation_loss_and_why_training_stopped(Estimator, capsys):
    params = {"early_stopping": True, "tol": 1e9, "n_iter_no_change": 2, "random_state": 0}
    net = Estimator(4, verbose=2, **params).fit(X_BINARY, Y_BINARY)
    *lines, reason = capsys.readouterr().out.splitlines()
    assert len(lines) == net.n_iter_
    for line, loss in zip(lines, net.validation_loss_curve_, strict=True):
        assert f"{loss:.8f}" in line
    assert "did not improve" in reason


@over_estimators
def test_verbose_lbfgs_prints_a_line_an_iteration(Estimator, capsys):
    net = Estimator(4, solver="lbfgs", max_iter=3, verbose=2).fit(X_BINARY, Y_BINARY)
    assert capsys.readouterr().out.count("Iteration") == net.n_iter_


@over_estimators
@pytest.mark.parametrize("verbose", [False, 0, 1, True])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_nothing_is_printed_outside_a_terminal(Estimator, capfd, verbose, solver):
    Estimator(4, solver=solver, max_iter=2, verbose=verbose).fit(X_BINARY, Y_BINARY)
    assert capfd.readouterr() == ("", "")


@over_estimators
def test_verbose_1_shows_a_progress_bar_on_a_terminal(Estimator, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Estimator(4, max_iter=2, verbose=0).fit(X_BINARY, Y_BINARY)
    assert terminal.getvalue() == ""
    Estimator(4, max_iter=2, verbose=1).fit(X_BINARY, Y_BINARY)
    assert "/2" in terminal.getvalue()
    bars = terminal.getvalue()
    Estimator(4, max_iter=2, verbose=2).fit(X_BINARY, Y_BINARY)
    assert terminal.getvalue() == bars


# --- learning rates --------------------------------------------------------------------------


@over_estimators
def test_adaptive_rate_falls_below_one_millionth(Estimator):
    net = Estimator(4, solver="sgd", learning_rate="adaptive", tol=0.5, max_iter=3000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net.fit([[3, 2], [1, 6]], [1, 0])
    assert net.n_iter_ < 3000
    assert final_rate(net) < 1e-6


@over_estimators
def test_adaptive_rate_is_a_fifth_after_each_stall(Estimator):
    recorder = Recorder()
    params = {"learning_rate": "adaptive", "learning_rate_init": 1e-5, "tol": 1e9}
    Estimator(4, solver="sgd", n_iter_no_change=1, callbacks=[recorder], **params).fit(
        X_BINARY, Y_BINARY
    )
    # The first pass always gains; then every second one ends in a stall.
    rates = np.repeat([1e-5, 1e-5 / 5, 1e-5 / 25], [3, 2, 2])
    assert_allclose(recorder.rates_, rates, rtol=1e-12)


@over_estimators
@pytest.mark.parametrize("power_t", [0.5, 0.1])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_invscaling_rate_follows_its_formula(Estimator, power_t, solver):
    recorder = Recorder()
    params = {"learning_rate": "invscaling", "learning_rate_init": 0.3, "power_t": power_t}
    net = Estimator(4, solver=solver, batch_size=30, max_iter=5, callbacks=[recorder], **params)
    net.fit(X_SMALL, matrix_targets(Estimator))
    assert net.t_ == 5 * 60
    assert_allclose(final_rate(net), 0.3 / (net.t_ + 1) ** power_t, rtol=1e-12)
    seen = np.repeat([0, 60, 120, 180, 240], 2)
    expected = np.where(seen == 0, 0.3, 0.3 / (seen + 1.0) ** power_t)
    assert_allclose(recorder.rates_, expected, rtol=1e-12)


@over_estimators
def test_constant_rate_stays(Estimator):
    net = Estimator(4, learning_rate_init=0.02, max_iter=4).fit(X_BINARY, Y_BINARY)
    assert final_rate(net) == 0.02


def _rates_of_steps(Estimator, learning_rate, peak, max_iter):
    recorder = Recorder()
    params = {"learning_rate": learning_rate, "learning_rate_init": peak, "max_iter": max_iter}
    net = Estimator(4, batch_size=20, callbacks=[recorder], **params)
    net.fit(X_SMALL, matrix_targets(Estimator))
    assert len(recorder.rates_) == 3 * max_iter
    return np.array(recorder.rates_)


def _torch_rates(make_scheduler, n_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.05)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


@over_estimators
def test_cosine_rate_of_each_step_is_that_of_torch(Estimator):
    rates = _rates_of_steps(Estimator, "cosine", 0.05, max_iter=10)
    cosine = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=30)
    assert_allclose(rates, _torch_rates(cosine, 30), rtol=1e-9, atol=1e-12)


@over_estimators
def test_one_cycle_rate_is_that_of_torch_at_the_same_share_of_the_training(Estimator):
    rates = _rates_of_steps(Estimator, "one_cycle", 0.05, max_iter=10)
    fine = 3000  # torch counts its phases in steps; with many the two clocks agree
    one_cycle = partial(
        torch.optim.lr_scheduler.OneCycleLR,
        max_lr=0.05,
        total_steps=fine,
        cycle_momentum=False,
        three_phase=False,
    )
    expected = _torch_rates(one_cycle, fine - 1)[:: fine // len(rates)]
    assert_allclose(rates, expected, rtol=0, atol=0.05 * 2e-3)
    assert_allclose(rates[0], 0.05 / 25, rtol=1e-9)
    assert_allclose(rates.max(), 0.05, rtol=1e-9)


@over_estimators
@pytest.mark.parametrize("learning_rate", SCHEDULES)
@pytest.mark.parametrize("solver", ["sgd", "adamw"])
def test_every_schedule_trains(Estimator, learning_rate, solver):
    params = {"learning_rate": learning_rate, "power_t": 0.1, "learning_rate_init": 0.1}
    net = Estimator(8, solver=solver, max_iter=30, random_state=0, batch_size=20, **params)
    net.fit(X_SMALL, matrix_targets(Estimator))
    floor = SOFT_ENTROPY if Estimator is SoftTargetMLPClassifier else 0
    assert net.loss_ - floor < 0.8 * (net.loss_curve_[0] - floor)


# --- solvers ---------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize(
    ("solver", "rate"),
    [
        *NAMED_SOLVERS.items(),
        ("lbfgs", 0.001),
        (torch.optim.NAdam, 0.01),
        (partial(torch.optim.SGD, momentum=0.5), 0.1),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "callable"),
)
def test_every_solver_lowers_the_loss(Estimator, solver, rate):
    net = Estimator(8, solver=solver, learning_rate_init=rate, max_iter=30, random_state=0)
    net.fit(X_THREE, three_digits(Estimator))
    assert net.loss_ < 0.7 * net.loss_curve_[0]
    untrained = Estimator(8, solver="sgd", learning_rate_init=1e-9, max_iter=1, random_state=0)
    untrained.fit(X_THREE, three_digits(Estimator))
    accuracy = [each.score(X_THREE, three_digits(Estimator)) for each in (untrained, net)]
    assert accuracy[1] > accuracy[0] + 0.2


@over_estimators
@every_activation
@pytest.mark.parametrize("n_class", [2, 3])
def test_lbfgs_classifies_digits(Estimator, activation, n_class):
    X, labels = _digits(n_class, 150)
    y = labels
    if n_class == 3 and Estimator is MultiLabelSigmoidClassifier:
        y = np.eye(3, dtype=int)[labels]
    net = Estimator(16, activation, solver="lbfgs", max_iter=150, random_state=1)
    net.fit(X[:100], y[:100])
    assert net.score(X[:100], y[:100]) > 0.95
    predicted = net.predict(X[100:])
    assert predicted.shape == y[100:].shape
    assert predicted.dtype.kind == y.dtype.kind


@over_estimators
def test_lbfgs_depends_neither_on_batches_nor_on_their_order(Estimator):
    reference, *others = (
        parameters_of(
            Estimator(8, solver="lbfgs", max_iter=15, random_state=0, **params).fit(
                X_SMALL, matrix_targets(Estimator)
            )
        )
        for params in ({}, {}, {"batch_size": 7}, {"shuffle": False}, {"learning_rate_init": 5.0})
    )
    for other in others:
        assert_array_equal(other, reference)


@over_estimators
def test_batch_size_above_the_number_of_rows_is_clipped(Estimator):
    y = matrix_targets(Estimator)
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        clipped = Estimator(4, batch_size=1000, max_iter=3, random_state=0).fit(X_SMALL, y)
    whole = Estimator(4, batch_size=60, max_iter=3, random_state=0).fit(X_SMALL, y)
    assert_array_equal(parameters_of(clipped), parameters_of(whole))


@over_estimators
def test_lbfgs_does_not_warn_of_a_batch_size_it_does_not_use(Estimator):
    net = Estimator(4, solver="lbfgs", batch_size=1000, tol=10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(X_SMALL, matrix_targets(Estimator))
    assert net.n_iter_ >= 1


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs"])
def test_alpha_shrinks_every_weight_matrix(Estimator, solver):
    params = {"solver": solver, "learning_rate_init": 0.02, "max_iter": 100, "random_state": 1}
    free, shrunk = (Estimator(8, alpha=alpha, **params).fit(X_BINARY, Y_BINARY) for alpha in (0, 2))
    for loose, tight in zip(free.coefs_, shrunk.coefs_, strict=True):
        assert np.abs(tight).sum() < np.abs(loose).sum()


@over_estimators
def test_shuffle_changes_the_training(Estimator):
    y = matrix_targets(Estimator)
    params = {"batch_size": 5, "max_iter": 2, "random_state": 0}
    shuffled, again, ordered, ordered_again = (
        parameters_of(Estimator(4, shuffle=shuffle, **params).fit(X_SMALL, y))
        for shuffle in (True, True, False, False)
    )
    assert_array_equal(shuffled, again)
    assert_array_equal(ordered, ordered_again)
    assert not np.allclose(shuffled, ordered, rtol=1e-6)


# --- sample weights --------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_whole_sample_weights_equal_repeated_rows(Estimator, solver, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    weight = np.random.RandomState(0).randint(0, 4, size=60)
    params = {"solver": solver, "alpha": 0.1, "learning_rate_init": 0.05, "random_state": 0}
    weighted, repeated = (Estimator(6, "tanh", max_iter=10, **params) for _ in range(2))
    weighted.fit(X_SMALL, y, sample_weight=weight)
    repeated.fit(np.repeat(X_SMALL, weight, axis=0), np.repeat(y, weight, axis=0))
    assert_allclose(parameters_of(weighted), parameters_of(repeated), rtol=0, atol=1e-9)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    plain = Estimator(6, "tanh", max_iter=10, **params).fit(X_SMALL, y)
    assert not np.allclose(parameters_of(plain), parameters_of(weighted), atol=1e-4)


def test_whole_sample_weights_equal_repeated_rows_with_label_weights():
    rng = np.random.RandomState(0)
    weight, label_weight = rng.randint(0, 4, size=60), rng.uniform(size=LABEL_SETS.shape)
    weighted, repeated = (
        MultiLabelSigmoidClassifier(6, "tanh", max_iter=10, random_state=0) for _ in range(2)
    )
    weighted.fit(X_SMALL, LABEL_SETS, sample_weight=weight, label_weight=label_weight)
    X, Y, label_weight = (
        np.repeat(part, weight, axis=0) for part in (X_SMALL, LABEL_SETS, label_weight)
    )
    repeated.fit(X, Y, label_weight=label_weight)
    assert_allclose(parameters_of(weighted), parameters_of(repeated), rtol=0, atol=1e-9)


@over_estimators
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sample_weights_of_one_equal_none(Estimator, early_stopping):
    params = {"early_stopping": early_stopping, "batch_size": 10, "learning_rate_init": 0.01}
    weighted, plain = (
        Estimator(8, max_iter=10, random_state=42, **params).fit(
            X_SMALL, NOISY_BINARY, sample_weight=weight
        )
        for weight in (np.ones(60), None)
    )
    assert_allclose(weighted.predict_proba(X_SMALL), plain.predict_proba(X_SMALL), rtol=1e-12)
    assert_allclose(weighted.loss_curve_, plain.loss_curve_, rtol=1e-12)


@over_estimators
def test_validation_loss_is_weighted(Estimator):
    recorder, weight = Recorder(), np.random.RandomState(5).uniform(0.01, 9, size=60)
    params = {"early_stopping": True, "validation_fraction": 0.3, "learning_rate_init": 0.05}
    net = Estimator(8, max_iter=10, random_state=0, callbacks=[recorder], **params)
    net.fit(X_SMALL, NOISY_BINARY, sample_weight=weight)
    rows = recorder.held_out_rows(X_SMALL)
    proba = net.predict_proba(X_SMALL[rows])
    loss = log_loss(NOISY_BINARY[rows], proba, sample_weight=weight[rows])
    assert_allclose(loss, net.best_loss_, rtol=1e-10)
    assert abs(log_loss(NOISY_BINARY[rows], proba) - loss) > 1e-4


# --- label sets ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def label_set_data():
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    return X / X.std(axis=0), Y


def test_lbfgs_learns_label_sets(label_set_data):
    X, Y = label_set_data
    net = MultiLabelSigmoidClassifier(16, solver="lbfgs", max_iter=300, random_state=0).fit(X, Y)
    assert net.score(X, Y) > 0.97
    proba = net.predict_proba(X)
    assert proba.shape == Y.shape
    assert_array_equal(proba > 0.5, Y)
    assert np.abs(proba.sum(axis=1) - 1).max() > 0.1


def test_partial_fit_learns_label_sets(label_set_data):
    X, Y = label_set_data
    params = {"solver": "sgd", "learning_rate_init": 0.2, "alpha": 1e-5, "random_state": 0}
    net = MultiLabelSigmoidClassifier(16, **params)
    for _ in range(200):
        net.partial_fit(X, Y, classes=[0, 1, 2, 3, 4])
    assert net.score(X, Y) > 0.9


def test_early_stopping_on_label_sets(label_set_data):
    X, Y = label_set_data
    net = MultiLabelSigmoidClassifier(16, early_stopping=True, random_state=0).fit(X, Y)
    assert net.predict(X).shape == Y.shape
    assert set(np.unique(net.predict(X))) <= {0, 1}


# --- sparse X --------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("container", SPARSE_CONTAINERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_x_gives_the_net_of_dense_x(Estimator, container, early_stopping):
    params = {"early_stopping": early_stopping, "batch_size": 16, "learning_rate_init": 0.01}
    X = container(X_BINARY)
    dense = Estimator(8, max_iter=5, random_state=1, **params).fit(X_BINARY, Y_BINARY)
    sparse = Estimator(8, max_iter=5, random_state=1, **params).fit(X, Y_BINARY)
    assert_allclose(parameters_of(sparse), parameters_of(dense), rtol=0, atol=1e-12)
    for net in (dense, sparse):
        assert_allclose(net.predict_proba(X), dense.predict_proba(X_BINARY), rtol=1e-10)
        assert_array_equal(net.predict(X), dense.predict(X_BINARY))
        assert net.score(X, Y_BINARY) == dense.score(X_BINARY, Y_BINARY)


@over_estimators
@pytest.mark.parametrize("container", SPARSE_CONTAINERS)
def test_lbfgs_and_partial_fit_take_sparse_x(Estimator, container):
    y = matrix_targets(Estimator)
    X_dense = np.where(np.abs(X_SMALL) < 0.3, 0, X_SMALL)
    for solver in ("lbfgs", "sgd"):
        dense, sparse = (
            Estimator(4, solver=solver, max_iter=5, random_state=1).fit(X, y)
            for X in (X_dense, container(X_dense))
        )
        assert_allclose(parameters_of(sparse), parameters_of(dense), rtol=0, atol=1e-10)
    dense.partial_fit(X_dense, y)
    sparse.partial_fit(container(X_dense), y)
    assert_allclose(parameters_of(sparse), parameters_of(dense), rtol=0, atol=1e-10)


# --- weights, dtypes, probabilities ----------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), 5, (5,), (5, 3), [7, 5, 3]])
def test_coefs_and_intercepts_have_the_layout_of_mlp_classifier(Estimator, hidden, dtype):
    layers = [4, *np.atleast_1d(hidden).astype(int), 3]
    net = Estimator(hidden, max_iter=2).fit(X_SMALL.astype(dtype), matrix_targets(Estimator))
    assert [coef.shape for coef in net.coefs_] == list(pairwise(layers))
    assert [intercept.shape for intercept in net.intercepts_] == [(n,) for n in layers[1:]]
    assert all(part.dtype == dtype for part in net.coefs_ + net.intercepts_)


@over_estimators
@every_activation
def test_coefs_and_intercepts_are_the_net_that_predicts(Estimator, activation):
    net = Estimator((5, 3), activation, max_iter=3, random_state=0)
    net.fit(X_SMALL, matrix_targets(Estimator))
    bend = {
        "identity": lambda z: z,
        "logistic": expit,
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }[activation]
    signal = X_SMALL
    for coef, intercept in zip(net.coefs_[:-1], net.intercepts_[:-1], strict=True):
        signal = bend(signal @ coef + intercept)
    logits = signal @ net.coefs_[-1] + net.intercepts_[-1]
    if Estimator is SoftTargetMLPClassifier:
        proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    else:
        proba = expit(logits)
    assert_allclose(net.predict_proba(X_SMALL), proba, rtol=1e-9)


@over_estimators
@pytest.mark.parametrize("x_dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("dtype", ["float32", "float64", None])
def test_dtype_sets_the_precision_of_training(Estimator, x_dtype, dtype):
    X = (10 * X_SMALL).astype(x_dtype)
    net = Estimator(4, max_iter=2, dtype=dtype).fit(X, matrix_targets(Estimator))
    expected = dtype or ("float32" if x_dtype is np.float32 else "float64")
    assert {part.dtype.name for part in net.coefs_ + net.intercepts_} == {expected}
    assert net.predict_proba(X).dtype == np.float64


@over_estimators
def test_unknown_dtype_is_refused(Estimator):
    with pytest.raises(ValueError, match="dtype"):
        Estimator(4, dtype="float16").fit(X_BINARY, Y_BINARY)


@over_estimators
def test_single_and_double_precision_agree(Estimator):
    params = {"alpha": 1e-5, "max_iter": 20, "random_state": 1}
    double, single = (
        Estimator((5, 3), **params).fit(X_BINARY.astype(dtype), Y_BINARY)
        for dtype in (np.float64, np.float32)
    )
    assert_allclose(single.predict_proba(X_BINARY), double.predict_proba(X_BINARY), rtol=1e-3)
    assert_array_equal(single.predict(X_BINARY), double.predict(X_BINARY))


@over_estimators
def test_binary_labels_have_two_columns_of_probabilities(Estimator):
    net = Estimator(5, "logistic", learning_rate_init=0.01, random_state=1)
    net.fit(X_BINARY, Y_BINARY)
    proba = net.predict_proba(X_BINARY)
    assert proba.shape == (100, 2)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert roc_auc_score(Y_BINARY, proba[:, 1]) == 1.0


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
def test_predict_log_proba_is_the_logarithm_of_predict_proba(Estimator, hard):
    net = Estimator(5, max_iter=20, random_state=1)
    net.fit(X_SMALL, NOISY_BINARY if hard else matrix_targets(Estimator))
    proba, log_proba = net.predict_proba(X_SMALL), net.predict_log_proba(X_SMALL)
    assert log_proba.shape == proba.shape == (60, 2 if hard else 3)
    assert_allclose(log_proba, np.log(proba))
    assert_array_equal(log_proba.argmax(axis=1), proba.argmax(axis=1))


@over_estimators
def test_log_probabilities_are_finite_far_from_the_data(Estimator):
    net = Estimator(5, solver="lbfgs", alpha=0, random_state=1).fit(X_BINARY, Y_BINARY)
    assert np.isfinite(net.predict_log_proba(1e6 * (X_BINARY - 0.5))).all()
