"""ONNX models of what stands around nets: pipelines, calibration, decisions, columns of kinds."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
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
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)

from cases import make_labels, make_soft
from export_cases import EXACT, FEW_PASSES, agree
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
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
    PrevalenceMatched,
    RiskControlled,
    Thresholds,
    TopK,
    TunedDecisionClassifierCV,
)
from sklearn_softloss.export import check, to_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("torch_looks_once"),
]


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


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_a_frozen_classifier_that_never_saw_a_class(method):
    """The calibrators know it; its column is zeros before them."""
    X, Y = make_soft(n=90)
    y = Y.argmax(axis=1)
    frozen = FrozenEstimator(LogisticRegression().fit(X[y != 1], y[y != 1]))
    clf = SoftCalibratedClassifierCV(frozen, method=method, cv=2, ensemble=True).fit(X, y)
    assert clf.predict_proba(X).shape == (90, 3)
    agree(clf, X)


@pytest.mark.parametrize(
    ("imputer", "gaps"),
    [(SimpleImputer(add_indicator=True), 1), (SimpleImputer(), 60)],
    ids=["an indicator", "a column that is dropped"],
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_imputers_that_change_the_columns_are_refused_by_name(imputer, gaps):
    X, Y = make_soft(n=60)
    X[:gaps, 1] = np.nan
    net = make_pipeline(imputer, None, SoftTargetMLPClassifier(**FEW_PASSES)).fit(X, Y)
    with pytest.raises(
        ValueError, match=r"step 'simpleimputer' .* must not add indicators or drop"
    ):
        to_onnx(net, X)


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
