"""Nets of one shape that train together on the same batches, each with its own decay and dropout:
arrays have an axis more. A step of eight nets of 128 units takes as long as three of one net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..losses import Loss
from .adam import AdamStep, adam_kernel
from .batches import Batches, TargetBatch, TrainingData
from .fused import ACTIVATION_STEPS, flattened, views_of
from .mlp import MLP
from .schedule import Schedule
from .threads import threads_for


class Sibling(NamedTuple):
    """In what a net differs from those beside it: decoupled decay of the weights, and dropout."""

    alpha: float
    dropout: float


def train_together(
    start: MLP,
    siblings: Sequence[Sibling],
    loss: Loss,
    data: TrainingData,
    schedule: Schedule,
    batch_size: int,
    generator: torch.Generator,
    **options: Any,
) -> list[MLP]:
    """Train a copy of a net for each sibling, by Adam with decoupled decay.

    All begin at the weights of `start`, which has no dropout, and see the dense rows of `data` for
    the epochs of a planned schedule. The generator draws the order of rows and the dropout; options
    are the betas and eps of ``torch.optim.AdamW``.
    """
    nets = _Siblings(start, siblings, loss, options)
    batches = Batches(
        data, batch_size, generator, through=start.input_rows_, width=start.layer_sizes[0]
    )
    n_rows = 3 * min(batch_size, len(data)) * len(siblings)
    with torch.inference_mode(loss.offers_gradient), threads_for(start, n_rows, False):
        for _ in range(schedule.max_iter):
            for index, (X, y) in enumerate(batches):
                schedule.step(nets.optimizer, index / len(batches))
                nets.step(X, y, generator)
            schedule.end_epoch(nets.optimizer, len(data))
    return nets.alone()


class _Siblings:
    """Weights (n_nets, n_in, n_out) and biases (n_nets, 1, n_out) of each layer, in one tensor."""

    def __init__(
        self, start: MLP, siblings: Sequence[Sibling], loss: Loss, options: dict[str, Any]
    ) -> None:
        self.start, self.loss, self.n_nets = start, loss, len(siblings)
        layers = start.linear_layers()
        first = [layer.weight.detach().t() for layer in layers]
        first += [layer.bias.detach()[None] for layer in layers]
        parts = [p.expand(self.n_nets, *p.shape) for p in first]
        flat = flattened(parts)
        flat.grad = torch.zeros_like(flat)
        values, gradients = views_of(flat, parts), views_of(flat.grad, parts)
        n = len(layers)
        self.weights, self.biases = values[:n], values[n:]
        self.weight_gradients, self.bias_gradients = gradients[:n], gradients[n:]
        self.optimizer = torch.optim.AdamW([flat], **options, weight_decay=0.0, fused=True)
        self._move: Any = self.optimizer.step
        like = flat.new_tensor(siblings)[:, :, None, None]
        self.alphas, self.kept = like[:, 0], 1 - like[:, 1].cpu()
        kind = next((type(m) for m in start if type(m) in ACTIVATION_STEPS), nn.Identity)
        self.activate, self.derive = ACTIVATION_STEPS[kind]

    def step(self, X: Tensor, y: TargetBatch, generator: torch.Generator) -> None:
        """Move all nets by a batch; a unit that is dropped is a row of zeros in the next layer's
        weights."""
        target, weight, entry_weight = y
        weights, masks = [self.weights[0]], []
        for matrix in self.weights[1:]:
            masks.append(self._mask(matrix, generator))
            weights.append(matrix * masks[-1])
        rows = [X.expand(self.n_nets, *X.shape)]
        for matrix, bias in zip(weights[:-1], self.biases, strict=False):
            outputs = torch.baddbmm(bias, rows[-1], matrix)
            self.activate(outputs)
            rows.append(outputs)
        logits = torch.baddbmm(self.biases[-1], rows[-1], weights[-1])
        share = logits.new_full((len(X),), 1 / len(X)) if weight is None else weight / weight.sum()
        gradient = self._gradient(logits, target, share, entry_weight)
        for layer in range(len(weights) - 1, -1, -1):
            torch.bmm(rows[layer].mT, gradient, out=self.weight_gradients[layer])
            torch.sum(gradient, 1, keepdim=True, out=self.bias_gradients[layer])
            if layer:
                self.weight_gradients[layer].mul_(masks[layer - 1])
                gradient = torch.bmm(gradient, weights[layer].mT)
                self.derive(gradient, rows[layer])
        self._move()
        shrink = 1 / (1 + self.optimizer.param_groups[0]["lr"] * self.alphas)
        for matrix in self.weights:
            matrix.mul_(shrink)
        if not isinstance(self._move, AdamStep) and (kernel := adam_kernel(self.optimizer)):
            self._move = AdamStep(kernel, self.optimizer)

    def _mask(self, matrix: Tensor, generator: torch.Generator) -> Tensor:
        """Factors (n_nets, n_in, 1) of the rows of a layer's weights."""
        kept = self.kept.expand(-1, matrix.shape[1], -1)
        return torch.bernoulli(kept, generator=generator).div_(self.kept).to(matrix.device)

    def _gradient(
        self, logits: Tensor, target: Tensor, share: Tensor, entry_weight: Tensor | None
    ) -> Tensor:
        """Of the weighted losses with respect to the logits (n_nets, n_rows, n_logits)."""
        if self.loss.batch_dependent:
            parts = [self._gradient_alone(z, target, share, entry_weight) for z in logits]
            return torch.stack(parts)
        if entry_weight is not None:
            entry_weight = entry_weight.expand(self.n_nets, *target.shape)
        target = target.expand(self.n_nets, *target.shape)
        return self._gradient_alone(logits, target, share, entry_weight)

    def _gradient_alone(
        self, logits: Tensor, target: Tensor, share: Tensor, entry_weight: Tensor | None
    ) -> Tensor:
        if self.loss.offers_gradient:
            return self.loss.gradient(logits, target, entry_weight).mul_(share[:, None])
        logits = logits.detach().requires_grad_()
        value = (self.loss(logits, target, entry_weight) * share).sum()
        return torch.autograd.grad(value, logits)[0]

    def alone(self) -> list[MLP]:
        """Each net as one of its own."""
        start, found, unused = self.start, [], torch.Generator()
        for place in range(self.n_nets):
            net = MLP(start.layer_sizes, start.activation, 0.0, unused, start.inputs)
            values = zip(net.linear_layers(), self.weights, self.biases, strict=True)
            for layer, weight, bias in values:
                layer.weight.data = weight[place].t().clone(memory_format=torch.contiguous_format)
                layer.bias.data = bias[place, 0].clone()
            found.append(net.eval())
        return found
