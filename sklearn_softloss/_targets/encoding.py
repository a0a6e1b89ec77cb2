"""From y as given to checked targets: what both kinds share, and those over exclusive classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, check_array, get_tags
from sklearn.utils.multiclass import check_classification_targets

from .._checks import as_floats, check_distinct, is_missing, refuse_entries, refuse_masked
from .._warn import warn
from ..distributed import ALONE, Processes
from .domains import DISTRIBUTION, Domain, first_bad_sum
from .long_tables import refuse_annotations, refuse_long_table

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
        What a classifier's `predict` answers with, sorted; ``arange(n_columns)`` for labels.
    from_vector : bool
        Whether y was one label a sample, so that splits may be stratified.
    label_names : ndarray of shape (n_columns,) or None
        Columns of the DataFrame that y was, or of an earlier one, in the order of that.
    column_classes : ndarray of shape (n_classes,) or None
        The declared classes, in their order: what the columns of a 2-D y without names are.
    processes : Processes
        That hold rows each: classes, and sums over rows, are those of all.
    """

    values: Rows
    classes: Any = None
    from_vector: bool = False
    label_names: Array | None = None
    column_classes: Array | None = None
    processes: Processes = ALONE

    @property
    def n_columns(self) -> int:
        return int(self.values.shape[1])

    def dense(self) -> Array:
        """The values as an ndarray."""
        return np.asarray(self.values.toarray() if sp.issparse(self.values) else self.values)

    def mass(self, weight: Array | None) -> Array:
        """Sums of the columns over the rows of all processes, which are weighted."""
        return np.asarray(self.processes.total(_weighted_sum(self.values, weight)))

    def absent_and_present(self, weight: Array | None = None) -> Array:
        """The same of 1 - y and of y over known entries, shape (2, n_columns)."""
        n_rows = self.values.shape[0] if weight is None else weight.sum()
        present = _weighted_sum(each(np.nan_to_num, self.values), weight)
        absent = n_rows - _weighted_sum(each(np.isnan, self.values), weight) - present
        return np.asarray(self.processes.total(np.stack([absent, present])))


def each(function: Callable[[Array], Array], values: Any) -> Any:
    """The function of each entry, of those that are stored in a CSR array: of 0 it is 0."""
    if not sp.issparse(values):
        return function(values)
    return sp.csr_array((function(values.data), values.indices, values.indptr), values.shape)


def _weighted_sum(values: Any, weight: Array | None) -> Array:
    if weight is None:
        return np.asarray(values.sum(axis=0), dtype=np.float64)
    return np.asarray(weight @ values, dtype=np.float64)


DENSE_ENTRIES = 2**22
"""Entries of one-hot rows that are held dense at once: 32 megabytes."""

ONE_COLUMN = (
    "Numbers in one column are no labels: if they are the probability p of the second class pass "
    "np.column_stack([1 - p, p]); MultiLabelSigmoidClassifier takes a matrix of one column, "
    "p.reshape(-1, 1), as one label."
)


def encode_classes(
    y: Any,
    domain: Domain = DISTRIBUTION,
    classes: Array | None = None,
    declared: ArrayLike | None = None,
    *,
    may_be_sparse: bool = False,
    processes: Processes = ALONE,
) -> Targets:
    """Targets over exclusive classes, sorted, from hard labels or rows of numbers in the domain.
    `classes` are those of an earlier fit. Those `declared` are all that will ever come, and name
    the columns of a 2-D y without names. Many labels of many classes may become a CSR array."""
    columns, given = column_names(y), y
    y = as_array(y)
    if declared is not None:
        declared = check_declared(declared)
        columns = declared if columns is None else columns
        classes = np.unique(declared) if classes is None else classes
    if y.ndim == 1:
        labels = hard_labels(y, given, classes)
        known = distinct(labels, processes) if classes is None else classes
        sparse = may_be_sparse and len(labels) * len(known) > DENSE_ENTRIES
        rows = one_hot(labels, known, sparse)
        return Targets(rows, known, True, column_classes=declared, processes=processes)
    if y.shape[1] == 1:
        raise ValueError(ONE_COLUMN)
    values = float_matrix(y.toarray() if sp.issparse(y) else y)
    domain.check_entries(values)
    values = domain.checked_rows(values)
    if classes is not None:
        known = classes
    else:
        known = np.arange(values.shape[1]) if columns is None else np.unique(columns)
    if len(known) != values.shape[1]:
        raise ValueError(
            f"y must have one column for each of the {len(known)} classes {known}; "
            f"it has {values.shape[1]} columns."
        )
    if columns is not None:
        values = in_order(values, columns, known)
    return Targets(values, known, column_classes=declared, processes=processes)


def distinct(labels: Array, processes: Processes = ALONE) -> Array:
    """The labels there are, sorted; those of all processes."""
    parts = processes.gather(np.unique(labels))
    if len(parts) == 1:
        return np.asarray(parts[0])
    names = [label for part in parts for label in part.tolist()]
    return np.unique(_as_names(names, "The labels of all processes"))


def hard_labels(y: Array, given: Any = None, known: Any = None) -> Array:
    """A vector of labels, checked: one kind, none missing; also as it was `given`. Whether numbers
    may be labels is no question where the classes are `known`."""
    if y.dtype.kind in "US" and isinstance(given, (list, tuple)):
        _check_cells(np.asarray(given, dtype=object))  # NumPy has made text of all of them
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
        if y.size and y.min() >= 0 and y.max() <= 1 and (y != np.round(y)).any():
            raise ValueError(f"Unknown label type: continuous. {ONE_COLUMN}")
    elif y.dtype.kind == "O":
        _check_cells(y)
    if known is None or y.dtype.kind not in "biuUS":
        check_classification_targets(y)
    return y


def _check_cells(y: Array) -> None:
    """Refuse what NumPy would sort or compare in ways of its own: lists, gaps, mixed labels."""
    kinds: dict[str, int] = {}
    for row, cell in enumerate(y.tolist()):
        if isinstance(cell, (list, tuple, set, dict, np.ndarray)):
            raise ValueError(
                f"y must hold one label a row; row {row} holds {cell!r}. Turn sets of labels into "
                "a matrix with MultiLabelBinarizer, and a column of rows with np.stack."
            )
        if is_missing(cell):
            raise ValueError(
                f"Input y contains NaN: row {row} holds {cell!r} in the place of a label. Drop "
                "these rows; classifiers of sklearn_softloss.semi_supervised take rows without a "
                "label."
            )
        kinds.setdefault("text" if isinstance(cell, (str, bytes)) else "numbers", row)
    if len(kinds) > 1:
        first, second = kinds.values()
        raise ValueError(
            f"Labels must be all text or all numbers; row {first} holds {y[first]!r} and row "
            f"{second} holds {y[second]!r}."
        )


def check_declared(declared: ArrayLike) -> Array:
    given = _as_names(list(np.asarray(declared, dtype=object).ravel()), "classes")
    if len(np.unique(given)) != len(given):
        raise ValueError(f"classes must be distinct labels, one of each; got {declared!r}.")
    return given


def _as_names(names: list[Any], what: str) -> Array:
    """Names as an array that keeps their type; text and numbers do not mix."""
    if len({isinstance(name, (str, bytes)) for name in names}) > 1:
        raise ValueError(f"{what} must be all text or all numbers; they are {names}.")
    return np.asarray(names)


def one_hot(labels: Array, classes: Array, sparse: bool = False) -> Any:
    """A row with a single 1 for each label, dense or as a CSR array."""
    column = {label: j for j, label in enumerate(classes.tolist())}
    found, inverse = np.unique(labels, return_inverse=True)
    codes = np.array([column.get(label, -1) for label in found.tolist()], dtype=np.intp)[inverse]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ValueError(
            f"`y` has classes not in `classes_`: row {row} holds {labels.tolist()[row]!r}, and the "
            f"known classes are {classes}. Name every class in the first call, or fit anew."
        )
    shape = len(labels), len(classes)
    if sparse:
        return sp.csr_array((np.ones(shape[0]), codes, np.arange(shape[0] + 1)), shape=shape)
    values = np.zeros(shape)
    values[np.arange(shape[0]), codes] = 1.0
    return values


def in_order(values: Any, columns: Array | None, names: Array | None, what: str = "classes") -> Any:
    """Columns of a matrix in the order of the names; as they are where either has no name."""
    if columns is None or names is None or np.array_equal(columns, names):
        return values
    place = {name: j for j, name in enumerate(columns.tolist())}
    if set(place) != set(names.tolist()):
        raise ValueError(f"The columns must be the {what} {names}; they are {columns}.")
    return values[:, [place[name] for name in names.tolist()]]


def aligned(y: Any, names: Array | None, what: str = "labels") -> Any:
    """A frame as a matrix with its columns in the order of the names; anything else as it is."""
    columns = None if names is None else column_names(y)
    return y if columns is None else in_order(float_matrix(y), columns, names, what)


def by_name(values: Any, n_labels: int, names: Array | None, what: str) -> Any:
    """Values of a pandas Series whose index names the labels, in their order; all else as it is."""
    index = list(values.index) if hasattr(values, "iloc") and np.ndim(values) == 1 else []
    if index == list(range(len(index))):
        return values
    names = np.arange(n_labels) if names is None else names
    if len(index) != len(names) or set(index) != set(names.tolist()):
        raise ValueError(
            f"The index of {what} must be the labels {names.tolist()}, in any order; it is {index}."
        )
    return values.loc[names.tolist()].to_numpy()


def in_class_order(y: Any, estimator: Any) -> Any:
    """A 2-D y without names with its columns in the order of `classes_`; in another one they are
    where `classes` of `partial_fit` named them so."""
    declared = _kept(estimator, "column_classes_")
    if declared is None or np.ndim(y) != 2 or column_names(y) is not None:
        return y
    y = as_array(y)
    return in_order(sp.csr_array(y) if sp.issparse(y) else y, declared, np.unique(declared))


def label_names(estimator: Any) -> Array | None:
    """`label_names_` of a fitted classifier, also where a search or a pipeline wraps it."""
    return _kept(estimator, "label_names_")


def _kept(estimator: Any, name: str) -> Array | None:
    while estimator is not None and not hasattr(estimator, name):
        estimator = _inside(estimator)
    return None if estimator is None else np.asarray(getattr(estimator, name))


# --- y as an array, and its names ----------------------------------------------------------------


def column_names(y: Any) -> Array | None:
    """Column names of a DataFrame with more than one column; not the numbers 0, 1, ... that a
    frame has which was given no names."""
    refuse_annotations(y)
    if not hasattr(y, "columns") or np.ndim(y) != 2 or len(y.columns) <= 1:
        return None
    refuse_long_table(y, of_votes=False)
    names = list(y.columns)
    if any(isinstance(name, tuple) for name in names):
        raise ValueError(
            f"The columns of y must have one name each; they are a MultiIndex: {names}. Join the "
            "levels first."
        )
    if names == list(range(len(names))):
        return None
    check_distinct(names, "y")
    return _as_names(names, "The names of the columns of y")


def even_array(y: Any) -> Array:
    """y as an array, unless it is masked or complex, or its rows differ in length."""
    if isinstance(y, np.ma.MaskedArray):
        refuse_masked(y, "y")
    try:
        found = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            "y must be a vector of labels or a matrix with one column a class or label; its rows "
            "differ in length. Turn sets of labels into a matrix with MultiLabelBinarizer."
        ) from error
    if found.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold labels or real numbers.")
    return found


def as_array(y: Any, one_label: bool = False) -> Any:
    """A 1-D or 2-D array or a sparse matrix; a single column is flattened with a warning, unless
    it holds soft numbers or NaN, or with `one_label` -1 for unknown beside 0 and 1."""
    if sp.issparse(y):
        return _flat(y.toarray(), one_label) if y.shape[1] == 1 else y
    if hasattr(y, "columns") and hasattr(y, "astype") and y.shape[1] > 1:
        return float_matrix(y)  # a pandas frame may hold pd.NA, which np.asarray would box
    y = even_array(y)
    if y.ndim == 2 and y.shape[1] == 1:
        return _flat(y, one_label)
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have one or two dimensions; it has shape {y.shape}.")
    if 0 in y.shape[1:]:
        raise ValueError(f"y must have a column for each class or label; it has shape {y.shape}.")
    return y


def _flat(y: Array, one_label: bool) -> Array:
    if y.dtype.kind == "f" and not np.array_equal(y, np.round(y)):
        return y
    if one_label and y.dtype.kind in "if" and set(np.unique(y)) in ({-1, 0}, {-1, 0, 1}):
        return y
    return as_vector(y)


def as_vector(y: Array) -> Array:
    """A matrix of one column as a vector, with scikit-learn's warning."""
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change its shape to "
        "(n_samples,), for example using ravel().",
        DataConversionWarning,
    )
    return y.ravel()


def float_matrix(y: Any) -> Array:
    if getattr(y, "dtype", None) in (np.float32, np.float64):
        return np.asarray(y)
    cure = "Pass labels as a 1-D y, or as a matrix with one column a class or label."
    return as_floats(y, "A 2-D y", cure)


def check_proba(y_proba: Any, shape: tuple[int, ...]) -> Array:
    """Probabilities as float64, of the shape of the targets and in [0, 1]."""
    proba = check_array(y_proba, dtype=np.float64, input_name="y_proba")
    if proba.shape != shape:
        raise ValueError(f"y_proba must have the shape of y_true, {shape}; it has {proba.shape}.")
    refuse_entries(~((proba >= 0) & (proba <= 1)), proba, "y_proba must lie in [0, 1]")
    return np.asarray(proba)


def target_kind(estimator: Any, y: Any) -> str:
    """What y means to a classifier: "binary", "classes" or "labels". A 2-D y holds label sets if
    the tags, or those of what it wraps, say several labels or outputs, else class mass; one-hot
    rows are both."""
    y = as_array(y)
    if y.ndim == 1:
        return "binary" if len(np.unique(hard_labels(y))) <= 2 else "classes"
    if _takes_labels(estimator):
        return "labels"
    bad = first_bad_sum(y if sp.issparse(y) else float_matrix(y))
    if bad is not None:
        row, total = bad
        raise ValueError(
            f"A 2-D y is read as rows that sum to 1, because {type(estimator).__name__} does not "
            f"say in its tags that it takes several labels; row {row} sums to {total:.6g}. For "
            "label sets take a classifier that says so, such as MultiLabelSigmoidClassifier or "
            "OneVsRestClassifier."
        )
    return "classes"


def _takes_labels(estimator: Any) -> bool:
    if getattr(estimator, "reads_rows_as_classes", False):  # whatever the one inside would do
        return False
    tags = get_tags(estimator)
    if tags.target_tags.multi_output or tags.classifier_tags.multi_label:
        return True
    inner = _inside(estimator)
    return inner is not None and _takes_labels(inner)


def _inside(estimator: Any) -> Any:
    """The estimator that a search or a pipeline wraps, fitted where that is; None for others."""
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    names = ("best_estimator_", "estimator_", "estimator")
    return next((getattr(estimator, name) for name in names if hasattr(estimator, name)), None)
