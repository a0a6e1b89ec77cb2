"""Columns that are refused by their name, tables unlike the first one, and warnings."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_array_equal

from column_tables import (
    FRUIT,
    NAN,
    TABLE,
    arrow_column,
    pandas_column,
    polars_column,
    read,
    texts_of,
)
from sklearn_softloss._columns.table import Columns

# --- what is refused by the name of its column ---------------------------------------------------


@pytest.mark.parametrize("given", [None, [0], [True, False, False]], ids=repr)
def test_texts_that_are_not_listed_are_refused(given):
    with pytest.raises(
        ValueError, match=r"Column 'city' of X must hold numbers; row 0 is 'b'.*list"
    ):
        Columns.of(TABLE, given)


@pytest.mark.parametrize("X", [[[1, "b"]], np.array([[1, "b"]], dtype=object)], ids=repr)
@pytest.mark.parametrize("given", ["from_dtype", None, [0]], ids=repr)
def test_texts_in_arrays_are_refused_unless_listed(X, given):
    with pytest.raises(ValueError, match=r"Column 1 of X .* row 0 is 'b'.*List .*DataFrame"):
        read(X, given)


TIMES = {
    "datetime": lambda: pandas_column([pd.NaT, pd.Timestamp("2020-01-01")]),
    "zoned": lambda: pandas_column([pd.NaT, pd.Timestamp("2020-01-01", tz="UTC")]),
    "duration": lambda: pandas_column([pd.NaT, pd.Timedelta("1h")]),
    "period": lambda: pandas_column([pd.NaT, pd.Period("2020-01", "M")]),
    "categories": lambda: pandas_column([pd.NaT, pd.Timestamp("2020-01-01")]).astype("category"),
    "date": lambda: pandas_column([None, datetime.date(2020, 1, 1)], object),
    "time": lambda: pandas_column([None, datetime.time(1)], object),
    "datetime64": lambda: pandas_column(
        [np.datetime64("NaT"), np.datetime64("2020-01-01")], object
    ),
    "polars Date": lambda: polars_column([None, datetime.date(2020, 1, 1)]),
    "polars Datetime": lambda: polars_column([None, datetime.datetime(2020, 1, 1)]),
    "polars Time": lambda: polars_column([None, datetime.time(1)]),
    "polars Duration": lambda: polars_column([None, datetime.timedelta(1)]),
    "pyarrow": lambda: arrow_column([None, datetime.datetime(2020, 1, 1)]),
}


@pytest.mark.parametrize("given", ["from_dtype", None, [0]], ids=repr)
@pytest.mark.parametrize("kind", TIMES)
def test_times_are_refused(kind, given):
    message = "Column 'a' of X must hold numbers; row 1 is .* days since a date, .*drop"
    with pytest.raises(TypeError, match=message):
        Columns.of(TIMES[kind](), given)
    for seen in (pandas_column(FRUIT), pandas_column([1, 2])):
        with pytest.raises(TypeError, match=message):
            Columns.of(seen, "from_dtype").as_numbers(TIMES[kind]())


@pytest.mark.parametrize("dtype", ["datetime64[ns]", object])
def test_arrays_of_times_are_refused(dtype):
    times = np.full((2, 2), "2020-01-01", "datetime64[s]").astype(dtype)
    with pytest.raises(TypeError, match=r"Column 0 of X must hold numbers; row 0 is .*2020"):
        read(times)


@pytest.mark.parametrize(
    "cell", [[1], {"a": 1}, (1, 2), b"1", 1j, pd.Interval(0, 1), Ellipsis], ids=repr
)
@pytest.mark.parametrize("beside", ["x", 1.0])
def test_other_cells_are_refused(cell, beside):
    frame = pd.DataFrame({"n": [1, 2, 3], "a": pd.Series([beside, None, cell], dtype=object)})
    message = "Column 'a' of X must hold numbers or texts; row 2 is .*astype"
    with pytest.raises(TypeError, match=message):
        Columns.of(frame, "from_dtype")
    seen = frame.assign(a=[beside, beside, None])
    with pytest.raises(TypeError, match=message):
        Columns.of(seen, "from_dtype").as_numbers(frame)


def test_columns_that_nest_are_refused():
    for cells in ([{"b": 1}], [[1, 2]], [b"1"]):
        with pytest.raises(TypeError, match="Column 'a' of X must hold numbers or texts; row 0"):
            Columns.of(polars_column(cells), "from_dtype")
    with pytest.raises(TypeError, match="Column 'a' of X must hold numbers or texts; row 0"):
        Columns.of(pandas_column([1j]), "from_dtype")


def test_a_dict_in_an_array_is_refused_in_the_words_of_float():
    X = np.array([[1.0, {"a": 1}]], dtype=object)
    with pytest.raises(TypeError, match=r"Column 1 of X .*argument must be .* string.* number"):
        read(X)


@pytest.mark.parametrize("given", ["from_dtype", [0]], ids=repr)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_texts_beside_numbers_are_refused(given, dtype):
    mixed = pandas_column([None, 2, "x", 3.5, "y"], dtype)
    message = r"Column 'a' of X must .*not both; row 2 is 'x', row 1 is 2\. .*astype\(str\)"
    with pytest.raises(ValueError, match=message):
        Columns.of(mixed, given)


def test_names_that_come_twice_are_refused():
    twice = pd.DataFrame(np.ones((2, 3)), columns=list("aba"))
    with pytest.raises(ValueError, match="distinct names; two are 'a'"):
        Columns.of(twice, "from_dtype")


# --- later tables that differ from the first -----------------------------------------------------


@pytest.mark.parametrize(
    "later",
    [
        lambda: pandas_column([None, 2.5], object),
        lambda: pandas_column([NAN, 2.5]),
        lambda: pandas_column([NAN, 2.5], "category"),
        lambda: pandas_column(["pear", 2.5], object),
        lambda: polars_column([None, 2.5]),
        lambda: np.array([[NAN], [2.5]]),
        lambda: [[None], [2.5]],
    ],
)
def test_numbers_where_texts_were_are_refused(later):
    columns = Columns.of(pandas_column(FRUIT), "from_dtype")
    with pytest.raises(
        ValueError, match=r"'a' of X must hold texts, as in the first .*row 1 is .*2"
    ):
        columns.as_numbers(later())


@pytest.mark.parametrize("make", [sp.csr_array, torch.tensor])
def test_matrices_of_numbers_where_texts_were_are_refused(make):
    columns = Columns.of(pandas_column(FRUIT), "from_dtype")
    with pytest.raises(ValueError, match="'a' of X must hold texts, as in the first fit; X is a"):
        columns.as_numbers(make(np.ones((2, 1))))


@pytest.mark.parametrize("given", ["from_dtype", [0], None], ids=repr)
@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_texts_where_numbers_were_are_refused(given, dtype):
    columns = Columns.of(pandas_column([1, 2]), given)
    later = pandas_column([None, "2"], dtype)
    with pytest.raises(ValueError, match=r"'a' of X must hold numbers, as in the first .*1 is '2'"):
        columns.as_numbers(later)
    if given == [0]:
        with pytest.raises(ValueError, match="must hold numbers, as in the first"):
            columns.as_numbers(np.array([["2"]]))


def test_codes_that_are_whole_numbers_may_come_as_floats():
    columns = Columns.of(pandas_column([1, 2], "category"), "from_dtype")
    for later in (pandas_column([2.0, NAN]), pandas_column([2, None], "category")):
        assert_array_equal(np.ravel(columns.as_numbers(later)), [2, NAN])


def test_another_number_of_columns_is_refused():
    columns = Columns.of(pandas_column(FRUIT), "from_dtype")
    with pytest.raises(ValueError, match="X has 2 features, but the first fit saw 1"):
        columns.as_numbers(pd.DataFrame({"a": FRUIT, "b": FRUIT}))
    numbers = np.ones((2, 3))
    assert columns.as_numbers(numbers) is numbers  # scikit-learn counts its columns


def test_messages_name_the_columns_of_the_first_fit_where_later_ones_have_no_names():
    columns = Columns.of(TABLE, "from_dtype")
    with pytest.raises(ValueError, match=r"Column 'x' of X must hold numbers; row 0 is 'high'"):
        columns.as_numbers([["high", "a", 7]])
    numbered = Columns.of(np.array([["a"]], dtype=object), [0])
    with pytest.raises(ValueError, match="Column 0 of X must hold texts"):
        numbered.as_numbers([[1.0]])


# --- warnings ------------------------------------------------------------------------------------


def test_numbers_written_as_texts_are_warned_of():
    frame = pandas_column(["1.5", None, "2e3"])
    with pytest.warns(UserWarning, match=r"'a' of X holds numbers as texts, such as '1.5'"):
        columns = Columns.of(frame, "from_dtype")
    assert texts_of(columns) == {0: ["1.5", "2e3"]}


@pytest.mark.parametrize("n_rows", [99, 100])
def test_free_text_is_warned_of(n_rows):
    frame = pandas_column([f"name {row}" for row in range(n_rows)])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Columns.of(frame, "from_dtype")
    found = [str(one.message) for one in told]
    assert len(found) == (n_rows >= 100)
    assert all("100 different texts in 100 rows" in one for one in found)


@pytest.mark.parametrize(
    "texts", [[str(row) for row in range(200)], [f"name {row}" for row in range(200)]]
)
def test_what_the_user_calls_a_category_is_none_of_a_warning(texts):
    frame = pandas_column(texts)
    Columns.of(frame, ["a"])
    Columns.of(frame.astype("category"), "from_dtype")
    Columns.of(pandas_column([f"level {row % 100}" for row in range(200)]), "from_dtype")
