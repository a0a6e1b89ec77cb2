"""The estimators of this package as operators of skl2onnx, which converts what is around them."""

from __future__ import annotations

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
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline

from .._targets.encoding import Array
from ._answers import (
    HOLDERS,
    Answers,
    answers_of,
    decision_values,
    exportable,
    held,
    last_step,
)
from ._around import convert_imputer, parse_pipeline
from ._codes import in_order, one_matrix
from ._graph import EXAMPLE_ROWS, onnx_graph
from ._inputs import given_inputs

STAND_INS = (CalibratedClassifierCV, FixedThresholdClassifier, TunedThresholdClassifierCV)
"""Estimators of scikit-learn that skl2onnx converts without their pipeline, threshold or at all."""

LEAST_OPSET = 18
"""The oldest that torch writes."""

TORCH_TYPES = {TensorProto.FLOAT: torch.float32, TensorProto.DOUBLE: torch.float64,
               TensorProto.INT64: torch.int64}  # fmt: skip


def register() -> None:
    """Tell skl2onnx of the estimators of this package."""
    for estimator in set(exportable()) - set(STAND_INS):
        options = {"zipmap": [True, False, "columns"]}
        if hasattr(estimator, "decision_function"):
            options["raw_scores"] = [True, False]
        update_registered_converter(
            estimator,
            f"SklearnSoftloss{estimator.__name__}",
            _calculate_shapes,
            _convert,
            parser=_parse,
            options=options,
        )


def plain_answers(estimator: Any) -> dict[int, dict[str, bool]]:
    """The option by which the probabilities of another package's classifier are a matrix."""
    last = last_step(estimator)
    is_other = is_classifier(last) and not isinstance(last, exportable())
    return {id(last): {"zipmap": False} if is_other else {}}


def input_types(estimator: Any, X: Any, in_float32: bool) -> list[tuple[str, Any]]:
    """Names and types of what the model takes."""
    found = []
    for name, values in given_inputs(estimator, X).items():
        type_ = dict.fromkeys("iub", Int64TensorType).get(values.dtype.kind, StringTensorType)
        if values.dtype.kind == "f":
            is_single = in_float32 or values.dtype.itemsize <= 4
            type_ = FloatTensorType if is_single else DoubleTensorType
        found.append((name, type_([None, *values.shape[1:]])))
    return found


def _parse(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Declare the operator."""
    answers = answers_of(model)
    operator = scope.declare_local_operator(f"SklearnSoftloss{type(model).__name__}", model)
    operator.inputs = inputs if answers.inside else in_order(model, inputs)
    for name in answers.outputs:
        kind = _label_type(answers.classes) if name == "label" else DoubleTensorType
        operator.outputs.append(scope.declare_local_variable(name, kind(answers.shape_of(name))))
    return operator.outputs


def _parse_held(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    return _parse_sklearn(scope, held(model), inputs, custom_parsers=custom_parsers)


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
    answers, opset = answers_of(model), container.target_opset
    if opset < LEAST_OPSET:
        raise ValueError(f"target_opset must be at least {LEAST_OPSET}; got {opset}.")
    function = answers.function
    if (container.options or {}).get(id(model), {}).get("raw_scores"):

        def function(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            label, proba, *_ = answers.function(*given)
            return label, decision_values(proba)

    if answers.inside:
        given = [_from_inside(scope, container, operator, found) for found in answers.inside]
        examples = [torch.full((EXAMPLE_ROWS, n), 0.5).double() for n in answers.columns]
    elif _is_matrix(model, operator.inputs):
        given = [variable.onnx_name for variable in operator.inputs]
        examples = [_example(variable, model.n_features_in_) for variable in operator.inputs]
    else:
        given = [one_matrix(scope, container, model, operator.inputs)]
        examples = [torch.full((EXAMPLE_ROWS, model.n_features_in_), 0.5).double()]
    try:
        graph = onnx_graph(function, examples, opset, answers.reads)
    except Exception as error:  # of many kinds
        what = repr(model.net_.criterion_) if answers.reads is not None else repr(model)
        raise ValueError(
            f"{type(model).__name__} cannot be exported: torch.onnx refuses its module or loss "
            f"({what}): {error}"
        ) from error
    _finish(graph, answers, [variable.type for variable in operator.outputs])
    _add(scope, given, operator.outputs, container, graph.graph)


def _from_inside(scope: Any, container: Any, operator: Any, estimator: Any) -> str:
    """Name of the probabilities, or scores, of a classifier inside, in float64."""
    last, options = last_step(estimator), plain_answers(estimator)
    if isinstance(operator.raw_operator, CalibratedClassifierCV) and (
        hasattr(last, "decision_function") and container.has_options(last, "raw_scores")
    ):
        options[id(last)]["raw_scores"] = True
    for place in (scope, container):
        place.add_options(id(last), options[id(last)])
    parsers = own_converters()["custom_parsers"]
    found = _parse_sklearn(scope, estimator, list(operator.inputs), custom_parsers=parsers)
    name = scope.get_unique_variable_name("given")
    container.add_node("Cast", [found[1].onnx_name], [name], to=TensorProto.DOUBLE)
    return name


def _is_matrix(net: Any, inputs: list[Any]) -> bool:
    """Whether the net can take its input as it comes."""
    kind = inputs[0].type.to_onnx_type().tensor_type.elem_type
    return len(inputs) == 1 and kind in TORCH_TYPES and not net._columns.levels


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


def _add(scope: Any, given: list[str], outputs: list[Any], container: Any, graph: Any) -> None:
    """Put a graph between the inputs and outputs of an operator, under names of its own."""
    names = {"": ""}  # an input that is left out
    names |= {inside.name: name for inside, name in zip(graph.input, given, strict=True)}
    for inside, outside in zip(graph.output, outputs, strict=False):
        if inside.name in names:  # an input, or an answer given twice
            same = helper.make_node("Identity", [names[inside.name]], [outside.onnx_name])
            container.nodes.append(same)
        else:
            names[inside.name] = outside.onnx_name

    def renamed(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(f"net_{name}")
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


def own_converters() -> dict[str, Any]:
    """What `to_onnx` has skl2onnx do in another way: where its own is wrong or missing."""
    return {
        "custom_parsers": dict.fromkeys(HOLDERS, _parse_held)
        | dict.fromkeys(STAND_INS, _parse)
        | {Pipeline: parse_pipeline},
        "custom_shape_calculators": dict.fromkeys(STAND_INS, _calculate_shapes),
        "custom_conversion_functions": dict.fromkeys(STAND_INS, _convert)
        | {SimpleImputer: convert_imputer},
    }


register()
