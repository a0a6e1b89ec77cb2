"""Runs the models of `train.py` where only onnxruntime and NumPy are installed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnxruntime

for package in ("sklearn", "sklearn_softloss", "torch"):
    assert importlib.util.find_spec(package) is None, f"{package} is installed"
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    rows = np.load(path.with_suffix(".npz"))
    session = onnxruntime.InferenceSession(path)
    label, proba = session.run(["label", "probabilities"], {"X": rows["X"]})
    assert (label == rows["label"]).all(), f"{path.stem}: another label"
    difference = np.abs(proba - rows["probabilities"]).max()
    assert difference <= 1e-6, f"{path.stem}: {difference}"
    print(f"{path.stem}: {len(label)} rows, the same labels, probabilities within {difference:.1e}")
