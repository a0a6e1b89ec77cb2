"""X as a matrix of numbers: which columns are categories, and which texts stand for which codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._checks import as_floats, check_distinct, nearest_name
from .._warn import warn
from ..distributed import ALONE, Processes
from .cells import MISSING, NUMBER, TEXT, TIME, Cells, Column, objects

MANY_ROWS = 100
"""From here on, different texts in more than half of the rows are no categories."""

ENCODE_IT = (
    "List a column of texts in categorical_features, or pass a DataFrame whose columns of texts "
    'are categories by categorical_features="from_dtype"; turn times into numbers, such as days '
    "since a date, or drop the column."
)
TELL_TEXT = (
    'Texts are categories if categorical_features lists the column or is "from_dtype"; '
    "astype(float) reads texts as numbers."
)
READ_TEXT = "astype(float) reads texts as numbers; or fit anew with texts in the column."
WAS_EMPTY = "All its cells were missing then: drop the column, or fit on rows that have some."


@dataclass(frozen=True, eq=False)
class Columns:
    """What each column of X is, as the rows of the first fit said.

    Attributes
    ----------
    is_category : ndarray of shape (n_features,)
        Which columns hold categories. One without levels holds numbers, which are its codes.
    levels : dict of ndarray
        By the place of a column of texts: its different texts, sorted, each at its code; None for
        those that only rows of no weight hold.
    is_empty : ndarray of shape (n_features,)
        Which columns of cells of any type, or of categories, had nothing but missing cells.
    names : list of str or None
        Of the columns, for messages.
    """

    is_category: NDArray[np.bool_]
    levels: dict[int, NDArray[np.object_]]
    is_empty: NDArray[np.bool_]
    names: list[str] | None

    @property
    def n_features(self) -> int:
        return len(self.is_category)

    @property
    def holds_text(self) -> NDArray[np.bool_]:
        """Columns whose numbers stand for texts, shape (n_features,)."""
        return np.isin(range(self.n_features), list(self.levels))

    @classmethod
    def of(
        cls,
        X: Any,
        categorical_features: Any,
        processes: Processes = ALONE,
        table: Table | None = None,
    ) -> Self:
        """Read the columns of the first fit, or those of a `table` of it that is there already;
        a level in the rows of one of the processes is a level of all."""
        table = Table.of(X) if table is None else table
        names = None if table is None else table.names
        n_features = _width(X) if table is None else table.n_features
        by_dtype = isinstance(categorical_features, str) and categorical_features == "from_dtype"
        has_none = by_dtype or not n_features
        listed = _listed(None if has_none else categorical_features, n_features, names)
        if listed.any() and table is None and len(X.shape) > 2:
            raise ValueError(
                f"categorical_features need an X of two dimensions; got the shape {X.shape}."
            )
        if table is None:
            said = [Said(NUMBER, category=bool(one)) for one in listed]
        else:
            read_all = processes.size > 1
            said = [table.said_of(at, listed[at], by_dtype, read_all) for at in range(n_features)]
        labels = [_label(names, at) for at in range(n_features)]
        said = _agreed(said, labels, processes)
        n_rows = processes.total(0 if table is None else table.n_rows)
        if by_dtype and table is not None and processes.rank == 0:
            for at, one in enumerate(said):
                if one.levels and not table.declares(at):
                    _warn_of_no_categories(labels[at], one.levels, int(n_rows))
        return cls(
            is_category=np.array([one.category for one in said], dtype=bool),
            levels={at: objects(one.levels) for at, one in enumerate(said) if one.levels},
            is_empty=np.array([one.kind == MISSING for one in said], dtype=bool),
            names=names if names and all(isinstance(name, str) for name in names) else None,
        )

    def seen_in(self, X: Any, rows: Any, processes: Processes) -> Self:
        """The same, with None for texts in none of these rows of X, which holds codes."""
        levels = {at: found.copy() for at, found in self.levels.items()}
        for at, found in levels.items():
            there = X[rows, at]
            n_rows = np.bincount(there[there >= 0].astype(int), minlength=len(found))
            found[np.asarray(processes.total(n_rows)) == 0] = None
        return replace(self, levels=levels)

    def are_listed_by(self, categorical_features: Any) -> bool:
        """Whether a parameter names the categories that there are; "from_dtype" does."""
        return isinstance(categorical_features, str) or np.array_equal(
            _listed(categorical_features, self.n_features, self.names), self.is_category
        )

    def as_numbers(self, X: Any, table: Table | None = None) -> Any:
        """X as floats: codes for texts, -1 for those unseen, and NaN for missing cells. What holds
        numbers alone is returned as it is, for scikit-learn to check."""
        table = Table.of(X) if table is None else table
        if table is None:
            if self.levels and _width(X) == self.n_features:
                label = _label(self.names, next(iter(self.levels)))
                raise ValueError(
                    f"{label} must hold texts, as in the first fit; X is a {type(X).__name__} of "
                    "numbers. Pass a table with the columns of then."
                )
            return X
        fits = table.n_features == self.n_features
        if table.is_plain and not (self.levels and fits):
            return X
        if not fits:
            raise ValueError(
                f"X has {table.n_features} features, but the first fit saw {self.n_features}."
            )
        columns = [self._numbers(table, at) for at in range(self.n_features)]
        numbers = [column.dtype for at, column in enumerate(columns) if at not in self.levels]
        short = bool(numbers) and all(dtype in (np.float32, np.float16) for dtype in numbers)
        found = np.empty((table.n_rows, self.n_features), np.float32 if short else np.float64)
        for at, column in enumerate(columns):
            found[:, at] = column
        return found

    def _numbers(self, table: Table, at: int) -> Cells:
        column = table.column(at, self.names)
        if at not in self.levels and column.cells.dtype.kind in "biuf":
            return column.cells
        was_empty = self.is_empty[at] and self.is_category[at]
        if at in self.levels or (TEXT in column.first and was_empty):
            return column.codes(self.levels.get(at, ()))
        if table.is_frame or self.is_category[at] or TIME in column.first:
            if TEXT in column.first and TIME not in column.first:
                raise ValueError(
                    f"{column.label} must hold numbers, as in the first fit; {column.shown(TEXT)}. "
                    f"{WAS_EMPTY if self.is_empty[at] else READ_TEXT}"
                )
            column.refuse_other_kinds()
        return as_floats(column.cells, column.label, ENCODE_IT)


@dataclass(frozen=True)
class Said:
    """What the rows of one process say of a column."""

    kind: str  # of its cells; MISSING if all are
    category: bool
    levels: tuple[str, ...] = ()

    @property
    def sort(self) -> str:
        return "categories that are numbers" if self.kind == NUMBER and self.category else self.kind


class Table:
    """The columns of a DataFrame or of a two-dimensional array, each as an array of its own."""

    def __init__(self, X: Any, names: list[Any] | None) -> None:
        self._X, self.names = X, names
        self._read: dict[int, Column] = {}
        self.n_rows = len(X)
        self.n_features = X.shape[1] if names is None else len(names)

    @classmethod
    def of(cls, X: Any) -> Table | None:
        """The table, or None for a matrix of another library and all that has no columns."""
        if hasattr(X, "to_native"):  # narwhals
            X = X.to_native()
        if hasattr(X, "shape") and hasattr(X, "columns"):
            names = list(X.column_names if hasattr(X, "column_names") else X.columns)
            check_distinct(names, "X")
            return cls(X, names)
        if isinstance(X, (list, tuple)) or (hasattr(X, "__array__") and not hasattr(X, "shape")):
            try:
                cells = np.asarray(X)
                # Beside texts, numbers would have become texts.
                X = np.asarray(X, dtype=object) if cells.dtype.kind in "SU" else cells
            except (TypeError, ValueError, RuntimeError):  # ragged, or tensors that must stay
                return None
        if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind in "cV":
            return None
        return cls(np.asarray(X, dtype=object if X.dtype.kind in "SUT" else None), None)

    @property
    def is_frame(self) -> bool:
        return self.names is not None

    @cached_property
    def is_plain(self) -> bool:
        """Whether all columns are numbers by their dtype."""
        if not self.is_frame:
            return self._X.dtype.kind in "biuf"
        return all(self._is_plain(at) for at in range(self.n_features))

    def _is_plain(self, at: int) -> bool:
        """Whether scikit-learn makes the same numbers of a column, without a look at its cells."""
        if not self.is_frame:
            return self.is_plain
        dtype = self._dtypes[at]
        if hasattr(self._X, "iloc"):
            is_known = isinstance(dtype, np.dtype) or str(dtype).startswith("Sparse")
            return is_known and getattr(dtype, "kind", "O") in "biuf"
        return self.column(at).cells.dtype.kind in "biuf"

    @cached_property
    def _dtypes(self) -> list[Any]:
        if hasattr(self._X, "column_names"):
            return list(self._X.schema.types)
        return list(self._X.dtypes)

    def declares(self, at: int) -> bool:
        """Whether the dtype of a column says that it holds categories."""
        words = "category", "categorical", "enum", "dictionary"
        return self.is_frame and str(self._dtypes[at]).lower().startswith(words)

    def column(self, at: int, names: list[str] | None = None) -> Column:
        """A column, which is read once; messages take a name from `names` where it has none."""
        if at not in self._read:
            self._read[at] = Column(self._cells(at), _label(self.names or names, at))
        return self._read[at]

    def _cells(self, at: int) -> Cells:
        if self.names is None:
            return np.asarray(self._X[:, at])
        if hasattr(self._X, "column_names"):
            column = self._X.column(at)
            if self.declares(at):  # as an array, its missing cells would be levels
                column = column.cast(column.type.value_type)
        elif hasattr(self._X, "iloc"):
            column = self._X.iloc[:, at]
        else:
            column = self._X[self.names[at]]
        dtype = self._dtypes[at]
        if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in "biuf":
            return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
        cells = np.asarray(column)
        return objects(column) if cells.ndim != 1 else cells

    def said_of(self, at: int, listed: bool, by_dtype: bool, read: bool) -> Said:
        """What a column holds; `read` looks for missing cells in plain ones, too."""
        declared = by_dtype and self.declares(at)
        if self._is_plain(at) and not (listed or read):
            return Said(NUMBER, declared)
        column = self.column(at)
        kind = NUMBER if column.first else MISSING
        if not self.is_frame and not listed:  # `as_numbers` reads it as scikit-learn does
            return Said(kind, category=False)
        column.refuse_other_kinds()
        if TEXT not in column.first:
            return Said(kind, category=listed or declared)
        if not (listed or by_dtype):
            raise ValueError(f"{column.label} must hold numbers; {column.shown(TEXT)}. {TELL_TEXT}")
        if NUMBER in column.first:
            raise ValueError(
                f"{column.label} must hold texts or numbers, not both; {column.shown(TEXT)}, "
                f"{column.shown(NUMBER)}. Make all cells texts, by astype(str), or clean them."
            )
        return Said(TEXT, True, column.texts())


def check_columns(X: Any, cure: str) -> None:
    """Refuse a table whose columns share a name, or hold texts or times; `cure` ends errors."""
    table = Table.of(X)
    if table is None or table.is_plain:
        return
    for column in map(table.column, range(table.n_features)):
        if column.cells.dtype.kind not in "biufc":
            as_floats(column.cells, column.label, cure)


# --- what is refused or warned of ----------------------------------------------------------------


def _label(names: list[Any] | None, at: int) -> str:
    return f"Column {names[at] if names else at!r} of X"


def _width(X: Any) -> int:
    shape: Any = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) > 1 else 0


def _listed(given: Any, n_features: int, names: list[Any] | None) -> NDArray[np.bool_]:
    """A mask of the columns that a user names, as HistGradientBoostingClassifier takes it."""
    try:
        listed = np.asarray([] if given is None else given)
    except ValueError:  # ragged
        listed = np.empty((0, 0))
    is_text = listed.size > 0 and all(isinstance(one, str) for one in listed.ravel().tolist())
    if listed.ndim != 1 or not (is_text or listed.dtype.kind in "biu" or not listed.size):
        raise ValueError(
            'categorical_features must be None, "from_dtype", or an array-like of bool, int or '
            f"str; got {given!r}."
        )
    if is_text:
        if names is None:
            raise ValueError(
                f"categorical_features names {str(listed[0])!r}, but X has no names of columns. "
                "Pass a DataFrame, or list the columns by their numbers or by a mask."
            )
        for name in listed.tolist():
            if name not in names:
                raise ValueError(
                    f"categorical_features must name columns of X; got {name!r}."
                    f"{nearest_name(name, names)}"
                )
        listed = np.array([names.index(name) for name in listed.tolist()])
    elif listed.dtype.kind == "b":
        if len(listed) != n_features:
            raise ValueError(
                "categorical_features as a mask must have one entry for each of the "
                f"{n_features} columns of X; got {len(listed)}."
            )
        listed = np.flatnonzero(listed)
    outside = listed[(listed < 0) | (listed >= n_features)]
    if len(outside):
        raise ValueError(
            f"categorical_features must hold numbers of columns, in [0, {n_features - 1}]; "
            f"got {outside[0]}."
        )
    found = np.zeros(n_features, dtype=bool)
    found[listed.astype(int)] = True
    return found


def _agreed(said: list[Said], labels: list[str], processes: Processes) -> list[Said]:
    """What the rows of all processes say of the columns."""
    told = processes.gather(said)
    for rank, other in enumerate(told):
        if len(other) != len(told[0]):
            raise ValueError(
                f"X must have the same columns in all processes: it has {len(told[0])} in process "
                f"0 and {len(other)} in process {rank}."
            )
    agreed = []
    for label, several in zip(labels, zip(*told, strict=True), strict=True):
        filled = [(rank, one) for rank, one in enumerate(several) if one.kind != MISSING]
        for rank, one in filled:
            if one.sort != filled[0][1].sort:
                raise ValueError(
                    f"{label} must be of one kind in all processes: it holds "
                    f"{filled[0][1].sort} in process {filled[0][0]} and {one.sort} in process "
                    f"{rank}."
                )
        levels = sorted(set().union(*(one.levels for one in several)))
        category = any(one.category for one in several)
        kind = filled[0][1].kind if filled else MISSING
        agreed.append(Said(kind, category, tuple(levels)))
    return agreed


def _warn_of_no_categories(label: str, levels: tuple[str, ...], n_rows: int) -> None:
    """Warn of texts, taken as categories, that look like numbers or like free text."""
    if all(map(_is_written_number, levels)):
        warn(
            f"{label} holds numbers as texts, such as {levels[0]!r}, and is taken as a category: "
            "astype(float) makes numbers of them. To keep categories and silence this, list the "
            "column in categorical_features."
        )
    elif n_rows >= MANY_ROWS and 2 * len(levels) > n_rows:
        warn(
            f"{label} looks like free text or an identifier: it holds {len(levels)} different "
            f"texts in {n_rows} rows, and is taken as a category. Drop it, or turn it into columns "
            "by TfidfVectorizer."
        )


def _is_written_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
