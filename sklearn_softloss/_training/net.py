"""The skorch net that estimators own: callbacks, history, saving; the loops stand beside it."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from skorch.utils import get_map_location
from torch import Tensor, nn

from .batches import TrainingData
from .checkpoint import replaced
from .fused import flat_groups
from .lbfgs import LBFGSLoop
from .loops import EpochLoop, Loop
from .mlp import MLP
from .observers import Monitor
from .schedule import Schedule
from .solvers import ENTRYWISE, SOLVERS, WITH_KERNEL, name_of

BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class TrainingNet(NeuralNet):
    """A skorch net trained on `TrainingData` by `train`, not `fit`, with a `Loss` as criterion.

    Losses are recorded once an epoch, batches only if a callback asks. `predict_proba` gives the
    inverse link. `alpha` is the L2 penalty, or with `decay_weights` the optimizer's decay; `lbfgs`
    holds ``max_fun`` and ``tol`` where scipy's L-BFGS-B moves the parameters.
    """

    _default_callbacks: ClassVar[list[tuple[str, Callback]]] = []
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
        self.schedule, self.monitor, self.lbfgs = schedule, monitor, lbfgs
        self.alpha, self.shuffle, self.decay_weights = alpha, shuffle, decay_weights

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
        observer: Any,
    ) -> Loop:
        """Train for at most so many epochs, and return the loop that did.

        An observer, or None, is told beside the callbacks: it has ``on_epoch_begin()``, and
        ``on_epoch_end()``, whose True stops.
        """
        kind: type[Loop] = EpochLoop if self.lbfgs is None else LBFGSLoop
        loop = kind(self, train, valid, generator, observer)
        n_recorded = len(self.history)
        self.notify("on_train_begin", X=train, y=valid)
        try:
            loop.run(n_epochs)
        except BaseException:
            del self.history[n_recorded:]
            raise
        self.notify("on_train_end", X=train, y=valid)
        return loop

    # --- copies and pickles ----------------------------------------------------------------------

    def frozen(self) -> TrainingNet:
        """A copy that predicts as the net does now, whatever becomes of the net."""
        twin = self._shallow_copy()
        twin.module_ = copy.deepcopy(self.module_)
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
        """What makes the net anew, in plain values and arrays. Without the optimizer's state and
        the batches of the history, unless training is to go on."""
        optimizer_state = None
        left_out: dict[str, Any] = {"batches": []}
        if self.is_to_go_on:
            state = self.optimizer_.state_dict()
            optimizer_state = replaced(state, Tensor, lambda tensor: tensor.cpu().numpy().copy())
            left_out = {}
        return {
            "arguments": {name: getattr(self, name) for name in ARGUMENTS},
            "options": {k: v for k, v in vars(self).items() if k.startswith("optimizer__")},
            "optimizer": name_of(self.optimizer),
            "optimizer_state": optimizer_state,
            "module": self.module_,
            "callbacks_": self.callbacks_,
            "history": [{**row, **left_out} for row in self.history],
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
            tensors = replaced(state["optimizer_state"], np.ndarray, torch.tensor)
            self.optimizer_.load_state_dict(tensors)


ARGUMENTS = (
    "criterion", "lr", "max_epochs", "batch_size", "callbacks", "device", "schedule", "monitor",
    "alpha", "shuffle", "decay_weights", "lbfgs",
)  # fmt: skip
"""Of a net, besides its module and optimizer."""
