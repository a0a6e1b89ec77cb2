"""Tables of one column or of few, as each library has them, and what is read of them."""

import numpy as np
import pandas as pd
import pytest

from sklearn_softloss._columns.table import Columns

NAN = np.nan
FRUIT = ["pear", None, "apple", "pear"]
CODES = [1.0, NAN, 0.0, 1.0]


def read(X, categorical_features="from_dtype"):
    columns = Columns.of(X, categorical_features)
    return columns, columns.as_numbers(X)


def texts_of(columns):
    return {at: levels.tolist() for at, levels in columns.levels.items()}


def polars_column(values, dtype=None):
    pl = pytest.importorskip("polars")
    return pl.DataFrame({"a": pl.Series(values, dtype=getattr(pl, dtype) if dtype else None)})


def arrow_column(values, encode=False):
    pa = pytest.importorskip("pyarrow")
    column = pa.chunked_array([pa.array(values)])
    return pa.table({"a": column.dictionary_encode() if encode else column})


def pandas_column(values, dtype=None):
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


def arrow_backed(values, kind):
    pa = pytest.importorskip("pyarrow")
    types = {
        "text": pa.string(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "int": pa.int64(),
        "bool": pa.bool_(),
    }
    return pandas_column(values, pd.ArrowDtype(types[kind]))


def polars_enum(values, levels):
    pl = pytest.importorskip("polars")
    return pl.DataFrame({"a": pl.Series(values, dtype=pl.Enum(levels))})


TABLE = pd.DataFrame({"x": [0.5, 1.5], "city": ["b", "a"], "code": [7, 9]})
