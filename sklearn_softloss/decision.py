"""Decisions from probabilities, made after training and apart from any loss (NumPy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .targets import Array, check_proba, encode_labels

DEFAULT_THRESHOLD = 0.5
"""Cut-off of a label that is never positive in the data a threshold is tuned on."""


def optimal_thresholds(y_true: ArrayLike, y_proba: ArrayLike) -> tuple[Array, Array]:
    """Cut-offs that maximise the F1 of each label, and with it the macro-F1, exactly.

    Every distinct probability is a candidate: one sort and cumulative sums a label, equal
    probabilities kept together, midpoints between neighbours as cut-offs. Tune on held-out rows:
    on the rows of the fit the cut-offs are too hopeful.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels)
        0 or 1, soft in [0, 1], NaN or -1 where unknown.
    y_proba : array-like of shape (n_samples, n_labels)
        Probabilities, as from `predict_proba`.

    Returns
    -------
    thresholds : ndarray of shape (n_labels,), float64
        For the rule ``y_proba >= thresholds``. A label without positives keeps 0.5.
    f1 : ndarray of shape (n_labels,), float64
        The F1 reached on these rows; 0 for a label without positives.

    Raises
    ------
    ValueError
        If the shapes differ or `y_proba` leaves [0, 1].

    References
    ----------
    Lipton, Elkan and Narayanaswamy, "Optimal thresholding of classifiers to maximize F1 measure",
    ECML PKDD 2014, arXiv:1402.1892.

    Examples
    --------
    >>> from sklearn_softloss.decision import optimal_thresholds
    >>> y_true = [[0, 1], [1, 0], [1, 1]]
    >>> thresholds, f1 = optimal_thresholds(y_true, [[0.1, 0.5], [0.2, 0.3], [0.3, 0.7]])
    >>> thresholds
    array([0.15, 0.4 ])
    >>> f1
    array([1., 1.])
    """
    truth = encode_labels(y_true).dense()
    proba = check_proba(y_proba, truth.shape)
    tuned = [_best_f1_cut(truth[:, j], proba[:, j]) for j in range(truth.shape[1])]
    thresholds, f1 = np.array(tuned).reshape(-1, 2).T
    return thresholds, f1


def _best_f1_cut(truth: Array, proba: Array) -> tuple[float, float]:
    known = ~np.isnan(truth)
    truth, proba = truth[known], proba[known]
    positives = truth.sum()
    if positives == 0:
        return DEFAULT_THRESHOLD, 0.0
    order = np.argsort(-proba, kind="stable")
    proba = proba[order]
    last_of_tie = np.append(proba[1:] < proba[:-1], True)
    hits = truth[order].cumsum()[last_of_tie]
    predicted = np.flatnonzero(last_of_tie) + 1
    f1 = 2 * hits / (predicted + positives)
    best = int(np.argmax(f1))
    scores = proba[last_of_tie]
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    midpoint = (scores[best] + below) / 2
    # Between neighbouring floats the midpoint may round down to the lower one.
    return float(midpoint if midpoint > below else scores[best]), float(f1[best])
