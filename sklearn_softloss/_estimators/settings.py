"""What a training is to be: the parameters of an estimator, with numbers in place of "auto"."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from types import SimpleNamespace
from typing import Any

from .._training.schedule import FIXED_LENGTH
from .._warn import warn
from .keywords import module_parameters
from .parameters import NetParameters, hidden_layers

SMALL_BATCH, BENT_STEPS = 32, 64
"""Rows a step of batch_size="auto", at least, of which fewer than twice as many make one step; and
steps an epoch on bent columns, from which on they become up to twice as large."""

MOST_EPOCHS = 200
"""Epochs of max_iter="auto" where the loss ends them."""


class Settings(SimpleNamespace):
    """The parameters of an estimator by their names, as its training takes them; beside them which
    columns are categories, and whose numbers stand for texts; `most_steps`, an epoch, which
    batch_size="auto" keeps below by larger batches; `says_when_to_stop`, if `max_iter` was stated.
    """

    @classmethod
    def of(cls, estimator: Any, chosen: Mapping[str, Any]) -> Settings:
        """Those of an estimator whose "auto" has become what was chosen."""
        given = {name: getattr(estimator, name) for name in signature(NetParameters).parameters}
        settings = cls(**{**given, **chosen})
        settings.hidden_layer_sizes = tuple(hidden_layers(settings.hidden_layer_sizes))
        if settings.max_iter == "auto":
            is_planned = settings.learning_rate in FIXED_LENGTH and not settings.is_lbfgs
            settings.max_iter = estimator._planned_epochs if is_planned else MOST_EPOCHS
        settings.max_iter, settings.verbose = int(settings.max_iter), int(settings.verbose)
        settings.alpha, settings.dropout = float(settings.alpha), float(settings.dropout)
        settings.most_steps = estimator._most_steps
        settings.is_category = estimator._columns.is_category
        settings.holds_text = estimator._columns.holds_text
        settings.says_when_to_stop = estimator.max_iter != "auto"
        settings.module_parameters = module_parameters(estimator)
        return settings

    @property
    def is_lbfgs(self) -> bool:
        """Whether scipy moves all weights at once."""
        return bool(self.solver == "lbfgs")

    def batch_size_of(self, n_samples: int) -> int:
        """Rows a step of so many; warns where more were asked for."""
        if self.is_lbfgs:
            return n_samples
        if self.batch_size == "auto":
            return max(least_batch("auto", self.encoding, n_samples), n_samples // self.most_steps)
        if self.batch_size > n_samples:
            warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} samples to train "
                "on. It is going to be clipped."
            )
        return min(int(self.batch_size), n_samples)


def least_batch(batch_size: Any, encoding: str | None, n_samples: int) -> int:
    """Rows a step, at least; on bent columns more of many rows, as long as steps are as many."""
    if batch_size != "auto":
        return int(batch_size)
    if n_samples < 2 * SMALL_BATCH:
        return n_samples
    larger = n_samples // BENT_STEPS if encoding == "piecewise" else 0
    return min(max(SMALL_BATCH, larger), 2 * SMALL_BATCH)
