"""Cut-offs with a guarantee: of recall or precision for label sets, of coverage for classes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.stats import binom
from sklearn.utils.validation import check_is_fitted

from .._checks import check_inside, check_one_of
from .._estimator_base import SoftlossEstimator
from .._targets.encoding import Array, check_proba, encode_classes
from .._warn import warn
from ..metrics.confusion import ratio
from ._base import DecisionRule, check_decision_data
from ._sweep import between

MAX_CUTS = 1000
ROUNDING = 1e-9
"""Below which a risk exceeds its level by rounding alone: 1 - 0.9 is less than 0.1."""


class RiskControlled(DecisionRule):
    """The highest cut-off with a guaranteed recall, or the lowest with a guaranteed precision.

    Both are means over rows of a row's own recall or precision; a row without positives has recall
    1, one without predictions precision 1. The guarantee is for rows drawn as those of `fit`, which
    must not have been used to train the classifier; weights would void it and are refused.

    Parameters
    ----------
    risk : {"recall", "precision"}, default="recall"
        What is held. For recall, which falls as the cut-off rises, conformal risk control: its
        expectation is at least the level, the finite sample allowed for. For precision, which may
        rise and fall, "learn then test": it is at least the level with probability 1 - delta.
    level : float, default=0.9
        In (0, 1).
    delta : float, default=0.1
        Chance that the level of precision is missed; not used for recall.

    Attributes
    ----------
    threshold_ : float
        If no cut-off can be guaranteed: 0 for recall (all is predicted), above every probability
        for precision (nothing is). Fewer rows than can guarantee any are warned of:
        ``1 / (1 - level) - 1`` for recall, ``log(delta) / log(level)`` for precision.
    value_ : float
        Recall or precision on the rows of `fit`.

    References
    ----------
    Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control", arXiv:2208.02814.
    Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then test", arXiv:2110.01052 (Hoeffding and
    Bentkus p-values, fixed-sequence testing from the highest cut-off down).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.decision import RiskControlled
    >>> proba = np.random.default_rng(0).random((500, 4))
    >>> truth = proba > np.random.default_rng(1).random((500, 4))
    >>> rule = RiskControlled("recall", level=0.8).fit(truth, proba)
    >>> bool(rule.value_ >= 0.8)
    True
    """

    def __init__(self, risk: str = "recall", *, level: float = 0.9, delta: float = 0.1) -> None:
        self.risk = risk
        self.level = level
        self.delta = delta

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        if weight is not None:
            raise ValueError("RiskControlled takes no sample_weight: its guarantee is for draws.")
        check_one_of("risk", self.risk, ("recall", "precision"))
        for name in ("level", "delta"):
            check_inside(name, getattr(self, name))
        known = ~np.isnan(truth)
        rows = known.any(axis=1)  # one of which nothing is known keeps no promise
        if not rows.any():
            raise ValueError("y_true must hold a row with a known label; it holds none.")
        value = np.where(known, truth, 0.0)[rows]
        scores = np.where(known, proba, -1.0)[rows]  # unknown entries are never predicted
        if self.risk == "recall":
            self.threshold_ = _cut_for_recall(value, scores, self.level)
            needed, answer = _rows_for_recall(self.level), "all is predicted"
        else:
            self.threshold_ = self._for_precision(value, scores)
            needed, answer = self._rows_for_precision(), "nothing is predicted"
        self.value_ = float(self._per_row(value, scores, self.threshold_).mean())
        self._doubt = _too_few(len(value), needed, f"{self.risk} {self.level:g}", answer)

    def _warn_of_fit(self) -> None:
        if self._doubt:
            warn(self._doubt)

    def _decide(self, proba: Array) -> Array:
        return proba >= self.threshold_

    def _per_row(self, value: Array, scores: Array, cut: float) -> Array:
        predicted = scores >= cut
        of = value.sum(axis=1) if self.risk == "recall" else predicted.sum(axis=1)
        return np.where(of > 0, ratio((value * predicted).sum(axis=1), of), 1.0)

    def _for_precision(self, value: Array, scores: Array) -> float:
        """Down from the highest cut-off until one cannot be shown to keep the level."""
        distinct = np.unique(scores[scores >= 0])
        if len(distinct) > MAX_CUTS:
            distinct = np.unique(np.quantile(distinct, np.linspace(0, 1, MAX_CUTS)))
        found = _above(distinct)
        for cut in distinct[::-1]:
            lost = float(1 - self._per_row(value, scores, cut).mean())
            if _p_value(lost, len(value), 1 - self.level) > self.delta:
                break
            found = float(cut)
        return found

    def _rows_for_precision(self) -> int:
        """The fewest whose p-value may fall to delta: where none of their predictions is wrong."""
        return int(np.ceil(np.log(self.delta) / np.log(self.level) - ROUNDING))


class VoteConformal(SoftlossEstimator):
    """For each row a set of classes that holds the next vote with a given probability.

    Where annotators disagree there is no true class that a set could hold, but the answer of one
    more annotator. The sets are those of Monte Carlo conformal prediction with all votes drawn:
    every class from one probability on, the highest at which the rows of `fit` miss few enough of
    their votes.

    Parameters
    ----------
    coverage : float, default=0.9
        Probability, in (0, 1), that a set holds a fresh vote of a fresh row.

    Attributes
    ----------
    threshold_ : float
        A class is in the set from this probability on; 0, which takes all classes, with a warning,
        if the rows of `fit` are too few for the coverage: less than ``1 / (1 - coverage) - 1``.
    coverage_ : float
        Share of the votes of `fit` that their sets hold.

    See Also
    --------
    RiskControlled : The same for label sets: the share of a row's labels that is found.

    Notes
    -----
    The guarantee is for rows drawn as those of `fit`, which must not have been used to train the
    classifier: over draws of both, a fresh vote is held with probability at least `coverage`. For
    this n rows of `fit` may miss a share m of their votes with (n * m + 1) / (n + 1) <= 1 -
    coverage. A row whose classes are all less probable than `threshold_` has an empty set.

    References
    ----------
    Stutz, Roy, Matejovicova, Strachan, Cemgil and Doucet, "Conformal prediction under ambiguous
    ground truth", TMLR 2023, arXiv:2307.09302.
    Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control", ICLR 2024,
    arXiv:2208.02814 (the bound on a fresh row).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.decision import VoteConformal
    >>> proba = np.random.default_rng(0).dirichlet(np.ones(4), size=500)
    >>> sets = VoteConformal(coverage=0.8).fit(proba, proba).predict_sets(proba)
    >>> bool((proba * sets).sum(axis=1).mean() >= 0.8)
    True
    """

    def __init__(self, coverage: float = 0.9) -> None:
        self.coverage = coverage

    def fit(self, y_true: Any, y_proba: Any) -> Self:
        """Find the threshold.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
            Shares of the votes, rows that sum to 1; hard labels count as one vote.
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the shapes differ, or a share, a probability or `coverage` is illegal.
        """
        check_inside("coverage", self.coverage)
        truth = encode_classes(y_true).dense()
        proba, _ = check_decision_data(truth, y_proba, None)
        self.threshold_ = _cut_for_recall(truth, proba, self.coverage)
        self.coverage_ = float((truth * (proba >= self.threshold_)).sum(axis=1).mean())
        self.n_classes_ = truth.shape[1]
        needed, promised = _rows_for_recall(self.coverage), f"coverage {self.coverage:g}"
        if doubt := _too_few(len(truth), needed, promised, "every set holds all classes"):
            warn(doubt)
        return self

    def predict_sets(self, y_proba: Any) -> Array:
        """The classes in each row's set.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), bool

        Raises
        ------
        ValueError
            If `y_proba` is illegal or has other columns than in `fit`.
        """
        check_is_fitted(self)
        proba = check_proba(y_proba, (len(y_proba), self.n_classes_))
        return proba >= self.threshold_


def _cut_for_recall(value: Array, scores: Array, level: float) -> float:
    """The highest cut-off at which n / (n + 1) * miss + 1 / (n + 1) <= 1 - level."""
    n_rows = len(value)
    shares = value * ratio(1.0, value.sum(axis=1))[:, None]
    known = scores >= 0
    shares, scores = shares[known], scores[known]
    order = np.argsort(scores)
    ordered, missed = scores[order], shares[order].cumsum() / (n_rows + 1)
    # Missed if the cut-off is just above each score; of equal scores the last counts.
    last = np.append(ordered[1:] > ordered[:-1], True)
    ordered, missed = ordered[last], missed[last]
    if n_rows < _rows_for_recall(level):
        return 0.0
    allowed = missed + 1 / (n_rows + 1) <= 1 - level + ROUNDING
    n_allowed = int(np.argmin(allowed)) if not allowed.all() else len(allowed)
    if n_allowed == len(ordered):
        return _above(ordered)
    return float(between(ordered[n_allowed - 1] if n_allowed else 0.0, ordered[n_allowed]))


def _rows_for_recall(level: float) -> int:
    """The fewest rows of which one more, missed, leaves the level: 1 / (n + 1) <= 1 - level."""
    return int(np.ceil(1 / (1 - level) - 1 - ROUNDING))


def _too_few(n_rows: int, needed: int, promised: str, answer: str) -> str | None:
    """What to say where so many rows cannot show that a promise is kept."""
    if n_rows >= needed:
        return None
    return (
        f"{n_rows} rows are too few to promise {promised}, which takes at least {needed}: {answer}."
    )


def _above(ordered: Array) -> float:
    """A cut-off that no score reaches; above 1 where one is 1, since the risk must be kept."""
    top = ordered[-1] if len(ordered) else 0.0
    return between(top, 1.0) if top < 1 else float(np.nextafter(top, np.inf))


def _p_value(mean: float, n: int, level: float) -> float:
    """Of the hypothesis that the mean of n losses in [0, 1] exceeds the level."""
    if mean >= level:
        return 1.0
    parts = [a * np.log(a / b) if a > 0 else 0.0 for a, b in ((mean, level), (1 - mean, 1 - level))]
    hoeffding = np.exp(-n * sum(parts))
    bentkus = np.e * binom.cdf(np.ceil(n * mean), n, level)
    return float(min(hoeffding, bentkus))
