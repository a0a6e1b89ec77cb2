"""Picture of sets that are to hold a vote: what they hold, and how large they are."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np

from .._checks import check_levels
from .._targets.encoding import Array, encode_classes
from ..decision import VoteConformal
from ..metrics.scorers import class_probabilities
from .axes import Display, legend_above, one_axes

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(repr=False, eq=False)
class SetCoverageDisplay(Display):
    """Share of the votes that `VoteConformal`'s sets hold, and their mean size, over the coverage.

    On the diagonal the sets hold what they promise. Below it, as where they were calibrated on
    other rows than those drawn or on majorities, they promise too much.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Coverages asked for, in (0, 1), increasing.
    observed : ndarray of shape (n_levels,)
        Shares of the votes that are held.
    error : ndarray of shape (n_levels,)
        Their standard errors, for independent rows.
    size : ndarray of shape (n_levels,)
        Mean numbers of classes in a set.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn_softloss.decision.VoteConformal : The sets.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import SetCoverageDisplay
    >>> proba = np.random.default_rng(0).dirichlet(np.ones(4), size=1000)
    >>> seen, new = proba[:500], proba[500:]
    >>> display = SetCoverageDisplay.from_predictions(
    ...     new, new, calibration=(seen, seen), levels=(0.5, 0.9)
    ... )
    >>> display.observed.round(1)
    array([0.5, 0.9])
    """

    levels: Array
    _: KW_ONLY
    observed: Array
    error: Array
    size: Array

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, calibration: tuple[Any, Any], **params: Any
    ) -> Self:
        """The sets of a fitted classifier.

        Parameters
        ----------
        estimator : fitted classifier
            With `predict_proba`.
        X, y : array-like
            Rows to judge the sets by, and their shares of votes or hard labels.
        calibration : tuple (X, y)
            Other rows, to calibrate the sets on; the classifier must not have seen either.
        **params
            As in `from_predictions`.

        Returns
        -------
        SetCoverageDisplay
        """
        seen = _shares_and_probabilities(estimator, *calibration)
        judged = _shares_and_probabilities(estimator, X, y)
        return cls.from_predictions(*judged, calibration=seen, **params)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        calibration: tuple[Any, Any],
        levels: Any = LEVELS,
        ax: Any = None,
    ) -> Self:
        """The sets of the probabilities given.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
            Shares of votes, or hard labels.
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.
        calibration : tuple (y_true, y_proba)
            Those of other rows, to calibrate the sets on.
        levels : sequence of float, default=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
            Coverages, in (0, 1), increasing.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        SetCoverageDisplay
        """
        found, truth = check_levels("levels", levels), encode_classes(y_true).dense()
        rules = [VoteConformal(float(level)).fit(*calibration) for level in found]
        sets = np.stack([rule.predict_sets(y_proba) for rule in rules])
        if sets.shape[1:] != truth.shape:
            raise ValueError(
                f"y_true and y_proba must have the same shape; they have {truth.shape} and "
                f"{sets.shape[1:]}."
            )
        held = (truth * sets).sum(axis=2)
        error = held.std(axis=1) / np.sqrt(len(truth))
        size = sets.sum(axis=2).mean(axis=1)
        return cls(found, observed=held.mean(axis=1), error=error, size=size).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        panel = one_axes(ax, (4.8, 4.2))
        panel.plot([0, 1], [0, 1], color="0.6", lw=1, ls=":")
        panel.errorbar(
            self.levels, self.observed, yerr=2 * self.error, fmt="o-", color="tab:blue", ms=5,
            capsize=3, label="votes held (two standard errors)",
        )  # fmt: skip
        panel.plot([], [], "s--", color="tab:orange", ms=4, label="size")
        panel.set(xlim=(0, 1), ylim=(0, 1), xlabel="coverage asked for", ylabel="share of votes")
        sizes = panel.twinx()
        sizes.plot(self.levels, self.size, "s--", color="tab:orange", ms=4)
        sizes.set(ylim=(0, None), ylabel="mean number of classes in a set")
        legend_above(panel, ax is None)
        return panel


def _shares_and_probabilities(estimator: Any, X: Any, y: Any) -> tuple[Array, Array]:
    """Both with a column for each class of the estimator, in its order."""
    y, proba, classes = class_probabilities(estimator, X, y)
    return encode_classes(y, classes=classes).dense(), proba
