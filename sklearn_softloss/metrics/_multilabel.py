"""Scores of independent labels, some of whose entries may be soft or unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .._checks import check_one_of
from .._probability import SMALLEST_PROBA
from .._targets.encoding import Array
from ._takes import takes
from .blocks import NOTHING_KNOWN, DecisionBlocks, LabelBlocks, OptionalArray

Average = Literal["micro", "macro"] | None


def binary_log_losses(truth: Array, proba: Array) -> Array:
    """Binary cross-entropy of each entry, in nats."""
    present = truth * np.log(np.maximum(proba, SMALLEST_PROBA))
    return -(present + (1 - truth) * np.log(np.maximum(1 - proba, SMALLEST_PROBA)))


def label_sums(blocks: LabelBlocks, *values: Callable[[Array, Array], Array]) -> list[Array]:
    """Weighted sums over the known entries of each label: first their weight, then each value."""
    sums = np.zeros((1 + len(values), blocks.n_columns))
    for rows, truth, proba in blocks.rows():
        weight = blocks.weight[rows]
        known = ~np.isnan(truth)
        all_known = known.all()
        sums[0] += weight.sum() if all_known else weight @ known
        for j, value in enumerate(values, start=1):
            found = value(truth, proba)
            sums[j] += weight @ (found if all_known else np.where(known, found, 0.0))
    if not sums[0].any():
        raise ValueError(NOTHING_KNOWN)
    return list(sums)


def averaged(
    numerator: Array, denominator: Array, average: Average, *, weight: Array
) -> float | Array:
    """Quotients of sums a label (0 where both are 0), their mean, or that of the total sums."""
    check_one_of("average", average, ("micro", "macro", None))
    if average == "micro":
        total = denominator.sum()
        return float(numerator.sum() / total) if total > 0 else 0.0
    share = np.where(weight > 0, 0.0, np.nan)
    np.divide(numerator, denominator, out=share, where=denominator > 0)
    return share if average is None else float(np.nanmean(share))


@takes("labels")
def multilabel_log_loss(
    y_true: Any, y_proba: Any, *, average: Average = "micro", sample_weight: OptionalArray = None
) -> float | Array:
    """Mean binary cross-entropy over the known entries.

    Strictly proper for each label. scikit-learn's ``log_loss`` takes rows of several labels for
    one distribution over classes, and says something else.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels) or (n_samples,)
        Entries 0 or 1, soft in [0, 1], NaN or -1 where unknown (stored entries of a sparse
        matrix; what is not stored is 0). A vector is one label.
    y_proba : array-like of the shape of y_true
        Predicted probabilities of the labels.
    average : {"micro", "macro"} or None, default="micro"
        "micro": the mean over all known entries. "macro": the mean over the labels that have one.
        None: one value a label, NaN where none of its entries is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In nats.

    Raises
    ------
    ValueError
        As `multilabel_log_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.metrics import multilabel_log_loss
    >>> y_true = [[1, 0], [0, np.nan], [1, -1]]
    >>> y_proba = [[0.8, 0.1], [0.2, 0.5], [0.5, 0.5]]
    >>> round(multilabel_log_loss(y_true, y_proba), 4)
    0.3112
    >>> multilabel_log_loss(y_true, y_proba, average=None).round(4)
    array([0.3798, 0.1054])
    """
    weight, losses = label_sums(LabelBlocks(y_true, y_proba, sample_weight), binary_log_losses)
    return averaged(losses, weight, average, weight=weight)


@takes("labels")
def multilabel_brier_score(
    y_true: Any, y_proba: Any, *, average: Average = "micro", sample_weight: OptionalArray = None
) -> float | Array:
    """Mean squared difference of target and probability over the known entries.

    Strictly proper for each label.

    Parameters
    ----------
    y_true, y_proba : array-like or sparse matrix
        As in `multilabel_log_loss`.
    average, sample_weight : str, array-like
        As in `multilabel_log_loss`.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_brier_score
    >>> round(multilabel_brier_score([[1, 0], [0, -1]], [[0.8, 0.1], [0.2, 0.5]]), 4)
    0.03
    """
    weight, squares = label_sums(
        LabelBlocks(y_true, y_proba, sample_weight), lambda truth, proba: np.square(truth - proba)
    )
    return averaged(squares, weight, average, weight=weight)


@takes("decisions")
def multilabel_hamming_loss(
    y_true: Any, y_pred: Any, *, average: Average = "micro", sample_weight: OptionalArray = None
) -> float | Array:
    """Expected share of the known entries that are decided wrongly.

    With 0/1 entries this is scikit-learn's ``hamming_loss``. Where labels are rare it is small
    for a model that predicts none: see `multilabel_report`.

    Parameters
    ----------
    y_true : array-like or sparse matrix
        As in `multilabel_log_loss`.
    y_pred : array-like or sparse matrix of the shape of y_true
        Decisions, 0 or 1.
    average, sample_weight : str, array-like
        As in `multilabel_log_loss`.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_hamming_loss
    >>> round(multilabel_hamming_loss([[1, 0.25], [0, -1]], [[1, 0], [1, 1]]), 4)
    0.4167
    """
    weight, wrong = label_sums(
        DecisionBlocks(y_true, y_pred, sample_weight),
        lambda truth, decided: np.abs(truth - decided),
    )
    return averaged(wrong, weight, average, weight=weight)


@takes("decisions")
def multilabel_subset_accuracy(
    y_true: Any, y_pred: Any, *, sample_weight: OptionalArray = None
) -> float:
    """Expected subset accuracy: the mean over rows of P(target = prediction).

    P is a product over the known labels of a row; rows without a known label do not count. With
    0/1 entries this is scikit-learn's ``accuracy_score``. It is what
    `MultiLabelSigmoidClassifier.score` returns.

    Parameters
    ----------
    y_true : array-like or sparse matrix
        As in `multilabel_log_loss`.
    y_pred : array-like or sparse matrix of the shape of y_true
        Decisions, 0 or 1.
    sample_weight : array-like, default=None
        As in `multilabel_log_loss`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_log_loss`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_subset_accuracy
    >>> multilabel_subset_accuracy([[1, 0.25], [0, -1], [-1, -1]], [[1, 0], [1, 1], [1, 1]])
    0.375
    """
    return subset_accuracy(DecisionBlocks(y_true, y_pred, sample_weight), lambda decided: decided)


def subset_accuracy(blocks: LabelBlocks, decide: Callable[[Array], Array]) -> float:
    """Mean over the rows with a known label of P(target = decision)."""

    def agreement(truth: Array, proba: Array) -> Array:
        of_label = np.where(decide(proba) == 1, truth, 1 - truth)
        return np.where(np.isnan(truth).all(axis=1), np.nan, np.nanprod(of_label, axis=1))

    (hits,) = blocks.row_values(agreement)
    counted = ~np.isnan(hits)
    if not blocks.weight[counted].any():
        raise ValueError(NOTHING_KNOWN)
    return float(np.average(hits[counted], weights=blocks.weight[counted]))
