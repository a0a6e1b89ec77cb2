"""Who said what: the net for shares and annotators, camps, effects, votes without X."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss._targets.annotations import Annotations, read_annotations
from sklearn_softloss.annotators import AnnotatorMLPClassifier, DawidSkene
from sklearn_softloss.annotators._camps import _shrunk, camps_of
from sklearn_softloss.annotators._effects import _derivatives, fit_effects
from sklearn_softloss.metrics import annotator_absolute_distance, annotator_error_rate, scorers
from sklearn_softloss.targets import annotation_matrix, vote_shares

FIXED = {"hidden_layer_sizes": (16,), "alpha": 0.1, "dropout": 0.0, "max_iter": 15}
MAIN, CAMP, SPAM = range(3)


def simulate(n=600, kinds=(24, 10, 6), per_item=5, k=3, seed=0, camps_differ=True):
    """Answers of a main camp, a second one and some that answer at random.

    Returns X, Y, the kind of each annotator, and P(answer), (n_annotators, n, k).
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    main = softmax(2 * X @ rng.normal(size=(6, k)), axis=1)
    other = softmax(2 * X @ rng.normal(size=(6, k)), axis=1) if camps_differ else main
    kind = np.repeat(np.arange(3), kinds)
    proba = np.stack([main, other, np.full((n, k), 1 / k)])[kind]
    drawn = proba.cumsum(axis=2) < rng.random((len(kind), n, 1))
    Y = drawn.sum(axis=2).T.astype(float)
    for row in Y:
        row[rng.permutation(len(kind))[per_item:]] = np.nan
    return X, Y, kind, proba


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


@pytest.mark.parametrize("per_item", [5, 30])
@pytest.mark.parametrize("kinds", [(40, 0, 0), (30, 0, 10)])
def test_one_camp_is_not_split(kinds, per_item):
    _, Y, _, _ = simulate(kinds=kinds, per_item=per_item)
    camps = camps_of(read_annotations(Y), "auto", np.random.RandomState(0))
    assert camps.n_camps == 1


def test_blocks_of_annotators_that_never_meet_are_no_camps():
    _, Y, _, _ = simulate(kinds=(40, 0, 0), per_item=40)
    Y[:300, 20:], Y[300:, :20] = np.nan, np.nan
    camps = camps_of(read_annotations(Y), "auto", np.random.RandomState(0))
    assert camps.n_camps == 1


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

    found = _shrunk(np.array([0.9, 0.7, 0.0, 0.5]), np.array([101, 6, 1, 0]))
    mean = (100 * 0.9 + 5 * 0.7) / 105
    assert_allclose(found, [(90 + 5 * mean) / 105, (3.5 + 5 * mean) / 10, mean, np.nan])
    assert np.isnan(_shrunk(np.zeros(3), np.ones(3))).all()


def test_a_biased_annotator_is_reported():
    X, Y, _, _ = simulate(kinds=(10, 0, 0), per_item=10)
    Y[::2, 0] = 2
    report = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y).annotator_report()
    assert report["favours"][0] == 2
    assert report["bias"].argmax() == 0
    assert pd.DataFrame(report).shape == (10, 8)


# --- effects by themselves -----------------------------------------------------------------------


def test_derivatives_are_those_of_the_likelihood():
    rng = np.random.default_rng(0)
    n, k, m = 3, 4, 50
    log_share = np.log(rng.dirichlet(np.ones(k), m)).T
    data = log_share, rng.integers(k, size=m), rng.integers(n, size=m), rng.random(m)
    at, step = rng.normal(size=(n, 1 + k)), 1e-5
    found = _derivatives(at, *data)
    for j in range(1 + k):
        move = step * np.eye(1 + k)[j]
        up, down = _derivatives(at + move, *data), _derivatives(at - move, *data)
        assert_allclose(found.gradient[:, j], (up.value - down.value) / (2 * step), atol=1e-6)
        slope = (up.gradient - down.gradient) / (2 * step)
        assert_allclose(found.curvature[:, j], slope, atol=1e-6)


def test_effects_are_recovered():
    rng = np.random.default_rng(0)
    n, k, m = 8, 3, 40_000
    scale, bias = rng.normal(1, 0.5, n), rng.normal(0, 1, (n, k))
    log_share = np.log(rng.dirichlet(np.ones(k), m))
    who = rng.integers(n, size=m)
    proba = softmax(scale[who, None] * log_share + bias[who], axis=1)
    label = (proba.cumsum(axis=1) < rng.random((m, 1))).sum(axis=1)
    found, found_bias = fit_effects(log_share.T, label, who, np.ones(m), n)
    assert_allclose(found, scale, atol=0.1)
    centred = bias - bias.mean(axis=1, keepdims=True)
    assert_allclose(found_bias - found_bias.mean(axis=1, keepdims=True), centred, atol=0.1)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_effects_are_finite_whatever_the_answers(seed):
    rng = np.random.default_rng(seed)
    n, k, m = (int(size) for size in rng.integers((1, 2, 1), (6, 5, 60)))
    log_share = np.log(np.maximum(rng.dirichlet(np.full(k, 0.05), m), 1e-6))
    who = rng.integers(n, size=m)
    label = np.where(rng.random(n)[who] < 0.5, 0, rng.integers(k, size=m))
    scale, bias = fit_effects(log_share.T, label, who, np.ones(m), n)
    assert np.isfinite(scale).all()
    assert np.isfinite(bias).all()


# --- forms of answers ----------------------------------------------------------------------------


def answers_in(form, Y, names):
    if form == "array":
        return Y
    if form == "list":
        return [[None if np.isnan(v) else int(v) for v in row] for row in Y]
    if form == "pandas":
        return pd.DataFrame(Y, columns=names)
    if form == "nullable":
        return pd.DataFrame(Y, columns=names).astype("Int64")
    if form == "polars":
        return pl.DataFrame({name: Y[:, j] for j, name in enumerate(names)}).fill_nan(None)
    item, who = np.nonzero(~np.isnan(Y))
    return annotation_matrix(item, np.array(names)[who], Y[item, who].astype(int))


@pytest.mark.parametrize("form", ["array", "list", "pandas", "nullable", "polars", "matrix"])
def test_answers_in_all_forms_are_the_same(form):
    X, Y, _, _ = simulate(n=80, kinds=(4, 0, 0), per_item=3)
    names = ["ann", "bob", "cid", "dee"]
    expected = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y)
    clf = clone(expected).fit(X, answers_in(form, Y, names))
    assert_array_equal(clf.predict_annotator_proba(X), expected.predict_annotator_proba(X))
    assert_array_equal(clf.classes_, expected.classes_)
    if form not in ("array", "list"):
        assert list(clf.annotators_) == names


@pytest.mark.parametrize("classes", [["no", "perhaps", "yes"], [-1, 1], [False, True], [3, 7, 9]])
def test_classes_of_all_kinds(classes):
    X, Y, _, _ = simulate(n=80, kinds=(4, 0, 0), per_item=4, k=len(classes))
    named = np.array(classes)[Y.astype(int)]
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, named)
    assert_array_equal(clf.classes_, classes)
    assert set(clf.predict(X)) <= set(classes)
    assert 0 < clf.score(X, named) <= 1


def test_strings_with_gaps_in_a_list():
    votes = [["a", "b", np.nan], ["a", None, "a"], ["b", "b", "b"], ["a", "b", "a"]] * 5
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(np.arange(20.0)[:, None], votes)
    assert_array_equal(clf.classes_, ["a", "b"])
    assert clf.classes_.dtype.kind == clf.predict(np.zeros((1, 1))).dtype.kind == "U"
    assert_array_equal(clf.n_answers_, [20, 15, 15])


def test_rows_without_an_answer_teach_nothing():
    X, Y, _, _ = simulate(n=90, kinds=(4, 0, 0), per_item=3)
    more = np.vstack([X, 100 * np.ones((5, 6))]), np.vstack([Y, np.full((5, 4), np.nan)])
    params = {**FIXED, "solver": "lbfgs", "hidden_layer_sizes": (), "encoding": None}
    params["max_iter"] = 500
    clf = AnnotatorMLPClassifier(**params, random_state=0)
    weighted = clone(clf).fit(more[0], more[1], np.ones(95))
    assert_allclose(clf.fit(*more).predict_proba(X), weighted.predict_proba(X), atol=1e-6)
    assert clf.n_answers_.sum() == 270


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weight_two_is_two_rows():
    X, Y, _, _ = simulate(n=90, kinds=(4, 0, 0), per_item=3)
    params = {"solver": "lbfgs", "hidden_layer_sizes": (), "alpha": 1.0, "tol": 1e-8}
    clf = AnnotatorMLPClassifier(**params, n_camps=1, random_state=0)
    weight = np.where(np.arange(90) < 20, 2.0, 1.0)
    rows = np.r_[np.arange(90), np.arange(20)]
    repeated = clone(clf).fit(X[rows], Y[rows])
    weighted = clf.fit(X, Y, weight)
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=2e-3)
    assert_allclose(weighted.scale_, repeated.scale_, atol=0.02)


def test_some_items_of_a_matrix_keep_names_and_classes():
    X, Y, _, _ = simulate(n=80, kinds=(4, 0, 0), per_item=3)
    answers = answers_in("matrix", np.where(Y == 2, np.nan, Y), ["ann", "bob", "cid", "dee"])
    part = answers.take(slice(0, 10))
    assert_array_equal(part.items, answers.items[:10])
    Y[:, :3][Y[:, :3] == 2] = 1  # only dee says 2
    answers = answers_in("matrix", Y, ["ann", "bob", "cid", "dee"])
    seen = np.flatnonzero(Y[:, 3] != 2)
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X[seen], answers.take(seen))
    assert_array_equal(clf.classes_, [0, 1, 2])
    assert_array_equal(clf.annotators_, ["ann", "bob", "cid", "dee"])
    assert 0 < clf.score(X, answers) <= 1


NO_ANSWER = [None, np.nan, pd.NA, pd.NaT, "", "  ", -1]


@pytest.mark.parametrize("nothing", NO_ANSWER, ids=repr)
@pytest.mark.parametrize("form", ["list", "object", "frame", "matrix", "vector"])
def test_all_readers_of_answers_know_the_same_answers(form, nothing):
    """DawidSkene made a class of -1, vote_shares stopped at NA, and all told " yes" from "yes"."""
    votes = [["yes", " yes", "no"], ["no", nothing, "no "], ["yes", "no", nothing]]
    clean = [["yes", "yes", "no"], ["no", None, "no"], ["yes", "no", None]]
    if form == "vector":
        votes, clean = ([[vote] for row in rows for vote in row] for rows in (votes, clean))
    forms = {
        "list": lambda: votes,
        "object": lambda: np.array(votes, dtype=object),
        "frame": lambda: pd.DataFrame(votes, dtype=object),
        "vector": lambda: [row[0] for row in votes],
        "matrix": lambda: annotation_matrix(
            np.repeat(range(3), 3), list("abc") * 3, [vote for row in votes for vote in row]
        ),
    }
    found, expected = (DawidSkene().fit(y) for y in (forms[form](), clean))
    assert_array_equal(found.classes_, ["no", "yes"])
    assert_array_equal(found.proba_, expected.proba_)
    X = np.arange(float(len(votes)))[:, None]
    clf = AnnotatorMLPClassifier((2,), alpha=1.0, dropout=0.0, max_iter=1, random_state=0)
    assert_array_equal(clf.fit(X, forms[form]()).classes_, ["no", "yes"])
    assert clf.n_answers_.sum() == 7
    assert clf.score(X, forms[form]()) == clf.score(X, clean)
    if form != "vector":
        assert_array_equal(vote_shares(forms[form]())[0], [[1 / 3, 2 / 3], [1, 0], [0.5, 0.5]])
        said = np.array([["yes ", "yes", "no"], ["no", "no", "yes"], ["no", "no", "no"]])
        assert annotator_error_rate(forms[form](), said) == pytest.approx((0 + 0.5 + 0.5) / 3)


def test_text_is_not_compared_with_numbers():
    X, Y, _, _ = simulate(n=60, kinds=(3, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="all text or all numbers"):
        clf.score(X, Y.astype(int).astype(str))
    with pytest.raises(ValueError, match="'a' stands beside 2"):
        DawidSkene().fit([["a", 2], ["b", "a"]])
    with pytest.raises(ValueError, match=r"one is \['a'\]"):
        DawidSkene().fit(pd.DataFrame([[["a"], ["b"]], [["b"], ["a"]]]))


def matrix_of(Y, items, order=None):
    """Annotations of the workers w0, w1, ..."""
    item, who = np.nonzero(~np.isnan(Y))
    workers = [f"w{j}" for j in who]
    return annotation_matrix(
        np.asarray(items)[item], workers, Y[item, who].astype(int), items=order
    )


@pytest.fixture(scope="module")
def named_rows():
    X, Y, _, _ = simulate(n=120, kinds=(4, 0, 0), per_item=3)
    return pd.DataFrame(X, index=[f"t{i}" for i in range(120)]), Y


def test_items_in_another_order_than_the_index_are_refused(named_rows):
    X, Y = named_rows
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0)
    by_name = matrix_of(Y, X.index)  # sorted: t0, t1, t10
    fitted = clone(clf).fit(X, matrix_of(Y, X.index, X.index))
    assert_array_equal(fitted.loss_curve_, clone(clf).fit(X.to_numpy(), Y).loss_curve_)
    for refusing in (
        lambda: clf.fit(X, by_name),
        lambda: clf.fit(X, pd.DataFrame(Y, index=X.index[::-1])),
        lambda: fitted.score(X, by_name),
        lambda: scorers.neg_annotator_error_rate(fitted, X, by_name),
    ):
        with pytest.raises(ValueError, match=r"in another order: row .*items=X\.index"):
            refusing()
    assert not hasattr(clf, "net_")
    place = pd.Index(by_name.items).get_indexer(X.index)
    assert fitted.score(X, by_name.take(place)) == fitted.score(X, matrix_of(Y, X.index, X.index))


def test_rows_are_joined_by_place_where_names_say_nothing(named_rows):
    X, Y = named_rows
    clf = AnnotatorMLPClassifier((2,), alpha=1.0, dropout=0.0, max_iter=1, random_state=0)
    numbered = X.reset_index(drop=True)
    clf.fit(X.to_numpy(), matrix_of(Y, X.index, X.index))
    clf.fit(numbered, matrix_of(Y, X.index, X.index))
    clf.fit(numbered, matrix_of(Y, np.arange(1, 121)))
    clf.fit(X, matrix_of(Y, range(120)))
    clf.fit(numbered.iloc[::2], matrix_of(Y, range(120)).take(slice(None, None, 2)))
    clf.fit(X, pd.DataFrame(Y))
    for X_other, items, message in (
        (X.rename(index="x{}".format), X.index, "are not the index"),
        (numbered, np.array(range(120), dtype=str), "must be of one type"),
        (numbered.iloc[::-1], range(120), "in another order"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.fit(X_other, matrix_of(Y, items, items))


def test_annotators_of_another_type_are_no_strangers():
    X, Y, _, _ = simulate(n=60, kinds=(3, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0)
    clf.fit(X, pd.DataFrame(Y, columns=["1", "2", "3"]))
    for asked in ([3], 3.0, np.array([1, 2])):
        with pytest.raises(ValueError, match=r"of one type: .* is not '\d'"):
            clf.predict_annotator_proba(X, asked)
    with pytest.raises(ValueError, match="of one type"):
        clf.score(X, pd.DataFrame(Y, columns=[3, 1, 2]))
    assert clf.score(X, pd.DataFrame(Y[:, [1]], columns=["2"])) == pytest.approx(
        (clf.predict_annotator(X, "2") == Y[:, 1]).mean()
    )


@pytest.mark.parametrize("kind", ["numbers", "text", "bools"])
def test_annotations_are_split_and_searched_by_rows(named_rows, kind):
    X, Y = named_rows
    names = {
        "numbers": np.arange(3),
        "text": np.array(list("abc")),
        "bools": np.array([0, 1, 1]) > 0,
    }
    item, who = np.nonzero(~np.isnan(Y))
    answers = names[kind][Y[item, who].astype(int)]
    y = annotation_matrix(X.index[item], [f"w{j}" for j in who], answers, items=X.index)
    clf = AnnotatorMLPClassifier((4,), alpha=1.0, dropout=0.0, max_iter=3, random_state=0)
    X_train, X_test, train, test = train_test_split(X, y, random_state=0)
    assert_array_equal(train.items, X_train.index)
    assert len(train) == 90
    assert_array_equal(train.annotators, y.annotators)
    assert 0 < clf.fit(X_train, train).score(X_test, test) <= 1
    table = np.asarray(y)
    assert table.shape == y.shape == (120, 4)
    assert_array_equal(read_annotations(table).classes, read_annotations(y).classes)
    for cv in (3, KFold(3)):  # a number of folds is one of KFold
        for scoring in (None, scorers.neg_annotator_error_rate):
            assert_array_equal(
                cross_val_score(clf, X, y, cv=cv, scoring=scoring),
                cross_val_score(clf, X.to_numpy(), table, cv=KFold(3), scoring=scoring),
            )
    assert GridSearchCV(clf, {"max_iter": [1, 2]}, cv=3).fit(X, y).best_score_ > 0


def test_annotations_are_no_tuple_and_say_what_they_are_in_a_line():
    many = annotation_matrix(range(600), range(600), range(600))
    assert len(repr(many)) < 120
    assert repr(many).startswith("Annotations(600 items, 600 annotators, 600 answers, classes=[")
    assert many[3].matrix.shape == (1, 600)
    assert pickle.loads(pickle.dumps(many)).items.tolist() == many.items.tolist()
    with pytest.raises(TypeError, match="not iterable"):
        list(many)


REFUSED = {
    "a long frame": (
        pd.DataFrame({"item": [0, 0, 1, 1, 2], "annotator": [0, 1] * 2 + [0], "answer": 1}),
        r"annotation_matrix\(frame\['item'\]",
    ),
    "rows of shares": (np.array([[0.3, 0.7], [0.5, 0.5], [0, 1]]), "0.3 stands in row 0, column 0"),
    "ratings that are no classes": (
        annotation_matrix([0, 1, 2], [0, 0, 0], [1, 2, 1.5]),
        "1.5 stands in row 2, column 0",
    ),
    "no answer": (np.full((3, 2), np.nan), "holds no answer"),
    "-1 for unknown": (np.array([[0, 1], [2, -1], [1, 1]]), "first in row 1, column 1"),
    "'-1' beside words": (np.array([["a", "b"], ["a", -1], ["b", "b"]]), "'-1' .* row 1, column 1"),
    "-1 beside 0 and 1": (np.array([[0, 1], [0, -1], [1, 1]]), "write NaN"),
    "sparse answers": (sp.csr_array(np.eye(3)), "dense matrix"),
    "three dimensions": (np.zeros((3, 2, 2)), "one or two dimensions"),
    "None": (None, "requires y"),
    "masked": (np.ma.masked_equal([[0, 1], [1, 0], [1, 1]], 0), "masked"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_and_nothing_is_overwritten(name):
    y, message = REFUSED[name]
    X, Y, _, _ = simulate(n=60, kinds=(3, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0).fit(X, Y)
    before = clf.predict_annotator_proba(X)
    rows = 5 if name == "a long frame" else 3
    with pytest.raises(ValueError, match=message):
        clf.fit(X[:rows], y)
    assert_array_equal(clf.predict_annotator_proba(X), before)


@pytest.mark.parametrize("n_camps", [0, -1, 1.5, "two", None])
def test_illegal_numbers_of_camps_are_refused(n_camps):
    X, Y, _, _ = simulate(n=30, kinds=(3, 0, 0), per_item=3)
    with pytest.raises(ValueError, match="n_camps must be"):
        AnnotatorMLPClassifier(n_camps=n_camps).fit(X, Y)


def test_lengths_must_agree():
    X, Y, _, _ = simulate(n=30, kinds=(3, 0, 0), per_item=3)
    clf = AnnotatorMLPClassifier(**FIXED)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X[:29], Y)
    assert not hasattr(clf, "net_")


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
    clf = AnnotatorMLPClassifier(**FIXED, random_state=0)
    grid = {"annotatormlpclassifier__hidden_layer_sizes": [(4,), (8,)]}
    pipeline = make_pipeline(StandardScaler(), clf)
    for scoring in (None, scorers.neg_annotator_error_rate):
        search = GridSearchCV(pipeline, grid, scoring=scoring, cv=KFold(3)).fit(X, Y)
        assert np.isfinite(search.best_score_)
    assert len(cross_val_score(clf, X, Y, cv=KFold(3))) == 3


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


# --- votes without X -----------------------------------------------------------------------------


def confused(n=1500, seed=0):
    """Votes of four kinds of annotators, and how they confuse."""
    rng = np.random.default_rng(seed)
    kinds = np.array(
        [
            [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]],
            [[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7]],
            [[0.6, 0.4, 0.0], [0.0, 0.6, 0.4], [0.4, 0.0, 0.6]],
            [[1 / 3] * 3] * 3,
        ]
    )
    confusion = kinds[np.arange(32) % 4]
    truth = rng.integers(3, size=n)
    drawn = confusion.cumsum(axis=2)[:, truth] < rng.random((32, n, 1))
    votes = drawn.sum(axis=2).T.astype(float)
    votes[rng.random(votes.shape) > 30 / 32] = np.nan
    return votes, truth, confusion


def test_dawid_skene_finds_labels_and_confusion():
    votes, truth, confusion = confused()
    found = DawidSkene().fit(votes)
    assert (found.proba_.argmax(axis=1) == truth).mean() > 0.99
    assert np.abs(found.confusion_ - confusion).mean() < 0.03
    assert_allclose(found.confusion_.sum(axis=2), 1)
    assert_allclose(found.prior_, 1 / 3, atol=0.05)
    assert_allclose(found.weights_, np.einsum("ajj->a", confusion) / 3, atol=0.05)


def test_votes_without_x_keep_names_gaps_and_order():
    votes, truth, _ = confused(n=60)
    votes[7], votes[:, 5] = np.nan, np.nan
    names = [f"n{j:02d}" for j in range(32)]
    places = np.nan_to_num(votes, nan=3).astype(int)
    frame = pd.DataFrame(np.array(["a", "b", "c", None], dtype=object)[places], columns=names)
    found = DawidSkene().fit(frame)
    assert_array_equal(found.classes_, ["a", "b", "c"])
    assert list(found.annotators_) == names
    assert_allclose(found.proba_.sum(axis=1), 1)
    assert_allclose(found.proba_[7], found.prior_)
    assert (found.proba_.argmax(axis=1) == truth).mean() > 0.95
    assert found.weights_[5] == 0
    assert np.isnan(found.confusion_[5]).all()
    shares, _ = vote_shares(frame.drop(index=7), annotator_weight=found.weights_)
    assert_allclose(shares.sum(axis=1), 1)


ANAESTHETISTS = """
111 1111 333 4334 112 2122 222 3121 222 3222 222 3322 122 2111 333 3433 222 2223 232 2223 444 4444
222 3343 111 1111 222 3212 121 1111 111 2111 111 1111 111 1111 222 2221 222 1322 222 2222 222 2221
222 3222 221 2222 111 1111 111 1111 232 2222 111 1111 111 1111 112 1121 111 1111 333 3233 111 1111
222 2222 222 3232 433 4343 221 2232 232 3233 333 3432 111 1111 111 1111 121 2111 232 2222 121 1111
222 2222
"""
"""Fitness of 45 patients, judged three times by a first and once by four others (Dawid and Skene
1979, table 1)."""


def test_dawid_skene_meets_its_published_example():
    digits = np.array([list(word) for word in "".join(ANAESTHETISTS.split())]).astype(int)
    judged = digits.reshape(45, 7) - 1
    observer = np.tile([0, 0, 0, 1, 2, 3, 4], 45)
    patient = np.repeat(np.arange(45), 7)
    answers = Annotations(
        patient, observer, judged.ravel(), np.arange(45), np.arange(5), np.arange(4)
    )
    found = DawidSkene().fit(answers)
    assert_allclose(found.prior_, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    first = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0]]
    assert_allclose(found.confusion_[0, :3], first, atol=0.005)
