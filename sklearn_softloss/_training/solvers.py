"""Solvers by name: which torch optimizer stands behind it, and what it takes of the estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

OptimizerFactory = Callable[..., torch.optim.Optimizer]


class Solver(NamedTuple):
    """An optimizer, and how its options besides parameters and rate are read off an estimator.

    Attributes
    ----------
    optimizer : callable
    options : dict of str to callable (estimator) -> value
    decays : bool
        Whether it shrinks the weights itself by `weight_decay`, so that the loss has no penalty.
    full_decay_rows : float
        Rows up to which alpha="auto" is all of `auto_alpha`; beyond it falls, as the weight of a
        prior does.
    auto_alpha : float
        alpha="auto": a decay fitted to real data, or the penalty of ``MLPClassifier``.
    """

    optimizer: OptimizerFactory
    options: Mapping[str, Callable[[Any], Any]] = {}
    decays: bool = False
    full_decay_rows: float = float("inf")
    auto_alpha: float = 1e-4


def _as_float(name: str) -> Callable[[Any], float]:
    """Reads a number of any kind as torch wants it: its optimizers refuse a whole 0."""
    return lambda estimator: float(getattr(estimator, name))


_EPSILON = _as_float("epsilon")
_ADAM: Mapping[str, Callable[[Any], Any]] = {
    "betas": lambda estimator: (float(estimator.beta_1), float(estimator.beta_2)),
    "eps": _EPSILON,
}
_SGD: Mapping[str, Callable[[Any], Any]] = {
    "momentum": _as_float("momentum"),
    "nesterov": lambda estimator: bool(estimator.nesterovs_momentum and estimator.momentum > 0),
}
SOLVERS = {
    "adam": Solver(torch.optim.Adam, _ADAM),
    "adamw": Solver(torch.optim.AdamW, _ADAM, decays=True, full_decay_rows=7000, auto_alpha=1.0),
    "sgd": Solver(torch.optim.SGD, _SGD),
    "adadelta": Solver(torch.optim.Adadelta),
    "rmsprop": Solver(torch.optim.RMSprop, {"eps": _EPSILON}),
    "lbfgs": Solver(torch.optim.SGD),  # holds the parameters; scipy moves them
}

ENTRYWISE = tuple(solver.optimizer for solver in SOLVERS.values())
"""Optimizers that move each entry by itself, so that they may be given one flat tensor."""

WITH_KERNEL = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)
"""Those whose step torch has as one kernel."""
