"""Parameters: annotated attributes of a class, or of a module; and keywords of other libraries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, field
from functools import wraps
from inspect import Parameter
from numbers import Real
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast, dataclass_transform

from .._checks import nearest_name
from .callbacks import with_callbacks

PREFIX = "module__"

ELSEWHERE = {
    "eval_set": "X_val= and y_val=, with early_stopping=True",
    "validation_data": "X_val= and y_val=, with early_stopping=True",
    "validation_split": "validation_fraction=, a parameter of the estimator",
    "epochs": "max_iter=, a parameter of the estimator",
    "cat_features": "categorical_features=, a parameter of the estimator",
    "categorical_feature": "categorical_features=, a parameter of the estimator",
}
"""What a keyword of other libraries' `fit` is called here."""

Class = TypeVar("Class", bound="type[ModuleParameters]")
Method = TypeVar("Method", bound=Callable[..., Any])


class Number(NamedTuple):
    """Default and type of a number, whether it may be "auto" or endless, and its bounds."""

    default: float | str
    kind: type
    auto: bool
    endless: bool
    bounds: dict[str, Any]


def number(
    *, default: Any, kind: type = Real, auto: bool = False, endless: bool = False, **bounds: Any
) -> Any:
    """A parameter that is a `Number`, with bounds of `check_scalar`: [low, high) if none say so."""
    return Number(default, kind, auto, endless, {"include_boundaries": "left", **bounds})


def module_parameters(estimator: Any) -> dict[str, Any]:
    """What the module is called with beside its sizes."""
    names = [name for name in vars(estimator) if name.startswith(PREFIX)]
    return {name.removeprefix(PREFIX): getattr(estimator, name) for name in sorted(names)}


class ModuleParameters:
    """Lets an estimator take, search and clone ``module__name``, as skorch's nets do, and hand it
    to its module. `__init__` need not list them, and what it lists is kept as it was given,
    whatever its body does; a base before `BaseEstimator`."""

    _numbers: ClassVar[Mapping[str, Number]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _keeping_parameters(vars(cls)["__init__"])  # type: ignore[method-assign]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the estimator, those of its module (``module__name``) too.

        Parameters
        ----------
        deep : bool, default=True
            Whether to go into parameters that are estimators.

        Returns
        -------
        dict
            Values by name.
        """
        params: dict[str, Any] = super().get_params(deep)  # type: ignore[misc]
        params.update((PREFIX + name, value) for name, value in module_parameters(self).items())
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator, or of its module by ``module__name``.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        Self
        """
        of_module = _taken_out(params)
        super().set_params(**params)  # type: ignore[misc]
        vars(self).update(of_module)
        return self


def _taken_out(params: dict[str, Any]) -> dict[str, Any]:
    """Those of the module, which are no longer among the parameters after it."""
    return {name: params.pop(name) for name in [*params] if name.startswith(PREFIX)}


def _keeping_parameters(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)
    known = [name for name, one in signature.parameters.items() if one.kind is not one.VAR_KEYWORD]

    @wraps(init)
    def init_and_keep(self: Any, *args: Any, **kwargs: Any) -> None:
        of_module = _taken_out(kwargs)
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            unknown = next((name for name in kwargs if name not in known), None)
            raise TypeError(
                f"{type(self).__name__}: {error}.{nearest_name(unknown, known)}"
            ) from error
        init(self, *args, **kwargs)
        given.apply_defaults()
        vars(self).update({name: given.arguments[name] for name in known[1:]}, **of_module)

    return init_and_keep


@dataclass_transform(eq_default=False, field_specifiers=(number, field))
def with_parameters(cls: Class) -> Class:
    """Class decorator: annotated attributes are parameters of `__init__`, as of a dataclass, but
    listed before those of the bases. What stands below ``_: KW_ONLY`` is taken by keyword; what is
    ``field(init=False)`` is no parameter here, and has the value of the base."""
    inherited, own = dict(inspect.signature(cls).parameters), {}
    kind: Any = Parameter.POSITIONAL_OR_KEYWORD
    this = Parameter("self", kind)
    for name, annotation in inspect.get_annotations(cls).items():
        if annotation == "KW_ONLY":
            kind = Parameter.KEYWORD_ONLY
            continue
        default = vars(cls)[name]
        if isinstance(default, Field):
            delattr(cls, name)
            del inherited[name]
            continue
        if isinstance(default, Number):
            cls._numbers = {**cls._numbers, name: default}
            setattr(cls, name, default := default.default)
        own[name] = Parameter(name, kind, default=default, annotation=annotation)
    own_first = (own | inherited | own).values()
    listed = [this, *sorted(own_first, key=attrgetter("kind"))]

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        """All are kept as given: `ModuleParameters`."""

    __init__.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    cls.__init__ = _keeping_parameters(__init__)  # type: ignore[method-assign]
    return cls


def public_fit(fit: Method) -> Method:
    """A `fit` around which scikit-learn's callbacks are called, and which says what a keyword of
    another library, or of `__init__`, is called here."""
    known, followed = set(inspect.signature(fit).parameters), with_callbacks(fit)

    @wraps(fit)
    def answering(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in [name for name in kwargs if name not in known]:
            where = ELSEWHERE.get(name)
            if where is None and name in self.get_params(deep=False):
                where = f"set_params({name}=...) before fit: it is a parameter of the estimator"
            if where is not None:
                raise TypeError(f"fit takes no {name}; here that is {where}.")
        return followed(self, *args, **kwargs)

    return cast(Method, answering)
