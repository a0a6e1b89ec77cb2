"""What the displays share: how they are drawn, and matplotlib, imported no sooner than then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

MOST_PANELS = 12
"""Columns up to which each has a panel of its own."""


class Display(ABC):
    """Base of the displays: what was computed, drawn as often as asked."""

    ax_: Any
    figure_: Any

    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : Axes or ndarray of Axes, default=None
            Axes as in `ax_`; a new figure if None.

        Returns
        -------
        self
        """
        self.ax_ = self._draw(ax)
        self.figure_ = np.ravel(self.ax_)[0].figure
        return self

    @abstractmethod
    def _draw(self, ax: Any) -> Any:
        """Draw on the axes given, or on new ones, which are returned."""


def pyplot() -> Any:
    """``matplotlib.pyplot``, or an error that names the extra.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib: pip install 'sklearn-softloss[plots]'."
        ) from error
    return plt


def grid_of_axes(n: int, ax: Any, panel: tuple[float, float] = (3.0, 2.3)) -> Any:
    """`n` axes of equal scale as an array, those given or those of a new figure."""
    if ax is not None:
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) != n:
            raise ValueError(f"ax must hold {n} axes, one a panel; it holds {len(axes)}.")
        return axes
    n_columns = min(n, 1 if n == 1 else 2 if n <= 4 else 3)
    n_rows = -(-n // n_columns)
    size = (panel[0] * n_columns, panel[1] * n_rows)
    _, axes = pyplot().subplots(
        n_rows, n_columns, figsize=size, sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for unused in axes.ravel()[n:]:
        unused.remove()
    return axes.ravel()[:n]


def one_axes(ax: Any, size: tuple[float, float]) -> Any:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    return pyplot().subplots(figsize=size, layout="constrained")[1]


def strip_under(panel: Any) -> Any:
    """Low axes under a panel with the same x axis, whose tick labels move there."""
    strip = panel.inset_axes((0, -0.2, 1, 0.16), sharex=panel)
    panel.tick_params(labelbottom=False)
    strip.yaxis.tick_right()  # on the left its labels would meet those of the panel
    strip.yaxis.set_label_position("right")
    strip.tick_params(labelsize="small")
    return strip


def legend_above(panel: Any, own_figure: bool) -> None:
    """A legend over all axes of a figure made here, or inside given axes."""
    if own_figure:
        handles, labels = panel.get_legend_handles_labels()
        panel.figure.legend(
            handles, labels, loc="outside upper center", ncols=len(labels), fontsize="small",
            frameon=False, columnspacing=1.2, handlelength=1.6,
        )  # fmt: skip
    else:
        panel.legend(fontsize="x-small", loc="best")
