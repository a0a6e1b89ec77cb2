"""Each loss inside the classifier for its targets: labels, weights, unknown entries, copies."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from cases import LOSSES, SMALL, make_labels, make_soft, over_losses, same_weights
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import BinaryFocal, CountDistribution, loss_names

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW_PASSES = {**SMALL, "max_iter": 4, "shuffle": False}


def classifier(loss, **kwargs):
    one_of_several = loss.domain == "distribution"
    Estimator = SoftTargetMLPClassifier if one_of_several else MultiLabelSigmoidClassifier
    return Estimator(loss=loss, **{**FEW_PASSES, **kwargs})


def data(loss, n=40):
    return make_soft(n=n) if loss.domain == "distribution" else make_labels(n=n)


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain == "distribution"], ids=repr)
def test_one_hot_rows_are_hard_labels_bit_for_bit(loss):
    X, Y = make_soft(n=40)
    labels = Y.argmax(axis=1)
    same_weights(classifier(loss).fit(X, labels), classifier(loss).fit(X, np.eye(3)[labels]))


@over_losses
def test_weights_are_repetitions(loss):
    X, Y = data(loss)
    X, Y = X[:32], Y[:32]
    repeats = np.arange(32) % 3
    weighted = classifier(loss).fit(X, Y, sample_weight=repeats)
    repeated = classifier(loss).fit(np.repeat(X, repeats, axis=0), np.repeat(Y, repeats, axis=0))
    same = np.allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-7, atol=1e-9)
    assert same is not loss.batch_dependent


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain != "distribution"], ids=repr)
def test_unknown_labels_count_for_nothing(loss):
    X, Y = make_labels(n=40)
    hidden = np.random.default_rng(0).random(Y.shape) < 0.3
    holed = np.where(hidden, np.nan, Y)
    clf = classifier(loss).fit(X, holed)
    weighted = classifier(loss).fit(X, np.where(hidden, 1 - Y, Y), label_weight=1.0 * ~hidden)
    same_weights(clf, weighted, rtol=1e-12)
    assert np.isfinite(clf.loss_curve_).all()


@over_losses
def test_probabilities_are_probabilities_and_survive_a_copy(loss):
    X, Y = data(loss)
    clf = classifier(loss, early_stopping=True).fit(X, Y)
    proba = clf.predict_proba(X)
    assert proba.shape == Y.shape
    assert ((proba > 0) & (proba < 1)).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), proba)
    assert 0 <= clf.score(X, Y) <= 1


def test_independent_losses_serve_exclusive_classes_too():
    X, Y = make_soft(n=60)
    for loss in (BinaryFocal(), "hill"):
        clf = SoftTargetMLPClassifier(loss=loss, **FEW_PASSES).fit(X, Y)
        np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


# --- counts --------------------------------------------------------------------------------------

COUNTS = [x for x in LOSSES if isinstance(x, CountDistribution)]


@pytest.mark.parametrize("loss", COUNTS, ids=repr)
def test_counts_are_learned_rows_without_labels_included(loss):
    rng = np.random.default_rng(0)
    cell = np.repeat([0, 1, 2], 100)
    Y = np.zeros((300, 4))
    Y[cell == 1, 0] = 1.0  # none, one, three labels
    Y[cell == 2, 1:] = 1.0
    X = np.eye(3)[cell]
    order = rng.permutation(300)
    clf = MultiLabelSigmoidClassifier(
        loss=loss, hidden_layer_sizes=(), learning_rate_init=0.1, alpha=0, random_state=0
    ).fit(X[order], Y[order])
    np.testing.assert_allclose(clf.predict_count(np.eye(3)), [0, 1, 3], atol=0.15)
    np.testing.assert_array_equal(clf.predict(np.eye(3)), [[0] * 4, [1, 0, 0, 0], [0, 1, 1, 1]])


def test_counts_above_one_are_targets_of_their_own():
    X, Y = make_labels(n=60)
    clf = classifier(CountDistribution()).fit(X, 3 * Y)
    with pytest.raises(ValueError, match=r"finite and >= 0.*row 2, column 1 is -3"):
        clf.fit(X, np.where(np.arange(60)[:, None] == 2, [[0, -3, 0, 0]], Y))
    assert 0 <= clf.score(X, 3 * Y) <= 1


def test_only_counts_have_predict_count():
    X, Y = make_labels(n=40)
    assert not hasattr(MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, Y), "predict_count")
    with pytest.raises(NotFittedError):
        MultiLabelSigmoidClassifier(loss="count_distribution").predict_count(X)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain == "distribution"], ids=repr)
def test_rows_that_sum_to_two_are_refused_with_a_way_out(loss):
    X, Y = make_soft(n=20)
    Y[3] = [0.7, 0.6, 0.7]
    with pytest.raises(ValueError, match=r"row 3 sums to 2; divide the row.*binary_cross_entropy"):
        classifier(loss).fit(X, Y)
    Y[3] = 0
    with pytest.raises(ValueError, match=r"row 3 sums to 0; drop it.*count_distribution"):
        classifier(loss).fit(X, Y)


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain != "distribution"], ids=repr)
def test_rows_of_zeros_are_label_sets(loss):
    X, Y = make_labels(n=20)
    Y[3] = 0
    classifier(loss).fit(X, Y)


def test_each_classifier_lists_the_losses_it_takes():
    X, Y = make_labels(n=20)
    for name in set(loss_names(("distribution",))) - set(loss_names(("independent",))):
        with pytest.raises(ValueError, match=r"'distribution' targets.*'zlpr'"):
            MultiLabelSigmoidClassifier(loss=name).fit(X, Y)
    X, Y = make_soft(n=20)
    with pytest.raises(ValueError, match=r"'nonnegative' targets.*'earth_mover'"):
        SoftTargetMLPClassifier(loss="count_distribution").fit(X, Y)
