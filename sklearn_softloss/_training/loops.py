"""The loop over epochs: what an epoch does, and when it was the last."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .._warn import warn
from ..losses import Loss
from .batches import Batch, Batches, TrainingData
from .checkpoint import TrainingCheckpoint, fingerprint, replaced
from .epoch_loss import kept, weight_of, weighted_mean, weighted_sum
from .fused import FusedMLP
from .generators import capture, restore
from .mlp import MLP, UnitDropout, width_of
from .observers import CallbackObserver, Monitor
from .schedule import Schedule
from .solvers import damp_
from .threads import threads_for


class Loop(ABC):
    """A training of a net from `run` to its end: weights are kept, restored, or refused.

    The loss of a batch is sum(w * loss) / sum(w) plus the L2 penalty of scikit-learn's
    ``MLPClassifier``, l2 / 2 times the squared weight matrices over sum(w). At the end `n_epochs`
    says how many came to their end, `converged` whether the loss or an observer said stop, and
    `interrupted` whether the user did. The generator draws for those that take steps.
    """

    def __init__(
        self,
        net: Any,
        train: TrainingData,
        valid: TrainingData | None,
        generator: torch.Generator,
        observer: Any,
    ) -> None:
        self.net, self.module = net, net.module_
        self.observer = CallbackObserver(net, train, valid, observer)
        self.train, self.valid, self.processes = train, valid, train.processes
        self.generator = generator
        self.loss: Loss = net.criterion_
        self.optimizer: torch.optim.Optimizer = net.optimizer_
        self.schedule: Schedule = net.schedule
        self.monitor: Monitor = net.monitor
        self.l2 = 0.0 if net.decay_weights else net.alpha
        self.n_epochs, self.converged, self.interrupted = 0, False, False
        self._state_dict: dict[str, Tensor] | None = None

    def run(self, n_epochs: int) -> None:
        """Train for at most so many epochs; with `valid` the best weights on it are kept."""
        self.processes.take_over_weights(self.module)
        start = self._snapshot()
        self._kept = start["weights"]
        try:
            with self.monitor.shown(n_epochs):
                self._run(n_epochs)
        except BaseException as error:
            alone = self.processes.size == 1
            self.interrupted = isinstance(error, KeyboardInterrupt) and alone
            if not (self.interrupted and self.n_epochs):
                self._restore(start)
                raise
            n_before = len(start["monitor"]["train_losses"])
            del self.monitor.train_losses[n_before + self.n_epochs :]
            kept = "last finished" if self.valid is None else "best"
            warn(f"Training interrupted by user: the weights of the {kept} epoch are kept.")
        finally:
            self.module.zero_grad(set_to_none=True)
        if self.valid is not None or self.interrupted:
            self.module.load_state_dict(self._kept)
        if not all(torch.isfinite(tensor).all() for tensor in self.module.state_dict().values()):
            self._restore(start)
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed, or learning_rate_init is too large."
            )

    @abstractmethod
    def _run(self, n_epochs: int) -> None:
        """Move the weights, and call `_end_epoch` after each epoch."""

    def _end_epoch(self, record: dict[str, Any]) -> bool:
        """Book the epoch that ended; True if the loss has stopped improving."""
        self.processes.take_over_weights(self.module)
        if self.valid is not None:
            blocks = self.valid.blocks_for(self.module)
            record |= {"valid_loss": self._mean_loss(blocks), "valid_batch_count": len(blocks)}
        self.schedule.end_epoch(self.optimizer, self.train.n_samples)
        losses = record["train_loss"], record.get("valid_loss")
        stalled = self.monitor.record(*losses, self.train.n_samples)
        watched = "train_loss" if self.valid is None else "valid_loss"
        record[f"{watched}_best"] = self.monitor.is_best
        if self.valid is None or self.monitor.is_best:
            self._kept = self._copy_of_weights()
        self.n_epochs += 1
        self.converged = bool(self.processes.total(self.observer.on_epoch_end(record)))
        return stalled

    def _snapshot(self) -> dict[str, Any]:
        """All that an epoch changes."""
        return {
            "weights": self._copy_of_weights(),
            "optimizer": replaced(self.optimizer.state_dict(), Tensor, torch.clone),
            "schedule": dict(vars(self.schedule)),
            "monitor": {k: copy.copy(v) for k, v in vars(self.monitor).items() if k != "_bar"},
        }

    def _restore(self, start: dict[str, Any]) -> None:
        self.module.load_state_dict(start["weights"])
        self.optimizer.load_state_dict(start["optimizer"])
        vars(self.schedule).update(start["schedule"])
        vars(self.monitor).update(start["monitor"])

    def _copy_of_weights(self) -> dict[str, Tensor]:
        state = self.module.state_dict() if self._state_dict is None else self._state_dict
        return {name: value.clone() for name, value in state.items()}

    # --- losses ----------------------------------------------------------------------------------

    def _matrices(self) -> Iterator[Tensor]:
        return (p for p in self.module.parameters() if p.ndim > 1)

    def _penalty(self) -> Any:
        return 0.5 * self.l2 * sum(p.square().sum() for p in self._matrices()) if self.l2 else 0.0

    def _mean_loss(self, batches: Batches) -> float:
        """Weighted mean loss of the net as it stands."""
        self.module.eval()
        losses, weights = [], []
        for batch in batches:
            X, y = batch
            self.observer.on_batch_begin(batch, training=False)
            with torch.no_grad():
                logits = self.module(X)
                loss = weighted_sum(self.loss, logits, y) / weight_of(y)
            losses.append(kept(loss))
            weights.append(kept(weight_of(y)))
            self.observer.on_batch_end(batch, False, loss, logits)
        return weighted_mean(losses, weights, self.processes)

    def _sum_of_parts(self, part: Tensor) -> Tensor:
        """Put the sums over the processes into the gradients, and return that of their losses."""
        if self.processes.size == 1:
            return part.detach()
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        there = part.new_tensor([p.grad is not None for p in parameters])
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        sums = torch.cat([part.detach()[None], there, *(g.reshape(-1) for g in gradients)])
        self.processes.add_(sums)
        value, there, flat = sums.split([1, len(there), len(sums) - len(there) - 1])
        sizes = [p.numel() for p in parameters]
        for p, has, gradient in zip(parameters, there, flat.split(sizes), strict=True):
            p.grad = gradient.view_as(p) if has else None
        return value[0]


class EpochLoop(Loop):
    """One step of the optimizer for each batch of an epoch. The generator draws the dropout of an
    `MLP`, and the order if the net shuffles."""

    def _run(self, n_epochs: int) -> None:
        train, mlp, batch_size = self.train, None, self.net.batch_size
        into = (self.module.input_rows_, width_of(self.module)) if self.net.fuses_ else ()
        batches = Batches(train, batch_size, self._generator_of_order(), True, *into)
        self._go_on_from_checkpoint(n_epochs)
        dropouts = [m for m in self.module.modules() if isinstance(m, UnitDropout)]
        for dropout in dropouts:
            dropout.generator = self.generator
        run_epoch: Callable[[], float] = partial(self._epoch, batches)
        if self.net.fuses_:
            mlp = FusedMLP(self.module, self.loss, self.optimizer, self.l2, self.schedule, batches)
            self._state_dict, run_epoch = mlp.state_dict, mlp.run_epoch
        # A planned schedule runs to its end, unless a validation set says otherwise.
        may_stop = self.valid is not None or not self.schedule.is_planned
        try:
            n_rows = 3 * min(batch_size, len(train))
            with threads_for(self.module, n_rows, train.sparse):
                for _ in range(self.n_epochs, n_epochs):
                    self.observer.on_epoch_begin()
                    record = {"train_loss": run_epoch(), "train_batch_count": len(batches)}
                    stalled = self._end_epoch(record)
                    if self.converged or (stalled and may_stop and self._stop_or_slow_down()):
                        break
                    if self.checkpoint is not None:
                        self.checkpoint._end_epoch(self._state)
        finally:
            for dropout in dropouts:
                dropout.generator = None
            if mlp is not None:
                mlp.release()
                self._state_dict = None
        if self.checkpoint is not None:
            self.checkpoint._end()

    def _generator_of_order(self) -> torch.Generator | None:
        """Each process orders rows of its own, while all draw the same dropout."""
        if not self.net.shuffle or self.net.batch_size >= self.train.n_samples:
            return None
        if self.processes.size == 1:
            return self.generator
        seed = int(torch.randint(2**31, (1,), generator=self.generator))
        return torch.Generator().manual_seed(seed + self.processes.rank)

    def _state(self) -> dict[str, Any]:
        """All that the epochs to come depend on; of the global generators if the module may draw
        from them."""
        return {
            **self._snapshot(),
            "n_epochs": self.n_epochs,
            "kept": self._kept,
            "generator": self.generator.get_state(),
            "global_generators": None if isinstance(self.module, MLP) else capture(),
            "history": list(self.net.history),
        }

    def _go_on_from_checkpoint(self, n_epochs: int) -> None:
        given = (c for _, c in self.net.callbacks_ if isinstance(c, TrainingCheckpoint))
        self.checkpoint = next(given, None)
        if self.checkpoint is None:
            return
        data, sizes = [self.train, self.valid], (n_epochs, self.net.batch_size, self.net.shuffle)
        options = self.loss, self.optimizer, self.schedule, self.monitor, self.l2, self.module
        state = self.checkpoint._begin(
            fingerprint(data, self.module, self.generator, *sizes, *options)
        )
        if state is None:
            return
        self._restore(state)
        self._kept, self.n_epochs = state["kept"], state["n_epochs"]
        self.generator.set_state(state["generator"])
        if state["global_generators"] is not None:
            restore(state["global_generators"])
        self.net.history_[:] = state["history"]

    def _epoch(self, batches: Batches) -> float:
        """One step for each batch, by autograd; returns the mean loss."""
        self.module.train()
        losses, weights = [], []
        for index, batch in enumerate(batches):
            if self.schedule.is_planned:
                self.schedule.step(self.optimizer, index / len(batches))
            self.observer.on_batch_begin(batch, training=True)
            weight = self.processes.total(weight_of(batch[1]))
            loss, logits = self._step(batch, weight)
            losses.append(kept(loss.detach()))
            weights.append(kept(weight))
            self.observer.on_batch_end(batch, True, loss, logits)
        return weighted_mean(losses, weights)

    def _step(self, batch: Batch, weight: Any) -> tuple[Tensor, Tensor]:
        """Loss and logits before the step; an optimizer may evaluate the loss more than once."""
        X, y = batch
        found: list[tuple[Tensor, Tensor]] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            logits = self.module(X)
            total = weighted_sum(self.loss, logits, y)
            if self.processes.rank == 0:
                total = total + self._penalty()
            loss = total / weight
            loss.backward()
            loss = self._sum_of_parts(loss)
            if self.l2:
                gradients = (p.grad for p in self._matrices() if p.grad is not None)
                damp_(gradients, self.optimizer, self.l2 / weight)
            found.append((loss, logits))
            self.observer.on_gradient(batch)
            return loss

        self.optimizer.step(closure)  # type: ignore[arg-type]
        return found[0]

    def _stop_or_slow_down(self) -> bool:
        self.converged = self.schedule.stalled(self.optimizer)
        kind = "Validation" if self.monitor.valid_losses else "Training"
        what = "Stopping." if self.converged else f"Learning rate set to {self.schedule.rate:g}."
        self.monitor.announce(
            f"{kind} loss did not improve more than tol={self.monitor.tol:g} for "
            f"{self.monitor.n_iter_no_change} consecutive epochs. {what}"
        )
        if not self.converged:
            self.monitor.epochs_without_gain = 0
        return self.converged
