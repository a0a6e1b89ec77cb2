"""What calibration does to real nets: soft votes, label distributions, label sets; and its speed.

Real data comes from ``--data`` or SOFTLOSS_DATA and is left out, with a message, where there is
none. ``--smoke`` runs everything on small made-up data; ``--write`` writes the page of the docs.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import sklearn
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

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

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "calibration.md"
CLASS_SETS = ("votes/lewidi_md_agreement", "votes/lewidi_hs_brexit", "label_distributions/SBU_3DFE")
LABEL_SETS = ("multilabel/yeast", "multilabel/bibtex")
FOLDS = 5

CAREFUL = {
    "hidden_layer_sizes": (64,),
    "solver": "adamw",
    "beta_2": 0.999,
    "alpha": 1.0,
    "dropout": 0.4,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "max_iter": 12,
    "batch_size": 64,
    "random_state": 0,
}
OVERFITTED = {
    "hidden_layer_sizes": (128,),
    "solver": "adam",
    "beta_2": 0.999,
    "alpha": 0.0,
    "dropout": 0.0,
    "learning_rate": "constant",
    "learning_rate_init": 0.003,
    "max_iter": 60,
    "tol": 0.0,
    "n_iter_no_change": 1000,
    "batch_size": 64,
    "random_state": 0,
}
LABEL_NET = {**OVERFITTED, "max_iter": 30, "learning_rate_init": 0.002}

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


class Data(NamedTuple):
    name: str
    X: Any
    Y: np.ndarray
    train: np.ndarray
    test: np.ndarray


class Result(NamedTuple):
    """Probabilities of the test rows of one net, before and after each method."""

    proba: dict[str, np.ndarray]
    held_out: np.ndarray


# --- data ----------------------------------------------------------------------------------------


def load(folder: Path, name: str) -> Data:
    with np.load(folder / f"{name}.npz") as file:
        parts = {key: file[key] for key in file}
    Y = parts["Y"].astype(np.float64)
    if "X" in parts:
        X = parts["X"]
    else:
        shape = tuple(parts["X_shape"])
        indices = parts["X_indices"].astype(np.int32)
        X = sp.csr_array((parts["X_data"], indices, parts["X_indptr"]), shape=shape)
    if "split" in parts:
        train, test = np.flatnonzero(parts["split"] < 2), np.flatnonzero(parts["split"] == 2)
    elif "train_idx" in parts:
        train, test = parts["train_idx"], parts["test_idx"]
    else:
        test, train = np.split(np.random.default_rng(0).permutation(len(Y)), [len(Y) // 5])
    if not sp.issparse(X):
        X = np.clip((X - X[train].mean(axis=0)) / np.maximum(X[train].std(axis=0), 1e-6), -4, 4)
    return Data(name.split("/")[1], X.astype(np.float32), Y, train, test)


def made_up(labels: bool) -> Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)).astype(np.float32)
    logits = X @ rng.normal(size=(8, 3)) + rng.normal(size=(300, 3))
    Y = (rng.random((300, 3)) < expit(logits)).astype(float) if labels else softmax(logits, axis=1)
    return Data("made up", X, Y, np.arange(200), np.arange(200, 300))


# --- nets and their calibrators -------------------------------------------------------------------


def calibrated(net: Any, data: Data, methods: dict[str, Any]) -> Result:
    """As ``SoftCalibratedClassifierCV(net, method=..., ensemble=False)``, with one set of nets."""
    X, Y = data.X[data.train], data.Y[data.train]
    labels = isinstance(net, MultiLabelSigmoidClassifier)
    folds = (MultiLabelStratifiedKFold if labels else SoftStratifiedKFold)(FOLDS, shuffle=False)
    held_out = cross_val_predict_proba(net, X, Y, cv=list(folds.split(X, Y)))
    before = clone(net).fit(X, Y).predict_proba(data.X[data.test])
    proba = {"before": before}
    for name, method in methods.items():
        proba[name] = clone(method).fit(Y, held_out).predict_proba(before)
    return Result(proba, held_out)


def row_losses(truth: np.ndarray, proba: np.ndarray) -> np.ndarray:
    return -(truth * np.log(proba)).sum(axis=1)


def verdicts(title: str, losses: dict[str, np.ndarray]) -> Iterator[str]:
    """Methods with a higher mean than before, with the standard error of the difference."""
    for name, found in losses.items():
        change = found - losses["before"]
        error = change.std(ddof=1) / np.sqrt(len(change))
        if change.mean() > 0:
            yield f"{title}, {name}: worse by {change.mean():.4f} (standard error {error:.4f})"


# --- the tables -----------------------------------------------------------------------------------


def class_tables(sets: list[Data]) -> Iterator[str]:
    nets = {"careful": CAREFUL, "overfitted": OVERFITTED}
    worse: list[str] = []
    majority = [
        "| set | net | T, majority | T, votes | log loss before | majority | votes | calibration "
        "error before | majority | votes |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data in sets:
        truth = data.Y[data.test]
        found = {
            name: calibrated(SoftTargetMLPClassifier(**params), data, METHODS)
            for name, params in nets.items()
        }
        rows = [
            "| method | careful net: log loss | calibration error | overfitted net: log loss | "
            "calibration error |",
            "|---|---|---|---|---|",
        ]
        for method in ("before", *METHODS):
            cells = [
                f"{score(truth, result.proba[method]):.4f}"
                for result in found.values()
                for score in (soft_log_loss, class_error)
            ]
            rows.append(f"| {method} | {' | '.join(cells)} |")
        yield f"### {data.name}\n\n" + "\n".join(rows)
        for name, result in found.items():
            losses = {method: row_losses(truth, proba) for method, proba in result.proba.items()}
            worse.extend(verdicts(f"{data.name}, {name} net", losses))
            majority.append(majority_row(data, name, result))
    yield "### Majority against votes\n\n" + "\n".join(majority)
    yield from worse_list(worse)


def class_error(truth: np.ndarray, proba: np.ndarray) -> float:
    return expected_calibration_error(truth, proba, kind="classwise")


def majority_row(data: Data, net: str, result: Result) -> str:
    """A temperature fitted to the most frequent vote beside one fitted to all votes."""
    truth, votes, before = data.Y[data.test], data.Y[data.train], result.proba["before"]
    most = np.eye(votes.shape[1])[votes.argmax(axis=1)]
    fits = [TemperatureScaling().fit(target, result.held_out) for target in (most, votes)]
    after = [before, *(fit.predict_proba(before) for fit in fits)]
    cells = [f"{fit.temperature_:.2f}" for fit in fits]
    cells += [f"{soft_log_loss(truth, proba):.4f}" for proba in after]
    cells += [f"{class_error(truth, proba):.4f}" for proba in after]
    return f"| {data.name} | {net} | {' | '.join(cells)} |"


def label_tables(sets: list[Data]) -> Iterator[str]:
    worse: list[str] = []
    for data in sets:
        truth = data.Y[data.test]
        rows = [
            "| method | asymmetric loss: Brier | log loss | calibration error | binary "
            "cross-entropy: Brier | log loss | calibration error |",
            "|---|---|---|---|---|---|---|",
        ]
        found = {
            loss: calibrated(
                MultiLabelSigmoidClassifier(loss=loss, **LABEL_NET), data, LABEL_METHODS
            ).proba
            for loss in ("asymmetric", "binary_cross_entropy")
        }
        for method in ("before", *LABEL_METHODS):
            cells = [
                f"{multilabel_brier_score(truth, proba[method]):.4f} | "
                f"{multilabel_log_loss(truth, proba[method]):.4f} | "
                f"{expected_calibration_error(truth, proba[method], kind='labelwise'):.4f}"
                for proba in found.values()
            ]
            rows.append(f"| {method} | {' | '.join(cells)} |")
        yield f"### {data.name}\n\n" + "\n".join(rows)
        for loss, proba in found.items():
            squares = {m: np.square(p - truth).mean(axis=1) for m, p in proba.items()}
            worse.extend(verdicts(f"{data.name}, {loss}", squares))
    yield from worse_list(worse)


def worse_list(worse: list[str]) -> Iterator[str]:
    yield "Not better than before:\n\n" + "\n".join(f"- {line}" for line in worse or ["none"])


def speed_table(n_rows: int, n_label_rows: int, n_labels: int) -> str:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, (n_rows, 10))
    truth = softmax(logits / 2, axis=1)
    hard = np.eye(10)[(rng.random((n_rows, 1)) < truth.cumsum(axis=1)).argmax(axis=1)]
    rows = ["| method | truths | fit, s | predict_proba, s |", "|---|---|---|---|"]
    for name, method in METHODS.items():
        rows.append(timed(name, f"{n_rows} x 10", method, hard, softmax(logits, axis=1)))
    # Rare and frequent labels, some of which have no positive at all.
    logits = 2 * (rng.normal(0, 2, (n_label_rows, n_labels)) + rng.uniform(-11, 0, n_labels))
    sets = sp.csr_array((rng.random(logits.shape) < expit(logits / 2)).astype(np.int8))
    shape = f"{n_label_rows} x {n_labels} label sets"
    for name, method in LABEL_METHODS.items():
        rows.append(timed(name, shape, method, sets, expit(logits)))
    return "\n".join(rows)


def timed(name: str, shape: str, method: Any, truth: Any, proba: np.ndarray) -> str:
    start = time.perf_counter()
    fitted = clone(method).fit(truth, proba)
    middle = time.perf_counter()
    fitted.predict_proba(proba)
    seconds = f"{middle - start:.2f} | {time.perf_counter() - middle:.2f}"
    return f"| {name} | {shape} | {seconds} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("SOFTLOSS_DATA"), help="folder of data")
    parser.add_argument("--smoke", action="store_true", help="small made-up data")
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if options.smoke:
        class_sets, label_sets = [made_up(labels=False)], [made_up(labels=True)]
    elif options.data:
        folder = Path(options.data)
        class_sets = [load(folder, name) for name in CLASS_SETS]
        label_sets = [load(folder, name) for name in LABEL_SETS]
    else:
        print("No real data: pass --data or set SOFTLOSS_DATA.")
        class_sets = label_sets = []
    sizes = (1000, 500, 20) if options.smoke else (100_000, 20_000, 1000)
    parts = []
    for part in pages(class_sets, label_sets, sizes):
        print(part, end="\n\n", flush=True)
        parts.append(part)
    if options.write:
        PAGE.write_text("\n\n".join([introduction(), *parts]) + "\n")


def pages(
    class_sets: list[Data], label_sets: list[Data], sizes: tuple[int, int, int]
) -> Iterator[str]:
    if class_sets:
        yield "## Votes and label distributions"
        yield from class_tables(class_sets)
        yield "## Label sets"
        yield from label_tables(label_sets)
    yield "## Speed"
    yield speed_table(*sizes)


def introduction() -> str:
    return (
        "# Calibration\n\nWritten by `examples/benchmarks/calibration.py --write`, "
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, numpy {np.__version__}, scikit-learn "
        f"{sklearn.__version__}.\n\nEach net is fitted to the training rows; the calibrator is "
        f"fitted to its out-of-fold probabilities ({FOLDS} folds), as `SoftCalibratedClassifierCV("
        "net, ensemble=False)` does, and everything is measured on the test rows. Log loss is the "
        "mean soft log loss in nats, whose floor is the entropy of the votes; calibration errors "
        "are class-wise or label-wise, with 15 bins. `prior_shift` moves to the prior of the "
        "training rows, which a net trained on them has nearly: it shows what offsets alone do."
    )


if __name__ == "__main__":
    main()
