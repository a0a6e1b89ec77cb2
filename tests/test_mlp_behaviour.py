"""Training, weights and probabilities are those a user of scikit-learn's MLPClassifier expects."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier

from cases import (
    LABEL_SETS,
    NOISY_BINARY,
    PLAIN,
    X_BINARY,
    X_IRIS,
    X_SMALL,
    Y_BINARY,
    Y_IRIS,
    Recorder,
    every_activation,
    matrix_targets,
    mlp,
    over_estimators,
    parameters_of,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

# Nets here are trained for a few epochs on purpose; the tests of the warning ask for it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SPARSE_CONTAINERS = [
    sp.csr_matrix,
    sp.csr_array,
    sp.csc_matrix,
    sp.csc_array,
    sp.coo_matrix,
    sp.coo_array,
]


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
    common = {"alpha": 0.3, "learning_rate_init": 0.05, "max_iter": 1, "batch_size": 50, **params}
    ours, reference = (
        kind(
            hidden_layer_sizes=(5, 4),
            activation="tanh",
            shuffle=False,
            random_state=0,
            warm_start=True,
            **params,
        ).fit(X, y)
        for kind, params in ((Estimator, {**PLAIN, **common}), (MLPClassifier, common))
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
    net = mlp(SoftTargetMLPClassifier, (), random_state=0, **params).fit(X, Y_IRIS)
    reference = LogisticRegression(C=C, tol=1e-8, max_iter=5000).fit(X, Y_IRIS)
    assert_allclose(net.predict_proba(X), reference.predict_proba(X), atol=1e-3)
    labels = np.eye(3, dtype=int)[Y_IRIS]
    net = mlp(MultiLabelSigmoidClassifier, (), random_state=0, **params).fit(X, labels)
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
    net = mlp(Estimator, solver="sgd", module=module, **params).fit(x[None], target[None])

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


# --- sample weights --------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_whole_sample_weights_equal_repeated_rows(Estimator, solver, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    weight = np.random.RandomState(0).randint(0, 4, size=60)
    params = {"solver": solver, "alpha": 0.1, "learning_rate_init": 0.05, "random_state": 0}
    weighted, repeated = (mlp(Estimator, 6, "tanh", max_iter=10, **params) for _ in range(2))
    weighted.set_params(batch_size=np.count_nonzero(weight)).fit(X_SMALL, y, sample_weight=weight)
    repeated.set_params(batch_size=weight.sum())
    repeated.fit(np.repeat(X_SMALL, weight, axis=0), np.repeat(y, weight, axis=0))
    assert_allclose(parameters_of(weighted), parameters_of(repeated), rtol=0, atol=1e-9)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    equal = mlp(Estimator, 6, "tanh", max_iter=10, batch_size=60, **params).fit(X_SMALL, y)
    assert not np.allclose(parameters_of(equal), parameters_of(weighted), atol=1e-4)


def test_whole_sample_weights_equal_repeated_rows_with_label_weights():
    rng = np.random.RandomState(0)
    weight, label_weight = rng.randint(0, 4, size=60), rng.uniform(size=LABEL_SETS.shape)
    weighted, repeated = (
        mlp(MultiLabelSigmoidClassifier, 6, "tanh", max_iter=10, random_state=0) for _ in range(2)
    )
    weighted.set_params(batch_size=np.count_nonzero(weight))
    weighted.fit(X_SMALL, LABEL_SETS, sample_weight=weight, label_weight=label_weight)
    repeated.set_params(batch_size=weight.sum())
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
        mlp(Estimator, 8, max_iter=10, random_state=42, **params).fit(
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
    net = mlp(Estimator, 8, max_iter=10, random_state=0, callbacks=[recorder], **params)
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
    net = mlp(MultiLabelSigmoidClassifier, 16, solver="lbfgs", max_iter=300, random_state=0).fit(
        X, Y
    )
    assert net.score(X, Y) > 0.97
    proba = net.predict_proba(X)
    assert proba.shape == Y.shape
    assert_array_equal(proba > 0.5, Y)
    assert np.abs(proba.sum(axis=1) - 1).max() > 0.1


def test_partial_fit_learns_label_sets(label_set_data):
    X, Y = label_set_data
    params = {"learning_rate_init": 0.02, "random_state": 0}
    net = mlp(MultiLabelSigmoidClassifier, 16, **params)
    for _ in range(200):
        net.partial_fit(X, Y, classes=[0, 1, 2, 3, 4])
    assert net.score(X, Y) > 0.9


def test_early_stopping_on_label_sets(label_set_data):
    X, Y = label_set_data
    net = mlp(MultiLabelSigmoidClassifier, 16, early_stopping=True, random_state=0).fit(X, Y)
    assert net.predict(X).shape == Y.shape
    assert set(np.unique(net.predict(X))) <= {0, 1}


# --- sparse X --------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("container", SPARSE_CONTAINERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_x_gives_the_net_of_dense_x(Estimator, container, early_stopping):
    params = {"early_stopping": early_stopping, "batch_size": 16, "learning_rate_init": 0.01}
    X = container(X_BINARY)
    dense = mlp(Estimator, 8, max_iter=5, random_state=1, **params).fit(X_BINARY, Y_BINARY)
    sparse = mlp(Estimator, 8, max_iter=5, random_state=1, **params).fit(X, Y_BINARY)
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
            mlp(Estimator, 4, solver=solver, max_iter=5, random_state=1).fit(X, y)
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
    net = mlp(Estimator, hidden, max_iter=2).fit(X_SMALL.astype(dtype), matrix_targets(Estimator))
    assert [coef.shape for coef in net.coefs_] == list(pairwise(layers))
    assert [intercept.shape for intercept in net.intercepts_] == [(n,) for n in layers[1:]]
    assert all(part.dtype == dtype for part in net.coefs_ + net.intercepts_)


@over_estimators
@every_activation
def test_coefs_and_intercepts_are_the_net_that_predicts(Estimator, activation):
    net = mlp(Estimator, (5, 3), activation, max_iter=3, random_state=0)
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
    net = mlp(Estimator, 4, max_iter=2, dtype=dtype).fit(X, matrix_targets(Estimator))
    expected = dtype or ("float32" if x_dtype is np.float32 else "float64")
    assert {part.dtype.name for part in net.coefs_ + net.intercepts_} == {expected}
    assert net.predict_proba(X).dtype == np.float64


@over_estimators
def test_unknown_dtype_is_refused(Estimator):
    with pytest.raises(ValueError, match="dtype"):
        mlp(Estimator, 4, dtype="float16").fit(X_BINARY, Y_BINARY)


@over_estimators
def test_single_and_double_precision_agree(Estimator):
    params = {"alpha": 1e-5, "max_iter": 20, "random_state": 1}
    double, single = (
        mlp(Estimator, (5, 3), **params).fit(X_BINARY.astype(dtype), Y_BINARY)
        for dtype in (np.float64, np.float32)
    )
    assert_allclose(single.predict_proba(X_BINARY), double.predict_proba(X_BINARY), rtol=1e-3)
    assert_array_equal(single.predict(X_BINARY), double.predict(X_BINARY))


@over_estimators
def test_binary_labels_have_two_columns_of_probabilities(Estimator):
    net = mlp(Estimator, 5, "logistic", learning_rate_init=0.01, random_state=1)
    net.fit(X_BINARY, Y_BINARY)
    proba = net.predict_proba(X_BINARY)
    assert proba.shape == (100, 2)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert roc_auc_score(Y_BINARY, proba[:, 1]) == 1.0


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
def test_predict_log_proba_is_the_logarithm_of_predict_proba(Estimator, hard):
    net = mlp(Estimator, 5, max_iter=20, random_state=1)
    net.fit(X_SMALL, NOISY_BINARY if hard else matrix_targets(Estimator))
    proba, log_proba = net.predict_proba(X_SMALL), net.predict_log_proba(X_SMALL)
    assert log_proba.shape == proba.shape == (60, 2 if hard else 3)
    assert_allclose(log_proba, np.log(proba))
    assert_array_equal(log_proba.argmax(axis=1), proba.argmax(axis=1))


@over_estimators
def test_log_probabilities_are_finite_far_from_the_data(Estimator):
    net = mlp(Estimator, 5, solver="lbfgs", alpha=0, random_state=1).fit(X_BINARY, Y_BINARY)
    assert np.isfinite(net.predict_log_proba(1e6 * (X_BINARY - 0.5))).all()
