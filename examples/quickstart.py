"""Soft targets and tuned thresholds on the handwritten digits that come with scikit-learn.

1. Annotators of different skill, all SIMULATED, label the training images. The same net in the
   same grid search learns once from the shares of their votes and once from the majority vote.
2. Strips of one to three digits are labelled with the set of digits they show; the high digits
   are rare. The cut of each label is 0.5, or tuned for F1 on held-out strips.

Each part prints a table and draws a picture into the folder ``output`` beside this file.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score, make_scorer, pairwise_distances
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.decision import optimal_thresholds
from sklearn_softloss.metrics import soft_log_loss
from sklearn_softloss.targets import vote_shares

OUTPUT = Path(__file__).resolve().parent / "output"
LIGHT, DARK = "0.85", "0.5"
DIGITS = np.arange(10)
SCHEDULE = {
    "hidden_layer_sizes": (100,),
    "solver": "adam",
    "dropout": 0.0,
    "batch_size": 200,
    "learning_rate_init": 0.01,
    "max_iter": 30,
}

DRAWS = 8  # of annotators' votes
VOTES_PER_IMAGE = 3
SHARPNESS = np.geomspace(0.6, 0.08, 10)  # one annotator each, from expert to poor
ALPHAS, FOLDS = [1, 3, 10], 3
FITS_PER_SEARCH = FOLDS * len(ALPHAS) + 1

STRIP_DRAWS = 5
STRIP_FREQUENCY = 0.8**DIGITS  # how often each digit is put on a strip, up to a factor
N_STRIPS = (1500, 1000, 1000)  # train, held-out, test


class VoteDraw(NamedTuple):
    images: np.ndarray
    digits: np.ndarray
    shares: np.ndarray
    proba: dict[str, np.ndarray]
    scores: np.ndarray


class StripDraw(NamedTuple):
    strips: np.ndarray
    labels: np.ndarray
    proba: np.ndarray
    thresholds: np.ndarray
    predicted: list[np.ndarray]
    scores: np.ndarray


def progress(total: int, text: str) -> tqdm:
    return tqdm(total=total, desc=text, unit="fit", mininterval=0.5 if sys.stderr.isatty() else 8)


# --- part 1: votes of simulated annotators -------------------------------------------------------


def vote_probabilities(pixels: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """P(annotator a calls image i digit c): a sharp eye sees small differences in distance."""
    distance = pairwise_distances(pixels)
    np.fill_diagonal(distance, np.inf)
    nearest = [np.sort(distance[:, digits == c], axis=1)[:, :5].mean(axis=1) for c in DIGITS]
    return softmax(-SHARPNESS[:, None, None] * np.stack(nearest, axis=1), axis=2)


def compare_targets(
    pixels: np.ndarray, digits: np.ndarray, eyes: np.ndarray, draw: int, bar: tqdm
) -> VoteDraw:
    """Scores against the true digits, and against the shares of all annotators.

    Either search picks its alpha by the log loss on the labels it learns from.
    """
    rng = np.random.default_rng(draw)
    votes = rng.multinomial(1, eyes).argmax(axis=2).T
    train, test = train_test_split(
        np.arange(len(digits)), test_size=0.5, stratify=digits, random_state=draw
    )
    lots = rng.random((len(train), len(SHARPNESS))).argsort(axis=1)
    asked = np.where(lots < VOTES_PER_IMAGE, votes[train], -1)
    shares, _ = vote_shares(asked, classes=DIGITS)
    majority = (shares + 1e-6 * rng.random(shares.shape)).argmax(axis=1)  # ties by lot
    test_shares, _ = vote_shares(votes[test], classes=DIGITS)

    net = SoftTargetMLPClassifier(**SCHEDULE, random_state=draw)
    model = make_pipeline(StandardScaler(), net)
    grid = {"softtargetmlpclassifier__alpha": ALPHAS}
    soft_score = make_scorer(
        soft_log_loss, greater_is_better=False, response_method="predict_proba"
    )
    targets = {"majority vote": (majority, "neg_log_loss"), "vote shares": (shares, soft_score)}
    proba, scores = {}, []
    for name, (target, scoring) in targets.items():
        search = GridSearchCV(model, grid, scoring=scoring, cv=FOLDS)
        proba[name] = search.fit(pixels[train], target).predict_proba(pixels[test])
        accuracy = accuracy_score(digits[test], proba[name].argmax(axis=1))
        scores.append([accuracy, soft_log_loss(test_shares, proba[name])])
        bar.update(FITS_PER_SEARCH)
    return VoteDraw(pixels[test], digits[test], test_shares, proba, np.array(scores))


def draw_votes(draws: list[VoteDraw], floor: float) -> Path:
    figure = plt.figure(figsize=(13, 10), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.4, 1))
    top.suptitle("Votes of SIMULATED annotators: test images, from clear to disputed")
    first = draws[0]
    by_dispute = np.argsort(entropy(first.shares, axis=1), kind="stable")
    chosen = by_dispute[[0, len(by_dispute) // 2, -len(by_dispute) // 10, -1]]
    axes = top.subplots(2, len(chosen), sharex="row", sharey="row", height_ratios=(1, 1.5))
    for (picture, chart), i in zip(axes.T, chosen, strict=True):
        show_pixels(picture, first.images[i].reshape(8, 8), f"true digit {first.digits[i]}")
        chart.bar(DIGITS, first.shares[i], color=LIGHT, edgecolor=DARK, label="annotators' shares")
        for (name, proba), marker in zip(first.proba.items(), "xo", strict=True):
            label = f"net trained on {name}"
            chart.plot(proba[i], "k" + marker, ms=9, mew=2, mfc="none", label=label, clip_on=False)
        chart.set(xticks=DIGITS, ylim=(0, 1.05), xlabel="digit")
        chart.tick_params(axis="x", length=0, pad=8)
    axes[1, 0].set_ylabel("share or probability")
    top.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

    scores = np.array([draw.scores for draw in draws])
    panels = bottom.subplots(1, 2)
    names = ("test accuracy", "soft log loss (nats)")
    for k, (axis, name) in enumerate(zip(panels, names, strict=True)):
        lines = axis.plot(scores[:, :, k].T, color="0.6", marker=".", lw=1)
        lines[0].set_label("one draw of votes")
        axis.plot(scores[:, :, k].mean(axis=0), "ks-", lw=3, ms=10, label="mean of the draws")
        ticks = [f"trained on\n{name}" for name in first.proba]
        axis.set(ylabel=name, xticks=[0, 1], xticklabels=ticks, xlim=(-0.4, 1.4))
    panels[1].axhline(floor, color="k", ls="--", label="lowest possible")
    bottom.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return save(figure, "annotators.png")


# --- part 2: strips of digits --------------------------------------------------------------------


def make_strips(
    images: np.ndarray, digits: np.ndarray, n_strips: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    strips = np.zeros((n_strips, 8, 24), dtype=np.float32)
    labels = np.zeros((n_strips, 10), dtype=int)
    chance = (STRIP_FREQUENCY / np.bincount(digits))[digits]
    chance /= chance.sum()
    for strip, label in zip(strips, labels, strict=True):
        places = rng.choice(3, size=rng.integers(1, 4), replace=False)
        for place, i in zip(places, rng.choice(len(digits), len(places), p=chance), strict=True):
            strip[:, 8 * place : 8 * place + 8] = images[i]
            label[digits[i]] = 1
    return strips.reshape(n_strips, -1), labels


def compare_cuts(images: np.ndarray, digits: np.ndarray, draw: int, bar: tqdm) -> StripDraw:
    """One net, two cuts: train, held-out and test strips share no image."""
    rng = np.random.default_rng(draw)
    parts = np.split(rng.permutation(len(digits)), [900, 1350])
    (X, Y), (X_held_out, Y_held_out), (X_test, Y_test) = (
        make_strips(images[part], digits[part], n_strips, rng)
        for part, n_strips in zip(parts, N_STRIPS, strict=True)
    )
    net = MultiLabelSigmoidClassifier(**SCHEDULE, alpha=1, random_state=draw).fit(X, Y)
    tuned, _ = optimal_thresholds(Y_held_out, net.predict_proba(X_held_out))
    predicted = [net.set_params(threshold=cut).predict(X_test) for cut in (0.5, tuned)]
    scores = np.array([set_scores(Y_test, answer) for answer in predicted])
    bar.update()
    return StripDraw(X_test, Y_test, net.predict_proba(X_test), tuned, predicted, scores)


def set_scores(truth: np.ndarray, answer: np.ndarray) -> list[float]:
    macro, micro = (f1_score(truth, answer, average=how) for how in ("macro", "micro"))
    return [macro, micro, accuracy_score(truth, answer)]


def draw_strips(draws: list[StripDraw]) -> Path:
    figure = plt.figure(figsize=(13, 10), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.35, 1))
    top.suptitle("Test strips, and the probability of each digit against its threshold")
    first = draws[0]
    half, tuned = ((answer == first.labels).all(axis=1) for answer in first.predicted)
    kinds = {
        "both cuts right": half & tuned,
        "only tuned right": ~half & tuned,
        "only 0.5 right": half & ~tuned,
        "both wrong": ~half & ~tuned,
    }
    axes = top.subplots(2, len(kinds), sharex="row", sharey="row", height_ratios=(1, 2.2))
    for (picture, chart), (kind, rows) in zip(axes.T, kinds.items(), strict=True):
        i = int(np.argmax(rows))
        show_pixels(picture, first.strips[i].reshape(8, 24), f"{kind} ({rows.mean():.0%})")
        for shown, color in (("not shown", LIGHT), ("shown", DARK)):
            where = first.labels[i] == (shown == "shown")
            chart.bar(DIGITS[where], first.proba[i, where], color=color, ec="k", label=shown)
        chart.plot(first.thresholds, "k_", ms=16, mew=3, label="tuned threshold")
        chart.axhline(0.5, color="k", ls=":", label="cut at 0.5")
        chart.set(xticks=DIGITS, ylim=(0, 1.05), xlabel="digit")
    axes[1, 0].set_ylabel("probability")
    top.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)

    by_digit = [[f1_score(d.labels, p, average=None) for p in d.predicted] for d in draws]
    f1 = np.mean(by_digit, axis=0)
    axis = bottom.subplots()
    axis.bar(DIGITS - 0.2, f1[0], 0.4, color=LIGHT, edgecolor="k", label="cut at 0.5")
    axis.bar(DIGITS + 0.2, f1[1], 0.4, color=DARK, edgecolor="k", label="tuned thresholds")
    axis.set(xticks=DIGITS, ylim=(0, 1), xlabel="digit, from common to rare", ylabel="test F1")
    bottom.legend(loc="outside lower center", ncols=2)
    return save(figure, "strips.png")


# --- tables, pictures, and the run ---------------------------------------------------------------


def show_pixels(axis: plt.Axes, pixels: np.ndarray, title: str) -> None:
    axis.imshow(pixels, cmap="gray_r")
    axis.set(title=title, xticks=[], yticks=[])


def save(figure: plt.Figure, name: str) -> Path:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUTPUT / name, dpi=100)
    plt.close(figure)
    return OUTPUT / name


def print_table(title: str, columns: list[str], names: list[str], scores: np.ndarray) -> None:
    """Means over draws of two rows of scores, and their paired difference."""
    difference = scores[:, 1] - scores[:, 0]
    error = difference.std(axis=0, ddof=1) / np.sqrt(len(scores))
    print(f"\n{title}\n" + " " * 24 + "".join(f"{column:>22}" for column in columns))
    for name, row in zip(names, scores.mean(axis=0), strict=True):
        print(f"  {name:<22}" + "".join(f"{value:22.3f}" for value in row))
    cells = [f"{m:+.3f} ± {e:.3f}" for m, e in zip(difference.mean(axis=0), error, strict=True)]
    print("  difference ± s.e.     " + "".join(f"{cell:>22}" for cell in cells))


def main() -> None:
    start = time.perf_counter()
    plt.switch_backend("Agg")
    pixels, digits = load_digits(return_X_y=True)
    pixels = pixels.astype(np.float32)
    eyes = vote_probabilities(pixels, digits)
    with progress(DRAWS * 2 * FITS_PER_SEARCH, "Part 1") as bar:
        votes = [compare_targets(pixels, digits, eyes, draw, bar) for draw in range(DRAWS)]
    images = pixels.reshape(-1, 8, 8) / 16
    with progress(STRIP_DRAWS, "Part 2") as bar:
        strips = [compare_cuts(images, digits, draw, bar) for draw in range(STRIP_DRAWS)]
    floor = float(np.mean([entropy(draw.shares, axis=1).mean() for draw in votes]))
    plt.rcParams.update({"font.size": 14, "figure.titlesize": 16})
    pictures = draw_votes(votes, floor), draw_strips(strips)

    print_table(
        f"1. Digits labelled by SIMULATED annotators: {VOTES_PER_IMAGE} votes an image out of "
        f"{len(SHARPNESS)}, mean of {DRAWS} draws",
        ["test accuracy", "soft log loss (nats)"],
        [f"from {name}" for name in votes[0].proba],
        np.array([draw.scores for draw in votes]),
    )
    print(f"  no probabilities can have a soft log loss below {floor:.3f} nats here")
    print_table(
        f"2. Sets of digits on strips: mean of {STRIP_DRAWS} draws, test strips",
        ["macro-F1", "micro-F1", "subset accuracy"],
        ["cut at 0.5", "tuned thresholds"],
        np.array([draw.scores for draw in strips]),
    )
    where = ", ".join(str(picture) for picture in pictures)
    print(f"\nPictures: {where}\nTotal time: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
