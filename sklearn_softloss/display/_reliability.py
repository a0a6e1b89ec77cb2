"""The picture of calibration: mean target against predicted probability."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_count
from .._random import generator_from
from .._targets.encoding import as_array, label_names, target_kind
from ..metrics.blocks import NOTHING_KNOWN
from ..metrics.calibration_error import Kind, Strategy, check_options, columns_of_kind
from ..metrics.scorers import class_probabilities, label_probabilities
from ._reliability_curve import BAND, ReliabilityCurve, reliability_curve
from .axes import MOST_PANELS, Display, grid_of_axes, legend_above, one_axes, strip_under


@dataclass(repr=False, eq=False)
class ReliabilityDisplay(Display):
    """Mean target against predicted probability, with the number of entries as a strip below.

    For hard and soft targets: the mean target mass takes the place of the accuracy. Unknown
    entries (NaN, -1) of labels are ignored. The title holds the expected calibration error.

    Parameters
    ----------
    curves : list of ReliabilityCurve
        One a panel.
    names : list of str, default=None
        Of the panels; None for a single one without a name.
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
    names: list[str] | None = None
    kind: Kind = "confidence"
    strategy: Strategy = "uniform"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        kind: Kind | None = None,
        ax: Any = None,
        **params: Any,
    ) -> ReliabilityDisplay:
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
        ax : Axes or ndarray of Axes, default=None
            One axes a panel; a new figure if None.
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
        return cls.from_predictions(y, proba, kind=kind, ax=ax, **params)

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
    ) -> ReliabilityDisplay:
        """The calibration of given probabilities.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_columns) or (n_samples,)
            As in `expected_calibration_error`, like the next four.
        y_proba : array-like of shape (n_samples, n_columns) or (n_samples,)
            Predicted probabilities.
        kind : {"confidence", "classwise", "labelwise"}, default="confidence"
            The largest probability of each row, or each class or label by itself.
        strategy : {"uniform", "quantile", "smooth"}, default="uniform"
            Bins of equal width or weight, or a kernel in the place of bins.
        n_bins : int, default=15
            Under "smooth" they are those of the strip alone.
        pooled : bool, default=None
            Whether the entries of all classes or labels are put together in one panel. None does
            so for more than 12.
        labels : array-like of shape (n_classes,), default=None
            Classes in the order of the columns of `y_proba`. Needed for hard labels that do not
            hold them all.
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
            One axes a panel.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            As `expected_calibration_error`, or if `n_resamples` is no whole number >= 0.
        """
        check_options(kind, strategy, n_bins)
        check_count("n_resamples", n_resamples, 0)
        columns = list(columns_of_kind(kind, y_true, y_proba, labels, sample_weight))
        if not any(weight.any() for _, _, weight in columns):
            raise ValueError(NOTHING_KNOWN)
        names: list[str] | None = None
        if kind != "confidence":
            names = _names(kind, y_true, labels, label_names, len(columns))
        if pooled or (pooled is None and len(columns) > MOST_PANELS):
            truth, proba, weight = map(np.concatenate, zip(*columns, strict=True))
            columns, names = [(truth, proba, weight)], None
        rng = generator_from(random_state)
        curves = [
            reliability_curve(*column, strategy, n_bins, n_resamples, rng) for column in columns
        ]
        return cls(curves, names=names, kind=kind, strategy=strategy).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        names = [""] * len(self.curves) if self.names is None else self.names
        x_label, y_label = "predicted probability", "mean target"
        if self.kind == "confidence":
            x_label = "probability of the predicted class"
            y_label = "target mass on the predicted class"
        if len(self.curves) == 1:
            axes = panel = one_axes(ax, (4.2, 4.6))
            self.strip_ax_ = self._draw_panel(panel, self.curves[0], names[0])
            self.strip_ax_.set_xlabel(x_label)
            panel.set_ylabel(y_label)
        else:
            axes = grid_of_axes(len(self.curves), ax, (3.0, 2.9))
            drawn = zip(axes, self.curves, names, strict=True)
            self.strip_ax_ = np.array([self._draw_panel(*part) for part in drawn], dtype=object)
            panel = max(axes, key=lambda panel: len(panel.lines))  # one with a curve
            if ax is None:
                panel.figure.supxlabel(x_label, fontsize="medium")
                panel.figure.supylabel(y_label, fontsize="medium")
        legend_above(panel, ax is None)
        return axes

    def _draw_panel(self, panel: Any, curve: ReliabilityCurve, name: str) -> Any:
        """A curve and the strip under it, which is returned."""
        panel.plot([0, 1], [0, 1], color="0.4", lw=1, ls="--", label="calibrated")
        strip = strip_under(panel)
        if len(curve.proba):
            self._draw_curve(panel, curve)
            _draw_counts(strip, curve)
        else:
            strip.set_yticks([])
        error = "smooth ECE" if self.strategy == "smooth" else "ECE"
        shown = f"{error} {curve.error:.3f}" if len(curve.proba) else "nothing known"
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


def _draw_counts(strip: Any, curve: ReliabilityCurve) -> None:
    left, right = curve.spans.T
    strip.bar(
        left, curve.counts, np.maximum(right - left, 0.004), align="edge", color="0.45",
        edgecolor="w", lw=0.4,
    )  # fmt: skip
    most = curve.counts.max()
    strip.set(ylim=(0, 1.1 * most), yticks=[most])
    strip.set_yticklabels([f"{most}"], fontsize="x-small")


def _names(
    kind: str, y_true: Any, labels: Any, label_names: Any, n_columns: int
) -> list[str] | None:
    """Names of the columns; none for a single one that was given none."""
    if label_names is not None:
        found = label_names
    elif labels is not None:
        found = np.asarray(labels)
    elif hasattr(y_true, "columns"):
        found = y_true.columns
    elif kind == "classwise" and as_array(y_true).ndim == 1:
        found = np.unique(as_array(y_true))
    elif n_columns == 1:
        return None
    else:
        found = range(n_columns)
    if len(found) != n_columns:
        raise ValueError(
            f"label_names must hold {n_columns} names, one a column; it holds {len(found)}."
        )
    return [str(name) for name in found]
