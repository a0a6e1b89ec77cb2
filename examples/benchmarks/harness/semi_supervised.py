"""Semi-supervised methods side by side on the same few labels, and collapse called by its name."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import euclidean_distances
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length, check_scalar

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss._targets.encoding import Array, Targets
from sklearn_softloss.metrics import expected_calibration_error, soft_accuracy, soft_log_loss
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier
from sklearn_softloss.semi_supervised._partly_labelled import (
    UNLABELLED,
    PartlyLabelledClassifier,
    has_label,
    read_partly_labelled,
)

from .memory import PeakMemory
from .tables import table
from .timing import timed

SUPERVISED = "supervised only"
SCORES = ("accuracy", "soft_log_loss", "calibration_error", "fit_seconds", "peak_megabytes")
ROWS_FOR_MEDIAN = 1000
DENSE_COPIES = 3
"""Square float64 matrices that scikit-learn's rbf methods hold at a time, at most."""


@dataclass(repr=False)
class SemiSupervisedComparison:
    """What `compare_semi_supervised` found; ``print`` shows it.

    Attributes
    ----------
    rows : list of dict
        One a method and number of labels, means over the draws of labelled rows: `method`,
        `n_labelled`, `accuracy`, `standard_error` (of the accuracy), `soft_log_loss` (nats),
        `calibration_error`, `fit_seconds`, `peak_megabytes`, `outcome`. NaN where there is none.
        ``pandas.DataFrame(comparison.rows)`` takes them over.
    runs : list of dict
        The same for each fit, with the number of the draw in `draw`.
    """

    rows: list[dict[str, Any]]
    runs: list[dict[str, Any]]

    def __repr__(self) -> str:
        return table(self.rows[0], (row.values() for row in self.rows), digits=3)

    @classmethod
    def from_runs(cls, runs: list[dict[str, Any]]) -> Self:
        """The comparison that these runs make up, which may come from several."""
        return cls([_mean_row(found) for found in _by_method(runs)], runs)


def compare_semi_supervised(
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    n_labelled: Sequence[int] = (50, 100, 200),
    methods: Sequence[str] | Mapping[str, Any] | None = None,
    n_draws: int = 3,
    random_state: Any = None,
) -> SemiSupervisedComparison:
    """Fit semi-supervised methods to the same rows with few labels, and score them on test rows.

    All methods of a draw see the same labelled rows, at least one of each class and otherwise each
    class in proportion; the rows of a smaller number are among those of a larger one.

    Parameters
    ----------
    X, X_test : array-like or sparse matrix
        Scale the features before: scikit-learn's rbf kernel depends on it.
    y, y_test : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, of which `n_labelled` are shown; rows without a label (-1, NaN) always stay without.
        scikit-learn's methods get the most probable class of a soft row.
    n_labelled : sequence of int, default=(50, 100, 200)
        Each at least the number of classes.
    methods : sequence of str, dict of classifiers or None, default=None
        Some names of `default_methods`, by default all, or classifiers of your own by name. A name
        "supervised only" is fitted on the labelled rows alone.
    n_draws : int, default=3
        Draws of labelled rows.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws and the choice of rows for the median gamma.

    Notes
    -----
    `outcome` is "collapsed: one class" if all test rows get the same class though several occur,
    "collapsed: NaN" if a probability is not a number, "too large" if a dense kernel would not fit
    into this machine's memory, "not converged" if scikit-learn said so, and "ok" otherwise.
    Accuracy is the mean target mass on the predicted class, calibration error that of the
    confidence in 15 bins. Time and memory are those of `fit`; the first net of a process also pays
    for what torch sets up once.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from harness.semi_supervised import compare_semi_supervised
    >>> X, y = load_iris(return_X_y=True)
    >>> found = compare_semi_supervised(
    ...     X[::2], y[::2], X[1::2], y[1::2], n_labelled=(6, 12), n_draws=1, random_state=0,
    ...     methods=("LabelSpreading knn", "GraphLabelSpreading"),
    ... )
    >>> [(row["method"], row["n_labelled"], row["outcome"]) for row in found.rows]
    [('LabelSpreading knn', 6, 'ok'), ('LabelSpreading knn', 12, 'ok'),
     ('GraphLabelSpreading', 6, 'ok'), ('GraphLabelSpreading', 12, 'ok')]
    """
    check_scalar(n_draws, "n_draws", Integral, min_val=1)
    targets = read_partly_labelled(y)
    truth = read_partly_labelled(y_test, targets.classes)
    X, X_test = _rows(X, targets, "X"), _rows(X_test, truth, "X_test")
    _check_numbers(n_labelled, targets)
    rng = check_random_state(random_state)
    classifiers = _chosen(methods, X, rng)
    judged = has_label(truth.dense())
    test = X_test[judged], truth.dense()[judged]
    runs = []
    for draw in range(n_draws):
        order = drawing_order(targets, rng)
        for number in n_labelled:
            shown = np.zeros(len(targets.values), dtype=bool)
            shown[order[:number]] = True
            for name, classifier in classifiers.items():
                run = {"method": name, "n_labelled": int(number), "draw": draw}
                runs.append(run | _run(name, clone(classifier), X, targets, shown, test))
    return SemiSupervisedComparison.from_runs(runs)


# --- which methods, on which rows ----------------------------------------------------------------


def default_methods(X: Any, rng: np.random.RandomState) -> dict[str, Any]:
    """By name, in the order of the table; all nets are the same, median gamma is 1 over the median
    squared distance of 1,000 rows.
    """
    # Softmax regression has one optimum: no difference comes from how long a net is trained.
    net = SoftTargetMLPClassifier((), solver="lbfgs", alpha=1.0, random_state=0)
    found = {SUPERVISED: net}
    gamma = _median_gamma(X, rng)
    for method in (LabelPropagation, LabelSpreading):
        found[f"{method.__name__} rbf"] = method()
        found[f"{method.__name__} rbf, median gamma"] = method(gamma=gamma)
        found[f"{method.__name__} knn"] = method(kernel="knn")
    return {
        **found,
        "SelfTrainingClassifier": SelfTrainingClassifier(net),
        "GraphLabelSpreading": GraphLabelSpreading(),
        "SoftPseudoLabelClassifier": SoftPseudoLabelClassifier(net),
        "SoftPseudoLabelClassifier, self-training": SoftPseudoLabelClassifier(
            net, labeler="estimator", temperature=0.5, n_rounds=3
        ),
    }


def _median_gamma(X: Any, rng: np.random.RandomState) -> float:
    n_rows = X.shape[0]
    rows = rng.permutation(n_rows)[:ROWS_FOR_MEDIAN]
    squares = euclidean_distances(X[np.sort(rows)], squared=True)
    median = np.median(squares[np.triu_indices(len(rows), 1)])
    return float(1 / median) if median > 0 else 1.0


def _chosen(methods: Any, X: Any, rng: np.random.RandomState) -> dict[str, Any]:
    if isinstance(methods, Mapping):
        return dict(methods)
    known = default_methods(X, rng)
    if methods is None:
        return known
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise ValueError(
            f"methods must be among {list(known)}, or a dict of classifiers; got {unknown[0]!r}."
        )
    return {name: known[name] for name in methods}


def _rows(X: Any, targets: Targets, name: str) -> Any:
    X = check_array(X, accept_sparse="csr", dtype=(np.float64, np.float32), input_name=name)
    check_consistent_length(X, targets.values)
    return X


def _check_numbers(n_labelled: Sequence[int], targets: Targets) -> None:
    n_known, n_classes = has_label(targets.dense()).sum(), len(targets.classes)
    for number in n_labelled:
        check_scalar(number, "each of n_labelled", Integral, min_val=n_classes, max_val=n_known)


def drawing_order(targets: Targets, rng: np.random.RandomState) -> Array:
    """Labelled rows in random order, one of each class first, then each class in proportion."""
    rows = rng.permutation(np.flatnonzero(has_label(targets.dense())))
    classes = targets.values[rows].argmax(axis=1)
    place = np.empty(len(rows))
    for number in np.unique(classes):
        members = classes == number
        place[members] = np.arange(members.sum()) / members.sum()
    return np.asarray(rows[np.argsort(place, kind="stable")])


# --- one fit -------------------------------------------------------------------------------------


def _run(
    name: str, classifier: Any, X: Any, targets: Targets, shown: Array, test: tuple[Any, Array]
) -> dict[str, Any]:
    if _too_large(classifier, X.shape[0]):
        return dict.fromkeys(SCORES, float("nan")) | {"outcome": "too large"}
    y = _labels_for(classifier, targets, shown)
    if name == SUPERVISED:
        X, y = X[shown], y[shown]
    with warnings.catch_warnings(record=True) as caught, PeakMemory() as memory:
        warnings.simplefilter("always")
        seconds, _ = timed(lambda: classifier.fit(X, y))
    if UNLABELLED in np.asarray(classifier.classes_):
        raise ValueError(
            f"{name!r} takes {UNLABELLED}, which marks rows without a label, for a class. A method "
            f"that learns from labelled rows alone must have the name {SUPERVISED!r}."
        )
    for warning in caught:
        if not issubclass(warning.category, ConvergenceWarning):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    X_test, truth = test
    proba = _probabilities(classifier, X_test, truth.shape[1])
    return {
        **_scores(truth, proba),
        "fit_seconds": seconds,
        "peak_megabytes": memory.megabytes,
        "outcome": _outcome(
            truth, proba, any(issubclass(w.category, ConvergenceWarning) for w in caught)
        ),
    }


def _labels_for(classifier: Any, targets: Targets, shown: Array) -> Array:
    """Soft rows for who takes them if y has them; otherwise class numbers, -1 where hidden."""
    if not targets.from_vector:
        final = classifier[-1] if isinstance(classifier, Pipeline) else classifier
        if isinstance(final, (PartlyLabelledClassifier, SoftTargetMLPClassifier)):
            return np.where(shown[:, None], targets.dense(), np.nan)
    return np.where(shown, np.nan_to_num(targets.dense()).argmax(axis=1), UNLABELLED)


def _too_large(classifier: Any, n_rows: int) -> bool:
    """Whether a dense kernel would need more memory than the machine has."""
    dense = (
        isinstance(classifier, (LabelPropagation, LabelSpreading)) and classifier.kernel == "rbf"
    )
    if not dense or not hasattr(os, "sysconf"):
        return False
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return DENSE_COPIES * 8 * n_rows**2 > memory


def _probabilities(classifier: Any, X: Any, n_classes: int) -> Array:
    """Columns for all classes, in their order; a method may know fewer."""
    found = np.zeros((X.shape[0], n_classes))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 0 / 0 in a kernel that underflows
        proba = np.asarray(classifier.predict_proba(X))
    found[:, np.asarray(classifier.classes_)] = proba
    return found


def _scores(truth: Array, proba: Array) -> dict[str, float]:
    if np.isnan(proba).any():
        guessed = np.nan_to_num(proba).argmax(axis=1)
        accuracy = truth[np.arange(len(truth)), guessed].mean()
        nan = float("nan")
        return {"accuracy": float(accuracy), "soft_log_loss": nan, "calibration_error": nan}
    return {
        "accuracy": soft_accuracy(truth, proba),
        "soft_log_loss": soft_log_loss(truth, proba),
        "calibration_error": float(expected_calibration_error(truth, proba)),
    }


def _outcome(truth: Array, proba: Array, stopped: bool) -> str:
    if np.isnan(proba).any():
        return "collapsed: NaN"
    several = len(np.unique(truth.argmax(axis=1))) > 1
    if several and len(np.unique(proba.argmax(axis=1))) == 1:
        return "collapsed: one class"
    return "not converged" if stopped else "ok"


# --- means over draws ----------------------------------------------------------------------------


def _by_method(runs: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The draws of each method and number of labels, method by method."""
    for name in dict.fromkeys(run["method"] for run in runs):
        for number in dict.fromkeys(run["n_labelled"] for run in runs):
            yield [run for run in runs if run["method"] == name and run["n_labelled"] == number]


def _mean_row(runs: list[dict[str, Any]]) -> dict[str, Any]:
    means = {score: float(np.mean([run[score] for run in runs])) for score in SCORES}
    accuracies = [run["accuracy"] for run in runs]
    error = np.std(accuracies, ddof=1) / np.sqrt(len(runs)) if len(runs) > 1 else np.nan
    outcomes = [run["outcome"] for run in runs]
    worst = min(outcomes)  # "collapsed" sorts before "not converged", that before "ok"
    share = f" in {outcomes.count(worst)} of {len(runs)}" if len(set(outcomes)) > 1 else ""
    return {
        "method": runs[0]["method"],
        "n_labelled": runs[0]["n_labelled"],
        "accuracy": means.pop("accuracy"),
        "standard_error": float(error),
        **means,
        "outcome": worst + share,
    }
