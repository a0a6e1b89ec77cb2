"""The picture of calibration: mean target against predicted probability, and what it draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct, idct

from .._checks import check_count
from .._random import generator_from
from .._targets.encoding import Array, as_array, label_names, target_kind
from ..metrics.blocks import NOTHING_KNOWN
from ..metrics.calibration_error import (
    GRID,
    Kind,
    Strategy,
    bins_of_equal_width,
    check_options,
    column_ece,
    columns_of_kind,
    on_grid,
    sums_in_quantiles,
)
from ..metrics.scorers import class_probabilities, label_probabilities
from .axes import MOST_PANELS, Display, axes_of_panels, legend_above

BAND = (5, 95)
"""Percentiles between which a calibrated model would fall."""

SMOOTH_POINTS = 256
"""Points of a smooth curve, before those without entries nearby are left out."""

LEAST_BANDWIDTH = 1e-3
"""Kernels narrower than this would show single rows."""

Means = Callable[[Array], Array]
"""Weighted means, in each bin or under each kernel, of values that belong to the entries."""


class ReliabilityCurve(NamedTuple):
    """What a panel shows; without points where no entry is known."""

    proba: Array
    target: Array
    low: Array | None
    high: Array | None
    spans: Array
    counts: Array
    error: float


@dataclass(repr=False, eq=False)
class ReliabilityDisplay(Display):
    """Mean target against predicted probability, with the number of entries as a strip below.

    For hard and soft targets: the mean target mass takes the place of the accuracy. Unknown
    entries (NaN, -1) of labels are ignored. The title holds the expected calibration error.

    Parameters
    ----------
    curves : list of named tuples
        One a panel: `proba` and `target`, the means of each bin that is not empty or, for
        "smooth", under kernels along the axis; `low` and `high`, the band there, or None; `spans`
        and `counts`, begin, end and number of entries of each bin of the strip; `error`.
    names : list of str
        Of the panels; empty where a single one has none.
    kind : {"confidence", "classwise", "labelwise"}, default="confidence"
    strategy : {"uniform", "quantile", "smooth"}, default="uniform"

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of Axes where there are several panels
    strip_ax_ : matplotlib Axes or ndarray of Axes
        Under each of them.
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn_softloss.metrics.expected_calibration_error

    Notes
    -----
    The band holds 90 % of the values that a calibrated model would show at each point: 0/1 targets
    are drawn from the predicted probabilities p, again and again, and put through the same bins.
    Soft targets vary less than p (1 - p): for them the draws are pulled towards p until their
    variance is that of the given targets about p. Entries are drawn independently of each other;
    where labels of a row go together the band of pooled labels is too narrow. So is that of
    "smooth", a little: the width of its kernels is chosen by the targets given.

    References
    ----------
    Brocker and Smith, "Increasing the reliability of reliability diagrams", Weather and
    Forecasting 22 (2007) 651-661, doi:10.1175/WAF993.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import ReliabilityDisplay
    >>> y_proba = np.random.default_rng(0).random((200, 1)) ** [1, 2]
    >>> display = ReliabilityDisplay.from_predictions(
    ...     y_proba**2, y_proba, kind="labelwise", random_state=0
    ... )
    >>> [panel.get_title() for panel in display.ax_]
    ['0: ECE 0.158', '1: ECE 0.134']
    """

    curves: list[ReliabilityCurve]
    _: KW_ONLY
    names: list[str]
    kind: Kind = "confidence"
    strategy: Strategy = "uniform"

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, kind: Kind | None = None, **params: Any
    ) -> Self:
        """The calibration of a fitted classifier on given rows.

        Parameters
        ----------
        estimator : fitted classifier
            With `predict_proba` in any format.
        X, y : array-like
            Rows that the classifier was not fitted to, and their targets.
        kind : {"confidence", "classwise", "labelwise"}, default=None
            As in `from_predictions`. None is "labelwise" for a 2-D `y` of a multi-label
            classifier, "confidence" otherwise. "labelwise" with a binary 1-D `y` shows the second
            class.
        **params
            As in `from_predictions`.

        Returns
        -------
        ReliabilityDisplay
        """
        if kind is None:
            kind = "labelwise" if target_kind(estimator, y) == "labels" else "confidence"
        if kind == "labelwise":
            y, proba = label_probabilities(estimator, X, y)
            params = {"label_names": label_names(estimator), **params}
        else:
            y, proba, classes = class_probabilities(estimator, X, y)
            params = {"labels": classes, **params}
        return cls.from_predictions(y, proba, kind=kind, **params)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        kind: Kind = "confidence",
        strategy: Strategy = "uniform",
        n_bins: int = 15,
        pooled: bool | None = None,
        labels: ArrayLike | None = None,
        label_names: Any = None,
        sample_weight: ArrayLike | None = None,
        n_resamples: int = 200,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """The calibration of given probabilities.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_columns) or (n_samples,)
            As in `expected_calibration_error`, like the next four.
        y_proba : array-like of shape (n_samples, n_columns) or (n_samples,)
            Predicted probabilities.
        kind : {"confidence", "classwise", "labelwise"}, default="confidence"
        strategy : {"uniform", "quantile", "smooth"}, default="uniform"
        n_bins : int, default=15
            Under "smooth" they are those of the strip alone.
        pooled : bool, default=None
            Whether the entries of all classes or labels are put together in one panel. None does
            so for more than 12.
        labels : array-like of shape (n_classes,), default=None
            As in `soft_log_loss`.
        label_names : sequence of str, default=None
            Names of the columns; by default `labels`, the columns of a DataFrame `y_true`, or
            numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of means and errors. The strip counts entries of weight above 0.
        n_resamples : int, default=200
            Samples of a calibrated model behind the band; 0 leaves the band out.
        random_state : int, RandomState instance or None, default=None
            For the band.
        ax : Axes or ndarray of Axes, default=None
            One axes a panel; a new figure if None.

        Returns
        -------
        ReliabilityDisplay
        """
        check_options(kind, strategy, n_bins)
        check_count("n_resamples", n_resamples, 0)
        columns = list(columns_of_kind(kind, y_true, y_proba, labels, sample_weight))
        if not any(weight.any() for _, _, weight in columns):
            raise ValueError(NOTHING_KNOWN)
        given = labels if label_names is None else label_names
        names = [""] if kind == "confidence" else _names(kind, y_true, given, len(columns))
        if pooled or (pooled is None and len(columns) > MOST_PANELS):
            truth, proba, weight = map(np.concatenate, zip(*columns, strict=True))
            columns, names = [(truth, proba, weight)], [""]
        options: Any = strategy, n_bins, n_resamples, generator_from(random_state)
        curves = [reliability_curve(*column, *options) for column in columns]
        return cls(curves, names=names, kind=kind, strategy=strategy).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        x_label, y_label = "predicted probability", "mean target"
        if self.kind == "confidence":
            x_label = "probability of the predicted class"
            y_label = "target mass on the predicted class"
        alone = len(self.curves) == 1
        axes = axes_of_panels(len(self.curves), ax, (4.2, 4.6) if alone else (3.0, 2.9))
        drawn = zip(axes, self.curves, self.names, strict=True)
        strips = np.array([self._draw_panel(*part) for part in drawn], dtype=object)
        legend_above(max(axes, key=lambda panel: len(panel.lines)), ax is None)  # one with a curve
        if alone:
            strips[0].set_xlabel(x_label)
            axes[0].set_ylabel(y_label)
        elif ax is None:
            axes[0].figure.supxlabel(x_label, fontsize="medium")
            axes[0].figure.supylabel(y_label, fontsize="medium")
        self.strip_ax_ = strips[0] if alone else strips
        return axes[0] if alone else axes

    def _draw_panel(self, panel: Any, curve: ReliabilityCurve, name: str) -> Any:
        """A curve and the strip under it, which is returned."""
        panel.plot([0, 1], [0, 1], color="0.4", lw=1, ls="--", label="calibrated")
        strip, shown = _draw_strip(panel, curve), "nothing known"
        if len(curve.proba):
            self._draw_curve(panel, curve)
            error = "smooth ECE" if self.strategy == "smooth" else "ECE"
            shown = f"{error} {curve.error:.3f}"
        title = f"{name}: {shown}" if name else shown
        panel.set_title(title, fontsize="medium" if len(self.curves) == 1 else "small")
        panel.set(xlim=(0, 1), ylim=(0, 1))
        return strip

    def _draw_curve(self, panel: Any, curve: ReliabilityCurve) -> None:
        smooth = self.strategy == "smooth"
        if curve.low is not None:
            panel.fill_between(
                curve.proba, curve.low, curve.high, color="0.85", lw=0,
                label=f"{BAND[1] - BAND[0]} % if calibrated",
            )  # fmt: skip
            if not smooth:
                panel.vlines(curve.proba, curve.low, curve.high, color="0.6", lw=1.2)
        panel.plot(
            curve.proba, curve.target, color="tab:blue", lw=1.5, marker="" if smooth else "o", ms=4,
            clip_on=False, zorder=3, label="observed",
        )  # fmt: skip


def _draw_strip(panel: Any, curve: ReliabilityCurve) -> Any:
    """Counts on low axes under a panel, with the same x axis, whose tick labels move there."""
    strip = panel.inset_axes((0, -0.2, 1, 0.16), sharex=panel)
    panel.tick_params(labelbottom=False)
    strip.yaxis.tick_right()  # on the left its labels would meet those of the panel
    strip.tick_params(labelsize="small")
    left, right = curve.spans.T
    width = np.maximum(right - left, 0.004)
    strip.bar(left, curve.counts, width, align="edge", color="0.45", edgecolor="w", lw=0.4)
    most = curve.counts.max(initial=1)
    strip.set(ylim=(0, 1.1 * most), yticks=[most] if len(left) else [])
    strip.tick_params(axis="y", labelsize="x-small")
    return strip


def _names(kind: Kind, y_true: Any, given: Any, n_columns: int) -> list[str]:
    """Names of the columns; empty for a single one that was given none."""
    if given is None:
        given = getattr(y_true, "columns", None)
    if given is None and kind == "classwise" and as_array(y_true).ndim == 1:
        given = np.unique(as_array(y_true))
    if given is None:
        given = [""] if n_columns == 1 else range(n_columns)
    if len(given) != n_columns:
        raise ValueError(
            f"label_names must hold {n_columns} names, one a column; it holds {len(given)}."
        )
    return [str(name) for name in given]


def reliability_curve(
    truth: Array,
    proba: Array,
    weight: Array,
    strategy: Strategy,
    n_bins: int,
    n_resamples: int,
    rng: np.random.RandomState,
) -> ReliabilityCurve:
    """The curve of one class or label, from its entries; without resamples it has no band."""
    counted = weight > 0
    truth, proba, weight = truth[counted], proba[counted], weight[counted]
    if not len(truth):
        spans, counts = np.empty((0, 2)), np.empty(0, dtype=int)
        return ReliabilityCurve(truth, truth, None, None, spans, counts, np.nan)
    error = column_ece(strategy, n_bins, truth, proba, weight)
    bins, spans, counts = _bins(proba, weight, strategy, n_bins)
    means = _under_kernels(proba, weight, error) if strategy == "smooth" else _in_bins(bins, weight)
    low = high = None
    if n_resamples:
        scale, drawn = np.sqrt(_spread(truth, proba, weight)), []
        for _ in range(n_resamples):
            positive = rng.random_sample(len(proba)) < proba
            drawn.append(means(proba + scale * (positive - proba)))
        low, high = np.percentile(drawn, BAND, axis=0)
    return ReliabilityCurve(means(proba), means(truth), low, high, spans, counts, error)


def _bins(proba: Array, weight: Array, strategy: Strategy, n_bins: int) -> tuple[Array, ...]:
    """Of each entry the bin that it is in; of each bin that is not empty its ends and entries."""
    if strategy == "quantile":
        sizes = np.rint(sums_in_quantiles(proba, np.ones(len(proba)), weight, n_bins))
        found = np.empty(len(proba), dtype=np.intp)
        found[np.argsort(proba)] = np.repeat(np.arange(n_bins), sizes.astype(np.intp))
    else:
        found = bins_of_equal_width(proba, n_bins)
    numbers, bins, counts = np.unique(found, return_inverse=True, return_counts=True)
    if strategy == "quantile":
        inside = [proba[found == number] for number in numbers]
        spans = np.array([[values.min(), values.max()] for values in inside])
    else:
        spans = np.stack([numbers, numbers + 1], axis=1) / n_bins
    return bins, spans, counts


def _in_bins(bins: Array, weight: Array) -> Means:
    total = np.bincount(bins, weight)
    return lambda values: np.bincount(bins, weight * values) / total


def _under_kernels(proba: Array, weight: Array, bandwidth: float) -> Means:
    """Means under reflected Gaussians along the axis, where one entry at least lies under each."""
    bandwidth = max(bandwidth, LEAST_BANDWIDTH)
    damping = np.exp(-0.5 * np.square(np.pi * bandwidth * np.arange(GRID)))
    first, last = np.minimum(GRID * proba.min(), GRID - 1), np.minimum(GRID * proba.max(), GRID - 1)
    cells = np.unique(np.linspace(first, last, SMOOTH_POINTS).astype(np.intp))

    def sums(values: Array) -> Array:
        return np.asarray(idct(dct(on_grid(proba, values), norm="ortho") * damping, norm="ortho"))

    entries_under = sums(np.ones(len(proba)))[cells] * GRID * bandwidth * np.sqrt(2 * np.pi)
    cells = cells[entries_under >= 1]
    total = sums(weight)[cells]
    return lambda values: sums(weight * values)[cells] / total


def _spread(truth: Array, proba: Array, weight: Array) -> float:
    """Variance of the targets about the probabilities, as a share of that of 0/1 targets."""
    if np.all((truth == 0) | (truth == 1)):
        return 1.0
    most = weight @ (proba * (1 - proba))
    return float(min(weight @ np.square(truth - proba) / most, 1.0)) if most > 0 else 1.0
