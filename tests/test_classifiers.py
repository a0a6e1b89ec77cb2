"""The contract of the two classifiers: targets, weights, outputs, reproducibility, refusals."""

import copy
import pickle
import random

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from scipy.special import logit
from sklearn.metrics import accuracy_score
from skorch.callbacks import Callback
from torch import nn

from cases import LOSSES, make_labels, make_soft, over_estimators, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import BinaryCrossEntropy, CrossEntropy

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0}


def soft(**kwargs):
    return SoftTargetMLPClassifier(**{**SMALL, **kwargs})


def multi(**kwargs):
    return MultiLabelSigmoidClassifier(**{**SMALL, **kwargs})


def full(Estimator, **kwargs):
    """One batch in a fixed order, so that only the sum over the rows counts."""
    return Estimator(**{**SMALL, "shuffle": False, **kwargs})


def same_weights(a, b, **tolerance):
    for left, right in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        if tolerance:
            np.testing.assert_allclose(left, right, **tolerance)
        else:
            np.testing.assert_array_equal(left, right)


# --- kinds of X and y ----------------------------------------------------------------------------


def test_one_hot_rows_give_the_fit_of_hard_labels_bit_for_bit():
    X, Y = make_soft()
    labels = Y.argmax(axis=1)
    for class_weight in (None, "balanced", {0: 3.0, 1: 1.0, 2: 0.5}):
        hard = soft(class_weight=class_weight).fit(X, labels)
        rows = soft(class_weight=class_weight).fit(X, np.eye(3)[labels])
        same_weights(hard, rows)


@over_estimators
def test_containers_of_x_and_y_do_not_matter(Estimator, tmp_path):
    X, Y = targets_for(Estimator)
    X[np.abs(X) < 0.5] = 0
    expected = Estimator(**SMALL).fit(X, Y)
    np.save(tmp_path / "x.npy", X)
    read_only = np.load(tmp_path / "x.npy", mmap_mode="r")
    for container in (sp.csr_array, sp.csr_matrix, list, np.asfortranarray, lambda _: read_only):
        same_weights(Estimator(**SMALL).fit(container(X), Y), expected)
        np.testing.assert_array_equal(
            expected.predict_proba(container(X)), expected.predict_proba(X)
        )
    same_weights(Estimator(**SMALL).fit(X, Y.tolist()), expected)
    same_weights(Estimator(**SMALL).fit(pd.DataFrame(X), pd.DataFrame(Y)), expected)


def test_sparse_labels_give_the_fit_of_dense_ones():
    X, Y = make_labels()
    weight = np.random.default_rng(0).random(Y.shape)
    for kwargs in ({}, {"class_weight": "balanced"}, {"label_smoothing": 0.1}):
        dense = multi(**kwargs).fit(X, Y, label_weight=weight)
        same_weights(multi(**kwargs).fit(X, sp.csr_array(Y), label_weight=weight), dense)
    assert dense.score(X, sp.csr_array(Y)) == dense.score(X, Y)


def test_frames_name_classes_and_labels():
    X, Y = make_soft()
    clf = soft().fit(X, pd.DataFrame(Y, columns=["no", "maybe", "yes"]))
    assert clf.classes_.tolist() == ["no", "maybe", "yes"]
    assert set(clf.predict(X)) <= {"no", "maybe", "yes"}
    turned = pd.DataFrame(Y[:, ::-1], columns=["yes", "maybe", "no"])
    assert clf.score(X, turned) == clf.score(X, Y)

    X, Y = make_labels(n_labels=3)
    clf = multi().fit(X, pd.DataFrame(Y, columns=["cat", "dog", "owl"]))
    assert clf.label_names_.tolist() == ["cat", "dog", "owl"]
    assert clf.classes_.tolist() == [0, 1, 2]
    assert not hasattr(multi().fit(X, Y), "label_names_")


@pytest.mark.parametrize("labels", [["no", "yes"], [5, 9], [False, True]])
def test_binary_labels_of_any_kind(labels):
    X, Y = make_labels(n_labels=1)
    y = np.array(labels)[Y[:, 0]]
    for clf in (soft(learning_rate_init=0.1), multi(learning_rate_init=0.1)):
        clf.fit(X, y)
        assert clf.predict_proba(X).shape == (len(X), 2)
        assert clf.predict(X).dtype == y.dtype
        assert clf.decision_function(X).shape == (len(X),)
        assert clf.score(X, y) == accuracy_score(y, clf.predict(X)) > 0.9


@over_estimators
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_dtype_follows_x_and_may_be_set(Estimator, kind):
    X, Y = targets_for(Estimator)
    assert Estimator(**SMALL).fit(X.astype(kind), Y).coefs_[0].dtype == kind
    assert Estimator(dtype="float32", **SMALL).fit(X, Y).coefs_[0].dtype == np.float32
    assert Estimator(dtype="float64", **SMALL).fit(X.astype(kind), Y).coefs_[0].dtype == np.float64
    assert Estimator(**SMALL).fit(X.astype(kind), Y).predict_proba(X).dtype == np.float64


# --- unknown labels ------------------------------------------------------------------------------


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
    X, Y = make_labels(n_labels=3)
    holed = Y.astype(float)
    holed[:, 1] = np.nan
    kept = multi(loss=loss, module=ZeroLinear).fit(X, Y[:, [0, 2]])
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


# --- weights -------------------------------------------------------------------------------------


@over_estimators
def test_weights_are_repetitions(Estimator):
    X, Y = targets_for(Estimator, n=40)
    repeats = np.arange(40) % 3
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


@pytest.mark.parametrize("loss", [x for x in LOSSES if x.domain == "distribution"], ids=repr)
def test_class_weights_take_soft_rows_as_draws_of_labels(loss):
    """A row (0.75, 0.25, 0) is three rows of the first class and one of the second."""
    X = np.random.default_rng(0).normal(size=(30, 4))
    Y = np.tile([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5], [0.25, 0.25, 0.5]], (10, 1))
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


# --- outputs -------------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("scale", [1, 1e4])
def test_probabilities_stay_strictly_inside(Estimator, scale):
    X, Y = targets_for(Estimator, n=200)
    clf = Estimator(**SMALL).fit(X, Y)
    with torch.no_grad():
        clf.net_.module_[-1].weight.mul_(scale)
    proba = clf.predict_proba(X)
    assert ((proba > 0) & (proba < 1)).all()
    assert np.isfinite(clf.predict_log_proba(X)).all()
    assert np.isfinite(clf.decision_function(X)).all()
    if Estimator is SoftTargetMLPClassifier:
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)


class Constant(nn.Module):
    """Logits of 1000, -1000, -1000, ... whatever the row."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        logits = torch.full((n_outputs,), -1000.0)
        logits[0] = 1000.0
        self.register_buffer("logits", logits)
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return self.logits.expand(len(X), -1) + 0 * self.unused


@over_estimators
def test_probabilities_at_logits_of_1000(Estimator):
    X, Y = targets_for(Estimator, n=200)
    clf = Estimator(module=Constant, max_iter=1).fit(X, Y)
    proba = clf.predict_proba(X)
    assert ((proba > 0) & (proba < 1)).all()
    assert proba[0, 0] > 1 - 1e-12
    assert proba[0, 1] < 1e-12


class ConfidentlyWrong(nn.Linear):
    """A linear net that starts out certain of the wrong answer."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        with torch.no_grad():
            self.weight.zero_()
            self.weight[0, 0], self.weight[-1, 0] = 30.0, -30.0
            self.bias.zero_()


@over_estimators
def test_recovers_from_a_confidently_wrong_start_in_float32(Estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    Y = np.eye(2)[y] if Estimator is SoftTargetMLPClassifier else np.c_[1 - y, y]
    clf = Estimator(
        module=ConfidentlyWrong, learning_rate_init=1.0, max_iter=100, random_state=0
    ).fit(X, Y)
    assert clf.loss_curve_[0] > 1
    assert clf.score(X, Y) > 0.95


@pytest.mark.parametrize("code", [{"label_smoothing": 0.2}, {"target_range": (0.1, 0.9)}])
def test_smoothing_and_range_are_undone(code):
    """One cell a class: the probabilities are the label shares, not the smoothed ones."""
    X = np.repeat(np.eye(2), 50, axis=0)
    y = np.r_[np.arange(50) < 10, np.arange(50) < 35].astype(int)
    kwargs = dict(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, max_iter=500, **code)
    for clf in (
        SoftTargetMLPClassifier(**kwargs),
        SoftTargetMLPClassifier(loss="binary_cross_entropy", **kwargs),
        MultiLabelSigmoidClassifier(**kwargs),
        MultiLabelSigmoidClassifier(loss=BinaryCrossEntropy(pos_weight=3.0), **kwargs),
    ):
        clf.fit(X, y)
        np.testing.assert_allclose(clf.predict_proba(np.eye(2))[:, 1], [0.2, 0.7], atol=1e-3)


def test_smoothing_keeps_weights_small():
    X, Y = make_labels(n=40)
    plain = multi(max_iter=300).fit(X, Y)
    ranged = multi(max_iter=300, target_range=(0.2, 0.8)).fit(X, Y)
    assert np.abs(ranged.coefs_[-1]).mean() < np.abs(plain.coefs_[-1]).mean()


def test_independent_loss_gives_confidences_and_their_shares():
    X, Y = make_soft()
    targets = np.where(Y > 0.4, 0.9, 0.1)
    clf = soft(loss="binary_cross_entropy", max_iter=100).fit(X, targets)
    confidence = clf.predict_confidence(X)
    assert np.abs(confidence.sum(axis=1) - 1).max() > 0.1
    np.testing.assert_allclose(
        clf.predict_proba(X), confidence / confidence.sum(axis=1, keepdims=True)
    )


def test_decision_function_is_the_logit_of_the_probability():
    X, Y = make_soft()
    clf = soft().fit(X, Y)
    np.testing.assert_allclose(clf.decision_function(X), logit(clf.predict_proba(X)))
    binary = soft().fit(X, Y[:, 0] > 0.3)
    second = binary.predict_proba(X)[:, 1]
    np.testing.assert_allclose(binary.decision_function(X), logit(second))
    np.testing.assert_array_equal(binary.decision_function(X) > 0, binary.predict(X))


def test_scores_are_expected_accuracies():
    X, Y = make_soft()
    clf = soft().fit(X, Y)
    picked = clf.predict(X)
    assert clf.score(X, Y) == pytest.approx(Y[np.arange(len(Y)), picked].mean())
    weight = np.arange(len(Y))
    labels = Y.argmax(axis=1)
    assert clf.score(X, labels, weight) == pytest.approx(
        accuracy_score(labels, picked, sample_weight=weight)
    )
    assert clf.score(X, np.eye(3)[labels], weight) == pytest.approx(clf.score(X, labels, weight))

    X, Y = make_labels()
    clf = multi().fit(X, Y)
    assert clf.score(X, Y) == pytest.approx(accuracy_score(Y, clf.predict(X)))
    assert clf.score(X, np.full(Y.shape, 0.5)) == pytest.approx(0.5**4)


def test_threshold_moves_decisions_and_not_probabilities():
    X, Y = make_labels()
    clf = multi().fit(X, Y)
    proba = clf.predict_proba(X)
    cuts = np.quantile(proba, 0.5, axis=0, method="lower")
    clf.set_params(threshold=cuts)
    np.testing.assert_array_equal(clf.predict(X), (proba >= cuts).astype(np.int64))
    assert clf.predict(X).dtype == np.int64
    np.testing.assert_array_equal(clf.predict_proba(X), proba)
    same_weights(multi(threshold=0.9).fit(X, Y), clf)


# --- reproducibility -----------------------------------------------------------------------------


def global_state():
    return (
        pickle.dumps(random.getstate()),
        pickle.dumps(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_num_threads(),
    )


@over_estimators
@pytest.mark.parametrize("random_state", [0, None])
@pytest.mark.parametrize("extra", [{"dropout": 0.3, "early_stopping": True}, {"solver": "lbfgs"}])
def test_global_generators_and_threads_are_left_alone(Estimator, random_state, extra):
    X, Y = targets_for(Estimator)
    before = global_state()
    clf = Estimator(**{**SMALL, "random_state": random_state, **extra}).fit(X, Y)
    assert global_state() == before
    clf.predict_proba(X)
    assert global_state() == before
    if "solver" not in extra:
        Estimator(**{**SMALL, "random_state": random_state}).partial_fit(X, Y)
        assert global_state() == before


@over_estimators
def test_same_seed_same_weights_whatever_ran_before(Estimator):
    X, Y = targets_for(Estimator)
    first = Estimator(dropout=0.2, early_stopping=True, **SMALL).fit(X, Y)
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    again = Estimator(dropout=0.2, early_stopping=True, **SMALL).fit(X, Y)
    same_weights(first, again)
    same_weights(copy.deepcopy(first).fit(X, Y), first)
    other = Estimator(dropout=0.2, **{**SMALL, "random_state": 1}).fit(X, Y)
    assert not np.array_equal(other.coefs_[0], first.coefs_[0])


@over_estimators
def test_without_a_seed_fits_differ(Estimator):
    X, Y = targets_for(Estimator)
    a, b = (Estimator(hidden_layer_sizes=(4,), max_iter=2).fit(X, Y) for _ in range(2))
    assert not np.array_equal(a.coefs_[0], b.coefs_[0])


# --- custom modules ------------------------------------------------------------------------------


class SmallConvNet(nn.Module):
    def __init__(self, n_channels, n_outputs):
        super().__init__()
        self.conv = nn.Conv2d(n_channels, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.out = nn.LazyLinear(n_outputs)

    def forward(self, X):
        return self.out(torch.relu(self.norm(self.conv(X))).flatten(1))


@over_estimators
def test_convolutional_net_on_images(Estimator):
    rng = np.random.default_rng(0)
    images = rng.random((60, 1, 6, 6)).astype(np.float32)
    bright = (images[:, 0, 2:4, 2:4].mean(axis=(1, 2)) > 0.5).astype(int)
    Y = np.eye(2)[bright] if Estimator is SoftTargetMLPClassifier else np.c_[bright, 1 - bright]
    clf = Estimator(module=SmallConvNet, max_iter=80, learning_rate_init=0.01, random_state=0)
    clf.fit(images, Y)
    assert clf.score(images, Y) > 0.9
    assert not hasattr(clf, "coefs_")
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(images), clf.predict_proba(images))
    same = clf.predict_proba(images)
    np.testing.assert_array_equal(clf.fit(images, Y).predict_proba(images), same)


# --- refusals ------------------------------------------------------------------------------------

BAD_PARAMETERS = [
    ({"loss": "hinge"}, r"Unknown loss 'hinge'.*cross_entropy"),
    ({"loss": CrossEntropy}, r"name or an instance"),
    ({"solver": "newton"}, r"solver must be one of .*'adam'.*got 'newton'"),
    ({"activation": "swish"}, r"activation must be one of .*'relu'"),
    ({"learning_rate": "fast"}, r"learning_rate must be one of .*'one_cycle'"),
    ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes"),
    ({"hidden_layer_sizes": 2.5}, r"hidden_layer_sizes"),
    ({"alpha": -1.0}, r"alpha"),
    ({"max_iter": 0}, r"max_iter"),
    ({"max_iter": 1.5}, r"max_iter"),
    ({"batch_size": 0}, r"batch_size"),
    ({"batch_size": "all"}, r"batch_size"),
    ({"learning_rate_init": 0.0}, r"learning_rate_init"),
    ({"validation_fraction": 1.0, "early_stopping": True}, r"validation_fraction"),
    ({"momentum": 1.1}, r"momentum"),
    ({"dropout": 1.0}, r"dropout"),
    ({"dropout": 0.1, "solver": "lbfgs"}, r"dropout"),
    ({"label_smoothing": 1.0}, r"label_smoothing"),
    ({"label_smoothing": 0.1, "target_range": (0.1, 0.9)}, r"set one of them"),
    ({"target_range": (0.9, 0.1)}, r"target_range must be"),
    ({"target_range": 0.1}, r"target_range must be"),
    ({"shuffle": "yes"}, r"shuffle"),
    ({"verbose": "loud"}, r"verbose"),
    ({"device": "abacus"}, r"device must be"),
    ({"dtype": "float16"}, r"dtype must be one of"),
    ({"module": nn.Linear(5, 3)}, r"so that each fit starts with a fresh net"),
    ({"module": lambda n, k: nn.Linear(n, k + 1)}, r"The module must return logits of shape"),
    ({"module": lambda n, k: nn.LSTM(n, k)}, r"returned tuple"),
    ({"class_weight": "even"}, r"class_weight must be"),
    ({"class_weight": 3}, r"class_weight must be"),
    ({"random_state": "seed"}, r"seed"),
    ({"early_stopping": True, "validation_fraction": 0.001}, r"validation set is too small"),
]


@over_estimators
@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS, ids=lambda p: str(p)[:40])
def test_bad_parameters_are_refused_before_training_and_cost_nothing(Estimator, params, message):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    before, attributes = clf.predict_proba(X), dict(vars(clf))
    clf.set_params(**params)
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X[:, ::-1], Y)
    assert {k for k in vars(clf) if k.endswith("_")} == {k for k in attributes if k.endswith("_")}
    clf.set_params(**{name: attributes[name] for name in params})
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def bad_calls(X, Y):
    n = len(X)
    holed, endless = X.copy(), X.copy()
    holed[3, 1], endless[3, 1] = np.nan, np.inf
    wrong = np.array(Y, dtype=float)
    wrong[4, 1] = 1.5
    return {
        "NaN in X": ((holed, Y), {}, "NaN"),
        "inf in X": ((endless, Y), {}, "infinity"),
        "lengths": ((X, Y[:-1]), {}, "inconsistent numbers of samples"),
        "no y": ((X, None), {}, "requires y to be passed"),
        "y entry": ((X, wrong), {}, "row 4, column 1 is 1.5"),
        "1-D continuous": ((X, np.linspace(0, 1, n)), {}, "Unknown label type"),
        "4-D X": ((X.reshape(n, 1, 1, -1), Y), {}, "dim"),
        "weight shape": ((X, Y), {"sample_weight": np.ones(n - 1)}, "sample_weight must have"),
        "weight 2-D": ((X, Y), {"sample_weight": np.ones((n, 2))}, "sample_weight must have"),
        "weight zero": ((X, Y), {"sample_weight": np.zeros(n)}, "must not be zero"),
        "weight sign": ((X, Y), {"sample_weight": -np.ones(n)}, "row 0 holds -1"),
        "weight NaN": ((X, Y), {"sample_weight": np.full(n, np.nan)}, "finite"),
        "weight str": ((X, Y), {"sample_weight": ["a"] * n}, "must hold numbers"),
    }


@over_estimators
@pytest.mark.parametrize("case", bad_calls(*make_labels(n=20)))
def test_bad_calls_are_refused_and_nothing_fitted_is_lost(Estimator, case):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    state = pickle.dumps(clf)
    arguments, weights, message = bad_calls(X, Y)[case]
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(*arguments, **weights)
    same_weights(clf, pickle.loads(state))
    with pytest.raises((ValueError, TypeError), match=message):
        clf.partial_fit(*arguments, **weights)
    same_weights(clf, pickle.loads(state))
    assert pickle.loads(state).n_features_in_ == clf.n_features_in_


@over_estimators
def test_wrong_number_of_columns_at_predict(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    with pytest.raises(ValueError, match="5 features"):
        clf.predict(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        clf.predict(np.where(X > 1, np.nan, X))


@pytest.mark.parametrize(
    ("threshold", "message"),
    [(1.1, r"\[0, 1\]"), (-0.1, r"\[0, 1\]"), ([0.5, 0.5], "shape"), ("half", "numbers"),
     ([0.5, 0.5, np.nan, 0.5], "label 2")],
)  # fmt: skip
def test_bad_thresholds_are_refused_at_fit_and_at_predict(threshold, message):
    X, Y = make_labels()
    clf = multi().fit(X, Y).set_params(threshold=threshold)
    with pytest.raises(ValueError, match=message):
        clf.predict(X)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y)


@pytest.mark.parametrize(
    ("weight", "message"),
    [(np.ones((120, 3)), "label_weight must have shape"), (np.zeros((120, 4)), "zero"),
     (np.full((120, 4), -1.0), "row 0")],
)  # fmt: skip
def test_bad_label_weights_are_refused(weight, message):
    X, Y = make_labels()
    with pytest.raises(ValueError, match=message):
        multi().fit(X, Y, label_weight=weight)


def test_nothing_known_is_nothing_to_fit():
    X, Y = make_labels()
    with pytest.raises(ValueError, match="No sample is left"):
        multi().fit(X, np.full(Y.shape, np.nan))
    clf = multi().fit(X, Y)
    with pytest.raises(ValueError, match="no known label"):
        clf.score(X, np.full(Y.shape, -1))


def test_losses_of_the_wrong_domain_and_shape():
    X, Y = make_labels()
    with pytest.raises(ValueError, match="'distribution' targets"):
        multi(loss="cross_entropy").fit(X, Y)
    with pytest.raises(ValueError, match="does not fit 4 columns"):
        multi(loss=BinaryCrossEntropy(pos_weight=[1.0, 2.0])).fit(X, Y)
    with pytest.raises(ValueError, match="class_weight"):
        multi(class_weight=[1.0, 2.0]).fit(X, Y)


def test_rows_without_mass_are_refused_by_distribution_losses_only():
    X, Y = make_soft()
    Y[7] = 0
    with pytest.raises(ValueError, match="row 7 sums to 0"):
        soft().fit(X, Y)
    soft(loss="binary_cross_entropy").fit(X, Y)


def test_labels_never_seen():
    X, Y = make_soft()
    labels = np.array(["a", "b", "c"])[Y.argmax(axis=1)]
    clf = soft().partial_fit(X, labels, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"row 1 holds .*'d'"):
        clf.partial_fit(X[:2], ["a", "d"])
    assert clf.score(X[:2], ["d", "d"]) == 0.0
    with pytest.raises(ValueError, match="one column for each of the 3 classes"):
        clf.score(X, np.full((len(X), 4), 0.25))


class CtrlC(Callback):
    """Ctrl-C in the given pass."""

    def __init__(self, in_pass):
        self.in_pass = in_pass

    def on_batch_end(self, net, training=None, **kwargs):
        if len(net.history) == self.in_pass:
            raise KeyboardInterrupt


@over_estimators
def test_interrupting_keeps_the_last_finished_pass(Estimator):
    X, Y = targets_for(Estimator)
    with pytest.warns(UserWarning, match="interrupted by user"):
        clf = Estimator(callbacks=[CtrlC(4)], **SMALL).fit(X, Y)
    assert clf.n_iter_ == 3
    same_weights(clf, Estimator(**{**SMALL, "max_iter": 3}).fit(X, Y))


@over_estimators
def test_interrupting_the_first_pass_keeps_the_last_fit(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    before = clf.predict_proba(X)
    with pytest.raises(KeyboardInterrupt):
        clf.set_params(callbacks=[CtrlC(1)]).fit(X[:, ::-1], Y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_refused_part_leaves_the_next_pass_as_it_would_have_been(Estimator, solver):
    X, Y = targets_for(Estimator)
    params = {**SMALL, "solver": solver, "learning_rate": "invscaling", "activation": "identity"}
    undisturbed, disturbed = (Estimator(**params).partial_fit(X, Y) for _ in range(2))
    huge = np.finfo(np.float64).max * np.random.default_rng(0).random(X.shape)
    with pytest.raises(ValueError, match="non-finite"):
        disturbed.set_params(batch_size=2).partial_fit(huge, Y)
    disturbed.set_params(batch_size="auto")
    for clf in (undisturbed, disturbed):
        clf.partial_fit(X, Y)
    same_weights(disturbed, undisturbed)
    assert disturbed.t_ == undisturbed.t_
    assert len(disturbed.net_.history) == 2
