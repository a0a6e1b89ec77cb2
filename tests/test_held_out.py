"""Which rows the choice is judged by: folds of the user or of a hash, and their scores."""

import warnings
from contextlib import suppress
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from cases import make_clean, make_labels, make_soft, over_all, parameters_of, rows_for
from choice_cases import QUICK, data_of, folds_of, minus_mean_loss
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._estimators.candidates import MIDDLE, params_of
from sklearn_softloss._estimators.choice import compared
from sklearn_softloss._estimators.equal_rows import groups_of_equal
from sklearn_softloss._estimators.held_out import (
    MOST_FOLDED,
    N_FOLDS,
    enough_rows,
)
from sklearn_softloss.distributed import Processes
from sklearn_softloss.metrics import scorers

COMPARED = "sklearn_softloss._estimators.choice.compared"

# --- whose folds and which score -----------------------------------------------------------------


class Recorder:
    """A scorer that keeps the rows it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y):
        assert len(X) == len(y)
        self.seen.append((np.array(X), np.array(y)))
        return minus_mean_loss(estimator, X, y)

    def rows_in(self, X):
        """Numbers of the rows of X, which must differ, that were seen together; each set once."""
        found = []
        for rows, _ in self.seen:
            numbers = np.flatnonzero((X[:, None] == rows[None]).all(axis=-1).any(axis=1)).tolist()
            if numbers not in found:
                found.append(numbers)
            assert len(numbers) == len(rows)
        return found


@over_all
@pytest.mark.parametrize("cv", [2, 5, np.int64(3)])
def test_a_number_of_folds(Estimator, cv):
    X, Y = rows_for(Estimator, n=40)
    scorer = Recorder()
    clf = Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y)
    folds = scorer.rows_in(X)
    assert len(folds) == cv
    assert sorted(chain(*folds)) == list(range(40))
    assert f"split{cv - 1}_test_score" in clf.selection_results_
    for rows, targets in scorer.seen:
        assert_array_equal(targets, Y[[X[:, 0].tolist().index(row) for row in rows[:, 0]]])


GROUPS = np.arange(70) % 7


@over_all
@pytest.mark.parametrize("how", ["list", "generator", "splitter", "of hard labels"])
def test_folds_of_ones_own(Estimator, how):
    X, Y = rows_for(Estimator, n=70)
    if how == "of hard labels" and Estimator is SoftTargetMLPClassifier:
        Y, cv = Y.argmax(axis=1), StratifiedKFold(3)
        wanted = cv.split(X, Y)
    elif how in ("splitter", "of hard labels"):
        cv = KFold(3, shuffle=True, random_state=0)
        wanted = cv.split(X)
    else:
        wanted = list(GroupKFold(3).split(X, Y, GROUPS))
        cv = wanted if how == "list" else (pair for pair in wanted)
    scorer = Recorder()
    clf = Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y)
    assert scorer.rows_in(X) == [held.tolist() for _, held in wanted]
    assert "split2_test_score" in clf.selection_results_


def test_a_choice_learns_nothing_of_the_rows_held_out(monkeypatch):
    X, Y = make_soft(n=70)
    taught = []

    def record(candidates, splits, *others):
        taught.extend((split.train.rows, split.held.rows, split.places) for split in splits)
        return compared(candidates, splits, *others)

    monkeypatch.setattr(COMPARED, record)
    wanted = list(GroupKFold(3).split(X, groups=GROUPS))
    SoftTargetMLPClassifier(**QUICK, cv=wanted).fit(X, Y)
    for (train, held, places), pair in zip(taught, wanted, strict=True):
        assert_array_equal(train, pair[0])
        assert_array_equal(held, pair[1])
        assert_array_equal(places, pair[1])


@over_all
def test_rows_without_weight_are_in_no_fold(Estimator):
    X, Y = rows_for(Estimator, n=70)
    weight = np.ones(70)
    weight[::4] = 0
    counts = np.flatnonzero(weight)
    for cv, wanted in (
        (KFold(3), [np.intersect1d(held, counts).tolist() for _, held in KFold(3).split(X)]),
        (3, None),
    ):
        scorer = Recorder()
        Estimator(**QUICK, cv=cv, scoring=scorer).fit(X, Y, sample_weight=weight)
        found = scorer.rows_in(X)
        assert sorted(chain(*found)) == counts.tolist()
        assert wanted is None or found == wanted
    alone = [np.arange(0, 70, 4), np.delete(np.arange(70), np.arange(0, 70, 4))]
    for cv in ([alone], [alone[::-1]]):
        with pytest.raises(ValueError, match="cv must leave rows with weight"):
            Estimator(**QUICK, cv=cv).fit(X, Y, sample_weight=weight)


@over_all
@pytest.mark.parametrize("cv", [None, 3, KFold(3)])
def test_weights_are_repetition(Estimator, cv):
    """Where a step takes all rows, so that none is cut elsewhere."""
    X, Y = rows_for(Estimator, n=80)
    weight = np.arange(80) % 3
    rows = np.arange(80).repeat(weight)
    if not isinstance(cv, (int, type(None))):
        cv = [[np.arange(80) < 40, np.arange(80) >= 40], [np.arange(80) >= 40, np.arange(80) < 40]]
        of_rows = [[np.flatnonzero(part[rows]) for part in pair] for pair in cv]
        cv = [[np.flatnonzero(part) for part in pair] for pair in cv]
    else:
        of_rows = cv
        X, Y, weight = X[weight > 0], Y[weight > 0], weight[weight > 0]
        rows = np.arange(len(X)).repeat(weight)
        X, Y = (
            np.tile(X, (2, 1)) + np.repeat([[0.0], [1e-3]], len(X), axis=0),
            np.tile(Y, (2, *[1] * (Y.ndim - 1))),
        )
        weight, rows = np.tile(weight, 2), np.concatenate([rows, rows + len(X) // 2])
    params = {**QUICK, "batch_size": 1000, "dtype": "float64"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "batch_size=1000")
        weighted = Estimator(**params, cv=cv).fit(X, Y, sample_weight=weight)
        repeated = Estimator(**params, cv=of_rows).fit(X[rows], Y[rows])
    for name in ("param_alpha", "mean_test_score"):
        found, wanted = (one.selection_results_[name] for one in (weighted, repeated))
        assert_allclose(found, wanted, rtol=1e-3)


@pytest.mark.parametrize("cv", [0, 1, -2, True, False, "3", 2.0, 3.5, object(), np.float64(4)])
def test_what_is_no_cv_is_refused(cv, monkeypatch):
    monkeypatch.setattr(COMPARED, lambda *args: pytest.fail("trained"))
    with pytest.raises(ValueError, match="cv must be None, a number of folds from 2 on"):
        SoftTargetMLPClassifier(**QUICK, cv=cv).fit(*make_soft(n=70))
    with pytest.raises(ValueError, match="cv must be None, a number of folds from 2 on"):
        SoftTargetMLPClassifier(**QUICK, cv=cv).partial_fit(*make_soft(n=70))


@pytest.mark.parametrize(
    ("cv", "said"),
    [
        (71, "cv=71 folds need as many different rows; there are 70"),
        ([(np.arange(70), [])], "both sides"),
        ([([], np.arange(70))], "both sides"),
        ([(np.arange(35), np.arange(35, 70)), (np.arange(70), np.array([], int))], "both sides"),
        (GroupKFold(3), "groups"),
        ([], "cv"),
        (iter(()), "cv"),
        ({1, 2}, "cv"),
        ([(1, 2, 3)], "cv"),
        ([(np.arange(35), np.arange(35, 71))], "cv"),
        ([(np.arange(35), np.arange(-35, 1))], "cv"),
        ([(np.arange(35.0), np.arange(35, 70))], "cv"),
        ([(np.arange(35) % 2 > 0, np.arange(35) % 2 == 0)], "cv"),
    ],
    ids=[
        "more than rows",
        "none held",
        "none taught",
        "one of none",
        "no groups",
        "no splits",
        "used up",
        "numbers",
        "three parts",
        "beyond",
        "negative",
        "floats",
        "short masks",
    ],
)
def test_a_cv_that_cannot_serve_these_rows_is_refused(cv, said, monkeypatch):
    monkeypatch.setattr(COMPARED, lambda *args: pytest.fail("trained"))
    with pytest.raises(ValueError, match=said):
        SoftTargetMLPClassifier(**QUICK, cv=cv).fit(*make_soft(n=70))


def test_masks_are_rows():
    X, Y = make_soft(n=70)
    held = np.arange(70) % 3 == 0
    scorer = Recorder()
    with suppress(ValueError):  # refused, or read as rows, but never as numbers of two rows
        SoftTargetMLPClassifier(**QUICK, cv=[(~held, held)], scoring=scorer).fit(X, Y)
        assert scorer.rows_in(X) == [np.flatnonzero(held).tolist()]


def test_as_many_folds_as_rows():
    X, Y = make_soft(n=10)
    clf = SoftTargetMLPClassifier(**QUICK, cv=10).fit(X, Y)
    assert "split9_test_score" in clf.selection_results_
    with pytest.raises(ValueError, match="cv=11 folds need as many different rows; there are 10"):
        SoftTargetMLPClassifier(**QUICK, cv=11).fit(np.tile(X, (2, 1)), np.tile(Y, (2, 1)))


@over_all
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_cv_and_scoring_of_where_nothing_is_chosen(Estimator):
    """They may be stated, as for a search over alpha, and move nothing."""
    X, Y = rows_for(Estimator, n=70)
    for params in ({"alpha": 0.1}, {"solver": "adam"}):
        stated = Estimator(**QUICK, **params, cv=3, scoring=Recorder()).fit(X, Y)
        assert stated.selection_results_ is None
        assert_array_equal(
            parameters_of(stated), parameters_of(Estimator(**QUICK, **params).fit(X, Y))
        )


@over_all
def test_the_own_loss_as_a_scorer_finds_the_same(Estimator):
    """The scores too, except that a regressor's loss is in units of its own."""
    X, Y = rows_for(Estimator)
    params = {**QUICK, "max_iter": 20}
    by_loss = Estimator(**params).fit(X, Y)
    scored = Estimator(**params, scoring=minus_mean_loss).fit(X, Y)
    found, wanted = scored.selection_results_, by_loss.selection_results_
    assert_array_equal(found["rank_test_score"], wanted["rank_test_score"])
    ratio = found["mean_test_score"] / wanted["mean_test_score"]
    assert_allclose(ratio, ratio[0], rtol=1e-4)
    if Estimator is not SoftLossMLPRegressor:
        assert ratio[0] == pytest.approx(1, rel=1e-4)
    assert_array_equal(parameters_of(scored), parameters_of(by_loss))


SCORINGS = [
    (SoftTargetMLPClassifier, "accuracy"),
    (SoftTargetMLPClassifier, "neg_log_loss"),
    (SoftTargetMLPClassifier, "roc_auc_ovr"),
    (SoftTargetMLPClassifier, scorers.neg_soft_log_loss),
    (SoftTargetMLPClassifier, lambda clf, X, y: clf.score(X, y)),
    (MultiLabelSigmoidClassifier, "f1_micro"),
    (MultiLabelSigmoidClassifier, "accuracy"),
    (MultiLabelSigmoidClassifier, lambda clf, X, y: clf.score(X, y)),
    (SoftLossMLPRegressor, "r2"),
    (SoftLossMLPRegressor, "neg_mean_absolute_error"),
    (SoftLossMLPRegressor, lambda clf, X, y: clf.score(X, y)),
]


@pytest.mark.parametrize(("Estimator", "scoring"), SCORINGS)
@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scoring(Estimator, scoring, framed, free):
    """Rows of a frame are shown without names, of which nobody warns."""
    X, y = rows_for(Estimator)
    if Estimator is SoftTargetMLPClassifier:
        y = np.array(["no", "perhaps", "yes"])[y.argmax(axis=1)]
    if framed:
        X = pd.DataFrame(X, columns=[f"x{place}" for place in range(X.shape[1])])
        index = np.arange(100)[::-1]  # not that of the rows
        y = pd.Series(y, index=index) if y.ndim == 1 else pd.DataFrame(y, index=index)
    params = {"random_state": 0, "max_iter": 4} if free else QUICK
    clf = Estimator(**params, cv=2, scoring=scoring).fit(X, y)
    found = clf.selection_results_
    assert np.isfinite(found["mean_test_score"]).all()
    assert len(np.unique(found["split0_test_score"])) > 1
    assert hasattr(clf, "feature_names_in_") is framed
    clf.predict(X)


def test_scoring_of_sparse_rows_lists_and_sparse_labels():
    X, Y = make_labels(n=70)
    clf = MultiLabelSigmoidClassifier(**QUICK, cv=2, scoring="f1_macro", encoding="standard")
    plain = clf.fit(X, Y).selection_results_["mean_test_score"]
    for rows, labels in ((sp.csr_array(X), sp.csr_array(Y)), (X.tolist(), Y.tolist())):
        found = clone(clf).fit(rows, labels).selection_results_["mean_test_score"]
        assert_allclose(found, plain, atol=0.1)


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_a_scorer_sees_the_validation_rows_that_were_given(container):
    X, Y = make_soft(n=130)
    given = container(X)
    for cv, wanted in ((None, 1), (2, 2)):
        scorer = Recorder()
        clf = SoftTargetMLPClassifier(**QUICK, early_stopping=True, cv=cv, scoring=scorer)
        clf.fit(given[:100], Y[:100], X_val=given[100:], y_val=container(Y[100:]))
        found = scorer.rows_in(X)
        assert len(found) == wanted
        seen = sorted(chain(*found))
        assert seen == list(range(100, 130) if cv is None else range(100))
        for rows, targets in scorer.seen:
            assert_array_equal(targets, Y[[X[:, 0].tolist().index(row) for row in rows[:, 0]]])


def test_a_scorer_sees_validation_rows_that_a_fit_holds_out():
    X, Y = make_soft(n=100)
    scorer = Recorder()
    clf = SoftTargetMLPClassifier(
        **QUICK, early_stopping=True, validation_fraction=0.3, scoring=scorer
    ).fit(X, Y)
    (held,) = scorer.rows_in(X)
    assert len(held) == 30
    assert "split0_test_score" in clf.selection_results_
    assert "split1_test_score" not in clf.selection_results_


@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "validation_fraction": 0.3}])
def test_a_scorer_sees_rows_of_a_memory_mapped_file(tmp_path, params):
    X, Y = make_soft(n=150)
    mapped = np.memmap(tmp_path / "x", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    scorer, of_map = Recorder(), Recorder()
    weight = np.arange(150) % 5 > 0  # so that rows that count are not all of them
    for rows, seeing in ((X, scorer), (mapped, of_map)):
        clf = SoftTargetMLPClassifier(**QUICK, **params, scoring=seeing)
        clf.fit(rows, Y, sample_weight=weight)
    assert of_map.rows_in(X) == scorer.rows_in(X) != []
    for found, wanted in zip(of_map.seen, scorer.seen, strict=True):
        assert_array_equal(found[1], wanted[1])


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_scorer_without_a_number_for_any_is_refused(bad):
    with pytest.raises(ValueError, match="no candidate a finite score"):
        SoftTargetMLPClassifier(**QUICK, scoring=lambda *_: bad).fit(*make_soft(n=70))


def test_trainings_that_all_fail_leave_the_middle(monkeypatch):
    monkeypatch.setattr(
        "sklearn_softloss._estimators.trials.trained", lambda members, *_: [None] * len(members)
    )
    clf = SoftTargetMLPClassifier(**QUICK).fit(*make_soft(n=70))
    assert clf.alpha_ == params_of(MIDDLE, clf, 70)["alpha"]
    assert len(np.unique(clf.selection_results_["mean_test_score"])) == 1


@pytest.mark.parametrize("scoring", ["precise", 3, ["accuracy", "f1"], {"a": "accuracy"}])
def test_what_is_no_scoring_is_refused(scoring, monkeypatch):
    monkeypatch.setattr(COMPARED, lambda *args: pytest.fail("trained"))
    X, Y = make_soft(n=70)
    with pytest.raises((ValueError, TypeError), match="scoring"):
        SoftTargetMLPClassifier(**QUICK, scoring=scoring).fit(X, Y.argmax(axis=1))


def test_an_error_of_a_scorer_leaves_the_fit_before():
    X, Y = make_soft(n=70)
    clf = SoftTargetMLPClassifier(**QUICK).fit(X, Y)
    before = dict(vars(clf))
    clf.set_params(scoring="accuracy")
    with pytest.raises(ValueError, match="continuous"):
        clf.fit(X, Y)
    clf.set_params(scoring=None)
    assert vars(clf) == before


def test_searches_over_scoring():
    X, y = make_clean(100)
    grid = {"scoring": [None, "accuracy", "roc_auc"], "cv": [2, KFold(3)]}
    search = GridSearchCV(SoftTargetMLPClassifier(**QUICK), grid, cv=2, error_score="raise")
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_estimator_.selection_results_ is not None


# --- which rows are held out ---------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_neither_order_nor_repeats_nor_units_nor_containers_move_the_folds(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-9, 9, (90, 4)) / 4
    y = rng.integers(0, 3, 90)
    y = y[np.unique(X, axis=0, return_inverse=True)[1].ravel() % 90]  # equal rows, equal targets
    Y = np.eye(3)[y]

    def folds(rows, container=np.asarray):
        data = data_of(container(X[rows]), Y[rows])
        found = []
        for train, held, places in folds_of(data):
            assert_array_equal(held.rows, places)
            assert_array_equal(np.sort(np.append(train.rows, held.rows)), np.arange(len(rows)))
            found.append({tuple(row) for row in X[rows][held.rows].tolist()})
            assert not found[-1] & {tuple(row) for row in X[rows][train.rows].tolist()}
        return found

    everyone = np.arange(90)
    wanted = folds(everyone)
    n_different = len(np.unique(X, axis=0))
    assert {len(fold) for fold in wanted} <= {n_different // N_FOLDS, -(-n_different // N_FOLDS)}
    assert len(set.union(*wanted)) == sum(map(len, wanted)) == n_different
    assert folds(rng.permutation(90)) == wanted
    assert folds(np.repeat(everyone, 2)) == wanted
    assert folds(everyone, sp.csr_array) == wanted
    assert folds(everyone, np.float32) == wanted
    units, origins = 10 ** rng.uniform(-6, 6, 4), rng.normal(size=4)
    assert folds(everyone, lambda X: (X + origins) * units) == wanted
    assert folds(everyone, lambda X: sp.csr_array(X * units)) == wanted
    assert folds(everyone, lambda X: sp.csr_array(X - X.min(axis=0))) == wanted


def test_sparse_columns_without_zeros_are_ranked_as_dense_ones():
    X = np.random.default_rng(0).integers(-2, 3, (100, 3)).astype(float)
    X[:, 1] += 5
    X[:, 2] = np.where(X[:, 2] > 0, 1e308, -1e308)
    rows = np.arange(100)
    assert_array_equal(groups_of_equal(sp.csr_array(X), rows, 0), groups_of_equal(X, rows, 0))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler()])
def test_a_scaler_before_the_net_changes_nothing(scaler):
    X, y = load_wine(return_X_y=True)
    X = np.column_stack([X, X[:, 0] > 14.5])  # a rare mark, which is wherever the scaler puts it
    raw = SoftTargetMLPClassifier((16,), random_state=0).fit(X, y)
    scaled = clone(raw).fit(scaler.fit_transform(X), y)
    assert scaled.alpha_ == pytest.approx(raw.alpha_, rel=0.01)
    assert_allclose(scaled.predict_proba(scaler.transform(X)), raw.predict_proba(X), atol=0.005)


@pytest.mark.parametrize(
    "counts", [[200, 200], [300, 80, 20], [10, 90, 300], [240, 60, 60, 30, 10], [4] * 100]
)
@pytest.mark.parametrize("cv", [None, 5])
def test_each_fold_has_its_share_of_each_class(counts, cv):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    data = data_of(rng.normal(size=(len(y), 3)), np.eye(len(counts))[y])
    folds = folds_of(data, cv)
    assert len(folds) == (cv or N_FOLDS)
    for train, held, _ in folds:
        found = np.bincount(y[held.rows], minlength=len(counts))
        assert np.abs(found - np.array(counts) / len(folds)).max() < 1
        assert len(train) + len(held) == len(y)


def test_each_fold_has_its_share_of_the_rarest_labels():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 4)) < [0.6, 0.3, 0.05, 0.03]).astype(float)
    labels[labels[:, 2] == 1, 3] = 0
    for _, held, _ in folds_of(data_of(rng.normal(size=(400, 3)), labels)):
        for rare in (2, 3):
            assert abs(labels[held.rows, rare].sum() - labels[:, rare].sum() / N_FOLDS) < 1


def test_rows_of_a_class_by_weight_too():
    """A class that few rows have is dealt evenly, also where their weight is large."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(180 + 4 * N_FOLDS, 3)), np.repeat([0, 1], [180, 4 * N_FOLDS])
    scorer = Recorder()
    SoftTargetMLPClassifier(**QUICK, scoring=scorer).fit(X, y, np.where(y == 1, 50.0, 0.5))
    held = scorer.rows_in(X)
    assert [int(y[fold].sum()) for fold in held] == [4] * N_FOLDS


def test_numbers_of_both_signs_have_no_class():
    rng = np.random.default_rng(0)
    data = data_of(rng.normal(size=(50 * N_FOLDS, 3)), rng.normal(size=(50 * N_FOLDS, 1)))
    assert [len(held) for _, held, _ in folds_of(data)] == [50] * N_FOLDS


@pytest.mark.parametrize(("n", "n_splits"), [(MOST_FOLDED, N_FOLDS), (MOST_FOLDED + 1, 1)])
def test_many_rows_are_judged_once(n, n_splits):
    X = np.random.default_rng(0).normal(size=(n, 2))
    splits = folds_of(data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)]))
    assert len(splits) == n_splits
    share = 1 / N_FOLDS if n_splits > 1 else 0.25
    assert all(abs(len(held) - n * share) < 2 for _, held, _ in splits)
    assert len(folds_of(data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)]), 5)) == 5


@pytest.mark.parametrize(
    ("n", "n_columns", "n_held"),
    [(12_000, 2, 8250), (30_000, 2, 21_250), (12_000, 2000, 8388 - 3750), (6000, 4000, 1250)],
)
def test_of_many_rows_a_part_is_taught_and_a_block_judged(n, n_columns, n_held):
    X = np.broadcast_to(np.random.default_rng(0).normal(size=(n, 1)), (n, n_columns))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    ((part, held, places),) = folds_of(data)
    assert (len(part), len(held), len(places)) == (3750, n_held, n_held)
    assert not set(part.rows) & set(held.rows)


def test_processes_agree_on_how_many_judge():
    """Sparse rows of one process may have more entries, so that a block holds fewer of them."""

    class Second(Processes):
        def from_first(self, thing):
            return 6000

    X = np.random.default_rng(0).normal(size=(12_000, 2))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    data.processes = Second()
    part, groups, places = enough_rows(data)
    assert len(part) == len(groups) == len(places) == 6000


def test_validation_rows_serve_the_choice_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = ((X[:, 0] > 0) != (X[:, 1] > 0)).astype(int)
    alphas = [
        SoftTargetMLPClassifier((64,), early_stopping=True, random_state=0)
        .fit(X[:300], y[:300], X_val=X[300:], y_val=y_val)
        .alpha_
        for y_val in (y[300:], 1 - y[300:])
    ]
    assert alphas[0] < alphas[1]


def test_with_validation_rows_as_many_are_taught():
    X = np.random.default_rng(0).normal(size=(6000, 2))
    data = data_of(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    train, valid = (data.restricted(rows) for rows in (np.arange(5500), np.arange(5500, 6000)))
    ((part, held, _),) = folds_of(train, valid=valid)
    assert (len(part), len(held)) == (5000, 500)
    assert len(folds_of(train, 3, valid)) == 3
