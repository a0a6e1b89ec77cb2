"""One cut-off for all labels that keeps recall or precision above a level, with a guarantee."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from .._checks import check_inside, check_one_of
from .._targets.encoding import Array
from .._warn import warn
from ..metrics.confusion import ratio
from ._base import DecisionRule
from ._sweep import between

MAX_CUTS = 1000
ROUNDING = 1e-9
"""Below which a risk exceeds its level by rounding alone: 1 - 0.9 is less than 0.1."""


class RiskControlled(DecisionRule):
    """The highest cut-off with a guaranteed recall, or the lowest with a guaranteed precision.

    Both are means over rows; a row without positives has recall 1, one without predictions
    precision 1. The guarantee is for rows drawn as those of `fit`, which must not have been used to
    train the classifier; weights would void it and are refused.

    Parameters
    ----------
    risk : {"recall", "precision"}, default="recall"
        What is held. The expectation of recall is at least the level (conformal risk control);
        precision is at least the level with probability 1 - delta ("learn then test").
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
    Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control", ICLR 2024,
    arXiv:2208.02814.
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
            self.threshold_ = cut_for_recall(value, scores, self.level)
            needed, answer = rows_for_recall(self.level), "all is predicted"
        else:
            self.threshold_ = self._for_precision(value, scores)
            # The p-value of so few may fall to delta where none of their predictions is wrong.
            needed = int(np.ceil(np.log(self.delta) / np.log(self.level) - ROUNDING))
            answer = "nothing is predicted"
        self.value_ = float(self._per_row(value, scores, self.threshold_).mean())
        self._doubt = too_few(len(value), needed, f"{self.risk} {self.level:g}", answer)

    def _warn_of_fit(self) -> None:
        if self._doubt:
            warn(self._doubt)

    def _decide(self, proba: Any) -> Any:
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
        found = above(distinct)
        for cut in distinct[::-1]:
            lost = float(1 - self._per_row(value, scores, cut).mean())
            if _p_value(lost, len(value), 1 - self.level) > self.delta:
                break
            found = float(cut)
        return found


def cut_for_recall(value: Array, scores: Array, level: float) -> float:
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
    if n_rows < rows_for_recall(level):
        return 0.0
    allowed = missed + 1 / (n_rows + 1) <= 1 - level + ROUNDING
    n_allowed = int(np.argmin(allowed)) if not allowed.all() else len(allowed)
    if n_allowed == len(ordered):
        return above(ordered)
    return float(between(ordered[n_allowed - 1] if n_allowed else 0.0, ordered[n_allowed]))


def rows_for_recall(level: float) -> int:
    """The fewest rows of which one more, missed, leaves the level: 1 / (n + 1) <= 1 - level."""
    return int(np.ceil(1 / (1 - level) - 1 - ROUNDING))


def too_few(n_rows: int, needed: int, promised: str, answer: str) -> str:
    """What to say where so few rows cannot show that a promise is kept; empty where they can."""
    doubt = f"{n_rows} rows are too few to promise {promised}, which takes at least {needed}"
    return f"{doubt}: {answer}." if n_rows < needed else ""


def above(ordered: Array) -> float:
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
