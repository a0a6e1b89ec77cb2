"""How far the shares of labels in five folds are from those in the data, against plain KFold.

Counted is the largest difference over folds and labels (or classes) between the share in the fold
and the share in all rows: mean and standard deviation over seeds. Data come from the folder given
or from SOFTLOSS_DATA; ``--smoke`` makes up small data instead; ``--write`` writes the page of the
docs.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold, StratifiedKFold

from harness import data_folder, machine, parser, table, timed, write_page
from harness.data import read
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    _iterative,
)

N_FOLDS = 5
LABEL_SETS = ("emotions", "yeast", "scene", "medical", "bibtex", "delicious")
DISTRIBUTIONS = ("SJAFFE", "SBU_3DFE", "SCUT_FBP", "Movie", "Yeast_alpha", "Yeast_spoem")

Targets = Any
MakeSplitter = Callable[[int], Any]


class Found(NamedTuple):
    """Mean over seeds, as text."""

    deviation: str
    missing: str
    seconds: str


def shuffled(seed: int) -> KFold:
    return KFold(N_FOLDS, shuffle=True, random_state=seed)


def load(folder: Path, kind: str, name: str) -> Targets:
    return sp.csr_array(read(folder, kind, name)["Y"].astype(np.float64))


def made_up(n_samples: int, n_labels: int) -> Targets:
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(2, n_labels + 2)
    return sp.csr_array((rng.random((n_samples, n_labels)) < frequency).astype(np.float64))


def measure(make: MakeSplitter, Y: Targets, y: Any, seeds: range) -> Found:
    """Deviation, labels with five positives or more that a fold lacks, processor seconds."""
    found = []
    for seed in seeds:
        folds = make(seed).split(np.zeros(Y.shape[0]), y)
        seconds, parts = timed(lambda folds=folds: list(folds), time.process_time)
        parts = [test for _, test in parts]
        mass = np.stack([Y[test].sum(axis=0) for test in parts])
        shares = mass / np.array([[len(test)] for test in parts])
        lacking = (mass == 0).any(axis=0) & (mass.sum(axis=0) >= N_FOLDS)
        found.append((np.abs(shares - Y.mean(axis=0)).max(), lacking.sum(), seconds))
    deviation, missing, seconds = np.array(found).T
    spread = f" ± {deviation.std():.1g}" if len(seeds) > 1 else ""
    return Found(
        f"{deviation.mean():.2g}{spread}", f"{missing.mean():.1f}", f"{seconds.mean():.2f}"
    )


def compare_label_sets(sets: dict[str, Targets], seeds: range) -> str:
    def ours(order: int) -> MakeSplitter:
        return lambda seed: MultiLabelStratifiedKFold(N_FOLDS, order=order, random_state=seed)

    deviations, rest = [], []
    for name, Y in sets.items():
        title = f"{name} ({Y.shape[0]} x {Y.shape[1]})"
        plain = measure(lambda seed: KFold(N_FOLDS), Y, Y, range(1))
        by_chance = measure(shuffled, Y, Y, seeds)
        with patch.object(_iterative, "N_PASSES", 0):
            greedy = measure(ours(1), Y, Y, seeds)
        first, second = (measure(ours(order), Y, Y, seeds) for order in (1, 2))
        deviations.append(
            [title, *(found.deviation for found in (plain, by_chance, greedy, first, second))]
        )
        pairs = _iterative.with_label_pairs(Y)[:, Y.shape[1] :]
        first_pairs, second_pairs = (measure(ours(k), pairs, Y, range(2)) for k in (1, 2))
        missing = [found.missing for found in (by_chance, first, second, first_pairs, second_pairs)]
        rest.append([title, *missing, first.seconds, second.seconds])
    heads = ["set", "KFold", "KFold, shuffled", "iterative stratification alone", "ours"]
    more = ["set", "labels missing: KFold, shuffled", "labels missing: ours"]
    more += ["labels missing: order=2", "pairs missing: ours", "pairs missing: order=2"]
    more += ["seconds: ours", "seconds: order=2"]
    return f"{table([*heads, 'ours, order=2'], deviations)}\n\n{table(more, rest)}"


def compare_distributions(sets: dict[str, Targets], seeds: range) -> str:
    rows = []
    for name, sparse in sets.items():
        Y = sparse.toarray()
        by_chance = measure(shuffled, Y, Y, seeds)
        most = Y.argmax(axis=1)
        by_class = measure(
            lambda seed: StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed), Y, most, seeds
        )
        ours = measure(lambda seed: SoftStratifiedKFold(N_FOLDS, random_state=seed), Y, Y, seeds)
        deviations = [found.deviation for found in (by_chance, by_class, ours)]
        rows.append([f"{name} ({Y.shape[0]} x {Y.shape[1]})", *deviations, ours.seconds])
    heads = ["set", "KFold, shuffled", "StratifiedKFold on the most probable class", "ours"]
    return table([*heads, "seconds"], rows)


def main() -> None:
    reader = parser(__doc__)
    reader.add_argument("data", nargs="?", default=argparse.SUPPRESS, help="the same as --data")
    reader.add_argument("--seeds", type=int, default=10)
    options = reader.parse_args()
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    if options.smoke:
        seeds, label_sets = range(2), {"made up": made_up(200, 8)}
        rows = np.random.default_rng(0).dirichlet([0.5, 1, 2], 200)
        distributions = {"made up": sp.csr_array(rows)}
    elif (folder := data_folder(options)) is None:
        return
    else:
        seeds = range(options.seeds)
        label_sets = {name: load(folder, "multilabel", name) for name in LABEL_SETS}
        distributions = {name: load(folder, "label_distributions", name) for name in DISTRIBUTIONS}
    of_sets = compare_label_sets(label_sets, seeds)
    of_distributions = compare_distributions(distributions, seeds)
    print(of_sets, of_distributions, sep="\n\n")
    if options.write:
        write_page(
            "splits",
            "# Splitters",
            "Written by `examples/benchmarks/splits.py --write`: five folds; the largest\n"
            "difference over folds and columns between the share in a fold and the share in all\n"
            f"rows, mean ± standard deviation over {len(seeds)} seeds. Missing: labels, or pairs\n"
            "of labels, that occur in five rows or more and that some fold lacks (for pairs, the\n"
            "mean over two seeds). Seconds of the processor, for all folds.",
            machine(),
            "## Label sets: `MultiLabelStratifiedKFold`",
            of_sets,
            "## Distributions: `SoftStratifiedKFold`",
            of_distributions,
        )


if __name__ == "__main__":
    main()
