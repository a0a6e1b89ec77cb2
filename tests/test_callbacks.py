"""skorch's callbacks work inside the classifiers."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
)

from cases import QUICK, BatchCounter, final_rate, mlp, over_estimators, parameters_of, targets_for

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@over_estimators
def test_skorch_early_stopping_ends_the_training_without_a_warning(Estimator):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="train_loss", patience=3, threshold=0.9, sink=lambda _: None)
    net = Estimator(**{**QUICK, "max_iter": 200, "tol": 0}, callbacks=[stop])
    for _ in range(2):  # the callback begins anew with each fit
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            net.fit(X, Y)
        # With so high a threshold no epoch counts as a gain for long.
        assert net.n_iter_ == len(net.loss_curve_) < 20
    unstopped = Estimator(**{**QUICK, "max_iter": net.n_iter_, "tol": 0}).fit(X, Y)
    assert_array_equal(net.predict_proba(X), unstopped.predict_proba(X))


@over_estimators
def test_skorch_early_stopping_may_watch_the_validation_loss(Estimator):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="valid_loss", patience=2, threshold=0.9, sink=lambda _: None)
    net = Estimator(**{**QUICK, "max_iter": 200}, early_stopping=True, callbacks=[stop])
    net.fit(X, Y)
    assert net.n_iter_ < 20
    assert net.best_loss_ == min(net.validation_loss_curve_)


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "cosine"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_skorch_early_stopping_ends_every_kind_of_training(Estimator, solver, learning_rate):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9, sink=lambda _: None)
    params = {"max_iter": 200, "tol": 0, "solver": solver, "learning_rate": learning_rate}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net = Estimator(**{**QUICK, **params}, callbacks=[stop]).fit(X, Y)
    assert net.n_iter_ < 20


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_find_one_row_of_history_an_epoch(Estimator, solver):
    X, Y = targets_for(Estimator)
    net = Estimator(**QUICK | {"solver": solver}, early_stopping=True, callbacks=[EpochTimer()])
    net.fit(X, Y)
    history = net.net_.history
    assert len(history) == net.n_iter_
    assert history[:, "epoch"] == list(range(1, net.n_iter_ + 1))
    assert all(seconds >= 0 for seconds in history[:, "dur"])
    assert history[:, "train_loss"] == net.loss_curve_
    assert history[:, "valid_loss"] == net.validation_loss_curve_


@over_estimators
@pytest.mark.parametrize("form", ["instance", "class", "named"])
def test_batch_level_callbacks_are_told_of_every_batch(Estimator, form):
    X, Y = targets_for(Estimator)
    callback = {
        "instance": BatchCounter(),
        "class": BatchCounter,
        "named": ("counter", BatchCounter()),
    }[form]
    net = Estimator(**QUICK, batch_size=50, callbacks=[callback]).fit(X, Y)
    counters = [found for _, found in net.net_.callbacks_ if isinstance(found, BatchCounter)]
    assert [counter.n_batches_ for counter in counters] == [10 * 3]
    plain = Estimator(**QUICK, batch_size=50).fit(X, Y)
    # Steps that a callback watches go through autograd, the others need not.
    assert_allclose(net.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    assert_allclose(net.loss_curve_, plain.loss_curve_, rtol=1e-9)


@over_estimators
def test_callbacks_see_passes_and_batches_in_order(Estimator):
    class Diary(Callback):
        def initialize(self):
            self.entries = []
            return self

        def on_train_begin(self, net, **kwargs):
            self.entries.append("train begins")

        def on_epoch_begin(self, net, **kwargs):
            self.entries.append("epoch begins")

        def on_batch_begin(self, net, training=None, **kwargs):
            self.entries.append("batch begins" if training else "validation begins")

        def on_grad_computed(self, net, **kwargs):
            self.entries.append("gradient")

        def on_batch_end(self, net, training=None, loss=None, y_pred=None, **kwargs):
            assert loss.isfinite()
            assert len(y_pred) == len(kwargs["batch"][0])
            self.entries.append("batch ends" if training else "validation ends")

        def on_epoch_end(self, net, **kwargs):
            self.entries.append("epoch ends")

        def on_train_end(self, net, **kwargs):
            self.entries.append("train ends")

    X, Y = targets_for(Estimator)
    diary = Diary()
    params = {**QUICK, "max_iter": 2, "batch_size": 60, "early_stopping": True}
    Estimator(**params, callbacks=[diary]).fit(X, Y)
    batch = ["batch begins", "gradient", "batch ends"]
    one_epoch = ["epoch begins", *2 * batch, "validation begins", "validation ends", "epoch ends"]
    assert diary.entries == ["train begins", *2 * one_epoch, "train ends"]


@over_estimators
def test_gradient_norm_clipping_bounds_the_steps(Estimator):
    X, Y = targets_for(Estimator)
    steps = []
    for callbacks in (None, [GradientNormClipping(gradient_clip_value=1e-3)]):
        params = {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.5, "callbacks": callbacks}
        net = mlp(Estimator, 4, batch_size=len(X), random_state=0, **params).partial_fit(X, Y)
        before = parameters_of(net)
        net.partial_fit(X, Y)
        after = parameters_of(net)
        steps.append(np.linalg.norm(after - before))
    assert_allclose(steps[1], 0.5e-3, rtol=1e-2)
    assert steps[0] > 2e-3


@over_estimators
@pytest.mark.parametrize(("step_every", "n_steps"), [("epoch", 10), ("batch", 30)])
def test_lr_scheduler_callback_sets_the_rate(Estimator, step_every, n_steps):
    X, Y = targets_for(Estimator)
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.8, step_every=step_every)
    net = Estimator(**QUICK, batch_size=40, callbacks=[scheduler]).fit(X, Y)
    rate = final_rate(net)
    assert_allclose(rate, 0.05 * 0.8**n_steps, rtol=1e-9)


@over_estimators
def test_lr_scheduler_callback_may_watch_the_training_loss(Estimator):
    X, Y = targets_for(Estimator)
    scheduler = LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=1e9, threshold_mode="abs"
    )
    params = {**QUICK, "max_iter": 4}
    net = Estimator(**params, callbacks=[scheduler]).fit(X, Y)
    assert_allclose(final_rate(net), 0.05 * 0.1**3, rtol=1e-9)


@over_estimators
def test_print_log_prints_a_line_an_epoch(Estimator):
    X, Y = targets_for(Estimator)
    lines = []
    net = Estimator(**QUICK, early_stopping=True, callbacks=[PrintLog(sink=lines.append)])
    net.fit(X, Y)
    header, _, *rows = lines
    assert "train_loss" in header
    assert "valid_loss" in header
    assert len(rows) == net.n_iter_


@over_estimators
def test_checkpoint_keeps_the_best_weights(Estimator, tmp_path):
    X, Y = targets_for(Estimator)
    checkpoint = Checkpoint(
        monitor="valid_loss_best",
        dirname=str(tmp_path),
        f_optimizer=None,
        f_criterion=None,
        f_history=None,
    )
    params = {**QUICK, "max_iter": 40, "early_stopping": True, "n_iter_no_change": 3}
    net = Estimator(**params, callbacks=[checkpoint]).fit(X, Y)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, value in net.net_.module_.state_dict().items():
        assert_array_equal(saved[name].numpy(), value.numpy())


@over_estimators
def test_lbfgs_tells_of_its_evaluations_as_batches(Estimator):
    class Counter(Callback):
        begun = ended = 0

        def on_batch_begin(self, net, training, **kwargs):
            self.begun += training

        def on_batch_end(self, net, training, loss, y_pred, **kwargs):
            assert np.isfinite(loss.item())
            self.ended += training

    X, Y = targets_for(Estimator)
    counter = Counter()
    params = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 500, "random_state": 0}
    clf = Estimator((4,), "tanh", callbacks=[counter], **params).fit(X, Y)
    assert counter.begun == counter.ended > clf.n_iter_
    assert len(clf.net_.history) == clf.n_iter_ == len(clf.loss_curve_)
    assert all(np.isfinite(clf.net_.history[:, "train_loss"]))
    alone = Estimator((4,), "tanh", **params).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), alone.predict_proba(X))
