"""The picture of disagreement: predicted against target mass where annotators differ."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_count
from .._probability import entropies
from .._targets.encoding import Array
from ..metrics.blocks import ClassBlocks, mass_on_top
from ..metrics.scorers import class_probabilities
from ._reliability_curve import bin_numbers, in_bins
from .axes import Display, legend_above, one_axes, strip_under

SPREAD = (10, 90)
"""Percentiles of the predictions of a group between which the band lies."""


@dataclass(repr=False, eq=False)
class TargetConfidenceDisplay(Display):
    """Predicted and target mass on the predicted class, ordered by the annotators' disagreement.

    Rows are ordered by the entropy of their targets, from those that annotators agree on to those
    that split them, and put into groups of about equal weight; rows of equal entropy are never
    parted. A model that knows where people disagree follows the target mass down; one that learned
    from majority votes alone often stays as sure as ever.

    Parameters
    ----------
    edges : ndarray of shape (n_groups + 1,)
        Share of the weight before each group, from 0 to 1.
    entropy, target, predicted : ndarray of shape (n_groups,)
        Means of the group: entropy of the targets in nats, target mass and predicted mass.
    low, high : ndarray of shape (n_groups,)
        10th and 90th percentile of the predicted mass.

    Attributes
    ----------
    ax_ : matplotlib Axes
    strip_ax_ : matplotlib Axes
        Below it, with the entropy.
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn_softloss.metrics.entropy_calibration_error

    Notes
    -----
    The entropy is not known when predicting. Hence even a calibrated model, whose two masses agree
    on average over all rows, is somewhat too unsure at the left and too sure at the right.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import TargetConfidenceDisplay
    >>> y_true = np.array([[1.0, 0.0], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]])
    >>> y_proba = np.array([[0.9, 0.1], [0.9, 0.1], [0.7, 0.3], [0.3, 0.7]])
    >>> display = TargetConfidenceDisplay.from_predictions(y_true, y_proba)
    >>> display.predicted.round(2)  # where annotators agree, where one differs, where they split
    array([0.8, 0.9, 0.7])
    """

    edges: Array
    _: KW_ONLY
    entropy: Array
    target: Array
    predicted: Array
    low: Array
    high: Array

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Any = None, **params: Any
    ) -> TargetConfidenceDisplay:
        """The predictions of a fitted classifier on given rows.

        Parameters
        ----------
        estimator : fitted classifier
            With `predict_proba`.
        X : array-like
            Rows that the classifier was not fitted to.
        y : array-like of shape (n_samples, n_classes)
            Their targets.
        ax : Axes, default=None
            A new figure if None.
        **params
            As in `from_predictions`.

        Returns
        -------
        TargetConfidenceDisplay
        """
        y, proba, classes = class_probabilities(estimator, X, y)
        return cls.from_predictions(y, proba, ax=ax, **{"labels": classes, **params})

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        n_groups: int = 20,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> TargetConfidenceDisplay:
        """The predictions given.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
            Rows that sum to 1, such as shares of votes. Hard labels are one group without
            disagreement.
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.
        n_groups : int, default=20
            At most so many groups; equal entropies make fewer.
        labels : array-like of shape (n_classes,), default=None
            Classes in the order of the columns of `y_proba`. Needed for hard labels that do not
            hold them all.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        TargetConfidenceDisplay

        Raises
        ------
        ValueError
            As `soft_log_loss`, or if `n_groups` is no whole number >= 1.
        """
        check_count("n_groups", n_groups, 1)
        blocks = ClassBlocks(y_true, y_proba, labels, sample_weight)
        weight = blocks.weight
        entropy, target, predicted = blocks.row_values(
            lambda truth, _: entropies(truth), mass_on_top, lambda _, proba: proba.max(axis=1)
        )
        counted = weight > 0
        entropy = entropy[counted].round(9) + 0.0  # equal votes differ by rounding
        target, predicted, weight = target[counted], predicted[counted], weight[counted]
        groups = bin_numbers(entropy, weight, "quantile", n_groups)
        mean = in_bins(groups, weight)
        share = np.bincount(groups, weight)
        edges = np.append(0.0, np.cumsum(share[share > 0]) / weight.sum())
        members = [groups == group for group in np.unique(groups)]
        bands = np.array([_percentiles(predicted[rows], weight[rows]) for rows in members])
        return cls(
            edges,
            entropy=mean(entropy),
            target=mean(target),
            predicted=mean(predicted),
            low=bands[:, 0],
            high=bands[:, 1],
        ).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        panel = one_axes(ax, (5.0, 4.2))
        panel.stairs(
            self.high, self.edges, baseline=self.low, fill=True, color="0.85",
            label=f"predicted, {SPREAD[0]} to {SPREAD[1]} %",
        )  # fmt: skip
        panel.stairs(self.target, self.edges, baseline=None, color="k", lw=1.8, label="target")
        middle = (self.edges[:-1] + self.edges[1:]) / 2
        panel.stairs(self.predicted, self.edges, baseline=None, color="tab:blue", lw=1, ls=":")
        panel.plot(middle, self.predicted, "o", color="tab:blue", ms=5, label="predicted")
        panel.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="mass on the predicted class")
        self.strip_ax_ = strip = strip_under(panel)
        strip.stairs(self.entropy, self.edges, fill=True, color="0.45")
        strip.set(xlabel="share of rows, by entropy of their targets", ylabel="nats")
        strip.set_ylim(0, 1.1 * max(self.entropy.max(), 0.1))
        legend_above(panel, ax is None)
        return panel


def _percentiles(values: Array, weight: Array) -> Array:
    """Least values that so many percent of the weight do not exceed."""
    order = np.argsort(values)
    filled = np.cumsum(weight[order])
    at = np.searchsorted(filled, np.array(SPREAD) / 100 * filled[-1])
    return np.asarray(values[order][at])
