"""Calibration lowers the soft log loss and the Brier score of nets on real votes and label sets."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV, TemperatureScaling

DATA = os.environ.get("SOFTLOSS_DATA")
pytestmark = [
    pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def soft_log_loss(truth, proba):
    return -(truth * np.log(proba)).sum(axis=1).mean()


@pytest.fixture(scope="module")
def votes():
    with np.load(Path(DATA) / "votes" / "lewidi_hs_brexit.npz") as file:
        parts = (file["X_data"], file["X_indices"].astype(np.int32), file["X_indptr"])
        return sp.csr_array(parts, shape=file["X_shape"]), file["Y"], file["split"] == 2


@pytest.fixture(scope="module")
def overfitted(votes):
    X, Y, test = votes
    net = SoftTargetMLPClassifier((64,), alpha=0.0, learning_rate_init=0.01, max_iter=30, tol=0)
    return net.set_params(random_state=0).fit(X[~test], Y[~test])


@pytest.mark.parametrize(
    "method", ["temperature", "vector", "dirichlet", "sigmoid", "beta", "isotonic"]
)
def test_votes_on_hate_speech(method, votes, overfitted):
    X, Y, test = votes
    clf = SoftCalibratedClassifierCV(overfitted, method=method, cv=2, ensemble=False)
    after = soft_log_loss(Y[test], clf.fit(X[~test], Y[~test]).predict_proba(X[test]))
    before = soft_log_loss(Y[test], overfitted.predict_proba(X[test]))
    assert after < before - 0.05


def test_majority_votes_ask_for_a_lower_temperature(votes, overfitted):
    X, Y, test = votes
    proba = overfitted.predict_proba(X[test])
    soft = TemperatureScaling().fit(Y[test], proba)
    majority = TemperatureScaling().fit(np.eye(2)[Y[test].argmax(axis=1)], proba)
    assert majority.temperature_ < soft.temperature_


@pytest.mark.parametrize("method", ["temperature", "sigmoid", "beta", "isotonic", "prior_shift"])
def test_labels_of_yeast_under_an_asymmetric_loss(method):
    with np.load(Path(DATA) / "multilabel" / "yeast.npz") as file:
        X, Y, train, test = (file[name] for name in ("X", "Y", "train_idx", "test_idx"))
    net = MultiLabelSigmoidClassifier(
        (32,), loss="asymmetric", alpha=0.1, learning_rate_init=0.005, max_iter=15, batch_size=128,
        random_state=0,
    ).fit(X[train], Y[train])  # fmt: skip
    clf = SoftCalibratedClassifierCV(net, method=method, cv=2, ensemble=False)
    after = clf.fit(X[train], Y[train]).predict_proba(X[test])
    before = net.predict_proba(X[test])
    assert np.square(after - Y[test]).mean() < np.square(before - Y[test]).mean()
