"""The regressor: what each loss predicts, units, unknown entries, and its neighbours' habits."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import REGRESSION_LOSSES, over_regression_losses, parameters_of
from sklearn_softloss import SoftLossMLPRegressor
from sklearn_softloss.losses import Quantile, RegressionLoss, register_loss, sum_entries
from sklearn_softloss.metrics import pinball_loss
from sklearn_softloss.metrics.scorers import neg_crps_from_quantiles, neg_pinball_loss

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (8,), "alpha": 0.001, "max_iter": 15, "random_state": 0}
WITH_CHOICE = {**SMALL, "alpha": "auto"}
FULL = {
    "hidden_layer_sizes": (5,), "activation": "tanh", "solver": "lbfgs", "alpha": 0.01,
    "max_iter": 200, "random_state": 0, "dtype": "float64",
}  # fmt: skip
"""A training of all rows at once, which neither order nor batches move."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SMOOTH_LOSSES = [loss for loss in REGRESSION_LOSSES if loss.functional != "median"]


def positive(n=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, np.exp(0.5 * X[:, 0]) * rng.gamma(4, 0.25, n)


def two_targets(n=150, seed=0):
    X, y = positive(n, seed)
    return X, np.column_stack([y, 3 + X[:, 1] ** 2])


@pytest.mark.parametrize("encoding", ["standard", None])
@pytest.mark.parametrize("loss", ["squared_error", "gaussian", "quantile", "poisson"])
def test_a_target_that_no_row_knows_is_predicted_as_nan(loss, encoding):
    X, Y = two_targets()
    Y[:, 1] = np.nan
    reg = SoftLossMLPRegressor(loss=loss, encoding=encoding, **SMALL)
    with pytest.warns(UserWarning, match=r"Columns \[1\] of y have no known entry.* as NaN"):
        reg.fit(X, Y)
    found = [reg.predict(X)]
    if loss == "gaussian":
        found += [reg.predict_std(X), *np.moveaxis(reg.predict_quantiles(X, [0.1, 0.9]), 2, 0)]
    for values in found:
        assert np.isfinite(values[:, 0]).all()
        assert np.isnan(values[:, 1]).all()
    assert np.isfinite(reg.score(X, Y))


# --- what is predicted ---------------------------------------------------------------------------


def skewed(n=2000, seed=0):
    """A line with exponential noise that grows."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    return x[:, None], x + (1.2 + x) * (rng.exponential(size=n) - 1)


@pytest.mark.parametrize(
    ("loss", "shift"),
    [("squared_error", 0.0), ("absolute_error", np.log(2) - 1), ("gaussian", 0.0)],
)
def test_the_loss_says_what_is_predicted(loss, shift):
    X, y = skewed()
    grid = np.linspace(-0.9, 0.9, 50)
    reg = SoftLossMLPRegressor(loss=loss, alpha=0.1, random_state=0).fit(X, y)
    found = reg.predict(grid[:, None])
    assert np.abs(found - (grid + (1.2 + grid) * shift)).mean() < 0.12


def test_quantiles_and_their_coverage():
    X, y = skewed()
    reg = SoftLossMLPRegressor(loss="quantile", quantile=LEVELS, alpha=0.1, random_state=0)
    reg.fit(X, y)
    X_new, y_new = skewed(seed=1)
    found = reg.predict_quantiles(X_new)
    assert found.shape == (len(y_new), 5)
    assert_allclose((y_new[:, None] <= found).mean(axis=0), LEVELS, atol=0.05)
    assert_array_equal(reg.predict(X_new), found[:, 2])


def test_a_spread_is_found():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 3000)
    y = 50 + 10 * x + 10 * np.exp(x) * rng.normal(size=len(x))
    reg = SoftLossMLPRegressor(loss="gaussian", alpha=0.1, random_state=0).fit(x[:, None], y)
    grid = np.linspace(-0.9, 0.9, 40)
    assert_allclose(reg.predict_std(grid[:, None]), 10 * np.exp(grid), rtol=0.2)
    low, middle, high = reg.predict_quantiles(grid[:, None], (0.1, 0.5, 0.9)).T
    assert_allclose(middle, reg.predict(grid[:, None]))
    assert_allclose(high - middle, 1.2815516 * reg.predict_std(grid[:, None]), rtol=1e-6)
    assert (low < middle).all()


def test_a_net_that_knows_nothing_starts_at_the_best_constant():
    """Locations are the weighted mean, median and quantile, found here by brute force."""
    rng = np.random.default_rng(0)
    y, weight = rng.exponential(size=31).round(1), rng.integers(1, 4, 31).astype(float)
    candidates = np.unique(y)

    def cheapest(cost):
        return candidates[np.argmin([weight @ cost(y - c) for c in candidates])]

    for loss in REGRESSION_LOSSES:
        found, scale = loss.location_and_scale(y, weight)
        assert scale > 0
        if isinstance(loss, Quantile):
            tau = np.atleast_1d(loss.levels)[loss.nearest_median]
            assert found == cheapest(lambda r, tau=tau: np.maximum(tau * r, (tau - 1) * r))
        elif loss.name in ("absolute_error", "huber"):
            assert found == cheapest(np.abs)
        elif loss.domain == "real":
            assert found == pytest.approx(np.average(y, weights=weight))
        else:
            assert (found, scale) == (0.0, pytest.approx(np.average(y, weights=weight)))


@pytest.mark.parametrize("name", ["squared_error", "poisson", "gamma", "tweedie", "gaussian"])
def test_without_columns_to_go_by_it_is_the_weighted_mean(name):
    X, y = positive()
    weight = np.arange(len(y)) % 3
    reg = SoftLossMLPRegressor(loss=name, **FULL).fit(0 * X, y, sample_weight=weight)
    assert_allclose(reg.predict(X), np.average(y, weights=weight), rtol=1e-4)


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_without_columns_to_go_by_it_is_the_weighted_quantile(tau):
    X, y = positive()
    weight = np.arange(len(y)) % 3
    expected = np.quantile(y, tau, weights=weight, method="inverted_cdf")
    reg = SoftLossMLPRegressor(loss="quantile", quantile=tau, random_state=0)
    found = reg.fit(0 * X, y, sample_weight=weight).predict(X)
    assert np.abs(found - expected).max() < 0.1 * y.std()


def test_levels_first_seen_in_a_prediction_can_be_trained_with():
    X, y = positive()
    levels = (0.111, 0.222)
    with torch.inference_mode():
        Quantile(levels).quantiles(torch.zeros(1, 2, dtype=torch.float64))
    reg = SoftLossMLPRegressor(loss="quantile", quantile=levels, **{**FULL, "max_iter": 5})
    assert reg.fit(X, y).predict_quantiles(X).shape == (150, 2)


# --- quantiles do not cross ----------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 6), st.sampled_from([0.1, 10.0, 1e4, 1e30]))
def test_no_quantile_crosses_whatever_the_net_says(seed, n_levels, size):
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice(np.arange(1, 1000), n_levels, replace=False)) / 1000
    loss = Quantile(tuple(levels))
    logits = torch.from_numpy(size * rng.standard_cauchy((2000, loss.n_logits(3))))
    for dtype in (torch.float32, torch.float64):
        assert (loss.quantiles(logits.to(dtype)).diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("max_iter", [1, 20])
def test_no_predicted_quantile_crosses(seed, max_iter):
    X, Y = two_targets(80, seed)
    reg = SoftLossMLPRegressor(
        (30,), loss="quantile", quantile=(0.1, 0.5, 0.501, 0.9), max_iter=max_iter,
        alpha=0.001, dropout=0.0, learning_rate_init=0.1, random_state=seed,
    ).fit(X, 1e6 + Y)  # fmt: skip
    X_new = 30 * np.random.default_rng(seed).standard_cauchy((50_000, 3)).clip(-1e6, 1e6)
    assert (np.diff(reg.predict_quantiles(X_new), axis=-1) >= 0).all()


# --- units ---------------------------------------------------------------------------------------


@over_regression_losses
def test_units_do_not_matter(loss):
    X, Y = two_targets()
    a, b = ([1e6, 1e-4], [0.0, 0.0]) if loss.domain != "real" else ([1e6, 1e-4], [-1e7, 20.0])
    reg = SoftLossMLPRegressor(loss=loss, **WITH_CHOICE, dtype="float64")
    plain = reg.fit(X, Y).predict(X)
    moved = clone(reg).fit(X, Y * a + b).predict(X)
    assert_allclose((moved - b) / a, plain, rtol=1e-5)
    assert reg.selection_results_ is not None


@over_regression_losses
def test_units_whose_squares_are_no_numbers_do_not_matter(loss):
    X, Y = two_targets()
    reg = SoftLossMLPRegressor(loss=loss, **{**WITH_CHOICE, "max_iter": 5}, dtype="float64")
    plain = reg.fit(X, Y).predict(X)
    for unit in (2.0**-700, 2.0**800):
        assert_allclose(clone(reg).fit(X, Y * unit).predict(X) / unit, plain, rtol=1e-6)


def test_a_constant_target_is_predicted():
    X, _ = positive()
    for value in (0.0, 7.5, 1e-9):
        y = np.full(len(X), value)
        for loss in ("squared_error", "absolute_error", "quantile", "gaussian"):
            reg = SoftLossMLPRegressor(loss=loss, **SMALL).fit(X, y)
            assert_array_equal(reg.predict(X), y)
        assert (reg.predict_std(X) == 0).all()
    parts = SoftLossMLPRegressor(**SMALL).partial_fit(X, y)
    assert not np.array_equal(parts.partial_fit(X, X[:, 0]).predict(X), y)


# --- unknown entries and weights -----------------------------------------------------------------


@over_regression_losses
def test_unknown_entries_contribute_exactly_nothing(loss):
    X, Y = two_targets()
    Y[::3, 0] = Y[1::4, 1] = np.nan
    reg = SoftLossMLPRegressor(loss=loss, **{**WITH_CHOICE, "max_iter": 5}).fit(X, Y)
    masked = clone(reg).fit(X, np.nan_to_num(Y, nan=123.0), label_weight=~np.isnan(Y))
    assert_array_equal(parameters_of(reg), parameters_of(masked))
    known = ~np.isnan(Y).all(axis=1)
    dropped = clone(reg).fit(X[known], Y[known])
    assert_array_equal(parameters_of(reg), parameters_of(dropped))


@pytest.mark.parametrize("loss", SMOOTH_LOSSES, ids=repr)
def test_weights_are_repetitions(loss):
    X, Y = two_targets(60)
    Y[::5, 1] = np.nan
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    params = {**FULL, "max_iter": 10}
    weighted = SoftLossMLPRegressor(loss=loss, **params).fit(X, Y, sample_weight=weight)
    repeated = SoftLossMLPRegressor(loss=loss, **params)
    repeated.fit(np.repeat(X, weight, 0), np.repeat(Y, weight, 0))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_a_frame_is_read_by_its_names():
    X, Y = two_targets()
    frame = pd.DataFrame(Y, columns=["b", "a"])
    weight = pd.DataFrame(np.random.default_rng(0).random(Y.shape), columns=["b", "a"])
    reg = SoftLossMLPRegressor(**SMALL).fit(X, frame, label_weight=weight[["a", "b"]])
    assert reg.label_names_.tolist() == ["b", "a"]
    plain = clone(reg).fit(X, Y, label_weight=weight.to_numpy())
    assert_array_equal(reg.predict(X), plain.predict(X))
    assert reg.score(X, frame[["a", "b"]]) == plain.score(X, Y)
    with pytest.raises(ValueError, match="columns must be the targets"):
        reg.score(X, frame.rename(columns={"a": "c"}))


@pytest.mark.parametrize("dtype", ["Float64", "Int64", "object", "float32"])
def test_what_pandas_calls_missing_is_unknown(dtype):
    X, y = positive()
    series = pd.Series(np.round(9 * y))
    series[::4] = None
    reg = SoftLossMLPRegressor(**SMALL)
    expected = reg.fit(X, series.to_numpy()).predict(X)
    assert_array_equal(clone(reg).fit(X, series.astype(dtype)).predict(X), expected)


def test_a_search_splits_rows_with_unknown_entries():
    X, Y = two_targets()
    Y[::3, 0] = np.nan
    search = GridSearchCV(SoftLossMLPRegressor(**SMALL), {"max_iter": [1, 20]}, cv=3)
    assert search.fit(X, Y).best_params_ == {"max_iter": 20}


# --- score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, r2_score),
        ({"loss": "gaussian"}, r2_score),
        ({"loss": "absolute_error"}, d2_absolute_error_score),
        (
            {"loss": "quantile", "quantile": (0.8, 0.9)},
            lambda y, p, **w: d2_pinball_score(y, p, alpha=0.8, **w),
        ),
        ({"loss": "poisson"}, lambda y, p, **w: d2_tweedie_score(y, p, power=1, **w)),
        ({"loss": "gamma"}, lambda y, p, **w: d2_tweedie_score(y, p, power=2, **w)),
    ],
)
def test_score_is_scikit_learns(params, expected):
    X, Y = two_targets()
    weight = 1 + np.arange(len(X)) % 3
    reg = SoftLossMLPRegressor(**SMALL, **params).fit(X, Y)
    found = [
        expected(y, p, sample_weight=weight) for y, p in zip(Y.T, reg.predict(X).T, strict=True)
    ]
    assert reg.score(X, Y, weight) == pytest.approx(np.mean(found))
    half = Y.copy()
    half[::2, 1] = np.nan
    found[1] = expected(Y[1::2, 1], reg.predict(X)[1::2, 1], sample_weight=weight[1::2])
    assert reg.score(X, half, weight) == pytest.approx(np.mean(found))


def test_scorers_reach_into_pipelines_and_searches():
    X, y = positive()
    reg = SoftLossMLPRegressor(**SMALL, loss="quantile", quantile=LEVELS)
    pipe = make_pipeline(StandardScaler(), reg).fit(X, y)
    expected = pinball_loss(y, pipe[-1].predict_quantiles(pipe[0].transform(X)), levels=LEVELS)
    assert neg_pinball_loss(pipe, X, y) == -expected
    search = GridSearchCV(pipe, {"softlossmlpregressor__max_iter": [1, 15]}, cv=2)
    search.set_params(scoring=neg_crps_from_quantiles).fit(X, y)
    assert search.best_params_ == {"softlossmlpregressor__max_iter": 15}
    assert neg_pinball_loss(search, X, y) < 0
    assert cross_val_score(pipe, X, y, scoring=neg_pinball_loss, cv=2).shape == (2,)
    with pytest.raises(TypeError, match="needs predict_quantiles, which StandardScaler lacks"):
        neg_pinball_loss(pipe[0], X, y)


def test_a_gaussian_is_scored_at_the_levels_asked_for():
    X, y = positive()
    reg = SoftLossMLPRegressor(**SMALL, loss="gaussian").fit(X, y)
    expected = pinball_loss(y, reg.predict_quantiles(X, LEVELS), levels=LEVELS)
    assert neg_pinball_loss(reg, X, y, levels=LEVELS) == -expected
    with pytest.raises(ValueError, match="levels must be a number in"):
        neg_pinball_loss(reg, X, y)


def test_levels_of_a_loss_object_are_found():
    X, y = positive()
    reg = SoftLossMLPRegressor(**SMALL, loss=Quantile((0.2, 0.6))).fit(X, y)
    assert reg.quantile_.tolist() == [0.2, 0.6]
    assert neg_pinball_loss(reg, X, y) == neg_pinball_loss(reg, X, y, levels=(0.2, 0.6))
    assert not hasattr(SoftLossMLPRegressor(**SMALL).fit(X, y), "quantile_")


# --- beside MLPRegressor -------------------------------------------------------------------------


class StartsAt(MLPRegressor):
    """An MLPRegressor whose first weights are given."""

    def _initialize(self, y, layer_units, dtype):
        super()._initialize(y, layer_units, dtype)
        self.coefs_ = [part.copy() for part in self.start[0]]
        self.intercepts_ = [part.copy() for part in self.start[1]]


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_from_equal_weights_it_trains_as_mlp_regressor(loss, solver):
    X, y = positive(60)
    shared = {
        "hidden_layer_sizes": (6, 4), "activation": "tanh", "solver": solver, "loss": loss,
        "alpha": 0.05, "batch_size": 60, "learning_rate_init": 0.01, "tol": 0.0,
        "n_iter_no_change": 1000, "random_state": 0, "beta_2": 0.999, "epsilon": 1e-15,
        "learning_rate": "constant",
    }  # fmt: skip
    ours = SoftLossMLPRegressor(
        **shared, dropout=0.0, encoding=None, warm_start=True, max_iter=1, dtype="float64"
    ).fit(X, y)
    theirs = StartsAt(**shared, max_iter=30)
    theirs.start = ours.coefs_, ours.intercepts_
    # The moments of the optimizer begin anew with each fit.
    ours.set_params(max_iter=30).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y)
    expected = np.concatenate([p.ravel() for p in theirs.coefs_ + theirs.intercepts_])
    assert_allclose(parameters_of(ours), expected, rtol=1e-9, atol=1e-10)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    if solver != "lbfgs":
        penalty = 0.5 * 0.05 * sum((part**2).sum() for part in theirs.coefs_) / len(X)
        assert abs(ours.loss_curve_[-1] - theirs.loss_curve_[-1]) < 1e-3 + penalty


def test_every_parameter_of_mlp_regressor_is_taken():
    assert {*MLPRegressor().get_params()} <= {*SoftLossMLPRegressor().get_params()}


# --- the shared ways -----------------------------------------------------------------------------


@over_regression_losses
def test_fit_pickle_and_go_on(loss):
    X, Y = two_targets()
    reg = SoftLossMLPRegressor(loss=loss, **SMALL, warm_start=True).fit(X, Y)
    assert_array_equal(pickle.loads(pickle.dumps(reg)).predict(X), reg.predict(X))
    before, code = parameters_of(reg), reg._code
    reg.fit(X, Y)
    assert reg._code is code
    assert not np.array_equal(parameters_of(reg), before)
    with pytest.raises(ValueError, match="3 targets a row, but the net is trained on 2"):
        reg.fit(X, np.column_stack([Y, Y[:, 0]]))


def test_parts_keep_the_scale_of_the_first():
    X, Y = two_targets(300)
    reg = SoftLossMLPRegressor(**SMALL)
    for part in (slice(0, 100), slice(100, 200), slice(200, 300)) * 10:
        reg.partial_fit(X[part], Y[part])
    assert_allclose(reg._code.location, Y[:100].mean(axis=0))
    assert reg.score(X, Y) > 0.2
    assert not hasattr(SoftLossMLPRegressor(solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize("container", [sp.csr_array, np.asfortranarray])
def test_containers_of_x(container):
    X, y = positive()
    X[X < 0] = 0
    reg = SoftLossMLPRegressor(**SMALL, encoding=None)
    dense = reg.fit(X, y).predict(X)
    other = clone(reg).fit(container(X), y).predict(container(X))
    assert_allclose(other, dense, rtol=1e-4)


def test_a_memory_mapped_x(tmp_path):
    X, y = positive()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    reg = SoftLossMLPRegressor(**SMALL)
    expected = reg.fit(X, y).predict(X)
    assert_array_equal(clone(reg).fit(mapped, y).predict(mapped), expected)


def test_early_stopping_on_rows_of_ones_own():
    X, y = positive(300)
    reg = SoftLossMLPRegressor(**SMALL, early_stopping=True)
    reg.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert len(reg.validation_loss_curve_) == reg.n_iter_
    with pytest.raises(ValueError, match="2 targets a row, but the net is trained on 1"):
        reg.fit(X, y, X_val=X, y_val=np.column_stack([y, y]))
    own = clone(reg).fit(X, y)
    assert own.best_validation_score_ == -own.best_loss_


def test_a_module_predicts_on_the_scale_of_y():
    X, y = positive()
    reg = SoftLossMLPRegressor(module=torch.nn.Linear, **SMALL).fit(X, 1e5 * y)
    assert abs(reg.predict(X).mean() / 1e5 - y.mean()) < 0.3


def test_a_strangers_loss_is_added_as_any():
    @register_loss
    class LogCosh(RegressionLoss):
        name = "log_cosh"
        functional = "between mean and median"

        def per_sample(self, logits, target, entry_weight):
            off = logits - target
            softplus = torch.nn.functional.softplus(-2 * off)
            return sum_entries(off + softplus - np.log(2), entry_weight)

    X, y = positive(200)
    reg = SoftLossMLPRegressor((32,), loss="log_cosh", random_state=0).fit(X, y)
    assert reg.score(X, y) == r2_score(y, reg.predict(X)) > 0.3


@over_regression_losses
def test_a_training_that_diverges_says_so(loss):
    X, Y = two_targets(60)
    wild = {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": 50.0}
    gone_wild = SoftLossMLPRegressor(loss=loss, **{**SMALL, "max_iter": 12}, **wild)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises((ConvergenceWarning, ValueError), match=r"diverged|non-finite"):
            gone_wild.fit(X, Y)
        SoftLossMLPRegressor(loss=loss, **SMALL).fit(X, Y)


# --- refusals ------------------------------------------------------------------------------------

REFUSED = {
    "a negative count": ({"loss": "poisson"}, -1.0, r"must be finite and >= 0, .*row 3.*-1"),
    "no amount": ({"loss": "gamma"}, 0.0, r"finite and > 0, .*row 3, column 0 is 0.*'tweedie'"),
    "negative claims": ({"loss": "tweedie"}, -2.0, r"row 3, column 0 is -2"),
    "infinity": ({}, np.inf, r"row 3, column 0 is inf.*Input y contains infinity"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_an_entry_outside_the_domain_is_named(case):
    params, value, message = REFUSED[case]
    X, y = positive()
    reg = SoftLossMLPRegressor(**SMALL, **params).fit(X, y)
    before = reg.predict(X)
    y[3] = value
    with pytest.raises(ValueError, match=message):
        reg.fit(X, y)
    assert_array_equal(reg.predict(X), before)


@pytest.mark.parametrize(
    "levels",
    [0.0, 1.0, -0.1, (0.5, 0.5), (0.9, 0.1), (0.1, 1.0), (), "half", "0.5", ["0.1", "0.5"], None,
     np.nan, True, [[0.1], [0.2, 0.3]]],
)  # fmt: skip
def test_levels_are_increasing_numbers_inside_the_unit_interval(levels):
    X, y = positive()
    with pytest.raises(ValueError, match="quantile must be a number in"):
        SoftLossMLPRegressor(loss="quantile", quantile=levels, **SMALL).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (sp.csr_array(np.eye(150)), "sparse y is not supported"),
        (np.array(["a"] * 150), r"y must hold numbers; row 0 is .*'a'"),
        (pd.DataFrame({"b": 1.0, "a": ["x"] * 150}), "y must hold numbers; row 0, column 1 is 'x'"),
        (np.array(["2020-01-01"] * 150, "datetime64[ns]"), "y must hold numbers; row 0 is .*2020"),
        (np.ones((150, 2, 2)), "one or two dimensions"),
        (np.ones(150) * 1j, "Complex data not supported"),
        (np.full(150, np.nan), "No sample is left"),
        ([[1.0], [1.0, 2.0]] * 75, "rows differ in length"),
    ],
)
def test_what_is_no_target(y, message):
    X, _ = positive()
    with pytest.raises((ValueError, TypeError), match=message):
        SoftLossMLPRegressor(**SMALL).fit(X, y)


def test_words_that_do_not_go_together():
    X, y = positive()
    with pytest.raises(ValueError, match=r"quantile=0.9 is for loss='quantile'"):
        SoftLossMLPRegressor(quantile=0.9).fit(X, y)
    with pytest.raises(ValueError, match="Unknown loss 'hinge'"):
        SoftLossMLPRegressor(loss="hinge").fit(X, y)
    with pytest.raises(ValueError, match="'distribution' targets"):
        SoftLossMLPRegressor(loss="cross_entropy").fit(X, y)
    reg = SoftLossMLPRegressor(**SMALL)
    assert not hasattr(reg, "predict_quantiles")
    assert not hasattr(reg.fit(X, y), "predict_std")
    reg = SoftLossMLPRegressor(**SMALL, loss="quantile", quantile=LEVELS).fit(X, y)
    with pytest.raises(ValueError, match=r"quantile=\(0\.05, .*; got levels=\(0\.1, 0\.9\)"):
        reg.predict_quantiles(X, (0.1, 0.9))


@pytest.mark.parametrize(
    ("loss", "method", "message"),
    [
        ("squared_error", "predict_quantiles", "needs a fit with loss='quantile' or 'gaussian'"),
        ("quantile", "predict_std", r"needs a fit with loss='gaussian'; the loss is Quantile"),
        ("huber", "predict_std", "needs a fit with loss='gaussian'; the loss is Huber"),
    ],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_a_method_that_the_loss_has_not_says_which_losses_have(loss, method, message, fitted):
    reg = SoftLossMLPRegressor(loss=loss, **SMALL)
    if fitted:
        reg.fit(*positive())
    with pytest.raises(AttributeError, match=f"{method} {message}"):
        getattr(reg, method)
    assert not hasattr(reg, method)


@pytest.mark.parametrize("method", ["predict_quantiles", "predict_std"])
def test_a_loss_that_is_none_has_no_methods(method):
    with pytest.raises(AttributeError, match=r"Unknown loss 'hubber'.* Did you mean 'huber'"):
        getattr(SoftLossMLPRegressor(loss="hubber"), method)


def test_what_is_no_truth_to_score_by():
    X, Y = two_targets()
    reg = SoftLossMLPRegressor(**SMALL).fit(X, Y)
    with pytest.raises(ValueError, match=r"y must have the shape \(150, 2\); it has \(150,\)"):
        reg.score(X, Y[:, 0])
    with pytest.raises(ValueError, match="y holds no known entry to score by"):
        reg.score(X, np.full_like(Y, np.nan))


def test_a_level_given_as_alpha_is_warned_of():
    """`alpha` is the level in scikit-learn's gradient boosting; here it is the decay."""
    X, y = positive()
    with pytest.warns(UserWarning, match=r"alpha=0\.9 is the weight decay.* set quantile=0\.9"):
        reg = SoftLossMLPRegressor(loss="quantile", **{**SMALL, "alpha": 0.9}).fit(X, y)
    assert_array_equal(reg.quantile_, [0.5])
    for params in (
        {"loss": "quantile", "quantile": 0.9, "alpha": 0.9},
        {"loss": "quantile", "alpha": 1e-3},
        {"loss": "absolute_error", "alpha": 0.9},
        {"loss": Quantile(0.5), "alpha": 0.9},
    ):
        SoftLossMLPRegressor(**{**SMALL, **params}).fit(X, y)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_every_mark_of_a_missing_target_is_unknown(missing, container):
    X, Y = two_targets()
    holed, objects = Y.copy(), Y.astype(object)
    holed[5, 1], objects[5, 1] = np.nan, missing
    expected = SoftLossMLPRegressor(**SMALL).fit(X, holed).predict(X)
    found = SoftLossMLPRegressor(**SMALL).fit(X, container(objects)).predict(X)
    assert_array_equal(found, expected)


def test_a_column_is_a_vector_with_a_warning():
    X, y = positive()
    with pytest.warns(DataConversionWarning):
        reg = SoftLossMLPRegressor(**SMALL).fit(X, y[:, None])
    assert reg.predict(X).shape == y.shape
