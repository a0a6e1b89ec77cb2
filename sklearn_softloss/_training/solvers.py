"""Solvers by name: which torch optimizer stands behind it, and what it takes of the estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor

OptimizerFactory = Callable[..., torch.optim.Optimizer]


class Solver(NamedTuple):
    """An optimizer, and how its options besides parameters and rate are read off an estimator. One
    that `decays` shrinks the weights itself by `weight_decay`, so that the loss has no penalty."""

    optimizer: OptimizerFactory
    options: Mapping[str, Callable[[Any], Any]] = {}
    decays: bool = False


_EPSILON = attrgetter("epsilon")
_ADAM = {"betas": attrgetter("beta_1", "beta_2"), "eps": _EPSILON}
_SGD: Mapping[str, Callable[[Any], Any]] = {
    "momentum": attrgetter("momentum"),
    "nesterov": lambda estimator: bool(estimator.nesterovs_momentum and estimator.momentum > 0),
}
SOLVERS = {
    "adam": Solver(torch.optim.Adam, _ADAM),
    "adamw": Solver(torch.optim.AdamW, _ADAM, decays=True),
    "sgd": Solver(torch.optim.SGD, _SGD),
    "adadelta": Solver(torch.optim.Adadelta),
    "rmsprop": Solver(torch.optim.RMSprop, {"eps": _EPSILON}),
    "lbfgs": Solver(torch.optim.SGD),  # holds the parameters; scipy moves them
}


def name_of(optimizer: OptimizerFactory) -> str | OptimizerFactory:
    """A name of a solver with this optimizer, or, where it is the user's, the optimizer."""
    return next((n for n, s in SOLVERS.items() if s.optimizer is optimizer), optimizer)


ENTRYWISE = tuple(solver.optimizer for solver in SOLVERS.values())
"""Optimizers that move each entry by itself, so that they may be given one flat tensor."""

WITH_KERNEL = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)
"""Those whose step torch has as one kernel."""

NORMALIZING = (torch.optim.Adadelta, torch.optim.Adam, torch.optim.LBFGS, torch.optim.RMSprop)
"""Those whose steps are no longer where gradients are larger, so that no penalty is too strong."""


def damp_(gradients: Iterable[Tensor], optimizer: torch.optim.Optimizer, penalty: Any) -> None:
    """Divide gradients of penalised weights, the penalty's part included, where plain gradient
    descent would take more than the weights for the penalty; where they come to rest stays."""
    if isinstance(optimizer, NORMALIZING):
        return
    damping = torch.as_tensor(optimizer.param_groups[0]["lr"] * penalty).clamp(min=1.0)
    for gradient in gradients:
        gradient.div_(damping)
