"""Domains of targets: which values are legal, what they mean, and where predictions may lie."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._probability import LARGEST_PROBA, SMALLEST_PROBA
from .codes import TargetCode

Array = NDArray[Any]

ROW_SUM_TOLERANCE = 1e-3
"""How far a row of a distribution may be from summing to 1 before it is refused."""


class Domain(str):
    """What the targets of a loss may be: its name, and what follows from it.

    This base takes any finite number and gives it no meaning. Messages, the registry of losses and
    public parameters call a domain by its name, which it is.

    Attributes
    ----------
    low, high, prediction_range : float, float, tuple (float, float)
        Least and largest legal entry, and the same of a prediction.
    requirement, entries, or_unknown : str
        What messages say that entries must do, what they call them, and what else they may be.
    rows_sum_to_one, has_absence : bool
        Whether a row is a distribution over its columns; whether 0 and 1 mean that a label is
        absent or present, so that each may have its weight.
    never_known : float
        What is predicted of a column of which no entry was ever known.
    """

    low: ClassVar[float] = -np.inf
    high: ClassVar[float] = np.inf
    requirement: ClassVar[str] = "be finite"
    prediction_range: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    rows_sum_to_one: ClassVar[bool] = False
    has_absence: ClassVar[bool] = False
    never_known: ClassVar[float] = SMALLEST_PROBA
    entries: ClassVar[str] = "Entries of a 2-D y"
    or_unknown: ClassVar[str] = ", or be NaN or -1 where a label is unknown"

    def check_entries(self, values: Any, *, unknown: bool = False) -> None:
        """Refuse illegal entries of an array (n_samples, n_columns), or those that a CSR array
        stores; NaN passes only where unknown entries have a meaning."""
        is_sparse = hasattr(values, "tocoo")
        entries = values.data if is_sparse else values
        with np.errstate(invalid="ignore"):
            bad = ~((entries >= self.low) & (entries <= self.high) & np.isfinite(entries))
        if unknown:
            bad &= ~np.isnan(entries)
        if not bad.any():
            return
        at = int(np.argmax(bad))
        value = entries.flat[at]
        if is_sparse:
            row, column = values.tocoo().row[at], values.indices[at]
        else:
            row, column = np.unravel_index(at, values.shape)
        allowed = self.requirement + (self.or_unknown if unknown else "")
        raise ValueError(
            f"{self.entries} must {allowed}; row {row}, column {column} is {value:g}. "
            f"{NO_MISSING if np.isnan(value) else self.cure(value)}"
        )

    def cure(self, value: float) -> str:
        """What to do about an illegal entry."""
        return RESCALE

    def checked_rows(self, values: Array) -> Array:
        """Rows as the loss takes them; refuses those that are illegal as a whole."""
        return values

    def code(
        self, label_smoothing: float, target_range: tuple[float, float] | None, n_columns: int
    ) -> TargetCode:
        """What smoothing, or a target range, does to the targets."""
        raise ValueError(
            f"label_smoothing and target_range have no meaning for the targets of a {self!r} loss: "
            "leave them at their defaults."
        )

    def weighted(self, values: Array, class_weight: Array) -> tuple[Array, Array]:
        """Rows and their weights under weights of the classes: here a row keeps its values and
        takes the mean class weight under y / sum(y)."""
        mass, total = (values * class_weight).sum(axis=1), values.sum(axis=1)
        return values, np.divide(mass, total, out=np.ones_like(mass), where=total > 0)


class _UnitInterval(Domain):
    """What the two domains of probabilities share."""

    low, high = 0.0, 1.0
    requirement = "lie in [0, 1]"
    prediction_range = (SMALLEST_PROBA, LARGEST_PROBA)

    def cure(self, value: float) -> str:
        return INTEGER_CODES if np.isfinite(value) and value == np.round(value) else RESCALE

    def code(
        self, label_smoothing: float, target_range: tuple[float, float] | None, n_columns: int
    ) -> TargetCode:
        if target_range is not None:
            low, high = target_range
            return TargetCode(high - low, low)
        n_outcomes = n_columns if self.rows_sum_to_one else 2  # absent and present
        return TargetCode(1 - label_smoothing, label_smoothing / n_outcomes)


class Distribution(_UnitInterval):
    """Rows >= 0 that sum to 1: one class is true, and the row says how probable each is. Class
    weights c turn y into c y / (c . y) with the weight c . y, as of draws of hard labels."""

    rows_sum_to_one = True

    def checked_rows(self, values: Array) -> Array:
        sums = values.sum(axis=1)
        if np.all(sums == 1):
            return values  # bit for bit, so that a one-hot row is the hard label
        bad = first_bad_sum(values)
        if bad is not None:
            row, total = bad
            raise ValueError(
                "Under a 'distribution' loss every row of y must sum to 1: "
                f"row {row} sums to {total:.6g}; {EMPTY_ROW if total == 0 else WRONG_SUM}. If the "
                "columns are annotators, turn their answers into shares by "
                "sklearn_softloss.targets.vote_shares."
            )
        return values / sums[:, None]

    def code(
        self, label_smoothing: float, target_range: tuple[float, float] | None, n_columns: int
    ) -> TargetCode:
        code = super().code(label_smoothing, target_range, n_columns)
        row_sum = code.scale + n_columns * code.offset
        if first_bad_sum(np.array([[row_sum]])) is not None:
            raise ValueError(
                f"target_range={target_range!r} turns rows that sum to 1 into rows that sum to "
                f"{row_sum:.6g} with {n_columns} classes, which a 'distribution' loss cannot take: "
                "use label_smoothing, or an 'independent' loss such as 'binary_cross_entropy'."
            )
        return code

    def weighted(self, values: Array, class_weight: Array) -> tuple[Array, Array]:
        _, weight = super().weighted(values, class_weight)
        weighted = values * class_weight
        mass = weighted.sum(axis=1, keepdims=True)
        return np.divide(weighted, mass, out=values.copy(), where=mass > 0), weight


class Independent(_UnitInterval):
    """Entries in [0, 1], each the probability of a label or class by itself; rows are free."""

    has_absence = True


class Nonnegative(Domain):
    """Counts, or weights that sum to nothing in particular; predictions are probabilities."""

    low = 0.0
    prediction_range = (SMALLEST_PROBA, LARGEST_PROBA)
    requirement = "be finite and >= 0"


class Real(Domain):
    """Any finite number: the targets of a regression."""

    never_known = float("nan")
    entries = "Entries of y"
    or_unknown = ", or be NaN where unknown"

    def cure(self, value: float) -> str:
        if np.isinf(value):
            return INFINITE
        return "Take a loss of real numbers, such as 'squared_error', or check the signs of y."


class NonnegativeReal(Real):
    """Counts and amounts, 0 included."""

    low = 0.0
    requirement = "be finite and >= 0"
    prediction_range = (SMALLEST_PROBA, np.inf)


class PositiveReal(NonnegativeReal):
    """Amounts that are never 0."""

    low = SMALLEST_PROBA
    requirement = "be finite and > 0"

    def cure(self, value: float) -> str:
        return TAKE_TWEEDIE if value == 0 else super().cure(value)


DISTRIBUTION = Distribution("distribution")
INDEPENDENT = Independent("independent")
NONNEGATIVE = Nonnegative("nonnegative")
REAL = Real("real")
NONNEGATIVE_REAL = NonnegativeReal("nonnegative real")
POSITIVE_REAL = PositiveReal("positive real")
DOMAINS: dict[str, Domain] = {
    str(domain): domain
    for domain in (DISTRIBUTION, INDEPENDENT, NONNEGATIVE, REAL, NONNEGATIVE_REAL, POSITIVE_REAL)
}


def first_bad_sum(values: Any) -> tuple[int, float] | None:
    """Number and sum of the first row that does not sum to 1, or None."""
    sums = np.asarray(values.sum(axis=1)).ravel()
    bad = ~(np.abs(sums - 1) <= ROW_SUM_TOLERANCE)
    if not bad.any():
        return None
    row = int(np.argmax(bad))
    return row, float(sums[row])


NO_MISSING = (
    "Input y contains NaN: drop these rows; missing labels have a meaning in "
    "MultiLabelSigmoidClassifier only."
)
INFINITE = "Input y contains infinity or a value too large for dtype('float64'). Drop such rows."
TAKE_TWEEDIE = "Where amounts may be 0 take loss='tweedie'."
RESCALE = "Rescale y to probabilities, confidences or counts."
INTEGER_CODES = (
    "Integer codes usually come from cross_val_predict(method='predict_proba'), which "
    "label-encodes the columns of a 2-D y: use "
    "sklearn_softloss.model_selection.cross_val_predict_proba. Counts of votes: divide each "
    "row by its sum, or turn votes into rows by sklearn_softloss.targets.vote_shares. Counts "
    "of labels: take loss='count_distribution' in MultiLabelSigmoidClassifier."
)
EMPTY_ROW = (
    "drop it: a row without mass says nothing about the classes. Where such rows have "
    "a meaning take an 'independent' loss such as 'binary_cross_entropy', or "
    "MultiLabelSigmoidClassifier with loss='count_distribution'"
)
WRONG_SUM = (
    "divide the row by its sum if it holds votes or weights, or take an 'independent' "
    "loss such as 'binary_cross_entropy' if each entry is a confidence of its own"
)
