"""Which values the estimators' parameters may take; checked in `fit`, never in `__init__`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import isinf, isnan
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

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
from .keywords import module_parameters


class Number(NamedTuple):
    """Type and bounds of a number, and whether it may be "auto" or endless."""

    kind: type
    low: float | None = None
    high: float | None = None
    include: Literal["left", "right", "both", "neither"] = "left"
    auto: bool = False
    endless: bool = False


NUMBERS = {
    "alpha": Number(Real, 0, auto=True),
    "batch_size": Number(Integral, 1, auto=True),
    "learning_rate_init": Number(Real, 0, include="neither"),
    "power_t": Number(Real, 0),
    "max_iter": Number(Integral, 1, auto=True),
    "tol": Number(Real, 0, endless=True),
    "momentum": Number(Real, 0, 1, "both"),
    "validation_fraction": Number(Real, 0, 1, "neither"),
    "beta_1": Number(Real, 0, 1),
    "beta_2": Number(Real, 0, 1),
    "epsilon": Number(Real, 0, include="neither"),
    "n_iter_no_change": Number(Real, 1, endless=True),
    "max_fun": Number(Integral, 1),
    "dropout": Number(Real, 0, 1, auto=True),
    "label_smoothing": Number(Real, 0, 1),
}
"""Of these only classifiers have the last."""
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
    for name, allowed in NUMBERS.items():
        if hasattr(estimator, name):
            _check_number(name, getattr(estimator, name), allowed)
    if getattr(estimator, "target_range", None) is not None:
        _check_target_range(estimator.target_range, estimator.label_smoothing)
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


def _check_target_range(target_range: Any, label_smoothing: float) -> None:
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


def _check_number(name: str, value: Any, allowed: Number) -> None:
    """Refuse a value of another type or out of bounds, NaN too."""
    if allowed.auto and isinstance(value, str) and value == "auto":
        return
    label = f"{name} (a number, or 'auto')" if allowed.auto else name
    check_scalar(
        value,
        label,
        allowed.kind,
        min_val=allowed.low,
        max_val=allowed.high,
        include_boundaries=allowed.include,
    )
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
