"""Fitted classifiers with their calibrators: how one fold, or all rows, make a pair."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn.base import clone
from sklearn.utils import _safe_indexing

from .._targets.encoding import Array, Targets
from ..model_selection.proba import aligned_proba, fit_rows
from ._base import Calibrator


class CalibratedPair(NamedTuple):
    """A fitted classifier and the calibrator of its probabilities."""

    estimator: Any
    calibrator: Calibrator

    def predict_proba(self, X: Any, classes: Array | None = None) -> Array:
        """Calibrated probabilities, (n_samples, n_columns); `classes` order those of a 1-D y."""
        return self.calibrator.predict_proba(aligned_proba(self.estimator, X, classes))


class Task(NamedTuple):
    """What the fits of all folds share."""

    calibrator: Calibrator
    X: Any
    y: Any
    targets: Targets
    weight: Array | None
    params: dict[str, Any]

    @property
    def known(self) -> Array | None:
        return self.targets.classes if self.targets.from_vector else None

    def fit_pair(self, estimator: Any, split: tuple[Array, Array]) -> CalibratedPair:
        """Fit a clone to the training part, and its calibrator to the test part."""
        train, test = split
        fitted = fit_rows(estimator, self.X, self.y, train, self.params)
        proba = aligned_proba(fitted, _safe_indexing(self.X, test), self.known)
        return CalibratedPair(fitted, self.fit_calibrator(test, proba))

    def fit_calibrator(self, rows: Array, proba: Array) -> Calibrator:
        weight = None if self.weight is None else self.weight[rows]
        return clone(self.calibrator).fit(self.targets.values[rows], proba, weight)
