"""What else was tried as defaults: one change at a time, on the quick ones of the real sets.

The defaults were chosen on these data, so the table says what each choice is worth here, not what
it will be worth elsewhere. ``--write`` writes a page for the docs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import label_ranking_average_precision_score, log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils._testing import ignore_warnings
from torch import nn

from harness import data_folder, line, machine, parser, scaled, table, write_page
from harness.data import Split, as_dense, label_distributions, multilabel
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss._training import mlp
from sklearn_softloss.metrics import chebyshev_distance, kl_divergence, multilabel_log_loss


def dropout_by_entry(n_features: int, n_outputs: int) -> nn.Module:
    """The default net, with torch's dropout: one draw an entry."""
    hidden = SoftTargetMLPClassifier().hidden_layer_sizes
    net = mlp.MLP([n_features, *hidden, n_outputs], "relu", 0.5)
    return nn.Sequential(net[0], net[1], nn.Dropout(0.5), net[3])


MLP_TRAINING = {
    "hidden_layer_sizes": (100,), "solver": "adam", "dropout": 0.0, "batch_size": 200,
    "learning_rate": "constant", "learning_rate_init": 0.001, "beta_2": 0.999, "max_iter": 200,
}  # fmt: skip
ONE_CYCLE = {
    "hidden_layer_sizes": (512,), "learning_rate": "one_cycle", "learning_rate_init": 0.004,
    "max_iter": 40, "beta_2": 0.999,
}  # fmt: skip
LARGE_LOGITS = "scikit-learn's first weights"
CUTS = {
    "no cut at three standard deviations": np.inf,
    "cut at 2 standard deviations": 2.0,
    "cut at 4 standard deviations": 4.0,
}
CHANGES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "one dropout draw an entry": {"module": dropout_by_entry},
    "no dropout": {"dropout": 0.0},
    "dropout 0.3": {"dropout": 0.3},
    "decay 0.01": {"alpha": 0.01},
    "decay 0.3": {"alpha": 0.3},
    "decay 2": {"alpha": 2.0},
    "rate 0.002": {"learning_rate_init": 0.002},
    "rate 0.01": {"learning_rate_init": 0.01},
    "one-cycle rate": {"learning_rate": "one_cycle"},
    "16 epochs": {"max_iter": 16},
    "64 epochs": {"max_iter": 64},
    "batches of 64": {"batch_size": 64},
    "100 units": {"hidden_layer_sizes": (100,)},
    "256 units": {"hidden_layer_sizes": (256,)},
    "two layers of 448": {"hidden_layer_sizes": (448, 448)},
    "beta_2 0.999": {"beta_2": 0.999},
    "512 units, one-cycle rate to 0.004, 40 epochs, beta_2 0.999": ONE_CYCLE,
    "tanh": {"activation": "tanh"},
    "mean of four nets": {},
    **{name: {} for name in CUTS},
    LARGE_LOGITS: {},
    "the training of MLPClassifier": MLP_TRAINING,
}


def proba(Estimator: Any, change: str, X: Any, Y: Any, X_test: Any) -> Any:
    """Mean probability of the fits that a change asks for."""
    params = {**CHANGES[change]}
    if "batch_size" in params:
        params["batch_size"] = min(params["batch_size"], len(X))
    n_nets = 4 if change == "mean of four nets" else 1
    total = 0
    for seed in range(n_nets):
        clf = Estimator(**params, random_state=seed)
        model = scaled(clf, CUTS[change]) if change in CUTS else scaled(clf)
        size = 1.0 if change == LARGE_LOGITS else mlp.FRESH_LOGITS
        with patch.object(mlp, "FRESH_LOGITS", size):
            model.fit(X, Y)
        total = total + model.predict_proba(X_test)
    return total / n_nets


def distribution_scores(folder: Path, name: str, change: str) -> list[float]:
    """KL and Chebyshev, mean over five of the ten folds."""
    X, Y = label_distributions(folder, name)
    X, found = X.astype(np.float32), []
    for train, test in list(KFold(10).split(X))[::2]:
        predicted = proba(SoftTargetMLPClassifier, change, X[train], Y[train], X[test])
        found.append([kl_divergence(Y[test], predicted), chebyshev_distance(Y[test], predicted)])
    return np.mean(found, axis=0).tolist()


def label_set_scores(data: Split, change: str) -> list[float]:
    """Ranking average precision and log loss on the test rows."""
    X, X_test = as_dense(data.X), as_dense(data.X_test)
    predicted = proba(MultiLabelSigmoidClassifier, change, X, data.Y, X_test)
    return [
        float(label_ranking_average_precision_score(data.Y_test, predicted)),
        float(multilabel_log_loss(data.Y_test, predicted)),
    ]


def hard_label_score(load: Any, change: str) -> float:
    X, y = load(return_X_y=True)
    losses = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        found = proba(SoftTargetMLPClassifier, change, X[train], y[train], X[test])
        losses.append(log_loss(y[test], found))
    return float(np.mean(losses))


DISTRIBUTIONS = ("SJAFFE", "SBU_3DFE", "Yeast_spo")
LABEL_SETS = ("emotions", "yeast", "scene", "medical")
HARD_LABELS = {"iris": load_iris, "digits": load_digits}
COLUMNS = [
    *(f"{name} {score}" for name in DISTRIBUTIONS for score in ("KL", "Chebyshev")),
    *(f"{name} {score}" for name in LABEL_SETS for score in ("precision", "log loss")),
    *(f"{name} log loss" for name in HARD_LABELS),
]


def scores(folder: Path, change: str) -> list[float]:
    found = [x for name in DISTRIBUTIONS for x in distribution_scores(folder, name, change)]
    sets = [multilabel(folder, name).in_float32() for name in LABEL_SETS]
    found += [x for data in sets for x in label_set_scores(data, change)]
    return found + [hard_label_score(load, change) for load in HARD_LABELS.values()]


@ignore_warnings(category=ConvergenceWarning)  # of the training of MLPClassifier
def main() -> None:
    options = parser(__doc__).parse_args()
    if options.smoke:
        X, Y = make_multilabel_classification(80, n_classes=3, random_state=0)
        for change in CHANGES:
            print(change, proba(MultiLabelSigmoidClassifier, change, X, Y, X).shape)
        return
    if (folder := data_folder(options)) is None:
        return
    rows = []
    for change in CHANGES:
        rows.append([change, *scores(folder, change)])
        print(line(rows[-1]), flush=True)
    if options.write:
        write_page(
            "defaults",
            "# What was tried as defaults",
            f"Written by `examples/benchmarks/defaults.py --write` ({machine()}). One change at a "
            "time from the default parameters, but where several are named; one seed. KL (nats), "
            "Chebyshev and log loss (nats): lower is better; precision is the label ranking "
            "average precision: higher is better. Distributions: five of the ten folds; label "
            "sets: the publishers' test rows; iris and digits: five folds. The defaults were "
            "chosen on these data and on the larger sets of the pages beside this one.",
            table(["change", *COLUMNS], rows),
        )


if __name__ == "__main__":
    main()
