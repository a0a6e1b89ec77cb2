"""What the classifiers take and give: X and y, outputs, same seeds, custom modules."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logit
from sklearn.base import clone
from sklearn.metrics import accuracy_score
from torch import nn

from cases import (
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
from sklearn_softloss._targets import encoding
from sklearn_softloss._targets.encoding import encode_classes
from sklearn_softloss.losses import BinaryCrossEntropy

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- kinds of X and y ------------------------------------------------------------------------


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
        np.testing.assert_allclose(
            expected.predict_proba(container(X)), expected.predict_proba(X), rtol=1e-13
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
    named = pd.DataFrame(Y, columns=["no", "maybe", "yes"])
    clf = soft().fit(X, named)
    assert clf.classes_.tolist() == ["maybe", "no", "yes"]
    assert set(clf.predict(X)) <= {"no", "maybe", "yes"}
    turned = pd.DataFrame(Y[:, ::-1], columns=["yes", "maybe", "no"])
    assert clf.score(X, turned) == clf.score(X, named) == clf.score(X, Y[:, [1, 0, 2]])

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
    for half in ("float32", np.float32, np.dtype("float32")):
        assert Estimator(dtype=half, **SMALL).fit(X, Y).coefs_[0].dtype == np.float32
    assert Estimator(dtype="float64", **SMALL).fit(X.astype(kind), Y).coefs_[0].dtype == np.float64
    assert Estimator(**SMALL).fit(X.astype(kind), Y).predict_proba(X).dtype == np.float64


# --- outputs ---------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("target_range", "width"), [((0.05, 0.95), 0.27), ((0.15, 0.85), 0.2), ((0.2, 0.8), 0.2)]
)
def test_what_is_always_absent_is_read_as_a_share_of_the_room_that_a_range_leaves(
    target_range, width
):
    """log(2) times the width of the bend: a third of the squared scale, and never below a fifth,
    since a wide range cannot teach a net to be more certain than that."""
    X = np.repeat(np.eye(2), 50, axis=0)
    clf = MultiLabelSigmoidClassifier(
        (), target_range=target_range, solver="lbfgs", alpha=0.0, max_iter=500
    ).fit(X, X[:, 1].astype(int))
    low, high = target_range
    absent, present = clf.predict_proba(np.eye(2))[:, 1]
    assert absent / (low / (high - low)) == pytest.approx(width * np.log(2), rel=0.05)
    assert present == pytest.approx(1 - absent, rel=1e-3)


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


def test_a_loop_over_subsets_of_labels_does_not_break_at_one():
    X, Y = make_labels(n_labels=3)
    Y = np.where(np.random.default_rng(0).random(Y.shape) < 0.2, np.nan, Y)
    for n_labels in (3, 2, 1):
        clf = multi().fit(X, Y[:, :n_labels])
        assert clf.predict_proba(X).shape == (len(X), n_labels)
        assert clf.predict(X).shape == (len(X), n_labels)
        assert 0 <= clf.score(X, Y[:, :n_labels]) <= 1


def test_signs_for_yes_and_no_are_refused_and_labels_never_absent_named():
    X, Y = make_labels(n_labels=3)
    with pytest.raises(ValueError, match="1 and -1 and no 0"):
        multi().fit(X, 2 * Y - 1)
    positives = pd.DataFrame(np.where(Y == 1, 1.0, np.nan), columns=["cat", "dog", "owl"])
    positives.iloc[:, 1] = Y[:, 1]
    with pytest.warns(UserWarning, match=r"Labels \['cat', 'owl'\] are 1 in every row"):
        multi().fit(X, positives)
    with pytest.warns(UserWarning, match=r"Labels \[0, 2\] are 1 in every row"):
        multi().fit(X, positives.to_numpy())
    with pytest.warns(UserWarning, match=r"Labels \[0\] are 1 in every row"):
        multi().fit(X, sp.csr_array(np.where([True, False, False], 1, Y)))


def never_known(kind):
    """Rows with three labels of which the second has no entry, or none that weighs."""
    X, Y = make_labels(n_labels=3)
    Y = np.where([False, True, False], np.nan, Y)
    if kind == "weight 0":
        return X, np.nan_to_num(Y), {"label_weight": np.tile([1.0, 0.0, 2.0], (len(Y), 1))}
    if kind == "sparse":
        Y = sp.csr_array(np.nan_to_num(Y, nan=-1))
    return X, pd.DataFrame(Y, columns=list("abc")) if kind == "named" else Y, {}


@pytest.mark.parametrize("kind", ["dense", "named", "sparse", "weight 0"])
@pytest.mark.parametrize(
    "params",
    [{}, {"loss": "count_distribution"}, {"class_weight": "balanced"}, {"label_smoothing": 0.1},
     {"module": nn.Linear}, {"loss": "two_way"}],
    ids=str,
)  # fmt: skip
def test_a_label_that_no_row_knows_is_predicted_absent(kind, params):
    X, Y, weights = never_known(kind)
    name = "'b'" if kind == "named" else "1"
    with pytest.warns(UserWarning, match=rf"Columns \[{name}\] of y have no known entry"):
        clf = multi(**params).fit(X, Y, **weights)
    assert clf.predict_proba(X)[:, 1].max() < 1e-300
    assert clf.predict(X)[:, 1].sum() == 0
    assert clf.predict_proba(X)[:, [0, 2]].min() > 0
    assert len(np.unique(clf.predict_proba(X)[:, 0])) > 1


def test_a_later_part_may_know_the_label():
    X, Y, _ = never_known("dense")
    with pytest.warns(UserWarning, match="no known entry"):
        clf = multi().partial_fit(X, Y)
    assert clf.predict(X)[:, 1].sum() == 0
    full = np.where(np.isnan(Y), 1.0, Y)
    full[::2, 1] = 0
    clf.partial_fit(X, full)
    assert 0.1 < clf.predict_proba(X)[:, 1].mean() < 0.9
    clf.partial_fit(X, Y)  # what is known stays known, without a warning
    assert 0.1 < clf.predict_proba(X)[:, 1].mean() < 0.9
    with pytest.warns(UserWarning, match="no known entry"):
        clf.fit(X, Y)
    assert clf.predict(X)[:, 1].sum() == 0


@pytest.mark.parametrize("parameter", ["threshold", "class_weight"])
def test_a_series_of_one_value_a_label_is_read_by_name(parameter):
    X, Y = make_labels(n_labels=3)
    named, values = pd.DataFrame(Y, columns=list("abc")), [0.2, 0.9, 0.5]
    expected = multi(**{parameter: values}).fit(X, named).predict(X)
    for index in (list("cab"), [0, 1, 2]):
        given = pd.Series(values, index=list("abc"))[list("cab")]
        given = given if index == list("cab") else pd.Series(values)
        assert_array_equal(multi(**{parameter: given}).fit(X, named).predict(X), expected)
    shuffled = pd.Series(values)[[2, 0, 1]]
    assert_array_equal(multi(**{parameter: shuffled}).fit(X, Y).predict(X), expected)
    for index in (list("abx"), list("aab"), list("abca"), [1, 2, 3]):
        given = pd.Series(0.5, index=index)
        with pytest.raises(ValueError, match=rf"index of {parameter} must be the labels"):
            multi(**{parameter: given}).fit(X, named)


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, list])
def test_every_mark_of_a_missing_label_is_unknown(missing, container):
    X, Y = make_labels(n_labels=3)
    holed, objects = Y.astype(float), Y.astype(object)
    holed[5, 1], objects[5, 1] = np.nan, missing
    same_weights(multi().fit(X, container(objects)), multi().fit(X, holed))
    with pytest.raises(ValueError, match=r"row 5, column 1 is nan. Input y contains NaN"):
        soft(loss="binary_cross_entropy").fit(X, container(objects))


def test_an_array_of_layer_sizes_is_a_list_of_them():
    X, Y = make_soft()
    expected = soft(hidden_layer_sizes=(6, 4)).fit(X, Y)
    same_weights(soft(hidden_layer_sizes=np.array([6, 4])).fit(X, Y), expected)
    same_weights(
        soft(hidden_layer_sizes=[6, 4]).partial_fit(X, Y).partial_fit(X, Y),
        soft(hidden_layer_sizes=np.array([6, 4])).partial_fit(X, Y).partial_fit(X, Y),
    )
    assert soft(hidden_layer_sizes=np.array(5), alpha="auto").fit(X, Y).coefs_[0].shape == (5, 5)


@over_estimators
def test_masked_and_complex_X_are_refused(Estimator):
    X, Y = targets_for(Estimator)
    with pytest.raises(ValueError, match="X must not be a masked array: row 2"):
        Estimator().fit(
            np.ma.array(X, mask=np.arange(X.size).reshape(X.shape) == 2 * X.shape[1]), Y
        )
    with pytest.raises(ValueError, match="Complex data not supported"):
        Estimator().fit(X + 1j, Y)


def test_many_hard_labels_of_many_classes_are_no_dense_matrix(monkeypatch):
    X, Y = make_soft(n=200)
    y = np.array(["a", "b", "c"])[Y.argmax(axis=1)]
    params = {"class_weight": "balanced", "early_stopping": True, "max_iter": 3}
    dense = soft(**params).fit(X, y)
    monkeypatch.setattr(encoding, "DENSE_ENTRIES", 0)
    targets = encode_classes(y, may_be_sparse=True)
    assert sp.issparse(targets.values)
    sparse = soft(**params).fit(X, y)
    assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), rtol=1e-9)


# --- reproducibility -------------------------------------------------------------------------


def global_state():
    return (
        pickle.dumps(random.getstate()),
        pickle.dumps(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_num_threads(),
    )


@over_estimators
def test_fits_in_threads_are_reproducible(Estimator):
    X, Y = targets_for(Estimator)
    fits = [Estimator(**{**SMALL, "random_state": seed, "dropout": 0.3}) for seed in range(8)]
    before = global_state()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda clf: clone(clf).fit(X, Y).coefs_[0], fits))
    assert global_state() == before
    for clf, coefs in zip(fits, together, strict=True):
        assert_array_equal(clf.fit(X, Y).coefs_[0], coefs)


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
    first = Estimator(**{**SMALL, "dropout": 0.2}, early_stopping=True).fit(X, Y)
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    again = Estimator(**{**SMALL, "dropout": 0.2}, early_stopping=True).fit(X, Y)
    same_weights(first, again)
    same_weights(copy.deepcopy(first).fit(X, Y), first)
    other = Estimator(**{**SMALL, "dropout": 0.2, "random_state": 1}).fit(X, Y)
    assert not np.array_equal(other.coefs_[0], first.coefs_[0])


@over_estimators
def test_without_a_seed_fits_differ(Estimator):
    X, Y = targets_for(Estimator)
    a, b = (Estimator(hidden_layer_sizes=(4,), max_iter=2).fit(X, Y) for _ in range(2))
    assert not np.array_equal(a.coefs_[0], b.coefs_[0])


# --- custom modules --------------------------------------------------------------------------


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


@over_estimators
def test_large_memory_maps_are_read_in_blocks(Estimator, tmp_path, monkeypatch):
    from sklearn_softloss._training import batches

    X, Y = targets_for(Estimator)
    X.tofile(tmp_path / "x")
    expected = Estimator(**SMALL).fit(X, Y)
    monkeypatch.setattr(batches, "COPIED_BYTES", 0)
    for mode in ("r", "r+", "c"):
        mapped = np.memmap(tmp_path / "x", dtype=X.dtype, mode=mode, shape=X.shape)
        same_weights(Estimator(**SMALL).fit(mapped, Y), expected)
        np.testing.assert_array_equal(expected.predict_proba(mapped), expected.predict_proba(X))
    mapped[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity; row 0, column 0"):
        expected.fit(mapped, Y)
