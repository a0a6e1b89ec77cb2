"""scikit-learn estimators, trained by torch, for soft, multi-label, numeric and partly known y."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

_HOMES = {
    "MultiLabelSigmoidClassifier": "classifiers",
    "SoftLossMLPRegressor": "regressor",
    "SoftRowsClassifier": "soft_rows",
    "SoftTargetMLPClassifier": "classifiers",
}
__all__ = [
    "MultiLabelSigmoidClassifier",
    "SoftLossMLPRegressor",
    "SoftRowsClassifier",
    "SoftTargetMLPClassifier",
    "__version__",
    "annotators",
    "calibration",
    "datasets",
    "decision",
    "display",
    "distributed",
    "export",
    "losses",
    "metrics",
    "model_selection",
    "persistence",
    "semi_supervised",
    "targets",
]

if TYPE_CHECKING:
    from . import (
        annotators,
        calibration,
        datasets,
        decision,
        display,
        distributed,
        export,
        losses,
        metrics,
        model_selection,
        persistence,
        semi_supervised,
        targets,
    )
    from .classifiers import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
    from .regressor import SoftLossMLPRegressor
    from .soft_rows import SoftRowsClassifier


def __getattr__(name: str) -> Any:
    """Import on first use, so that one part does not cost the imports of the others."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
