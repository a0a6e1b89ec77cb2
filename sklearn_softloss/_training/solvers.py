"""Solvers by name: which torch optimizer stands behind it, and L-BFGS through scipy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize
from torch import Tensor

SOLVERS = ("adam", "adamw", "sgd", "adadelta", "rmsprop", "lbfgs")

BUILT_IN = (
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.SGD,
    torch.optim.Adadelta,
    torch.optim.RMSprop,
)
"""Optimizers that move each entry by itself, so that they may be given one flat tensor."""

WITH_KERNEL = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)
"""Those whose step torch has as one kernel."""

FULL_DECAY_ROWS = 7000

OptimizerFactory = Callable[..., torch.optim.Optimizer]


def optimizer_factory(
    solver: str | OptimizerFactory,
    *,
    alpha: float,
    momentum: float,
    nesterovs_momentum: bool,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> tuple[OptimizerFactory, dict[str, Any]]:
    """The optimizer class behind a solver, and its arguments besides parameters and rate.

    A class (or any callable) passes through without arguments.
    """
    if not isinstance(solver, str):
        return solver, {}
    adam = {"betas": (beta_1, beta_2), "eps": epsilon}
    nesterov = bool(nesterovs_momentum and momentum > 0)
    known: dict[str, tuple[OptimizerFactory, dict[str, Any]]] = {
        "adam": (torch.optim.Adam, adam),
        "adamw": (torch.optim.AdamW, {**adam, "weight_decay": alpha}),
        "sgd": (torch.optim.SGD, {"momentum": momentum, "nesterov": nesterov}),
        "adadelta": (torch.optim.Adadelta, {}),
        "rmsprop": (torch.optim.RMSprop, {"eps": epsilon}),
        "lbfgs": (torch.optim.SGD, {}),  # holds the parameters; scipy moves them
    }
    return known[solver]


def default_alpha(solver: str | OptimizerFactory, n_rows: int) -> float:
    """Strength of alpha="auto": a decay fitted to real data, or ``MLPClassifier``'s penalty.

    The decay falls with the rows beyond `FULL_DECAY_ROWS`, as the weight of a prior does.
    """
    return min(1.0, FULL_DECAY_ROWS / n_rows) if decays_weights(solver) else 1e-4


def decays_weights(solver: str | OptimizerFactory) -> bool:
    """Whether the optimizer itself shrinks the weights, so that the loss needs no penalty."""
    return solver == "adamw"


def minimize_lbfgs(
    objective: Callable[[], Tensor],
    parameters: Iterable[Tensor],
    on_iteration: Callable[[float], bool],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
) -> OptimizeResult:
    """Minimise a full-batch objective over the parameters by scipy's L-BFGS-B.

    Parameters
    ----------
    objective : callable () -> Tensor
        The loss at the parameters' current values; must have left its gradient in ``.grad``.
    parameters : iterable of Tensor
        Changed in place, and left at the best point.
    on_iteration : callable (float) -> bool
        Called with the loss after each iteration; True stops.
    max_iter, max_fun, tol : int, int, float
        Iterations, evaluations, and the largest gradient entry that ends the search.

    Returns
    -------
    scipy.optimize.OptimizeResult
    """
    tensors = [p for p in parameters if p.requires_grad]

    def write(flat: np.ndarray[Any, Any]) -> None:
        values = torch.from_numpy(np.ascontiguousarray(flat))
        torch.nn.utils.vector_to_parameters(values.to(tensors[0]), tensors)

    def value_and_gradient(flat: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        write(flat)
        for tensor in tensors:
            tensor.grad = None
        value = objective()
        gradients = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
        flat_gradient = torch.nn.utils.parameters_to_vector(gradients)
        return float(value), flat_gradient.double().cpu().numpy()

    def callback(intermediate_result: OptimizeResult) -> None:
        write(intermediate_result.x)
        if on_iteration(float(intermediate_result.fun)):
            raise StopIteration

    start = torch.nn.utils.parameters_to_vector(tensors).detach().double().cpu().numpy()
    result = minimize(
        value_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=callback,
        options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
    )
    write(result.x)
    return result
