"""Which values the estimators' parameters may take; checked in `fit`, never in `__init__`."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from sklearn.utils.validation import check_scalar
from torch import nn

from ._training.modules import ACTIVATIONS
from ._training.schedules import SCHEDULES
from ._training.solvers import SOLVERS


class Range(NamedTuple):
    """Type and bounds of a number."""

    kind: type
    low: float | None = None
    high: float | None = None
    include: Literal["left", "right", "both", "neither"] = "both"


NUMBERS = {
    "alpha": Range(Real, 0),
    "batch_size": Range(Integral, 1),
    "learning_rate_init": Range(Real, 0, include="neither"),
    "power_t": Range(Real, 0),
    "max_iter": Range(Integral, 1),
    "tol": Range(Real, 0),
    "momentum": Range(Real, 0, 1),
    "validation_fraction": Range(Real, 0, 1, "neither"),
    "beta_1": Range(Real, 0, 1, "left"),
    "beta_2": Range(Real, 0, 1, "left"),
    "epsilon": Range(Real, 0, include="neither"),
    "n_iter_no_change": Range(Real, 1),
    "max_fun": Range(Integral, 1),
    "label_smoothing": Range(Real, 0, 1, "left"),
    "dropout": Range(Real, 0, 1, "left"),
}
AUTOMATIC = ("alpha", "batch_size", "max_iter")
"""Numbers that may also be "auto"."""
FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def check_parameters(params: dict[str, Any]) -> None:
    """Raise TypeError or ValueError for the first parameter with an illegal value."""
    for name, allowed in NUMBERS.items():
        if name in AUTOMATIC and params[name] == "auto":
            continue
        check_scalar(
            params[name],
            f"{name} (a number, or 'auto')" if name in AUTOMATIC else name,
            allowed.kind,
            min_val=allowed.low,
            max_val=allowed.high,
            include_boundaries=_include(allowed),
        )
    for name in FLAGS:
        check_scalar(params[name], name, (bool, np.bool_))
    check_scalar(params["verbose"], "verbose", (bool, np.bool_, Integral))
    hidden_layers(params["hidden_layer_sizes"])
    _check_choice("activation", params["activation"], ACTIVATIONS)
    _check_choice("learning_rate", params["learning_rate"], SCHEDULES)
    _check_solver(params["solver"])
    if params["dtype"] is not None:
        torch_dtype(params["dtype"])
    _check_target_range(params["target_range"], params["label_smoothing"])
    _check_module(params["module"])
    torch_device(params["device"])


def hidden_layers(sizes: Any) -> list[int]:
    """`hidden_layer_sizes` as a list; a single number is one layer."""
    layers = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    for size in layers:
        if not isinstance(size, Integral) or size <= 0:
            raise ValueError(f"hidden_layer_sizes must be whole numbers > 0, got {sizes!r}.")
    return [int(size) for size in layers]


def torch_dtype(dtype: Any) -> torch.dtype:
    """The torch dtype for "float32", np.float64 and the like."""
    try:
        return DTYPES[np.dtype(dtype).name]
    except (KeyError, TypeError) as error:
        raise ValueError(f"dtype must be one of {list(DTYPES)}; got {dtype!r}.") from error


def torch_device(device: Any) -> torch.device:
    """The device for "cpu", "cuda", "cuda:1" or "auto" (CUDA where there is one)."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'cpu', 'cuda' or 'auto'; got {device!r}.") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r}, but torch finds no CUDA device here; use 'cpu' or 'auto'."
        )
    return found


def _include(allowed: Range) -> str:
    """scikit-learn's check wants closed ends only where there is a bound."""
    if allowed.high is None and allowed.include == "both":
        return "left"
    return allowed.include


def _check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}; got {value!r}.")


def _check_solver(solver: Any) -> None:
    if (isinstance(solver, str) or not callable(solver)) and solver not in SOLVERS:
        raise ValueError(
            f"solver must be one of {list(SOLVERS)} or a torch optimizer class; got {solver!r}."
        )


def _check_target_range(target_range: Any, label_smoothing: float) -> None:
    if target_range is None:
        return
    if label_smoothing:
        raise ValueError(
            f"label_smoothing={label_smoothing} and target_range={target_range!r} both move the "
            "targets: set one of them."
        )
    legal = np.shape(target_range) == (2,) and all(isinstance(end, Real) for end in target_range)
    if not legal or not 0 <= target_range[0] < target_range[1] <= 1:
        raise ValueError(
            "target_range must be None or (low, high) with 0 <= low < high <= 1, such as "
            f"(0.1, 0.9); got {target_range!r}."
        )


def _check_module(module: Any) -> None:
    if isinstance(module, nn.Module) or not (module is None or callable(module)):
        raise TypeError(
            "module must be None, a torch.nn.Module class or a function (n_features, n_outputs) -> "
            f"module, so that each fit starts with a fresh net; got {module!r}."
        )
