"""One curve for each label, or for each class against the rest, fitted for many at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from .._namespace import namespaces
from .._targets.encoding import Array, Rows
from ._base import Calibrator

BLOCK_SIZE = 2**15
"""Entries fitted at a time, so that the arrays of a step stay in the processor's cache."""

POOL_SIZE = 2**21
"""Entries, of evenly spaced rows, that suffice for the curve of all labels together."""


@dataclass(frozen=True)
class Block:
    """Some labels, one row a label: what the curve reads, truths and weights (0: unknown)."""

    read: Array
    truth: Array
    weight: Array

    @property
    def positives(self) -> Array:
        return np.asarray((self.weight * self.truth).sum(axis=1))

    @property
    def negatives(self) -> Array:
        return np.asarray((self.weight * (1 - self.truth)).sum(axis=1))


def _block(read: Array, values: Rows, weight: Array) -> Block:
    dense = values.toarray() if sp.issparse(values) else values
    truth = np.ascontiguousarray(dense.T, dtype=np.float64)
    unknown = np.isnan(truth)
    weight = np.broadcast_to(weight, truth.shape)
    if unknown.any():
        truth, weight = np.where(unknown, 0.0, truth), np.where(unknown, 0.0, weight)
    return Block(np.ascontiguousarray(read.T), truth, weight)


def _blocks(
    labels: Array, read: Array, values: Rows, weight: Array
) -> Iterator[tuple[Array, Block]]:
    """The labels wanted, some at a time; truths are dense or CSC, NaN where unknown."""
    n_blocks = -(-len(labels) * len(read) // BLOCK_SIZE)
    for columns in np.array_split(labels, max(1, min(n_blocks, len(labels)))):
        if len(columns):
            yield columns, _block(read[:, columns], values[:, columns], weight)


def _pooled_block(read: Array, values: Rows, weight: Array) -> Block:
    step = -(-read.size // POOL_SIZE)
    block = _block(read[::step], values[::step], weight[::step])
    return Block(*(part.reshape(1, -1) for part in (block.read, block.truth, block.weight)))


class LabelwiseCalibrator(Calibrator):
    """A curve a label; where positives or negatives are fewer than `few`, that of all labels."""

    few: ClassVar[int] = 10
    base_rate_: Array
    pooled_: Array
    unchanged_: Array

    def __init__(self, *, from_logits: bool = False, multi_label: bool = False) -> None:
        self.from_logits = from_logits
        self.multi_label = multi_label

    def _fit(self, values: Rows, given: Array, weight: Array) -> None:
        columns = sp.csc_array(values) if sp.issparse(values) else values
        data = self._read(given), columns, weight
        everything = np.arange(given.shape[1])
        positives, negatives = np.concatenate(
            [[block.positives, block.negatives] for _, block in _blocks(everything, *data)], axis=1
        )
        informed = (positives > 0) & (negatives > 0)
        own = informed.copy()
        if self._pools():
            own &= np.minimum(positives, negatives) >= self.few
        curves = self._identity(len(own))
        for labels, block in _blocks(np.flatnonzero(own), *data):
            curves[labels], at_infinity = self._fit_block(block)
            own[labels] = ~(at_infinity & self._pools())
        pooled = informed & ~own
        if pooled.any():
            together = _pooled_block(*data)
            curve, at_infinity = self._fit_block(together)
            masses = together.positives[0], together.negatives[0]
            enough = min(masses) >= self.few and not at_infinity[0]
            curves[pooled] = curve if enough else self._identity(1)
            pooled &= enough
        total = positives + negatives
        self.base_rate_ = np.divide(positives, total, out=0 * total + np.nan, where=total > 0)
        self.pooled_ = pooled
        self.unchanged_ = ~(own | pooled)
        self._set_curves(curves)

    def _calibrated(self, given: Any) -> Any:
        xp, _ = namespaces(given)
        proba, unchanged = self._as_proba(given), xp.asarray(self.unchanged_)
        curved = xp.where(unchanged, proba, self._curved(self._read(given)))
        if self.multi_label or self.unchanged_.all():
            return curved
        changed = xp.where(unchanged, 0.0, curved)
        left = 1 - xp.where(unchanged, proba, 0.0).sum(axis=1, keepdims=True)
        changed = changed * (left / changed.sum(axis=1, keepdims=True))
        return xp.where(unchanged, proba, changed)

    def _pools(self) -> bool:
        """Whether labels that say too little take the curve of all."""
        return self.multi_label

    def _read(self, given: Any) -> Any:
        return self._as_log_odds(given)

    @abstractmethod
    def _identity(self, n_labels: int) -> Array:
        """Curves that change nothing, one entry along the first axis a label."""

    @abstractmethod
    def _fit_block(self, block: Block) -> tuple[Array, Array]:
        """Curves of some labels, and which of them have their best parameters at infinity."""

    @abstractmethod
    def _set_curves(self, curves: Array) -> None:
        """Store the curves under the names that the subclass documents."""

    @abstractmethod
    def _curved(self, read: Any) -> Any:
        """Values of the curves at what they read, (n_samples, n_labels)."""
