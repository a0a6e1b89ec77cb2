"""The classifiers inside scikit-learn's model selection, copies and meta-estimators."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from skorch.callbacks import EpochTimer

from cases import (
    QUICK,
    THREE_FOLDS,
    X_HARD,
    X_IRIS,
    X_SETS,
    X_SOFT,
    Y_HARD,
    Y_IRIS,
    Y_SETS,
    Y_SOFT,
    BatchCounter,
    fitted_by_hand,
    over_estimators,
    predictions_by_hand,
    targets_for,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import BinaryCrossEntropy

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def with_unknown(Y):
    """Label sets with a fifth of the entries, and some whole rows, unknown."""
    rng = np.random.RandomState(3)
    Y = np.where(rng.uniform(size=Y.shape) < 0.2, np.nan, Y)
    Y[5:8] = np.nan
    return Y


Y_PARTLY = with_unknown(Y_SETS)
CASES = {
    "soft": (SoftTargetMLPClassifier, X_SOFT, Y_SOFT),
    "label sets": (MultiLabelSigmoidClassifier, X_SETS, Y_SETS),
    "partly known label sets": (MultiLabelSigmoidClassifier, X_SETS, Y_PARTLY),
}
over_cases = pytest.mark.parametrize(("Estimator", "X", "Y"), CASES.values(), ids=CASES)


def scaled(Estimator, **params):
    return make_pipeline(StandardScaler(), Estimator(**{**QUICK, **params}))


def scores_by_hand(Estimator, X, Y, cv=THREE_FOLDS):
    scores = []
    for train, test in cv.split(X):
        scaler, net = fitted_by_hand(Estimator, X, Y, train)
        scores.append(net.score(scaler.transform(X[test]), Y[test]))
    return scores


# --- model selection -------------------------------------------------------------------------


def test_parallel_grid_search_over_a_pipeline_on_soft_rows():
    grid = {
        "softtargetmlpclassifier__alpha": [1e-4, 10.0],
        "softtargetmlpclassifier__hidden_layer_sizes": [(4,), (8, 4)],
    }
    search = GridSearchCV(scaled(SoftTargetMLPClassifier), grid, cv=3, n_jobs=2)
    search.fit(X_SOFT, Y_SOFT)
    alone = clone(search).set_params(n_jobs=None).fit(X_SOFT, Y_SOFT)
    for key in ("split0_test_score", "split2_test_score", "mean_test_score"):
        assert_allclose(search.cv_results_[key], alone.cv_results_[key], rtol=1e-6)
    assert search.best_params_ == alone.best_params_
    assert search.best_params_["softtargetmlpclassifier__alpha"] == 1e-4
    assert_allclose(search.predict_proba(X_SOFT).sum(axis=1), 1)


def test_grid_search_with_whole_number_of_folds_on_label_sets():
    grid = {"multilabelsigmoidclassifier__threshold": [0.0, 0.5]}
    search = GridSearchCV(scaled(MultiLabelSigmoidClassifier), grid, cv=3).fit(X_SETS, Y_SETS)
    assert search.best_params_["multilabelsigmoidclassifier__threshold"] == 0.5
    assert_allclose(
        search.cv_results_["mean_test_score"][1],
        np.mean(scores_by_hand(MultiLabelSigmoidClassifier, X_SETS, Y_SETS)),
    )


@over_cases
def test_cross_val_score_is_the_score_of_each_fold(Estimator, X, Y):
    scores = cross_val_score(scaled(Estimator), X, Y, cv=THREE_FOLDS)
    assert_allclose(scores, scores_by_hand(Estimator, X, Y), rtol=1e-12)


@over_cases
def test_cross_val_predict_gives_the_predictions_of_each_fold(Estimator, X, Y):
    predicted = cross_val_predict(scaled(Estimator), X, Y, cv=THREE_FOLDS, method="predict")
    assert_array_equal(predicted, predictions_by_hand(Estimator, X, Y))


@over_cases
def test_learning_curve_ends_at_the_cross_validated_score(Estimator, X, Y):
    sizes, train, test = learning_curve(
        scaled(Estimator), X, Y, cv=THREE_FOLDS, train_sizes=[0.3, 1.0]
    )
    assert_array_equal(sizes, [18, 60])
    assert train.shape == test.shape == (2, 3)
    assert_allclose(test[-1], scores_by_hand(Estimator, X, Y), rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_permutation_importance_finds_the_feature_that_matters(case):
    Estimator, _, _ = CASES[case]
    X = np.random.RandomState(0).normal(size=(90, 3))
    p = 1 / (1 + np.exp(-4 * X[:, 1]))
    Y = np.column_stack([p, 1 - p])
    if case != "soft":
        Y = Y.round()
    if case == "partly known label sets":
        Y = with_unknown(Y)
    net = Estimator(**{**QUICK, "max_iter": 60}).fit(X, Y)
    importances = permutation_importance(net, X, Y, n_repeats=3, random_state=0).importances_mean
    assert importances.argmax() == 1
    assert importances[1] > 0.2
    assert np.abs(importances[[0, 2]]).max() < 0.1


def test_scorers_of_scikit_learn_read_label_sets():
    pipeline = scaled(MultiLabelSigmoidClassifier)
    proba = predictions_by_hand(MultiLabelSigmoidClassifier, X_SETS, Y_SETS, "predict_proba")
    labels = predictions_by_hand(MultiLabelSigmoidClassifier, X_SETS, Y_SETS)
    for scoring, expected in (
        ("roc_auc", lambda test: roc_auc_score(Y_SETS[test], proba[test])),
        ("f1_macro", lambda test: f1_score(Y_SETS[test], labels[test], average="macro")),
    ):
        scores = cross_val_score(pipeline, X_SETS, Y_SETS, cv=THREE_FOLDS, scoring=scoring)
        assert_allclose(scores, [expected(test) for _, test in THREE_FOLDS.split(X_SETS)])


@over_estimators
@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss", "neg_brier_score", "f1"])
def test_scorers_of_scikit_learn_read_hard_labels(Estimator, scoring):
    scores = cross_val_score(Estimator(**QUICK), X_HARD, Y_HARD, cv=2, scoring=scoring)
    perfect = 0 if scoring.startswith("neg") else 1
    assert (np.abs(scores - perfect) < 0.3).all()


@pytest.mark.parametrize(
    ("Estimator", "X", "Y"),
    [
        CASES["soft"],
        CASES["partly known label sets"],
        (MultiLabelSigmoidClassifier, X_SETS, np.where(np.isnan(Y_PARTLY), -1, Y_PARTLY)),
    ],
    ids=["soft", "unknown as NaN", "unknown as -1"],
)
def test_cross_val_predict_of_probabilities_says_what_to_call_instead(Estimator, X, Y):
    """scikit-learn encodes each column of y as labels, which is no target any more."""
    net = Estimator(**QUICK)
    with pytest.raises(ValueError, match="cross_val_predict_proba"):
        cross_val_predict(net, X, Y, cv=THREE_FOLDS, method="predict_proba")


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict_log_proba"])
def test_cross_val_predict_of_probabilities_of_known_label_sets(method):
    pipeline = scaled(MultiLabelSigmoidClassifier)
    found = cross_val_predict(pipeline, X_SETS, Y_SETS, cv=THREE_FOLDS, method=method)
    by_hand = predictions_by_hand(MultiLabelSigmoidClassifier, X_SETS, Y_SETS, method)
    assert_allclose(found, by_hand, rtol=1e-12)


# --- copies ----------------------------------------------------------------------------------


class TwoLayers(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.hidden = torch.nn.Linear(n_features, 6)
        self.out = torch.nn.Linear(6, n_outputs)

    def forward(self, X):
        return self.out(self.hidden(X).tanh())


def _via_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIERS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": _via_joblib,
    "deepcopy": copy.deepcopy,
}
VARIANTS = {
    "plain": {},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "learning_rate": "adaptive"},
    "module": {"module": TwoLayers, "dropout": 0.0},
    "optimizer class": {"solver": torch.optim.NAdam, "label_smoothing": 0.1},
    "loss object": {"loss": BinaryCrossEntropy(pos_weight=2.0), "learning_rate": "one_cycle"},
    "callbacks": {"callbacks": [BatchCounter(), EpochTimer()]},
}
over_variants = pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS)


@over_estimators
@over_variants
@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
def test_copies_of_a_fitted_estimator_predict_the_same(Estimator, params, copier):
    X, Y = targets_for(Estimator)
    net = Estimator(**{**QUICK, **params}).fit(X, Y)
    twin = copier(net)
    assert_array_equal(twin.predict_proba(X), net.predict_proba(X))
    assert_array_equal(twin.predict(X), net.predict(X))
    assert twin.score(X, Y) == net.score(X, Y)
    assert twin.loss_curve_ == net.loss_curve_
    assert twin.net_ is not net.net_
    # It is a copy: training it leaves the original as it was.
    before = net.predict_proba(X)
    twin.set_params(max_iter=2, random_state=1).fit(X, Y)
    assert_array_equal(net.predict_proba(X), before)


@over_estimators
@over_variants
def test_clones_are_unfitted_and_train_the_same(Estimator, params):
    X, Y = targets_for(Estimator)
    net = Estimator(**{**QUICK, **params}).fit(X, Y)
    twin = clone(net)
    assert not hasattr(twin, "net_")
    assert not [name for name in vars(twin) if name.endswith("_")]
    given, kept = net.get_params(deep=False), twin.get_params(deep=False)
    given.pop("callbacks"), kept.pop("callbacks")
    assert given == kept
    assert_array_equal(twin.fit(X, Y).predict_proba(X), net.predict_proba(X))


def test_clones_do_not_share_the_loss():
    net = SoftTargetMLPClassifier(loss=BinaryCrossEntropy(pos_weight=2.0))
    clone(net).set_params(loss__pos_weight=5.0)
    assert net.loss.pos_weight == 2.0


def test_fit_leaves_the_parameters_as_they_were_given():
    given = {
        "hidden_layer_sizes": [4, 3],
        "loss": BinaryCrossEntropy(pos_weight=[1.0, 2.0, 3.0, 4.0]),
        "threshold": [0.5, 0.4, 0.3, 0.2],
        "class_weight": [1.0, 2.0, 1.0, 1.0],
        "callbacks": [EpochTimer()],
        "max_iter": 2,
    }
    before = {name: pickle.dumps(value) for name, value in given.items() if name != "callbacks"}
    net = MultiLabelSigmoidClassifier(**given).fit(X_SETS, Y_SETS)
    for name, value in given.items():
        assert net.get_params()[name] is value
    assert before == {name: pickle.dumps(given[name]) for name in before}


# --- meta-estimators on hard labels ----------------------------------------------------------


@pytest.fixture(params=["soft-target, two", "soft-target, three", "multi-label, two"])
def hard(request):
    """A classifier with hard labels of two or three classes."""
    kind, n_classes = request.param.split(", ")
    Estimator = SoftTargetMLPClassifier if kind == "soft-target" else MultiLabelSigmoidClassifier
    X, y = (X_HARD, Y_HARD) if n_classes == "two" else (X_IRIS - X_IRIS.mean(axis=0), Y_IRIS)
    return Estimator(**{**QUICK, "max_iter": 40}), X, np.array(["a", "b", "c"])[y]


@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_voting_classifier(hard, voting):
    net, X, y = hard
    votes = VotingClassifier([("net", net), ("linear", LogisticRegression())], voting=voting)
    votes.fit(X, y)
    assert votes.score(X, y) > 0.9
    if voting == "soft":
        shares = [clone(net).fit(X, y), LogisticRegression().fit(X, y)]
        mean = np.mean([each.predict_proba(X) for each in shares], axis=0)
        assert_allclose(votes.predict_proba(X), mean, rtol=1e-9)


def test_stacking_classifier(hard):
    net, X, y = hard
    stack = StackingClassifier([("net", net), ("linear", LogisticRegression())], cv=3).fit(X, y)
    assert stack.stack_method_ == ["predict_proba", "predict_proba"]
    assert stack.score(X, y) > 0.9
    alone = StackingClassifier([("net", net)], cv="prefit", passthrough=False)
    alone.set_params(net=clone(net).fit(X, y)).fit(X, y)
    columns = slice(1, None) if len(set(y)) == 2 else slice(None)
    assert_allclose(alone.transform(X), alone.estimators[0][1].predict_proba(X)[:, columns])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_calibrated_classifier(hard, method, ensemble):
    net, X, y = hard
    calibrated = CalibratedClassifierCV(net, method=method, cv=3, ensemble=ensemble).fit(X, y)
    assert calibrated.score(X, y) > 0.9
    assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert_array_equal(calibrated.classes_, np.unique(y))


def test_self_training_classifier(hard):
    net, X, y = hard
    codes = np.unique(y, return_inverse=True)[1]
    unknown = np.random.RandomState(0).uniform(size=len(codes)) < 0.6
    taught = SelfTrainingClassifier(net, threshold=0.8).fit(X, np.where(unknown, -1, codes))
    assert (taught.transduction_ != -1).sum() > (~unknown).sum()
    assert taught.score(X, codes) > 0.85


def test_one_vs_rest_classifier(hard):
    net, X, y = hard
    rest = OneVsRestClassifier(net).fit(X, y)
    assert len(rest.estimators_) == (1 if len(set(y)) == 2 else 3)
    assert rest.score(X, y) > 0.9
    by_hand = clone(net).fit(X, (y == np.unique(y)[-1]).astype(int))
    assert_allclose(rest.estimators_[-1].predict_proba(X), by_hand.predict_proba(X), rtol=1e-12)


@over_estimators
def test_one_vs_rest_and_multi_output_on_label_sets(Estimator):
    for kind in (OneVsRestClassifier, MultiOutputClassifier):
        many = kind(Estimator(**QUICK)).fit(X_SETS, Y_SETS)
        by_hand = [Estimator(**QUICK).fit(X_SETS, column).predict(X_SETS) for column in Y_SETS.T]
        assert_array_equal(many.predict(X_SETS), np.column_stack(by_hand))


def test_bagging_classifier(hard):
    net, X, y = hard
    bag = BaggingClassifier(net, n_estimators=3, max_samples=0.7, random_state=0).fit(X, y)
    assert bag.score(X, y) > 0.9
    members = [
        each.predict_proba(X[:, features])
        for each, features in zip(bag.estimators_, bag.estimators_features_, strict=True)
    ]
    assert_allclose(bag.predict_proba(X), np.mean(members, axis=0))
    assert not np.allclose(members[0], members[1])


def test_ada_boost_classifier(hard):
    net, X, y = hard
    y = np.where(np.arange(len(y)) % 9 == 0, np.roll(np.unique(y), 1)[0], y)  # so that it errs
    net.set_params(max_iter=20)
    boost = AdaBoostClassifier(net, n_estimators=3, random_state=0).fit(X, y)
    assert len(boost.estimators_) == 3
    members = [each.predict_proba(X) for each in boost.estimators_]
    assert not np.allclose(members[0], members[1])
    assert boost.score(X, y) > 0.8


@over_estimators
def test_fixed_threshold_classifier(Estimator):
    net = Estimator(**QUICK).fit(X_HARD, Y_HARD)
    careful = FixedThresholdClassifier(net, threshold=0.9, response_method="predict_proba")
    careful.fit(X_HARD, Y_HARD)
    assert_array_equal(careful.predict(X_HARD), net.predict_proba(X_HARD)[:, 1] >= 0.9)
