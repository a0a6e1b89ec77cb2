"""What only classifiers have: classes, parts of them declared ahead, targets that are coded."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from .._targets.codes import TargetCode
from .._targets.encoding import Array, Targets, as_array, distinct
from .._targets.weighting import is_rule
from ..distributed import Processes
from ..losses import Loss
from .course import Course
from .estimator import NetEstimator
from .parameters import Number, check_number

SMOOTHING = Number(Real, 0, 1)
"""Of `label_smoothing`."""


class NetClassifier(ClassifierMixin, NetEstimator):
    """Base of classifiers that are a net."""

    _kept_of_targets: tuple[str, ...] = ("classes",)

    classes_: Array
    _from_vector: bool

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: str = "relu",
        *,
        loss: Any = "cross_entropy",
        label_smoothing: float = 0.0,
        target_range: tuple[float, float] | None = None,
        class_weight: Any = None,
        encoding: str | None = "auto",
        categorical_features: Any = "from_dtype",
        solver: Any = "adamw",
        alpha: float | str = "auto",
        dropout: float | str = "auto",
        batch_size: Any = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.006,
        power_t: float = 0.5,
        max_iter: int | str = "auto",
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: int | bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        module: Any = None,
        device: str = "cpu",
        dtype: str | None = None,
        callbacks: Any = None,
        cv: Any = None,
        scoring: Any = None,
    ) -> None:
        """All are kept as given: `ModuleParameters`."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("label_smoothing", self.label_smoothing, SMOOTHING)
        if self.target_range is not None:
            _check_target_range(self.target_range, self.label_smoothing)

    def _code_for(
        self, targets: Targets, loss: Loss, weighting: Any, course: Course
    ) -> TargetCode | None:
        if self.label_smoothing or self.target_range not in (None, (0, 1)):
            return loss.domain.code(self.label_smoothing, self.target_range, targets.n_columns)
        return None

    def _check_declared(self, y: Any, declared: Any) -> None:
        """Refuse a part that cannot tell the classes, or tells others than the parts before."""
        if is_rule(self.class_weight):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all of y at once, which partial_fit "
                "never sees: compute the weights and pass them as numbers."
            )
        if not hasattr(self, "net_"):
            if declared is None and y is not None and as_array(y).ndim == 1:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif declared is not None and set(np.asarray(declared).tolist()) != set(
            self.classes_.tolist()
        ):
            raise ValueError(
                f"classes={declared!r} is not the same as on the last call to partial_fit, which "
                f"was: {self.classes_!r}."
            )

    def _check_warm_start(self, y: Any, processes: Processes) -> None:
        labels = as_array(y)
        if labels.ndim != 1:
            return
        found = distinct(labels, processes)
        if set(found.tolist()) != set(self.classes_.tolist()):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )

    @abstractmethod
    def predict_proba(self, X: Any) -> Array:
        """Probabilities; what the columns are, the subclass says."""

    def predict(self, X: Any) -> Array:
        """The most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of float64
            In nats, of the shape of `predict_proba`.
        """
        return np.log(self.predict_proba(X))


def _check_target_range(target_range: Any, label_smoothing: float) -> None:
    if label_smoothing:
        raise ValueError(
            f"label_smoothing={label_smoothing} and target_range={target_range!r} both move the "
            "targets: set one of them."
        )
    legal = np.shape(target_range) == (2,) and all(isinstance(end, Real) for end in target_range)
    if not legal or not 0 <= target_range[0] < target_range[1] <= 1:
        raise ValueError(
            "target_range must be None or (low, high) with 0 <= low < high <= 1, such as "
            f"(0.1, 0.9); got {target_range!r}."
        )
