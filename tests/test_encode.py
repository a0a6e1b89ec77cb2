"""Bent columns, levels and gaps as entries of the first layer."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from cases import X_SMALL, matrix_targets, over_all, over_estimators, rows_for
from sklearn_softloss import SoftLossMLPRegressor, SoftTargetMLPClassifier
from sklearn_softloss._columns.encode import (
    BENT_ENTRIES,
    FEWEST_BINS,
    MOST_BINS,
    MOST_LEVELS,
    Encode,
    encoding_of,
)  # fmt: skip
from sklearn_softloss._targets.weighting import WeightedRows
from sklearn_softloss._training.batches import Batches, TrainingData, TrainingTargets

NAN = np.nan
QUICK = {
    "hidden_layer_sizes": (8,), "max_iter": 15, "alpha": 0.1, "dropout": 0.0, "random_state": 0,
}  # fmt: skip
BENT = {**QUICK, "encoding": "piecewise"}
LINEAR = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 1.0, "max_iter": 500, "tol": 1e-9}


def encoded(X, weight=None, categories=(), is_bent=True, holds_text=False):
    """What the first step makes of X, as it was measured on the same rows."""
    X = np.asarray(X, dtype=float)
    n_columns = X.shape[1]
    weighting = None if weight is None else WeightedRows(None, None, np.asarray(weight, float))
    targets = TrainingTargets(np.ones((len(X), 1)), None, weighting)
    rows = targets.rows_with_weight()
    data = TrainingData(X, targets, rows, torch.float64, torch.device("cpu"), may_stay_sparse=True)
    is_category = np.isin(np.arange(n_columns), categories)
    return encoding_of(
        Batches(data, 7),
        is_category,
        is_category & holds_text,
        "piecewise" if is_bent else "standard",
    )


def entries(encode, X):
    return encode(torch.tensor(np.asarray(X, dtype=float))).numpy()


# --- numbers --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=60),
    st.lists(st.floats(-2e6, 2e6), min_size=1, max_size=9),
)
def test_a_bent_number_is_the_sum_of_its_bins(values, later):
    """Each entry is the part of its bin that lies below the number; far ones are the ends."""
    encode = encoded(np.reshape(values, (-1, 1)))
    low, high = np.min(values), np.max(values)
    found = entries(encode, np.reshape(later, (-1, 1)))
    if not encode.bent.all():
        assert high - low < 1e-300
        return
    assert found.min() >= 0
    assert found.max() <= 1
    wanted = np.clip(later, low, high)
    assert_allclose(encode.low[0].item() + found @ (1 / encode.slope.numpy()), wanted, atol=1e-6)
    assert (np.diff(found, axis=1) < 1e-12).all()  # a bin begins where the one before is full


def test_bins_hold_equal_shares_and_few_values_have_a_bin_each():
    X = np.column_stack([np.arange(160.0), np.arange(160) % 4, np.arange(160) % 2])
    encode = encoded(X)
    assert_array_equal(torch.bincount(encode.column), [MOST_BINS, 3, 1])
    assert_array_equal(
        encode.low[:MOST_BINS], np.quantile(X[:, 0], np.arange(16) / 16, method="inverted_cdf")
    )
    assert_array_equal(encode.low[MOST_BINS:], [0, 1, 2, 0])


@pytest.mark.parametrize("n_columns", [1, 16, 20, 64, 100])
def test_many_columns_have_fewer_bins(n_columns):
    encode = encoded(np.random.default_rng(0).normal(size=(300, n_columns)))
    n_bins = np.bincount(encode.column)
    assert len(np.unique(n_bins)) == 1
    assert FEWEST_BINS <= n_bins[0] <= MOST_BINS
    assert n_bins.sum() <= max(BENT_ENTRIES, FEWEST_BINS * n_columns)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3)), min_size=30, max_size=60))
def test_a_row_of_weight_two_is_two_rows(rows):
    values, weight = np.array(rows, dtype=float).T
    values = np.where(values == -5, NAN, values + 0.1 * values**3)
    X = np.column_stack([values, np.round(values)])
    if not (weight > 0).any():
        return
    weighted = encoded(X, weight, categories=[1])
    repeated = encoded(np.repeat(X, weight.astype(int), axis=0), categories=[1])
    for name in Encode.attributes:
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)


@over_estimators
def test_a_far_entry_is_the_end_of_its_column(Estimator):
    y = matrix_targets(Estimator)
    clf = Estimator(**BENT).fit(X_SMALL, y)
    far, end = X_SMALL[:8].copy(), X_SMALL[:8].copy()
    for column in range(X_SMALL.shape[1]):
        far[:, column] = X_SMALL[:, column].mean() + 1e6 * X_SMALL[:, column].std()
        end[:, column] = X_SMALL[:, column].max()
    assert_allclose(clf.predict_proba(far), clf.predict_proba(end), rtol=1e-9)


@over_estimators
def test_units_do_not_matter_to_bends(Estimator):
    y = matrix_targets(Estimator)
    moved = 2.0**10 * X_SMALL
    wanted = Estimator(**BENT).fit(X_SMALL, y).predict_proba(X_SMALL)
    assert_allclose(Estimator(**BENT).fit(moved, y).predict_proba(moved), wanted, rtol=1e-6)


# --- levels and gaps ------------------------------------------------------------------------------


def test_levels_have_an_entry_each_and_unseen_ones_none():
    encode = encoded([[3.0], [1.5], [3.0], [NAN]], categories=[0])
    found = entries(encode, [[3.0], [1.5], [3.0], [7.0], [NAN]])
    assert_array_equal(found, [[0, 0, 1], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("holds_text", [True, False])
def test_the_rarest_of_many_levels_share_an_entry(holds_text):
    n_levels = MOST_LEVELS + 20
    values = np.repeat(np.arange(n_levels), np.arange(n_levels) + 1).astype(float)
    encode = encoded(values[:, None], categories=[0], holds_text=holds_text)
    assert encode.width == MOST_LEVELS
    found = entries(encode, [[0.0], [n_levels - 1.0], [-1.0], [NAN]])
    assert_array_equal(found.sum(axis=1), [1, 1, 0 if holds_text else 1, 0])
    assert found[0, -1] == 1  # the rarest
    assert found[1, -2] == 1  # the most frequent


def test_missing_numbers_are_the_mean_and_say_so():
    X = [[1.0, NAN], [NAN, NAN], [5.0, NAN], [0.0, NAN]]
    encode = encoded(X, is_bent=False)
    assert_array_equal(entries(encode, X), [[1, 0, 0, 1], [2, 0, 1, 1], [5, 0, 0, 1], [0, 0, 0, 1]])
    bent = encoded(X)
    assert_array_equal(entries(bent, X)[1, :2], entries(bent, [[2.0, NAN]])[0, :2])


def test_plain_numbers_need_no_step():
    assert encoded(X_SMALL, is_bent=False) is None


def frame(n=200, seed=0):
    """Numbers, a category and gaps that tell something, and what follows from them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({
        "a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(list("xyz"), n),
        "empty": np.full(n, NAN),
    })  # fmt: skip
    logits = X["a"] + 2 * (X["c"] == "x") - 1
    gone = rng.random(n) < 0.3
    X.loc[gone, "b"] = NAN
    return X, (logits + 2 * gone + 0.5 * rng.normal(size=n) > 0).astype(int).to_numpy()


def by_hand():
    number = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True))
    return make_column_transformer(
        (number, ["a", "b", "empty"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["c"]),
    )


def test_a_frame_is_read_as_by_imputer_indicator_and_one_hot_columns():
    X, y = frame()
    clf = SoftTargetMLPClassifier(**LINEAR, encoding="standard").fit(X, y)
    hand = make_pipeline(by_hand(), SoftTargetMLPClassifier(**LINEAR, encoding="standard"))
    new = frame(seed=1)[0]
    new.loc[3, "c"] = "never seen"
    assert_allclose(clf.predict_proba(new), hand.fit(X, y).predict_proba(new), atol=1e-4)


@pytest.mark.parametrize("encoding", ["standard", "piecewise", None])
def test_encoded_names_tell_the_rows_of_the_first_coefs(encoding):
    X, y = frame()
    clf = SoftTargetMLPClassifier(**QUICK, encoding=encoding).fit(X, y)
    names, (first, *_) = clf.encoded_names_.tolist(), clf.coefs_
    assert len(names) == len(first) == len(set(names))
    assert names[-6:] == ["empty", "b missing", "empty missing", "c=x", "c=y", "c=z"]
    net = clf.net_.module_
    values = clf._check_X(X, reset=False)
    hidden = entries(net.inputs[0], values) @ first + clf.intercepts_[0]
    wanted = torch.from_numpy(values)
    for step in (*net.inputs, net.linear_layers()[0]):
        wanted = step(wanted).detach()
    assert_allclose(hidden, wanted, rtol=1e-9, atol=1e-9)


@over_all
def test_a_pickle_answers_alike(Estimator):
    X, Y = rows_for(Estimator)
    X = X.copy()
    X[::3, 0] = NAN
    X = np.column_stack([X, np.arange(len(X)) % 70])
    last = [X.shape[1] - 1]
    est = Estimator(**{**QUICK, "encoding": "piecewise", "categorical_features": last}).fit(X, Y)
    assert_array_equal(pickle.loads(pickle.dumps(est)).predict(X), est.predict(X))


# --- the choice -----------------------------------------------------------------------------------


def test_bends_are_chosen_where_there_are_some():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(400, 3))
    bent = SoftLossMLPRegressor(random_state=0).fit(X, np.sin(4 * X[:, 0]) + X[:, 1])
    assert bent.encoding_ == "piecewise"
    straight = SoftLossMLPRegressor(random_state=0).fit(X, X @ [1.0, 2.0, 0.5])
    assert straight.encoding_ == "standard"


def test_columns_of_two_values_cannot_bend():
    X = np.random.default_rng(0).integers(0, 2, size=(200, 8)).astype(float)
    clf = SoftTargetMLPClassifier(random_state=0).fit(X, X[:, 0])
    assert set(clf.selection_results_["param_encoding"]) == {"standard"}


# --- what is refused ------------------------------------------------------------------------------


@over_all
@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinity_is_refused_by_its_place(Estimator, infinite):
    X, Y = rows_for(Estimator)
    est = Estimator(**QUICK).fit(X, Y)
    X = X.copy()
    X[5, 1] = infinite
    X[6, 0] = NAN
    for call in (lambda: est.predict(X), lambda: Estimator(**QUICK).fit(X, Y)):
        with pytest.raises(ValueError, match="infinity; row 5, column 1"):
            call()
