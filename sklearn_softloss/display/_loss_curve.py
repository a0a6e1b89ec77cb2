"""The picture of a training: loss epoch by epoch, and the epoch that was best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .axes import Display, one_axes


@dataclass(repr=False, eq=False)
class LossCurveDisplay(Display):
    """Training and validation loss of each epoch, with the best epoch marked.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch; of scikit-learn's and our estimators with the L2 penalty.
    validation_loss_curve : sequence of float, default=None
        Validation loss of the last so many epochs.
    best_epoch : int, default=None
        Number of the epoch to mark, counted from 1.
    best_by : str, default="loss"
        What was best there, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.display import LossCurveDisplay
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
    >>> clf = SoftTargetMLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(clf)
    >>> display.best_epoch == len(clf.loss_curve_)
    True
    """

    loss_curve: Sequence[float]
    _: KW_ONLY
    validation_loss_curve: Sequence[float] | None = None
    best_epoch: int | None = None
    best_by: str = "loss"

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> LossCurveDisplay:
        """The losses that a fitted net keeps.

        Parameters
        ----------
        estimator : fitted estimator
            With `loss_curve_`, such as ours and scikit-learn's ``MLPClassifier``, or a pipeline
            that ends in one. The best epoch is the first with the least `validation_loss_curve_`,
            else with the largest of `validation_scores_`, else with the least `loss_curve_`.
        ax : Axes, default=None
            A new figure if None.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If the estimator keeps no `loss_curve_`.
        """
        while isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        check_is_fitted(estimator)
        if not len(getattr(estimator, "loss_curve_", ())):
            raise ValueError(
                f"The estimator must have a loss_curve_; {estimator!r} has none. Pass the fitted "
                "net itself, for example search.best_estimator_, of a solver that keeps losses."
            )
        losses = estimator.loss_curve_
        validation = getattr(estimator, "validation_loss_curve_", None)
        scores = getattr(estimator, "validation_scores_", None)
        if validation is not None:
            best_by, watched = "validation loss", validation
        elif scores is not None:
            best_by, watched = "validation score", np.negative(scores)
        else:
            best_by, watched = "training loss", losses
        best = len(losses) - len(watched) + int(np.nanargmin(watched)) + 1
        display = cls(losses, validation_loss_curve=validation, best_epoch=best, best_by=best_by)
        return display.plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        panel = one_axes(ax, (5.0, 3.5))
        training = _by_epoch(self.loss_curve, len(self.loss_curve))
        watched = training
        _draw_losses(panel, training, color="0.45", lw=1.5, label="training")
        if self.validation_loss_curve is not None:
            watched = _by_epoch(self.validation_loss_curve, len(self.loss_curve))
            _draw_losses(panel, watched, color="tab:blue", lw=1.8, ls="--", label="validation")
        if self.best_epoch is not None:
            panel.plot(
                self.best_epoch, watched[self.best_epoch], "D", ms=8, color="w", mec="k", mew=1.5,
                ls="", label=f"best {self.best_by}: epoch {self.best_epoch}",
            )  # fmt: skip
        panel.set(xlabel="epoch", ylabel="loss")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.legend(fontsize="small", loc="best")
        return panel


def _draw_losses(panel: Any, losses: dict[int, float], **style: Any) -> None:
    marker = "." if len(losses) == 1 else ""
    panel.plot(list(losses), list(losses.values()), marker=marker, **style)


def _by_epoch(losses: Sequence[float], last: int) -> dict[int, float]:
    """Losses by the number of their epoch, up to the last; a shorter curve began later."""
    return dict(enumerate(losses, start=last - len(losses) + 1))
