"""Draws _static/standing.png: our loss beside those of peers, read off the pages of figures.

For each kind of data a bar is the geometric mean, over the sets of a page, of the loss of a model
over that of a linear one. A model that lacks a set of the page is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import matplotlib.pyplot as plt

DOCS = Path(__file__).parent
PAGES, PICTURE = DOCS / "benchmarks", DOCS / "_static" / "standing.png"
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "0.75"

OURS = "ours"
NAMES = {
    "SoftTargetMLPClassifier": OURS,
    "MultiLabelSigmoidClassifier": OURS,
    "SoftLossMLPRegressor": OURS,
    "ours, defaults": OURS,
    "one-vs-rest logistic regression": "logistic regression",
    "SA-BFGS": "softmax regression",
    "DF-LDL(StructTree)": "DF-LDL",
    "RealMLP_TD_S": "RealMLP",
}
"""What a model is called here, where that is not the head of its column."""

NO_MODELS = {"s", "four neighbours"}
"""Columns of seconds, and those that only check another one."""

NO_SETS = ("ratio to", "average rank", "mean accuracy", "fit, s")
"""How rows begin that are of no set."""

Losses = dict[str, dict[str, float]]
"""By set, then by model."""


class Kind(NamedTuple):
    """A kind of data, and where its figures are.

    Attributes
    ----------
    title, loss : str
    page : str
        Its name, without the ending.
    corner : str
        Head of the first column of its table.
    linear : str
        The model that counts as 1.
    is_score : bool
        Whether the figures are scores up to 1; what they lack is the loss.
    turned : tuple of str, default=None
        Of a further table with a row a model: its corner, a column, what its set is called.
    """

    title: str
    loss: str
    page: str
    corner: str
    linear: str = "logistic regression"
    is_score: bool = False
    turned: tuple[str, str, str] | None = None


KINDS = (
    Kind("Tables", "log loss", "tables", "table"),
    Kind("Texts", "log loss", "text", "set", turned=("classifier", "log loss", "goemotions")),
    Kind("Votes and shares", "KL", "label_distributions", "kl", linear="softmax regression"),
    Kind(
        "Label sets",
        "1 - ranking precision",
        "multilabel",
        "ranking average precision",
        is_score=True,
    ),
    Kind("Numbers", "squared error", "regression", "set", linear="ridge"),
)


def tables_of(page: str) -> Iterator[list[list[str]]]:
    """The tables of a page as rows of cells, the heads first."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()]
        yield [lines[0], *lines[2:]]


def losses_of(kind: Kind) -> Losses:
    """The figures of the first of the widest tables that hold ours and the linear model."""
    found: dict[int, Losses] = {}
    for heads, *rows in tables_of(kind.page):
        models = [NAMES.get(head, head) for head in heads[1:]]
        if heads[0] == kind.corner and {OURS, kind.linear} <= set(models):
            named = (
                (name, dict(zip(models, cells, strict=True)))
                for name, *cells in rows
                if not name.startswith(NO_SETS)
            )
            losses = {
                name: {
                    model: (1 - number(cell)) if kind.is_score else number(cell)
                    for model, cell in cells.items()
                    if cell not in ("", "-") and model not in NO_MODELS
                }
                for name, cells in named
            }
            found.setdefault(len(heads), losses)
    if not found:
        raise ValueError(f"{kind.page}.md has no table of {kind.corner!r} with {kind.linear}.")
    losses = found[max(found)]
    if kind.turned is not None:
        losses[kind.turned[2]] = turned_losses(kind)
    return losses


def turned_losses(kind: Kind) -> dict[str, float]:
    """The column of a table that has a row a model."""
    assert kind.turned is not None
    corner, column, _ = kind.turned
    rows = next(rows for rows in tables_of(kind.page) if rows[0][0] == corner)
    place = rows[0].index(column)
    return {NAMES.get(row[0], row[0]): number(row[place]) for row in rows[1:]}


def number(cell: str) -> float:
    """The one that a cell begins with."""
    return float(cell.split()[0])


def ratios_of(kind: Kind) -> dict[str, float]:
    """Geometric means of the losses over those of the linear model, the least first."""
    sets = list(losses_of(kind).values())
    models = set.intersection(*(set(losses) for losses in sets))
    ratios = {
        model: exp(fmean(log(losses[model] / losses[kind.linear]) for losses in sets))
        for model in models
    }
    return dict(sorted(ratios.items(), key=lambda item: (item[1], item[0] != OURS)))


def figures() -> str:
    """What the picture shows, as the text that goes with it in its file."""
    return json.dumps(
        {
            kind.title: {model: f"{ratio:.3f}" for model, ratio in ratios_of(kind).items()}
            for kind in KINDS
        }
    )


def draw(kind: Kind, ax: plt.Axes) -> None:
    """A bar for each model, from 1 to its ratio; those that beat ours stand out."""
    ratios = ratios_of(kind)
    for place, (model, ratio) in enumerate(ratios.items()):
        is_ours, is_ahead = model == OURS, ratio < ratios[OURS]
        color = BLUE if is_ours else ORANGE if is_ahead else GREY
        ax.barh(place, ratio - 1, left=1, height=0.72, color=color)
        is_left = ratio < 1
        ax.annotate(
            f"{ratio:.2f}",
            (ratio, place),
            (-4 if is_left else 4, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            weight="bold" if is_ours else "normal",
        )
    ax.axvline(1, color="0.3", lw=1)
    ax.set_yticks(range(len(ratios)), ratios)
    ax.get_yticklabels()[list(ratios).index(OURS)].set_weight("bold")
    title = f"{kind.title}: {kind.loss}, {len(losses_of(kind))} sets"
    ax.set_title(title, loc="left", fontsize=11, weight="bold")
    ax.set_ylim(len(ratios) - 0.4, -0.6)
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)


def main() -> None:
    plt.switch_backend("Agg")
    plt.rcParams.update({"font.size": 10.5})
    n_bars = [len(ratios_of(kind)) for kind in KINDS]
    figure, axes = plt.subplots(
        len(KINDS),
        1,
        figsize=(5.4, 0.21 * sum(n_bars) + 0.42 * len(KINDS) + 0.7),
        height_ratios=n_bars,
        sharex=True,
        layout="constrained",
    )
    for kind, ax in zip(KINDS, axes, strict=True):
        draw(kind, ax)
    ratios = [ratio for kind in KINDS for ratio in ratios_of(kind).values()]
    axes[0].set(xscale="log", xlim=(min(*ratios) / 1.25, max(*ratios) * 1.25))
    axes[-1].set_xticks([], minor=True)
    axes[-1].set_xticks([0.5, 1], ["half", "the linear model's"])
    figure.suptitle("Loss in multiples of a linear model's: less is better", fontsize=11)
    figure.savefig(PICTURE, dpi=200, metadata={"Description": figures()})


if __name__ == "__main__":
    main()
