"""A loss as a torch criterion: the weighted mean, for nets that are trained elsewhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ._base import Loss, get_loss


class Criterion(nn.Module):
    """Mean of a loss over samples or pixels, weighted by the class in the ground truth.

    For plain torch loops and for ``skorch.NeuralNet(criterion=Criterion(loss))``.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A registered name or an instance.
    class_weight : array-like of shape (n_classes,), default=None
        Weight >= 0 of each class. It follows the ground truth, not the prediction; the sum is
        divided by the sum of the weights. A soft row counts as draws of labels. 'distribution'
        losses only.

    Raises
    ------
    ValueError
        If the loss is unknown, or `class_weight` has no meaning for it or a negative entry.

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import Criterion
    >>> target = torch.eye(2).reshape(1, 1, 2, 2)  # one image, 1 x 2 pixels, 2 classes
    >>> Criterion("cross_entropy", class_weight=[1.0, 3.0])(torch.zeros(1, 1, 2, 2), target)
    tensor(0.6931)
    """

    weight: Tensor | None

    def __init__(self, loss: str | Loss = "cross_entropy", class_weight: Any = None) -> None:
        super().__init__()
        self.loss = get_loss(loss)
        if class_weight is not None and not self.loss.domain.rows_sum_to_one:
            raise ValueError(
                f"class_weight needs a 'distribution' loss; {self.loss!r} takes "
                f"{self.loss.domain!r} targets."
            )
        weight = None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.float)
        if weight is not None and not bool((weight.isfinite() & (weight >= 0)).all()):
            raise ValueError(f"class_weight must be finite and >= 0; got {class_weight!r}.")
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Weighted mean.

        Parameters
        ----------
        logits : Tensor of shape (..., n_classes)
            Outputs of the net, before any link.
        target : Tensor of shape (..., n_classes)
            Targets in the loss's domain.

        Returns
        -------
        Tensor of shape ()
        """
        target = target.to(logits.dtype)
        if self.weight is None:
            return self.loss(logits, target).mean()
        weighted = target * self.weight.to(logits)
        mass = weighted.sum(-1)
        shifted = weighted / mass.masked_fill(mass == 0, 1.0)[..., None]
        return (mass * self.loss(logits, shifted)).sum() / mass.sum()
