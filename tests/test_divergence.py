"""A training that ends worse than a constant says so, and no other does."""

import re
import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from torch import nn

from cases import (
    ESTIMATORS,
    PLAIN,
    SMALL,
    X_SMALL,
    make_labels,
    make_soft,
    matrix_targets,
    multi,
    over_estimators,
    over_losses,
    over_proper_losses,
    soft,
    targets_for,
)
from sklearn_softloss import SoftLossMLPRegressor, SoftTargetMLPClassifier

DIVERGED = "training diverged"


def is_silent(estimator, X, y, **weights):
    """Fit, with every word of a divergence an error; other warnings of convergence pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("error", message=f".*{DIVERGED}", category=ConvergenceWarning)
        return estimator.fit(X, y, **weights)


# --- what is warned of -----------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("rate", [1e3, 1e200], ids=["slowly", "at once"])
def test_nan_losses_under_early_stopping_are_warned_of(Estimator, rate):
    y = matrix_targets(Estimator)
    params = {**SMALL, "solver": "sgd", "activation": "identity", "learning_rate_init": rate}
    params |= {"early_stopping": True, "max_iter": 200, "hidden_layer_sizes": (8, 8)}
    with pytest.warns(ConvergenceWarning, match=r"diverged: .* no longer a finite .*Scale the"):
        net = Estimator(**params).fit(X_SMALL, y)
    assert np.isnan(net.loss_)


@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_inputs_without_scaling_are_warned_of(solver, early_stopping):
    """Wine's columns reach from 0.1 to 1,700."""
    X, y = load_wine(return_X_y=True)
    net = SoftTargetMLPClassifier(
        solver=solver, early_stopping=early_stopping, encoding=None, max_iter=20,
        alpha=1.0 if solver == "adamw" else "auto",
        random_state=0,
    )  # fmt: skip
    if not early_stopping:
        with pytest.warns(ConvergenceWarning, match=r"ended at .* above the 1\.086 of a constant"):
            net.fit(X, y)
        assert net.loss_ > 1.086
    is_silent(net, StandardScaler().fit_transform(X), y)


def test_a_saturated_net_is_warned_of():
    """The squared error is bounded: a net that is wrong for good costs little more than others."""
    X, y = load_breast_cancer(return_X_y=True)
    net = SoftTargetMLPClassifier(
        solver="sgd", loss="squared_error", max_iter=20, dropout=0.5, encoding=None,
        random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match=r"above the 0\.4675 of a constant"):
        net.fit(X, y)
    is_silent(net, StandardScaler().fit_transform(X), y)


def test_dead_units_under_exploded_weights_are_warned_of():
    """The net answers like the constant; the loss, with the penalty, tells what happened."""
    X, y = load_wine(return_X_y=True)
    net = SoftTargetMLPClassifier(solver="sgd", encoding=None, random_state=0)
    with pytest.warns(ConvergenceWarning, match=DIVERGED):
        net.fit(X, y)
    assert np.ptp(net.predict_proba(X), axis=0).max() < 1e-6
    assert net.loss_ > 100


@over_proper_losses
def test_a_rate_that_is_too_high_is_warned_of_under_every_proper_loss(loss):
    Estimator = ESTIMATORS[loss.domain != "distribution"]
    X, Y = targets_for(Estimator)
    noise = np.random.default_rng(0).permutation(Y)
    net = Estimator(**{**SMALL, "solver": "sgd", "learning_rate_init": 1e3, "loss": loss})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            net.fit(100 * X, noise)
        except ValueError as error:
            caught.append(error)
    assert any(re.search(f"{DIVERGED}|non-finite parameter weights", str(c)) for c in caught)


# --- what is not -----------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("seed", range(2))
def test_where_there_is_nothing_to_learn_nothing_diverged(Estimator, solver, seed):
    X, Y = targets_for(Estimator)
    noise = np.random.default_rng(seed).permutation(Y)
    is_silent(Estimator(20, solver=solver, random_state=seed), X, noise)
    rare = (np.arange(len(X)) < 4).astype(int)
    is_silent(Estimator(20, solver=solver, random_state=seed), X, rare)


@over_estimators
@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 1},
        {"max_iter": 2},
        {"max_iter": 2, **PLAIN, "learning_rate_init": 1e-4},
        {"max_iter": 15, **PLAIN, "learning_rate_init": 1e-3},
        {"alpha": 1e3, "solver": "adam"},
        {"alpha": 50.0},
        {"dropout": 0.9},
        {"class_weight": "balanced"},
        {"early_stopping": True},
        {"label_smoothing": 0.2},
        {"module": nn.Linear, "max_iter": 2},
    ],
    ids=str,
)
def test_trainings_that_are_short_or_held_back_have_not_diverged(Estimator, params):
    X, Y = targets_for(Estimator)
    rare = (np.arange(len(X)) < 6).astype(int)
    for y in (Y, rare):
        is_silent(Estimator((50,), **{"alpha": 0.1, "random_state": 0, **params}), X, y)


@over_losses
def test_a_training_that_went_well_is_silent_under_every_loss(loss):
    Estimator = ESTIMATORS[loss.domain != "distribution"]
    X, Y = targets_for(Estimator)
    is_silent(Estimator(20, loss=loss, alpha=0.1, random_state=0, max_iter=10), X, Y)


class SureOfTheSecond(nn.Module):
    """These log-odds of the second of two classes, whatever the row."""

    def __init__(self, n_features, n_outputs, log_odds):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.0, log_odds]))

    def forward(self, X):
        return self.logits.expand(len(X), -1)


@pytest.mark.parametrize(
    ("times_even_odds", "n_epochs", "says_so"),
    [(1.9, 2, False), (2.1, 2, True), (1.9, 12, True)],
    ids=["a fresh net", "worse than chance makes one", "not fresh any more"],
)
def test_a_fresh_net_may_cost_up_to_twice_what_even_odds_cost(times_even_odds, n_epochs, says_so):
    y = np.arange(60) % 2
    odds = brentq(lambda z: np.logaddexp(0, [z, -z]).mean() - times_even_odds * np.log(2), 0, 9)
    net = SoftTargetMLPClassifier(
        module=SureOfTheSecond, module__log_odds=odds, learning_rate_init=1e-9, alpha=0.0,
        max_iter=n_epochs, tol=0.0, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        net.fit(X_SMALL[:60], y)
    assert net.loss_ == pytest.approx(times_even_odds * np.log(2), rel=1e-3)
    assert any(DIVERGED in str(c.message) for c in caught) == says_so


def test_unknown_entries_and_weights_are_no_divergence():
    X, Y = make_labels()
    rng = np.random.default_rng(0)
    holed = np.where(rng.random(Y.shape) < 0.9, np.nan, Y)
    weight = rng.random(len(X))
    is_silent(multi(learning_rate_init=0.05), X, holed, sample_weight=weight)


def test_parts_never_say_that_they_diverged():
    X, Y = make_soft()
    net = soft(solver="sgd", learning_rate_init=10.0)
    for _ in range(3):
        net.partial_fit(1e3 * X, Y)
    assert net.loss_ > 10


@pytest.mark.parametrize("value", [0.0, 3.0, -1e9])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
@pytest.mark.parametrize("params", [{}, {"solver": "sgd", "learning_rate_init": 0.1}], ids=str)
def test_a_regression_of_one_number_has_not_diverged(value, loss, params):
    net = SoftLossMLPRegressor((20,), loss=loss, random_state=0, **params)
    is_silent(net, X_SMALL, np.full(len(X_SMALL), value))
    np.testing.assert_array_equal(net.predict(X_SMALL), value)
