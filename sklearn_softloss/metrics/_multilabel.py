"""Scores of independent labels, some of whose entries may be soft or unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .._checks import check_number, check_one_of
from .._probability import SMALLEST_PROBA
from .._targets.encoding import Array
from ._averages import AVERAGES, Average, averaged, label_sums, row_sums
from .blocks import NOTHING_KNOWN, DecisionBlocks, LabelBlocks, OptionalArray, Values
from .confusion import Counts, fbeta_parts

Pooling = Literal["micro", "macro"] | None


def binary_log_losses(truth: Array, proba: Array) -> Array:
    """Binary cross-entropy of each entry, in nats."""
    present = truth * np.log(np.maximum(proba, SMALLEST_PROBA))
    return -(present + (1 - truth) * np.log(np.maximum(1 - proba, SMALLEST_PROBA)))


def squared_errors(truth: Array, proba: Array) -> Array:
    return np.square(truth - proba)


def _mean_over_entries(blocks: LabelBlocks, value: Values, average: Pooling) -> float | Array:
    """Weighted mean of a value of each known entry."""
    check_one_of("average", average, ("micro", "macro", None))
    known, sums = label_sums(blocks, value)
    return averaged(sums, known, average, known=known)


def multilabel_log_loss(
    y_true: Any, y_proba: Any, *, average: Pooling = "micro", sample_weight: OptionalArray = None
) -> float | Array:
    """Mean binary cross-entropy over the known entries.

    Strictly proper for each label. scikit-learn's ``log_loss`` takes rows of several labels for
    one distribution over classes, and says something else.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels) or (n_samples,)
        Entries 0 or 1, soft in [0, 1], NaN or -1 where unknown (in a sparse matrix what is not
        stored is 0), at least one known. A vector is one label.
    y_proba : array-like of the shape of y_true
        Predicted probabilities of the labels.
    average : {"micro", "macro"} or None, default="micro"
        "micro": the mean over all known entries. "macro": the mean over the labels that have one.
        None: one value a label, NaN where none of its entries is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float or ndarray of shape (n_labels,), in nats

    Raises
    ------
    ValueError
        If the shapes differ, an entry or an option is illegal, or no entry is known.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_log_loss
    >>> y_true = [[1, 0], [0, float("nan")], [1, -1]]
    >>> y_proba = [[0.8, 0.1], [0.2, 0.5], [0.5, 0.5]]
    >>> round(multilabel_log_loss(y_true, y_proba), 4)
    0.3112
    >>> multilabel_log_loss(y_true, y_proba, average=None).round(4)
    array([0.3798, 0.1054])
    """
    blocks = LabelBlocks(y_true, y_proba, sample_weight)
    return _mean_over_entries(blocks, binary_log_losses, average)


def multilabel_brier_score(
    y_true: Any, y_proba: Any, *, average: Pooling = "micro", sample_weight: OptionalArray = None
) -> float | Array:
    """Mean squared difference of target and probability over the known entries; strictly proper.

    Parameters
    ----------
    y_true, y_proba, average, sample_weight : array-like, str
        As in `multilabel_log_loss`.

    Returns
    -------
    float or ndarray of shape (n_labels,), in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_brier_score
    >>> round(multilabel_brier_score([[1, 0], [0, -1]], [[0.8, 0.1], [0.2, 0.5]]), 4)
    0.03
    """
    blocks = LabelBlocks(y_true, y_proba, sample_weight)
    return _mean_over_entries(blocks, squared_errors, average)


def multilabel_hamming_loss(
    y_true: Any, y_pred: Any, *, average: Pooling = "micro", sample_weight: OptionalArray = None
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
    float or ndarray of shape (n_labels,), in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_hamming_loss
    >>> round(multilabel_hamming_loss([[1, 0.25], [0, -1]], [[1, 0], [1, 1]]), 4)
    0.4167
    """
    blocks = DecisionBlocks(y_true, y_pred, sample_weight)
    return _mean_over_entries(blocks, lambda truth, decided: np.abs(truth - decided), average)


def multilabel_subset_accuracy(
    y_true: Any, y_pred: Any, *, sample_weight: OptionalArray = None
) -> float:
    """Expected subset accuracy: the mean over rows of P(target = prediction).

    P is a product over the known labels of a row; rows without a known label do not count. With 0/1
    entries this is scikit-learn's ``accuracy_score``. `MultiLabelSigmoidClassifier.score` is this.

    Parameters
    ----------
    y_true, y_pred, sample_weight : array-like or sparse matrix
        As in `multilabel_hamming_loss`.

    Returns
    -------
    float in [0, 1]

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


def multilabel_f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    average: Average = "macro",
    zero_division: float = 0.0,
    sample_weight: OptionalArray = None,
) -> float | Array:
    """F1, or F-beta, of expected counts over the known entries.

    ``(1 + beta**2) TP / (beta**2 P + Q)`` with TP the sum of the targets where the label is
    predicted, P the sum of the targets and Q the number of predictions: precision at ``beta=0``,
    recall at ``beta=inf``. With 0/1 entries this is scikit-learn's ``fbeta_score``.

    Parameters
    ----------
    y_true, y_pred : array-like or sparse matrix
        As in `multilabel_hamming_loss`.
    beta : float, default=1.0
        How many times recall counts as much as precision, >= 0.
    average : {"micro", "macro", "weighted", "samples"} or None, default="macro"
        "micro": of the sums over all labels. "macro": the mean over the labels with a known entry.
        "weighted": the same, each label with the sum of its targets. "samples": the mean over the
        rows with a known label. None: one value a label, NaN where none of its entries is known.
    zero_division : {0.0, 1.0, nan}, default=0.0
        The value of what would be 0 divided by 0; NaN leaves it out of the mean.
    sample_weight : array-like, default=None
        As in `multilabel_log_loss`.

    Returns
    -------
    float or ndarray of shape (n_labels,), in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_f1_score
    >>> y_true, y_pred = [[1, 0], [0, -1], [1, 1]], [[1, 0], [1, 1], [1, 1]]
    >>> multilabel_f1_score(y_true, y_pred)
    0.9
    >>> round(multilabel_f1_score(y_true, y_pred, beta=0), 4)  # precision
    0.8333
    """
    check_number("beta", beta, 0)
    check_one_of("average", average, AVERAGES)
    if zero_division not in (0, 1) and zero_division == zero_division:
        raise ValueError(f"zero_division must be 0.0, 1.0 or nan; got {zero_division!r}.")
    blocks = DecisionBlocks(y_true, y_pred, sample_weight)
    known, hits, predicted, present = (row_sums if average == "samples" else label_sums)(
        blocks,
        lambda truth, decided: truth * decided,
        lambda truth, decided: decided,
        lambda truth, decided: truth,
    )
    counts = Counts(hits, predicted, present, known)
    weights = {"weighted": counts.positives, "samples": blocks.weight}
    if average == "micro":
        counts = Counts(*(part.sum() for part in vars(counts).values()))
    return averaged(
        *fbeta_parts(counts, beta),
        average,
        known=known,
        zero_division=zero_division,
        weight=weights.get(average or ""),
    )
