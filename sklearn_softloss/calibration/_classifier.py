"""A classifier whose probabilities are calibrated on rows that it was not trained on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from scipy.special import logit
from sklearn import get_config
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import _num_samples, check_is_fitted, has_fit_parameter

from .._checks import check_weight, nearest_name, require_y
from .._meta import MetaClassifier, check_classifier
from .._probability import DEFAULT_THRESHOLD
from .._targets.encoding import Array, target_kind
from .._warn import warn
from ..distributed import refuse_processes
from ..model_selection.folds import check_training_parts, splits_of
from ..model_selection.proba import aligned_proba, fit_rows, fold_probabilities
from ._base import Calibrator
from ._pairs import CalibratedPair, Task
from ._prior import PriorShift
from ._scaling import DirichletCalibration, TemperatureScaling, VectorScaling
from ._univariate import BetaCalibration, IsotonicCalibration, SigmoidCalibration

METHODS = {
    "temperature": TemperatureScaling,
    "vector": VectorScaling,
    "dirichlet": DirichletCalibration,
    "sigmoid": SigmoidCalibration,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
    "prior_shift": PriorShift,
}


class SoftCalibratedClassifierCV(MetaClassifier):
    """Calibrate any classifier's probabilities against hard, soft, multi-label or partly known y.

    Parameters
    ----------
    estimator : classifier, default=None
        With `predict_proba` in any format that `as_proba_matrix` reads. None:
        ``SoftTargetMLPClassifier(random_state=0)``.
    method : str or Calibrator, default="temperature"
        "temperature", "vector", "dirichlet", "sigmoid", "beta", "isotonic" or "prior_shift", or a
        calibrator such as ``DirichletCalibration(off_diagonal=0.1)`` or
        ``PriorShift(prior=[0.9, 0.1])``, whose `from_logits` and `multi_label` are then set to
        what the estimator gives. "vector" and "dirichlet" serve classes only.
    cv : int, splitter, iterable of splits or "prefit", default=None
        None is 5 folds. A number gives stratified folds without shuffling: scikit-learn's for
        1-D y, `SoftStratifiedKFold` and `MultiLabelStratifiedKFold` for 2-D y, and those of the
        same names with groups where `groups` are passed to `fit`. "prefit": `estimator` is fitted
        already, and all rows are used to calibrate it; so they are where it is a `FrozenEstimator`,
        unless ``ensemble=True``.
    n_jobs : int, default=None
        Folds fitted at the same time.
    ensemble : bool or "auto", default="auto"
        True: each fold trains a classifier and calibrates it on its test part; probabilities are
        averaged. False: one calibrator is fitted to the out-of-fold probabilities of all rows, and
        one classifier to all rows. "auto" is True, but False for a `FrozenEstimator`.

    Attributes
    ----------
    classes_ : ndarray
        In the order of the columns of `predict_proba`; ``arange(n_labels)`` for label sets.
    label_names_ : ndarray of shape (n_labels,)
        The columns of y, if that was a DataFrame of label sets.
    calibrated_classifiers_ : list of CalibratedPair
        Pairs (`estimator`, `calibrator`), one a fold, or a single one.
    n_features_in_ : int
    feature_names_in_ : ndarray

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : The same for hard labels.

    Notes
    -----
    The estimator's tags say what y means: rows of a 2-D y are label sets for a classifier that
    takes several labels (`MultiLabelSigmoidClassifier`, forests, `MLPClassifier`, ...) and
    distributions over classes, which sum to 1, for any other (`SoftTargetMLPClassifier`).

    Calibrators read `predict_proba`: log-probabilities of classes, log-odds of labels and of each
    class against the rest, bounded by the 1e-12 that is added to probabilities. scikit-learn reads
    `decision_function` where there is one; results agree where that is the log-odds.

    Tune decisions on top, by ``TunedDecisionClassifierCV(SoftCalibratedClassifierCV(clf))``: the
    other order drops the tuned decision.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.calibration import SoftCalibratedClassifierCV
    >>> X = np.linspace(-2, 2, 40).reshape(-1, 1)
    >>> share = 1 / (1 + np.exp(-X))
    >>> votes = np.hstack([1 - share, share])
    >>> bold = SoftTargetMLPClassifier((), loss="focal", solver="lbfgs", random_state=0)
    >>> clf = SoftCalibratedClassifierCV(bold, method="vector", cv=2).fit(X, votes)
    >>> clf.predict_proba([[-1.0]]).round(1)
    array([[0.7, 0.3]])
    >>> [pair.calibrator for pair in clf.calibrated_classifiers_]
    [VectorScaling(), VectorScaling()]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: Any = "temperature",
        cv: Any = None,
        n_jobs: int | None = None,
        ensemble: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None, **fit_params: Any
    ) -> Self:
        """Fit classifiers and calibrators.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.
        y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_columns)
            Hard labels, rows that sum to 1, or label sets (0, 1 or between, NaN or -1 where
            unknown, as far as the estimator takes them). No training part may lack a class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0, for the calibrators, and for the estimator if its `fit` takes them.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never on both sides of a split.
        **fit_params : dict
            For the estimator's `fit`; what has an entry a sample is sliced.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y, weights or a parameter are illegal, the method does not serve this kind of y, or
            the training part of a split lacks a class.
        """
        refuse_processes(self)
        require_y(self, y)
        X, y, groups = indexable(X, y, groups)
        estimator = self._estimator()
        check_classifier(estimator)
        ensemble = self._is_ensemble(estimator)
        frozen = isinstance(estimator, FrozenEstimator) and not ensemble
        if frozen:
            check_is_fitted(estimator)
        prefit = self._is_prefit() or frozen
        labels = target_kind(estimator, y) == "labels"
        targets = self._encode(y, labels, estimator if prefit else None)
        calibrator = self._new_calibrator(labels)
        weight = check_weight(sample_weight, (_num_samples(X),), name="sample_weight")
        params = {} if prefit else self._params_of_estimator(estimator, sample_weight, fit_params)
        task = Task(calibrator, X, y, targets, weight, params)
        everything = np.arange(_num_samples(X))
        if prefit:
            proba = aligned_proba(estimator, X, task.known)
            pairs = [CalibratedPair(estimator, task.fit_calibrator(everything, proba))]
        else:
            cv = 5 if self.cv is None else self.cv
            splits = splits_of(cv, X, y, targets, labels=labels, groups=groups, shuffle=False)
            check_training_parts(targets, splits)
            if ensemble:
                fit_pairs = (delayed(task.fit_pair)(estimator, split) for split in splits)
                pairs = list(Parallel(n_jobs=self.n_jobs)(fit_pairs))
            else:
                parts = fold_probabilities(
                    estimator, X, y, splits, n_jobs=self.n_jobs, params=params, known=task.known
                )
                tested = np.concatenate([test for _, test in splits])
                calibrator = task.fit_calibrator(tested, np.concatenate(parts))
                fitted = fit_rows(estimator, X, y, everything, params)
                pairs = [CalibratedPair(fitted, calibrator)]
        self.calibrated_classifiers_, self.classes_, self._labels = pairs, targets.classes, labels
        self._take_over(pairs[0].estimator, "label_names_", "column_classes_")
        if targets.label_names is not None:
            self.label_names_ = targets.label_names
        return self

    def _estimator(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        from ..classifiers import SoftTargetMLPClassifier  # torch loads only where it is needed

        return SoftTargetMLPClassifier(random_state=0)

    def _is_ensemble(self, estimator: Any) -> bool:
        if isinstance(self.ensemble, str) and self.ensemble == "auto":
            return not isinstance(estimator, FrozenEstimator)
        if not isinstance(self.ensemble, (bool, np.bool_)):
            raise ValueError(f"ensemble must be True, False or 'auto'; got {self.ensemble!r}.")
        return bool(self.ensemble)

    def _new_calibrator(self, labels: bool) -> Calibrator:
        if isinstance(self.method, str) and self.method in METHODS:
            calibrator = METHODS[self.method]()
        elif isinstance(self.method, Calibrator):
            calibrator = clone(self.method)
        else:
            raise ValueError(
                f"method must be one of {list(METHODS)} or a calibrator; got {self.method!r}."
                f"{nearest_name(self.method, METHODS)}"
            )
        if "multi_label" in calibrator.get_params():
            calibrator.set_params(multi_label=labels)
        elif labels:
            raise ValueError(
                f"{type(calibrator).__name__} serves classes; for label sets take 'temperature', "
                "'sigmoid' (vector scaling of one label), 'beta' (the Dirichlet of one label), "
                "'isotonic' or 'prior_shift'."
            )
        return calibrator.set_params(from_logits=False)

    def _params_of_estimator(
        self, estimator: Any, sample_weight: Any, fit_params: dict[str, Any]
    ) -> dict[str, Any]:
        if get_config()["enable_metadata_routing"]:
            given = {} if sample_weight is None else {"sample_weight": sample_weight}
            return dict(process_routing(self, "fit", **given, **fit_params).estimator.fit)
        if sample_weight is None or isinstance(estimator, FrozenEstimator):
            return fit_params
        if has_fit_parameter(estimator, "sample_weight"):
            return {**fit_params, "sample_weight": sample_weight}
        warn(
            f"The fit of {type(estimator).__name__} takes no sample_weight: weights count in the "
            "calibration only.",
        )
        return fit_params

    def predict_proba(self, X: Any) -> Array:
        """Calibrated probabilities, averaged over `calibrated_classifiers_`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), float64
            Rows sum to 1, columns follow `classes_`; for label sets one probability a label.
        """
        check_is_fitted(self)
        classes = None if self._labels else self.classes_
        parts = [pair.predict_proba(X, classes) for pair in self.calibrated_classifiers_]
        return np.asarray(np.mean(parts, axis=0))

    def predict(self, X: Any) -> Array:
        """The most probable class, or the labels with a probability >= 0.5.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes, or 0 and 1 (int64).
        """
        proba = self.predict_proba(X)
        if self._labels:
            return (proba >= DEFAULT_THRESHOLD).astype(np.int64)
        return np.asarray(self.classes_[proba.argmax(axis=1)])

    def decision_function(self, X: Any) -> Array:
        """Log-odds of the calibrated probability.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels), float64
            In nats. One value a row for two classes, above 0 where the second is more probable.
        """
        proba = self.predict_proba(X)
        if not self._labels and proba.shape[1] == 2:
            return np.log(proba[:, 1]) - np.log(proba[:, 0])
        return np.asarray(logit(proba))
