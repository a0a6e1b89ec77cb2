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


def grid_of_axes(
    ax: Any, shape: tuple[int, int], size: tuple[float, float], sharey: Any = True
) -> Any:
    """The axes given, or those of a new figure, row after row; all have one scale of x."""
    if ax is not None:
        axes, n = np.ravel(np.asarray(ax, dtype=object)), shape[0] * shape[1]
        if len(axes) != n:
            raise ValueError(f"ax must hold {n} axes, one a panel; it holds {len(axes)}.")
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Pictures need matplotlib: pip install 'sklearn-softloss[plots]'."
        ) from error
    options = {"sharex": True, "sharey": sharey, "squeeze": False, "layout": "constrained"}
    return plt.subplots(*shape, figsize=size, **options)[1].ravel()


def axes_of_panels(n: int, ax: Any, panel: tuple[float, float]) -> Any:
    """Axes of `n` panels of the given size and of equal scale, up to three side by side."""
    if ax is not None:
        return grid_of_axes(ax, (1, n), panel)
    n_columns = 1 if n == 1 else 2 if n <= 4 else 3
    n_rows = -(-n // n_columns)
    axes = grid_of_axes(None, (n_rows, n_columns), (panel[0] * n_columns, panel[1] * n_rows))
    for unused in axes[n:]:
        unused.remove()
    return axes[:n]


def one_axes(ax: Any, size: tuple[float, float]) -> Any:
    """The axes given, or those of a new figure."""
    return grid_of_axes(ax, (1, 1), size)[0]


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
