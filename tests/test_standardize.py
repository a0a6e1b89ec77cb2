"""The net puts the columns of X on one scale itself."""

import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax

from cases import SMALL, X_SMALL, matrix_targets, over_estimators
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OURS = {**SMALL, "encoding": "standard"}
LINEAR = {**OURS, "hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 1.0, "max_iter": 500}
RNG = np.random.default_rng(0)
SPARSE = sp.csr_array(sp.random_array((60, 30), density=0.05, rng=0, data_sampler=RNG.random))


def link_of(Estimator):
    return expit if Estimator is MultiLabelSigmoidClassifier else lambda z: softmax(z, axis=1)


@over_estimators
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.floats(-6, 6), min_size=4, max_size=4),
    st.lists(st.floats(-9, 9), min_size=4, max_size=4),
)
def test_units_and_origins_of_columns_do_not_matter(Estimator, powers, origins):
    y = matrix_targets(Estimator)
    units = 10.0 ** np.array(powers)
    moved = (X_SMALL + origins) * units
    wanted = Estimator(**OURS).fit(X_SMALL, y).predict_proba(X_SMALL)
    found = Estimator(**OURS).fit(moved, y).predict_proba(moved)
    assert_allclose(found, wanted, rtol=1e-6)


@over_estimators
@pytest.mark.parametrize("X", [3 + 50 * X_SMALL, SPARSE], ids=["dense", "sparse"])
def test_coefs_and_intercepts_refer_to_the_columns_as_given(Estimator, X):
    y = matrix_targets(Estimator)
    clf = Estimator(**OURS).fit(X, y)
    outputs = X.toarray() if sp.issparse(X) else X
    for layer, (coef, intercept) in enumerate(zip(clf.coefs_, clf.intercepts_, strict=True)):
        outputs = (np.maximum(outputs, 0) if layer else outputs) @ coef + intercept
    assert_allclose(clf.predict_proba(X), link_of(Estimator)(outputs), rtol=1e-9)


@over_estimators
def test_a_column_that_was_constant_says_nothing_later(Estimator):
    X, y = np.column_stack([X_SMALL, np.full(len(X_SMALL), 1e7)]), matrix_targets(Estimator)
    clf = Estimator(**OURS).fit(X, y)
    before = clf.predict_proba(X)
    assert_array_equal(clf.coefs_[0][-1], 0)
    X[:, -1] = RNG.normal(size=len(X)) * 1e9
    assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize("constant", [0.0, 5e4])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_a_column_constant_in_the_first_part_may_vary_later(container, constant):
    X = RNG.normal(size=(300, 2))
    y = (X[:, 0] > 0).astype(int)
    first = X[:20].copy()
    first[:, 0] = constant
    X[:, 0] = constant + (constant or 1) * X[:, 0]
    clf = SoftTargetMLPClassifier((16,), learning_rate_init=0.03, random_state=0)
    clf.partial_fit(container(first), y[:20], classes=[0, 1])
    for _ in range(20):
        clf.partial_fit(container(X), y)
    assert clf.score(container(X), y) > 0.9


@over_estimators
@pytest.mark.parametrize("X", [3 + 50 * X_SMALL, SPARSE], ids=["dense", "sparse"])
def test_weights_count_as_rows(Estimator, X):
    y = matrix_targets(Estimator)
    times = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), times)
    if sp.issparse(X):
        given = sp.csr_array(X * np.where(times > 0, 1, 1e9)[:, None])
    else:
        given = np.where(times[:, None] > 0, X, 1e9)  # a row of weight 0 moves no scale
    weighted = Estimator(**LINEAR).fit(given, y, sample_weight=times)
    repeated = Estimator(**LINEAR).fit(X[rows], y[rows])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-4)
    for name in ("factor", "shift"):
        scales = [getattr(clf.net_.module_[0], name) for clf in (weighted, repeated)]
        assert_allclose(*scales, rtol=1e-9, atol=1e-12)


def factors(X):
    y = np.arange(X.shape[0]) % 2
    return SoftTargetMLPClassifier(**OURS).fit(X, y).net_.module_[0].factor.numpy()


def test_sparse_columns_are_scaled_and_keep_proportions_that_may_mean_something():
    y = matrix_targets(SoftTargetMLPClassifier)
    clf = SoftTargetMLPClassifier(**OURS).fit(SPARSE, y)
    assert_array_equal(clf.net_.module_[0].shift.numpy(), 0)
    word_weights = SPARSE.copy()
    word_weights.data = RNG.uniform(0.5, 1.0, SPARSE.nnz)
    there = np.unique(word_weights.indices)
    assert np.ptp(factors(word_weights)[there]) < 1e-12
    sizes = np.ones(30)
    sizes[there[0]] = 1e6
    factor = factors(sp.csr_array(word_weights * sizes))
    entries = word_weights[:, [there[0]]].data * 1e6 * factor[there[0]]
    assert np.sqrt(np.mean(entries**2)) == pytest.approx(3.0)


@pytest.mark.parametrize(("origin", "unit"), [(0, 1), (7, 3), (1, -1), (-0.25, 1e3)])
def test_a_rare_mark_is_no_outlier(origin, unit):
    marks = np.zeros((2000, 2))
    marks[7, 0] = 1
    marks[::2, 1] = 1
    wanted = np.array([3 / (1 - 1 / 2000), 2]) / abs(unit)
    assert_allclose(factors(origin + unit * marks), wanted, rtol=1e-6)


@pytest.mark.parametrize("marked", [slice(0, 550), slice(None, None, 24), slice(-300, None)])
def test_what_is_usual_in_many_rows_is_found_however_they_are_sorted(marked):
    marks = np.zeros((6000, 1))
    marks[marked] = 1
    wanted = 3 / (1 - marks.mean())
    assert_allclose(factors(np.repeat(marks, 2, axis=1)), wanted, rtol=1e-6)


def test_many_columns_are_measured_in_little_memory():
    wide = np.zeros((1500, 20_000), dtype=np.float32)  # 120 MB
    wide[::2, 3] = 1
    net = SoftTargetMLPClassifier((1,), alpha=1.0, dropout=0.0, batch_size=500, max_iter=1)
    tracemalloc.start()
    net.fit(wide, np.arange(1500) % 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_what_is_usual_is_found_among_weighted_rows():
    marks = np.r_[np.full(60, 5.0), np.zeros(40)][:, None]
    weight = np.r_[np.full(60, 0.01), np.ones(40)]
    clf = SoftTargetMLPClassifier(**OURS).fit(marks, np.arange(100) % 2, sample_weight=weight)
    share = 0.6 / 40.6
    assert_allclose(clf.net_.module_[0].factor.numpy(), 3 / (5 * (1 - share)), rtol=1e-6)


@over_estimators
def test_numbers_too_large_are_refused_and_the_fit_before_stays(Estimator):
    y = matrix_targets(Estimator)
    clf = Estimator(**OURS).fit(X_SMALL, y)
    before = clf.predict_proba(X_SMALL)
    X = X_SMALL.copy()
    X[3, 2] = 1e200
    with pytest.raises(ValueError, match="squares are finite; those of column 2"):
        clf.fit(X, y)
    assert_array_equal(clf.predict_proba(X_SMALL), before)


@over_estimators
@pytest.mark.parametrize(("dtype", "unit"), [("float64", 1e-200), ("float32", 1e-42)])
@pytest.mark.parametrize("as_given", [np.asarray, sp.csr_array])
def test_numbers_too_small_to_be_scaled_count_as_constant_and_are_named(
    Estimator, dtype, unit, as_given
):
    y, X = matrix_targets(Estimator), X_SMALL.astype(dtype)
    X[:, 2] *= unit
    without = X.copy()
    without[:, 2] = 0
    with pytest.warns(UserWarning, match=f"Column 2 of X.* too small to be scaled in {dtype}"):
        clf = Estimator(**OURS).fit(as_given(X), y)
    assert np.all(clf.coefs_[0][2] == 0)
    if as_given is np.asarray:
        expected = Estimator(**OURS).fit(without, y).predict_proba(without)
        assert_allclose(clf.predict_proba(X), expected, rtol=1e-6)
    with pytest.warns(UserWarning, match="Column 2 of X"):
        part = Estimator(**OURS).partial_fit(as_given(X), y)
    assert np.isfinite(part.predict(as_given(X))).all()


def test_single_precision_far_from_zero():
    X = (1e4 + X_SMALL).astype(np.float32)
    y = matrix_targets(SoftTargetMLPClassifier)
    single = SoftTargetMLPClassifier(**LINEAR).fit(X, y).predict_proba(X)
    double = SoftTargetMLPClassifier(**LINEAR).fit(X.astype(float), y).predict_proba(X)
    assert_allclose(single, double, atol=5e-3)


@over_estimators
def test_the_scale_is_part_of_the_net(Estimator):
    y = matrix_targets(Estimator)
    clf = Estimator(**OURS, warm_start=True).fit(50 * X_SMALL, y)
    assert {"0.factor", "0.shift"} <= set(clf.net_.module_.state_dict())
    twin = pickle.loads(pickle.dumps(clf))
    assert_array_equal(twin.predict_proba(X_SMALL), clf.predict_proba(X_SMALL))
    factor = clf.net_.module_[0].factor.clone()
    assert torch.equal(clf.fit(X_SMALL, y).net_.module_[0].factor, factor)
    assert torch.equal(clf.partial_fit(X_SMALL, y).net_.module_[0].factor, factor)


@over_estimators
def test_it_can_be_switched_off_and_leaves_modules_alone(Estimator):
    y = matrix_targets(Estimator)
    plain = Estimator(**{**OURS, "encoding": None}).fit(X_SMALL, y)
    assert_array_equal(plain.coefs_[0], plain.net_.module_[1].weight.detach().numpy().T)
    modules = [
        Estimator(**{**OURS, "encoding": on}, module=torch.nn.Linear).fit(9 * X_SMALL, y)
        for on in ("standard", None)
    ]
    assert_array_equal(*(clf.net_.module_.weight.detach() for clf in modules))
