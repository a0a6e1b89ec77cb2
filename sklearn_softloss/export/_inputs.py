"""The inputs of an ONNX model: one matrix, or one a column, and the rows as they take them."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer

from .._checks import is_missing
from .._columns.encode import Encode
from .._columns.table import Columns, Table
from .._estimators.estimator import NetEstimator
from .._targets.encoding import Array
from ._slim import parts_of

MISSING_TEXT = "nan"
"""What is given for a missing text, as a tensor of strings cannot hold none."""

MATRIX = "X"
"""The name of an input that takes all columns."""

NUMPY_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64,
               "tensor(int64)": np.int64, "tensor(bool)": np.bool_}  # fmt: skip


def as_matrix(X: Any) -> Array:
    """Rows as an array; numbers that came as objects, missing ones too, as float64."""
    values = X.toarray() if sp.issparse(X) else np.asarray(X)
    if values.dtype.kind == "O" and not any(isinstance(v, str) for v in values.flat):
        known = [isinstance(v, (Number, np.bool_)) for v in values.flat]
        return np.where(np.reshape(known, values.shape), values, np.nan).astype(np.float64)
    return values


def takes_texts(estimator: Any) -> bool:
    """Whether a net in it reads columns of texts itself."""
    return any(net._columns.levels for net in parts_of(estimator, NetEstimator, set()))


def given_inputs(estimator: Any, X: Any) -> dict[str, Array]:
    """Rows by the inputs of the estimator's model: one matrix, or if a net reads texts, or a
    `ColumnTransformer` picks from a DataFrame, a column (n_rows, 1) each, texts as objects."""
    picked = hasattr(X, "columns") and any(parts_of(estimator, ColumnTransformer, set()))
    table = Table.of(X) if picked or takes_texts(estimator) else None
    if table is None:
        return {MATRIX: as_matrix(X[:1] if sp.issparse(X) else X)}
    return _columns(estimator, table)


def fed(session: Any, estimator: Any, X: Any) -> dict[str, Array]:
    """Rows as a session takes them."""
    inputs = session.get_inputs()
    columns: dict[str, Array] = {}
    if all(one.shape[1:] == [1] for one in inputs):
        table = Table.of(X)
        columns = {} if table is None else _columns(estimator, table)
    if not all(one.name in columns for one in inputs):
        columns = {one.name: as_matrix(X) for one in inputs}
    return {one.name: _of_type(columns[one.name], one) for one in inputs}


def names_of(names: list[Any] | None, n_features: int) -> list[str]:
    """Names of columns; those of an array are x0, x1, and so on."""
    return [f"x{at}" for at in range(n_features)] if names is None else [str(n) for n in names]


def tells_missing(net: Any, place: int) -> bool:
    """Whether a net predicts otherwise where this column is missing."""
    steps = net.net_.module_.children()
    return any(place in step.gap for step in steps if isinstance(step, Encode))


def _columns(estimator: Any, table: Table) -> dict[str, Array]:
    names = names_of(table.names, table.n_features)
    if "" in names:
        raise ValueError("Columns of X need names, which those of the inputs are; one is empty.")
    cells = {name: as_matrix(table.column(at).cells[:, None]) for at, name in enumerate(names)}
    for net in parts_of(estimator, NetEstimator, set()):
        columns: Columns = net._columns
        if not columns.levels:
            continue
        by_place = columns.names is None or table.names is None
        own = names if by_place else names_of(columns.names, columns.n_features)
        for at, name in enumerate(own):
            if name not in cells:  # another step makes it
                continue
            kind = cells[name].dtype.kind
            if kind in "OUT" or (at in columns.levels and np.isnan(cells[name]).all()):
                cells[name] = _texts(cells[name], columns.levels.get(at, ()), name)
            elif kind in "iub" and tells_missing(net, at):
                cells[name] = cells[name].astype(np.float64)
    if takes_texts(estimator):  # of columns that reach a net under another name, too
        for name, values in cells.items():
            cells[name] = _texts(values, (), name) if values.dtype.kind in "OUT" else values
    return cells


def _texts(cells: Array, levels: Any, name: str) -> Array:
    is_gap = [is_missing(cell) for cell in cells.flat]
    if any(is_gap) and MISSING_TEXT in levels:
        raise ValueError(
            f"Column {name!r} of X is missing in row {is_gap.index(True)}, which an ONNX model is "
            f"told by the text {MISSING_TEXT!r}; but that is one of the texts of the column. "
            "Rename it before fit."
        )
    return np.where(np.reshape(is_gap, cells.shape), MISSING_TEXT, cells.astype(object))


def _of_type(values: Array, wanted: Any) -> Array:
    if wanted.type not in NUMPY_TYPES:
        return np.reshape(np.array([str(cell) for cell in values.flat], object), values.shape)
    dtype: Any = NUMPY_TYPES[wanted.type]
    if dtype is np.int64 and values.dtype.kind == "f" and np.isnan(values).any():
        row = np.isnan(values).nonzero()[0][0]
        raise ValueError(
            f"Input {wanted.name!r} of the ONNX model takes whole numbers; row {row} of X is "
            "missing there. Give `to_onnx` rows with missing ones in this column."
        )
    return values.astype(dtype)
