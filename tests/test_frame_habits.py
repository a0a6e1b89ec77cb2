"""Frames as people have them: kinds of numbers, weights, tables that do not fit, and habits."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils import get_tags

from frames import (
    CASES,
    DRAW,
    ENTRIES,
    EVEN,
    FEW,
    FRAME,
    FULL,
    GAP,
    LABELS,
    SETS,
    N,
    entries,
    fitted,
    over_cases,
    polars_frame,
    said,
    soft,
)
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftTargetMLPClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# --- kinds of numbers, and weights ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_memory_mapped_table(dtype, tmp_path):
    X = FRAME[["size", "whole", "gap"]].to_numpy().astype(dtype)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    params = {"categorical_features": [1], "encoding": "piecewise"}
    clf, other = fitted("soft", mapped, **params), fitted("soft", X, **params)
    assert "x1=7" in clf.encoded_names_
    assert "x2 missing" in clf.encoded_names_
    assert clf.coefs_[0].dtype == dtype
    assert_array_equal(said(clf, mapped), said(other, X))
    X[7, 2] = -np.inf
    np.save(tmp_path / "bad.npy", X)
    bad = np.load(tmp_path / "bad.npy", mmap_mode="r")
    for call in (lambda: fitted("soft", bad), lambda: clf.predict(bad), lambda: clf.predict(X)):
        with pytest.raises(ValueError, match="infinity; row 7, column 2 is -inf"):
            call()


def test_more_rows_than_a_block():
    n = 2**18
    rows = np.arange(n)
    X = pd.DataFrame({"x": np.where(rows == n - 1, np.nan, rows % 11), "c": rows % 3})
    X["t"] = pd.Categorical(np.where(rows == n - 2, "late", np.where(rows % 2, "a", "b")))
    clf = SoftTargetMLPClassifier(**{**FEW, "max_iter": 1, "batch_size": 2**14}).fit(X, rows % 2)
    assert clf.encoded_names_.tolist() == ["x", "c", "x missing", "t=a", "t=b", "t=late"]
    some = np.r_[:3, n - 3 : n]
    assert_allclose(clf.predict_proba(X)[some], clf.predict_proba(X.iloc[some]), atol=1e-12)


MANY = 400
LEVELS = DRAW.zipf(1.3, MANY) % 120
WIDE = pd.DataFrame(
    {"x": np.where(DRAW.random(MANY) < 0.1, np.nan, DRAW.normal(size=MANY)),
     "zip": pd.Categorical([f"z{level}" for level in LEVELS])}
)  # fmt: skip
WEIGHT = DRAW.integers(0, 3, MANY)


@pytest.mark.parametrize("encoding", ["standard", "piecewise", None])
@pytest.mark.parametrize("kind", ["soft", "sets", "numbers"])
def test_weights_are_rows_and_their_order_is_nothing(kind, encoding):
    y = {"soft": LEVELS % 2, "sets": np.eye(2)[LEVELS % 2], "numbers": LEVELS + WIDE["x"].fillna(0)}
    y = np.asarray(y[kind])
    estimator = type(CASES[kind][0])(**{**FULL, "encoding": encoding})
    weighted = clone(estimator).fit(WIDE, y, sample_weight=WEIGHT)
    assert "zip rare" in weighted.encoded_names_
    order = np.repeat(np.arange(MANY), WEIGHT)
    moved = np.random.default_rng(1).permutation(MANY)
    declared = WIDE["zip"].cat.categories[::-1]
    other = WIDE.assign(zip=WIDE["zip"].cat.set_categories(declared)).iloc[moved]
    for found in (
        clone(estimator).fit(WIDE.iloc[order], y[order]),
        clone(estimator).fit(other, y[moved], sample_weight=WEIGHT[moved]),
    ):
        assert found.encoded_names_.tolist() == weighted.encoded_names_.tolist()
        rows = WIDE.iloc[order]
        assert_allclose(said(found, rows), said(weighted, rows), atol=1e-9)


def test_a_row_of_no_weight_teaches_no_level_and_no_gap():
    X = pd.DataFrame({"x": [*np.linspace(0, 1, N - 1), np.nan], "c": ["a", "b"] * (N // 2)})
    X.loc[N - 1, "c"] = "alone"
    unknown = np.where(np.arange(N)[:, None] == N - 1, np.nan, SETS)
    for clf in (
        SoftTargetMLPClassifier(**FULL).fit(X, LABELS, sample_weight=np.arange(N) < N - 1),
        MultiLabelSigmoidClassifier(**FULL).fit(X, unknown),
    ):
        assert clf.encoded_names_.tolist() == ["x", "c=a", "c=b"]
        assert_array_equal(said(clf, X[-1:].assign(x=0)), said(clf, X[-1:].assign(x=0, c="new")))


@pytest.mark.parametrize("encoding", ["standard", None])
def test_nor_does_it_where_the_rarest_levels_share_an_entry(encoding):
    X = pd.DataFrame({"x": np.arange(200) / 200, "c": [f"c{row % 99}" for row in range(200)]})
    X.loc[7, "c"] = "alone"
    weight = np.arange(200) != 7
    clf = SoftTargetMLPClassifier(**{**FULL, "encoding": encoding})
    clf.fit(X, np.arange(200) % 2, sample_weight=weight)
    assert clf.encoded_names_[-1] == "c rare"
    alone, new, rare = (said(clf, X[:1].assign(c=text)) for text in ("alone", "new", "c98"))
    assert_array_equal(alone, new)
    assert (alone != rare).any()
    without = clone(clf).fit(X[weight], (np.arange(200) % 2)[weight])
    assert_allclose(said(clf, X), said(without, X), atol=1e-9)


# --- what is refused ------------------------------------------------------------------------------


@over_cases
def test_tables_that_do_not_fit_are_refused(kind):
    clf, y = fitted(kind), CASES[kind][1]
    for bad, message in (
        (FRAME[FRAME.columns[::-1]], "names must be in the same order"),
        (FRAME.drop(columns="city"), "now missing:\n- city"),
        (FRAME.assign(more=1), "unseen at fit time:\n- more"),
        (FRAME.rename(columns={"city": "town"}), "unseen at fit time:\n- town"),
        (FRAME.assign(gap=np.where(np.arange(N) == 3, -np.inf, np.inf)), "row 0, column 5 is inf"),
        (FRAME[:0], "0 sample"),
        (FRAME.iloc[0], r"must be a table of rows and columns; got a Series.*iloc\[\[0\]\]"),
        (FRAME.iloc[0].to_dict(), "got a dict. pandas.DataFrame"),
        ([FRAME.iloc[0].to_dict()], "got a list. pandas.DataFrame makes one of a list of records"),
        (polars_frame().lazy(), r"LazyFrame. Call its collect\(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.predict(bad)
        if "names" not in message and "fit time" not in message and "missing" not in message:
            with pytest.raises(ValueError, match=message):
                clone(clf).fit(bad, y)
    for call in (clf.predict, lambda bad: clone(clf).fit(bad, y)):
        with pytest.raises(TypeError, match=r"Column 'size' of X must hold numbers; row 0.*2020"):
            call(FRAME.assign(size=pd.Timestamp("2020-01-01")))
    record = pd.DataFrame([FRAME.iloc[0].to_dict()])
    assert_array_equal(said(clf, record), said(clf, FRAME[:1]))


def test_arrays_after_frames():
    clf, nameless = fitted("soft"), "X does not have valid feature names"
    with pytest.warns(UserWarning, match=nameless):
        found = clf.predict_proba(FRAME.to_numpy(dtype=object))
    assert_array_equal(found, clf.predict_proba(FRAME))
    with pytest.raises(ValueError, match="'city' of X must hold texts, as in the first fit"):
        clf.predict(np.ones((3, len(FRAME.columns))))
    with pytest.raises(ValueError, match="'short' of X must hold numbers; row 0"):
        clf.predict(FRAME[FRAME.columns[::-1]].to_numpy(dtype=object))
    numbers = fitted("soft", FRAME[["size", "gap"]])
    with pytest.warns(UserWarning, match=nameless):
        found = numbers.predict_proba(FRAME[["size", "gap"]].to_numpy())
    assert_array_equal(found, numbers.predict_proba(FRAME[["size", "gap"]]))


def test_a_module_takes_numbers_and_says_so():
    clf = SoftTargetMLPClassifier(module=torch.nn.Linear, max_iter=2, random_state=0)
    assert not get_tags(clf).input_tags.allow_nan
    assert get_tags(soft).input_tags.allow_nan
    message = "'{}' of X must hold numbers; row 0 is .*categorical_features is for the built-in net"
    for name in ("city", "grade"):
        for listed in ("from_dtype", [name]):
            own = clone(clf).set_params(categorical_features=listed)
            with pytest.raises(ValueError, match=message.format(name)):
                own.fit(FRAME[["size", name]], LABELS)
    for name in ("gap", "count"):
        with pytest.raises(ValueError, match="SoftTargetMLPClassifier does not accept missing"):
            clf.fit(FRAME[["size", name]], LABELS)
    clf.fit(FRAME[["size", "whole", "flag"]], LABELS)
    with pytest.raises(ValueError, match="'whole' of X must hold numbers; row 0 is 'a'"):
        clf.predict(FRAME[["size", "whole", "flag"]].assign(whole="a"))


@pytest.mark.parametrize("encoding", ["piecewise", "standard", None])
def test_the_first_gap_may_come_in_a_prediction(encoding):
    X = FRAME[["size", "whole"]]
    found = fitted("soft", X, encoding=encoding).predict_proba(X[:1].assign(size=np.nan))
    assert np.isfinite(found).all()


def test_frames_of_narwhals_keep_their_names():
    narwhals = pytest.importorskip("narwhals")
    clf = fitted("soft", narwhals.from_native(FRAME))
    assert clf.feature_names_in_.tolist() == list(FRAME)
    assert_array_equal(clf.predict_proba(narwhals.from_native(FRAME)), clf.predict_proba(FRAME))


# --- habits ---------------------------------------------------------------------------------------

NUMBER = FRAME[["size"]]
TWO = FRAME[["size", "grade"]]
READ = {
    "dummies": (pd.get_dummies(TWO, columns=["grade"])[["size", "grade_low"]], "size grade_low"),
    "a parameter's name": (TWO.set_axis(["size", "alpha"], axis=1), "size alpha=high alpha=low"),
    "pairs as names": (
        TWO.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]), axis=1),
        "x0 x1=high x1=low",
    ),
    "numbers as names": (TWO.set_axis([7, 9], axis=1), "x0 x1=high x1=low"),
    "a sparse column": (TWO.assign(s=pd.arrays.SparseArray(EVEN)), "size s grade=high grade=low"),
    "a sparse frame": (pd.DataFrame.sparse.from_spmatrix(sp.eye_array(N, 2)), "x0 x1"),
    "the text nan": (NUMBER.assign(c=["nan", "NA"] * 30), "size c=NA c=nan"),
    "bins with names": (
        NUMBER.assign(c=pd.cut(NUMBER["size"], [-9, 0, 9], labels=["l", "h"])),
        "size c=h c=l",
    ),
}
REFUSED = {
    "bins without names": (NUMBER.assign(c=pd.cut(GAP, 3)), r"of type Interval.*astype\(str\)"),
    "names of two kinds": (TWO.set_axis(["a", 1], axis=1), "Feature names are only supported"),
    "numbers too large": (
        NUMBER.assign(c=pd.Series([10**400] * N, dtype=object)),
        "'c' of X .*row 0 is 1000",
    ),
    "infinity of a division": (NUMBER / 0, "infinity; row 0, column 0"),
}


@pytest.mark.parametrize("habit", READ)
def test_habits_that_are_read(habit):
    X, names = READ[habit]
    assert entries(X) == names.split()


@pytest.mark.parametrize("habit", REFUSED)
def test_habits_that_are_refused(habit):
    X, message = REFUSED[habit]
    with pytest.raises((ValueError, TypeError, OverflowError), match=message):
        entries(X)


def test_habits_of_boosting():
    mask = (FRAME.dtypes == "category") | (FRAME.columns == "city")
    for listed in (mask, mask.to_numpy(), pd.Index(["city", "grade"])):
        assert entries(FRAME, categorical_features=listed) == ENTRIES
    with pytest.raises(TypeError, match=r"'cat_features'. Did you mean 'categorical_features'"):
        SoftTargetMLPClassifier(cat_features=["city"])
    declared = NUMBER.assign(c=pd.Categorical(EVEN))
    clf = fitted("soft", declared)
    for other in (EVEN, EVEN + 0.0, pd.Categorical(EVEN, [2, 1, 0])):
        assert_array_equal(said(clf, NUMBER.assign(c=other)), said(clf, declared))
