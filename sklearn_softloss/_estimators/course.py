"""What a training starts from, and calls that make no sense there."""

from __future__ import annotations

from enum import Enum
from numbers import Integral
from typing import Any

from .._training.mlp import MLP
from ..losses import Loss
from .parameters import checkpoints, hidden_layers


class Course(Enum):
    """What a training starts from, and whether it sees all rows or one part of them.

    Attributes
    ----------
    goes_on : bool
        Whether it starts from the weights of an earlier one; the next part goes on with the
        optimizer and the generators as well.
    in_parts : bool
        Whether it is a call of `partial_fit`.
    """

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


def check_call(estimator: Any, loss: Loss, course: Course, validation: tuple[Any, Any]) -> None:
    """Refuse what makes no sense together, before anything is read."""
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
