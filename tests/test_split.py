"""The splitters: parts that partition the rows, have their sizes and share out every label."""

import itertools
import os
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    MultiLabelStratifiedShuffleSplit,
    SoftStratifiedKFold,
    _iterative,
)
from sklearn_softloss.model_selection._iterative import (
    _reassign,
    assign_iteratively,
    exchange,
    with_label_pairs,
)

DATA = os.environ.get("SOFTLOSS_DATA")

FOLDS = {
    "soft": SoftStratifiedKFold,
    "labels": MultiLabelStratifiedKFold,
    "pairs": lambda *args, **kwargs: MultiLabelStratifiedKFold(*args, order=2, **kwargs),
}
over_folds = pytest.mark.parametrize("Folds", FOLDS.values(), ids=FOLDS)


def draw(n, n_labels, kind, seed):
    """Labels of falling frequency: sets, probabilities, or sets with unknown entries and rows."""
    rng = np.random.RandomState(seed)
    proba = rng.beta(1, np.linspace(1, 12, n_labels), (n, n_labels))
    if kind == "soft":
        return proba
    Y = (rng.uniform(size=proba.shape) < proba).astype(float)
    if kind == "unknown":
        Y[rng.uniform(size=Y.shape) < 0.3] = np.nan
        Y[: n // 10] = np.nan
    return Y


def with_a_label(Y):
    """The last label where there is none."""
    return np.column_stack([Y[:, :-1], np.where(Y.any(axis=1), Y[:, -1], 1)])


def folds_of(splitter, y):
    """The fold of each row; fails unless the folds partition the rows."""
    n = y.shape[0]
    fold = np.full(n, -1)
    for number, (train, test) in enumerate(splitter.split(np.zeros(n), y)):
        assert (fold[test] == -1).all()
        fold[test] = number
        np.testing.assert_array_equal(np.union1d(train, test), np.arange(n))
        assert len(train) + len(test) == n
    assert (fold >= 0).all()
    return fold


def counts(fold, y):
    """Mass of each label in each fold."""
    return np.stack([np.nansum(y[fold == number], axis=0) for number in range(fold.max() + 1)])


def imbalance(fold, y):
    """Sum over folds and labels of (mass - expected mass)^2 / total mass."""
    found, sizes = counts(fold, y), np.bincount(fold)
    total = found.sum(axis=0)
    expected = np.outer(sizes / sizes.sum(), total)
    return ((found - expected) ** 2)[:, total > 0].sum(axis=0) @ (1 / total[total > 0])


def is_even(found):
    """Whether numbers differ between folds by one at most."""
    return (np.ptp(found, axis=0) <= 1).all()


# --- what every splitter owes ---------------------------------------------------------------------


@over_folds
@given(
    n=st.integers(5, 80),
    n_labels=st.integers(2, 8),
    kind=st.sampled_from(["sets", "soft", "unknown"]),
    n_splits=st.integers(2, 5),
    shuffle=st.booleans(),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_folds_partition_the_rows_evenly(Folds, n, n_labels, kind, n_splits, shuffle, seed):
    Y = draw(n, n_labels, kind, seed)
    fold = folds_of(Folds(n_splits, shuffle=shuffle, random_state=seed if shuffle else None), Y)
    assert is_even(np.bincount(fold, minlength=n_splits))
    unknown = np.isnan(Y).all(axis=1)
    empty = ~unknown & ~(np.nan_to_num(Y) > 0).any(axis=1)
    for rows in (unknown, empty):
        assert is_even(np.bincount(fold[rows], minlength=n_splits))


@over_folds
@given(
    n=st.integers(100, 300),
    n_labels=st.integers(2, 12),
    kind=st.sampled_from(["sets", "soft", "unknown"]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_labels_are_nearer_to_their_shares_than_by_chance(Folds, n, n_labels, kind, seed):
    Y = draw(n, n_labels, kind, seed)
    stratified = imbalance(folds_of(Folds(5, random_state=seed), Y), Y)
    by_chance = [
        imbalance(folds_of(KFold(5, shuffle=True, random_state=s), Y), Y) for s in range(10)
    ]
    assert stratified < np.mean(by_chance)


@over_folds
@pytest.mark.parametrize("n_passes", [0, 3])
@given(class_sizes=st.lists(st.integers(1, 30), min_size=1, max_size=9), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_hard_labels_differ_by_one_between_folds(Folds, n_passes, class_sizes, seed):
    """As with StratifiedKFold; so a class with n_splits rows or more is in every fold."""
    y = np.random.RandomState(seed).permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
    assume(len(y) >= 4)
    one_hot = np.eye(len(class_sizes))[y]
    with patch.object(_iterative, "N_PASSES", n_passes):
        for target in [y, one_hot] if one_hot.shape[1] > 1 else [y]:
            assert is_even(counts(folds_of(Folds(4, random_state=seed), target), one_hot))


@over_folds
def test_seeds(Folds):
    Y = draw(60, 4, "soft", 0)

    def together(**kwargs):
        """Which rows share a fold."""
        fold = folds_of(Folds(3, **kwargs), Y)
        return np.equal.outer(fold, fold)

    seven = Folds(3, random_state=7)
    np.testing.assert_array_equal(folds_of(seven, Y), folds_of(seven, Y))
    np.testing.assert_array_equal(together(shuffle=False), together(shuffle=False))
    assert (together(random_state=7) != together(random_state=8)).any()
    drawn = np.random.RandomState(0)
    assert (together(random_state=drawn) != together(random_state=drawn)).any()
    before = np.random.get_state()[1].copy()
    assert (together() != together()).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


CONTAINERS = [np.ndarray.tolist, pd.DataFrame, pl.DataFrame, sp.csr_array, sp.coo_matrix]


@over_folds
@pytest.mark.parametrize("container", CONTAINERS)
def test_the_container_of_y_does_not_matter(Folds, container):
    Y = draw(40, 4, "unknown", 0)
    expected = folds_of(Folds(4, random_state=0), Y)
    for other in (Y, np.where(np.isnan(Y), -1, Y)):
        parts = Folds(4, random_state=0).split(np.zeros(40), container(other))
        for number, (_, test) in enumerate(parts):
            np.testing.assert_array_equal(test, np.flatnonzero(expected == number))


@over_folds
def test_y_is_left_as_it_was(Folds):
    dense = draw(40, 4, "unknown", 0)
    sparse = sp.csr_array(np.where(np.isnan(dense), -1, dense))
    sparse.data[::3] = 0
    dense_before, sparse_before = dense.copy(), sparse.copy()
    list(Folds(4, random_state=0).split(dense, dense))
    list(Folds(4, random_state=0).split(dense, sparse))
    np.testing.assert_array_equal(dense, dense_before)
    np.testing.assert_array_equal(sparse.data, sparse_before.data)
    np.testing.assert_array_equal(sparse.indices, sparse_before.indices)


@over_folds
def test_unknown_rows_do_not_disturb(Folds):
    Y = draw(60, 4, "sets", 0)
    Y[0::4] = np.nan
    unknown = np.isnan(Y).all(axis=1)
    fold = folds_of(Folds(4, random_state=0), Y)
    assert is_even(np.bincount(fold[unknown]))
    assert is_even(np.bincount(fold))
    without = folds_of(Folds(4, random_state=0), Y[~unknown])
    assert imbalance(fold[~unknown], Y[~unknown]) <= 2 * imbalance(without, Y[~unknown])


def test_string_labels():
    y = np.array(["a", "b", "b", "c"] * 6, dtype=object)
    one_hot = np.stack([y == label for label in "abc"], axis=1).astype(float)
    for Folds in FOLDS.values():
        assert (counts(folds_of(Folds(3, random_state=0), y), one_hot) == [2, 4, 2]).all()


def test_counts_count_by_their_size():
    Y = np.array([[8, 0], [4, 0], [4, 0], [0, 1], [0, 1], [1, 0]] * 4)
    found = counts(folds_of(MultiLabelStratifiedKFold(4, random_state=0), Y), Y)
    np.testing.assert_array_equal(found, np.tile([17, 2], (4, 1)))


# --- the algorithm --------------------------------------------------------------------------------


def as_printed(Y, sizes, shares, order, random_tie):
    """The pseudo-code of Sechidis et al. with sets and loops, and with parts that get full."""
    places = list(sizes)
    lacking = [[share * Y[:, label].sum() for label in range(Y.shape[1])] for share in shares]
    left = list(range(len(Y)))
    parts = np.full(len(Y), -1)
    while left:
        having = {label: [i for i in left if Y[order[i], label]] for label in range(Y.shape[1])}
        rarest = min((label for label in having if having[label]), key=lambda j: len(having[j]))
        for i in having[rarest]:
            free = [part for part in range(len(sizes)) if places[part] > 0]
            part = max(free, key=lambda m: (lacking[m][rarest], places[m], random_tie[i, m]))
            parts[order[i]] = part
            left.remove(i)
            places[part] -= 1
            for label in np.flatnonzero(Y[order[i]]):
                lacking[part][label] -= 1
    return parts


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sizes", [(10, 10, 10), (11, 10, 9), (24, 6, 0)])
def test_iterative_assignment_is_the_printed_algorithm(sizes, seed):
    Y = with_a_label(draw(30, 5, "sets", seed))
    shares = np.array(sizes) / 30
    found = assign_iteratively(sp.csr_array(Y), sizes, shares, np.random.RandomState(seed))
    rng = np.random.RandomState(seed)
    order, random_tie = rng.permutation(30), rng.random_sample((30, 3))
    np.testing.assert_array_equal(found, as_printed(Y, sizes, shares, order, random_tie))
    np.testing.assert_array_equal(np.bincount(found, minlength=3), sizes)


@pytest.mark.parametrize("kind", ["sets", "soft"])
@pytest.mark.parametrize("seed", range(5))
def test_a_block_is_reassigned_by_the_best_of_all_permutations(kind, seed):
    Y = np.vstack([with_a_label(draw(20, 6, kind, seed)), np.ones((1, 6))])
    parts = np.append(np.arange(20) % 4, 0)

    def surplus_of(scaled, parts):
        member = np.equal.outer(parts, np.arange(4)).astype(float)
        return scaled.T @ member - np.outer(scaled.sum(axis=0), member.mean(axis=0))

    rows = [0, 9, 18, 7]
    permuted = []
    for places in itertools.permutations(parts[rows]):
        other = parts.copy()
        other[rows] = places
        permuted.append(imbalance(other, Y))
    assert np.ptp(permuted) > 0
    scaled = Y / np.sqrt(Y.sum(axis=0))
    surplus = surplus_of(scaled, parts)
    _reassign(sp.csr_array(scaled), parts, surplus, rows)
    np.testing.assert_allclose(imbalance(parts, Y), min(permuted))
    np.testing.assert_allclose(surplus, surplus_of(scaled, parts), atol=1e-12)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["sets", "soft"]), n=st.integers(6, 60))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_exchanges_keep_sizes_and_never_raise_the_imbalance(seed, kind, n):
    Y = with_a_label(draw(n, 6, kind, seed))
    start = np.random.RandomState(seed).randint(3, size=n)
    start[:3] = np.arange(3)
    before = imbalance(start, Y)
    for again in range(4):
        found = exchange(sp.csr_array(Y), start, 3, np.random.RandomState(again))
        np.testing.assert_array_equal(np.bincount(found), np.bincount(start))
        after = imbalance(found, Y)
        assert after <= before + 1e-9
        start, before = found, after


def test_pairs_by_hand():
    Y = np.array([[1, 1, 0.5, 0], [0, 1, 0.5, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    pairs = with_label_pairs(sp.csr_array(Y)).toarray()
    # (0, 1) and (1, 2) are shared by two rows, (0, 2) and (2, 3) are not.
    expected = [[1, 0.5], [0, 0.5], [1, 0], [0, 0]]
    np.testing.assert_array_equal(pairs, np.hstack([Y, expected]))


def test_pairs_of_tiny_numbers():
    Y = np.full((6, 2), 1e-200)
    assert is_even(np.bincount(folds_of(MultiLabelStratifiedKFold(3, order=2), Y)))


def test_second_order_shares_out_pairs():
    """Labels 0 and 1 occur alone or together: balanced labels do not balance the pair."""
    Y = np.array([[1, 1]] * 20 + [[1, 0]] * 40 + [[0, 1]] * 40)
    for seed in range(5):
        fold = folds_of(MultiLabelStratifiedKFold(5, order=2, random_state=seed), Y)
        both = Y.all(axis=1)
        np.testing.assert_array_equal(np.bincount(fold[both]), np.full(5, 4))
        np.testing.assert_array_equal(counts(fold, Y), np.full((5, 2), 12))


# --- repeated splits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "n_train", "n_test"),
    [
        ({}, 90, 10),
        ({"test_size": 0.25}, 75, 25),
        ({"train_size": 0.7}, 70, 30),
        ({"test_size": 13}, 87, 13),
        ({"test_size": 20, "train_size": 30}, 30, 20),
    ],
)
@pytest.mark.parametrize("kind", ["sets", "unknown", "soft"])
def test_shuffle_split_has_its_sizes(sizes, n_train, n_test, kind):
    Y = draw(100, 6, kind, 0)
    splits = MultiLabelStratifiedShuffleSplit(4, random_state=0, **sizes)
    assert splits.get_n_splits() == 4
    parts = list(splits.split(np.zeros(100), Y))
    assert len({tuple(np.sort(test)) for _, test in parts}) == 4
    for (train, test), again in zip(parts, splits.split(np.zeros(100), Y), strict=True):
        assert len(np.unique(train)) == len(train) == n_train
        assert len(np.unique(test)) == len(test) == n_test
        assert np.intersect1d(train, test).size == 0
        np.testing.assert_array_equal(test, again[1])


@pytest.mark.parametrize("kind", ["sets", "soft"])
def test_shuffle_split_is_nearer_to_the_shares_than_by_chance(kind):
    Y = draw(300, 8, kind, 0)
    splits = MultiLabelStratifiedShuffleSplit(5, test_size=0.2, random_state=0)
    found = [np.abs(Y[test].mean(axis=0) - Y.mean(axis=0)).max() for _, test in splits.split(Y, Y)]
    rng = np.random.RandomState(0)
    drawn = [rng.permutation(300)[:60] for _ in range(20)]
    by_chance = [np.abs(Y[test].mean(axis=0) - Y.mean(axis=0)).max() for test in drawn]
    assert max(found) < min(by_chance)


@pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data")
@pytest.mark.parametrize("name", ["emotions", "yeast", "scene", "medical", "bibtex", "delicious"])
def test_real_labels_are_nearer_to_their_shares_than_in_plain_folds(name):
    with np.load(Path(DATA) / "multilabel" / f"{name}.npz") as file:
        if "Y" in file:
            Y = file["Y"].astype(float)
        else:
            parts = [file[part] for part in ("Y_indices", "Y_indptr")]
            Y = sp.csr_array((np.ones(len(parts[0])), *parts), shape=tuple(file["Y_shape"]))

    def largest_deviation(splitter):
        shares = [Y[test].mean(axis=0) for _, test in splitter.split(np.zeros(Y.shape[0]), Y)]
        return np.abs(shares - Y.mean(axis=0)).max()

    plain = [KFold(5), *(KFold(5, shuffle=True, random_state=seed) for seed in range(3))]
    stratified = MultiLabelStratifiedKFold(5, random_state=0)
    assert largest_deviation(stratified) < 0.5 * min(map(largest_deviation, plain))
