"""A killed fit goes on to the same weights; files are whole or not there."""

import os

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from cases import over_estimators, parameters_of, targets_for
from sklearn_softloss import SoftTargetMLPClassifier, _files, persistence
from sklearn_softloss.persistence import TrainingCheckpoint


class Killed(BaseException):
    """Nothing that a library may catch."""


class Kill(Callback):
    """Ends the process, as it were, after some epochs."""

    def __init__(self, after):
        self.after, self.seen = after, 0

    def on_epoch_end(self, net, **kwargs):
        self.seen += 1
        if self.seen == self.after:
            raise Killed


class Dropping(torch.nn.Sequential):
    """A module that draws from the global generator."""

    def __init__(self, n_in, n_out):
        super().__init__(torch.nn.Linear(n_in, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, n_out))


PARAMS = [
    {},
    {"solver": "adam", "learning_rate": "constant", "n_iter_no_change": 2, "tol": 0.01},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.05},
    {"solver": "sgd", "alpha": 0.1, "learning_rate": "invscaling"},
    {"early_stopping": True, "alpha": 0.1, "n_iter_no_change": 3},
    {"module": Dropping},
    {"solver": torch.optim.RAdam},
    {"solver": "lbfgs", "alpha": 1.0},
]


def weights(clf):
    return [p.detach().numpy() for p in clf.net_.module_.parameters()]


@over_estimators
@pytest.mark.parametrize("params", PARAMS, ids=str)
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_killed_fit_ends_as_one_that_was_not(Estimator, params, every, tmp_path):
    X, Y = targets_for(Estimator)
    params = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 0, **params}
    whole = Estimator(**params).fit(X, Y)
    path = tmp_path / "training.pt"
    n_kills = 0
    for after in (4, 2, 5, 99):
        callbacks = [TrainingCheckpoint(path, every=every), Kill(after)]
        try:
            found = Estimator(callbacks=callbacks, **params).fit(X, Y)
            break
        except Killed:
            n_kills += 1
            assert path.exists() == (params.get("solver") != "lbfgs")
    assert n_kills >= 1
    for ours, wanted in zip(weights(found), weights(whole), strict=True):
        assert_array_equal(ours, wanted)
    assert found.loss_curve_ == whole.loss_curve_
    assert (found.n_iter_, found.t_) == (whole.n_iter_, whole.t_)
    assert len(found.net_.history) == len(whole.net_.history)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.5},
        {"random_state": 1},
        {"max_iter": 13},
        {"hidden_layer_sizes": (7,)},
        {"loss": "focal"},
        {"batch_size": 20},
    ],
    ids=str,
)
def test_the_checkpoint_of_another_fit_is_refused(change, tmp_path):
    X, Y = targets_for(SoftTargetMLPClassifier)
    path = tmp_path / "training.pt"
    params = {"hidden_layer_sizes": (6,), "max_iter": 12, "alpha": 0.1, "random_state": 0}
    clf = SoftTargetMLPClassifier(callbacks=[TrainingCheckpoint(path), Kill(3)], **params)
    with pytest.raises(Killed):
        clf.fit(X, Y)
    again = SoftTargetMLPClassifier(callbacks=[TrainingCheckpoint(path)], **params)
    for fit, *data in (
        (SoftTargetMLPClassifier(**{**again.get_params(), **change}).fit, X, Y),
        (again.fit, X + 1, Y),
        (again.fit, X[::-1], Y),
        (again.fit, X, Y[::-1]),
    ):
        with pytest.raises(ValueError, match="a checkpoint of another fit"):
            fit(*data)
    again.fit(X, Y)


def test_what_cannot_be_repeated_is_refused(tmp_path):
    X, Y = targets_for(SoftTargetMLPClassifier)
    checkpoint = TrainingCheckpoint(tmp_path / "training.pt")
    clf = SoftTargetMLPClassifier((4,), max_iter=2, callbacks=[("checkpoint", checkpoint)])
    with pytest.raises(ValueError, match="a number as random_state"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="needs fit"):
        clf.set_params(random_state=0).partial_fit(X, Y)
    checkpoint.path = tmp_path / "nowhere" / "training.pt"
    with pytest.raises(ValueError, match=r"folder of the checkpoint .* must exist"):
        clf.fit(X, Y)
    checkpoint.path, checkpoint.every = tmp_path / "training.pt", 0
    with pytest.raises(ValueError, match="every"):
        clf.fit(X, Y)


def test_two_checkpoints_are_refused(tmp_path):
    X, Y = targets_for(SoftTargetMLPClassifier)
    both = [TrainingCheckpoint(tmp_path / name) for name in ("a.pt", "b.pt")]
    with pytest.raises(ValueError, match="may hold one TrainingCheckpoint"):
        SoftTargetMLPClassifier(random_state=0, callbacks=both).fit(X, Y)


def test_seconds_space_the_checkpoints(tmp_path, monkeypatch):
    X, Y = targets_for(SoftTargetMLPClassifier)
    written = []
    monkeypatch.setattr(
        "sklearn_softloss._training.checkpoint.write_whole", lambda *args: written.append(args)
    )
    for seconds, n in ((1e6, 0), (0, 11)):
        written.clear()
        checkpoint = TrainingCheckpoint(tmp_path / "training.pt", seconds=seconds)
        params = {"max_iter": 12, "alpha": 1.0, "callbacks": [checkpoint], "random_state": 0}
        SoftTargetMLPClassifier((4,), **params).fit(X, Y)
        assert len(written) == pytest.approx(n, abs=1)


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    X, Y = targets_for(SoftTargetMLPClassifier)
    clf = SoftTargetMLPClassifier((4,), max_iter=2, random_state=0).fit(X, Y)
    path = tmp_path / "clf.joblib"
    persistence.dump(clf, path)
    with pytest.raises(TypeError, match="pickle"):
        persistence.dump([clf, (row for row in X)], path)

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        persistence.dump(clf.fit(X, Y[::-1]), path)
    assert os.listdir(tmp_path) == ["clf.joblib"]
    monkeypatch.undo()
    clf.fit(X, Y)
    assert_array_equal(persistence.load(path).predict_proba(X), clf.predict_proba(X))
    assert np.isfinite(parameters_of(persistence.load(path))).all()
