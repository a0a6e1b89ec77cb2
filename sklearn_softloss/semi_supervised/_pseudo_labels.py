"""Any classifier of soft targets, trained on given labels and on soft pseudo-labels."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.ensemble._base import _set_random_states
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, check_random_state, get_tags
from sklearn.utils.validation import check_scalar, has_fit_parameter, validate_data

from .._checks import check_real
from .._meta import check_classifier
from .._targets.encoding import Array, Targets, encode_classes
from .._warn import warn
from ._evidence import confidence, held_out_temperature, hidden_labels, tempered
from ._graph import GraphLabelSpreading
from ._partly_labelled import UNLABELLED, PartlyLabelledClassifier, has_label

ITSELF, AUTO = "estimator", "auto"


class SoftPseudoLabelClassifier(MetaEstimatorMixin, PartlyLabelledClassifier):
    """Classifier trained on labelled rows and on soft pseudo-labels of the others.

    A labeler gives every row a distribution over the classes; the estimator learns from the given
    labels, at weight 1, and from the distributions of the other rows, weighted by how sure they
    are. Further rounds mix in what the estimator itself says.

    Parameters
    ----------
    estimator : classifier, default=None
        Its `fit` takes rows of class probabilities as y, and `sample_weight`; it has
        `predict_proba`. None means ``SoftTargetMLPClassifier()``.
    labeler : classifier, "estimator" or None, default=None
        What labels the other rows first: a classifier with `label_distributions_` after
        ``fit(X, y)``, such as scikit-learn's `LabelSpreading`, or a pipeline that ends in one. None
        means ``GraphLabelSpreading()``, "estimator" the estimator itself, fitted on the labelled
        rows (self-training).
    threshold : float, default=None
        None weighs a pseudo-label by its confidence (see Notes). A number in [0, 1] gives weight 1
        to those whose largest probability is at least so much, and 0 to the others.
    temperature : float or "auto", default="auto"
        Above 0; below 1 the distributions of a labeler or teacher are sharpened, above 1 they are
        drawn to the class prior. "auto" takes for those of the labeler the temperature with the
        least log loss on labels hidden from it, and 1 in later rounds.
    n_rounds : int, default=1
        Fits of the estimator on pseudo-labels, each on those that the one before has updated.
    momentum : float, default=0.5
        In [0, 1]: share of the old distributions in the exponential moving average of the rounds.
    random_state : int, RandomState instance or None, default=None
        Seeds every `random_state` of estimator and labeler; None leaves them as they are.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        As of `GraphLabelSpreading`.
    estimator_ : classifier
        Fitted in the last round; its probabilities are those of `predict_proba`.
    labeler_ : classifier or None
        Fitted; with "estimator", on the labelled rows. None if every row was labelled.
    label_distributions_ : ndarray of shape (n_samples, n_classes), float64
        What the last round learnt from: given labels, and pseudo-labels.
    sample_weight_ : ndarray of shape (n_samples,), float64
        The weights of these rows, in [0, 1].
    temperature_ : float or None
        Of the labeler's distributions. None if every row was labelled.
    transduction_ : ndarray of shape (n_samples,)
        The most probable class of each row of `label_distributions_`.
    n_features_in_, feature_names_in_ : int and ndarray of str
        The names only if X has some.

    See Also
    --------
    GraphLabelSpreading : The default labeler.
    LabelledStratifiedKFold : Splits for a y in which some rows have no label.

    Notes
    -----
    The confidence of a pseudo-label p is what it knows beyond the class prior, the mean m of the
    labelled rows: KL(p, m) / entropy(m), at most 1. With equally frequent classes this is
    1 - entropy(p) / ln(n_classes).

    A temperature t turns p into a row proportional to m (p / m) ** (1 / t). "auto" hides a fifth of
    the labels at a time.

    `GraphLabelSpreading` says what marks a row without a label. A DataFrame goes to estimator and
    labeler as it is. Texts, categories and missing values are legal where both read them: a graph
    does not, but a pipeline that encodes them before it and `SoftTargetMLPClassifier` do.

    References
    ----------
    Iscen, Tolias, Avrithis and Chum, CVPR 2019, arXiv:1904.04717 (weights from the entropy).
    Laine and Aila, ICLR 2017, arXiv:1610.02242 (moving average of predictions).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.semi_supervised import SoftPseudoLabelClassifier
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> y = np.array([3, -1, -1, -1, -1, 8])
    >>> net = SoftTargetMLPClassifier(solver="lbfgs", random_state=0)
    >>> clf = SoftPseudoLabelClassifier(net, labeler=GraphLabelSpreading(n_neighbors=2)).fit(X, y)
    >>> clf.predict([[1.0], [4.0]])
    array([3, 8])
    """

    _cure_of_texts = (
        "Pass a DataFrame, of which an estimator such as SoftTargetMLPClassifier reads texts; or "
        "encode them, by OneHotEncoder in a ColumnTransformer, turn times into numbers, such as "
        "days since a date, or drop the column."
    )

    def __init__(
        self,
        estimator: Any = None,
        labeler: Any = None,
        *,
        threshold: float | None = None,
        temperature: float | str = "auto",
        n_rounds: int = 1,
        momentum: float = 0.5,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.labeler = labeler
        self.threshold = threshold
        self.temperature = temperature
        self.n_rounds = n_rounds
        self.momentum = momentum
        self.random_state = random_state

    def _check(self, classes: Array) -> None:
        if self.threshold is not None:
            check_real(self.threshold, "threshold (a number, or None)", min_val=0, max_val=1)
        if self.temperature != AUTO:  # another text is refused here too
            name = f"temperature (a number, or {AUTO!r})"
            check_real(self.temperature, name, min_val=0, include_boundaries="neither")
        check_scalar(self.n_rounds, "n_rounds", Integral, min_val=1)
        check_real(self.momentum, "momentum", min_val=0, max_val=1)
        if isinstance(self.labeler, str) and self.labeler != ITSELF:
            raise ValueError(
                f"labeler must be a classifier, {ITSELF!r} or None; got {self.labeler!r}."
            )
        estimator = self._estimator()
        check_classifier(estimator)
        if not has_fit_parameter(estimator, "sample_weight"):
            raise ValueError(
                f"estimator must take sample_weight in fit, which {estimator!r} does not. Put "
                "transformers in a pipeline around SoftPseudoLabelClassifier, not into its "
                "estimator."
            )
        if len(classes) < 2:
            raise ValueError(
                f"y has samples of one class only, {classes[0]!r}: label rows of at least two "
                "classes."
            )

    def _estimator(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from ..classifiers import SoftTargetMLPClassifier  # torch is needed from here on only

        return SoftTargetMLPClassifier()

    def _fit(self, X: Any, targets: Targets) -> dict[str, Any]:
        rng = None if self.random_state is None else check_random_state(self.random_state)
        given = targets.dense()
        if has_label(given).all():
            found = self._fit_student(X, given, given, rng)
            return {**found, "labeler_": None, "temperature_": None}
        prior = given[has_label(given)].mean(axis=0)
        labeler, proba = self._label(X, given, targets.from_vector, rng)
        if isinstance(self.temperature, str):
            temperature = self._held_out_temperature(labeler, X, targets, rng)
            later = 1.0
        else:
            temperature = later = self.temperature
        proba = tempered(proba, prior, temperature)
        found = self._fit_student(X, given, proba, rng)
        for _ in range(self.n_rounds - 1):
            said = tempered(found["estimator_"].predict_proba(X), prior, later)
            proba = self.momentum * proba + (1 - self.momentum) * said
            found = self._fit_student(X, given, proba, rng)
        return {**found, "labeler_": labeler, "temperature_": temperature}

    def _label(self, X: Any, given: Array, from_vector: bool, rng: Any) -> tuple[Any, Array]:
        """A fitted labeler and its distributions for all rows."""
        labelled = has_label(given)
        if isinstance(self.labeler, str):
            teacher = _seeded(self._estimator(), rng)
            rows = np.flatnonzero(labelled)
            teacher.fit(_safe_indexing(X, rows), given[rows], sample_weight=np.ones(len(rows)))
            return teacher, teacher.predict_proba(X)
        labeler = _seeded(GraphLabelSpreading() if self.labeler is None else self.labeler, rng)
        if from_vector:
            labeler.fit(X, np.where(labelled, given.argmax(axis=1), UNLABELLED))
            proba = np.zeros(given.shape)  # a class may be hidden from the labeler
            proba[:, labeler.classes_] = _last_step(labeler).label_distributions_
        else:
            proba = _last_step(labeler.fit(X, given)).label_distributions_
        return labeler, _checked(labeler, proba, given[labelled].mean(axis=0))

    def _held_out_temperature(self, labeler: Any, X: Any, targets: Targets, rng: Any) -> float:
        """That suits labels hidden from the labeler; 1 if none can be hidden."""
        given, rows, proba = targets.dense(), [], []
        graph = _last_step(labeler)
        for hidden, judged in hidden_labels(given):
            if isinstance(graph, GraphLabelSpreading):
                found = graph._diffuse(graph.affinity_, hidden).distributions
            else:
                found = self._label(X, hidden, targets.from_vector, rng)[1]
            rows.append(given[judged])
            proba.append(found[judged])
        if not rows:
            return 1.0
        prior = np.nanmean(given, axis=0)
        return held_out_temperature(np.concatenate(proba), prior, np.concatenate(rows))

    def _fit_student(self, X: Any, given: Array, proba: Array, rng: Any) -> dict[str, Any]:
        """An estimator fitted on the given labels and on pseudo-labels, and what it learnt from."""
        labelled = has_label(given)
        if self.threshold is None:
            trust = confidence(proba, given[labelled].mean(axis=0))
        else:
            trust = (proba.max(axis=1) >= self.threshold).astype(np.float64)
        weight = np.where(labelled, 1.0, trust)
        soft = np.where(labelled[:, None], given, proba)
        student = _seeded(self._estimator(), rng)
        try:
            student.fit(X, soft, sample_weight=weight)
        except ValueError as error:
            raise ValueError(
                f"{type(student).__name__}.fit refused X with rows of class probabilities: "
                f"{error} The estimator must take soft targets, as SoftTargetMLPClassifier does."
            ) from error
        return {"estimator_": student, "label_distributions_": soft, "sample_weight_": weight}

    def _proba(self, X: Any) -> Array:
        return self.estimator_.predict_proba(X)

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """The same, but a DataFrame as it is, for estimator and labeler to read."""
        if not hasattr(X, "columns"):
            return super()._check_X(X, reset=reset)
        validate_data(self, X, skip_check_array=True, reset=reset)
        return X

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator()).input_tags
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = inner.allow_nan and _allows_nan(self.labeler)
        return tags


def _allows_nan(labeler: Any) -> bool:
    if labeler is None or isinstance(labeler, str):
        return labeler == ITSELF
    first = labeler[0] if isinstance(labeler, Pipeline) else labeler
    return bool(get_tags(first).input_tags.allow_nan)


def _last_step(labeler: Any) -> Any:
    return labeler[-1] if isinstance(labeler, Pipeline) else labeler


def _seeded(estimator: Any, rng: Any) -> Any:
    """A clone; seeds from the generator, unless that is None."""
    fresh = clone(estimator)
    if rng is not None:
        _set_random_states(fresh, rng)
    return fresh


def _checked(labeler: Any, proba: Any, prior: Array) -> Array:
    """The distributions of a labeler; the prior, with a warning, where it gave none."""
    name = type(labeler).__name__
    empty = np.asarray(proba).sum(axis=1) == 0
    if empty.any():
        warn(
            f"{name} gave {empty.sum()} of {len(empty)} rows no class at all: they get the class "
            "prior, and no weight for it."
        )
        proba = np.where(empty[:, None], prior, proba)
    try:
        return encode_classes(proba, classes=np.arange(len(prior))).dense()
    except ValueError as error:
        raise ValueError(
            f"{name} must give every row a distribution over {len(prior)} classes. {error}"
        ) from error
