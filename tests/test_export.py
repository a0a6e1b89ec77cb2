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
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler

import sklearn_softloss
from cases import LOSSES, REGRESSION_LOSSES, fitted_with, make_labels, make_soft
from export_cases import EXACT, FEW_PASSES, agree
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftRowsClassifier,
    SoftTargetMLPClassifier,
    losses,
)
from sklearn_softloss.calibration import Calibrator, SoftCalibratedClassifierCV
from sklearn_softloss.decision import (
    DecisionRule,
    ExpectedF1,
    Thresholds,
    TunedDecisionClassifierCV,
)
from sklearn_softloss.export import check, for_prediction, to_onnx
from sklearn_softloss.export._onnx import _are_ties
from sklearn_softloss.losses import DistributionLoss, IndependentLoss, RegressionLoss, sum_entries

onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("torch_looks_once"),
]

LEAST_OPSET = 18


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


# --- modules of one's own ------------------------------------------------------------------------


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
