"""A training step of the built-in net without autograd: closed-form gradients, flat parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..losses import Loss
from .batches import Batch
from .modules import MLP

# Derivatives from the gradient and the activation's own output, as autograd computes them.
ACTIVATION_STEPS: dict[type[nn.Module], tuple[Callable[[Tensor], Any], Callable[..., Tensor]]] = {
    nn.Identity: (lambda z: z, lambda gradient, _: gradient),
    nn.ReLU: (torch.relu_, lambda g, a: torch.ops.aten.threshold_backward(g, a, 0)),
    nn.Tanh: (torch.tanh_, torch.ops.aten.tanh_backward),
    nn.Sigmoid: (torch.sigmoid_, torch.ops.aten.sigmoid_backward),
}


def flat_groups(module: MLP, decay_weights: bool) -> list[Any]:
    """Parameters of an optimizer: all of the net's in one flat tensor.

    With `decay_weights` there are two, because biases do not decay.
    """
    weights, biases = _split(module)
    if not decay_weights:
        return [_flat(weights + biases)]
    return [{"params": [_flat(weights)]}, {"params": [_flat(biases)], "weight_decay": 0.0}]


def _split(module: MLP) -> tuple[list[Tensor], list[Tensor]]:
    layers = module.linear_layers()
    return [layer.weight for layer in layers], [layer.bias for layer in layers]


def _flat(parameters: list[Tensor]) -> Tensor:
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


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
    """

    def __init__(
        self, module: MLP, loss: Loss, optimizer: torch.optim.Optimizer, alpha: float
    ) -> None:
        self.module, self.loss, self.optimizer, self.alpha = module, loss, optimizer, alpha
        self.layers = module.linear_layers()
        self.dropout = next((m.p for m in module if isinstance(m, nn.Dropout)), 0.0)
        kind = type(module[1]) if len(module) > 1 else nn.Identity
        self.activate, self.derive = ACTIVATION_STEPS[kind]
        self._buffers: dict[int, list[Tensor]] = {}
        self._link()

    def _link(self) -> None:
        """Make parameters views of the flat tensors, and gradients views of flat gradients."""
        flats = [p for group in self.optimizer.param_groups for p in group["params"]]
        weights, biases = _split(self.module)
        parts = [weights + biases] if len(flats) == 1 else [weights, biases]
        self.gradients: dict[Tensor, Tensor] = {}
        with torch.no_grad():
            for flat, parameters in zip(flats, parts, strict=True):
                flat.copy_(_flat(parameters))
                flat.grad = torch.zeros_like(flat)
                start = 0
                for parameter in parameters:
                    part = slice(start, start + parameter.numel())
                    parameter.data = flat[part].view_as(parameter)
                    self.gradients[parameter] = flat.grad[part].view_as(parameter)
                    start = part.stop
        n_weights = sum(parameter.numel() for parameter in weights)
        self.flat_weights = flats[0][:n_weights]
        self.flat_weight_gradient = flats[0].grad[:n_weights]

    def release(self) -> None:
        for parameter in self.module.parameters():
            parameter.data = parameter.data.clone()
        for group in self.optimizer.param_groups:
            for flat in group["params"]:
                flat.grad = None

    @torch.no_grad()
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One step of the optimizer; returns the loss before it, penalty included."""
        X, (target, weight, entry_weight) = batch
        inputs, active, masks = self._forward(X)
        logits = active.pop()
        total, gradient = self.loss.sum_and_gradient(logits, target, weight, entry_weight)
        weight_sum: Any = len(X) if weight is None else weight.sum()
        gradient = gradient.div_(weight_sum)
        for index in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[index]
            torch.mm(gradient.t(), inputs[index], out=self.gradients[layer.weight])
            torch.sum(gradient, 0, out=self.gradients[layer.bias])
            if index:
                gradient = torch.mm(gradient, layer.weight)
                if masks:
                    gradient.mul_(masks[index - 1])
                gradient = self.derive(gradient, active[index - 1])
        if self.alpha:
            total = total + 0.5 * self.alpha * self.flat_weights.dot(self.flat_weights)
            if weight is None:
                self.flat_weight_gradient.add_(self.flat_weights, alpha=self.alpha / weight_sum)
            else:
                self.flat_weight_gradient.add_(self.flat_weights * (self.alpha / weight_sum))
        self.optimizer.step()
        return {"loss": total / weight_sum}

    def _forward(self, X: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Inputs of the layers, their outputs after activation, and dropout's masks."""
        outputs = self._buffers_for(X)
        inputs, masks = [X], []
        for layer, output in zip(self.layers[:-1], outputs[:-1], strict=True):
            torch.addmm(layer.bias, inputs[-1], layer.weight.t(), out=output)
            self.activate(output)
            if self.dropout:
                mask = torch.empty_like(output).bernoulli_(1 - self.dropout)
                masks.append(mask.div_(1 - self.dropout))
                inputs.append(output * masks[-1])
            else:
                inputs.append(output)
        last = self.layers[-1]
        torch.addmm(last.bias, inputs[-1], last.weight.t(), out=outputs[-1])
        return inputs, list(outputs), masks

    def _buffers_for(self, X: Tensor) -> list[Tensor]:
        found = self._buffers.get(len(X))
        if found is None:
            found = [X.new_empty(len(X), layer.out_features) for layer in self.layers]
            self._buffers[len(X)] = found
        return found
