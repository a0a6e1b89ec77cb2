"""What all estimators share: pickles that say who can read them, a link to their page, and methods
that only some of them have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from types import MethodType
from typing import Any, ClassVar, TypeVar, cast

from sklearn.base import BaseEstimator, ClassifierMixin

from ._targets.encoding import Array

FORMAT = 2
"""Rises with a change of what fitted estimators hold that older or newer code cannot read."""

_KEY = "_sklearn_softloss_format"
_PACKAGE = "sklearn_softloss"

Method = TypeVar("Method", bound=Callable[..., Any])


class SoftlossEstimator(BaseEstimator):
    """Base of estimators: a pickle of another format is refused by name, a page is linked to."""

    _doc_link_module: ClassVar[str] = _PACKAGE

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {**state, _KEY: FORMAT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        found = state.pop(_KEY, 0)
        if found != FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was pickled by another version of sklearn_softloss "
                f"(format {found}, here {FORMAT}): load it with the version that wrote it, or fit "
                "it anew."
            )
        super().__setstate__(state)

    @property
    def _doc_link_template(self) -> str:
        return f"{site()}/generated/{{estimator_module}}.{{estimator_name}}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """The public name: that of the folder, or of the package for modules beside it."""
        cls = type(self)
        room = cls.__module__.split(".")[1]
        is_folder = hasattr(sys.modules[f"{_PACKAGE}.{room}"], "__path__")
        module = f"{_PACKAGE}.{room}" if is_folder else _PACKAGE
        return {"estimator_module": module, "estimator_name": cls.__name__}

    def _get_doc_link(self) -> str:
        return str(super()._get_doc_link()) if site() else ""


class MostProbableMixin(ClassifierMixin):
    """Mixin of classifiers that answer with the most probable class."""

    classes_: Array

    def predict(self, X: Any) -> Array:
        """The most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]


@cache
def site() -> str:
    """The address of the docs, as the installed package names it; empty where it names none."""
    try:
        urls = metadata("sklearn-softloss").get_all("Project-URL") or []
    except PackageNotFoundError:  # a folder on the path, not installed
        urls = []
    known = dict(entry.split(", ", 1) for entry in urls)
    return known.get("Documentation", "").rstrip("/")


class _Available:
    """A method that exists where a check passes; where it does not the error says why."""

    def __init__(self, method: Callable[..., Any], check: Callable[[Any], Any]) -> None:
        self.method, self.check = method, check

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self.method
        self.check(instance)
        return MethodType(self.method, instance)


def available_if(check: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """A decorator of methods that exist only where ``check(estimator)`` raises no AttributeError.
    scikit-learn's, but for the error of a missing method: here it is that of the check."""

    def decorate(method: Method) -> Method:
        return cast(Method, _Available(method, check))

    return decorate
