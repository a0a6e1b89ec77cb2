"""Reliability diagrams: points, errors, bands and panels, against loops and scikit-learn."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from cases import make_labels, multi
from display_cases import SET_PROBA, SETS, VOTE_PROBA, VOTES, draw_labels
from sklearn_softloss.display import ReliabilityDisplay
from sklearn_softloss.display._reliability import reliability_curve
from sklearn_softloss.metrics import expected_calibration_error

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def curve_of(*args, **kwargs):
    """What the single panel of a diagram shows."""
    (curve,) = ReliabilityDisplay.from_predictions(*args, random_state=0, **kwargs).curves
    return curve


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [1, 4, 15])
def test_points_are_those_of_scikit_learns_curve(strategy, n_bins):
    rng = np.random.default_rng(0)
    proba = rng.random(600)
    y = rng.random(600) < proba**1.5
    curve = curve_of(y, proba, kind="labelwise", strategy=strategy, n_bins=n_bins)
    target, mean = calibration_curve(y, proba, strategy=strategy, n_bins=n_bins)
    assert_allclose(curve.target, target)
    assert_allclose(curve.proba, mean)


def test_points_of_soft_weighted_rows_by_a_loop():
    weight = np.random.default_rng(1).random(len(VOTES))
    weight[::7] = 0
    display = ReliabilityDisplay.from_predictions(VOTES, VOTE_PROBA, sample_weight=weight, n_bins=6)
    (curve,) = display.curves
    top = VOTE_PROBA.argmax(axis=1)
    rows = np.arange(len(top))
    confidence, mass = VOTE_PROBA[rows, top], VOTES[rows, top]
    points, counts, spans = [], [], []
    for i in range(6):
        inside = (confidence > i / 6) & (confidence <= (i + 1) / 6) & (weight > 0)
        if inside.any():
            part = [np.average(v[inside], weights=weight[inside]) for v in (confidence, mass)]
            points.append(part)
            counts.append(inside.sum())
            spans.append([i / 6, (i + 1) / 6])
    assert_allclose(np.stack([curve.proba, curve.target], axis=1), points)
    assert_array_equal(curve.counts, counts)
    assert_allclose(curve.spans, spans)
    drawn = display.ax_.lines[-1]
    assert drawn.get_label() == "observed"
    assert_allclose(drawn.get_xydata(), points)
    bars = display.strip_ax_.patches
    assert [bar.get_height() for bar in bars] == counts
    assert_allclose([bar.get_x() for bar in bars], np.array(spans)[:, 0])


def test_quantiles_in_the_strip():
    proba = np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.5, 0.6])
    curve = curve_of(proba > 0.4, proba, kind="labelwise", strategy="quantile", n_bins=4)
    assert_array_equal(curve.spans, [[0.1, 0.1], [0.2, 0.3], [0.5, 0.6]])
    assert_array_equal(curve.counts, [4, 2, 2])


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "smooth"])
@pytest.mark.parametrize("kind", ["confidence", "classwise", "labelwise"])
def test_title_holds_the_calibration_error(kind, strategy):
    data = (SETS, SET_PROBA) if kind == "labelwise" else (VOTES, VOTE_PROBA)
    options = {"kind": kind, "strategy": strategy, "n_bins": 8}
    display = ReliabilityDisplay.from_predictions(*data, **options)
    expected = expected_calibration_error(*data, **options, average=None)
    assert_allclose([curve.error for curve in display.curves], np.atleast_1d(expected))
    for panel, error in zip(np.ravel(display.ax_), np.atleast_1d(expected), strict=True):
        assert panel.get_title().endswith(f"ECE {error:.3f}")


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=30
    ).filter(lambda rows: any(weight for *_, weight in rows)),
    st.sampled_from(["uniform", "quantile"]),
    st.integers(1, 7),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_weights_repeat_rows_and_distances_sum_to_the_error(rows, strategy, n_bins):
    y, proba, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    options = (strategy, n_bins, 0, np.random.RandomState(0))
    weighted = reliability_curve(y, proba, weight, *options)
    y, proba = (np.repeat(values, weight.astype(int)) for values in (y, proba))
    repeated = reliability_curve(y, proba, np.ones(len(y)), *options)
    assert_allclose(repeated.target, weighted.target, atol=1e-12)
    assert_allclose(repeated.proba, weighted.proba, atol=1e-12)
    share = repeated.counts / repeated.counts.sum()
    found = share @ np.abs(repeated.target - repeated.proba)
    assert found == pytest.approx(repeated.error, abs=1e-12)


def test_smooth_points_are_means_under_reflected_gaussians():
    truth, proba = VOTES[:60, 0], VOTE_PROBA[:60, 0]
    weight = np.random.default_rng(0).random(60)
    curve = curve_of(truth, proba, kind="labelwise", strategy="smooth", sample_weight=weight)
    images = np.concatenate([shift + sign * proba for shift in (-2, 0, 2) for sign in (-1, 1)])
    t = np.linspace(proba.min(), proba.max(), 256)[:, None]
    kernel = np.exp(-0.5 * ((t - images) / curve.error) ** 2)
    near = kernel.sum(axis=1) >= 1
    kernel = kernel[near] * np.tile(weight, 6)
    for found, values in ((curve.proba, proba), (curve.target, truth)):
        expected = kernel @ np.tile(values, 6) / kernel.sum(axis=1)
        assert_allclose(found, expected, atol=2e-3)


def test_smooth_points_end_where_the_entries_do():
    """A perfect model has no error; its kernels keep a least width."""
    proba = np.r_[np.linspace(0.1, 0.15, 500), np.linspace(0.6, 0.65, 500)]
    curve = curve_of(proba, proba, kind="labelwise", strategy="smooth")
    assert curve.error == 0
    for values in (curve.target, curve.low, curve.high):
        assert_allclose(values, curve.proba)
    assert ((curve.proba < 0.16) | (curve.proba > 0.59)).all()
    assert len(curve.proba) > 20


# --- the band ------------------------------------------------------------------------------------


def test_band_of_hard_labels_is_binomial():
    n, p = 200, 0.3
    truth = np.arange(n) < 90
    curve = curve_of(truth, np.full(n, p), kind="labelwise", n_resamples=4000)
    expected = binom.ppf([0.05, 0.95], n, p) / n
    assert_allclose([curve.low[0], curve.high[0]], expected, atol=1 / n)


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "smooth"])
@pytest.mark.parametrize("n_votes", [1, 5])
def test_band_covers_nine_of_ten_calibrated_points(n_votes, strategy):
    """Also of soft targets, for which a band for hard labels would be too wide."""
    rng, seeded = np.random.default_rng(0), np.random.RandomState(0)
    inside, width = [], []
    for _ in range(30):
        proba = rng.random(600)
        truth = rng.binomial(n_votes, proba) / n_votes
        curve = reliability_curve(truth, proba, np.ones(600), strategy, 10, 200, seeded)
        inside.append(np.mean((curve.low <= curve.target) & (curve.target <= curve.high)))
        width.append(np.median(curve.high - curve.low))
    # The width of a kernel is chosen by the same rows, which costs the band some of its cover.
    assert (0.8 if strategy == "smooth" else 0.86) < np.mean(inside) < 0.94
    if strategy != "smooth":
        expected = 2 * 1.645 * np.sqrt(0.25 * 0.75 / (60 * n_votes))
        assert np.mean(width) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3)])
def test_band_is_seeded(random_state):
    options = {"kind": "labelwise", "pooled": True}
    display = ReliabilityDisplay.from_predictions(
        SETS, SET_PROBA, random_state=random_state, **options
    )
    again = ReliabilityDisplay.from_predictions(SETS, SET_PROBA, random_state=3, **options)
    other = ReliabilityDisplay.from_predictions(SETS, SET_PROBA, **options)
    assert_array_equal(display.curves[0].low, again.curves[0].low)
    assert (display.curves[0].low != other.curves[0].low).any()
    (band,) = [area for area in display.ax_.collections if "calibrated" in area.get_label()]
    low, high = display.curves[0].low, display.curves[0].high
    edge = band.get_paths()[0].vertices[:, 1]
    assert (edge.min(), edge.max()) == (low.min(), high.max())


def test_no_band_without_resamples():
    display = ReliabilityDisplay.from_predictions(VOTES, VOTE_PROBA, n_resamples=0)
    assert display.curves[0].low is None
    assert not display.ax_.collections


# --- panels --------------------------------------------------------------------------------------


def test_unknown_entries_are_ignored():
    display = ReliabilityDisplay.from_predictions(SETS, SET_PROBA, kind="labelwise", n_bins=5)
    minus = ReliabilityDisplay.from_predictions(
        np.nan_to_num(SETS, nan=-1), SET_PROBA, kind="labelwise", n_bins=5
    )
    for label, curve in enumerate(display.curves):
        known = ~np.isnan(SETS[:, label])
        alone = curve_of(SETS[known, label], SET_PROBA[known, label], kind="labelwise", n_bins=5)
        assert_array_equal(curve.target, alone.target)
        assert_array_equal(curve.target, minus.curves[label].target)
        assert curve.counts.sum() == known.sum()


def test_a_label_of_which_nothing_is_known():
    truth = SETS.copy()
    truth[:, 0] = np.nan
    display = ReliabilityDisplay.from_predictions(truth, SET_PROBA, kind="labelwise")
    assert display.ax_[0].get_title() == "0: nothing known"
    (legend,) = display.figure_.legends
    assert [text.get_text() for text in legend.texts] == [
        "calibrated",
        "90 % if calibrated",
        "observed",
    ]
    display.figure_.canvas.draw()
    with pytest.raises(ValueError, match="no known label"):
        ReliabilityDisplay.from_predictions(truth * np.nan, SET_PROBA, kind="labelwise")


def test_pooled_labels_are_one_label():
    known = ~np.isnan(SETS)
    expected = curve_of(SETS[known], SET_PROBA[known], kind="labelwise")
    pooled = curve_of(SETS, SET_PROBA, kind="labelwise", pooled=True)
    assert_allclose(pooled.target, expected.target)
    assert pooled.error == pytest.approx(expected.error)


def test_more_than_twelve_panels_are_pooled_unless_asked_for():
    truth, proba = draw_labels(n=30, n_labels=13)
    options = {"kind": "labelwise", "n_resamples": 0}
    assert len(ReliabilityDisplay.from_predictions(truth, proba, **options).curves) == 1
    apart = ReliabilityDisplay.from_predictions(truth, proba, pooled=False, **options)
    assert len(apart.ax_) == len(apart.curves) == 13


def test_names_of_panels():
    def names(*args, **kwargs):
        display = ReliabilityDisplay.from_predictions(*args, n_resamples=0, **kwargs)
        return [panel.get_title().split(":")[0] for panel in np.ravel(display.ax_)]

    frame = pd.DataFrame(VOTES, columns=list("xyz"))
    classwise = {"kind": "classwise"}
    assert names(frame, VOTE_PROBA, **classwise) == ["x", "y", "z"]
    assert names(frame, VOTE_PROBA, **classwise, labels=["x", "y", "z"]) == ["x", "y", "z"]
    assert names(frame, VOTE_PROBA, **classwise, label_names=list("abc")) == ["a", "b", "c"]
    assert names(np.array(list("pqr"))[VOTES.argmax(1)], VOTE_PROBA, **classwise) == list("pqr")
    assert names(VOTES, VOTE_PROBA, **classwise) == ["0", "1", "2"]
    assert names(VOTES[:, 0], VOTE_PROBA[:, 0], kind="labelwise")[0].startswith("ECE")
    with pytest.raises(ValueError, match="3 names, one a column; it holds 2"):
        names(VOTES, VOTE_PROBA, **classwise, label_names=["a", "b"])


def test_kind_follows_the_estimator():
    X, Y = make_labels()
    named = pd.DataFrame(Y, columns=list("abcd"))
    for clf in (multi(), RandomForestClassifier(5, random_state=0)):
        clf = clone(clf).fit(X, named)
        display = ReliabilityDisplay.from_estimator(clf, X, Y)
        assert display.kind == "labelwise"
        assert len(display.curves) == 4
    net = ReliabilityDisplay.from_estimator(multi().fit(X, named), X, Y)
    assert [panel.get_title()[0] for panel in net.ax_] == list("abcd")
    binary = LogisticRegression().fit(X, Y[:, 0])
    assert ReliabilityDisplay.from_estimator(binary, X, Y[:, 0]).kind == "confidence"
    second = ReliabilityDisplay.from_estimator(binary, X, Y[:, 0], kind="labelwise")
    expected = calibration_curve(Y[:, 0], binary.predict_proba(X)[:, 1], n_bins=15)
    assert_allclose(second.curves[0].target, expected[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "class"}, "kind must be one of"),
        ({"strategy": "width"}, "strategy must be one of"),
        ({"n_bins": 0}, "n_bins must be a whole number >= 1; got 0"),
        ({"n_resamples": -1}, "n_resamples must be a whole number >= 0; got -1"),
        ({"n_resamples": 1.5}, "n_resamples must be a whole number >= 0; got 1.5"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(VOTES, VOTE_PROBA, **options)
    assert not plt.get_fignums()
