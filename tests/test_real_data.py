"""Every loss, as it comes, learns something on real label distributions and label sets."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from cases import LOSSES
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

DATA = os.environ.get("SOFTLOSS_DATA")
pytestmark = [
    pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
NET = {
    "hidden_layer_sizes": (64,),
    "solver": "adamw",
    "alpha": 1.0,
    "dropout": 0.4,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "beta_2": 0.999,
    "batch_size": 64,
    "random_state": 0,
}
N_STEPS = 250


@cache
def load(folder, name):
    """Standardised features, targets, training rows, test rows."""
    with np.load(Path(DATA) / folder / f"{name}.npz") as file:
        X, Y = file["X"], file["Y"].astype(np.float32)
        if "train_idx" in file:
            train, test = file["train_idx"], file["test_idx"]
        else:
            order = np.random.default_rng(0).permutation(len(X))
            train, test = np.split(order, [int(0.8 * len(X))])
    X = (X - X[train].mean(axis=0)) / np.maximum(X[train].std(axis=0), 1e-6)
    return np.clip(X, -4, 4).astype(np.float32), Y, train, test


def own_loss(clf, X, Y):
    """Mean of the classifier's own loss."""
    criterion = clf.net_.criterion_
    with torch.no_grad():
        logits = clf.net_.module_.eval()(torch.from_numpy(X))
    return float(criterion(logits, torch.from_numpy(Y)).mean())


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss == type(loss)()], ids=repr)
@pytest.mark.parametrize("which", [0, 1])
def test_better_than_the_training_mean(loss, which):
    """By its own measure, than the best constant; as probabilities, where it claims them."""
    if loss.domain == "distribution":
        data, Estimator = ("SJAFFE", "Yeast_spo"), SoftTargetMLPClassifier
        X, Y, train, test = load("label_distributions", data[which])
    else:
        data, Estimator = ("emotions", "yeast"), MultiLabelSigmoidClassifier
        X, Y, train, test = load("multilabel", data[which])
    epochs = -(-N_STEPS * NET["batch_size"] // len(train))
    clf = Estimator(loss=loss, max_iter=epochs, **NET).fit(X[train], Y[train])
    no_features = np.zeros_like(X[:, :1])
    constant = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.0, "random_state": 0}
    blind = Estimator(loss=loss, **constant).fit(no_features[train], Y[train])
    assert own_loss(clf, X[test], Y[test]) < own_loss(blind, no_features[test], Y[test])
    if loss.properness != "neither":
        mean = Y[train].mean(axis=0)
        found = np.square(clf.predict_proba(X[test]) - Y[test]).mean()
        assert found < np.square(mean - Y[test]).mean()
