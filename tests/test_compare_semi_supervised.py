"""compare_semi_supervised: who is compared on which rows, the scores, and collapse by its name."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from cases import BENCHMARKS, X_THREE, Y_THREE, make_soft
from harness.memory import PeakMemory
from harness.semi_supervised import (
    SCORES,
    SemiSupervisedComparison,
    compare_semi_supervised,
    default_methods,
    drawing_order,
)
from sklearn_softloss.metrics import expected_calibration_error
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier
from sklearn_softloss.semi_supervised._partly_labelled import read_partly_labelled

pytestmark = pytest.mark.filterwarnings("ignore:Every row of y has a label:UserWarning")

SPLIT = X_THREE[::2], Y_THREE[::2], X_THREE[1::2], Y_THREE[1::2]
GRAPH = {"ours": GraphLabelSpreading()}
SEEN = []


class Spy(ClassifierMixin, BaseEstimator):
    """Keeps the y of each fit, and answers with given probabilities."""

    def __init__(self, proba=(0.2, 0.3, 0.5)):
        self.proba = proba

    def fit(self, X, y):
        SEEN.append(y)
        self.classes_ = np.arange(len(self.proba))
        return self

    def predict_proba(self, X):
        return np.tile(np.array(self.proba, dtype=float), (X.shape[0], 1))


class SoftSpy(SoftPseudoLabelClassifier):
    """Keeps the y of each fit."""

    def fit(self, X, y):
        SEEN.append(y)
        return super().fit(X, y)


@pytest.fixture(autouse=True)
def _nothing_seen():
    SEEN.clear()


def test_every_method_runs_and_each_row_tells_its_scores():
    found = compare_semi_supervised(*SPLIT, n_labelled=(10, 20), n_draws=1, random_state=0)
    names = list(dict.fromkeys(row["method"] for row in found.rows))
    assert names == [
        "supervised only",
        "LabelPropagation rbf",
        "LabelPropagation rbf, median gamma",
        "LabelPropagation knn",
        "LabelSpreading rbf",
        "LabelSpreading rbf, median gamma",
        "LabelSpreading knn",
        "SelfTrainingClassifier",
        "GraphLabelSpreading",
        "SoftPseudoLabelClassifier",
        "SoftPseudoLabelClassifier, self-training",
    ]
    assert len(found.rows) == 11 * 2
    assert len(found.runs) == 11 * 2
    frame = pd.DataFrame(found.rows)
    assert frame["accuracy"].between(0, 1).all()
    assert (frame["fit_seconds"] > 0).all()
    best = frame.set_index("method")["accuracy"].groupby("method").mean()
    assert best["GraphLabelSpreading"] > 0.85
    assert "GraphLabelSpreading" in str(found)


def test_scores_are_those_of_the_fit_by_hand():
    X, _, X_test, y_test = SPLIT
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(12,), n_draws=1, methods={**GRAPH, "spy": Spy()}, random_state=3
    )
    proba = GraphLabelSpreading().fit(X, SEEN[0]).predict_proba(X_test)
    row = found.rows[0]
    assert row["accuracy"] == pytest.approx((proba.argmax(axis=1) == y_test).mean())
    clipped = np.clip(proba, np.finfo(float).tiny, 1)
    assert row["soft_log_loss"] == pytest.approx(
        -np.log(clipped[np.arange(len(y_test)), y_test]).mean()
    )
    assert row["calibration_error"] == pytest.approx(expected_calibration_error(y_test, proba))
    assert np.isnan(row["standard_error"])
    spied = np.tile([0.2, 0.3, 0.5], (len(y_test), 1))
    assert found.rows[1]["soft_log_loss"] == pytest.approx(log_loss(y_test, spied))


def test_means_and_standard_errors_over_draws():
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(4, 8), n_draws=3, methods=["LabelSpreading knn"], random_state=0
    )
    for row in found.rows:
        draws = [run for run in found.runs if run["n_labelled"] == row["n_labelled"]]
        assert [run["draw"] for run in draws] == [0, 1, 2]
        accuracies = [run["accuracy"] for run in draws]
        assert row["accuracy"] == pytest.approx(np.mean(accuracies))
        assert row["standard_error"] == pytest.approx(np.std(accuracies, ddof=1) / np.sqrt(3))
    merged = SemiSupervisedComparison.from_runs(found.runs)
    pd.testing.assert_frame_equal(pd.DataFrame(merged.rows), pd.DataFrame(found.rows))


def test_all_methods_see_the_same_labels_and_more_of_them_hold_the_fewer():
    X, y, *test = SPLIT
    methods = {"one": Spy(), "other": Spy(), "supervised only": Spy()}
    compare_semi_supervised(
        X, y, *test, n_labelled=(3, 9), n_draws=2, methods=methods, random_state=0
    )
    for draw in range(2):
        one, other, alone, more, *_ = SEEN[6 * draw : 6 * draw + 6]
        np.testing.assert_array_equal(one, other)
        assert (one >= 0).sum() == len(alone) == 3
        assert set(one[one >= 0]) == {0, 1, 2}
        np.testing.assert_array_equal(alone, one[one >= 0])
        np.testing.assert_array_equal(more[one >= 0], one[one >= 0])
        np.testing.assert_array_equal(more[more >= 0], y[more >= 0])
    assert not np.array_equal(SEEN[0], SEEN[6])


def test_text_labels_and_rows_that_have_none():
    names = np.array(["a", "b", "c"])
    X, y, X_test, y_test = SPLIT
    y = names[y].astype(object)
    y[:40] = -1
    found = compare_semi_supervised(
        X, y, X_test, names[y_test], n_labelled=(20,), n_draws=1, random_state=0,
        methods={**GRAPH, "spy": Spy(), "scaled": make_pipeline(StandardScaler(), Spy())},
    )  # fmt: skip
    assert np.all(SEEN[0][:40] == -1)
    np.testing.assert_array_equal(SEEN[0], SEEN[1])
    assert found.rows[0]["accuracy"] > 0.9
    assert found.rows[2]["method"] == "scaled"


def test_soft_rows_go_to_ours_as_they_are():
    X, Y = make_soft(n=120)
    found = compare_semi_supervised(
        X[:80], Y[:80], X[80:], Y[80:], n_labelled=(30,), n_draws=1, random_state=0,
        methods={"soft": SoftSpy(default_methods(X, np.random.RandomState(0))["supervised only"]),
                 "spy": Spy()},
    )  # fmt: skip
    soft, hard = SEEN
    shown = ~np.isnan(soft[:, 0])
    assert shown.sum() == 30
    np.testing.assert_allclose(soft[shown], Y[:80][shown], rtol=1e-14)
    np.testing.assert_array_equal(hard, np.where(shown, Y[:80].argmax(axis=1), -1))
    assert found.rows[1]["accuracy"] == pytest.approx(Y[80:, 2].mean())


def test_sparse_rows():
    X, y, X_test, y_test = SPLIT
    found = compare_semi_supervised(
        sp.csr_array(X), y, sp.csr_array(X_test), y_test, n_labelled=(20,), n_draws=1,
        methods=["LabelSpreading rbf, median gamma", "GraphLabelSpreading"], random_state=0,
    )  # fmt: skip
    assert found.rows[1]["accuracy"] > 0.9


def test_seeded():
    runs = [
        compare_semi_supervised(
            *SPLIT, n_labelled=(6,), n_draws=1, methods=GRAPH, random_state=seed
        ).rows[0]["accuracy"]
        for seed in (0, 0, 1, 2, 3)
    ]
    assert runs[0] == runs[1]
    assert len(set(runs)) > 1


# --- outcomes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proba", "outcome"),
    [
        ((0.2, 0.3, 0.5), "collapsed: one class"),
        ((np.nan, np.nan, np.nan), "collapsed: NaN"),
    ],
)
def test_collapse_has_a_name(proba, outcome):
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(5,), n_draws=1, methods={"spy": Spy(proba)}, random_state=0
    )
    row = found.rows[0]
    assert row["outcome"] == outcome
    assert row["accuracy"] == pytest.approx((SPLIT[3] == np.nan_to_num(proba).argmax()).mean())
    assert np.isnan(row["soft_log_loss"]) == np.isnan(proba[0])
    assert "collapsed" in str(found)


def test_one_class_is_no_collapse_where_there_is_one_only():
    X, y, X_test, y_test = SPLIT
    only = y_test == 2
    found = compare_semi_supervised(
        X, y, X_test[only], y_test[only], n_labelled=(5,), n_draws=1, methods={"spy": Spy()}
    )
    assert found.rows[0]["outcome"] == "ok"


def test_the_rbf_kernel_of_sklearn_collapses_and_ours_does_not():
    X, y = make_blobs(400, n_features=200, centers=4, cluster_std=3.0, random_state=0)
    found = compare_semi_supervised(
        X[:300], y[:300], X[300:], y[300:], n_labelled=(40,), n_draws=2, random_state=0,
        methods=("LabelPropagation rbf", "LabelSpreading rbf", "GraphLabelSpreading"),
    )  # fmt: skip
    assert [row["outcome"] for row in found.rows] == ["collapsed: NaN", "collapsed: NaN", "ok"]
    assert found.rows[2]["accuracy"] > 0.95


def test_draws_that_end_differently():
    runs = [
        {"method": "m", "n_labelled": 5, "draw": draw, "outcome": outcome}
        | dict.fromkeys(SCORES, 0.5)
        for draw, outcome in enumerate(["ok", "collapsed: one class", "not converged", "ok"])
    ]
    found = SemiSupervisedComparison.from_runs(runs)
    assert found.rows[0]["outcome"] == "collapsed: one class in 1 of 4"


def test_not_converged_is_said():
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(5,), n_draws=1, methods={"short": LabelPropagation(max_iter=1)}
    )
    assert found.rows[0]["outcome"] == "not converged"


def test_other_warnings_pass():
    X = np.concatenate([SPLIT[0], 1e6 + np.eye(64)[:20]])
    y = np.concatenate([SPLIT[1], np.full(20, -1)])
    with pytest.warns(UserWarning, match="No label reaches 20 rows"):
        compare_semi_supervised(
            X, y, *SPLIT[2:], n_labelled=(5,), n_draws=1, methods=GRAPH, random_state=0
        )


def test_a_dense_kernel_too_large_for_the_machine_is_not_tried(monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(5,), n_draws=1, random_state=0,
        methods={"rbf": LabelPropagation(), "knn": LabelSpreading("knn"), **GRAPH},
    )  # fmt: skip
    assert [row["outcome"] for row in found.rows] == ["too large", "ok", "ok"]
    assert np.isnan(found.rows[0]["accuracy"])


# --- memory ---------------------------------------------------------------------------------------


MEASURE = """
import numpy as np
from memory import PeakMemory  # without the harness, whose import takes long
with PeakMemory() as held:
    block = np.ones(2**24)  # 128 MB
    del block
with PeakMemory() as nothing:
    pass
print(held.megabytes, nothing.megabytes)
"""


def test_peak_memory_is_what_was_held():
    """In a process where no thread of another test gives memory back meanwhile."""
    run = [sys.executable, "-c", MEASURE]
    found = subprocess.run(
        run, cwd=BENCHMARKS / "harness", capture_output=True, text=True, check=True
    )
    held, nothing = map(float, found.stdout.split())
    if np.isnan(held):
        pytest.skip("only Linux counts it")
    assert 120 < held < 160
    assert nothing < 20


def test_peak_memory_elsewhere_is_nan(monkeypatch, tmp_path):
    monkeypatch.setattr("harness.memory.PROCESS", tmp_path / "none")
    with PeakMemory() as memory:
        pass
    assert np.isnan(memory.megabytes)


# --- rows drawn, and the median -------------------------------------------------------------------


def test_drawing_order_begins_with_every_class_and_goes_on_in_proportion():
    y = np.repeat([0, 1, 2, -1], [600, 300, 2, 50])
    y = np.random.default_rng(0).permutation(y)
    order = drawing_order(read_partly_labelled(y), np.random.RandomState(0))
    np.testing.assert_array_equal(np.sort(order), np.flatnonzero(y >= 0))
    assert set(y[order[:3]]) == {0, 1, 2}
    counts = np.bincount(y[order[:90]])
    assert counts[2] == 1
    assert abs(counts[0] - 2 * counts[1]) <= 2


def test_median_gamma():
    methods = default_methods(X_THREE, np.random.RandomState(0))
    expected = 1 / np.median(pdist(X_THREE, "sqeuclidean"))
    assert methods["LabelSpreading rbf, median gamma"].gamma == pytest.approx(expected)
    same = default_methods(np.zeros((9, 2)), np.random.RandomState(0))
    assert same["LabelSpreading rbf, median gamma"].gamma == 1


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_labelled": (2,)}, "each of n_labelled == 2, must be >= 3"),
        ({"n_labelled": (101,)}, "must be <= 100"),
        ({"methods": ["kNN"]}, "methods must be among"),
        ({"methods": {"net": LogisticRegression()}}, "must have the name 'supervised only'"),
        ({"n_draws": 0}, "n_draws"),
        ({"y": np.full(100, -1)}, "no labelled row"),
        ({"y_test": np.full(100, 7)}, "row 0 holds"),
        ({"X_test": X_THREE[:7]}, "inconsistent numbers"),
        ({"X": np.full((100, 64), np.nan)}, "X contains NaN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(changed, message):
    given = dict(zip(("X", "y", "X_test", "y_test"), SPLIT, strict=True))
    given |= {"methods": GRAPH, "n_labelled": (9,)}
    with pytest.raises(ValueError, match=message):
        compare_semi_supervised(**{**given, **changed})


def test_ours_against_the_best_of_sklearn_on_digits():
    """At 100 labels, mean over draws; the benchmark has the other numbers and more draws."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.5, stratify=y, random_state=0)
    found = compare_semi_supervised(
        X, y, X_test, y_test, n_labelled=(100,), n_draws=3, random_state=0,
        methods=[
            "supervised only", "LabelPropagation rbf", "LabelPropagation knn",
            "LabelSpreading rbf", "LabelSpreading knn", "GraphLabelSpreading",
            "SoftPseudoLabelClassifier",
        ],
    )  # fmt: skip
    accuracy = {row["method"]: row["accuracy"] for row in found.rows}
    ours, soft = accuracy.pop("GraphLabelSpreading"), accuracy.pop("SoftPseudoLabelClassifier")
    assert ours > max(accuracy.values())
    assert soft > accuracy["supervised only"] + 0.02


def test_a_classifier_of_somebody_else():
    net = MLPClassifier((5,), solver="lbfgs", random_state=0)
    found = compare_semi_supervised(
        *SPLIT, n_labelled=(30,), n_draws=1, methods={"supervised only": net}, random_state=0
    )
    assert found.rows[0]["accuracy"] > 0.7
