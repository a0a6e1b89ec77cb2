"""Calibrators with little to learn from, extreme input and input that is refused."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logit, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from calibration_cases import (
    OF_LABELS,
    draw_classes,
    drawn_for,
    over_all,
    over_classes,
    over_labels,
)
from sklearn_softloss.calibration import (
    DirichletCalibration,
    PriorShift,
    SigmoidCalibration,
    TemperatureScaling,
    VectorScaling,
)

# --- labels and classes of which the truths say little -------------------------------------------


@over_labels
def test_labels_with_few_positives_take_the_curve_of_all(calibrator):
    proba, _, hard = drawn_for(calibrator, n=400, n_labels=4)
    few = calibrator.few
    positives = np.flatnonzero(hard[:, 3])
    hard[positives[few - 1 :], 3] = 0
    found = clone(calibrator).fit(hard, proba)
    assert_array_equal(found.pooled_, [False, False, False, True])
    stacked = clone(calibrator)
    stacked._fit(hard.reshape(-1, 1), proba.reshape(-1, 1), np.ones(hard.size))
    assert_allclose(
        found.predict_proba(proba)[:, 3], stacked._calibrated(proba[:, 3:])[:, 0], rtol=1e-9
    )
    alone = clone(calibrator).fit(hard[:, :3], proba[:, :3])
    assert_array_equal(found.predict_proba(proba)[:, :3], alone.predict_proba(proba[:, :3]))
    hard[positives[few - 1], 3] = 1
    assert not clone(calibrator).fit(hard, proba).pooled_.any()


def test_nothing_is_pooled_where_a_prior_is_given():
    proba, _, hard = drawn_for(OF_LABELS[0], n_labels=2)
    hard[np.flatnonzero(hard[:, 1])[3:], 1] = 0
    shift = PriorShift(prior=[0.5, 0.5], multi_label=True).fit(hard, proba)
    assert not shift.pooled_.any()
    assert not shift.unchanged_.any()


@over_labels
def test_constant_labels_stay_as_they_are(calibrator):
    proba, _, hard = drawn_for(calibrator)
    hard[:, 0], hard[:, 1], hard[:, 2] = 0, np.nan, 1
    hard[:100, 0] = -1
    found = clone(calibrator).fit(hard, proba)
    assert_array_equal(found.unchanged_, [True, True, True, False])
    assert_array_equal(found.predict_proba(proba)[:, :3], proba[:, :3])
    assert np.abs(found.predict_proba(proba)[:, 3] - proba[:, 3]).max() > 0.01


@over_labels
def test_a_handful_of_positives_in_all_labels_changes_nothing(calibrator):
    proba, _, _ = drawn_for(calibrator)
    truth = np.zeros_like(proba)
    truth[0, :2] = 1
    found = clone(calibrator).fit(truth, proba)
    assert found.unchanged_.all()
    assert_array_equal(found.predict_proba(proba), proba)


def test_labels_without_an_error_take_the_temperature_of_all():
    """Their own would be 0, and turn probabilities into 0 and 1."""
    proba, _, hard = drawn_for(OF_LABELS[0])
    hard[:, 2] = proba[:, 2] > 0.5
    scaling = TemperatureScaling(multi_label=True).fit(hard, proba)
    assert_array_equal(scaling.pooled_, [False, False, True, False])
    assert scaling.temperature_[2] > 0.5


@pytest.mark.parametrize("n_positives", [5, 40])
def test_labels_without_an_error_stay_as_they_are_where_all_are_such(n_positives):
    halves = np.linspace(0.1, 0.4, n_positives), np.linspace(0.6, 0.9, n_positives)
    proba = np.tile(np.concatenate(halves)[:, None], 2)
    scaling = TemperatureScaling(multi_label=True).fit(proba > 0.5, proba)
    assert_array_equal(scaling.temperature_, 1)
    assert scaling.unchanged_.all()
    assert_array_equal(scaling.predict_proba(proba), proba)


@over_classes
def test_a_class_without_truths_keeps_its_probability(calibrator):
    logits, _, _ = draw_classes(k=4)
    proba = softmax(logits, axis=1)
    drawn = np.random.default_rng(1).random(len(proba))[:, None] < np.cumsum(proba[:, :3], axis=1)
    truth = np.eye(4)[drawn.argmax(axis=1)]
    found = clone(calibrator).fit(truth, proba)
    assert_allclose(found.predict_proba(proba).sum(axis=1), 1)
    if not isinstance(calibrator, TemperatureScaling):
        assert_array_equal(found.unchanged_, [False, False, False, True])
        assert_allclose(found.predict_proba(proba)[:, 3], proba[:, 3], rtol=1e-12)


@over_classes
def test_truths_of_one_class_change_nothing(calibrator):
    proba, _, _ = drawn_for(calibrator)
    truth = np.tile([0.0, 1.0, 0.0], (len(proba), 1))
    found = clone(calibrator).fit(truth, proba).predict_proba(proba)
    assert_allclose(found, proba, rtol=1e-9, atol=1e-11)


# --- extreme input -------------------------------------------------------------------------------


@over_all
def test_extreme_logits_give_finite_probabilities(calibrator):
    rng = np.random.default_rng(0)
    logits = np.where(rng.random((200, 3)) < 0.5, -1.0, 1.0) * rng.choice(
        [1.0, 700.0, 1e4], (200, 3)
    )
    truth = np.eye(3)[rng.integers(0, 3, 200)]
    found = clone(calibrator).set_params(from_logits=True).fit(truth, logits).predict_proba(logits)
    assert np.all((found > 0) & (found < 1))


@over_all
def test_probabilities_of_0_and_1_give_finite_log_losses(calibrator):
    _, _, hard = drawn_for(calibrator)
    proba = hard[::-1].copy()
    found = clone(calibrator).fit(hard, proba).predict_proba(proba)
    assert np.all((found > 0) & (found < 1))
    rows = np.stack([1 - found, found]) if calibrator.multi_label else found[None]
    truth = np.stack([1 - hard, hard]) if calibrator.multi_label else hard[None]
    loss = -(truth * np.log(rows)).sum(axis=0).mean()
    assert loss < (28 if isinstance(calibrator, PriorShift) else 1.2)


@over_all
def test_equal_logits_throughout_are_no_obstacle(calibrator):
    proba, _, hard = drawn_for(calibrator)
    flat = np.full_like(proba, 1 / 3)
    found = clone(calibrator).fit(hard, flat).predict_proba(flat)
    assert np.ptp(found, axis=0).max() == 0
    if not isinstance(calibrator, TemperatureScaling):
        assert_allclose(found[0], hard.mean(axis=0), atol=0.005)


def test_rows_of_weight_0_say_nothing():
    logits, _, hard = draw_classes(k=4)
    weight = 1.0 - hard[:, 3]
    scaling = VectorScaling(from_logits=True).fit(hard, logits, weight)
    assert_array_equal(scaling.unchanged_, [False, False, False, True])
    kept = VectorScaling(from_logits=True).fit(hard[weight > 0], logits[weight > 0])
    assert_array_equal(scaling.scale_, kept.scale_)


def test_a_temperature_that_changes_nothing_is_1():
    scaling = TemperatureScaling().fit([[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.5, 0.5]])
    assert scaling.temperature_ == 1


def test_a_temperature_without_an_optimum_is_at_its_bound():
    logits, truth = np.array([[2.0, 0.0], [0.0, 1.0]] * 5), np.eye(2)[[0, 1] * 5]
    separated = TemperatureScaling(from_logits=True).fit(truth, logits)
    assert separated.temperature_ == pytest.approx(np.exp(-10))
    reversed_ = TemperatureScaling(from_logits=True).fit(truth[:, ::-1], logits)
    assert reversed_.temperature_ == pytest.approx(np.exp(10))


# --- refusals ------------------------------------------------------------------------------------

TWO = np.array([[0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
ROWS = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]

REFUSED = [
    ({}, ROWS, [[0.2, 0.8], [1.7, -0.7], [0.6, 0.4]], "must lie in .0, 1.*from_logits=True"),
    ({}, ROWS, [[0.2, 0.8], [0.7, 0.7], [0.6, 0.4]], "row 1 sums to 1.4.*multi_label=True"),
    ({}, ROWS, [[0.2, 0.8], [np.nan, 0.7], [0.6, 0.4]], "NaN"),
    ({}, ROWS, [0.2, 0.7, 0.6], "2D"),
    ({}, [0, 1, 1], [[0.2], [0.7], [0.6]], "one column each.*column_stack"),
    ({}, [0, 1, 2], TWO, "it has 3.*one-hot rows"),
    ({}, [0, 1], TWO, "inconsistent numbers of samples"),
    ({}, [[1.0, 0.0], [0.4, 0.1], [0.5, 0.5]], TWO, "row 1 sums to 0.5"),
    ({}, [[1.0, 0.0], [np.nan, 0.1], [0.5, 0.5]], TWO, "row 1, column 0 is nan"),
    ({"from_logits": True}, ROWS, TWO, "these are probabilities"),
    ({"from_logits": True}, ROWS, [[0, np.inf], [1, 2], [0, 3]], "infinity"),
    ({"multi_label": True}, ROWS, [[0.2, 1.1], [0.7, 0.3], [0.6, 0.4]], "from_logits=True"),
    ({"multi_label": True}, [[0, 3], [1, 0], [1, 1]], TWO, "row 0, column 1 is 3"),
    ({"multi_label": True}, np.ones((3, 3)), TWO, "it has 3"),
]


@pytest.mark.parametrize(("params", "truth", "proba", "message"), REFUSED)
def test_bad_input_is_refused_and_leaves_the_fit(params, truth, proba, message):
    calibrator = TemperatureScaling(multi_label="multi_label" in params)
    calibrator.fit([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7]], TWO)
    before = dict(vars(calibrator))
    with pytest.raises(ValueError, match=message):
        calibrator.set_params(**params).fit(truth, proba)
    after = {**vars(calibrator), "from_logits": False}
    assert all(np.array_equal(after[key], before[key]) for key in before)


@pytest.mark.parametrize("weight", [[1.0, 2.0], [-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
def test_bad_weights_are_refused(weight):
    with pytest.raises(ValueError, match="sample_weight must"):
        TemperatureScaling().fit(ROWS, TWO, weight)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ([0.5, 0.6], "sum to 1"),
        ([0.5, 0.25, 0.25], "2 numbers"),
        ([0.0, 1.0], "entry 0 is 0"),
    ],
)
def test_bad_priors_are_refused(prior, message):
    with pytest.raises(ValueError, match=message):
        PriorShift(prior=prior).fit(ROWS, TWO)


def test_a_prior_for_a_class_without_truths_is_refused():
    with pytest.raises(ValueError, match="prior names class 1"):
        PriorShift(prior=[0.5, 0.5]).fit([[1.0, 0.0]] * 3, TWO)


def test_bad_penalties_are_refused():
    with pytest.raises(ValueError, match="off_diagonal"):
        DirichletCalibration(off_diagonal=-1).fit(ROWS, TWO)
    with pytest.raises(TypeError, match="intercept"):
        DirichletCalibration(intercept="no").fit(ROWS, TWO)


def test_other_columns_than_in_the_fit_are_refused():
    scaling = TemperatureScaling().fit(ROWS, TWO)
    with pytest.raises(ValueError, match="fitted on 2 columns; got 3"):
        scaling.predict_proba([[0.2, 0.3, 0.5]])
    with pytest.raises(NotFittedError):
        TemperatureScaling().predict_proba(TWO)


# --- objects -------------------------------------------------------------------------------------


@over_all
def test_calibrators_can_be_cloned_and_saved(calibrator):
    proba, soft, _ = drawn_for(calibrator, n=100)
    fitted = clone(calibrator).fit(soft, proba)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(restored.predict_proba(proba), fitted.predict_proba(proba))
    assert repr(restored) == repr(calibrator)
    assert not hasattr(clone(fitted), "n_columns_")
    assert fitted.set_params(from_logits=True).get_params()["from_logits"]


def test_the_log_odds_of_a_near_certain_class_come_from_the_others():
    """1 - p would be 0 for it."""
    logits = np.array([[50.0, 0.0, 1.0], [0.0, 60.0, 0.0], [1.0, 0.0, 2.0]])
    log_odds = SigmoidCalibration(from_logits=True)._as_log_odds(logits)
    assert log_odds[0, 0] == pytest.approx(50 - np.log(1 + np.e), rel=1e-12)
    assert log_odds[1, 1] == pytest.approx(60 - np.log(2), rel=1e-12)
    assert_allclose(log_odds[2], logit(softmax(logits[2])), rtol=1e-12)
