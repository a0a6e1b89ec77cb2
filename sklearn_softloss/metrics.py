"""Scores of probabilities against soft targets (NumPy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._weighting import check_weight
from .targets import check_proba, encode_classes


def soft_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean cross-entropy of probabilities under soft target rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_classes)
        Rows that sum to 1.
    y_proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities; clipped from below at the smallest normal float.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float
        In nats. Its floor is the mean entropy of the rows of `y_true`.

    Raises
    ------
    ValueError
        If the shapes differ, a row of `y_true` is no distribution, or `y_proba` leaves [0, 1].

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_log_loss
    >>> round(soft_log_loss([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.4581
    """
    truth = encode_classes(y_true, "distribution").dense()
    proba = check_proba(y_proba, truth.shape)
    losses = -(truth * np.log(np.maximum(proba, np.finfo(np.float64).tiny))).sum(axis=1)
    weight = check_weight(sample_weight, losses.shape, name="sample_weight")
    return float(np.average(losses, weights=weight))
