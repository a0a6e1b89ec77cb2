"""What a fit has to solve, once it has read X and y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._targets.encoding import Targets
from .._training.batches import TrainingData
from .._training.generators import Generators
from ..losses import Loss
from .course import Course


@dataclass(frozen=True)
class Problem:
    """The rows of a fit, and what stands behind them.

    Attributes
    ----------
    train : TrainingData
        Rows to train on, their targets as coded and weighted.
    valid : TrainingData or None
        Rows to validate on.
    targets : Targets
        Those of all rows as checked, with the names that y gave them.
    loss : Loss
    course : Course
    generators : Generators
        What the training draws from.
    given_X, given_y : array-like
        Rows as a scorer takes them, of those that choose.
    """

    train: TrainingData
    valid: TrainingData | None
    targets: Targets
    loss: Loss
    course: Course
    generators: Generators
    given_X: Any
    given_y: Any

    def loss_on(self, part: TrainingData) -> Loss:
        """The loss, which may need the mean target of the rows that it is trained on."""
        if self.loss.needs_mean_target:
            return self.loss.with_mean_target(part.mean_target())
        return self.loss
