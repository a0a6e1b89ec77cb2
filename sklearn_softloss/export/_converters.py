"""The estimators of this package as operators of skl2onnx, which converts what is around them. Also
steps of scikit-learn that skl2onnx writes wrong or not at all."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, numpy_helper
from onnx.compose import add_prefix_graph
from skl2onnx import update_registered_converter
from skl2onnx._parse import (
    _parse_sklearn,
    _parse_sklearn_column_transformer,
    _parse_sklearn_pipeline,
)
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._missing import is_scalar_nan

from .._targets.encoding import Array
from ._codes import in_order, one_matrix
from ._graph import EXAMPLE_ROWS, onnx_graph
from ._inputs import given_inputs, takes_texts
from ._outputs import (
    HOLDERS,
    Outputs,
    decision_values,
    exportable,
    held,
    last_step,
    outputs_of,
)

STAND_INS = (CalibratedClassifierCV, FixedThresholdClassifier, TunedThresholdClassifierCV)
"""Estimators of scikit-learn that skl2onnx converts without their pipeline, threshold or at all."""

TORCH_TYPES = {TensorProto.FLOAT: torch.float32, TensorProto.DOUBLE: torch.float64,
               TensorProto.INT64: torch.int64}  # fmt: skip
ONNX_TYPES = {"b": BooleanTensorType, "f": DoubleTensorType, "i": Int64TensorType,
              "u": Int64TensorType, "O": StringTensorType}  # fmt: skip


def matrix_options(estimator: Any) -> dict[int, dict[str, bool]]:
    """The option by which the probabilities of another package's classifier are a matrix."""
    last = last_step(estimator)
    is_other = is_classifier(last) and not isinstance(last, exportable())
    return {id(last): {"zipmap": False} if is_other else {}}


def input_types(estimator: Any, X: Any, in_float32: bool) -> list[tuple[str, Any]]:
    """Names and types of what the model takes."""
    found = []
    for name, values in given_inputs(estimator, X).items():
        kind = values.dtype.kind
        type_ = Int64TensorType if kind in "iub" else StringTensorType
        if kind == "f":
            is_single = in_float32 or values.dtype.itemsize <= 4
            type_ = FloatTensorType if is_single else DoubleTensorType
        found.append((name, type_([None, *values.shape[1:]])))
    return found


def _parse(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Declare the operator."""
    outputs = outputs_of(model)
    operator = scope.declare_local_operator(f"SklearnSoftloss{type(model).__name__}", model)
    operator.inputs = inputs if outputs.inside else in_order(model, inputs)
    for name in outputs.names:
        kind = DoubleTensorType
        if name == "label":
            classes = outputs.classes
            kind = Int64TensorType if classes is None else ONNX_TYPES[_named(classes).dtype.kind]
        operator.outputs.append(scope.declare_local_variable(name, kind(outputs.shape_of(name))))
    return operator.outputs


def _parse_held(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    return _parse_sklearn(scope, held(model), inputs, custom_parsers=custom_parsers)


def _calculate_shapes(operator: Any) -> None:
    """Nothing to do: types are known from the parsing, and the rows are free."""


def _named(classes: Array) -> Array:
    """Classes of a type that ONNX has."""
    kind = classes.dtype.kind
    if kind in "bfiu":
        return classes.astype({"b": np.bool_, "f": np.float64}.get(kind, np.int64))
    if all(isinstance(name, str) for name in classes.tolist()):
        return classes.astype(object)
    raise ValueError(f"Classes must be numbers or strings to be exported; got {classes.tolist()}.")


def _convert(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    outputs, opset = outputs_of(model), container.target_opset
    function = outputs.function
    if (container.options or {}).get(id(model), {}).get("raw_scores"):

        def function(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            label, proba, *_ = outputs.function(*given)
            return label, decision_values(proba)

    if outputs.inside:
        given = [_from_inside(scope, container, operator, found) for found in outputs.inside]
        examples = [_example([n]) for n in outputs.columns]
    elif _is_matrix(model, operator.inputs):
        (variable,) = operator.inputs
        given = [variable.onnx_name]
        n_columns, *others = (variable.type.shape or [None, None])[1:]
        dtype = TORCH_TYPES[_element_type(variable)]
        examples = [_example([n_columns or model.n_features_in_, *others], dtype)]
    else:
        given = [one_matrix(scope, container, model, operator.inputs)]
        examples = [_example([model.n_features_in_])]
    try:
        graph = onnx_graph(function, examples, opset, outputs.reads)
    except Exception as error:  # of many kinds
        what = repr(model.net_.criterion_) if outputs.reads is not None else repr(model)
        raise ValueError(
            f"{type(model).__name__} cannot be exported: torch.onnx refuses its module or loss "
            f"({what}): {error}"
        ) from error
    _add(scope, container, given, graph.graph, operator, outputs)


def _from_inside(scope: Any, container: Any, operator: Any, estimator: Any) -> str:
    """Name of the probabilities, or scores, of a classifier inside, in float64."""
    last, options = last_step(estimator), matrix_options(estimator)
    if isinstance(operator.raw_operator, CalibratedClassifierCV) and (
        hasattr(last, "decision_function") and container.has_options(last, "raw_scores")
    ):
        options[id(last)]["raw_scores"] = True
    for place in (scope, container):
        place.add_options(id(last), options[id(last)])
    parsers = OWN_CONVERTERS["custom_parsers"]
    found = _parse_sklearn(scope, estimator, list(operator.inputs), custom_parsers=parsers)
    name = scope.get_unique_variable_name("given")
    container.add_node("Cast", [found[1].onnx_name], [name], to=TensorProto.DOUBLE)
    return name


def _element_type(variable: Any) -> Any:
    return variable.type.to_onnx_type().tensor_type.elem_type


def _is_matrix(net: Any, inputs: list[Any]) -> bool:
    """Whether the net can take its input as it comes."""
    is_number = _element_type(inputs[0]) in TORCH_TYPES
    return len(inputs) == 1 and is_number and not net._columns.levels


def _example(shape: list[int], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Made-up rows for an input."""
    return torch.full([EXAMPLE_ROWS, *shape], 0.5).to(dtype)


def _add(
    scope: Any, container: Any, given: list[str], graph: Any, operator: Any, outputs: Outputs
) -> None:
    """Put a graph between the inputs and outputs of an operator, which get their types and names.
    What only passes on is taken out again by skl2onnx."""
    graph = add_prefix_graph(graph, f"{scope.get_unique_variable_name('net')}_")
    for outside, inside in zip(given, graph.input, strict=True):
        container.add_node("Identity", [outside], [inside.name])
    container.initializers.extend(graph.initializer)
    container.nodes.extend(graph.node)
    container.node_domain_version_pair_sets.add(("", container.target_opset))
    for inside, name, variable in zip(graph.output, outputs.names, operator.outputs, strict=False):
        if name == "label" and outputs.classes is not None:
            table = numpy_helper.from_array(_named(outputs.classes), f"{inside.name}_classes")
            container.initializers.append(table)
            container.add_node("Gather", [table.name, inside.name], [variable.onnx_name])
        else:
            wanted = _element_type(variable)
            container.add_node("Cast", [inside.name], [variable.onnx_name], to=wanted)


# --- steps of scikit-learn before the estimators -------------------------------------------------


def _parse_pipeline(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """Step by step, those left out that pass all on; texts for a net stay columns of their own."""
    steps = [pair for pair in model.steps if not _passes_on(pair[1])]
    for place, (name, step) in enumerate(steps):
        parse, part = _parse_sklearn_pipeline, Pipeline([(name, step)])
        if isinstance(step, ColumnTransformer) and any(takes_texts(s) for _, s in steps[place:]):
            parse, part = _parse_apart, step
        inputs = parse(scope, part, inputs, custom_parsers=custom_parsers)
    return inputs


def _passes_on(step: Any) -> bool:
    """Whether a step changes nothing."""
    is_identity = isinstance(step, FunctionTransformer) and step.func is None
    return is_identity or step is None or isinstance(step, str)


def _parse_apart(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """What each transformer of a ColumnTransformer gives, and each column that passes."""
    found = []
    for name, step, _ in model.transformers_:
        places = [] if step == "drop" else model._transformer_to_input_indices[name]
        for part in [[place] for place in places] if _passes_on(step) else [places]:
            one = copy.copy(model)
            one.transformers_ = [(name, "passthrough" if _passes_on(step) else step, part)]
            found += _parse_sklearn_column_transformer(scope, one, inputs, custom_parsers)
    return found


def _convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Numbers of any type, and strings, of which missing ones are given as "nan"."""
    imputer, (variable,) = operator.raw_operator, operator.inputs
    kind = variable.type.to_onnx_type().tensor_type.elem_type
    fill, missing = imputer.statistics_, imputer.missing_values
    if imputer.add_indicator or len(imputer.get_feature_names_out()) != len(fill):
        raise ValueError("SimpleImputer must not add indicators or drop columns to be exported.")
    is_missing, *values = (scope.get_unique_variable_name(n) for n in ("is_missing", "fill", "of"))
    given, filled = variable.onnx_name, operator.outputs[0].onnx_name
    if kind == TensorProto.STRING:
        fill, missing = [str(value).encode() for value in fill], str(missing).encode()
    elif kind == TensorProto.INT64 and is_scalar_nan(missing):
        container.add_node("Identity", [given], [filled])
        return
    container.add_initializer(values[0], kind, [1, len(fill)], fill)
    if kind != TensorProto.STRING and is_scalar_nan(missing):
        container.add_node("IsNaN", [given], [is_missing])
    else:
        container.add_initializer(values[1], kind, [1], [missing])
        container.add_node("Equal", [given, values[1]], [is_missing])
    container.add_node("Where", [is_missing, values[0], given], [filled])


# --- what skl2onnx is told -----------------------------------------------------------------------

OWN_CONVERTERS: dict[str, Any] = {
    "custom_parsers": dict.fromkeys(HOLDERS, _parse_held)
    | dict.fromkeys(STAND_INS, _parse)
    | {Pipeline: _parse_pipeline},
    "custom_shape_calculators": dict.fromkeys(STAND_INS, _calculate_shapes),
    "custom_conversion_functions": dict.fromkeys(STAND_INS, _convert)
    | {SimpleImputer: _convert_imputer},
}
"""What `to_onnx` has skl2onnx do in another way: where its own is wrong or missing."""

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
