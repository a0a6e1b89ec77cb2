"""Scores of rankings: of the rows by each label, and of the labels in each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from .._checks import check_count, check_one_of
from .._targets.encoding import Array
from .._warn import warn
from ._averages import AVERAGES, Average, mean_of_defined
from .blocks import NOTHING_KNOWN, OptionalArray, ScoreBlocks

OfRanking = Callable[[Array, Array, Array], float]


# --- of the rows by each label -------------------------------------------------------------------


def _groups(score: Array, *values: Array) -> list[Array]:
    """Cumulative sums of values from the highest score down, at the end of each group of ties."""
    order = np.argsort(-score)
    ordered = score[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)
    return [np.cumsum(value[order])[ends] for value in values]


def _roc_auc(truth: Array, score: Array, weight: Array) -> float:
    present, absent = _groups(score, truth * weight, (1 - truth) * weight)
    if present[-1] <= 0 or absent[-1] <= 0:
        return np.nan
    before = np.append(0.0, present[:-1])
    area = (np.diff(absent, prepend=0.0) * (present + before)).sum() / 2
    return float(area / (present[-1] * absent[-1]))


def _average_precision(truth: Array, score: Array, weight: Array) -> float:
    present, total = _groups(score, truth * weight, weight)
    if present[-1] <= 0:
        return np.nan
    precision = np.divide(present, total, out=np.zeros_like(present), where=total > 0)
    return float((np.diff(present, prepend=0.0) * precision).sum() / present[-1])


def _by_label(
    of_ranking: OfRanking, blocks: ScoreBlocks, average: Average, lacks: str
) -> float | Array:
    check_one_of("average", average, AVERAGES)
    if average == "samples":
        return _mean_of_rows(blocks, lambda t, s: of_ranking(t, s, np.ones(len(t))))
    if average == "micro":
        entries = [np.stack(column) for column in blocks.known_columns()]
        return of_ranking(*np.concatenate(entries, axis=1))
    values, support = np.full(blocks.n_columns, np.nan), np.zeros(blocks.n_columns)
    for j, (truth, score, weight) in enumerate(blocks.known_columns()):
        if len(truth):
            support[j] = (truth * weight).sum()
            values[j] = of_ranking(truth, score, weight)
    if average is None:
        return values
    undefined = np.flatnonzero(np.isnan(values))
    if len(undefined):
        left_out = undefined if blocks.label_names is None else blocks.label_names[undefined]
        warn(
            f"Labels {left_out.tolist()} have {lacks} among their known entries: they are left out "
            "of the mean.",
            UndefinedMetricWarning,
        )
    return mean_of_defined(values, support if average == "weighted" else None)


def _mean_of_rows(blocks: ScoreBlocks, of_row: Callable[[Array, Array], float]) -> float:
    """Weighted mean over the rows that have a value."""
    values = np.full(blocks.n_samples, np.nan)
    any_known = False
    for part, truth, score in blocks.rows():
        known = ~np.isnan(truth) & (blocks.weight[part] > 0)[:, None]
        any_known = any_known or bool(known.any())
        for i, row in enumerate(range(part.start, part.stop)):
            if known[i].any():
                values[row] = of_row(truth[i, known[i]], score[i, known[i]])
    if not any_known:
        raise ValueError(NOTHING_KNOWN)
    return mean_of_defined(values, blocks.weight)


def multilabel_roc_auc_score(
    y_true: Any, y_score: Any, *, average: Average = "macro", sample_weight: OptionalArray = None
) -> float | Array:
    """Area under the ROC curve of each label, over its known entries.

    The probability that a row which has the label scores above one which lacks it, ties counting
    half. A soft entry y is present with weight y and absent with weight 1 - y. With 0/1 entries
    this is scikit-learn's ``roc_auc_score``, and 1 less its ``label_ranking_loss`` with
    ``average="samples"``, but for ties and for rows of one class.

    Parameters
    ----------
    y_true : array-like or sparse matrix of shape (n_samples, n_labels) or (n_samples,)
        As in `multilabel_log_loss`.
    y_score : array-like of the shape of y_true
        Finite scores: probabilities, or the values of a decision function.
    average : {"micro", "macro", "weighted", "samples"} or None, default="macro"
        "micro": of all known entries together. "macro": the mean over the labels that have a value.
        "weighted": the same, each label with the sum of its targets. "samples": the mean over the
        rows that have one. None: one value a label, NaN where there is none.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0.

    Returns
    -------
    float or ndarray of shape (n_labels,), in [0, 1]

    Warns
    -----
    UndefinedMetricWarning
        Of labels with one class alone among their known entries, which a mean leaves out.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_roc_auc_score
    >>> Y, scores = [[1, 0], [0, -1], [1, 1]], [[0.9, 0.3], [0.4, 0.2], [0.3, 0.8]]
    >>> multilabel_roc_auc_score(Y, scores)
    0.75
    """
    blocks = ScoreBlocks(y_true, y_score, sample_weight)
    return _by_label(_roc_auc, blocks, average, "one class alone")


def multilabel_average_precision_score(
    y_true: Any, y_score: Any, *, average: Average = "macro", sample_weight: OptionalArray = None
) -> float | Array:
    """Average precision of each label, over its known entries.

    The mean of the precision at the scores of the rows that have the label, by their weights. Soft
    entries count as in `multilabel_roc_auc_score`. With 0/1 entries this is scikit-learn's
    ``average_precision_score``.

    Parameters
    ----------
    y_true, y_score, average, sample_weight : array-like, str
        As in `multilabel_roc_auc_score`.

    Returns
    -------
    float or ndarray of shape (n_labels,), in [0, 1]

    Warns
    -----
    UndefinedMetricWarning
        Of labels with none present among their known entries, which a mean leaves out.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_average_precision_score
    >>> Y, scores = [[1, 0], [0, -1], [1, 1]], [[0.9, 0.3], [0.4, 0.2], [0.3, 0.8]]
    >>> round(multilabel_average_precision_score(Y, scores), 4)
    0.9167
    """
    blocks = ScoreBlocks(y_true, y_score, sample_weight)
    return _by_label(_average_precision, blocks, average, "none present")


# --- of the labels in each row -------------------------------------------------------------------


def _ranking_average_precision(truth: Array, score: Array) -> float:
    total = truth.sum()
    if total == 0:
        return 1.0
    hits, above = _groups(score, truth, np.ones(len(truth)))
    return float(np.diff(hits, prepend=0.0) @ (hits / above) / total)


def _gain(truth: Array, score: Array, of_places: Array) -> float:
    """Targets times discounts of their places, cumulative in `of_places`, the mean over ties."""
    hits, ends = _groups(score, truth, np.ones(len(truth)))
    ends = np.append(0, ends.astype(np.intp))
    hits = np.append(0.0, hits)
    return float((np.diff(hits) / np.diff(ends) * np.diff(of_places[ends])).sum())


def multilabel_ranking_average_precision(
    y_true: Any, y_score: Any, *, sample_weight: OptionalArray = None
) -> float:
    """Mean over the rows of the precision at each label that is present.

    For each label of a row: the share of what is present among the known labels that score at
    least as high; the mean over the labels, by their targets; 1 where none is present. With 0/1
    entries this is scikit-learn's ``label_ranking_average_precision_score``.

    Parameters
    ----------
    y_true, y_score, sample_weight : array-like or sparse matrix
        As in `multilabel_roc_auc_score`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_ranking_average_precision
    >>> Y, scores = [[1, 0], [0, -1], [1, 1]], [[0.9, 0.3], [0.4, 0.2], [0.3, 0.8]]
    >>> multilabel_ranking_average_precision(Y, scores)
    1.0
    """
    return _mean_of_rows(ScoreBlocks(y_true, y_score, sample_weight), _ranking_average_precision)


def multilabel_precision_at_k(
    y_true: Any, y_score: Any, *, k: int | None = None, sample_weight: OptionalArray = None
) -> float:
    """Mean over the rows of the targets among the k labels that score highest.

    Divided by k, or by the number of known labels where these are fewer. Ties share what is left
    of the k places.

    Parameters
    ----------
    y_true, y_score : array-like or sparse matrix
        As in `multilabel_roc_auc_score`.
    k : int, default=None
        Labels from the top that count; None is all.
    sample_weight : array-like, default=None
        As in `multilabel_roc_auc_score`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_precision_at_k
    >>> Y, scores = [[1, 0], [0, -1], [1, 1]], [[0.9, 0.3], [0.4, 0.2], [0.3, 0.8]]
    >>> round(multilabel_precision_at_k(Y, scores, k=1), 4)
    0.6667
    """
    if k is not None:
        check_count("k", k, 1)
    blocks = ScoreBlocks(y_true, y_score, sample_weight)
    most = blocks.n_columns if k is None else k
    of_places = np.minimum(np.arange(blocks.n_columns + 1), most)

    def precision(truth: Array, score: Array) -> float:
        return _gain(truth, score, of_places) / min(most, len(truth))

    return _mean_of_rows(blocks, precision)


def multilabel_ndcg_score(
    y_true: Any, y_score: Any, *, k: int | None = None, sample_weight: OptionalArray = None
) -> float:
    """Normalised discounted cumulative gain of the labels of a row, the mean over the rows.

    Targets over the logarithm of their place, as a share of the best order; 0 where all targets
    are 0. Ties share their places. Of full rows this is scikit-learn's ``ndcg_score``.

    Parameters
    ----------
    y_true, y_score, k, sample_weight : array-like, int
        As in `multilabel_precision_at_k`.

    Returns
    -------
    float in [0, 1]

    References
    ----------
    Jarvelin and Kekalainen, ACM TOIS 20 (2002) 422-446, doi:10.1145/582415.582418.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_ndcg_score
    >>> Y, scores = [[1, 0], [0, -1], [1, 1]], [[0.9, 0.3], [0.4, 0.2], [0.3, 0.8]]
    >>> round(multilabel_ndcg_score(Y, scores), 4)
    0.6667
    """
    if k is not None:
        check_count("k", k, 1)
    blocks = ScoreBlocks(y_true, y_score, sample_weight)
    discount = 1 / np.log2(np.arange(blocks.n_columns) + 2)
    if k is not None:
        discount[k:] = 0.0
    of_places = np.append(0.0, np.cumsum(discount))

    def ndcg(truth: Array, score: Array) -> float:
        best = float(np.sort(truth)[::-1] @ discount[: len(truth)])
        return _gain(truth, score, of_places) / best if best > 0 else 0.0

    return _mean_of_rows(blocks, ndcg)
