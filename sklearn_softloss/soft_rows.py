"""Rows of class probabilities for any classifier of hard labels: each becomes weighted labels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import Tags, _safe_indexing
from sklearn.utils.validation import check_consistent_length, check_is_fitted, has_fit_parameter

from ._checks import require_y, weight_or_ones
from ._estimator_base import available_if
from ._meta import MetaClassifier, check_classifier, estimator_has
from ._targets.encoding import Array, as_array, encode_classes
from .model_selection.proba import aligned_proba


class SoftRowsClassifier(MetaClassifier):
    """A classifier of hard labels, trained on rows that say how probable each class is.

    A row such as [0.2, 0.8] becomes two rows with the same features, one of each class, with the
    weights 0.2 and 0.8. Hard labels are passed on as they are. The rows grow up to n_classes-fold.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba`; its `fit`, or that of a pipeline's last step, takes `sample_weight`.

    Attributes
    ----------
    estimator_ : classifier
        The fitted one.
    classes_ : ndarray of shape (n_classes,)
        Labels; the columns of y if that was a DataFrame, ``arange(n_classes)`` for a matrix.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X has feature names.

    See Also
    --------
    SoftTargetMLPClassifier : Takes such rows by its loss.
    sklearn_softloss.targets.vote_shares : Rows from votes.

    Notes
    -----
    This is the fit to soft targets exactly where the estimator minimises a weighted sum of losses:
    logistic regression, boosting, naive Bayes. Bagging draws the parts of a row apart.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_softloss import SoftRowsClassifier
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> Y = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    >>> clf = SoftRowsClassifier(LogisticRegression()).fit(X, Y)
    >>> clf.predict(X)
    array([0, 0, 1, 1])
    """

    reads_rows_as_classes = True

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the estimator to the classes of each row, by their weights.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Whatever the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Hard labels, or rows >= 0 that sum to 1.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y, a weight or the estimator is illegal.
        TypeError
            If the estimator is none, or its `fit` takes no `sample_weight`.
        """
        check_classifier(self.estimator)
        require_y(self, y)
        check_consistent_length(X, y)
        inner = clone(self.estimator)
        if as_array(y).ndim == 1:
            weights = {} if sample_weight is None else {_weight_name(inner): sample_weight}
            inner.fit(X, y, **weights)
            self.classes_ = inner.classes_
        else:
            targets = encode_classes(y)
            weight = weight_or_ones(sample_weight, (len(targets.values),), name="sample_weight")
            mass = targets.values * weight[:, None]
            rows, codes = np.nonzero(mass)
            weights = {_weight_name(inner): mass[rows, codes]}
            inner.fit(_safe_indexing(X, rows), targets.classes[codes], **weights)
            self.classes_ = targets.classes
        self.estimator_ = inner
        self._take_over(inner)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes, as the estimator says them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns follow `classes_`; 0 for a class without mass in training.
        """
        check_is_fitted(self)
        return aligned_proba(self.estimator_, X, self.classes_)

    def predict(self, X: Any) -> Array:
        """The label that the estimator predicts.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return np.asarray(self.estimator_.predict(X))

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Array:
        """Logarithm of `predict_proba`, in nats; minus infinity for a class without mass.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # A matrix is one row of classes, also where the estimator would take it for labels.
        tags.target_tags.multi_output = False
        tags.target_tags.single_output = True
        tags.classifier_tags.multi_label = False
        return tags


def _weight_name(estimator: Any) -> str:
    """Under which name `fit` takes the weights: a pipeline passes them to its last step."""
    step, prefix = estimator, ""
    while hasattr(step, "steps"):
        name, step = step.steps[-1]
        prefix += f"{name}__"
    if not has_fit_parameter(step, "sample_weight"):
        raise TypeError(
            f"{type(step).__name__}.fit takes no sample_weight, which carries the mass of each "
            "class: take a classifier that does, such as LogisticRegression."
        )
    return "sample_weight" if get_config()["enable_metadata_routing"] else f"{prefix}sample_weight"
