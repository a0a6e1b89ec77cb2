"""What only classifiers have: classes, parts of them declared ahead, log-probabilities."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from .._targets.encoding import Array, as_array, distinct
from .._targets.weighting import is_rule
from ..distributed import Processes
from .estimator import NetEstimator


class NetClassifier(ClassifierMixin, NetEstimator):
    """Base of classifiers that are a net."""

    _kept_of_targets: tuple[str, ...] = ("classes",)

    classes_: Array
    _from_vector: bool

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
