"""From a function of torch tensors to an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import onnx.inliner
import onnx.shape_inference
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

TorchFunction = Callable[..., tuple[Tensor, ...]]

EXAMPLE_ROWS = 3
"""Of the inputs that a function is traced with; the graph takes any number."""

TAKE_NUMBERS = {
    f"{before}{name}{after}"
    for name in ("add", "sub", "mul", "div", "truediv", "lt", "le", "gt", "ge")
    for before, after in (("", ""), ("__", "__"), ("__r", "__"), ("", "_"))
} | {"clamp", "clamp_min", "clamp_max", "rsub", "true_divide", "where"}
"""Functions of torch whose numbers may as well be tensors."""

SOFTPLUS_IS_LINEAR_FROM = 20.0
"""In torch."""


class _AsExported(TorchFunctionMode):
    """Calls of torch in a form that survives the export: torch.onnx writes numbers as float32,
    has no stable sort, skl2onnx cannot sort a Clip without one bound, onnxruntime has no softplus
    of float64 and chooses between no flags."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name == "softplus" and len(args) == 1 and not kwargs:
            x = args[0]
            bend = x.clamp(max=SOFTPLUS_IS_LINEAR_FROM).exp().log1p()
            return torch.where(x > SOFTPLUS_IS_LINEAR_FROM, x, bend)
        if name == "argsort":  # equals stay in order in ONNX
            return args[0].topk(args[0].shape[1], dim=1, largest=False).indices
        if name == "where" and all(getattr(a, "dtype", None) == torch.bool for a in args):
            chosen, one, other = args
            return (chosen & one) | (~chosen & other)
        like = [a for a in args if isinstance(a, Tensor) and a.is_floating_point()]
        if name in TAKE_NUMBERS and like:
            args = [_tensor(a, like[0]) for a in args]
            kwargs = {key: _tensor(value, like[0]) for key, value in kwargs.items()}
            if name == "clamp_min":
                return torch.maximum(*args)
            if name == "clamp_max":
                return torch.minimum(*args)
        return func(*args, **kwargs)


def _tensor(value: Any, like: Tensor) -> Any:
    return like.new_tensor(value) if isinstance(value, float) else value


class _Step(nn.Module):
    """A function as a module, with the module that it reads, if any."""

    def __init__(self, function: TorchFunction, reads: nn.Module | None) -> None:
        super().__init__()
        self.function, self.reads = function, reads

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with _AsExported():
            return self.function(*inputs)


def onnx_graph(
    function: TorchFunction, examples: Sequence[Tensor], opset: int, reads: nn.Module | None = None
) -> Any:
    """The function as an ONNX model; the first dimension of inputs and outputs is free. Examples
    are of the right shape and dtype; a module that the function reads is in eval mode."""
    function(*examples)  # what is kept from call to call must not be made of the tracer's tensors
    rows = torch.export.Dim("rows")
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own parts
            program = torch.onnx.export(
                _Step(function, reads).eval(),
                tuple(examples),
                dynamo=True,
                dynamic_shapes=(tuple({0: rows} for _ in examples),),
                opset_version=opset,
                optimize=False,  # its tolerance takes "+ 1e-12" for "+ 0"
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    assert program is not None
    return _without_cast_like(onnx.inliner.inline_local_functions(program.model_proto))


def _without_cast_like(model: Any) -> Any:
    """Casts to the type that is meant, since onnxruntime warns of each one "like another"."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {
        found.name: found.type.tensor_type.elem_type
        for found in (*graph.input, *graph.value_info, *graph.output)
    }
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    for node in model.graph.node:
        if node.op_type == "CastLike" and node.input[1] in types:
            cast = onnx.helper.make_node(
                "Cast", node.input[:1], node.output, node.name, to=types[node.input[1]]
            )
            node.CopyFrom(cast)
    return model
