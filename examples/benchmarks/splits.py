"""How far the shares of labels in five folds are from those in the data, against plain KFold.

Counted is the largest difference over folds and labels (or classes) between the share in the fold
and the share in all rows: mean and standard deviation over seeds. Data come from the folder given
or from SOFTLOSS_DATA; ``--smoke`` makes up small data instead; ``--write`` writes the page of the
docs.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold, StratifiedKFold
from speed import PAGE, machine

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


def load(folder: Path, name: str) -> Targets:
    with np.load(folder / f"{name}.npz") as file:
        if "Y" in file:
            return sp.csr_array(file["Y"].astype(np.float64))
        parts = (file["Y_indices"].astype(np.int32), file["Y_indptr"].astype(np.int32))
        return sp.csr_array((np.ones(len(parts[0])), *parts), shape=tuple(file["Y_shape"]))


def made_up(n_samples: int, n_labels: int) -> Targets:
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(2, n_labels + 2)
    return sp.csr_array((rng.random((n_samples, n_labels)) < frequency).astype(np.float64))


def measure(make: MakeSplitter, Y: Targets, y: Any, seeds: range) -> Found:
    """Deviation, labels with five positives or more that a fold lacks, processor seconds."""
    found = []
    for seed in seeds:
        start = time.process_time()
        parts = [test for _, test in make(seed).split(np.zeros(Y.shape[0]), y)]
        seconds = time.process_time() - start
        mass = np.stack([Y[test].sum(axis=0) for test in parts])
        shares = mass / np.array([[len(test)] for test in parts])
        lacking = (mass == 0).any(axis=0) & (mass.sum(axis=0) >= N_FOLDS)
        found.append((np.abs(shares - Y.mean(axis=0)).max(), lacking.sum(), seconds))
    deviation, missing, seconds = np.array(found).T
    spread = f" ± {deviation.std():.1g}" if len(seeds) > 1 else ""
    return Found(
        f"{deviation.mean():.2g}{spread}", f"{missing.mean():.1f}", f"{seconds.mean():.2f}"
    )


def table(rows: list[dict[str, str]]) -> list[str]:
    heads = list(rows[0])
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return lines + [f"| {' | '.join(row.values())} |" for row in rows]


def compare_label_sets(sets: dict[str, Targets], seeds: range) -> list[str]:
    def ours(order: int) -> MakeSplitter:
        return lambda seed: MultiLabelStratifiedKFold(N_FOLDS, order=order, random_state=seed)

    deviations, rest = [], []
    for name, Y in sets.items():
        title = {"set": f"{name} ({Y.shape[0]} x {Y.shape[1]})"}
        plain = measure(lambda seed: KFold(N_FOLDS), Y, Y, range(1))
        by_chance = measure(shuffled, Y, Y, seeds)
        with patch.object(_iterative, "N_PASSES", 0):
            greedy = measure(ours(1), Y, Y, seeds)
        first, second = (measure(ours(order), Y, Y, seeds) for order in (1, 2))
        deviations.append(
            {
                **title,
                "KFold": plain.deviation,
                "KFold, shuffled": by_chance.deviation,
                "iterative stratification alone": greedy.deviation,
                "ours": first.deviation,
                "ours, order=2": second.deviation,
            }
        )
        pairs = _iterative.with_label_pairs(Y)[:, Y.shape[1] :]
        first_pairs, second_pairs = (measure(ours(k), pairs, Y, range(2)) for k in (1, 2))
        rest.append(
            {
                **title,
                "labels missing: KFold, shuffled": by_chance.missing,
                "labels missing: ours": first.missing,
                "labels missing: order=2": second.missing,
                "pairs missing: ours": first_pairs.missing,
                "pairs missing: order=2": second_pairs.missing,
                "seconds: ours": first.seconds,
                "seconds: order=2": second.seconds,
            }
        )
    return [*table(deviations), "", *table(rest)]


def compare_distributions(sets: dict[str, Targets], seeds: range) -> list[str]:
    rows = []
    for name, sparse in sets.items():
        Y = sparse.toarray()
        by_chance = measure(shuffled, Y, Y, seeds)
        by_class = measure(
            lambda seed: StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed),
            Y,
            Y.argmax(axis=1),
            seeds,
        )
        ours = measure(lambda seed: SoftStratifiedKFold(N_FOLDS, random_state=seed), Y, Y, seeds)
        rows.append(
            {
                "set": f"{name} ({Y.shape[0]} x {Y.shape[1]})",
                "KFold, shuffled": by_chance.deviation,
                "StratifiedKFold on the most probable class": by_class.deviation,
                "ours": ours.deviation,
                "seconds": ours.seconds,
            }
        )
    return table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default=os.environ.get("SOFTLOSS_DATA"))
    parser.add_argument("--smoke", action="store_true", help="small data, two seeds")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/splits.md")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    if options.smoke:
        seeds, label_sets = range(2), {"made up": made_up(200, 8)}
        rows = np.random.default_rng(0).dirichlet([0.5, 1, 2], 200)
        distributions = {"made up": sp.csr_array(rows)}
    elif options.data is None:
        print("Skipped: give the folder of benchmark data, or set SOFTLOSS_DATA.")
        return
    else:
        seeds, folder = range(options.seeds), Path(options.data)
        label_sets = {name: load(folder / "multilabel", name) for name in LABEL_SETS}
        distributions = {name: load(folder / "label_distributions", name) for name in DISTRIBUTIONS}
    text = "\n".join(
        [
            "# Splitters",
            "",
            "Written by `examples/benchmarks/splits.py --write`: five folds; the largest",
            "difference over folds and columns between the share in a fold and the share in all",
            f"rows, mean ± standard deviation over {len(seeds)} seeds. Missing: labels, or pairs",
            "of labels, that occur in five rows or more and that some fold lacks (for pairs, the",
            "mean over two seeds). Seconds of the processor, for all folds.",
            "",
            machine(),
            "",
            "## Label sets: `MultiLabelStratifiedKFold`",
            "",
            *compare_label_sets(label_sets, seeds),
            "",
            "## Distributions: `SoftStratifiedKFold`",
            "",
            *compare_distributions(distributions, seeds),
            "",
        ]
    )
    print(text)
    if options.write:
        (PAGE / "splits.md").write_text(text)


if __name__ == "__main__":
    main()
