"""What classifiers around a classifier share: its tags and features, and routing."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from .._estimator_base import SoftlossEstimator


class MetaClassifier(ClassifierMixin, MetaEstimatorMixin, SoftlossEstimator):
    """Base of classifiers with an `estimator`, whose `fit` has `groups` of its own."""

    estimator: Any

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


def estimator_has(name: str) -> Any:
    """For `available_if`: whether the estimator, fitted or not, has a method of this name."""

    def check(meta: Any) -> bool:
        getattr(getattr(meta, "estimator_", meta.estimator), name)
        return True

    return check


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
