"""What calibration does to real nets: soft votes, label distributions, label sets; and its speed.

Real data comes from ``--data`` or SOFTLOSS_DATA and is left out, with a message, where there is
none. ``--smoke`` runs everything on small made-up data; ``--write`` writes the page of the docs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from harness import data_folder, machine, median_seconds, parser, table, write_page
from harness.data import Split, label_distributions, multilabel, votes
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier, calibration
from sklearn_softloss.calibration import TemperatureScaling
from sklearn_softloss.metrics import (
    expected_calibration_error,
    multilabel_brier_score,
    multilabel_log_loss,
    soft_log_loss,
)
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    cross_val_predict_proba,
)

VOTES = ("lewidi_md_agreement", "lewidi_hs_brexit")
DISTRIBUTIONS = ("SBU_3DFE",)
LABEL_SETS = ("yeast", "bibtex")
FOLDS = 5
REPEATS = 3

CAREFUL = {
    "hidden_layer_sizes": (64,), "solver": "adamw", "beta_2": 0.999, "alpha": 1.0, "dropout": 0.4,
    "learning_rate": "one_cycle", "learning_rate_init": 0.004, "max_iter": 12, "batch_size": 64,
    "random_state": 0,
}  # fmt: skip
OVERFITTED = {
    "hidden_layer_sizes": (128,), "solver": "adam", "beta_2": 0.999, "alpha": 0.0, "dropout": 0.0,
    "learning_rate": "constant", "learning_rate_init": 0.003, "max_iter": 60, "tol": 0.0,
    "n_iter_no_change": 1000, "batch_size": 64, "random_state": 0,
}  # fmt: skip
LABEL_NET = {**OVERFITTED, "max_iter": 30, "learning_rate_init": 0.002}
CLASS_NETS = {
    "careful net": SoftTargetMLPClassifier(**CAREFUL),
    "overfitted net": SoftTargetMLPClassifier(**OVERFITTED),
}
LABEL_NETS = {
    "asymmetric loss": MultiLabelSigmoidClassifier(loss="asymmetric", **LABEL_NET),
    "binary cross-entropy": MultiLabelSigmoidClassifier(loss="binary_cross_entropy", **LABEL_NET),
}

METHODS = {
    "temperature": calibration.TemperatureScaling(),
    "vector": calibration.VectorScaling(),
    "dirichlet": calibration.DirichletCalibration(),
    "sigmoid": calibration.SigmoidCalibration(),
    "beta": calibration.BetaCalibration(),
    "isotonic": calibration.IsotonicCalibration(),
    "prior_shift": calibration.PriorShift(),
}
LABEL_METHODS = {
    name: clone(method).set_params(multi_label=True)
    for name, method in METHODS.items()
    if name not in ("vector", "dirichlet")
}


class_error = partial(expected_calibration_error, kind="classwise")
label_error = partial(expected_calibration_error, kind="labelwise")


class Result(NamedTuple):
    """Probabilities of the test rows of one net, before and after each method."""

    proba: dict[str, np.ndarray]
    held_out: np.ndarray


# --- data ----------------------------------------------------------------------------------------


def fifth_left_out(folder: Path, name: str) -> Split:
    """Label distributions have no split of their publisher."""
    X, Y = label_distributions(folder, name)
    test, train = np.split(np.random.default_rng(0).permutation(len(Y)), [len(Y) // 5])
    return Split(X[train], Y[train], X[test], Y[test])


def standardised(data: Split) -> Split:
    """Dense features by the training rows, cut at four standard deviations."""
    if not sp.issparse(data.X):
        mean, scale = data.X.mean(axis=0), np.maximum(data.X.std(axis=0), 1e-6)
        X, X_test = (np.clip((X - mean) / scale, -4, 4) for X in (data.X, data.X_test))
        data = data._replace(X=X, X_test=X_test)
    return data.in_float32()


def made_up(labels: bool) -> Split:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)).astype(np.float32)
    logits = X @ rng.normal(size=(8, 3)) + rng.normal(size=(300, 3))
    Y = (rng.random((300, 3)) < expit(logits)).astype(float) if labels else softmax(logits, axis=1)
    return Split(X[:200], Y[:200], X[200:], Y[200:])


# --- nets and their calibrators -------------------------------------------------------------------


def calibrated(net: Any, data: Split, methods: dict[str, Any]) -> Result:
    """As ``SoftCalibratedClassifierCV(net, method=..., ensemble=False)``, with one set of nets."""
    X, Y = data.X, data.Y
    labels = isinstance(net, MultiLabelSigmoidClassifier)
    folds = (MultiLabelStratifiedKFold if labels else SoftStratifiedKFold)(FOLDS, shuffle=False)
    held_out = cross_val_predict_proba(net, X, Y, cv=list(folds.split(X, Y)))
    before = clone(net).fit(X, Y).predict_proba(data.X_test)
    proba = {"before": before}
    for name, method in methods.items():
        proba[name] = clone(method).fit(Y, held_out).predict_proba(before)
    return Result(proba, held_out)


def table_of_scores(truth: np.ndarray, found: dict[str, Result], scores: dict[str, Any]) -> str:
    """Methods below each other, nets and their scores beside each other."""
    first, *rest = scores
    heads = [head for net in found for head in (f"{net}: {first}", *rest)]
    rows = []
    for method in next(iter(found.values())).proba:
        pairs = [(result.proba[method], s) for result in found.values() for s in scores.values()]
        rows.append([method, *(score(truth, proba) for proba, score in pairs)])
    return table(["method", *heads], rows)


def verdicts(title: str, losses: dict[str, np.ndarray]) -> Iterator[str]:
    """Methods with a higher mean than before, with the standard error of the difference."""
    for name, found in losses.items():
        change = found - losses["before"]
        error = change.std(ddof=1) / np.sqrt(len(change))
        if change.mean() > 0:
            yield f"- {title}, {name}: worse by {change.mean():.4f} (standard error {error:.4f})"


# --- the tables -----------------------------------------------------------------------------------


def class_tables(sets: dict[str, Split]) -> Iterator[str]:
    scores = {"log loss": soft_log_loss, "calibration error": class_error}
    worse, majority = [], []
    for title, data in sets.items():
        found = {name: calibrated(net, data, METHODS) for name, net in CLASS_NETS.items()}
        yield f"### {title}"
        yield table_of_scores(data.Y_test, found, scores)
        for name, result in found.items():
            losses = {m: -(data.Y_test * np.log(p)).sum(axis=1) for m, p in result.proba.items()}
            worse += verdicts(f"{title}, {name}", losses)
            majority.append([title, name.removesuffix(" net"), *majority_row(data, result)])
    heads = ["set", "net", "T, majority", "T, votes", "log loss before", "majority", "votes"]
    yield "### Majority against votes"
    yield table([*heads, "calibration error before", "majority", "votes"], majority)
    yield "Not better than before:"
    yield "\n".join(worse or ["- none"])


def majority_row(data: Split, result: Result) -> list[Any]:
    """A temperature fitted to the most frequent vote beside one fitted to all votes."""
    before = result.proba["before"]
    most = np.eye(data.Y.shape[1])[data.Y.argmax(axis=1)]
    fits = [TemperatureScaling().fit(target, result.held_out) for target in (most, data.Y)]
    after = [before, *(fit.predict_proba(before) for fit in fits)]
    scores = [score(data.Y_test, p) for score in (soft_log_loss, class_error) for p in after]
    return [*(f"{fit.temperature_:.2f}" for fit in fits), *scores]


def label_tables(sets: dict[str, Split]) -> Iterator[str]:
    scores = {"Brier": multilabel_brier_score, "log loss": multilabel_log_loss}
    scores["calibration error"] = label_error
    worse = []
    for title, data in sets.items():
        found = {name: calibrated(net, data, LABEL_METHODS) for name, net in LABEL_NETS.items()}
        yield f"### {title}"
        yield table_of_scores(data.Y_test, found, scores)
        for name, result in found.items():
            squares = {m: np.square(p - data.Y_test).mean(axis=1) for m, p in result.proba.items()}
            worse += verdicts(f"{title}, {name}", squares)
    yield "Not better than before:"
    yield "\n".join(worse or ["- none"])


def speed_table(n_rows: int, n_label_rows: int, n_labels: int) -> str:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (n_rows, 10))
    truth = softmax(logits / 2, axis=1)
    hard = np.eye(10)[(rng.random((n_rows, 1)) < truth.cumsum(axis=1)).argmax(axis=1)]
    proba = softmax(logits, axis=1)
    rows = [
        [name, f"{n_rows} x 10", *seconds(method, hard, proba)] for name, method in METHODS.items()
    ]
    # Rare and frequent labels, some of which have no positive at all.
    logits = 2 * (rng.normal(0, 2, (n_label_rows, n_labels)) + rng.uniform(-11, 0, n_labels))
    sets = sp.csr_array((rng.random(logits.shape) < expit(logits / 2)).astype(np.int8))
    shape = f"{n_label_rows} x {n_labels} label sets"
    proba = expit(logits)
    rows += [[name, shape, *seconds(method, sets, proba)] for name, method in LABEL_METHODS.items()]
    return table(["method", "truths", "fit, s", "predict_proba, s"], rows, digits=2)


def seconds(method: Any, truth: Any, proba: np.ndarray) -> list[float]:
    """Of the fit and of `predict_proba`."""
    method = clone(method)
    fit = median_seconds(lambda: method.fit(truth, proba), REPEATS)
    return [fit, median_seconds(lambda: method.predict_proba(proba), REPEATS)]


def main() -> None:
    options = parser(__doc__).parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    class_sets, label_sets, sizes = {}, {}, (100_000, 20_000, 1000)
    if options.smoke:
        sizes = (1000, 500, 20)
        class_sets, label_sets = {"made up": made_up(False)}, {"made up": made_up(True)}
    elif (folder := data_folder(options)) is not None:
        class_sets = {name: standardised(votes(folder, name)) for name in VOTES}
        class_sets |= {name: standardised(fifth_left_out(folder, name)) for name in DISTRIBUTIONS}
        label_sets = {name: standardised(multilabel(folder, name)) for name in LABEL_SETS}
    parts = []
    for part in page(class_sets, label_sets, sizes):
        print(part, end="\n\n", flush=True)
        parts.append(part)
    if options.write:
        write_page("calibration", *introduction(), *parts)


def page(
    class_sets: dict[str, Split], label_sets: dict[str, Split], sizes: tuple[int, int, int]
) -> Iterator[str]:
    if class_sets:
        yield "## Votes and label distributions"
        yield from class_tables(class_sets)
        yield "## Label sets"
        yield from label_tables(label_sets)
    yield "## Speed"
    yield speed_table(*sizes)


def introduction() -> tuple[str, ...]:
    return (
        "# Calibration",
        f"Written by `examples/benchmarks/calibration.py --write`, {machine()}.",
        "Each net is fitted to the training rows; the calibrator is fitted to its out-of-fold "
        f"probabilities ({FOLDS} folds), as `SoftCalibratedClassifierCV(net, ensemble=False)` "
        "does, and everything is measured on the test rows. Log loss is the mean soft log loss in "
        "nats, whose floor is the entropy of the votes; calibration errors are class-wise or "
        "label-wise, with 15 bins. `prior_shift` moves to the prior of the training rows, which a "
        "net trained on them has nearly: it shows what offsets alone do. Seconds are the median "
        f"of {REPEATS} calls.",
    )


if __name__ == "__main__":
    main()
