"""AnnotatorMLPClassifier: what a fit finds of shares and annotators, and what it predicts."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from annotator_cases import FIXED, simulate
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.metrics import annotator_absolute_distance, annotator_error_rate, scorers
from sklearn_softloss.targets import vote_shares

MAIN, CAMP, SPAM = range(3)


@pytest.fixture(scope="module")
def crowd():
    """2,000 items, 40 annotators of whom 6 answer at random and 10 see things otherwise."""
    X, Y, kind, proba = simulate(n=2000, per_item=30)
    clf = AnnotatorMLPClassifier((64,), alpha=0.3, dropout=0.0, random_state=0).fit(X, Y)
    return clf, X, kind, proba


# --- what a fit finds ----------------------------------------------------------------------------


def test_spammers_are_found(crowd):
    clf, _, kind, _ = crowd
    score = clf.annotator_report()["spammer"]
    assert roc_auc_score(kind == SPAM, score) >= 0.95
    assert ((score >= 0) & (score <= 1)).all()


def test_camps_are_found(crowd):
    clf, _, kind, _ = crowd
    assert_array_equal(clf.camps_[kind == MAIN], 0)
    assert_array_equal(clf.camps_[kind == CAMP], 1)
    assert_array_equal(clf.camps_[kind == SPAM], 0)  # belong to none
    assert clf.embedding_.shape == (40, 2)
    side = clf.embedding_[:, 1] * np.sign(clf.embedding_[kind == CAMP, 1].mean())
    assert side[kind == CAMP].min() > side[kind != CAMP].max() + 0.1


def test_agreement_is_that_with_the_population(crowd):
    clf, _, _, proba = crowd
    best = proba.mean(axis=0).argmax(axis=1)
    true = np.take_along_axis(proba, best[None, :, None], axis=2)[:, :, 0].mean(axis=1)
    assert_allclose(clf.annotator_agreement_, true, atol=0.03)


def test_annotators_and_shares_are_those_of_the_simulation(crowd):
    clf, X, kind, proba = crowd
    found = clf.predict_annotator_proba(X)
    assert found.shape == (2000, 40, 3)
    assert_allclose(found.sum(axis=2), 1)
    truth = proba.transpose(1, 0, 2)
    share = clf.predict_proba(X)[:, None]
    for of_kind in (CAMP, SPAM):
        theirs = kind == of_kind
        error = np.abs(found - truth)[:, theirs].mean()
        assert error < 0.5 * np.abs(share - truth)[:, theirs].mean()
    assert np.abs(share[:, 0] - proba.mean(axis=0)).mean() < 0.05


def test_camps_may_be_stated():
    X, Y, kind, _ = simulate(per_item=30)
    one, two = (AnnotatorMLPClassifier(**FIXED, n_camps=n, random_state=0) for n in (1, 2))
    assert one.fit(X, Y).embedding_.shape == (40, 1)
    assert_array_equal(two.fit(X, Y).camps_ == 1, kind == CAMP)


def test_one_annotator_is_the_plain_net():
    X, Y, _, _ = simulate(kinds=(1, 0, 0), per_item=1)
    plain = SoftTargetMLPClassifier(**FIXED, random_state=0).fit(X, Y[:, 0].astype(int))
    for y in (Y[:, 0].astype(int), pd.DataFrame({"ann": Y[:, 0]})):
        clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, y)
        assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
        assert_allclose(clf.predict_annotator_proba(X)[:, 0], plain.predict_proba(X), atol=1e-12)
        assert_array_equal(clf.classes_, [0, 1, 2])


def test_one_camp_trains_the_net_of_the_shares():
    X, Y, _, _ = simulate(kinds=(5, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED, n_camps=1, random_state=0).fit(X, Y)
    plain = SoftTargetMLPClassifier(**FIXED, random_state=0).fit(X, vote_shares(Y)[0])
    assert clf.loss_curve_ == plain.loss_curve_


def test_who_answered_little_keeps_what_the_group_has():
    X, Y, _, _ = simulate(kinds=(12, 0, 0), per_item=12)
    Y[:, 3] = np.nan
    Y[1:, 4] = np.nan
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y)
    assert clf.n_answers_[3] == 0
    assert_allclose(clf.bias_[3], 0)
    assert_allclose(clf.bias_[4], 0, atol=0.25)
    assert_allclose(clf.scale_[[3, 4]], clf.scale_.mean(), atol=0.1)
    assert np.isnan(clf.annotator_report()["spammer"][3])


def test_few_answers_make_no_spammer():
    """The score was 1.00 of who gave one answer, and of two that agree."""
    X, Y, _, _ = simulate(n=400, kinds=(16, 0, 4), per_item=20)
    few = np.r_[0:4, 16]
    Y[8:, few] = np.nan
    Y[2:, few[:2]] = np.nan
    Y[1:, few[0]] = np.nan
    Y[:, 15] = 1  # always the same
    score = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y).annotator_report()["spammer"]
    assert score[few].max() < score[[15, 17, 18, 19]].min()
    assert score[few[0]] < 0.7


def test_a_biased_annotator_is_reported():
    X, Y, _, _ = simulate(kinds=(10, 0, 0), per_item=10)
    Y[::2, 0] = 2
    report = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y).annotator_report()
    assert report["favours"][0] == 2
    assert report["bias"].argmax() == 0
    assert pd.DataFrame(report).shape == (10, 8)


# --- prediction ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def named():
    X, Y, _, _ = simulate(n=150, kinds=(3, 1, 0), per_item=3)
    frame = pd.DataFrame(Y, columns=["ann", "bob", "cid", "dee"])
    return AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, frame), X, frame


def test_annotators_are_found_by_name_and_strangers_answer_as_the_population(named):
    clf, X, _ = named
    everyone = clf.predict_annotator_proba(X)
    found = clf.predict_annotator_proba(X, ["dee", "zoe", "ann"])
    assert_array_equal(found[:, 0], everyone[:, 3])
    assert_array_equal(found[:, 2], everyone[:, 0])
    assert_array_equal(found[:, 1], clf.predict_proba(X))
    assert_array_equal(clf.predict_annotator_proba(X, "dee"), everyone[:, 3])
    assert_array_equal(clf.predict_annotator(X, "ann"), clf.predict_annotator(X)[:, 0])
    with pytest.raises(ValueError, match="list of names"):
        clf.predict_annotator_proba(X, [["ann"]])


def test_score_takes_columns_by_name(named):
    clf, X, frame = named
    score = clf.score(X, frame)
    assert clf.score(X, frame[["cid", "ann", "dee", "bob"]]) == score
    assert clf.score(X, frame.to_numpy()) == score
    said = clf.predict_annotator(X)
    there = frame.notna().to_numpy()
    assert score == pytest.approx((said == frame.to_numpy())[there].mean())
    with pytest.raises(ValueError, match="column for each of the 4 annotators"):
        clf.score(X, frame.to_numpy()[:, :2])


def test_scorers_know_annotators(named):
    clf, X, frame = named
    error = annotator_error_rate(frame, clf.predict_annotator(X))
    assert scorers.neg_annotator_error_rate(clf, X, frame) == pytest.approx(-error)
    turned = frame[["cid", "ann", "dee", "bob"]]
    assert scorers.neg_annotator_error_rate(clf, X, turned) == pytest.approx(-error)
    for scorer in (scorers.neg_annotator_error_rate, scorers.neg_annotator_absolute_distance):
        twin = pickle.loads(pickle.dumps(scorer))
        assert -2 <= scorer(clf, X, frame) == twin(clone(clf).fit(X, frame), X, frame) <= 0
    below = clf.predict_annotator_proba(X).cumsum(axis=2)
    medians = clf.classes_[np.argmax(below >= 0.5, axis=2)]
    distance = annotator_absolute_distance(frame, medians)
    assert scorers.neg_annotator_absolute_distance(clf, X, frame) == pytest.approx(-distance)
    plain = SoftTargetMLPClassifier(**FIXED).fit(X, vote_shares(frame)[0])
    with pytest.raises(TypeError, match="needs predict_annotator_proba"):
        scorers.neg_annotator_error_rate(plain, X, frame)


def test_pipelines_and_searches():
    X, Y, _, _ = simulate(n=120, kinds=(4, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**{**FIXED, "max_iter": 2}, random_state=0)
    grid = {"annotatormlpclassifier__hidden_layer_sizes": [(4,), (8,)]}
    pipeline = make_pipeline(StandardScaler(), clf)
    for scoring in (None, scorers.neg_annotator_error_rate):
        search = GridSearchCV(pipeline, grid, scoring=scoring, cv=KFold(2)).fit(X, Y)
        assert np.isfinite(search.best_score_)


def test_scikit_learns_callbacks_score_each_epoch_of_the_net_alone():
    callback = pytest.importorskip("sklearn.callback")
    X, Y, _, _ = simulate(n=60, kinds=(4, 0, 0), per_item=3)
    monitor = callback.ScoringMonitor(scoring={"error": scorers.neg_annotator_error_rate})
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).set_callbacks(monitor).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == clf.n_iter_ == 15
    assert all(-1 <= row["error"] <= 0 for row in rows)


def test_pickles_and_copies_predict_the_same(named):
    clf, X, _ = named
    twin = pickle.loads(pickle.dumps(clf))
    assert_array_equal(twin.predict_annotator_proba(X), clf.predict_annotator_proba(X))
    assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    assert set(clone(clf).get_params()) == set(clf.get_params())


def test_the_same_seed_gives_the_same_fit():
    X, Y, _, _ = simulate(n=100, kinds=(6, 3, 0), per_item=9)
    first, again = (AnnotatorMLPClassifier(**FIXED, random_state=3).fit(X, Y) for _ in range(2))
    assert_array_equal(first.predict_annotator_proba(X), again.predict_annotator_proba(X))


def test_sparse_rows_float32_modules_and_early_stopping():
    X, Y, _, _ = simulate(n=120, kinds=(4, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED, encoding=None, random_state=0)
    dense = clone(clf).fit(X, Y)
    assert_allclose(clone(clf).fit(sp.csr_array(X), Y).scale_, dense.scale_, atol=1e-6)
    assert clone(clf).fit(X.astype(np.float32), Y).predict_proba(X).dtype == np.float64
    stopped = clone(clf).set_params(early_stopping=True).fit(X, Y)
    assert len(stopped.validation_loss_curve_) == stopped.n_iter_

    def images(n_features, n_outputs):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(n_outputs))

    tall = X.reshape(120, 2, 3)
    assert clone(clf).set_params(module=images).fit(tall, Y).predict_proba(tall).shape == (120, 3)


def test_what_is_unseen_has_no_equal_row_in_what_is_seen():
    """Answers by chance, the same to equal rows: who saw the row's twin would foretell them."""
    X = np.tile(np.eye(41), (6, 1))
    params = {"alpha": 1e-4, "dropout": 0.0, "max_iter": 60, "learning_rate_init": 0.05}
    for seed in range(2):
        Y = np.tile(np.random.default_rng(seed).integers(2, size=(41, 1)), (6, 2)).astype(float)
        clf = AnnotatorMLPClassifier((32,), **params, encoding=None, random_state=seed)
        assert clf.fit(X, Y).annotator_agreement_.max() < 0.8


def test_equal_rows_and_few_rows_are_no_trouble():
    Y = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1]], dtype=float)
    for X in (np.ones((3, 2)), np.arange(6.0).reshape(3, 2)):
        clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y)
        assert np.isfinite(clf.predict_annotator_proba(X)).all()


def test_memory_grows_with_the_answers():
    """A table of all annotators' probabilities would take 256 megabytes."""
    rng = np.random.default_rng(0)
    n, n_annotators, k = 4000, 2000, 4
    Y = np.full((n, n_annotators), np.nan)
    who = np.argsort(rng.random((n, n_annotators)), axis=1)[:, :5]
    np.put_along_axis(Y, who, rng.integers(k, size=(n, 5)).astype(float), axis=1)
    clf = AnnotatorMLPClassifier((), alpha=0.1, dropout=0.0, max_iter=2, random_state=0)
    X = rng.normal(size=(n, 3))
    tracemalloc.start()
    clf.fit(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
