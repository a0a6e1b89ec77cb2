"""Simulated rows with soft labels, answers of annotators or label sets; the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax
from sklearn.utils import Bunch, check_random_state

from .._checks import check_count, check_number
from .._targets.encoding import Array


def make_soft_labels(
    n_samples: int = 500,
    n_features: int = 5,
    n_classes: int = 3,
    *,
    n_votes: int | None = 5,
    sharpness: float = 3.0,
    return_proba: bool = False,
    random_state: Any = None,
) -> tuple[Array, ...]:
    """Rows of class probabilities, such as shares of a few votes, and what lies behind them.

    Features are independent and normal; probabilities are the softmax of smooth functions of them.

    Parameters
    ----------
    n_samples, n_features : int, default=500, 5
        Rows and columns of X.
    n_classes : int, default=3
        Columns of Y, at least 2.
    n_votes : int or None, default=5
        Votes a row that are drawn from its probabilities; Y holds their shares. With None Y holds
        the probabilities themselves.
    sharpness : float, default=3.0
        How sure most rows are, >= 0; at 0 all classes are equally probable.
    return_proba : bool, default=False
        Whether to return the probabilities as well.
    random_state : int, RandomState instance or None, default=None
        Says which draw this is.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
    Y : ndarray of shape (n_samples, n_classes), float64
        Rows that sum to 1.
    proba : ndarray of shape (n_samples, n_classes), float64
        Only with ``return_proba=True``.

    See Also
    --------
    make_annotations : Who gave which vote.

    Examples
    --------
    >>> from sklearn_softloss.datasets import make_soft_labels
    >>> X, Y = make_soft_labels(4, random_state=0)
    >>> Y
    array([[0. , 0. , 1. ],
           [0.2, 0. , 0.8],
           [0.4, 0. , 0.6],
           [0. , 0.6, 0.4]])
    """
    _check_counts(1, n_samples=n_samples, n_features=n_features)
    _check_counts(2, n_classes=n_classes)
    if n_votes is not None:
        check_count("n_votes", n_votes, 1)
    check_number("sharpness", sharpness, 0)
    random = check_random_state(random_state)
    X = random.normal(size=(n_samples, n_features))
    proba = softmax(sharpness * _smooth(X, n_classes, random), axis=1)
    Y = proba
    if n_votes is not None:
        Y = np.stack([random.multinomial(n_votes, row) for row in proba]) / n_votes
    return (X, Y, proba) if return_proba else (X, Y)


def make_annotations(
    n_samples: int = 500,
    n_features: int = 5,
    n_classes: int = 2,
    *,
    n_annotators: int = 20,
    n_answers: int = 5,
    n_camps: int = 1,
    n_spammers: int = 2,
    sharpness: float = 3.0,
    return_truth: bool = False,
    random_state: Any = None,
) -> tuple[Any, ...]:
    """Answers of annotators, of whom each sees some of the rows, and some answer at random.

    Annotators of one camp answer with the same probabilities, those of another camp with others.
    Spammers take all classes for equally probable, whatever the row.

    Parameters
    ----------
    n_samples, n_features : int, default=500, 5
        Rows and columns of X.
    n_classes : int, default=2
        Answers to choose from, at least 2.
    n_annotators : int, default=20
        Columns of Y.
    n_answers : int, default=5
        Annotators who answer a row, at most `n_annotators`; which, is drawn.
    n_camps : int, default=1
        Camps among those who are no spammers. The first is the largest.
    n_spammers : int, default=2
        Annotators who answer at random.
    sharpness : float, default=3.0
        How sure most annotators are of most rows, >= 0.
    return_truth : bool, default=False
        Whether to return what the answers were drawn from as well.
    random_state : int, RandomState instance or None, default=None
        Says which draw this is.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
    Y : ndarray of shape (n_samples, n_annotators), float64
        Codes of the answers, NaN where an annotator did not answer.
    truth : Bunch
        Only with ``return_truth=True``: ``camp`` of shape (n_annotators,), -1 for spammers,
        ``camp_proba`` of shape (n_camps, n_samples, n_classes) and ``proba`` of shape (n_samples,
        n_classes), the expected share of each answer.

    Raises
    ------
    ValueError
        If a number is out of its range, or there are more camps and spammers than annotators.

    See Also
    --------
    sklearn_softloss.annotators.AnnotatorMLPClassifier : Learns from such answers.

    Examples
    --------
    >>> from sklearn_softloss.datasets import make_annotations
    >>> X, Y = make_annotations(4, n_annotators=5, n_answers=3, random_state=0)
    >>> Y
    array([[ 1.,  1.,  1., nan, nan],
           [nan,  0.,  0.,  0., nan],
           [ 1., nan, nan,  1.,  1.],
           [ 0., nan,  0.,  1., nan]])
    """
    _check_counts(1, n_samples=n_samples, n_features=n_features, n_annotators=n_annotators)
    _check_counts(1, n_answers=n_answers, n_camps=n_camps)
    _check_counts(2, n_classes=n_classes)
    _check_counts(0, n_spammers=n_spammers)
    check_number("sharpness", sharpness, 0)
    if n_answers > n_annotators:
        raise ValueError(
            f"n_answers must be at most n_annotators ({n_annotators}); got {n_answers}."
        )
    n_serious = n_annotators - n_spammers
    if n_serious < n_camps:
        raise ValueError(
            f"Every camp needs an annotator who is no spammer: n_annotators must be at least "
            f"n_camps + n_spammers = {n_camps + n_spammers}; got {n_annotators}."
        )
    random = check_random_state(random_state)
    X = random.normal(size=(n_samples, n_features))
    camp_proba = np.stack(
        [softmax(sharpness * _smooth(X, n_classes, random), axis=1) for _ in range(n_camps)]
    )
    # One annotator a camp, and of the rest half as many again in a camp as in the next one.
    ends = np.cumsum(1.5 ** -np.arange(n_camps))
    sizes = 1 + np.diff(np.ceil(ends / ends[-1] * (n_serious - n_camps)).astype(int), prepend=0)
    camp = np.concatenate([np.repeat(np.arange(n_camps), sizes), np.full(n_spammers, -1)])
    at_random = np.full((1, n_samples, n_classes), 1 / n_classes)
    by_annotator = np.concatenate([camp_proba, at_random])[camp]
    drawn = random.uniform(size=(n_annotators, n_samples, 1)) > by_annotator.cumsum(axis=2)
    Y = np.minimum(drawn.sum(axis=2), n_classes - 1).T.astype(np.float64)
    Y[random.uniform(size=Y.shape).argsort(axis=1).argsort(axis=1) >= n_answers] = np.nan
    truth = Bunch(camp=camp, camp_proba=camp_proba, proba=by_annotator.mean(axis=0))
    return (X, Y, truth) if return_truth else (X, Y)


def make_label_sets(
    n_samples: int = 1000,
    n_features: int = 10,
    n_labels: int = 6,
    *,
    prevalence: tuple[float, float] = (0.4, 0.03),
    unknown: float = 0.0,
    sharpness: float = 2.0,
    return_proba: bool = False,
    random_state: Any = None,
) -> tuple[Array, ...]:
    """Label sets from common to rare labels, of which some entries may be unknown.

    Each label is drawn by itself, with a probability that is a smooth function of the features.

    Parameters
    ----------
    n_samples, n_features : int, default=1000, 10
        Rows and columns of X.
    n_labels : int, default=6
        Columns of Y.
    prevalence : tuple of float (first, last), default=(0.4, 0.03)
        Expected share of rows with the first label and with the last one, in (0, 1); those between
        go down, or up, by equal factors.
    unknown : float, default=0.0
        Share of entries that nobody knows, in [0, 1); they are drawn from all alike.
    sharpness : float, default=2.0
        How much the features tell of the labels, >= 0.
    return_proba, random_state : bool and int, RandomState instance or None, default=False and None
        As in `make_soft_labels`.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
    Y : ndarray of shape (n_samples, n_labels), int64 or float64
        0 and 1; floats with NaN where unknown, if any are to be.
    proba : ndarray of shape (n_samples, n_labels), float64
        The probability of each label; only with ``return_proba=True``.

    See Also
    --------
    sklearn.datasets.make_multilabel_classification : Counts of words, without rare labels.

    Examples
    --------
    >>> from sklearn_softloss.datasets import make_label_sets
    >>> X, Y = make_label_sets(2000, random_state=0)
    >>> Y.mean(axis=0).round(2)
    array([0.41, 0.22, 0.15, 0.08, 0.05, 0.03])
    """
    _check_counts(1, n_samples=n_samples, n_features=n_features, n_labels=n_labels)
    if np.shape(prevalence) != (2,) or not all(0 < share < 1 for share in prevalence):
        raise ValueError(f"prevalence must be two numbers in (0, 1); got {prevalence!r}.")
    check_number("unknown", unknown, 0, 1)
    if unknown == 1:
        raise ValueError("unknown must be less than 1: nothing would be known.")
    check_number("sharpness", sharpness, 0)
    random = check_random_state(random_state)
    X = random.normal(size=(n_samples, n_features))
    shares = np.geomspace(*prevalence, n_labels)
    logits = sharpness * _smooth(X, n_labels, random)
    columns = [_shifted(*pair) for pair in zip(logits.T, shares, strict=True)]
    proba = expit(np.stack(columns, axis=1))
    Y = (random.uniform(size=proba.shape) < proba).astype(np.int64)
    if unknown:
        Y = np.where(random.uniform(size=Y.shape) < unknown, np.nan, Y)
    return (X, Y, proba) if return_proba else (X, Y)


def _check_counts(least: int, **counts: Any) -> None:
    for name, count in counts.items():
        check_count(name, count, least)


def _smooth(X: Array, n_columns: int, random: np.random.RandomState) -> Array:
    """A function of the rows that no linear model has, of mean near 0 and spread near 1."""
    inner = X @ random.normal(size=(X.shape[1], 16)) / np.sqrt(X.shape[1])
    return np.tanh(2 * inner) @ random.normal(size=(16, n_columns)) / np.sqrt(10)


def _shifted(logits: Array, share: float) -> Array:
    """Logits moved alike, so that their mean probability is the share."""
    far = np.abs(logits).max() + 40
    return logits + brentq(lambda shift: expit(logits + shift).mean() - share, -far, far)
