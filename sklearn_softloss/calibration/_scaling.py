"""Temperature, vector and Dirichlet scaling: affine maps of all logits of a row at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from .._namespace import namespaces
from .._targets.encoding import Array, Rows
from ._base import Calibrator
from ._logistic import LogisticCalibrator
from .softmax import best_temperature, fit_softmax, keeping_absent, one_row_a_class

TEMPERATURES = float(np.exp(-10)), float(np.exp(10))
"""The least and the largest, as scikit-learn's."""


class TemperatureScaling(LogisticCalibrator):
    """Divide the logits by one number, or by one a label.

    The softmax or sigmoid of logits / temperature: above 1 it makes probabilities more cautious,
    below 1 bolder. The order of the classes of a row, and of the rows of a label, stays the same,
    and with it the predicted class, ranks and areas under curves.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether `fit` and `predict_proba` are given logits. If not, log-probabilities (or
        log-odds of labels) are taken, with 1e-12 added to each probability.
    multi_label : bool, default=False
        Whether columns are independent labels, with a temperature each, instead of classes.

    Attributes
    ----------
    temperature_ : float or ndarray of shape (n_labels,)
        In [exp(-10), exp(10)]; the lower end means that the logits separate the classes without
        error. 1 where the truths name one class only.
    base_rate_, pooled_, unchanged_ : ndarray of shape (n_labels,)
        With ``multi_label=True``, as in `SigmoidCalibration`. Labels that their logits separate
        without error, whose best temperature is 0, are pooled too; unchanged, if all are such.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, ICML 2017, arXiv:1706.04599.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import TemperatureScaling
    >>> logits = np.array([[4.0, 0.0], [2.0, 0.0], [0.0, 6.0]])
    >>> votes = np.array([[0.88, 0.12], [0.73, 0.27], [0.05, 0.95]])
    >>> scaling = TemperatureScaling(from_logits=True).fit(votes, logits)
    >>> round(scaling.temperature_, 1)
    2.0
    >>> scaling.predict_proba([[2.0, 0.0]]).round(2)
    array([[0.73, 0.27]])
    """

    temperature_: Any

    start = (1.0,)
    lower = (TEMPERATURES[0],)

    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        if self.multi_label:
            super()._fit(values, given, weight)
        elif np.count_nonzero(values.any(axis=0)) < 2:
            self.temperature_ = 1.0
        else:
            scores = self._as_scores(given)
            self.temperature_ = best_temperature(scores, values, weight, TEMPERATURES)

    def _calibrated(self, given: Any) -> Any:
        if self.multi_label:
            return super()._calibrated(given)
        _, special = namespaces(given)
        return special.softmax(self._as_scores(given) / self.temperature_, axis=1)

    def _features(self, log_odds: Array) -> tuple[list[Array], float]:
        return [log_odds], 0.0

    def _set_curves(self, curves: Array) -> None:
        self.temperature_ = np.maximum(1 / curves[:, 0], self.lower[0])

    def _curved(self, log_odds: Any) -> Any:
        _, special = namespaces(log_odds)
        return special.expit(log_odds / self.temperature_)


class VectorScaling(Calibrator):
    """Scale and shift the logit of each class: the softmax of scale * logits + intercept.

    For independent labels that is `SigmoidCalibration`.

    Parameters
    ----------
    from_logits : bool, default=False
        As in `TemperatureScaling`.

    Attributes
    ----------
    scale_, intercept_ : ndarray of shape (n_classes,)
        The intercept in nats, with mean 0 over the classes present in the truths.
    unchanged_ : ndarray of shape (n_classes,), bool
        Classes without mass in the truths: they keep the probability given, and the others share
        what is left.

    References
    ----------
    Guo et al., ICML 2017, arXiv:1706.04599.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import VectorScaling
    >>> proba = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    >>> votes = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]])
    >>> VectorScaling().fit(votes, proba).predict_proba([[0.6, 0.4]]).round(1)
    array([[0.8, 0.2]])
    """

    def __init__(self, *, from_logits: bool = False) -> None:
        self.from_logits = from_logits

    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        present = values.sum(axis=0) > 0
        scores, truth = one_row_a_class(self._as_scores(given), values, present)
        k = len(scores)

        def linear(theta: Array) -> Array:
            return theta[:k, None] * scores + theta[k:, None]

        def adjoint(residual: Array) -> Array:
            slopes = np.einsum("kn,kn->k", residual, scores)
            return np.concatenate([slopes, residual.sum(axis=1)])

        change = fit_softmax(scores, linear, adjoint, 2 * k, truth, weight)
        self.scale_, self.intercept_ = np.ones(len(present)), np.zeros(len(present))
        self.scale_[present] += change[:k]
        self.intercept_[present] = change[k:] - change[k:].mean()
        self.unchanged_ = ~present

    def _calibrated(self, given: Any) -> Any:
        raw = self.scale_ * self._as_scores(given) + self.intercept_
        return keeping_absent(raw, self.unchanged_, self._as_proba(given))


class DirichletCalibration(Calibrator):
    """A linear map of the log-probabilities: the softmax of coef @ log(proba) + intercept.

    For probabilities that are Dirichlet distributed given each class. The penalties on off-diagonal
    coefficients and intercepts (ODIR) draw the map towards a scaling of each class by itself.

    Parameters
    ----------
    off_diagonal : float, default=0.001
        Penalty >= 0 on the mean square of the off-diagonal coefficients, in nats.
    intercept : float, default=0.001
        Penalty >= 0 on the mean square of the intercepts, in nats.
    from_logits : bool, default=False
        As in `VectorScaling`, but of logits the log-softmax is taken.

    Attributes
    ----------
    coef_ : ndarray of shape (n_classes, n_classes)
        One row a class that is calibrated, one column a log-probability that is read.
    intercept_ : ndarray of shape (n_classes,)
    unchanged_ : ndarray of shape (n_classes,), bool
        As in `VectorScaling`; they are not read either.

    References
    ----------
    Kull et al., NeurIPS 2019, arXiv:1910.12656.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import DirichletCalibration
    >>> proba = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]])
    >>> votes = [[0.7, 0.3], [0.55, 0.45], [0.4, 0.6]]
    >>> dirichlet = DirichletCalibration(off_diagonal=1e-6, intercept=1e-6).fit(votes, proba)
    >>> dirichlet.predict_proba([[0.8, 0.2]]).round(2)
    array([[0.7, 0.3]])
    """

    def __init__(
        self, off_diagonal: float = 1e-3, intercept: float = 1e-3, *, from_logits: bool = False
    ) -> None:
        self.off_diagonal = off_diagonal
        self.intercept = intercept
        self.from_logits = from_logits

    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        for name in ("off_diagonal", "intercept"):
            check_scalar(getattr(self, name), name, (int, float), min_val=0)
        present = values.sum(axis=0) > 0
        scores, truth = one_row_a_class(self._log_proba(given), values, present)
        k = len(scores)
        # In decorrelated scores the problem is far better conditioned.
        decorrelate = _decorrelating(np.vstack([scores, np.ones(len(weight))]), weight)
        read = decorrelate[:, :k] @ scores + decorrelate[:, k:]
        # Mean squares over k (k - 1) coefficients and over k intercepts.
        cost = np.full((k, k + 1), self.off_diagonal / max(1, k * (k - 1)))
        cost[:, k] = self.intercept / k
        np.fill_diagonal(cost, 0.0)

        def linear(theta: Array) -> Array:
            return np.asarray(theta.reshape(k, k + 1) @ read)

        def adjoint(residual: Array) -> Array:
            return np.ravel(residual @ read.T)

        def penalty_slope(theta: Array) -> Array:
            coef = theta.reshape(k, k + 1) @ decorrelate
            return np.ravel(2 * cost * coef @ decorrelate.T)

        size = k * (k + 1)
        theta = fit_softmax(scores, linear, adjoint, size, truth, weight, penalty_slope)
        change = theta.reshape(k, k + 1) @ decorrelate
        self.coef_, self.intercept_ = np.eye(len(present)), np.zeros(len(present))
        self.coef_[np.ix_(present, present)] += change[:, :k]
        self.intercept_[present] = change[:, k]
        self.unchanged_ = ~present

    def _calibrated(self, given: Any) -> Any:
        raw = self._log_proba(given) @ self.coef_.T + self.intercept_
        return keeping_absent(raw, self.unchanged_, self._as_proba(given))

    def _log_proba(self, given: Any) -> Any:
        _, special = namespaces(given)
        return special.log_softmax(self._as_scores(given), axis=1)


def _decorrelating(features: Array, weight: Array) -> Array:
    """The matrix that gives features (d, n) second moments 1 and 0."""
    moments = (features * (weight / weight.sum())) @ features.T
    ridge = 1e-10 * np.trace(moments) / len(moments)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(moments + ridge * np.eye(len(moments)))))
