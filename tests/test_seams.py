"""The seams that others build on: domains, bases, and skorch around the fitted net."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import cross_val_score
from skorch.callbacks import Callback, Checkpoint, LoadInitState

from cases import SMALL, over_estimators, targets_for
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._estimators.classifier import NetClassifier
from sklearn_softloss._estimators.estimator import NetEstimator
from sklearn_softloss._targets.domains import Domain
from sklearn_softloss._targets.encoding import Targets
from sklearn_softloss.calibration import Calibrator
from sklearn_softloss.losses import Loss, sum_entries

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# --- a regressor in a domain of its own ------------------------------------------------------


class RealSquaredError(Loss):
    name = "real_squared_error"
    domain = Domain("real")
    properness = "strictly proper"

    def per_sample(self, logits, target, entry_weight):
        return sum_entries((logits - target) ** 2, entry_weight)

    def inverse_link(self, logits):
        return logits

    def hide_unknown(self, logits, unknown):
        return logits.masked_fill(unknown, 0.0)


class NetRegressor(RegressorMixin, NetEstimator):
    _domains = (Domain("real"),)

    def __init__(self, hidden_layer_sizes=(20,), max_iter=80, random_state=0):
        usual = SoftLossMLPRegressor(hidden_layer_sizes, loss=RealSquaredError(), alpha=0.01)
        vars(self).update(usual.set_params(dropout=0.0).get_params(deep=False))

    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    def _encode(self, y, known, call):
        values = np.asarray(y, dtype=float).reshape(len(y), -1)
        call.loss.domain.check_entries(values)
        return Targets(values, processes=call.processes)

    def predict(self, X):
        return self._predicted(X)[:, 0]


def plane(n=200):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, X @ [2.0, -3.0, 1.0] + 5.0


def test_a_regressor_learns_and_is_not_clamped():
    X, y = plane()
    net = NetRegressor().fit(X, y)
    predicted = net.predict(X)
    assert net.score(X, y) > 0.98
    assert predicted.min() < 0 < 1 < predicted.max()
    assert cross_val_score(clone(net), X, y, cv=2).min() > 0.9


def test_a_regressor_weighs_rows_as_it_repeats_them():
    X, y = plane(30)
    weight = np.random.default_rng(1).integers(0, 3, len(y))
    weighted, repeated = NetRegressor(max_iter=5), NetRegressor(max_iter=5)
    weighted.solver = repeated.solver = "lbfgs"
    weighted.activation = repeated.activation = "tanh"
    weighted.fit(X, y, sample_weight=weight)
    repeated.fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_a_domain_refuses_in_its_own_words():
    X, y = plane()
    y[3] = np.inf
    with pytest.raises(ValueError, match=r"must be finite; row 3, column 0 is inf"):
        NetRegressor().fit(X, y)


def test_smoothing_has_a_meaning_only_where_the_domain_gives_it_one():
    X, Y = targets_for(MultiLabelSigmoidClassifier)
    clf = MultiLabelSigmoidClassifier(**SMALL, loss="count_distribution", label_smoothing=0.1)
    with pytest.raises(ValueError, match="no meaning for the targets of a 'nonnegative' loss"):
        clf.fit(X, Y)


def test_a_subclass_may_take_fewer_parameters():
    class Small(SoftTargetMLPClassifier):
        def __init__(self, random_state=None):
            super().__init__((4,), max_iter=2, random_state=random_state)

    X, Y = targets_for(SoftTargetMLPClassifier)
    assert clone(Small(random_state=0)).fit(X, Y).predict_proba(X).shape == Y.shape


def test_a_subclass_may_add_a_parameter():
    class Named(SoftTargetMLPClassifier):
        def __init__(self, title="net", **kwargs):
            super().__init__(**kwargs)

    net = Named(title="mine", alpha=0.5)
    assert (net.title, net.alpha, net.dropout) == ("mine", 0.5, "auto")
    with pytest.raises(TypeError, match="Did you mean 'alpha'"):
        Named(alpa=0.5)


def test_an_annotated_attribute_of_a_subclass_is_no_parameter():
    class Marked(SoftTargetMLPClassifier):
        mark: str = "x"
        found_: int

    assert Marked(alpha=0.5).get_params() == SoftTargetMLPClassifier(alpha=0.5).get_params()


# --- what a piece that is missing is called --------------------------------------------------

PIECES = {
    NetEstimator: {"_domains": (), "_encode": lambda self: None},
    NetClassifier: {"_domains": (), "_encode": lambda self: None, "predict_proba": lambda: None},
    Calibrator: {"_fit": lambda self: None, "_calibrated": lambda self: None},
}
LACKS = [(base, piece) for base, pieces in PIECES.items() for piece in pieces]


@pytest.mark.parametrize(
    ("base", "piece"), LACKS, ids=lambda found: getattr(found, "__name__", found)
)
def test_a_missing_piece_is_named(base, piece):
    pieces = {name: found for name, found in PIECES[base].items() if name != piece}
    with pytest.raises(TypeError, match=rf"class Own .*abstract.*\b{piece}\b"):
        type("Own", (base,), pieces)()
    type("Own", (base,), PIECES[base])()


# --- skorch around the fitted net ------------------------------------------------------------


@over_estimators
def test_the_net_predicts_probabilities_as_the_estimator_does(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    assert_allclose(clf.net_.predict_proba(X), clf.predict_proba(X), rtol=1e-6)


@over_estimators
def test_parameters_are_saved_and_loaded_by_skorch(Estimator, tmp_path):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).fit(X, Y)
    proba = clf.predict_proba(X)
    files = {
        f"f_{part}": tmp_path / part for part in ("params", "optimizer", "criterion", "history")
    }
    clf.net_.save_params(**files)
    with torch.no_grad():
        for parameter in clf.net_.module_.parameters():
            parameter.zero_()
    assert not np.allclose(clf.predict_proba(X), proba)
    clf.net_.load_params(**files)
    assert_array_equal(clf.predict_proba(X), proba)


class WeightsAtTheStart(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if not hasattr(self, "found_"):
            self.found_ = [p.detach().clone() for p in net.module_.parameters()]


@over_estimators
def test_a_training_starts_from_a_checkpoint(Estimator, tmp_path):
    X, Y = targets_for(Estimator)
    params = {**SMALL, "early_stopping": True}
    checkpoint = Checkpoint(dirname=tmp_path)
    first = Estimator(**params, callbacks=[checkpoint]).fit(X, Y)
    watch = WeightsAtTheStart()
    Estimator(**{**params, "random_state": 9}, callbacks=[LoadInitState(checkpoint), watch]).fit(
        X, Y
    )
    for found, wanted in zip(watch.found_, first.net_.module_.parameters(), strict=True):
        assert torch.equal(found, wanted)


def test_the_net_says_who_trains_it():
    X, Y = targets_for(SoftTargetMLPClassifier)
    net = SoftTargetMLPClassifier(**SMALL).fit(X, Y).net_
    for train in (net.fit, net.partial_fit):
        with pytest.raises(NotImplementedError, match="estimator's fit"):
            train(X, Y)
