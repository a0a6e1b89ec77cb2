"""The skorch net that estimators own: callbacks, history, saving; the loops stand beside it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from skorch.utils import get_map_location
from torch import Tensor, nn

from .._warn import warn
from ..losses import Loss
from .batches import Batch, TrainingData
from .checkpoint import TrainingCheckpoint
from .fused import flat_groups
from .lbfgs import LBFGSLoop
from .loops import EpochLoop, Loop, Monitor, replaced
from .mlp import MLP
from .schedule import Schedule
from .solvers import ENTRYWISE, SOLVERS, WITH_KERNEL, name_of

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class TrainingNet(NeuralNet):
    """A skorch net trained on `TrainingData`, with a `Loss` as its criterion.

    `train` takes the place of skorch's `fit`. Losses are recorded once an epoch; batches appear in
    the history only if a callback asks for them. `predict_proba` gives the loss's inverse link.

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

    _default_callbacks: ClassVar[list[tuple[str, Callback]]] = []
    observer: Any = None
    """Called when an epoch begins and ends, beside the callbacks, while training."""
    is_to_go_on = False
    """Whether a copy is to have the optimizer's state too."""

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

    def initialize_criterion(self) -> TrainingNet:
        self.criterion_ = self.criterion
        return self

    def initialize_optimizer(self, triggered_directly: Any = None) -> TrainingNet:
        named = list(self.get_all_learnable_params())
        _, kwargs = self.get_params_for_optimizer("optimizer", named)
        hooks = {
            hook
            for _, callback in self.callbacks_
            for hook in BATCH_HOOKS
            if getattr(type(callback), hook) is not getattr(Callback, hook)
        }
        self.sees_batches_ = bool(hooks)
        if self.lbfgs is not None and "on_grad_computed" in hooks:
            raise ValueError(
                "A callback with on_grad_computed may change gradients, which solver='lbfgs' needs "
                "as they are: leave it out, or state another solver (for wide sparse X, where "
                "'auto' takes lbfgs, state hidden_layer_sizes)."
            )
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
        if not isinstance(self.optimizer_, torch.optim.Optimizer):
            raise TypeError(
                "solver must make a torch.optim.Optimizer of (parameters, lr); "
                f"{self.optimizer!r} made {self.optimizer_!r}."
            )
        if isinstance(self.optimizer_, torch.optim.SparseAdam):
            raise ValueError("solver must take dense gradients, which SparseAdam does not: 'adam'.")
        self.schedule.step(self.optimizer_)
        return self

    def can_fuse(self) -> bool:
        """Whether steps may go without autograd, and nobody asks for what only autograd has."""
        return (
            isinstance(self.module_, MLP)
            and self.criterion_.offers_gradient
            and self.lbfgs is None
            and self.optimizer in ENTRYWISE
            and not self.sees_batches_
        )

    def fit_loop(self, *args: Any, **kwargs: Any) -> TrainingNet:
        raise NotImplementedError(
            "net_ is trained by its estimator, which knows the targets and weights: call the "
            "estimator's fit or partial_fit. To train the module by skorch's own loops wrap "
            "net_.module_ in a skorch.NeuralNet with criterion=sklearn_softloss.losses.Criterion."
        )

    def _get_module(self, name: str, msg: str) -> Any:
        """What `save_params` and `load_params` ask for its state; a loss has none."""
        return nn.Module() if name.startswith("criterion") else super()._get_module(name, msg)

    def initialize_callbacks(self) -> TrainingNet:
        """Those of a pickle are in use already."""
        if not getattr(self, "callbacks_", None):
            super().initialize_callbacks()
        return self

    # --- training --------------------------------------------------------------------------------

    def train(
        self,
        train: TrainingData,
        valid: TrainingData | None,
        n_epochs: int,
        generator: torch.Generator,
    ) -> Loop:
        """Train for at most so many epochs, and return the loop that did."""
        datasets = {"dataset_train": train, "dataset_valid": valid}
        shared: dict[str, Any] = {
            "module": self.module_,
            "loss": self.criterion_,
            "optimizer": self.optimizer_,
            "schedule": self.schedule,
            "monitor": self.monitor,
            "l2": 0.0 if self.decay_weights else self.alpha,
            "observer": CallbackObserver(self, datasets, self.sees_batches_),
        }
        loop: Loop
        if self.lbfgs is not None:
            loop = LBFGSLoop(**self.lbfgs, **shared)
        else:
            checkpoints = [c for _, c in self.callbacks_ if isinstance(c, TrainingCheckpoint)]
            loop = EpochLoop(
                checkpoint=checkpoints[0] if checkpoints else None,
                batch_size=self.batch_size,
                generator=generator,
                shuffle=self.shuffle,
                fused=self.fuses_,
                **shared,
            )
        n_recorded = len(self.history)
        self.notify("on_train_begin", X=train, y=valid)
        try:
            loop.run(train, valid, n_epochs)
        except BaseException:
            del self.history[n_recorded:]
            raise
        self.notify("on_train_end", X=train, y=valid)
        return loop

    def follow(self, schedule: Schedule) -> None:
        """Take the learning rate from another schedule from now on."""
        self.schedule = schedule
        schedule.step(self.optimizer_)

    # --- copies and pickles ----------------------------------------------------------------------

    def frozen(self) -> TrainingNet:
        """A copy that predicts as the net does now, whatever becomes of the net."""
        twin = self._shallow_copy()
        twin.module_ = copy.deepcopy(self.module_)
        twin.observer = None
        return twin

    def without_training(self) -> TrainingNet:
        """A copy as it is pickled, without callbacks and history too."""
        twin = self._shallow_copy()
        twin.is_to_go_on = False
        twin.callbacks, twin.callbacks_, twin.history_ = None, [], History()
        return copy.deepcopy(twin)

    def _shallow_copy(self) -> TrainingNet:
        twin = object.__new__(type(self))  # copy.copy would pickle the module
        twin.__dict__.update(self.__dict__)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """What makes the net anew, in plain values and arrays.

        Without the optimizer's state and the batches of the history, unless training is to go on.
        """
        history = [dict(row) for row in self.history]
        if not self.is_to_go_on:
            history = [{**row, "batches": []} for row in history]
        optimizer_state = as_arrays(self.optimizer_.state_dict()) if self.is_to_go_on else None
        return {
            "arguments": {name: getattr(self, name) for name in ARGUMENTS},
            "options": {k: v for k, v in vars(self).items() if k.startswith("optimizer__")},
            "optimizer": name_of(self.optimizer),
            "optimizer_state": optimizer_state,
            "module": self.module_,
            "callbacks_": self.callbacks_,
            "history": history,
            "is_to_go_on": self.is_to_go_on,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        arguments = state["arguments"]
        optimizer, device = state["optimizer"], arguments["device"]
        if isinstance(optimizer, str):
            optimizer = SOLVERS[optimizer].optimizer
        self.__init__(  # type: ignore[misc]
            state["module"],
            **{**arguments, "device": self._check_device(device, get_map_location(device))},
            **state["options"],
            optimizer=optimizer,
            verbose=0,
            predict_nonlinearity=arguments["criterion"].inverse_link,
        )
        self.callbacks_ = state["callbacks_"]
        self.initialize()
        self.is_to_go_on = state["is_to_go_on"]
        self.history_ = History(state["history"])
        if state["optimizer_state"] is not None:
            self.optimizer_.load_state_dict(as_tensors(state["optimizer_state"]))


ARGUMENTS = (
    "criterion", "lr", "max_epochs", "batch_size", "callbacks", "device", "schedule", "monitor",
    "alpha", "shuffle", "decay_weights", "lbfgs",
)  # fmt: skip
"""Of a net, besides its module and optimizer."""


def as_arrays(state: Any) -> Any:
    """Nested dicts, lists and tuples with arrays in place of tensors."""
    return replaced(state, Tensor, lambda tensor: tensor.cpu().numpy().copy())


def as_tensors(state: Any) -> Any:
    """The same back."""
    return replaced(state, np.ndarray, torch.tensor)


@dataclass
class CallbackObserver:
    """Tells skorch's callbacks, the history and the net's observer what a loop does.

    Batches only where `sees_batches` says so.
    """

    net: TrainingNet
    datasets: dict[str, Any]
    sees_batches: bool

    def on_epoch_begin(self) -> None:
        self.net.notify("on_epoch_begin", **self.datasets)
        if self.net.observer is not None:
            self.net.observer.on_epoch_begin()

    def drop_epoch(self) -> None:
        """Forget an epoch that began and came to nothing."""
        del self.net.history[-1]

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
        return self.net.observer is not None and self.net.observer.on_epoch_end()

    def history(self) -> list[dict[str, Any]]:
        """Records of the epochs so far, for a checkpoint."""
        return list(self.net.history)

    def go_on_from(self, history: list[dict[str, Any]]) -> None:
        self.net.history_ = History(history)

    def on_batch_begin(self, batch: Batch, training: bool) -> None:
        self.net.notify("on_batch_begin", batch=batch, training=training)

    def on_gradient(self, batch: Batch) -> None:
        named = self.net.module_.named_parameters
        self.net.notify("on_grad_computed", named_parameters=named(), batch=batch, training=True)

    def on_batch_end(self, batch: Batch, training: bool, loss: Tensor, logits: Tensor) -> None:
        prefix = "train" if training else "valid"
        self.net.history.record_batch(f"{prefix}_loss", loss.item())
        self.net.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
        self.net.notify("on_batch_end", batch=batch, training=training, loss=loss, y_pred=logits)


def check_net(module: nn.Module, loss: Loss, batch: Batch, n_outputs: int) -> None:
    """Refuse a module or a loss that breaks its contract on a batch, before any training.

    Warns of a module whose outputs are probabilities already.
    """
    X, (target, _, entry_weight) = batch
    if isinstance(module, MLP):
        logits = target.new_zeros(len(target), n_outputs)  # as wide as it was asked to be
    else:
        module.eval()
        logits = _logits_of(module, X)
    wanted = (len(X), n_outputs)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"The module must return logits of shape (n_samples, {n_outputs}); for {len(X)} rows "
            f"it returned {got}. Use the `n_outputs` that it is called with as its output width."
        )
    last_step, logits = logits.grad_fn, logits.detach()
    try:
        values, proba = loss(logits, target, entry_weight), loss.inverse_link(logits)
    except RuntimeError as error:
        raise ValueError(
            f"The loss {loss!r} does not fit {target.shape[-1]} columns of y: {error}"
        ) from error
    for what, found, shape in (
        ("value", values, target.shape[:-1]),
        ("inverse link", proba, target.shape),
    ):
        if found.shape != shape:
            raise ValueError(
                f"The {what} of the loss {loss!r} must have shape {tuple(shape)} for targets of "
                f"shape {tuple(target.shape)}; it has {tuple(found.shape)}."
            )
    if not isinstance(module, MLP) and _are_probabilities(logits, last_step, loss, proba):
        warn(
            f"The outputs of the module are probabilities, in [0, 1] for all of the first {len(X)} "
            f"rows, where {loss!r} takes logits and applies a link of its own: it would train on "
            "wrong ones. Return logits, without the Softmax or Sigmoid at the end.",
        )


def _logits_of(module: nn.Module, X: Tensor) -> Any:
    """What the module says of rows; images with channels last are named."""
    last = ""
    if X.ndim == 4 and X.shape[3] in CHANNELS and min(X.shape[1:3]) > max(CHANNELS):
        last = (
            " They look like images with their channels last, where torch wants (n_samples, "
            "channels, height, width): pass np.moveaxis(X, -1, 1)."
        )
    shape = f"rows of shape {tuple(X.shape[1:])}"
    try:
        logits = module(X)
    except RuntimeError as error:
        raise ValueError(
            f"The module, made for n_features={X.shape[1]}, fails on {shape}: {error}.{last}"
        ) from error
    if last:
        warn(f"The module is trained on {shape}.{last}")
    return logits


CHANNELS = (1, 3, 4)
"""Channels of an image: grey, colours, colours and how opaque."""

LINKS = {"Softmax", "Sigmoid", "Hardsigmoid"}
"""Steps of autograd that turn logits into probabilities."""

PASSES_ON = {
    "Alias", "Cat", "Clamp", "Clone", "Permute", "Reshape", "Select", "Slice", "Squeeze", "T",
    "ToCopy", "Transpose", "UnsafeView", "Unsqueeze", "View",
}  # fmt: skip
"""Steps after which a probability is one still."""


def _are_probabilities(logits: Tensor, last_step: Any, loss: Loss, proba: Tensor) -> bool:
    """Whether outputs, which the loss's link would change, went through a link already.

    Rows of a distribution that sum to 1 are proof enough. Otherwise the steps that led to the
    outputs must say so: a few honest logits may well lie in [0, 1] by chance.
    """
    if loss.domain.prediction_range[1] > 1 or not ((logits >= 0) & (logits <= 1)).all():
        return False
    if logits.shape == proba.shape and torch.allclose(logits, proba):
        return False
    sums = logits.sum(-1)
    if loss.domain.rows_sum_to_one and torch.allclose(sums, torch.ones_like(sums), atol=1e-5):
        return True
    while last_step is not None:
        name = last_step.name().split("Backward")[0]
        if name not in PASSES_ON:
            return name in LINKS
        last_step = last_step.next_functions[0][0]
    return False
