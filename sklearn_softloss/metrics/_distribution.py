"""Scores of class probabilities against hard labels or soft rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import rel_entr

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA, entropies
from .._targets.domains import DISTRIBUTION, DOMAINS, INDEPENDENT
from .._targets.encoding import Array
from .blocks import ClassBlocks, OptionalArray, Values, mass_on_top


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
        Subtract the mean entropy of the rows of `y_true`, the floor that nobody can beat. What is
        left is the mean Kullback-Leibler divergence.
    labels : array-like of shape (n_classes,), default=None
        Classes in the order of the columns; needed for hard labels that do not hold them all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float in nats

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
    float in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_accuracy
    >>> round(soft_accuracy([[0.9, 0.1], [0.4, 0.6]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.65
    """
    check_one_of("domain", domain, (DISTRIBUTION, INDEPENDENT))
    blocks = ClassBlocks(y_true, y_proba, labels, sample_weight, domain=DOMAINS[domain])
    return blocks.row_mean(mass_on_top)


# --- how far rows are from each other -------------------------------------------------------------

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


DISTANCES: dict[str, Values] = {
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
    float >= 0, 0 where all rows are equal

    References
    ----------
    Geng, IEEE Transactions on Knowledge and Data Engineering 28(7), 2016,
    doi:10.1109/TKDE.2016.2545658. Lin, IEEE Transactions on Information Theory 37(1), 1991,
    doi:10.1109/18.61115. Baan, Aziz, Plank and Fernandez, EMNLP 2022, arXiv:2210.16133. Leonardelli
    et al., 2025, arXiv:2510.08460 ("manhattan" and "wasserstein").

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

    The human entropy calibration error (Baan et al., 2022, arXiv:2210.16133), without its sign.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float in nats, from 0 to the logarithm of the number of classes

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
    target mass than another must have more probability; classes of equal mass may come in any
    order. A row of a hard label counts wherever that label is the most probable.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float in [0, 1], the more the better

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
