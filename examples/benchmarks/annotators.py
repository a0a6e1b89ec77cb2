"""Who said what: shares and each annotator's answers against peers, camps, coverage, time.

scikit-activeml's nets are run where it is installed (``examples/benchmarks/peers.txt``).
``--write`` writes a page for the docs; ``--smoke`` runs small made-up data.
"""

from __future__ import annotations

import time
import tracemalloc
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.special import softmax
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import ShuffleSplit

from harness import data_folder, machine, parser, table, take_turns, write_page
from harness.data import as_dense, label_distributions, read
from sklearn_softloss import SoftTargetMLPClassifier, metrics
from sklearn_softloss.annotators import AnnotatorMLPClassifier, DawidSkene
from sklearn_softloss.decision import VoteConformal
from sklearn_softloss.targets import annotation_matrix, vote_shares

OURS, SHARE = "AnnotatorMLPClassifier", "SoftTargetMLPClassifier on shares"
SETS = {"md_agreement": 0, "hs_brexit": 10}
"""Votes, and random splits in the proportion of the given one beside it: few rows say little."""

SEEDS = (0, 1, 2)
PEER_EPOCHS = 15
PEER_DECAYS = (0.1, 1.0)
N_DRAWS = 200


class Votes(NamedTuple):
    """Features and answers of annotators, NaN where there is none."""

    X: Any
    Y: Any
    is_test: Any


def load(folder: Any, name: str) -> Votes:
    name = f"lewidi_{name}"
    stored, said = read(folder, "votes", name), read(folder, "votes", f"{name}_annotations")
    columns = said["item"], said["annotator"], said["answer"]
    found = annotation_matrix(*columns, items=np.arange(stored["X"].shape[0]), repeated="last")
    return Votes(stored["X"], found.matrix, stored["split"] == 2)


# --- methods: each gives shares (n, k) and probabilities of annotators (n, A, k) -----------------


def ours(seed: int, X: Any, Y: Any, X_test: Any) -> tuple[Any, Any]:
    clf = AnnotatorMLPClassifier(random_state=seed).fit(X, Y)
    return clf.predict_proba(X_test), clf.predict_annotator_proba(X_test)


def share_only(seed: int, X: Any, Y: Any, X_test: Any) -> tuple[Any, Any]:
    shares, _ = vote_shares(Y)
    proba = SoftTargetMLPClassifier(random_state=seed).fit(X, shares).predict_proba(X_test)
    return proba, np.repeat(proba[:, None], Y.shape[1], axis=1)


def most_frequent(seed: int, X: Any, Y: Any, X_test: Any) -> tuple[Any, Any]:
    """Each annotator's own shares of answers, or those of all where there are none."""
    counts = np.stack([(k == Y).sum(axis=0) for k in np.unique(Y[~np.isnan(Y)])], axis=1)
    total = counts.sum(axis=0) / counts.sum()
    shares = np.where(counts.sum(axis=1, keepdims=True) > 0, counts + total, total)
    shares = shares / shares.sum(axis=1, keepdims=True)
    n = X_test.shape[0]
    return np.repeat(total[None], n, axis=0), np.repeat(shares[None], n, axis=0)


class PeerNet(torch.nn.Module):
    """The trunk of the peers: linear, or a hidden layer of 448 units with dropout."""

    def __init__(self, n_features: int, n_classes: int, hidden: bool) -> None:
        super().__init__()
        self.layers = torch.nn.Linear(n_features, n_classes)
        if hidden:
            self.layers = torch.nn.Sequential(  # type: ignore[assignment]
                torch.nn.Linear(n_features, 448),
                torch.nn.ReLU(),
                torch.nn.Dropout(0.5),
                torch.nn.Linear(448, n_classes),
            )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


def peer(name: str, hidden: bool, decay: float) -> Any:
    from skactiveml.classifier import multiannotator

    def run(seed: int, X: Any, Y: Any, X_test: Any) -> tuple[Any, Any]:
        X, X_test = (as_dense(part).astype(np.float32) for part in (X, X_test))
        torch.manual_seed(seed)
        n_classes = len(np.unique(Y[~np.isnan(Y)]))
        clf = getattr(multiannotator, name)(
            clf_module=PeerNet,
            classes=np.arange(n_classes),
            random_state=seed,
            neural_net_param_dict={
                "module__n_features": X.shape[1],
                "module__n_classes": n_classes,
                "module__hidden": hidden,
                "max_epochs": PEER_EPOCHS,
                "batch_size": 64,
                "optimizer": torch.optim.AdamW,
                "optimizer__weight_decay": decay,
                "lr": 0.003,
                "verbose": 0,
            },
        )
        clf.fit(X, Y)
        share, said = clf.predict_proba(X_test, extra_outputs=["annotator_class"])
        return share, said / said.sum(axis=-1, keepdims=True)

    return run


def methods() -> dict[str, Any]:
    found = {OURS: ours, SHARE: share_only, "most frequent answer": most_frequent}
    try:
        import skactiveml  # noqa: F401
    except ImportError:
        print("scikit-activeml is left out: pip install -r examples/benchmarks/peers.txt")
        return found
    for name in ("CrowdLayerClassifier", "AnnotMixClassifier"):
        for hidden in (False, True):
            for decay in PEER_DECAYS:
                trunk = "448 units" if hidden else "linear"
                found[f"{name}, {trunk}, decay {decay:g}"] = peer(name, hidden, decay)
    return found


# --- shares and answers --------------------------------------------------------------------------


def scores(votes: Votes, test: Any, method: Any, seed: int) -> list[float]:
    start = time.perf_counter()
    share, said = method(seed, votes.X[~test], votes.Y[~test], votes.X[test])
    seconds = time.perf_counter() - start
    Y = votes.Y[test]
    truth, _ = vote_shares(Y, classes=np.arange(share.shape[1]))
    item, annotator = np.nonzero(~np.isnan(Y))
    given = Y[item, annotator].astype(int)
    of_answers = np.clip(said[item, annotator, given], 1e-12, None)
    return [
        metrics.soft_log_loss(truth, np.clip(share, 1e-12, None)),
        metrics.label_distribution_distance(truth, share, measure="manhattan"),
        metrics.annotator_error_rate(Y, said.argmax(axis=2)),
        float(-np.log(of_answers).mean()),
        seconds,
    ]


HEADS = [
    "method", "log loss of shares", "Manhattan distance", "error an annotator",
    "log loss of answers", "seconds",
]  # fmt: skip


def compare(votes: Votes, splits: list[Any], seeds: tuple[int, ...]) -> list[list[Any]]:
    rows = []
    for name, method in methods().items():
        try:
            some = seeds if name in (OURS, SHARE) else seeds[:1]
            runs = [scores(votes, test, method, seed) for test in splits for seed in some]
        except Exception as error:  # of another package; the page says which method has no row
            print(f"  {name} is left out: {type(error).__name__}: {error}", flush=True)
            continue
        rows.append([name, *np.mean(runs, axis=0)])
        print(" ", name, np.round(rows[-1][1:], 4), flush=True)
    return sorted(rows, key=lambda row: row[3])


def random_splits(votes: Votes, n: int) -> list[Any]:
    share = float(votes.is_test.mean())
    found = []
    for _, test in ShuffleSplit(n, test_size=share, random_state=0).split(votes.is_test):
        found.append(np.isin(np.arange(len(votes.is_test)), test))
    return found


# --- what is known of a simulation ---------------------------------------------------------------


def simulate(n: int, per_item: int, seed: int, k: int = 3) -> tuple[Any, ...]:
    """40 annotators: 24 of one camp, 10 of another, 6 that answer at random."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 10))
    camps = [softmax(2 * X @ rng.normal(size=(10, k)), axis=1) for _ in range(2)]
    kind = np.repeat(np.arange(3), (24, 10, 6))
    proba = np.stack([*camps, np.full((n, k), 1 / k)])[kind]
    drawn = (proba.cumsum(axis=2) < rng.random((40, n, 1))).sum(axis=2).T.astype(float)
    for row in drawn:
        row[rng.permutation(40)[per_item:]] = np.nan
    return X, drawn, kind, proba


def confusion(n: int, seed: int) -> tuple[Any, Any]:
    """Votes of 40 annotators, 30 an item, who confuse three labels in ways of their own."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    right = rng.uniform(0.5, 0.95, size=(40, 3))
    matrices = rng.dirichlet(np.ones(3), size=(40, 3)) * (1 - right)[..., None]
    matrices[:, np.arange(3), np.arange(3)] += right
    drawn = matrices.cumsum(axis=2)[:, truth] < rng.random((40, n, 1))
    votes = drawn.sum(axis=2).T.astype(float)
    for row in votes:
        row[rng.permutation(40)[30:]] = np.nan
    return votes, matrices


def simulation(n: int, seeds: Any) -> list[list[Any]]:
    rows = []
    for per_item in (5, 30):
        found = []
        for seed in seeds:
            X, Y, kind, proba = simulate(n, per_item, seed)
            clf = AnnotatorMLPClassifier(random_state=seed).fit(X, Y)
            best = proba.mean(axis=0).argmax(axis=1)
            true = np.take_along_axis(proba, best[None, :, None], axis=2)[:, :, 0].mean(axis=1)
            found.append(
                [
                    roc_auc_score(kind == 2, clf.annotator_report()["spammer"]),
                    np.mean(clf.camps_[kind < 2] == kind[kind < 2]),
                    np.abs(true - clf.annotator_agreement_).max(),
                ]
            )
        means = np.mean(found, axis=0)
        rows.append([f"{per_item} answers an item", *means[:2], np.max(found, axis=0)[2]])
    return rows


# --- coverage ------------------------------------------------------------------------------------


def held_votes(shares: Any, proba: Any, truth: Any, new_proba: Any) -> list[float]:
    """Votes held by sets at 90 %, calibrated on shares and on majorities; size of the former."""
    held, sizes = [], []
    for target in (shares, np.eye(shares.shape[1])[shares.argmax(axis=1)]):
        sets = VoteConformal(0.9).fit(target, proba).predict_sets(new_proba)
        held.append((truth * sets).sum(axis=1).mean())
        sizes.append(sets.sum(axis=1).mean())
    return [*held, sizes[0]]


def coverage(shares: Any, proba: Any, n_draws: int) -> list[float]:
    """The same, calibrated on random halves."""
    found = []
    for draw in range(n_draws):
        half = np.random.default_rng(draw).permutation(len(proba))
        fit, test = half[: len(half) // 2], half[len(half) // 2 :]
        found.append(held_votes(shares[fit], proba[fit], shares[test], proba[test]))
    return list(np.mean(found, axis=0))


def simulated_coverage(n_draws: int) -> list[float]:
    """The same where votes, rows and probabilities are drawn anew each time."""
    found = []
    for draw in range(n_draws):
        rng = np.random.default_rng(draw)
        truth = rng.dirichlet(np.ones(5), size=1200)
        proba = softmax(np.log(truth) + rng.normal(size=truth.shape), axis=1)
        votes = np.stack([rng.multinomial(5, row) for row in truth]) / 5
        found.append(held_votes(votes[:600], proba[:600], truth[600:], proba[600:]))
    return list(np.mean(found, axis=0))


def coverages(folder: Any, votes: Votes) -> list[list[Any]]:
    rows = [["simulated, fresh votes", *simulated_coverage(N_DRAWS)]]
    X, shares = label_distributions(folder, "SBU_3DFE")
    test = np.random.default_rng(0).random(len(X)) < 0.5
    clf = SoftTargetMLPClassifier(random_state=0).fit(X[~test], shares[~test])
    rows.append(["SBU_3DFE", *coverage(shares[test], clf.predict_proba(X[test]), N_DRAWS)])
    shares, _ = vote_shares(votes.Y)
    test = votes.is_test
    clf = SoftTargetMLPClassifier(random_state=0).fit(votes.X[~test], shares[~test])
    proba = clf.predict_proba(votes.X[test])
    rows.append(["md_agreement", *coverage(shares[test], proba, N_DRAWS)])
    return rows


# --- time and memory -----------------------------------------------------------------------------


def costs(votes: Votes, repeats: int) -> list[float]:
    """Median seconds of fits, with annotators and plain; megabytes of the former's arrays."""
    shares, _ = vote_shares(votes.Y)
    fits = {
        OURS: lambda: AnnotatorMLPClassifier(random_state=0).fit(votes.X, votes.Y),
        SHARE: lambda: SoftTargetMLPClassifier(random_state=0).fit(votes.X, shares),
    }
    seconds = take_turns(fits, repeats)
    tracemalloc.start()
    fits[OURS]()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return [seconds[OURS], seconds[SHARE], peak / 1e6]


def write(folder: Any) -> None:
    parts = []
    votes = {name: load(folder, name) for name in SETS}
    cost = costs(votes["md_agreement"], 5)
    print(cost, flush=True)
    for name, n_splits in SETS.items():
        print(name, flush=True)
        rows = compare(votes[name], [votes[name].is_test], SEEDS)
        parts += [f"### {name}, the split given", table(HEADS, rows)]
        if n_splits:
            rows = compare(votes[name], random_splits(votes[name], n_splits), (0,))
            parts += [f"### {name}, {n_splits} random splits", table(HEADS, rows)]
    matrices = [confusion(2000, seed) for seed in SEEDS]
    errors = [np.abs(DawidSkene().fit(Y).confusion_ - true).mean() for Y, true in matrices]
    heads = ["simulation", "AUC of spammers", "annotators in their camp", "largest error"]
    n_probabilities = votes["md_agreement"].Y.size * 2
    write_page(
        "annotators",
        "# Annotators",
        f"Written by `examples/benchmarks/annotators.py --write` ({machine()}).",
        "Who said what ([how](../guide/annotators.md)): TF-IDF features, training and development "
        "rows together, all defaults. The peers are scikit-activeml's, trained on the same columns "
        f"by AdamW for {PEER_EPOCHS} epochs; all their settings are shown, though a user would "
        "have to choose one. Errors and distances are those of the shared task LeWiDi 2025; log "
        "losses in nats. Lowest error first. The test rows given of hs_brexit are 168, on which a "
        "hundredth of error is ten answers; hence the random splits beside them.",
        "## Shares and answers",
        *parts,
        "## What is known of a simulation",
        "2,000 items, 40 annotators, of whom 10 see things otherwise and 6 answer at random; means "
        "of three draws. The largest error is that of an annotator's agreement with the "
        "population.",
        table(heads, simulation(2000, SEEDS)),
        "`DawidSkene` at 30 answers an item: entries of the confusion matrices are on average "
        f"{np.mean(errors):.4f} from the true ones.",
        "## Sets that hold a vote",
        f"`VoteConformal(0.9)`, means of {N_DRAWS} draws or random halves: the share of fresh "
        "votes that the sets hold if it is fitted to vote shares, or to majority votes; and the "
        "mean size of the former.",
        table(
            ["rows", "on shares", "on majorities", "size"],
            coverages(folder, votes["md_agreement"]),
        ),
        "## Time and memory",
        f"md_agreement whole, 819 annotators and 53,765 answers, medians in turns: {cost[0]:.1f} s "
        f"for a fit, {cost[1]:.1f} s for the plain fit on the shares, {cost[0] / cost[1]:.2f} "
        f"times. At its peak a fit holds {cost[2]:.0f} MB of arrays beside X and Y; probabilities "
        f"of all annotators for all items would take {n_probabilities * 8 / 1e6:.0f} MB.",
    )


def main() -> None:
    options = parser(__doc__).parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.smoke:
        X, Y, _, _ = simulate(120, 5, 0)
        votes = Votes(X, Y, np.arange(120) % 3 == 0)
        print(table(HEADS, compare(votes, [votes.is_test], (0,))))
        print(simulated_coverage(2), costs(votes, 1))
        return
    if (folder := data_folder(options)) is None:
        return
    if options.write:
        write(folder)
        return
    for name in SETS:
        votes = load(folder, name)
        print(table(HEADS, compare(votes, [votes.is_test], (0,))))


if __name__ == "__main__":
    main()
