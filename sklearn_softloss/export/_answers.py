"""What a fitted estimator answers, in torch: from rows, or from probabilities of those inside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from .._probability import DEFAULT_THRESHOLD
from .._targets.encoding import Array
from ..calibration import SoftCalibratedClassifierCV
from ..classifiers import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from ..decision import TunedDecisionClassifierCV
from ..regressor import SoftLossMLPRegressor
from ._calibrators import calibration_in_torch, sklearn_calibration_in_torch
from ._graph import TorchFunction
from ._rules import decision_in_torch


@dataclass(frozen=True)
class Answers:
    """A step of the graph: from rows, or from the probabilities of the classifiers inside, float64.

    "label" among the outputs holds places in `classes`, or 0 and 1 a label, int64; all others are
    float64. `columns` are those of each classifier inside, and `reads` is the net called.
    """

    function: TorchFunction
    outputs: tuple[str, ...]
    classes: Array | None = None
    inside: tuple[Any, ...] = ()
    columns: tuple[int, ...] = ()
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


HOLDERS = (FrozenEstimator, GridSearchCV, RandomizedSearchCV)


def held(estimator: Any) -> Any:
    """The estimator that a search has chosen or that is frozen."""
    return getattr(estimator, "best_estimator_", None) or estimator.estimator


def last_step(estimator: Any) -> Any:
    """What answers in a pipeline, search or frozen estimator."""
    while isinstance(estimator, (Pipeline, *HOLDERS)):
        estimator = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else held(estimator)
    return estimator


def _check_inside(estimator: Any, labels: bool) -> Any:
    """The classifier itself, if its probabilities are one matrix in ONNX too."""
    last = last_step(estimator)
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


@answers_of.register(FixedThresholdClassifier)
@answers_of.register(TunedThresholdClassifierCV)
def _(estimator: Any) -> Answers:
    inner, known = getattr(estimator, "estimator_", estimator.estimator), estimator.classes_
    if isinstance(estimator, TunedThresholdClassifierCV):
        positive, cut = estimator._curve_scorer._get_pos_label(), estimator.best_threshold_
    else:
        positive, cut = estimator.pos_label, estimator.threshold
    place = 1 if positive is None else known.tolist().index(positive)
    of_proba = estimator.response_method != "decision_function" and hasattr(inner, "predict_proba")
    threshold = (0.5 if of_proba else 0.0) if cut == "auto" else float(cut)

    def function(proba: Tensor) -> tuple[Tensor, ...]:
        reached = (proba if of_proba else decision_values(proba))[:, place] >= threshold
        return torch.where(reached, place, 1 - place), proba

    inside = (_check_inside(inner, False),)
    return Answers(function, ("label", "probabilities"), known, inside, (2,))


@answers_of.register
def _(estimator: CalibratedClassifierCV) -> Answers:
    known, pairs = estimator.classes_, estimator.calibrated_classifiers_
    inside = tuple(_check_inside(pair.estimator, False) for pair in pairs)
    maps = [sklearn_calibration_in_torch(pair) for pair in pairs]

    def function(*given: Tensor) -> tuple[Tensor, ...]:
        parts = [change(scores) for change, scores in zip(maps, given, strict=True)]
        proba = torch.stack(parts).mean(0)
        return proba.argmax(1), proba

    columns = (len(known),) * len(pairs)
    return Answers(function, ("label", "probabilities"), known, inside, columns)


def decision_values(proba: Tensor) -> Tensor:
    """Logits; of two columns the second's, less that and as it is."""
    if proba.shape[1] == 2:
        score = proba[:, 1:].log() - proba[:, :1].log()
        return torch.cat([-score, score], 1)
    return proba.log() - (-proba).log1p()
