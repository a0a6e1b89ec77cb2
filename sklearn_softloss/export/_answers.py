"""What a fitted estimator answers, in torch: from rows, or from probabilities of those inside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from .._probability import DEFAULT_THRESHOLD
from .._targets.encoding import Array
from ..calibration import SoftCalibratedClassifierCV
from ..classifiers import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from ..decision import TunedDecisionClassifierCV
from ..regressor import SoftLossMLPRegressor
from ._calibrators import calibration_in_torch
from ._graph import TorchFunction
from ._rules import decision_in_torch


@dataclass(frozen=True)
class Answers:
    """A step of the graph.

    Attributes
    ----------
    function : callable (Tensor, ...) -> tuple of Tensor
        From rows, or from the probabilities of each classifier inside, float64.
    outputs : tuple of str
        What the tensors of the answer are. "label" holds places in `classes`, or 0 and 1 a label,
        int64; all others are float64.
    classes : ndarray or None
        Of the label, where it names one of several.
    inside : tuple of estimator
        Whose probabilities are read; none where rows are.
    columns : tuple of int
        Of each input; -1 for rows.
    reads : nn.Module or None
        The net that the function calls.
    """

    function: TorchFunction
    outputs: tuple[str, ...]
    classes: Array | None = None
    inside: tuple[Any, ...] = ()
    columns: tuple[int, ...] = (-1,)
    reads: nn.Module | None = None

    def shape_of(self, output: str) -> list[None]:
        """Shape of an answer, with nothing said of the sizes."""
        if output == "label" and self.classes is not None:
            return [None]
        return [None] * (3 if output == "quantiles" else 2)


@singledispatch
def answers_of(estimator: Any) -> Answers:
    """The step that a fitted estimator of this package is."""
    raise ValueError(f"{type(estimator).__name__} cannot be exported; export what is inside it.")


def exportable() -> tuple[type, ...]:
    """The estimators that `answers_of` knows."""
    return tuple(found for found in answers_of.registry if found is not object)


# --- nets ----------------------------------------------------------------------------------------


def _logits_of(estimator: Any) -> tuple[Callable[[Tensor], Tensor], nn.Module]:
    """What gives float64 logits of rows, and the module in it."""
    module = copy.deepcopy(estimator.net_.module_).cpu().eval()
    like = next(module.parameters(), torch.empty(0, dtype=torch.float64))
    return lambda X: module(X.to(like.dtype)).double(), module


@answers_of.register
def _(estimator: SoftTargetMLPClassifier) -> Answers:
    logits, module = _logits_of(estimator)
    is_distribution = estimator.net_.criterion_.domain.rows_sum_to_one

    def function(X: Tensor) -> tuple[Tensor, ...]:
        confidence = estimator._link(logits(X))
        proba = estimator._as_distribution(confidence)
        return (proba.argmax(1), proba, confidence)[: len(outputs)]

    outputs = ("label", "probabilities", "confidence")[: 2 if is_distribution else 3]
    return Answers(function, outputs, estimator.classes_, reads=module)


@answers_of.register
def _(estimator: MultiLabelSigmoidClassifier) -> Answers:
    logits, module = _logits_of(estimator)
    cuts = torch.tensor(estimator._cuts())
    from_vector = estimator._from_vector

    def function(X: Tensor) -> tuple[Tensor, ...]:
        confidence = estimator._link(logits(X))
        present = (confidence >= cuts).long()
        if from_vector:
            return present[:, 0], torch.cat([1 - confidence, confidence], 1)
        return present, confidence

    classes = estimator.classes_ if from_vector else None
    return Answers(function, ("label", "probabilities"), classes, reads=module)


@answers_of.register
def _(estimator: SoftLossMLPRegressor) -> Answers:
    logits, module = _logits_of(estimator)
    links: dict[str, Callable[[Tensor], Tensor]] = {"variable": estimator._link}
    if hasattr(estimator, "predict_std"):
        links["std"] = estimator._std_link
    elif hasattr(estimator, "predict_quantiles"):
        links["quantiles"] = estimator._quantile_link()

    def function(X: Tensor) -> tuple[Tensor, ...]:
        found = logits(X)
        return tuple(link(found) for link in links.values())

    return Answers(function, tuple(links), reads=module)


# --- around classifiers --------------------------------------------------------------------------


def _aligned(estimator: Any, known: Array | None) -> tuple[int, Callable[[Tensor], Tensor]]:
    """How many probabilities a classifier gives, and what puts them in the order of `known`."""
    classes = getattr(estimator, "classes_", None)
    if known is None or classes is None or np.array_equal(classes, known):
        return -1 if known is None else len(known), lambda proba: proba
    places = np.full(len(known), len(classes))  # a column of zeros for classes never seen
    places[np.searchsorted(known, classes)] = np.arange(len(classes))
    order = torch.from_numpy(places)
    return len(classes), lambda proba: torch.cat([proba, proba[:, :1] * 0], 1)[:, order]


def _check_inside(estimator: Any, labels: bool) -> Any:
    """The classifier itself, if its probabilities are one matrix in ONNX too."""
    if isinstance(estimator, FrozenEstimator):
        return _check_inside(estimator.estimator, labels)
    last = estimator
    while isinstance(last, (Pipeline, BaseSearchCV)):
        last = last.steps[-1][1] if isinstance(last, Pipeline) else last.best_estimator_
    ours = (MultiLabelSigmoidClassifier, OneVsRestClassifier, SoftCalibratedClassifierCV)
    if labels and not isinstance(last, (*ours, TunedDecisionClassifierCV)):
        raise ValueError(
            f"{type(last).__name__} of label sets cannot be exported inside another estimator: its "
            "probabilities are not one matrix in ONNX. Take MultiLabelSigmoidClassifier or "
            "OneVsRestClassifier."
        )
    return estimator


@answers_of.register
def _(estimator: SoftCalibratedClassifierCV) -> Answers:
    labels = estimator._labels
    known = None if labels else estimator.classes_
    pairs = estimator.calibrated_classifiers_
    inside = tuple(_check_inside(pair.estimator, labels) for pair in pairs)
    maps = [calibration_in_torch(pair.calibrator) for pair in pairs]
    orders = [_aligned(pair.estimator, known) for pair in pairs]
    n_columns = pairs[0].calibrator.n_columns_

    def function(*given: Tensor) -> tuple[Tensor, ...]:
        parts = [
            calibrate(order(proba.double()))
            for calibrate, (_, order), proba in zip(maps, orders, given, strict=True)
        ]
        proba = torch.stack(parts).mean(0)
        return (proba >= DEFAULT_THRESHOLD).long() if labels else proba.argmax(1), proba

    columns = tuple(n_columns if labels else n for n, _ in orders)
    return Answers(function, ("label", "probabilities"), known, inside, columns)


@answers_of.register
def _(estimator: TunedDecisionClassifierCV) -> Answers:
    kind, rule = estimator._kind, estimator.rule_
    known = None if kind == "labels" else estimator.classes_
    inside = (_check_inside(estimator.estimator_, kind == "labels"),)
    n_columns, order = _aligned(estimator.estimator_, known)
    decide, positive = decision_in_torch(rule), estimator._positive
    of_one = kind == "binary" and rule.decides == "labels"

    def function(given: Tensor) -> tuple[Tensor, ...]:
        proba = given.double()
        if of_one:
            chosen = decide(order(proba)[:, [positive]])[:, 0]
            return torch.where(chosen == 1, positive, 1 - positive), proba
        return decide(order(proba)), proba

    columns = (rule.n_columns_ if kind == "labels" else n_columns,)
    return Answers(function, ("label", "probabilities"), known, inside, columns)
