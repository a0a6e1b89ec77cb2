"""Pictures of predicted quantiles: the fan over one column, and whether intervals hold."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_levels, weight_or_ones
from .._targets.encoding import Array
from .._targets.numbers import as_numbers
from ..metrics.scorers import quantiles_of
from .axes import Display, legend_above, one_axes


def _one_target(y: Any, y_quantiles: Any, levels: Any) -> tuple[Array, Array, Array]:
    """Truths (n,), quantiles (n, q) and levels (q,) of one target; refuses several."""
    taus, truth = check_levels("levels", levels), as_numbers(y)
    found = np.asarray(y_quantiles, dtype=np.float64)
    if truth.ndim != 1 or found.shape != (len(truth), len(taus)):
        raise ValueError(
            f"y must be one target and y_quantiles of shape (n_samples, {len(taus)}); they have "
            f"the shapes {truth.shape} and {found.shape}. Of several targets pass one."
        )
    return truth, found, taus


@dataclass(repr=False, eq=False)
class QuantileFanDisplay(Display):
    """Predicted quantiles over one column of X, as bands between levels that mirror each other.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        The column, increasing.
    quantiles : ndarray of shape (n_samples, n_levels)
        Predicted, in the units of y.
    levels : ndarray of shape (n_levels,)
        In (0, 1), increasing.
    y : ndarray of shape (n_samples,)
        What was observed, NaN where unknown.
    x_name : str
        Label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    IntervalCalibrationDisplay : Whether the bands hold what they promise.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import QuantileFanDisplay
    >>> x = np.linspace(0, 1, 5)
    >>> bands = np.column_stack([x - 1, x, x + 1])
    >>> display = QuantileFanDisplay.from_predictions(x, x, bands, levels=(0.1, 0.5, 0.9))
    >>> len(display.ax_.collections)  # one band, and the points
    2
    """

    x: Array
    quantiles: Array
    _: KW_ONLY
    levels: Array
    y: Array
    x_name: str = "x"

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, column: Any = 0, levels: Any = None, ax: Any = None
    ) -> Self:
        """The quantiles of a fitted regressor on given rows.

        Parameters
        ----------
        estimator : fitted regressor
            With `predict_quantiles`, or a pipeline or search around one.
        X, y : array-like
            Rows to predict, and their numbers, NaN where unknown.
        column : int or str, default=0
            Which column of X to draw over: its number, or its name in a DataFrame.
        levels : sequence of float, default=None
            Those of the fit if None.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        QuantileFanDisplay
        """
        named = isinstance(column, str)
        x = X[column] if named else np.asarray(X)[:, column]
        name = column if named else f"column {column} of X"
        y, found, levels = quantiles_of(estimator, X, y, levels)
        return cls.from_predictions(x, y, found, levels=levels, x_name=name, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        x: ArrayLike,
        y_true: Any,
        y_quantiles: ArrayLike,
        *,
        levels: Any,
        x_name: str = "x",
        ax: Any = None,
    ) -> Self:
        """The quantiles given.

        Parameters
        ----------
        x : array-like of shape (n_samples,)
            What to draw over.
        y_true : array-like of shape (n_samples,)
            Numbers, NaN where unknown.
        y_quantiles : array-like of shape (n_samples, n_levels)
            Predicted.
        levels : float or sequence of float
            Those of the quantiles, in (0, 1), increasing.
        x_name : str, default="x"
            Label of the axis.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        QuantileFanDisplay
        """
        truth, found, taus = _one_target(y_true, y_quantiles, levels)
        at = np.asarray(x, dtype=np.float64)
        if at.shape != truth.shape:
            raise ValueError(f"x must have shape {truth.shape}; it has {at.shape}.")
        order = np.argsort(at, kind="stable")
        return cls(at[order], found[order], levels=taus, y=truth[order], x_name=x_name).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        panel = one_axes(ax, (5.0, 4.0))
        names, quantiles = [f"{level:g}" for level in self.levels], self.quantiles.T
        middle, is_odd = divmod(len(names), 2)
        for low in range(middle):
            high = -1 - low
            panel.fill_between(
                self.x, quantiles[low], quantiles[high], color="tab:blue", lw=0, alpha=0.22,
                label=f"{names[low]} to {names[high]}",
            )  # fmt: skip
        if is_odd:
            panel.plot(self.x, quantiles[middle], color="tab:blue", label=names[middle])
        panel.scatter(self.x, self.y, s=6, color="k", alpha=0.5, lw=0, label="observed", zorder=3)
        panel.set(xlabel=self.x_name, ylabel="y")
        legend_above(panel, ax is None)
        return panel


@dataclass(repr=False, eq=False)
class IntervalCalibrationDisplay(Display):
    """Share of the observed values at or below each predicted quantile, over its level.

    On the diagonal each level holds what it promises. Below it the quantiles lie too low, above it
    too high; a line flatter than the diagonal means intervals that are too narrow, a steeper one
    intervals that are too wide.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        In (0, 1), increasing.
    observed : ndarray of shape (n_levels,)
        Weighted shares of the known values.
    error : ndarray of shape (n_levels,)
        Standard errors of these shares where levels hold, for independent rows.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn_softloss.metrics.interval_coverage

    References
    ----------
    Kuleshov, Fenner and Ermon, "Accurate uncertainties for deep learning using calibrated
    regression", ICML 2018, arXiv:1807.00263.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import IntervalCalibrationDisplay
    >>> y = np.arange(10.0)
    >>> bands = np.tile([1.5, 4.5, 7.5], (10, 1))
    >>> display = IntervalCalibrationDisplay.from_predictions(y, bands, levels=(0.2, 0.5, 0.8))
    >>> display.observed
    array([0.2, 0.5, 0.8])
    """

    levels: Array
    _: KW_ONLY
    observed: Array
    error: Array

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, levels: Any = None, **params: Any
    ) -> Self:
        """The quantiles of a fitted regressor on given rows.

        Parameters
        ----------
        estimator : fitted regressor
            With `predict_quantiles`, or a pipeline or search around one.
        X, y : array-like
            Rows that the regressor was not fitted to, and their numbers, NaN where unknown.
        levels : sequence of float, default=None
            Those of the fit if None.
        **params
            As in `from_predictions`.

        Returns
        -------
        IntervalCalibrationDisplay
        """
        y, found, levels = quantiles_of(estimator, X, y, levels)
        return cls.from_predictions(y, found, levels=levels, **params)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_quantiles: ArrayLike,
        *,
        levels: Any,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """The quantiles given.

        Parameters
        ----------
        y_true, y_quantiles, levels : array-like
            As in `QuantileFanDisplay.from_predictions`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        IntervalCalibrationDisplay
        """
        truth, found, taus = _one_target(y_true, y_quantiles, levels)
        weight = weight_or_ones(sample_weight, truth.shape, name="sample_weight")
        weight = np.where(np.isnan(truth), 0.0, weight)
        if not weight.any():
            raise ValueError("y_true holds no known value of weight > 0.")
        observed = weight @ (truth[:, None] <= found) / weight.sum()
        n_effective = weight.sum() ** 2 / (weight @ weight)
        error = np.sqrt(taus * (1 - taus) / n_effective)
        return cls(taus, observed=observed, error=error).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        panel = one_axes(ax, (4.2, 4.2))
        panel.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
        ends, band = np.r_[0.0, self.levels, 1.0], 2 * np.r_[0.0, self.error, 0.0]
        panel.fill_between(
            ends, ends - band, ends + band, color="0.88", lw=0, label="two standard errors"
        )
        panel.plot(self.levels, self.observed, "o-", color="tab:blue", ms=5, label="observed")
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="level", ylabel="share at or below")
        legend_above(panel, ax is None)
        return panel
