"""Training goes on where it was: partial_fit and warm start."""

import pickle
import re

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from cases import (
    NOISY_BINARY,
    X_BINARY,
    X_IRIS,
    X_SMALL,
    X_THREE,
    Y_BINARY,
    Y_IRIS,
    final_rate,
    matrix_targets,
    mlp,
    over_estimators,
    parameters_of,
    three_digits,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.metrics import soft_log_loss

# Nets here are trained for a few epochs on purpose; the tests of the warning ask for it.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- partial_fit -----------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_n_calls_of_partial_fit_equal_fit_with_n_passes(Estimator, solver, hard):
    y = NOISY_BINARY if hard else matrix_targets(Estimator)
    params = {"solver": solver, "learning_rate_init": 0.05, "batch_size": 16, "tol": 0}
    whole = mlp(Estimator, 8, max_iter=12, random_state=1, **params).fit(X_SMALL, y)
    parts = mlp(Estimator, 8, random_state=1, **params)
    for _ in range(12):
        parts.partial_fit(X_SMALL, y, classes=[0, 1] if hard else None)
    assert_allclose(parameters_of(parts), parameters_of(whole), rtol=0, atol=1e-12)
    assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert parts.t_ == whole.t_ == 12 * 60


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_partial_fit_follows_the_learning_rate_schedule(Estimator, learning_rate):
    params = {"learning_rate": learning_rate, "learning_rate_init": 0.1, "max_iter": 8}
    params |= {"solver": "sgd", "batch_size": 16, "tol": 0, "random_state": 1}
    y = matrix_targets(Estimator)
    whole, parts = (
        mlp(Estimator, 8, **params).fit(X_SMALL, y),
        mlp(Estimator, 8, **params),
    )
    for _ in range(8):
        parts.partial_fit(X_SMALL, y)
    assert_allclose(parameters_of(parts), parameters_of(whole), rtol=0, atol=1e-12)
    assert final_rate(parts) == final_rate(whole)


@over_estimators
@pytest.mark.parametrize("after_fit", [True, False])
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_partial_fit_goes_on_at_the_first_rate_where_a_schedule_would_end(
    Estimator, learning_rate, after_fit
):
    """Nobody says how many calls will come."""
    y = matrix_targets(Estimator)
    max_iter = 4 if after_fit else "auto"
    clf = mlp(Estimator, 8, learning_rate=learning_rate, learning_rate_init=0.02, max_iter=max_iter)
    if after_fit:
        clf.fit(X_SMALL, y)
        assert final_rate(clf) < 0.02
    for _ in range(8):
        clf.partial_fit(X_SMALL, y)
        assert final_rate(clf) == 0.02


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adamw"])
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle"])
def test_max_iter_calls_of_partial_fit_are_a_planned_schedule(Estimator, learning_rate, solver):
    params = {"learning_rate": learning_rate, "learning_rate_init": 0.05, "max_iter": 6}
    params |= {"solver": solver, "batch_size": 16, "random_state": 1, "alpha": 0.1}
    y = matrix_targets(Estimator)
    whole, parts = mlp(Estimator, 8, **params).fit(X_SMALL, y), mlp(Estimator, 8, **params)
    for n_calls in range(1, 7):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X_SMALL, y)))
        if n_calls == 3:
            first_rate = final_rate(parts)
    assert_allclose(parameters_of(parts), parameters_of(whole), rtol=0, atol=1e-12)
    assert final_rate(parts) == final_rate(whole) < first_rate / 2
    for _ in range(3):
        parts.partial_fit(X_SMALL, y)
    assert final_rate(parts) == first_rate  # the plan began anew


@over_estimators
def test_partial_fit_after_fit_is_one_more_epoch(Estimator):
    params = {"random_state": 3, "learning_rate_init": 0.05, "tol": 0, "batch_size": 20}
    y = matrix_targets(Estimator)
    longer = mlp(Estimator, 8, max_iter=6, **params).fit(X_SMALL, y)
    resumed = mlp(Estimator, 8, max_iter=5, **params).fit(X_SMALL, y).partial_fit(X_SMALL, y)
    assert_allclose(parameters_of(resumed), parameters_of(longer), rtol=0, atol=1e-12)
    assert_allclose(resumed.loss_curve_, longer.loss_curve_, rtol=1e-12)


@over_estimators
def test_partial_fit_learns_as_well_as_fit(Estimator):
    net = mlp(Estimator, 8, solver="sgd", learning_rate_init=0.2, alpha=1e-5, random_state=1)
    for _ in range(60):
        net.partial_fit(X_THREE, three_digits(Estimator), classes=[0, 1, 2])
    assert net.score(X_THREE, three_digits(Estimator)) > 0.95


@over_estimators
def test_partial_fit_needs_the_classes_of_labels_on_the_first_call(Estimator):
    net = mlp(Estimator, 4)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        net.partial_fit(X_BINARY, Y_BINARY)
    net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    net.partial_fit(X_BINARY, Y_BINARY)
    assert_array_equal(net.classes_, [0, 1])


@over_estimators
def test_partial_fit_takes_classes_in_any_order(Estimator):
    labels = np.array(["no", "yes"])[Y_BINARY]
    net = mlp(Estimator, 4).partial_fit(X_BINARY, labels, classes=["yes", "no"])
    net.partial_fit(X_BINARY, labels, classes=["no", "yes"])
    assert_array_equal(net.classes_, ["no", "yes"])


@over_estimators
def test_partial_fit_refuses_other_classes_later(Estimator):
    net = mlp(Estimator, 4, solver="sgd").partial_fit([[3, 2]], [0], classes=[0, 1])
    before = parameters_of(net).copy()
    with pytest.raises(ValueError, match="is not the same as on"):
        net.partial_fit([[3, 2]], [1], classes=[1, 2])
    assert_array_equal(parameters_of(net), before)


@over_estimators
def test_partial_fit_refuses_labels_that_are_not_among_the_classes(Estimator):
    net = mlp(Estimator, 4, solver="sgd")
    with pytest.raises(ValueError, match="classes"):
        net.partial_fit([[3, 2], [1, 6]], [1, 0], classes=[1, 2])
    assert not hasattr(net, "classes_")
    net.partial_fit([[3, 2], [1, 6]], [1, 0], classes=[0, 1])
    with pytest.raises(ValueError, match="classes not in"):
        net.partial_fit([[3, 2]], [5])


def test_few_rows_of_many_known_classes_are_no_regression():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30)
    clf = SoftTargetMLPClassifier((4,), random_state=0).partial_fit(X, y, classes=y)
    clf.partial_fit(X, y)  # warnings are errors
    assert soft_log_loss(y, clf.predict_proba(X), labels=y) > 0
    with pytest.warns(UserWarning, match="regression"):
        SoftTargetMLPClassifier((4,), max_iter=1).fit(X, y)


def test_partial_fit_learns_a_declared_class_that_comes_later():
    classes = ["a", "b", "c", "d"]
    net = mlp(SoftTargetMLPClassifier, 8, learning_rate_init=0.05, random_state=0)
    net.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=classes)
    assert net.predict_proba([[4.0]]).shape == (1, 4)
    before = net.predict_proba([[4.0]])[0, 3]
    net.partial_fit([[4]], ["d"])
    assert net.predict_proba([[4.0]])[0, 3] > before


@over_estimators
def test_partial_fit_refuses_another_number_of_target_columns(Estimator):
    y = matrix_targets(Estimator)
    net = mlp(Estimator, 4).partial_fit(X_SMALL, y)
    wider = np.full((60, 4), 0.25)
    with pytest.raises(ValueError, match="columns"):
        net.partial_fit(X_SMALL, wider)
    assert net.predict_proba(X_SMALL).shape == (60, 3)


@over_estimators
def test_partial_fit_refuses_early_stopping(Estimator):
    message = "partial_fit does not support early_stopping=True"
    net = mlp(Estimator, 4, early_stopping=True, max_iter=5, random_state=0)
    with pytest.raises(ValueError, match=message):
        net.partial_fit(X_BINARY, Y_BINARY, classes=[0, 1])
    net.fit(X_BINARY, Y_BINARY)
    with pytest.raises(ValueError, match=message):
        net.partial_fit(X_BINARY, Y_BINARY)


@over_estimators
def test_lbfgs_has_no_partial_fit(Estimator):
    assert not hasattr(mlp(Estimator, solver="lbfgs"), "partial_fit")
    assert hasattr(mlp(Estimator, solver="sgd"), "partial_fit")


@over_estimators
def test_dumped_estimator_goes_on_with_partial_fit(Estimator, tmp_path):
    net = mlp(Estimator, 8, learning_rate_init=0.05, random_state=4, max_iter=5, batch_size=16)
    net.fit(X_SMALL, matrix_targets(Estimator)).partial_fit(X_SMALL, matrix_targets(Estimator))
    joblib.dump(net, tmp_path / "net.joblib")
    loaded = joblib.load(tmp_path / "net.joblib")
    assert_array_equal(parameters_of(loaded), parameters_of(net))
    before = parameters_of(net).copy()
    for _ in range(3):
        net.partial_fit(X_SMALL, matrix_targets(Estimator))
        loaded.partial_fit(X_SMALL, matrix_targets(Estimator))
    assert_array_equal(parameters_of(loaded), parameters_of(net))
    assert not np.array_equal(parameters_of(loaded), before)


# --- warm start ------------------------------------------------------------------------------


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_start_goes_on_from_the_weights_of_the_last_fit(Estimator, solver):
    params = {"solver": solver, "alpha": 0, "learning_rate_init": 0.05, "batch_size": 60}
    net = mlp(Estimator, 8, max_iter=5, warm_start=True, random_state=0, **params)
    net.fit(X_SMALL, NOISY_BINARY)
    reached = log_loss(NOISY_BINARY, net.predict_proba(X_SMALL))
    first_curve = list(net.loss_curve_)
    net.fit(X_SMALL, NOISY_BINARY)
    assert net.loss_curve_[:5] == first_curve
    assert len(net.loss_curve_) == 10
    if solver == "lbfgs":
        assert net.loss_curve_[5] < reached
    else:  # the loss of an epoch over one batch is the one before its step
        assert_allclose(net.loss_curve_[5], reached, rtol=1e-10)


@over_estimators
def test_without_warm_start_fit_begins_anew(Estimator):
    net = mlp(Estimator, 8, max_iter=5, random_state=0).fit(X_SMALL, NOISY_BINARY)
    first, curve = parameters_of(net), net.loss_curve_
    net.fit(X_SMALL, NOISY_BINARY)
    assert_array_equal(parameters_of(net), first)
    assert net.loss_curve_ == curve


@over_estimators
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_each_warm_fit_may_take_max_iter_passes(Estimator, solver):
    params = {"solver": solver, "n_iter_no_change": np.inf, "tol": 1e-12, "random_state": 0}
    net = mlp(Estimator, 8, warm_start=True, max_iter=4, **params)
    for max_iter in (4, 4, 7):
        net.set_params(max_iter=max_iter)
        with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
            net.fit(X_SMALL, matrix_targets(Estimator))
        assert net.n_iter_ == max_iter
    assert len(net.loss_curve_) == 15


@over_estimators
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_extends_every_curve(Estimator, early_stopping):
    params = {"early_stopping": early_stopping, "warm_start": True, "random_state": 0}
    net = mlp(Estimator, 8, max_iter=6, **params).fit(X_SMALL, NOISY_BINARY)
    train, valid = net.loss_curve_, net.validation_loss_curve_
    net.set_params(max_iter=9).fit(X_SMALL, NOISY_BINARY)
    assert net.loss_curve_[:6] == train
    assert len(net.loss_curve_) == 15
    if early_stopping:
        assert net.validation_loss_curve_[:6] == valid
        assert len(net.validation_scores_) == 15
    else:
        assert net.validation_loss_curve_ is None


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize(
    "blocks", [(75, 75), (50, 50, 0, 50), (37, 37, 38, 38), (30, 30, 30, 30, 30)]
)
def test_warm_start_refuses_other_classes_in_the_words_of_scikit_learn(solver, blocks):
    net = mlp(
        SoftTargetMLPClassifier, 4, solver=solver, warm_start=True, max_iter=3, random_state=0
    )
    net.fit(X_IRIS, Y_IRIS).fit(X_IRIS, np.repeat([0, 1, 2], [40, 40, 70]))
    proba = net.predict_proba(X_IRIS)
    other = np.repeat(np.arange(len(blocks)), blocks)
    message = (
        "warm_start can only be used where `y` has the same classes as in the previous call to "
        f"fit. Previously got [0 1 2], `y` has {np.unique(other)}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        net.fit(X_IRIS, other)
    assert_array_equal(net.predict_proba(X_IRIS), proba)


@pytest.mark.parametrize("other", [[0, 2], [2, 3], [0, 1, 2]])
def test_warm_multi_label_refuses_other_classes_in_the_words_of_scikit_learn(other):
    net = mlp(MultiLabelSigmoidClassifier, 4, warm_start=True, max_iter=3).fit(X_BINARY, Y_BINARY)
    message = (
        "warm_start can only be used where `y` has the same classes as in the previous call to "
        f"fit. Previously got [0 1], `y` has {np.array(other)}"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        net.fit(X_BINARY, np.resize(other, len(X_BINARY)))


@over_estimators
def test_warm_start_refuses_another_number_of_target_columns(Estimator):
    net = mlp(Estimator, 4, warm_start=True, max_iter=3).fit(X_SMALL, matrix_targets(Estimator))
    with pytest.raises(ValueError, match="columns"):
        net.fit(X_SMALL, np.full((60, 2), 0.5))


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling"])
def test_rate_of_a_warm_start_goes_on_with_the_samples_seen(Estimator, learning_rate):
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    params = {"solver": "sgd", "learning_rate": learning_rate, "power_t": 0.25, "max_iter": 1}
    net = mlp(Estimator, 4, warm_start=True, learning_rate_init=0.01, **params).fit(X, y).fit(X, y)
    expected = {"constant": 0.01, "invscaling": 0.01 / (2 * 4 + 1) ** 0.25}
    assert_allclose(final_rate(net), expected[learning_rate], rtol=1e-12)
    assert net.t_ == 8


@over_estimators
def test_parts_after_a_warm_start_may_lack_classes(Estimator):
    net = Estimator((4,), warm_start=True, max_iter=2, random_state=0).fit(X_BINARY, Y_BINARY)
    one = Y_BINARY[0] == Y_BINARY
    before = net.t_
    net.partial_fit(X_BINARY[one], Y_BINARY[one])
    assert net.t_ == before + one.sum()
