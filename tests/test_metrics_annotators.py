"""Measures of the shared task on disagreement, against loops over items and annotators."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_softloss import metrics

PER_ANSWER = {
    metrics.annotator_error_rate: lambda given, said: float(given != said),
    metrics.annotator_absolute_distance: lambda given, said: abs(given - said),
}


def draw(seed, n=12, n_annotators=5, levels=6):
    rng = np.random.default_rng(seed)
    given = rng.integers(-2, levels - 2, size=(n, n_annotators)).astype(float)
    given[rng.random(given.shape) < 0.4] = np.nan
    given[0, 0] = 1
    return given, rng.integers(-2, levels - 2, size=given.shape), rng.random(n) + 0.1


@pytest.mark.parametrize("metric", PER_ANSWER)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_means_are_those_of_a_loop(metric, seed):
    given_answers, said, weight = draw(seed)
    values = {
        (i, a): PER_ANSWER[metric](given_answers[i, a], said[i, a])
        for i, a in np.argwhere(~np.isnan(given_answers))
    }
    items = sorted({i for i, _ in values})
    of_items = [np.mean([v for (i, _), v in values.items() if i == item]) for item in items]
    assert metric(given_answers, said) == pytest.approx(np.mean(of_items))
    weighted = np.average(of_items, weights=weight[items])
    assert metric(given_answers, said, sample_weight=weight) == pytest.approx(weighted)
    of_annotators = np.full(5, np.nan)
    for annotator in range(5):
        theirs = [(v, weight[i]) for (i, a), v in values.items() if a == annotator]
        if theirs:
            of_annotators[annotator] = np.average(
                *np.transpose(theirs)[:1], weights=np.transpose(theirs)[1]
            )
    found = metric(given_answers, said, average=None, sample_weight=weight)
    assert_allclose(found, of_annotators)
    found = metric(given_answers, said, average="annotators", sample_weight=weight)
    assert found == pytest.approx(np.nanmean(of_annotators))


def test_the_shared_tasks_definitions_by_hand():
    """Means over annotators, then over items; distances over the number of levels."""
    given_answers = np.array([[1, 0, 1], [0, np.nan, 0]])
    assert metrics.annotator_error_rate(given_answers, [[1, 1, 1], [1, 0, 0]]) == pytest.approx(
        (1 / 3 + 1 / 2) / 2
    )
    ratings = np.array([[-5, 5, 0], [2, 3, np.nan]])
    found = metrics.annotator_absolute_distance(ratings, [[5, 5, 1], [2, 1, 0]], scale=11)
    assert found == pytest.approx(((10 + 0 + 1) / 3 / 11 + (0 + 2) / 2 / 11) / 2)
    manhattan, wasserstein = (
        partial(metrics.label_distribution_distance, measure=measure)
        for measure in ("manhattan", "wasserstein")
    )
    assert manhattan([[0.2, 0.8]], [[0.6, 0.4]]) == pytest.approx(0.8)
    assert wasserstein([[1, 0, 0, 0]], [[0, 0, 0, 1]]) == pytest.approx(3)


def test_one_prediction_a_row_is_that_of_all():
    given_answers, said, _ = draw(0)
    wide = np.repeat(said[:, :1], 5, axis=1)
    found = metrics.annotator_error_rate(given_answers, said[:, 0])
    assert found == metrics.annotator_error_rate(given_answers, wide)


def test_answers_may_have_names_and_frames():
    given_answers = pd.DataFrame({"ann": ["yes", "no", None], "bob": [None, "no", "yes"]})
    said = np.array([["yes", "no"], ["yes", "no"], ["no", "yes"]])
    assert metrics.annotator_error_rate(given_answers, said) == pytest.approx(0.5 / 3)
    assert_allclose(metrics.annotator_error_rate(given_answers, said, average=None), [0.5, 0])


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "message"),
    [
        ([[0, 1]], [[0, 1], [1, 1]], {}, "must have shape"),
        ([[0, 1]], [[0, 1, 1]], {}, "must have shape"),
        ([[0, 1]], [[0, np.nan]], {}, "row 0 has none"),
        ([[np.nan, np.nan]], [[0, 1]], {}, "no answer"),
        ([[0, 1]], [[0, 1]], {"average": "macro"}, "average must be"),
    ],
)
def test_refusals(y_true, y_pred, options, message):
    with pytest.raises(ValueError, match=message):
        metrics.annotator_error_rate(np.array(y_true, dtype=float), y_pred, **options)


def test_text_that_is_compared_with_numbers_is_refused():
    with pytest.raises(ValueError, match="all text or all numbers"):
        metrics.annotator_error_rate([["0", "1"]], [[0, 1]])


def test_one_annotator_is_a_column():
    assert metrics.annotator_absolute_distance([[1.5], [2.5]], [[1], [2]]) == 0.5


def test_distances_need_numbers_and_a_scale():
    with pytest.raises(ValueError, match="numbers"):
        metrics.annotator_absolute_distance([["a", "b"]], [["a", "a"]])
    with pytest.raises(ValueError, match="scale must be above 0"):
        metrics.annotator_absolute_distance([[1, 2]], [[1, 2]], scale=0)
