"""Scores of class probabilities against hard labels or soft rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import rel_entr

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA, entropies
from .._targets.domains import DISTRIBUTION, DOMAINS, INDEPENDENT
from .._targets.encoding import Array
from ._takes import takes
from .blocks import ClassBlocks, OptionalArray, mass_on_top

CLIP = 1e-12
"""Least value inside logarithms and denominators of the label-distribution measures."""


@takes("classes")
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


@takes("classes")
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

    Raises
    ------
    ValueError
        As `soft_log_loss`, and if `scale_by_half` is something else.

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


@takes("classes")
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
    what `SoftTargetMLPClassifier.score` returns.

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

    Raises
    ------
    ValueError
        If the shapes differ, a row of `y_true` or `y_proba` is illegal, or `y_true` holds a label
        that is not in `labels`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import soft_accuracy
    >>> round(soft_accuracy([[0.9, 0.1], [0.4, 0.6]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.65
    """
    check_one_of("domain", domain, (DISTRIBUTION, INDEPENDENT))
    blocks = ClassBlocks(y_true, y_proba, labels, sample_weight, domain=DOMAINS[domain])
    return blocks.row_mean(mass_on_top)


@takes("classes")
def top_label_error_probability(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Probability that a label drawn from the target is not the most probable class.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_accuracy`.

    Returns
    -------
    float
        ``1 - soft_accuracy``, in [0, 1].

    Raises
    ------
    ValueError
        As `soft_accuracy`.

    References
    ----------
    Wang and Geng, "Classification with label distribution learning", IJCAI 2019,
    doi:10.24963/ijcai.2019/515.

    Examples
    --------
    >>> from sklearn_softloss.metrics import top_label_error_probability
    >>> round(top_label_error_probability([[0.9, 0.1], [0.4, 0.6]], [[0.8, 0.2], [0.3, 0.7]]), 4)
    0.25
    """
    return 1 - soft_accuracy(y_true, y_proba, labels=labels, sample_weight=sample_weight)


@takes("classes")
def kl_divergence(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean Kullback-Leibler divergence from the target rows to the probabilities.

    ``sum(d * log(d / p))`` with d and p clipped from below at 1e-12 inside the logarithm, as in
    the tables of label distribution learning. `soft_log_loss` with ``subtract_entropy=True`` is
    the same without that clip.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In nats, from 0 to ``12 * log(10)``.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    References
    ----------
    Geng, "Label distribution learning", IEEE Transactions on Knowledge and Data Engineering 28(7),
    2016, doi:10.1109/TKDE.2016.2545658.

    Examples
    --------
    >>> from sklearn_softloss.metrics import kl_divergence
    >>> round(kl_divergence([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.1116
    """

    def divergences(truth: Array, proba: Array) -> Array:
        ratio = np.maximum(truth, CLIP) / np.maximum(proba, CLIP)
        return (truth * np.log(ratio)).sum(axis=1)

    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(divergences)


@takes("classes")
def jensen_shannon(
    y_true: Any, y_proba: Any, *, labels: OptionalArray = None, sample_weight: OptionalArray = None
) -> float:
    """Mean Jensen-Shannon divergence between target rows and probabilities.

    The mean of the Kullback-Leibler divergences of both rows to their midpoint; symmetric, and
    finite without any clip. ``scipy.spatial.distance.jensenshannon`` is its square root, row by
    row.

    Parameters
    ----------
    y_true, y_proba, labels, sample_weight : array-like
        As in `soft_log_loss`.

    Returns
    -------
    float
        In nats, from 0 to ``log(2)``.

    Raises
    ------
    ValueError
        As `soft_log_loss`.

    References
    ----------
    Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37(1), 1991, doi:10.1109/18.61115.

    Examples
    --------
    >>> from sklearn_softloss.metrics import jensen_shannon
    >>> round(jensen_shannon([[1.0, 0.0], [0.5, 0.5]], [[0.8, 0.2], [0.5, 0.5]]), 4)
    0.0374
    """

    def divergences(truth: Array, proba: Array) -> Array:
        middle = (truth + proba) / 2
        return (rel_entr(truth, middle) + rel_entr(proba, middle)).sum(axis=1) / 2

    return ClassBlocks(y_true, y_proba, labels, sample_weight).row_mean(divergences)
