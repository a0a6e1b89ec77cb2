"""Unknown labels count for nothing, and weights for what they say."""

import numpy as np
import pytest
import scipy.sparse as sp
from torch import nn

from cases import (
    LOSSES,
    PROPER_LOSSES,
    SMALL,
    make_labels,
    make_soft,
    multi,
    over_estimators,
    same_weights,
    soft,
    targets_for,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def full(Estimator, **kwargs):
    """One batch in a fixed order, so that only the sum over the rows counts."""
    return Estimator(**{**SMALL, "shuffle": False, **kwargs})


# --- unknown labels --------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [np.nan, -1])
@pytest.mark.parametrize("class_weight", [None, "balanced", [1.0, 2.0, 3.0, 4.0]])
def test_unknown_labels_are_as_if_label_weight_zero(unknown, class_weight):
    X, Y = make_labels()
    hidden = np.random.default_rng(0).random(Y.shape) < 0.3
    holed = np.where(hidden, unknown, Y.astype(float))
    clf = multi(class_weight=class_weight).fit(X, holed)
    assert np.isfinite(clf.loss_curve_).all()
    if class_weight == "balanced":  # counts known entries only
        return
    weighted = multi(class_weight=class_weight).fit(X, Y, label_weight=(~hidden).astype(float))
    same_weights(clf, weighted, rtol=1e-12)


def test_balanced_weights_count_known_entries_only():
    X, Y = make_labels(n=60)
    padded = np.vstack([Y.astype(float), np.full((30, 4), np.nan)])
    expected = full(MultiLabelSigmoidClassifier, class_weight="balanced").fit(X, Y)
    found = full(MultiLabelSigmoidClassifier, class_weight="balanced").fit(
        np.vstack([X, X[:30]]), padded
    )
    same_weights(found, expected, rtol=1e-12)


class ZeroLinear(nn.Linear):
    """A linear net that starts at zero, so that its outputs have nothing in common."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain == "independent"], ids=repr)
def test_a_label_nobody_knows_is_as_if_not_there(loss):
    X, Y = make_labels(n=30, n_labels=3)
    holed = Y.astype(float)
    holed[:, 1] = np.nan
    kept = multi(loss=loss, module=ZeroLinear).fit(X, Y[:, [0, 2]])
    with pytest.warns(UserWarning, match="no known entry"):
        partly = multi(loss=loss, module=ZeroLinear).fit(X, holed)
    np.testing.assert_allclose(partly.predict_proba(X)[:, [0, 2]], kept.predict_proba(X), rtol=1e-9)
    assert not partly.net_.module_.weight[1].any()
    assert partly.loss_ == pytest.approx(kept.loss_, rel=1e-9)


def test_rows_without_known_labels_are_no_rows():
    X, Y = make_labels(n=60)
    more = np.vstack([Y.astype(float), np.full((5, 4), np.nan)])
    expected = full(MultiLabelSigmoidClassifier).fit(X, Y)
    same_weights(full(MultiLabelSigmoidClassifier).fit(np.vstack([X, X[:5]]), more), expected)
    assert expected.score(np.vstack([X, X[:5]]), more) == expected.score(X, Y)


def test_score_skips_unknown_labels():
    X, Y = make_labels()
    clf = multi(max_iter=5).fit(X, Y)
    right = clf.predict(X)
    holed = np.where(right == Y, Y, -1)
    assert clf.score(X, holed) == 1.0


# --- weights ---------------------------------------------------------------------------------


@over_estimators
def test_weights_are_repetitions(Estimator):
    X, Y = targets_for(Estimator, n=32)
    repeats = np.arange(32) % 3
    weighted = full(Estimator, max_iter=30).fit(X, Y, sample_weight=repeats)
    repeated = full(Estimator, max_iter=30).fit(
        np.repeat(X, repeats, axis=0), np.repeat(Y, repeats, axis=0)
    )
    same_weights(weighted, repeated, rtol=1e-7, atol=1e-9)


def test_a_row_of_equal_label_weights_is_a_sample_weight():
    X, Y = make_labels()
    weight = np.random.default_rng(0).random(len(X)) + 0.1
    by_sample = multi().fit(X, Y, sample_weight=weight)
    by_label = multi().fit(X, Y, label_weight=np.repeat(weight[:, None], 4, axis=1))
    same_weights(by_label, by_sample, rtol=1e-9)


@pytest.mark.parametrize(
    "given", [sp.csr_array(np.full((120, 4), 2.0)), 2.0], ids=["sparse", "one"]
)
def test_label_weights_are_given_in_any_form(given):
    X, Y = make_labels()
    by_entry = multi().fit(X, Y, label_weight=np.full(Y.shape, 2.0))
    same_weights(multi().fit(X, Y, label_weight=given), by_entry, rtol=1e-12)


def test_class_weights_are_sample_weights_of_hard_labels():
    X, Y = make_soft()
    labels = Y.argmax(axis=1)
    costs = {0: 3.0, 1: 1.0, 2: 0.5}
    for loss in ("cross_entropy", "binary_cross_entropy"):
        by_class = soft(class_weight=costs, loss=loss).fit(X, labels)
        by_sample = soft(loss=loss).fit(X, labels, sample_weight=[costs[y] for y in labels])
        same_weights(by_class, by_sample, rtol=1e-9)
    y = make_labels(n_labels=1)[1][:, 0]
    by_class = multi(class_weight={0: 1.0, 1: 4.0}).fit(X, y)
    by_sample = multi().fit(X, y, sample_weight=np.where(y == 1, 4.0, 1.0))
    same_weights(by_class, by_sample, rtol=1e-9)


@pytest.mark.parametrize("loss", [x for x in PROPER_LOSSES if x.domain == "distribution"], ids=repr)
def test_class_weights_take_soft_rows_as_draws_of_labels(loss):
    """A row (0.75, 0.25, 0) is three rows of the first class and one of the second."""
    X = np.random.default_rng(0).normal(size=(6, 4))
    Y = np.tile([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5], [0.25, 0.25, 0.5]], (2, 1))
    counts = (4 * Y).astype(int)
    labels = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    kwargs = dict(class_weight={0: 3.0, 1: 1.0, 2: 0.5}, loss=loss, alpha=0.0)
    by_rows = full(SoftTargetMLPClassifier, **kwargs).fit(X, Y)
    by_draws = full(SoftTargetMLPClassifier, **kwargs).fit(np.repeat(X, 4, axis=0), labels)
    same_weights(by_rows, by_draws, rtol=1e-7)


def test_class_weights_of_labels():
    X, Y = make_labels()
    pairs = [{0: 1.0, 1: 2.0}] * 4
    same_weights(
        multi(class_weight={0: 1.0, 1: 2.0}).fit(X, Y), multi(class_weight=pairs).fit(X, Y)
    )
    rare = Y.copy()
    rare[:, 0] = np.arange(len(Y)) % 12 == 0
    plain, balanced = (
        multi(learning_rate_init=0.1, max_iter=200, hidden_layer_sizes=(), class_weight=weights)
        .fit(X, rare)
        .predict_proba(X)[:, 0]
        .mean()
        for weights in (None, "balanced")
    )
    assert balanced > 2 * plain


def test_weight_of_a_label_is_its_share_of_the_loss():
    X, Y = make_labels()
    by_class = multi(class_weight=[1.0, 5.0, 1.0, 1.0]).fit(X, Y)
    weight = np.tile([1.0, 5.0, 1.0, 1.0], (len(Y), 1))
    same_weights(by_class, multi().fit(X, Y, label_weight=weight), rtol=1e-9)
