"""Measures of label distribution learning: how far two rows are apart, averaged over the rows.

Definitions and names are those of Geng, "Label distribution learning", IEEE Transactions on
Knowledge and Data Engineering 28(7), 2016, doi:10.1109/TKDE.2016.2545658. The sixth of these
measures, the Kullback-Leibler divergence, is `kl_divergence`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._targets.encoding import Array
from ._distribution import CLIP
from ._takes import takes
from .blocks import ClassBlocks, OptionalArray


@takes("classes")
def chebyshev_distance(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean over rows of the largest difference between target and probability.

    ``max(abs(d - p))``; the less the better.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import chebyshev_distance
    >>> round(chebyshev_distance([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.1
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.abs(truth - proba).max(axis=1)
    )


@takes("classes")
def clark_distance(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean Clark distance between target rows and probabilities.

    ``sqrt(sum((d - p)**2 / (d + p)**2))`` with d + p clipped from below at 1e-12; the less the
    better.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        From 0 to the square root of the number of classes.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import clark_distance
    >>> round(clark_distance([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.5031
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.linalg.norm(_shares_of_sum(truth, proba), axis=1)
    )


@takes("classes")
def canberra_distance(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean Canberra distance between target rows and probabilities.

    ``sum(abs(d - p) / (d + p))`` with d + p clipped from below at 1e-12; the less the better.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        From 0 to the number of classes.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import canberra_distance
    >>> round(canberra_distance([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.5556
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: _shares_of_sum(truth, proba).sum(axis=1)
    )


def _shares_of_sum(truth: Array, proba: Array) -> Array:
    """Absolute differences of the entries over their sums."""
    return np.abs(truth - proba) / np.maximum(truth + proba, CLIP)


@takes("classes")
def cosine_similarity(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean cosine of the angle between target rows and probabilities.

    The more the better.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import cosine_similarity
    >>> round(cosine_similarity([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.9851
    """

    def values(truth: Array, proba: Array) -> Array:
        norms = np.linalg.norm(truth, axis=1) * np.linalg.norm(proba, axis=1)
        return (truth * proba).sum(axis=1) / np.maximum(norms, CLIP)

    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(values)


@takes("classes")
def intersection_similarity(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean mass that target rows and probabilities share.

    ``sum(min(d, p))``, which is 1 less the total variation distance; the more the better.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import intersection_similarity
    >>> round(intersection_similarity([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.9
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.minimum(truth, proba).sum(axis=1)
    )
