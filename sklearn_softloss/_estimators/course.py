"""A call of `fit` or `partial_fit`: what it asks, what makes no sense, and what it has to solve."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from numbers import Integral
from typing import Any

from .._targets.encoding import Targets
from .._training.batches import TrainingData
from .._training.generators import Generators
from .._training.mlp import MLP
from ..distributed import Processes
from ..losses import Loss
from .parameters import checkpoints, hidden_layers


class Course(Enum):
    """Whether a training starts from the weights of an earlier one, and sees one part of the rows.
    The next part goes on with the optimizer and the generators as well."""

    FRESH = (False, False)
    WARM = (True, False)
    FIRST_PART = (False, True)
    NEXT_PART = (True, True)

    def __init__(self, goes_on: bool, in_parts: bool) -> None:
        self.goes_on, self.in_parts = goes_on, in_parts


def course_of(estimator: Any, in_parts: bool) -> Course:
    """That of a call to `fit`, or to `partial_fit`."""
    fitted = hasattr(estimator, "net_")
    if in_parts and fitted and not hasattr(estimator, "_generators"):
        raise ValueError(
            "This estimator is a copy made for prediction, which holds nothing of its "
            "training: call partial_fit of the original, or fit anew."
        )
    if in_parts:
        return Course.NEXT_PART if fitted else Course.FIRST_PART
    return Course.WARM if fitted and estimator.warm_start else Course.FRESH


@dataclass(frozen=True)
class Call:
    """What a call hands over as it is given, and what the training of it is to be. `declared` are
    classes that a part says of all parts to come, `validation` is X and y."""

    X: Any
    y: Any
    sample_weight: Any
    label_weight: Any
    declared: Any
    validation: tuple[Any, Any]
    loss: Loss
    course: Course
    processes: Processes


@dataclass(frozen=True)
class Problem:
    """What a fit has to solve, once it has read X and y: the rows to `train` on, with targets as
    coded and weighted, and to validate on (`valid`); `targets` of all rows as checked; `generators`
    for the training; `given_X` and `given_y` of the rows that choose, as a scorer takes them."""

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


def check_call(estimator: Any, call: Call) -> None:
    """Refuse what makes no sense together, before anything is read."""
    loss, course, validation = call.loss, call.course, call.validation
    if (validation[0] is None) != (validation[1] is None):
        raise ValueError("X_val and y_val must both be given, or neither.")
    if validation[0] is not None and not estimator.early_stopping:
        raise ValueError("X_val and y_val are for early_stopping=True, which is not set.")
    can_be_repeated = not course.in_parts and isinstance(estimator.random_state, Integral)
    if checkpoints(estimator.callbacks) and not can_be_repeated:
        raise ValueError(
            "TrainingCheckpoint needs fit, and a number as random_state: another training is "
            "not the same when it is called again."
        )
    if course.in_parts and estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")
    if course.in_parts and loss.needs_mean_target:
        raise ValueError(
            f"{loss!r} needs the mean of all targets, which partial_fit never sees: state it, "
            "for example LogitAdjustedCrossEntropy(prior=[0.9, 0.1])."
        )
    if not course.goes_on:
        return
    module, before = estimator.net_.module_, estimator.net_.criterion_
    if isinstance(module, MLP) and estimator.module is None:
        hidden = list(module.layer_sizes[1:-1])
        is_stated = not isinstance(estimator.hidden_layer_sizes, str)
        if is_stated and hidden != hidden_layers(estimator.hidden_layer_sizes):
            raise ValueError(
                f"hidden_layer_sizes={estimator.hidden_layer_sizes!r}, but the net to go on with "
                f"has hidden layers of {hidden} units: set it back, or fit anew."
            )
    if course.in_parts and type(loss) is not type(before):
        raise ValueError(
            f"loss is {loss!r}, but partial_fit goes on with {before!r}: set it back, or fit anew."
        )
