"""How far to believe a pseudo-label: its evidence beyond the class prior, tempered and weighed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import rel_entr, softmax
from scipy.stats import entropy

from .._targets.encoding import Array
from ..calibration.softmax import best_temperature
from ._partly_labelled import has_label
from ._split import LabelledStratifiedKFold

N_PARTS = 5
LEAST_PROBABILITY = 1e-6
TEMPERATURES = 0.1, 1e4
"""The least and the largest that held-out labels may ask for."""


def tempered(proba: Array, prior: Array, temperature: float) -> Array:
    """Rows proportional to prior * (proba / prior) ** (1 / temperature); 0 where the prior is."""
    if temperature == 1:
        return proba
    found = np.zeros_like(proba)
    log_prior, evidence = _log_evidence(proba, prior)
    found[:, prior > 0] = softmax(log_prior + evidence / temperature, axis=1)
    return found


def held_out_temperature(proba: Array, prior: Array, y_soft: Array) -> float:
    """The temperature under which rows have the least log loss against labels they never saw."""
    log_prior, evidence = _log_evidence(proba, prior)
    truth, weight = y_soft[:, prior > 0], np.ones(len(proba))
    return best_temperature(evidence, truth, weight, TEMPERATURES, log_prior[:, None])


def _log_evidence(proba: Array, prior: Array) -> tuple[Array, Array]:
    """Logarithms of the prior and of proba / prior, of the classes that occur."""
    log_prior = np.log(prior[prior > 0])
    return log_prior, np.log(np.maximum(proba[:, prior > 0], LEAST_PROBABILITY)) - log_prior


def confidence(proba: Array, prior: Array) -> Array:
    """What each row knows beyond the prior: KL(row, prior) / entropy(prior), at most 1."""
    return np.clip(rel_entr(proba, prior).sum(axis=1) / entropy(prior), 0.0, 1.0)


def hidden_labels(y_soft: Array) -> Iterator[tuple[Array, Array]]:
    """Parts of the labelled rows: y with the labels of one part hidden, and the rows to judge by.
    Rows whose class no other labelled row shows cannot be judged by."""
    n_labelled = int(has_label(y_soft).sum())
    if n_labelled < 2:
        return
    folds = LabelledStratifiedKFold(min(N_PARTS, n_labelled), shuffle=False)
    for _, part in folds.split(y_soft, y_soft):
        hidden = y_soft.copy()
        hidden[part] = np.nan
        shown = np.nansum(hidden, axis=0) > 0
        judged = part[shown[y_soft[part].argmax(axis=1)]]
        if len(judged) and shown.sum() > 1:
            yield hidden, judged
