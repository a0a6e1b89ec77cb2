"""What alpha="auto", dropout="auto" and hidden_layer_sizes="auto" become."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import KFold

from cases import make_clean, make_labels, make_soft, over_all, parameters_of, rows_for
from choice_cases import QUICK, data_of, minus_mean_loss
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._estimators.candidates import (
    BENT,
    CONSTANT,
    LINEAR_ALONE,
    MIDDLE,
    NETS,
    NO_LINEAR,
    Candidate,
    Size,
    candidates_of,
    options_of,
    params_of,
)
from sklearn_softloss._estimators.choice import FAILED, compared, results_of
from sklearn_softloss._estimators.course import Course, Problem
from sklearn_softloss._estimators.held_out import (
    N_FOLDS,
    Split,
)
from sklearn_softloss._estimators.settings import Settings
from sklearn_softloss._estimators.trials import minus_losses, trained

# --- the candidate of the greatest mean ----------------------------------------------------------

CANDIDATES = [Candidate(float(place), place / 10) for place in range(8)]


def choice_of(scores):
    """Scores and the best place where candidates score so in the splits, NaN meaning that there is
    none; and which took part in each split. The last axis, if there are three, is of rows."""
    candidates, asked = CANDIDATES[: len(scores)], []
    splits = [Split(place, None, None) for place in range(scores.shape[1])]

    def judge(some, split):
        places = [candidates.index(one) for one in some]
        asked.append(places)
        found = [np.atleast_1d(scores[place, split.train]) for place in places]
        return [(values, np.ones(len(values))) for values in found]

    return *compared(candidates, splits, judge), asked


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
    found, best, asked = choice_of(scores)
    took_part, winner = by_brute_force(scores)
    assert [sorted(places) for places in asked] == took_part
    assert best == winner
    known = np.zeros(scores.shape, bool)
    for split, places in enumerate(took_part):
        known[places, split] = True
    assert_array_equal(~np.isnan(found), known)
    assert_array_equal(found[known], np.where(np.isfinite(scores), scores, FAILED)[known])


@given(some_scores)
def test_results_tell_who_took_part_and_rank_all(scores):
    kept, best, _ = choice_of(scores)
    took_part, winner = by_brute_force(scores)
    params = [
        {"alpha": one.alpha, "dropout": one.dropout, "encoding": "standard"}
        for one in CANDIDATES[: len(scores)]
    ]
    found = results_of(params, kept, best)
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
        own = kept[place, :n_splits]
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
    assert choice_of(turned)[1] == 1
    _, best, asked = choice_of(np.zeros((7, 4)))
    assert best == 0
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
        assert choice_of(scores)[1] == wanted
    scores[0] = np.nan
    assert choice_of(scores - 9)[1] == 1
    *_, asked = choice_of(np.array([[-9.0] * 3, *[[0.0] * 3] * 6]))
    assert asked == [list(range(7)), [0, 1, 2, 3], [0, 1, 2]]


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
    SoftTargetMLPClassifier((8,), max_iter=2).fit(*make_soft(n=100))
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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_stated_number_of_epochs_is_none_of_iterations_of_a_linear_model():
    X, Y = words()
    clf = MultiLabelSigmoidClassifier(max_iter=3, random_state=0).fit(X, Y)
    assert clf.coefs_[0].shape == (X.shape[1], Y.shape[1])
    assert clf.n_iter_ > 3
    assert {one["max_iter"] for one in clf.selection_results_["params"]} == {200}


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


@pytest.mark.parametrize(("n", "most"), [(100, 1.03), (300, 1.03)])
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
    """On average over three data sets; what is fitted alone may be a few hundredths worse."""
    ratios = []
    for seed in (0, 2, 4):  # of the first six, with those in which most noise was learned
        X, y = make_noise(n, kind, seed)
        X_test, y_test = make_noise(2000, kind, 100 + seed)
        clf = Estimator(random_state=0).fit(X, y)
        ratios.append(-minus_mean_loss(clf, X_test, y_test) / loss_of_a_constant(y, y_test))
    assert 0.97 < np.mean(ratios) < most


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "gaussian", None])
@pytest.mark.parametrize(
    ("weight", "seeds"),
    [(1, (1, 3, 5)), (0.01, (3,))],  # of the first six, those in which least was learned
)
def test_a_signal_as_strong_as_the_noise_is_not_left_to_the_constant(loss, weight, seeds):
    """Whatever the unit of the weights is: some scale them to sum to one."""
    weight = np.full(100, weight)
    for seed in seeds:
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


# --- wide sparse rows ----------------------------------------------------------------------------


def words(n=400, d=6000, seed=0):
    rng = np.random.default_rng(seed)
    X = sp.random_array((n, d), density=0.003, rng=rng, format="csr")
    labels = (X @ rng.normal(size=(d, 3)) > 0.1).astype(int)
    return X, labels


def test_wide_sparse_rows_with_many_labels_get_a_net():
    """A linear model would have more weights, and L-BFGS holds many copies of them."""
    size = Size(n_columns=5000, n_targets=600, n_entries=0.8)
    candidates = candidates_of(MultiLabelSigmoidClassifier(), size)
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
    (trial,) = trained([Settings.of(last, params)], loss, data, 1.0)
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
        clf, data = MultiLabelSigmoidClassifier(), data_of(rows, Y)
        problem = Problem(data, None, None, None, Course.FRESH, *[None] * 3)
        _, candidates = options_of(clf, problem)
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
