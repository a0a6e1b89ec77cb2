"""scikit-learn's own checks, unmodified: no failure, no expected failure, no skip."""

from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import ESTIMATORS
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.annotators import AnnotatorMLPClassifier

# About their losses and codes, not about the choice of a decay, which test_defaults checks.
VARIANTS = [
    SoftTargetMLPClassifier(loss="binary_cross_entropy", alpha=1.0, label_smoothing=0.1),
    MultiLabelSigmoidClassifier(loss="squared_error", alpha=1.0, target_range=(0.1, 0.9)),
    SoftLossMLPRegressor(loss="quantile", alpha=0.1, quantile=(0.1, 0.5, 0.9)),
]


def run(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"skipped: {reason}")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [Estimator() for Estimator in [*ESTIMATORS, SoftLossMLPRegressor, AnnotatorMLPClassifier]]
)
def test_defaults(estimator, check):
    run(estimator, check)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(VARIANTS)
def test_variants(estimator, check):
    run(estimator, check)
