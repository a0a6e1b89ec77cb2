"""Scores of decisions on labels, from expected counts: F-beta, precision, recall, Jaccard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._checks import check_number, check_one_of
from .._targets.encoding import Array
from ._multilabel import label_sums
from ._takes import takes
from .averages import AVERAGES, Average, mean_of_defined
from .blocks import NOTHING_KNOWN, DecisionBlocks, OptionalArray
from .confusion import Counts, fbeta_parts, jaccard_parts, precision_parts, recall_parts

Parts = Callable[[Counts], tuple[Any, Any]]


def _of_counts(
    parts: Parts,
    y_true: Any,
    y_pred: Any,
    average: Average,
    zero_division: float,
    sample_weight: OptionalArray,
) -> float | Array:
    """Quotients of counts, from their numerators and denominators, averaged."""
    check_one_of("average", average, AVERAGES)
    if zero_division not in (0, 1) and zero_division == zero_division:
        raise ValueError(f"zero_division must be 0.0, 1.0 or nan; got {zero_division!r}.")
    blocks = DecisionBlocks(y_true, y_pred, sample_weight)
    counts = _counts_of_rows(blocks) if average == "samples" else _counts_of_labels(blocks)
    known = np.asarray(counts.total) > 0
    if average == "micro":
        counts = Counts(*(part.sum() for part in vars(counts).values()))
    numerator, denominator = map(np.asarray, parts(counts))
    values = np.full(denominator.shape, float(zero_division))
    np.divide(numerator, denominator, out=values, where=denominator > 0)
    if average == "micro":
        return float(values)
    values[~known] = np.nan
    if average is None:
        return values
    weight = {"weighted": counts.positives, "samples": blocks.weight}.get(average)
    return mean_of_defined(values, None if weight is None else np.asarray(weight))


def _counts_of_labels(blocks: DecisionBlocks) -> Counts:
    weight, hits, present, predicted = label_sums(
        blocks,
        lambda truth, decided: truth * decided,
        lambda truth, decided: truth,
        lambda truth, decided: decided,
    )
    return Counts(hits, predicted, present, weight)


def _counts_of_rows(blocks: DecisionBlocks) -> Counts:
    hits, predicted, present, known = blocks.row_values(
        lambda truth, decided: np.nansum(truth * decided, axis=1),
        lambda truth, decided: np.where(np.isnan(truth), 0.0, decided).sum(axis=1),
        lambda truth, decided: np.nansum(truth, axis=1),
        lambda truth, decided: (~np.isnan(truth)).sum(axis=1),
    )
    if not blocks.weight[known > 0].any():
        raise ValueError(NOTHING_KNOWN)
    return Counts(hits, predicted, present, known)


@takes("decisions")
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
    predicted, P the sum of the targets and Q the number of predictions. With 0/1 entries this is
    scikit-learn's ``fbeta_score``.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels) or (n_samples,)
        As in `multilabel_log_loss`.
    y_pred : array-like or sparse matrix of the shape of y_true
        Decisions, 0 or 1.
    beta : float, default=1.0
        How many times recall counts as much as precision, > 0.
    average : {"micro", "macro", "weighted", "samples"} or None, default="macro"
        "micro": of the sums over all labels. "macro": the mean over the labels with a known entry.
        "weighted": the same, each label with the sum of its targets. "samples": the mean over the
        rows with a known label. None: one value a label, NaN where none of its entries is known.
    zero_division : {0.0, 1.0, nan}, default=0.0
        The value of what would be 0 divided by 0; NaN leaves it out of the mean.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        If the shapes differ, an entry or an option is illegal, or no entry is known.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_f1_score
    >>> multilabel_f1_score([[1, 0], [0, -1], [1, 1]], [[1, 0], [1, 1], [1, 1]])
    0.9
    """
    check_number("beta", beta, 0, open_end=True)
    parts = partial(fbeta_parts, beta=beta)
    return _of_counts(parts, y_true, y_pred, average, zero_division, sample_weight)


@takes("decisions")
def multilabel_precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: Average = "macro",
    zero_division: float = 0.0,
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Precision of expected counts over the known entries.

    The sum of the targets where the label is predicted over the number of predictions. With 0/1
    entries this is scikit-learn's ``precision_score``.

    Parameters
    ----------
    y_true, y_pred : array-like or sparse matrix
        As in `multilabel_f1_score`.
    average, zero_division, sample_weight : str, float, array-like
        As in `multilabel_f1_score`.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_f1_score`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_precision_score
    >>> multilabel_precision_score([[1, 0], [0, -1], [1, 1]], [[1, 0], [1, 1], [1, 1]])
    0.8333333333333333
    """
    return _of_counts(precision_parts, y_true, y_pred, average, zero_division, sample_weight)


@takes("decisions")
def multilabel_recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: Average = "macro",
    zero_division: float = 0.0,
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Recall of expected counts over the known entries.

    The sum of the targets where the label is predicted over the sum of the targets. With 0/1
    entries this is scikit-learn's ``recall_score``.

    Parameters
    ----------
    y_true, y_pred : array-like or sparse matrix
        As in `multilabel_f1_score`.
    average, zero_division, sample_weight : str, float, array-like
        As in `multilabel_f1_score`.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_f1_score`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_recall_score
    >>> multilabel_recall_score([[1, 0], [0, -1], [1, 1]], [[1, 0], [1, 1], [1, 1]])
    1.0
    """
    return _of_counts(recall_parts, y_true, y_pred, average, zero_division, sample_weight)


@takes("decisions")
def multilabel_jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    average: Average = "macro",
    zero_division: float = 0.0,
    sample_weight: OptionalArray = None,
) -> float | Array:
    """Jaccard index of expected counts over the known entries.

    The sum of the targets where the label is predicted over the sum of targets and predictions
    less that. With 0/1 entries this is scikit-learn's ``jaccard_score``.

    Parameters
    ----------
    y_true, y_pred : array-like or sparse matrix
        As in `multilabel_f1_score`.
    average, zero_division, sample_weight : str, float, array-like
        As in `multilabel_f1_score`.

    Returns
    -------
    float or ndarray of shape (n_labels,)
        In [0, 1].

    Raises
    ------
    ValueError
        As `multilabel_f1_score`.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_jaccard_score
    >>> multilabel_jaccard_score([[1, 0], [0, -1], [1, 1]], [[1, 0], [1, 1], [1, 1]])
    0.8333333333333333
    """
    return _of_counts(jaccard_parts, y_true, y_pred, average, zero_division, sample_weight)
