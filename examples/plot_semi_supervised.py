"""
Why LabelPropagation gives all rows the same class
==================================================

And what does a graph of neighbours give instead?

Eight clusters of two classes, 60 labels and 940 rows without, in 4 to 1,024 standardised features.
The weight that scikit-learn's rbf kernel gives a pair of rows is exp(-20 d^2), and squared
distances grow with the number of features: from some number on, the weight of even the nearest row
is below the smallest number that a float can hold. It becomes 0, rows are divided by sums of 0, and
every row without a label gets the same class, or NaN. The weights of `GraphLabelSpreading` depend
on a row's distances relative to each other, and not on their size.
"""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

N_FEATURES = (4, 32, 256, 1024)
SUPERVISED = "supervised only"
N_LABELLED, N_ROWS, N_TEST = 60, 1000, 1000
NOISE = 0.5
NET = SoftTargetMLPClassifier((50,), solver="lbfgs", alpha=0.1, max_iter=50, random_state=0)
METHODS = {
    SUPERVISED: NET,
    "LabelPropagation, rbf (default)": LabelPropagation(),
    "LabelPropagation, knn": LabelPropagation("knn"),
    "GraphLabelSpreading": GraphLabelSpreading(),
    "SoftPseudoLabelClassifier": SoftPseudoLabelClassifier(NET),
}
STYLES = (
    {"color": "0.6", "marker": "o"},
    {"color": "C3", "marker": "x", "ls": "--"},
    {"color": "C1", "marker": "x", "ls": "--"},
    {"color": "C0", "marker": "s", "lw": 2.5},
    {"color": "C9", "marker": "s"},
)


def ring_of_clusters(n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight clusters on a ring, of two classes in turn, seen through features with noise."""
    rng = np.random.default_rng(0)
    cluster = rng.integers(8, size=N_ROWS + N_TEST)
    angle = cluster * np.pi / 4
    plane = np.column_stack([np.cos(angle), np.sin(angle)])
    plane += rng.normal(scale=0.15, size=plane.shape)
    features = plane @ rng.normal(size=(2, n_features))
    noise = rng.normal(scale=NOISE, size=features.shape)
    return StandardScaler().fit_transform(features + noise), cluster % 2


def largest_weight(X: np.ndarray) -> float:
    """Decimal logarithm of the rbf weight of the nearest row, for the median row."""
    nearest = NearestNeighbors(n_neighbors=1).fit(X).kneighbors()[0]
    return float(-20 * np.median(nearest) ** 2 / np.log(10))


def draw(weights: list[float], accuracies: dict[str, list[float]]) -> None:
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    smallest = np.log10(np.finfo(float).smallest_subnormal)
    left.plot(N_FEATURES, weights, "kD-", label="weight of the nearest row, exp(-20 d²)")
    left.axhspan(
        -200_000, smallest, color="C3", alpha=0.15, lw=0, label="too small for a float64: 0"
    )
    left.set(title="scikit-learn's rbf kernel underflows", ylabel="weight", ylim=(-200_000, 0))
    left.set_yscale("symlog", linthresh=1)
    powers = (-1, -10, -100, -1000)
    left.set_yticks(powers, [f"$10^{{{power}}}$" for power in powers])
    for name, style in zip(METHODS, STYLES, strict=True):
        right.plot(N_FEATURES, accuracies[name], label=name, **style)
    right.axhline(0.5, color="0.8", ls=":", label="one class for all")
    right.set(title=f"{N_LABELLED} labels, {N_ROWS - N_LABELLED} rows without", ylim=(0.4, 1.03))
    right.set_ylabel("test accuracy")
    for axis in (left, right):
        axis.set(xscale="log", xlabel="features")
        axis.set_xticks(N_FEATURES, [str(number) for number in N_FEATURES])
        axis.minorticks_off()
    left.legend(loc="lower left", fontsize="small")
    right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


# %%
# Each method on each number of features, with one draw of the labels: enough to see the collapse,
# not to rank the others. Rows without a label are marked with -1.

warnings.simplefilter("ignore", ConvergenceWarning)  # 50 iterations are enough for a picture
weights, proba = [], {}
for n_features in N_FEATURES:
    X, y = ring_of_clusters(n_features)
    weights.append(largest_weight(X))
    shown, hidden = train_test_split(
        np.arange(N_ROWS), train_size=N_LABELLED, stratify=y[:N_ROWS], random_state=0
    )
    given = y[:N_ROWS].copy()
    given[hidden] = -1
    for name, method in METHODS.items():
        rows = shown if name == SUPERVISED else slice(N_ROWS)
        fitted = clone(method).fit(X[:N_ROWS][rows], given[rows])
        with np.errstate(invalid="ignore"):  # 0 / 0 where the kernel of scikit-learn underflows
            proba[name, n_features] = fitted.predict_proba(X[N_ROWS:])
truth = y[N_ROWS:]  # the same for every number of features
accuracies = {
    name: [float((proba[name, n].argmax(axis=1) == truth).mean()) for n in N_FEATURES]
    for name in METHODS
}
draw(weights, accuracies)

print(" " * 34 + "".join(f"{number:>8}" for number in N_FEATURES))
for name in METHODS:
    print(f"{name:<34}" + "".join(f"{accuracy:8.3f}" for accuracy in accuracies[name]))
    lost = [str(n) for n in N_FEATURES if len(np.unique(proba[name, n].argmax(axis=1))) == 1]
    if lost:
        print(f"{'':<34}one class for all rows at {', '.join(lost)} features")
