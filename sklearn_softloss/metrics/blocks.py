"""y_true and y_proba as a metric reads them: in blocks, checked, in float64, never as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils import gen_batches

from .._checks import refuse_entries, weight_or_ones
from .._targets.domains import DISTRIBUTION, INDEPENDENT, Domain, first_bad_sum
from .._targets.encoding import (
    Array,
    aligned,
    as_array,
    check_proba,
    column_names,
    encode_classes,
    float_matrix,
    hard_labels,
    one_hot,
)
from .._targets.labels import unknown_as_nan

BLOCK_ENTRIES = 2**17
"""Entries of a block: one megabyte in float64."""
COLUMNS_AT_ONCE = 16
"""Least number of columns read together: fewer would waste what memory delivers of each row."""
NOTHING_KNOWN = "y_true holds no known label in a row of weight above 0 to score against."

OptionalArray = ArrayLike | None

Block = tuple[slice, Array, Array]
"""Which rows or columns, and y_true and y_proba there as dense float64."""

Values = Callable[[Array, Array], Array]
"""Of y_true and y_proba of a block a value for each row, or for each entry."""


def mass_on_top(truth: Array, proba: Array) -> Array:
    """Target mass on the most probable class of each row, the first of equal ones."""
    return np.asarray(truth[np.arange(len(truth)), proba.argmax(axis=1)])


class Blocks:
    """y_true beside y_proba, both (n_samples, n_columns), dense or sparse, with row weights."""

    _second = "y_proba"

    def __init__(self, y_true: Any, y_proba: Any, sample_weight: Any) -> None:
        if y_proba.shape != y_true.shape:
            raise ValueError(
                f"{self._second} must have the shape of y_true, {y_true.shape}; it has "
                f"{y_proba.shape}."
            )
        if not y_true.shape[0]:
            raise ValueError("y_true must hold at least one row; it holds none.")
        self._truth, self._proba = y_true, y_proba
        self.n_samples, self.n_columns = y_true.shape
        self.weight = weight_or_ones(sample_weight, (self.n_samples,), name="sample_weight")

    def rows(self) -> Iterator[Block]:
        """Blocks of all columns of some rows."""
        for part in _slices(self.n_samples, self.n_columns):
            yield self._checked_block(part, _dense(self._truth[part]), _dense(self._proba[part]))

    def columns(self) -> Iterator[Block]:
        """Blocks of all rows of some columns, each column contiguous."""
        for block in self._unchecked_columns():
            yield self._checked_block(*block, before=":, ")

    def known_columns(self) -> Iterator[tuple[Array, Array, Array]]:
        """Known target, prediction and weight > 0 of each column; at the end an error if none."""
        any_known = False
        for _, truth, proba in self.columns():
            for target, column in zip(truth.T, proba.T, strict=True):
                known = ~np.isnan(target) & (self.weight > 0)
                any_known = any_known or bool(known.any())
                if known.all():
                    yield target, column, self.weight
                else:
                    yield target[known], column[known], self.weight[known]
        if not any_known:
            raise ValueError(NOTHING_KNOWN)

    def row_values(self, *values: Values) -> Array:
        """Functions of (truth, proba) that give one value a row, (n_functions, n_samples)."""
        found = np.empty((len(values), self.n_samples))
        for part, truth, proba in self.rows():
            for j, value in enumerate(values):
                found[j, part] = value(truth, proba)
        return found

    def row_mean(self, value: Values) -> float:
        """Weighted mean over the rows of such a function."""
        return float(np.average(self.row_values(value)[0], weights=self.weight))

    def _check_truth(self, truth: Array) -> Array:
        raise NotImplementedError

    def _check_proba(self, proba: Array) -> Array:
        return check_proba(proba, proba.shape)

    def _checked_block(self, part: slice, truth: Array, proba: Array, before: str = "") -> Block:
        """A block whose errors say in which argument, and from which row or column on."""
        start = f"[{before}{part.start}:]" if part.start else ""
        truth = _checked(f"y_true{start}", self._check_truth, truth)
        return part, truth, _checked(f"{self._second}{start}", self._check_proba, proba)

    def _unchecked_columns(self) -> Iterator[Block]:
        pair = (self._truth, self._proba)
        truth, proba = (one.tocsc() if sp.issparse(one) else one for one in pair)
        for part in _slices(self.n_columns, self.n_samples, at_least=COLUMNS_AT_ONCE):
            yield part, _columns_of(truth, part), _columns_of(proba, part)


class ClassBlocks(Blocks):
    """Targets over exclusive classes: hard labels, or rows that say how probable each class is."""

    def __init__(
        self,
        y_true: Any,
        y_proba: Any,
        labels: Any = None,
        sample_weight: Any = None,
        *,
        domain: Domain = DISTRIBUTION,
    ) -> None:
        self._domain = domain
        classes = None if labels is None else np.asarray(labels)
        if hasattr(y_true, "columns"):  # a frame names its classes, and may order them otherwise
            encode = partial(encode_classes, domain=domain, classes=classes)
            targets = _checked("y_true", encode, y_true)
            truth, known = targets.values, targets.classes
        else:
            truth, known = _checked("y_true", as_array, y_true), classes
        proba = _matrix(y_proba, "y_proba", known, "classes")
        if truth.ndim == 1:
            truth = _indicators(truth, classes, proba)
        elif classes is not None and len(classes) != truth.shape[1]:
            raise ValueError(
                f"y_true must have one column for each of the {len(classes)} classes in labels; "
                f"it has {truth.shape[1]}."
            )
        super().__init__(_matrix(truth, "y_true"), proba, sample_weight)

    def columns(self) -> Iterator[Block]:
        sums = np.empty(self.n_samples)
        for rows, _, _ in self.rows():  # a row is legal, or not, as a whole
            sums[rows] = _dense(self._truth[rows]).sum(axis=1, dtype=np.float64)
        for part, truth, proba in self._unchecked_columns():
            truth /= sums[:, None]
            yield part, truth, proba

    def _check_truth(self, truth: Array) -> Array:
        truth = truth.astype(np.float64, copy=False)
        return np.asarray(encode_classes(truth, self._domain).values)

    def _check_proba(self, proba: Array) -> Array:
        proba = super()._check_proba(proba)
        bad = first_bad_sum(proba)
        if bad is not None:
            raise ValueError(
                f"each row must sum to 1; row {bad[0]} sums to {bad[1]:.6g}. Divide it by its "
                "sum, or take a multilabel metric if the columns are labels of their own."
            )
        return proba


class LabelBlocks(Blocks):
    """Independent labels (one if 1-D): 0, 1 or between, NaN or -1 where unknown (here NaN)."""

    def __init__(self, y_true: Any, y_proba: Any, sample_weight: Any = None) -> None:
        self.label_names = column_names(y_true)
        proba = _matrix(y_proba, self._second, self.label_names)
        super().__init__(_matrix(y_true, "y_true"), proba, sample_weight)

    def _check_truth(self, truth: Array) -> Array:
        truth = unknown_as_nan(float_matrix(truth).astype(np.float64, copy=False))
        INDEPENDENT.check_entries(truth, unknown=True)
        return truth


class ScoreBlocks(LabelBlocks):
    """Independent labels beside scores of any size in the place of the probabilities."""

    _second = "y_score"

    def _check_proba(self, proba: Array) -> Array:
        scores = float_matrix(proba).astype(np.float64, copy=False)
        refuse_entries(~np.isfinite(scores), scores, "scores must be finite")
        return scores


class DecisionBlocks(LabelBlocks):
    """Independent labels beside decisions, 0 or 1, in the place of the probabilities."""

    _second = "y_pred"

    def _check_proba(self, proba: Array) -> Array:
        cure = "Compare probabilities with a threshold first."
        refuse_entries((proba != 0) & (proba != 1), proba, "decisions must be 0 or 1", cure)
        return proba.astype(np.float64, copy=False)


def _slices(length: int, width: int, at_least: int = 1) -> Iterator[slice]:
    return gen_batches(length, max(at_least, BLOCK_ENTRIES // max(1, width)))


def _dense(part: Any) -> Array:
    return np.asarray(part.toarray() if sp.issparse(part) else part)


def _columns_of(matrix: Any, part: slice) -> Array:
    """A copy in float64, column after column."""
    return np.array(_dense(matrix[:, part]), dtype=np.float64, order="F")


def _checked(name: str, check: Callable[[Any], Any], values: Any) -> Any:
    """The checked values; an error says in which argument."""
    try:
        return check(values)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _matrix(values: Any, name: str, order: Array | None = None, what: str = "labels") -> Any:
    """A CSR array or an ndarray with two dimensions; a vector becomes a column, and the columns of
    a frame are put in the order given."""
    values = _checked(name, partial(aligned, names=order, what=what), values)
    if sp.issparse(values):
        return sp.csr_array(values)
    if hasattr(values, "columns") and hasattr(values, "astype"):
        return _checked(name, float_matrix, values)  # pandas may hold pd.NA
    found = _checked(name, np.asarray, values)
    if found.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two dimensions; it has shape {found.shape}.")
    return found[:, None] if found.ndim == 1 else found


def _indicators(labels: Array, classes: Array | None, proba: Any) -> sp.csr_array:
    """Hard labels as sparse rows with a single one."""
    labels = _checked("y_true", partial(hard_labels, known=classes), labels)
    known = np.unique(labels) if classes is None else classes
    if proba.shape != (len(labels), len(known)):
        raise ValueError(
            f"y_proba must have shape {(len(labels), len(known))}, a row for each sample and a "
            f"column for each of the classes {known}; it has {proba.shape}. Pass all classes as "
            "labels if y_true does not hold them all."
        )
    return _checked("y_true", lambda y: one_hot(y, known, sparse=True), labels)
