"""Early stopping, when training ends and warns, and what it prints on the way."""

import io
import re
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from cases import (
    NOISY_BINARY,
    X_BINARY,
    X_SMALL,
    Y_BINARY,
    Recorder,
    every_activation,
    make_soft,
    matrix_targets,
    mlp,
    over_estimators,
    parameters_of,
    targets_for,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss._training import observers

# Nets here are trained for a few epochs on purpose; the tests of the warning ask for it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- early stopping --------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
def test_early_stopping_ends_training_and_keeps_its_curve(Estimator, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    tol = 0.2
    net = mlp(
        Estimator, 4, solver="sgd", tol=tol, max_iter=1000, early_stopping=True, random_state=0
    )
    net.fit(X_SMALL, y)
    assert net.n_iter_ < 1000
    assert isinstance(net.validation_loss_curve_, list)
    assert len(net.validation_loss_curve_) == len(net.loss_curve_) == net.n_iter_
    assert net.best_loss_ == min(net.validation_loss_curve_)
    assert isinstance(net.validation_scores_, list)
    assert net.validation_scores_ == [-loss for loss in net.validation_loss_curve_]
    assert net.best_validation_score_ == max(net.validation_scores_) == -net.best_loss_
    assert min(net.validation_loss_curve_[-2:]) + tol > net.best_loss_


@over_estimators
def test_without_early_stopping_there_are_no_validation_attributes(Estimator):
    net = mlp(Estimator, 4, max_iter=5, random_state=0).fit(X_BINARY, Y_BINARY)
    assert net.validation_loss_curve_ is None
    assert net.validation_scores_ is None
    assert net.best_validation_score_ is None
    assert net.best_loss_ == min(net.loss_curve_)
    assert net.loss_ == net.loss_curve_[-1]


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_early_stopping_restores_the_best_weights(Estimator, solver):
    recorder = Recorder()
    params = {"solver": solver, "learning_rate_init": 0.1, "random_state": 1, "max_iter": 100}
    net = mlp(
        Estimator, 16, early_stopping=True, n_iter_no_change=5, callbacks=[recorder], **params
    )
    net.fit(X_SMALL, NOISY_BINARY)
    assert int(np.argmin(net.validation_loss_curve_)) < net.n_iter_ - 1
    held_out = recorder.held_out_rows(X_SMALL)
    assert len(held_out) == 6
    loss = log_loss(NOISY_BINARY[held_out], net.predict_proba(X_SMALL[held_out]))
    assert_allclose(loss, net.best_loss_, rtol=1e-10)


@over_estimators
def test_best_weights_of_matrix_targets_are_restored(Estimator):
    y, recorder = matrix_targets(Estimator).round(), Recorder()
    y = np.random.RandomState(0).permutation(y)  # nothing to learn but the noise
    params = {"learning_rate_init": 0.1, "n_iter_no_change": 5, "random_state": 0}
    net = mlp(Estimator, 16, early_stopping=True, callbacks=[recorder], **params)
    net.fit(X_SMALL, np.where(y.sum(axis=1, keepdims=True) == 0, [1, 0, 0], y))
    y = np.where(y.sum(axis=1, keepdims=True) == 0, [1, 0, 0], y)
    assert int(np.argmin(net.validation_loss_curve_)) < net.n_iter_ - 1
    held_out = recorder.held_out_rows(X_SMALL)
    proba, truth = net.predict_proba(X_SMALL[held_out]), y[held_out]
    losses = truth * np.log(proba)
    if Estimator is MultiLabelSigmoidClassifier:
        losses += (1 - truth) * np.log1p(-proba)
    assert_allclose(-losses.sum(axis=1).mean(), net.best_loss_, rtol=1e-10)


@over_estimators
@pytest.mark.parametrize("seed", range(3))
def test_hard_labels_are_held_out_in_proportion(Estimator, seed):
    recorder = Recorder()
    y = np.array([0] * 45 + [1] * 15)
    params = {"early_stopping": True, "validation_fraction": 0.2, "random_state": seed}
    mlp(Estimator, 4, max_iter=2, callbacks=[recorder], **params).fit(X_SMALL, y)
    assert_array_equal(np.bincount(y[recorder.held_out_rows(X_SMALL)]), [9, 3])


@over_estimators
def test_a_class_with_one_member_stays_in_training(Estimator):
    y = np.arange(60) % 2 if Estimator is SoftTargetMLPClassifier else np.zeros(60, dtype=int)
    y[7] = 2
    recorder = Recorder()
    net = mlp(Estimator, 4, early_stopping=True, max_iter=2, callbacks=[recorder])
    net.fit(X_SMALL, y)
    held_out = recorder.held_out_rows(X_SMALL)
    assert 7 not in held_out
    assert len(held_out) == 6


def test_more_classes_than_held_out_rows_are_stratified_as_far_as_they_reach():
    """120 rows of 40 classes, 12 held out; the class with a third of the rows has its share."""
    X = np.random.default_rng(0).normal(size=(120, 2))
    y = np.where(np.arange(120) % 3 == 0, 0, np.arange(120) % 39 + 1)
    recorder = Recorder()
    net = mlp(SoftTargetMLPClassifier, 4, early_stopping=True, max_iter=2, callbacks=[recorder])
    net.fit(X, y)
    held_out = recorder.held_out_rows(X)
    assert len(held_out) == 12
    assert np.count_nonzero(y[held_out] == 0) == 4


@over_estimators
def test_rows_of_ones_own_validate(Estimator):
    X, Y = targets_for(Estimator)
    params = {"early_stopping": True, "max_iter": 4, "random_state": 0}
    net = mlp(Estimator, 4, **params).fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    alone = mlp(Estimator, 4, max_iter=4, random_state=0).fit(X[:80], Y[:80])
    assert_allclose(net.loss_curve_, alone.loss_curve_)
    assert net.t_ == 4 * 80
    proba, truth = net.predict_proba(X[80:]), Y[80:]
    wanted = -(truth * np.log(proba)).sum(axis=1)
    if Estimator is MultiLabelSigmoidClassifier:
        wanted -= ((1 - truth) * np.log(1 - proba)).sum(axis=1)
    assert_allclose(min(net.validation_loss_curve_), wanted.mean(), rtol=1e-6)
    weighted = mlp(Estimator, 4, **params).fit(
        X[:80], Y[:80], sample_weight=np.full(80, 3.0), X_val=X[80:], y_val=Y[80:]
    )
    assert_allclose(weighted.validation_loss_curve_, net.validation_loss_curve_, rtol=1e-5)


@over_estimators
def test_rows_to_validate_on_are_checked(Estimator):
    X, Y = targets_for(Estimator)
    with pytest.raises(ValueError, match="both be given"):
        mlp(Estimator, 4, early_stopping=True).fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match="early_stopping=True, which is not set"):
        mlp(Estimator, 4).fit(X, Y, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        mlp(Estimator, 4, early_stopping=True).fit(X, Y, X_val=X[:5], y_val=Y)
    with pytest.raises(ValueError, match="columns"):
        mlp(Estimator, 4, early_stopping=True).fit(X, Y, X_val=X, y_val=np.full((len(X), 2), 0.5))


def test_rows_to_validate_on_hold_a_known_label():
    X, Y = targets_for(MultiLabelSigmoidClassifier)
    net = mlp(MultiLabelSigmoidClassifier, 4, early_stopping=True)
    with pytest.raises(ValueError, match="y_val holds no known label to validate on"):
        net.fit(X, Y, X_val=X, y_val=np.full(Y.shape, np.nan))


@over_estimators
def test_matrix_targets_are_split_without_strata(Estimator):
    y = np.full((60, 3), [1.0, 0.0, 0.0])
    y[0] = [0.0, 1.0, 0.0]
    net = mlp(Estimator, 4, early_stopping=True, max_iter=3, random_state=0).fit(X_SMALL, y)
    assert len(net.validation_loss_curve_) == 3


@over_estimators
def test_early_stopping_with_string_labels(Estimator):
    labels = np.array(["class_a", "class_b"], dtype=object)[NOISY_BINARY]
    net = mlp(Estimator, 4, early_stopping=True, max_iter=8, random_state=42).fit(X_SMALL, labels)
    assert len(net.validation_scores_) == net.n_iter_
    assert np.isfinite(net.validation_scores_).all()
    assert set(net.predict(X_SMALL)) <= {"class_a", "class_b"}


@over_estimators
def test_early_stopping_on_a_data_frame_does_not_warn_of_feature_names(Estimator):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(X_SMALL[:20], columns=["a", "b", "c", "d"])
    y = pd.Series([0, 1] * 10, name="target")
    net = mlp(Estimator, 4, early_stopping=True, validation_fraction=0.2, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, y).predict(X)
    assert_array_equal(net.feature_names_in_, ["a", "b", "c", "d"])


@over_estimators
@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 2])
def test_validation_fraction_lies_between_zero_and_one(Estimator, fraction):
    net = mlp(Estimator, 4, early_stopping=True, validation_fraction=fraction)
    with pytest.raises((ValueError, TypeError), match="validation_fraction"):
        net.fit(X_BINARY, Y_BINARY)


@over_estimators
def test_too_small_validation_set_is_refused(Estimator):
    net = mlp(Estimator, 4, early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="The validation set is too small"):
        net.fit(X_SMALL[::12], matrix_targets(Estimator)[::12])


@pytest.fixture(params=[1e3, 1e200], ids=["slowly", "at once"])
def diverging(request):
    """Parameters of a training whose loss becomes NaN, in the first epoch or later."""
    return {
        "solver": "sgd",
        "activation": "identity",
        "learning_rate_init": request.param,
        "max_iter": 200,
        "n_iter_no_change": 20,
        "early_stopping": True,
        "random_state": 0,
    }


@over_estimators
def test_diverging_loss_under_early_stopping_raises_no_error(Estimator, diverging):
    net = mlp(Estimator, (8, 8), **diverging).fit(X_SMALL, NOISY_BINARY)
    assert isinstance(net.validation_scores_[-1], float)
    assert np.isnan(net.validation_scores_[-1])
    assert np.isfinite(parameters_of(net)).all()


@over_estimators
def test_best_validation_score_of_a_diverging_loss_is_read_without_a_warning(Estimator, diverging):
    net = mlp(Estimator, (8, 8), **diverging).fit(X_SMALL, NOISY_BINARY)
    finite = [score for score in net.validation_scores_ if not np.isnan(score)]
    best = net.best_validation_score_
    assert best == max(finite) if finite else np.isnan(best) or best == -np.inf


# --- when training ends ----------------------------------------------------------------------


def _passes_until_stalled(curve, tol, n_iter_no_change):
    """Where a loss curve has gone more than n epochs without a fall of tol below its lowest."""
    best, waited = np.inf, 0
    for n, loss in enumerate(curve, start=1):
        waited = waited + 1 if loss > best - tol else 0
        best = min(best, loss)
        if waited > n_iter_no_change:
            return n
    return None


@over_estimators
@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5, 10, 40])
def test_training_ends_after_n_iter_no_change_passes_without_gain(Estimator, n_iter_no_change):
    net = mlp(
        Estimator,
        8,
        solver="sgd",
        tol=0.01,
        max_iter=1000,
        random_state=0,
        n_iter_no_change=n_iter_no_change,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == _passes_until_stalled(net.loss_curve_, 0.01, n_iter_no_change)


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "adaptive"])
@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_number_of_passes_without_any_gain_is_that_of_mlp_classifier(
    Estimator, n_iter_no_change, learning_rate
):
    params = {"solver": "sgd", "tol": 1e9, "max_iter": 500, "learning_rate": learning_rate}
    params |= {"n_iter_no_change": n_iter_no_change, "learning_rate_init": 0.01}
    n_iter = [
        kind(4, **params).fit(X_BINARY, Y_BINARY).n_iter_ for kind in (Estimator, MLPClassifier)
    ]
    assert n_iter[0] == n_iter[1]


@over_estimators
def test_infinite_n_iter_no_change_runs_to_max_iter(Estimator):
    net = mlp(Estimator, 4, solver="sgd", tol=1e9, max_iter=40, n_iter_no_change=np.inf)
    with pytest.warns(ConvergenceWarning):
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == len(net.loss_curve_) == 40


@over_estimators
def test_coarse_tolerance_ends_training_early(Estimator):
    params = {"learning_rate_init": 0.01, "max_iter": 100, "random_state": 0}
    n_iter = [
        mlp(Estimator, 8, tol=tol, **params).fit(X_SMALL, NOISY_BINARY).n_iter_
        for tol in (0.5, 5e-3, 0)
    ]
    assert n_iter[0] < n_iter[1] < n_iter[2]


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_reaching_max_iter_warns(Estimator, solver):
    net = mlp(Estimator, 4, solver=solver, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 2


@over_estimators
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_planned_schedules_end_at_max_iter_without_a_warning(Estimator, learning_rate):
    net = mlp(Estimator, 4, learning_rate=learning_rate, max_iter=15, tol=1e9, n_iter_no_change=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 15


@over_estimators
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_early_stopping_ends_planned_schedules(Estimator, learning_rate):
    params = {"learning_rate": learning_rate, "max_iter": 50, "tol": 1e9, "n_iter_no_change": 2}
    net = mlp(Estimator, 4, early_stopping=True, random_state=0, **params).fit(X_BINARY, Y_BINARY)
    assert net.n_iter_ == 4


@over_estimators
def test_partial_fit_never_warns_of_convergence(Estimator):
    net = mlp(Estimator, 4, max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    assert len(net.loss_curve_) == 3


@over_estimators
@every_activation
def test_max_fun_limits_lbfgs_and_warns(Estimator, activation):
    net = mlp(Estimator, 8, activation, solver="lbfgs", max_fun=4, max_iter=150, random_state=1)
    with pytest.warns(ConvergenceWarning, match="max_fun"):
        net.fit(X_BINARY, Y_BINARY)
    assert 1 <= net.n_iter_ <= 4


def _overflowing_data():
    X = np.finfo(np.float64).max * np.random.RandomState(0).uniform(size=(10, 2))
    return X, [0, 1] * 5


@over_estimators
def test_weights_that_overflow_raise_and_leave_the_last_fit(Estimator):
    X, y = _overflowing_data()
    params = {"solver": "sgd", "max_iter": 20, "random_state": 0}
    net = mlp(Estimator, 16, "identity", **params).fit(X_SMALL[:, :2], NOISY_BINARY)
    proba = net.predict_proba(X_SMALL[:, :2])
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        net.fit(X, y)
    assert_array_equal(net.predict_proba(X_SMALL[:, :2]), proba)
    unfitted = mlp(Estimator, 16, "identity", **params)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        unfitted.fit(X, y)
    assert not [name for name in vars(unfitted) if name.endswith("_")]


@over_estimators
@pytest.mark.parametrize("way", ["warm start", "partial_fit"])
def test_going_on_with_weights_that_overflow_leaves_the_last_fit(Estimator, way):
    X, y = _overflowing_data()
    params = {"solver": "sgd", "max_iter": 20, "random_state": 0, "batch_size": 2}
    net = mlp(Estimator, 16, "identity", warm_start=True, **params).fit(
        X_SMALL[:, :2], NOISY_BINARY
    )
    proba, curve, seen = net.predict_proba(X_SMALL[:, :2]), list(net.loss_curve_), net.t_
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        net.fit(X, y) if way == "warm start" else net.partial_fit(X, y)
    assert_array_equal(net.predict_proba(X_SMALL[:, :2]), proba)
    assert net.loss_curve_ == curve
    assert net.t_ == seen


@over_estimators
def test_lbfgs_that_gives_up_warns(Estimator):
    """The loss overflows, so that the line search fails before the first iteration."""
    net = mlp(Estimator, 4, solver="lbfgs", max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        net.fit(*_overflowing_data())


# --- what is printed -------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("verbose", [2, 10])
def test_verbose_prints_a_line_an_epoch(Estimator, capsys, verbose):
    net = mlp(Estimator, 4, solver="sgd", max_iter=2, verbose=verbose)
    net.fit([[3, 2], [1, 6]], [1, 0])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    assert f"{net.loss_curve_[1]:.8f}" in lines[1]
    net.partial_fit([[3, 2], [1, 6]], [1, 0])
    assert capsys.readouterr().out.startswith("Iteration 3")


@over_estimators
def test_verbose_prints_the_validation_loss_and_why_training_stopped(Estimator, capsys):
    params = {"early_stopping": True, "tol": 1e9, "n_iter_no_change": 2, "random_state": 0}
    net = mlp(Estimator, 4, verbose=2, **params).fit(X_BINARY, Y_BINARY)
    *lines, reason = capsys.readouterr().out.splitlines()
    assert len(lines) == net.n_iter_
    for line, loss in zip(lines, net.validation_loss_curve_, strict=True):
        assert f"{loss:.8f}" in line
    assert "did not improve" in reason


@over_estimators
def test_verbose_lbfgs_prints_a_line_an_iteration(Estimator, capsys):
    net = mlp(Estimator, 4, solver="lbfgs", max_iter=3, verbose=2).fit(X_BINARY, Y_BINARY)
    assert capsys.readouterr().out.count("Iteration") == net.n_iter_


@over_estimators
@pytest.mark.parametrize("verbose", [False, 0, 1, True])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_nothing_is_printed_outside_a_terminal(Estimator, capfd, verbose, solver):
    mlp(Estimator, 4, solver=solver, max_iter=2, verbose=verbose).fit(X_BINARY, Y_BINARY)
    assert capfd.readouterr() == ("", "")


@over_estimators
def test_verbose_1_shows_a_progress_bar_on_a_terminal(Estimator, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    mlp(Estimator, 4, max_iter=2, verbose=0).fit(X_BINARY, Y_BINARY)
    assert terminal.getvalue() == ""
    mlp(Estimator, 4, max_iter=2, verbose=1).fit(X_BINARY, Y_BINARY)
    assert "/2" in terminal.getvalue()
    monkeypatch.setattr(observers, "tqdm", partial(observers.tqdm, mininterval=0, ncols=200))
    params = {"max_iter": 2, "verbose": 1, "early_stopping": True, "validation_fraction": 0.3}
    mlp(Estimator, 4, **params).fit(X_BINARY, Y_BINARY)
    assert re.search(r"2/2.* loss=[\d.]+, validation=[\d.]+, rows/s=", terminal.getvalue())
    bars = terminal.getvalue()
    mlp(Estimator, 4, max_iter=2, verbose=2).fit(X_BINARY, Y_BINARY)
    assert terminal.getvalue() == bars


# --- validation rows that are not like the rest ----------------------------------------------


def tables():
    """Rows and labels in the units that they were measured in."""
    for load in (load_iris, load_wine, load_breast_cancer):
        X, y = load(return_X_y=True)
        yield train_test_split(X, y, random_state=0)


def fit_with(X, y, X_val, y_val, **params):
    net = SoftTargetMLPClassifier((4,), max_iter=2, early_stopping=True, random_state=0, **params)
    return net.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize(
    "step", [StandardScaler(), MinMaxScaler(), RobustScaler(), PCA(whiten=True)], ids=repr
)
def test_raw_validation_rows_behind_a_step_are_warned_of(step):
    for X, X_val, y, y_val in tables():
        with pytest.warns(UserWarning, match=r"of the entries of X_val lie far .*transform_input"):
            fit_with(step.fit_transform(X), y, X_val, y_val)
        fit_with(step.transform(X), y, step.transform(X_val), y_val)
        fit_with(X, y, X_val, y_val)


def test_raw_counts_beside_weighted_ones_are_warned_of():
    counts = sp.csr_array(np.random.default_rng(0).poisson(0.05, (300, 400)).astype(float))
    y = np.arange(300) % 2
    weighted = TfidfTransformer().fit_transform(counts)
    with pytest.warns(UserWarning, match=r"100% of the entries of X_val lie far outside"):
        fit_with(weighted[:200], y[:200], counts[200:], y[200:])
    fit_with(weighted[:200], y[:200], weighted[200:], y[200:])
    fit_with(counts[:200], y[:200], counts[200:], y[200:])


@pytest.mark.parametrize(
    "shifted",
    [
        lambda X: X + X.std(axis=0),  # another group
        lambda X: 1.5 * X,
        lambda X: X**3,  # heavy tails
        lambda X: np.sort(X, axis=0) + np.ptp(X, axis=0),  # a trend that goes on
        lambda X: np.column_stack([X[:, :4], X[:, 4] + 100]),  # the number of another group
    ],
)
def test_validation_rows_of_another_group_or_a_later_time_are_not_warned_of(shifted):
    X = np.random.default_rng(0).normal(size=(200, 5))
    y = (X[:, 0] > 0).astype(int)
    fit_with(np.sort(X, axis=0), y, shifted(X), y)


def test_validation_rows_that_do_not_fit_name_the_pipeline():
    X, y = make_soft(n=60)
    with pytest.raises(ValueError, match=r"X_val is refused: X has 4 features.*transform_input"):
        fit_with(X, y, X[:, :4], y)


def test_a_pipeline_transforms_validation_rows_where_it_is_asked_to():
    X, X_val, y, y_val = next(tables())
    net = SoftTargetMLPClassifier((4,), max_iter=20, early_stopping=True, random_state=0)
    scale = StandardScaler().fit(X)
    by_hand = clone(net).fit(scale.transform(X), y, X_val=scale.transform(X_val), y_val=y_val)
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [("scale", StandardScaler()), ("net", net.set_fit_request(X_val=True, y_val=True))]
        model = Pipeline(steps, transform_input=["X_val"]).fit(X, y, X_val=X_val, y_val=y_val)
    assert model[-1].best_loss_ == by_hand.best_loss_
