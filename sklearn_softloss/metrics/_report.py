"""How good a multi-label model is, label by label, beside two that have learned nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._table import Table
from .._targets.encoding import Array
from .._targets.labels import warn_of_never_absent
from ._averages import averaged, label_sums
from ._multilabel import binary_log_losses, squared_errors, subset_accuracy
from .blocks import LabelBlocks
from .calibration_error import expected_calibration_error
from .confusion import Counts, fbeta_parts, ratio

MODELS = ("model", "all_zero", "prior")


@dataclass(frozen=True)
class MultilabelReport:
    """Scores of a multi-label model and of two baselines; printed, a table.

    Attributes
    ----------
    label_names : ndarray of shape (n_labels,)
    known, support : ndarray of shape (n_labels,)
        Weight of the known entries of each label, and the sum of their targets.
    per_label : dict of dict of ndarray of shape (n_labels,)
        For "model", "all_zero" and "prior": log_loss (nats), d2_log_loss, brier_score,
        d2_brier_score, calibration_error, hamming_loss, precision, recall and f1_score.
    aggregate : dict of dict of float
        The same over all known entries (calibration_error and macro_f1_score are means over
        labels), and subset_accuracy.
    """

    label_names: Array
    known: Array
    support: Array
    per_label: dict[str, dict[str, Array]]
    aggregate: dict[str, dict[str, float]]

    def to_frame(self) -> Any:
        """The scores of each label as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row a label; columns "known", "support" and one a score, for the baselines as
            "log_loss (prior)".
        """
        return Table(self._rows()).to_frame()

    def _repr_html_(self) -> str:
        return Table(self._rows())._repr_html_()

    def _rows(self) -> list[dict[str, Any]]:
        cells = {"label": self.label_names, "known": self.known, "support": self.support}
        for model in MODELS:
            after = "" if model == "model" else f" ({model})"
            cells |= {f"{name}{after}": part for name, part in self.per_label[model].items()}
        return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]

    def __str__(self) -> str:
        lines = [f"{'':20}" + "".join(f"{name:>11}" for name in MODELS)]
        for score in self.aggregate["model"]:
            values = [self.aggregate[name][score] for name in MODELS]
            lines.append(f"{score:20}" + "".join(f"{value:11.4f}" for value in values))
        width = max(20, *(len(str(name)) for name in self.label_names))
        columns = {
            "known": self.known,
            "support": self.support,
            "log loss": self.per_label["model"]["log_loss"],
            "D2": self.per_label["model"]["d2_log_loss"],
            "accuracy": 1 - self.per_label["model"]["hamming_loss"],
            "all zero": 1 - self.per_label["all_zero"]["hamming_loss"],
            "precision": self.per_label["model"]["precision"],
            "recall": self.per_label["model"]["recall"],
            "F1": self.per_label["model"]["f1_score"],
        }
        lines += ["", f"{'label':{width}}" + "".join(f"{title:>11}" for title in columns)]
        for row, name in enumerate(self.label_names):
            cells = [f"{values[row]:11.6g}" for values in list(columns.values())[:2]]
            cells += [f"{values[row]:11.4f}" for values in list(columns.values())[2:]]
            lines.append(f"{name!s:{width}}" + "".join(cells))
        return "\n".join(lines)


def multilabel_report(
    y_true: Any,
    y_proba: Any,
    *,
    threshold: ArrayLike = 0.5,
    label_names: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> MultilabelReport:
    r"""Scores per label and over all labels, beside a model of zeros and the prior.

    The two know nothing of X: "all_zero" gives every label the probability 0, "prior" its mean in
    `y_true`. Where labels are rare, predicting none of them is right nearly always.

    Parameters
    ----------
    y_true, y_proba : array-like or sparse matrix
        As in `multilabel_log_loss`.
    threshold : float or array-like of shape (n_labels,), default=0.5
        A label is decided to be present where its probability is >= its threshold.
    label_names : array-like of shape (n_labels,), default=None
        By default the columns of `y_true` if that is a DataFrame, else numbers.
    sample_weight : array-like, default=None
        As in `multilabel_log_loss`.

    Returns
    -------
    MultilabelReport
        A label without a known entry has NaN.

    Examples
    --------
    >>> from sklearn_softloss.metrics import multilabel_report
    >>> y_true = [[1, 0], [0, 0], [1, -1], [0, 1]]
    >>> y_proba = [[0.9, 0.1], [0.2, 0.3], [0.6, 0.5], [0.4, 0.6]]
    >>> report = multilabel_report(y_true, y_proba, label_names=["urgent", "spam"])
    >>> report.per_label["model"]["f1_score"]
    array([1., 1.])
    >>> print("\n".join(str(report).splitlines()[:4]))
                             model   all_zero      prior
    log_loss                0.3319   303.5985     0.6689
    brier_score             0.0900     0.4286     0.2381
    hamming_loss            0.0000     0.4286     0.4286
    """
    blocks = LabelBlocks(y_true, y_proba, sample_weight)
    shape = (blocks.n_samples, blocks.n_columns)
    cut = _one_a_label("threshold", threshold, blocks.n_columns)
    columns = getattr(y_true, "columns", range(blocks.n_columns))
    given = list(columns) if label_names is None else label_names
    names = _one_a_label("label_names", given, blocks.n_columns)
    known, support = label_sums(blocks, lambda truth, proba: truth)
    warn_of_never_absent(names[(known > 0) & (support == known)])
    prior = ratio(support, known)
    predictions = (y_proba, np.broadcast_to(0.0, shape), np.broadcast_to(prior, shape))
    per_label, aggregate = {}, {}
    for model, proba in zip(MODELS, predictions, strict=True):
        per_label[model], aggregate[model] = _scores(y_true, proba, cut, sample_weight)
    for table in (per_label, aggregate):
        for model in MODELS:
            for loss in ("log_loss", "brier_score"):
                table[model][f"d2_{loss}"] = _explained(table[model][loss], table["prior"][loss])
    return MultilabelReport(names, known, support, per_label, aggregate)


def _one_a_label(name: str, given: Any, n_labels: int) -> Array:
    found = np.asarray(given)
    if found.shape not in ((), (n_labels,)):
        raise ValueError(
            f"{name} must have one entry for each of the {n_labels} labels; its shape is "
            f"{found.shape}."
        )
    return np.broadcast_to(found, n_labels)


def _scores(
    y_true: Any, y_proba: Any, threshold: Array, sample_weight: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Scores of each label, and of all together."""

    def decide(proba: Array) -> Array:
        return (proba >= threshold).astype(np.float64)

    blocks = LabelBlocks(y_true, y_proba, sample_weight)
    known, support, losses, squares, hits, decided = label_sums(
        blocks,
        lambda truth, proba: truth,
        binary_log_losses,
        squared_errors,
        lambda truth, proba: truth * decide(proba),
        lambda truth, proba: decide(proba),
    )
    quotients = {
        "log_loss": (losses, known),
        "brier_score": (squares, known),
        "hamming_loss": (support + decided - 2 * hits, known),
        "precision": (hits, decided),
        "recall": (hits, support),
        "f1_score": fbeta_parts(Counts(hits, decided, support, known)),
    }
    per_label = {name: averaged(*sums, None, known=known) for name, sums in quotients.items()}
    together = {name: averaged(*sums, "micro", known=known) for name, sums in quotients.items()}
    together["macro_f1_score"] = float(np.nanmean(per_label["f1_score"]))
    together["subset_accuracy"] = subset_accuracy(blocks, decide)
    per_label["calibration_error"] = expected_calibration_error(
        y_true, y_proba, kind="labelwise", average=None, sample_weight=sample_weight
    )
    together["calibration_error"] = float(np.nanmean(per_label["calibration_error"]))
    return per_label, together


def _explained(loss: Any, of_prior: Any) -> Any:
    """Share of the prior's loss that a model saves; NaN where the prior has none."""
    loss, of_prior = np.asarray(loss), np.asarray(of_prior)
    share = np.full(loss.shape, np.nan)
    np.divide(loss, of_prior, out=share, where=of_prior > 0)
    return 1 - share if share.ndim else float(1 - share)
