"""Which annotators see things alike: a factor analysis of who agrees with whom, without X."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans

from .._targets.annotations import Annotations
from .._targets.encoding import Array

MOST_CAMPS = 4
"""Camps that are looked for by themselves, at most."""

SHUFFLES = 5
"""Tables with the annotators of each item shuffled that a further camp must beat."""

WORTH = 0.05
"""Share of the strength of what all see that a further camp must have."""

RIDGE = 0.005
"""Answers, as a share of an annotator's mean number, that speak for the mean of all."""

ROUNDS = 12

MORE_ANSWERS = 5
"""Answers as good as the mean of all that are added to those of each, so that few say little; on
simulated crowds 3 to 15 are as good."""

DENSE = 500
"""Annotators up to which all eigenvalues are computed."""


class Agreement(NamedTuple):
    """How often pairs of annotators agree beyond what their habits explain: of each pair `common`
    counts the items that both answered, and `total` sums over them the product of the two's
    answers, less each one's mean; `variance` is that of each one's answers."""

    common: sp.csr_array
    total: sp.csr_array
    variance: Array

    def without(self, loading: Array) -> Agreement:
        """What one factor leaves."""
        scale = sp.diags_array(loading)
        return self._replace(total=self.total - scale @ self.common @ scale)

    def factor(self, start: Array) -> Array:
        """The loadings, one an annotator, whose products are nearest to the mean agreement. By
        alternating weighted least squares, halfway each time."""
        loading, items = start, self.common.sum() / len(start)
        for _ in range(ROUNDS):
            weight = items * RIDGE * np.mean(loading**2)
            pulled = self.total @ loading + weight * np.mean(loading)
            found = pulled / np.maximum(self.common @ loading**2 + weight, np.finfo(float).tiny)
            loading = (loading + found) / 2
        return loading

    def directions(self, n: int) -> tuple[Array, Array]:
        """The largest eigenvalues of the agreement over its noise, and their vectors."""
        scaled = self.total * self.common.power(-0.5)
        n_annotators = len(self.variance)
        n = min(n, n_annotators - 1)
        if n_annotators <= DENSE:
            values, vectors = np.linalg.eigh(scaled.toarray())
        else:
            values, vectors = eigsh(scaled, k=n, which="LA", v0=np.ones(n_annotators))
        return values[::-1][:n], vectors[:, ::-1][:, :n]


def agreement_of(answers: Annotations, label: Array, common: sp.csr_array) -> Agreement:
    """That of the annotators with these labels; `common` are the items that pairs of them share."""
    n, k = len(answers.annotators), len(answers.classes)
    counts = np.bincount(answers.annotator * k + label, minlength=n * k).reshape(n, k)
    mean = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    excess = (label[:, None] == np.arange(k)) - mean[answers.annotator]
    if k == 2:  # the second class is the first turned round
        excess = np.sqrt(2) * excess[:, :1]
    total = sum(_pairs(answers, column) for column in excess.T)
    return Agreement(common, total, variance=1 - (mean**2).sum(axis=1))


def _pairs(answers: Annotations, values: Array) -> sp.csr_array:
    """Of two different annotators the products of such values of their answers, over all items."""
    table = sp.csr_array((values, (answers.item, answers.annotator)), shape=answers.shape)
    product = sp.csr_array(table.T @ table)
    product.setdiag(0)
    product.eliminate_zeros()
    return product


class Camps(NamedTuple):
    """Annotators in groups that see things alike, the largest first.

    The mean product of two annotators' answers over an item, less each one's mean, is that of their
    rows of `loadings`, one column what all share and one a further camp. `explained` is the
    correlation of an annotator's answers with what they share with the others', shrunk to the mean
    of all where these are few; NaN where there are none.
    """

    of_annotator: Array
    loadings: Array
    explained: Array


def camps_of(
    answers: Annotations, n_camps: int | str, random_state: np.random.RandomState
) -> Camps:
    """Camps of annotators: so many, or by "auto" as many as chance does not explain: a further
    one's eigenvalue exceeds those of tables with the annotators of each item shuffled, and a
    twentieth of that of the first factor, which holds what all share."""
    n_annotators = len(answers.annotators)
    common = _pairs(answers, np.ones(len(answers.item)))
    if not common.nnz:
        nobody = np.zeros(n_annotators, dtype=np.intp)
        return Camps(nobody, np.zeros((n_annotators, 1)), np.full(n_annotators, np.nan))
    agreement = agreement_of(answers, answers.label, common)
    general, rest = _without_general(agreement)
    most = MOST_CAMPS if n_camps == "auto" else int(n_camps)
    values, vectors = rest.directions(most - 1)
    if n_camps == "auto" and len(values):
        explained = agreement._replace(total=agreement.total - rest.total)
        needed = WORTH * explained.directions(1)[0][0]
        values = values[values > needed]
        values = values[values > _chance(answers, common, values, random_state)]
    loadings = [general]
    for value, vector in zip(values, vectors.T, strict=False):
        scale = np.sqrt(max(value, 0.0)) / np.mean(agreement.common.data) ** 0.25
        loadings.append(rest.factor(scale * vector))
        rest = rest.without(loadings[-1])
    found = np.stack(loadings, axis=1)
    camp, own = _grouped(found, len(values) + 1, agreement, random_state)
    is_shared = np.bincount(answers.item)[answers.item] > 1
    n_shared = np.bincount(answers.annotator[is_shared], minlength=n_annotators)
    return Camps(camp, found, _shrunk(own, n_shared))


def _without_general(agreement: Agreement) -> tuple[Array, Agreement]:
    """The loadings on what all share, and what these leave."""
    mean = max(agreement.total.sum(), 0.0) / agreement.common.sum()
    start = np.full(len(agreement.variance), np.sqrt(mean) + 1e-6)
    general = agreement.factor(start)
    return general, agreement.without(general)


def _chance(
    answers: Annotations, common: sp.csr_array, values: Array, random_state: np.random.RandomState
) -> float:
    """The largest eigenvalue where the annotators of each item are shuffled, or one that exceeds
    all of these values."""
    found = 0.0
    for _ in range(SHUFFLES if len(values) else 0):
        order = np.lexsort((random_state.random_sample(len(answers.item)), answers.item))
        shuffled = agreement_of(answers, answers.label[order], common)
        found = max(found, float(_without_general(shuffled)[1].directions(1)[0][0]))
        if found > values[0]:
            break
    return found


def _grouped(
    loadings: Array, n_camps: int, agreement: Agreement, random_state: np.random.RandomState
) -> tuple[Array, Array]:
    """Camps by k-means, explained correlations. Who is nearer to 0, where those stand who answer at
    random, than to the middle of a camp is put to the largest."""
    shared = (loadings**2).sum(axis=1)
    camp = np.zeros(len(loadings), dtype=np.intp)
    if n_camps > 1:
        means = KMeans(n_camps, n_init=10, random_state=random_state)
        camp = means.fit(loadings, sample_weight=shared).labels_.astype(np.intp)
        near = ((loadings - means.cluster_centers_[camp]) ** 2).sum(axis=1) < shared
        by_size = np.argsort(-np.bincount(camp[near], minlength=n_camps), kind="stable")
        camp = np.where(near, np.argsort(by_size)[camp], 0)
    varies = agreement.variance > 0
    explained = np.zeros(len(loadings))
    explained[varies] = np.sqrt(np.minimum(shared[varies] / agreement.variance[varies], 1.0))
    return camp, explained


def _shrunk(explained: Array, n_shared: Array) -> Array:
    """``((n - 1) * own + m * mean) / (n - 1 + m)`` of n answers to items that others answered too,
    where m is `MORE_ANSWERS`: a single one is its own mean and says nothing."""
    weight = np.maximum(n_shared - 1, 0)
    if not weight.any():
        return np.full(len(weight), np.nan)
    mean = np.average(explained, weights=weight)
    shrunk = (weight * explained + MORE_ANSWERS * mean) / (weight + MORE_ANSWERS)
    return np.where(n_shared > 0, shrunk, np.nan)
