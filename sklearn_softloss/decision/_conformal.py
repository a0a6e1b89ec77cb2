"""Sets of classes that hold a fresh vote as often as promised."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils.validation import check_is_fitted

from .._checks import check_inside
from .._estimator_base import SoftlossEstimator
from .._targets.encoding import Array, check_proba, encode_classes
from .._warn import warn
from ._base import check_decision_data
from ._risk import cut_for_recall, rows_for_recall, too_few


class VoteConformal(SoftlossEstimator):
    """For each row a set of classes that holds the next vote with a given probability.

    Where annotators disagree there is no true class that a set could hold, but the answer of one
    more annotator. The sets are those of Monte Carlo conformal prediction with all votes drawn:
    every class from one probability on, the highest at which the rows of `fit` miss few enough of
    their votes.

    Parameters
    ----------
    coverage : float, default=0.9
        Probability, in (0, 1), that a set holds a fresh vote of a fresh row.

    Attributes
    ----------
    threshold_ : float
        A class is in the set from this probability on; 0, which takes all classes, with a warning,
        if the rows of `fit` are too few for the coverage: less than ``1 / (1 - coverage) - 1``.
    coverage_ : float
        Share of the votes of `fit` that their sets hold.

    See Also
    --------
    RiskControlled : The same for label sets: the share of a row's labels that is found.

    Notes
    -----
    The guarantee is for rows drawn as those of `fit`, which must not have been used to train the
    classifier: over draws of both, a fresh vote is held with probability at least `coverage`. For
    this n rows of `fit` may miss a share m of their votes with (n * m + 1) / (n + 1) <= 1 -
    coverage. A row whose classes are all less probable than `threshold_` has an empty set.

    References
    ----------
    Stutz, Roy, Matejovicova, Strachan, Cemgil and Doucet, "Conformal prediction under ambiguous
    ground truth", TMLR 2023, arXiv:2307.09302.
    Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control", ICLR 2024,
    arXiv:2208.02814 (the bound on a fresh row).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.decision import VoteConformal
    >>> proba = np.random.default_rng(0).dirichlet(np.ones(4), size=500)
    >>> sets = VoteConformal(coverage=0.8).fit(proba, proba).predict_sets(proba)
    >>> bool((proba * sets).sum(axis=1).mean() >= 0.8)
    True
    """

    def __init__(self, coverage: float = 0.9) -> None:
        self.coverage = coverage

    def fit(self, y_true: Any, y_proba: Any) -> Self:
        """Find the threshold.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, n_classes) or (n_samples,)
            Shares of the votes, rows that sum to 1; hard labels count as one vote.
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the shapes differ, or a share, a probability or `coverage` is illegal.
        """
        check_inside("coverage", self.coverage)
        truth = encode_classes(y_true).dense()
        proba, _ = check_decision_data(truth, y_proba, None)
        self.threshold_ = cut_for_recall(truth, proba, self.coverage)
        self.coverage_ = float((truth * (proba >= self.threshold_)).sum(axis=1).mean())
        self.n_classes_ = truth.shape[1]
        needed, promised = rows_for_recall(self.coverage), f"coverage {self.coverage:g}"
        if doubt := too_few(len(truth), needed, promised, "every set holds all classes"):
            warn(doubt)
        return self

    def predict_sets(self, y_proba: Any) -> Array:
        """The classes in each row's set.

        Parameters
        ----------
        y_proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), bool
        """
        check_is_fitted(self)
        proba = check_proba(y_proba, (len(y_proba), self.n_classes_))
        return proba >= self.threshold_
