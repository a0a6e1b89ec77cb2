"""Losses by name: what an estimator's ``loss="focal"`` means."""

from __future__ import annotations

from typing import Any, TypeVar

from .._checks import check_one_of
from ._base import DOMAINS, PROPERNESS, Domain, Loss

_REGISTRY: dict[tuple[str, Domain], type[Loss]] = {}
LossType = TypeVar("LossType", bound="type[Loss]")


def register_loss(loss_class: LossType) -> LossType:
    """Let estimators find a loss by its name: ``loss=loss_class.name``.

    The same name may stand once in each domain ("squared_error" of a softmax and of sigmoids).

    Parameters
    ----------
    loss_class : type
        A class derived from `Loss`, `DistributionLoss` or `IndependentLoss` that has every piece a
        loss needs and can be made without arguments.

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
    ...     scale: float = 1.0
    ...     def per_sample(self, logits, target, entry_weight):
    ...         error = self.scale * (logits.sigmoid() - target).abs()
    ...         return sum_entries(error**3, entry_weight)
    >>> Cubic(scale=2.0)
    Cubic(scale=2.0) (neither proper nor invertible: calibrate)
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


def loss_names(domains: tuple[Domain, ...] = DOMAINS) -> list[str]:
    """Names of the registered losses of these domains, sorted.

    Parameters
    ----------
    domains : tuple of str, default=all domains
        Some of "distribution", "independent" and "nonnegative".

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


def get_loss(loss: str | Loss, domains: tuple[Domain, ...] = DOMAINS) -> Loss:
    """The loss object for a name, or the instance itself.

    Parameters
    ----------
    loss : str or Loss
        A registered name or an instance.
    domains : tuple of str, default=all domains
        The domains the caller can serve, the preferred one first.

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
        namesakes = {domain: found for (name, domain), found in _REGISTRY.items() if name == loss}
        if not namesakes:
            raise ValueError(f"Unknown loss {loss!r}. Known here: {loss_names(domains)}.")
        fitting = [domain for domain in domains if domain in namesakes] or list(namesakes)
        loss = namesakes[fitting[0]]()
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
