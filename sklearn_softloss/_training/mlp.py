"""The built-in net: encoded and standardised inputs, then linear layers as scikit-learn's are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._columns.encode import Encode
from .._columns.sparse_rows import SparseProduct, SparseRows
from .._columns.standardize import Standardize

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": partial(nn.ReLU, inplace=True),
}


FRESH_LOGITS = 0.1
"""Weights of the last layer of a fresh net, as a share of scikit-learn's: so small that it starts
close to even odds and need not unlearn first what chance made it say."""


class UnitDropout(nn.Module):
    """Sets a share p of units to zero in a training step; the others grow by 1 / (1 - p). All rows
    of a batch share one draw a unit, so that a row of weight 2 still equals two rows."""

    generator: torch.Generator | None = None
    """On the CPU; the training sets it. None is torch's global one."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def draw(self, outputs: Tensor) -> Tensor:
        """Factors (1, n_units) for outputs (n_rows, n_units)."""
        kept = torch.empty(1, outputs.shape[1], dtype=outputs.dtype)
        kept.bernoulli_(1 - self.p, generator=self.generator).div_(1 - self.p)
        return kept.to(outputs.device)

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs * self.draw(outputs) if self.training else outputs


class Linear(nn.Linear):
    """A layer that draws no weights, as the net sets them: ``nn.utils.skip_init`` takes nine times
    as long."""

    def reset_parameters(self) -> None:
        """Leave them as the memory was."""


class MLP(nn.Sequential):
    """Linear layers with an activation and dropout between them; outputs are logits.

    The generator, or torch's global one, draws weights and biases uniform within the bound of
    Glorot and Bengio (2010), in the last layer a tenth of it. `inputs`, fitted already, come first.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str,
        dropout: float,
        generator: torch.Generator | None = None,
        inputs: Sequence[nn.Module] = (),
    ) -> None:
        self._assemble(layer_sizes, activation, dropout, inputs)
        factor = 2.0 if activation == "logistic" else 6.0
        for layer in self.linear_layers():
            bound = np.sqrt(factor / (layer.in_features + layer.out_features))
            if layer is self[-1]:
                bound *= FRESH_LOGITS
            nn.init.uniform_(layer.weight, -bound, bound, generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator)

    def _assemble(
        self,
        layer_sizes: Sequence[int],
        activation: str,
        dropout: float,
        inputs: Sequence[nn.Module],
    ) -> None:
        """All layers, with weights that are not set."""
        layers = list(inputs)
        for index, (n_in, n_out) in enumerate(pairwise(layer_sizes)):
            if index:
                layers.append(ACTIVATIONS[activation]())
                if dropout:
                    layers.append(UnitDropout(dropout))
            layers.append(Linear(n_in, n_out))
        super().__init__(*layers)
        self.layer_sizes, self.activation, self.dropout = tuple(layer_sizes), activation, dropout
        self.n_weights = sum(n_in * n_out for n_in, n_out in pairwise(layer_sizes))

    def __getstate__(self) -> dict[str, Any]:
        """Plain values and arrays, which need no trust where they are loaded."""
        return {
            "layer_sizes": self.layer_sizes,
            "activation": self.activation,
            "dropout": self.dropout,
            "device": str(self[-1].weight.device),
            "training": self.training,
            "arrays": {name: value.cpu().numpy() for name, value in self.state_dict().items()},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        sizes, arrays = state["layer_sizes"], state["arrays"]
        inputs: list[nn.Module] = []
        if "0.column" in arrays:
            inputs.append(Encode.of({name: arrays[f"0.{name}"] for name in Encode.attributes}))
        if f"{len(inputs)}.factor" in arrays:
            inputs.append(Standardize(sizes[0], may_be_missing=not inputs))
        self._assemble(sizes, state["activation"], state["dropout"], inputs)
        tensors = {name: torch.tensor(array) for name, array in arrays.items()}
        self.load_state_dict(tensors, assign=True)
        if torch.cuda.is_available():
            self.to(state["device"])
        self.train(state["training"])

    def forward(self, X: Tensor | SparseRows) -> Tensor:
        """Logits (n_rows, n_outputs) of rows (n_rows, n_features)."""
        outputs: Any = X
        for layer in self:
            if isinstance(outputs, SparseRows) and isinstance(layer, nn.Linear):
                outputs = SparseProduct.apply(outputs, layer.weight.t()) + layer.bias
            else:
                outputs = layer(outputs)
        return outputs

    @property
    def inputs(self) -> list[nn.Module]:
        """What comes before the first layer."""
        return [step for step in self if isinstance(step, (Encode, Standardize))]

    def input_rows_(self, X: Any) -> Any:
        """Rows as the first layer takes them, which may be written over X."""
        for step in self.inputs:
            X = step(X, out=X) if isinstance(step, Standardize) else step(X)
        return X

    def linear_layers(self) -> list[nn.Linear]:
        return [layer for layer in self if isinstance(layer, nn.Linear)]

    def weights_and_biases(self) -> tuple[list[Tensor], list[Tensor]]:
        """Those of each layer, the first one's for entries before they are put on one scale."""
        layers = self.linear_layers()
        weights = [layer.weight.detach() for layer in layers]
        biases = [layer.bias.detach() for layer in layers]
        for step in self.inputs:
            if isinstance(step, Standardize):
                biases[0] = biases[0] + weights[0] @ step.shift
                weights[0] = weights[0] * step.factor
        return weights, biases


def width_of(module: nn.Module) -> int:
    """Entries of a row in the first layer, as far as they are known."""
    return module.layer_sizes[0] if isinstance(module, MLP) else 1
