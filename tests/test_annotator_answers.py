"""Answers in all the forms that readers of annotators take, and those that they refuse."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
    train_test_split,
)

from annotator_cases import FIXED, simulate
from sklearn_softloss._targets.annotations import read_annotations
from sklearn_softloss.annotators import AnnotatorMLPClassifier, DawidSkene
from sklearn_softloss.metrics import annotator_error_rate, scorers
from sklearn_softloss.targets import annotation_matrix, vote_shares


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
    clf = AnnotatorMLPClassifier((4,), alpha=1.0, dropout=0.0, max_iter=1, random_state=0)
    X_train, X_test, train, test = train_test_split(X, y, random_state=0)
    assert_array_equal(train.items, X_train.index)
    assert len(train) == 90
    assert_array_equal(train.annotators, y.annotators)
    assert 0 < clf.fit(X_train, train).score(X_test, test) <= 1
    table = np.asarray(y)
    assert table.shape == y.shape == (120, 4)
    assert_array_equal(read_annotations(table).classes, read_annotations(y).classes)


@pytest.mark.parametrize("scoring", [None, scorers.neg_annotator_error_rate], ids=["own", "rate"])
def test_folds_of_annotations_are_those_of_the_matrix(named_rows, scoring):
    X, Y = named_rows
    y = matrix_of(Y, X.index, X.index)
    clf = AnnotatorMLPClassifier((4,), alpha=1.0, dropout=0.0, max_iter=1, random_state=0)
    expected = cross_val_score(clf, X.to_numpy(), np.asarray(y), cv=KFold(2), scoring=scoring)
    for cv in (2, KFold(2)):  # a number of folds is one of KFold
        assert_array_equal(cross_val_score(clf, X, y, cv=cv, scoring=scoring), expected)
    search = GridSearchCV(clf, {"max_iter": [1, 2]}, cv=2, scoring=scoring).fit(X, y)
    assert np.isfinite(search.best_score_)


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
