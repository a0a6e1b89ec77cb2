"""The calibrators that tests run over, so that a new one is tested unasked, and made-up data."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from sklearn_softloss.calibration import (
    BetaCalibration,
    DirichletCalibration,
    IsotonicCalibration,
    PriorShift,
    SigmoidCalibration,
    TemperatureScaling,
    VectorScaling,
)

OF_CLASSES = [
    TemperatureScaling(),
    VectorScaling(),
    DirichletCalibration(),
    SigmoidCalibration(),
    BetaCalibration(),
    IsotonicCalibration(),
    PriorShift(),
]
OF_LABELS = [
    TemperatureScaling(multi_label=True),
    SigmoidCalibration(multi_label=True),
    BetaCalibration(multi_label=True),
    IsotonicCalibration(multi_label=True),
    PriorShift(multi_label=True),
]
EXACT = [TemperatureScaling(), VectorScaling(), DirichletCalibration(0, 0), PriorShift()]
"""Those without a penalty or bounds on truths, for which a soft row is a mixture of hard ones."""


def name(calibrator):
    return type(calibrator).__name__


over_classes = pytest.mark.parametrize("calibrator", OF_CLASSES, ids=name)
over_labels = pytest.mark.parametrize("calibrator", OF_LABELS, ids=name)
over_all = pytest.mark.parametrize("calibrator", OF_CLASSES + OF_LABELS, ids=repr)


def draw_classes(n=600, k=3, seed=0, scale=1.5):
    """Logits of classes, soft truths of a softer softmax, and hard draws from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, scale, (n, k))
    truth = softmax(logits / 1.7 + np.linspace(-0.5, 0.5, k), axis=1)
    drawn = (rng.random((n, 1)) < truth.cumsum(axis=1)).argmax(axis=1)
    return logits, truth, np.eye(k)[drawn]


def draw_labels(n=600, n_labels=4, seed=0):
    """Logits of labels, soft truths, and 0/1 draws from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, n_labels)) + np.linspace(-1, 1, n_labels)
    truth = expit(0.6 * logits - 0.4)
    return logits, truth, (rng.random(truth.shape) < truth).astype(float)


def given_to(calibrator, logits):
    """Probabilities of the calibrator's kind."""
    return expit(logits) if calibrator.multi_label else softmax(logits, axis=1)


def drawn_for(calibrator, **kwargs):
    """Probabilities, soft truths and hard truths of the calibrator's kind."""
    draw = draw_labels if calibrator.multi_label else draw_classes
    logits, soft, hard = draw(**kwargs)
    return given_to(calibrator, logits), soft, hard
