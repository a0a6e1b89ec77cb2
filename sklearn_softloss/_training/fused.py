"""A training step of the built-in net without autograd: gradients in closed form.

All parameters lie in flat tensors. The first weight matrix lies there as (n_in, n_out), so that
sparse rows of X find together what they pick; the others lie as (n_out, n_in), which is faster
where outputs are few. A step needs the gradient alone: the losses of a block of steps come in one
call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .. import losses
from .._columns.sparse_rows import SparseRows
from ..distributed import Processes
from ..losses import Loss
from .adam import AdamStep, LazyColumns, adam_kernel, worth_being_lazy
from .epoch_loss import kept, weighted_sum
from .mlp import MLP, UnitDropout
from .products import Products, products_for
from .solvers import damp_

if TYPE_CHECKING:
    from .batches import Batches, Block, TargetBatch
    from .schedule import Schedule

LOSS_ENTRIES = 2**16
"""Logits whose losses come in one call: many, for its cost, and few enough for the cache."""


aten = torch.ops.aten

# An activation in place, and the derivative from its own output, as autograd computes it, in place
# of the gradient.
ACTIVATION_STEPS: dict[type[nn.Module], tuple[Callable[[Tensor], Any], Callable[..., Any]]] = {
    nn.Identity: (lambda z: z, lambda gradient, _: gradient),
    nn.ReLU: (torch.relu_, lambda g, a: aten.threshold_backward.grad_input(g, a, 0, grad_input=g)),
    nn.Tanh: (torch.tanh_, lambda g, a: aten.tanh_backward.grad_input(g, a, grad_input=g)),
    nn.Sigmoid: (torch.sigmoid_, lambda g, a: aten.sigmoid_backward.grad_input(g, a, grad_input=g)),
}


class Layer(NamedTuple):
    """Parameters of a layer and the places of their gradients, as the products see them.

    Attributes
    ----------
    bias : Tensor of shape (n_out,)
    transposed, weight : Tensor or ndarray of shapes (n_in, n_out) and (n_out, n_in)
    weight_gradient : Tensor or ndarray
        As it lies: of the first layer (n_in, n_out), of the others (n_out, n_in).
    bias_gradient : Tensor or ndarray of shape (n_out,)
    """

    bias: Tensor
    transposed: Any
    weight: Any
    weight_gradient: Any
    bias_gradient: Any


class Units(NamedTuple):
    """Memory for some rows of a hidden layer, and the same as the products see it.

    Attributes
    ----------
    outputs, fed, gradient : Tensor of shape (n_rows, n_units)
        What the layer puts out, what the next one gets (the same, but for dropout), and the
        gradient of it.
    outputs_seen, fed_seen, gradient_seen : Tensor or ndarray
    """

    outputs: Tensor
    fed: Tensor
    gradient: Tensor
    outputs_seen: Any
    fed_seen: Any
    gradient_seen: Any


class Room(NamedTuple):
    """What a step of some rows works with.

    Attributes
    ----------
    products : Products
    layers : list of Layer
    hidden : list of Units
    ones : Tensor or ndarray of shape (n_rows,)
    n_rows : Tensor
        A tensor, because torch takes longer to wrap a number than to divide by one.
    """

    products: Products
    layers: list[Layer]
    hidden: list[Units]
    ones: Any
    n_rows: Tensor


def flat_groups(module: MLP, decay_weights: bool) -> list[Any]:
    """Parameters of an optimizer: all of the net's in one flat tensor.

    With `decay_weights` there are two, because biases do not decay.
    """
    weights, biases = _split(module)
    if not decay_weights:
        return [flattened(weights + biases)]
    return [{"params": [flattened(weights)]}, {"params": [flattened(biases)], "weight_decay": 0.0}]


def _split(module: MLP) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and biases, the first weight transposed: each as it lies in the flat tensor."""
    first, *others = module.linear_layers()
    weights = [first.weight.detach().t(), *(layer.weight.detach() for layer in others)]
    return weights, [layer.bias.detach() for layer in (first, *others)]


def flattened(parameters: list[Tensor]) -> Tensor:
    """One tensor of all numbers."""
    return torch.cat([parameter.reshape(-1) for parameter in parameters])


def views_of(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    """The parts of a flat tensor in these shapes."""
    parts = flat.split([parameter.numel() for parameter in like])
    return [part.view(parameter.shape) for part, parameter in zip(parts, like, strict=True)]


def _does_without_autograd(loss: Loss) -> bool:
    """Whether it is one of the package's; somebody else's gradient may come from autograd, which
    inference mode, faster by a sixth of a small net's step, rules out."""
    return type(loss).__module__.startswith(f"{losses.__name__}.")


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

    Attributes
    ----------
    state_dict : dict of str to Tensor
        The module's, on the same memory.
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
        self._adam: AdamStep | None = None
        self._rooms: dict[tuple[int, Products], Room] = {}
        flats = [p for group in self.optimizer.param_groups for p in group["params"]]
        weights, biases = _split(self.module)
        parts = [weights + biases] if len(flats) == 1 else [weights, biases]
        values: list[Tensor] = []
        gradients: list[Tensor] = []
        sizes = [len(flat) for flat in flats]
        self.sums = flats[0].new_zeros(sum(sizes))
        for flat, gradient, parameters in zip(flats, self.sums.split(sizes), parts, strict=True):
            flat.copy_(flattened(parameters))
            flat.grad = gradient
            values += views_of(flat, parameters)
            gradients += views_of(flat.grad, parameters)
        n_layers = len(weights)
        self.weight_gradients, self.bias_gradients = gradients[:n_layers], gradients[n_layers:]
        self.weights, self.biases = [values[0].t(), *values[1:n_layers]], values[n_layers:]
        layers = self.module.linear_layers()
        for layer, weight, bias in zip(layers, self.weights, self.biases, strict=True):
            layer.weight.data, layer.bias.data = weight, bias
        self.state_dict = module.state_dict()
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

    def run_epoch(self, batches: Batches, schedule: Schedule) -> float:
        """One step for each batch of standardised rows; returns the mean loss, each taken before
        its step."""
        quick = torch.inference_mode(_does_without_autograd(self.loss))
        with torch.no_grad(), quick, np.errstate(over="ignore", invalid="ignore"):
            return self._run_epoch(batches, schedule)

    def _run_epoch(self, batches: Batches, schedule: Schedule) -> float:
        total = weight_sum = 0.0
        squares: Any = 0.0
        n_steps, update = 0, self._update(batches, schedule)
        for block in batches.blocks():
            logits = self._room_for_logits(len(block.targets[0]))
            for step in self._steps(block, logits):
                if schedule.is_planned:
                    schedule.step(self.optimizer, n_steps / len(batches))
                if self.alpha:
                    squares += kept(self.flat_weights.dot(self.flat_weights))
                self._gradients(*step)
                update()
                n_steps += 1
                if n_steps == 1 and not isinstance(update, AdamStep) and self.lazy is None:
                    update = self._update(batches, schedule)  # its state exists from now on
            loss, weight = self._loss_of(logits, block)
            total, weight_sum = total + loss, weight_sum + weight
        if self.lazy is not None:
            self.lazy.finish()
            self.lazy = None
        total, weight_sum = self.processes.total((total, weight_sum))
        return float((total + 0.5 * self.alpha * squares) / weight_sum)

    def _steps(self, block: Block, logits: Tensor) -> Iterator[tuple[Any, ...]]:
        """What `_gradients` takes, for each batch of the block."""
        products, sizes = products_for(block.X, max(block.sizes), self.weights), block.sizes
        rows, seen = (products.split(products.seen(values), sizes) for values in (block.X, logits))
        targets = block.targets_of_batches()
        return zip(repeat(products), rows, targets, logits.split(sizes), seen, strict=False)

    def _loss_of(self, logits: Tensor, block: Block) -> tuple[float, float]:
        """Weighted sum of the losses, and the weights'."""
        size: Any = max(1, LOSS_ENTRIES // logits.shape[1])
        if self.loss.batch_dependent:
            size = block.sizes
        parts = (repeat(None) if values is None else values.split(size) for values in block.targets)
        sums = map(weighted_sum, repeat(self.loss), logits.split(size), zip(*parts, strict=False))
        weight = block.targets[1]
        return sum(map(float, sums)), len(logits) if weight is None else float(weight.sum())

    def _update(self, batches: Batches, schedule: Schedule) -> Callable[[], Any]:
        """The optimizer's step, by the kernel alone where there is one."""
        if self._adam is not None:
            return self._adam
        kernel = adam_kernel(self.optimizer)
        if kernel is None:  # a state that began in inference mode could not be used outside of it
            return torch.inference_mode(False)(self.optimizer.step)
        n_units, n_features = self.weights[0].shape
        if not self.alpha and worth_being_lazy(batches, n_units, schedule, self.optimizer):
            self.lazy = LazyColumns(kernel, self.optimizer, n_features, n_units, len(batches))
            return self.lazy.step
        self._adam = AdamStep(kernel, self.optimizer)
        return self._adam

    def _gradients(
        self, products: Products, rows: Any, y: TargetBatch, logits: Tensor, logits_seen: Any
    ) -> None:
        """Fill the logits and the flat gradients, penalty included."""
        target, weight, entry_weight = y
        room = self._room_for(rows.shape[0], products)
        if self.lazy is not None:
            rows, transposed, gradient = self.lazy.take(rows)
            first = room.layers[0]._replace(transposed=transposed, weight_gradient=gradient)
            room = room._replace(layers=[first, *room.layers[1:]])
        masks = self._forward(rows, room, logits, logits_seen)
        gradient = self.loss.gradient(logits, target, entry_weight)
        weight_sum = room.n_rows
        if weight is not None:
            gradient, weight_sum = gradient * weight[:, None], weight.sum()
        if self.processes.size > 1:
            weight_sum = weight_sum.new_tensor(self.processes.total(float(weight_sum)))
        self._backward(gradient.div_(weight_sum), rows, room, masks)
        if self.processes.size > 1:
            self.processes.add_(self.sums)
        if self.alpha:
            penalty = self.alpha / weight_sum
            self.flat_weight_gradient.addcmul_(self.flat_weights, penalty)
            damp_([self.flat_weight_gradient], self.optimizer, penalty)

    def _forward(self, rows: Any, room: Room, logits: Tensor, logits_seen: Any) -> list[Tensor]:
        """Fill the outputs of the layers; returns dropout's masks."""
        affine, masks = room.products.affine, []
        for layer, units in zip(room.layers, room.hidden, strict=False):
            affine(rows, layer.transposed, layer.bias, units.outputs, units.outputs_seen)
            self.activate(units.outputs)
            if self.dropout is not None:
                masks.append(self.dropout.draw(units.outputs))
                torch.mul(units.outputs, masks[-1], out=units.fed)
            rows = units.fed_seen
        last = room.layers[-1]
        affine(rows, last.transposed, last.bias, logits, logits_seen)
        return masks

    def _backward(self, gradient: Tensor, rows: Any, room: Room, masks: list[Tensor]) -> None:
        """Fill the flat gradients from that of the logits."""
        dot, seen = room.products.dot, room.products.seen(gradient)
        for index in range(len(room.hidden), 0, -1):
            layer, units = room.layers[index], room.hidden[index - 1]
            dot(seen.T, units.fed_seen, out=layer.weight_gradient)
            dot(seen.T, room.ones, out=layer.bias_gradient)
            dot(seen, layer.weight, out=units.gradient_seen)
            gradient, seen = units.gradient, units.gradient_seen
            if masks:
                gradient.mul_(masks[index - 1])
            self.derive(gradient, units.outputs)
        first = room.layers[0]
        if isinstance(rows, SparseRows):
            first.weight_gradient.copy_(rows.transposed_product(gradient))
        else:
            dot(rows.T, seen, out=first.weight_gradient)
        dot(seen.T, room.ones, out=first.bias_gradient)

    def _room_for(self, n_rows: int, products: Products) -> Room:
        found = self._rooms.get((n_rows, products))
        if found is None:
            see, last = products.seen, self.biases[-1]
            gradients = zip(self.weight_gradients, self.bias_gradients, strict=True)
            layers = [
                Layer(bias, *map(see, (weight.t(), weight, *places)))
                for weight, bias, places in zip(self.weights, self.biases, gradients, strict=True)
            ]
            hidden = []
            for bias in self.biases[:-1]:
                outputs, gradient = bias.new_empty(2, n_rows, len(bias))
                fed = outputs if self.dropout is None else torch.empty_like(outputs)
                hidden.append(Units(outputs, fed, gradient, *map(see, (outputs, fed, gradient))))
            ones, size = see(last.new_ones(n_rows)), last.new_tensor(n_rows)
            found = self._rooms[n_rows, products] = Room(products, layers, hidden, ones, size)
        return found

    def _room_for_logits(self, n_rows: int) -> Tensor:
        if len(self._logits) < n_rows:
            self._logits = self.biases[-1].new_empty(n_rows, len(self.biases[-1]))
        return self._logits[:n_rows]
