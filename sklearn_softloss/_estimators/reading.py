"""How an estimator on a net reads X: names, what its columns are, and their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_feature_names, check_array, validate_data

from .._checks import refuse_entries, refuse_masked, refuse_no_table
from .._columns.encode import Encode
from .._columns.table import Columns, Table, check_columns
from .._targets.encoding import Array
from .._training.batches import block_size, release_pages
from ..distributed import ALONE, Processes
from .course import Course
from .parameters import NetParameters

SMALL = 2**18
"""Entries of X up to which what scikit-learn does once a call shows in the time of a prediction."""

NOT_IN_A_MODULE = (
    "categorical_features is for the built-in net; a module gets numbers: encode texts and "
    "categories, by OneHotEncoder in a ColumnTransformer, turn times into numbers, such as days "
    "since a date, or drop the column."
)

NO_TABLE = Columns.of(np.empty((0, 0)), None)
"""Of an estimator that has not been fitted, or was by a version that read no columns."""


class ReadsColumns(NetParameters):
    """What `encoding` and `categorical_features` say, and X as a net takes it."""

    _columns: Columns = NO_TABLE
    """What the columns of X are. Files that were written before it existed hold none."""

    n_features_in_: int
    _built_in_net: Any

    def _check_X(self, X: Any, reset: bool, processes: Processes = ALONE) -> Any:
        if not reset and self._is_small_and_plain(X):
            return X
        X = X.to_native() if hasattr(X, "to_native") else X  # narwhals
        refuse_no_table(X)
        if isinstance(X, np.ma.MaskedArray):
            refuse_masked(X, "X")
        floats, own = (np.float64, np.float32), self.module is not None
        asked: dict[str, Any] = {"accept_sparse": "csr", "dtype": floats, "allow_nd": own}
        asked["ensure_all_finite"] = own
        if isinstance(X, np.memmap) and X.dtype in floats and X.ndim > 1 and len(X):
            validate_data(self, np.asarray(X[:1]), **asked, reset=reset)
            _check_in_blocks(X, allow_nan=not own)
            self._read_columns(X, reset, processes)
            return X
        if not reset and hasattr(X, "columns"):  # names first: what columns hold would mislead
            _check_feature_names(self, X, reset=False)
        values = self._read_columns(X, reset, processes)
        if values is X:
            values = validate_data(self, X, **asked, reset=reset)
        else:
            validate_data(self, X, skip_check_array=True, reset=reset)
            values = check_array(values, **asked, input_name="X", estimator=self)
        if not own:
            _check_numbers(values)
        return values

    def _read_columns(self, X: Any, reset: bool, processes: Processes) -> Any:
        """X in numbers; what its columns are is kept with `reset`."""
        if self.module is not None:
            check_columns(X, NOT_IN_A_MODULE)
            if not (
                self.categorical_features is None or isinstance(self.categorical_features, str)
            ):
                raise ValueError(
                    "categorical_features are for the built-in net, and do not reach a module; got "
                    f"{self.categorical_features!r}. {NOT_IN_A_MODULE}"
                )
        table = Table.of(X)
        if reset or self._columns is NO_TABLE:
            categories = None if self.module is not None else self.categorical_features
            self._columns = Columns.of(X, categories, processes, table)
        return self._columns.as_numbers(X, table)

    def _check_encoding(self, X: Any, course: Course) -> None:
        """Refuse what is not done to sparse rows, or by a net that is there already."""
        listed = self.categorical_features is not None and self._columns.is_category.any()
        if self.module is None and sp.issparse(X) and (self.encoding == "piecewise" or listed):
            what = "categorical_features" if listed else "encoding='piecewise'"
            raise ValueError(
                f"{what} needs a dense X; got a sparse one. Pass X.toarray() if its columns are "
                "few; else encode categories before, and leave encoding='auto', which scales."
            )
        if not course.goes_on or self.module is not None:
            return
        if not self._columns.are_listed_by(self.categorical_features):
            raise ValueError(
                f"categorical_features={self.categorical_features!r}, but the net to go on with "
                f"has the categories {np.flatnonzero(self._columns.is_category).tolist()}, counted "
                "from 0: set it back, or fit anew."
            )
        before = getattr(self, "encoding_", self.encoding)
        if self.encoding not in ("auto", before):
            raise ValueError(
                f"encoding={self.encoding!r}, but the net to go on with has {before!r}: set it "
                "back, or fit anew."
            )

    def _is_small_and_plain(self, X: Any) -> bool:
        """Whether `validate_data` would return X as it is: its cost shows up to `SMALL` entries."""
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float32, np.float64)
            and X.ndim == 2
            and 0 < X.size <= SMALL
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X).all())
        )

    @property
    def encoded_names_(self) -> Array:
        """Names of what the rows of ``coefs_[0]`` belong to: columns, or what they become."""
        names = getattr(self, "feature_names_in_", None)
        columns = [f"x{i}" for i in range(self.n_features_in_)] if names is None else list(names)
        for step in self._built_in_net().inputs:
            if isinstance(step, Encode):
                columns = step.names(columns, self._columns.levels)
        return np.array(columns, dtype=object)


def _check_numbers(X: Any, start: int = 0) -> None:
    """Refuse infinity in rows from `start` on, and NaN of sparse ones."""
    if sp.issparse(X):
        assert_all_finite(X.data, input_name="X")
        return
    with np.errstate(over="ignore", invalid="ignore"):  # both infinities have no sum
        total = X.sum(dtype=np.float64)
    if not np.isfinite(total):
        cure = "Where nothing is known leave NaN; else clip it, or drop the row."
        refuse_entries(np.isinf(X), X, "X must not hold infinity", cure, start)


def _check_in_blocks(X: Any, allow_nan: bool) -> None:
    """The same of a memory-mapped file, of which never more than a block is held."""
    size = block_size(X)
    for start in range(0, len(X), size):
        block = np.asarray(X[start : start + size])
        if allow_nan:
            _check_numbers(block, start)
        else:
            assert_all_finite(block, input_name="X")
        release_pages(X)
