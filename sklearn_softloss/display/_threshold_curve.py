"""The picture of a tuned threshold: the objective against the cut-off of each label."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit, logit
from sklearn.utils.validation import check_is_fitted

from .._targets.encoding import Array, column_names, label_names
from ..decision import optimal_thresholds
from ..decision.curve import threshold_curve
from ..metrics.scorers import label_probabilities
from .axes import MOST_PANELS, Display, axes_of_panels, one_axes

LEAST_CUT = 1e-3
CUT_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


@dataclass(repr=False, eq=False)
class ThresholdCurveDisplay(Display):
    """Objective against cut-off, label by label, with the cut-off chosen and that at 0.5.

    Up to 12 labels have a panel each. More are rows of a heat map, ordered by their cut-off, on a
    logit scale.

    Parameters
    ----------
    cuts : ndarray of shape (n_points, n_labels)
        Cut-offs, ascending.
    scores : ndarray of shape (n_points, n_labels)
        Objective there; the mean over folds where there are folds.
    spread : ndarray of shape (n_points, n_labels) or None
        Standard deviation over folds.
    thresholds : ndarray of shape (n_labels,)
        Cut-offs chosen.
    label_names : sequence of str or None
        Names of the labels; numbers if None.
    score_name : str
        Name of the objective, for the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        One axes a label, or one for more than 12 labels.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.display import ThresholdCurveDisplay
    >>> proba = np.random.default_rng(0).random((50, 2))
    >>> truth = np.random.default_rng(1).random((50, 2)) < proba
    >>> display = ThresholdCurveDisplay.from_predictions(truth, proba)
    >>> len(display.ax_)
    2
    """

    cuts: Array
    scores: Array
    _: KW_ONLY
    spread: Array | None = None
    thresholds: Array
    label_names: Any = None
    score_name: str = "objective"

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any = None, y: Any = None, *, ax: Any = None, **params: Any
    ) -> Self:
        """The out-of-fold curves of a tuned classifier, or those of any classifier on given rows.

        Parameters
        ----------
        estimator : fitted classifier
            A `TunedDecisionClassifierCV` with cut-offs needs no X and y.
        X, y : default=None
            Held-out rows and their labels.
        ax : ndarray of Axes or Axes, default=None
            One axes a label, or one for more than 12 labels.
        **params
            As in `from_predictions`.

        Returns
        -------
        ThresholdCurveDisplay
        """
        check_is_fitted(estimator)
        if (X is None) != (y is None):
            raise ValueError("Pass both X and y, or, for a TunedDecisionClassifierCV, neither.")
        if X is not None:
            y, proba = label_probabilities(estimator, X, y)
            params = {"label_names": label_names(estimator), **params}
            return cls.from_predictions(y, proba, ax=ax, **params)
        results = getattr(estimator, "cv_results_", {})
        if "mean_score" not in results:
            raise ValueError(
                "Without X and y the estimator must be a TunedDecisionClassifierCV whose rule has "
                f"a cut-off a label; got {estimator!r}."
            )
        return cls(
            results["thresholds"],
            results["mean_score"],
            spread=results["std_score"],
            thresholds=estimator.thresholds_,
            label_names=[row["label"] for row in estimator.decision_report().rows],
            score_name=_name(estimator.objective),
        ).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        objective: Any = "f1",
        thresholds: Any = None,
        sample_weight: Any = None,
        label_names: Any = None,
        ax: Any = None,
    ) -> Self:
        """The curves of given probabilities.

        Parameters
        ----------
        y_true : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            As in `optimal_thresholds`.
        y_proba : array-like of shape (n_samples, n_labels), or (n_samples,)
            Predicted probabilities.
        objective : str or callable, default="f1"
            As in `optimal_thresholds`, of those that need neither costs nor floor.
        thresholds : array-like of shape (n_labels,), default=None
            Cut-offs to mark; the best ones if None.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        label_names : sequence of str, default=None
            By default the columns of a DataFrame `y_true`, or numbers.
        ax : ndarray of Axes or Axes, default=None
            One axes a label, or one for more than 12 labels; a new figure if None.

        Returns
        -------
        ThresholdCurveDisplay
        """
        grid, scores = threshold_curve(y_true, y_proba, objective, sample_weight)
        if thresholds is None:
            thresholds, _ = optimal_thresholds(
                y_true, y_proba, objective=objective, sample_weight=sample_weight
            )
        return cls(
            grid,
            scores,
            thresholds=np.broadcast_to(thresholds, grid.shape[1]),
            label_names=column_names(y_true) if label_names is None else label_names,
            score_name=_name(objective),
        ).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        n_labels = len(self.thresholds)
        names = range(n_labels) if self.label_names is None else self.label_names
        names = [str(name) for name in names]
        if n_labels > MOST_PANELS:
            return self._draw_all(one_axes(ax, (7, 6.5)), names)
        axes = axes_of_panels(n_labels, ax, (3.0, 2.3))
        for label, panel in enumerate(axes):
            self._draw_label(panel, label, names[label])
        if ax is None:
            axes[0].figure.supxlabel("cut-off", fontsize="medium")
            axes[0].figure.supylabel(self.score_name, fontsize="medium")
        axes[0].legend(fontsize="x-small", loc="best")
        return axes

    def _draw_label(self, panel: Any, label: int, name: str) -> None:
        cuts, scores = self.cuts[:, label], self.scores[:, label]
        panel.plot(cuts, scores, color="k", lw=1.5, drawstyle="steps-pre")
        if self.spread is not None:
            band = self.spread[:, label]
            panel.fill_between(
                cuts, scores - band, scores + band, color="0.8", step="pre", label="sd over folds"
            )
        chosen = self.thresholds[label]
        panel.axvline(chosen, color="tab:blue", lw=2, label="chosen")
        panel.axvline(0.5, color="0.4", lw=1, ls="--", label="0.5")
        panel.set_title(f"{name}: {chosen:.2g}", fontsize="small")
        panel.set(xlim=(0, 1))
        panel.tick_params(labelsize="small")

    def _draw_all(self, panel: Any, names: list[str]) -> Any:
        order = np.argsort(self.thresholds, kind="stable")
        rows = np.arange(len(order))
        edge = logit(LEAST_CUT)
        places = expit(np.linspace(edge, -edge, 201))
        scores = np.empty((len(order), len(places)))
        for row, label in enumerate(order):
            next_cut = np.searchsorted(self.cuts[:, label], places)
            scores[row] = np.append(self.scores[:, label], 0.0)[next_cut]
        mesh = panel.pcolormesh(
            places, rows, scores, cmap="Greys", vmin=0, shading="nearest", rasterized=True
        )
        chosen = np.clip(self.thresholds[order], LEAST_CUT, 1 - LEAST_CUT)
        panel.plot(chosen, rows, "o", ms=3, color="tab:orange", mec="k", mew=0.4, label="chosen")
        panel.axvline(0.5, color="tab:blue", lw=1.2, ls="--", label="0.5")
        panel.set(xscale="logit", xlim=(LEAST_CUT, 1 - LEAST_CUT), xlabel="cut-off")
        panel.set_xticks(CUT_TICKS, [f"{tick:g}" for tick in CUT_TICKS])
        panel.tick_params(axis="x", which="minor", labelbottom=False)
        shown = np.unique(np.linspace(0, len(order) - 1, 15).astype(int))
        panel.set_yticks(shown, [names[order[i]][:18] for i in shown], fontsize="x-small")
        panel.set_ylabel(f"{len(order)} labels by cut-off (some named)")
        panel.legend(fontsize="small", loc="upper left")
        panel.figure.colorbar(mesh, ax=panel, label=self.score_name)
        return panel


def _name(objective: Any) -> str:
    if callable(objective):
        return getattr(objective, "__name__", "objective")
    return "F1" if objective == "f1" else str(objective).replace("_", " ")
