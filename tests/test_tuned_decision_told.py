"""What a tuned decision tells people, and the classes and labels that it takes from others."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier

from cases import make_labels, make_soft, multi, rare_labels, soft
from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import (
    ClassThresholds,
    CostMatrix,
    RiskControlled,
    Thresholds,
    TunedDecisionClassifierCV,
    optimal_thresholds,
)
from sklearn_softloss.metrics import multilabel_f1_score, scorers
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    cross_val_predict_proba,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_all_zero_answers_are_named_and_left():
    """2 % of 1,000 features and 3 of 1,000 labels: predicting nothing is 99.7 % accurate."""
    rng = np.random.default_rng(0)
    n, n_labels = 400, 1000
    Y = np.zeros((n, n_labels), dtype=int)
    for row in Y:
        row[rng.choice(n_labels, 3, replace=False, p=POPULARITY)] = 1
    X = 0.1 * (Y @ rng.normal(size=(n_labels, 30)) + rng.normal(size=(n, 30)))
    clf = multi(max_iter=8, batch_size=20, learning_rate_init=0.01)
    tuned = TunedDecisionClassifierCV(clf, cv=2, random_state=0).fit(X, Y)
    plain = clone(clf).fit(X, Y)
    assert not plain.predict(X).any()
    assert (plain.predict(X) == Y).mean() > 0.99
    report = tuned.decision_report()
    assert "Nothing is predicted at 0.5" in str(report)
    rows = report.rows
    assert np.mean([row["accuracy all-zero"] for row in rows]) > 0.99
    assert {row["F1 at 0.5"] for row in rows} == {0.0}
    assert np.mean([row["F1"] for row in rows]) > 0.005
    with pytest.warns(UserWarning, match="never predicted label"):
        assert tuned.predict(X).any()


POPULARITY = 1 / np.arange(20, 1020)
POPULARITY /= POPULARITY.sum()


def test_a_label_that_is_never_predicted_warns_once():
    X, Y = rare_labels()
    Y = np.column_stack([Y, np.zeros(len(Y), dtype=int)])
    frame = pd.DataFrame(Y, columns=["a", "b", "c", "none"])
    clf = multi(max_iter=60, learning_rate_init=0.02)
    tuned = TunedDecisionClassifierCV(clf, cv=3, random_state=0).fit(X, frame)
    with pytest.warns(UserWarning, match="never predicted label none out of fold"):
        tuned.predict(X)
    tuned.predict(X)


def test_the_report_is_out_of_fold_and_readable():
    X, Y = rare_labels()
    frame = pd.DataFrame(Y, columns=["a", "b", "c"])
    clf = MultiOutputClassifier(LogisticRegression())
    tuned = TunedDecisionClassifierCV(clf, random_state=0).fit(X, frame)
    proba = cross_val_predict_proba(
        clf, X, Y, cv=list(MultiLabelStratifiedKFold(5, random_state=0).split(X, Y))
    )
    table = pd.DataFrame(tuned.decision_report().rows)
    assert list(table["label"]) == ["a", "b", "c"]
    answers = proba >= tuned.thresholds_
    np.testing.assert_allclose(table["F1"], f1_score(Y, answers, average=None))
    np.testing.assert_allclose(table["F1 at 0.5"], f1_score(Y, proba >= 0.5, average=None))
    np.testing.assert_allclose(table["cut-off"], tuned.thresholds_)
    np.testing.assert_allclose(table["spread"], tuned.fold_thresholds_.std(axis=0))
    np.testing.assert_allclose(table["accuracy all-zero"], 1 - Y.mean(axis=0))
    text = str(tuned.decision_report())
    assert "Hamming accuracy" in text
    assert max(map(len, text.splitlines())) < 120


def test_the_example_of_an_outlier():
    """Squared error follows the outlier, a cut-off does not."""
    x, y = np.array([0.0, 0.0, 2.0, 2.0, 9.0]), np.array([0, 0, 1, 1, 0])
    # Targets of 0.5 +- 0.02 keep the sigmoid where it is a straight line.
    net = MultiLabelSigmoidClassifier(
        (), loss="squared_error", target_range=(0.48, 0.52), solver="lbfgs", alpha=0, tol=1e-14,
        max_iter=2000, random_state=0,
    ).fit(x[:, None], y)  # fmt: skip
    assert accuracy_score(y, net.predict(x[:, None])) == 3 / 5
    cuts, value = optimal_thresholds(y, x / 9, objective="accuracy")
    assert value == 4 / 5
    assert cuts[0] * 9 == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rule": "best"}, "rule must be"),
        ({"rule": ClassThresholds()}, "decides classes"),
        ({"objective": "f3"}, "objective must be"),
        ({"average": "binary"}, "average must be"),
        ({"cv": "fitted"}, "prefit"),
        ({"cv": StratifiedKFold(3), "refit": False}, "multiclass|single split|Supported"),
        ({"refit": False}, "single split"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(params, message):
    X, Y = make_labels(n=40)
    with pytest.raises(ValueError, match=message):
        TunedDecisionClassifierCV(multi(), **params).fit(X, Y)


class Untouched(LogisticRegression):
    """Must not be fitted."""

    def fit(self, X, y, sample_weight=None):
        raise AssertionError("fitted before the parameters were checked")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"objective": f1_score}, r"callable \(tp, fp, fn, tn\) -> array; .*A metric of \(y_true"),
        ({"objective": multilabel_f1_score}, r"A metric of \(y_true, y_pred\) or a scorer"),
        ({"objective": make_scorer(f1_score)}, r"A metric of \(y_true, y_pred\) or a scorer"),
        ({"objective": scorers.multilabel_f1_score}, "write it in counts, such as lambda tp, fp"),
        ({"objective": lambda hits, misses: hits}, r"callable \(tp, fp, fn, tn\) -> array"),
        (
            {"objective": lambda tp, fp, fn, tn: 0.5},
            r"one value for each .* shape \(2,\);.*shape \(\)",
        ),
        ({"objective": CostMatrix([[0, 1], [5, 0]])}, "got CostMatrix.*goes into `rule`"),
        ({"objective": CostMatrix}, "A decision rule goes into `rule`"),
        ({"objective": Thresholds()}, "A decision rule goes into `rule`"),
        ({"objective": "F1"}, "Did you mean 'f1'"),
        ({"objective": "expected_cost"}, r"needs costs=.*Thresholds\('expected_cost', costs="),
        ({"objective": "precision_at_recall"}, "floor, with objective='precision_at_recall'"),
        ({"average": None}, "average, which must give one value"),
        ({"average": "binary"}, "average must be one of"),
        ({"rule": Thresholds(average=None)}, "average, which must give one value"),
        ({"rule": Thresholds("matthews", average="micro")}, "pooled=True only"),
        ({"rule": Thresholds("matthews", average="samples")}, "is for 'f1' and 'jaccard'"),
        ({"rule": f1_score}, "rule must be 'thresholds' or a decision rule such as"),
        ({"pos_label": "other"}, "pos_label must be None or one of two classes"),
    ],
)
def test_parameters_are_checked_before_anything_is_fitted(params, message):
    X, Y = rare_labels()
    tuned = TunedDecisionClassifierCV(Untouched(), **params)
    with pytest.raises(ValueError, match=message):
        tuned.fit(X, Y[:, 0])


def test_a_promise_is_judged_by_the_rows_of_all_folds():
    """9 rows promise a recall of 0.9, though those of two folds of three do not."""
    X, y = np.arange(9.0)[:, None], np.array([0, 0, 0, 1, 0, 1, 0, 1, 1])
    tuned = TunedDecisionClassifierCV(LogisticRegression(), RiskControlled(), cv=3, random_state=0)
    tuned.fit(X, y)
    with pytest.warns(UserWarning, match="8 rows are too few to promise recall 0.9") as told:
        tuned.fit(X[1:], y[1:])
    assert len(told) == 1


def test_other_bad_input():
    X, Y = make_soft(n=40)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        TunedDecisionClassifierCV(multi(), cv="prefit").fit(X, Y > 0.5)
    with pytest.raises(ValueError, match="y has 1 class"):
        TunedDecisionClassifierCV(LogisticRegression()).fit(X, np.ones(40, dtype=int))
    with pytest.raises(ValueError, match="row 0"):
        TunedDecisionClassifierCV(soft()).fit(X, 2 * Y)


# --- classes and labels of a classifier that is fitted already, or wrapped ---------------------


def test_a_prefit_classifier_keeps_its_classes():
    X, y = load_iris(return_X_y=True)
    net = LogisticRegression(max_iter=1000).fit(X, y)
    two = y != 2
    for tuned in (
        TunedDecisionClassifierCV(net, cv="prefit"),
        TunedDecisionClassifierCV(FrozenEstimator(net), cv=3, random_state=0),
    ):
        tuned.fit(X[two], y[two])
        assert tuned.classes_.tolist() == [0, 1, 2]
        assert tuned.score(X, y) > 0.9


def test_classes_that_a_prefit_classifier_never_saw_are_refused():
    X, y = load_iris(return_X_y=True)
    net = LogisticRegression(max_iter=1000).fit(X[y != 0], y[y != 0])
    with pytest.raises(ValueError, match=r"classes not in `classes_`: row 0 holds .*0"):
        TunedDecisionClassifierCV(net, cv="prefit").fit(X[y != 2], y[y != 2])


def test_folds_that_lack_a_class_are_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="training part of split 0 has no row of class 0"):
        TunedDecisionClassifierCV(LogisticRegression(max_iter=1000), cv=KFold(3)).fit(X, y)


def test_a_search_over_a_classifier_of_labels_is_one():
    X, Y = rare_labels()
    inner = OneVsRestClassifier(LogisticRegression())
    search = GridSearchCV(inner, {"estimator__C": [0.1, 1.0]}, cv=2)
    tuned = TunedDecisionClassifierCV(search, random_state=0).fit(X, Y)
    assert tuned.predict(X).shape == Y.shape
    alone = TunedDecisionClassifierCV(inner, random_state=0).fit(X, Y)
    assert f1_score(Y, tuned.predict(X), average="macro") > 0.9 * f1_score(
        Y, alone.predict(X), average="macro"
    )


def test_label_sets_beside_a_classifier_of_classes_are_refused_with_the_reading():
    X, Y = rare_labels()
    with pytest.raises(ValueError, match=r"read as rows that sum to 1, because LogisticRegression"):
        TunedDecisionClassifierCV(LogisticRegression()).fit(X, Y)


def test_names_of_labels_are_kept_and_columns_found_by_them():
    X, Y = rare_labels()
    named = pd.DataFrame(Y, columns=[f"label {j}" for j in range(Y.shape[1])])
    turned = named.iloc[:, ::-1]
    tuned = TunedDecisionClassifierCV(multi(), random_state=0).fit(X, named)
    assert tuned.label_names_.tolist() == named.columns.tolist()
    assert tuned.score(X, turned) == tuned.score(X, named)
    with pytest.raises(ValueError, match="must be the labels"):
        tuned.score(X, named.rename(columns={"label 0": "other"}))
    again = TunedDecisionClassifierCV(multi().fit(X, named), cv="prefit").fit(X, turned)
    assert again.label_names_.tolist() == named.columns.tolist()


def test_a_label_of_which_nothing_is_known_is_left_out_of_macro_averages():
    truth = np.array([[0, np.nan], [1, np.nan], [1, np.nan]])
    proba = np.array([[0.2, 0.9], [0.6, 0.9], [0.7, 0.9]])
    cuts, value = optimal_thresholds(truth, proba)
    assert value == multilabel_f1_score(truth, (proba >= cuts).astype(int), average="macro") == 1.0


def test_the_report_leaves_a_wholly_unknown_label_out():
    X, Y = rare_labels()
    Y = np.c_[Y.astype(float), np.full(len(Y), np.nan)]
    with pytest.warns(UserWarning, match="no known entry"):
        report = TunedDecisionClassifierCV(multi(), random_state=0).fit(X, Y).decision_report()
    known = [row["F1"] for row in report.rows[:-1]]
    assert np.isnan(report.rows[-1]["F1"])
    assert f"Macro F1: {np.mean(known):.4f}" in report.notes[0]


def test_class_thresholds_do_not_overflow():
    proba = np.array([[1.0, 1e-300], [1 - 1e-16, 1e-16]] * 3)
    rule = ClassThresholds().fit(np.eye(2)[[0, 1] * 3], proba)
    assert np.isfinite(rule.thresholds_).all()
    assert rule.decide(proba).tolist() == [0, 1] * 3


def test_pos_label_says_which_of_two_classes_is_tuned():
    X, Y = rare_labels()
    y = np.where(Y[:, 0] == 1, "a rare", "b frequent")
    plain = LogisticRegression()
    by_default = TunedDecisionClassifierCV(plain, Thresholds(), random_state=0).fit(X, y)
    rare = TunedDecisionClassifierCV(plain, Thresholds(), pos_label="a rare", random_state=0)
    rare.fit(X, y)
    assert rare.best_score_ < by_default.best_score_
    assert f1_score(y, rare.predict(X), pos_label="a rare") > f1_score(
        y, by_default.predict(X), pos_label="a rare"
    )
    assert set(rare.predict(X)) == {"a rare", "b frequent"}
    assert [row["label"] for row in rare.decision_report().rows] == ["a rare"]
    for clf, tuned_for, other in (
        (rare, "'a rare'", "'b frequent'"), (by_default, "'b frequent'", "'a rare'"),
    ):  # fmt: skip
        note = f"Tuned for class {tuned_for}; pos_label={other} tunes for the other."
        assert note in str(clf.decision_report())
    with pytest.raises(ValueError, match="pos_label must be None or one of two classes"):
        rare.set_params(pos_label="c").fit(X, y)


def test_reports_are_frames_and_html():
    X, Y = rare_labels()
    named = pd.DataFrame(Y, columns=[f"<{j}>" for j in range(Y.shape[1])])
    report = TunedDecisionClassifierCV(multi(), random_state=0).fit(X, named).decision_report()
    frame = report.to_frame()
    assert frame.index.tolist() == named.columns.tolist()
    assert frame["F1"].tolist() == [row["F1"] for row in report.rows]
    page = report._repr_html_()
    assert page.count("<tr>") == 1 + len(named.columns)
    assert "&lt;0&gt;" in page
