"""A classifier whose decisions are tuned on out-of-fold probabilities."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._checks import check_weight, nearest_name, require_y
from .._estimator_base import available_if
from .._meta import MetaClassifier, check_classifier, estimator_has
from .._table import Table
from .._targets.encoding import Array, Targets, target_kind
from .._targets.labels import warn_if_never_absent
from .._warn import warn
from ..distributed import refuse_processes
from ..model_selection.folds import check_training_parts, splits_of
from ..model_selection.proba import aligned_proba, fit_rows, fold_probabilities
from ._base import DecisionRule
from ._class_rules import ClassThresholds
from ._tuning import Tuning
from .rules import Thresholds

SHRINKAGE = 5.0
"""Positives that the pooled cut-off counts for where labels are tuned one by one. On benchmark sets
the macro F1 stays what it is without; the micro F1 rises, most where labels are rare."""


class TunedDecisionClassifierCV(MetaClassifier):
    """Any classifier with `predict_proba`, and a decision rule tuned on out-of-fold probabilities.

    For binary, multi-class and multi-label y. Probabilities stay the estimator's own; only
    `predict` changes. Rows of a 2-D y are label sets if the estimator's tags say that it takes
    several labels, otherwise class mass.

    Parameters
    ----------
    estimator : classifier
        With `predict_proba` in any format.
    rule : "thresholds" or decision rule, default="thresholds"
        "thresholds" is `Thresholds` for labels (with ``shrinkage=5`` where they are tuned one by
        one) and for the second of two classes, `ClassThresholds` for more classes. Cutting at 0.5
        or taking the argmax stays in force unless tuning gains more than a standard error over
        folds, each scored by cut-offs from the others. A rule object is cloned and always used.
    objective : str or callable, default="f1"
        What "thresholds" maximises, and what `best_score_` reports; see `optimal_thresholds`.
    average : {"macro", "weighted", "micro", "samples"}, default="macro"
        Over labels or classes; more than two exclusive classes know "macro" and "weighted".
    cv : int, splitter, iterable or "prefit", default=5
        A number is so many shuffled folds, stratified by classes, class mass or labels; rows of one
        group stay together where `groups` are passed to `fit`. "prefit" tunes on the rows of `fit`
        an estimator that was fitted to others.
    refit : bool, default=True
        Fit the estimator to all rows after tuning. False needs a single split, whose fitted
        estimator is then kept, or "prefit".
    pos_label : object, default=None
        Which of two classes the objective is about; None is the second of the sorted classes.
    n_jobs : int, default=None
        Folds fitted at the same time.
    random_state : int, RandomState instance or None, default=None
        For the folds.

    Attributes
    ----------
    estimator_ : classifier
    rule_ : DecisionRule
        Fitted to the out-of-fold probabilities of all rows; a rule that cuts at 0.5 or takes the
        argmax where that stays in force.
    thresholds_ : ndarray of shape (n_labels,) or (n_classes,)
        Where the rule has cut-offs; one for two classes.
    fold_thresholds_ : ndarray of shape (n_folds, n_labels)
        Those of each fold's rows alone; their spread shows how far to trust `thresholds_`.
    best_score_ : float
        The objective that `rule_` reaches out of fold: of a rule that has one, its own.
    cv_results_ : dict
        "fold_scores", the objective on each fold of the rule fitted to the others, and
        "fold_default_scores", that of cutting at 0.5 or of the argmax; where labels have cut-offs
        also the curve: "thresholds" (n_points, n_labels), "scores" on all rows, "mean_score" and
        "std_score" over folds.
    classes_ : ndarray
    n_features_in_ : int
    feature_names_in_ : ndarray

    References
    ----------
    Lipton, Elkan and Narayanaswamy, ECML PKDD 2014, arXiv:1402.1892.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_softloss.decision import TunedDecisionClassifierCV
    >>> X = np.arange(60.0).reshape(-1, 1)
    >>> y = (np.arange(60) % 3 == 0) & (np.arange(60) > 20)
    >>> plain = LogisticRegression().fit(X, y)
    >>> tuned = TunedDecisionClassifierCV(LogisticRegression(), random_state=0).fit(X, y)
    >>> int(plain.predict(X).sum()), int(tuned.predict(X).sum()) > 20
    (0, True)
    >>> bool((tuned.predict_proba(X) == plain.predict_proba(X)).all())
    True
    """

    def __init__(
        self,
        estimator: Any,
        rule: Any = "thresholds",
        objective: Any = "f1",
        average: str = "macro",
        cv: Any = 5,
        refit: bool = True,
        pos_label: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.rule = rule
        self.objective = objective
        self.average = average
        self.cv = cv
        self.refit = refit
        self.pos_label = pos_label
        self.n_jobs = n_jobs
        self.random_state = random_state

    # --- fit -------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, *, groups: Any = None, **params: Any) -> Self:
        """Tune the rule out of fold, then fit the estimator to all rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.
        y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_columns)
            Hard labels, rows of class mass, or label sets (soft, NaN and -1 included where the
            estimator takes them).
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never on both sides of a split.
        **params : dict
            For the estimator's `fit`; what has an entry a sample is sliced, and `sample_weight`
            weighs the rows of the tuning too.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y has no legal meaning or one class only, or rule, objective, average and cv do not
            go together.
        """
        refuse_processes(self)
        require_y(self, y)
        X, y, groups = indexable(X, y, groups)
        if not _num_samples(X):
            raise ValueError("X holds 0 sample(s) while a minimum of 2 is required.")
        check_classifier(self.estimator)
        kind = target_kind(self.estimator, y)
        fitted = self.estimator if self._is_fitted_already() else None
        targets = self._encode(y, kind == "labels", fitted)
        if kind == "labels":
            warn_if_never_absent(targets)
        truth, classes = targets.dense(), targets.classes
        if kind == "binary" and len(classes) > 2:  # a fitted estimator knows more than y holds
            kind = "classes"
        names = classes if targets.label_names is None else targets.label_names
        rule = self._new_rule(kind)
        weight = check_weight(params.get("sample_weight"), (len(truth),), name="sample_weight")
        if get_config()["enable_metadata_routing"]:
            params = process_routing(self, "fit", **params).estimator.fit
        positive, columns = self._positive_column(kind, classes), np.arange(truth.shape[1])
        if kind == "binary" and rule.decides == "labels":
            columns = columns[[positive]]
            names = classes[columns]
        careful = not isinstance(self.rule, DecisionRule)
        truth = truth[:, columns]
        tuning = Tuning(rule, self.objective, self.average, names, truth, weight, careful)
        estimator, splits, parts = self._probabilities(kind, X, y, targets, groups, params)
        tuning.run([test for _, test in splits], [proba[:, columns] for proba in parts])

        self._positive = positive
        self.estimator_, self.rule_, self.classes_ = estimator, tuning.chosen, classes
        self.best_score_, self.cv_results_ = tuning.score, tuning.results
        self._kind, self._report = kind, tuning.report()
        if len(columns) < len(classes) and kind == "binary":
            tuned, other = classes[[positive, 1 - positive]].tolist()
            note = f"Tuned for class {tuned!r}; pos_label={other!r} tunes for the other."
            self._report.notes.insert(0, note)
        for name in ("thresholds_", "fold_thresholds_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        if tuning.fold_thresholds is not None:
            self.thresholds_ = tuning.chosen.thresholds_
            self.fold_thresholds_ = tuning.fold_thresholds
        self._untold = tuning.never_predicted()
        self._take_over(estimator, "label_names_", "column_classes_")
        if targets.label_names is not None:
            self.label_names_ = targets.label_names
        return self

    def _is_fitted_already(self) -> bool:
        """Whether the estimator stays as it is, so that its classes are those of the rule."""
        return self._is_prefit() or isinstance(self.estimator, FrozenEstimator)

    def _positive_column(self, kind: str, classes: Array) -> int:
        if self.pos_label is None:
            return 1
        if kind != "binary" or self.pos_label not in classes.tolist():
            raise ValueError(
                f"pos_label must be None or one of two classes; got {self.pos_label!r}, and this y "
                f"holds {kind}: {classes.tolist()}."
            )
        return classes.tolist().index(self.pos_label)

    def _new_rule(self, kind: str) -> DecisionRule:
        if isinstance(self.rule, DecisionRule):
            if kind != "binary" and self.rule.decides != kind:
                raise ValueError(f"{self.rule!r} decides {self.rule.decides}; this y holds {kind}.")
            return self.rule
        if self.rule != "thresholds":
            raise ValueError(
                f"rule must be 'thresholds' or a decision rule such as TopK(3); got {self.rule!r}."
                f"{nearest_name(self.rule, ['thresholds'])}"
            )
        if kind == "classes":
            return ClassThresholds(self.objective, average=self.average)
        shrinkage = SHRINKAGE if self.average in ("macro", "weighted") else 0.0
        return Thresholds(self.objective, average=self.average, shrinkage=shrinkage)

    def _probabilities(
        self, kind: str, X: Any, y: Any, targets: Targets, groups: Any, params: dict[str, Any]
    ) -> tuple[Any, list[tuple[Array, Array]], list[Array]]:
        """The estimator to keep, and splits with the probabilities of their test parts."""
        known = targets.classes if targets.from_vector else None
        rows = np.arange(targets.values.shape[0])
        if isinstance(self.cv, str):
            return self.estimator, [(rows, rows)], [aligned_proba(self.estimator, X, known)]
        splits = splits_of(
            self.cv, X, y, targets, labels=kind == "labels", groups=groups, shuffle=True,
            random_state=self.random_state,
        )  # fmt: skip
        if not self._is_fitted_already():
            check_training_parts(targets, splits)
        if self.refit:
            parts = fold_probabilities(
                self.estimator, X, y, splits, n_jobs=self.n_jobs, params=params, known=known
            )
            return fit_rows(self.estimator, X, y, rows, params), splits, parts
        if len(splits) > 1:
            raise ValueError(
                f"refit=False needs cv with a single split or 'prefit'; cv has {len(splits)}."
            )
        train, test = splits[0]
        kept = fit_rows(self.estimator, X, y, train, params)
        return kept, splits, [aligned_proba(kept, _safe_indexing(X, test), known)]

    # --- answers ---------------------------------------------------------------------------------

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """The estimator's own probabilities, as it returns them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.

        Returns
        -------
        ndarray or list of ndarray
            In the estimator's own format.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    def predict(self, X: Any) -> Array:
        """The rule's answers.

        Warns once if there are labels or classes that the rule never predicted out of fold.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            As the estimator takes it.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes, or 0 and 1 (int64).
        """
        check_is_fitted(self)
        if self._untold:
            warn(self._untold.pop())
        proba = aligned_proba(self.estimator_, X, self.classes_ if self._kind != "labels" else None)
        if self._kind == "binary" and self.rule_.decides == "labels":
            chosen = self.rule_.decide(proba[:, [self._positive]])[:, 0]
            return np.asarray(self.classes_[np.where(chosen, self._positive, 1 - self._positive)])
        decided = self.rule_.decide(proba)
        return decided if self._kind == "labels" else np.asarray(self.classes_[decided])

    def decision_report(self) -> Table:
        """Each label out of fold: cut-off, spread over folds, precision, recall, F1, baselines.

        Returns
        -------
        Table
            `print` it, or take its `to_frame()`; notebooks show it as HTML. The notes name
            decisions that predict nothing, whose accuracy may look excellent.
        """
        check_is_fitted(self)
        return self._report
