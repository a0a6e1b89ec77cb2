"""Columns as one matrix of numbers, in the graph: what `_columns.table` does to a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from skl2onnx.common.data_types import StringTensorType

from .._columns.cells import UNSEEN
from .._columns.table import Columns
from ._inputs import MISSING_TEXT, names_of, tells_missing


def in_order(net: Any, variables: list[Any]) -> list[Any]:
    """Inputs in the order of the columns of `fit`, if they have the names of these."""
    columns: Columns = net._columns
    names = names_of(columns.names, columns.n_features)
    by_name = {variable.raw_name: variable for variable in variables}
    if len(by_name) == len(variables) and by_name.keys() == set(names):
        return [by_name[name] for name in names]
    return variables


def one_matrix(scope: Any, container: Any, net: Any, variables: list[Any]) -> str:
    """Name of a matrix of float64, with the code of each text, made of several inputs."""
    columns: Columns = net._columns
    names = names_of(columns.names, columns.n_features)
    place, parts = 0, []
    for variable in variables:
        is_text = isinstance(variable.type, StringTensorType)
        width = (variable.type.shape or [None, None])[-1]
        if is_text or columns.levels:
            if width is None:
                raise ValueError(f"{_wants(net)}; got a matrix of an unknown number of columns.")
            for at in range(place, place + width):
                _check_kind(columns, at, names, is_text)
        if is_text:
            given = [scope.get_unique_variable_name("column") for _ in range(width)]
            container.add_node("Split", [variable.onnx_name], given, axis=1, num_outputs=width)
            for at, part in enumerate(given, place):
                parts.append(_coded(scope, container, net, at, part))
        else:
            parts.append(scope.get_unique_variable_name("numbers"))
            container.add_node("Cast", [variable.onnx_name], parts[-1:], to=TensorProto.DOUBLE)
        place += width or 0
    if columns.levels and place != columns.n_features:
        raise ValueError(f"{_wants(net)}; got {place} columns.")
    matrix = scope.get_unique_variable_name("matrix")
    container.add_node("Concat", parts, [matrix], axis=1)
    return str(matrix)


def _wants(net: Any) -> str:
    return (
        f"{type(net).__name__} was fitted on columns of texts: its ONNX model takes the "
        f"{net._columns.n_features} columns of then, one by one, texts as strings and all others "
        "as numbers"
    )


def _check_kind(columns: Columns, at: int, names: list[str], is_text: bool) -> None:
    """Refuse texts for numbers, and numbers for texts."""
    is_unknown = at < len(names) and columns.is_empty[at] and columns.is_category[at]
    if is_text and at not in columns.levels and not is_unknown:
        raise ValueError(
            f"Column {names[at] if at < len(names) else at!r} holds numbers, as in `fit`, but is "
            "given to the net as strings. Pass each column by itself, with "
            "sklearn_softloss.export.to_onnx."
        )
    if not is_text and at in columns.levels:
        raise ValueError(
            f"Column {names[at]!r} holds texts, as in `fit`, but is given to the net as numbers. "
            "Pass the rows as the model takes them."
        )


def _coded(scope: Any, container: Any, net: Any, at: int, given: str) -> str:
    """The codes of texts, NaN where they are missing."""
    seen = {text: float(code) for code, text in enumerate(net._columns.levels.get(at, ()))}
    seen.pop(None, None)
    levels, codes = list(seen), list(seen.values())
    if MISSING_TEXT not in levels:
        levels, codes = [*levels, MISSING_TEXT], [*codes, np.nan]
    elif tells_missing(net, at):
        name = names_of(net._columns.names, net.n_features_in_)[at]
        raise ValueError(
            f"Column {name!r} was missing in rows of `fit`, which an ONNX model is told by the "
            f"text {MISSING_TEXT!r}; but that is one of the texts of the column. Rename it before "
            "fit."
        )
    short, code = (scope.get_unique_variable_name(name) for name in ("short", "code"))
    container.add_node(
        "LabelEncoder", [given], [short], op_domain="ai.onnx.ml", op_version=2,
        name=scope.get_unique_operator_name("LabelEncoder"),
        keys_strings=[level.encode() for level in levels], values_floats=codes,
        default_float=UNSEEN,
    )  # fmt: skip
    container.add_node("Cast", [short], [code], to=TensorProto.DOUBLE)
    return str(code)
