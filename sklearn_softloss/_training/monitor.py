"""Watches the losses pass by pass: curves, best pass, when to stop, what to print."""

from __future__ import annotations

from math import inf
from typing import Any

from tqdm.auto import tqdm


class Monitor:
    """Keeps the loss curves and says when they stopped improving.

    Parameters
    ----------
    tol : float
        Smallest fall of the loss that counts.
    n_iter_no_change : float
        Passes without such a fall that are put up with.
    verbose : int
        1 shows a progress bar on a terminal, 2 or more prints one line a pass.
    """

    def __init__(self, tol: float, n_iter_no_change: float, verbose: int) -> None:
        self.tol, self.n_iter_no_change, self.verbose = tol, n_iter_no_change, verbose
        self.train_losses: list[float] = []
        self.valid_losses: list[float] = []
        self.best_loss = inf
        self.is_best = False
        self.passes_without_gain = 0
        self._bar: Any = None

    def start(self, n_passes: int) -> None:
        if self.verbose == 1:
            self._bar = tqdm(total=n_passes, unit="pass", disable=None, leave=False)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def record(self, train_loss: float, valid_loss: float | None, n_samples: int) -> bool:
        """Take in the losses of a pass; True if too many passes brought no gain."""
        self.train_losses.append(train_loss)
        watched = train_loss
        if valid_loss is not None:
            self.valid_losses.append(valid_loss)
            watched = valid_loss
        # A NaN loss is no gain either.
        self.passes_without_gain += 1
        if watched <= self.best_loss - self.tol:
            self.passes_without_gain = 0
        self.is_best = watched < self.best_loss
        if self.is_best:
            self.best_loss = watched
        self._show(train_loss, valid_loss, n_samples)
        return self.passes_without_gain > self.n_iter_no_change

    def announce(self, message: str) -> None:
        if self.verbose >= 2:
            print(message)

    def _show(self, train_loss: float, valid_loss: float | None, n_samples: int) -> None:
        if self.verbose >= 2:
            line = f"Iteration {len(self.train_losses)}, loss = {train_loss:.8f}"
            print(line if valid_loss is None else f"{line}, validation loss = {valid_loss:.8f}")
        if self._bar is not None:
            shown = {"loss": f"{train_loss:.4g}"}
            if valid_loss is not None:
                shown["validation"] = f"{valid_loss:.4g}"
            rate = self._bar.format_dict["rate"]
            if rate:
                shown["rows/s"] = f"{rate * n_samples:.3g}"
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update()
