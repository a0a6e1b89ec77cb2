"""What a fitted estimator puts out, in torch: from rows, or from probabilities of those inside."""

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

from .._probability import DEFAULT_THRESHOLD, LARGEST_PROBA, SMALLEST_PROBA
from .._targets.encoding import Array
from ..calibration import SoftCalibratedClassifierCV
from ..classifiers import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from ..decision import TunedDecisionClassifierCV
from ..regressor import SoftLossMLPRegressor
from ._graph import TorchFunction
from ._maps import calibration_in_torch, decision_in_torch, sklearn_calibration_in_torch


@dataclass(frozen=True)
class Outputs:
    """A step of the graph, from rows or the probabilities of the classifiers inside, as float64;
    "label" is int64: places in `classes`, or 0 and 1 a label. `columns` are those of each
    classifier inside, and `reads` is the net called."""

    function: TorchFunction
    names: tuple[str, ...] = ("label", "probabilities")
    classes: Array | None = None
    inside: tuple[Any, ...] = ()
    columns: tuple[int, ...] = ()
    reads: nn.Module | None = None

    def shape_of(self, name: str) -> list[None]:
        """Shape of an output, with nothing said of the sizes."""
        if name == "label" and self.classes is not None:
            return [None]
        return [None] * (3 if name == "quantiles" else 2)


@singledispatch
def outputs_of(estimator: Any) -> Outputs:
    """The step that a fitted estimator of this package is."""
    raise ValueError(f"{type(estimator).__name__} cannot be exported; export what is inside it.")


def exportable() -> tuple[type, ...]:
    """The estimators that `outputs_of` knows."""
    return tuple(found for found in outputs_of.registry if found is not object)


# --- nets ----------------------------------------------------------------------------------------


def _logits_of(estimator: Any) -> tuple[Callable[[Tensor], Tensor], nn.Module]:
    """What gives float64 logits of rows, and the module in it."""
    module = copy.deepcopy(estimator.net_.module_).cpu().eval()
    like = next(module.parameters(), torch.empty(0, dtype=torch.float64))
    return lambda X: module(X.to(like.dtype)).double(), module


@outputs_of.register
def _(estimator: SoftTargetMLPClassifier) -> Outputs:
    logits, module = _logits_of(estimator)
    is_distribution = estimator.net_.criterion_.domain.rows_sum_to_one
    names = ("label", "probabilities", "confidence")[: 2 if is_distribution else 3]

    def function(X: Tensor) -> tuple[Tensor, ...]:
        confidence = estimator._link(logits(X))
        proba = estimator._as_distribution(confidence)
        return (proba.argmax(1), proba, confidence)[: len(names)]

    return Outputs(function, names, estimator.classes_, reads=module)


@outputs_of.register
def _(estimator: MultiLabelSigmoidClassifier) -> Outputs:
    logits, module = _logits_of(estimator)
    cuts = torch.tensor(estimator._cuts())
    from_vector = estimator._from_vector

    def function(X: Tensor) -> tuple[Tensor, ...]:
        confidence = estimator._link(logits(X))
        present = (confidence >= cuts).long()
        if from_vector:
            return present[:, 0], torch.cat([1 - confidence, confidence], 1)
        return present, confidence

    return Outputs(function, classes=estimator.classes_ if from_vector else None, reads=module)


@outputs_of.register
def _(estimator: SoftLossMLPRegressor) -> Outputs:
    logits, module = _logits_of(estimator)
    links: dict[str, Callable[[Tensor], Tensor]] = {"variable": estimator._link}
    if hasattr(estimator, "predict_std"):
        links["std"] = estimator._std_link
    elif hasattr(estimator, "predict_quantiles"):
        links["quantiles"] = estimator._quantile_link()

    def function(X: Tensor) -> tuple[Tensor, ...]:
        found = logits(X)
        return tuple(link(found) for link in links.values())

    return Outputs(function, tuple(links), reads=module)


# --- around classifiers --------------------------------------------------------------------------

HOLDERS = (FrozenEstimator, GridSearchCV, RandomizedSearchCV)


def held(estimator: Any) -> Any:
    """The estimator that a search has chosen or that is frozen."""
    return getattr(estimator, "best_estimator_", None) or estimator.estimator


def last_step(estimator: Any) -> Any:
    """What predicts in a pipeline, search or frozen estimator."""
    while isinstance(estimator, (Pipeline, *HOLDERS)):
        estimator = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else held(estimator)
    return estimator


def _in_order(
    estimator: Any, known: Array | None, n_columns: int
) -> tuple[int, Callable[[Tensor], Tensor]]:
    """How many probabilities a classifier inside gives, and what puts them in the order of `known`,
    the classes; without any they are labels, which some give in a form that ONNX has not."""
    if known is None:
        last = last_step(estimator)
        ours = (MultiLabelSigmoidClassifier, SoftCalibratedClassifierCV, TunedDecisionClassifierCV)
        if not isinstance(last, (OneVsRestClassifier, *ours)):
            raise ValueError(
                f"{type(last).__name__} of label sets cannot be exported inside another estimator: "
                "its probabilities are not one matrix in ONNX. Take MultiLabelSigmoidClassifier or "
                "OneVsRestClassifier."
            )
        return n_columns, lambda proba: proba
    classes = getattr(estimator, "classes_", known)
    if np.array_equal(classes, known):
        return len(known), lambda proba: proba
    places = np.full(len(known), len(classes))  # a column of zeros for classes never seen
    places[np.searchsorted(known, classes)] = np.arange(len(classes))
    order = torch.from_numpy(places)
    return len(classes), lambda proba: torch.cat([proba, proba[:, :1] * 0], 1)[:, order]


@outputs_of.register
def _(estimator: SoftCalibratedClassifierCV) -> Outputs:
    known = None if estimator._labels else estimator.classes_
    pairs = estimator.calibrated_classifiers_
    inside = tuple(pair.estimator for pair in pairs)
    maps = [calibration_in_torch(pair.calibrator) for pair in pairs]
    orders = [_in_order(pair.estimator, known, pair.calibrator.n_columns_) for pair in pairs]

    def function(*given: Tensor) -> tuple[Tensor, ...]:
        parts = [
            calibrate(order(proba.double())).clamp(SMALLEST_PROBA, LARGEST_PROBA)
            for calibrate, (_, order), proba in zip(maps, orders, given, strict=True)
        ]
        proba = torch.stack(parts).mean(0)
        return (proba >= DEFAULT_THRESHOLD).long() if known is None else proba.argmax(1), proba

    return Outputs(function, classes=known, inside=inside, columns=tuple(n for n, _ in orders))


@outputs_of.register
def _(estimator: TunedDecisionClassifierCV) -> Outputs:
    kind, rule, inner = estimator._kind, estimator.rule_, estimator.estimator_
    known = None if kind == "labels" else estimator.classes_
    n_columns, order = _in_order(inner, known, rule.n_columns_)
    decide, positive = decision_in_torch(rule), estimator._positive
    of_one = kind == "binary" and rule.decides == "labels"

    def function(given: Tensor) -> tuple[Tensor, ...]:
        proba = given.double()
        if of_one:
            chosen = decide(order(proba)[:, [positive]])[:, 0]
            return torch.where(chosen, positive, 1 - positive), proba
        return decide(order(proba)).long(), proba

    return Outputs(function, classes=known, inside=(inner,), columns=(n_columns,))


@outputs_of.register(FixedThresholdClassifier)
@outputs_of.register(TunedThresholdClassifierCV)
def _(estimator: Any) -> Outputs:
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

    return Outputs(function, classes=known, inside=(inner,), columns=(2,))


@outputs_of.register
def _(estimator: CalibratedClassifierCV) -> Outputs:
    known, pairs = estimator.classes_, estimator.calibrated_classifiers_
    inside = tuple(pair.estimator for pair in pairs)
    maps = [sklearn_calibration_in_torch(pair) for pair in pairs]

    def function(*given: Tensor) -> tuple[Tensor, ...]:
        parts = [change(scores) for change, scores in zip(maps, given, strict=True)]
        proba = torch.stack(parts).mean(0)
        return proba.argmax(1), proba

    columns = (len(known),) * len(pairs)
    return Outputs(function, classes=known, inside=inside, columns=columns)


def decision_values(proba: Tensor) -> Tensor:
    """Logits; of two columns the second's, less that and as it is."""
    if proba.shape[1] == 2:
        score = proba[:, 1:].log() - proba[:, :1].log()
        return torch.cat([-score, score], 1)
    return proba.log() - (-proba).log1p()
