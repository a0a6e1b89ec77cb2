"""Steps of scikit-learn before our estimators, where skl2onnx writes them wrong or not at all."""

from __future__ import annotations

import copy
from typing import Any

from onnx import TensorProto
from skl2onnx._parse import _parse_sklearn_column_transformer, _parse_sklearn_pipeline
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._missing import is_scalar_nan

from ._inputs import takes_texts


def parse_pipeline(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """Step by step, those left out that pass all on; texts for a net stay columns of their own."""
    steps = [pair for pair in model.steps if not passes_on(pair[1])]
    for place, (name, step) in enumerate(steps):
        parse, part = _parse_sklearn_pipeline, Pipeline([(name, step)])
        if isinstance(step, ColumnTransformer) and any(takes_texts(s) for _, s in steps[place:]):
            parse, part = _parse_apart, step
        inputs = parse(scope, part, inputs, custom_parsers=custom_parsers)
    return inputs


def passes_on(step: Any) -> bool:
    """Whether a step changes nothing."""
    is_identity = isinstance(step, FunctionTransformer) and step.func is None
    return is_identity or step is None or isinstance(step, str)


def _parse_apart(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """What each transformer of a ColumnTransformer gives, and each column that passes."""
    found = []
    for name, step, _ in model.transformers_:
        places = [] if step == "drop" else model._transformer_to_input_indices[name]
        for part in [[place] for place in places] if passes_on(step) else [places]:
            one = copy.copy(model)
            one.transformers_ = [(name, "passthrough" if passes_on(step) else step, part)]
            found += _parse_sklearn_column_transformer(scope, one, inputs, custom_parsers)
    return found


def convert_imputer(scope: Any, operator: Any, container: Any) -> None:
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
