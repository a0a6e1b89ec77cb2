"""Texts as TF-IDF rows beside logistic regression whose C was tuned on the development rows.

``--write`` writes a page for the docs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score
from sklearn.multiclass import OneVsRestClassifier

from harness import data_folder, machine, parser, table, timed, write_page
from harness.data import as_dense, read
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.metrics import multilabel_log_loss, soft_log_loss

GRID = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
VOTES = ("lewidi_md_agreement", "lewidi_hs_brexit")
NET = {"hidden_layer_sizes": (448,), "alpha": 1.0, "dropout": 0.5}
"""The net that was the default before wide sparse rows got a linear model."""


def parts(stored: dict[str, Any]) -> list[Any]:
    return [np.flatnonzero(stored["split"] == part) for part in range(3)]


# --- votes ---------------------------------------------------------------------------------------


def on_shares(C: float, X: Any, shares: Any) -> Any:
    """Logistic regression on each row once a class, weighted by its share."""
    rows = sp.vstack([X] * shares.shape[1]).tocsr()
    y = np.repeat(np.arange(shares.shape[1]), X.shape[0])
    return LogisticRegression(C=C, max_iter=2000).fit(rows, y, sample_weight=shares.T.ravel())


def votes_row(folder: Path, name: str) -> list[Any]:
    stored = read(folder, "votes", name)
    X, Y = stored["X"], stored["Y"].astype(np.float64)
    Y /= Y.sum(axis=1, keepdims=True)
    train, dev, test = parts(stored)
    C = min(GRID, key=lambda C: of_dev(soft_log_loss, on_shares(C, X[train], Y[train]), X, Y, dev))
    both = np.concatenate([train, dev])
    seconds, model = timed(lambda: on_shares(C, X[both], Y[both]))
    cells = [name, of_dev(soft_log_loss, model, X, Y, test), f"{seconds:.2f}"]
    for params in ({}, NET):
        clf = SoftTargetMLPClassifier(random_state=0, **params)
        seconds, _ = timed(lambda clf=clf: clf.fit(X[both], Y[both]))
        cells += [of_dev(soft_log_loss, clf, X, Y, test), f"{seconds:.2f}"]
    return cells


def of_dev(score: Any, model: Any, X: Any, Y: Any, rows: Any) -> float:
    return float(score(Y[rows], model.predict_proba(X[rows])))


# --- comments with label sets --------------------------------------------------------------------

SCORES = {
    "ranking precision": label_ranking_average_precision_score,
    "macro average precision": average_precision_score,
    "log loss": multilabel_log_loss,
}


def one_vs_rest(C: float) -> Any:
    return OneVsRestClassifier(LogisticRegression(C=C, max_iter=1000))


def label_rows(X: Any, Y: Any, train: Any, dev: Any, test: Any) -> list[list[Any]]:
    """Scores on the test rows; C is the best on the development rows, for each score."""
    tried = {}
    for C in GRID:
        clf = one_vs_rest(C)
        seconds, _ = timed(lambda clf=clf: clf.fit(X[train], Y[train]))
        tried[C] = clf, seconds
    rows, peer = [], ["one-vs-rest logistic regression"]
    for name, score in SCORES.items():
        sign = 1 if name == "log loss" else -1
        C = min(GRID, key=lambda C: sign * of_dev(score, tried[C][0], X, Y, dev))
        peer.append(f"{of_dev(score, tried[C][0], X, Y, test):.4f} (C={C:g})")
    rows.append([*peer, f"{np.median([seconds for _, seconds in tried.values()]):.1f}"])
    clf = MultiLabelSigmoidClassifier(random_state=0)
    seconds, _ = timed(lambda: clf.fit(X[train], Y[train]))
    found = [of_dev(score, clf, X, Y, test) for score in SCORES.values()]
    rows.append(["ours, defaults", *found, f"{seconds:.1f}"])
    return rows


def main() -> None:
    options = parser(__doc__).parse_args()
    if options.smoke:
        X, Y = make_multilabel_classification(120, n_classes=3, sparse=True, random_state=0)
        label_rows(sp.csr_array(X), Y, *np.split(np.arange(120), [60, 90]))
        return
    if (folder := data_folder(options)) is None:
        return
    of_votes = [votes_row(folder, name) for name in VOTES]
    heads = ["set", "logistic regression", "s", "ours", "s", "ours, a net of 448 units", "s"]
    votes_text = table(heads, of_votes)
    print(votes_text, flush=True)
    stored = read(folder, "text", "goemotions")
    of_labels = label_rows(stored["X"], as_dense(stored["Y"]).astype(int), *parts(stored))
    labels_text = table(["classifier", *SCORES, "fit, s"], of_labels)
    print(labels_text)
    if options.write:
        write_page(
            "text",
            "# Texts",
            f"Written by `examples/benchmarks/text.py --write` ({machine()}). TF-IDF rows as they "
            "are; all figures are of the test rows. `C` is tuned on the development rows; ours "
            "have default parameters, but for the last column: the net that was the default before "
            "(`alpha=1, dropout=0.5`). Seconds are of one fit.",
            "## Votes",
            "Soft log loss (nats). Logistic regression gets each row once a class, weighted by its "
            "share of the votes. Fitted to training and development rows.",
            votes_text,
            "## Comments with label sets",
            "goemotions: 43,410 training rows, 12,000 words, 28 labels. Precisions: higher is "
            "better; log loss (nats): lower. Fitted to the training rows.",
            labels_text,
        )


if __name__ == "__main__":
    main()
