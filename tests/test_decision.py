"""Tuned cut-offs, against brute force over all cuts."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    fbeta_score,
    jaccard_score,
    matthews_corrcoef,
)

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import optimal_thresholds
from sklearn_softloss.decision._objectives import OBJECTIVES

SCORES = st.sampled_from([0.0, 0.1, 0.1000001, 0.3, 0.5, 0.9, 1.0])
pytestmark = pytest.mark.filterwarnings("ignore:Labels .* are 1 in every row:UserWarning")

TRUTHS = st.sampled_from([0.0, 1.0, 0.0, 1.0, 0.25, 0.9, np.nan])
HARD = st.sampled_from([0.0, 1.0])


@st.composite
def problems(draw, truths=TRUTHS, max_rows=12, max_labels=4):
    """Truth and probabilities (n, n_labels), with weights in half of the cases."""
    shape = draw(st.integers(1, max_rows)), draw(st.integers(1, max_labels))
    size = shape[0] * shape[1]
    truth, proba = (
        np.array(draw(st.lists(values, min_size=size, max_size=size))).reshape(shape)
        for values in (truths, SCORES)
    )
    weights = st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=shape[0], max_size=shape[0])
    return truth, proba, draw(st.none() | weights.map(np.array))


def table(truth, predicted, weight):
    """tp, fp, fn, tn of one label, entry by entry."""
    found = np.zeros(4)
    for i, y in enumerate(truth):
        if np.isnan(y) or y == -1:
            continue
        w = 1.0 if weight is None else weight[i]
        found += w * np.array([y, 1 - y, 0, 0] if predicted[i] else [0, 0, y, 1 - y])
    return found


def share(a, b):
    return a / b if b > 0 else 0.0


COSTS = (1.0, 3.0)
FLOOR = 0.6


def by_formula(name, tp, fp, fn, tn):
    """Objectives written out, larger is better; infeasible ones count by what they miss."""
    n, p, m = tp + fp + fn + tn, tp + fn, fp + tn
    recall, precision = share(tp, p), share(tp, tp + fp)
    return {
        "f1": lambda: share(2 * tp, 2 * tp + fp + fn),
        "accuracy": lambda: share(tp + tn, n),
        "balanced_accuracy": lambda: (recall + share(tn, m)) / 2,
        "jaccard": lambda: share(tp, tp + fp + fn),
        "g_mean": lambda: (recall * share(tn, m)) ** 0.5,
        "matthews": lambda: share(
            tp * tn - fp * fn, ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
        ),
        "precision_at_recall": lambda: precision if recall >= FLOOR else recall - 2,
        "recall_at_precision": lambda: (
            recall if tp + fp == 0 or precision >= FLOOR else precision - 2
        ),
        "expected_cost": lambda: -share(COSTS[0] * fp + COSTS[1] * fn, n),
    }[name]()


def all_cuts(scores):
    return [*np.unique(scores), 1.0]


def reached(name, truth, proba, weight, cuts):
    return np.array(
        [
            by_formula(name, *table(truth[:, j], proba[:, j] >= cut, weight))
            for j, cut in enumerate(cuts)
        ]
    )


def params(name):
    return {
        "objective": name,
        "costs": COSTS if name == "expected_cost" else None,
        "floor": FLOOR if name.endswith(("_recall", "_precision")) else None,
    }


@pytest.mark.parametrize("name", OBJECTIVES)
@settings(max_examples=120)
@given(problems() | problems(HARD))
def test_every_label_reaches_the_best_of_all_cuts(name, problem):
    truth, proba, weight = problem
    cuts, value = optimal_thresholds(
        truth, proba, average=None, sample_weight=weight, **params(name)
    )
    assert ((cuts >= 0) & (cuts <= 1)).all()
    at_cuts = reached(name, truth, proba, weight, cuts)
    # The square root of a G-mean turns what rounding leaves of a zero into 1e-8.
    atol = 1e-7 if name == "g_mean" else 1e-12
    np.testing.assert_allclose(-value if name == "expected_cost" else value, at_cuts, atol=atol)
    for j in range(truth.shape[1]):
        known = ~np.isnan(truth[:, j]) & (truth[:, j] >= 0)
        if not truth[known, j].any() and name not in ("accuracy", "expected_cost"):
            assert cuts[j] == 0.5
            continue
        candidates = [
            by_formula(name, *table(truth[:, j], proba[:, j] >= cut, weight))
            for cut in all_cuts(proba[:, j])
        ]
        assert at_cuts[j] == pytest.approx(max(candidates), abs=atol)


def micro_value(name, truth, proba, weight, cuts):
    parts = [table(truth[:, j], proba[:, j] >= cut, weight) for j, cut in enumerate(cuts)]
    return by_formula(name, *np.sum(parts, axis=0))


@pytest.mark.parametrize(
    "name", ["f1", "jaccard", "accuracy", "balanced_accuracy", "expected_cost"]
)
@settings(max_examples=60)
@given(problems(max_rows=6, max_labels=3))
def test_micro_is_the_best_of_all_combinations_of_cuts(name, problem):
    truth, proba, weight = problem
    cuts, value = optimal_thresholds(
        truth, proba, average="micro", sample_weight=weight, **params(name)
    )
    combinations = itertools.product(*(all_cuts(scores) for scores in proba.T))
    best = max(micro_value(name, truth, proba, weight, choice) for choice in combinations)
    found = micro_value(name, truth, proba, weight, cuts)
    assert found == pytest.approx(-value if name == "expected_cost" else value, abs=1e-12)
    if np.nansum(np.maximum(truth, 0)) > 0:
        assert found == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
@settings(max_examples=60)
@given(problems())
def test_one_pooled_cut_is_the_best_of_all(name, problem):
    truth, proba, weight = problem
    cuts, _ = optimal_thresholds(
        truth, proba, average="micro", pooled=True, sample_weight=weight, **params(name)
    )
    assert len(set(cuts)) == 1
    if np.nansum(np.maximum(truth, 0)) > 0:
        best = max(
            micro_value(name, truth, proba, weight, [cut] * truth.shape[1])
            for cut in all_cuts(proba)
        )
        assert micro_value(name, truth, proba, weight, cuts) == pytest.approx(best, abs=1e-12)


def samples_value(name, truth, proba, weight, cuts):
    values, weights = [], []
    for i, (row, scores) in enumerate(zip(truth, proba, strict=True)):
        if np.all(np.isnan(row) | (row == -1)):
            continue
        values.append(by_formula(name, *table(row, scores >= cuts, None)))
        weights.append(1.0 if weight is None else weight[i])
    return np.average(values, weights=weights) if values else 0.0


@pytest.mark.parametrize("name", ["f1", "jaccard"])
@settings(max_examples=60)
@given(problems(max_rows=8, max_labels=3))
def test_no_cut_of_one_label_improves_the_samples_average(name, problem):
    truth, proba, weight = problem
    cuts, value = optimal_thresholds(
        truth, proba, objective=name, average="samples", sample_weight=weight
    )
    assert value == pytest.approx(samples_value(name, truth, proba, weight, cuts), abs=1e-12)
    macro, _ = optimal_thresholds(truth, proba, objective=name, sample_weight=weight)
    assert value >= samples_value(name, truth, proba, weight, macro) - 1e-12
    for j in range(truth.shape[1]):
        for cut in all_cuts(proba[:, j]):
            moved = np.where(np.arange(len(cuts)) == j, cut, cuts)
            assert samples_value(name, truth, proba, weight, moved) <= value + 1e-9


def test_measures_are_scikit_learns():
    rng = np.random.default_rng(0)
    truth, proba = rng.integers(0, 2, (60, 3)), rng.random((60, 3)).round(2)
    weight = rng.random(60)
    cases = itertools.product(("f1", "jaccard"), ("macro", "weighted", "micro", "samples"))
    for name, average in cases:
        cuts, value = optimal_thresholds(
            truth, proba, objective=name, average=average, sample_weight=weight
        )
        measure = f1_score if name == "f1" else jaccard_score
        answer = (proba >= cuts).astype(int)
        assert value == pytest.approx(
            measure(truth, answer, average=average, sample_weight=weight), abs=1e-12
        )
    for name, measure in (
        ("balanced_accuracy", balanced_accuracy_score),
        ("matthews", matthews_corrcoef),
        ("f1", lambda a, b, sample_weight: fbeta_score(a, b, beta=2, sample_weight=sample_weight)),
    ):
        beta = 2.0 if name == "f1" else 1.0
        cuts, values = optimal_thresholds(
            truth, proba, objective=name, average=None, sample_weight=weight, beta=beta
        )
        for j, value in enumerate(values):
            answer = proba[:, j] >= cuts[j]
            assert value == pytest.approx(measure(truth[:, j], answer, sample_weight=weight))


def test_what_a_callable_divides_by_nothing_counts_as_nothing():
    """Precision of predicting nothing is 0 / 0, which argmax would take for the greatest."""
    truth, proba = [0, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5]
    cuts, value = optimal_thresholds(truth, proba, objective=lambda tp, fp, fn, tn: tp / (tp + fp))
    assert (cuts.tolist(), value) == ([0.45], 1.0)


def test_a_callable_objective():
    rng = np.random.default_rng(0)
    truth, proba = rng.random((20, 3)), rng.random((20, 3))
    by_name = optimal_thresholds(truth, proba, objective="jaccard")
    by_hand = optimal_thresholds(
        truth, proba, objective=lambda tp, fp, fn, tn: tp / np.maximum(tp + fp + fn, 1e-300)
    )
    np.testing.assert_allclose(by_hand[0], by_name[0])
    # One that rewards false positives: every entry is a candidate.
    cuts, _ = optimal_thresholds(truth > 0.5, proba, objective=lambda tp, fp, fn, tn: fp)
    assert (proba >= cuts)[truth <= 0.5].all()


def test_costs_of_each_label_and_whole_tables():
    rng = np.random.default_rng(0)
    truth, proba = rng.integers(0, 2, (50, 2)), rng.random((50, 2))
    rows = [(1.0, 4.0), (2.0, 1.0)]
    tables = [[[0.5, 1.5], [4.0, 0.0]], [[0.0, 2.0], [1.5, 0.5]]]
    together, value = optimal_thresholds(
        truth, proba, objective="expected_cost", costs=rows, average=None
    )
    for j, costs in enumerate(rows):
        alone = optimal_thresholds(
            truth[:, [j]], proba[:, [j]], objective="expected_cost", costs=costs
        )
        assert (together[j], value[j]) == (alone[0][0], alone[1])
    # What both answers cost alike changes no cut.
    shifted, _ = optimal_thresholds(truth, proba, objective="expected_cost", costs=tables)
    np.testing.assert_array_equal(shifted, together)


# --- guards ----------------------------------------------------------------------------------


def test_labels_without_positives_keep_the_default():
    cuts, value = optimal_thresholds([[0, 1], [0, 0]], [[0.1, 0.4], [0.2, 0.3]], average=None)
    np.testing.assert_allclose(cuts, [0.5, 0.35])
    np.testing.assert_allclose(value, [0, 1])


def rare_and_common(n=400, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.random((n, 3)) * [0.05, 0.9, 0.9]
    return (rng.random((n, 3)) < proba).astype(int), proba


def test_an_uninformative_label_is_predicted_throughout_unless_guarded():
    rng = np.random.default_rng(0)
    truth, proba = rng.integers(0, 2, (500, 1)), 0.4 + 0.2 * rng.random((500, 1))
    free, _ = optimal_thresholds(truth, proba)
    assert (proba >= free).mean() > 0.99
    held, value = optimal_thresholds(truth, proba, min_threshold=0.5)
    assert held == 0.5
    assert value == pytest.approx(f1_score(truth[:, 0], proba[:, 0] >= 0.5))
    careful, _ = optimal_thresholds(truth, proba, fallback_below=0.9)
    assert (proba >= careful).sum() == 1


def test_labels_with_few_positives_lean_on_the_pooled_cut():
    truth, proba = rare_and_common()
    own, _ = optimal_thresholds(truth, proba)
    pooled, _ = optimal_thresholds(truth, proba, average="micro", pooled=True)
    positives = truth.sum(axis=0)
    shrunk, _ = optimal_thresholds(truth, proba, shrinkage=10)
    np.testing.assert_allclose(
        shrunk, (positives * own + 10 * pooled) / (positives + 10), rtol=1e-12
    )
    few, _ = optimal_thresholds(truth, proba, min_positives=positives[0] + 1)
    np.testing.assert_allclose(few, [pooled[0], own[1], own[2]])


# --- containers and refusals -----------------------------------------------------------------


def test_containers_do_not_matter():
    truth, proba = rare_and_common()
    expected = optimal_thresholds(truth, proba)
    for container in (sp.csr_array, np.asfortranarray, np.ndarray.tolist, lambda a: a > 0):
        found = optimal_thresholds(container(truth), proba)
        np.testing.assert_array_equal(found[0], expected[0])
        assert found[1] == expected[1]
    column = optimal_thresholds(truth[:, 1], proba[:, 1])
    assert (column[0][0], column[1]) == (
        expected[0][1],
        optimal_thresholds(truth[:, [1]], proba[:, [1]])[1],
    )


def test_cut_offs_serve_the_classifier_as_its_threshold():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 3)), rng.integers(0, 2, (60, 3))
    clf = MultiLabelSigmoidClassifier((4,), learning_rate="cosine", max_iter=5, random_state=0).fit(
        X, Y
    )
    cuts, value = optimal_thresholds(Y, clf.predict_proba(X))
    predicted = clf.set_params(threshold=cuts).predict(X)
    assert f1_score(Y, predicted, average="macro") == pytest.approx(value)


TRUTH, PROBA = [[0, 1], [1, 0]], [[0.1, 0.4], [0.2, 0.3]]


@pytest.mark.parametrize(
    ("truth", "proba", "kwargs", "message"),
    [
        (TRUTH, [[0.1], [0.2]], {}, "shape"),
        (TRUTH, [[0.1, 1.2], [0.2, 0.2]], {}, r"\[0, 1\]"),
        ([[0, 2], [1, 0]], PROBA, {}, "row 0"),
        (TRUTH, PROBA, {"objective": "f2"}, "objective must be"),
        (TRUTH, PROBA, {"average": "binary"}, "average must be"),
        (TRUTH, PROBA, {"average": "micro", "objective": "g_mean"}, "pooled=True"),
        (TRUTH, PROBA, {"average": "samples", "objective": "g_mean"}, "samples"),
        (TRUTH, PROBA, {"pooled": True}, "average='micro'"),
        (TRUTH, PROBA, {"beta": 0}, "beta"),
        (TRUTH, PROBA, {"objective": "expected_cost"}, "costs="),
        (TRUTH, PROBA, {"objective": "expected_cost", "costs": [[1, 1]] * 3}, "2 labels"),
        (TRUTH, PROBA, {"objective": "expected_cost", "costs": (0, 0)}, "table of label 0"),
        (TRUTH, PROBA, {"objective": "expected_cost", "costs": (-1, 2)}, "table of label 0"),
        (
            TRUTH,
            PROBA,
            {"objective": "expected_cost", "costs": [[1, 1], [-0.5, 2]]},
            r"table of label 1 is \[\[0.0, -0.5\]",
        ),
        (
            TRUTH,
            PROBA,
            {
                "objective": "expected_cost",
                "costs": [[1, 1], [1, 2]],
                "pooled": True,
                "average": "micro",
            },
            "one cost table for all labels",
        ),
        (TRUTH, PROBA, {"objective": "precision_at_recall"}, "floor"),
        (TRUTH, PROBA, {"sample_weight": [1, -1]}, "sample_weight"),
    ],
)
def test_bad_input_is_refused(truth, proba, kwargs, message):
    with pytest.raises(ValueError, match=message):
        optimal_thresholds(truth, proba, **kwargs)
