"""What classifiers around a classifier share: its tags and features, and routing."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, MetaEstimatorMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from ._estimator_base import SoftlossEstimator, available_if
from ._targets.encoding import (
    Array,
    Targets,
    aligned,
    as_array,
    encode_classes,
    in_class_order,
    label_names,
)
from ._targets.labels import encode_labels
from .metrics import multilabel_subset_accuracy, soft_accuracy


def estimator_has(name: str) -> Any:
    """For `available_if`: whether the estimator, fitted or not, has a method of this name."""

    def check(meta: Any) -> bool:
        getattr(getattr(meta, "estimator_", meta.estimator), name)
        return True

    return check


class MetaClassifier(ClassifierMixin, MetaEstimatorMixin, SoftlossEstimator):
    """Base of classifiers with an `estimator`, whose `fit` has `groups` of its own."""

    estimator: Any
    cv: Any
    estimator_: Any
    classes_: Array

    def _estimator(self) -> Any:
        """The classifier inside, before it is fitted."""
        return self.estimator

    def _take_over(self, fitted: Any, *names: str) -> None:
        """What a fitted classifier knows of X, and these attributes; those of an earlier fit go."""
        for name in ("n_features_in_", "feature_names_in_", *names):
            if hasattr(self, name):
                delattr(self, name)
            if hasattr(fitted, name):
                setattr(self, name, getattr(fitted, name))

    def _is_prefit(self) -> bool:
        """Whether `cv` says that the estimator is fitted, which it then must be."""
        if not isinstance(self.cv, str):
            return False
        if self.cv != "prefit":
            raise ValueError(f"cv must be a number, a splitter or 'prefit'; got {self.cv!r}.")
        check_is_fitted(self._estimator())
        return True

    def _encode(self, y: Any, labels: bool, fitted: Any) -> Targets:
        """y as label sets or classes, those of an estimator that is fitted already."""
        if labels:
            return encode_labels(y, names=None if fitted is None else label_names(fitted))
        y = in_class_order(y, fitted)
        targets = encode_classes(y, classes=getattr(fitted, "classes_", None))
        if len(targets.classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two classes; y has {len(targets.classes)} class: "
                f"{targets.classes.tolist()}."
            )
        return targets

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """The estimator's own decision function.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.

        Returns
        -------
        ndarray
            In the estimator's own format.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected accuracy of `predict`; for label sets expected subset accuracy.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.
        y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_columns)
            Hard labels (then this is the accuracy), rows of class mass or label sets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            In [0, 1]; see `soft_accuracy` and `multilabel_subset_accuracy`.
        """
        answers = self.predict(X)
        if answers.ndim == 2:
            y = aligned(y, label_names(self))
            return multilabel_subset_accuracy(y, answers, sample_weight=sample_weight)
        if as_array(y).ndim == 1:
            return float(accuracy_score(y, answers, sample_weight=sample_weight))
        truth = encode_classes(in_class_order(y, self), classes=self.classes_).values
        chosen = answers[:, None] == self.classes_
        return soft_accuracy(truth, chosen.astype(float), sample_weight=sample_weight)

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of fit parameters to the estimator; `groups` are this estimator's own."""
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self._estimator(),
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator())
        tags.classifier_tags = inner.classifier_tags
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        return tags


def check_classifier(estimator: Any) -> None:
    """Refuse an `estimator` that is none, or has no probabilities to work on."""
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(
            "estimator must be a classifier, an object such as SoftTargetMLPClassifier(); got "
            f"{estimator!r}."
        )
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"estimator must have predict_proba, which {estimator!r} has not: take one that has, "
            "or put it into sklearn.calibration.CalibratedClassifierCV first."
        )
