"""scikit-learn's own callbacks (``sklearn.callback``, from version 1.9), told of each pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ._decorators import Method

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def _with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        return method


def with_callbacks(method: Method) -> Method:
    """scikit-learn's decorator of `fit`, with the type of what it decorates."""
    return cast(Method, _with_callbacks(method))


class PassTeller:
    """Tells the callbacks of an estimator when a fit and its passes begin and end.

    Parameters
    ----------
    estimator : SoftLossClassifier
        In its `fit`; a meta-estimator may have handed it callbacks.
    max_iter : int
        Passes planned.
    X, y : array-like
        As given to `fit`.
    sample_weight : array-like or None
    """

    def __init__(self, estimator: Any, max_iter: int, X: Any, y: Any, sample_weight: Any) -> None:
        self.estimator = estimator
        self.told = {"estimator": estimator, "X": X, "y": y}
        if sample_weight is not None:
            self.told["metadata"] = {"sample_weight": sample_weight}
        self.fitted: Callable[[], dict[str, Any]] | None = None
        """Gives the attributes of the estimator if the fit ended now."""
        self._fit = estimator._init_callback_context(max_subtasks=max_iter)
        self._fit.call_on_fit_task_begin(**self.told)
        self._pass: Any = None

    def begin_pass(self) -> None:
        self._pass = self._fit.subcontext(task_name="pass")
        self._pass.call_on_fit_task_begin(**self.told)

    def end_pass(self) -> bool:
        """True if a callback asks to stop."""
        return self._end(self._pass)

    def end_fit(self) -> None:
        self._end(self._fit)

    def _end(self, context: Any) -> bool:
        stop = context.call_on_fit_task_end(**self.told, reconstruction_attributes=self.fitted)
        return bool(stop)


def has_callbacks(estimator: Any) -> bool:
    """Whether there is anybody to tell; a search may follow its estimators without a callback."""
    own, handed_down = "_skl_callbacks", "_parent_callback_ctx"
    return bool(getattr(estimator, own, None)) or hasattr(estimator, handed_down)
