"""A warning points to the user's own line, through decorators, searches and pipelines."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases import make_labels, make_soft, multi, soft
from sklearn_softloss import SoftLossMLPRegressor
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV, optimal_thresholds
from sklearn_softloss.metrics import multilabel_average_precision_score, multilabel_report
from sklearn_softloss.model_selection import MultiLabelStratifiedKFold, SoftStratifiedGroupKFold
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

X, Y = make_labels(n=60)
X_SOFT, Y_SOFT = make_soft(n=60)
FULL = np.where(np.arange(Y.shape[1]) == 1, 1, Y)
PROBA = np.full(Y.shape, 0.5)
ALONE = np.where(np.arange(60) < 58, 0.0, 100.0)[:, None]
FAR = np.where(np.arange(60) < 58, np.arange(60) % 2, -1)


def ends_in_probabilities(n_features, n_outputs):
    return torch.nn.Sequential(torch.nn.Linear(n_features, n_outputs), torch.nn.Softmax(-1))


WARNINGS = {
    "1 in every row": lambda: multi().fit(X, FULL),
    "1 in every row ": lambda: multi().fit(X, sp.csr_array(FULL)),
    "1 in every row  ": lambda: optimal_thresholds(FULL, PROBA),
    "1 in every row   ": lambda: multilabel_report(FULL, PROBA),
    "1 in every row    ": lambda: TunedDecisionClassifierCV(multi(), cv=2).fit(X, FULL),
    "batch_size=100": lambda: soft(batch_size=100).fit(X_SOFT, Y_SOFT),
    "batch_size=100 ": lambda: soft(batch_size=100).partial_fit(X_SOFT, Y_SOFT),
    "batch_size=100  ": lambda: make_pipeline(StandardScaler(), soft(batch_size=100)).fit(
        X, Y_SOFT
    ),
    "batch_size=100   ": lambda: cross_val_score(
        soft(batch_size=100), X_SOFT, Y_SOFT.argmax(axis=1), cv=2
    ),
    "batch_size=100    ": lambda: GridSearchCV(
        soft(batch_size=100), {"alpha": [0.1]}, cv=2, refit=False
    ).fit(X_SOFT, Y_SOFT.argmax(axis=1)),
    "Maximum iterations": lambda: soft(learning_rate="constant").fit(X_SOFT, Y_SOFT),
    "Maximum iterations ": lambda: SoftLossMLPRegressor(
        (4,), max_iter=2, learning_rate="constant", random_state=0
    ).fit(X_SOFT, X_SOFT[:, 0]),
    "are probabilities": lambda: soft(module=ends_in_probabilities).fit(X_SOFT, Y_SOFT),
    "takes no sample_weight": lambda: SoftCalibratedClassifierCV(
        make_pipeline(RandomForestClassifier(5)), cv=2
    ).fit(X_SOFT, Y_SOFT.argmax(axis=1), sample_weight=np.ones(60)),
    "among their known entries": lambda: multilabel_average_precision_score(
        0 * Y, PROBA, average="macro"
    ),
    "groups parameter is ignored": lambda: next(
        MultiLabelStratifiedKFold(2).split(X, Y, np.arange(60))
    ),
    "fewer groups": lambda: next(
        SoftStratifiedGroupKFold(3).split(X, np.arange(60) > 57, np.arange(60) // 3)
    ),
    "Every row of y has a label": lambda: SoftPseudoLabelClassifier(soft()).fit(
        X_SOFT, Y_SOFT.argmax(axis=1)
    ),
    "too small to be scaled": lambda: soft(encoding="standard").fit(
        X_SOFT * [1, 1e-200, 1, 1, 1], Y_SOFT
    ),
    "have no known entry": lambda: multi().fit(X, np.where([True, False] * 2, Y, np.nan)),
    "lie far outside": lambda: soft(early_stopping=True).fit(
        X_SOFT, Y_SOFT, X_val=X_SOFT + 50, y_val=Y_SOFT
    ),
    "is the weight decay": lambda: SoftLossMLPRegressor(
        (4,), max_iter=2, loss="quantile", alpha=0.1, random_state=0
    ).fit(X_SOFT, X_SOFT[:, 0]),
    "A column-vector y": lambda: multi().fit(X, Y[:, :1]),
    "A column-vector y ": lambda: SoftLossMLPRegressor((4,), max_iter=2).fit(X, X[:, :1]),
    "No label reaches": lambda: GraphLabelSpreading(n_neighbors=1).fit(ALONE, FAR),
}


@pytest.mark.parametrize("message", WARNINGS)
def test_a_warning_points_to_the_users_line(message):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        WARNINGS[message]()
    ours = [warning for warning in told if message.strip() in str(warning.message)]
    assert ours, [str(warning.message) for warning in told]
    assert {warning.filename for warning in ours} == {__file__}


def test_each_line_that_fits_is_warned_of():
    """As Python's own filter shows warnings, once a line."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        multi().fit(X, FULL)
        multi().fit(X, FULL)
    assert len([w for w in told if "1 in every row" in str(w.message)]) == 2
