"""Scores of class probabilities against hard labels or soft rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA, entropies
from .._targets.domains import DISTRIBUTION, DOMAINS, INDEPENDENT
from .._targets.encoding import Array
from .blocks import ClassBlocks, OptionalArray, mass_on_top


def soft_log_loss(
    y_true: Any,
    y_proba: Any,
    *,
    subtract_entropy: bool = False,
    labels: OptionalArray = None,
    sample_weight: OptionalArray = None,
) -> float:
    """Mean cross-entropy of probabilities under hard labels or soft target rows.

    Strictly proper. With hard labels this is scikit-learn's ``log_loss``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
        Rows that sum to 1, or hard labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities; clipped from below at the smallest normal float.
    subtract_entropy : bool, default=False
        Subtract the mean entropy of the rows of `y_true`, the floor that nobody can beat. What
        is left is the mean Kullback-Leibler divergence.
    labels : array-like of shape (n_classes,), default=None
        Classes in the order of the columns of `y_proba`. Needed for hard labels that do not hold
        them all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If the shapes differ, a row of `y_true` or `y_proba` is no distribution, or `y_true` holds
        a label that is not in `labels`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_log_loss
    >>> round(soft_log_loss([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.4581
    >>> round(soft_log_loss(["no", "yes"], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.4581
    """

    def cross_entropies(truth: Array, proba: Array) -> Array:
        found = -(truth * np.log(np.maximum(proba, SMALLEST_PROBA))).sum(axis=1)
        return found - entropies(truth) if subtract_entropy else found

    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(cross_entropies)


def soft_brier_score(
    y_true: Any,
    y_proba: Any,
    *,
    scale_by_half: bool | Literal["auto"] = "auto",
    labels: OptionalArray = None,
    sample_weight: OptionalArray = None,
) -> float:
    """Mean squared distance of probabilities from hard labels or soft target rows.

    Strictly proper. With hard labels this is scikit-learn's ``brier_score_loss``.

    Parameters
    ----------
    y_true, y_proba : array-like
        As in `soft_log_loss`.
    scale_by_half : bool or "auto", default="auto"
        Whether to halve the sum over classes, so that it lies in [0, 1] and not in [0, 2]. "auto"
        does so for two classes, as in scikit-learn.
    labels, sample_weight : array-like, default=None
        As in `soft_log_loss`.

    Returns
    -------
    float
        Zero where every row of `y_proba` is the row of `y_true`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_brier_score
    >>> round(soft_brier_score([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.02
    """
    blocks = ClassBlocks(y_true, y_proba, labels, sample_weight)
    return brier_scale(scale_by_half, blocks.n_columns) * blocks.row_mean(
        lambda truth, proba: np.square(truth - proba).sum(axis=1)
    )


def brier_scale(scale_by_half: bool | Literal["auto"], n_classes: int) -> float:
    """The factor that scikit-learn's rule puts before the sum over classes."""
    if scale_by_half not in (True, False, "auto"):
        raise ValueError(f"scale_by_half must be True, False or 'auto'; got {scale_by_half!r}.")
    halved = n_classes == 2 if scale_by_half == "auto" else scale_by_half
    return 0.5 if halved else 1.0


def soft_accuracy(
    y_true: Any,
    y_proba: Any,
    *,
    domain: Literal["distribution", "independent"] = "distribution",
    labels: OptionalArray = None,
    sample_weight: OptionalArray = None,
) -> float:
    """Expected accuracy: the mean target mass on the most probable class.

    With hard labels this is scikit-learn's ``accuracy_score`` of the most probable class. It is
    what `SoftTargetMLPClassifier.score` returns; 1 less it is the error probability of label
    distribution learning.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
        Rows in the `domain`, or hard labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities. Of equal ones the first counts as the prediction.
    domain : {"distribution", "independent"}, default="distribution"
        Whether rows of `y_true` sum to 1, or are one confidence a class, each in [0, 1].
    labels, sample_weight : array-like, default=None
        As in `soft_log_loss`.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_accuracy
    >>> round(soft_accuracy([[0.9, 0.1], [0.4, 0.6]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.65
    """
    check_one_of("domain", domain, (DISTRIBUTION, INDEPENDENT))
    blocks = ClassBlocks(y_true, y_proba, labels, sample_weight, domain=DOMAINS[domain])
    return blocks.row_mean(mass_on_top)
