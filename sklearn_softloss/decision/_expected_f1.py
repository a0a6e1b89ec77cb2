"""The label set of largest expected F-measure, row by row, from marginal probabilities."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from .._targets.encoding import Array
from ._base import DecisionRule
from ._objectives import Objective
from ._set_sizes import check_set_sizes, top

ENTRIES_AT_ONCE = 2**21
"""Size of the tables of a block of rows: small enough for memory, large enough for the loop."""
MAX_DENOMINATOR = 16


class ExpectedF1(DecisionRule):
    """In each row the label set of largest expected F-beta, labels taken to be independent.

    Exact: the best set of size k holds the k most probable labels, and for each k the expectation
    is a sum over Poisson-binomial probabilities; O(n_labels^2) a row, all rows of a block at once.

    Parameters
    ----------
    beta : float, default=1.0
        Weight of recall against precision; beta^2 must be a fraction with numerator and denominator
        up to 16.
    zero_division : float, default=0.0
        F-beta of a row without labels for which none is predicted. With 0, as scikit-learn scores
        it, a row never stays empty; with 1 it does where that is more likely right.
    min_labels, max_labels : int, default=0 and None
        Least and greatest number of labels a row. The set is the best of those in between.

    References
    ----------
    Ye, Chai, Lee and Chieu, "Optimizing F-measures: a tale of two approaches", ICML 2012,
    arXiv:1206.4625.
    Waegeman, Dembczynski, Jachnik, Cheng and Hüllermeier, "On the Bayes-optimality of F-measure
    maximizers", JMLR 15 (2014), arXiv:1310.4849.

    Examples
    --------
    >>> from sklearn_softloss.decision import ExpectedF1
    >>> ExpectedF1().fit([[1, 0, 0]], [[0.4, 0.3, 0.1]]).decide([[0.4, 0.3, 0.1]])
    array([[1, 1, 0]])
    """

    def __init__(
        self,
        beta: float = 1.0,
        *,
        zero_division: float = 0.0,
        min_labels: int = 0,
        max_labels: int | None = None,
    ) -> None:
        self.beta = beta
        self.zero_division = zero_division
        self.min_labels = min_labels
        self.max_labels = max_labels

    def _fit(self, truth: Array, proba: Array, weight: Array | None) -> None:
        _whole_numbers(self.beta)
        check_set_sizes(self.min_labels, self.max_labels, truth.shape[1])

    def _decide(self, proba: Array) -> Array:
        last = None if self.max_labels is None else self.max_labels + 1
        expected = self._expected(proba)[:, self.min_labels : last]
        return top(proba, self.min_labels + expected.argmax(axis=1, keepdims=True))

    def _scored_by(self, objective: Any = "f1", average: Any = "macro") -> tuple[Objective, Any]:
        return Objective(objective, self.beta), average

    def expected(self, y_proba: Any) -> Array:
        """Expected F-beta of the k most probable labels.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_labels)
            Predicted probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_labels + 1)
            Column k is the expectation of predicting k labels.
        """
        return self._expected(self._check_proba(y_proba))

    def _expected(self, proba: Array) -> Array:
        descending = -np.sort(-proba, axis=1)
        found = np.empty((len(proba), proba.shape[1] + 1))
        size = max(1, ENTRIES_AT_ONCE // proba.shape[1] ** 2)
        for start in range(0, len(proba), size):
            rows = slice(start, start + size)
            found[rows, 1:] = _expected_fbeta(descending[rows].T, self.beta).T
            found[rows, 0] = self.zero_division * np.prod(1 - proba[rows], axis=1)
        return found


def _whole_numbers(beta: float) -> tuple[int, int]:
    squared = Fraction(float(beta) ** 2).limit_denominator(MAX_DENOMINATOR)
    if not (beta > 0 and abs(squared - float(beta) ** 2) < 1e-9 and squared <= MAX_DENOMINATOR):
        raise ValueError(
            f"beta^2 must be a fraction with numerator and denominator up to {MAX_DENOMINATOR}, "
            f"such as beta=1, 2 or 0.5; got beta={beta!r}."
        )
    return squared.numerator, squared.denominator


def _expected_fbeta(proba: Array, beta: float) -> Array:
    """Expected F-beta of the first k labels, for k = 1 to L; labels and result on the first axis.

    With beta^2 = q / r, and T and R the numbers of true labels among the first k and the rest,
    F-beta is (q + r) T / (q T + q R + r k). The table holds E[1 / (a + q R)] for whole a; one label
    more in the rest turns it into p * table[a + q] + (1 - p) * table[a].
    """
    q, r = _whole_numbers(beta)
    n_labels, n_rows = proba.shape
    # P(T = t) for the first k labels, for every k, as the rest takes them back one by one.
    first = [np.ones((1, n_rows))]
    for p in proba:
        last = first[-1]
        grown = np.zeros((len(last) + 1, n_rows))
        grown[:-1] = last * (1 - p)
        grown[1:] += last * p
        first.append(grown)
    table = np.repeat(1.0 / np.arange(1, (q + r) * n_labels + 1)[:, None], n_rows, axis=1)
    result = np.empty((n_labels, n_rows))
    for k in range(n_labels, 0, -1):
        counted = first.pop()[1:]
        counted *= np.arange(1, k + 1)[:, None]
        reach = table[r * k + q - 1 : (q + r) * k : q]
        result[k - 1] = (q + r) * np.einsum("ij,ij->j", counted, reach)
        p = proba[k - 1]
        size = (q + r) * (k - 1)
        table = table[:size] * (1 - p) + table[q : size + q] * p
    return result
