"""L-BFGS: scipy moves all weights at once, on the loss of all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize
from torch import Tensor

from .._targets.encoding import Array
from ..distributed import ALONE, Processes
from .epoch_loss import weight_of, weighted_sum
from .loops import Loop
from .threads import threads_for


class LBFGSLoop(Loop):
    """Epochs are iterations of scipy's L-BFGS-B; the optimizer only holds the parameters."""

    _in_epoch = False

    def _run(self, n_epochs: int) -> None:
        train, processes = self.train, self.processes
        blocks: Any = train.blocks_for(self.module)
        if len(blocks) == 1:
            blocks = list(blocks)

        def objective() -> Tensor:
            self.module.train()
            value = next(self.module.parameters()).new_zeros(())
            weight = processes.total(sum(weight_of(batch[1]) for batch in blocks))
            if self.observer.sees_batches:
                self._begin_epoch()
            for batch in blocks:
                X, y = batch
                self.observer.on_batch_begin(batch, training=True)
                logits = self.module(X)
                part = weighted_sum(self.loss, logits, y) / weight
                part.backward()
                value = value + part.detach()
                self.observer.on_batch_end(batch, True, part.detach(), logits)
            if self.l2 and processes.rank == 0:
                penalty = self._penalty() / weight
                penalty.backward()
                value = value + penalty.detach()
            return self._sum_of_parts(value)

        def on_iteration(train_loss: float) -> bool:
            self._begin_epoch()
            self._in_epoch = False
            stalled = self._end_epoch({"train_loss": train_loss})
            return self.converged or (stalled and self.valid is not None)

        with threads_for(self.module, 3 * len(train), train.sparse):
            result = minimize_lbfgs(
                objective,
                self.module.parameters(),
                on_iteration,
                max_iter=n_epochs,
                processes=processes,
                **self.net.lbfgs,
            )
        if self._in_epoch:  # evaluations that led to no further iteration
            del self.net.history[-1]
        self.n_epochs = max(1, int(result.nit))
        # Status 0: a minimum. 99: `on_iteration` said stop. Others: it ran out of steps or gave up.
        self.converged = result.status in (0, 99)
        if not self.monitor.train_losses:
            self.monitor.train_losses.append(float(result.fun))

    def _begin_epoch(self) -> None:
        if not self._in_epoch:
            self.observer.on_epoch_begin()
            self._in_epoch = True


def minimize_lbfgs(
    objective: Callable[[], Tensor],
    parameters: Iterable[Tensor],
    on_iteration: Callable[[float], bool],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    processes: Processes = ALONE,
) -> OptimizeResult:
    """Minimise an objective by scipy's L-BFGS-B, which leaves the parameters at the best point.

    The objective is the loss at the parameters' current values, and has left its gradient in
    ``.grad``. `on_iteration` is called with the loss after each iteration; True stops. Of several
    processes the first one searches; the others evaluate with it, at the points that it asks for.
    """
    tensors = [p for p in parameters if p.requires_grad]

    def write(flat: Array) -> None:
        values = torch.from_numpy(np.ascontiguousarray(flat))
        torch.nn.utils.vector_to_parameters(values.to(tensors[0]), tensors)

    def evaluate(flat: Array) -> tuple[float, Array]:
        write(flat)
        for tensor in tensors:
            tensor.grad = None
        value = objective()
        gradients = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
        flat_gradient = torch.nn.utils.parameters_to_vector(gradients)
        return float(value), flat_gradient.double().cpu().numpy()

    def end_iteration(flat: Array, value: float) -> bool:
        write(flat)
        return on_iteration(value)

    acts: dict[str, Callable[..., Any]] = {"evaluate": evaluate, "end_iteration": end_iteration}

    def together(act: str, *given: Any) -> Any:
        processes.from_first((act, given))
        return acts[act](*given)

    def callback(intermediate_result: OptimizeResult) -> None:
        if together("end_iteration", intermediate_result.x, float(intermediate_result.fun)):
            raise StopIteration

    if processes.rank == 0:
        found = minimize(
            partial(together, "evaluate"),
            torch.nn.utils.parameters_to_vector(tensors).detach().double().cpu().numpy(),
            jac=True,
            method="L-BFGS-B",
            callback=callback,
            options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
        )
        result = OptimizeResult({name: found[name] for name in ("x", "fun", "nit", "status")})
        processes.from_first(("end", result))
    else:
        act, given = processes.from_first(None)
        while act != "end":
            acts[act](*given)
            act, given = processes.from_first(None)
        result = given
    write(result.x)
    for tensor in tensors:  # so far all are views of one flat vector
        tensor.data = tensor.data.clone()
    return result
