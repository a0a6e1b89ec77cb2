"""Tuned cut-offs, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from sklearn_softloss.decision import optimal_thresholds

SCORES = st.sampled_from([0.0, 0.1, 0.1000001, 0.3, 0.5, 0.9, 1.0])


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=1, max_size=12))
def test_reaches_the_best_f1_of_all_cuts(rows):
    truth, proba = np.array(rows).T[:, :, None].repeat(2, axis=2)
    (threshold, _), (reached, _) = optimal_thresholds(truth, proba)
    at = f1_score(truth[:, 0], proba[:, 0] >= threshold, zero_division=0.0)
    cuts = np.unique(proba)
    best = max(f1_score(truth[:, 0], proba[:, 0] >= cut, zero_division=0.0) for cut in cuts)
    assert reached == pytest.approx(best)
    if truth.any():
        assert at == pytest.approx(best)
    else:
        assert (threshold, reached) == (0.5, 0.0)


def test_unknown_labels_do_not_count():
    truth = np.array([[0, 1], [1, 0], [1, 1], [0, 1]], dtype=float)
    proba = np.array([[0.1, 0.5], [0.2, 0.3], [0.3, 0.7], [0.25, 0.9]])
    holed = truth.copy()
    holed[3] = np.nan
    for expected, found in zip(
        optimal_thresholds(truth[:3], proba[:3]), optimal_thresholds(holed, proba), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("proba", "message"), [([[0.1], [0.2]], "shape"), ([[0.1, 1.2], [0.2, 0.2]], r"\[0, 1\]")]
)
def test_bad_probabilities_are_refused(proba, message):
    with pytest.raises(ValueError, match=message):
        optimal_thresholds([[0, 1], [1, 0]], proba)
