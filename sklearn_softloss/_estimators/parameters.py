"""The parameters of nets, and which values they may take: checked in `fit`, never in `__init__`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import KW_ONLY, field
from math import isinf, isnan
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.metrics import get_scorer
from sklearn.utils.validation import check_scalar
from skorch.callbacks import Callback
from torch import nn

from .._checks import check_one_of, nearest_name
from .._training.checkpoint import TrainingCheckpoint
from .._training.mlp import ACTIVATIONS
from .._training.schedule import SCHEDULES
from .._training.solvers import SOLVERS
from .keywords import ModuleParameters, Number, module_parameters, number, with_parameters


@with_parameters
class NetParameters(ModuleParameters):
    """The parameters of all nets, which `Shared` describes."""

    hidden_layer_sizes: Any = "auto"
    activation: str = "relu"
    _: KW_ONLY
    encoding: str | None = "auto"
    categorical_features: Any = "from_dtype"
    solver: Any = "adamw"
    alpha: float | str = number(default="auto", min_val=0, auto=True)
    dropout: float | str = number(default="auto", min_val=0, max_val=1, auto=True)
    batch_size: Any = number(default="auto", kind=Integral, min_val=1, auto=True)
    learning_rate: str = "cosine"
    learning_rate_init: float = number(default=0.006, min_val=0, include_boundaries="neither")
    power_t: float = number(default=0.5, min_val=0)
    max_iter: int | str = number(default="auto", kind=Integral, min_val=1, auto=True)
    shuffle: bool = True
    random_state: Any = None
    tol: float = number(default=1e-4, min_val=0, endless=True)
    verbose: int | bool = False
    warm_start: bool = False
    momentum: float = number(default=0.9, min_val=0, max_val=1, include_boundaries="both")
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = number(
        default=0.1, min_val=0, max_val=1, include_boundaries="neither"
    )
    beta_1: float = number(default=0.9, min_val=0, max_val=1)
    beta_2: float = number(default=0.99, min_val=0, max_val=1)
    epsilon: float = number(default=1e-8, min_val=0, include_boundaries="neither")
    n_iter_no_change: float = number(default=10, min_val=1, endless=True)
    max_fun: int = number(default=15000, kind=Integral, min_val=1)
    module: Any = None
    device: str = "cpu"
    dtype: str | None = None
    callbacks: Any = None
    cv: Any = None
    scoring: Any = None


@with_parameters
class ClassifierParameters(NetParameters):
    """Those of `SoftTargetMLPClassifier`."""

    _: KW_ONLY
    loss: Any = "cross_entropy"
    label_smoothing: float = number(default=0.0, min_val=0, max_val=1)
    target_range: tuple[float, float] | None = None
    class_weight: Any = None


@with_parameters
class MultiLabelParameters(ClassifierParameters):
    """Those of `MultiLabelSigmoidClassifier`."""

    _: KW_ONLY
    loss: Any = "binary_cross_entropy"
    threshold: Any = 0.5


@with_parameters
class AnnotatorParameters(NetParameters):
    """Those of `AnnotatorMLPClassifier`, which takes fewer."""

    _: KW_ONLY
    n_camps: int | str = "auto"
    power_t: float = field(init=False)
    shuffle: bool = field(init=False)
    warm_start: bool = field(init=False)
    momentum: float = field(init=False)
    nesterovs_momentum: bool = field(init=False)
    beta_1: float = field(init=False)
    beta_2: float = field(init=False)
    epsilon: float = field(init=False)
    max_fun: int = field(init=False)


@with_parameters
class RegressorParameters(NetParameters):
    """Those of `SoftLossMLPRegressor`."""

    _: KW_ONLY
    loss: Any = "squared_error"
    quantile: Any = 0.5


FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
CHOICES: dict[str, Collection[Any]] = {
    "encoding": ("auto", "standard", "piecewise", None),
    "activation": ACTIVATIONS,
    "learning_rate": SCHEDULES,
}
AUTO_WIDTH = 448
"""Units of hidden_layer_sizes="auto"."""
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def check_parameters(estimator: Any) -> None:
    """Raise TypeError or ValueError for the first parameter with an illegal value."""
    for name, allowed in estimator._numbers.items():
        _check_number(name, getattr(estimator, name), allowed)
    for name in FLAGS:
        check_scalar(getattr(estimator, name), name, (bool, np.bool_))
    check_scalar(estimator.verbose, "verbose", (bool, np.bool_, Integral))
    for name, choices in CHOICES.items():
        check_one_of(name, getattr(estimator, name), choices)
    solver = estimator.solver
    if not callable(solver) and not (isinstance(solver, str) and solver in SOLVERS):
        raise ValueError(
            f"solver must be one of {list(SOLVERS)} or a torch optimizer class; got {solver!r}."
            f"{nearest_name(solver, SOLVERS)}"
        )
    module = estimator.module
    if isinstance(module, nn.Module) or not (module is None or callable(module)):
        raise TypeError(
            "module must be None, a torch.nn.Module class or a function (n_features, n_outputs) -> "
            f"module, so that each fit starts with a fresh net; got {module!r}."
        )
    of_module = module_parameters(estimator)
    if module is None and of_module:
        raise ValueError(
            f"module__{next(iter(of_module))} is handed to a module of your own, and module is "
            "None."
        )
    _check_callbacks(estimator.callbacks)
    _check_choosers(estimator.cv, estimator.scoring)
    hidden_layers(estimator.hidden_layer_sizes)
    torch_dtype(estimator.dtype or np.float64)
    torch_device(estimator.device)


def _check_number(name: str, value: Any, allowed: Number) -> None:
    """Refuse a value of another type or out of bounds, NaN too."""
    if allowed.auto and isinstance(value, str) and value == "auto":
        return
    label = f"{name} (a number, or 'auto')" if allowed.auto else name
    check_scalar(value, label, allowed.kind, **allowed.bounds)
    if isnan(value) or (isinf(value) and not allowed.endless):
        raise ValueError(f"{label} must be a finite number; got {value!r}.")


def _check_choosers(cv: Any, scoring: Any) -> None:
    is_number = isinstance(cv, Integral) and int(cv) > 1
    is_iterable = isinstance(cv, Iterable) and not isinstance(cv, str)
    if not (cv is None or is_number or is_iterable or hasattr(cv, "split")) or isinstance(cv, str):
        raise ValueError(
            "cv must be None, a number of folds from 2 on, a splitter such as KFold, or an "
            f"iterable of (train, test) rows; got {cv!r}."
        )
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise TypeError(
            "scoring must be None, the name of one scorer or a callable (estimator, X, y) -> "
            f"number; got {scoring!r}."
        )
    if isinstance(scoring, str):
        get_scorer(scoring)


def _check_callbacks(callbacks: Any) -> None:
    if callbacks is None or (isinstance(callbacks, str) and callbacks == "disable"):
        return
    is_list = isinstance(callbacks, (list, tuple))
    for entry in callbacks if is_list else [callbacks]:
        callback = _unnamed(entry)
        kind = callback if isinstance(callback, type) else type(callback)
        is_off = callback is None and callback is not entry
        if not (is_list and (issubclass(kind, Callback) or is_off)):
            raise TypeError(
                "callbacks must be None, 'disable' or a list of skorch callbacks, each alone or as "
                f"(name, callback); got {entry!r}."
            )
    if len(found := checkpoints(callbacks)) > 1:
        raise ValueError(
            f"callbacks may hold one TrainingCheckpoint, from which a fit goes on; got {found!r}."
        )


def checkpoints(callbacks: Any) -> list[TrainingCheckpoint]:
    """Those in legal `callbacks`."""
    entries = callbacks if isinstance(callbacks, (list, tuple)) else []
    return [one for one in map(_unnamed, entries) if isinstance(one, TrainingCheckpoint)]


def _unnamed(entry: Any) -> Any:
    return entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry


def hidden_layers(sizes: Any) -> list[int]:
    """`hidden_layer_sizes` as a list; a single number is one layer, "auto" one of many units."""
    if isinstance(sizes, str) and sizes == "auto":
        return [AUTO_WIDTH]
    sizes = sizes.tolist() if isinstance(sizes, np.ndarray) else sizes
    layers = list(sizes) if isinstance(sizes, Iterable) else [sizes]
    for size in layers:
        if not isinstance(size, Integral) or size <= 0 or size is True:
            raise ValueError(
                f"hidden_layer_sizes must be 'auto' or whole numbers > 0, got {sizes!r}."
            )
    return [int(size) for size in layers]


def torch_dtype(dtype: Any) -> torch.dtype:
    """The torch dtype for "float32", np.float64 and the like."""
    try:
        return DTYPES[np.dtype(dtype).name]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"dtype must be one of {list(DTYPES)}; got {dtype!r}.{nearest_name(dtype, DTYPES)}"
        ) from error


def torch_device(device: Any) -> torch.device:
    """The device for "cpu", "cuda", "cuda:1" or "auto" (CUDA where there is one)."""
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'auto'; got {device!r}."
            f"{nearest_name(device, ('cpu', 'cuda', 'auto'))}"
        ) from error
    try:
        torch.zeros(1, device=found).item()  # torch fails in many ways where there is none
    except Exception as error:
        raise ValueError(
            f"device={device!r}, but torch finds no such {found.type.upper()} device here; use "
            "'cpu' or 'auto'."
        ) from error
    return found
