"""The classifiers inside scikit-learn's tools, and skorch's callbacks inside the classifiers."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import warnings
from importlib import import_module

import joblib
import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import estimator_html_repr
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
)

import sklearn_softloss
from cases import make_labels, make_soft, over_estimators, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    SquaredError,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL = {"hidden_layer_sizes": 8, "max_iter": 10, "learning_rate_init": 0.05, "random_state": 0}
THREE_FOLDS = KFold(3)

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = X_IRIS - X_IRIS.mean(axis=0)
X_HARD, Y_HARD = X_IRIS[::2][:50], Y_IRIS[::2][:50]  # two classes, in two blocks
ORDER = np.random.RandomState(0).permutation(50)
X_HARD, Y_HARD = X_HARD[ORDER], Y_HARD[ORDER]


def with_unknown(Y):
    """Label sets with a fifth of the entries, and some whole rows, unknown."""
    rng = np.random.RandomState(3)
    Y = np.where(rng.uniform(size=Y.shape) < 0.2, np.nan, Y)
    Y[5:8] = np.nan
    return Y


X_SETS, Y_SETS = make_labels(n=90)
X_SOFT, Y_SOFT = make_soft(n=90)
Y_PARTLY = with_unknown(Y_SETS)

CASES = {
    "soft": (SoftTargetMLPClassifier, X_SOFT, Y_SOFT),
    "label sets": (MultiLabelSigmoidClassifier, X_SETS, Y_SETS),
    "partly known label sets": (MultiLabelSigmoidClassifier, X_SETS, Y_PARTLY),
}
over_cases = pytest.mark.parametrize(("Estimator", "X", "Y"), CASES.values(), ids=CASES)


def scaled(Estimator, **params):
    return make_pipeline(StandardScaler(), Estimator(**{**SMALL, **params}))


def fitted_by_hand(Estimator, X, Y, train, **fit_params):
    """The scaler and the classifier of `scaled`, fitted one after the other on some rows."""
    scaler = StandardScaler().fit(X[train])
    weights = {name: weight[train] for name, weight in fit_params.items()}
    return scaler, Estimator(**SMALL).fit(scaler.transform(X[train]), Y[train], **weights)


def scores_by_hand(Estimator, X, Y, cv=THREE_FOLDS):
    scores = []
    for train, test in cv.split(X):
        scaler, net = fitted_by_hand(Estimator, X, Y, train)
        scores.append(net.score(scaler.transform(X[test]), Y[test]))
    return scores


def predictions_by_hand(Estimator, X, Y, method="predict", cv=THREE_FOLDS, **fit_params):
    parts = []
    for train, test in cv.split(X):
        scaler, net = fitted_by_hand(Estimator, X, Y, train, **fit_params)
        parts.append(getattr(net, method)(scaler.transform(X[test])))
    return np.concatenate(parts)


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
    net = Estimator(**{**SMALL, "max_iter": 60}).fit(X, Y)
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
    scores = cross_val_score(Estimator(**SMALL), X_HARD, Y_HARD, cv=2, scoring=scoring)
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
    net = Estimator(**SMALL)
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


class BatchCounter(Callback):
    """Counts the training batches."""

    def initialize(self):
        self.n_batches_ = 0
        return self

    def on_batch_end(self, net, training=None, **kwargs):
        self.n_batches_ += bool(training)


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
    net = Estimator(**{**SMALL, **params}).fit(X, Y)
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
    net = Estimator(**{**SMALL, **params}).fit(X, Y)
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
    X, y = (X_HARD, Y_HARD) if n_classes == "two" else (X_IRIS, Y_IRIS)
    return Estimator(**{**SMALL, "max_iter": 40}), X, np.array(["a", "b", "c"])[y]


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
        many = kind(Estimator(**SMALL)).fit(X_SETS, Y_SETS)
        by_hand = [Estimator(**SMALL).fit(X_SETS, column).predict(X_SETS) for column in Y_SETS.T]
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
    net.set_params(max_iter=10)
    boost = AdaBoostClassifier(net, n_estimators=3, random_state=0).fit(X, y)
    assert len(boost.estimators_) == 3
    members = [each.predict_proba(X) for each in boost.estimators_]
    assert not np.allclose(members[0], members[1])
    assert boost.score(X, y) > 0.8


@over_estimators
def test_fixed_threshold_classifier(Estimator):
    net = Estimator(**SMALL).fit(X_HARD, Y_HARD)
    careful = FixedThresholdClassifier(net, threshold=0.9, response_method="predict_proba")
    careful.fit(X_HARD, Y_HARD)
    assert_array_equal(careful.predict(X_HARD), net.predict_proba(X_HARD)[:, 1] >= 0.9)


# --- weights on their way through pipelines and searches -------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def wrong_rows():
    """Hard labels, a third of them wrong, and weights that are zero for the wrong ones."""
    X = np.random.RandomState(0).normal(size=(90, 4))
    y = (X[:, 0] > 0).astype(int)
    weight = np.ones(90)
    weight[::3] = 0
    return X, np.where(weight == 0, 1 - y, y), weight


@pytest.fixture(scope="module")
def wrong_entries():
    """Label sets, a third of the entries wrong, and weights that are zero for the wrong ones."""
    right = np.random.RandomState(0).uniform(size=Y_SETS.shape) < 0.66
    return X_SETS, np.where(right, Y_SETS, 1 - Y_SETS), right.astype(float)


def _routed(Estimator, **requests):
    net = Estimator(**SMALL).set_fit_request(**requests)
    scaler = StandardScaler()
    if "sample_weight" in requests:
        scaler.set_fit_request(sample_weight=False)
        net.set_score_request(sample_weight=True)
    return Pipeline([("scale", scaler), ("mlp", net)])


def _agrees_with(model, X, net_by_hand, scaler):
    return np.allclose(
        model.predict_proba(X), net_by_hand.predict_proba(scaler.transform(X)), rtol=1e-9
    )


@over_estimators
def test_sample_weight_is_routed_through_a_grid_search(Estimator, wrong_rows, routing):
    X, y, weight = wrong_rows
    search = GridSearchCV(_routed(Estimator, sample_weight=True), {"mlp__alpha": [1e-4]}, cv=3)
    search.fit(X, y, sample_weight=weight)
    everything = np.arange(90)
    scaler, weighted = fitted_by_hand(Estimator, X, y, everything, sample_weight=weight)
    _, plain = fitted_by_hand(Estimator, X, y, everything)
    assert _agrees_with(search, X, weighted, scaler)
    assert not _agrees_with(search, X, plain, scaler)
    # The wrong rows count neither in the fits nor in the scores of the folds.
    assert search.best_score_ > 0.8


@over_estimators
def test_sample_weight_that_is_not_requested_is_refused(Estimator, wrong_rows, routing):
    X, y, weight = wrong_rows
    pipeline = make_pipeline(StandardScaler(), Estimator(**SMALL))
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
        pipeline.fit(X, y, sample_weight=weight)


def test_label_weight_is_routed_through_a_grid_search(wrong_entries, routing):
    X, Y, weight = wrong_entries
    pipeline = _routed(MultiLabelSigmoidClassifier, label_weight=True)
    search = GridSearchCV(pipeline, {"mlp__alpha": [1e-4]}, cv=3).fit(X, Y, label_weight=weight)
    everything = np.arange(90)
    scaler, weighted = fitted_by_hand(
        MultiLabelSigmoidClassifier, X, Y, everything, label_weight=weight
    )
    _, plain = fitted_by_hand(MultiLabelSigmoidClassifier, X, Y, everything)
    assert _agrees_with(search, X, weighted, scaler)
    assert not _agrees_with(search, X, plain, scaler)


def test_label_weight_is_routed_to_each_fold(wrong_entries, routing):
    X, Y, weight = wrong_entries
    found, expected = (
        cross_val_predict(
            _routed(MultiLabelSigmoidClassifier, label_weight=True),
            X,
            Y,
            cv=THREE_FOLDS,
            params={"label_weight": weight},
        ),
        predictions_by_hand(MultiLabelSigmoidClassifier, X, Y, label_weight=weight),
    )
    assert_array_equal(found, expected)
    assert not np.array_equal(found, predictions_by_hand(MultiLabelSigmoidClassifier, X, Y))


def test_label_weight_is_sliced_for_each_fold_without_routing(wrong_entries):
    X, Y, weight = wrong_entries
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("mlp", MultiLabelSigmoidClassifier(**SMALL))]
    )
    search = GridSearchCV(pipeline, {"mlp__alpha": [1e-4]}, cv=THREE_FOLDS)
    search.fit(X, Y, mlp__label_weight=weight)
    scores = []
    for train, test in THREE_FOLDS.split(X):
        scaler, net = fitted_by_hand(MultiLabelSigmoidClassifier, X, Y, train, label_weight=weight)
        scores.append(net.score(scaler.transform(X[test]), Y[test]))
    found = [search.cv_results_[f"split{k}_test_score"][0] for k in range(3)]
    assert_allclose(found, scores, rtol=1e-12)
    scaler, weighted = fitted_by_hand(
        MultiLabelSigmoidClassifier, X, Y, np.arange(90), label_weight=weight
    )
    assert _agrees_with(search, X, weighted, scaler)


@over_estimators
def test_sample_weight_is_sliced_for_each_fold_without_routing(Estimator, wrong_rows):
    X, y, weight = wrong_rows
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", Estimator(**SMALL))])
    found = cross_val_predict(pipeline, X, y, cv=THREE_FOLDS, params={"mlp__sample_weight": weight})
    assert_array_equal(found, predictions_by_hand(Estimator, X, y, sample_weight=weight))
    assert not np.array_equal(found, predictions_by_hand(Estimator, X, y))


# --- parameters ------------------------------------------------------------------------------


@over_estimators
def test_every_parameter_of_mlp_classifier_exists_with_its_default(Estimator):
    theirs = inspect.signature(MLPClassifier).parameters
    ours = inspect.signature(Estimator).parameters
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name
        assert ours[name].kind == parameter.kind, name
    assert list(ours)[:2] == list(theirs)[:2]
    Estimator(**MLPClassifier(alpha=0.5, activation="tanh").get_params())


MLP_GRID = {
    "hidden_layer_sizes": [(4,), (6, 3)],
    "activation": ["tanh", "relu"],
    "solver": ["sgd", "lbfgs"],
    "alpha": [1e-3],
    "batch_size": ["auto"],
    "learning_rate": ["adaptive"],
    "learning_rate_init": [0.01],
    "power_t": [0.5],
    "max_iter": [4],
    "shuffle": [True],
    "random_state": [0],
    "tol": [1e-4],
    "verbose": [False],
    "warm_start": [False],
    "momentum": [0.9],
    "nesterovs_momentum": [True],
    "early_stopping": [False, True],
    "validation_fraction": [0.2],
    "beta_1": [0.9],
    "beta_2": [0.999],
    "epsilon": [1e-8],
    "n_iter_no_change": [10],
    "max_fun": [15000],
}


@over_estimators
def test_a_grid_written_for_mlp_classifier_runs_unchanged(Estimator):
    assert set(MLP_GRID) == set(MLPClassifier().get_params())
    search = GridSearchCV(Estimator(), MLP_GRID, cv=2, error_score="raise")
    search.fit(X_HARD, Y_HARD)
    assert len(search.cv_results_["params"]) == 16
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.n_iter_ <= 4
    reference = clone(search).set_params(estimator=MLPClassifier()).fit(X_HARD, Y_HARD)
    assert search.cv_results_["params"] == reference.cv_results_["params"]


def test_losses_can_be_searched_over():
    net = SoftTargetMLPClassifier(**SMALL)
    losses = [CrossEntropy(), SquaredError(), BinaryCrossEntropy(), BinarySquaredError()]
    search = GridSearchCV(net, {"loss": losses}, cv=THREE_FOLDS).fit(X_SOFT, Y_SOFT)
    assert search.best_params_["loss"] in losses
    for j, loss in enumerate(losses):
        by_hand = [
            SoftTargetMLPClassifier(**SMALL, loss=loss)
            .fit(X_SOFT[train], Y_SOFT[train])
            .score(X_SOFT[test], Y_SOFT[test])
            for train, test in THREE_FOLDS.split(X_SOFT)
        ]
        assert_allclose(search.cv_results_["mean_test_score"][j], np.mean(by_hand))
    assert len(set(search.cv_results_["mean_test_score"])) == 4


def test_loss_names_can_be_searched_over():
    names = ["binary_cross_entropy", "squared_error"]
    net = MultiLabelSigmoidClassifier(**SMALL)
    search = GridSearchCV(net, {"loss": names}, cv=THREE_FOLDS).fit(X_SETS, Y_SETS)
    objects = clone(search).set_params(
        param_grid={"loss": [BinaryCrossEntropy(), BinarySquaredError()]}
    )
    objects.fit(X_SETS, Y_SETS)
    assert_allclose(search.cv_results_["mean_test_score"], objects.cv_results_["mean_test_score"])


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_parameters_of_a_loss_can_be_searched_over(in_pipeline):
    net = MultiLabelSigmoidClassifier(**SMALL, loss=BinaryCrossEntropy())
    model, name = net, "loss__pos_weight"
    if in_pipeline:
        model, name = Pipeline([("mlp", net)]), "mlp__loss__pos_weight"
    weights = [None, 4.0]
    search = GridSearchCV(model, {name: weights}, cv=THREE_FOLDS).fit(X_SETS, Y_SETS)
    assert search.best_params_[name] in weights
    by_hand = [
        np.mean(
            cross_val_score(
                MultiLabelSigmoidClassifier(**SMALL, loss=BinaryCrossEntropy(pos_weight=weight)),
                X_SETS,
                Y_SETS,
                cv=THREE_FOLDS,
            )
        )
        for weight in weights
    ]
    assert_allclose(search.cv_results_["mean_test_score"], by_hand)
    assert by_hand[0] != by_hand[1]
    assert net.loss.pos_weight is None


def test_parameters_of_the_loss_are_parameters_of_the_estimator():
    net = MultiLabelSigmoidClassifier(loss=BinaryCrossEntropy(pos_weight=2.0))
    assert net.get_params()["loss__pos_weight"] == 2.0
    assert "loss__pos_weight" not in net.get_params(deep=False)
    with pytest.raises(ValueError, match="pos_wait"):
        net.set_params(loss__pos_wait=2.0)


# --- what is shown ---------------------------------------------------------------------------


@over_estimators
def test_html_repr(Estimator):
    net = Estimator(alpha=0.625, loss=BinaryCrossEntropy(pos_weight=3.5))
    html = net._repr_html_()
    assert Estimator.__name__ in html
    assert "0.625" in html
    assert "pos_weight" in html
    pipeline = make_pipeline(StandardScaler(), net)
    unfitted = estimator_html_repr(pipeline)
    assert Estimator.__name__ in unfitted
    assert "StandardScaler" in unfitted
    pipeline.set_params(**{f"{Estimator.__name__.lower()}__max_iter": 2})
    fitted = estimator_html_repr(pipeline.fit(X_HARD, Y_HARD))
    assert Estimator.__name__ in fitted
    assert fitted != unfitted


@over_estimators
def test_repr_shows_what_differs_from_the_defaults(Estimator):
    assert repr(Estimator()) == f"{Estimator.__name__}()"
    assert repr(Estimator(alpha=0.5)) == f"{Estimator.__name__}(alpha=0.5)"
    shown = repr(Estimator(loss=BinaryCrossEntropy(pos_weight=2.0)))
    assert shown == f"{Estimator.__name__}(loss=BinaryCrossEntropy(pos_weight=2.0))"


@over_estimators
def test_feature_names(Estimator):
    pd = pytest.importorskip("pandas")
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X_HARD, columns=names)
    net = Estimator(**SMALL).fit(frame, Y_HARD)
    assert_array_equal(net.feature_names_in_, names)
    assert net.n_features_in_ == 4
    assert_array_equal(
        net.predict_proba(frame), Estimator(**SMALL).fit(X_HARD, Y_HARD).predict_proba(X_HARD)
    )
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[names[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        net.predict(X_HARD)
    assert not hasattr(net.fit(X_HARD, Y_HARD), "feature_names_in_")


def test_the_package_lists_public_names_and_all_of_them_resolve():
    names = dir(sklearn_softloss)
    assert {"SoftTargetMLPClassifier", "MultiLabelSigmoidClassifier", "__version__"} <= set(names)
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []
    assert sorted(names) == sorted(sklearn_softloss.__all__)
    for name in names:
        assert getattr(sklearn_softloss, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sklearn_softloss.no_such_name


@pytest.mark.parametrize(
    "name", [name for name in dir(sklearn_softloss) if name.islower() and name[0] != "_"]
)
def test_public_modules_import_by_name(name):
    assert import_module(f"sklearn_softloss.{name}") is getattr(sklearn_softloss, name)


# --- skorch's callbacks ----------------------------------------------------------------------


@over_estimators
def test_skorch_early_stopping_ends_the_training_without_a_warning(Estimator):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="train_loss", patience=3, threshold=0.9, sink=lambda _: None)
    net = Estimator(**{**SMALL, "max_iter": 200, "tol": 0}, callbacks=[stop])
    for _ in range(2):  # the callback begins anew with each fit
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            net.fit(X, Y)
        # With so high a threshold no pass counts as a gain for long.
        assert net.n_iter_ == len(net.loss_curve_) < 20
    unstopped = Estimator(**{**SMALL, "max_iter": net.n_iter_, "tol": 0}).fit(X, Y)
    assert_array_equal(net.predict_proba(X), unstopped.predict_proba(X))


@over_estimators
def test_skorch_early_stopping_may_watch_the_validation_loss(Estimator):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="valid_loss", patience=2, threshold=0.9, sink=lambda _: None)
    net = Estimator(**{**SMALL, "max_iter": 200}, early_stopping=True, callbacks=[stop])
    net.fit(X, Y)
    assert net.n_iter_ < 20
    assert net.best_loss_ == min(net.validation_loss_curve_)


@over_estimators
@pytest.mark.parametrize("learning_rate", ["constant", "cosine"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_skorch_early_stopping_ends_every_kind_of_training(Estimator, solver, learning_rate):
    X, Y = targets_for(Estimator)
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9, sink=lambda _: None)
    params = {"max_iter": 200, "tol": 0, "solver": solver, "learning_rate": learning_rate}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        net = Estimator(**{**SMALL, **params}, callbacks=[stop]).fit(X, Y)
    assert net.n_iter_ < 20


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_find_one_row_of_history_a_pass(Estimator, solver):
    X, Y = targets_for(Estimator)
    net = Estimator(**SMALL, solver=solver, early_stopping=True, callbacks=[EpochTimer()])
    net.fit(X, Y)
    history = net.net_.history
    assert len(history) == net.n_iter_
    assert history[:, "epoch"] == list(range(1, net.n_iter_ + 1))
    assert all(seconds >= 0 for seconds in history[:, "dur"])
    assert history[:, "train_loss"] == net.loss_curve_
    assert history[:, "valid_loss"] == net.validation_loss_curve_


@over_estimators
@pytest.mark.parametrize("form", ["instance", "class", "named"])
def test_batch_level_callbacks_are_told_of_every_batch(Estimator, form):
    X, Y = targets_for(Estimator)
    callback = {
        "instance": BatchCounter(),
        "class": BatchCounter,
        "named": ("counter", BatchCounter()),
    }[form]
    net = Estimator(**SMALL, batch_size=50, callbacks=[callback]).fit(X, Y)
    counters = [found for _, found in net.net_.callbacks_ if isinstance(found, BatchCounter)]
    assert [counter.n_batches_ for counter in counters] == [10 * 3]
    plain = Estimator(**SMALL, batch_size=50).fit(X, Y)
    assert_array_equal(net.predict_proba(X), plain.predict_proba(X))
    assert net.loss_curve_ == plain.loss_curve_


@over_estimators
def test_callbacks_see_passes_and_batches_in_order(Estimator):
    class Diary(Callback):
        def initialize(self):
            self.entries = []
            return self

        def on_train_begin(self, net, **kwargs):
            self.entries.append("train begins")

        def on_epoch_begin(self, net, **kwargs):
            self.entries.append("pass begins")

        def on_batch_begin(self, net, training=None, **kwargs):
            self.entries.append("batch begins" if training else "validation begins")

        def on_grad_computed(self, net, **kwargs):
            self.entries.append("gradient")

        def on_batch_end(self, net, training=None, loss=None, y_pred=None, **kwargs):
            assert loss.isfinite()
            assert len(y_pred) == len(kwargs["batch"][0])
            self.entries.append("batch ends" if training else "validation ends")

        def on_epoch_end(self, net, **kwargs):
            self.entries.append("pass ends")

        def on_train_end(self, net, **kwargs):
            self.entries.append("train ends")

    X, Y = targets_for(Estimator)
    diary = Diary()
    params = {**SMALL, "max_iter": 2, "batch_size": 60, "early_stopping": True}
    Estimator(**params, callbacks=[diary]).fit(X, Y)
    batch = ["batch begins", "gradient", "batch ends"]
    one_pass = ["pass begins", *2 * batch, "validation begins", "validation ends", "pass ends"]
    assert diary.entries == ["train begins", *2 * one_pass, "train ends"]


@over_estimators
def test_gradient_norm_clipping_bounds_the_steps(Estimator):
    X, Y = targets_for(Estimator)
    steps = []
    for callbacks in (None, [GradientNormClipping(gradient_clip_value=1e-3)]):
        net = Estimator(
            4, solver="sgd", momentum=0, learning_rate_init=0.5, random_state=0, callbacks=callbacks
        ).partial_fit(X, Y)
        before = np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])
        net.partial_fit(X, Y)
        after = np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])
        steps.append(np.linalg.norm(after - before))
    assert_allclose(steps[1], 0.5e-3, rtol=1e-2)
    assert steps[0] > 2e-3


@over_estimators
@pytest.mark.parametrize(("step_every", "n_steps"), [("epoch", 10), ("batch", 30)])
def test_lr_scheduler_callback_sets_the_rate(Estimator, step_every, n_steps):
    X, Y = targets_for(Estimator)
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.8, step_every=step_every)
    net = Estimator(**SMALL, batch_size=40, callbacks=[scheduler]).fit(X, Y)
    rate = net.net_.optimizer_.param_groups[0]["lr"]
    assert_allclose(rate, 0.05 * 0.8**n_steps, rtol=1e-9)


@over_estimators
def test_lr_scheduler_callback_may_watch_the_training_loss(Estimator):
    X, Y = targets_for(Estimator)
    scheduler = LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=1e9, threshold_mode="abs"
    )
    params = {**SMALL, "max_iter": 4}
    net = Estimator(**params, callbacks=[scheduler]).fit(X, Y)
    assert_allclose(net.net_.optimizer_.param_groups[0]["lr"], 0.05 * 0.1**3, rtol=1e-9)


@over_estimators
def test_print_log_prints_a_line_a_pass(Estimator):
    X, Y = targets_for(Estimator)
    lines = []
    net = Estimator(**SMALL, early_stopping=True, callbacks=[PrintLog(sink=lines.append)])
    net.fit(X, Y)
    header, _, *rows = lines
    assert "train_loss" in header
    assert "valid_loss" in header
    assert len(rows) == net.n_iter_


@over_estimators
def test_checkpoint_keeps_the_best_weights(Estimator, tmp_path):
    X, Y = targets_for(Estimator)
    checkpoint = Checkpoint(
        monitor="valid_loss_best",
        dirname=str(tmp_path),
        f_optimizer=None,
        f_criterion=None,
        f_history=None,
    )
    params = {**SMALL, "max_iter": 40, "early_stopping": True, "n_iter_no_change": 3}
    net = Estimator(**params, callbacks=[checkpoint]).fit(X, Y)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, value in net.net_.module_.state_dict().items():
        assert_array_equal(saved[name].numpy(), value.numpy())
