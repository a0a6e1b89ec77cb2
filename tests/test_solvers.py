"""Learning rate schedules follow their formulas, and every solver learns."""

import warnings
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from cases import (
    LABEL_SETS,
    LOGITS,
    PLAIN,
    SCHEDULES,
    SOFT_ROWS,
    X_BINARY,
    X_SMALL,
    X_THREE,
    Y_BINARY,
    Recorder,
    digits,
    every_activation,
    final_rate,
    matrix_targets,
    mlp,
    over_estimators,
    parameters_of,
    three_digits,
)
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.metrics.scorers import neg_soft_log_loss

# Nets here are trained for a few passes on purpose; the tests of the warning ask for it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NAMED_SOLVERS = {"adam": 0.01, "adamw": 0.01, "sgd": 0.1, "adadelta": 1.0, "rmsprop": 0.01}
"""Stochastic solvers with a learning rate that suits them."""
SOFT_ENTROPY = -(SOFT_ROWS * np.log(SOFT_ROWS)).sum(axis=1).mean()


# --- learning rates --------------------------------------------------------------------------


@over_estimators
def test_adaptive_rate_falls_below_one_millionth(Estimator):
    net = mlp(Estimator, 4, solver="sgd", learning_rate="adaptive", tol=0.5, max_iter=3000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net.fit([[3, 2], [1, 6]], [1, 0])
    assert net.n_iter_ < 3000
    assert final_rate(net) < 1e-6


@over_estimators
def test_adaptive_rate_is_a_fifth_after_each_stall(Estimator):
    recorder = Recorder()
    params = {"learning_rate": "adaptive", "learning_rate_init": 1e-5, "tol": 1e9}
    params["batch_size"] = len(X_BINARY)
    mlp(Estimator, 4, solver="sgd", n_iter_no_change=1, callbacks=[recorder], **params).fit(
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
    net = mlp(
        Estimator, 4, solver=solver, batch_size=30, max_iter=5, callbacks=[recorder], **params
    )
    net.fit(X_SMALL, matrix_targets(Estimator))
    assert net.t_ == 5 * 60
    assert_allclose(final_rate(net), 0.3 / (net.t_ + 1) ** power_t, rtol=1e-12)
    seen = np.repeat([0, 60, 120, 180, 240], 2)
    expected = np.where(seen == 0, 0.3, 0.3 / (seen + 1.0) ** power_t)
    assert_allclose(recorder.rates_, expected, rtol=1e-12)


@over_estimators
def test_constant_rate_stays(Estimator):
    net = mlp(Estimator, 4, learning_rate_init=0.02, max_iter=4).fit(X_BINARY, Y_BINARY)
    assert final_rate(net) == 0.02


def _rates_of_steps(Estimator, learning_rate, peak, max_iter):
    recorder = Recorder()
    params = {"learning_rate": learning_rate, "learning_rate_init": peak, "max_iter": max_iter}
    net = mlp(Estimator, 4, batch_size=20, callbacks=[recorder], **params)
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
    net = mlp(Estimator, 8, solver=solver, max_iter=30, random_state=0, batch_size=20, **params)
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
    net = mlp(Estimator, 8, solver=solver, learning_rate_init=rate, max_iter=30, random_state=0)
    net.fit(X_THREE, three_digits(Estimator))
    assert net.loss_ < 0.7 * net.loss_curve_[0]
    untrained = mlp(Estimator, 8, solver="sgd", learning_rate_init=1e-9, max_iter=1, random_state=0)
    untrained.fit(X_THREE, three_digits(Estimator))
    accuracy = [each.score(X_THREE, three_digits(Estimator)) for each in (untrained, net)]
    assert accuracy[1] > accuracy[0] + 0.2


@over_estimators
@every_activation
@pytest.mark.parametrize("n_class", [2, 3])
def test_lbfgs_classifies_digits(Estimator, activation, n_class):
    X, labels = digits(n_class, 150)
    y = labels
    if n_class == 3 and Estimator is MultiLabelSigmoidClassifier:
        y = np.eye(3, dtype=int)[labels]
    net = mlp(Estimator, 16, activation, solver="lbfgs", max_iter=150, random_state=1)
    net.fit(X[:100], y[:100])
    assert net.score(X[:100], y[:100]) > 0.95
    predicted = net.predict(X[100:])
    assert predicted.shape == y[100:].shape
    assert predicted.dtype.kind == y.dtype.kind


@over_estimators
def test_lbfgs_depends_neither_on_batches_nor_on_their_order(Estimator):
    reference, *others = (
        parameters_of(
            mlp(Estimator, 8, solver="lbfgs", max_iter=15, random_state=0, **params).fit(
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
        clipped = mlp(Estimator, 4, batch_size=1000, max_iter=3, random_state=0).fit(X_SMALL, y)
    whole = mlp(Estimator, 4, batch_size=60, max_iter=3, random_state=0).fit(X_SMALL, y)
    assert_array_equal(parameters_of(clipped), parameters_of(whole))


@over_estimators
def test_lbfgs_does_not_warn_of_a_batch_size_it_does_not_use(Estimator):
    net = mlp(Estimator, 4, solver="lbfgs", batch_size=1000, tol=10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(X_SMALL, matrix_targets(Estimator))
    assert net.n_iter_ >= 1


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "lbfgs"])
def test_alpha_shrinks_every_weight_matrix(Estimator, solver):
    params = {"solver": solver, "learning_rate_init": 0.02, "max_iter": 100, "random_state": 1}
    free, shrunk = (
        mlp(Estimator, 8, alpha=alpha, **params).fit(X_BINARY, Y_BINARY) for alpha in (0, 2)
    )
    for loose, tight in zip(free.coefs_, shrunk.coefs_, strict=True):
        assert np.abs(tight).sum() < np.abs(loose).sum()


WIDE = sp.random_array((60, 300), density=0.01, format="csr", rng=np.random.RandomState(0))
ROWS = {
    "dense": (X_SMALL, {"hidden_layer_sizes": (8,)}),
    "sparse": (WIDE, {"hidden_layer_sizes": (8,)}),
    "module": (X_SMALL, {"module": torch.nn.Linear}),
}
EVERY_SOLVER = {
    **NAMED_SOLVERS,
    "lbfgs": 0.001,
    torch.optim.RAdam: 0.03,
    partial(torch.optim.SGD, momentum=0.5): 0.1,
}


@pytest.mark.parametrize(
    ("rows", "alpha"), [("dense", 1e4), ("dense", 1e6), ("sparse", 1e6), ("module", 1e4)]
)
@pytest.mark.parametrize("solver", EVERY_SOLVER, ids=str)
def test_weights_without_room_leave_the_constant(solver, alpha, rows):
    """The biases do not decay: they say the mean of y."""
    X, params = ROWS[rows]
    params = {**PLAIN, **params, "solver": solver, "learning_rate_init": EVERY_SOLVER[solver]}
    params |= {"alpha": alpha, "max_iter": 120, "n_iter_no_change": 120, "random_state": 0}
    params["batch_size"] = 32
    for Estimator, Y, method in (
        (SoftTargetMLPClassifier, SOFT_ROWS, "predict_proba"),
        (MultiLabelSigmoidClassifier, LABEL_SETS, "predict_proba"),
        (SoftLossMLPRegressor, LOGITS / LOGITS.std(), "predict"),
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*training diverged")
            found = getattr(Estimator(**params).fit(X, Y), method)(X)
        assert np.ptp(found, axis=0).max() < 0.1
        assert_allclose(found.mean(axis=0), Y.mean(axis=0), atol=0.05)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("alpha", [5.0, 5e3])
def test_sgd_takes_the_penalty_as_far_as_the_weights_go(momentum, alpha):
    """The first step, by hand; from 10 rows the penalty is a tenth of alpha."""
    X, Y, rate = X_SMALL[:10], SOFT_ROWS[:10], 0.1
    start = torch.nn.Linear(4, 3).double()
    W = start.weight.detach().numpy().copy()
    params = {"solver": "sgd", "momentum": momentum, "nesterovs_momentum": False, "alpha": alpha}
    params |= {"learning_rate_init": rate, "max_iter": 1, "module": lambda d, k: start}
    logits = X @ W.T + start.bias.detach().numpy()
    gradient = (softmax(logits, axis=1) - Y).T @ X / 10 + alpha / 10 * W
    net = mlp(SoftTargetMLPClassifier, **params).fit(X, Y)
    wanted = W - rate * gradient / max(1, rate * alpha / 10)
    assert_allclose(net.net_.module_.weight.detach().numpy(), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["adamw", "sgd", "adam"])
def test_a_common_grid_of_alpha_has_no_gaps(solver):
    grid = {"alpha": np.logspace(-4, 4, 9)}
    net = SoftTargetMLPClassifier((8,), solver=solver, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = GridSearchCV(net, grid, cv=2, scoring=neg_soft_log_loss, error_score="raise")
        search.fit(X_SMALL, SOFT_ROWS)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    # Shares that are those of all rows, for every row.
    shares = SOFT_ROWS.mean(axis=0)
    assert_allclose(scores[-1], (SOFT_ROWS * np.log(shares)).sum(axis=1).mean(), atol=0.1)


@over_estimators
def test_shuffle_changes_the_training(Estimator):
    y = matrix_targets(Estimator)
    params = {"batch_size": 5, "max_iter": 2, "random_state": 0}
    shuffled, again, ordered, ordered_again = (
        parameters_of(mlp(Estimator, 4, shuffle=shuffle, **params).fit(X_SMALL, y))
        for shuffle in (True, True, False, False)
    )
    assert_array_equal(shuffled, again)
    assert_array_equal(ordered, ordered_again)
    assert not np.allclose(shuffled, ordered, rtol=1e-6)
