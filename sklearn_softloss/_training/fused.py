"""A training step of the built-in net without autograd: gradients in closed form.

The first weight matrix lies as (n_in, n_out), so that sparse rows find together what they pick, the
others as (n_out, n_in), faster where outputs are few. Losses of a block of steps come in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .. import losses
from .._columns.sparse_rows import SparseRows, split_rows
from ..losses import Loss
from .adam import AdamStep, LazyColumns, adam_kernel, worth_being_lazy
from .batches import Batches, Block, TargetBatch
from .epoch_loss import kept, weighted_sum
from .mlp import MLP, UnitDropout
from .schedule import Schedule
from .solvers import damp_

LOSS_ENTRIES = 2**16
"""Logits whose losses come in one call: many, for its cost, and few enough for the cache."""

SMALL_PRODUCT = 2**19
"""Multiplications of a matrix product below which it is NumPy's, on the same memory. The way into
its BLAS takes a third of the time of torch's, and where torch's BLAS does not favour the processor
it also computes faster: a fit of a small net takes a sixth less. OpenBLAS shares none so small
between threads, of which a net would otherwise have more than the caller allows."""

aten = torch.ops.aten

# An activation in place, and the derivative from its own output, as autograd computes it, in place
# of the gradient.
ACTIVATION_STEPS: dict[type[nn.Module], tuple[Callable[[Tensor], Any], Callable[..., Any]]] = {
    nn.Identity: (lambda z: z, lambda gradient, _: gradient),
    nn.ReLU: (torch.relu_, lambda g, a: aten.threshold_backward.grad_input(g, a, 0, grad_input=g)),
    nn.Tanh: (torch.tanh_, lambda g, a: aten.tanh_backward.grad_input(g, a, grad_input=g)),
    nn.Sigmoid: (torch.sigmoid_, lambda g, a: aten.sigmoid_backward.grad_input(g, a, grad_input=g)),
}


class Seen(NamedTuple):
    """A tensor, and its memory as products take it: the tensor again, or an array."""

    tensor: Tensor
    seen: Any


class Layer(NamedTuple):
    """Weight (n_out, n_in) and bias (n_out,), and the places of their gradients: of the first
    weight's (n_in, n_out). All but the bias as products take them."""

    bias: Tensor
    weight: Any
    weight_gradient: Any
    bias_gradient: Any


class Units(NamedTuple):
    """Memory (n_rows, n_units) for what a hidden layer puts out, what the next one gets (the same,
    but for dropout), and the gradient of it."""

    outputs: Seen
    fed: Seen
    gradient: Seen


class Room(NamedTuple):
    """What a step of some rows works with. Their number is a tensor, because torch takes longer to
    wrap a number than to divide by one."""

    layers: list[Layer]
    hidden: list[Units]
    ones: Any
    n_rows: Tensor


def _affine(rows: Any, weight: Any, bias: Tensor, out: Seen) -> None:
    """Rows, which may be sparse, times the weight (n_out, n_in) transposed, plus the bias."""
    if isinstance(rows, np.ndarray):
        np.dot(rows, weight.T, out=out.seen)
        out.tensor.add_(bias)
    elif isinstance(rows, SparseRows):
        torch.add(rows.product(weight.t()), bias, out=out.tensor)
    else:
        torch.addmm(bias, rows, weight.t(), out=out.tensor)


def flat_groups(module: MLP, decay_weights: bool) -> list[Any]:
    """Parameters of an optimizer: all of the net's in one flat tensor. With `decay_weights` there
    are two, because biases do not decay."""
    weights, biases = _parts_of(module)
    if not decay_weights:
        return [flattened(weights + biases)]
    return [{"params": [flattened(weights)]}, {"params": [flattened(biases)], "weight_decay": 0.0}]


def _parts_of(module: MLP) -> tuple[list[Tensor], list[Tensor]]:
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


@dataclass(eq=False)
class FusedMLP:
    """Trains an `MLP` whose optimizer holds the `flat_groups`, by a loss that offers its gradient.

    `alpha` is the L2 penalty on weights. Until `release` the module's parameters are views of the
    flat tensors, as is its `state_dict`, which takes long to make.
    """

    module: MLP
    loss: Loss
    optimizer: torch.optim.Optimizer
    alpha: float
    schedule: Schedule
    batches: Batches

    def __post_init__(self) -> None:
        module, self.processes = self.module, self.batches.data.processes
        self.dropout = next((m for m in module if isinstance(m, UnitDropout)), None)
        kind = next((type(m) for m in module if type(m) in ACTIVATION_STEPS), nn.Identity)
        self.activate, self.derive = ACTIVATION_STEPS[kind]
        self.lazy: LazyColumns | None = None
        self._adam: AdamStep | None = None
        self._rooms: dict[tuple[int, bool], Room] = {}
        weights, biases = _parts_of(module)
        n_layers, n_weights = len(weights), sum(weight.numel() for weight in weights)
        flat = flattened(weights + biases)
        self.sums = torch.zeros_like(flat)
        values, gradients = (views_of(one, weights + biases) for one in (flat, self.sums))
        flats = [p for group in self.optimizer.param_groups for p in group["params"]]
        sizes = [len(part) for part in flats]
        for part, *own in zip(flats, flat.split(sizes), self.sums.split(sizes), strict=True):
            part.data, part.grad = own
        self.weight_gradients, self.bias_gradients = gradients[:n_layers], gradients[n_layers:]
        self.weights, self.biases = [values[0].t(), *values[1:n_layers]], values[n_layers:]
        layers = module.linear_layers()
        for layer, weight, bias in zip(layers, self.weights, self.biases, strict=True):
            layer.weight.data, layer.bias.data = weight, bias
        self.state_dict = module.state_dict()
        self.flat_weights, self.flat_weight_gradient = flat[:n_weights], self.sums[:n_weights]

    def release(self) -> None:
        for parameter in self.module.parameters():
            parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        self.optimizer.zero_grad()

    def run_epoch(self) -> float:
        """One step for each batch of standardised rows; returns the mean loss, each taken before
        its step."""
        total = weight_sum = 0.0
        squares: Any = 0.0
        n_steps, update = 0, self._update()
        quick = torch.inference_mode(_does_without_autograd(self.loss))
        with torch.no_grad(), quick, np.errstate(over="ignore", invalid="ignore"):
            for block in self.batches.blocks():
                logits = self.biases[-1].new_empty(sum(block.sizes), len(self.biases[-1]))
                for step in self._steps(block, logits):
                    if self.schedule.is_planned:
                        self.schedule.step(self.optimizer, n_steps / len(self.batches))
                    if self.alpha:
                        squares += kept(self.flat_weights.dot(self.flat_weights))
                    self._gradients(*step)
                    update()
                    n_steps += 1
                    if n_steps == 1 and not isinstance(update, AdamStep) and self.lazy is None:
                        update = self._update()  # its state exists from now on
                loss, weight = self._loss_of(logits, block)
                total, weight_sum = total + loss, weight_sum + weight
            if self.lazy is not None:
                self.lazy.finish()
                self.lazy = None
        total, weight_sum = self.processes.total((total, weight_sum))
        return float((total + 0.5 * self.alpha * squares) / weight_sum)

    def _steps(self, block: Block, logits: Tensor) -> Iterator[tuple[Any, ...]]:
        """What `_gradients` takes, for each batch of the block."""
        X, sizes, tensors = block.X, block.sizes, logits.split(block.sizes)
        largest = max(sizes) * max(weight.numel() for weight in self.weights)
        as_arrays = isinstance(X, Tensor) and X.device.type == "cpu" and largest < SMALL_PRODUCT
        rows, seen = X.split(sizes), tensors
        if as_arrays:
            rows, seen = (split_rows(values.numpy(), sizes) for values in (X, logits))
        targets, logits_seen = block.split_targets(sizes), map(Seen, tensors, seen)
        return zip(rows, targets, logits_seen, repeat(as_arrays), strict=False)

    def _loss_of(self, logits: Tensor, block: Block) -> tuple[float, float]:
        """Weighted sum of the losses, and the weights'."""
        at_once = max(1, LOSS_ENTRIES // logits.shape[1])
        size = block.sizes if self.loss.batch_dependent else at_once
        sums = map(weighted_sum, repeat(self.loss), logits.split(size), block.split_targets(size))
        weight = block.targets[1]
        return sum(map(float, sums)), len(logits) if weight is None else float(weight.sum())

    def _update(self) -> Callable[[], Any]:
        """The optimizer's step, by the kernel alone where there is one."""
        if self._adam is not None:
            return self._adam
        kernel = adam_kernel(self.optimizer)
        if kernel is None:  # a state that began in inference mode could not be used outside of it
            return torch.inference_mode(False)(self.optimizer.step)
        n_units, n_features = self.weights[0].shape
        batches, optimizer = self.batches, self.optimizer
        if not self.alpha and worth_being_lazy(batches, n_units, self.schedule, optimizer):
            self.lazy = LazyColumns(kernel, optimizer, n_features, n_units, len(batches))
            return self.lazy.step
        self._adam = AdamStep(kernel, self.optimizer)
        return self._adam

    def _gradients(self, rows: Any, y: TargetBatch, logits: Seen, as_arrays: bool) -> None:
        """Fill the logits and the flat gradients, penalty included."""
        target, weight, entry_weight = y
        room = self._room_for(rows.shape[0], as_arrays)
        if self.lazy is not None:
            rows, weights, gradient = self.lazy.take(rows)
            first = room.layers[0]._replace(weight=weights.t(), weight_gradient=gradient)
            room = room._replace(layers=[first, *room.layers[1:]])
        masks = self._forward(rows, room, logits)
        gradient = self.loss.gradient(logits.tensor, target, entry_weight)
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

    def _forward(self, rows: Any, room: Room, logits: Seen) -> list[Tensor]:
        """Fill the outputs of the layers; returns dropout's masks."""
        masks = []
        for layer, units in zip(room.layers, room.hidden, strict=False):
            _affine(rows, layer.weight, layer.bias, units.outputs)
            self.activate(units.outputs.tensor)
            if self.dropout is not None:
                masks.append(self.dropout.draw(units.outputs.tensor))
                torch.mul(units.outputs.tensor, masks[-1], out=units.fed.tensor)
            rows = units.fed.seen
        last = room.layers[-1]
        _affine(rows, last.weight, last.bias, logits)
        return masks

    def _backward(self, gradient: Tensor, rows: Any, room: Room, masks: list[Tensor]) -> None:
        """Fill the flat gradients from that of the logits."""
        ones = room.ones
        as_arrays = isinstance(ones, np.ndarray)
        dot: Any = np.dot if as_arrays else torch.matmul
        seen = gradient.numpy() if as_arrays else gradient
        for index in range(len(room.hidden), 0, -1):
            layer, units = room.layers[index], room.hidden[index - 1]
            dot(seen.T, units.fed.seen, out=layer.weight_gradient)
            dot(seen.T, ones, out=layer.bias_gradient)
            dot(seen, layer.weight, out=units.gradient.seen)
            gradient, seen = units.gradient
            if masks:
                gradient.mul_(masks[index - 1])
            self.derive(gradient, units.outputs.tensor)
        first = room.layers[0]
        if isinstance(rows, SparseRows):
            first.weight_gradient.copy_(rows.transposed.product(gradient))
        else:
            dot(rows.T, seen, out=first.weight_gradient)
        dot(seen.T, ones, out=first.bias_gradient)

    def _room_for(self, n_rows: int, as_arrays: bool) -> Room:
        found = self._rooms.get((n_rows, as_arrays))
        if found is None:
            see: Callable[[Tensor], Any] = Tensor.numpy if as_arrays else Tensor.detach
            parts = zip(
                self.biases, self.weights, self.weight_gradients, self.bias_gradients, strict=True
            )
            layers = [Layer(bias, *map(see, others)) for bias, *others in parts]
            hidden = []
            for bias in self.biases[:-1]:
                outputs, gradient = bias.new_empty(2, n_rows, len(bias))
                fed = outputs if self.dropout is None else torch.empty_like(outputs)
                hidden.append(Units(*(Seen(part, see(part)) for part in (outputs, fed, gradient))))
            last = self.biases[-1]
            found = Room(layers, hidden, see(last.new_ones(n_rows)), last.new_tensor(n_rows))
            self._rooms[n_rows, as_arrays] = found
        return found
