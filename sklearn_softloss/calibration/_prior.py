"""A new prior of the classes or labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logit

from .._namespace import namespaces
from .._targets.domains import first_bad_sum
from .._targets.encoding import Array, Rows
from ._logistic import LogisticCalibrator
from .softmax import fit_softmax, keeping_absent, one_row_a_class


class PriorShift(LogisticCalibrator):
    """Move probabilities to the class prior of the truths, and from there to a given one.

    One offset a class is added to the log-probabilities, or one a label to the log-odds: right as
    long as the rows of each class look the same. The soft log loss fits them, after which the mean
    probability of each class is its share in the truths. With a `prior` that share is then
    replaced: p * prior / share, divided by its sum. Truths may come from the population of the
    training, or from the new one: then leave `prior` at None.

    Parameters
    ----------
    prior : array-like of shape (n_classes,) or (n_labels,), default=None
        The prior to move to: > 0, summing to 1 over classes, and < 1 for a label. None: that of
        the truths.
    from_logits, multi_label : bool, default=False
        As in `TemperatureScaling`.

    Attributes
    ----------
    intercept_ : ndarray of shape (n_columns,)
        The offsets in nats; with mean 0 over classes with mass in the truths.
    base_rate_, pooled_, unchanged_ : ndarray of shape (n_columns,)
        As in `SigmoidCalibration`; nothing is pooled where a `prior` is given.

    References
    ----------
    Saerens, Latinne and Decaestecker, Neural Comput. 14(1), 2002, doi:10.1162/089976602753284446.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import PriorShift
    >>> truth = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    >>> shift = PriorShift(prior=[0.9, 0.1]).fit(truth, truth)
    >>> shift.predict_proba([[0.5, 0.5]]).round(3)
    array([[0.9, 0.1]])
    """

    intercept_: Array
    start = (0.0,)
    lower = (-np.inf,)

    def __init__(
        self, prior: Any = None, *, from_logits: bool = False, multi_label: bool = False
    ) -> None:
        self.prior = prior
        self.from_logits = from_logits
        self.multi_label = multi_label

    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        prior = None if self.prior is None else self._check_prior(given.shape[1])
        if self.multi_label:
            super()._fit(values, given, weight)
            if prior is not None:
                moved = logit(prior) - logit(self.base_rate_)
                self.intercept_ = np.where(self.unchanged_, 0.0, self.intercept_ + moved)
        else:
            self._fit_classes(values, given, weight, prior)

    def _fit_classes(self, values: Array, given: Array, weight: Array, prior: Array | None) -> None:
        base_rate = weight @ values / weight.sum()
        present = base_rate > 0
        if prior is not None and not present.all():
            raise ValueError(
                f"prior names class {int(np.argmin(present))}, which no truth names: the shift "
                "from its share, 0, is infinite. Leave its column out, or pass truths that have it."
            )
        scores, truth = one_row_a_class(self._as_scores(given), values, present)
        offsets = fit_softmax(
            scores,
            lambda theta: theta[:, None],
            lambda residual: residual.sum(axis=1),
            len(scores),
            truth,
            weight,
        )
        if prior is not None:
            offsets = offsets + np.log(prior / base_rate)
        self.intercept_ = np.zeros(len(present))
        self.intercept_[present] = offsets - offsets.mean()
        self.base_rate_ = base_rate
        self.unchanged_ = ~present
        self.pooled_ = np.zeros_like(present)

    def _calibrated(self, given: Any) -> Any:
        if self.multi_label:
            return super()._calibrated(given)
        raw = self._as_scores(given) + self.intercept_
        return keeping_absent(raw, self.unchanged_, self._as_proba(given))

    def _pools(self) -> bool:
        return self.multi_label and self.prior is None

    def _features(self, log_odds: Array) -> tuple[list[Array], Array]:
        return [np.broadcast_to(1.0, log_odds.shape)], log_odds

    def _set_curves(self, curves: Array) -> None:
        self.intercept_ = curves[:, 0]

    def _curved(self, log_odds: Any) -> Any:
        _, special = namespaces(log_odds)
        return special.expit(log_odds + self.intercept_)

    def _check_prior(self, n_columns: int) -> Array:
        prior = np.asarray(self.prior, dtype=np.float64)
        if prior.shape != (n_columns,):
            raise ValueError(
                f"prior must hold {n_columns} numbers, one a column; its shape is {prior.shape}."
            )
        if not np.all((prior > 0) & (prior < 1)):
            column = int(np.argmin((prior > 0) & (prior < 1)))
            raise ValueError(f"prior must lie inside (0, 1); entry {column} is {prior[column]:g}.")
        if not self.multi_label and first_bad_sum(prior[None]) is not None:
            raise ValueError(f"prior must sum to 1 over the classes; it sums to {prior.sum():g}.")
        return prior
