"""Objects of the wrong kind are refused by an error of ours that says what to do."""

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from skorch.callbacks import GradientNormClipping

from cases import make_soft
from sklearn_softloss import SoftTargetMLPClassifier, decision
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.semi_supervised import SoftPseudoLabelClassifier

AROUND = [SoftCalibratedClassifierCV, TunedDecisionClassifierCV, SoftPseudoLabelClassifier]
RULES = [
    rule()
    for rule in map(vars(decision).get, decision.__all__)
    if isinstance(rule, type)
    and issubclass(rule, decision.DecisionRule)
    and rule not in (decision.DecisionRule, decision.CostMatrix)
]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"module": lambda n_in, n_out: None}, TypeError, "must return a torch.nn.Module"),
        ({"callbacks": [3]}, TypeError, "list of skorch callbacks, .* got 3"),
        ({"callbacks": 3}, TypeError, "list of skorch callbacks, .* got 3"),
        ({"callbacks": [("name", 3)]}, TypeError, r"got \('name', 3\)"),
        ({"callbacks": GradientNormClipping()}, TypeError, "list of skorch callbacks"),
        ({"solver": torch.optim.SparseAdam}, ValueError, "dense gradients"),
        ({"solver": lambda parameters, lr: None}, TypeError, "must make a torch.optim.Optimizer"),
        (
            {"solver": "lbfgs", "callbacks": [GradientNormClipping()]},
            ValueError,
            "may change gradients, which solver='lbfgs' needs",
        ),
    ],
)
def test_parameters(params, error, message):
    X, Y = make_soft()
    with pytest.raises(error, match=message):
        SoftTargetMLPClassifier((4,), max_iter=2, **params).fit(X, Y)


@pytest.mark.parametrize("Around", AROUND)
@pytest.mark.parametrize("estimator", [3, "svc", SoftTargetMLPClassifier])
def test_no_estimator(Around, estimator):
    X, Y = make_soft()
    with pytest.raises(TypeError, match="estimator must be a classifier, an object such as"):
        Around(estimator).fit(X, Y.argmax(axis=1))


@pytest.mark.parametrize("Around", AROUND)
def test_no_probabilities(Around):
    X, Y = make_soft()
    with pytest.raises(ValueError, match="must have predict_proba, which LinearSVC"):
        Around(LinearSVC()).fit(X, Y.argmax(axis=1))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_ragged_rows(rule):
    with pytest.raises(ValueError, match="rows differ in length"):
        rule.fit([[0, 1], [1]] * 10, np.tile([0.3, 0.7], (20, 1)))


def test_a_masked_column_of_truth():
    truth = np.ma.masked_array([[1], [0], [1]], mask=[[False], [True], [False]])
    with pytest.raises(ValueError, match="must not be a masked array: row 1 is masked"):
        decision.optimal_thresholds(truth, np.array([[0.9], [0.2], [0.7]]))
