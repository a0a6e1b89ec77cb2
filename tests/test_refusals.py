"""Refused calls, interruption and overflow leave what was fitted as it was."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback
from torch import nn

from cases import (
    ESTIMATORS,
    SMALL,
    make_labels,
    make_soft,
    multi,
    over_estimators,
    same_weights,
    soft,
    targets_for,
)
from sklearn_softloss import SoftLossMLPRegressor, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV, optimal_thresholds
from sklearn_softloss.losses import BinaryCrossEntropy, Criterion, CrossEntropy, Focal, get_loss
from sklearn_softloss.metrics import multilabel_f1_score

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BAD_PARAMETERS = [
    ({"loss": "hinge"}, r"Unknown loss 'hinge'.*cross_entropy"),
    ({"loss": "Cross_Entropie"}, r"Unknown loss.*Did you mean '(binary_)?cross_entropy'\?"),
    ({"loss": CrossEntropy}, r"name or an instance"),
    ({"solver": "newton"}, r"solver must be one of .*'adam'.*got 'newton'"),
    ({"solver": "adamm"}, r"got 'adamm'\. Did you mean 'adam'\?"),
    ({"activation": "swish"}, r"activation must be one of .*'relu'"),
    ({"learning_rate": "fast"}, r"learning_rate must be one of .*'one_cycle'"),
    ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes"),
    ({"hidden_layer_sizes": 2.5}, r"hidden_layer_sizes"),
    ({"alpha": -1.0}, r"alpha"),
    ({"alpha": np.nan}, r"alpha \(a number, or 'auto'\) must be a finite number; got nan"),
    ({"alpha": np.inf}, r"alpha \(a number, or 'auto'\) must be a finite number; got inf"),
    ({"learning_rate_init": np.nan}, r"learning_rate_init must be a finite number; got nan"),
    ({"tol": np.nan}, r"tol must be a finite number; got nan"),
    ({"n_iter_no_change": np.nan}, r"n_iter_no_change must be a finite number; got nan"),
    ({"label_smoothing": np.nan}, r"label_smoothing must be a finite number; got nan"),
    ({"beta_1": -0.1}, r"beta_1 == -0\.1, must be >= 0"),
    ({"max_iter": 0}, r"max_iter"),
    ({"max_iter": 1.5}, r"max_iter"),
    ({"batch_size": 0}, r"batch_size"),
    ({"batch_size": "all"}, r"batch_size"),
    ({"learning_rate_init": 0.0}, r"learning_rate_init"),
    ({"validation_fraction": 1.0, "early_stopping": True}, r"validation_fraction"),
    ({"momentum": 1.1}, r"momentum"),
    ({"dropout": 1.0}, r"dropout"),
    ({"label_smoothing": 1.0}, r"label_smoothing"),
    ({"label_smoothing": 0.1, "target_range": (0.1, 0.9)}, r"set one of them"),
    ({"target_range": (0.9, 0.1)}, r"target_range must be"),
    ({"target_range": 0.1}, r"target_range must be"),
    ({"shuffle": "yes"}, r"shuffle"),
    ({"verbose": "loud"}, r"verbose"),
    ({"device": "abacus"}, r"device must be"),
    ({"device": "cpuu"}, r"device must be .*Did you mean 'cpu'\?"),
    ({"device": "meta"}, r"device='meta', but torch finds no such META device here; use 'cpu'"),
    ({"dtype": "float16"}, r"dtype must be one of"),
    ({"module": nn.Linear(5, 3)}, r"so that each fit starts with a fresh net"),
    ({"module": lambda n, k: nn.Linear(n, k + 1)}, r"The module must return logits of shape"),
    ({"module": lambda n, k: nn.LSTM(n, k)}, r"returned tuple"),
    ({"class_weight": "even"}, r"class_weight must be"),
    ({"class_weight": 3}, r"class_weight must be"),
    ({"class_weight": "balance"}, r"class_weight must be .*Did you mean 'balanced'\?"),
    ({"class_weight": {0: 1.0, 1: -2.0}}, r"class_weight must hold .* >= 0; class 1 has -2\.0"),
    ({"class_weight": {0: np.nan, 1: 1.0}}, r"class_weight must hold finite .*class 0 has nan"),
    ({"class_weight": {0: "a", 1: 1.0}}, r"class_weight must hold finite .*class 0 has 'a'"),
    ({"random_state": "seed"}, r"seed"),
    ({"early_stopping": True, "validation_fraction": 0.001}, r"validation set is too small"),
]


@over_estimators
@pytest.mark.parametrize(
    ("params", "message"),
    BAD_PARAMETERS,
    ids=lambda p: p[:40] if isinstance(p, str) else "-".join(p),
)
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


@over_estimators
@pytest.mark.parametrize("kind", ["mps", "cuda", "xpu"])
def test_a_device_that_is_not_there_is_refused_in_our_words(Estimator, kind):
    try:
        torch.zeros(1, device=kind)
    except Exception:
        with pytest.raises(ValueError, match=f"device='{kind}', but torch finds no such"):
            Estimator(**{**SMALL, "device": kind}).fit(*targets_for(Estimator))
    else:
        pytest.skip(f"there is such a device: {kind}")


def test_negative_class_weights_are_refused_wherever_they_stand():
    X, Y = make_labels()
    pairs = [{0: 1.0, 1: 1.0}] * 3 + [{0: 1.0, 1: -1.0}]
    with pytest.raises(ValueError, match=r"class_weight must hold .*class 1 has -1\.0"):
        multi(class_weight=pairs).fit(X, Y)
    with pytest.raises(ValueError, match=r"class_weight must be finite and >= 0; row 2 holds -1"):
        multi(class_weight=[1.0, 1.0, -1.0, 1.0]).fit(X, Y)
    names = np.where(Y[:, 0] == 1, "yes", "no")
    for Estimator in (soft, multi):
        with pytest.raises(ValueError, match=r"class 'yes' has -2"):
            Estimator(class_weight={"no": 1, "yes": -2}).fit(X, names)
    with pytest.raises(ValueError, match=r"class_weight must be finite and >= 0"):
        Criterion("cross_entropy", class_weight=[1.0, -1.0])


@pytest.mark.parametrize("solver", ["adam", "adamw"])
def test_a_beta_of_zero_trains(solver):
    """A whole 0 is the 0.0 that the solver takes."""
    X, Y = make_soft()
    whole, real = (
        soft(solver=solver, beta_1=zero, beta_2=zero).fit(X, Y).predict_proba(X)
        for zero in (0, 0.0)
    )
    np.testing.assert_array_equal(whole, real)


def bad_calls(X, Y):
    n = len(X)
    endless = X.copy()
    endless[3, 1] = np.inf
    wrong = np.array(Y, dtype=float)
    wrong[4, 1] = 1.5
    return {
        "NaN in sparse X": ((sp.csr_array(np.where(X > 1, np.nan, 0)), Y), {}, "NaN"),
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
    with pytest.raises(ValueError, match="infinity"):
        clf.predict(np.where(X > 1, np.inf, X))


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


WHOLE = np.abs(np.round(3 * make_soft()[0]))  # numbers that may be codes
NOT_DONE = {
    "categories beside a module": (
        {"module": nn.Linear, "categorical_features": [0]},
        WHOLE,
        r"categorical_features are for the built-in net, .* got \[0\]",
    ),
    "categories of sparse rows": (
        {"categorical_features": [0]},
        sp.csr_array(WHOLE),
        "categorical_features needs a dense X; got a sparse one",
    ),
    "bent columns of sparse rows": (
        {"encoding": "piecewise"},
        sp.csr_array(WHOLE),
        "encoding='piecewise' needs a dense X; got a sparse one",
    ),
    "categories by numbers beyond the dtype": (
        {"categorical_features": [0]},
        WHOLE * 2.0**60,
        "Column 0 of X is a category whose numbers, .* make them texts",
    ),
}


@over_estimators
@pytest.mark.parametrize("case", NOT_DONE)
def test_what_is_not_done_to_columns_is_refused(Estimator, case):
    params, X, message = NOT_DONE[case]
    y = targets_for(Estimator)[1]
    with pytest.raises(ValueError, match=message):
        Estimator(**{**SMALL, "encoding": "standard", **params}).fit(X, y)


@over_estimators
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"encoding": None}, "encoding=None, but the net to go on with has 'standard'"),
        ({"categorical_features": [0]}, r"categorical_features=\[0\], but .* the categories \[\]"),
    ],
    ids=str,
)
def test_a_net_to_go_on_with_keeps_its_columns(Estimator, params, message):
    given = {**SMALL, "encoding": "standard", "warm_start": True}
    clf = Estimator(**given).fit(WHOLE, targets_for(Estimator)[1])
    proba = clf.predict_proba(WHOLE)
    with pytest.raises(ValueError, match=message):
        clf.set_params(**params).fit(WHOLE, targets_for(Estimator)[1])
    np.testing.assert_array_equal(clf.predict_proba(WHOLE), proba)


def test_classes_that_are_named_twice_are_refused():
    X, Y = make_soft()
    with pytest.raises(ValueError, match="classes must be distinct labels, one of each"):
        soft().partial_fit(X, Y.argmax(axis=1), classes=[0, 1, 2, 2])


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
    """Ctrl-C in the given epoch."""

    def __init__(self, in_epoch):
        self.in_epoch = in_epoch

    def on_batch_end(self, net, training=None, **kwargs):
        if len(net.history) == self.in_epoch:
            raise KeyboardInterrupt


@over_estimators
def test_interrupting_keeps_the_last_finished_pass(Estimator):
    X, Y = targets_for(Estimator)
    with pytest.warns(UserWarning, match="interrupted by user"):
        clf = Estimator(callbacks=[CtrlC(4)], **SMALL).fit(X, Y)
    assert clf.n_iter_ == 3
    # Steps that a callback watches go through autograd, the others need not.
    same_weights(clf, Estimator(**{**SMALL, "max_iter": 3}).fit(X, Y), rtol=1e-9, atol=1e-12)


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


@over_estimators
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden_layer_sizes": (9,)}, r"hidden layers of \[8\] units"),
        ({"loss": "squared_error"}, "goes on with"),
    ],
)
def test_going_on_with_another_net_is_refused(Estimator, changed, message):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).partial_fit(X, Y)
    state = pickle.dumps(clf)
    with pytest.raises(ValueError, match=message):
        clf.set_params(**changed).partial_fit(X, Y)
    same_weights(clf, pickle.loads(state))
    if "loss" not in changed:
        with pytest.raises(ValueError, match=message):
            clf.set_params(warm_start=True).fit(X, Y)


# --- names that are almost right -------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: get_loss("crossentropy"), r"Unknown loss .*Did you mean 'cross_entropy'\?"),
        (lambda: get_loss("Focal"), r"Unknown loss .*Did you mean 'focal'\?"),
        (lambda: SoftLossMLPRegressor(loss="pinball").fit([[0.0]], [0.0]), "mean 'quantile'"),
        (lambda: SoftLossMLPRegressor(loss="mae").fit([[0.0]], [0.0]), "mean 'absolute_error'"),
        (lambda: SoftLossMLPRegressor(loss="MSELoss").fit([[0.0]], [0.0]), "mean 'squared_error'"),
        (lambda: SoftLossMLPRegressor(loss="smooth_l1").fit([[0.0]], [0.0]), "mean 'huber'"),
        (lambda: soft(loss="log_loss").fit(*make_soft()), "Did you mean 'cross_entropy'"),
        (lambda: soft(loss="multi:softprob").fit(*make_soft()), "Did you mean 'cross_entropy'"),
        (lambda: soft(loss="KLDivLoss").fit(*make_soft()), "Did you mean 'kl_divergence'"),
        (lambda: multi(loss="log_loss").fit(*make_labels()), "mean 'binary_cross_entropy'"),
        (lambda: multi(loss="BCEWithLogitsLoss").fit(*make_labels()), "'binary_cross_entropy'"),
        (lambda: Focal().set_params(gama=1.0), r"no parameter 'gama'.*Did you mean 'gamma'\?"),
        (
            lambda: optimal_thresholds([[1], [0]], [[0.9], [0.1]], objective="F1"),
            r"Did you mean 'f1'\?",
        ),
        (
            lambda: multilabel_f1_score([[1]], [[1]], average="mico"),
            r"average must be one of .*; got 'mico'\. Did you mean 'micro'\?",
        ),
        (
            lambda: TunedDecisionClassifierCV(soft(), rule="thresholdz").fit(*make_soft()),
            r"rule must be 'thresholds' .*Did you mean 'thresholds'\?",
        ),
        (
            lambda: SoftCalibratedClassifierCV(soft(), method="temperaturee").fit(*make_soft()),
            r"method must be one of .*Did you mean 'temperature'\?",
        ),
    ],
)
def test_an_unknown_name_suggests_the_nearest(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("loss", ["hinge", "", "zzz"])
def test_a_name_like_no_other_suggests_nothing(loss):
    with pytest.raises(ValueError, match=r"Unknown loss .*\]\.$"):
        get_loss(loss)


@pytest.mark.parametrize("Estimator", [*ESTIMATORS, SoftLossMLPRegressor])
def test_an_unknown_parameter_names_the_class_that_was_called(Estimator):
    name = Estimator.__name__
    with pytest.raises(TypeError, match=f"{name}: .*'max_iters'.*Did you mean 'max_iter'"):
        Estimator(max_iters=3)
    with pytest.raises(TypeError, match=f"{name}: too many positional"):
        Estimator((3,), "relu", "quantile")
    with pytest.raises(TypeError, match=f"{name}: multiple values .*'activation'"):
        Estimator((3,), "relu", activation="tanh")


# --- columns of X that are no numbers ------------------------------------------------------------

NO_NUMBERS = {
    "one text": ([1.0, "z"] * 60, "texts or numbers, not both; row 1 is 'z'.*astype"),
    "time": (pd.Timestamp("2020-01-01"), "numbers; row 0 is .*2020.*days since a date"),
    "zoned time": (pd.Timestamp("2020-01-01", tz="UTC"), "numbers; row 0 is .*2020.*days since"),
    "duration": (pd.Timedelta("1h"), "numbers; row 0 is .*timedelta.*days since"),
    "period": (pd.Period("2020-01", "M"), "numbers; row 0 is Period.*days since"),
}


@pytest.mark.parametrize("kind", NO_NUMBERS)
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("Estimator", [*ESTIMATORS, SoftLossMLPRegressor])
def test_a_column_that_holds_no_numbers_is_named(Estimator, kind, alone):
    X, Y = make_soft() if Estimator is SoftTargetMLPClassifier else make_labels()
    values, message = NO_NUMBERS[kind]
    frame = pd.DataFrame(X, columns=list("abcde"))
    numbers = frame[["c"]] if alone else frame
    bad = frame.assign(c=values)[list(numbers)]
    with pytest.raises((ValueError, TypeError), match=f"Column 'c' of X must hold {message}"):
        Estimator(hidden_layer_sizes=(4,), max_iter=2).fit(bad, Y)
    clf = Estimator(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(numbers, Y)
    with pytest.raises((ValueError, TypeError), match="Column 'c' of X must hold numbers"):
        clf.predict(bad)


@over_estimators
def test_arrays_of_times_and_text_and_names_that_come_twice_are_refused(Estimator):
    X, Y = targets_for(Estimator)
    times = np.full(X.shape, "2020-01-01", "datetime64[ns]")
    with pytest.raises(TypeError, match=r"Column 0 of X must hold numbers; row 0 is .*2020"):
        Estimator(**SMALL).fit(times, Y)
    text = X.astype(object)
    text[7, 2] = "cheap"
    with pytest.raises(ValueError, match="Column 2 of X must hold numbers; row 7 is 'cheap'"):
        Estimator(**SMALL).fit(text, Y)
    twice = pd.DataFrame(X, columns=list("abcbe"))
    with pytest.raises(ValueError, match="columns of X must have distinct names; two are 'b'"):
        Estimator(**SMALL).fit(twice, Y)
    twice = pd.DataFrame(Y, columns=["q"] * Y.shape[1])
    with pytest.raises(ValueError, match="columns of y must have distinct names"):
        Estimator(**SMALL).fit(X, twice)


@over_estimators
def test_numbers_in_other_clothes_are_numbers_still(Estimator):
    X, Y = targets_for(Estimator)
    frame = pd.DataFrame(np.round(X), columns=list("abcde"))
    expected = Estimator(**SMALL).fit(frame, Y)
    dressed = frame.astype(
        {"a": "Int64", "b": "category", "c": object, "d": "Float64", "e": "float32"}
    )
    same_weights(Estimator(**SMALL, categorical_features=None).fit(dressed, Y), expected)


# --- a module that returns probabilities -----------------------------------------------------


class Ending(nn.Module):
    """A linear layer and what comes after it."""

    def __init__(self, n_inputs, n_outputs, end):
        super().__init__()
        self.linear, self.end = nn.Linear(n_inputs, n_outputs), end

    def forward(self, X):
        return self.end(self.linear(X))


WITH_LINK = {
    "softmax": nn.Softmax(-1),
    "sigmoid": nn.Sigmoid(),
    "function": lambda logits: torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7),
    "reshaped": lambda logits: logits[:, None].softmax(-1).squeeze(1),
}
WITHOUT_LINK = {
    "identity": nn.Identity(),
    "log softmax": nn.LogSoftmax(-1),
    "relu": nn.ReLU(),
    "small": lambda logits: 0.4 + 1e-3 * logits,
    "zero": lambda logits: 0 * logits,
}


@over_estimators
@pytest.mark.parametrize("end", WITH_LINK)
def test_a_module_that_ends_in_a_link_is_warned_of(Estimator, end):
    module = partial(Ending, end=WITH_LINK[end])
    with pytest.warns(UserWarning, match="Return logits, without the Softmax or Sigmoid"):
        Estimator(**SMALL, module=module).fit(*targets_for(Estimator))


def test_a_module_that_sums_to_one_by_hand_is_warned_of():
    module = partial(Ending, end=lambda z: z.exp() / z.exp().sum(-1, keepdim=True))
    with pytest.warns(UserWarning, match="Return logits"):
        soft(module=module).fit(*make_soft())


@over_estimators
@pytest.mark.parametrize("end", WITHOUT_LINK)
@pytest.mark.parametrize("seed", range(5))
def test_a_module_that_returns_logits_is_not_warned_of(Estimator, end, seed):
    X, Y = targets_for(Estimator)
    params = {**SMALL, "max_iter": 1, "random_state": seed}
    for y in (Y, (Y[:, 0] > 0.5).astype(int)):
        Estimator(**params, module=partial(Ending, end=WITHOUT_LINK[end])).fit(X, y)


def test_what_the_link_is_worth():
    """Log loss on the training rows, of a module with and without a Softmax of its own."""
    X, Y = make_soft(n=300)
    params = {**SMALL, "learning_rate_init": 0.1, "max_iter": 60}
    with pytest.warns(UserWarning, match="Return logits"):
        twice = soft(**{**params, "module": partial(Ending, end=nn.Softmax(-1))}).fit(X, Y)
    once = soft(**{**params, "module": nn.Linear}).fit(X, Y)
    log_losses = [-(Y * net.predict_log_proba(X)).sum(axis=1).mean() for net in (once, twice)]
    assert log_losses[1] > 1.2 * log_losses[0]
