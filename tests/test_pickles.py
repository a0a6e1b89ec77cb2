"""What a pickle holds: the weights once; who can read it, and what loading it does."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from cases import over_estimators, parameters_of, targets_for
from sklearn_softloss import SoftTargetMLPClassifier, _estimator_base, persistence
from sklearn_softloss.calibration import SoftCalibratedClassifierCV, TemperatureScaling
from sklearn_softloss.decision import Thresholds, TunedDecisionClassifierCV
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

OVERHEAD = 64 * 1024
UNFITTED = [
    SoftTargetMLPClassifier(),
    SoftCalibratedClassifierCV(),
    TunedDecisionClassifierCV(SoftTargetMLPClassifier()),
    SoftPseudoLabelClassifier(),
    GraphLabelSpreading(),
    TemperatureScaling(),
    Thresholds(),
]


def size_of_weights(clf):
    return sum(p.numel() * p.element_size() for p in clf.net_.module_.parameters())


@over_estimators
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd"},
        {"solver": "lbfgs", "alpha": 1.0},
        {"module": torch.nn.Linear},
        {"early_stopping": True},
        {"callbacks": "disable", "max_iter": 200},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_pickles_as_its_weights(Estimator, params):
    X, Y = targets_for(Estimator)
    params = {"alpha": 1.0, "max_iter": 3, **params}
    clf = Estimator(**{"hidden_layer_sizes": (448, 64), "random_state": 0, **params}).fit(X, Y)
    stored = pickle.dumps(clf)
    assert len(stored) <= 1.3 * size_of_weights(clf) + OVERHEAD
    loaded = pickle.loads(stored)
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert len(pickle.dumps(loaded)) <= 1.3 * size_of_weights(clf) + OVERHEAD
    assert_array_equal(pickle.loads(pickle.dumps(loaded)).predict_proba(X), clf.predict_proba(X))


@over_estimators
@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_what_goes_on_training_pickles_all_that_it_needs(Estimator, solver):
    X, Y = targets_for(Estimator)
    clf = Estimator((8,), solver=solver, random_state=0).partial_fit(X, Y)
    twin = pickle.loads(pickle.dumps(clf))
    assert_array_equal(parameters_of(twin.partial_fit(X, Y)), parameters_of(clf.partial_fit(X, Y)))


@over_estimators
def test_a_loaded_fit_can_be_trained_on_from_a_fresh_optimizer(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator((8,), max_iter=3, random_state=0).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(clf)).partial_fit(X, Y)
    assert loaded.t_ == clf.t_ + len(X)
    assert np.isfinite(loaded.predict_proba(X)).all()


@pytest.mark.parametrize("estimator", UNFITTED, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("change", [-1, 1])
def test_another_format_is_refused(estimator, change, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_estimator_base, "FORMAT", _estimator_base.FORMAT + change)
        stored = pickle.dumps(estimator)
    with pytest.raises(ValueError, match="load it with the version that wrote it, or fit it anew"):
        pickle.loads(stored)


LOAD = """
import sys

def watch(event, args):
    if event.startswith(("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn",
                         "os.spawn", "os.system", "urllib.")):
        raise SystemExit(f"loading did {event} {args}")

import pickle
import sklearn_softloss.classifiers
sys.addaudithook(watch)
with open(sys.argv[1], "rb") as file:
    clf = pickle.load(file)
print(clf.predict_proba([[0.0, 0.0]]).tolist())
"""


def test_what_the_first_version_wrote_is_refused_by_name():
    path = Path(__file__).parent / "data" / "fitted_by_first_version.joblib"
    with pytest.raises(ValueError, match=r"another version of sklearn_softloss.*fit anew"):
        persistence.load(path)


def test_what_another_package_lacks_is_not_ours(tmp_path):
    path = tmp_path / "gone.joblib"
    path.write_bytes(b"cno_such_module\nThing\n.")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        persistence.load(path)


def test_loading_opens_no_socket_and_starts_no_process(tmp_path):
    X = np.random.default_rng(0).normal(size=(70, 2))
    clf = SoftTargetMLPClassifier((8,), alpha=1.0, max_iter=2, random_state=0)
    clf.fit(X, (X[:, 0] > 0) + 0)
    path = tmp_path / "net.pickle"
    path.write_bytes(pickle.dumps(clf))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(clf.predict_proba([[0.0, 0.0]]).tolist())
