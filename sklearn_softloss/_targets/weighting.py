"""How class, label and sample weights meet the targets: one place, before any loss sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from .._checks import check_weight, nearest_name
from .domains import Domain
from .encoding import Array, Targets, by_name

Weighted = tuple[Array, "Array | None", "Array | None"]


@dataclass(frozen=True)
class WeightedRows:
    """Targets over classes, as the domain changes them under class weights, and row weights."""

    domain: Domain
    class_weight: Array | None = None
    sample_weight: Array | None = None

    def without_samples(self) -> WeightedRows:
        """For other rows, which have no weights of their own."""
        return replace(self, sample_weight=None)

    def __call__(self, values: Array, rows: Any) -> Weighted:
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if self.class_weight is not None:
            values, share = self.domain.weighted(values, self.class_weight)
            weight = share if weight is None else share * weight
        return values, weight, None


@dataclass(frozen=True)
class WeightedEntries:
    """Targets of labels under weights of classes, labels and samples; unknown entries are 0.

    Weights (absent, present) of a label turn the entry y into present y / w with the entry weight
    w = present y + absent (1 - y). Unknown entries weigh 0. The mean entry weight over the known
    entries of a row joins the row's sample weight, so that a constant row of label weights is a
    sample weight, and a row without known labels is no sample.
    """

    absent_present: Array | None = None
    label_weight: Array | None = None
    sample_weight: Array | None = None

    def without_samples(self) -> WeightedEntries:
        """For other rows, which have no weights of their own."""
        return replace(self, sample_weight=None, label_weight=None)

    def __call__(self, values: Array, rows: Any) -> Weighted:
        unknown = np.isnan(values)
        any_unknown = unknown.any()
        entry: Array | None = None
        if any_unknown:
            values = np.where(unknown, 0.0, values)
        if self.absent_present is not None:
            absent, present = self.absent_present
            if np.array_equal(absent, present):
                entry = np.broadcast_to(present, values.shape)
            else:
                raised = present * values
                entry = raised + absent * (1 - values)
                values = np.divide(raised, entry, out=values.copy(), where=entry > 0)
        if self.label_weight is not None:
            given = self.label_weight[rows]
            entry = given if entry is None else entry * given
        if any_unknown:
            entry = np.where(unknown, 0.0, 1.0 if entry is None else entry)
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if entry is None:
            return values, weight, None
        known = np.count_nonzero(entry, axis=1)
        mean = entry.sum(axis=1) / np.maximum(known, 1)
        entry = entry / np.where(mean > 0, mean, 1)[:, None]
        return values, mean if weight is None else mean * weight, entry


# --- class weights -------------------------------------------------------------------------------

RULES = ("balanced", "median_frequency", "effective_number")
DEFAULT_BETA = 0.999


def weights_from_mass(mass: Array, rule: Any) -> Array:
    """Weights along the first axis from the mass of each class there, by a named rule; 1 without.

    "balanced": n / (k m). "median_frequency": the median of the frequencies over the frequency
    (Eigen and Fergus, ICCV 2015, arXiv:1411.4734). "effective_number", or with its beta
    ("effective_number", 0.99): (1 - beta) / (1 - beta^m), scaled to the mean 1 (Cui et al.,
    CVPR 2019, arXiv:1901.05555).
    """
    name, beta = (rule, DEFAULT_BETA) if isinstance(rule, str) else rule
    there = mass > 0
    filled = np.where(there, mass, np.nan)
    if name == "balanced":
        weights = mass.sum(axis=0) / (len(mass) * filled)
    elif name == "median_frequency":
        weights = np.nanmedian(np.where(there.any(axis=0), filled, 1.0), axis=0) / filled
    else:
        rarity = (1 - beta) / -np.expm1(filled * np.log(beta))
        weights = rarity / np.nanmean(np.where(there.any(axis=0), rarity, 1.0), axis=0)
    return np.where(there, weights, 1.0)


def is_rule(class_weight: Any) -> bool:
    """Whether the weights are to be computed from the mass of the classes in y."""
    if isinstance(class_weight, tuple) and class_weight and isinstance(class_weight[0], str):
        name, *beta = class_weight
        legal = name == "effective_number" and len(beta) == 1 and 0 < beta[0] < 1
    elif isinstance(class_weight, str):
        legal = class_weight in RULES
    else:
        return False
    if not legal:
        raise ValueError(
            "class_weight must be 'balanced', 'median_frequency', 'effective_number' or "
            f"('effective_number', beta) with 0 < beta < 1 if it names a rule; got "
            f"{class_weight!r}.{nearest_name(class_weight, RULES)}"
        )
    return True


def class_weights(class_weight: Any, targets: Targets, sample_weight: Array | None) -> Array | None:
    """One weight a class, from None, a rule or a dict; soft rows count by their mass."""
    if class_weight is None:
        return None
    if is_rule(class_weight):
        return weights_from_mass(targets.mass(sample_weight), class_weight)
    if isinstance(class_weight, dict):
        return _weights_from_dict(class_weight, targets.classes)
    raise ValueError(
        "class_weight must be None, the name of a rule such as 'balanced', or a dict from class to "
        f"weight; got {class_weight!r}."
    )


def label_weights(
    class_weight: Any, targets: Targets, sample_weight: Array | None, domain: Domain
) -> Array | None:
    """Weights of absent and present labels, shape (2, n_columns), or None: from a rule, a dict
    ``{0: .., 1: ..}`` (for a 1-D y of its two classes), a list of such, or one number a label."""
    if class_weight is None:
        return None
    n_columns = targets.n_columns
    class_weight = by_name(class_weight, n_columns, targets.label_names, "class_weight")
    by_rule = is_rule(class_weight)
    if isinstance(class_weight, dict):
        class_weight = [class_weight] * n_columns
    if not by_rule and (np.ndim(class_weight) != 1 or len(class_weight) != n_columns):
        raise ValueError(
            "class_weight must be None, a rule such as 'balanced', a dict {0: absent, 1: present}, "
            f"a list of {n_columns} such dicts or {n_columns} numbers, one a label; got "
            f"{class_weight!r}."
        )
    pairs = not by_rule and all(isinstance(weights, dict) for weights in class_weight)
    if not domain.has_absence and (by_rule or pairs):
        raise ValueError(
            f"Under a {domain!r} loss class_weight must be one number a label: its targets "
            f"are not absent or present; got {class_weight!r}."
        )
    if by_rule:
        return weights_from_mass(targets.absent_and_present(sample_weight), class_weight)
    if pairs:
        outcomes = targets.classes if targets.from_vector else np.array([0, 1])
        return np.stack([_weights_from_dict(pair, outcomes) for pair in class_weight], axis=1)
    return np.tile(check_weight(class_weight, (n_columns,), name="class_weight"), (2, 1))  # type: ignore[arg-type]


def _weights_from_dict(class_weight: dict[Any, Any], classes: Array) -> Array:
    """One weight a class; 1 where the dict names none, as in scikit-learn."""
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < np.inf):
            raise ValueError(
                f"class_weight must hold finite numbers >= 0; class {label!r} has {weight!r}."
            )
    return np.asarray(compute_class_weight(class_weight, classes=classes, y=classes))
