"""The type hints serve users: typical use passes `mypy --strict`, and wrong use is found.

The package is found as users have it, by its installation, editable or not.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")

ROOT = Path(__file__).parents[1]
TYPICAL = ROOT / "tests" / "typical_use.py"
WRONG = """\
from sklearn_softloss import MultiLabelSigmoidClassifier, decision
from sklearn_softloss import SoftLossMLPRegressor, SoftTargetMLPClassifier
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.display import QuantileFanDisplay
from sklearn_softloss.losses import Focal, get_loss
from sklearn_softloss.metrics import soft_log_loss
from sklearn_softloss.metrics.scorers import make_scorer
from sklearn_softloss.model_selection import SoftStratifiedKFold, cross_val_predict_proba
from sklearn_softloss.semi_supervised import GraphLabelSpreading

SoftTargetMLPClassifier(dropuot=0.5)
SoftTargetMLPClassifier().fit([[0]], [0], sample_weigth=[1])
MultiLabelSigmoidClassifier().partial_fit([[0]], [[0]], class_=[0])
MultiLabelSigmoidClassifier(max_iter=3).predict_proba()
MultiLabelSigmoidClassifier((8,), "relu", "adamw")
SoftLossMLPRegressor(threshold=0.5)
AnnotatorMLPClassifier(momentum=0.5)
Focal(gama=1.0)
get_loss(3)
soft_log_loss([[1.0]], [[1.0]], weight=[1.0])
make_scorer("soft_log_loss")
SoftStratifiedKFold(n_folds=3)
cross_val_predict_proba(None, [[0.0]], [0], method="predict")
decision.TunedDecisionClassifierCV(None, decision_rule="f1")
decision.optimal_thresholds([0, 1], [0.2, 0.8], target="f1")
GraphLabelSpreading(mode="spread")
QuantileFanDisplay.from_estimator(None, [[0.0]], [0.0], axes=None)
"""


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """What mypy says of each file: its numbers of wrong lines, with the messages."""
    wrong = tmp_path_factory.mktemp("typing") / "wrong_use.py"
    wrong.write_text(WRONG)
    told, trouble, _ = api.run([str(TYPICAL), str(wrong)])
    assert trouble == ""
    found = re.findall(r"(\w+)\.py:(\d+): error: (.*)", told)
    return {
        name: {int(line): message for file, line, message in found if file == name}
        for name in ("typical_use", "wrong_use")
    }


def test_typical_use_passes(errors):
    assert errors["typical_use"] == {}


def test_wrong_use_is_found(errors):
    lines = WRONG.splitlines()
    calls = range(lines.index("") + 2, len(lines) + 1)
    assert list(errors["wrong_use"]) == list(calls)


def test_typical_use_runs():
    subprocess.run(
        [sys.executable, "-W", "error", TYPICAL],
        check=True,
        capture_output=True,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
