"""The built-in net: fully connected layers with scikit-learn's layout and initialisation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ..losses import Loss
from .batches import Batch
from .sparse_rows import SparseProduct, SparseRows

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


FRESH_LOGITS = 0.1
"""Weights of the last layer of a fresh net, as a share of scikit-learn's: so small that it starts
close to even odds and need not unlearn first what chance made it say."""


class UnitDropout(nn.Module):
    """Sets units to zero in a training step: one draw a unit, the same for all rows of the batch.

    A row of weight 2 then still equals two rows, and a step draws one number a unit instead of one
    an entry.

    Parameters
    ----------
    p : float
        Share of units set to zero; the others grow by 1 / (1 - p).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def draw(self, outputs: Tensor) -> Tensor:
        """Factors (1, n_units) for outputs (n_rows, n_units)."""
        return outputs.new_empty(1, outputs.shape[1]).bernoulli_(1 - self.p).div_(1 - self.p)

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs * self.draw(outputs) if self.training else outputs


class MLP(nn.Sequential):
    """Linear layers with an activation and dropout between them; outputs are logits.

    Weights and biases start uniform within the bound of Glorot and Bengio (2010), as those of
    scikit-learn's ``MLPClassifier`` do, those of the last layer at a tenth of it.

    Parameters
    ----------
    layer_sizes : sequence of int
        Features, hidden units of each layer, outputs.
    activation : {"identity", "logistic", "tanh", "relu"}
    dropout : float
        Share of hidden units set to zero in each training step; see `UnitDropout`.
    """

    def __init__(self, layer_sizes: Sequence[int], activation: str, dropout: float) -> None:
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(layer_sizes):
            if layers:
                layers.append(ACTIVATIONS[activation]())
                if dropout:
                    layers.append(UnitDropout(dropout))
            layers.append(nn.Linear(n_in, n_out))
        super().__init__(*layers)
        self.layer_sizes = tuple(layer_sizes)
        factor = 2.0 if activation == "logistic" else 6.0
        for layer in self.linear_layers():
            bound = np.sqrt(factor / (layer.in_features + layer.out_features))
            if layer is self[-1]:
                bound *= FRESH_LOGITS
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def forward(self, X: Tensor | SparseRows) -> Tensor:
        """Logits (n_rows, n_outputs) of rows (n_rows, n_features)."""
        if not isinstance(X, SparseRows):
            return super().forward(X)
        first = self.linear_layers()[0]
        outputs: Tensor = SparseProduct.apply(X, first.weight.t()) + first.bias
        for layer in list(self)[1:]:
            outputs = layer(outputs)
        return outputs

    def linear_layers(self) -> list[nn.Linear]:
        return [layer for layer in self if isinstance(layer, nn.Linear)]


def check_net(module: nn.Module, loss: Loss, batch: Batch, n_outputs: int) -> None:
    """Refuse a module or a loss that breaks its contract on a batch, before any training."""
    X, (target, _, entry_weight) = batch
    module.eval()
    with torch.no_grad():
        logits = module(X)
    wanted = (len(X), n_outputs)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"The module must return logits of shape (n_samples, {n_outputs}); for {len(X)} rows "
            f"it returned {got}. Use the `n_outputs` that it is called with as its output width."
        )
    try:
        values, proba = loss(logits, target, entry_weight), loss.inverse_link(logits)
    except RuntimeError as error:
        raise ValueError(
            f"The loss {loss!r} does not fit {target.shape[-1]} columns of y: {error}"
        ) from error
    for what, found, shape in (
        ("value", values, target.shape[:-1]),
        ("inverse link", proba, target.shape),
    ):
        if found.shape != shape:
            raise ValueError(
                f"The {what} of the loss {loss!r} must have shape {tuple(shape)} for targets of "
                f"shape {tuple(target.shape)}; it has {tuple(found.shape)}."
            )
