"""Folds of whole groups: no group in two of them, labels and rows in proportion."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, GroupKFold

from cases import SMALL, X_SETS, X_SOFT, Y_SETS, Y_SOFT
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedGroupKFold,
    MultiLabelStratifiedKFold,
    SoftStratifiedGroupKFold,
    SoftStratifiedKFold,
    cross_val_predict_proba,
)

SPLITTERS = [MultiLabelStratifiedGroupKFold, SoftStratifiedGroupKFold]
over_splitters = pytest.mark.parametrize("Splitter", SPLITTERS)
few_groups = pytest.mark.filterwarnings("ignore:Columns .* in fewer groups")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def draw(Splitter, n, n_groups, seed=0, k=6):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, n)
    if Splitter is SoftStratifiedGroupKFold:
        return rng.dirichlet(np.full(k, 0.3), n), groups
    return (rng.random((n, k)) < rng.uniform(0.15, 0.5, k)).astype(float), groups


def error(Y, folds):
    """Mean distance of the share of each column in a fold from an equal one."""
    total = np.nansum(Y, axis=0)
    parts = [np.nansum(Y[test], axis=0) / total for _, test in folds]
    return np.abs(np.array(parts) - 1 / len(parts)).mean()


@over_splitters
@few_groups
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(2, 6), st.integers(8, 60))
def test_groups_stay_whole_and_folds_are_within_one_group(Splitter, seed, n_splits, n_groups):
    Y, groups = draw(Splitter, 150, n_groups, seed)
    Y[np.random.default_rng(seed).random(Y.shape) < 0.2] = np.nan
    splits = list(Splitter(n_splits, random_state=seed).split(Y, Y, groups))
    sizes = [len(test) for _, test in splits]
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(150))
    for train, test in splits:
        assert not {*groups[train]} & {*groups[test]}
    assert max(sizes) - min(sizes) <= np.bincount(groups).max()


@over_splitters
@pytest.mark.parametrize(("n", "n_groups", "most"), [(400, 40, 2.5), (900, 300, 1.3)])
def test_labels_are_shared_out_nearly_as_without_groups(Splitter, n, n_groups, most):
    free = {
        MultiLabelStratifiedGroupKFold: MultiLabelStratifiedKFold,
        SoftStratifiedGroupKFold: SoftStratifiedKFold,
    }[Splitter]
    errors = []
    for seed in range(2):
        Y, groups = draw(Splitter, n, n_groups, seed)
        errors.append(
            [
                error(Y, Splitter(5, random_state=0).split(Y, Y, groups)),
                error(Y, free(5, random_state=0).split(Y, Y)),
                error(Y, GroupKFold(5).split(Y, groups=groups)),
            ]
        )
    ours, ungrouped, unstratified = np.mean(errors, axis=0)
    assert ours < 0.6 * unstratified
    assert ours < most * ungrouped + 0.005


@over_splitters
def test_containers_names_and_seeds(Splitter):
    Y, groups = draw(Splitter, 120, 30)
    names = np.array([f"patient {g}" for g in groups])

    def folds(y, at, **options):
        splitter = Splitter(4, **{"random_state": 0, **options})
        return [test.tolist() for _, test in splitter.split(y, y, at)]

    expected = folds(Y, groups)
    assert folds(sp.csr_array(Y), groups) == expected
    assert folds(Y, groups.tolist()) == expected
    in_folds = [{*names[part]} for part in folds(Y, names)]
    assert sum(map(len, in_folds)) == len(set().union(*in_folds)) == len({*groups})
    assert folds(Y, groups, shuffle=False, random_state=None) == folds(
        Y, groups, shuffle=False, random_state=None
    )
    assert folds(Y, groups, random_state=1) != expected


@over_splitters
def test_a_vector_of_classes_is_stratified_too(Splitter):
    rng = np.random.default_rng(0)
    y, groups = rng.choice(["a", "b", "c"], 300, p=[0.7, 0.2, 0.1]), rng.integers(0, 60, 300)
    for _, test in Splitter(5, random_state=0).split(y, y, groups):
        assert abs((y[test] == "c").mean() - (y == "c").mean()) < 0.03


@over_splitters
def test_a_column_in_too_few_groups_is_named(Splitter):
    Y, groups = draw(Splitter, 120, 30)
    Y[:, 4] = 0
    Y[groups == 7, 4] = 1
    if Splitter is SoftStratifiedGroupKFold:
        Y /= Y.sum(axis=1, keepdims=True)
    with pytest.warns(UserWarning, match=r"Columns \[4\] of y have mass in fewer groups"):
        list(Splitter(5, random_state=0).split(Y, Y, groups))


@over_splitters
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": None}, "groups are required"),
        ({"y": None}, "y is required"),
        ({"groups": np.arange(120) % 3}, "n_splits=5 is more than the 3 different groups"),
        ({"groups": np.arange(119)}, "inconsistent numbers of samples"),
    ],
)
def test_what_is_refused(Splitter, change, message):
    Y, groups = draw(Splitter, 120, 30)
    with pytest.raises(ValueError, match=message):
        list(Splitter(5).split(**{"X": Y, "y": Y, "groups": groups, **change}))


def test_they_go_into_searches_and_out_of_fold_predictions():
    groups = np.arange(len(X_SETS)) // 3
    folds = MultiLabelStratifiedGroupKFold(3, random_state=0)
    clf = MultiLabelSigmoidClassifier(**{**SMALL, "max_iter": 2})
    search = GridSearchCV(clf, {"dropout": [0.0, 0.2]}, cv=folds)
    assert search.fit(X_SETS, Y_SETS, groups=groups).best_score_ > 0
    proba = cross_val_predict_proba(clf, X_SETS, Y_SETS, groups=groups, cv=folds)
    assert proba.shape == Y_SETS.shape


def test_a_rare_label_in_few_groups_breaks_no_tuning():
    """Plain GroupKFold may leave a training part without it."""
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(400, 3)), np.repeat(np.arange(40), 10)
    Y = (X + rng.normal(size=X.shape) > 0).astype(float)
    Y[:, 2] = 0
    Y[[3, 155], 2] = 1  # in two of the groups
    clf = MultiLabelSigmoidClassifier(**{**SMALL, "max_iter": 2})
    for seed in range(10):
        tuned = TunedDecisionClassifierCV(clf, cv=2, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ConvergenceWarning)
            tuned.fit(X, Y, groups=groups)


@few_groups
def test_classifiers_around_a_classifier_take_them_for_groups():
    groups = np.arange(len(X_SOFT)) // 3
    soft = SoftTargetMLPClassifier(**{**SMALL, "max_iter": 2})
    calibrated = SoftCalibratedClassifierCV(soft, cv=3).fit(X_SOFT, Y_SOFT, groups=groups)
    assert calibrated.predict_proba(X_SOFT).shape == Y_SOFT.shape
