"""How well the answer of each annotator is foretold, as a shared task on disagreement has it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._checks import check_one_of, weight_or_ones
from .._targets.annotations import are_same, known_annotations, read_annotations
from .._targets.encoding import Array
from ._averages import averaged
from .blocks import OptionalArray, Values

AnswerAverage = Literal["items", "annotators"] | None


def annotator_error_rate(
    y_true: Any,
    y_answers: Any,
    *,
    average: AnswerAverage = "items",
    sample_weight: OptionalArray = None,
) -> Any:
    """Share of the answers that were not predicted.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, n_annotators)
        Answers; NaN or None where there is none.
    y_answers : array-like of shape (n_samples, n_annotators) or (n_samples,)
        Predicted answers, needed where there is an answer; one a row is that of all annotators.
    average : {'items', 'annotators'} or None, default='items'
        "items": the mean over an item's answers, averaged over the items that have one, as the
        shared task takes it. "annotators": the mean over an annotator's, averaged over them. None:
        these by themselves.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights >= 0 of the items.

    Returns
    -------
    float in [0, 1] or ndarray of shape (n_annotators,)
        NaN for an annotator without an answer.

    Raises
    ------
    ValueError
        If the shapes differ, or there is no answer, or a prediction is missing where there is one.

    References
    ----------
    Leonardelli et al., LeWiDi-2025 at NLPerspectives, 2025, arXiv:2510.08460.

    Examples
    --------
    >>> from sklearn_softloss.metrics import annotator_error_rate
    >>> annotator_error_rate([[0, 1], [1, None]], [[0, 0], [1, 1]])
    0.25
    >>> annotator_error_rate([[0, 1], [1, None]], [[0, 0], [1, 1]], average=None)
    array([0., 1.])
    """

    def differ(given: Array, predicted: Array) -> Array:
        return 1.0 - are_same(given, predicted)

    return _mean_of_answers(y_true, y_answers, differ, average, sample_weight)


def annotator_absolute_distance(
    y_true: Any,
    y_ratings: Any,
    *,
    scale: float = 1.0,
    average: AnswerAverage = "items",
    sample_weight: OptionalArray = None,
) -> Any:
    """Mean absolute difference between answers that are numbers and their predictions.

    Parameters
    ----------
    y_true, y_ratings : array-like
        Answers, which are numbers, and their predictions, as in `annotator_error_rate`.
    scale : float, default=1.0
        What differences are divided by, > 0; the shared task takes the number of levels of the
        ratings (6 for ratings from 1 to 6, 11 for those from -5 to 5).
    average, sample_weight : str, array-like
        As in `annotator_error_rate`.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        >= 0, in the units of the answers over `scale`; NaN for an annotator without an answer.

    Raises
    ------
    ValueError
        As `annotator_error_rate`, if answers are no numbers, or `scale` is not above 0.

    Examples
    --------
    >>> from sklearn_softloss.metrics import annotator_absolute_distance
    >>> annotator_absolute_distance([[1, 5], [3, None]], [[2, 2], [3, 3]], scale=5)
    0.2
    """
    if not scale > 0:
        raise ValueError(f"scale must be above 0; got {scale!r}.")
    found = _mean_of_answers(y_true, y_ratings, _distance, average, sample_weight)
    return found / scale


def _distance(given: Array, predicted: Array) -> Array:
    if given.dtype.kind not in "biuf" or predicted.dtype.kind not in "biuf":
        raise ValueError("Distances need answers that are numbers; some are not.")
    return np.abs(given.astype(np.float64) - predicted)


def _mean_of_answers(
    y_true: Any, y_predicted: Any, value: Values, average: AnswerAverage, sample_weight: Any
) -> Any:
    check_one_of("average", average, ("items", "annotators", None))
    answers = read_annotations(y_true, are_ratings=True)
    shape = answers.shape
    weight = weight_or_ones(sample_weight, (len(answers),), name="sample_weight")
    predicted = np.asarray(y_predicted)
    if predicted.ndim == 1:
        predicted = predicted[:, None]
    if predicted.shape not in (shape, (shape[0], 1)):
        raise ValueError(
            f"The predicted answers must have shape {shape}, or one a row; they have "
            f"{np.shape(y_predicted)}."
        )
    predicted = np.broadcast_to(predicted, shape)[answers.item, answers.annotator]
    there, predicted = known_annotations(predicted, "Predictions")
    if not there.all():
        row = answers.item[int(np.argmin(there))]
        raise ValueError(f"Every answer needs a prediction; row {row} has none.")
    values = value(answers.classes[answers.label], predicted)
    if average == "items":
        group, n, of_answers, of_groups = answers.item, shape[0], np.ones(len(values)), weight
    else:
        group, n, of_answers, of_groups = answers.annotator, shape[1], weight[answers.item], None
    totals, sums = (np.bincount(group, of, n) for of in (of_answers, of_answers * values))
    return averaged(sums, totals, average, known=totals, weight=of_groups)
