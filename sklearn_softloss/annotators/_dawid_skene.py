"""Votes without X: the label behind the answers, and how each annotator confuses it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import logsumexp

from .._checks import require_y
from .._estimator_base import SoftlossEstimator
from .._targets.annotations import Annotations, read_annotations
from .._targets.encoding import Array

TINY = 1e-12
"""Least probability of an answer, so that none rules a label out for good."""


class DawidSkene(SoftlossEstimator):
    """The label behind the answers if each annotator confuses it in a way of their own.

    Parameters
    ----------
    max_iter : int, default=1000
        Most steps of the EM algorithm.
    tol : float, default=1e-06
        Change of a probability in `proba_` below which a step is the last.

    Attributes
    ----------
    proba_ : ndarray of shape (n_items, n_classes)
        Probability of each label; rows sum to 1 and may be soft targets. An item without an answer
        has `prior_`.
    prior_ : ndarray of shape (n_classes,)
        Share of each label.
    confusion_ : ndarray of shape (n_annotators, n_classes, n_classes)
        Probability that the annotator gives the second class where the first is true; NaN for who
        did not answer.
    weights_ : ndarray of shape (n_annotators,)
        Probability of giving the true label, an `annotator_weight` for `vote_shares`; 0 for who did
        not answer.
    classes_ : ndarray of shape (n_classes,)
    annotators_ : ndarray of shape (n_annotators,)
        Their names: the columns of a frame, or 0, 1, ...
    n_iter_ : int
        Steps taken.

    See Also
    --------
    AnnotatorMLPClassifier : What annotators say where there is no one label, from X.

    References
    ----------
    Dawid and Skene, Applied Statistics 28 (1979) 20-28, doi:10.2307/2346806.

    Examples
    --------
    >>> from sklearn_softloss.annotators import DawidSkene
    >>> votes = [["a", "a", "b"], ["b", "b", "b"], ["a", "a", "b"], ["b", "b", None]]
    >>> found = DawidSkene().fit(votes)
    >>> found.proba_.argmax(axis=1)
    array([0, 1, 0, 1])
    >>> found.confusion_[2].round(2)  # the third always says b
    array([[0., 1.],
           [0., 1.]])
    """

    def __init__(self, max_iter: int = 1000, tol: float = 1e-6) -> None:
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, votes: Any) -> Self:
        """Find the labels and how the annotators confuse them.

        Parameters
        ----------
        votes : array-like of shape (n_items, n_annotators), or Annotations
            The class that each annotator gave; NaN or None where they did not answer. Columns of a
            DataFrame become `annotators_`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `votes` hold no matrix of answers, or are a long table with one answer a row.
        """
        require_y(self, votes)
        answers = read_annotations(votes)
        everyone = np.zeros(len(answers.annotators), dtype=np.intp)
        proba = answers._shares(everyone, 1)
        there = proba.sum(axis=1) > 0
        self.n_iter_ = 0
        while self.n_iter_ < self.max_iter:
            prior, confusion = _parameters(answers, proba, there)
            found = _labels(answers, prior, confusion)
            change = np.abs(found - proba)[there].max()
            proba = found
            self.n_iter_ += 1
            if change < self.tol:
                break
        self.prior_, self.confusion_ = _parameters(answers, proba, there)
        self.proba_ = proba
        right = np.diagonal(self.confusion_, axis1=1, axis2=2)
        self.weights_ = np.nan_to_num(right) @ self.prior_
        self.classes_, self.annotators_ = answers.classes, answers.annotators
        return self


def _parameters(answers: Annotations, proba: Array, there: Array) -> tuple[Array, Array]:
    """Shares of the labels, and confusion, as the probabilities of the labels weigh them."""
    n, k = len(answers.annotators), len(answers.classes)
    counts = np.zeros((n, k, k))
    np.add.at(counts.transpose(0, 2, 1), (answers.annotator, answers.label), proba[answers.item])
    totals = counts.sum(axis=2, keepdims=True)
    # A label that an annotator never met is given as by all others.
    pooled = counts.sum(axis=0) / np.maximum(counts.sum(axis=(0, 2))[:, None], TINY)
    confusion = np.where(totals > TINY, counts / np.maximum(totals, TINY), pooled)
    confusion[totals.sum(axis=(1, 2)) == 0] = np.nan
    return proba[there].mean(axis=0), confusion


def _labels(answers: Annotations, prior: Array, confusion: Array) -> Array:
    """Probabilities of the labels, given the answers."""
    log_confusion = np.log(np.maximum(confusion, TINY)).transpose(0, 2, 1)
    evidence = np.tile(np.log(np.maximum(prior, TINY)), (len(answers), 1))
    np.add.at(evidence, answers.item, log_confusion[answers.annotator, answers.label])
    return np.exp(evidence - logsumexp(evidence, axis=1, keepdims=True))
