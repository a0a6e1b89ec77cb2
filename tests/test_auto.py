"""What alpha="auto", dropout="auto" and hidden_layer_sizes="auto" become."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from cases import make_clean, make_labels, make_soft, over_estimators, parameters_of, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier, losses
from sklearn_softloss._estimators.held_out import enough_rows, groups_of_equal, part_to_judge_by
from sklearn_softloss._estimators.regularization import (
    LINEAR_PATH,
    MIDDLE,
    PATH,
    Choice,
    Strength,
    epochs_of,
    settled,
)
from sklearn_softloss._processes import Processes
from sklearn_softloss._training.batches import TrainingData, TrainingTargets

CPU, DOUBLE = torch.device("cpu"), torch.float64
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


def data_of(X, Y, weight=None):
    targets = TrainingTargets(np.asarray(Y, float), None, weight)
    return TrainingData(X, targets, np.arange(X.shape[0]), DOUBLE, CPU, may_stay_sparse=True)


# --- what is stored ------------------------------------------------------------------------------


@over_estimators
def test_a_choice_is_told_and_trains_as_its_numbers_do(Estimator):
    X, Y = targets_for(Estimator, n=300)
    clf = Estimator(**QUICK).fit(X, Y)
    tried = pd.DataFrame(clf.selection_results_)
    assert list(tried.columns) == [*MIDDLE._fields, "loss", "gain", "gain_error"]
    assert set(tried.alpha) <= {strength.alpha for strength in PATH}
    assert tried.loss[tried.alpha == MIDDLE.alpha].item() == pytest.approx(
        (tried.loss + tried.gain).mean()
    )
    numbers = Estimator(**QUICK, alpha=clf.alpha_, dropout=clf.dropout_).fit(X, Y)
    assert_array_equal(parameters_of(numbers), parameters_of(clf))
    assert numbers.selection_results_ is None
    assert (numbers.alpha_, numbers.dropout_) == (clf.alpha_, clf.dropout_)


def test_clean_labels_get_less_and_pure_noise_gets_more():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 30))
    clean = ((X[:, 0] > 0) != (X[:, 1] > 0)).astype(int)
    noise = rng.integers(0, 2, 600)
    of_clean = SoftTargetMLPClassifier(random_state=0).fit(X[:, :6], clean)
    of_noise = SoftTargetMLPClassifier(random_state=0).fit(X, noise)
    assert of_clean.alpha_ < MIDDLE.alpha < of_noise.alpha_
    assert of_clean.dropout_ < MIDDLE.dropout == of_noise.dropout_


@pytest.mark.parametrize("repeats", [1, 10])
def test_few_different_rows_take_the_middle(repeats):
    X, Y = make_soft(n=50)
    X, Y = np.tile(X, (repeats, 1)), np.tile(Y, (repeats, 1))
    clf = SoftTargetMLPClassifier(max_iter=2, random_state=0).fit(X, Y)
    assert (clf.alpha_, clf.dropout_) == (MIDDLE.alpha, MIDDLE.dropout)
    assert clf.selection_results_ is None


def test_what_was_chosen_is_said(capsys):
    X, Y = make_soft(n=300)
    SoftTargetMLPClassifier(**QUICK, verbose=2).fit(X, Y)
    assert "alpha=" in capsys.readouterr().out.splitlines()[0]


# --- where there is no choice --------------------------------------------------------------------


@over_estimators
def test_parts_take_the_middle_and_warm_starts_what_was_chosen(Estimator):
    X, Y = targets_for(Estimator, n=300)
    clf = Estimator(random_state=0, max_iter=4).partial_fit(X, Y)
    assert (clf.alpha_, clf.dropout_) == (MIDDLE.alpha, MIDDLE.dropout)
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
    X, Y = make_soft(n=300)
    clf = SoftTargetMLPClassifier(**QUICK, dropout=0.2).fit(X, Y)
    assert clf.dropout_ == 0.2
    assert clf.selection_results_ is not None


# --- how long the last fit is --------------------------------------------------------------------


@pytest.mark.parametrize(("n", "longest"), [(300, 96), (700, 73)])
def test_few_rows_with_less_decay_are_trained_for_longer(n, longest):
    clf = SoftTargetMLPClassifier(random_state=0).fit(*make_clean(n))
    assert clf.alpha_ < MIDDLE.alpha
    assert clf.n_iter_ == len(clf.loss_curve_) == min(longest, round(32 / clf.alpha_**0.5)) > 40


@pytest.mark.parametrize(
    ("params", "n_epochs"),
    [({"alpha": 0.03, "dropout": 0.0}, 32), ({"solver": "adam"}, 32), ({"max_iter": 5}, 5)],
)
def test_numbers_make_no_training_longer(params, n_epochs):
    clf = SoftTargetMLPClassifier(random_state=0, **params).fit(*make_clean(300))
    assert clf.n_iter_ == n_epochs


def test_noise_makes_no_training_longer():
    X, y = make_clean(300)
    y = np.random.default_rng(0).permutation(y)
    assert SoftTargetMLPClassifier(random_state=0).fit(X, y).n_iter_ == 32


@given(alpha=st.floats(0.03, 10), planned=st.sampled_from([32, 64]), steps=st.floats(0.5, 500))
def test_epochs_rise_as_decay_falls_within_bounds(alpha, planned, steps):
    found = epochs_of(Strength(alpha), planned, steps)
    assert planned <= found <= 3 * planned
    assert found <= max(planned, 1600 / steps + 0.5)
    assert found <= epochs_of(Strength(alpha / 2), planned, steps)
    if alpha >= MIDDLE.alpha:
        assert found == planned


# --- what the numbers are ------------------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 8, 64, 448, 1000])
@pytest.mark.parametrize("n_samples", [100, 14_000])
@pytest.mark.parametrize("n_features", [1, 3, 4, 50])
def test_narrow_nets_few_columns_and_many_rows_get_less(width, n_samples, n_features):
    clf = settled(SoftTargetMLPClassifier((1000, width)), n_samples, n_features)
    narrow, few, many = min(1, width / 448), min(1, n_features / 4), min(1, 7000 / n_samples)
    # The noise of dropout is its odds over the units.
    assert clf.dropout / (1 - clf.dropout) == pytest.approx(narrow * few**2 * many)
    assert clf.alpha == pytest.approx(narrow**0.5 * few * many)


def test_channels_of_a_module_are_no_few_columns():
    clf = settled(SoftTargetMLPClassifier(module=torch.nn.Linear), 100, 1)
    assert clf.alpha == 1.0


def test_a_wave_of_one_column_is_followed():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    truth = expit(1.5 * np.sin(1.5 * x))
    proba = SoftTargetMLPClassifier(random_state=0).fit(x[:, None], rng.random(1000) < truth)
    assert np.abs(proba.predict_proba(x[:, None])[:, 1] - truth).mean() < 0.06


# --- which rows are held out ---------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_neither_order_nor_repeats_nor_units_nor_containers_move_the_rows_held_out(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-9, 9, (90, 4)) / 4
    Y = np.eye(3)[rng.integers(0, 3, 90)]

    def held(rows, container=np.asarray):
        data = data_of(container(X[rows]), Y[rows])
        _, judged, groups = part_to_judge_by(*enough_rows(data, seed))
        found = {tuple(row) for row in X[rows][judged.rows].tolist()}
        assert len(np.unique(groups)) == len(found)
        return found

    everyone = np.arange(90)
    wanted = held(everyone)
    assert len(wanted) == len(np.unique(X, axis=0)) // 4
    assert held(rng.permutation(90)) == wanted
    assert held(np.repeat(everyone, 2)) == wanted
    assert held(everyone, sp.csr_array) == wanted
    assert held(everyone, np.float32) == wanted
    units, origins = 10 ** rng.uniform(-6, 6, 4), rng.normal(size=4)
    assert held(everyone, lambda X: (X + origins) * units) == wanted
    assert held(everyone, lambda X: sp.csr_array(X * units)) == wanted
    assert held(everyone, lambda X: sp.csr_array(X - X.min(axis=0))) == wanted


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


def test_a_quarter_of_each_class_and_of_the_rarest_labels_is_held_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.repeat([0, 1, 2], [300, 80, 20])
    data = data_of(X, np.eye(3)[y])
    _, held, _ = part_to_judge_by(*enough_rows(data, 0))
    assert np.abs(np.bincount(y[held.rows]) - [75, 20, 5]).max() <= 1
    labels = (rng.random((400, 3)) < [0.6, 0.3, 0.05]).astype(float)
    data = data_of(X, labels)
    _, held, _ = part_to_judge_by(*enough_rows(data, 0))
    assert abs(labels[held.rows, 2].sum() - labels[:, 2].sum() / 4) <= 1


@pytest.mark.parametrize(
    ("n", "n_columns", "n_held"),
    [(12_000, 2, 8250), (30_000, 2, 21_250), (12_000, 2000, 8388 - 3750), (6000, 4000, 1250)],
)
def test_of_many_rows_a_part_is_taught_and_a_block_judged(n, n_columns, n_held):
    X = np.broadcast_to(np.random.default_rng(0).normal(size=(n, 1)), (n, n_columns))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    part, held, groups = part_to_judge_by(*enough_rows(data, 0))
    assert (len(part), len(held), len(groups)) == (3750, n_held, n_held)
    assert not set(part.rows) & set(held.rows)


def test_processes_agree_on_how_many_judge():
    """Sparse rows of one process may have more entries, so that a block holds fewer of them."""

    class Second(Processes):
        def from_first(self, thing):
            return 6000

    X = np.random.default_rng(0).normal(size=(12_000, 2))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    data.processes = Second()
    part, groups = enough_rows(data, 0)
    assert len(part) == len(groups) == 6000


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
    data, taught = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)]), []

    def fit(strength, part):
        taught.append(len(part))
        return _Net(0.0)

    Choice(PATH, data.restricted(np.arange(5500)), data.restricted(np.arange(5500, 6000)), fit, 0)
    assert set(taught) == {5000}


# --- the walk ------------------------------------------------------------------------------------


class _Constant(torch.nn.Module):
    def __init__(self, logit):
        super().__init__()
        self.logit = logit

    def forward(self, X):
        zeros = X.new_zeros(len(X))
        return torch.stack([zeros, zeros + self.logit], dim=1)


class _Net:
    criterion_ = losses.CrossEntropy()

    def __init__(self, logit):
        self.module_ = _Constant(logit)


def choice_of(logits, n=400):
    """The choice where strengths answer every row with these logits, of which None fails; and the
    places in the path of those that were tried.

    Three of four labels are 1, in the rows held out too.
    """
    tried = []

    def fit(strength, part):
        tried.append(PATH.index(strength))
        if logits[tried[-1]] is None:
            raise ValueError("no longer finite")
        return _Net(logits[tried[-1]])

    return Choice(PATH, three_of_four(n), None, fit, 0), tried


def three_of_four(n):
    X = np.random.default_rng(0).normal(size=(n, 2))
    return data_of(X, np.eye(2)[(np.arange(n) % 4 > 0).astype(int)])


@pytest.fixture
def chosen(monkeypatch):
    """Where the walk ends, and what was tried."""
    monkeypatch.setattr(Choice, "_between", lambda self, best: self.path[best])

    def find(logits, n=400):
        choice, tried = choice_of(logits, n)
        return PATH.index(choice.strength), sorted(tried)

    return find


BEST = float(np.log(3))  # the logit of a share of 0.75


@pytest.mark.parametrize(
    ("logits", "strength", "tried"),
    [
        ([0, 0, BEST, 0, 0], 2, [1, 2, 3]),
        ([0, BEST, 0, -1, 0], 1, [0, 1, 2, 3]),
        ([BEST, 0.2, 0, -1, 0], 0, [0, 1, 2, 3]),
        ([BEST, BEST / 2, 0, -1, 0], 1, [0, 1, 2, 3]),  # less than two standard errors
        ([BEST, BEST, 0, BEST, 0], 3, [2, 3, 4]),  # the stronger one comes first
        ([0, 0, 0, 0.2, BEST], 4, [2, 3, 4]),
        ([0, 0, 0, BEST / 2, BEST], 3, [2, 3, 4]),  # less than two standard errors
        ([0, BEST, BEST - 0.5, 0, 0], 2, [0, 1, 2, 3]),  # less than three nats in all
        ([BEST, 0.05, 0, -1, 0], 0, [0, 1, 2, 3]),  # the first step is not clear, the second is
        ([0, 0, BEST - 0.01, BEST, 0], 2, [2, 3, 4]),  # within the error of what is held out
        ([0, 0, 0, 0.05, BEST], 4, [2, 3, 4]),
        ([None, BEST, 0, -1, 0], 1, [0, 1, 2, 3]),
        ([None, None, 0, None, 0], 2, [1, 2, 3]),
    ],
)
def test_the_walk_along_the_path(chosen, logits, strength, tried):
    assert chosen(logits) == (strength, tried)


@pytest.mark.parametrize(
    ("logits", "n", "strength"),
    [
        ([BEST, BEST, BEST - 0.2, 0, 0], 5000, 2),  # within two errors
        ([BEST, BEST, BEST - 0.2, 0, 0], 20_000, 1),
        ([0, 0, BEST - 0.2, BEST, 0], 5000, 3),  # more than one error
        ([0, 0, BEST - 0.2, BEST, 0], 5001, 2),  # of a part, which wants more decay than all
        ([0, 0, BEST - 0.2, BEST, 0], 20_000, 3),
    ],
)
def test_many_rows_tell_more_and_a_part_needs_two_errors(chosen, logits, n, strength):
    assert chosen(logits, n)[0] == strength


@pytest.mark.parametrize(
    ("logits", "best"),
    [
        ([0, 0.6, BEST, 0.5, 0], 2),
        ([0, BEST - 0.3, BEST, 0, 0], 2),
        ([0, BEST - 0.1, BEST - 0.15, BEST, 0], 2),  # the stronger one is better, within errors
        ([0.3, BEST, 0.5, 0, 0], 1),
        ([0, 0, 0.2, BEST, 0.7], 3),
    ],
)
def test_a_choice_leans_to_the_better_neighbour(logits, best):
    """To the least of a parabola, found here by NumPy; a neighbour is taken as worse by the errors
    and the surprise of a step to it."""
    choice, _ = choice_of(logits, 2000)
    _, held, _ = part_to_judge_by(*enough_rows(three_of_four(2000), 0))
    is_one = held.targets.block(held.rows)[0][:, 1]
    weaker, here, stronger = (
        np.logaddexp(0, logit) - is_one * logit for logit in logits[best - 1 : best + 2]
    )
    errors = [np.std(losses - here) / len(here) ** 0.5 for losses in (weaker, stronger)]
    raised = 2 * errors[0] + 3 / len(here) * (best <= 2), 0, 4 * errors[1] * (best > 2)
    loss = np.mean([weaker, here, stronger], axis=1) + raised
    around = [PATH[best + step].alpha for step in (-1, 0, 1)]
    bend, slope, _ = np.polyfit(np.log(around), np.maximum(loss, loss[1]), 2)
    assert choice.strength.alpha == pytest.approx(np.exp(-slope / bend / 2), rel=1e-5)
    assert choice.strength.alpha not in around


@pytest.mark.parametrize(("n", "leans"), [(5000, True), (5001, False)])
def test_trials_of_a_part_lean_to_less_decay_alone(n, leans):
    to_more = choice_of([0, 0.6, BEST - 0.1, BEST - 0.08, 0], n)[0].strength
    assert (to_more.alpha > MIDDLE.alpha) is leans
    to_less = choice_of([0, BEST - 0.1, BEST, 0, 0], n)[0].strength
    assert to_less.alpha < MIDDLE.alpha
    assert 0.25 < to_less.dropout < 0.5


def test_no_choice_leans_from_an_end_of_the_path_or_beside_a_failure():
    for logits, best in (
        ([BEST, 0.2, 0, -1, 0], 0),
        ([0, 0, 0, 0.2, BEST], 4),
        ([0, None, BEST, BEST - 0.1, 0], 2),
        ([0, BEST - 0.1, BEST, None, 0], 2),
    ):
        assert choice_of(logits)[0].strength == PATH[best]


# --- wide sparse rows ----------------------------------------------------------------------------


def words(n=400, d=6000, seed=0):
    rng = np.random.default_rng(seed)
    X = sp.random_array((n, d), density=0.003, rng=rng, format="csr")
    labels = (X @ rng.normal(size=(d, 3)) > 0.1).astype(int)
    return X, labels


def test_wide_sparse_rows_with_many_labels_get_a_net():
    """A linear model would have more weights, and L-BFGS holds many copies of them."""
    X = sp.random_array((80, 5000), density=0.01, format="csr", rng=np.random.default_rng(0))
    Y = sp.random_array((80, 600), density=0.01, format="csr", rng=np.random.default_rng(1))
    clf = MultiLabelSigmoidClassifier(max_iter=1, random_state=0).fit(X, Y.ceil())
    assert clf.net_.module_.layer_sizes == (5000, 448, 600)


def test_wide_sparse_rows_get_a_linear_model():
    X, Y = words()
    clf = MultiLabelSigmoidClassifier(random_state=0).fit(X, Y)
    assert len(clf.coefs_) == 1
    assert clf.selection_results_["is_linear"].all()
    assert clf.alpha_ in {strength.alpha for strength in LINEAR_PATH}
    with pytest.raises(ValueError, match="state hidden_layer_sizes"):
        clf.partial_fit(X, Y)
    clf.set_params(warm_start=True).fit(X, Y)
    assert len(clf.coefs_) == 1
    assert MultiLabelSigmoidClassifier(random_state=0).partial_fit(X, Y).partial_fit(X, Y).t_ == 800


@pytest.mark.parametrize(
    "params", [{"hidden_layer_sizes": (8,)}, {"alpha": 1.0}, {"dropout": 0.1}, {"solver": "sgd"}]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_who_asks_for_a_net_gets_one(params):
    X, Y = words(n=80)
    clf = MultiLabelSigmoidClassifier(max_iter=1, random_state=0, **params).fit(X, Y)
    assert len(clf.coefs_) == 2


def test_dense_rows_get_a_net():
    X, Y = words(n=80, d=1200)
    clf = MultiLabelSigmoidClassifier(max_iter=1, random_state=0).fit(X.toarray(), Y)
    assert len(clf.coefs_) == 2


def test_an_interrupt_of_the_choice_leaves_the_fit_before(monkeypatch):
    X, Y = make_labels(n=300)
    clf = MultiLabelSigmoidClassifier(**QUICK).fit(X, Y)
    before = parameters_of(clf)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_softloss._training.fused.FusedMLP._gradients", interrupt)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, 1 - Y)
    assert_array_equal(parameters_of(clf), before)
