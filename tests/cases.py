"""The lists that tests run over, so that a new member is tested unasked, and shared data."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
    losses,
)

BENCHMARKS = Path(__file__).parents[1] / "examples" / "benchmarks"

ESTIMATORS = [SoftTargetMLPClassifier, MultiLabelSigmoidClassifier]

LOSSES = [
    losses.CrossEntropy(),
    losses.KLDivergence(),
    losses.SquaredError(),
    losses.AbsoluteError(),
    losses.Jeffreys(),
    losses.Cosine(),
    losses.Focal(),
    losses.Focal(gamma=0.5),
    losses.Poly1(),
    losses.GeneralizedCrossEntropy(),
    losses.GeneralizedCrossEntropy(q=1.0),
    losses.SymmetricCrossEntropy(),
    losses.CrossEntropyWithComplement(),
    losses.EarthMover(),
    losses.LogitAdjustedCrossEntropy(),
    losses.BinaryCrossEntropy(),
    losses.BinaryCrossEntropy(pos_weight=3.0),
    losses.BinarySquaredError(),
    losses.BinaryAbsoluteError(),
    losses.BinaryFocal(),
    losses.BinaryFocal(gamma=0.5),
    losses.Asymmetric(),
    losses.Asymmetric(gamma_neg=0.5, margin=0.0),
    losses.Hill(),
    losses.ZLPR(),
    losses.TwoWay(),
    losses.BinaryJeffreys(),
    losses.BinaryCosine(),
    losses.BinaryPoly1(),
    losses.CountDistribution(),
    losses.CountDistribution(count_link="linear"),
    losses.CountDistribution(mode="product"),
    losses.CountDistribution(count_link="linear", mode="product"),
    losses.NormalizedCrossEntropy(),
]

REGRESSION_LOSSES = [
    losses.RegressionSquaredError(),
    losses.RegressionAbsoluteError(),
    losses.Huber(),
    losses.Huber(delta=0.3),
    losses.Quantile(),
    losses.Quantile(0.9),
    losses.Quantile((0.05, 0.3, 0.5, 0.501, 0.9)),
    losses.Quantile((0.7, 0.8)),
    losses.Poisson(),
    losses.Gamma(),
    losses.Tweedie(),
    losses.Tweedie(power=1.1),
    losses.Gaussian(),
]

PROPER_LOSSES = [loss for loss in LOSSES if loss.properness != "neither"]

over_all_losses = pytest.mark.parametrize("loss", LOSSES + REGRESSION_LOSSES, ids=repr)
over_regression_losses = pytest.mark.parametrize("loss", REGRESSION_LOSSES, ids=repr)
over_losses = pytest.mark.parametrize("loss", LOSSES, ids=repr)
over_proper_losses = pytest.mark.parametrize("loss", PROPER_LOSSES, ids=repr)
over_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
over_all = pytest.mark.parametrize("Estimator", [*ESTIMATORS, SoftLossMLPRegressor])


def draw_logits(loss, n=7, k=4, seed=0, dtype=torch.float64):
    draws = np.random.default_rng(seed).normal(0, 2, (n, loss.n_logits(k)))
    return torch.from_numpy(draws).to(dtype)


def draw_targets(loss, n=7, k=4, seed=1, dtype=torch.float64):
    """Soft targets in the loss's domain."""
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(k), n) if loss.domain == "distribution" else rng.random((n, k))
    return torch.from_numpy(values).to(dtype)


def make_soft(n=120, d=5, k=3, seed=0):
    """Rows of X with the class probabilities of a linear softmax model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    logits = X @ rng.normal(size=(d, k)) * 1.5
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    return X, proba / proba.sum(axis=1, keepdims=True)


def make_clean(n):
    """Rows of X with two classes that follow from the signs of two columns, without error."""
    X = np.random.default_rng(0).normal(size=(n, 6))
    return X, ((X[:, 0] > 0) != (X[:, 1] > 0)).astype(int)


def make_labels(n=120, d=5, n_labels=4, seed=0):
    """Rows of X with 0/1 labels of a linear model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, n_labels)) + 0.3 > 0).astype(np.int64)


def rare_labels(n=300, seed=0):
    """Labels that a calibrated classifier never puts above 0.5, and one that it does."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    chance = 1 / (1 + np.exp(-(1.5 * X[:, :3] - [2.5, 2.0, 0.0])))
    return X, (rng.random(chance.shape) < chance).astype(int)


def rows_for(Estimator, n=100, seed=0):
    """X and y of a kind that the estimator is for, with noise: soft rows, label sets, numbers."""
    if Estimator is SoftTargetMLPClassifier:
        return make_soft(n=n, seed=seed)
    X, Y = make_labels(n=n, seed=seed)
    if Estimator is MultiLabelSigmoidClassifier:
        return X, Y
    return X, X[:, 0] - 2 * X[:, 1] + np.random.default_rng(seed).normal(size=n)


def targets_for(Estimator, **kwargs):
    """X and a 2-D y of the kind that the estimator is for."""
    return make_soft(**kwargs) if Estimator is SoftTargetMLPClassifier else make_labels(**kwargs)


PLAIN = {
    "solver": "adam",
    "dropout": 0.0,
    "encoding": None,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "beta_2": 0.999,
}
"""The training of ``MLPClassifier``, where the default of ours is another."""
SMALL = {**PLAIN, "hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0}
"""Parameters of a net that costs little to train."""
QUICK = {**SMALL, "max_iter": 10, "learning_rate_init": 0.05}
"""Parameters of one that learns something in even fewer epochs."""

SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "one_cycle")
THREE_FOLDS = KFold(3)

every_activation = pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])


def digits(n_class, n_samples):
    X, y = load_digits(n_class=n_class, return_X_y=True)
    return X[:n_samples] / 16, y[:n_samples]


X_BINARY, Y_BINARY = digits(2, 100)
X_THREE, Y_THREE = digits(3, 200)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)

# Two classes of irises in random order, and the targets of linear models.
ORDER = np.random.RandomState(0).permutation(50)
X_HARD = (X_IRIS - X_IRIS.mean(axis=0))[::2][:50][ORDER]
Y_HARD = Y_IRIS[::2][:50][ORDER]
X_SOFT, Y_SOFT = make_soft(n=90)
X_SETS, Y_SETS = make_labels(n=90)

# Targets of every kind for the same few rows, with noise in the labels.
RNG = np.random.RandomState(0)
X_SMALL = RNG.randn(60, 4)
LOGITS = 2 * X_SMALL @ RNG.randn(4, 3)
SOFT_ROWS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABEL_SETS = (RNG.uniform(size=LOGITS.shape) < expit(LOGITS)).astype(float)
NOISY_BINARY = (X_SMALL[:, 0] + 2 * RNG.randn(60) > 0).astype(int)


def matrix_targets(Estimator):
    """For X_SMALL, three columns of the kind of 2-D y that the estimator is for."""
    return SOFT_ROWS if Estimator is SoftTargetMLPClassifier else LABEL_SETS


def fitted_with(loss, **params):
    """The estimator that serves a loss, fitted, and its rows."""
    X, Y = make_soft(n=40)
    if loss.domain == "distribution":
        return SoftTargetMLPClassifier(loss=loss, **params).fit(X, Y), X
    if loss in REGRESSION_LOSSES:
        return SoftLossMLPRegressor(loss=loss, **params).fit(X, 3 * Y[:, :2] + 0.1), X
    X, Y = make_labels(n=40)
    return MultiLabelSigmoidClassifier(loss=loss, **params).fit(X, Y), X


def three_digits(Estimator):
    """Targets of three digits: labels, or their indicators."""
    return Y_THREE if Estimator is SoftTargetMLPClassifier else np.eye(3)[Y_THREE]


def mlp(Estimator, *args, **kwargs):
    """An estimator that trains as ``MLPClassifier`` does by default."""
    return Estimator(*args, **{**PLAIN, **kwargs})


def soft(**kwargs):
    return SoftTargetMLPClassifier(**{**SMALL, **kwargs})


def multi(**kwargs):
    return MultiLabelSigmoidClassifier(**{**SMALL, **kwargs})


def fitted_by_hand(Estimator, X, Y, train, **fit_params):
    """A scaler and a QUICK classifier, fitted one after the other on some rows."""
    scaler = StandardScaler().fit(X[train])
    weights = {name: weight[train] for name, weight in fit_params.items()}
    return scaler, Estimator(**QUICK).fit(scaler.transform(X[train]), Y[train], **weights)


def predictions_by_hand(Estimator, X, Y, method="predict", cv=THREE_FOLDS, **fit_params):
    parts = []
    for train, test in cv.split(X):
        scaler, net = fitted_by_hand(Estimator, X, Y, train, **fit_params)
        parts.append(getattr(net, method)(scaler.transform(X[test])))
    return np.concatenate(parts)


def parameters_of(estimator):
    """Weights and biases as one vector."""
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


def same_weights(a, b, **tolerance):
    for left, right in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        if tolerance:
            np.testing.assert_allclose(left, right, **tolerance)
        else:
            np.testing.assert_array_equal(left, right)


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


class BatchCounter(Callback):
    """Counts the training batches."""

    def initialize(self):
        self.n_batches_ = 0
        return self

    def on_batch_end(self, net, training=None, **kwargs):
        self.n_batches_ += bool(training)
