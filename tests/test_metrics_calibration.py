"""Calibration errors and decompositions, against scikit-learn, quadrature and isotonic fits."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.special import xlog1py, xlogy
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from sklearn_softloss.metrics import (
    calibration_decomposition,
    expected_calibration_error,
    multilabel_brier_score,
    multilabel_log_loss,
    soft_brier_score,
    soft_log_loss,
)


def draw_binary(n=600, seed=0, power=1.5):
    """Labels, and probabilities that are wrong where the power is not 1."""
    rng = np.random.default_rng(seed)
    proba = rng.random(n)
    return (rng.random(n) < proba**power).astype(float), proba


def labelwise(y, proba, **kwargs):
    return expected_calibration_error(y, proba, kind="labelwise", **kwargs)


# --- bins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [1, 5, 10])
def test_bins_are_those_of_scikit_learns_curve(strategy, n_bins):
    y, proba = draw_binary()
    truth, mean = calibration_curve(y, proba, n_bins=n_bins, strategy=strategy)
    if strategy == "uniform":
        share = np.histogram(proba, bins=n_bins, range=(0, 1))[0] / len(y)
    else:
        share = 1 / n_bins
    expected = np.sum(share * np.abs(truth - mean))
    found = labelwise(y, proba, strategy=strategy, n_bins=n_bins)
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_bin_ends_with_its_upper_edge():
    assert labelwise([1, 0, 0], [0.2, 0.2, 0.0], n_bins=5) == pytest.approx(0.6 / 3)
    assert labelwise([1, 0, 0], [0.2, 0.2, 0.3], n_bins=5) == pytest.approx(0.6 / 3 + 0.3 / 3)


def test_equal_probabilities_share_a_quantile():
    y = np.tile([0.0, 1.0], 50)
    assert labelwise(y, np.full(100, 0.5), strategy="quantile", n_bins=10) == 0
    few = np.repeat([0.2, 0.7, 0.9], [60, 30, 10])
    by_value = [abs((y - few)[few == value].sum()) / 100 for value in (0.2, 0.7, 0.9)]
    found = labelwise(y, few, strategy="quantile", n_bins=50)
    assert found == pytest.approx(sum(by_value))


def test_confidence_against_a_loop():
    rng = np.random.default_rng(0)
    truth, proba = rng.dirichlet(np.ones(4), 200), rng.dirichlet(np.ones(4), 200)
    top = proba.argmax(axis=1)
    confidence, mass = proba.max(axis=1), truth[np.arange(200), top]
    edges = np.linspace(0, 1, 16)
    expected = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - mass[inside].mean())
    assert expected_calibration_error(truth, proba) == pytest.approx(expected, rel=1e-12)


def test_classwise_is_labelwise_of_the_columns():
    rng = np.random.default_rng(0)
    truth, proba = rng.dirichlet(np.ones(4), 200), rng.dirichlet(np.ones(4), 200)
    for strategy in ("uniform", "quantile", "smooth"):
        found = expected_calibration_error(truth, proba, kind="classwise", strategy=strategy)
        alone = labelwise(truth, proba, strategy=strategy, average=None)
        assert_allclose(found, alone.mean(), rtol=1e-9)


def test_annotators_who_disagree_are_not_called_miscalibrated():
    """Majority labels would be: every row has the confidence 0.6, and every majority is right."""
    shares, majority = np.tile([0.6, 0.4], (50, 1)), np.zeros(50, dtype=int)
    assert expected_calibration_error(shares, shares) == 0
    assert expected_calibration_error(majority, shares, labels=[0, 1]) == pytest.approx(0.4)


# --- smooth --------------------------------------------------------------------------------------


def smooth_by_quadrature(y, proba, bandwidth, end=1.0, n_points=2000):
    """Integral of the mean residual under a Gaussian that is reflected at 0 and at 1."""
    t = (np.arange(n_points) + 0.5) * end / n_points
    images = np.concatenate([shift + sign * proba for shift in (-2, 0, 2) for sign in (-1, 1)])
    kernel = np.exp(-0.5 * ((t[:, None] - images) / bandwidth) ** 2)
    residuals = np.tile(y - proba, 6) / (len(y) * bandwidth * np.sqrt(2 * np.pi))
    return np.abs(kernel @ residuals).mean() * end


@pytest.mark.parametrize("power", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("n", [3, 20, 80])
def test_smooth_error_against_quadrature(n, power):
    y, proba = draw_binary(n=n, power=power)
    expected = brentq(lambda s: smooth_by_quadrature(y, proba, s) - s, 1e-3, 1, xtol=1e-7)
    assert labelwise(y, proba, strategy="smooth") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("rate", "most"), [(1e-2, 0.02), (1e-3, 2e-3), (1e-4, 2e-4)])
def test_smooth_error_of_rare_labels(rate, most):
    """Down to errors near the width of a cell of the grid; without residuals far from 0."""
    rng = np.random.default_rng(0)
    proba = rng.random(200) * rate
    y = proba * rng.random(200) * 3
    end = 20 * rate
    expected = brentq(lambda s: smooth_by_quadrature(y, proba, s, end) - s, rate / 50, rate)
    assert expected < most
    assert labelwise(y, proba, strategy="smooth") == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("y", "proba", "expected"), [(1.0, 0.0, 1), (0.0, 1.0, 1), (1.0, 1.0, 0)])
def test_smooth_error_of_certain_predictions(y, proba, expected):
    found = labelwise(np.full(9, y), np.full(9, proba), strategy="smooth")
    assert found == pytest.approx(expected, abs=1e-9)


def test_smooth_error_is_continuous_where_bins_are_not():
    """Two predictions on either side of 0.5, pulled apart by a hair."""
    y, near, apart = [0.0, 1.0] * 50, [0.5, 0.5] * 50, [0.5 + 1e-6, 0.5 - 1e-6] * 50
    assert abs(labelwise(y, apart, n_bins=2) - labelwise(y, near, n_bins=2)) > 0.4
    smooth = [labelwise(y, proba, strategy="smooth") for proba in (near, apart)]
    assert smooth[0] == pytest.approx(smooth[1], abs=2e-3)


def test_smooth_error_falls_with_the_number_of_rows_of_a_calibrated_model():
    small, large = (
        labelwise(*draw_binary(n=n, power=1.0), strategy="smooth") for n in (200, 200_000)
    )
    assert large < small / 4


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"kind": "class"}, r"kind must be one of \['confidence', .*\]; got 'class'"),
        ({"strategy": "width"}, "strategy must be one of .*'quantile'.*got 'width'"),
        ({"n_bins": 0}, "n_bins must be a whole number >= 1; got 0"),
        ({"n_bins": 2.5}, "n_bins must be a whole number >= 1; got 2.5"),
        ({"average": "micro"}, r"average must be one of \['macro', None\]; got 'micro'"),
    ],
)
def test_bad_options_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error([[1.0, 0.0]], [[1.0, 0.0]], **kwargs)


# --- decompositions ------------------------------------------------------------------------------

SCORES = {
    ("log_loss", "classwise"): soft_log_loss,
    ("brier_score", "classwise"): soft_brier_score,
    ("log_loss", "labelwise"): multilabel_log_loss,
    ("brier_score", "labelwise"): multilabel_brier_score,
}
over_scores = pytest.mark.parametrize(("score", "kind"), SCORES)


def draw(kind, n=80, k=3, seed=0):
    """Targets and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    if kind == "classwise":
        proba = (rng.multinomial(16 - k, np.full(k, 1 / k), n) + 1) / 16
        truth = proba**1.5 + 0.2 * rng.random((n, k))
        return truth / truth.sum(axis=1, keepdims=True), proba
    proba = rng.random((n, k)).round(1)
    truth = (rng.random((n, k)) < proba**1.5).astype(float)
    truth[rng.random((n, k)) < 0.2] = np.nan
    return truth, proba


@over_scores
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_parts_are_scores_of_recalibrated_and_constant_predictions(score, kind, k, weighted):
    """Isotonic regression of each column, by scikit-learn, put back into the metric."""
    truth, proba = draw(kind, k=k)
    weight = np.random.default_rng(1).random(len(truth)) if weighted else np.ones(len(truth))
    better, constant = proba.copy(), proba.copy()
    for j in range(k):
        known = ~np.isnan(truth[:, j])
        data = proba[known, j], truth[known, j], weight[known]
        better[known, j] = IsotonicRegression().fit(*data).predict(data[0])
        constant[:, j] = np.average(data[1], weights=data[2])
    parts = calibration_decomposition(truth, proba, score=score, kind=kind, sample_weight=weight)
    assert_allclose(parts.score, SCORES[score, kind](truth, proba, sample_weight=weight))
    for found, prediction in ((parts.refinement, better), (parts.uncertainty, constant)):
        assert_allclose(found, by_hand(score, kind, truth, prediction, weight), rtol=1e-9)


def by_hand(score, kind, truth, proba, weight):
    """The score itself; rows of recalibrated classes need not sum to 1."""
    if score == "brier_score":
        entries = np.square(truth - proba)
    elif kind == "classwise":
        entries = -xlogy(truth, proba)
    else:
        entries = -xlogy(truth, proba) - xlog1py(1 - truth, -proba)
    if kind == "labelwise":
        known = ~np.isnan(truth)
        return (weight[:, None] * entries)[known].sum() / (weight[:, None] * known).sum()
    halved = score == "brier_score" and truth.shape[1] == 2
    return np.average(entries.sum(axis=1), weights=weight) / (2 if halved else 1)


@over_scores
@pytest.mark.parametrize("seed", range(5))
def test_parts_are_no_less_than_zero_and_sum_up(score, kind, seed):
    truth, proba = draw(kind, n=[5, 20, 50, 100, 300][seed], seed=seed)
    parts = calibration_decomposition(truth, proba, score=score, kind=kind)
    assert min(parts) >= -1e-12
    assert parts.calibration + parts.refinement == pytest.approx(parts.score, rel=1e-14)
    assert parts.uncertainty - parts.resolution == pytest.approx(parts.refinement, rel=1e-14)


@over_scores
def test_a_monotone_distortion_goes_to_the_calibration_alone(score, kind):
    rng = np.random.default_rng(0)
    proba = rng.random(500)
    y = (rng.random(500) < proba).astype(float)
    truth, honest, distorted = y, proba, proba**3
    if kind == "classwise":
        truth, honest, distorted = (np.stack([1 - p, p], axis=1) for p in (y, proba, proba**3))
    before, after = (
        calibration_decomposition(truth, p, score=score, kind=kind) for p in (honest, distorted)
    )
    assert after.refinement == pytest.approx(before.refinement)
    assert after.calibration > 2 * before.calibration


def test_unknown_score():
    with pytest.raises(ValueError, match=r"score must be one of .*got 'brier'"):
        calibration_decomposition([[1.0, 0.0]], [[1.0, 0.0]], score="brier")
    with pytest.raises(ValueError, match=r"kind must be one of .*got 'confidence'"):
        calibration_decomposition([[1.0, 0.0]], [[1.0, 0.0]], kind="confidence")
