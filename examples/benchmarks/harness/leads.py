"""The layout of a page of figures: one sentence, one table, and all else under "Details"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .tables import table

MOST_COLUMNS = 7
"""Of a table that a page opens with."""

DETAILS = "## Details"


class Lead(NamedTuple):
    """What a page opens with.

    Attributes
    ----------
    sentence : str
        What to take from the page; read it again beside figures that were written anew.
    table : int
        Which of the page's tables is shown.
    columns : sequence of int or None
        Which of its columns; None shows all of them, and moves the table up.
    """

    sentence: str
    table: int = 0
    columns: Sequence[int] | None = None


LEADS = {
    "annotators": Lead(
        "On votes about offence (MD-Agreement) the net that knows who said what errs least about "
        "single annotators, is as good on shares as the plain net, and fits in a second.",
    ),
    "calibration": Lead(
        "A temperature fitted to the votes has a lower log loss (nats) than before and than one "
        "fitted to majority votes, which can make it worse.",
        table=3,
        columns=(0, 1, 4, 5, 6),
    ),
    "columns": Lead(
        "A frame with categories and gaps, passed as it is, is learnt as well, or nearly, as after "
        "encoding it by hand (KL divergence from the true probabilities, nats; lower is better).",
    ),
    "data_parallel": Lead(
        "Two processes pay where a step computes long beside the exchange of its gradients: take "
        "large batches.",
    ),
    "decisions": Lead(
        "Cut-offs tuned out of fold never lower the macro F1 of a cut at 0.5, and raise it much on "
        "medical, bibtex and delicious.",
    ),
    "defaults": Lead(
        "No change of a default is better on all data; without the choice of decay and dropout the "
        "loss of tables grows by three quarters (lower is better).",
        columns=(0, 1, 2, 6, 9, 10),
    ),
    "hard_labels": Lead(
        "On class labels the log loss (nats; lower is better) is below that of `MLPClassifier` on "
        "three of four sets and equal on one, both at their defaults.",
        columns=(0, 1, 2, 3, 4),
    ),
    "label_distributions": Lead(
        "On thirteen sets the KL divergence (nats) is better than the best of four printed methods "
        "once, worse three times, and a tie on nine.",
    ),
    "label_distributions_shuffled": Lead(
        "On SJAFFE the KL divergence (nats; lower is better) is below that of all algorithms of "
        "PyLDL that run, each at its defaults.",
        columns=(0, 1, 2, 3, 9),
    ),
    "many_labels": Lead(
        "Targets stay sparse, and a batch at a time becomes dense: a fit of ten thousand labels "
        "takes three and a half times as long as one of a thousand.",
    ),
    "memory": Lead(
        "What a fit adds beside X grows little with X: 219 MB where X is a file of 4 GB.",
    ),
    "metrics": Lead(
        "Where scikit-learn has the metric ours takes less time and some megabytes where that adds "
        "a gigabyte or two.",
    ),
    "multilabel": Lead(
        "Ranking average precision (higher is better) is ahead of the best of six peers on four of "
        "ten sets, behind on one, and a tie on five.",
        columns=(0, 1, 3, 4, 5),
    ),
    "regression": Lead(
        "The squared error of standardised targets (lower is better) has the best average rank; on "
        "single sets CatBoost, a forest or ridge is ahead.",
    ),
    "searches": Lead(
        "Searches that prune find candidates as good as the grid's best, or nearly, in 8 to 54 % "
        "of its time.",
    ),
    "semi_supervised": Lead(
        "On scikit-learn's digits the graph of neighbours is the most accurate at every number of "
        "labels; on texts nothing gains more than a hundredth on training with the labelled rows "
        "alone.",
    ),
    "serving": Lead(
        "An ONNX model answers one row in a quarter of the time (microseconds), and many rows in "
        "about the same; its answers are equal but for rounding ([how](../guide/saving.md)).",
    ),
    "speed": Lead(
        "scikit-learn, skorch and, but once, a plain loop in torch take longer for the same step "
        "or call, by the factors shown.",
    ),
    "splits": Lead(
        "The largest difference between the share of a label in a fold and in all rows is the "
        "smallest with `MultiLabelStratifiedKFold`.",
    ),
    "step": Lead(
        "The microseconds of a training step go into matrix products where nets are large, and "
        "into Python and calls where they are small.",
        columns=(0, 1, 2, 5, 9, 10),
    ),
    "tables": Lead(
        "On 14 small tables, all models at their defaults, the log loss (nats; lower is better) is "
        "half that of `MLPClassifier`, and has the best average rank.",
        columns=(0, 1, 2, 3, 5, 6),
    ),
    "text": Lead(
        "Label sets of texts come out as by a logistic regression whose penalty was tuned, without "
        "tuning.",
        table=1,
    ),
    "threads": Lead(
        "Two threads take 0.6 of the time of one where steps compute long, and more than one where "
        "they are small (seconds of eight fits).",
    ),
}
"""By the name of the page."""


def arranged(name: str, paragraphs: Sequence[str]) -> list[str]:
    """The paragraphs of a page: its lead, how it was measured, and folded what else was."""
    lead = LEADS[name]
    title, *rest = paragraphs
    whole = [text for text in rest if is_table(text)][lead.table]
    if lead.columns is None:
        shown = whole
        place = rest.index(whole)
        rest[place : place + 1] = []
    else:
        shown = part_of(whole, lead.columns)
    method, *sections = sections_of(rest)
    folds = []
    for heading, *texts in sections:
        if any(map(is_shown, texts)):
            folds.append(folded(heading, texts))
        else:
            method += texts  # of the table above
    return [title, lead.sentence, shown, DETAILS, *method, *folds]


def sections_of(paragraphs: Sequence[str]) -> list[list[str]]:
    """What comes before the first heading, then heading and paragraphs of each section."""
    found: list[list[str]] = [[]]
    for text in paragraphs:
        if text.startswith("## "):
            found.append([])
        found[-1].append(text)
    return found


def is_table(text: str) -> bool:
    return text.startswith("|")


def is_shown(text: str) -> bool:
    """Whether it is a table or a list."""
    return text.startswith(("|", "- "))


def part_of(text: str, columns: Sequence[int]) -> str:
    heads, _, *rows = map(cells_of, text.splitlines())
    return table([heads[i] for i in columns], [[row[i] for i in columns] for row in rows])


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line[1:-1].split("|")]


def folded(heading: str, texts: Sequence[str]) -> str:
    """A section that opens on a click; headings inside it become lines in bold."""
    summary = heading.removeprefix("## ").replace("`", "")
    body = [
        re.sub(r"^### (.*)$", r"**\1**", text)
        for text, after in zip(texts, [*texts[1:], "### "], strict=True)
        if not (text.startswith("### ") and after.startswith("### "))  # its table was moved up
    ]
    return "\n\n".join([f"<details><summary>{summary}</summary>", *body, "</details>"])
