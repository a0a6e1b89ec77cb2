"""What a module and a loss must do: checked on a batch, before any training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .._warn import warn
from ..losses import Loss
from .batches import Batch
from .mlp import MLP


def check_net(module: nn.Module, loss: Loss, batch: Batch, n_outputs: int) -> None:
    """Refuse those that break it, and warn of a module whose outputs are probabilities already."""
    X, (target, _, entry_weight) = batch
    if isinstance(module, MLP):
        logits = target.new_zeros(len(target), n_outputs)  # as wide as it was asked to be
    else:
        module.eval()
        logits = _logits_of(module, X)
    wanted = (len(X), n_outputs)
    if not isinstance(logits, Tensor) or tuple(logits.shape) != wanted:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(
            f"The module must return logits of shape (n_samples, {n_outputs}); for {len(X)} rows "
            f"it returned {got}. Use the `n_outputs` that it is called with as its output width."
        )
    last_step, logits = logits.grad_fn, logits.detach()
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
    if not isinstance(module, MLP) and _are_probabilities(logits, last_step, loss, proba):
        warn(
            f"The outputs of the module are probabilities, in [0, 1] for all of the first {len(X)} "
            f"rows, where {loss!r} takes logits and applies a link of its own: it would train on "
            "wrong ones. Return logits, without the Softmax or Sigmoid at the end.",
        )


def _logits_of(module: nn.Module, X: Tensor) -> Any:
    """What the module says of rows; images with channels last are named."""
    last = ""
    if X.ndim == 4 and X.shape[3] in CHANNELS and min(X.shape[1:3]) > max(CHANNELS):
        last = (
            " They look like images with their channels last, where torch wants (n_samples, "
            "channels, height, width): pass np.moveaxis(X, -1, 1)."
        )
    shape = f"rows of shape {tuple(X.shape[1:])}"
    try:
        logits = module(X)
    except RuntimeError as error:
        raise ValueError(
            f"The module, made for n_features={X.shape[1]}, fails on {shape}: {error}.{last}"
        ) from error
    if last:
        warn(f"The module is trained on {shape}.{last}")
    return logits


CHANNELS = (1, 3, 4)
"""Channels of an image: grey, colours, colours and how opaque."""

LINKS = {"Softmax", "Sigmoid", "Hardsigmoid"}
"""Steps of autograd that turn logits into probabilities."""

PASSES_ON = {
    "Alias", "Cat", "Clamp", "Clone", "Permute", "Reshape", "Select", "Slice", "Squeeze", "T",
    "ToCopy", "Transpose", "UnsafeView", "Unsqueeze", "View",
}  # fmt: skip
"""Steps after which a probability is one still."""


def _are_probabilities(logits: Tensor, last_step: Any, loss: Loss, proba: Tensor) -> bool:
    """Whether outputs, which the loss's link would change, went through a link already: rows of a
    distribution sum to 1; of others the steps must say so, since logits may lie in [0, 1]."""
    if loss.domain.prediction_range[1] > 1 or not ((logits >= 0) & (logits <= 1)).all():
        return False
    if logits.shape == proba.shape and torch.allclose(logits, proba):
        return False
    sums = logits.sum(-1)
    if loss.domain.rows_sum_to_one and torch.allclose(sums, torch.ones_like(sums), atol=1e-5):
        return True
    while last_step is not None:
        name = last_step.name().split("Backward")[0]
        if name not in PASSES_ON:
            return name in LINKS
        last_step = last_step.next_functions[0][0]
    return False
