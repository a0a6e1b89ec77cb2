"""scikit-learn's callbacks of a fit, which it has from version 1.9 on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """The method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitObserver", "with_callbacks"]


class FitObserver:
    """Calls scikit-learn's callbacks, of the estimator or of a search around it, when a fit and its
    epochs begin and end."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        self.arguments = {"estimator": estimator, "X": X, "y": y}
        if sample_weight is not None:
            self.arguments["metadata"] = {"sample_weight": sample_weight}
        self.fitted: Callable[[], dict[str, Any]] | None = None
        """Gives the attributes of the estimator if the fit ended now."""
        self._fit: Any = None
        self._epoch: Any = None

    def on_fit_begin(self, n_epochs: int) -> None:
        """Before the first epoch, as a choice of "auto" says how many are planned."""
        self._fit = self.arguments["estimator"]._init_callback_context(max_subtasks=n_epochs)
        self._fit.call_on_fit_task_begin(**self.arguments)

    def on_epoch_begin(self) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self.arguments)

    def on_epoch_end(self) -> bool:
        """True if a callback asks to stop."""
        return self._end(self._epoch)

    def on_fit_end(self) -> None:
        self._end(self._fit)

    def _end(self, context: Any) -> bool:
        stop = context.call_on_fit_task_end(**self.arguments, reconstruction_attributes=self.fitted)
        return bool(stop)


def is_followed(estimator: Any) -> bool:
    """Whether it has callbacks, or is fitted by a search that has."""
    own = getattr(estimator, "_skl_callbacks", None)
    return bool(own) or hasattr(estimator, "_parent_callback_ctx")
