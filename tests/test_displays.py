"""Pictures: what all of them keep to, and that the numbers drawn are those computed by hand."""

import subprocess
import sys
from itertools import combinations

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cases import LOSSES, make_soft, soft
from display_cases import BANDS, SET_PROBA, SETS, VOTE_PROBA, VOTES, X_LINE, Y_LINE
from sklearn_softloss import SoftLossMLPRegressor, SoftTargetMLPClassifier
from sklearn_softloss.decision import VoteConformal
from sklearn_softloss.display import (
    IntervalCalibrationDisplay,
    LossShapeDisplay,
    QuantileFanDisplay,
    ReliabilityDisplay,
    SetCoverageDisplay,
    ThresholdCurveDisplay,
)
from sklearn_softloss.losses import BinaryCrossEntropy, BinaryFocal

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def draw(Display, *data, **options):
    return lambda ax=None: Display.from_predictions(*data, ax=ax, **options)


DISPLAYS = {
    "reliability": draw(ReliabilityDisplay, VOTES, VOTE_PROBA, random_state=0),
    "smooth reliability": draw(ReliabilityDisplay, VOTES, VOTE_PROBA, strategy="smooth"),
    "reliability of labels": draw(ReliabilityDisplay, SETS, SET_PROBA, kind="labelwise"),
    "loss shape": lambda ax=None: LossShapeDisplay.from_losses(
        "squared_error", "binary_cross_entropy", BinaryFocal(gamma=0.5), ax=ax
    ),
    "threshold curve": draw(ThresholdCurveDisplay, SETS, SET_PROBA),
    "quantile fan": draw(QuantileFanDisplay, X_LINE, Y_LINE, BANDS, levels=(0.1, 0.5, 0.9)),
    "set coverage": draw(
        SetCoverageDisplay, VOTES, VOTE_PROBA, calibration=(VOTES[:200], VOTE_PROBA[:200])
    ),
    "interval calibration": draw(IntervalCalibrationDisplay, Y_LINE, BANDS, levels=(0.1, 0.5, 0.9)),
}
GRIDS = {"reliability of labels": (2, 2), "loss shape": (2, 3), "threshold curve": (2, 2)}
over_displays = pytest.mark.parametrize("name", DISPLAYS)


# --- what all displays share ---------------------------------------------------------------------


@over_displays
def test_axes_and_figure(name):
    display = DISPLAYS[name]()
    axes = np.ravel(display.ax_)
    assert isinstance(axes[0], matplotlib.axes.Axes)
    assert isinstance(display.figure_, matplotlib.figure.Figure)
    assert {panel.figure for panel in axes} == {display.figure_}


@over_displays
def test_given_axes_are_drawn_on_and_pyplot_is_left_alone(name):
    figure, axes = plt.subplots(*GRIDS.get(name, (1, 1)))
    other = plt.figure()
    display = DISPLAYS[name](axes)
    assert display.figure_ is figure
    assert list(np.ravel(display.ax_)) == list(np.ravel(axes))
    assert plt.gcf() is other
    assert plt.get_fignums() == [figure.number, other.number]


@over_displays
def test_settings_and_generators_stay_as_they_were(name):
    settings_before = dict(matplotlib.rcParams)
    numpy_before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    DISPLAYS[name]()
    assert dict(matplotlib.rcParams) == settings_before
    assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@over_displays
def test_drawing_again_needs_no_computing(name):
    display = DISPLAYS[name]()
    first = np.ravel(display.ax_)[0]
    assert display.plot() is display
    again = np.ravel(display.ax_)[0]
    assert again.figure is not first.figure
    for old, new in zip(first.lines, again.lines, strict=True):
        assert_array_equal(old.get_xydata(), new.get_xydata())


@over_displays
def test_a_missing_matplotlib_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sklearn-softloss\[plots\]"):
        DISPLAYS[name]()


def test_importing_the_displays_imports_neither_matplotlib_nor_torch():
    code = (
        "import sys, sklearn_softloss.display; "
        "print(sorted({'matplotlib', 'torch'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@over_displays
def test_texts_do_not_overlap(name):
    """A picture that cannot be laid out warns, and fails here."""
    figure = DISPLAYS[name]().figure_
    figure.canvas.draw()
    texts = list(figure.texts)
    for panel in figure.findobj(matplotlib.axes.Axes):
        texts += [panel.title]
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            texts += [axis.label, *(side for tick in ticks for side in (tick.label1, tick.label2))]
    texts += [text for legend in figure.legends for text in legend.texts]
    boxes = {
        text: text.get_window_extent()
        for text in texts
        if text.get_visible() and text.get_text().strip()
    }
    assert len(boxes) > 10
    for one, other in combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), (one.get_text(), other.get_text())


@over_displays
def test_lines_differ_in_grey(name):
    for panel in np.ravel(DISPLAYS[name]().ax_):
        lines = [line for line in panel.lines if not line.get_label().startswith("_")]
        for one, other in combinations(lines, 2):
            grey = [np.dot(matplotlib.colors.to_rgb(x.get_color()), [0.3, 0.59, 0.11]) for x in
                    (one, other)]  # fmt: skip
            same_style = one.get_linestyle() == other.get_linestyle()
            assert not same_style or abs(grey[0] - grey[1]) > 0.2


def test_estimator_and_its_predictions_give_the_same_picture():
    X, Y = make_soft()
    clf = soft(max_iter=5).fit(X, Y)
    ours = ReliabilityDisplay.from_estimator(clf, X, Y, random_state=0)
    theirs = ReliabilityDisplay.from_predictions(Y, clf.predict_proba(X), random_state=0)
    same_lines(ours, theirs)


def same_lines(ours, theirs):
    panels = zip(np.ravel(ours.ax_), np.ravel(theirs.ax_), strict=True)
    for left, right in panels:
        assert left.get_title() == right.get_title()
        for one, other in zip(left.lines, right.lines, strict=True):
            assert_array_equal(one.get_xydata(), other.get_xydata())


def test_labels_follow_the_classes_of_the_estimator():
    X, _ = make_soft()
    y = np.array(["no", "yes", "so"])[np.random.default_rng(0).integers(3, size=len(X))]
    clf = LogisticRegression().fit(X, y)
    few = y != "so"  # a class that the rows lack
    Y = pd.DataFrame(
        np.eye(3)[:, ::-1][np.searchsorted(clf.classes_, y)], columns=clf.classes_[::-1]
    )
    hard = ReliabilityDisplay.from_estimator(clf, X, y)
    same_lines(hard, ReliabilityDisplay.from_estimator(clf, X, Y))  # columns in another order
    ReliabilityDisplay.from_estimator(clf, X[few], y[few])
    seen = SetCoverageDisplay.from_estimator(clf, X, Y, calibration=(X, y)).observed
    assert_array_equal(
        SetCoverageDisplay.from_estimator(clf, X, y, calibration=(X, Y)).observed, seen
    )
    SetCoverageDisplay.from_estimator(clf, X[few], y[few], calibration=(X[few], y[few]))


# --- loss shapes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [1.0, 0.0, 0.7])
def test_shapes_by_formula(target):
    names = ("binary_cross_entropy", "squared_error", "cross_entropy")
    display = LossShapeDisplay.from_losses(*names, target=target)
    z = display.logits
    p = expit(z)
    cross_entropy = np.logaddexp(0, z) - target * z
    assert_allclose(display.values[0], cross_entropy, atol=1e-12)
    assert_allclose(display.gradients[0], p - target, atol=1e-12)
    assert_allclose(display.values[1], (p - target) ** 2, atol=1e-12)
    assert_allclose(display.gradients[1], 2 * (p - target) * p * (1 - p), atol=1e-12)
    assert_allclose(display.values[2], cross_entropy, atol=1e-12)  # of a softmax over (0, z)
    for row, curves in zip(display.ax_, (display.values, display.gradients), strict=True):
        for panel, curve in zip(row, curves, strict=True):
            assert_array_equal(panel.lines[-1].get_xydata(), np.c_[z, curve])
            assert len(panel.lines) == 4  # the axis, two others, this one


SINGLE = [loss for loss in LOSSES if loss.domain != "nonnegative" and not loss.batch_dependent]


@pytest.mark.parametrize("loss", SINGLE, ids=repr)
def test_gradients_are_differences_of_the_values(loss):
    display = LossShapeDisplay.from_losses(loss, target=0.3)
    values, gradients, z = display.values[0], display.gradients[0], display.logits
    expected = (values[2:] - values[:-2]) / (z[2:] - z[:-2])
    smooth = np.abs(np.diff(gradients, 2)) < 0.01  # not at a kink
    assert smooth.mean() > 0.98
    assert_allclose(gradients[1:-1][smooth], expected[smooth], atol=5e-3)


def test_squared_error_saturates_and_cross_entropy_does_not():
    display = LossShapeDisplay.from_losses("squared_error", "binary_cross_entropy")
    squared, cross_entropy = np.abs(display.gradients[:, display.logits < -5])
    assert squared.max() < 0.02
    assert cross_entropy.min() > 0.99
    (region,) = display.ax_[0, 0].patches
    assert region.get_label() == "confidently wrong"
    assert region.get_x() == -8
    assert region.get_x() + region.get_width() == pytest.approx(-np.log(9), abs=0.06)


def test_names_of_losses():
    display = LossShapeDisplay.from_losses(
        "squared_error", BinaryFocal(gamma=0.5), BinaryCrossEntropy(pos_weight=3.0), BinaryFocal()
    )
    assert [panel.get_title() for panel in display.ax_[0]] == [
        "squared error",
        "focal\ngamma=0.5",
        "binary cross entropy\npos_weight=3.0",
        "focal",
    ]


@pytest.mark.parametrize(
    ("losses", "target", "message"),
    [
        ((), 1.0, "at least one loss"),
        (("cubic",), 1.0, "Unknown loss 'cubic'"),
        (("count_distribution",), 1.0, "takes 'nonnegative' targets"),
        (("two_way",), 1.0, "depends on the other rows"),
        (("focal",), 1.5, r"target must be a number in \[0, 1\]; got 1.5"),
        (("focal",), np.nan, r"target must be a number in \[0, 1\]; got nan"),
    ],
)
def test_shapes_that_do_not_exist(losses, target, message):
    with pytest.raises(ValueError, match=message):
        LossShapeDisplay.from_losses(*losses, target=target)


def test_shapes_need_two_axes_a_loss():
    with pytest.raises(ValueError, match="ax must hold 2 axes, one a panel; it holds 3"):
        LossShapeDisplay.from_losses("focal", ax=plt.subplots(1, 3)[1])


# --- quantiles -----------------------------------------------------------------------------------


def test_a_fan_is_drawn_in_the_order_of_its_column():
    display = QuantileFanDisplay.from_predictions(X_LINE, Y_LINE, BANDS, levels=(0.1, 0.5, 0.9))
    order = np.argsort(X_LINE)
    (middle,) = display.ax_.lines
    assert_array_equal(middle.get_xydata(), np.column_stack([X_LINE, BANDS[:, 1]])[order])
    band, points = display.ax_.collections
    corners = band.get_paths()[0].vertices
    assert {*BANDS[:, 0], *BANDS[:, 2]} <= {*corners[:, 1]}
    assert_array_equal(np.ma.filled(points.get_offsets(), np.nan)[:, 1], Y_LINE[order])
    assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == [
        "0.1 to 0.9", "0.5", "observed",
    ]  # fmt: skip


def test_shares_below_each_level_are_weighted_and_known():
    weight = np.arange(60) % 3
    levels = (0.1, 0.5, 0.9)
    display = IntervalCalibrationDisplay.from_predictions(
        Y_LINE, BANDS, levels=levels, sample_weight=weight
    )
    known = ~np.isnan(Y_LINE)
    expected = np.average(Y_LINE[known, None] <= BANDS[known], axis=0, weights=weight[known])
    assert_allclose(display.observed, expected)
    assert_array_equal(display.ax_.lines[1].get_ydata(), display.observed)
    n = weight[known].sum() ** 2 / (weight[known] ** 2).sum()
    assert_allclose(display.error, np.sqrt(np.array([0.09, 0.25, 0.09]) / n))


def test_displays_of_a_regressor():
    X = pd.DataFrame({"a": X_LINE, "b": 1.0})
    y = np.nan_to_num(Y_LINE)
    reg = SoftLossMLPRegressor(
        (4,), loss="quantile", quantile=(0.1, 0.5, 0.9), max_iter=3, random_state=0
    ).fit(X, y)
    fan = QuantileFanDisplay.from_estimator(reg, X, y, column="a")
    assert fan.ax_.get_xlabel() == "a"
    assert_allclose(fan.quantiles, reg.predict_quantiles(X)[np.argsort(X_LINE)])
    assert IntervalCalibrationDisplay.from_estimator(reg, X, y).levels.tolist() == [0.1, 0.5, 0.9]
    within = make_pipeline(FunctionTransformer(), reg)
    assert_allclose(QuantileFanDisplay.from_estimator(within, X, y).quantiles, fan.quantiles)
    with pytest.raises(TypeError, match="needs predict_quantiles, which LinearRegression lacks"):
        IntervalCalibrationDisplay.from_estimator(LinearRegression().fit(X, y), X, y)


@pytest.mark.parametrize("Display", [QuantileFanDisplay, IntervalCalibrationDisplay])
def test_one_target_is_drawn(Display):
    first = (X_LINE,) if Display is QuantileFanDisplay else ()
    with pytest.raises(ValueError, match=r"one target and y_quantiles of shape \(n_samples, 3\)"):
        Display.from_predictions(
            *first, np.c_[Y_LINE, Y_LINE], np.stack([BANDS, BANDS], 1), levels=(0.1, 0.5, 0.9)
        )
    with pytest.raises(ValueError, match="levels must be"):
        Display.from_predictions(*first, Y_LINE, BANDS, levels=(0.1, 0.9, 0.5))


def test_a_fan_is_drawn_over_a_number_a_row():
    with pytest.raises(ValueError, match=r"x must have shape .*; it has \(3,\)"):
        QuantileFanDisplay.from_predictions(X_LINE[:3], Y_LINE, BANDS, levels=(0.1, 0.5, 0.9))


def test_sets_hold_what_is_counted():
    seen, new = slice(0, 200), slice(200, 400)
    levels = (0.5, 0.8, 0.9)
    display = SetCoverageDisplay.from_predictions(
        VOTES[new], VOTE_PROBA[new], calibration=(VOTES[seen], VOTE_PROBA[seen]), levels=levels
    )
    for level, observed, size in zip(levels, display.observed, display.size, strict=True):
        rule = VoteConformal(level).fit(VOTES[seen], VOTE_PROBA[seen])
        sets = rule.predict_sets(VOTE_PROBA[new])
        assert observed == pytest.approx((VOTES[new] * sets).sum(axis=1).mean())
        assert size == pytest.approx(sets.sum(axis=1).mean())
        assert abs(observed - level) < 0.08
    X = np.arange(400.0)[:, None]
    clf = SoftTargetMLPClassifier((4,), alpha=0.1, max_iter=2, random_state=0).fit(X, VOTES)
    found = SetCoverageDisplay.from_estimator(
        clf, X[new], VOTES[new], calibration=(X[seen], VOTES[seen])
    )
    assert (np.diff(found.size) >= 0).all()
    with pytest.raises(ValueError, match="same shape"):
        SetCoverageDisplay.from_predictions(
            VOTES, VOTE_PROBA[new], calibration=(VOTES[seen], VOTE_PROBA[seen])
        )


def test_nothing_known_is_no_calibration():
    with pytest.raises(ValueError, match="no known value"):
        IntervalCalibrationDisplay.from_predictions(
            0 * Y_LINE * np.nan, BANDS, levels=(0.1, 0.5, 0.9)
        )
