"""Losses for soft, multi-label and partly known targets; each knows domain, link, properness."""

from ._base import (
    DistributionLoss,
    IndependentLoss,
    Loss,
    get_loss,
    loss_names,
    register_loss,
    sum_entries,
)
from ._distribution import CrossEntropy, SquaredError
from ._independent import BinaryCrossEntropy, BinarySquaredError

__all__ = [
    "BinaryCrossEntropy",
    "BinarySquaredError",
    "CrossEntropy",
    "DistributionLoss",
    "IndependentLoss",
    "Loss",
    "SquaredError",
    "get_loss",
    "loss_names",
    "register_loss",
    "sum_entries",
]
