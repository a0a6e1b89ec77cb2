"""How well probabilities tell where people disagree, instance by instance.

Where annotators disagree there is no right class that a confidence could be calibrated to; what can
be compared with their votes is the whole row, its uncertainty, and the order of the classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._probability import entropies
from .._targets.encoding import Array
from ._takes import takes
from .blocks import ClassBlocks, OptionalArray


@takes("classes")
def total_variation(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean total variation distance between target rows and probabilities.

    Half the sum of the absolute differences: the human distribution calibration error.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
        Rows that sum to 1, or hard labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Classes in the order of the columns of `y_proba`. Needed for hard labels that do not hold
        them all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    References
    ----------
    Baan, Aziz, Plank and Fernandez, "Stop measuring calibration when humans disagree", EMNLP 2022,
    arXiv:2210.16133.

    Examples
    --------
    >>> from sklearn_softloss.metrics import total_variation
    >>> round(total_variation([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.1
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.abs(truth - proba).sum(axis=1) / 2
    )


@takes("classes")
def entropy_calibration_error(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean absolute difference between the entropies of target rows and probabilities.

    Whether the model is as uncertain about an instance as people are: the human entropy
    calibration error, without its sign.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
        Rows that sum to 1, or hard labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Classes in the order of the columns of `y_proba`. Needed for hard labels that do not hold
        them all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float
        In nats, from 0 to the logarithm of the number of classes.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    References
    ----------
    Baan, Aziz, Plank and Fernandez, "Stop measuring calibration when humans disagree", EMNLP 2022,
    arXiv:2210.16133.

    Examples
    --------
    >>> from sklearn_softloss.metrics import entropy_calibration_error
    >>> round(entropy_calibration_error([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.2502
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.abs(entropies(proba) - entropies(truth))
    )


@takes("classes")
def rank_calibration_score(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Share of rows whose probabilities order the classes as their targets do.

    The human ranking calibration score. A class with more target mass than another must have more
    probability. Classes with equal mass may come in any order, so that neither the order of the
    columns nor the classes that nobody chose decide; hence a row of a hard label counts wherever
    that label is the most probable.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
        Rows that sum to 1, or hard labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    labels : array-like of shape (n_classes,), default=None
        Classes in the order of the columns of `y_proba`. Needed for hard labels that do not hold
        them all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float
        In [0, 1]; the more the better.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    References
    ----------
    Baan, Aziz, Plank and Fernandez, "Stop measuring calibration when humans disagree", EMNLP 2022,
    arXiv:2210.16133.

    Examples
    --------
    >>> from sklearn_softloss.metrics import rank_calibration_score
    >>> round(rank_calibration_score([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    1.0
    """

    def values(truth: Array, proba: Array) -> Array:
        order = np.lexsort((proba, truth), axis=1)
        target = np.take_along_axis(truth, order, axis=1)
        ranked = np.take_along_axis(proba, order, axis=1)
        wrong = (target[:, :-1] < target[:, 1:]) & (ranked[:, :-1] >= ranked[:, 1:])
        return np.asarray(~wrong.any(axis=1))

    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(values)
