"""Targets of several labels a sample, each of which may be unknown, and of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import type_of_target

from .._warn import warn
from ..distributed import ALONE, Processes
from .domains import INDEPENDENT, Domain
from .encoding import (
    Array,
    Rows,
    Targets,
    as_array,
    check_declared,
    column_names,
    distinct,
    each,
    float_matrix,
    hard_labels,
    in_order,
    one_hot,
)


def encode_labels(
    y: Any,
    domain: Domain = INDEPENDENT,
    classes: Array | None = None,
    declared: ArrayLike | None = None,
    *,
    names: Array | None = None,
    processes: Processes = ALONE,
) -> Targets:
    """Targets of independent labels, from a binary vector or from a matrix, NaN or -1 if unknown.

    Of a vector the one column is "is it the second class". A DataFrame's columns become
    `label_names`, or are put in the order of `names`. `classes` and `names` are those of an earlier
    fit; `declared` the two classes, or ``arange(n_labels)``, of a y that comes in parts.
    """
    columns, given = column_names(y), y
    y = as_array(y, one_label=True)
    if declared is not None:
        declared = np.unique(check_declared(declared))
    if y.ndim == 1:
        known = classes if classes is not None else declared
        return _encode_binary(hard_labels(y, given, known), known, processes)
    is_sparse = sp.issparse(y)
    values: Rows = each(float_matrix, sp.csr_array(y, copy=True) if is_sparse else y)
    if is_sparse:
        values.sum_duplicates()
    if classes is None:
        _check_that_some_are_absent(values.data if is_sparse else values, y.shape)
    values = each(unknown_as_nan, values)
    domain.check_entries(values, unknown=True)
    values = in_order(values, columns, names, "labels")
    known = np.arange(values.shape[1])
    for wanted, source in ((classes, "the earlier fit"), (declared, "`classes`")):
        if wanted is not None and not np.array_equal(wanted, known):
            raise ValueError(
                f"y has {len(known)} columns, so its classes are {known}; {source} says {wanted}."
            )
    names = columns if names is None else names
    return Targets(values, known, label_names=names, processes=processes)


def _encode_binary(labels: Array, known: Array | None, processes: Processes) -> Targets:
    if known is None:
        known = distinct(labels, processes)
    if len(known) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(labels)}. For one of several classes use SoftTargetMLPClassifier; "
            "for several labels a row pass a matrix with one column a label."
        )
    if len(known) < 2:
        raise ValueError(
            "A 1-D y needs samples of two classes; it has samples of 1 class only: "
            f"{known.tolist()}."
        )
    return Targets(one_hot(labels, known)[:, [1]], known, True, processes=processes)


def _check_that_some_are_absent(stored: Array, shape: tuple[int, ...]) -> None:
    """Refuse a matrix of 1 and -1 alone: -1 could be "no", and nothing else would be "no"."""
    if stored.size < np.prod(shape) or not ((stored == -1).any() and (stored == 1).any()):
        return
    if ((np.abs(stored) == 1) | np.isnan(stored)).all():
        raise ValueError(
            "y holds 1 and -1 and no 0. If -1 means that a label is absent pass (y + 1) / 2; if it "
            "means unknown, no label is known to be absent: pass NaN in its place to train on "
            "positives alone."
        )


def warn_if_never_absent(targets: Targets) -> None:
    """Say which labels are 1 in every row that is known: nothing tells them from a constant."""
    absent, present = targets.absent_and_present()
    names = np.arange(len(absent)) if targets.label_names is None else targets.label_names
    warn_of_never_absent(names[(absent == 0) & (present > 0)])


def warn_of_never_absent(names: Array) -> None:
    """`warn_if_never_absent` once the labels are found."""
    if len(names):
        warn(
            f"Labels {names.tolist()} are 1 in every row where they are known: no row shows what "
            "it is to lack them. Pass 0 where a label is absent; -1 and NaN mean unknown.",
        )


def unknown_as_nan(values: Array) -> Array:
    unknown = values == -1
    return np.where(unknown, np.nan, values) if unknown.any() else values
