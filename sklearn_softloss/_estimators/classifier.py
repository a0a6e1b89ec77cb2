"""What only classifiers have: classes, parts of them declared ahead, targets that are coded."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import Any

import numpy as np

from .._estimator_base import MostProbableMixin
from .._targets.codes import TargetCode
from .._targets.encoding import Array, Targets, as_array, distinct
from .._targets.weighting import is_rule
from .course import Call, Course
from .estimator import NetEstimator
from .parameters import ClassifierParameters


class NetClassifier(ClassifierParameters, MostProbableMixin, NetEstimator):
    """Base of classifiers that are a net."""

    _kept_of_targets: tuple[str, ...] = ("classes",)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        smoothing, ends = self.label_smoothing, self.target_range
        if ends is None:
            return
        if smoothing:
            raise ValueError(
                f"label_smoothing={smoothing} and target_range={ends!r} both move the targets: "
                "set one of them."
            )
        is_legal = np.shape(ends) == (2,) and all(isinstance(end, Real) for end in ends)
        if not is_legal or not 0 <= ends[0] < ends[1] <= 1:
            raise ValueError(
                "target_range must be None or (low, high) with 0 <= low < high <= 1, such as "
                f"(0.1, 0.9); got {ends!r}."
            )

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
