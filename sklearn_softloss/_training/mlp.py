"""The built-in net: linear layers, and a training step for them without autograd.

Standardised inputs come first. Layout and initialisation are scikit-learn's. The step takes
closed-form gradients over flat parameters: the first weight matrix lies as (n_in, n_out) in the
flat tensor, so that sparse rows of X find together what they pick; the others lie as (n_out, n_in),
which is faster where outputs are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from .._processes import Processes
from ..losses import Loss
from .adam import AdamStep, LazyColumns, adam_kernel, worth_being_lazy
from .sparse_rows import SparseProduct, SparseRows
from .standardize import Standardize

if TYPE_CHECKING:
    from .batches import Batch, Batches
    from .schedule import Schedule

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
    """Sets units to zero in a training step: one draw a unit, the same for all rows of the batch.

    A row of weight 2 then still equals two rows, and a step draws one number a unit instead of one
    an entry.

    Parameters
    ----------
    p : float
        Share of units set to zero; the others grow by 1 / (1 - p).

    Attributes
    ----------
    generator : torch.Generator or None
        On the CPU; the training sets it. None is torch's global one.
    """

    generator: torch.Generator | None = None

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
    generator : torch.Generator, default=None
        Draws the weights; None is torch's global one.
    standardize : Standardize, default=None
        Comes before the first layer, fitted already.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str,
        dropout: float,
        generator: torch.Generator | None = None,
        standardize: Standardize | None = None,
    ) -> None:
        self._assemble(layer_sizes, activation, dropout, standardize)
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
        standardize: Standardize | None,
    ) -> None:
        """All layers, with weights that are not set."""
        layers: list[nn.Module] = [] if standardize is None else [standardize]
        for index, (n_in, n_out) in enumerate(pairwise(layer_sizes)):
            if index:
                layers.append(ACTIVATIONS[activation]())
                if dropout:
                    layers.append(UnitDropout(dropout))
            layers.append(nn.utils.skip_init(nn.Linear, n_in, n_out))
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
        standardize = Standardize(sizes[0]) if "0.factor" in arrays else None
        self._assemble(sizes, state["activation"], state["dropout"], standardize)
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
    def standardize(self) -> Standardize | None:
        return self[0] if isinstance(self[0], Standardize) else None

    def linear_layers(self) -> list[nn.Linear]:
        return [layer for layer in self if isinstance(layer, nn.Linear)]

    def weights_and_biases(self) -> tuple[list[Tensor], list[Tensor]]:
        """Those of each layer, the first one's for columns as they are given to the net."""
        layers = self.linear_layers()
        weights = [layer.weight.detach() for layer in layers]
        biases = [layer.bias.detach() for layer in layers]
        if self.standardize is not None:
            biases[0] = biases[0] + weights[0] @ self.standardize.shift
            weights[0] = weights[0] * self.standardize.factor
        return weights, biases


# --- a training step without autograd ------------------------------------------------------------

# Derivatives from the gradient and the activation's own output, as autograd computes them.
ACTIVATION_STEPS: dict[type[nn.Module], tuple[Callable[[Tensor], Any], Callable[..., Tensor]]] = {
    nn.Identity: (lambda z: z, lambda gradient, _: gradient),
    nn.ReLU: (
        torch.relu_,
        lambda g, a: torch.ops.aten.threshold_backward.grad_input(g, a, 0, grad_input=g),
    ),
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
        self._buffers: dict[int, tuple[list[Tensor], list[Tensor], Tensor, Tensor]] = {}
        flats = [p for group in self.optimizer.param_groups for p in group["params"]]
        weights, biases = _split(self.module)
        parts = [weights + biases] if len(flats) == 1 else [weights, biases]
        values: list[Tensor] = []
        gradients: list[Tensor] = []
        sizes = [len(flat) for flat in flats]
        self.sums = flats[0].new_zeros(sum(sizes) + 1)  # gradients of a step, and its loss
        for flat, gradient, parameters in zip(
            flats, self.sums.split([*sizes, 1])[:-1], parts, strict=True
        ):
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
        totals, squares, weights = [], [], []
        update = self._update(batches, schedule)
        for index, batch in enumerate(batches):
            if schedule.is_planned:
                schedule.step(self.optimizer, index / len(batches))
            if self.alpha:
                squares.append(kept(self.flat_weights.dot(self.flat_weights)))
            total, weight = self._gradients(batch)
            totals.append(kept(total))
            weights.append(kept(weight))
            update()
            if index == 0 and self.lazy is None:
                update = self._update(batches, schedule)  # its state exists from now on
        self._end_lazy_steps()
        penalty = 0.5 * self.alpha * sum_of_losses(squares) if squares else 0.0
        return float((sum_of_losses(totals) + penalty) / sum(weights))

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

    def _gradients(self, batch: Batch) -> tuple[Tensor, Any]:
        """Fill the flat gradients, penalty included; returns the summed loss and the weight."""
        X, (target, weight, entry_weight) = batch
        outputs, backward, ones, n_rows = self._buffers_for(X)
        inputs, masks = self._forward(X, outputs)
        total, gradient = self.loss.sum_and_gradient(outputs[-1], target, weight, entry_weight)
        weight_sum: Any = X.shape[0] if weight is None else weight.sum()
        if self.processes.size > 1:
            weight_sum = n_rows = self.processes.total(float(weight_sum))
        gradient.div_(n_rows if weight is None else weight_sum)
        for index in range(len(self.weights) - 1, -1, -1):
            rows, columns = inputs[index], gradient.t()
            if isinstance(rows, SparseRows):
                self.weight_gradients[index].t().copy_(rows.transposed_product(gradient))
            else:
                torch.mm(columns, rows, out=self.weight_gradients[index])
            torch.mv(columns, ones, out=self.bias_gradients[index])
            if index:
                gradient = torch.mm(gradient, self.weights[index], out=backward[index - 1])
                if masks:
                    gradient.mul_(masks[index - 1])
                gradient = self.derive(gradient, outputs[index - 1])
        if self.processes.size > 1:
            self.sums[-1] = total
            self.processes.add_(self.sums)
            total = self.sums[-1].clone()
        if self.alpha:
            if weight is None:
                self.flat_weight_gradient.add_(self.flat_weights, alpha=self.alpha / weight_sum)
            else:
                self.flat_weight_gradient.add_(self.flat_weights * (self.alpha / weight_sum))
        return total, weight_sum

    def _forward(self, X: Any, outputs: list[Tensor]) -> tuple[list[Any], list[Tensor]]:
        """Fill the outputs of the layers; returns their inputs, and dropout's masks."""
        inputs, masks = [X], []
        if self.lazy is not None:
            inputs[0], self.transposed[0], gradient = self.lazy.take(inputs[0])
            self.weight_gradients[0] = gradient.t()
        last = len(outputs) - 1
        for index, output in enumerate(outputs):
            if isinstance(inputs[-1], SparseRows):
                torch.add(
                    inputs[-1].product(self.transposed[index]), self.biases[index], out=output
                )
            else:
                torch.addmm(self.biases[index], inputs[-1], self.transposed[index], out=output)
            if index == last:
                break
            self.activate(output)
            if self.dropout is not None:
                masks.append(self.dropout.draw(output))
                inputs.append(output * masks[-1])
            else:
                inputs.append(output)
        return inputs, masks

    def _buffers_for(self, X: Any) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
        """Memory for the outputs of the layers and for the way back, a one a row, and their number.

        That is a tensor, because torch takes longer to wrap a number than to divide by one.
        """
        n_rows = X.shape[0]
        found = self._buffers.get(n_rows)
        if found is None:
            outputs = [bias.new_empty(n_rows, len(bias)) for bias in self.biases]
            backward = [torch.empty_like(output) for output in outputs[:-1]]
            last = outputs[-1]
            found = outputs, backward, last.new_ones(n_rows), last.new_tensor(n_rows)
            self._buffers[n_rows] = found
        return found


def kept(value: Any) -> Any:
    """What an epoch keeps of the loss or weight of a step: a number, but of a device that computes
    on its own the tensor, which would have to be waited for.

    On the CPU a small tensor that stays lies between large ones that go, and the memory of these is
    not used again: gigabytes in an epoch of large steps.
    """
    return value.item() if isinstance(value, Tensor) and value.device.type == "cpu" else value


def sum_of_losses(losses: list[Any], weights: Any = 1.0) -> Any:
    """Their sum in float64, each times its weight."""
    if isinstance(losses[0], float):
        return (torch.tensor(losses, dtype=torch.float64) * weights).sum()
    return (torch.stack(losses).double().cpu() * weights).sum()


# --- threads --------------------------------------------------------------------------------------

WORTH_SHARING = 3e7
"""Floating point operations a step from which a second thread is used. For a 100-unit net (13
million) it saves a quarter on one kind of processor (140 us against 190), costs a tenth on another
(248 us against 222) and two thirds on a third (501 us against 306); for 256 and 256 units (144
million) it saves a tenth there. A fixed number, so that equal seeds take equal paths everywhere."""


@contextmanager
def threads_for(module: nn.Module, n_rows: int, sparse: bool) -> Iterator[None]:
    """Compute on one thread where so many rows are little work; the caller's number is
    back at the end.

    Never more than the caller allowed: a worker that joblib limits stays limited. The work of a
    custom module is not known, so it keeps that number.

    Parameters
    ----------
    module : nn.Module
    n_rows : int
        Three times the rows of a training step, which also goes back.
    sparse : bool
        Whether rows are `SparseRows`, for which the first layer gathers rows of its weights: that
        is bound by memory, and two threads took up to twice as long as one.
    """
    allowed = torch.get_num_threads()
    work = inf
    if isinstance(module, MLP):
        gathered = module.layer_sizes[0] * module.layer_sizes[1] if sparse else 0
        work = 2.0 * n_rows * (module.n_weights - gathered)
    if allowed == 1 or work >= WORTH_SHARING:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(allowed)
