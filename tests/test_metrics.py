"""Soft scores, against scikit-learn's hard ones and by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sklearn_softloss.metrics import soft_log_loss


def test_soft_log_loss_of_hard_rows_is_scikit_learns():
    rng = np.random.default_rng(0)
    labels, proba = rng.integers(0, 3, 40), rng.dirichlet(np.ones(3), 40)
    weight = rng.random(40)
    assert soft_log_loss(np.eye(3)[labels], proba, sample_weight=weight) == pytest.approx(
        log_loss(labels, proba, sample_weight=weight)
    )


def test_soft_log_loss_is_least_at_the_truth():
    truth = np.random.default_rng(0).dirichlet(np.ones(3), 40)
    entropy = -(truth * np.log(truth)).sum(axis=1).mean()
    assert soft_log_loss(truth, truth) == pytest.approx(entropy)
    assert soft_log_loss(truth, np.full((40, 3), 1 / 3)) > entropy


def test_a_certain_error_costs_much_but_not_everything():
    assert np.isfinite(soft_log_loss([[1.0, 0.0]], [[0.0, 1.0]]))


@pytest.mark.parametrize(
    ("truth", "proba", "message"),
    [
        ([[1.0, 0.0]], [[1.0, 0.0, 0.0]], "shape"),
        ([[1.0, 0.0]], [[1.5, -0.5]], r"\[0, 1\]"),
        ([[1.0, 1.0]], [[0.5, 0.5]], "row 0 sums to 2"),
    ],
)
def test_bad_input_is_refused(truth, proba, message):
    with pytest.raises(ValueError, match=message):
        soft_log_loss(truth, proba)
