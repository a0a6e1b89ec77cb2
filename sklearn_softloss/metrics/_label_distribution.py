"""How far predicted rows are from rows of shares, such as those of annotators who disagree.

Where annotators disagree there is no right class that a confidence could be calibrated to; what can
be compared with their votes is the whole row, its uncertainty, and the order of the classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import rel_entr

from .._checks import check_one_of
from .._probability import entropies
from .._targets.encoding import Array
from .blocks import ClassBlocks, OptionalArray, RowValue

CLIP = 1e-12
"""Least value inside logarithms and denominators, as in tables of label distribution learning."""


def _shares_of_sum(truth: Array, proba: Array) -> Array:
    """Absolute differences of the entries over their sums."""
    return np.abs(truth - proba) / np.maximum(truth + proba, CLIP)


def _cosine(truth: Array, proba: Array) -> Array:
    norms = np.linalg.norm(truth, axis=1) * np.linalg.norm(proba, axis=1)
    return np.asarray(1 - (truth * proba).sum(axis=1) / norms)


def _jensen_shannon(truth: Array, proba: Array) -> Array:
    middle = (truth + proba) / 2
    return np.asarray((rel_entr(truth, middle) + rel_entr(proba, middle)).sum(axis=1) / 2)


def _kl_divergence(truth: Array, proba: Array) -> Array:
    ratio = np.maximum(truth, CLIP) / np.maximum(proba, CLIP)
    return np.asarray((truth * np.log(ratio)).sum(axis=1))


DISTANCES: dict[str, RowValue] = {
    "canberra": lambda truth, proba: _shares_of_sum(truth, proba).sum(axis=1),
    "chebyshev": lambda truth, proba: np.abs(truth - proba).max(axis=1),
    "clark": lambda truth, proba: np.linalg.norm(_shares_of_sum(truth, proba), axis=1),
    "cosine": _cosine,
    "jensen_shannon": _jensen_shannon,
    "kl_divergence": _kl_divergence,
    "manhattan": lambda truth, proba: np.abs(truth - proba).sum(axis=1),
    "total_variation": lambda truth, proba: np.abs(truth - proba).sum(axis=1) / 2,
    "wasserstein": lambda truth, proba: np.abs((truth - proba).cumsum(axis=1)[:, :-1]).sum(axis=1),
}


def label_distribution_distance(
    y_true: Any,
    y_proba: Any,
    *,
    measure: str = "total_variation",
    labels: OptionalArray = None,
    sample_weight: OptionalArray = None,
) -> float:
    """Mean over rows of a distance between target row and probabilities; the less the better.

    Parameters
    ----------
    y_true, y_proba : array-like
        As in `soft_log_loss`.
    measure : str, default="total_variation"
        With d the target of a class and p its probability:

        - "canberra": ``sum(abs(d - p) / (d + p))``;
        - "chebyshev": ``max(abs(d - p))``;
        - "clark": ``sqrt(sum((d - p)**2 / (d + p)**2))``;
        - "cosine": 1 less the cosine of the angle between the rows, their cosine similarity;
        - "jensen_shannon": the mean of the Kullback-Leibler divergences of both rows to their
          midpoint, in nats; ``scipy.spatial.distance.jensenshannon`` is its square root;
        - "kl_divergence": ``sum(d * log(d / p))``, in nats; `soft_log_loss` with
          ``subtract_entropy=True`` is the same without the clip below;
        - "manhattan": ``sum(abs(d - p))``;
        - "total_variation": half of it, the human distribution calibration error; 1 less it is
          the intersection similarity, ``sum(min(d, p))``;
        - "wasserstein": for ratings, the mass to be moved between classes times the steps it
          goes; the classes in the order of the columns are one step apart.

        d, p and d + p are clipped from below at 1e-12 inside logarithms and denominators, as in
        the tables of label distribution learning.
    labels, sample_weight : array-like, default=None
        As in `soft_log_loss`.

    Returns
    -------
    float
        0 where all rows are equal.

    References
    ----------
    Geng, "Label distribution learning", IEEE Transactions on Knowledge and Data Engineering 28(7),
    2016, doi:10.1109/TKDE.2016.2545658. Lin, "Divergence measures based on the Shannon entropy",
    IEEE Transactions on Information Theory 37(1), 1991, doi:10.1109/18.61115. Baan, Aziz, Plank and
    Fernandez, "Stop measuring calibration when humans disagree", EMNLP 2022, arXiv:2210.16133.
    Leonardelli et al., "LeWiDi-2025 at NLPerspectives", 2025, arXiv:2510.08460 ("manhattan" and
    "wasserstein").

    Examples
    --------
    >>> from sklearn_softloss.metrics import label_distribution_distance
    >>> y_true, y_proba = [[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]
    >>> round(label_distribution_distance(y_true, y_proba), 4)
    0.1
    >>> round(label_distribution_distance(y_true, y_proba, measure="clark"), 4)
    0.5031
    """
    check_one_of("measure", measure, DISTANCES)
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(DISTANCES[measure])


def entropy_calibration_error(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean absolute difference between the entropies of target rows and probabilities.

    Whether the model is as uncertain about an instance as people are: the human entropy
    calibration error (Baan et al., 2022, arXiv:2210.16133), without its sign.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In nats, from 0 to the logarithm of the number of classes.

    Examples
    --------
    >>> from sklearn_softloss.metrics import entropy_calibration_error
    >>> round(entropy_calibration_error([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.2502
    """
    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(
        lambda truth, proba: np.abs(entropies(proba) - entropies(truth))
    )


def rank_calibration_score(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Share of rows whose probabilities order the classes as their targets do.

    The human ranking calibration score (Baan et al., 2022, arXiv:2210.16133). A class with more
    target mass than another must have more probability; classes with equal mass, as those that
    nobody chose, may come in any order. A row of a hard label counts wherever that label is the
    most probable.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In [0, 1]; the more the better.

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
