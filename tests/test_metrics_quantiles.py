"""Scores of quantiles and intervals, against scikit-learn, brute force and an integral."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from sklearn_softloss.metrics import (
    crps_from_quantiles,
    interval_coverage,
    pinball_loss,
)

LEVELS = (0.1, 0.5, 0.7)


def draw(n=40, m=3, q=3, seed=0):
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(n, m))
    Y[rng.random(Y.shape) < 0.3] = np.nan
    return Y, np.sort(rng.normal(size=(n, m, q)), axis=-1), rng.integers(0, 3, n)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_pinball_loss_is_scikit_learns_of_each_level_and_target(seed):
    Y, found, weight = draw(seed=seed)
    expected = []
    for column, quantiles in zip(Y.T, np.moveaxis(found, 1, 0), strict=True):
        known = ~np.isnan(column)
        losses = [
            mean_pinball_loss(
                column[known], quantiles[known, k], alpha=level, sample_weight=weight[known]
            )
            for k, level in enumerate(LEVELS)
        ]
        expected.append(np.mean(losses))
    by_target = pinball_loss(Y, found, levels=LEVELS, sample_weight=weight, average=None)
    assert_allclose(by_target, expected)
    assert_allclose(pinball_loss(Y, found, levels=LEVELS, sample_weight=weight), np.mean(expected))


@pytest.mark.parametrize("metric", [pinball_loss, crps_from_quantiles])
def test_weight_two_is_two_rows(metric):
    Y, found, weight = draw()
    weighted = metric(Y, found, levels=LEVELS, sample_weight=weight)
    repeated = metric(np.repeat(Y, weight, 0), np.repeat(found, weight, 0), levels=LEVELS)
    assert weighted == pytest.approx(repeated)


def test_crps_of_many_quantiles_is_that_of_the_distribution():
    """The closed form of the normal distribution: Gneiting and Raftery 2007, equation 20."""
    y = np.linspace(-2, 2, 9)
    levels = (np.arange(2000) + 0.5) / 2000
    found = np.tile(norm.ppf(levels), (9, 1))
    expected = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert_allclose(crps_from_quantiles(y, found, levels=levels), expected.mean(), rtol=1e-3)


def test_crps_of_one_median_is_the_absolute_error():
    y = np.array([0.0, 1.0, 5.0])
    assert crps_from_quantiles(y, np.zeros((3, 1)), levels=0.5) == pytest.approx(2.0)


def test_coverage_counts_known_entries():
    Y, found, weight = draw()
    low, high = found[..., 0], found[..., -1]
    known = ~np.isnan(Y)
    weights = known * weight[:, None]
    inside = known & (low <= np.nan_to_num(Y)) & (np.nan_to_num(Y) <= high)
    expected = (inside * weights).sum(axis=0) / weights.sum(axis=0)
    assert_allclose(interval_coverage(Y, low, high, sample_weight=weight, average=None), expected)
    assert_allclose(interval_coverage(Y, low, high, sample_weight=weight), expected.mean())


def test_a_target_without_known_entries_is_left_out():
    Y, found, _ = draw()
    Y[:, 1] = np.nan
    by_target = pinball_loss(Y, found, levels=LEVELS, average=None)
    assert np.isnan(by_target).tolist() == [False, True, False]
    assert pinball_loss(Y, found, levels=LEVELS) == pytest.approx(np.nanmean(by_target))


AS_ONE_TARGET = {
    "vector": lambda y: y,
    "list": list,
    "series of another index": lambda y: pd.Series(y, index=np.arange(len(y))[::-1] * 3),
    "column": lambda y: y[:, None],
    "list of lists": lambda y: y[:, None].tolist(),
    "frame": lambda y: pd.DataFrame({"y": y}),
    "nullable frame": lambda y: pd.DataFrame({"y": y}).convert_dtypes(),
}


@pytest.mark.parametrize("form", AS_ONE_TARGET)
def test_one_target_scores_the_same_in_any_form(form):
    Y, found, weight = draw(m=1)
    y, given, quantiles = Y[:, 0], AS_ONE_TARGET[form](Y[:, 0]), found[:, 0]
    known = ~np.isnan(y)
    losses = [
        mean_pinball_loss(y[known], quantiles[known, k], alpha=level, sample_weight=weight[known])
        for k, level in enumerate(LEVELS)
    ]
    options = {"levels": LEVELS, "sample_weight": weight}
    for predicted in (quantiles, found):
        assert pinball_loss(given, predicted, **options) == pytest.approx(np.mean(losses))
        crps = crps_from_quantiles(given, predicted, **options)
        assert crps == crps_from_quantiles(y, quantiles, **options)
    for median in (quantiles[:, 1], quantiles[:, [1]]):
        loss = pinball_loss(given, median, levels=0.5, sample_weight=weight)
        assert loss == pytest.approx(losses[1])
    low, high = quantiles[:, 0], quantiles[:, 2]
    inside = (low[known] <= y[known]) & (y[known] <= high[known])
    for ends in ((low, high), (low[:, None], AS_ONE_TARGET[form](high))):
        assert interval_coverage(given, *ends) == pytest.approx(inside.mean())


@pytest.mark.parametrize("shape", [(40, 2), (39, 3), (40, 3, 2), (120,), ()])
def test_quantiles_of_another_shape_are_refused(shape):
    Y, _, _ = draw(m=1)
    with pytest.raises(ValueError, match=r"y_quantiles must have the shape \(40, 3\); it has"):
        pinball_loss(Y, np.zeros(shape), levels=LEVELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": (0.5, 0.1, 0.7)}, "levels must be a number in"),
        ({"levels": (0.1, 0.7)}, r"must have the shape \(40, 3, 2\)"),
        ({"y_true": np.full((40, 3), np.nan)}, "no known entry"),
        ({"y_true": np.full((40, 3), np.inf)}, "row 0 is infinite"),
        ({"y_quantiles": np.full((40, 3, 3), np.nan)}, "y_quantiles must be finite; row 0"),
        ({"average": "micro"}, "average must be one of"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have shape"),
    ],
)
def test_what_is_refused(change, message):
    Y, found, _ = draw()
    with pytest.raises(ValueError, match=message):
        pinball_loss(**{"y_true": Y, "y_quantiles": found, "levels": LEVELS, **change})


def test_ends_that_cross_are_named():
    with pytest.raises(ValueError, match="in row 1 it is 3 and the other 2"):
        interval_coverage([0.0, 1.0], [0.0, 3.0], [1.0, 2.0])
