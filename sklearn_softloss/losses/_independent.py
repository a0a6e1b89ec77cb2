"""Losses on entries in [0, 1] (sigmoid): several labels a row, or one confidence a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ._base import IndependentLoss, Properness, register_loss, sum_entries


@register_loss
@dataclass(repr=False, eq=False)
class BinaryCrossEntropy(IndependentLoss):
    r"""Sigmoid cross-entropy in nats: :math:`-\sum_l w_l y_l \log p_l + (1 - y_l) \log(1 - p_l)`.

    Here p = sigmoid(logits) and w is the `pos_weight`. Computed from logits by log-sigmoids, never
    from clipped probabilities.

    Domain: independent. Link: sigmoid p, and p / (p + w (1 - p)) with `pos_weight`, because the
    weighted loss is minimised at w y / (w y + 1 - y). Strictly proper without `pos_weight`,
    invertible with it.

    When to use it: by default for label sets and for per-class confidences.

    Parameters
    ----------
    pos_weight : float or array-like of shape (n_labels,), default=None
        Weight of the positive part, > 0. It lets rare labels pull harder in training and is undone
        by the inverse link.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinaryCrossEntropy
    >>> BinaryCrossEntropy()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([1.3863])
    """

    name = "binary_cross_entropy"
    pos_weight: Any = None

    def __post_init__(self) -> None:
        if self.pos_weight is None:
            return
        weight = np.asarray(self.pos_weight, dtype=np.float64)
        if weight.ndim > 1 or not np.all(np.isfinite(weight) & (weight > 0)):
            raise ValueError(
                "pos_weight must be a number > 0 or one such number a label; "
                f"got {self.pos_weight!r}."
            )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and np.array_equal(
            np.asarray(self.pos_weight, dtype=object), np.asarray(other.pos_weight, dtype=object)
        )

    @property
    def properness(self) -> Properness:
        return "strictly proper" if self.pos_weight is None else "invertible"

    def _weight_like(self, logits: Tensor) -> Tensor:
        return torch.as_tensor(
            np.asarray(self.pos_weight), dtype=logits.dtype, device=logits.device
        )

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        positive = target * logsigmoid(logits)
        if self.pos_weight is not None:
            positive = self._weight_like(logits) * positive
        return sum_entries(-positive - (1 - target) * logsigmoid(-logits), entry_weight)

    def inverse_link(self, logits: Tensor) -> Tensor:
        if self.pos_weight is None:
            return logits.sigmoid()
        return (logits - self._weight_like(logits).log()).sigmoid()


@register_loss
@dataclass(repr=False)
class BinarySquaredError(IndependentLoss):
    r"""Brier score of sigmoids: :math:`\sum_l (p_l - y_l)^2` with p = sigmoid(logits).

    Domain: independent. Link: sigmoid. Strictly proper: each term is minimised by the mean of y.
    It saturates: the gradient holds a factor p (1 - p) and vanishes where the output is
    confidently wrong. Targets of 0.1 and 0.9 (`target_range`) keep it out of that region; see
    LeCun et al., "Efficient BackProp" (1998), section 4.5, doi:10.1007/3-540-49430-8_2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import BinarySquaredError
    >>> BinarySquaredError()(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([0.5000])
    """

    name = "squared_error"

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((logits.sigmoid() - target).square(), entry_weight)
