"""The learning rate over a training."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

import torch

SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "one_cycle")
FIXED_LENGTH = ("cosine", "one_cycle")
"""Schedules that plan all `max_iter` epochs ahead; stopping early on the training loss would cut
them short."""

SMALLEST_ADAPTIVE_RATE = 1e-6
ADAPTIVE_DIVISOR = 5.0
WARM_UP = 0.3
"""Share of a one-cycle training in which the rate rises."""


@dataclass
class Schedule:
    """The learning rate over a training of `max_iter` epochs, and its `rate` now.

    The initial rate is the peak of a one-cycle schedule; `power_t` is the exponent of "invscaling".
    A plan that `repeats` begins anew where it ends (Loshchilov and Hutter, 2017, arXiv:1608.03983).
    """

    kind: str
    initial_rate: float
    power_t: float
    max_iter: int
    repeats: bool = False

    def __post_init__(self) -> None:
        self.is_planned = self.kind in FIXED_LENGTH
        self.rate = self.initial_rate
        self.n_epochs = self.samples = 0

    def step(self, optimizer: torch.optim.Optimizer, share_of_epoch: float = 0.0) -> None:
        """Set the rate of an optimizer for the batch that starts at this share of the epoch. AdamW
        takes the share ``lr * weight_decay`` of the weights: never more than all of them."""
        if self.is_planned:
            n_epochs = self.n_epochs % self.max_iter if self.repeats else self.n_epochs
            progress = min(1.0, (n_epochs + share_of_epoch) / self.max_iter)
            shape = _half_cosine if self.kind == "cosine" else _one_cycle
            self.rate = self.initial_rate * shape(progress)
        decays = isinstance(optimizer, torch.optim.AdamW)
        for group in optimizer.param_groups:
            decay = group["weight_decay"] if decays else 0.0
            group["lr"] = self.rate / max(1.0, self.rate * decay)

    def end_epoch(self, optimizer: torch.optim.Optimizer, n_samples: int) -> None:
        self.n_epochs += 1
        self.samples += n_samples
        if self.kind == "invscaling":
            self.rate = self.initial_rate / (self.samples + 1) ** self.power_t
            self.step(optimizer)

    def stalled(self, optimizer: torch.optim.Optimizer) -> bool:
        """The loss stopped improving: stop, or (adaptive) go on with a smaller rate?"""
        if self.kind != "adaptive" or self.rate <= SMALLEST_ADAPTIVE_RATE:
            return True
        self.rate /= ADAPTIVE_DIVISOR
        self.step(optimizer)
        return False


def _half_cosine(progress: float) -> float:
    """From 1 down to 0."""
    return 0.5 * (1 + cos(pi * progress))


def _one_cycle(progress: float) -> float:
    """From 1/25 up to 1 over the warm-up, then down to 1/250,000, in half cosines, as torch's
    ``OneCycleLR`` (Smith and Topin, 2018, arXiv:1708.07120)."""
    low, lowest = 1 / 25, 1 / 25e4
    if progress < WARM_UP:
        return 1 + (low - 1) * _half_cosine(progress / WARM_UP)
    return lowest + (1 - lowest) * _half_cosine((progress - WARM_UP) / (1 - WARM_UP))
