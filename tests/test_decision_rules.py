"""Decision rules, against brute force, formulas and simulated guarantees."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score

from sklearn_softloss.decision import (
    ClassThresholds,
    CostMatrix,
    CostSensitive,
    DecisionRule,
    ExpectedF1,
    PrevalenceMatched,
    RiskControlled,
    Thresholds,
    TopK,
    optimal_thresholds,
)

RULES = [
    Thresholds(),
    Thresholds("balanced_accuracy", average="weighted"),
    TopK(2),
    TopK("count"),
    PrevalenceMatched(),
    CostSensitive((1, 4)),
    ExpectedF1(),
    ExpectedF1(beta=2.0, zero_division=1.0),
    RiskControlled("recall", level=0.7),
    RiskControlled("precision", level=0.7),
    ClassThresholds(),
    CostMatrix(1 - np.eye(3)),
    Thresholds(min_labels=1),
    Thresholds("jaccard", average="samples", min_labels=1, max_labels=2),
    Thresholds("expected_cost", costs=(3, 1), min_labels=2),
    Thresholds(average="micro", pooled=True, max_labels=1),
    PrevalenceMatched(min_labels=1, max_labels=2),
    CostSensitive((4, 1), min_labels=1, max_labels=1),
    ExpectedF1(min_labels=2),
    ExpectedF1(max_labels=1),
]


def draw(n=200, n_labels=3, seed=0, exclusive=False):
    rng = np.random.default_rng(seed)
    if exclusive:
        proba = rng.dirichlet([0.5] * n_labels, n)
        return np.eye(n_labels)[[rng.choice(n_labels, p=p) for p in proba]], proba
    proba = rng.beta(0.6, 1.2, (n, n_labels))
    return (rng.random((n, n_labels)) < proba).astype(int), proba


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_rule(rule):
    truth, proba = draw(exclusive=rule.decides == "classes")
    with pytest.raises(NotFittedError):
        clone(rule).decide(proba)
    before = repr(rule)
    fitted = clone(rule).fit(truth, proba)
    answer = fitted.decide(proba)
    assert repr(rule) == before
    if rule.decides == "classes":
        assert answer.shape == (len(proba),)
        assert set(answer) <= {0, 1, 2}
    else:
        assert answer.shape == proba.shape
        assert set(np.unique(answer)) <= {0, 1}
        sizes = answer.sum(axis=1)
        assert sizes.min() >= getattr(rule, "min_labels", 0)
        assert sizes.max() <= (getattr(rule, "max_labels", None) or truth.shape[1])
    assert answer.dtype == np.int64
    # One row at a time, and after a pickle, the answers are the same.
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        np.vstack([again.decide(p[None]) for p in proba]).reshape(answer.shape), answer
    )
    with pytest.raises(ValueError, match="shape"):
        fitted.decide(proba[:, :2])
    with pytest.raises(ValueError, match="shape"):
        clone(rule).fit(truth, proba[:, :2])


def test_thresholds_are_those_of_the_function():
    truth, proba = draw()
    weight = np.random.default_rng(1).random(len(truth))
    params = {"objective": "jaccard", "average": "micro", "shrinkage": 5.0}
    rule = Thresholds(**params).fit(truth, proba, sample_weight=weight)
    cuts, value = optimal_thresholds(truth, proba, sample_weight=weight, **params)
    np.testing.assert_array_equal(rule.thresholds_, cuts)
    assert rule.value_ == value
    np.testing.assert_array_equal(rule.decide(proba), proba >= cuts)


# --- expected F ------------------------------------------------------------------------------


def expected_fbeta(answer, proba, beta, zero_division):
    """By enumeration of all label sets."""
    total = 0.0
    for truth in itertools.product([0, 1], repeat=len(proba)):
        truth = np.array(truth)
        chance = np.prod(np.where(truth, proba, 1 - proba))
        weighted = beta**2 * truth.sum() + answer.sum()
        hit = (1 + beta**2) * (truth * answer).sum()
        total += chance * (hit / weighted if weighted else zero_division)
    return total


@pytest.mark.parametrize(
    ("beta", "zero_division"), [(1.0, 0.0), (2.0, 1.0), (0.5, 0.0), (1.5, 0.3)]
)
@settings(max_examples=15, deadline=None)
@given(arrays(float, st.integers(1, 5), elements=st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.51, 1.0])))
def test_expected_f_is_the_best_of_all_label_sets(beta, zero_division, proba):
    rule = ExpectedF1(beta, zero_division=zero_division)
    rule.fit(np.zeros((1, len(proba)), int), proba[None])
    values = [
        expected_fbeta(np.array(answer), proba, beta, zero_division)
        for answer in itertools.product([0, 1], repeat=len(proba))
    ]
    answer = rule.decide(proba[None])[0]
    assert expected_fbeta(answer, proba, beta, zero_division) == pytest.approx(max(values))
    expected = rule.expected(proba[None])[0]
    assert expected.max() == pytest.approx(max(values))


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_expected_f_of_ten_labels(beta):
    sets = np.array(list(itertools.product([0, 1], repeat=10)))
    proba = np.random.default_rng(0).beta(0.5, 1.5, (4, 10))
    weighted = beta**2 * sets.sum(axis=1)[:, None] + sets.sum(axis=1)[None, :]
    f = (1 + beta**2) * (sets @ sets.T) / np.maximum(weighted, 1)
    chance = np.prod(np.where(sets[None], proba[:, None], 1 - proba[:, None]), axis=2)
    best = (chance @ f).max(axis=1)
    rule = ExpectedF1(beta).fit(sets, np.zeros(sets.shape))
    answers = rule.decide(proba)
    places = answers @ (1 << np.arange(10)[::-1])
    np.testing.assert_allclose((chance @ f)[np.arange(4), places], best, rtol=1e-12)


def test_expected_f_beats_other_rules_where_labels_are_independent():
    truth, proba = draw(n=4000, n_labels=6)
    answers = ExpectedF1().fit(truth, proba).decide(proba)
    reached = f1_score(truth, answers, average="samples", zero_division=0.0)
    for rule in (Thresholds(), TopK(1), TopK("count"), PrevalenceMatched()):
        other = rule.fit(truth, proba).decide(proba)
        assert reached > f1_score(truth, other, average="samples", zero_division=0.0)


# --- sets of a least and a greatest size ---------------------------------------------------------


@pytest.mark.parametrize(("least", "most"), [(1, None), (0, 1), (2, 3), (1, 1)])
@settings(max_examples=15, deadline=None)
@given(
    proba=arrays(float, 4, elements=st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.51, 1.0])),
    costs=arrays(float, (4, 2), elements=st.sampled_from([0.5, 1.0, 3.0])),
)
def test_sized_sets_are_the_best_of_all_sets_of_those_sizes(least, most, proba, costs):
    allowed = [
        np.array(answer)
        for answer in itertools.product([0, 1], repeat=4)
        if least <= sum(answer) <= (most or 4)
    ]
    nothing = np.zeros((1, 4), int)
    rule = ExpectedF1(min_labels=least, max_labels=most).fit(nothing, proba[None])
    values = [expected_fbeta(answer, proba, 1.0, 0.0) for answer in allowed]
    reached = expected_fbeta(rule.decide(proba[None])[0], proba, 1.0, 0.0)
    assert reached == pytest.approx(max(values))

    def cost(answer):
        return np.where(answer, costs[:, 0] * (1 - proba), costs[:, 1] * proba).sum()

    cheap = CostSensitive(costs, min_labels=least, max_labels=most).fit(nothing, proba[None])
    assert cost(cheap.decide(proba[None])[0]) == pytest.approx(min(map(cost, allowed)))


def test_a_set_is_filled_with_the_most_probable_labels_and_keeps_them():
    rule = CostSensitive(min_labels=1, max_labels=2).fit([[0, 0, 0]], [[0.1, 0.2, 0.3]])
    proba = [[0.1, 0.3, 0.2], [0.2, 0.2, 0.1], [0.9, 0.6, 0.8], [0.7, 0.7, 0.7], [0.6, 0.1, 0.9]]
    expected = [[0, 1, 0], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 0, 1]]
    np.testing.assert_array_equal(rule.decide(proba), expected)


def sized(decided, proba, least, most):
    """Row by row, label by label."""
    answer = np.array(decided, dtype=bool)
    sizes = answer.sum(axis=1)
    for i in np.flatnonzero((sizes < least) | (sizes > most)):
        row, order = answer[i], np.argsort(-proba[i], kind="stable")
        for label in order:
            if row.sum() < least and not row[label]:
                row[label] = True
        for label in order[::-1]:
            if row.sum() > most and row[label]:
                row[label] = False
    return answer


def f1_of_sets(truth, answer, weight, average):
    rows = weight[:, None] * np.array([truth * answer, truth, answer])
    if average == "samples":
        tp, positives, predicted = np.array([truth * answer, truth, answer]).sum(axis=2)
    else:
        tp, positives, predicted = rows.sum(axis=1 if average == "macro" else (1, 2))
    f1 = 2 * tp / np.maximum(positives + predicted, 1e-300)
    return np.average(f1, weights=weight if average == "samples" else None)


@pytest.mark.parametrize("average", ["macro", "micro", "samples"])
@pytest.mark.parametrize(("least", "most"), [(1, 3), (0, 1), (1, 2)])
def test_cut_offs_are_tuned_for_the_sets_in_their_final_size(least, most, average):
    shortfall, late = [], []
    for seed in range(6):
        truth, proba = draw(n=9, seed=seed)
        weight = np.random.default_rng(seed).integers(1, 4, 9).astype(float)

        def f1(cuts, truth=truth, proba=proba, weight=weight):
            answer = sized(proba >= cuts, proba, least, most)
            return f1_of_sets(truth, answer, weight, average)

        rule = Thresholds(average=average, min_labels=least, max_labels=most)
        rule.fit(truth, proba, sample_weight=weight)
        plain, _ = optimal_thresholds(truth, proba, average=average, sample_weight=weight)
        assert rule.value_ == pytest.approx(f1(rule.thresholds_))
        grid = [[*np.unique(column), 1.1] for column in proba.T]
        best = max(f1(np.array(cuts)) for cuts in itertools.product(*grid))
        shortfall.append(best - f1(rule.thresholds_))
        late.append(best - f1(plain))
    assert min(shortfall) >= -1e-12
    assert (np.array(shortfall) <= np.array(late) + 1e-12).all()
    assert np.sum(shortfall) < np.sum(late) or average == "samples"


def test_prevalence_is_nearer_where_filling_is_known_while_cut_offs_are_sought():
    truth, proba = draw(n=300, n_labels=6, seed=3)

    def missed(rule):
        return np.abs(rule.decide(proba).sum(axis=0) - truth.sum(axis=0)).sum()

    rule = PrevalenceMatched(min_labels=1).fit(truth, proba)
    late = PrevalenceMatched().fit(truth, proba)
    late.min_labels = 1
    assert missed(rule) < missed(late)


# --- counts, prevalence, costs ---------------------------------------------------------------


def test_top_k_takes_the_first_of_equals_and_counts_given():
    proba = np.array([[0.5, 0.5, 0.5], [0.1, 0.9, 0.3]])
    np.testing.assert_array_equal(
        TopK(2).fit(proba > 1, proba).decide(proba), [[1, 1, 0], [0, 1, 1]]
    )
    rule = TopK("count").fit(proba > 1, proba)
    np.testing.assert_array_equal(rule.decide(proba), [[1, 1, 0], [0, 1, 0]])
    np.testing.assert_array_equal(rule.decide(proba, counts=[0, 3]), [[0, 0, 0], [1, 1, 1]])
    with pytest.raises(ValueError, match="counts"):
        rule.decide(proba, counts=[1])
    with pytest.raises(ValueError, match="k='count'"):
        TopK(1).fit(proba > 1, proba).decide(proba, counts=[1, 1])


def test_prevalence_is_matched_on_known_entries():
    truth, proba = draw()
    holed = np.where(np.random.default_rng(2).random(truth.shape) < 0.3, np.nan, truth)
    answer = PrevalenceMatched().fit(holed, proba).decide(proba)
    known = ~np.isnan(holed)
    np.testing.assert_array_equal((answer * known).sum(axis=0), np.nansum(holed, axis=0))


def test_costs_decide_where_the_probability_says():
    truth, proba = draw()
    rule = CostSensitive([(1, 1), (1, 3), (9, 1)]).fit(truth, proba)
    np.testing.assert_allclose(rule.thresholds_, [0.5, 0.25, 0.9])
    tables = [[[0, 2], [5, 1]]] * 3
    np.testing.assert_allclose(CostSensitive(tables).fit(truth, proba).thresholds_, [2 / 6] * 3)


def test_bayes_costs_are_least_on_calibrated_draws():
    truth, proba = draw(n=20000)
    costs = (1.0, 4.0)

    def cost(cut):
        answer = proba >= cut
        return (costs[0] * (answer & (truth == 0)) + costs[1] * (~answer & (truth == 1))).mean()

    bayes = CostSensitive(costs).fit(truth, proba).thresholds_[0]
    tuned, value = optimal_thresholds(
        truth, proba, objective="expected_cost", costs=costs, average="micro", pooled=True
    )
    assert value == pytest.approx(cost(tuned[0]))
    assert value <= cost(bayes) <= value + 0.003


def test_cost_matrix_is_the_least_expected_cost():
    truth, proba = draw(exclusive=True)
    costs = np.random.default_rng(0).random((3, 3))
    rule = CostMatrix(costs).fit(truth, proba)
    by_hand = [min(range(3), key=lambda j, p=p: sum(p * costs[:, j])) for p in proba]
    np.testing.assert_array_equal(rule.decide(proba), by_hand)
    plain = CostMatrix(1 - np.eye(3)).fit(truth, proba)
    np.testing.assert_array_equal(plain.decide(proba), proba.argmax(axis=1))


# --- exclusive classes -----------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["f1", "balanced_accuracy", "accuracy", "jaccard"])
def test_class_thresholds_are_never_worse_than_argmax(objective):
    for seed in range(5):
        truth, proba = draw(n=60, n_labels=4, seed=seed, exclusive=True)
        proba = proba ** [1.0, 0.3, 2.0, 1.0]
        proba /= proba.sum(axis=1, keepdims=True)
        rule = ClassThresholds(objective).fit(truth, proba)
        plain = ClassThresholds(objective)
        plain.max_rounds = 0
        plain.fit(truth, proba)
        np.testing.assert_array_equal(plain.decide(proba), proba.argmax(axis=1))
        assert rule.value_ >= plain.value_
        labels = truth.argmax(axis=1)
        if objective == "f1":
            for fitted in (rule, plain):
                score = f1_score(labels, fitted.decide(proba), average="macro", zero_division=0.0)
                assert fitted.value_ == pytest.approx(score)
    assert rule.value_ > plain.value_


@pytest.mark.parametrize("shares", [[0.99, 0.01], [0.01, 0.99], [0.5, 0.5]])
@pytest.mark.parametrize("label", [0, 1])
def test_a_class_that_is_mostly_right_is_always_predicted(shares, label):
    proba = np.tile(shares, (20, 1)) + np.linspace(0, 0.005, 20)[:, None] * [1, -1]
    truth = np.where(np.arange(2) == label, 0.9, 0.1) * np.ones((20, 1))
    rule = ClassThresholds("accuracy").fit(truth, proba)
    assert (rule.decide(proba) == label).all()


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_of_two_classes_are_the_best_of_all_cuts(seed):
    truth, proba = draw(n=40, n_labels=2, seed=seed, exclusive=True)
    rng = np.random.default_rng(seed)
    weight = rng.random(40)
    soft = 0.7 * truth + 0.3 * rng.dirichlet([1, 1], 40)
    rule = ClassThresholds().fit(soft, proba, sample_weight=weight)
    best = 0.0
    for cut in [*np.unique(proba[:, 1]), 2.0]:
        chosen = (proba[:, 1] >= cut).astype(int)
        f1 = []
        for k in (0, 1):
            tp = (weight * soft[:, k] * (chosen == k)).sum()
            f1.append(2 * tp / ((weight * soft[:, k]).sum() + (weight * (chosen == k)).sum()))
        best = max(best, np.mean(f1))
    assert rule.value_ == pytest.approx(best)


# --- guarantees ------------------------------------------------------------------------------


def row_mean(truth, answer, of):
    totals = of.sum(axis=1)
    return np.where(totals > 0, (truth * answer).sum(axis=1) / np.maximum(totals, 1), 1.0).mean()


def test_recall_is_held_in_expectation_and_not_given_away():
    recalls = []
    for seed in range(60):
        truth, proba = draw(n=100, n_labels=4, seed=seed)
        rule = RiskControlled("recall", level=0.8).fit(truth, proba**2)
        fresh, scores = draw(n=2000, n_labels=4, seed=1000 + seed)
        recalls.append(row_mean(fresh, rule.decide(scores**2), fresh))
    spread = np.std(recalls) / np.sqrt(len(recalls))
    assert np.mean(recalls) >= 0.8 - 2 * spread
    assert np.mean(recalls) <= 0.83


def test_precision_is_held_with_the_chance_promised():
    missed, precisions = 0, []
    for seed in range(60):
        truth, proba = draw(n=300, n_labels=4, seed=seed)
        rule = RiskControlled("precision", level=0.7, delta=0.2).fit(truth, np.sqrt(proba))
        fresh, scores = draw(n=2000, n_labels=4, seed=1000 + seed)
        answer = rule.decide(np.sqrt(scores))
        precisions.append(row_mean(fresh, answer, answer))
        missed += precisions[-1] < 0.7
    assert missed <= 60 * 0.2 + 2 * np.sqrt(60 * 0.2 * 0.8)
    assert np.mean(precisions) < 0.85


def test_the_highest_cut_off_that_the_bound_allows():
    truth, proba = draw(n=50, n_labels=4)
    rule = RiskControlled("recall", level=0.7).fit(truth, proba)

    def bound(cut):
        miss = 1 - row_mean(truth, proba >= cut, truth)
        return (len(truth) * miss + 1) / (len(truth) + 1)

    assert bound(rule.threshold_) <= 0.3
    higher = np.unique(proba[proba > rule.threshold_])
    assert bound(higher[0] + 1e-12) > 0.3


def test_precision_is_sought_from_the_top_and_no_further_than_it_holds():
    """A lower cut-off may look well by chance once a higher one has failed."""
    truth = np.tile([0] + [1] * 9, (200, 1))
    proba = np.tile([0.9] + [0.5] * 9, (200, 1))
    rule = RiskControlled("precision", level=0.5, delta=0.1).fit(truth, proba)
    assert rule.threshold_ > 0.9
    fine = RiskControlled("precision", level=0.5, delta=0.1).fit(truth[:, 1:], proba[:, 1:])
    assert fine.threshold_ == 0.5


@pytest.mark.parametrize(
    ("level", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)]
)
def test_rows_too_few_for_a_recall_are_warned_of(level, needed):
    """1 / (n + 1) <= 1 - level: from 9 rows on one miss more leaves a recall of 0.9."""
    truth, proba = np.ones((needed, 2)), np.random.default_rng(0).random((needed, 2))
    rule = RiskControlled("recall", level=level)
    assert 0 < rule.fit(truth, proba).threshold_ <= proba.min()
    if needed > 1:
        message = (
            f"{needed - 1} rows are too few to promise recall {level}, .* least {needed}: all is"
        )
        with pytest.warns(UserWarning, match=message):
            rule.fit(truth[1:], proba[1:])
        assert rule.threshold_ == 0
        assert rule.decide(proba).all()


@pytest.mark.parametrize(
    ("level", "delta", "needed"), [(0.9, 0.1, 22), (0.5, 0.25, 2), (0.5, 0.1, 4), (0.95, 0.05, 59)]
)
def test_rows_too_few_for_a_precision_are_warned_of(level, delta, needed):
    """level ** n <= delta: so many right predictions in a row are no chance."""
    truth, proba = np.ones((needed, 2)), np.random.default_rng(0).random((needed, 2))
    rule = RiskControlled("precision", level=level, delta=delta).fit(truth, proba)
    assert rule.decide(proba).all()
    message = (
        f"{needed - 1} rows are too few to promise precision {level}, .* least {needed}: nothing"
    )
    with pytest.warns(UserWarning, match=message):
        rule.fit(truth[1:], proba[1:])
    assert not rule.decide(proba[1:]).any()


@pytest.mark.parametrize("risk", ["recall", "precision"])
def test_rows_of_which_nothing_is_known_promise_nothing(risk):
    """They counted as rows whose labels are all found."""
    truth, proba = draw(n=100, n_labels=4)
    rule = RiskControlled(risk, level=0.7).fit(truth, proba)
    unknown = np.full((400, 4), np.nan), np.random.default_rng(0).random((400, 4))
    also = RiskControlled(risk, level=0.7).fit(
        np.vstack([truth, unknown[0]]), np.vstack([proba, unknown[1]])
    )
    assert (also.threshold_, also.value_) == (rule.threshold_, rule.value_)
    with pytest.raises(ValueError, match="must hold a row with a known label"):
        RiskControlled(risk).fit(*unknown)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (TopK(4), "k must be"),
        (TopK(1.5), "k must be"),
        (ExpectedF1(beta=0.123), "beta"),
        (RiskControlled("f1"), "risk must be"),
        (RiskControlled(level=1.0), "level must lie"),
        (RiskControlled(level="0.9"), "level must lie"),
        (RiskControlled("precision", delta=None), "delta must lie"),
        (CostMatrix(np.full((3, 3), np.nan)), "costs must be a finite matrix.*nan"),
        (CostSensitive([1, 2, 3]), "costs must be"),
        (CostSensitive([[1, 2]] * 2), "3 labels"),
        (CostSensitive((0, 0)), "table of label 0"),
        (CostSensitive([[1, 1], [-1, 2], [1, 1]]), r"table of label 1 is \[\[0.0, -1.0\]"),
        (CostSensitive([[1, 1], [np.nan, 2], [1, 1]]), "costs must be finite"),
        (CostMatrix([[0, 1], [1, 0]]), r"shape \(3, 3\)"),
        (ClassThresholds(average="micro"), "average"),
        (Thresholds("f2"), "objective"),
        (Thresholds(min_labels=3), "min_labels must be at least 0 and less than"),
        (CostSensitive(min_labels=-1), "min_labels must be at least 0"),
        (ExpectedF1(min_labels=True), "min_labels must be a whole number"),
        (PrevalenceMatched(min_labels=2, max_labels=1), "max_labels must be None, or at least 1"),
        (Thresholds(max_labels=0), "max_labels must be None, or at least 1"),
        (ExpectedF1(max_labels=1.5), "max_labels must be a whole number"),
    ],
    ids=repr,
)
def test_bad_parameters_are_refused(rule, message):
    truth, proba = draw(exclusive=rule.decides == "classes")
    with pytest.raises(ValueError, match=message):
        rule.fit(truth, proba)


def test_weights_would_void_a_guarantee():
    truth, proba = draw()
    with pytest.raises(ValueError, match="sample_weight"):
        RiskControlled().fit(truth, proba, sample_weight=np.ones(len(truth)))


# --- rules written elsewhere -----------------------------------------------------------------


class AboveMean(DecisionRule):
    """Labels above their mean probability on the rows of `fit`; knows nothing of its columns."""

    def _fit(self, truth, proba, weight):
        self.seen_ = truth, proba, weight
        self.mean_ = np.average(proba, axis=0, weights=weight)

    def _decide(self, proba):
        return proba > self.mean_


class LeastProbable(DecisionRule):
    decides = "classes"

    def _fit(self, truth, proba, weight):
        self.seen_ = truth, proba, weight

    def _decide(self, proba):
        return proba.argmin(axis=1)


@pytest.mark.parametrize("rule", [AboveMean(), LeastProbable()], ids=repr)
def test_a_rule_of_ones_own_gets_checked_data_and_has_its_columns(rule):
    test_every_rule(rule)
    truth, proba = draw(exclusive=rule.decides == "classes")
    fitted = clone(rule).fit(truth.tolist(), proba.tolist())
    assert fitted.n_columns_ == 3
    assert [type(given) for given in fitted.seen_] == [np.ndarray, np.ndarray, type(None)]
    with pytest.raises(ValueError, match="sample_weight"):
        clone(rule).fit(truth, proba, sample_weight=-np.ones(len(truth)))
    with pytest.raises(ValueError, match="row 0"):
        clone(rule).fit(3 * truth + 2, proba)


def test_truth_is_read_as_what_the_rule_decides():
    _, proba = draw(n=2)
    labels = AboveMean().fit([[1, -1, 0.5], [1, 1, 1]], proba)
    np.testing.assert_array_equal(labels.seen_[0], [[1, np.nan, 0.5], [1, 1, 1]])
    with pytest.raises(ValueError, match="must sum to 1"):
        LeastProbable().fit([[1, 0, 0], [1, 1, 1]], proba)


@pytest.mark.parametrize("missing", ["_fit", "_decide"])
def test_a_rule_that_lacks_a_piece_is_refused_by_its_name(missing):
    pieces = {name: vars(AboveMean)[name] for name in ("_fit", "_decide") if name != missing}
    incomplete = type("Incomplete", (DecisionRule,), pieces)
    with pytest.raises(TypeError, match=rf"Incomplete .*abstract.*'?\b{missing}\b"):
        incomplete()


@pytest.mark.parametrize(
    ("decides", "decide", "got"),
    [
        ("labels", lambda self, proba: proba[:, :2] > 0.5, r"\(5, 2\)"),
        ("labels", lambda self, proba: None, r"\(\)"),
        ("classes", lambda self, proba: proba > 0.5, r"\(5, 3\)"),
    ],
)
def test_answers_of_another_shape_are_refused_by_the_name_of_the_rule(decides, decide, got):
    pieces = {"decides": decides, "_fit": lambda self, *data: None, "_decide": decide}
    truth, proba = draw(n=5, exclusive=True)
    rule = type("Crooked", (DecisionRule,), pieces)().fit(truth, proba)
    with pytest.raises(ValueError, match=rf"Crooked._decide answers with {got}"):
        rule.decide(proba)
