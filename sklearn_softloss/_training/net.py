"""The skorch net that estimators own: weighted losses, pass-level bookkeeping, L-BFGS."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from ..targets import Array
from .batches import Batches, TargetBatch, TrainingData, block_size, rows_as_tensor, shared_tensor
from .fused import FusedMLP, flat_groups
from .modules import MLP
from .monitor import Monitor
from .schedules import FIXED_LENGTH, Schedule
from .solvers import BUILT_IN, WITH_KERNEL, minimize_lbfgs
from .sparse_rows import SparseRows, stays_sparse
from .threads import threads_for

BATCH_HOOKS = ("on_batch_begin", "on_batch_end")


class TrainingNet(NeuralNet):
    """A skorch net trained on `TrainingData`, with a `Loss` as its criterion.

    The loss of a batch is sum(w * loss) / sum(w) plus the L2 penalty of scikit-learn's
    ``MLPClassifier``, alpha / 2 times the squared weight matrices over sum(w). Losses are recorded
    once a pass; batches appear in the history only if a callback asks for them.

    Parameters
    ----------
    module : nn.Module
        Ready to use, in the dtype of the training.
    criterion : Loss
    schedule : Schedule
    monitor : Monitor
    alpha : float
        Strength of the L2 penalty; with `decay_weights` the optimizer's decay instead.
    shuffle : bool
    decay_weights : bool
        The optimizer decays the weight matrices, so there is no penalty.
    lbfgs : dict or None
        ``max_fun`` and ``tol``, where scipy's L-BFGS-B moves the parameters.
    **kwargs
        Those of ``skorch.NeuralNet``.
    """

    _fused: FusedMLP | None = None
    teller: Any = None
    """Told when a pass begins and ends, while training: `begin_pass()`, `end_pass() -> stop`."""

    def __init__(
        self,
        module: Any,
        criterion: Any,
        *args: Any,
        schedule: Schedule,
        monitor: Monitor,
        alpha: float,
        shuffle: bool,
        decay_weights: bool = False,
        lbfgs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, criterion, *args, **kwargs)
        self.schedule = schedule
        self.monitor = monitor
        self.alpha = alpha
        self.shuffle = shuffle
        self.decay_weights = decay_weights
        self.lbfgs = lbfgs

    # --- skorch's extension points -------------------------------------------------------------

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def initialize_criterion(self) -> TrainingNet:
        self.criterion_ = self.criterion
        return self

    def initialize_optimizer(self, triggered_directly: Any = None) -> TrainingNet:
        named = list(self.get_all_learnable_params())
        _, kwargs = self.get_params_for_optimizer("optimizer", named)
        self.fuses_ = self.can_fuse()
        groups: list[Any] = [parameter for _, parameter in named]
        if self.fuses_:
            groups = flat_groups(self.module_, self.decay_weights)
            if self.optimizer in WITH_KERNEL:
                kwargs["fused"] = True
        elif self.decay_weights:
            groups = [
                {"params": [p for p in groups if p.ndim > 1]},
                {"params": [p for p in groups if p.ndim <= 1], "weight_decay": 0.0},
            ]
        self.optimizer_ = self.optimizer(groups, **kwargs)
        return self

    def can_fuse(self) -> bool:
        """Whether steps may go without autograd, and nobody asks for what only autograd has."""
        return (
            isinstance(self.module_, MLP)
            and self.criterion_.offers_gradient
            and self.lbfgs is None
            and self.optimizer in BUILT_IN
            and not self._overridden_hooks((*BATCH_HOOKS, "on_grad_computed"))
        )

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        super().on_epoch_begin(net, **kwargs)
        if self.teller is not None:
            self.teller.begin_pass()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        super().on_epoch_end(net, **kwargs)
        if self.teller is not None and self.teller.end_pass():
            raise KeyboardInterrupt  # as skorch's callbacks stop a training

    def frozen(self) -> TrainingNet:
        """A copy that predicts as the net does now, whatever becomes of the net."""
        twin = object.__new__(type(self))  # copy.copy would pickle the module
        twin.__dict__.update(self.__dict__)
        twin.module_ = copy.deepcopy(self.module_)
        twin.teller = twin._fused = None
        return twin

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> tuple[Any, Any]:
        """Training and validation data come ready made, as X and y."""
        return X, y

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        if not isinstance(dataset, TrainingData):
            return super().get_iterator(dataset, training)
        if training:
            return Batches(dataset, self.batch_size, self.shuffle)
        return Batches(dataset, block_size(dataset.X), shuffle=False)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        if isinstance(x, SparseRows):
            return self.module_(x)
        return super().infer(x, **fit_params)

    def get_loss(
        self, y_pred: Tensor, y_true: TargetBatch, X: Any = None, training: bool = False
    ) -> Tensor:
        total, weight = self._weighted_sum(y_pred, y_true)
        return (total + self._penalty()) / weight if training else total / weight

    def fit_loop(self, X: Any, y: Any = None, epochs: Any = None, **fit_params: Any) -> TrainingNet:
        """Train on X (a `TrainingData`), validate on y (another one, or None)."""
        train, valid = self.get_split_datasets(X, y)
        epochs = self.max_epochs if epochs is None else epochs
        self.converged_ = self.interrupted_ = False
        self.n_passes_ = 0
        start = self._snapshot()
        self._kept = start["weights"]
        self.monitor.start(epochs)
        loop = self._pass_loop if self.lbfgs is None else self._lbfgs_loop
        if self.fuses_:
            self._fused = FusedMLP(self.module_, self.criterion_, self.optimizer_, self.l2_strength)
        try:
            with threads_for(self._work(3 * min(self.batch_size, len(train)))):
                loop(train, valid, epochs)
        except KeyboardInterrupt:
            self._interrupt(valid)
        finally:
            self.monitor.stop()
            if self._fused is not None:
                self._fused.release()
                self._fused = None
            self.module_.zero_grad(set_to_none=True)
            if valid is not None or self.interrupted_:
                self.module_.load_state_dict(self._kept)
            del self._kept
        self._refuse_overflow(start)
        return self

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        if iterator is None:
            return
        if training and self._fused is not None:
            before_step = self._follow_schedule if self.schedule.kind in FIXED_LENGTH else None
            self._record(prefix, self._fused.run_pass(iterator, before_step), len(iterator))
            return
        batch_level = self._overridden_hooks(BATCH_HOOKS)
        scheduled = training and self.schedule.kind in FIXED_LENGTH
        losses: list[Tensor] = []
        weights: list[Any] = []
        for index, batch in enumerate(iterator):
            if scheduled:
                self._follow_schedule(index / len(iterator))
            if batch_level:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            losses.append(step["loss"].detach())
            weights.append(_weight_of(batch[1]))
            if batch_level:
                self.history.record_batch(prefix + "_loss", step["loss"].item())
                self.history.record_batch(prefix + "_batch_size", len(batch[0]))
                self.notify("on_batch_end", batch=batch, training=training, **step)
        weight = torch.as_tensor(weights, dtype=torch.float64)
        mean = (torch.stack(losses).double().cpu() * weight).sum() / weight.sum()
        self._record(prefix, float(mean), len(iterator))

    def _record(self, prefix: str, loss: float, n_batches: int) -> None:
        if not self.history[-1]["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks up the last batch of the pass
        self.history.record(prefix + "_loss", loss)
        self.history.record(prefix + "_batch_count", n_batches)

    # --- the loops -----------------------------------------------------------------------------

    def _pass_loop(self, train: TrainingData, valid: TrainingData | None, epochs: int) -> None:
        train_batches = self.get_iterator(train, training=True)
        valid_batches = None if valid is None else self.get_iterator(valid)
        # A planned schedule runs to its end, unless a validation set says otherwise.
        may_stop = valid is not None or self.schedule.kind not in FIXED_LENGTH
        told = {"dataset_train": train, "dataset_valid": valid}
        for _ in range(epochs):
            self.notify("on_epoch_begin", **told)
            self.run_single_epoch(
                train_batches, training=True, prefix="train", step_fn=self.train_step
            )
            self.run_single_epoch(
                valid_batches, training=False, prefix="valid", step_fn=self.validation_step
            )
            stalled = self._end_pass(train, valid)
            if self._callbacks_stop(told):
                break
            if stalled and may_stop and self._stop_or_slow_down():
                break

    def _lbfgs_loop(self, train: TrainingData, valid: TrainingData | None, epochs: int) -> None:
        assert self.lbfgs is not None
        valid_batches = None if valid is None else self.get_iterator(valid)
        blocks: Any = Batches(train, block_size(train.X), shuffle=False)
        if len(blocks) == 1:
            blocks = list(blocks)
        told = {"dataset_train": train, "dataset_valid": valid}

        def objective() -> Tensor:
            self._set_training(True)
            value: Any = 0.0
            weight = sum(_weight_of(batch[1]) for batch in blocks)
            for X, y in blocks:
                part = self._weighted_sum(self.infer(X), y)[0] / weight
                part.backward()
                value = value + part.detach()
            penalty = self._penalty()
            if isinstance(penalty, Tensor):
                (penalty / weight).backward()
                value = value + penalty.detach() / weight
            return value

        def on_iteration(train_loss: float) -> bool:
            self.notify("on_epoch_begin", **told)
            self.history.record("train_loss", train_loss)
            self.run_single_epoch(
                valid_batches, training=False, prefix="valid", step_fn=self.validation_step
            )
            stalled = self._end_pass(train, valid)
            return self._callbacks_stop(told) or (stalled and valid is not None)

        result = minimize_lbfgs(
            objective, self.module_.parameters(), on_iteration, max_iter=epochs, **self.lbfgs
        )
        self.n_passes_ = max(1, int(result.nit))
        # Status 0: a minimum. 99: `on_iteration` said stop. Others: it ran out of steps or gave up.
        self.converged_ = result.status in (0, 99)
        if not self.monitor.train_losses:
            self.monitor.train_losses.append(float(result.fun))

    def _interrupt(self, valid: TrainingData | None) -> None:
        self.interrupted_ = True
        if self.n_passes_:
            kept = "last finished" if valid is None else "best"
            warnings.warn(
                f"Training interrupted by user: the weights of the {kept} pass are kept.",
                stacklevel=2,
            )

    def _snapshot(self) -> dict[str, Any]:
        """All that a pass changes."""
        return {
            "weights": self._copy_of_weights(),
            "optimizer": copy.deepcopy(self.optimizer_.state_dict()),
            "schedule": copy.copy(self.schedule),
            "monitor": copy.deepcopy(self.monitor),
            "n_recorded": len(self.history),
        }

    def _refuse_overflow(self, start: dict[str, Any]) -> None:
        """Go back to the start and raise if training ended in NaN or infinity."""
        if all(torch.isfinite(tensor).all() for tensor in self.module_.state_dict().values()):
            return
        self.module_.load_state_dict(start["weights"])
        self.optimizer_.load_state_dict(start["optimizer"])
        self.schedule, self.monitor = start["schedule"], start["monitor"]
        del self.history[start["n_recorded"] :]
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed, or learning_rate_init is too large."
        )

    def _end_pass(self, train: TrainingData, valid: TrainingData | None) -> bool:
        """Book the pass that ended; True if the loss has stopped improving."""
        self.n_passes_ += 1
        self.schedule.end_pass(len(train))
        if self.schedule.kind == "invscaling":
            self._set_rate(self.schedule.rate)
        record = self.history[-1]
        valid_loss = record.get("valid_loss")
        stalled = self.monitor.record(record["train_loss"], valid_loss, len(train))
        watched = "train_loss" if valid is None else "valid_loss"
        self.history.record(f"{watched}_best", self.monitor.is_best)
        if valid is None or self.monitor.is_best:
            self._kept = self._copy_of_weights()
        return stalled

    def _callbacks_stop(self, told: dict[str, Any]) -> bool:
        """Tell the callbacks that a pass ended; skorch's stop a training by KeyboardInterrupt."""
        try:
            self.notify("on_epoch_end", **told)
        except KeyboardInterrupt:
            self.converged_ = True
        return self.converged_

    def _stop_or_slow_down(self) -> bool:
        self.converged_ = self.schedule.stalled()
        kind = "Validation" if self.monitor.valid_losses else "Training"
        what = "Stopping." if self.converged_ else f"Learning rate set to {self.schedule.rate:g}."
        self.monitor.announce(
            f"{kind} loss did not improve more than tol={self.monitor.tol:g} for "
            f"{self.monitor.n_iter_no_change} consecutive epochs. {what}"
        )
        if not self.converged_:
            self.monitor.passes_without_gain = 0
        self._set_rate(self.schedule.rate)
        return self.converged_

    # --- parts of a step -----------------------------------------------------------------------

    def _weighted_sum(self, logits: Tensor, y: TargetBatch) -> tuple[Tensor, Any]:
        target, weight, entry_weight = y
        values = self.criterion_(logits, target, entry_weight)
        return (values.sum() if weight is None else (weight * values).sum()), _weight_of(y)

    def _penalty(self) -> Any:
        if not self.l2_strength:
            return 0.0
        matrices = (p for p in self.module_.parameters() if p.ndim > 1)
        return 0.5 * self.l2_strength * sum(p.square().sum() for p in matrices)

    @property
    def l2_strength(self) -> float:
        """Strength of the L2 penalty in the loss; none where the optimizer decays the weights."""
        return 0.0 if self.decay_weights else self.alpha

    def follow(self, schedule: Schedule) -> None:
        """Take the learning rate from another schedule from now on."""
        self.schedule = schedule
        self._set_rate(schedule.rate)

    def _follow_schedule(self, share_of_pass: float) -> None:
        self._set_rate(self.schedule.step(share_of_pass))

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer_.param_groups:
            group["lr"] = rate

    def _overridden_hooks(self, hooks: tuple[str, ...]) -> bool:
        """Whether a callback asks to be told of these."""
        return any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in hooks
        )

    def _work(self, n_rows: int) -> float:
        """Floating point operations of a forward pass; not to be known for custom modules."""
        sizes = getattr(self.module_, "layer_sizes", None)
        if sizes is None:
            return math.inf
        return 2.0 * n_rows * sum(n_in * n_out for n_in, n_out in pairwise(sizes))

    def _copy_of_weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.module_.state_dict().items()}

    # --- prediction ----------------------------------------------------------------------------

    def read(self, X: Any, link: Callable[[Tensor], Tensor]) -> Array:
        """What `link` makes of the logits, float64, block by block."""
        module, size = self.module_, block_size(X)
        if module.training:
            module.eval()
        like = next(module.parameters(), None)
        dtype = torch.float64 if like is None else like.dtype
        device = torch.device(self.device)
        # The built-in net writes to nothing that it is given; a custom module might.
        built_in = isinstance(module, MLP)
        shared = shared_tensor(X) if built_in else None
        sparse = built_in and stays_sparse(X, dtype)
        parts = []
        block: Any
        with torch.inference_mode(), threads_for(self._work(min(size, X.shape[0]))):
            for start in range(0, X.shape[0], size):
                rows = slice(start, start + size)
                if sparse:
                    block = SparseRows(X[rows], dtype, device)
                elif shared is None:
                    block = rows_as_tensor(X, rows, dtype, device)
                else:
                    block = shared[rows].to(device=device, dtype=dtype)
                parts.append(link(module(block).double()).cpu().numpy())
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _weight_of(y: TargetBatch) -> Any:
    target, weight, _ = y
    return len(target) if weight is None else weight.sum()
