"""The estimators of this package as operators of skl2onnx, which converts what is around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import update_registered_converter
from skl2onnx._parse import _parse_sklearn
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from .._targets.encoding import Array
from ._answers import Answers, answers_of, exportable
from ._graph import EXAMPLE_ROWS, onnx_graph

REFUSALS = (MissingConverter, MissingShapeCalculator, RuntimeError)
"""What skl2onnx raises of what it cannot convert."""

LEAST_OPSET = 18
"""The oldest that torch writes."""

TORCH_TYPES = {TensorProto.FLOAT: torch.float32, TensorProto.DOUBLE: torch.float64,
               TensorProto.INT64: torch.int64}  # fmt: skip


def register() -> None:
    """Tell skl2onnx of the estimators."""
    for estimator in exportable():
        update_registered_converter(
            estimator,
            f"SklearnSoftloss{estimator.__name__}",
            _calculate_shapes,
            _convert,
            parser=_parse,
            options={"zipmap": [True, False, "columns"]},
        )


def classifiers_in(estimator: Any) -> Iterator[Any]:
    """The classifiers of other packages whose probabilities are to be plain matrices."""
    if isinstance(estimator, Pipeline):
        yield from classifiers_in(estimator.steps[-1][1])
    elif isinstance(estimator, BaseSearchCV):
        yield from classifiers_in(estimator.best_estimator_)
    elif is_classifier(estimator) and not isinstance(estimator, exportable()):
        yield estimator


def _parse(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Declare the operator, after those of the classifiers inside."""
    answers = answers_of(model)
    operator = scope.declare_local_operator(f"SklearnSoftloss{type(model).__name__}", model)
    for estimator in answers.inside:
        for found in classifiers_in(estimator):
            scope.add_options(id(found), {"zipmap": False})
        _, proba = _parse_sklearn(scope, estimator, inputs, custom_parsers=custom_parsers)
        operator.inputs.append(proba)
    if not answers.inside:
        operator.inputs = _joined(scope, inputs)
    operator.answers = answers
    for name in answers.outputs:
        kind = _label_type(answers.classes) if name == "label" else DoubleTensorType
        operator.outputs.append(scope.declare_local_variable(name, kind(answers.shape_of(name))))
    return operator.outputs


def _joined(scope: Any, inputs: list[Any]) -> list[Any]:
    """One matrix of inputs that came as columns."""
    if len(inputs) == 1:
        return inputs
    join = scope.declare_local_operator("SklearnConcat")
    join.inputs = inputs
    join.outputs.append(scope.declare_local_variable("joined", FloatTensorType()))
    return join.outputs


def _calculate_shapes(operator: Any) -> None:
    """Nothing to do: types are known from the parsing, and the rows are free."""


def _label_type(classes: Array | None) -> Any:
    kinds = {"b": BooleanTensorType, "f": DoubleTensorType, "i": Int64TensorType,
             "u": Int64TensorType, "O": StringTensorType}  # fmt: skip
    return Int64TensorType if classes is None else kinds[_named(classes).dtype.kind]


def _named(classes: Array) -> Array:
    """Classes of a type that ONNX has."""
    if classes.dtype.kind in "bf":
        return classes.astype(bool if classes.dtype.kind == "b" else np.float64)
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if all(isinstance(name, str) for name in classes.tolist()):
        return classes.astype(object)
    raise ValueError(f"Classes must be numbers or strings to be exported; got {classes.tolist()}.")


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    answers = getattr(operator, "answers", None) or answers_of(model)
    opset = container.target_opset
    if opset < LEAST_OPSET:
        raise ValueError(f"target_opset must be at least {LEAST_OPSET}; got {opset}.")
    examples = [
        _example(variable, n_columns if n_columns >= 0 else model.n_features_in_)
        for variable, n_columns in zip(operator.inputs, answers.columns, strict=True)
    ]
    try:
        graph = onnx_graph(answers.function, examples, opset, answers.reads)
    except Exception as error:  # of many kinds
        what = repr(model.net_.criterion_) if answers.reads is not None else repr(model)
        raise ValueError(
            f"{type(model).__name__} cannot be exported: torch.onnx refuses its module or loss "
            f"({what}): {error}"
        ) from error
    _finish(graph, answers, [variable.type for variable in operator.outputs])
    _add(scope, operator, container, graph.graph)


def _example(variable: Any, n_columns: int) -> torch.Tensor:
    """Made-up rows for an input."""
    shape = [EXAMPLE_ROWS, *(variable.type.shape or [None, None])[1:]]
    if shape[1] is None:
        shape[1] = n_columns
    dtype = TORCH_TYPES[variable.type.to_onnx_type().tensor_type.elem_type]
    return torch.full(shape, 0.5).to(dtype)


def _finish(graph: Any, answers: Answers, types: list[Any]) -> None:
    """Labels by name, and answers of the types that are wanted."""
    outputs = graph.graph.output
    for output, name, wanted in zip(outputs, answers.outputs, types, strict=False):
        last, kind = output.name, wanted.to_onnx_type().tensor_type.elem_type
        if name == "label" and answers.classes is not None:
            table = numpy_helper.from_array(_named(answers.classes), f"{last}_classes")
            graph.graph.initializer.append(table)
            graph.graph.node.append(
                helper.make_node("Gather", [f"{last}_classes", last], [f"{last}_named"])
            )
            last = f"{last}_named"
        elif kind != output.type.tensor_type.elem_type:
            graph.graph.node.append(helper.make_node("Cast", [last], [f"{last}_cast"], to=kind))
            last = f"{last}_cast"
        output.name = last
        output.type.tensor_type.elem_type = kind


def _add(scope: Any, operator: Any, container: Any, graph: Any) -> None:
    """Put a graph between the inputs and outputs of an operator, under names of its own."""
    names = {"": ""}  # an input that is left out
    for inside, outside in zip(graph.input, operator.inputs, strict=True):
        names[inside.name] = outside.onnx_name
    for inside, outside in zip(graph.output, operator.outputs, strict=False):
        if inside.name in names:  # an input, or an answer given twice
            given = names[inside.name]
            container.nodes.append(helper.make_node("Identity", [given], [outside.onnx_name]))
        else:
            names[inside.name] = outside.onnx_name

    def renamed(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(name)
        return names[name]

    for tensor in graph.initializer:
        tensor.name = renamed(tensor.name)
        container.initializers.append(tensor)
    for node in graph.node:
        node.name = scope.get_unique_operator_name(node.op_type)
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
        container.nodes.append(node)
    container.node_domain_version_pair_sets.add(("", container.target_opset))


register()
