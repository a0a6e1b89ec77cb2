"""How each page of figures opens: a sentence and a small table or a picture; the rest is below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import shorten
from typing import NamedTuple

from .tables import table

MOST_COLUMNS, MOST_ROWS = 6, 14
"""Larger tables are folded, and never open a page."""


class Lead(NamedTuple):
    """What a page opens with.

    Attributes
    ----------
    sentence : str or None
        None where the page's own first paragraph says it.
    table : int
        Which of the page's tables is shown.
    columns : sequence of int or None
        Which of its columns; None shows all of them, and moves the table up.
    only : str or None
        Shows only the rows that have this cell.
    picture : str or None
        A line of Markdown, in place of a table.
    """

    sentence: str | None = None
    table: int = 0
    columns: Sequence[int] | None = None
    only: str | None = None
    picture: str | None = None


LEADS = {
    "annotators": Lead(
        "What each method says of the shares of answers and of single annotators on rows it has "
        "not seen (md_agreement); lower is better.",
        columns=(0, 1, 3, 5),
    ),
    "calibration": Lead(
        "Log loss (nats) against votes on test rows: before, and after a temperature that was "
        "fitted to majority votes or to the votes as they are.",
        table=3,
        columns=(0, 1, 4, 5, 6),
    ),
    "columns": Lead(
        "How far answers are from the true probabilities (KL divergence, nats) where X is a frame "
        "with categories and gaps; lower is better.",
        columns=(0, 1, 2, 3, 4),
    ),
    "data_parallel": Lead(),
    "decisions": Lead(
        "Macro F1 on test rows, cut at 0.5 and with cut-offs tuned out of fold; higher is better.",
        columns=(0, 1, 2, 3, 4, 5),
    ),
    "defaults": Lead(
        "What one change of a default does to the loss on some of the sets; lower is better.",
        columns=(0, 1, 2, 6, 9, 10),
    ),
    "hard_labels": Lead(
        "Log loss (nats) of class labels beside `MLPClassifier`, both at their defaults; lower is "
        "better.",
        columns=(0, 1, 2, 3, 4),
    ),
    "label_distributions": Lead(
        "KL divergence (nats) of thirteen sets, beside the best of four printed methods; lower is "
        "better.",
        table=1,
        columns=(0, 2, 4, 5, 6, 7),
        only="kl",
    ),
    "label_distributions_shuffled": Lead(
        "KL divergence (nats) beside the algorithms of PyLDL, all run here; lower is better.",
        columns=(0, 1, 2, 3, 9),
    ),
    "many_labels": Lead(),
    "memory": Lead("What a fit adds to the memory beside X, by the size of X."),
    "metrics": Lead("Time and added memory of the metrics beside scikit-learn's."),
    "multilabel": Lead(
        "Ranking average precision on test rows beside the best of six peers; higher is better.",
        columns=(0, 1, 3, 4, 5),
    ),
    "regression": Lead(
        "Squared error of standardised targets on rows not seen; lower is better.",
        columns=(0, 1, 3, 4, 5, 6),
    ),
    "searches": Lead(),
    "semi_supervised": Lead(
        "Accuracy on test rows by the number of labels, the other rows being known without one.",
        picture="![Accuracy against the number of labels](semi_supervised_digits.png)",
    ),
    "serving": Lead(),
    "speed": Lead(
        "How many times as long others take for the same training or prediction.",
        picture="![Ratios](speed.png)",
    ),
    "splits": Lead(
        "The largest difference between the share of a label in a fold and in all rows; lower is "
        "better.",
        columns=(0, 1, 2, 3, 4, 5),
    ),
    "step": Lead("Where the microseconds of a training step go.", columns=(0, 1, 2, 5, 9, 10)),
    "tables": Lead(
        "Log loss (nats) of small tables, all models at their defaults; lower is better.",
        columns=(0, 1, 2, 3, 5, 6),
    ),
    "text": Lead(
        "Label sets of comments beside logistic regression whose penalty was tuned.",
        table=1,
        columns=(0, 1, 2, 3, 4),
    ),
    "threads": Lead("Seconds of eight fits one after the other, and in two threads."),
}
"""By the name of the page."""


def arranged(name: str, paragraphs: Sequence[str]) -> list[str]:
    """The paragraphs of a page: its lead, what follows from it, and last how it was measured."""
    lead = LEADS[name]
    title, *rest = paragraphs
    first_part = next((i for i, text in enumerate(rest) if text.startswith("#")), len(rest))
    made = [
        text
        for i, text in enumerate(rest)
        if "Written by `" in text or (i < first_part and re.match(r"\d{4}-\d\d-\d\d, ", text))
    ]
    rest = [text for text in rest if text not in made]
    sentence = lead.sentence or rest.pop(0)
    if lead.picture is not None:
        shown = lead.picture
        rest = [text for text in rest if text != shown]
    else:
        tables = [text for text in rest if is_table(text)]
        shown = part_of(tables[lead.table], lead.columns, lead.only)
        if lead.columns is None:
            place = rest.index(tables[lead.table])
            is_alone = place > 0 and rest[place - 1].startswith("#")
            del rest[place - is_alone : place + 1]  # with a heading that was for it alone
    body = [folded(text) if is_large(text) else text for text in rest]
    return [title, sentence, shown, *body, "## How this was measured", *made]


def is_table(text: str) -> bool:
    return text.startswith("|")


def size_of(text: str) -> tuple[int, int]:
    """Rows and columns."""
    lines = text.splitlines()
    return len(lines) - 2, lines[1].count("---")


def is_large(text: str) -> bool:
    if not is_table(text):
        return False
    n_rows, n_columns = size_of(text)
    return n_rows > MOST_ROWS or n_columns > MOST_COLUMNS


def part_of(text: str, columns: Sequence[int] | None, only: str | None) -> str:
    """Some columns, and the rows that have a cell."""
    heads, _, *rows = map(cells_of, text.splitlines())
    columns = range(len(heads)) if columns is None else columns
    kept = [row for row in rows if only is None or only in row]
    return table([heads[i] for i in columns], [[row[i] for i in columns] for row in kept])


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line[1:-1].split("|")]


def folded(text: str) -> str:
    """A table that opens on a click."""
    heads = filter(None, cells_of(text.splitlines()[0]))
    what = shorten(", ".join(heads), 70, placeholder=" ...")
    return f"<details><summary>{what}</summary>\n\n{text}\n\n</details>"
