"""What the default parameters mean: dropout, first logits, epochs, batches."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cases import over_estimators, parameters_of, targets_for
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss._training.mlp import MLP, UnitDropout
from sklearn_softloss.metrics import label_distribution_distance

DATA = os.environ.get("SOFTLOSS_DATA")


def test_unit_dropout_draws_once_a_unit():
    torch.manual_seed(0)
    layer = UnitDropout(0.25)
    outputs = torch.ones(5, 4000, dtype=torch.float64)
    factors = layer(outputs)
    assert_allclose(factors.unique(), [0, 1 / 0.75])
    assert (factors == factors[0]).all()
    assert float((factors[0] == 0).double().mean()) == pytest.approx(0.25, abs=0.03)
    assert layer.eval()(outputs) is outputs


def test_a_fresh_net_says_little():
    torch.manual_seed(0)
    with torch.no_grad():
        logits = MLP([30, 256, 4], "relu", 0.5).eval()(torch.randn(200, 30))
    assert 0 < float(logits.abs().max()) < 0.3


@over_estimators
def test_passes_and_batches(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator((4,), alpha=1.0, random_state=0).fit(X, Y)
    assert (clf.n_iter_, clf.t_, clf.net_.batch_size) == (32, 32 * 120, 32)
    assert Estimator((4,), learning_rate="constant", tol=0.1).fit(X, Y).n_iter_ <= 200
    assert Estimator((4,), max_iter=3, batch_size=np.int64(50)).fit(X, Y).net_.batch_size == 50


@over_estimators
def test_lbfgs_uses_no_dropout(Estimator):
    X, Y = targets_for(Estimator, n=60)
    with_it, without = (
        # tanh: over the kinks of relu the path, and its length, differ from processor to processor.
        Estimator((4,), "tanh", solver="lbfgs", alpha=1.0, dropout=dropout, random_state=0)
        for dropout in (0.5, 0.0)
    )
    assert_array_equal(parameters_of(with_it.fit(X, Y)), parameters_of(without.fit(X, Y)))


@pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data")
@pytest.mark.parametrize("name", ["SJAFFE", "Yeast_spoem"])
def test_the_defaults_beat_four_neighbours_on_label_distributions(name):
    with np.load(Path(DATA) / "label_distributions" / f"{name}.npz") as file:
        X, Y = file["X"].astype(np.float32), file["Y"]
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -4, "a_max": 4})
    losses, divergence = [], partial(label_distribution_distance, measure="kl_divergence")
    for train, test in list(KFold(10).split(X))[::5]:
        clf = make_pipeline(StandardScaler(), clip, SoftTargetMLPClassifier(random_state=0))
        ours = clf.fit(X[train], Y[train]).predict_proba(X[test])
        nearest = KNeighborsRegressor(4).fit(X[train], Y[train]).predict(X[test])
        losses.append([divergence(Y[test], p) for p in (ours, nearest)])
    ours, nearest = np.mean(losses, axis=0)
    assert ours < 0.95 * nearest
