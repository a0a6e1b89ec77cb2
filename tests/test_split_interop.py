"""The splitters inside scikit-learn's tools, and what they refuse."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
)

from cases import make_labels, make_soft, multi, soft
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    MultiLabelStratifiedShuffleSplit,
    SoftStratifiedKFold,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_SOFT, Y_SOFT = make_soft(n=60)
X_SETS, Y_SETS = make_labels(n=60)
Y_HOLED = np.where(np.random.RandomState(0).uniform(size=Y_SETS.shape) < 0.2, np.nan, Y_SETS)
TASKS = {
    "soft": (soft(max_iter=3), X_SOFT, Y_SOFT, SoftStratifiedKFold),
    "hard": (soft(max_iter=3), X_SOFT, Y_SOFT.argmax(axis=1), SoftStratifiedKFold),
    "sets": (multi(max_iter=3), X_SETS, Y_SETS, MultiLabelStratifiedKFold),
    "unknown": (multi(max_iter=3), X_SETS, Y_HOLED, MultiLabelStratifiedKFold),
    "repeated": (multi(max_iter=3), X_SETS, Y_HOLED, MultiLabelStratifiedShuffleSplit),
}
over_tasks = pytest.mark.parametrize(("net", "X", "y", "Splitter"), TASKS.values(), ids=TASKS)
GRID = {"alpha": [1e-4, 1.0]}


@over_tasks
def test_in_searches_and_cross_validation(net, X, y, Splitter):
    cv = Splitter(3, random_state=0)
    by_hand = [clone(net).fit(X[a], y[a]).score(X[b], y[b]) for a, b in cv.split(X, y)]
    np.testing.assert_allclose(cross_validate(net, X, y, cv=cv)["test_score"], by_hand)
    for search in (
        GridSearchCV(net, GRID, cv=cv),
        RandomizedSearchCV(net, GRID, n_iter=2, cv=cv, random_state=0),
        HalvingGridSearchCV(net, GRID, cv=cv, min_resources=30, factor=2, random_state=0),
    ):
        search.fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.n_splits_ == 3


def test_search_over_sparse_labels():
    """cross_validate refuses a sparse y of whatever splitter; the searches take it."""
    cv = MultiLabelStratifiedKFold(3, random_state=0)
    search = GridSearchCV(multi(max_iter=3), GRID, cv=cv)
    dense = search.fit(X_SETS, Y_SETS).cv_results_["mean_test_score"]
    sparse = search.fit(X_SETS, sp.csr_array(Y_SETS)).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(sparse, dense)


@over_tasks
def test_with_metadata_routing(net, X, y, Splitter):
    weight = np.random.RandomState(0).uniform(0.5, 2, 60)
    cv = Splitter(3, random_state=0)
    by_hand = [
        clone(net).fit(X[a], y[a], sample_weight=weight[a]).score(X[b], y[b])
        for a, b in cv.split(X, y)
    ]
    with config_context(enable_metadata_routing=True):
        weighted = (
            clone(net).set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        )
        params = {"sample_weight": weight}
        found = cross_validate(weighted, X, y, cv=cv, params=params)["test_score"]
    np.testing.assert_allclose(found, by_hand)


@pytest.mark.parametrize(
    ("splitter", "shown"),
    [
        (
            SoftStratifiedKFold(3),
            "SoftStratifiedKFold(n_splits=3, random_state=None, shuffle=True)",
        ),
        (MultiLabelStratifiedKFold(order=2, random_state=1), "order=2, random_state=1"),
        (MultiLabelStratifiedShuffleSplit(test_size=0.2), "test_size=0.2, train_size=None"),
    ],
)
def test_repr_pickle_and_clone(splitter, shown):
    assert shown in " ".join(repr(splitter).split())
    for other in (pickle.loads(pickle.dumps(splitter)), clone(splitter, safe=False)):
        assert repr(other) == repr(splitter)
        assert other.get_n_splits() == splitter.get_n_splits()


# --- what is refused ------------------------------------------------------------------------------

REFUSED = {
    "missing": (None, "y is required: .*stratifies by it"),
    "continuous": ([0.1, 0.5, 0.2, 0.9], "y must hold one hard label .*matrix.*Unknown label type"),
    "1-D nan": ([0.0, np.nan, 1.0, 1.0], "y must hold one hard label .*NaN"),
    "3-D": (np.zeros((4, 2, 2)), "y must have one or two dimensions"),
    "negative": ([[0, 1], [0, -0.5], [1, 1], [0, 0]], "row 1, column 1 is -0.5"),
    "no column": (np.zeros((4, 0)), "y must have a column for each class or label"),
    "length": (np.zeros((3, 2)), r"inconsistent numbers of samples: \[4, 3\]"),
    "strings": ([["a", "b"]] * 4, "A 2-D y must hold numbers"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    "splitter",
    [SoftStratifiedKFold(2), MultiLabelStratifiedKFold(2), MultiLabelStratifiedShuffleSplit(2)],
    ids=repr,
)
def test_refused_targets(splitter, y, message):
    with pytest.raises(ValueError, match=message):
        list(splitter.split(np.zeros(4), y))


def test_refused_parameters():
    Y = np.eye(2)[[0, 1, 0, 1]]
    with pytest.raises(ValueError, match=r"n_splits=5 greater than the number of samples"):
        list(SoftStratifiedKFold(5).split(Y, Y))
    with pytest.raises(ValueError, match=r"test_size=4 should be"):
        list(MultiLabelStratifiedShuffleSplit(2, test_size=4).split(Y, Y))
    with pytest.raises(ValueError, match="random_state has no effect"):
        SoftStratifiedKFold(shuffle=False, random_state=0)
    with pytest.raises(ValueError, match=r"row 0, column 0 is 2.*cross_val_predict"):
        list(SoftStratifiedKFold(2).split(Y, 2 * Y))


@pytest.mark.parametrize("order", [0, 3, 1.5, "2"])
def test_refused_orders(order):
    with pytest.raises(ValueError, match="order must be 1"):
        MultiLabelStratifiedKFold(order=order)


def test_groups_are_ignored_with_a_warning():
    Y = np.eye(2)[[0, 1, 0, 1]]
    with pytest.warns(UserWarning, match="groups parameter is ignored by SoftStratifiedKFold"):
        list(SoftStratifiedKFold(2).split(Y, Y, groups=[0, 0, 1, 1]))
