"""Sigmoid, beta and isotonic calibration: a curve for each label, or class against the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from .._namespace import namespaces
from .._targets.encoding import Array
from ._logistic import LogisticCalibrator
from ._per_label import Block, LabelwiseCalibrator


class SigmoidCalibration(LogisticCalibrator):
    """Platt's sigmoid on logits: expit(scale * log-odds + intercept).

    Parameters
    ----------
    from_logits : bool, default=False
        Whether `fit` and `predict_proba` are given logits. If not, the log-odds of each
        probability are taken, with 1e-12 added to it and to its complement.
    multi_label : bool, default=False
        Whether columns are independent labels. If not they are classes: each is calibrated
        against the rest, by the log-odds of its softmax, and rows are divided by their sum.

    Attributes
    ----------
    scale_, intercept_ : ndarray of shape (n_columns,)
        One a label, or class against the rest. The intercept is in nats.
    base_rate_ : ndarray of shape (n_columns,)
        The mean truth; NaN for a label without known truths.
    pooled_ : ndarray of shape (n_columns,), bool
        With ``multi_label=True``, labels with fewer than 10 positives or negatives (soft truths
        count by their mass), which take the curve fitted to all labels together.
    unchanged_ : ndarray of shape (n_columns,), bool
        What keeps the probability given: labels whose known truths are all 0 or all 1, classes
        without mass, and labels that would be pooled where all together have too few as well.

    Notes
    -----
    As Platt proposes and scikit-learn does, 1 and 0 become (N+ + 1) / (N+ + 2) and 1 / (N- + 2)
    for N+ positives and N- negatives, which bounds the slope where truths are separable. Soft
    truths in between stay as they are; y counts as y positives and 1 - y negatives.

    References
    ----------
    Platt, Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import SigmoidCalibration
    >>> logits = np.linspace(-3, 3, 200)[:, None]
    >>> truth = 1 / (1 + np.exp(-(0.5 * logits - 1)))
    >>> both = np.hstack([1 - truth, truth]), np.hstack([0 * logits, logits])
    >>> sigmoid = SigmoidCalibration(from_logits=True).fit(*both)
    >>> sigmoid.scale_.round(1), sigmoid.intercept_.round(1)
    (array([0.5, 0.5]), array([ 1., -1.]))
    """

    start = (1.0, 0.0)
    lower = (-np.inf, -np.inf)
    bounds_truths = True

    def _features(self, log_odds: Array) -> tuple[list[Array], float]:
        return [log_odds, np.broadcast_to(1.0, log_odds.shape)], 0.0

    def _set_curves(self, curves: Array) -> None:
        self.scale_, self.intercept_ = curves.T

    def _curved(self, log_odds: Any) -> Any:
        _, special = namespaces(log_odds)
        return special.expit(self.scale_ * log_odds + self.intercept_)


class BetaCalibration(LogisticCalibrator):
    """Beta calibration: expit(a log(p) - b log(1 - p) + c) with a, b >= 0.

    Unlike a sigmoid it contains the identity, at a = b = 1 and c = 0, and may bend differently at
    the two ends. Truths of 0 and 1 are moved as in `SigmoidCalibration`.

    Parameters
    ----------
    from_logits, multi_label : bool, default=False
        As in `SigmoidCalibration`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_columns, 2)
        a and b of each label, or class against the rest.
    intercept_ : ndarray of shape (n_columns,)
        c, in nats.
    base_rate_, pooled_, unchanged_ : ndarray of shape (n_columns,)
        As in `SigmoidCalibration`.

    References
    ----------
    Kull, Silva Filho and Flach, AISTATS 2017, PMLR 54:623-631.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.calibration import BetaCalibration
    >>> p = np.linspace(0.05, 0.95, 200)[:, None]
    >>> truth = p**2 / (p**2 + (1 - p) ** 0.5)
    >>> beta = BetaCalibration().fit(np.hstack([1 - truth, truth]), np.hstack([1 - p, p]))
    >>> beta.coef_[1].round(1)
    array([2. , 0.5])
    """

    start = (1.0, 1.0, 0.0)
    lower = (0.0, 0.0, -np.inf)
    bounds_truths = True

    def _features(self, log_odds: Array) -> tuple[list[Array], float]:
        return [*_log_losses(log_odds), np.broadcast_to(1.0, log_odds.shape)], 0.0

    def _set_curves(self, curves: Array) -> None:
        self.coef_, self.intercept_ = curves[:, :2], curves[:, 2]

    def _curved(self, log_odds: Any) -> Any:
        _, special = namespaces(log_odds)
        log_p, minus_log_rest = _log_losses(log_odds)
        a, b = self.coef_.T
        return special.expit(a * log_p + b * minus_log_rest + self.intercept_)


def _log_losses(log_odds: Any) -> tuple[Any, Any]:
    """log(p) and -log(1 - p)."""
    xp, _ = namespaces(log_odds)
    small = xp.log1p(xp.exp(-abs(log_odds)))
    return log_odds.clip(max=0) - small, log_odds.clip(min=0) + small


class IsotonicCalibration(LabelwiseCalibrator):
    """The best curve that never decreases, through weighted isotonic regression.

    It has the least soft log loss of all such curves on the rows of the fit, and is linear between
    these. It needs a thousand rows or more, else it overfits. Curves keep 1 / (N + 2) away from 0
    and 1 for N rows (the sum of their weights), which cannot vouch for more; scikit-learn's may
    reach 0 and 1 and equal these in between.

    Parameters
    ----------
    from_logits, multi_label : bool, default=False
        As in `SigmoidCalibration`; of logits the softmax or sigmoid is taken.

    Attributes
    ----------
    regressions_ : list of IsotonicRegression or None
        One a label, or class against the rest; None where that is unchanged.
    base_rate_, pooled_, unchanged_ : ndarray of shape (n_columns,)
        As in `SigmoidCalibration`, but labels are pooled below 50 positives or negatives.

    References
    ----------
    Zadrozny and Elkan, KDD 2002, doi:10.1145/775047.775151.

    Examples
    --------
    >>> from sklearn_softloss.calibration import IsotonicCalibration
    >>> proba = [[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]]
    >>> votes = [[0.8, 0.2], [0.4, 0.6], [0.6, 0.4], [0.3, 0.7]]
    >>> isotonic = IsotonicCalibration().fit(votes, proba)
    >>> isotonic.predict_proba([[0.9, 0.1], [0.5, 0.5]])
    array([[0.8, 0.2],
           [0.5, 0.5]])
    """

    few = 50

    def _read(self, given: Any) -> Any:
        return self._as_proba(given)

    def _identity(self, n_labels: int) -> Array:
        return np.full(n_labels, None)

    def _fit_block(self, block: Block) -> tuple[Array, Array]:
        curves = self._identity(len(block.truth))
        for j, row in enumerate(zip(block.read, block.truth, block.weight, strict=True)):
            margin = 1 / (row[2].sum() + 2)
            regression = IsotonicRegression(y_min=margin, y_max=1 - margin, out_of_bounds="clip")
            curves[j] = regression.fit(*row)
        return curves, np.zeros(len(curves), dtype=bool)

    def _set_curves(self, curves: Array) -> None:
        self.regressions_ = list(curves)

    def _curved(self, proba: Any) -> Any:
        xp, _ = namespaces(proba)
        columns = [
            proba[:, j] if regression is None else regression.predict(proba[:, j])
            for j, regression in enumerate(self.regressions_)
        ]
        return xp.stack(columns, axis=1)
