"""The two classifiers: one of several classes a row, and several labels a row."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import logit
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ._checks import check_weight
from ._estimator_base import available_if
from ._estimators.classifier import NetClassifier
from ._estimators.course import Call
from ._estimators.documented import documented
from ._estimators.estimator import says, trains_in_batches
from ._estimators.keywords import public_fit
from ._estimators.parameters import MultiLabelParameters
from ._targets.domains import DISTRIBUTION, INDEPENDENT, NONNEGATIVE
from ._targets.encoding import (
    Array,
    Targets,
    aligned,
    as_array,
    by_name,
    encode_classes,
    in_class_order,
    label_names,
)
from ._targets.labels import encode_labels, warn_if_never_absent
from ._targets.weighting import WeightedEntries, WeightedRows, class_weights, label_weights
from .metrics import multilabel_subset_accuracy, soft_accuracy


@documented
class SoftTargetMLPClassifier(NetClassifier):
    """Neural net for one of several classes, from hard labels or from soft rows.

    Each row of y may be a label, a distribution over the classes (annotators' vote shares, the
    output of another model) or, under an 'independent' loss, one confidence a class.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A name from `sklearn_softloss.losses.loss_names`, or a loss object. 'distribution' losses
        ('cross_entropy', 'squared_error', 'focal', ...) use a softmax, 'independent' ones
        ('binary_cross_entropy', `BinarySquaredError()`, ...) a sigmoid a class.
    class_weight : dict, str or tuple, default=None
        Costs of the classes. They shift `predict_proba` and are not undone. A soft row counts as
        draws of hard labels. The rules 'balanced', 'median_frequency', 'effective_number' and
        ``('effective_number', beta)`` (beta is 0.999 if not given) read the mass of each class
        in y.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of y if that was a DataFrame, ``arange(k)`` for a plain
        matrix.
    column_classes_ : ndarray of shape (n_classes,)
        `classes` of `partial_fit` in the order given: what the columns of a 2-D y without names
        are, there and in `score`.

    See Also
    --------
    MultiLabelSigmoidClassifier : Several labels a row.

    Notes
    -----
    ``alpha="auto"`` under 'adamw' is a cross-validation inside `fit`. Up to 2,000 different rows:
    three folds; after each the better half of the candidates goes on; the least mean loss on the
    rows held out wins, if it is a standard error below the constant's, and that one is fitted on
    all rows. Of more rows one part is held out; under `early_stopping` it is the validation rows.
    Candidates are the constant, linear models by L-BFGS and nets of decays from 10 to 0.03, with
    less dropout where that is little, and twice the epochs as far as 4,000 steps allow. Where
    layers or dropout are stated, nets of decays 30, 100 and 1,000 stand in place of the first two.
    Equal rows stay together, and `random_state` does not move the choice. Fewer than 60 different
    rows (unless `cv` says how), `partial_fit` and a `module` get (1, 0.5); `warm_start` keeps to
    the first fit; a number is one plain fit.

    Of a narrow layer of w units the odds ``dropout / (1 - dropout)`` fall by ``w / 448``, `alpha`
    by its root.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010 (initialisation). Kingma and Ba, "Adam", 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> Y = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    >>> clf = SoftTargetMLPClassifier(solver="lbfgs", random_state=0).fit(X, Y)
    >>> clf.predict(X)
    array([0, 0, 1, 1])
    >>> np.round(clf.predict_proba(X[:1]), 1)
    array([[0.9, 0.1]])
    """

    _domains = (DISTRIBUTION, INDEPENDENT)
    _kept_of_targets = ("classes", "column_classes")

    @public_fit
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train on hard labels or soft rows.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or rows in the domain of the loss: summing to 1 for 'distribution' losses,
            entries in [0, 1] for 'independent' ones. Columns of a DataFrame become `classes_`.
        """
        return self._fit(X, y, sample_weight, validation=(X_val, y_val))

    @available_if(trains_in_batches)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on training for one epoch of the given rows.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their targets.
        classes : array-like of shape (n_classes,), default=None
            All labels that will come. Required in the first call if y holds labels.

        Raises
        ------
        ValueError
            As `fit`, and if `classes` is missing or differs from the first call's.
        """
        return self._fit(X, y, sample_weight, in_parts=True, declared=classes)

    def _encode(self, y: Any, known: Targets, call: Call) -> Targets:
        declared = known.column_classes if call.declared is None else call.declared
        options: Any = {"may_be_sparse": True, "processes": call.processes}
        return encode_classes(y, call.loss.domain, known.classes, declared, **options)

    def _weigh(self, targets: Targets, call: Call) -> WeightedRows | None:
        if call.sample_weight is None and self.class_weight is None:
            return None
        weights = class_weights(self.class_weight, targets, call.sample_weight)
        return WeightedRows(call.loss.domain, weights, call.sample_weight)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1, entries are strictly inside (0, 1), columns follow `classes_`. The
            confidences of an 'independent' loss are divided by their sum.
        """
        return self._as_distribution(self._predicted(X))

    def _as_distribution(self, confidence: Any) -> Any:
        """Rows that sum to 1, of an array or a tensor."""
        if self.net_.criterion_.domain.rows_sum_to_one and self._code is None:
            return confidence
        return confidence / confidence.sum(1)[:, None]

    def predict_confidence(self, X: Any) -> Array:
        """Confidence in each class by itself.

        Under an 'independent' loss rows need not sum to 1; otherwise they are probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Entries strictly inside (0, 1).
        """
        return self._predicted(X)

    def decision_function(self, X: Any) -> Array:
        """Logit of the probability.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            In nats. One value a row for two classes, above 0 where the second is more probable.
        """
        proba = self.predict_proba(X)
        if proba.shape[1] == 2:
            return np.log(proba[:, 1]) - np.log(proba[:, 0])
        return np.asarray(logit(proba))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected accuracy: the mean target mass on the predicted class.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels (then this is the accuracy) or soft rows.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        if as_array(y).ndim == 1:
            return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
        return soft_accuracy(
            in_class_order(y, self),
            self.predict_proba(X),
            domain=self.net_.criterion_.domain,
            labels=self.classes_,
            sample_weight=sample_weight,
        )


@documented
class MultiLabelSigmoidClassifier(MultiLabelParameters, NetClassifier):
    """Neural net for several labels a row, some of which may be soft or unknown.

    One sigmoid a label. The threshold that turns probabilities into labels is a parameter of its
    own and plays no part in training.

    Parameters
    ----------
    loss : str or Loss, default="binary_cross_entropy"
        A name from `sklearn_softloss.losses.loss_names`, or a loss object, of the domain
        'independent' (a sigmoid a label) or 'nonnegative' ('count_distribution': which labels
        and how many, see `predict_count`).
    threshold : float, array-like of shape (n_labels,) or Series, default=0.5
        A label is predicted where its probability is >= its threshold, in [0, 1]. May be set after
        `fit`. The index of a pandas Series, if it has names, must be that of the labels, in any
        order.
    class_weight : dict, list, array-like of shape (n_labels,), str or tuple, default=None
        Costs: ``{0: absent, 1: present}`` for all labels (for a 1-D y, from its two classes), a
        list of such dicts, one number a label, or a rule applied to the zeros and ones of each
        label: 'balanced', 'median_frequency', 'effective_number', ``('effective_number', beta)``.
        They shift `predict_proba` and are not undone.

    Attributes
    ----------
    classes_ : ndarray
        ``arange(n_labels)``; the two classes if y was 1-D.
    label_names_ : ndarray of shape (n_labels,)
        The columns of y, if that was a DataFrame.

    See Also
    --------
    SoftTargetMLPClassifier : One of several classes a row.

    References
    ----------
    Nam et al., "Large-scale multi-label text classification: revisiting neural networks", 2014,
    arXiv:1312.5419 (sigmoids with binary cross-entropy).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import MultiLabelSigmoidClassifier
    >>> X = np.array([[-2.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [2.0, -1.0]])
    >>> Y = np.array([[0, 1], [0, 0], [1, 1], [1, np.nan]])  # the last label is unknown
    >>> clf = MultiLabelSigmoidClassifier(solver="lbfgs", random_state=0).fit(X, Y)
    >>> clf.predict(X[:3])
    array([[0, 1],
           [0, 0],
           [1, 1]])
    """

    _domains = (INDEPENDENT, NONNEGATIVE)
    _kept_of_targets = ("classes", "label_names")

    @public_fit
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        label_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train on label sets, some of whose labels may be soft or unknown.

        Parameters
        ----------
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Entries 0 or 1, soft in [0, 1] (a 'nonnegative' loss also takes counts), NaN or -1
            where unknown (in a sparse matrix these are stored entries; what is not stored is 0).
            Columns of a DataFrame become `label_names_`.
            A 1-D y holds two classes and is one label.
        label_weight : array-like of shape (n_samples, n_labels), default=None
            Weights >= 0 of the entries; 0 makes an entry unknown. A row with one weight
            throughout counts as a row with that sample weight.
        """
        return self._fit(X, y, sample_weight, label_weight, validation=(X_val, y_val))

    @available_if(trains_in_batches)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        label_weight: Any = None,
    ) -> Self:
        """Go on training for one epoch of the given rows.

        Parameters
        ----------
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Their targets.
        classes : array-like, default=None
            The two classes if y is 1-D (required in the first call), or ``arange(n_labels)``.
        label_weight : array-like of shape (n_samples, n_labels), default=None
            Weights >= 0.

        Raises
        ------
        ValueError
            As `fit`, and if `classes` is missing or differs from the first call's.
        """
        return self._fit(X, y, sample_weight, label_weight, in_parts=True, declared=classes)

    def _encode(self, y: Any, known: Targets, call: Call) -> Targets:
        domain = call.loss.domain
        options: Any = {"names": known.label_names, "processes": call.processes}
        targets = encode_labels(y, domain, known.classes, call.declared, **options)
        if known.classes is None and domain.has_absence:
            warn_if_never_absent(targets)
        return targets

    def _weigh(self, targets: Targets, call: Call) -> WeightedEntries:
        _check_threshold(self.threshold, targets.n_columns, targets.label_names)
        weights = label_weights(self.class_weight, targets, call.sample_weight, call.loss.domain)
        label_weight = aligned(call.label_weight, targets.label_names)
        entries = check_weight(label_weight, targets.values.shape, name="label_weight")
        return WeightedEntries(weights, entries, call.sample_weight)

    def predict_proba(self, X: Any) -> Array:
        """Probability of each label.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), float64
            Entries strictly inside (0, 1); rows do not sum to 1. If y was 1-D, two columns, one
            for each of `classes_`, that do.
        """
        confidence = self._predicted(X)
        if self._from_vector:
            return np.hstack([1 - confidence, confidence])
        return confidence

    def predict(self, X: Any) -> Array:
        """The labels whose probability reaches their threshold.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), int64
            0 and 1. If y was 1-D, an array of shape (n_samples,) from `classes_`.
        """
        confidence = self._predicted(X)
        present = confidence >= self._cuts()
        if self._from_vector:
            return self.classes_[present[:, 0].astype(np.intp)]
        return present.astype(np.int64)

    def _cuts(self) -> Array:
        """`threshold` as one number, or one a label in their order."""
        n_labels = 1 if self._from_vector else len(self.classes_)
        return _check_threshold(self.threshold, n_labels, getattr(self, "label_names_", None))

    @available_if(says("count", "'count_distribution'"))
    def predict_count(self, X: Any) -> Array:
        """Expected sum of each row of y; with ``loss="count_distribution"``.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            For 0/1 labels the expected number of labels.
        """
        check_is_fitted(self)
        return self._read(X, self.net_.criterion_.count)

    def decision_function(self, X: Any) -> Array:
        """Logit of the probability of each label.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,), float64
            In nats; above 0 where the probability is above 0.5.
        """
        logits = np.asarray(logit(self._predicted(X)))
        return logits[:, 0] if self._from_vector else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected subset accuracy: the mean over rows of P(target = prediction).

        P is a product over the known labels of a row; rows without a known label do not count.

        Parameters
        ----------
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Label sets as in `fit` (with 0/1 entries this is the subset accuracy), or classes.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        predicted = self.predict(X)
        if self._from_vector:
            return float(accuracy_score(as_array(y), predicted, sample_weight=sample_weight))
        targets = encode_labels(
            y, self.net_.criterion_.domain, classes=self.classes_, names=label_names(self)
        )
        values = np.minimum(targets.dense(), 1.0)  # a count is a label that is there
        return multilabel_subset_accuracy(values, predicted, sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags


def _check_threshold(threshold: Any, n_labels: int, names: Array | None) -> Array:
    threshold = by_name(threshold, n_labels, names, "threshold")
    try:
        cut = np.asarray(threshold, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"threshold must hold numbers; got {threshold!r}.") from error
    if cut.shape not in ((), (n_labels,)):
        raise ValueError(
            f"threshold must be one number or {n_labels} numbers, one a label; it has shape "
            f"{cut.shape}."
        )
    bad = ~((cut >= 0) & (cut <= 1))
    if bad.any():
        raise ValueError(
            f"threshold must lie in [0, 1]; label {int(np.argmax(bad))} has "
            f"{cut.flat[int(np.argmax(bad))]:g}."
        )
    return cut
