"""Fitted classifiers with their calibrators: how one fold, or all rows, make a pair."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from .._targets.encoding import Array, Targets
from ..model_selection.proba import aligned_proba, fit_rows, fold_probabilities
from ._base import Calibrator

Split = tuple[Array, Array]


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
    def _known(self) -> Array | None:
        return self.targets.classes if self.targets.from_vector else None

    def calibrate_all(self, estimator: Any) -> CalibratedPair:
        """Calibrate a fitted classifier on all rows."""
        proba = aligned_proba(estimator, self.X, self._known)
        return CalibratedPair(estimator, self._fit_calibrator(slice(None), proba))

    def fit_pair(self, estimator: Any, split: Split) -> CalibratedPair:
        """Fit a clone to the training part, and its calibrator to the test part."""
        train, test = split
        fitted = fit_rows(estimator, self.X, self.y, train, self.params)
        proba = aligned_proba(fitted, _safe_indexing(self.X, test), self._known)
        return CalibratedPair(fitted, self._fit_calibrator(test, proba))

    def fit_out_of_fold(
        self, estimator: Any, splits: list[Split], n_jobs: int | None
    ) -> CalibratedPair:
        """Fit a clone to all rows, and the calibrator to out-of-fold probabilities."""
        parts = fold_probabilities(
            estimator, self.X, self.y, splits, n_jobs=n_jobs, params=self.params, known=self._known
        )
        tested = np.concatenate([test for _, test in splits])
        calibrator = self._fit_calibrator(tested, np.concatenate(parts))
        everything = np.arange(_num_samples(self.X))
        fitted = fit_rows(estimator, self.X, self.y, everything, self.params)
        return CalibratedPair(fitted, calibrator)

    def _fit_calibrator(self, rows: Array | slice, proba: Array) -> Calibrator:
        weight = None if self.weight is None else self.weight[rows]
        return clone(self.calibrator).fit(self.targets.values[rows], proba, weight)
