"""Scorers for model selection: ``scorer(estimator, X, y)``, the greater the better.

scikit-learn's own scorers cut the probabilities of two classes or labels to one column and refuse
2-D soft targets. These read `predict_proba` in every format that `as_proba_matrix` knows, and take
for y what the metric of the same name takes: hard labels, soft rows, label matrices with unknown
entries, or annotators' answers. They go into ``scoring=`` as they are, or in a dict of several;
each takes `sample_weight` and the options of its metric as keywords; ``neg_`` negates a loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest

from .._renamed import renamed
from .._targets.annotations import annotator_names, refuse_other_rows
from .._targets.encoding import aligned, as_array, in_class_order, label_names
from .._targets.labels import encode_labels
from ..model_selection.proba import aligned_proba
from . import _annotators, _distribution, _multilabel, _quantiles, _ranking, calibration_error
from ._old_names import SCORERS
from .blocks import OptionalArray

ANSWERS = ("y_pred", "y_answers", "y_ratings", "y_quantiles", "y_lower")
"""Second parameters of metrics that are no probabilities, nor scores that these may be."""


def what_it_takes(metric: Callable[..., Any]) -> str:
    """One of `ANSWERS`, or the probabilities of "classes" or "labels", by its parameters.

    scikit-learn's log losses had a `y_pred` that is probabilities, and keep the name for a while.
    """
    names = list(signature(metric).parameters)
    told = [name for name in names[:2] if name in ANSWERS]
    if told and "log_loss" not in getattr(metric, "__name__", ""):
        return told[0]
    return "classes" if "labels" in names else "labels"


@dataclass(frozen=True, eq=False)
class Scorer:
    """A metric as scikit-learn's model selection calls it; made by `make_scorer`.

    Parameters
    ----------
    metric : callable
        As in `make_scorer`.
    sign : {1, -1}, default=1
        -1 negates the metric.
    options : dict, default={}
        Keywords passed to the metric.
    sample_weight_request : bool, str or None, default=None
        As `set_score_request` sets it.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_softloss.metrics.scorers import neg_soft_log_loss
    >>> neg_soft_log_loss
    make_scorer(soft_log_loss, greater_is_better=False)
    >>> clf = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    >>> bool(neg_soft_log_loss(clf, [[0.0], [1.0]], [[0.9, 0.1], [0.2, 0.8]]) < 0)
    True
    """

    metric: Callable[..., Any]
    sign: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    sample_weight_request: bool | str | None = None

    def __call__(
        self, estimator: Any, X: Any, y: Any, *, sample_weight: OptionalArray = None, **options: Any
    ) -> float:
        """Score of a fitted estimator with `predict_proba`, or `predict` for a metric of decisions.

        Parameters
        ----------
        estimator : classifier
        X : array-like of shape (n_samples, ...)
        y : array-like or sparse matrix of shape (n_samples, n_columns) or (n_samples,)
            As in the metric. Hard labels may be any of the estimator's `classes_`.
        sample_weight, **options : array-like, any
            Further keywords of the metric; weights (n_samples,) >= 0.

        Returns
        -------
        float
        """
        options = {**self.options, **options}
        wanted = what_it_takes(self.metric)
        if wanted == "y_pred":
            y, found = _decisions(estimator, X, y)
        elif wanted in ("y_answers", "y_ratings"):
            y, found = _answers(estimator, X, y, are_ratings=wanted == "y_ratings")
        elif wanted == "y_quantiles":
            y, found, options["levels"] = quantiles_of(estimator, X, y, options.get("levels"))
        elif wanted == "classes" and options.get("kind") != "labelwise":
            y, found, classes = class_probabilities(estimator, X, y)
            options.setdefault("labels", classes)
        else:
            y, found = label_probabilities(estimator, X, y)
        return self.sign * float(self.metric(y, found, sample_weight=sample_weight, **options))

    def __repr__(self) -> str:
        name = getattr(self.metric, "__name__", repr(self.metric))  # a partial has none
        given = [name] + ["greater_is_better=False"] * (self.sign < 0)
        given += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"make_scorer({', '.join(given)})"

    def set_score_request(self, *, sample_weight: bool | str | None) -> Scorer:
        """A copy that asks for `sample_weight` where metadata routing is enabled.

        Parameters
        ----------
        sample_weight : bool, str or None
            True asks for it, False does not, a string asks for it under that name; None raises an
            error where weights are passed.

        Returns
        -------
        Scorer
        """
        return replace(self, sample_weight_request=sample_weight)

    def get_metadata_routing(self) -> MetadataRequest:
        """What is asked for, as scikit-learn's metadata routing reads it.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self.sample_weight_request)
        return request

    def _accept_sample_weight(self) -> bool:
        """Read by scikit-learn's searches without metadata routing."""
        return True


def make_scorer(
    metric: Callable[..., Any], *, greater_is_better: bool = True, **options: Any
) -> Scorer:
    """A scorer from a metric, with options fixed.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_proba, *, labels, sample_weight)`` for classes, ``metric(y_true,
        y_proba, *, sample_weight)`` for independent labels, or ``metric(y_true, y_pred, *,
        sample_weight)`` for decisions on these: the names of the parameters tell which, as do
        `y_quantiles`, and `y_answers` and `y_ratings` of annotators.
    greater_is_better : bool, default=True
        Whether the metric is a score; otherwise it is negated.
    **options
        Keywords passed to the metric.

    Returns
    -------
    Scorer

    Raises
    ------
    ValueError
        If the metric is no score.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_softloss.metrics import expected_calibration_error
    >>> from sklearn_softloss.metrics.scorers import make_scorer
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"]
    >>> scorer = make_scorer(
    ...     expected_calibration_error, greater_is_better=False, strategy="smooth"
    ... )
    >>> round(scorer(LogisticRegression().fit(X, y), X, y), 2)
    -0.29
    """
    if what_it_takes(metric) == "y_lower":
        raise ValueError(
            f"{metric.__name__} is no score, since neither more nor less of it is better: take "
            "pinball_loss or crps_from_quantiles."
        )
    return Scorer(metric, 1 if greater_is_better else -1, options)


def _loss(metric: Callable[..., Any]) -> Scorer:
    return make_scorer(metric, greater_is_better=False)


# --- what an estimator answers ------------------------------------------------------------------


def _classes(estimator: Any) -> Any:
    """Its classes; none where it holds one array of them a label."""
    classes = getattr(estimator, "classes_", None)
    return None if isinstance(classes, list) else classes


def class_probabilities(estimator: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """y and the probabilities of its classes, in their order, and these."""
    return in_class_order(y, estimator), aligned_proba(estimator, X), _classes(estimator)


def label_probabilities(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """y and the probabilities of its labels; a vector of two classes is one label."""
    proba, given = aligned_proba(estimator, X), as_array(y)
    if given.ndim == 2:
        return aligned(y, label_names(estimator)), proba
    return _is_second_class(given, estimator), proba[:, -1]


def _decisions(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    decided, given = estimator.predict(X), as_array(y)
    if given.ndim == 2:
        return aligned(y, label_names(estimator)), decided
    return _is_second_class(given, estimator), _is_second_class(decided, estimator)


def _is_second_class(y: Any, estimator: Any) -> Any:
    return encode_labels(y, classes=np.asarray(_classes(estimator))).values[:, 0]


def quantiles_of(estimator: Any, X: Any, y: Any, levels: Any) -> tuple[Any, Any, Any]:
    """y, and quantiles with their levels, of a regressor that may be in a search or a pipeline."""
    advice = "SoftLossMLPRegressor(loss='quantile', quantile=(0.05, 0.5, 0.95))"
    X, estimator = _reached(estimator, X, "predict_quantiles", advice)
    levels = getattr(estimator, "quantile_", None) if levels is None else levels
    y = aligned(y, label_names(estimator), "targets")
    return y, estimator.predict_quantiles(X, levels), levels


def _answers(estimator: Any, X: Any, y: Any, are_ratings: bool) -> tuple[Any, Any]:
    """y, and what each annotator is most likely to answer; of ratings the median."""
    refuse_other_rows(X, y)
    X, estimator = _reached(estimator, X, "predict_annotator_proba", "AnnotatorMLPClassifier()")
    proba = estimator.predict_annotator_proba(X, annotator_names(y))
    if are_ratings:
        place = (proba.cumsum(axis=2) < 0.5).sum(axis=2).clip(max=proba.shape[2] - 1)
    else:
        place = proba.argmax(axis=2)
    return y, estimator.classes_[place]


def _reached(estimator: Any, X: Any, method: str, advice: str) -> tuple[Any, Any]:
    """X and the estimator that has the method, which may be in a search or a pipeline."""
    outer = estimator
    while not hasattr(estimator, method):
        if hasattr(estimator, "steps"):
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            raise TypeError(
                f"This needs {method}, which {type(outer).__name__} lacks: take {advice}."
            )
    return X, estimator


# --- the scorers --------------------------------------------------------------------------------

neg_soft_log_loss = _loss(_distribution.soft_log_loss)
neg_soft_brier_score = _loss(_distribution.soft_brier_score)
soft_accuracy = make_scorer(_distribution.soft_accuracy)
neg_label_distribution_distance = _loss(_distribution.label_distribution_distance)
neg_entropy_calibration_error = _loss(_distribution.entropy_calibration_error)
rank_calibration_score = make_scorer(_distribution.rank_calibration_score)
neg_expected_calibration_error = _loss(calibration_error.expected_calibration_error)

neg_multilabel_log_loss = _loss(_multilabel.multilabel_log_loss)
neg_multilabel_brier_score = _loss(_multilabel.multilabel_brier_score)
neg_multilabel_hamming_loss = _loss(_multilabel.multilabel_hamming_loss)
multilabel_subset_accuracy = make_scorer(_multilabel.multilabel_subset_accuracy)
multilabel_f1_score = make_scorer(_multilabel.multilabel_f1_score)
multilabel_roc_auc_score = make_scorer(_ranking.multilabel_roc_auc_score)
multilabel_average_precision_score = make_scorer(_ranking.multilabel_average_precision_score)
multilabel_ranking_average_precision = make_scorer(_ranking.multilabel_ranking_average_precision)
multilabel_precision_at_k = make_scorer(_ranking.multilabel_precision_at_k)
multilabel_ndcg_score = make_scorer(_ranking.multilabel_ndcg_score)

neg_annotator_error_rate = _loss(_annotators.annotator_error_rate)
neg_annotator_absolute_distance = _loss(_annotators.annotator_absolute_distance)

neg_pinball_loss = _loss(_quantiles.pinball_loss)
neg_crps_from_quantiles = _loss(_quantiles.crps_from_quantiles)

__all__ = ["Scorer", "make_scorer"]
__all__ += [name for name, found in list(globals().items()) if isinstance(found, Scorer)]

__getattr__ = renamed(
    __name__,
    {
        name: (
            f"a scorer of {written}",
            Scorer(metric.func, -1 if name.startswith("neg_") else 1, metric.keywords),
        )
        for name, (written, metric) in SCORERS.items()
    },
)
