"""Which columns of X are categories, and X as floats."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from column_tables import (
    CODES,
    FRUIT,
    NAN,
    TABLE,
    arrow_backed,
    arrow_column,
    pandas_column,
    polars_column,
    polars_enum,
    read,
    texts_of,
)
from sklearn_softloss._columns.table import Columns
from sklearn_softloss.distributed import Processes

# --- texts and categories of frames --------------------------------------------------------------

FRAMES_OF_TEXT = {
    "pandas default": lambda: pandas_column(FRUIT),
    "pandas object": lambda: pandas_column(FRUIT, object),
    "pandas object with NA": lambda: pandas_column(["pear", pd.NA, "apple", "pear"], object),
    "pandas object with NaN": lambda: pandas_column(["pear", NAN, "apple", "pear"], object),
    "pandas object with NaT": lambda: pandas_column(["pear", pd.NaT, "apple", "pear"], object),
    "pandas string": lambda: pandas_column(FRUIT, "string"),
    "pandas category": lambda: pandas_column(FRUIT, "category"),
    "pandas ordered category": lambda: pandas_column(
        FRUIT, pd.CategoricalDtype(["pear", "quince", "apple"], ordered=True)
    ),
    "pandas with arrow text": lambda: arrow_backed(FRUIT, "text"),
    "pandas with arrow dictionary": lambda: arrow_backed(FRUIT, "category"),
    "polars String": lambda: polars_column(FRUIT),
    "polars Categorical": lambda: polars_column(FRUIT, "Categorical"),
    "polars Enum": lambda: polars_enum(FRUIT, ["pear", "quince", "apple"]),
    "narwhals": lambda: pytest.importorskip("narwhals").from_native(polars_column(FRUIT)),
    "pyarrow string": lambda: arrow_column(FRUIT),
    "pyarrow dictionary": lambda: arrow_column(FRUIT, encode=True),
}


@pytest.mark.parametrize("kind", FRAMES_OF_TEXT)
def test_texts_of_a_frame_are_categories_and_their_levels_are_those_seen(kind):
    columns, found = read(FRAMES_OF_TEXT[kind]())
    assert columns.is_category.tolist() == [True]
    assert texts_of(columns) == {0: ["apple", "pear"]}
    assert found.dtype == np.float64
    assert_array_equal(found[:, 0], CODES)


@pytest.mark.parametrize("first", FRAMES_OF_TEXT)
def test_any_container_of_texts_serves_what_another_one_taught(first):
    columns = Columns.of(FRAMES_OF_TEXT[first](), "from_dtype")
    for frame in (pandas_column(FRUIT), pandas_column(FRUIT, "category"), [[one] for one in FRUIT]):
        assert_array_equal(columns.as_numbers(frame)[:, 0], CODES)


@pytest.mark.parametrize(
    "new", [["plum", "apple", ""], np.array(["plum", "apple", ""])], ids=["list", "array"]
)
def test_unseen_texts_have_the_code_minus_one(new):
    columns = Columns.of(pandas_column(FRUIT), "from_dtype")
    assert_array_equal(columns.as_numbers(pandas_column(new))[:, 0], [-1, 0, -1])
    assert_array_equal(columns.as_numbers(np.reshape(new, (-1, 1)))[:, 0], [-1, 0, -1])


def test_the_empty_text_is_a_level_and_subclasses_of_str_are_texts():
    cells = ["", np.str_("b"), "", None]
    columns, found = read(pandas_column(cells, object))
    assert texts_of(columns) == {0: ["", "b"]}
    assert {type(level) for level in columns.levels[0]} == {str}
    assert_array_equal(found[:, 0], [0, 1, 0, NAN])


def test_numbers_keep_their_place_beside_texts():
    frame = pd.DataFrame({"x": [0.5, NAN], "city": ["b", "a"], "n": [3, 4], "on": [True, False]})
    columns, found = read(frame)
    assert columns.is_category.tolist() == [False, True, False, False]
    assert columns.names == ["x", "city", "n", "on"]
    assert_array_equal(found, [[0.5, 1, 3, 1], [NAN, 0, 4, 0]])


@pytest.mark.parametrize(("other", "dtype"), [("float32", np.float32), ("float64", np.float64)])
def test_floats_are_short_if_all_numbers_are(other, dtype):
    frame = pd.DataFrame({"x": [0.5, 1], "y": [0.5, 1], "city": ["b", "a"]})
    assert read(frame.astype({"x": "float32", "y": other}))[1].dtype == dtype


def test_categories_that_are_numbers_have_no_levels():
    frame = pd.DataFrame({"a": pd.Categorical([30, 10, None]), "b": pd.Categorical([1.5, 2, 1.5])})
    frame["c"] = pd.Categorical([True, None, False])
    columns, found = read(frame)
    assert columns.is_category.all()
    assert not columns.levels
    assert_array_equal(found, [[30, 1.5, 1], [10, 2, NAN], [NAN, 1.5, 0]])
    assert not Columns.of(frame, None).is_category.any()
    assert_array_equal(Columns.of(frame, None).as_numbers(frame), found)


# --- numbers, in whatever clothes ----------------------------------------------------------------

NUMBERS = {
    "Int64": lambda: (pandas_column([1, None], "Int64"), [1, NAN]),
    "Float64": lambda: (pandas_column([1.5, None], "Float64"), [1.5, NAN]),
    "boolean": lambda: (pandas_column([True, None], "boolean"), [1, NAN]),
    "object bool": lambda: (pandas_column([True, None], object), [1, NAN]),
    "object NA": lambda: (pandas_column([2, pd.NA], object), [2, NAN]),
    "Decimal": lambda: (pandas_column([Decimal("1.5"), Decimal("NaN")], object), [1.5, NAN]),
    "arrow int": lambda: (arrow_backed([1, None], "int"), [1, NAN]),
    "arrow bool": lambda: (arrow_backed([True, None], "bool"), [1, NAN]),
    "polars Boolean": lambda: (polars_column([True, None]), [1, NAN]),
    "polars Decimal": lambda: (polars_column([Decimal("1.5"), None]), [1.5, NAN]),
    "pyarrow bool": lambda: (arrow_column([True, None]), [1, NAN]),
    "object array": lambda: (np.array([[1.5], [None]], dtype=object), [1.5, NAN]),
    "object array with NA": lambda: (np.array([[1.5], [pd.NA]], dtype=object), [1.5, NAN]),
    "written in an array": lambda: (np.array([["1.5"], ["2"]]), [1.5, 2]),
    "written in StringDType": lambda: (np.array([["1.5"]], np.dtypes.StringDType()), [1.5]),
    "list of objects": lambda: ([[1.5], [None]], [1.5, NAN]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_in_other_clothes_are_numbers(kind):
    X, expected = NUMBERS[kind]()
    columns, found = read(X)
    assert not columns.is_category.any()
    assert found.dtype == np.float64
    assert_array_equal(found[:, 0], expected)


NOTHING_TO_SAY = {
    "floats": lambda: np.ones((3, 2)),
    "ints": lambda: np.ones((3, 2), dtype=int),
    "list": lambda: [[1, 2.0], [3, 4]],
    "ragged": lambda: [[1, 2.0], [3]],
    "one dimension": lambda: np.array(["a", "b"]),
    "three dimensions": lambda: np.ones((3, 2, 2)).astype(object),
    "sparse": lambda: sp.csr_array(np.eye(3)),
    "tensor": lambda: torch.ones(3, 2),
    "complex": lambda: np.ones((3, 2), dtype=complex),
    "frame": lambda: pd.DataFrame(np.ones((3, 2))),
    "sparse frame": lambda: pd.DataFrame.sparse.from_spmatrix(sp.eye(3, format="csr")),
    "polars": lambda: polars_column([1, None]),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("kind", NOTHING_TO_SAY)
def test_what_holds_numbers_alone_is_returned_as_it_is(kind):
    X = NOTHING_TO_SAY[kind]()
    columns, found = read(X)
    assert found is X
    assert not columns.is_category.any()


def test_a_sparse_column_beside_texts_becomes_dense():
    frame = pd.DataFrame({"s": pd.arrays.SparseArray([0.0, 2.0]), "t": ["b", "a"]})
    assert_array_equal(read(frame)[1], [[0, 1], [2, 0]])


# --- columns that are missing throughout ---------------------------------------------------------

EMPTY = {
    "None": lambda: pandas_column([None, None], object),
    "NaN": lambda: pandas_column([NAN, NAN]),
    "string": lambda: pandas_column([None, None], "string"),
    "NaT": lambda: pandas_column([pd.NaT, pd.NaT], "datetime64[ns]"),
    "zoned NaT": lambda: pandas_column([pd.NaT, pd.NaT], "datetime64[ns, UTC]"),
    "polars": lambda: polars_column([None, None], "String"),
    "array": lambda: np.array([[None], [None]]),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_column_is_a_number_column_and_serves_every_column(kind):
    X = EMPTY[kind]()
    columns = Columns.of(X, "from_dtype")
    assert not columns.is_category.any()
    assert_array_equal(np.asarray(columns.as_numbers(X), dtype=float), [[NAN], [NAN]])
    for seen in (pandas_column(FRUIT), pandas_column([1, 2]), pandas_column([1, 2], "category")):
        found = Columns.of(seen, "from_dtype").as_numbers(X)
        assert_array_equal(np.asarray(found, dtype=float), [[NAN], [NAN]])


@pytest.mark.parametrize("given", ["from_dtype", [0]], ids=str)
def test_an_empty_category_has_seen_neither_texts_nor_numbers(given):
    columns = Columns.of(pandas_column([None, None], "category"), given)
    assert columns.is_category.all()
    assert not columns.levels
    assert_array_equal(columns.as_numbers(pandas_column(["a", None], object))[:, 0], [-1, NAN])
    assert_array_equal(np.ravel(columns.as_numbers(pandas_column([3, 4]))), [3, 4])


def test_texts_after_an_empty_column_are_refused():
    columns = Columns.of(pandas_column([None, None], object), "from_dtype")
    with pytest.raises(ValueError, match=r"'a' of X must hold numbers.*missing then"):
        columns.as_numbers(pandas_column(["x", "y"]))


# --- categorical_features ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        ["city", "code"],
        np.array(["city", "code"]),
        pd.Index(["city", "code"]),
        (1, 2),
        np.array([2, 1, 1]),
        [False, True, True],
    ],
    ids=repr,
)
def test_columns_are_listed_by_name_number_or_mask(given):
    columns, found = read(TABLE, given)
    assert columns.is_category.tolist() == [False, True, True]
    assert texts_of(columns) == {1: ["a", "b"]}
    assert_array_equal(found, [[0.5, 1, 7], [1.5, 0, 9]])


@pytest.mark.parametrize("given", [None, [], np.array([], dtype=int), [False] * 3], ids=repr)
def test_nothing_listed_means_no_categories(given):
    numbers = TABLE[["x", "code", "x"]].set_axis(list("abc"), axis=1)
    columns, found = read(numbers, given)
    assert not columns.is_category.any()
    assert found is numbers


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("city", "must be None, .*got 'city'"),
        ("from_dtypes", "must be None, .*got 'from_dtypes'"),
        ([["city"]], "must be None"),
        ([["x"], ["city", "code"]], "must be None"),
        ([1.0], "must be None"),
        ([None], "must be None"),
        (np.array(["city", 1], dtype=object), "must be None"),
        ({1}, "must be None"),
        (["citi"], "must name columns of X; got 'citi'. Did you mean 'city'"),
        ([-1], r"in \[0, 2\]; got -1"),
        ([0, 3], r"in \[0, 2\]; got 3"),
        ([True, False], "one entry for each of the 3 columns of X; got 2"),
    ],
    ids=repr,
)
def test_illegal_lists_are_refused(given, message):
    with pytest.raises(ValueError, match=f"categorical_features .*{message}"):
        Columns.of(TABLE, given)


def test_names_need_names_and_more_dimensions_have_no_columns():
    with pytest.raises(ValueError, match="names 'city', but X has no names"):
        Columns.of(np.ones((3, 2)), ["city"])
    with pytest.raises(ValueError, match=r"two dimensions; got the shape \(3, 2, 2\)"):
        Columns.of(np.ones((3, 2, 2)), [0])


@pytest.mark.parametrize(
    "X",
    [
        [["b", 0.5], ["a", 1.5]],
        np.array([["b", 0.5], ["a", 1.5]], dtype=object),
        np.array([["b", "0.5"], ["a", "1.5"]]),
        np.array([["b", "0.5"], ["a", "1.5"]], np.dtypes.StringDType()),
    ],
    ids=["list", "objects", "str", "StringDType"],
)
def test_arrays_hold_texts_where_they_are_listed(X):
    columns, found = read(X, [0])
    assert texts_of(columns) == {0: ["a", "b"]}
    assert_array_equal(found, [[1, 0.5], [0, 1.5]])


@pytest.mark.parametrize("make", [np.ones, lambda shape: sp.csr_array(np.ones(shape))])
def test_listed_numbers_are_their_own_codes(make):
    X = make((3, 2))
    columns, found = read(X, [1])
    assert columns.is_category.tolist() == [False, True]
    assert found is X


# --- processes -----------------------------------------------------------------------------------


class Beside(Processes):
    """The second process, which knows what the first one says of its rows."""

    rank, size = 1, 2

    def __init__(self, X, categorical_features):
        seen = []
        first = Processes()
        first.size = 2
        first.gather = lambda said: seen.append(said) or [said]
        Columns.of(X, categorical_features, first)
        self._said = seen[0]

    def gather(self, thing):
        return [self._said, thing]


def together(first, second, categorical_features="from_dtype"):
    return Columns.of(second, categorical_features, Beside(first, categorical_features))


@pytest.mark.parametrize("dtype", [object, "category"])
def test_levels_of_one_process_are_levels_of_all(dtype):
    columns = together(pandas_column(["b", "a"], dtype), pandas_column(["c", "b"], dtype))
    assert texts_of(columns) == {0: ["a", "b", "c"]}
    assert columns.is_category.all()


@pytest.mark.parametrize("kind", EMPTY)
def test_a_column_of_texts_may_be_empty_in_another_process(kind):
    for pair in ((EMPTY[kind](), pandas_column(FRUIT)), (pandas_column(FRUIT), EMPTY[kind]())):
        columns = together(*pair)
        assert texts_of(columns) == {0: ["apple", "pear"]}
        assert columns.is_category.all()
        assert not columns.is_empty.any()


def test_processes_that_read_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"'a' of X .*texts in process 0 and numbers in process 1"):
        together(pandas_column(FRUIT), pandas_column([1, 2]))
    with pytest.raises(ValueError, match="categories that are numbers in process 0 and numbers in"):
        together(pandas_column([1, 2], "category"), pandas_column([1, 2]))
    with pytest.raises(ValueError, match="has 3 in process 0 and 1 in process 1"):
        together(TABLE, pandas_column(FRUIT))


# --- for any texts -------------------------------------------------------------------------------

cells = st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=20)


@given(cells)
def test_levels_and_codes_give_the_texts_back(texts):
    X = np.array(texts, dtype=object).reshape(-1, 1)
    columns, codes = read(X, [0])
    levels = texts_of(columns).get(0, [])
    assert levels == sorted({text for text in texts if text is not None})
    assert [None if code != code else levels[int(code)] for code in np.ravel(codes)] == texts


@given(cells, st.randoms(use_true_random=False))
def test_rows_in_another_order_have_the_same_levels_and_their_own_codes(texts, random):
    X = pandas_column(texts, object)
    order = random.sample(range(len(texts)), len(texts))
    columns, codes = read(X, ["a"])
    again, moved = read(X.iloc[order], ["a"])
    assert texts_of(again) == texts_of(columns)
    assert_array_equal(moved, codes[order])
    assert_array_equal(columns.as_numbers(X.iloc[order]), moved)


def test_columns_are_plain_data():
    columns, codes = read(TABLE)
    skops = pytest.importorskip("skops.io")
    written = skops.dumps(columns)
    untrusted = skops.get_untrusted_types(data=written)
    assert untrusted == ["sklearn_softloss._columns.table.Columns"]
    for again in (pickle.loads(pickle.dumps(columns)), skops.loads(written, trusted=untrusted)):
        assert texts_of(again) == texts_of(columns)
        assert_array_equal(again.as_numbers(TABLE), codes)
