"""What a loss is: per-sample values from logits, a target domain, an inverse link, a properness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform, get_args

import numpy as np
import torch
from torch import Tensor

from .._checks import check_number, check_one_of, nearest_name
from .._targets.domains import DISTRIBUTION, DOMAINS, INDEPENDENT, Domain
from ._links import softmax

Properness = Literal["strictly proper", "invertible", "neither"]
PROPERNESS: tuple[Properness, ...] = get_args(Properness)


def number(*, default: float, **bounds: Any) -> Any:
    """A parameter of a loss, with the bounds that `check_number` holds it to."""
    return field(default=default, metadata={"bounds": bounds})


@dataclass_transform(eq_default=False, field_specifiers=(field, number))
class Loss(ABC):
    """Contract of every loss.

    The annotated attributes of a subclass are its parameters (it becomes a dataclass by itself):
    a loss compares, prints and pickles by value and can be searched over (``loss__pos_weight`` in
    a grid). It must have `name`, `domain`, `properness`, `per_sample`, `inverse_link` and
    `hide_unknown`; a class that lacks one makes no instance. `DistributionLoss`,
    `IndependentLoss`, `NonnegativeLoss` and `RegressionLoss` bring what follows from the domain.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    batch_dependent: ClassVar[bool] = False
    """Whether the value of a sample depends on the other samples of its batch."""
    offers_gradient: ClassVar[bool] = False
    """Whether the loss has a gradient in closed form; without one torch derives it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make it a dataclass; one that redefines its value gives up closed forms not restated."""
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if "__init__" in own:
            raise TypeError(
                f"{cls.__name__} writes its own __init__. The parameters of a loss are annotated "
                "attributes, `scale: float = 1.0`, and __post_init__ checks them."
            )
        if "per_sample" in own and "logit_gradient" not in own:
            cls.logit_gradient = Loss.logit_gradient  # type: ignore[method-assign]
        if isinstance(own.get("domain"), str):
            cls.domain = DOMAINS.get(own["domain"], own["domain"])  # type: ignore[method-assign]
        cls.offers_gradient = cls.logit_gradient is not Loss.logit_gradient
        dataclass(repr=False, eq=False)(cls)
        for name in ("__repr__", "__eq__", "__hash__"):
            # Kept by a @dataclass that a user adds: it replaces only what is inherited.
            setattr(cls, name, getattr(cls, name))

    @property
    @abstractmethod
    def name(self) -> str:
        """The name under which an estimator finds the loss: a class attribute."""

    @property
    @abstractmethod
    def domain(self) -> Domain:
        """Which targets are legal: a class attribute, which may be given by its name.

        "distribution" means rows >= 0 that sum to 1, "independent" entries in [0, 1] with free
        rows, "nonnegative" counts and unnormalised rows; of numbers "real", "nonnegative real" and
        "positive real".
        """

    @property
    @abstractmethod
    def properness(self) -> Properness:
        """Whether the inverse link of the minimiser is E[y given x].

        "strictly proper": it is, as the loss is a strictly proper scoring rule. "invertible": it
        is, as the link undoes the loss's distortion. "neither": calibrate before reading the output
        as a probability. A class attribute, or a property where it depends on the parameters.
        """

    def n_logits(self, n_labels: int) -> int:
        """Number of outputs a net needs for `n_labels` columns of targets.

        Parameters
        ----------
        n_labels : int
            Columns of the targets.

        Returns
        -------
        int
        """
        return n_labels

    @property
    def needs_mean_target(self) -> bool:
        """Whether `with_mean_target` must be called before training."""
        return False

    def with_mean_target(self, mean: np.ndarray[Any, Any]) -> Loss:
        """The loss that knows the mean of the training targets.

        Parameters
        ----------
        mean : ndarray of shape (n_labels,)
            Weighted mean of each column.

        Returns
        -------
        Loss
            The loss itself where it has no use for the mean, else a copy.
        """
        return self

    def __call__(
        self, logits: Tensor, target: Tensor, entry_weight: Tensor | None = None
    ) -> Tensor:
        """Value of each sample.

        Parameters
        ----------
        logits, target : Tensor of shapes (..., n_logits) and (..., n_labels)
            Outputs of the net, before any link, and targets in the loss's domain.
        entry_weight : Tensor of shape (..., n_labels), default=None
            Weights >= 0. Where it is 0 the target may be NaN, and nothing depends on the entry.

        Returns
        -------
        Tensor of shape (...)
            In nats for the logarithmic losses.
        """
        return self.per_sample(*self._without_unknown(logits, target, entry_weight))

    def gradient(
        self, logits: Tensor, target: Tensor, entry_weight: Tensor | None = None
    ) -> Tensor:
        """Derivative of each sample's value by its logits, where `offers_gradient` is true.

        Parameters
        ----------
        logits, target, entry_weight : Tensor
            As of a call of the loss.

        Returns
        -------
        Tensor of shape (..., n_logits)
        """
        return self.logit_gradient(*self._without_unknown(logits, target, entry_weight))

    def logit_gradient(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        """The derivative behind `gradient`, in closed form; NotImplementedError without one.

        Parameters
        ----------
        logits, target, entry_weight : Tensor
            As of `per_sample`.

        Returns
        -------
        Tensor of shape (..., n_logits)
        """
        raise NotImplementedError(f"{type(self).__name__} has no gradient in closed form.")

    def _without_unknown(
        self, logits: Tensor, target: Tensor, entry_weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if entry_weight is None:
            return logits, target, None
        unknown = entry_weight == 0
        return self.hide_unknown(logits, unknown), target.masked_fill(unknown, 0.0), entry_weight

    @abstractmethod
    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        """Value of each sample, after unknown entries have been hidden: target 0, weight 0.

        Parameters
        ----------
        logits, target, entry_weight : Tensor
            As of a call of the loss.

        Returns
        -------
        Tensor of shape (...)
        """

    @abstractmethod
    def inverse_link(self, logits: Tensor) -> Tensor:
        """Estimate of E[y given x].

        Parameters
        ----------
        logits : Tensor of shape (..., n_logits)
            Outputs of the net, before any link.

        Returns
        -------
        Tensor of shape (..., n_labels)
            In the `prediction_range` of the domain: [0, 1] for probabilities.
        """

    @abstractmethod
    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        """Logits in which unknown entries neither count nor receive a gradient, for `per_sample`.

        Parameters
        ----------
        logits, unknown : Tensor of shapes (..., n_logits) and (..., n_labels), the second bool
            Outputs of the net, and whether an entry is unknown.

        Returns
        -------
        Tensor of shape (..., n_logits)
        """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn reads them.

        Parameters
        ----------
        deep : bool, default=True
            Of no effect.

        Returns
        -------
        dict
        """
        return {found.name: getattr(self, found.name) for found in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name: all of them, or none if one is refused.

        Parameters
        ----------
        **params
            Values by name.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a name is unknown or a value is illegal.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {sorted(known)}."
                    f"{nearest_name(name, known)}"
                )
        checked = type(self)(**{**known, **params})
        vars(self).update(vars(checked))
        return self

    def __post_init__(self) -> None:
        """Refuse bad parameter values; called by the constructor and by `set_params`."""
        for found in fields(self):
            if "bounds" in found.metadata:
                check_number(found.name, getattr(self, found.name), **found.metadata["bounds"])

    def __eq__(self, other: object) -> bool:
        """Of one class, with equal parameters, which may be arrays."""
        if not isinstance(other, Loss) or type(other) is not type(self):
            return NotImplemented
        theirs = other.get_params()
        return all(
            np.array_equal(np.asarray(value, dtype=object), np.asarray(theirs[name], dtype=object))
            for name, value in self.get_params().items()
        )

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({params}){self._warning()}"

    def _warning(self) -> str:
        """What the representation adds of a loss whose output is no probability."""
        return " (neither proper nor invertible: calibrate)" if self.properness == "neither" else ""


class DistributionLoss(Loss):
    """A loss on rows that sum to 1, read through a softmax."""

    domain = DISTRIBUTION

    def inverse_link(self, logits: Tensor) -> Tensor:
        return softmax(logits)

    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        # Finite, so that a wholly unknown row stays free of NaN; half the range, so that
        # subtracting another logit cannot overflow. Its exponential is exactly zero.
        return logits.masked_fill(unknown, torch.finfo(logits.dtype).min / 2)


class IndependentLoss(Loss):
    """A loss on entries in [0, 1], one binary problem a column, read through a sigmoid."""

    domain = INDEPENDENT

    def inverse_link(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def hide_unknown(self, logits: Tensor, unknown: Tensor) -> Tensor:
        return logits.masked_fill(unknown, 0.0)


def weighted(terms: Tensor, entry_weight: Tensor | None) -> Tensor:
    return terms if entry_weight is None else entry_weight * terms


def sum_entries(terms: Tensor, entry_weight: Tensor | None) -> Tensor:
    """Weighted sum over the last axis: what most losses do with their entries.

    Parameters
    ----------
    terms : Tensor of shape (..., n_labels)
        Value of each entry.
    entry_weight : Tensor of shape (..., n_labels) or None
        Weights >= 0; None is 1 everywhere.

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> import torch
    >>> from sklearn_softloss.losses import sum_entries
    >>> sum_entries(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))
    tensor(1.)
    """
    return weighted(terms, entry_weight).sum(-1)


# --- losses by name ------------------------------------------------------------------------------

_REGISTRY: dict[tuple[str, str], type[Loss]] = {}
LossType = TypeVar("LossType", bound="type[Loss]")


def register_loss(loss_class: LossType) -> LossType:
    """Let estimators find a loss by its name, which may stand once in each domain.

    Parameters
    ----------
    loss_class : type
        A class derived from `Loss` that has every piece and can be made without arguments.

    Returns
    -------
    type
        The class itself, so that this serves as a decorator.

    Raises
    ------
    ValueError
        If a piece is missing or illegal, or the name belongs to another loss already.

    Examples
    --------
    >>> from sklearn_softloss.losses import IndependentLoss, register_loss, sum_entries
    >>> @register_loss
    ... class Cubic(IndependentLoss):
    ...     name = "cubic"
    ...     properness = "neither"
    ...     def per_sample(self, logits, target, entry_weight):
    ...         return sum_entries((logits.sigmoid() - target).abs() ** 3, entry_weight)
    >>> Cubic()
    Cubic() (neither proper nor invertible: calibrate)
    """
    key: Any = (getattr(loss_class, "name", None), getattr(loss_class, "domain", None))
    other = _REGISTRY.get(key)
    if other is not None and other.__qualname__ != loss_class.__qualname__:
        raise ValueError(f"The name {key[0]!r} belongs to {other!r} in the domain {key[1]!r}.")
    try:
        loss = get_loss(loss_class())
    except TypeError as error:
        raise ValueError(
            f"A registered loss needs all its pieces and defaults for its parameters: {error}."
        ) from error
    if not isinstance(loss.name, str):
        raise ValueError(f"{loss_class.__name__}.name must be a string; got {loss.name!r}.")
    _REGISTRY[key] = loss_class
    return loss_class


def loss_names(domains: tuple[str, ...] = tuple(DOMAINS)) -> list[str]:
    """Names of the registered losses of these domains, sorted.

    Parameters
    ----------
    domains : tuple of str, default=all domains
        Some of "distribution", "independent", "nonnegative", "real", "nonnegative real" and
        "positive real".

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sklearn_softloss.losses import loss_names
    >>> "cross_entropy" in loss_names(("distribution",))
    True
    """
    return sorted({name for name, domain in _REGISTRY if domain in domains})


ELSEWHERE = {
    "absolute_error": "mae l1 regressionl1 absoluteerror median lad",
    "asymmetric": "asl",
    "binary_cross_entropy": "bce bcewithlogits binary multilabelsoftmargin multiclassova multilog",
    "cosine": "cosinesimilarity",
    "cross_entropy": "log logistic deviance multinomial multiclass softmax softprob nll xentropy "
    "categoricalcrossentropy sparsecategoricalcrossentropy",
    "earth_mover": "emd wasserstein crps rps",
    "gaussian": "normal gaussiannll nllgaussian",
    "generalized_cross_entropy": "gce",
    "huber": "smoothl1 logcosh pseudohuber pseudohubererror fair",
    "kl_divergence": "kl kld kldiv",
    "poisson": "poissonnll",
    "quantile": "pinball quantileerror quantileregression",
    "squared_error": "mse l2 rmse ls squarederror brier brierscore regression",
    "symmetric_cross_entropy": "sce",
}
"""What losses are called in scikit-learn, LightGBM, XGBoost, CatBoost, Keras and torch, in letters
and digits alone."""


def _called_here(name: str, known: list[str]) -> str | None:
    """The known loss that goes by this name in another library."""
    plain = "".join(filter(str.isalnum, name.lower().rpartition(":")[2])).removesuffix("loss")
    called = [here for here, there in ELSEWHERE.items() if plain in there.split()]
    if called == ["cross_entropy"] and "cross_entropy" not in known:
        called = ["binary_cross_entropy"]  # the one of labels
    return called[0] if called and called[0] in known else None


def get_loss(loss: str | Loss, domains: tuple[str, ...] = tuple(DOMAINS)) -> Loss:
    """The loss object for a name, or the instance itself.

    Parameters
    ----------
    loss : str or Loss
        A registered name or an instance.
    domains : tuple of str, default=all domains
        Those that will do, the preferred one first; `loss_names` says which there are.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        If the name is unknown, the loss belongs to another domain, or its properness is illegal.
    TypeError
        If `loss` is neither a name nor an instance.

    Examples
    --------
    >>> from sklearn_softloss.losses import get_loss
    >>> get_loss("cross_entropy")
    CrossEntropy()
    """
    if isinstance(loss, str):
        for domain in domains:
            if (loss, domain) in _REGISTRY:
                return _REGISTRY[loss, domain]()
        namesakes = [found for (name, _), found in _REGISTRY.items() if name == loss]
        if not namesakes:
            known = loss_names(domains)
            likely = _called_here(loss, known)
            meant = f" Did you mean {likely!r}?" if likely else nearest_name(loss, known)
            raise ValueError(f"Unknown loss {loss!r}. Known here: {known}.{meant}")
        loss = namesakes[0]()
    if not isinstance(loss, Loss):
        raise TypeError(
            "loss must be a name or an instance of sklearn_softloss.losses.Loss, for example "
            f"'binary_cross_entropy' or BinaryCrossEntropy(); got {loss!r}."
        )
    check_one_of(f"{type(loss).__name__}.properness", loss.properness, PROPERNESS)
    if loss.domain not in domains:
        raise ValueError(
            f"The loss {loss!r} takes {loss.domain!r} targets; here only "
            f"{' or '.join(map(repr, domains))} will do. Known here: {loss_names(domains)}."
        )
    return loss
