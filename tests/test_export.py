"""ONNX models answer as their estimators do, and copies for prediction as the originals."""

import importlib
import json
import pickle
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.utils.validation import _num_samples

import sklearn_softloss
from cases import LOSSES, REGRESSION_LOSSES, SMALL, fitted_with, make_labels, make_soft
from export_cases import _one_registry  # noqa: F401
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftRowsClassifier,
    SoftTargetMLPClassifier,
    losses,
)
from sklearn_softloss.calibration import (
    BetaCalibration,
    Calibrator,
    DirichletCalibration,
    IsotonicCalibration,
    PriorShift,
    SigmoidCalibration,
    SoftCalibratedClassifierCV,
    TemperatureScaling,
    VectorScaling,
)
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
    TunedDecisionClassifierCV,
)
from sklearn_softloss.export import check, for_prediction, to_onnx
from sklearn_softloss.export._onnx import _are_ties
from sklearn_softloss.losses import (
    DistributionLoss,
    IndependentLoss,
    RegressionLoss,
    sum_entries,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FEW_PASSES = {**SMALL, "max_iter": 4}
LEAST_OPSET = 18
EXACT = 1e-12


def agree(estimator, X, within=EXACT):
    model = to_onnx(estimator, X)
    onnx.checker.check_model(model, full_check=True)
    found = check(model, estimator, X)
    assert found.n_rows == _num_samples(X)
    assert found.n_other_labels == 0
    assert max(found.differences.values()) <= within
    # One row is enough, and the answer is the same.
    assert check(model, estimator, X[:1]).n_other_labels == 0
    return model


def test_every_link():
    """Those of all losses in one graph: exporting is what takes time here."""
    from sklearn_softloss.export._graph import onnx_graph

    domains = (DistributionLoss, IndependentLoss, RegressionLoss)
    shared = {domain.inverse_link: domain.__name__ for domain in domains}
    first_used_here = losses.Quantile((0.123, 0.456))  # as after loading, without a fit
    readers = {}
    for loss in [*LOSSES, *REGRESSION_LOSSES, first_used_here]:
        for name in ("inverse_link", "std", "count", "quantiles"):
            read = getattr(loss, name, None)
            if read and (name != "quantiles" or isinstance(loss, losses.Quantile)):
                readers[f"{name} of {shared.get(read.__func__, loss)!r}"] = loss, read

    def all_of(logits):
        return tuple(read(logits[:, : loss.n_logits(4)]) for loss, read in readers.values())

    most = max(loss.n_logits(4) for loss, _ in readers.values())
    model = onnx_graph(all_of, [torch.zeros(3, most).double()], LEAST_OPSET)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    logits = torch.from_numpy(np.random.default_rng(0).normal(0, 3, (40, most)))
    (name,) = (found.name for found in session.get_inputs())
    found = session.run(None, {name: logits.numpy()})
    for reader, given, wanted in zip(readers, found, all_of(logits), strict=True):
        np.testing.assert_allclose(given, wanted, rtol=EXACT, atol=EXACT, err_msg=reader)


@pytest.mark.parametrize(
    "loss",
    [
        losses.BinaryCrossEntropy(pos_weight=3.0),
        losses.CountDistribution(),
        losses.RegressionSquaredError(),
        losses.Quantile((0.05, 0.3, 0.5, 0.501, 0.9)),
        losses.Gaussian(),
    ],
    ids=repr,
)
def test_every_kind_of_output(loss):
    agree(*fitted_with(loss, **FEW_PASSES))


@pytest.mark.parametrize(
    "params",
    [
        {"label_smoothing": 0.2, "activation": "tanh", "hidden_layer_sizes": (5, 4)},
        {"loss": "binary_cross_entropy", "target_range": (0.1, 0.9), "activation": "logistic"},
        {"loss": "focal", "activation": "identity", "hidden_layer_sizes": ()},
        {"encoding": None},
    ],
    ids=repr,
)
def test_every_way_to_a_probability(params):
    X, Y = make_soft(n=40)
    clf = SoftTargetMLPClassifier(**{**FEW_PASSES, **params}).fit(X, Y)
    model = agree(clf, X)
    if params.get("loss") == "binary_cross_entropy":
        assert [o.name for o in model.graph.output] == ["label", "probabilities", "confidence"]


@pytest.mark.parametrize(
    "classes",
    [[3, 7, 1], ["b", "a", "c"], np.array(["x", "y", "z"], dtype=object), [2.0, 5.0, 1.0]],
    ids=repr,
)
def test_labels_have_their_names(classes):
    X, Y = make_soft(n=40)
    y = np.asarray(classes)[Y.argmax(axis=1)]
    clf = SoftTargetMLPClassifier(**FEW_PASSES).fit(X, y)
    model = agree(clf, X)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == clf.classes_.tolist()


@pytest.mark.parametrize("dtype", [bool, int, str])
def test_two_classes_as_one_label(dtype):
    X, Y = make_soft(n=40)
    y = (Y[:, 0] > 0.4).astype(dtype)
    agree(MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, y), X)


def test_float32_and_rows_far_away():
    X, Y = make_soft(n=200)
    X = X.astype(np.float32)
    clf = SoftTargetMLPClassifier(**{**FEW_PASSES, "max_iter": 40}).fit(X, Y)
    agree(clf, X, within=1e-6)
    X, Y = make_labels(n=200)
    clf = MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, Y)
    model = to_onnx(clf, X)
    far = check(model, clf, 1e6 * X)
    assert far.n_other_labels == 0
    assert far.differences["probabilities"] <= EXACT
    session = onnxruntime.InferenceSession(model.SerializeToString())
    proba = session.run(["probabilities"], {"X": 1e9 * X})[0]
    assert ((proba > 0) & (proba < 1)).all()


def test_thresholds_and_names_of_labels():
    X, Y = make_labels(n=60)
    frame = pd.DataFrame(Y, columns=list("pqrs"))
    clf = MultiLabelSigmoidClassifier(threshold=[0.1, 0.5, 0.6, 0.9], **FEW_PASSES).fit(X, frame)
    model = agree(clf, X)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["label_names"]) == list("pqrs")


def test_a_cut_off_that_is_reached_counts():
    X, Y = make_labels(n=60)
    clf = MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, Y)
    clf.set_params(threshold=clf.predict_proba(X)[5])
    assert clf.predict(X)[5].all()
    session = onnxruntime.InferenceSession(to_onnx(clf, X).SerializeToString())
    label, proba = session.run(None, {"X": X})
    if (proba[5] == clf.threshold).all():  # else a last bit differs, and either answer is right
        assert label[5].all()
    np.testing.assert_array_equal(label, proba >= clf.threshold)


# --- what stands around ------------------------------------------------------------------------


def test_pipelines_searches_and_frames():
    X, Y = make_soft(n=60)
    clf = SoftTargetMLPClassifier(**FEW_PASSES)
    agree(make_pipeline(StandardScaler(), clf).fit(X, Y), X)
    search = GridSearchCV(make_pipeline(MinMaxScaler(), clf), {"minmaxscaler__clip": [True]}, cv=2)
    agree(search.fit(X, Y.argmax(axis=1)), X)
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame *= 1000.123456789
    agree(clone(clf).fit(frame, Y), frame)
    tuned = TunedDecisionClassifierCV(LogisticRegression(), cv=2)
    agree(make_pipeline(tuned).fit(frame, Y.argmax(axis=1)), frame)
    agree(make_pipeline(StandardScaler(), clone(clf)).fit(frame, Y), frame)
    frame["kind"] = np.where(X[:, 3] > 0, "up", "down")
    columns = ColumnTransformer([("numbers", StandardScaler(), ["a", "b", "c"]),
                                 ("kinds", OneHotEncoder(), ["kind"])])  # fmt: skip
    pipeline = make_pipeline(columns, clone(clf)).fit(frame, Y)
    found = check(to_onnx(pipeline, frame), pipeline, frame)
    assert found.n_other_labels == 0
    assert found.differences["probabilities"] <= 1e-6  # OneHotEncoder of skl2onnx is float32


def test_rows_that_were_sparse_are_taken_dense():
    X, Y = make_labels(n=60)
    sparse = sp.csr_array(np.where(X > 0.5, X, 0.0))
    agree(MultiLabelSigmoidClassifier(**FEW_PASSES).fit(sparse, Y), sparse)


def test_texts():
    texts = [
        "good film",
        "bad film",
        "a very good one",
        "awful",
        "nice and good",
        "bad bad day",
    ] * 5
    vectorizer = TfidfVectorizer(lowercase=False)  # else onnxruntime asks for a locale
    clf = SoftTargetMLPClassifier(alpha=1.0, max_iter=5, random_state=0)
    pipeline = make_pipeline(vectorizer, clf).fit(texts, [1, 0, 1, 0, 1, 0] * 5)
    agree(pipeline, texts, within=1e-6)


def test_skl2onnx_converts_our_estimators_by_itself():
    X, Y = make_soft(n=60)
    pipeline = make_pipeline(StandardScaler(), SoftTargetMLPClassifier(**FEW_PASSES)).fit(X, Y)
    model = skl2onnx.to_onnx(pipeline, X)
    assert check(model, pipeline, X).differences["probabilities"] <= EXACT


class Convolution(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(n_features, 2, 3, padding=1),
            torch.nn.BatchNorm2d(2),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(2, n_outputs),
        )

    def forward(self, X):
        return self.layers(X)


def test_a_module_of_ones_own():
    X = np.random.default_rng(0).normal(size=(40, 3, 4, 4)).astype(np.float32)
    y = (X.mean(axis=(1, 2, 3)) > 0).astype(int)
    clf = SoftTargetMLPClassifier(module=Convolution, max_iter=3, random_state=0).fit(X, y)
    agree(clf, X, within=1e-6)


class ReadsItsInput(torch.nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, X):
        return self.layer(X) * (1.0 if X.sum().item() > 0 else 2.0)


def test_a_module_that_torch_cannot_trace_is_refused_by_name():
    X, Y = make_soft(n=40)
    clf = SoftTargetMLPClassifier(module=ReadsItsInput, max_iter=1, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"cannot be exported: torch.onnx refuses its module"):
        to_onnx(clf, X)


# --- calibration -----------------------------------------------------------------------------


CALIBRATORS = [
    TemperatureScaling(),
    SigmoidCalibration(),
    BetaCalibration(),
    IsotonicCalibration(),
    PriorShift(),
    VectorScaling(),
    DirichletCalibration(),
]


def test_all_calibrators_are_tested():
    def below(cls):
        return {cls, *(found for sub in cls.__subclasses__() for found in below(sub))}

    public = {c for c in below(Calibrator) if c.__module__.startswith("sklearn_softloss")}
    concrete = {c for c in public if not c.__abstractmethods__}
    assert concrete == {type(calibrator) for calibrator in CALIBRATORS}


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=repr)
def test_every_calibrator_of_classes(calibrator):
    X, Y = make_soft(n=120)
    y = Y.argmax(axis=1)
    y[:3] = 3  # a class that half of the classifiers never saw, and that stays as it is
    clf = SoftCalibratedClassifierCV(LogisticRegression(), method=calibrator, cv="prefit")
    clf.estimator = LogisticRegression().fit(X, y)
    truth = np.eye(4)[np.where(y == 3, 0, y)]
    agree(clf.fit(X, truth), X)


@pytest.mark.parametrize(
    "calibrator", [c for c in CALIBRATORS if "multi_label" in c.get_params()], ids=repr
)
def test_every_calibrator_of_labels(calibrator):
    X, Y = make_labels(n=200)
    labels = (Y > 0.5).astype(int)
    labels[:, 3] = 0
    labels[:4, 3] = 1  # pooled
    inner = OneVsRestClassifier(LogisticRegression()).fit(X, labels)
    agree(SoftCalibratedClassifierCV(inner, method=calibrator, cv="prefit").fit(X, labels), X)


def test_an_ensemble_of_calibrated_nets():
    X, Y = make_soft(n=60)
    clf = SoftCalibratedClassifierCV(SoftTargetMLPClassifier(**FEW_PASSES), cv=2).fit(X, Y)
    agree(clf, X)


# --- decisions ---------------------------------------------------------------------------------


LABEL_RULES = [
    "thresholds",
    Thresholds(),
    Thresholds(min_labels=1, max_labels=2),
    CostSensitive((1, 3)),
    CostSensitive(np.array([(1.0, 3), (2, 1), (1, 1), (5, 1)]), min_labels=2),
    PrevalenceMatched(max_labels=1),
    TopK(2),
    TopK("count"),
    RiskControlled(level=0.7),
]


@pytest.mark.parametrize("rule", LABEL_RULES, ids=repr)
def test_every_rule_of_labels(rule):
    X, Y = make_labels(n=120)
    labels = (Y > 0.5).astype(int)
    inner = OneVsRestClassifier(LogisticRegression())
    agree(TunedDecisionClassifierCV(inner, rule, cv=3, random_state=0).fit(X, labels), X)


@pytest.mark.parametrize(
    "rule", ["thresholds", ClassThresholds(), CostMatrix(1 - np.eye(3))], ids=repr
)
def test_every_rule_of_classes(rule):
    X, Y = make_soft(n=120)
    y = np.array(["a", "b", "c"])[Y.argmax(axis=1)]
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    agree(TunedDecisionClassifierCV(inner, rule, cv=3, random_state=0).fit(X, y), X)


@pytest.mark.parametrize("pos_label", ["no", "yes"])
def test_two_classes(pos_label):
    X, Y = make_soft(n=120)
    y = np.where(Y[:, 0] > 0.5, "yes", "no")
    rule = Thresholds()
    tuned = TunedDecisionClassifierCV(LogisticRegression(), rule, pos_label=pos_label, cv=3)
    agree(tuned.fit(X, y), X)


def test_calibrated_then_tuned_then_searched():
    X, Y = make_labels(n=120)
    net = make_pipeline(StandardScaler(), MultiLabelSigmoidClassifier(**FEW_PASSES))
    calibrated = SoftCalibratedClassifierCV(net, method="temperature", cv=2)
    tuned = TunedDecisionClassifierCV(calibrated, Thresholds(min_labels=1), cv=2, random_state=0)
    labels = (Y > 0.5).astype(int)
    agree(GridSearchCV(tuned, {"average": ["macro"]}, cv=2).fit(X, labels), X)
    frozen = TunedDecisionClassifierCV(FrozenEstimator(clone(net).fit(X, labels)), cv="prefit")
    agree(frozen.fit(X, labels), X)


# --- estimators of scikit-learn around ours ------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "n_classes"), [("sigmoid", 2), ("sigmoid", 3), ("isotonic", 3), ("temperature", 2)]
)
def test_calibrated_by_scikit_learn(method, n_classes):
    X, Y = make_soft(n=80)
    y = np.array(["a", "b", "c"])[Y[:, :n_classes].argmax(axis=1)]
    pipeline = make_pipeline(StandardScaler(), SoftTargetMLPClassifier(**FEW_PASSES))
    ensemble = method == "isotonic"
    clf = CalibratedClassifierCV(pipeline, method=method, ensemble=ensemble, cv=2).fit(X, y)
    agree(clf, X)


def test_calibrated_by_scikit_learn_and_then_by_us():
    X, Y = make_soft(n=80)
    y = (Y[:, 0] > 0.4).astype(int)
    net = FrozenEstimator(MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, y))
    calibrated = CalibratedClassifierCV(net).fit(X, y)
    agree(TunedDecisionClassifierCV(calibrated, cv="prefit").fit(X, y), X)
    agree(SoftCalibratedClassifierCV(calibrated, cv="prefit").fit(X, y), X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_raw_scores_of_skl2onnx_are_the_decision_function(n_classes):
    X, Y = make_soft(n=60)
    clf = SoftTargetMLPClassifier(**FEW_PASSES).fit(X, Y[:, :n_classes].argmax(axis=1))
    model = skl2onnx.to_onnx(clf, X, options={id(clf): {"raw_scores": True, "zipmap": False}})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    scores = session.run(None, {"X": X})[1]
    wanted = clf.decision_function(X)
    wanted = np.stack([-wanted, wanted], axis=1) if n_classes == 2 else wanted
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("threshold", "pos_label"), [(-0.2, "no"), ("auto", "yes"), (0.25, "no"), (0.25, "yes")]
)
def test_thresholds_of_scikit_learn(threshold, pos_label):
    X, Y = make_soft(n=80)
    y = np.where(Y[:, 0] > 0.4, "yes", "no")
    fixed = FixedThresholdClassifier(
        make_pipeline(StandardScaler(), SoftTargetMLPClassifier(**FEW_PASSES)),
        threshold=threshold,
        pos_label=pos_label,
        response_method="decision_function" if threshold == -0.2 else "auto",
    ).fit(X, y)
    agree(fixed, X)
    assert threshold == "auto" or (fixed.predict(X) != fixed.estimator_.predict(X)).any()


def test_a_threshold_tuned_by_scikit_learn():
    X, Y = make_soft(n=120)
    y = (Y[:, 0] > 0.6).astype(int)
    clf = SoftTargetMLPClassifier(**FEW_PASSES)
    tuned = TunedThresholdClassifierCV(clf, scoring="f1", cv=3, random_state=0).fit(X, y)
    assert (tuned.predict(X) != tuned.estimator_.predict(X)).any()
    agree(make_pipeline(tuned).fit(X, y), X)


def test_ensembles_of_ours():
    X, Y = make_soft(n=60)
    clf, y = SoftTargetMLPClassifier(**FEW_PASSES), Y.argmax(axis=1)
    others = [("net", clf), ("linear", LogisticRegression())]
    for ensemble in (
        StackingClassifier(others, stack_method="decision_function", cv=2),
        VotingClassifier(others, voting="soft", flatten_transform=False),
        VotingClassifier([("tuned", TunedDecisionClassifierCV(clf, cv=2))], voting="soft",
                         flatten_transform=False),
    ):  # fmt: skip
        agree(ensemble.fit(X, y), X)


# --- columns of all kinds ----------------------------------------------------------------------


def mixed_columns(number, n=90):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(50, 9, size=(n, 2)).astype(number), columns=["a", "b"])
    frame["short"] = rng.integers(0, 5, n).astype(np.int32)
    frame["flag"] = rng.random(n) > 0.5
    frame["count"] = pd.array(rng.integers(0, 9, n), dtype="Int64")
    frame["size"] = pd.array(rng.normal(size=n), dtype="Float64")
    frame["known"] = pd.array(rng.random(n) > 0.5, dtype="boolean")
    frame["kind"] = rng.choice(["x", "y", "z"], n)
    frame["object"] = pd.Series(rng.choice(["u", "v"], n), dtype=object)
    frame["when"] = pd.date_range("2020-01-01", periods=n)
    for i, name in enumerate(["a", "count", "size", "known", "object"]):
        frame.loc[i :: 7 + i, name] = None
    return frame


NUMBERS = ["a", "b", "short", "count", "size", "known"]


def the_commonest_pipeline(numbers, texts, last=None):
    numeric = make_pipeline(SimpleImputer(), StandardScaler())
    text = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer([("numbers", numeric, numbers), ("texts", text, texts)])
    return make_pipeline(columns, last or SoftTargetMLPClassifier(**FEW_PASSES))


@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_the_commonest_pipeline(number):
    frame = mixed_columns(number)
    y = (frame["b"] > 50).astype(int) + (frame["kind"] == "x")
    pipeline = the_commonest_pipeline(NUMBERS, ["kind", "object"]).fit(frame, y)
    model = to_onnx(pipeline, frame)
    assert {found.name for found in model.graph.input} == {*NUMBERS, "kind", "object"}
    found = check(model, pipeline, frame)
    assert found.n_other_labels == 0
    assert found.differences["probabilities"] <= 1e-6
    new = frame[::-1].assign(kind="unseen", a=np.nan)
    assert check(model, pipeline, new).differences["probabilities"] <= 1e-6


def test_the_commonest_pipeline_inside_and_columns_that_are_picked():
    frame = mixed_columns(np.float64)
    y = (frame["b"] > 50).astype(int)
    pipeline = the_commonest_pipeline(NUMBERS, ["kind", "object"]).fit(frame, y)
    calibrated = CalibratedClassifierCV(FrozenEstimator(pipeline)).fit(frame, y)
    assert check(to_onnx(calibrated, frame), calibrated, frame).n_other_labels == 0
    picked = ColumnTransformer([("flags", "passthrough", ["flag", "short"])])
    agree(make_pipeline(picked, SoftTargetMLPClassifier(**FEW_PASSES)).fit(frame, y), frame)


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    frame = mixed_columns(np.float64)[["a", "b", "short", "kind"]]
    y = (frame["b"] > 50).astype(int)
    frame = polars.DataFrame({name: frame[name].to_numpy() for name in frame})
    pipeline = the_commonest_pipeline(["a", "b", "short"], ["kind"]).fit(frame, y)
    assert check(to_onnx(pipeline, frame), pipeline, frame).n_other_labels == 0


@pytest.mark.parametrize("dtype", [np.int32, bool, object])
def test_numbers_of_every_type(dtype):
    X, Y = make_soft(n=40)
    X = np.abs(3 * X).astype(dtype)
    agree(SoftTargetMLPClassifier(**FEW_PASSES).fit(X, Y), X)


def test_steps_of_which_skl2onnx_knows_float32_alone():
    X, Y = make_soft(n=60)
    X[::5, 1] = np.nan
    imputed = make_pipeline(SimpleImputer(strategy="median"), SoftTargetMLPClassifier(**FEW_PASSES))
    agree(imputed.fit(X, Y), X)
    bins = KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    steps = make_union(bins, PolynomialFeatures(2), PowerTransformer(), SelectKBest(k=2))
    pipeline = make_pipeline(KNNImputer(), steps, SoftTargetMLPClassifier(**FEW_PASSES))
    model = agree(pipeline.fit(X, Y.argmax(axis=1)), X, within=1e-4)
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


# --- refusals ------------------------------------------------------------------------------------


class NothingAtAll(DecisionRule):
    def _fit(self, truth, proba, weight):
        pass

    def _decide(self, proba):
        return proba > 1


class Stricter(Thresholds):
    def _decide(self, proba):
        return proba > self.thresholds_ + 0.1


class Same(Calibrator):
    multi_label = False

    def __init__(self, from_logits=False):
        self.from_logits = from_logits

    def _fit(self, values, given, weight):
        pass

    def _calibrated(self, given):
        return given


def refused():
    X, Y = make_labels(n=60)
    labels = (Y > 0.5).astype(int)
    ovr, forest = OneVsRestClassifier(LogisticRegression()), RandomForestClassifier(5)
    y = labels[:, 0]
    for estimator, target, message in (
        (TunedDecisionClassifierCV(ovr, ExpectedF1(), cv=2), labels, "ExpectedF1 cannot be"),
        (TunedDecisionClassifierCV(ovr, NothingAtAll(), cv=2), labels, "NothingAtAll cannot be"),
        (TunedDecisionClassifierCV(ovr, Stricter(), cv=2), labels, "Stricter cannot be"),
        (SoftCalibratedClassifierCV(LogisticRegression(), method=Same(), cv=2), y, "Same cannot"),
        (TunedDecisionClassifierCV(forest, cv=2), labels, "RandomForestClassifier of label sets"),
        (SoftRowsClassifier(LogisticRegression()), y, "SoftRowsClassifier cannot be exported"),
    ):
        yield pytest.param(estimator, X, target, message, id=message)


@pytest.mark.parametrize(("estimator", "X", "y", "message"), list(refused()))
@pytest.mark.filterwarnings("ignore:The rule never predicted:UserWarning")
def test_what_cannot_be_exported_is_refused_by_name(estimator, X, y, message):
    with pytest.raises(ValueError, match=message):
        to_onnx(estimator.fit(X, y), X)


def wrongly_written():
    X, Y = make_soft(n=60)
    y = Y.argmax(axis=1)
    clf = SoftTargetMLPClassifier(**FEW_PASSES)
    scaled = make_pipeline(StandardScaler(), clf)
    texts = ["so-so, really", "éclair", "good", "bad"] * 15
    stack = StackingClassifier([("net", scaled)], stack_method="decision_function", cv=2)
    for estimator, rows, message in (
        (stack, X, "StackingClassifier cannot be exported: its ONNX model gives"),
        (make_pipeline(FunctionTransformer(np.tanh), clf), X, r"step 'functiontransformer' \(Func"),
        (make_pipeline(StandardScaler(), SplineTransformer(), clf), X, "step 'splinetransformer'"),
        (
            make_pipeline(TfidfVectorizer(lowercase=False), clf),
            texts,
            r"\(TfidfVectorizer\): its ON",
        ),
        (VotingClassifier([("a", clf)], voting="hard"), X, "VotingClassifier cannot"),
        (ClassifierChain(clf), X, "ClassifierChain cannot"),
    ):
        target = np.eye(3, dtype=int)[y] if isinstance(estimator, ClassifierChain) else y
        yield pytest.param(estimator, rows, target, message, id=message)


@pytest.mark.parametrize(("estimator", "X", "y", "message"), list(wrongly_written()))
def test_a_file_that_does_not_answer_alike_is_not_handed_out(estimator, X, y, message):
    with pytest.raises(ValueError, match=message):
        to_onnx(estimator.fit(X, y), X)


def test_rows_are_needed_and_may_be_many():
    X, Y = make_labels(n=60)
    clf = MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, Y)
    with pytest.raises(ValueError, match="X must have rows"):
        to_onnx(clf, X[:0])
    many = sp.coo_array(np.tile(X, (25, 1)))  # more than are compared at once
    assert check(to_onnx(clf, many), clf, many).n_rows == 1500


def test_other_labels_are_ties_only_where_the_answer_is_level():
    clf = LogisticRegression()
    clf.classes_ = np.array(["a", "b", "c"])
    proba = np.array([[0.5, 0.5 - 1e-6, 0.0], [0.6, 0.3, 0.1]])
    wanted = np.array(["a", "a"])
    assert _are_ties(np.array(["b", "a"]), wanted, proba, clf)
    assert not _are_ties(np.array(["a", "b"]), wanted, proba, clf)
    net = MultiLabelSigmoidClassifier(threshold=[0.3, 0.5])
    proba = np.array([[0.3, 0.9], [0.4, 0.2]])
    wanted = np.array([[1, 1], [1, 0]])
    assert _are_ties(np.array([[0, 1], [1, 0]]), wanted, proba, net)
    assert not _are_ties(np.array([[1, 1], [0, 0]]), wanted, proba, net)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    for name in [found for found in sys.modules if found.startswith("sklearn_softloss.export")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sklearn_softloss, "export", None)
    for name in ("skl2onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    export = importlib.import_module("sklearn_softloss.export")
    for call in (partial(export.to_onnx, None, None), partial(export.check, None, None, None)):
        with pytest.raises(ImportError, match=r"sklearn-softloss\[onnx\]"):
            call()


# --- numbers that torch.onnx rounds --------------------------------------------------------------


def test_numbers_of_a_loss_keep_all_their_digits():
    class Shifted(IndependentLoss):
        name, properness = "shifted", "neither"

        def per_sample(self, logits, target, entry_weight):
            return sum_entries((self.inverse_link(logits) - target) ** 2, entry_weight)

        def inverse_link(self, logits):
            return (0.1 + logits / 3.3 - 1e-13).sigmoid().clamp_max(0.9)

    X, Y = make_labels(n=40)
    agree(MultiLabelSigmoidClassifier(loss=Shifted(), **FEW_PASSES).fit(X, Y), X, within=1e-15)


# --- copies for prediction -------------------------------------------------------------------


def test_a_copy_for_prediction_predicts_the_same_and_is_small():
    X, Y = make_labels(n=60)
    labels = (Y > 0.5).astype(int)
    net = MultiLabelSigmoidClassifier((50,), max_iter=30, warm_start=True, random_state=0)
    tuned = TunedDecisionClassifierCV(make_pipeline(StandardScaler(), net), cv=2)
    search = GridSearchCV(tuned, {"average": ["micro"]}, cv=2).fit(X, labels)
    calibrated = SoftCalibratedClassifierCV(net, cv=2).fit(X, labels)
    by_sklearn = CalibratedClassifierCV(net, cv=2).fit(X, labels[:, 0])
    for fitted in (net.fit(X, labels), search, calibrated, by_sklearn):
        before = pickle.dumps(fitted)
        slim = for_prediction(fitted)
        np.testing.assert_array_equal(slim.predict_proba(X), fitted.predict_proba(X))
        np.testing.assert_array_equal(slim.predict(X), fitted.predict(X))
        assert len(pickle.dumps(slim)) < 0.7 * len(before)
        assert len(pickle.dumps(fitted)) == len(before)
        again = pickle.loads(pickle.dumps(slim))
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_a_copy_for_prediction_does_not_go_on_but_may_start_anew():
    X, Y = make_labels(n=60)
    net = MultiLabelSigmoidClassifier(**FEW_PASSES).partial_fit(X, Y)
    slim = for_prediction(net)
    with pytest.raises(ValueError, match="copy made for prediction"):
        slim.partial_fit(X, Y)
    slim.fit(X, Y)
    np.testing.assert_array_equal(
        slim.predict_proba(X), MultiLabelSigmoidClassifier(**FEW_PASSES).fit(X, Y).predict_proba(X)
    )
    twice = for_prediction(for_prediction(net))
    np.testing.assert_array_equal(twice.predict_proba(X), net.predict_proba(X))
    unfitted = for_prediction(MultiLabelSigmoidClassifier(**FEW_PASSES))
    assert unfitted.get_params() == MultiLabelSigmoidClassifier(**FEW_PASSES).get_params()
