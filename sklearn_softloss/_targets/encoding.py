"""From y as given to checked targets: one row a sample, one column a class or label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import assert_all_finite, check_array, get_tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from .domains import DISTRIBUTION, INDEPENDENT, Domain

Array = NDArray[Any]
Rows = Any
"""A dense array or a CSR array, one row a sample."""


@dataclass(frozen=True)
class Targets:
    """Checked targets: one row a sample, one column a class or label.

    Attributes
    ----------
    values : ndarray or CSR array of shape (n_samples, n_columns)
        Floats in the domain of the loss; NaN marks an unknown entry.
    classes : ndarray of shape (n_classes,) or None
        What a classifier's `predict` answers with; ``arange(n_columns)`` for a matrix of labels.
    from_vector : bool
        Whether y was one label a sample, so that splits may be stratified.
    label_names : ndarray of shape (n_columns,) or None
        Columns of the DataFrame that y was.
    """

    values: Rows
    classes: Any = None
    from_vector: bool = False
    label_names: Array | None = None

    @property
    def n_columns(self) -> int:
        return int(self.values.shape[1])

    def dense(self) -> Array:
        """The values as an ndarray."""
        return np.asarray(self.values.toarray() if sp.issparse(self.values) else self.values)


# --- one label or one row of class probabilities a sample ----------------------------------------


def encode_classes(
    y: Any,
    domain: Domain = DISTRIBUTION,
    *,
    classes: Array | None = None,
    declared: ArrayLike | None = None,
) -> Targets:
    """Targets over exclusive classes, from hard labels or from rows.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Hard labels, or one row of numbers in the domain. A DataFrame's columns become `classes`.
    domain : Domain, default=DISTRIBUTION
        What the loss asks of a row.
    classes : ndarray of shape (n_classes,), default=None
        Classes of an earlier fit: y must fit them.
    declared : array-like of shape (n_classes,), default=None
        All classes that will ever come, when y may hold some of them only.

    Returns
    -------
    Targets

    Raises
    ------
    ValueError
        If y has no legal meaning; the message says which row, what it holds and what to do.
    """
    columns = _columns(y)
    y = as_array(y)
    if declared is not None:
        declared = _check_declared(declared)
    known = classes if classes is not None else declared
    if y.ndim == 1:
        labels, y = hard_labels(y), None
        known = np.unique(labels) if known is None else known
        return Targets(one_hot(labels, known), known, from_vector=True)
    values = float_matrix(y.toarray() if sp.issparse(y) else y)
    domain.check_entries(values)
    values = domain.checked_rows(values)
    if known is None:
        known = np.arange(values.shape[1]) if columns is None else columns
    if len(known) != values.shape[1]:
        raise ValueError(
            f"y must have one column for each of the {len(known)} classes {known}; "
            f"it has {values.shape[1]} columns."
        )
    if columns is not None and not np.array_equal(columns, known):
        values = values[:, column_order(columns, known)]
    return Targets(values, known, from_vector=False)


def hard_labels(y: Array) -> Array:
    if y.dtype.kind in "fc":
        assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    return y


def _check_declared(declared: ArrayLike) -> Array:
    classes = np.unique(np.asarray(declared))
    if len(classes) != np.size(declared):
        raise ValueError(f"classes must be distinct labels, one of each; got {declared!r}.")
    return classes


def one_hot(labels: Array, classes: Array) -> Array:
    column = {label: j for j, label in enumerate(classes.tolist())}
    distinct, inverse = np.unique(labels, return_inverse=True)
    unseen = [label not in column for label in distinct.tolist()]
    if any(unseen):
        row = int(np.argmax(np.asarray(unseen)[inverse]))
        raise ValueError(
            f"`y` has classes not in `classes_`: row {row} holds {labels[row]!r}, and the known "
            f"classes are {classes}. Name every class in the first call, or fit anew."
        )
    codes = np.array([column[label] for label in distinct.tolist()], dtype=np.intp)
    values = np.zeros((len(labels), len(classes)))
    values[np.arange(len(labels)), codes[inverse]] = 1.0
    return values


def column_order(columns: Array, classes: Array) -> list[int]:
    place = {name: j for j, name in enumerate(columns.tolist())}
    if set(place) != set(classes.tolist()):
        raise ValueError(f"The columns of y must be the classes {classes}; they are {columns}.")
    return [place[name] for name in classes.tolist()]


# --- several labels a sample ---------------------------------------------------------------------


def encode_labels(
    y: Any,
    domain: Domain = INDEPENDENT,
    *,
    classes: Array | None = None,
    declared: ArrayLike | None = None,
) -> Targets:
    """Targets of independent labels, from a binary vector or from a matrix.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or array-like or sparse matrix (n_samples, n_labels)
        Binary hard labels (then the one column is "is it the second class"), or entries in the
        domain with NaN or -1 for unknown. A DataFrame's columns become `label_names`.
    domain : Domain, default=INDEPENDENT
        What the loss asks of an entry: to lie in [0, 1], or to be at least 0.
    classes : ndarray, default=None
        Classes of an earlier fit: y must fit them.
    declared : array-like, default=None
        The two classes, or ``arange(n_labels)``, when y comes in parts.

    Returns
    -------
    Targets

    Raises
    ------
    ValueError
        If y has no legal meaning; the message says which row, what it holds and what to do.
    """
    columns = _columns(y)
    y = as_array(y)
    if declared is not None:
        declared = _check_declared(declared)
    if y.ndim == 1:
        return _encode_binary(y, classes if classes is not None else declared)
    values: Rows
    if sp.issparse(y):
        values = sp.csr_array(y, copy=True)
        values = sp.csr_array(
            (float_matrix(values.data), values.indices, values.indptr), shape=values.shape
        )
        values.sum_duplicates()
        values.data = unknown_as_nan(values.data)
        domain.check_entries(values.data, unknown=True, matrix=values)
    else:
        values = unknown_as_nan(float_matrix(y))
        domain.check_entries(values, unknown=True)
    known = np.arange(values.shape[1])
    for wanted, source in ((classes, "the earlier fit"), (declared, "`classes`")):
        if wanted is not None and not np.array_equal(wanted, known):
            raise ValueError(
                f"y has {len(known)} columns, so its classes are {known}; {source} says {wanted}."
            )
    return Targets(values, known, from_vector=False, label_names=columns)


def _encode_binary(y: Array, known: Array | None) -> Targets:
    labels = hard_labels(y)
    if known is None:
        known = np.unique(labels)
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
    return Targets(one_hot(labels, known)[:, [1]], known, from_vector=True)


def unknown_as_nan(values: Array) -> Array:
    unknown = values == -1
    return np.where(unknown, np.nan, values) if unknown.any() else values


# --- what both kinds of y share ------------------------------------------------------------------


def _columns(y: Any) -> Array | None:
    """Column names of a DataFrame (pandas, polars, ...) with more than one column."""
    if not hasattr(y, "columns") or np.ndim(y) != 2 or len(y.columns) == 1:
        return None
    names = np.asarray(list(y.columns))
    if len(set(names.tolist())) != len(names):
        raise ValueError(f"The columns of y must have distinct names; they are {names}.")
    return names


def as_array(y: Any) -> Any:
    """A 1-D or 2-D array or a sparse matrix; a single column is flattened with a warning."""
    if sp.issparse(y):
        return _flat(y.toarray()) if y.shape[1] == 1 else y
    if hasattr(y, "columns") and hasattr(y, "astype") and y.shape[1] > 1:
        return float_matrix(y)  # a pandas frame may hold pd.NA, which np.asarray would box
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            "y must be a vector of labels or a matrix with one column a class or label; its rows "
            "differ in length. Turn sets of labels into a matrix with MultiLabelBinarizer."
        ) from error
    if y.ndim == 2 and y.shape[1] == 1:
        return _flat(y)
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have one or two dimensions; it has shape {y.shape}.")
    return y


def _flat(y: Array) -> Array:
    return np.asarray(column_or_1d(y, warn=True))


def float_matrix(y: Any) -> Array:
    if getattr(y, "dtype", None) in (np.float32, np.float64):
        return np.asarray(y)
    try:
        return np.asarray(y.astype(np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"A 2-D y must hold numbers ({error}). Pass labels as a 1-D y, or as a matrix with one "
            "column a class or label."
        ) from error


def check_proba(y_proba: Any, shape: tuple[int, ...]) -> Array:
    """Probabilities as float64, of the shape of the targets and in [0, 1]."""
    proba = check_array(y_proba, dtype=np.float64, input_name="y_proba")
    if proba.shape != shape:
        raise ValueError(f"y_proba must have the shape of y_true, {shape}; it has {proba.shape}.")
    bad = ~((proba >= 0) & (proba <= 1))
    if bad.any():
        row, column = (int(place) for place in np.argwhere(bad)[0])
        raise ValueError(
            f"y_proba must lie in [0, 1]; row {row}, column {column} holds {proba[row, column]:g}."
        )
    return np.asarray(proba)


def target_kind(estimator: Any, y: Any) -> str:
    """What y means to a classifier: "binary", "classes" or "labels".

    A 1-D y holds classes. Rows of a 2-D y are label sets for a classifier whose tags say that it
    takes several labels or outputs, and class mass for any other. Values cannot tell: one-hot rows
    are both.
    """
    y = as_array(y)
    if y.ndim == 1:
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return "binary" if len(np.unique(y)) <= 2 else "classes"
    tags = get_tags(estimator)
    several = tags.target_tags.multi_output or tags.classifier_tags.multi_label
    return "labels" if several else "classes"
