"""GraphLabelSpreading: against scikit-learn, closed forms, written-out sums; odd graphs."""

import subprocess
import sys
import types
import warnings
from unittest import SkipTest

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import X_THREE, Y_THREE
from semi_supervised_cases import MODES, few_labels, moons, over_modes
from sklearn_softloss.semi_supervised import (
    GraphLabelSpreading,
    LabelledStratifiedKFold,
)
from sklearn_softloss.semi_supervised._diffusion import propagate, spread
from sklearn_softloss.semi_supervised._neighbors import (
    ApproximateNeighbors,
    neighbor_weights,
    symmetric_affinity,
    without_self,
)

pytestmark = pytest.mark.filterwarnings("ignore:Every row of y has a label:UserWarning")


def random_graph(seed, n=25, k=3):
    """A connected symmetric affinity and soft labels of about a third of the rows."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.2), 1)
    upper[np.arange(n - 1), np.arange(1, n)] += 0.1  # a path through all rows
    y = np.full((n, k), np.nan)
    labelled = rng.permutation(n)[: n // 3]
    y[labelled] = rng.dirichlet(np.ones(k), len(labelled))
    return sp.csr_array(upper + upper.T), y


def normalised(rows):
    return rows / rows.sum(axis=1, keepdims=True)


# --- scikit-learn's checks ------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:y holds -1 and 1:UserWarning")  # as one of the checks has it
@parametrize_with_checks([GraphLabelSpreading(mode=mode) for mode in MODES])
def test_sklearn_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


# --- the fixed point ------------------------------------------------------------------------------


def ring(n):
    """Rows at equal distances on a circle: the two nearest of each are its neighbours on it."""
    angle = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize("alpha", [0.2, 0.8, 0.99])
def test_spreading_is_that_of_sklearn_with_its_own_knn_kernel(alpha):
    X, y = ring(40), few_labels(np.arange(40) // 14, 8)
    theirs = LabelSpreading(kernel="knn", n_neighbors=3, alpha=alpha, max_iter=100_000, tol=1e-13)
    theirs.fit(X, y)  # three neighbours, because each row counts itself
    ours = GraphLabelSpreading(2, alpha=alpha, tol=1e-13).fit(X, y)
    np.testing.assert_array_equal(ours.affinity_.count_nonzero(axis=1), 2)
    np.testing.assert_allclose(
        ours.label_distributions_, theirs.label_distributions_, rtol=0, atol=1e-6
    )


def test_propagation_is_that_of_sklearn_with_its_own_knn_kernel():
    X, y = ring(40), few_labels(np.arange(40) // 14, 8)
    theirs = LabelPropagation(kernel="knn", n_neighbors=3, max_iter=100_000, tol=1e-13).fit(X, y)
    ours = GraphLabelSpreading(2, mode="propagation").fit(X, y)
    np.testing.assert_allclose(
        ours.label_distributions_, theirs.label_distributions_, rtol=0, atol=1e-6
    )


@over_modes
@pytest.mark.parametrize("n_neighbors", [4, 10, 200])
def test_fixed_point_is_that_of_sklearn_on_the_same_weights(mode, n_neighbors):
    X, y = moons()
    ours = GraphLabelSpreading(n_neighbors, mode=mode, alpha=0.9, tol=1e-12).fit(X, y)
    weights = ours.affinity_.toarray()
    run = {"kernel": lambda *_: weights.copy(), "max_iter": 100_000, "tol": 1e-12}
    if mode == "spreading":
        theirs = LabelSpreading(alpha=0.9, **run).fit(X, y)
    else:
        theirs = LabelPropagation(**run).fit(X, y)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_allclose(
        ours.label_distributions_, theirs.label_distributions_, rtol=0, atol=1e-6
    )
    np.testing.assert_array_equal(ours.transduction_, theirs.transduction_)


@pytest.mark.parametrize("alpha", [0.1, 0.8, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_spreading_is_the_closed_form(alpha, seed):
    affinity, y = random_graph(seed)
    W, start = affinity.toarray(), np.nan_to_num(y)
    root = 1 / np.sqrt(W.sum(axis=1))
    system = np.eye(len(W)) - alpha * root[:, None] * W * root
    expected = normalised(np.linalg.solve(system, (1 - alpha) * start))
    found = spread(affinity, y, alpha=alpha, tol=1e-13)
    np.testing.assert_allclose(found.distributions, expected, rtol=0, atol=1e-8)
    assert not len(found.unreached)


@pytest.mark.parametrize("seed", range(3))
def test_propagation_is_the_closed_form(seed):
    affinity, y = random_graph(seed)
    W, labelled = affinity.toarray(), ~np.isnan(y[:, 0])
    laplacian = np.diag(W.sum(axis=1)) - W
    expected = y.copy()
    expected[~labelled] = np.linalg.solve(
        laplacian[np.ix_(~labelled, ~labelled)], W[np.ix_(~labelled, labelled)] @ y[labelled]
    )
    found = propagate(affinity, y, tol=1e-13)
    np.testing.assert_allclose(found.distributions, expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.distributions[labelled], y[labelled], rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6))
@settings(max_examples=25, deadline=None)
def test_properties_of_the_fixed_points(seed, scale):
    """Distributions; the unit of the weights and the order of the rows have no effect."""
    affinity, y = random_graph(seed)
    order = np.random.default_rng(seed).permutation(len(y))
    for solve in (
        lambda W, y: spread(W, y, alpha=0.8, tol=1e-12),
        lambda W, y: propagate(W, y, tol=1e-12),
    ):
        found = solve(affinity, y).distributions
        assert np.all(found >= 0)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(solve(affinity * scale, y).distributions, found, atol=1e-8)
        shuffled = solve(affinity[order][:, order], y[order]).distributions
        np.testing.assert_allclose(shuffled, found[order], atol=1e-8)


def test_looser_tolerance_takes_fewer_steps():
    X, y = moons()
    loose, tight = (GraphLabelSpreading(tol=tol).fit(X, y) for tol in (1e-4, 1e-12))
    assert 1 <= loose.n_iter_ < tight.n_iter_


def test_an_iteration_that_stops_early_says_so(monkeypatch):
    def give_up(system, target, **_):
        return np.full_like(target, 0.5), 7

    monkeypatch.setattr("sklearn_softloss.semi_supervised._diffusion.cg", give_up)
    with pytest.warns(ConvergenceWarning, match="short of tol"):
        GraphLabelSpreading().fit(*moons())


# --- the weights of the graph ---------------------------------------------------------------------


def test_affinity_is_what_is_written_down():
    X, y = moons(30)
    distances, indices = NearestNeighbors(n_neighbors=4).fit(X).kneighbors()
    directed = np.zeros((30, 30))
    for i in range(30):
        for d, j in zip(distances[i], indices[i], strict=True):
            directed[i, j] = np.exp(-0.5 * (3 * d / distances[i].max()) ** 2)
    found = GraphLabelSpreading(4).fit(X, y).affinity_
    assert sp.issparse(found)
    np.testing.assert_allclose(found.toarray(), (directed + directed.T) / 2, rtol=1e-12)


@given(
    scale=st.floats(1e-100, 1e100),
    distances=st.lists(st.floats(0, 1), min_size=1, max_size=8),
)
def test_no_row_of_weights_underflows(scale, distances):
    row = scale * np.array([distances])
    weights = neighbor_weights(row)
    assert np.all((weights >= 0.011) & (weights <= 1))
    np.testing.assert_allclose(weights[row == row.min()].max(), weights.max())


def test_weights_without_neighbours_or_distances():
    found = neighbor_weights(np.array([[0.0, 0.0], [1.0, np.inf], [np.inf, np.inf]]))
    np.testing.assert_allclose(found, [[1, 1], [np.exp(-4.5), 0], [0, 0]])
    lonely = symmetric_affinity(np.full((2, 1), np.inf), np.zeros((2, 1), dtype=int))
    assert lonely.nnz == 0


@pytest.mark.parametrize("unit", [1e-8, 1e8])
def test_the_unit_of_the_features_has_no_effect(unit):
    X, y = moons()
    one, other = (GraphLabelSpreading().fit(scale * X, y) for scale in (1, unit))
    np.testing.assert_allclose(other.label_distributions_, one.label_distributions_, atol=1e-8)
    np.testing.assert_allclose(other.predict_proba(unit * X), one.predict_proba(X), atol=1e-8)


def test_a_dense_crowd_and_far_rows_keep_their_weights():
    """Where the product of two rows' scales would underflow."""
    crowd, far = 1e-9 * np.arange(20), 1e9 * np.arange(1, 6)
    X = np.concatenate([crowd, far, crowd - 1e12])[:, None]
    y = np.full(45, -1)
    y[[0, 25]] = [1, 0]
    clf = GraphLabelSpreading(3).fit(X, y)
    assert np.all(clf.affinity_.max(axis=1).toarray() >= 0.005)
    assert not len(clf.unreached_)
    np.testing.assert_array_equal(clf.transduction_, np.repeat([1, 0], [25, 20]))


def test_the_case_in_which_sklearn_collapses():
    """Distances of some tens: exp(-20 d^2) is 0, and every row of the kernel underflows."""
    X, truth = make_blobs(300, n_features=200, centers=4, cluster_std=3.0, random_state=0)
    y = few_labels(truth, 40)
    hidden = y == -1
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = LabelPropagation(max_iter=50).fit(X, y)
        assert len(np.unique(theirs.transduction_[hidden])) == 1
        assert np.isnan(theirs.predict_proba(X + 0.5)).any()
    ours = GraphLabelSpreading().fit(X, y)
    assert (ours.transduction_ == truth)[hidden].mean() > 0.95
    assert np.isfinite(ours.predict_proba(X + 0.5)).all()


# --- duplicates, and rows that no label reaches ---------------------------------------------------


@over_modes
def test_duplicates_take_each_others_labels(mode):
    X = np.repeat([[0.0], [5.0]], 10, axis=0)
    y = np.r_[0, np.full(9, -1), 1, np.full(9, -1)]
    clf = GraphLabelSpreading(3, mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three duplicates may know each other only
        clf.fit(X, y)
    reached = np.setdiff1d(np.arange(20), clf.unreached_)
    np.testing.assert_array_equal(clf.transduction_[reached], (reached >= 10).astype(int))
    np.testing.assert_array_equal(clf.predict([[0.0], [5.0]])[reached[[0, -1]] // 10], [0, 1])
    assert np.isfinite(clf.label_distributions_).all()


@over_modes
def test_unreached_rows_get_the_class_prior_and_one_warning(mode):
    X = np.concatenate([np.arange(10.0), 1000 + np.arange(5.0)])[:, None]
    y = np.full(15, -1)
    y[[0, 3, 9]] = [4, 4, 7]
    with pytest.warns(UserWarning, match=r"No label reaches 5 rows \(33.3%\)") as caught:
        clf = GraphLabelSpreading(2, mode=mode).fit(X, y)
    assert len(caught) == 1
    np.testing.assert_array_equal(clf.unreached_, np.arange(10, 15))
    np.testing.assert_allclose(clf.label_distributions_[10:], np.tile([2 / 3, 1 / 3], (5, 1)))
    np.testing.assert_allclose(clf.predict_proba([[1002.0]]), [[2 / 3, 1 / 3]])


def test_what_arrives_below_the_tolerance_counts_as_nothing():
    """On a path, each step takes a factor: far rows are noise of the solver, not an answer."""
    n = 200
    path = sp.diags_array(np.ones(n - 1), offsets=1)
    y = np.full((n, 2), np.nan)
    y[0], y[1] = [1, 0], [0, 1]
    found = spread(path + path.T, y, alpha=0.5, tol=1e-10)
    assert 10 < found.unreached.min() < 40
    np.testing.assert_array_equal(found.unreached, np.arange(found.unreached.min(), n))
    np.testing.assert_array_equal(found.distributions[found.unreached], 0.5)
    further = spread(path + path.T, y, alpha=0.5, tol=1e-13)
    assert further.unreached.min() > found.unreached.min()
    near = slice(0, found.unreached.min())
    np.testing.assert_allclose(found.distributions[near], further.distributions[near], atol=0.2)


# --- refusals and small cases --------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_neighbors": 0},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"tol": 0.0},
        {"mode": "spread"},
        {"neighbors": "annoy"},
    ],
    ids=str,
)
def test_refused_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GraphLabelSpreading(**wrong).fit(*moons())


def test_refused_X():
    X, y = moons()
    with pytest.raises(ValueError, match="NaN"):
        GraphLabelSpreading().fit(np.where(X > 0.9, np.nan, X), y)
    with pytest.raises(ValueError, match="1 sample"):
        GraphLabelSpreading().fit(X[:1], [0])


@over_modes
def test_all_rows_labelled(mode):
    clf = GraphLabelSpreading(mode=mode).fit(X_THREE, Y_THREE)
    if mode == "propagation":
        np.testing.assert_array_equal(clf.transduction_, Y_THREE)
    assert clf.score(X_THREE, Y_THREE) > 0.98


@over_modes
@pytest.mark.parametrize("shown", [3, 40])
def test_one_class_is_the_answer_everywhere(mode, shown):
    X, _ = moons(40)
    y = np.where(np.arange(40) < shown, 5, -1)
    clf = GraphLabelSpreading(mode=mode).fit(X, y)
    np.testing.assert_array_equal(clf.predict(X), 5)
    np.testing.assert_array_equal(clf.predict_proba(X), 1)


@over_modes
def test_a_class_without_a_labelled_row_gets_probability_zero(mode):
    X, y = moons()
    rows = np.where((y >= 0)[:, None], np.eye(3)[y], np.nan)
    clf = GraphLabelSpreading(mode=mode).fit(X, rows)
    assert clf.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(clf.predict_proba(X)[:, 2], 0)


def test_more_neighbours_than_rows_are_all_rows():
    X, y = moons(20)
    one, other = (GraphLabelSpreading(k).fit(X, y) for k in (19, 5000))
    np.testing.assert_array_equal(one.label_distributions_, other.label_distributions_)
    assert other.predict_proba(X[:3]).shape == (3, 2)


# --- prediction -----------------------------------------------------------------------------------


def test_probabilities_of_new_rows_are_what_is_written_down():
    X, y = moons()
    clf = GraphLabelSpreading(5).fit(X[:60], y[:60])
    found = clf.predict_proba(X[60:])
    for row, proba in zip(X[60:], found, strict=True):
        distance = np.sqrt(((X[:60] - row) ** 2).sum(axis=1))
        nearest = np.argsort(distance)[:5]
        weight = np.exp(-0.5 * (3 * distance[nearest] / distance[nearest].max()) ** 2)
        expected = weight @ clf.label_distributions_[nearest] / weight.sum()
        np.testing.assert_allclose(proba, expected, rtol=1e-9)


def test_score_leaves_out_rows_without_a_label():
    X, y = moons()
    clf = GraphLabelSpreading().fit(X, y)
    labelled = y >= 0
    expected = (clf.predict(X) == y)[labelled].mean()
    assert clf.score(X, y) == expected
    weight = np.arange(1.0, 81)
    by_hand = np.average((clf.predict(X) == y)[labelled], weights=weight[labelled])
    np.testing.assert_allclose(clf.score(X, y, sample_weight=weight), by_hand)
    soft = np.where(labelled[:, None], [0.3, 0.7], np.nan)
    mass = np.array([0.3, 0.7])[clf.predict(X[labelled])].mean()
    np.testing.assert_allclose(clf.score(X, soft), mass)


def test_sparse_rows_are_dense_rows():
    X, y = moons()
    X = np.where(X[:, [0]] * [1, 0] > 0.5, 0, X)
    dense, sparse = (GraphLabelSpreading().fit(part, y) for part in (X, sp.csr_array(X)))
    np.testing.assert_allclose(
        sparse.label_distributions_, dense.label_distributions_, rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        sparse.predict_proba(sp.csc_array(X)), dense.predict_proba(X), rtol=0, atol=1e-6
    )


def test_float32_is_not_copied_to_float64():
    X, y = moons()
    clf = GraphLabelSpreading().fit(X.astype(np.float32), y)
    assert clf._index._fit_X.dtype == np.float32
    assert clf.label_distributions_.dtype == np.float64
    same = GraphLabelSpreading().fit(X, y)
    np.testing.assert_allclose(clf.label_distributions_, same.label_distributions_, atol=1e-4)


def test_grid_search_in_a_pipeline_scores_labelled_rows_only():
    X, y = moons(120, 30)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GraphLabelSpreading()),
        {"graphlabelspreading__alpha": [0.2, 0.8]},
        cv=LabelledStratifiedKFold(3, random_state=0),
        error_score="raise",
    ).fit(X, y)
    assert 0.8 < search.best_score_ <= 1
    rows = np.where((y >= 0)[:, None], np.eye(2)[y], np.nan)
    assert search.fit(X, rows).best_score_ > 0.8


# --- approximate neighbours -----------------------------------------------------------------------


class ExactNNDescent:
    """Brute force with the interface of pynndescent; one list of neighbours breaks off."""

    def __init__(self, X, n_neighbors, random_state):
        self.search = NearestNeighbors(n_neighbors=n_neighbors).fit(X)
        distances, indices = self.search.kneighbors(X)
        distances[0, -1], indices[0, -1] = np.inf, -1
        self.neighbor_graph = indices, distances

    def query(self, X, k):
        distances, indices = self.search.kneighbors(X, k)
        return indices, distances


def test_approximate_neighbours_have_the_same_interface(monkeypatch):
    stub = types.SimpleNamespace(NNDescent=ExactNNDescent)
    monkeypatch.setitem(sys.modules, "pynndescent", stub)
    X, y = moons()
    exact = GraphLabelSpreading(6).fit(X, y)
    found = GraphLabelSpreading(6, neighbors="approximate").fit(X, y)
    missing = np.argwhere(found.affinity_.toarray() != exact.affinity_.toarray())
    assert 0 < len(missing) <= 14  # the row whose list breaks off has new weights
    assert np.all((missing == 0).any(axis=1))
    np.testing.assert_allclose(
        found.predict_proba(X[1:]), exact.predict_proba(X[1:]), rtol=0, atol=0.1
    )
    _, indices = ApproximateNeighbors(X, 6, 0).kneighbors()
    assert not np.any(indices[1:] == np.arange(1, 80)[:, None])


def test_each_row_leaves_its_own_list():
    indices = np.array([[0, 2, 1], [2, 0, 1], [0, 1, 3]])  # duplicates: not first, or not there
    distances = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    found = without_self(indices, distances)
    np.testing.assert_array_equal(found[0], [[2, 1], [2, 0], [0, 1]])
    np.testing.assert_array_equal(found[1], [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])


def test_real_approximate_neighbours():
    pytest.importorskip("pynndescent", reason="pip install 'sklearn_softloss[large]'")
    y = few_labels(Y_THREE, 20)
    exact = GraphLabelSpreading().fit(X_THREE, y)
    clf = GraphLabelSpreading(neighbors="approximate", random_state=0).fit(X_THREE, y)
    assert (clf.transduction_ == exact.transduction_).mean() > 0.97
    assert (clf.predict(X_THREE) == exact.predict(X_THREE)).mean() > 0.97


def test_missing_pynndescent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"sklearn_softloss\[large\]"):
        GraphLabelSpreading(neighbors="approximate").fit(*moons())


def test_importing_it_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys, sklearn_softloss.semi_supervised; "
        "print(sorted({'torch', 'skorch', 'matplotlib', 'pynndescent'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"


def test_a_far_query_has_probabilities():
    X, y = moons()
    clf = GraphLabelSpreading().fit(X.astype(np.float32), y)
    proba = clf.predict_proba(np.full((2, X.shape[1]), 1e30, dtype=np.float32))
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("name", ["alpha", "tol"])
def test_nan_is_no_parameter(name):
    X, y = moons()
    with pytest.raises(ValueError, match=f"{name} must be a number; got nan"):
        GraphLabelSpreading(**{name: np.nan}).fit(X, y)
