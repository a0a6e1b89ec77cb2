"""Long tables of answers (item, annotator, answer): how they are told from wide ones."""

from __future__ import annotations

from typing import Any

import numpy as np

ROLES = {
    "item": {"item", "task", "text", "example", "instance", "document", "image", "question"},
    "annotator": {"annotator", "worker", "rater", "user", "coder", "judge", "labeler", "labeller"},
    "answer": {"answer", "label", "vote", "response", "annotation", "rating", "judgment", "class"},
}
"""What people call the three columns."""

FEWEST_ITEMS = 5
OWN = 0.8
"""Share of its values that an item column shares with no other column, at least."""


def refuse_annotations(y: Any) -> None:
    """Raise where answers of annotators stand for targets, of which they might pass for some."""
    if type(y).__name__ == "Annotations":
        raise ValueError(
            "y holds the answers of annotators: AnnotatorMLPClassifier takes them as they are, "
            "others their shares, sklearn_softloss.targets.vote_shares(y)[0]."
        )


def refuse_long_table(table: Any, *, of_votes: bool) -> None:
    """Raise for a table of one answer a row, with the line that pivots it: it has a column named
    for each role, or three, in one of which almost all values occur in no other, and only once
    beside a value of another; of numbers only if `of_votes`."""
    found = _roles_by_name(table)
    if found is None and np.shape(table)[1:] == (3,):
        values = np.asarray(table)
        if of_votes or values.dtype.kind not in "biuf":
            columns = list(table.columns) if hasattr(table, "columns") else [0, 1, 2]
            found = _roles_by_values(columns, values.astype(object).T.tolist())
    if found is not None:
        name = "frame[{!r}]" if hasattr(table, "columns") else "table[:, {!r}]"
        item, annotator, answer = (name.format(column) for column in found)
        raise ValueError(
            "This is a long table, with one answer a row. One row an item and one column an "
            "annotator is what is needed: "
            f"sklearn_softloss.targets.annotation_matrix({item}, {annotator}, {answer}).matrix"
        )


def _roles_by_name(table: Any) -> list[Any] | None:
    columns = getattr(table, "columns", ())
    fitting = [[name for name in columns if _stem(name) in words] for words in ROLES.values()]
    return [names[0] for names in fitting] if all(fitting) else None


def _stem(column: Any) -> str:
    """The name without "_id", a plural s and capitals."""
    name = str(column).strip().lower().replace(" ", "_")
    return name.removesuffix("_id").removesuffix("_ids").removesuffix("s")


def _roles_by_values(columns: list[Any], values: list[list[Any]]) -> list[Any] | None:
    distinct = [set(map(str, column)) for column in values]
    item, annotator, answer = sorted(range(3), key=lambda j: -len(distinct[j]))
    own = distinct[item] - distinct[annotator] - distinct[answer]
    if len(distinct[item]) < FEWEST_ITEMS or len(own) < OWN * len(distinct[item]):
        return None
    if len(set(zip(values[item], values[annotator], strict=True))) < len(values[item]):
        return None
    return [columns[j] for j in (item, annotator, answer)]
