"""Who follows a training: the monitor of its losses, skorch's callbacks, and who watches a fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

from .batches import Batch, TrainingData


@dataclass
class Monitor:
    """Keeps and shows the loss curves (`verbose` 1: a progress bar on a terminal, 2 or more: a line
    an epoch), and says when no epoch of `n_iter_no_change` brought a fall by `tol`."""

    tol: float
    n_iter_no_change: float
    verbose: int
    train_losses: list[float] = field(default_factory=list)
    valid_losses: list[float] = field(default_factory=list)
    best_loss: float = inf
    is_best: bool = False
    epochs_without_gain: int = 0
    _bar: Any = field(default=None, init=False, repr=False)

    @contextmanager
    def shown(self, n_epochs: int) -> Iterator[None]:
        """A progress bar while the block runs, where one is wanted."""
        if self.verbose == 1:
            self._bar = tqdm(total=n_epochs, unit="epoch", disable=None, leave=False)
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.close()
                self._bar = None

    def record(self, train_loss: float, valid_loss: float | None, n_samples: int) -> bool:
        """Take in the losses of an epoch; True if too many epochs brought no gain."""
        self.train_losses.append(train_loss)
        watched = train_loss
        if valid_loss is not None:
            self.valid_losses.append(valid_loss)
            watched = valid_loss
        # A NaN loss is no gain either.
        self.epochs_without_gain += 1
        if watched <= self.best_loss - self.tol:
            self.epochs_without_gain = 0
        self.is_best = watched < self.best_loss
        if self.is_best:
            self.best_loss = watched
        if self.verbose:
            self._show(train_loss, valid_loss, n_samples)
        return self.epochs_without_gain > self.n_iter_no_change

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


class CallbackObserver:
    """Tells skorch's callbacks, the history and another observer what a loop does. Batches only
    where `sees_batches` says so."""

    def __init__(
        self, net: Any, train: TrainingData, valid: TrainingData | None, other: Any
    ) -> None:
        self.net, self.sees_batches, self.other = net, net.sees_batches_, other
        self.datasets = {"dataset_train": train, "dataset_valid": valid}

    def on_epoch_begin(self) -> None:
        self.net.notify("on_epoch_begin", **self.datasets)
        if self.other is not None:
            self.other.on_epoch_begin()

    def on_epoch_end(self, record: dict[str, Any]) -> bool:
        """Take in the losses of an epoch; True stops the training."""
        row = self.net.history[-1]  # once: skorch's History copies itself to look into it
        if not row["batches"]:
            row["batches"].append({})  # skorch's Checkpoint looks up the last batch of the epoch
        row.update(record)
        try:
            self.net.notify("on_epoch_end", **self.datasets)
        except KeyboardInterrupt:  # as skorch's callbacks stop a training
            return True
        return self.other is not None and self.other.on_epoch_end()

    def on_batch_begin(self, batch: Batch, training: bool) -> None:
        if self.sees_batches:
            self.net.notify("on_batch_begin", batch=batch, training=training)

    def on_gradient(self, batch: Batch) -> None:
        named = self.net.module_.named_parameters
        self.net.notify("on_grad_computed", named_parameters=named(), batch=batch, training=True)

    def on_batch_end(self, batch: Batch, training: bool, loss: Tensor, logits: Tensor) -> None:
        if not self.sees_batches:
            return
        prefix = "train" if training else "valid"
        self.net.history.record_batch(f"{prefix}_loss", loss.item())
        self.net.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
        self.net.notify("on_batch_end", batch=batch, training=training, loss=loss, y_pred=logits)
