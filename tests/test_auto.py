"""What alpha="auto", dropout="auto" and hidden_layer_sizes="auto" become."""

import pickle
import re
import warnings
from contextlib import suppress
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from cases import make_clean, make_labels, make_soft, over_all, parameters_of, rows_for
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._estimators.choice import (
    BENT,
    CONSTANT,
    FAILED,
    LINEAR_ALONE,
    MIDDLE,
    NETS,
    NO_LINEAR,
    Candidate,
    Choice,
    candidates_of,
    params_of,
)
from sklearn_softloss._estimators.equal_rows import groups_of_equal
from sklearn_softloss._estimators.held_out import (
    MOST_FOLDED,
    N_FOLDS,
    Split,
    enough_rows,
    splits_of,
)
from sklearn_softloss._estimators.settings import Settings
from sklearn_softloss._estimators.trials import minus_losses, trained
from sklearn_softloss._processes import Processes
from sklearn_softloss._training.batches import TrainingData, TrainingTargets
from sklearn_softloss.metrics import scorers

CPU, DOUBLE = torch.device("cpu"), torch.float64
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


def data_of(X, Y, weight=None):
    targets = TrainingTargets(np.asarray(Y, float), None, weight)
    return TrainingData(X, targets, np.arange(X.shape[0]), DOUBLE, CPU, may_stay_sparse=True)


def folds_of(data, cv=None):
    return splits_of(data, None, cv, None, None)


def minus_mean_loss(clf, X, y):
    """What the choice looks at by default, of estimators with their default loss."""
    if isinstance(clf, SoftLossMLPRegressor):
        return -np.mean((clf.predict(X) - y) ** 2)
    proba = clf.predict_proba(X)
    if isinstance(clf, SoftTargetMLPClassifier):
        y = y if np.ndim(y) == 2 else np.asarray(y)[:, None] == clf.classes_
        return np.sum(y * np.log(proba), axis=1).mean()
    return np.sum(np.where(y == 1, np.log(proba), np.log1p(-proba)), axis=1).mean()


# --- the candidate of the greatest mean ----------------------------------------------------------

CANDIDATES = [Candidate(float(place), place / 10) for place in range(8)]


def choice_of(scores):
    """The choice where candidates score so in the splits, NaN meaning that there is no module; and
    which took part in each split. The last axis, if there are three, is that of rows."""
    candidates, asked = CANDIDATES[: len(scores)], []
    splits = [Split(place, None, None) for place in range(scores.shape[1])]

    def fit(some, train):
        places = [candidates.index(one) for one in some]
        asked.append(places)
        failed = np.isnan(scores[:, train]).reshape(len(scores), -1).all(axis=1)
        return "loss", [None if failed[place] else place for place in places]

    def score(module, loss, split):
        assert loss == "loss"
        found = np.atleast_1d(scores[module, split.train])
        return found, np.ones(len(found))

    return Choice(candidates, splits, fit, score), asked


def by_brute_force(scores):
    """Who takes part in each split, and who wins. The first one stays."""
    scores = np.where(np.isfinite(scores), scores, FAILED)
    left, took_part = list(range(len(scores))), []
    for split in range(scores.shape[1]):
        took_part.append(sorted(left))
        left.sort(key=lambda place: (-scores[place, : split + 1].mean(), place))
        winner = left[0]
        left = list({0, *left[: max(2, len(left) // 2)]})
    return took_part, winner if scores[winner].min() > FAILED else None


some_scores = st.integers(2, 7).flatmap(
    lambda n: st.integers(1, 5).flatmap(
        lambda k: st.lists(
            st.lists(
                st.sampled_from([-3.0, -2.0, -1.0, 0.0, 1.0, np.nan, -np.inf]),
                min_size=k,
                max_size=k,
            ),
            min_size=n,
            max_size=n,
        ).map(np.array)
    )
)


@given(some_scores)
def test_halves_go_on_and_the_greatest_mean_wins(scores):
    choice, asked = choice_of(scores)
    took_part, winner = by_brute_force(scores)
    assert [sorted(places) for places in asked] == took_part
    assert choice.candidate == (MIDDLE if winner is None else CANDIDATES[winner])
    known = np.zeros(scores.shape, bool)
    for split, places in enumerate(took_part):
        known[places, split] = True
    assert_array_equal(~np.isnan(choice.scores), known)
    assert_array_equal(choice.scores[known], np.where(np.isfinite(scores), scores, FAILED)[known])


@given(some_scores)
def test_results_tell_who_took_part_and_rank_all(scores):
    choice, _ = choice_of(scores)
    took_part, winner = by_brute_force(scores)
    params = [
        {"alpha": one.alpha, "dropout": one.dropout, "encoding": "standard"}
        for one in CANDIDATES[: len(scores)]
    ]
    found = choice.results(params)
    assert found["params"] == params
    assert found["param_alpha"].tolist() == [one["alpha"] for one in params]
    assert found["param_dropout"].tolist() == [one["dropout"] for one in params]
    n_tried = np.zeros(len(scores), int)
    for split, places in enumerate(took_part):
        n_tried[places] += 1
        column = found[f"split{split}_test_score"]
        assert_array_equal(np.flatnonzero(~np.isnan(column)), places)
    assert f"split{len(took_part)}_test_score" not in found
    for place, n_splits in enumerate(n_tried):
        own = choice.scores[place, :n_splits]
        assert found["mean_test_score"][place] == own.mean()
        if own.min() > FAILED:
            assert found["std_test_score"][place] == pytest.approx(own.std())
    rank, mean = found["rank_test_score"], found["mean_test_score"]
    keys = list(zip(n_tried.tolist(), mean.tolist(), strict=True))
    if winner is not None:
        keys[winner] = (np.inf, 0.0)  # what is used, though others may be better by chance
    assert rank.tolist() == [1 + sum(other > key for other in keys) for key in keys]
    assert pd.DataFrame(found).shape == (len(scores), len(took_part) + 7)


def test_equals_go_to_the_first():
    turned = np.array([[-9.0, -9.0], [0.0, 1.0], [1.0, 0.0]])
    assert choice_of(turned)[0].candidate == CANDIDATES[1]
    choice, asked = choice_of(np.zeros((7, 4)))
    assert choice.candidate == CANDIDATES[0]
    assert asked == [list(range(7)), [0, 1, 2], [0, 1], [0, 1]]


def test_the_first_stays_and_must_be_beaten_clearly():
    """It knows nothing, and the best of many others wins by chance: by a standard error of the gain
    over the rows, of which there are 100 here in each of two splits."""
    noise = np.random.default_rng(0).normal(size=(2, 2, 100))
    noise[1] -= noise[1].mean(axis=1, keepdims=True) - noise[0].mean(axis=1, keepdims=True)
    error = np.std(noise[1] - noise[0], axis=1)
    error = np.sqrt(np.sum(error**2 / 100)) / 2
    for gain, wanted in ((0.9 * error, 0), (1.1 * error, 1)):
        scores = noise + np.array([0, gain])[:, None, None]
        assert choice_of(scores)[0].candidate == CANDIDATES[wanted]
    scores[0] = np.nan
    assert choice_of(scores - 9)[0].candidate == CANDIDATES[1]
    _, asked = choice_of(np.array([[-9.0] * 3, *[[0.0] * 3] * 6]))
    assert asked == [list(range(7)), [0, 1, 2, 3], [0, 1, 2]]


def test_one_candidate_or_no_split_is_no_choice():
    def refuse(*args):
        raise AssertionError

    split = Split(None, None, None)
    for candidates, splits, wanted in (
        (NETS[:1], [split], NETS[0]),
        (NETS, [], MIDDLE),
    ):
        choice = Choice(candidates, splits, refuse, refuse)
        assert choice.candidate == wanted
        assert choice.results([]) is None


# --- what is stored ------------------------------------------------------------------------------


@over_all
@pytest.mark.parametrize("free", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_params_repeat_what_was_tried_and_what_was_chosen(Estimator, free):
    X, Y = rows_for(Estimator)
    given = {"random_state": 0} if free else {"random_state": 0, "hidden_layer_sizes": (8, 6)}
    clf = Estimator(**given).fit(X, Y)
    found = clf.selection_results_
    straight = 1 + 2 + len(NETS) if free else len(NO_LINEAR) + len(NETS)
    assert len(found["params"]) == straight + len(BENT)
    for params, rank in zip(found["params"], found["rank_test_score"], strict=True):
        params = params if rank == 1 else {**params, "max_iter": 1}
        again = Estimator(**params, random_state=0).fit(X, Y)
        assert again.selection_results_ is None
        assert (again.alpha_, again.dropout_) == (params["alpha"], params["dropout"])
        if rank == 1:
            assert_array_equal(parameters_of(again), parameters_of(clf))
            assert (again.alpha_, again.dropout_) == (clf.alpha_, clf.dropout_)
            assert again.loss_curve_ == clf.loss_curve_
    assert (found["rank_test_score"] == 1).sum() == 1
    assert set(pd.DataFrame(found).columns) == {
        "params", "param_alpha", "param_dropout", "param_encoding", "mean_test_score",
        "std_test_score", "rank_test_score",
        *(f"split{fold}_test_score" for fold in range(N_FOLDS)),
    }  # fmt: skip


@over_all
def test_the_choice_does_not_hang_on_random_state(Estimator):
    X, Y = rows_for(Estimator)
    first, *others = (
        Estimator(**{**QUICK, "random_state": seed}).fit(X, Y) for seed in (0, 1, None)
    )
    for other in others:
        assert_array_equal(parameters_of(first).shape, parameters_of(other).shape)
        assert (parameters_of(first) != parameters_of(other)).any()
        wanted = pd.DataFrame(first.selection_results_)
        pd.testing.assert_frame_equal(pd.DataFrame(other.selection_results_), wanted)
        assert (other.alpha_, other.dropout_) == (first.alpha_, first.dropout_)


def test_global_generators_stay_as_they_are():
    of_torch, of_numpy = torch.get_rng_state(), np.random.get_state()[1].tolist()
    SoftTargetMLPClassifier(max_iter=2).fit(*make_soft(n=100))
    assert torch.equal(torch.get_rng_state(), of_torch)
    assert np.random.get_state()[1].tolist() == of_numpy


@over_all
def test_clones_and_pickles_keep_what_was_found(Estimator):
    X, Y = rows_for(Estimator)
    clf = Estimator(**QUICK, cv=KFold(2), scoring=minus_mean_loss)
    assert clf.get_params()["scoring"] is minus_mean_loss
    twin = clone(clf)
    assert twin.scoring is minus_mean_loss
    assert repr(twin.cv) == repr(clf.cv)
    twin.fit(X, Y)
    found = pickle.loads(pickle.dumps(twin))
    assert_array_equal(found.predict(X), twin.predict(X))
    pd.testing.assert_frame_equal(
        pd.DataFrame(found.selection_results_), pd.DataFrame(twin.selection_results_)
    )
    for name in ("cv", "scoring"):
        assert getattr(Estimator(), name) is None


@pytest.mark.parametrize("repeats", [1, 10])
def test_few_different_rows_take_the_middle(repeats):
    X, Y = make_soft(n=50)
    X, Y = np.tile(X, (repeats, 1)), np.tile(Y, (repeats, 1))
    clf = SoftTargetMLPClassifier(max_iter=2, random_state=0).fit(X, Y)
    assert (clf.alpha_, clf.dropout_) == (MIDDLE.alpha, MIDDLE.dropout)
    assert clf.selection_results_ is None


@over_all
@pytest.mark.parametrize("params", [{}, QUICK], ids=["free", "stated"])
def test_what_was_chosen_is_said_in_one_sentence(Estimator, params, capsys):
    clf = Estimator(**params, verbose=True).fit(*rows_for(Estimator))
    said = capsys.readouterr().out.splitlines()[0]
    for name, wanted in (("alpha", clf.alpha_), ("dropout", clf.dropout_)):
        assert float(re.search(rf"{name}=([^ ,]*)", said)[1]) == pytest.approx(wanted, rel=1e-3)
    assert f"hidden_layer_sizes={clf.net_.module_.layer_sizes[1:-1]}" in said
    assert (
        f"best of {len(clf.selection_results_['params'])} candidates over {N_FOLDS} split" in said
    )


def test_nothing_is_said_without_a_choice(capsys):
    SoftTargetMLPClassifier(**QUICK).fit(*make_soft(n=100))
    assert capsys.readouterr().out == ""
    SoftTargetMLPClassifier(**QUICK, alpha=0.1, verbose=True).fit(*make_soft(n=100))
    assert "candidates" not in capsys.readouterr().out


# --- where there is no choice --------------------------------------------------------------------


@over_all
def test_parts_take_the_middle_and_warm_starts_what_was_chosen(Estimator):
    X, Y = rows_for(Estimator)
    clf = Estimator(random_state=0, max_iter=4).partial_fit(X, Y)
    assert (clf.alpha_, clf.dropout_) == (MIDDLE.alpha, MIDDLE.dropout)
    assert clf.selection_results_ is None
    clf = Estimator(**QUICK, warm_start=True).fit(X, Y)
    chosen = clf.alpha_, clf.dropout_
    noise = np.random.default_rng(0).permutation(Y)
    clf.fit(X, noise)
    assert (clf.alpha_, clf.dropout_) == chosen
    assert clf.selection_results_ is None


@pytest.mark.parametrize(
    ("params", "alpha", "dropout"),
    [
        ({"solver": "adam"}, 1e-4, 0.5),
        ({"solver": torch.optim.RAdam}, 1e-4, 0.5),
        ({"solver": "lbfgs"}, 1e-4, 0.5),
        ({"module": torch.nn.Linear}, 1.0, 0.5),
        ({"alpha": 1e-4}, 1e-4, 0.0),
        ({"alpha": 0.2}, 0.2, 0.25),
        ({"alpha": 0}, 0, 0.0),
        ({"alpha": 40.0}, 40.0, 0.5),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_plain_fit(params, alpha, dropout):
    X, Y = make_soft(n=200)
    clf = SoftTargetMLPClassifier(max_iter=2, random_state=0, **params).fit(X, Y)
    assert (clf.alpha_, clf.dropout_) == (alpha, dropout)
    assert clf.selection_results_ is None


def test_a_dropout_stays_while_alpha_is_chosen():
    X, Y = make_soft(n=100)
    clf = SoftTargetMLPClassifier(**QUICK, dropout=0.2).fit(X, Y)
    assert clf.dropout_ == 0.2
    assert set(clf.selection_results_["param_dropout"]) == {0.2}
    assert len(np.unique(clf.selection_results_["param_alpha"])) > 5


def test_who_states_layers_or_dropout_gets_a_net():
    X, y = make_noise(100)
    for params in ({"hidden_layer_sizes": (8,)}, {"dropout": 0.3}):
        clf = SoftTargetMLPClassifier(**params, random_state=0).fit(X, y)
        assert len(clf.coefs_) == 2
        assert clf.alpha_ > MIDDLE.alpha * (8 / 448) ** 0.5


@pytest.mark.parametrize("width", [4, 64, 448, 1000])
def test_narrow_nets_get_less_of_both(width):
    clf = SoftTargetMLPClassifier((1000, width))
    narrow = min(1, width / 448)
    for candidate in NETS:
        found = params_of(candidate, clf, 100)
        # The noise of dropout is its odds over the units.
        odds = candidate.dropout / (1 - candidate.dropout)
        assert found["dropout"] / (1 - found["dropout"]) == pytest.approx(narrow * odds)
        assert found["alpha"] == pytest.approx(candidate.alpha * narrow**0.5)
        assert found["hidden_layer_sizes"] == (1000, width)


@pytest.mark.parametrize("params", [{"max_iter": 5}, {"learning_rate": "constant"}])
def test_a_training_is_as_long_as_was_said(params):
    clf = SoftTargetMLPClassifier(**params)
    assert {params_of(one, clf, 100)["max_iter"] for one in NETS} == {
        params.get("max_iter", "auto")
    }


def test_few_rows_with_less_decay_are_trained_for_longer_than_many():
    clf = SoftTargetMLPClassifier()
    weak, middle = NETS[-1], MIDDLE
    assert params_of(weak, clf, 100)["max_iter"] > params_of(middle, clf, 100)["max_iter"]
    assert params_of(weak, clf, 10**6)["max_iter"] == params_of(middle, clf, 10**6)["max_iter"]


@pytest.mark.parametrize(("n", "n_batches"), [(40, 1), (63, 1), (64, 2), (100, 4)])
def test_few_rows_make_one_step(n, n_batches):
    X, Y = make_soft(n=n)
    clf = SoftTargetMLPClassifier((8,), alpha=0.1, max_iter=1, random_state=0).fit(X, Y)
    assert -(-n // clf.net_.batch_size) == n_batches


# --- what comes of it ----------------------------------------------------------------------------


def make_noise(n, kind="two classes", seed=0):
    """Rows of X, and targets that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    if kind == "numbers":
        return X, rng.normal(size=n)
    if kind == "label sets":
        return X, (rng.random((n, 3)) < [0.5, 0.3, 0.1]).astype(int)
    return X, rng.permutation(np.arange(n) % (2 if kind == "two classes" else 5))


def loss_of_a_constant(y, y_test):
    """Of the mean of y, on other targets."""
    if y.dtype.kind == "f":
        return np.mean((y_test - y.mean()) ** 2)
    if np.ndim(y) == 1:
        return -np.log(np.bincount(y) / len(y))[y_test].mean()
    p = y.mean(axis=0)
    return -np.sum(np.where(y_test == 1, np.log(p), np.log1p(-p)), axis=1).mean()


@pytest.mark.parametrize(("n", "most"), [(100, 1.08), (300, 1.03)])
@pytest.mark.parametrize(
    ("Estimator", "kind"),
    [
        (SoftTargetMLPClassifier, "two classes"),
        (SoftTargetMLPClassifier, "five classes"),
        (MultiLabelSigmoidClassifier, "label sets"),
        (SoftLossMLPRegressor, "numbers"),
    ],
)
def test_noise_is_answered_almost_by_the_constant(Estimator, kind, n, most):
    """On average over six data sets; what is fitted alone may be a few hundredths worse."""
    ratios = []
    for seed in range(6):
        X, y = make_noise(n, kind, seed)
        X_test, y_test = make_noise(2000, kind, 100 + seed)
        clf = Estimator(random_state=0).fit(X, y)
        ratios.append(-minus_mean_loss(clf, X_test, y_test) / loss_of_a_constant(y, y_test))
    assert 0.97 < np.mean(ratios) < most


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "gaussian", None])
@pytest.mark.parametrize("weight", [1, 0.01])
def test_a_signal_as_strong_as_the_noise_is_not_left_to_the_constant(loss, weight):
    """Whatever the unit of the weights is: some scale them to sum to one."""
    weight = np.full(100, weight)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(100, 4))
        y = X[:, 0] + rng.normal(size=100)
        if loss is None:
            clf = SoftTargetMLPClassifier(random_state=0).fit(X, y > 0, weight)
            found = clf.predict_proba(X)[:, 1]
        else:
            clf = SoftLossMLPRegressor(loss=loss, random_state=0).fit(X, y, weight)
            found = clf.predict(X)
        assert np.corrcoef(found, X[:, 0])[0, 1] > 0.6
        assert np.ptp(found) > (0.4 if loss is None else 0.7)


@pytest.mark.parametrize("n", [100, 300])
def test_clean_labels_get_little_decay(n):
    X, y = make_clean(n)
    clf = SoftTargetMLPClassifier(encoding="standard", random_state=0).fit(X[:, :4], y)
    assert clf.alpha_ < 0.5
    assert len(clf.coefs_) == 2
    X, y = make_clean(2000)
    assert clf.score(X[n:, :4], y[n:]) > (0.8 if n == 100 else 0.9)


def test_many_columns_of_a_linear_truth_are_no_work_for_the_middle():
    """More columns than a hundred rows can tell apart: strong decay, or a linear model."""
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(100, 60)), rng.normal(size=(2000, 60))
    slopes = rng.normal(size=60) / 60**0.5 * 2
    y, y_test = (rng.logistic(size=len(rows)) < rows @ slopes for rows in (X, X_test))
    found = SoftTargetMLPClassifier(random_state=0).fit(X, y)
    middle = SoftTargetMLPClassifier(alpha=MIDDLE.alpha, dropout=MIDDLE.dropout, random_state=0)
    assert len(found.coefs_) == 1 or found.alpha_ > MIDDLE.alpha
    middle.fit(X, y)
    by_middle, by_found = (-minus_mean_loss(one, X_test, y_test) for one in (middle, found))
    assert by_found < 0.9 * by_middle


@over_all
@pytest.mark.parametrize("weighted", [False, True])
def test_an_epoch_of_a_trial_decays_as_one_of_the_last_training(Estimator, weighted, monkeypatch):
    """Though its steps are fewer and longer, and its rows a part."""
    X, Y = rows_for(Estimator, n=400)
    weight = np.random.default_rng(0).random(400) if weighted else None
    asked = []

    def record(start, siblings, loss, data, schedule, batch_size, *args, **options):
        steps = len(data) / batch_size
        share = 1 if weight is None else weight[data.rows].mean() / weight.mean()
        decay = steps * schedule.initial_rate * siblings[0].alpha * share
        asked.append((decay, schedule.max_iter, start.layer_sizes[1]))
        return [None] * len(siblings)

    monkeypatch.setattr("sklearn_softloss._estimators.trials.train_together", record)
    clf = Estimator((8,), dropout=0.0, batch_size=20, max_iter=7, random_state=0)
    clf.fit(X, Y, sample_weight=weight)
    first = clf.selection_results_["param_alpha"][0]
    decay = 400 / 20 * clf.learning_rate_init * first
    assert asked[0] == (pytest.approx(decay), 7, 8)


# --- whose folds and which score -----------------------------------------------------------------


class Recorder:
    """A scorer that keeps the rows it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y):
        assert len(X) == len(y)
        self.seen.append((np.array(X), np.array(y)))
        return minus_mean_loss(estimator, X, y)

    def rows_in(self, X):
        """Numbers of the rows of X, which must differ, that were seen together; each set once."""
        found = []
        for rows, _ in self.seen:
            numbers = np.flatnonzero((X[:, None] == rows[None]).all(axis=-1).any(axis=1)).tolist()
            if numbers not in found:
                found.append(numbers)
            assert len(numbers) == len(rows)
        return found


@over_all
@pytest.mark.parametrize("cv", [2, 5, np.int64(3)])
def test_a_number_of_folds(Estimator, cv):
    X, Y = rows_for(Estimator, n=40)
    scorer = Recorder()
    clf = Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y)
    folds = scorer.rows_in(X)
    assert len(folds) == cv
    assert sorted(chain(*folds)) == list(range(40))
    assert f"split{cv - 1}_test_score" in clf.selection_results_
    for rows, targets in scorer.seen:
        assert_array_equal(targets, Y[[X[:, 0].tolist().index(row) for row in rows[:, 0]]])


GROUPS = np.arange(70) % 7


@over_all
@pytest.mark.parametrize("how", ["list", "generator", "splitter", "of hard labels"])
def test_folds_of_ones_own(Estimator, how):
    X, Y = rows_for(Estimator, n=70)
    if how == "of hard labels" and Estimator is SoftTargetMLPClassifier:
        Y, cv = Y.argmax(axis=1), StratifiedKFold(3)
        wanted = cv.split(X, Y)
    elif how in ("splitter", "of hard labels"):
        cv = KFold(3, shuffle=True, random_state=0)
        wanted = cv.split(X)
    else:
        wanted = list(GroupKFold(3).split(X, Y, GROUPS))
        cv = wanted if how == "list" else (pair for pair in wanted)
    scorer = Recorder()
    clf = Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y)
    assert scorer.rows_in(X) == [held.tolist() for _, held in wanted]
    assert "split2_test_score" in clf.selection_results_


def test_a_choice_learns_nothing_of_the_rows_held_out(monkeypatch):
    X, Y = make_soft(n=70)
    taught, before = [], Choice.__init__

    def record(self, candidates, splits, *others):
        taught.extend((split.train.rows, split.held.rows, split.places) for split in splits)
        before(self, candidates, splits, *others)

    monkeypatch.setattr(Choice, "__init__", record)
    wanted = list(GroupKFold(3).split(X, groups=GROUPS))
    SoftTargetMLPClassifier(**QUICK, cv=wanted).fit(X, Y)
    for (train, held, places), pair in zip(taught, wanted, strict=True):
        assert_array_equal(train, pair[0])
        assert_array_equal(held, pair[1])
        assert_array_equal(places, pair[1])


@over_all
def test_rows_without_weight_are_in_no_fold(Estimator):
    X, Y = rows_for(Estimator, n=70)
    weight = np.ones(70)
    weight[::4] = 0
    counts = np.flatnonzero(weight)
    for cv, wanted in (
        (KFold(3), [np.intersect1d(held, counts).tolist() for _, held in KFold(3).split(X)]),
        (3, None),
    ):
        scorer = Recorder()
        Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y, sample_weight=weight)
        found = scorer.rows_in(X)
        assert sorted(chain(*found)) == counts.tolist()
        assert wanted is None or found == wanted
    alone = [np.arange(0, 70, 4), np.delete(np.arange(70), np.arange(0, 70, 4))]
    for cv in ([alone], [alone[::-1]]):
        with pytest.raises(ValueError, match="cv must leave rows with weight"):
            Estimator(**QUICK, cv=cv).fit(X, Y, sample_weight=weight)


@over_all
@pytest.mark.parametrize("cv", [None, 3, KFold(3)])
def test_weights_are_repetition(Estimator, cv):
    """Where a step takes all rows, so that none is cut elsewhere."""
    X, Y = rows_for(Estimator, n=80)
    weight = np.arange(80) % 3
    rows = np.arange(80).repeat(weight)
    if not isinstance(cv, (int, type(None))):
        cv = [[np.arange(80) < 40, np.arange(80) >= 40], [np.arange(80) >= 40, np.arange(80) < 40]]
        of_rows = [[np.flatnonzero(part[rows]) for part in pair] for pair in cv]
        cv = [[np.flatnonzero(part) for part in pair] for pair in cv]
    else:
        of_rows = cv
        X, Y, weight = X[weight > 0], Y[weight > 0], weight[weight > 0]
        rows = np.arange(len(X)).repeat(weight)
        X, Y = (
            np.tile(X, (2, 1)) + np.repeat([[0.0], [1e-3]], len(X), axis=0),
            np.tile(Y, (2, *[1] * (Y.ndim - 1))),
        )
        weight, rows = np.tile(weight, 2), np.concatenate([rows, rows + len(X) // 2])
    params = {**QUICK, "batch_size": 1000, "dtype": "float64"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "batch_size=1000")
        weighted = Estimator(**params, cv=cv).fit(X, Y, sample_weight=weight)
        repeated = Estimator(**params, cv=of_rows).fit(X[rows], Y[rows])
    for name in ("param_alpha", "mean_test_score"):
        found, wanted = (one.selection_results_[name] for one in (weighted, repeated))
        assert_allclose(found, wanted, rtol=1e-3)


@pytest.mark.parametrize("cv", [0, 1, -2, True, False, "3", 2.0, 3.5, object(), np.float64(4)])
def test_what_is_no_cv_is_refused(cv, monkeypatch):
    monkeypatch.setattr(Choice, "__init__", lambda *args: pytest.fail("trained"))
    with pytest.raises(ValueError, match="cv must be None, a number of folds from 2 on"):
        SoftTargetMLPClassifier(**QUICK, cv=cv).fit(*make_soft(n=70))
    with pytest.raises(ValueError, match="cv must be None, a number of folds from 2 on"):
        SoftTargetMLPClassifier(**QUICK, cv=cv).partial_fit(*make_soft(n=70))


@pytest.mark.parametrize(
    ("cv", "said"),
    [
        (71, "cv=71 folds need as many different rows; there are 70"),
        ([(np.arange(70), [])], "both sides"),
        ([([], np.arange(70))], "both sides"),
        ([(np.arange(35), np.arange(35, 70)), (np.arange(70), np.array([], int))], "both sides"),
        (GroupKFold(3), "groups"),
        ([], "cv"),
        (iter(()), "cv"),
        ({1, 2}, "cv"),
        ([(1, 2, 3)], "cv"),
        ([(np.arange(35), np.arange(35, 71))], "cv"),
        ([(np.arange(35), np.arange(-35, 1))], "cv"),
        ([(np.arange(35.0), np.arange(35, 70))], "cv"),
        ([(np.arange(35) % 2 > 0, np.arange(35) % 2 == 0)], "cv"),
    ],
    ids=[
        "more than rows",
        "none held",
        "none taught",
        "one of none",
        "no groups",
        "no splits",
        "used up",
        "numbers",
        "three parts",
        "beyond",
        "negative",
        "floats",
        "short masks",
    ],
)
def test_a_cv_that_cannot_serve_these_rows_is_refused(cv, said, monkeypatch):
    monkeypatch.setattr(Choice, "__init__", lambda *args: pytest.fail("trained"))
    with pytest.raises(ValueError, match=said):
        SoftTargetMLPClassifier(**QUICK, cv=cv).fit(*make_soft(n=70))


def test_masks_are_rows():
    X, Y = make_soft(n=70)
    held = np.arange(70) % 3 == 0
    scorer = Recorder()
    with suppress(ValueError):  # refused, or read as rows, but never as numbers of two rows
        SoftTargetMLPClassifier(**QUICK, cv=[(~held, held)], scoring=scorer).fit(X, Y)
        assert scorer.rows_in(X) == [np.flatnonzero(held).tolist()]


def test_as_many_folds_as_rows():
    X, Y = make_soft(n=10)
    clf = SoftTargetMLPClassifier(**QUICK, cv=10).fit(X, Y)
    assert "split9_test_score" in clf.selection_results_
    with pytest.raises(ValueError, match="cv=11 folds need as many different rows; there are 10"):
        SoftTargetMLPClassifier(**QUICK, cv=11).fit(np.tile(X, (2, 1)), np.tile(Y, (2, 1)))


@over_all
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_cv_and_scoring_of_where_nothing_is_chosen(Estimator):
    """They may be stated, as for a search over alpha, and move nothing."""
    X, Y = rows_for(Estimator, n=70)
    for params in ({"alpha": 0.1}, {"solver": "adam"}):
        stated = Estimator(**QUICK, **params, cv=3, scoring=Recorder()).fit(X, Y)
        assert stated.selection_results_ is None
        assert_array_equal(
            parameters_of(stated), parameters_of(Estimator(**QUICK, **params).fit(X, Y))
        )


@over_all
def test_the_own_loss_as_a_scorer_finds_the_same(Estimator):
    """The scores too, except that a regressor's loss is in units of its own."""
    X, Y = rows_for(Estimator)
    params = {**QUICK, "max_iter": 20}
    by_loss = Estimator(**params).fit(X, Y)
    scored = Estimator(**params, scoring=minus_mean_loss).fit(X, Y)
    found, wanted = scored.selection_results_, by_loss.selection_results_
    assert_array_equal(found["rank_test_score"], wanted["rank_test_score"])
    ratio = found["mean_test_score"] / wanted["mean_test_score"]
    assert_allclose(ratio, ratio[0], rtol=1e-4)
    if Estimator is not SoftLossMLPRegressor:
        assert ratio[0] == pytest.approx(1, rel=1e-4)
    assert_array_equal(parameters_of(scored), parameters_of(by_loss))


SCORINGS = [
    (SoftTargetMLPClassifier, "accuracy"),
    (SoftTargetMLPClassifier, "neg_log_loss"),
    (SoftTargetMLPClassifier, "roc_auc_ovr"),
    (SoftTargetMLPClassifier, scorers.neg_soft_log_loss),
    (SoftTargetMLPClassifier, lambda clf, X, y: clf.score(X, y)),
    (MultiLabelSigmoidClassifier, "f1_micro"),
    (MultiLabelSigmoidClassifier, "accuracy"),
    (MultiLabelSigmoidClassifier, lambda clf, X, y: clf.score(X, y)),
    (SoftLossMLPRegressor, "r2"),
    (SoftLossMLPRegressor, "neg_mean_absolute_error"),
    (SoftLossMLPRegressor, lambda clf, X, y: clf.score(X, y)),
]


@pytest.mark.parametrize(("Estimator", "scoring"), SCORINGS)
@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scoring(Estimator, scoring, framed, free):
    """Rows of a frame are shown without names, of which nobody warns."""
    X, y = rows_for(Estimator)
    if Estimator is SoftTargetMLPClassifier:
        y = np.array(["no", "perhaps", "yes"])[y.argmax(axis=1)]
    if framed:
        X = pd.DataFrame(X, columns=[f"x{place}" for place in range(X.shape[1])])
        index = np.arange(100)[::-1]  # not that of the rows
        y = pd.Series(y, index=index) if y.ndim == 1 else pd.DataFrame(y, index=index)
    params = {"random_state": 0, "max_iter": 4} if free else QUICK
    clf = Estimator(**params, cv=2, scoring=scoring).fit(X, y)
    found = clf.selection_results_
    assert np.isfinite(found["mean_test_score"]).all()
    assert len(np.unique(found["split0_test_score"])) > 1
    assert hasattr(clf, "feature_names_in_") is framed
    clf.predict(X)


def test_scoring_of_sparse_rows_lists_and_sparse_labels():
    X, Y = make_labels(n=70)
    clf = MultiLabelSigmoidClassifier(**QUICK, cv=2, scoring="f1_macro", encoding="standard")
    plain = clf.fit(X, Y).selection_results_["mean_test_score"]
    for rows, labels in ((sp.csr_array(X), sp.csr_array(Y)), (X.tolist(), Y.tolist())):
        found = clone(clf).fit(rows, labels).selection_results_["mean_test_score"]
        assert_allclose(found, plain, atol=0.1)


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_a_scorer_sees_the_validation_rows_that_were_given(container):
    X, Y = make_soft(n=130)
    given = container(X)
    for cv, wanted in ((None, 1), (2, 2)):
        scorer = Recorder()
        clf = SoftTargetMLPClassifier(**QUICK, early_stopping=True, cv=cv, scoring=scorer)
        clf.fit(given[:100], Y[:100], X_val=given[100:], y_val=container(Y[100:]))
        found = scorer.rows_in(X)
        assert len(found) == wanted
        seen = sorted(chain(*found))
        assert seen == list(range(100, 130) if cv is None else range(100))
        for rows, targets in scorer.seen:
            assert_array_equal(targets, Y[[X[:, 0].tolist().index(row) for row in rows[:, 0]]])


def test_a_scorer_sees_validation_rows_that_a_fit_holds_out():
    X, Y = make_soft(n=100)
    scorer = Recorder()
    clf = SoftTargetMLPClassifier(
        **QUICK, early_stopping=True, validation_fraction=0.3, scoring=scorer
    ).fit(X, Y)
    (held,) = scorer.rows_in(X)
    assert len(held) == 30
    assert "split0_test_score" in clf.selection_results_
    assert "split1_test_score" not in clf.selection_results_


@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "validation_fraction": 0.3}])
def test_a_scorer_sees_rows_of_a_memory_mapped_file(tmp_path, params):
    X, Y = make_soft(n=150)
    mapped = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    scorer, of_map = Recorder(), Recorder()
    weight = np.arange(150) % 5 > 0  # so that rows that count are not all of them
    for rows, seeing in ((X, scorer), (mapped, of_map)):
        clf = SoftTargetMLPClassifier(**QUICK, **params, scoring=seeing)
        clf.fit(rows, Y, sample_weight=weight)
    assert of_map.rows_in(X) == scorer.rows_in(X) != []
    for found, wanted in zip(of_map.seen, scorer.seen, strict=True):
        assert_array_equal(found[1], wanted[1])


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_scorer_without_a_number_for_any_is_refused(bad):
    with pytest.raises(ValueError, match="no candidate a finite score"):
        SoftTargetMLPClassifier(**QUICK, scoring=lambda *_: bad).fit(*make_soft(n=70))


def test_trainings_that_all_fail_leave_the_middle(monkeypatch):
    monkeypatch.setattr(
        "sklearn_softloss._estimators.estimator.trained", lambda members, *_: [None] * len(members)
    )
    clf = SoftTargetMLPClassifier(**QUICK).fit(*make_soft(n=70))
    assert clf.alpha_ == params_of(MIDDLE, clf, 70)["alpha"]
    assert len(np.unique(clf.selection_results_["mean_test_score"])) == 1


@pytest.mark.parametrize("scoring", ["precise", 3, ["accuracy", "f1"], {"a": "accuracy"}])
def test_what_is_no_scoring_is_refused(scoring, monkeypatch):
    monkeypatch.setattr(Choice, "__init__", lambda *args: pytest.fail("trained"))
    X, Y = make_soft(n=70)
    with pytest.raises((ValueError, TypeError), match="scoring"):
        SoftTargetMLPClassifier(**QUICK, scoring=scoring).fit(X, Y.argmax(axis=1))


def test_an_error_of_a_scorer_leaves_the_fit_before():
    X, Y = make_soft(n=70)
    clf = SoftTargetMLPClassifier(**QUICK).fit(X, Y)
    before = dict(vars(clf))
    clf.set_params(scoring="accuracy")
    with pytest.raises(ValueError, match="continuous"):
        clf.fit(X, Y)
    clf.set_params(scoring=None)
    assert vars(clf) == before


def test_searches_over_scoring():
    X, y = make_clean(100)
    grid = {"scoring": [None, "accuracy", "roc_auc"], "cv": [2, KFold(3)]}
    search = GridSearchCV(SoftTargetMLPClassifier(**QUICK), grid, cv=2, error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_estimator_.selection_results_ is not None


# --- which rows are held out ---------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_neither_order_nor_repeats_nor_units_nor_containers_move_the_folds(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-9, 9, (90, 4)) / 4
    y = rng.integers(0, 3, 90)
    y = y[np.unique(X, axis=0, return_inverse=True)[1].ravel() % 90]  # equal rows, equal targets
    Y = np.eye(3)[y]

    def folds(rows, container=np.asarray):
        data = data_of(container(X[rows]), Y[rows])
        found = []
        for train, held, places in folds_of(data):
            assert_array_equal(held.rows, places)
            assert_array_equal(np.sort(np.append(train.rows, held.rows)), np.arange(len(rows)))
            found.append({tuple(row) for row in X[rows][held.rows].tolist()})
            assert not found[-1] & {tuple(row) for row in X[rows][train.rows].tolist()}
        return found

    everyone = np.arange(90)
    wanted = folds(everyone)
    n_different = len(np.unique(X, axis=0))
    assert {len(fold) for fold in wanted} <= {n_different // N_FOLDS, -(-n_different // N_FOLDS)}
    assert len(set.union(*wanted)) == sum(map(len, wanted)) == n_different
    assert folds(rng.permutation(90)) == wanted
    assert folds(np.repeat(everyone, 2)) == wanted
    assert folds(everyone, sp.csr_array) == wanted
    assert folds(everyone, np.float32) == wanted
    units, origins = 10 ** rng.uniform(-6, 6, 4), rng.normal(size=4)
    assert folds(everyone, lambda X: (X + origins) * units) == wanted
    assert folds(everyone, lambda X: sp.csr_array(X * units)) == wanted
    assert folds(everyone, lambda X: sp.csr_array(X - X.min(axis=0))) == wanted


def test_sparse_columns_without_zeros_are_ranked_as_dense_ones():
    X = np.random.default_rng(0).integers(-2, 3, (100, 3)).astype(float)
    X[:, 1] += 5
    X[:, 2] = np.where(X[:, 2] > 0, 1e308, -1e308)
    rows = np.arange(100)
    assert_array_equal(groups_of_equal(sp.csr_array(X), rows, 0), groups_of_equal(X, rows, 0))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler()])
def test_a_scaler_before_the_net_changes_nothing(scaler):
    X, y = load_wine(return_X_y=True)
    X = np.column_stack([X, X[:, 0] > 14.5])  # a rare mark, which is wherever the scaler puts it
    raw = SoftTargetMLPClassifier((16,), random_state=0).fit(X, y)
    scaled = clone(raw).fit(scaler.fit_transform(X), y)
    assert scaled.alpha_ == pytest.approx(raw.alpha_, rel=0.01)
    assert_allclose(scaled.predict_proba(scaler.transform(X)), raw.predict_proba(X), atol=0.005)


@pytest.mark.parametrize(
    "counts", [[200, 200], [300, 80, 20], [10, 90, 300], [240, 60, 60, 30, 10], [4] * 100]
)
@pytest.mark.parametrize("cv", [None, 5])
def test_each_fold_has_its_share_of_each_class(counts, cv):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    data = data_of(rng.normal(size=(len(y), 3)), np.eye(len(counts))[y])
    folds = folds_of(data, cv)
    assert len(folds) == (cv or N_FOLDS)
    for train, held, _ in folds:
        found = np.bincount(y[held.rows], minlength=len(counts))
        assert np.abs(found - np.array(counts) / len(folds)).max() < 1
        assert len(train) + len(held) == len(y)


def test_each_fold_has_its_share_of_the_rarest_labels():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 4)) < [0.6, 0.3, 0.05, 0.03]).astype(float)
    labels[labels[:, 2] == 1, 3] = 0
    for _, held, _ in folds_of(data_of(rng.normal(size=(400, 3)), labels)):
        for rare in (2, 3):
            assert abs(labels[held.rows, rare].sum() - labels[:, rare].sum() / N_FOLDS) < 1


def test_rows_of_a_class_by_weight_too():
    """A class that few rows have is dealt evenly, also where their weight is large."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(180 + 4 * N_FOLDS, 3)), np.repeat([0, 1], [180, 4 * N_FOLDS])
    scorer = Recorder()
    SoftTargetMLPClassifier(**QUICK, scoring=scorer).fit(X, y, np.where(y == 1, 50.0, 0.5))
    held = scorer.rows_in(X)
    assert [int(y[fold].sum()) for fold in held] == [4] * N_FOLDS


def test_numbers_of_both_signs_have_no_class():
    rng = np.random.default_rng(0)
    data = data_of(rng.normal(size=(50 * N_FOLDS, 3)), rng.normal(size=(50 * N_FOLDS, 1)))
    assert [len(held) for _, held, _ in folds_of(data)] == [50] * N_FOLDS


@pytest.mark.parametrize(("n", "n_splits"), [(MOST_FOLDED, N_FOLDS), (MOST_FOLDED + 1, 1)])
def test_many_rows_are_judged_once(n, n_splits):
    X = np.random.default_rng(0).normal(size=(n, 2))
    splits = folds_of(data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)]))
    assert len(splits) == n_splits
    share = 1 / N_FOLDS if n_splits > 1 else 0.25
    assert all(abs(len(held) - n * share) < 2 for _, held, _ in splits)
    assert len(folds_of(data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)]), 5)) == 5


@pytest.mark.parametrize(
    ("n", "n_columns", "n_held"),
    [(12_000, 2, 8250), (30_000, 2, 21_250), (12_000, 2000, 8388 - 3750), (6000, 4000, 1250)],
)
def test_of_many_rows_a_part_is_taught_and_a_block_judged(n, n_columns, n_held):
    X = np.broadcast_to(np.random.default_rng(0).normal(size=(n, 1)), (n, n_columns))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    ((part, held, places),) = folds_of(data)
    assert (len(part), len(held), len(places)) == (3750, n_held, n_held)
    assert not set(part.rows) & set(held.rows)


def test_processes_agree_on_how_many_judge():
    """Sparse rows of one process may have more entries, so that a block holds fewer of them."""

    class Second(Processes):
        def from_first(self, thing):
            return 6000

    X = np.random.default_rng(0).normal(size=(12_000, 2))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    data.processes = Second()
    part, groups, places = enough_rows(data)
    assert len(part) == len(groups) == len(places) == 6000


def test_validation_rows_serve_the_choice_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = ((X[:, 0] > 0) != (X[:, 1] > 0)).astype(int)
    alphas = [
        SoftTargetMLPClassifier((64,), early_stopping=True, random_state=0)
        .fit(X[:300], y[:300], X_val=X[300:], y_val=y_val)
        .alpha_
        for y_val in (y[300:], 1 - y[300:])
    ]
    assert alphas[0] < alphas[1]


def test_with_validation_rows_as_many_are_taught():
    X = np.random.default_rng(0).normal(size=(6000, 2))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    train, valid = (data.restricted(rows) for rows in (np.arange(5500), np.arange(5500, 6000)))
    ((part, held, _),) = splits_of(train, valid, None, None, None)
    assert (len(part), len(held)) == (5000, 500)
    assert len(splits_of(train, valid, 3, None, None)) == 3


# --- wide sparse rows ----------------------------------------------------------------------------


def words(n=400, d=6000, seed=0):
    rng = np.random.default_rng(seed)
    X = sp.random_array((n, d), density=0.003, rng=rng, format="csr")
    labels = (X @ rng.normal(size=(d, 3)) > 0.1).astype(int)
    return X, labels


def test_wide_sparse_rows_with_many_labels_get_a_net():
    """A linear model would have more weights, and L-BFGS holds many copies of them."""
    X = sp.random_array((80, 5000), density=0.01, format="csr", rng=np.random.default_rng(0))
    data = data_of(X, np.arange(80 * 600).reshape(80, 600) % 100 == 0)
    candidates = candidates_of(MultiLabelSigmoidClassifier(), data)
    assert not any(candidate.is_linear for candidate in candidates)


def test_linear_models_of_words_are_compared_at_their_end():
    """The gradients of rare words are small from the start: a trial that ended early there would
    praise too weak a penalty."""
    X, Y = words()
    data = data_of(X, Y)
    params = {"hidden_layer_sizes": (), "alpha": 0.03, "dropout": 0.0, "tol": 1e-3}
    params |= {"solver": "lbfgs", "max_iter": 200}
    last = MultiLabelSigmoidClassifier(**params, random_state=0).fit(X, Y)
    loss = last.net_.criterion_
    (trial,) = trained([Settings.of(last, params)], loss, data, data.weight_sum())
    found, wanted = (
        minus_losses(module, loss, data)[0].mean() for module in (trial, last.net_.module_)
    )
    assert found == pytest.approx(wanted, rel=0.25)


def test_wide_sparse_rows_get_a_linear_model():
    X, Y = words()
    clf = MultiLabelSigmoidClassifier(random_state=0).fit(X, Y)
    assert len(clf.coefs_) == 1
    assert {one["hidden_layer_sizes"] for one in clf.selection_results_["params"]} == {()}
    assert clf.alpha_ in {candidate.alpha for candidate in (CONSTANT, *LINEAR_ALONE)}
    clf.set_params(warm_start=True).fit(X, Y)
    assert len(clf.coefs_) == 1
    before = clf.coefs_[0]
    assert clf.partial_fit(X, Y).coefs_[0].shape == before.shape
    assert (clf.coefs_[0] != before).any()
    assert MultiLabelSigmoidClassifier(random_state=0).partial_fit(X, Y).partial_fit(X, Y).t_ == 800


@pytest.mark.parametrize(
    "params", [{"hidden_layer_sizes": (8,)}, {"alpha": 1.0}, {"dropout": 0.1}, {"solver": "sgd"}]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_who_asks_for_a_net_gets_one(params):
    X, Y = words(n=80)
    clf = MultiLabelSigmoidClassifier(max_iter=1, random_state=0, **params).fit(X, Y)
    assert len(clf.coefs_) == 2


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_rows_that_are_not_both_wide_and_sparse_may_get_a_net(container):
    X, Y = words(n=80, d=900)
    for rows in (container(X.toarray()), words(n=80, d=1200)[0].toarray()):
        candidates = candidates_of(MultiLabelSigmoidClassifier(), data_of(rows, Y))
        assert {candidate.is_linear for candidate in candidates} == {True, False}


def test_an_interrupt_of_the_choice_leaves_the_fit_before(monkeypatch):
    X, Y = make_labels(n=300)
    clf = MultiLabelSigmoidClassifier(**QUICK).fit(X, Y)
    before = parameters_of(clf)

    def interrupt(*args):
        raise KeyboardInterrupt

    for place in ("siblings._Siblings.step", "fused.FusedMLP._gradients"):
        with monkeypatch.context() as patch:
            patch.setattr(f"sklearn_softloss._training.{place}", interrupt)
            with pytest.raises(KeyboardInterrupt):
                clf.fit(X, 1 - Y)
        assert_array_equal(parameters_of(clf), before)
