"""Writes ONNX models, rows and the labels that the estimators predict, for `predict.py`."""

import sys
from pathlib import Path

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import Thresholds, TunedDecisionClassifierCV
from sklearn_softloss.export import to_onnx


def models():
    X, y = load_digits(return_X_y=True)
    net = make_pipeline(
        StandardScaler(), SoftTargetMLPClassifier((32,), max_iter=10, random_state=0)
    )
    yield "digits", SoftCalibratedClassifierCV(net, cv=2), X.astype(np.float32), y.astype(str)
    calibrated = CalibratedClassifierCV(net, cv=2)
    yield "calibrated", calibrated, X.astype(np.float32), y.astype(str)
    tuned = TunedThresholdClassifierCV(net, cv=2, scoring="balanced_accuracy")
    yield "threshold", tuned, X.astype(np.float32), np.where(y == 8, "eight", "other")
    X, Y = make_multilabel_classification(1000, n_classes=6, random_state=0)
    net = MultiLabelSigmoidClassifier((32,), max_iter=10, random_state=0)
    rule = Thresholds(min_labels=1)
    yield "labels", TunedDecisionClassifierCV(net, rule, cv=2, random_state=0), X, Y


folder = Path(sys.argv[1])
for name, model, X, y in models():
    model.fit(X, y)
    (folder / f"{name}.onnx").write_bytes(to_onnx(model, X).SerializeToString())
    np.savez(
        folder / f"{name}.npz", X=X, label=model.predict(X), probabilities=model.predict_proba(X)
    )
