"""Trainings that two processes and one must end alike: estimators with rows cut into shards."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from torch import nn

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)

N, CUT = 90, 31
"""Rows, and where the second shard begins."""

draw = np.random.RandomState(0)
X = draw.normal(size=(N, 6)) * [1, 10, 0.1, 1, 1, 1] + [0, 3, 0, 0, 0, 0]
X[:, 5] = np.where(draw.uniform(size=N) < 0.1, 1.0, 0.0)
SPARSE = sp.random_array((N, 200), density=0.03, format="csr", rng=draw)
SCORES = X[:, :3] / X[:, :3].std(axis=0) + 0.3 * draw.normal(size=(N, 3))
LABELS = np.array(["a", "b", "c"])[SCORES.argmax(axis=1)]
SORTED = np.sort(LABELS)  # the first shard holds no "c"
SOFT = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
SETS = (SCORES > 0.3).astype(float)
KNOWN = np.where(draw.uniform(size=SETS.shape) < 0.2, np.nan, SETS)
KNOWN[:CUT] = np.where(np.isnan(KNOWN[:CUT]), 0.0, KNOWN[:CUT])  # unknown in one shard alone
NUMBERS = SCORES @ [3.0, 1.0, -1.0] + 50
WEIGHT = draw.uniform(0, 2, size=N)
WEIGHT[::7] = 0
ROWS = np.arange(N)
TABLE = pd.DataFrame(
    {
        "size": X[:, 0],
        "gap": np.where((ROWS >= CUT) & (ROWS % 4 == 0), np.nan, X[:, 1]),  # in one shard alone
        "count": pd.array(np.where(ROWS % 7, ROWS % 5, None).tolist(), dtype="Int64"),
        "city": np.where(ROWS < CUT, "lima", np.where(ROWS % 2, "oslo", None)),
        "late": np.where(ROWS < CUT, None, np.where(ROWS % 3, "new", "old")),
        "grade": pd.Categorical(np.where(ROWS % 3, ROWS % 4, -1)),
        "zip": [f"z{row % 80}" for row in ROWS],  # more levels than have an entry of their own
        "empty": pd.Series([None] * N, dtype=object),
    }
)
FULL = dict(batch_size=N, random_state=0, dtype="float64", max_iter=12, alpha=0.1)


class Module(nn.Module):
    """A net of the user's own; one of its layers gets no gradient."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, 8), nn.Tanh(), nn.Linear(8, n_outputs))
        self.unused = nn.Linear(2, 2)

    def forward(self, X):
        return self.layers(X)


def soft(*sizes, **params):
    return SoftTargetMLPClassifier(sizes or (16, 8), **{**FULL, **params})


def label_sets(**params):
    return MultiLabelSigmoidClassifier((16,), **{**FULL, **params})


def numbers(**params):
    return SoftLossMLPRegressor((16,), **{**FULL, **params})


CASES = {
    **{f"solver {name}": (soft(solver=name), X, LABELS, {}) for name in ("adamw", "adam", "sgd")},
    "solver lbfgs": (soft(solver="lbfgs"), X, LABELS, {}),
    "linear model": (soft(solver="lbfgs").set_params(hidden_layer_sizes=()), X, SOFT, {}),
    "classes of one shard": (soft(), X, SORTED, {}),
    "class weights": (soft(class_weight="balanced"), X, SORTED, {"sample_weight": WEIGHT}),
    "weights": (soft(solver="adam"), X, SOFT, {"sample_weight": WEIGHT}),
    "weights under lbfgs": (soft(solver="lbfgs"), X, SOFT, {"sample_weight": WEIGHT}),
    "dropout": (soft(dropout=0.5), X, LABELS, {}),
    "no standardisation": (soft(encoding=None), X, LABELS, {}),
    "early stopping": (
        soft(early_stopping=True, validation_fraction=0.3, n_iter_no_change=3),
        X,
        LABELS,
        {},
    ),
    "early stopping of lbfgs on soft rows": (
        soft(solver="lbfgs", early_stopping=True, validation_fraction=0.3),
        X,
        SOFT,
        {"sample_weight": WEIGHT},
    ),
    "prior": (soft(loss="logit_adjusted_cross_entropy"), X, SORTED, {}),
    "auto": (SoftTargetMLPClassifier((16,), batch_size=N, random_state=0), X, LABELS, {}),
    "auto of free label sets": (
        MultiLabelSigmoidClassifier(batch_size=N, random_state=0),
        X,
        KNOWN,
        {"sample_weight": WEIGHT},
    ),
    "auto of free numbers": (SoftLossMLPRegressor(batch_size=N, random_state=0), X, NUMBERS, {}),
    "auto, with rows to validate": (
        SoftTargetMLPClassifier(
            (16,), batch_size=N, early_stopping=True, validation_fraction=0.3, random_state=0
        ),
        X,
        LABELS,
        {},
    ),
    "sparse rows": (soft(), SPARSE, LABELS, {}),
    "wide sparse rows": (
        SoftTargetMLPClassifier(random_state=0),
        sp.hstack([SPARSE, sp.csr_array((N, 5000))], format="csr"),
        SOFT,
        {},
    ),
    "module": (soft(module=Module), X, LABELS, {}),
    "module under lbfgs": (soft(module=Module, solver="lbfgs"), X, LABELS, {}),
    "module with a penalty": (soft(module=Module, solver="adam"), X, LABELS, {}),
    "label sets": (label_sets(), X, SETS, {"sample_weight": WEIGHT}),
    "unknown labels": (label_sets(class_weight="balanced"), X, KNOWN, {}),
    "weights of labels": (label_sets(), X, KNOWN, {"label_weight": 1 + SETS}),
    "two classes": (label_sets(solver="lbfgs"), X, np.sort(SETS[:, 0]).astype(int), {}),
    "sparse label sets": (label_sets(), X, sp.csr_array(SETS), {}),
    "numbers": (numbers(), X, NUMBERS, {"sample_weight": WEIGHT}),
    "quantiles": (numbers(loss="quantile", quantile=[0.1, 0.5, 0.9]), X, NUMBERS, {}),
    "a scale": (numbers(loss="gaussian"), X, NUMBERS, {}),
    "a table": (soft(), TABLE, LABELS, {"sample_weight": WEIGHT}),
    "a table on bent columns": (numbers(encoding="piecewise"), TABLE, NUMBERS, {}),
    "a table as it is": (soft(encoding=None, solver="lbfgs"), TABLE, SOFT, {}),
    "auto of a table": (
        SoftTargetMLPClassifier((16,), batch_size=N, random_state=0),
        TABLE,
        LABELS,
        {},
    ),
}


def shard(values, rank):
    """The rows of one of two processes."""
    return values[CUT:] if rank else values[:CUT]


def weights(estimator):
    """All that was trained, by name."""
    return {name: value.numpy() for name, value in estimator.net_.module_.state_dict().items()}
