"""The regressor: numbers a row, and what the loss says of them."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor

from ._checks import check_levels, check_weight
from ._estimator_base import available_if
from ._estimators.course import Call, Problem
from ._estimators.documented import documented
from ._estimators.estimator import NetEstimator, says, trains_in_batches
from ._estimators.keywords import public_fit
from ._estimators.parameters import RegressorParameters
from ._targets.domains import NONNEGATIVE_REAL, POSITIVE_REAL, REAL
from ._targets.encoding import Array, Targets, aligned
from ._targets.numbers import TargetScale, as_numbers, encode_numbers
from ._targets.weighting import WeightedEntries
from ._warn import warn
from .losses import Loss, Quantile


@documented
class SoftLossMLPRegressor(RegressorParameters, RegressorMixin, NetEstimator):
    """Neural net for numbers, whose loss says what it predicts of them.

    The mean, the median, quantiles that cannot cross, the mean of counts or amounts, or a mean with
    its spread. Entries of y may be unknown.

    Parameters
    ----------
    loss : str or RegressionLoss, default="squared_error"
        What is predicted: 'squared_error' (the mean), 'absolute_error' (the median), 'huber',
        'quantile' (see `quantile`), 'poisson', 'gamma' or 'tweedie' (the mean, always > 0),
        'gaussian' (mean and spread), or a loss object such as ``Tweedie(power=1.2)``.
    quantile : float or sequence of float, default=0.5
        Level of ``loss="quantile"``, or several increasing ones, in (0, 1). Not for other losses.

    Attributes
    ----------
    label_names_ : ndarray of shape (n_targets,)
        The columns of y, if that was a DataFrame.
    n_outputs_ : int
        Targets a row.
    quantile_ : ndarray of shape (n_levels,)
        Levels that were trained, under ``loss="quantile"``.

    See Also
    --------
    SoftTargetMLPClassifier : Classes instead of numbers.
    sklearn.neural_network.MLPRegressor : Squared error and Poisson.

    Notes
    -----
    y is put on one scale, unless `encoding` is None: divided by its mean under a loss with an
    exponential link, by its mean absolute deviation under 'absolute_error', 'huber' and 'quantile',
    else standardised. `net_`, its weights and the losses of the training are for y on that scale.

    References
    ----------
    Gneiting, "Making and evaluating point forecasts", JASA 106 (2011) 746-762,
    doi:10.1198/jasa.2011.r10138 (which loss elicits what).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftLossMLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> y = 3 * X[:, 0] + 10
    >>> reg = SoftLossMLPRegressor(random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.99)
    True
    >>> bands = SoftLossMLPRegressor(loss="quantile", quantile=(0.1, 0.5, 0.9), random_state=0)
    >>> bands.fit(X, y).predict_quantiles(X).shape
    (200, 3)
    """

    _domains = (REAL, NONNEGATIVE_REAL, POSITIVE_REAL)
    _kept_of_targets = ("label_names",)
    _planned_epochs = 64
    _most_steps = 128

    @public_fit
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        label_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train on numbers, some of which may be unknown.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Numbers in the domain of the loss, NaN where unknown; a row that is unknown throughout
            is left out. Columns of a DataFrame become `label_names_`.
        label_weight : array-like of shape (n_samples, n_targets), default=None
            Weights >= 0 of the entries; 0 makes an entry unknown. A row with one weight
            throughout counts as a row with that sample weight.
        """
        self._warn_of_a_level_as_decay()
        return self._fit(X, y, sample_weight, label_weight, validation=(X_val, y_val))

    @available_if(trains_in_batches)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, label_weight: Any = None
    ) -> Self:
        """Go on training for one epoch of the given rows.

        The first part says how columns of X and y are standardised.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their targets.
        label_weight : array-like of shape (n_samples, n_targets), default=None
            Weights >= 0.

        Raises
        ------
        ValueError
            As `fit`, and if the number of targets differs from the first call's.
        """
        return self._fit(X, y, sample_weight, label_weight, in_parts=True)

    @property
    def quantile_(self) -> Array:
        """Levels of the quantiles that were trained, under `Quantile`."""
        loss = getattr(getattr(self, "net_", None), "criterion_", None)
        if not isinstance(loss, Quantile):
            raise AttributeError("quantile_ is what a fit with loss='quantile' leaves.")
        return np.atleast_1d(np.asarray(loss.levels, dtype=np.float64))

    def _warn_of_a_level_as_decay(self) -> None:
        """`alpha` is the level of the quantile in scikit-learn's gradient boosting and others."""
        alpha: Any = self.alpha
        is_median = np.array_equal(self.quantile, 0.5)
        is_level = isinstance(alpha, Real) and 0.01 <= float(alpha) <= 0.99 and alpha != 0.5
        if is_level and is_median and self.loss == Quantile.name:
            warn(
                f"alpha={alpha!r} is the weight decay, and quantile=0.5 gives the median: for the "
                f"quantile at level {alpha!r} set quantile={alpha!r}. For the median with this "
                "decay take loss='absolute_error', which is the same and does not warn."
            )

    # --- what y means ----------------------------------------------------------------------------

    def _loss(self) -> Loss:
        check_levels("quantile", self.quantile)
        if isinstance(self.loss, str) and self.loss == Quantile.name:
            return Quantile(self.quantile)
        if not np.array_equal(self.quantile, 0.5):
            raise ValueError(
                f"quantile={self.quantile!r} is for loss='quantile'; loss is {self.loss!r}."
            )
        return super()._loss()

    def _encode(self, y: Any, known: Targets, call: Call) -> Targets:
        targets = encode_numbers(y, call.loss.domain, known.label_names, call.processes)
        wanted = targets.n_columns
        if known.values is not None:
            wanted = known.n_columns
        elif call.course.goes_on:
            wanted = self.n_outputs_
        if targets.n_columns != wanted:
            raise ValueError(
                f"This y has {targets.n_columns} targets a row, but the net is trained on {wanted}."
            )
        return targets

    def _weigh(self, targets: Targets, call: Call) -> WeightedEntries:
        entries = aligned(call.label_weight, targets.label_names, "targets")
        if entries is not None and np.ndim(entries) == 1:
            entries = np.reshape(entries, (-1, 1))
        weights = check_weight(entries, targets.values.shape, name="label_weight")
        return WeightedEntries(None, weights, call.sample_weight)

    def _code_for(self, targets: Targets, weighting: Any, call: Call) -> TargetScale | None:
        if call.course.goes_on:
            return self._code
        if self.encoding is None:
            return None
        loss: Any = call.loss
        return TargetScale.of(targets, weighting, loss.location_and_scale, call.course.in_parts)

    def _to_predict(self, net: Any, problem: Problem) -> dict[str, Any]:
        return {**super()._to_predict(net, problem), "n_outputs_": problem.targets.n_columns}

    # --- prediction ------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """What the loss elicits: mean, median, or the quantile nearest the median.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets), float64
            In the units of y.
        """
        return self._as_y(self._predicted(X))

    def _as_y(self, values: Array) -> Array:
        """Values (n_samples, n_targets, ...), without the axis of targets where y had none."""
        return values[:, 0] if self._from_vector else values

    @available_if(says("quantiles", "'quantile' or 'gaussian'"))
    def predict_quantiles(self, X: Any, levels: Any = None) -> Array:
        """Quantiles of each target, never decreasing from level to level.

        Parameters
        ----------
        levels : sequence of float, default=None
            In (0, 1), increasing. None is `quantile_`, the only levels there are under 'quantile';
            under 'gaussian' levels must be given.

        Returns
        -------
        ndarray of shape (n_samples, n_levels) or (n_samples, n_targets, n_levels), float64
            In the units of y.
        """
        check_is_fitted(self)
        return self._as_y(self._read(X, self._quantile_link(levels)))

    def _quantile_link(self, levels: Any = None) -> Callable[[Tensor], Tensor]:
        """Quantiles (n_samples, n_targets, n_levels) from logits."""
        read = self.net_.criterion_.quantiles
        return lambda logits: self._decoded(read(logits, levels).movedim(-1, 0)).movedim(0, -1)

    @available_if(says("std", "'gaussian'"))
    def predict_std(self, X: Any) -> Array:
        """Standard deviation of each target given x, under ``loss="gaussian"``.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets), float64
            In the units of y; 0 for a target that was constant in training.
        """
        check_is_fitted(self)
        return self._as_y(self._read(X, self._std_link))

    def _std_link(self, logits: Tensor) -> Tensor:
        """Standard deviations (n_samples, n_targets) from logits."""
        found = self.net_.criterion_.std(logits)
        if self._code is not None:
            found = found * found.new_tensor(self._code.scale)
        return self._without_never_known(found)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """How much better than the best constant, at most 1; the mean over the targets.

        R² for 'squared_error', 'huber' and 'gaussian'; scikit-learn's D² of the absolute error,
        the pinball loss at the level nearest the median, or the Tweedie deviance, for the losses of
        these. A loss object of one's own says by its `score`.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Numbers, NaN where unknown.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        truth = as_numbers(aligned(y, getattr(self, "label_names_", None), "targets"))
        check_consistent_length(predicted, truth)
        if truth.shape != predicted.shape:
            raise ValueError(f"y must have the shape {predicted.shape}; it has {truth.shape}.")
        weight = check_weight(sample_weight, (len(truth),), name="sample_weight")
        loss, found = self.net_.criterion_, []
        for values, answers in zip(np.atleast_2d(truth.T), np.atleast_2d(predicted.T), strict=True):
            known = ~np.isnan(values)
            if known.any():
                weights = None if weight is None else weight[known]
                found.append(loss.score(values[known], answers[known], weights))
        if not found:
            raise ValueError("y holds no known entry to score by.")
        return float(np.mean(found))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
