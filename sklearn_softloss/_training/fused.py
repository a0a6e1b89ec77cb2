"""A training step of the built-in net without autograd: gradients in closed form.

All parameters lie in flat tensors. The first weight matrix lies there as (n_in, n_out), so that
sparse rows of X find together what they pick; the others lie as (n_out, n_in), which is faster
where outputs are few. A step needs the gradient alone: the losses of a block of steps come in one
call.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from .._processes import Processes
from ..losses import Loss
from .adam import AdamStep, LazyColumns, adam_kernel, worth_being_lazy
from .epoch_loss import kept, weighted_sum
from .mlp import MLP, UnitDropout
from .sparse_rows import SparseRows

if TYPE_CHECKING:
    from .batches import Batch, Batches, Block
    from .schedule import Schedule

LOSS_ENTRIES = 2**16
"""Logits whose losses come in one call: many, for its cost, and few enough for the cache."""


aten = torch.ops.aten

# An activation in place, and the derivative from its own output, as autograd computes it, in place
# of the gradient.
ACTIVATION_STEPS: dict[type[nn.Module], tuple[Callable[[Tensor], Any], Callable[..., Any]]] = {
    nn.Identity: (lambda z: z, lambda gradient, _: gradient),
    nn.ReLU: (
        torch.relu_,
        lambda g, a: aten.threshold_backward.grad_input(g, a, 0, grad_input=g),
    ),
    nn.Tanh: (
        torch.tanh_,
        lambda g, a: aten.tanh_backward.grad_input(g, a, grad_input=g),
    ),
    nn.Sigmoid: (
        torch.sigmoid_,
        lambda g, a: aten.sigmoid_backward.grad_input(g, a, grad_input=g),
    ),
}


class Room(NamedTuple):
    """Memory for a step of some rows.

    Attributes
    ----------
    outputs, gradients, transposed : list of Tensor
        Of the hidden layers: their outputs, the gradients of these, and those seen transposed.
    ones : Tensor
        One a row.
    n_rows : Tensor
        A tensor, because torch takes longer to wrap a number than to divide by one.
    """

    outputs: list[Tensor]
    gradients: list[Tensor]
    transposed: list[Tensor]
    ones: Tensor
    n_rows: Tensor


def flat_groups(module: MLP, decay_weights: bool) -> list[Any]:
    """Parameters of an optimizer: all of the net's in one flat tensor.

    With `decay_weights` there are two, because biases do not decay.
    """
    weights, biases = _split(module)
    if not decay_weights:
        return [_flat(weights + biases)]
    return [{"params": [_flat(weights)]}, {"params": [_flat(biases)], "weight_decay": 0.0}]


def _split(module: MLP) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and biases, the first weight transposed: each as it lies in the flat tensor."""
    first, *others = module.linear_layers()
    weights = [first.weight.detach().t(), *(layer.weight.detach() for layer in others)]
    return weights, [layer.bias.detach() for layer in (first, *others)]


def _flat(parameters: list[Tensor]) -> Tensor:
    return torch.cat([parameter.reshape(-1) for parameter in parameters])


def _views(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    parts = flat.split([parameter.numel() for parameter in like])
    return [part.view(parameter.shape) for part, parameter in zip(parts, like, strict=True)]


class FusedMLP:
    """Trains an `MLP` whose optimizer holds the `flat_groups`.

    While it is in use the module's parameters are views of the flat tensors; `release` gives them
    memory of their own again.

    Parameters
    ----------
    module : MLP
    loss : Loss
        One that offers its gradient.
    optimizer : torch.optim.Optimizer
    alpha : float
        Strength of the L2 penalty on the weight matrices.
    processes : Processes
        Those that hold the rows of a step.
    """

    def __init__(
        self,
        module: MLP,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        alpha: float,
        processes: Processes,
    ) -> None:
        self.module, self.loss, self.optimizer, self.alpha = module, loss, optimizer, alpha
        self.processes = processes
        self.dropout = next((m for m in module if isinstance(m, UnitDropout)), None)
        kind = next((type(m) for m in module if type(m) in ACTIVATION_STEPS), nn.Identity)
        self.activate, self.derive = ACTIVATION_STEPS[kind]
        self.lazy: LazyColumns | None = None
        self._rooms: dict[int, Room] = {}
        flats = [p for group in self.optimizer.param_groups for p in group["params"]]
        weights, biases = _split(self.module)
        parts = [weights + biases] if len(flats) == 1 else [weights, biases]
        values: list[Tensor] = []
        gradients: list[Tensor] = []
        sizes = [len(flat) for flat in flats]
        self.sums = flats[0].new_zeros(sum(sizes))
        for flat, gradient, parameters in zip(flats, self.sums.split(sizes), parts, strict=True):
            flat.copy_(_flat(parameters))
            flat.grad = gradient
            values += _views(flat, parameters)
            gradients += _views(flat.grad, parameters)
        values[0], gradients[0] = values[0].t(), gradients[0].t()
        n_layers = len(weights)
        self.weights, self.biases = values[:n_layers], values[n_layers:]
        self.weight_gradients, self.bias_gradients = gradients[:n_layers], gradients[n_layers:]
        self.first_gradient = self.weight_gradients[0]
        self.transposed = [weight.t() for weight in self.weights]
        layers = self.module.linear_layers()
        for layer, weight, bias in zip(layers, self.weights, self.biases, strict=True):
            layer.weight.data, layer.bias.data = weight, bias
        self._logits = self.biases[-1].new_empty(0, len(self.biases[-1]))
        n_weights = sum(weight.numel() for weight in weights)
        self.flat_weights = flats[0][:n_weights]
        self.flat_weight_gradient = flats[0].grad[:n_weights]

    def release(self) -> None:
        for parameter in self.module.parameters():
            parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        for group in self.optimizer.param_groups:
            for flat in group["params"]:
                flat.grad = None

    @torch.no_grad()
    def run_epoch(self, batches: Batches, schedule: Schedule) -> float:
        """One step for each batch of standardised rows; returns the mean loss, each taken before
        its step."""
        total = weight_sum = 0.0
        squares: Any = 0.0
        n_steps, update = 0, self._update(batches, schedule)
        for block in batches.blocks():
            room = self._room_for_logits(len(block.targets[0]))
            for batch, logits in zip(block.batches(), room.split(block.sizes), strict=True):
                if schedule.is_planned:
                    schedule.step(self.optimizer, n_steps / len(batches))
                if self.alpha:
                    squares += kept(self.flat_weights.dot(self.flat_weights))
                self._gradients(batch, logits)
                update()
                n_steps += 1
                if n_steps == 1 and self.lazy is None:
                    update = self._update(batches, schedule)  # its state exists from now on
            loss, weight = self._loss_of(room, block)
            total, weight_sum = total + loss, weight_sum + weight
        self._end_lazy_steps()
        total, weight_sum = self.processes.total((total, weight_sum))
        return float((total + 0.5 * self.alpha * squares) / weight_sum)

    def _loss_of(self, logits: Tensor, block: Block) -> tuple[float, float]:
        """Weighted sum of the losses, and the weights'."""
        size: Any = max(1, LOSS_ENTRIES // logits.shape[1])
        if self.loss.batch_dependent:
            size = block.sizes
        parts = (repeat(None) if values is None else values.split(size) for values in block.targets)
        losses = map(weighted_sum, repeat(self.loss), logits.split(size), zip(*parts, strict=False))
        weight = block.targets[1]
        return sum(map(float, losses)), len(logits) if weight is None else float(weight.sum())

    def _update(self, batches: Batches, schedule: Schedule) -> Callable[[], Any]:
        """The optimizer's step, by the kernel alone where there is one."""
        kernel = adam_kernel(self.optimizer)
        if kernel is None:
            return self.optimizer.step
        n_features, n_units = self.transposed[0].shape
        if not self.alpha and worth_being_lazy(batches, n_units, schedule, self.optimizer):
            self.lazy = LazyColumns(kernel, self.optimizer, n_features, n_units, len(batches))
            return self.lazy.step
        return AdamStep(kernel, self.optimizer)

    def _end_lazy_steps(self) -> None:
        if self.lazy is not None:
            self.lazy.finish()
            self.lazy = None
            self.transposed[0] = self.weights[0].t()
            self.weight_gradients[0] = self.first_gradient

    def _gradients(self, batch: Batch, logits: Tensor) -> None:
        """Fill the logits and the flat gradients, penalty included."""
        X, (target, weight, entry_weight) = batch
        room = self._room_for(X.shape[0])
        inputs, masks = self._forward(X, room.outputs, logits)
        gradient = self.loss.gradient(logits, target, entry_weight)
        weight_sum = room.n_rows
        if weight is not None:
            gradient, weight_sum = gradient * weight[:, None], weight.sum()
        if self.processes.size > 1:
            weight_sum = weight_sum.new_tensor(self.processes.total(float(weight_sum)))
        gradient.div_(weight_sum)
        columns = gradient.t()
        for index in range(len(self.weights) - 1, -1, -1):
            rows = inputs[index]
            if isinstance(rows, SparseRows):
                self.weight_gradients[index].t().copy_(rows.transposed_product(gradient))
            else:
                torch.mm(columns, rows, out=self.weight_gradients[index])
            torch.mv(columns, room.ones, out=self.bias_gradients[index])
            if index:
                behind = torch.mm(gradient, self.weights[index], out=room.gradients[index - 1])
                if masks:
                    behind.mul_(masks[index - 1])
                self.derive(behind, room.outputs[index - 1])
                gradient, columns = behind, room.transposed[index - 1]
        if self.processes.size > 1:
            self.processes.add_(self.sums)
        if self.alpha:
            self.flat_weight_gradient.addcmul_(self.flat_weights, self.alpha / weight_sum)

    def _forward(
        self, X: Any, outputs: list[Tensor], logits: Tensor
    ) -> tuple[list[Any], list[Tensor]]:
        """Fill the outputs of the layers; returns their inputs, and dropout's masks."""
        inputs, masks = [X], []
        if self.lazy is not None:
            inputs[0], self.transposed[0], gradient = self.lazy.take(X)
            self.weight_gradients[0] = gradient.t()
        layers = zip(self.biases, self.transposed, (*outputs, logits), strict=True)
        for bias, transposed, output in layers:
            rows = inputs[-1]
            if isinstance(rows, SparseRows):
                torch.add(rows.product(transposed), bias, out=output)
            else:
                torch.addmm(bias, rows, transposed, out=output)
            if output is logits:
                break
            self.activate(output)
            if self.dropout is not None:
                masks.append(self.dropout.draw(output))
                output = output * masks[-1]
            inputs.append(output)
        return inputs, masks

    def _room_for(self, n_rows: int) -> Room:
        found = self._rooms.get(n_rows)
        if found is None:
            outputs = [bias.new_empty(n_rows, len(bias)) for bias in self.biases[:-1]]
            gradients = [torch.empty_like(output) for output in outputs]
            bias = self.biases[-1]
            found = self._rooms[n_rows] = Room(
                outputs,
                gradients,
                [gradient.t() for gradient in gradients],
                bias.new_ones(n_rows),
                bias.new_tensor(n_rows),
            )
        return found

    def _room_for_logits(self, n_rows: int) -> Tensor:
        if len(self._logits) < n_rows:
            self._logits = self.biases[-1].new_empty(n_rows, len(self.biases[-1]))
        return self._logits[:n_rows]
