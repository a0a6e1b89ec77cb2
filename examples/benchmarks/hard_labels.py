"""Hard labels beside MLPClassifier, and vote shares beside majority votes; all with defaults.

``--write`` writes a page for the docs; ``--smoke`` runs less. The votes need ``--data``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._testing import ignore_warnings

from harness import data_folder, line, machine, parser, table, timed, write_page
from harness.data import Split, votes
from sklearn_softloss import SoftTargetMLPClassifier

LOADERS = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
}
LOGISTIC = {
    "hidden_layer_sizes": (), "encoding": None, "solver": "lbfgs", "alpha": 1.0,
    "max_iter": 1000,
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "no hidden layer, lbfgs, alpha=1": LOGISTIC,
    "defaults, early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "defaults": {},
}
VOTES = ("lewidi_md_agreement", "lewidi_hs_brexit")
N_FOLDS, N_REPEATS = 5, 4
N_RESAMPLES = 2000
SEEDS = (0, 1, 2)


def interval(differences: Any, correction: float = 0.0) -> list[str]:
    """Mean and 95 % interval; the correction is for folds that share training rows."""
    n = len(differences)
    half = 1.96 * np.sqrt((1 / n + correction) * np.var(differences, ddof=1))
    mean = np.mean(differences)
    word = "tie" if abs(mean) <= half else ("better" if mean > 0 else "worse")
    return [f"{mean:+.4f} +- {half:.4f}", word]


# --- hard labels ---------------------------------------------------------------------------------


@ignore_warnings(category=ConvergenceWarning)  # of MLPClassifier, which trains 200 epochs
def hard(loaders: dict[str, Any], n_repeats: int) -> str:
    """Log loss, accuracy and seconds over repeated folds, differences paired by fold."""
    heads = ["set", "log loss: ours", "MLPClassifier", "gain", ""]
    heads += ["accuracy: ours", "MLPClassifier", "gain", "", "fit, s: ours", "MLPClassifier"]
    rows = []
    for name, load in loaders.items():
        X, y = load(return_X_y=True)
        found = np.array([two_fits(X, y, *fold) for fold in folds(X, y, n_repeats)])
        losses, accuracy, seconds = found[:, 0], found[:, 1], found[:, 2]
        overlap = 1 / (N_FOLDS - 1)
        cells = [name, *losses.mean(axis=0), *interval(losses[:, 1] - losses[:, 0], overlap)]
        cells += [*accuracy.mean(axis=0), *interval(accuracy[:, 0] - accuracy[:, 1], overlap)]
        rows.append([*cells, *(f"{taken:.3f}" for taken in np.median(seconds, axis=0))])
        print(line(rows[-1]), flush=True)
    return table(heads, rows)


def folds(X: Any, y: Any, n_repeats: int) -> Any:
    splitter = RepeatedStratifiedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=0)
    return splitter.split(X, y)


def two_fits(X: Any, y: Any, train: Any, test: Any) -> list[list[float]]:
    """Log loss, accuracy, seconds; of ours and of MLPClassifier."""
    rows = []
    for model in (
        SoftTargetMLPClassifier(random_state=0),
        make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
    ):
        seconds, _ = timed(lambda model=model: model.fit(X[train], y[train]))
        proba = model.predict_proba(X[test])
        rows.append([log_loss(y[test], proba), model.score(X[test], y[test]), seconds])
    return np.transpose(rows).tolist()


# --- votes ---------------------------------------------------------------------------------------


def losses_of_rows(proba: Any, shares: Any) -> Any:
    """Soft log loss of each row, in nats."""
    return -(shares * np.log(np.clip(proba, 1e-12, None))).sum(axis=1)


def fits(params: dict[str, Any], X: Any, y: Any, data: Split) -> Any:
    """Losses of the test rows, one line a seed."""
    several = [SoftTargetMLPClassifier(**params, random_state=seed).fit(X, y) for seed in SEEDS]
    return np.array([losses_of_rows(c.predict_proba(data.X_test), data.Y_test) for c in several])


def gain(worse: Any, better: Any) -> str:
    """Bootstrap interval, over the test rows, of the mean difference of two losses."""
    difference = worse.mean(axis=0) - better.mean(axis=0)
    samples = np.random.default_rng(0).integers(0, len(difference), (N_RESAMPLES, len(difference)))
    low, high = np.quantile(difference[samples].mean(axis=1), (0.025, 0.975))
    return f"{low:+.4f} to {high:+.4f}"


def vote_table(folder: Path) -> str:
    heads = ["set", "model", "on vote shares", "sd over seeds", "on majority votes"]
    heads += ["gain of shares", "logistic regression on majority votes", "gain over it"]
    rows = []
    for name in VOTES:
        data = votes(folder, name)
        majority = data.Y.argmax(axis=1)
        logistic = LogisticRegression(max_iter=2000).fit(data.X, majority)
        usual = losses_of_rows(logistic.predict_proba(data.X_test), data.Y_test)[None]
        for model, params in MODELS.items():
            soft, hard = (fits(params, data.X, y, data) for y in (data.Y, majority))
            spread = soft.mean(axis=1).std(ddof=1)
            cells = [name, model, soft.mean(), spread, hard.mean(), gain(hard, soft)]
            rows.append([*cells, usual.mean(), gain(usual, soft)])
            print(line(rows[-1]), flush=True)
    return table(heads, rows)


def main() -> None:
    options = parser(__doc__).parse_args()
    if options.smoke:
        hard({"iris": load_iris}, 1)
        return
    hard_table = hard(LOADERS, N_REPEATS)
    if (folder := data_folder(options)) is None:
        return
    of_votes = vote_table(folder)
    if options.write:
        write_page(
            "hard_labels",
            "# Hard labels and votes",
            f"Written by `examples/benchmarks/hard_labels.py --write` ({machine()}).",
            "## Hard labels",
            f"Both estimators have default parameters. {N_REPEATS} repeats of {N_FOLDS} stratified "
            "folds; ours gets raw columns, MLPClassifier standardised ones. Intervals: "
            "95 %, over the folds, paired, widened for training rows that folds share (Nadeau and "
            "Bengio, 2003, doi 10.1023/A:1024068626366). A gain above zero is in favour of ours.",
            hard_table,
            "## Votes",
            "Soft log loss against the vote shares of the test rows (nats), the mean over "
            f"{len(SEEDS)} seeds; features are the TF-IDF rows as they are. The model without a "
            "hidden layer is logistic regression with the same penalty: it shows what the targets "
            "alone are worth. Gains: 95 %, bootstrap over the test rows, paired; above zero, "
            "training on vote shares has the smaller loss.",
            of_votes,
        )


if __name__ == "__main__":
    main()
