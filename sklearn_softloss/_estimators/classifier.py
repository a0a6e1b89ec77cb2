"""What only classifiers have: classes, parts of them declared ahead, targets that are coded."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from .._targets.codes import TargetCode
from .._targets.encoding import Array, Targets, as_array, distinct
from .._targets.weighting import is_rule
from .course import Call, Course
from .estimator import NetEstimator


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

    def _code_for(self, targets: Targets, weighting: Any, call: Call) -> TargetCode | None:
        if self.label_smoothing or self.target_range not in (None, (0, 1)):
            domain = call.loss.domain
            return domain.code(self.label_smoothing, self.target_range, targets.n_columns)
        return None

    def _check_classes(self, call: Call) -> None:
        known = call.course.goes_on and set(self.classes_.tolist())
        if call.course is Course.WARM and as_array(call.y).ndim == 1:
            found = distinct(as_array(call.y), call.processes)
            if set(found.tolist()) != known:
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {self.classes_}, `y` has {found}"
                )
        if not call.course.in_parts:
            return
        if is_rule(self.class_weight):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all of y at once, which partial_fit "
                "never sees: compute the weights and pass them as numbers."
            )
        if call.declared is None:
            if not known and as_array(call.y).ndim == 1:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif known and set(np.asarray(call.declared).tolist()) != known:
            raise ValueError(
                f"classes={call.declared!r} is not the same as on the last call to partial_fit, "
                f"which was: {self.classes_!r}."
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
