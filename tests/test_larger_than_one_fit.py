"""Searches that prune, a cluster of two workers, and rows that come in parts."""

import os
import signal
import threading

import dask.array as da
import joblib
import numpy as np
import optuna
import polars as pl
import pytest
import torch
from distributed import Client, LocalCluster
from joblib import Parallel, delayed
from optuna.distributions import CategoricalDistribution
from optuna_integration import OptunaSearchCV
from optuna_integration.skorch import SkorchPruningCallback
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    ParameterGrid,
    cross_val_score,
    cross_validate,
)
from skorch.callbacks import Callback

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.metrics.scorers import multilabel_average_precision_score, neg_soft_log_loss
from sklearn_softloss.model_selection import MultiLabelStratifiedKFold, SoftStratifiedKFold

pytestmark = pytest.mark.filterwarnings("ignore:The training diverged or never got under way")

draw = np.random.RandomState(0)
X = draw.normal(size=(240, 5))
SCORES = 2 * X[:, :3] + draw.normal(size=(240, 3))
SOFT = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
SETS = (SCORES > 0.5).astype(int)
GRID = {"alpha": [0.1, 1000.0], "learning_rate_init": [0.006, 1e-6]}

KINDS = {
    "soft rows": (
        SoftTargetMLPClassifier((8,), alpha=0.1, random_state=0),
        SOFT,
        neg_soft_log_loss,
        SoftStratifiedKFold(2, shuffle=True, random_state=0),
    ),
    "label sets": (
        MultiLabelSigmoidClassifier((8,), alpha=0.1, random_state=0),
        SETS,
        multilabel_average_precision_score,
        MultiLabelStratifiedKFold(2, shuffle=True, random_state=0),
    ),
}
over_kinds = pytest.mark.parametrize(("estimator", "y", "scorer", "cv"), KINDS.values(), ids=KINDS)

# --- fits side by side ----------------------------------------------------------------------------


class SeesThreads(Callback):
    """Keeps how many threads an epoch may compute on."""

    def on_epoch_begin(self, net, **kwargs):
        self.n_threads_ = torch.get_num_threads()


@pytest.mark.parametrize("units", [4, 4000])
@pytest.mark.parametrize("backend", [None, "threading"])
def test_threads_of_joblib_and_of_torch_do_not_exceed_the_cores(backend, units):
    """One fit alone computes on all that torch may use, if its steps are worth it."""

    def n_threads(seed):
        seen = SeesThreads()
        clf = SoftTargetMLPClassifier(
            (units,), alpha=1.0, dropout=0.0, max_iter=1, batch_size=240, random_state=seed,
            callbacks=[seen],
        )  # fmt: skip
        clf.fit(X, SOFT)
        return seen.n_threads_

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with joblib.parallel_config(backend or "loky"):
            found = Parallel(n_jobs=2 if backend else 1)(map(delayed(n_threads), range(4)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(found) == {2 if backend is None and units == 4000 else 1}


# --- searches that prune --------------------------------------------------------------------------


@over_kinds
def test_halving_over_epochs_finds_what_the_grid_finds(estimator, y, scorer, cv):
    whole = GridSearchCV(clone(estimator).set_params(max_iter=16), GRID, scoring=scorer, cv=cv)
    whole.fit(X, y)
    halving = HalvingGridSearchCV(
        estimator, GRID, resource="max_iter", min_resources=4, max_resources=16, factor=2,
        scoring=scorer, cv=cv,
    ).fit(X, y)  # fmt: skip
    assert halving.n_resources_ == [4, 8, 16]
    assert halving.n_candidates_ == [4, 2, 1]
    found = {name: halving.best_params_[name] for name in GRID}
    assert found == whole.best_params_
    assert halving.best_score_ == whole.best_score_


@over_kinds
@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated")
def test_optuna_search_prunes_by_partial_fit(estimator, y, scorer, cv):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler(GRID, seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=2),
    )
    study.enqueue_trial({"alpha": 0.1, "learning_rate_init": 0.006})
    search = OptunaSearchCV(
        clone(estimator).set_params(max_iter=8),
        {name: CategoricalDistribution(values) for name, values in GRID.items()},
        cv=cv, scoring=scorer, enable_pruning=True, max_iter=8, n_trials=12, random_state=0,
        refit=False, error_score="raise", study=study,
    )  # fmt: skip
    search.fit(X, y, classes=np.arange(3))
    assert search.best_params_["learning_rate_init"] == 0.006
    assert any(trial.state == optuna.trial.TrialState.PRUNED for trial in search.trials_)


def test_a_study_prunes_planned_trainings():
    """Pruned inside `fit`, whose schedule knows the number of epochs."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fitted = []

    def objective(trial):
        rate = trial.suggest_categorical("learning_rate_init", [0.006, 1e-6])
        clf = SoftTargetMLPClassifier(
            (8,), learning_rate_init=rate, max_iter=12, alpha=0.1, early_stopping=True,
            callbacks=[SkorchPruningCallback(trial, "valid_loss")], random_state=0,
        )  # fmt: skip
        try:
            clf.fit(X[:120], SOFT[:120], X_val=X[120:], y_val=SOFT[120:])
        finally:
            fitted.append(hasattr(clf, "net_"))
        return clf.best_loss_

    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler({"learning_rate_init": [0.006, 1e-6]}, seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=3),
    )
    study.enqueue_trial({"learning_rate_init": 0.006})
    study.enqueue_trial({"learning_rate_init": 1e-6})
    study.optimize(objective, n_trials=2)
    complete, pruned = study.trials
    assert complete.state == optuna.trial.TrialState.COMPLETE
    assert len(complete.intermediate_values) == 12
    assert pruned.state == optuna.trial.TrialState.PRUNED
    assert fitted == [True, False]


# --- a cluster -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as workers,
        Client(workers) as client,
    ):
        yield client


@over_kinds
def test_a_cluster_finds_what_one_process_finds(cluster, estimator, y, scorer, cv):
    search = GridSearchCV(clone(estimator).set_params(max_iter=4), GRID, scoring=scorer, cv=cv)
    serial = clone(search).fit(X, y)
    scores = cross_validate(serial.estimator, X, y, scoring=scorer, cv=cv)["test_score"]
    with joblib.parallel_config("dask"):
        spread = clone(search).fit(X, y)
        spread_scores = cross_validate(serial.estimator, X, y, scoring=scorer, cv=cv)["test_score"]
    for name in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(spread.cv_results_[name], serial.cv_results_[name])
    np.testing.assert_array_equal(spread_scores, scores)
    np.testing.assert_array_equal(spread.predict_proba(X), serial.predict_proba(X))


def test_a_tuned_decision_on_a_cluster_is_that_of_one_process(cluster):
    net = MultiLabelSigmoidClassifier((8,), alpha=0.1, random_state=0)
    tuned = TunedDecisionClassifierCV(net, cv=3, random_state=0)
    serial = clone(tuned).fit(X, SETS)
    with joblib.parallel_config("dask"):
        spread = clone(tuned).set_params(n_jobs=2).fit(X, SETS)
    np.testing.assert_array_equal(spread.predict(X), serial.predict(X))


def score_of(params):
    """The mean score of a candidate, from data that the task carries with it."""
    estimator, y, scorer, cv = KINDS["soft rows"]
    candidate = clone(estimator).set_params(**params, max_iter=60)
    return cross_val_score(candidate, X, y, scoring=scorer, cv=cv).mean()


def test_a_search_survives_a_worker_that_is_killed(cluster):
    grid = list(ParameterGrid(GRID))
    scores = cluster.map(score_of, grid, retries=3, pure=False)
    victim = next(iter(cluster.run(os.getpid).values()))
    killing = threading.Timer(0.3, os.kill, (victim, signal.SIGKILL))
    killing.start()
    assert cluster.gather(scores) == [score_of(params) for params in grid]
    killing.join()


# --- rows in parts -------------------------------------------------------------------------------


def in_parts(parts):
    net = SoftTargetMLPClassifier((8,), random_state=0)
    for rows, y in parts:
        net.partial_fit(rows, y, classes=[0, 1, 2])
    return net


CUTS = [(start, start + 60) for start in range(0, 240, 60)]
LABELS = SOFT.argmax(axis=1)


def from_parquet(folder):
    names = [f"x{j}" for j in range(X.shape[1])]
    pl.DataFrame(X, schema=names).with_columns(y=LABELS).write_parquet(folder / "rows.parquet")
    table = pl.scan_parquet(folder / "rows.parquet")
    for start, end in CUTS:
        part = table.slice(start, end - start).collect()
        yield part.select(names).to_numpy(), part["y"].to_numpy()


def from_dask(folder):
    rows, labels = da.from_array(X, chunks=(60, -1)), da.from_array(LABELS, chunks=60)
    for block, part in zip(rows.partitions, labels.partitions, strict=True):
        yield block.compute(), part.compute()


@pytest.mark.parametrize("source", [from_parquet, from_dask])
def test_parts_of_a_file_or_a_cluster_train_as_parts_of_an_array(source, tmp_path):
    of_array = in_parts((X[start:end], LABELS[start:end]) for start, end in CUTS)
    found = in_parts(source(tmp_path))
    np.testing.assert_array_equal(found.predict_proba(X), of_array.predict_proba(X))


def test_predictions_of_blocks_are_those_of_all_rows():
    net = SoftTargetMLPClassifier((8,), max_iter=2, random_state=0).fit(X, SOFT)
    rows = da.from_array(X, chunks=(60, -1))
    blocks = rows.map_blocks(net.predict_proba, chunks=(rows.chunks[0], (3,)), dtype=np.float64)
    np.testing.assert_allclose(blocks.compute(), net.predict_proba(X), rtol=1e-12)
