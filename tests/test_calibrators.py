"""Calibrators as plain objects: what they recover, what they keep, how truths may come."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression

from calibration_cases import (
    EXACT,
    OF_CLASSES,
    draw_classes,
    draw_labels,
    drawn_for,
    given_to,
    name,
    over_all,
    over_classes,
    over_labels,
)
from sklearn_softloss.calibration import (
    BetaCalibration,
    DirichletCalibration,
    IsotonicCalibration,
    PriorShift,
    SigmoidCalibration,
    TemperatureScaling,
    VectorScaling,
)


def soft_log_loss(truth, proba):
    return -(truth * np.log(proba)).sum(axis=1).mean()


# --- known parameters are found again ------------------------------------------------------------


def test_temperature_of_classes_is_recovered():
    logits = np.random.default_rng(0).normal(0, 3, (2000, 5))
    truth = softmax(logits / 2.5, axis=1)
    by_logits = TemperatureScaling(from_logits=True).fit(truth, logits)
    assert by_logits.temperature_ == pytest.approx(2.5, rel=1e-9)
    assert_allclose(by_logits.predict_proba(logits), truth, rtol=1e-9)
    by_proba = TemperatureScaling().fit(truth, softmax(logits, axis=1))
    assert by_proba.temperature_ == pytest.approx(2.5, rel=1e-5)  # 1e-12 is added to each p


def test_temperature_of_labels_is_recovered():
    logits = np.random.default_rng(0).normal(-1, 3, (2000, 4))
    temperature = np.array([0.5, 1.0, 2.5, 20.0])
    truth = expit(logits / temperature)
    scaling = TemperatureScaling(from_logits=True, multi_label=True).fit(truth, logits)
    assert_allclose(scaling.temperature_, temperature, rtol=1e-12)
    assert_allclose(scaling.predict_proba(logits), truth, rtol=1e-8)
    assert not scaling.pooled_.any()


def test_vector_scaling_is_recovered():
    logits = np.random.default_rng(0).normal(0, 2, (2000, 4))
    scale, intercept = np.array([0.4, 1.3, 0.9, 0.7]), np.array([1.0, -0.5, -1.0, 0.5])
    truth = softmax(scale * logits + intercept, axis=1)
    scaling = VectorScaling(from_logits=True).fit(truth, logits)
    assert_allclose(scaling.scale_, scale, rtol=1e-5)
    assert_allclose(scaling.intercept_, intercept, atol=1e-5)
    assert_allclose(scaling.predict_proba(logits), truth, rtol=1e-4)


def test_dirichlet_map_is_recovered_up_to_what_changes_nothing():
    rng = np.random.default_rng(0)
    log_proba = log_softmax(rng.normal(0, 1.5, (3000, 3)), axis=1)
    coef = np.array([[0.8, 0.2, 0.0], [-0.3, 1.2, 0.1], [0.0, 0.4, 0.6]])
    truth = softmax(log_proba @ coef.T + [0.5, -0.2, -0.3], axis=1)
    found = DirichletCalibration(0, 0).fit(truth, np.exp(log_proba))
    # A row added to all rows of the matrix, like a constant, leaves a softmax as it is.
    assert_allclose(found.coef_ - found.coef_.mean(axis=0), coef - coef.mean(axis=0), atol=1e-4)
    assert_allclose(found.intercept_ - found.intercept_.mean(), [0.5, -0.2, -0.3], atol=1e-4)
    assert_allclose(found.predict_proba(np.exp(log_proba)), truth, atol=1e-6)
    held = DirichletCalibration(off_diagonal=1e4, intercept=1e4).fit(truth, np.exp(log_proba))
    assert np.abs(held.coef_ - np.diag(np.diag(held.coef_))).max() < 1e-3
    assert np.abs(held.intercept_).max() < 1e-3
    assert np.abs(np.diag(held.coef_) - 1).max() > 0.05  # the diagonal is free


def test_sigmoid_of_labels_is_recovered():
    logits = np.random.default_rng(0).normal(0, 2, (3000, 3))
    scale, intercept = np.array([0.5, 1.0, 1.4]), np.array([-1.0, 0.0, 0.7])
    truth = expit(scale * logits + intercept)
    sigmoid = SigmoidCalibration(from_logits=True, multi_label=True).fit(truth, logits)
    assert_allclose(sigmoid.scale_, scale, rtol=2e-3)
    assert_allclose(sigmoid.intercept_, intercept, atol=2e-3)


def test_beta_of_labels_is_recovered():
    p = np.random.default_rng(0).uniform(0.02, 0.98, (3000, 3))
    a, b, c = np.array([0.5, 1.0, 1.6]), np.array([1.2, 1.0, 0.3]), np.array([-0.5, 0.0, 1.0])
    truth = expit(a * np.log(p) - b * np.log(1 - p) + c)
    beta = BetaCalibration(multi_label=True).fit(truth, p)
    assert_allclose(beta.coef_, np.stack([a, b], axis=1), atol=0.01)
    assert_allclose(beta.intercept_, c, atol=0.01)


def test_sigmoid_and_beta_of_two_classes_are_those_of_the_label():
    logits, truth, _ = draw_labels(n_labels=1)
    proba = expit(logits)
    for Kind in (SigmoidCalibration, BetaCalibration):
        label = Kind(multi_label=True)
        label._fit(truth, proba, np.ones(len(proba)))  # a single column is read as hard labels
        classes = Kind().fit(np.hstack([1 - truth, truth]), np.hstack([1 - proba, proba]))
        found = classes.predict_proba(np.hstack([1 - proba, proba]))[:, 1:]
        assert_allclose(found, label._calibrated(proba), rtol=1e-6)


def test_isotonic_recovers_an_increasing_curve():
    p = np.random.default_rng(0).random((20_000, 2))
    truth = np.stack([p[:, 0] ** 2, np.sqrt(p[:, 1])], axis=1)
    hard = (np.random.default_rng(1).random(p.shape) < truth).astype(float)
    exact = IsotonicCalibration(multi_label=True).fit(truth, p).predict_proba(p)
    drawn = IsotonicCalibration(multi_label=True).fit(hard, p).predict_proba(p)
    assert_allclose(exact, truth, atol=1e-3)
    assert np.abs(drawn - truth).mean() < 0.03


def test_isotonic_has_the_least_log_loss_of_all_increasing_curves():
    """The solution of the least squares is that of the log loss, too."""
    rng = np.random.default_rng(0)
    p, truth, weight = np.sort(rng.random(12)), rng.uniform(0.1, 0.9, 12), rng.random(12)
    both = np.stack([1 - p, p], axis=1), np.stack([1 - truth, truth], axis=1)
    found = IsotonicCalibration().fit(both[1], both[0], weight).predict_proba(both[0])[:, 1]

    def loss(curve):
        return -(weight * (truth * np.log(curve) + (1 - truth) * np.log(1 - curve))).sum()

    rises = [{"type": "ineq", "fun": lambda curve: np.diff(curve)}]
    start = np.linspace(0.4, 0.6, 12)
    best = minimize(loss, start, constraints=rises, bounds=[(0.01, 0.99)] * 12, tol=1e-12)
    assert loss(found) <= best.fun + 1e-6
    assert_allclose(found, best.x, atol=2e-3)


def test_a_shift_of_the_prior_is_recovered():
    """Truths drawn from a population with another prior, and rows of each class the same."""
    rng = np.random.default_rng(0)
    old, new = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    means = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    label = rng.choice(3, p=new, size=20_000)
    x = rng.normal(size=(20_000, 2)) + means[label]
    likelihood = np.exp(-0.5 * np.square(x[:, None] - means).sum(axis=-1))
    before, after = (
        row / row.sum(axis=1, keepdims=True) for row in (likelihood * old, likelihood * new)
    )
    shift = PriorShift().fit(label, before)
    ratio = np.log(new / old)
    assert_allclose(shift.intercept_, ratio - ratio.mean(), atol=0.05)
    assert np.abs(shift.predict_proba(before) - after).mean() < 0.005
    assert_allclose(
        shift.predict_proba(before).mean(axis=0), np.eye(3)[label].mean(axis=0), rtol=1e-5
    )


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_given_prior_follows_the_formula_of_saerens(multi_label):
    shift = PriorShift(prior=[0.2, 0.3, 0.5], multi_label=multi_label)
    proba, _, _ = drawn_for(shift, **({"n_labels": 3} if multi_label else {}))
    share, new = proba.mean(axis=0), np.array([0.2, 0.3, 0.5])
    moved, rest = proba * new / share, (1 - proba) * (1 - new) / (1 - share)
    expected = moved / (moved + rest if multi_label else moved.sum(axis=1, keepdims=True))
    assert_allclose(shift.fit(proba, proba).predict_proba(proba), expected, rtol=1e-6)
    assert_allclose(shift.base_rate_, share)


# --- what is right stays right -------------------------------------------------------------------


@over_all
def test_calibrated_probabilities_stay(calibrator):
    proba, _, _ = drawn_for(calibrator, n=4000)
    found = clone(calibrator).fit(proba, proba).predict_proba(proba)
    assert np.abs(found - proba).max() < 0.005


@over_all
def test_the_soft_log_loss_of_the_rows_of_the_fit_falls(calibrator):
    proba, soft, hard = drawn_for(calibrator)
    for truth in (soft, hard):
        found = clone(calibrator).fit(truth, proba).predict_proba(proba)
        if calibrator.multi_label:
            pairs = [
                (np.stack([1 - q, q], axis=1))
                for q in (truth.ravel(), proba.ravel(), found.ravel())
            ]
        else:
            pairs = [truth, proba, found]
        assert soft_log_loss(pairs[0], pairs[2]) < soft_log_loss(pairs[0], pairs[1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0.01, 50.0))
def test_temperature_keeps_every_order(seed, spread):
    rng = np.random.default_rng(seed)
    logits, truth = rng.normal(0, spread, (40, 4)), rng.dirichlet(np.ones(4), 40)
    by_class = TemperatureScaling(from_logits=True).fit(truth, logits).predict_proba(logits)
    order = np.argsort(logits, axis=1)
    assert np.all(np.diff(np.take_along_axis(by_class, order, axis=1), axis=1) >= 0)
    assert_array_equal(by_class.argmax(axis=1), logits.argmax(axis=1))
    labels = (rng.random((40, 4)) < 0.5).astype(float)
    scaling = TemperatureScaling(from_logits=True, multi_label=True)
    by_label = scaling.fit(labels, logits).predict_proba(logits)
    order = np.argsort(logits, axis=0)
    assert np.all(np.diff(np.take_along_axis(by_label, order, axis=0), axis=0) >= 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.95))
def test_isotonic_and_beta_never_fall(seed, share):
    rng = np.random.default_rng(seed)
    proba = rng.random((150, 2)) ** 2
    truth = np.where(rng.random((150, 2)) < share, rng.random((150, 2)).round(), 1 - proba)
    grid = np.tile(np.linspace(0, 1, 101)[:, None], 2)
    for calibrator in (IsotonicCalibration(multi_label=True), BetaCalibration(multi_label=True)):
        curve = calibrator.fit(truth, proba).predict_proba(grid)
        assert np.diff(curve, axis=0).min() >= -1e-15
    beta = BetaCalibration(multi_label=True).fit(1 - proba, proba)
    assert_array_equal(beta.coef_, 0)  # the best curve that does not fall is flat


# --- the least loss, by a slow solver on the formula written out ---------------------------------


def ones(z):
    return np.ones_like(z)


LOGISTIC = {
    TemperatureScaling: (lambda fit, j: [1 / fit.temperature_[j]], [lambda z: z], 0.0, False),
    SigmoidCalibration: (
        lambda fit, j: [fit.scale_[j], fit.intercept_[j]],
        [lambda z: z, ones],
        -np.inf,
        True,
    ),
    BetaCalibration: (
        lambda fit, j: [*fit.coef_[j], fit.intercept_[j]],
        [lambda z: np.log(expit(z)), lambda z: -np.log(1 - expit(z)), ones],
        0.0,
        True,
    ),
    PriorShift: (lambda fit, j: [fit.intercept_[j]], [ones], -np.inf, False),
}
"""Parameters of a label, features they multiply, least slopes, whether truths are bounded."""


@pytest.mark.parametrize("unknown", [np.nan, -1])
@pytest.mark.parametrize("Kind", LOGISTIC)
def test_each_label_has_the_least_loss_over_its_known_entries(Kind, unknown):
    parameters, features, lower, bounds_truths = LOGISTIC[Kind]
    logits, soft, hard = draw_labels(n=150, n_labels=3)
    rng = np.random.default_rng(5)
    weight = rng.uniform(0.2, 3, 150)
    truth = np.where(rng.random(soft.shape) < 0.5, soft, hard)
    missing = rng.random(soft.shape) < 0.3
    fit = Kind(multi_label=True).fit(np.where(missing, unknown, truth), expit(logits), weight)
    for j, known in enumerate(~missing.T):
        z, t, w = logits[known, j], truth[known, j], weight[known]
        if bounds_truths:
            t = np.clip(t, 1 / (w @ (1 - t) + 2), (w @ t + 1) / (w @ t + 2))

        def loss(theta, z=z, t=t, w=w):
            raw = sum(a * feature(z) for a, feature in zip(theta, features, strict=True))
            p = expit(raw + z if Kind is PriorShift else raw)
            return -(w * (t * np.log(p) + (1 - t) * np.log(1 - p))).sum() / w.sum()

        found = parameters(fit, j)
        bounds = [(-np.inf if feature is ones else lower, np.inf) for feature in features]
        tight = {"xatol": 1e-8, "fatol": 1e-14, "maxiter": 4000}
        start = np.add(found, 0.3)
        best = minimize(loss, start, method="Nelder-Mead", bounds=bounds, options=tight)
        assert loss(found) <= best.fun + 1e-12
        assert_allclose(found, best.x, atol=1e-5)


def test_isotonic_of_a_label_is_that_of_scikit_learn_over_its_known_entries():
    logits, _, hard = draw_labels(n=400)
    missing = np.random.default_rng(1).random(hard.shape) < 0.2
    weight = np.random.default_rng(2).uniform(0.5, 2, 400)
    proba = expit(logits)
    found = IsotonicCalibration(multi_label=True).fit(np.where(missing, -1, hard), proba, weight)
    for j, rows in enumerate(~missing.T):
        plain = IsotonicRegression(out_of_bounds="clip").fit(
            proba[rows, j], hard[rows, j], weight[rows]
        )
        margin = 1 / (weight[rows].sum() + 2)
        expected = np.clip(plain.predict(proba[:, j]), margin, 1 - margin)
        # Between known rows curves differ where one is bounded and the other is not.
        assert_allclose(found.predict_proba(proba)[rows, j], expected[rows], rtol=1e-12)


@pytest.mark.parametrize(
    "calibrator", [VectorScaling(), DirichletCalibration(0.01, 0.02)], ids=name
)
def test_maps_of_all_classes_have_the_least_penalised_loss(calibrator):
    logits, soft, hard = draw_classes(n=60)
    truth, weight = np.where(np.arange(60)[:, None] % 2, soft, hard), np.linspace(0.5, 2, 60)
    log_proba = np.log(softmax(logits, axis=1) + 1e-12)
    found = clone(calibrator).fit(truth, softmax(logits, axis=1), weight)

    def loss(theta):
        if isinstance(calibrator, VectorScaling):
            raw, penalty = theta[:3] * log_proba + theta[3:], 0.0
        else:
            coef, intercept = theta[:9].reshape(3, 3), theta[9:]
            raw = log_proba @ coef.T + intercept
            off_diagonal = coef[~np.eye(3, dtype=bool)]
            penalty = 0.01 * np.square(off_diagonal).mean() + 0.02 * np.square(intercept).mean()
        losses = -(truth * log_softmax(raw, axis=1)).sum(axis=1)
        return np.average(losses, weights=weight) + penalty

    parts = [
        getattr(found, part).ravel()
        for part in ("coef_", "scale_", "intercept_")
        if hasattr(found, part)
    ]
    best = minimize(loss, np.concatenate(parts) + 0.1, options={"gtol": 1e-7})
    assert loss(np.concatenate(parts)) <= best.fun + 1e-9


# --- weights, mixtures, formats ------------------------------------------------------------------


@over_all
def test_a_weight_is_a_number_of_rows(calibrator):
    proba, soft, _ = drawn_for(calibrator, n=150)
    times = np.random.default_rng(0).integers(0, 4, 150)
    weighted = clone(calibrator).fit(soft, proba, times)
    repeated = clone(calibrator).fit(soft.repeat(times, axis=0), proba.repeat(times, axis=0))
    assert_allclose(weighted.predict_proba(proba), repeated.predict_proba(proba), rtol=1e-6)


@pytest.mark.parametrize("calibrator", EXACT, ids=name)
def test_a_soft_row_is_a_mixture_of_hard_rows(calibrator):
    proba, soft, _ = drawn_for(calibrator, n=100)
    mixed = clone(calibrator).fit(soft, proba)
    split = clone(calibrator).fit(
        np.tile(np.eye(3), (100, 1)), proba.repeat(3, axis=0), soft.ravel()
    )
    assert_allclose(mixed.predict_proba(proba), split.predict_proba(proba), rtol=1e-5)


@over_classes
def test_hard_labels_are_one_hot_rows(calibrator):
    proba, _, hard = drawn_for(calibrator)
    names = np.array(["b", "c", "d"])[hard.argmax(axis=1)]
    by_name = clone(calibrator).fit(names, proba).predict_proba(proba)
    assert_array_equal(by_name, clone(calibrator).fit(hard, proba).predict_proba(proba))


@over_all
def test_logits_say_the_same_as_their_probabilities(calibrator):
    draw = draw_labels if calibrator.multi_label else draw_classes
    logits, soft, _ = draw()
    if not calibrator.multi_label:
        logits = log_softmax(logits, axis=1)  # vector scaling takes logits as they are
    by_logits = clone(calibrator).set_params(from_logits=True).fit(soft, logits)
    by_proba = clone(calibrator).fit(soft, given_to(calibrator, logits))
    assert_allclose(
        by_logits.predict_proba(logits),
        by_proba.predict_proba(given_to(calibrator, logits)),
        rtol=1e-6,
    )


@pytest.mark.parametrize("calibrator", [OF_CLASSES[0], *OF_CLASSES[2:]], ids=name)
def test_a_constant_added_to_the_logits_of_a_row_changes_nothing(calibrator):
    """For all but vector scaling, which scales logits as they are."""
    logits, soft, _ = draw_classes()
    moved = logits + np.linspace(-5, 5, len(logits))[:, None]
    fits = [clone(calibrator).set_params(from_logits=True).fit(soft, z) for z in (logits, moved)]
    assert_allclose(fits[0].predict_proba(logits), fits[1].predict_proba(moved), rtol=1e-6)


@over_labels
def test_sparse_truths_are_the_dense_ones(calibrator):
    proba, soft, hard = drawn_for(calibrator)
    truth = np.where(np.arange(len(soft))[:, None] % 3, hard, soft)
    truth[5:20, 0] = np.nan
    dense = clone(calibrator).fit(truth, proba)
    sparse = clone(calibrator).fit(sp.csr_matrix(truth), proba)
    assert_array_equal(dense.predict_proba(proba), sparse.predict_proba(proba))


@over_labels
def test_blocks_of_labels_do_not_show(calibrator, monkeypatch):
    proba, _, hard = drawn_for(calibrator, n_labels=7)
    found = clone(calibrator).fit(hard, proba).predict_proba(proba)
    monkeypatch.setattr("sklearn_softloss.calibration._per_label.BLOCK_SIZE", 1300)
    assert_allclose(clone(calibrator).fit(hard, proba).predict_proba(proba), found, rtol=1e-9)
