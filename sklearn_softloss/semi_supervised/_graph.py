"""Labels spread over a graph of nearest neighbours: one classifier."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_scalar

from .._checks import check_one_of, check_real
from .._targets.encoding import Array, Targets
from .._warn import warn
from ._diffusion import Diffused, propagate, spread
from ._neighbors import ApproximateNeighbors, symmetric_affinity, weight_matrix
from ._partly_labelled import PartlyLabelledClassifier

Mode = Literal["spreading", "propagation"]
Search = Literal["exact", "approximate"]


class GraphLabelSpreading(PartlyLabelledClassifier):
    """Labels spread over a sparse graph of nearest neighbours.

    What scikit-learn's `LabelSpreading` and `LabelPropagation` compute, on a graph that neither
    underflows nor grows with the square of the rows. Weights are Gaussian in the distance relative
    to that of the row's furthest neighbour, in [0.011, 1], and averaged over both directions.

    Parameters
    ----------
    n_neighbors : int, default=10
        Neighbours of a row; all other rows where there are fewer.
    mode : {"spreading", "propagation"}, default="spreading"
        "spreading" may overrule given labels (soft clamping), "propagation" keeps them.
    alpha : float, default=0.8
        In (0, 1), for "spreading": the share of a row from its neighbours, not from its own label.
    neighbors : {"exact", "approximate"}, default="exact"
        "exact" is scikit-learn's `NearestNeighbors`, whose time grows with the square of the rows;
        "approximate" needs the package `pynndescent`.
    tol : float, default=1e-10
        Relative size of the residual at which conjugate gradients stop.
    random_state : int, RandomState instance or None, default=None
        Seeds the approximate search.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels; the columns of y if that was a DataFrame, ``arange(n_classes)`` for a matrix.
    label_distributions_ : ndarray of shape (n_samples, n_classes), float64
        Distribution over the classes of each row of X; rows sum to 1.
    transduction_ : ndarray of shape (n_samples,)
        The most probable class of each row of X.
    unreached_ : ndarray of int
        Rows of X where no label, or less of it than `tol`, arrives: they get the class prior, the
        mean of the labelled rows.
    affinity_ : CSR array of shape (n_samples, n_samples)
        The symmetric weights.
    n_iter_ : int
        Most steps of conjugate gradients that a class took.
    n_features_in_, feature_names_in_ : int and ndarray of str
        The names only if X has some.

    Notes
    -----
    With affinities W, their row sums D, S = D^-1/2 W D^-1/2 and given labels Y (0 in rows without
    one), "spreading" is F = (1 - alpha) (I - alpha S)^-1 Y [1]_ and "propagation" solves
    (D - W) F = 0 in the rows without a label [2]_; rows are then divided by their sums. Bandwidths
    of a row's own scale are those of [3]_, but averaged, since a product of two may underflow.

    The largest entries of the distributions are good answers, but as probabilities they are too
    flat, the more so the larger `alpha`; `SoftPseudoLabelClassifier` corrects that with a
    temperature. `predict_proba` of other rows is the weighted mean over the nearest of the fit.

    In a 1-D y the number -1 marks a row without a label, but in a y of -1 and 1 and nothing else,
    which is read as two classes, with a warning. A 2-D y with NaN rows is never ambiguous.

    References
    ----------
    .. [1] Zhou, Bousquet, Lal, Weston and Schölkopf, NIPS 2003.
    .. [2] Zhu, Ghahramani and Lafferty, ICML 2003.
    .. [3] Zelnik-Manor and Perona, "Self-tuning spectral clustering", NIPS 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.semi_supervised import GraphLabelSpreading
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> y = np.array([3, -1, -1, -1, -1, 8])
    >>> clf = GraphLabelSpreading(n_neighbors=2).fit(X, y)
    >>> clf.transduction_
    array([3, 3, 3, 8, 8, 8])
    >>> clf.predict([[1.0], [4.0]])
    array([3, 8])
    """

    _cure_of_texts = (
        "A graph is of distances between rows of numbers: encode texts and categories, by "
        "OneHotEncoder in a ColumnTransformer and a pipeline, turn times into numbers, such as "
        "days since a date, or drop the column. SoftPseudoLabelClassifier needs no graph with "
        "labeler='estimator'."
    )

    def __init__(
        self,
        n_neighbors: int = 10,
        *,
        mode: Mode = "spreading",
        alpha: float = 0.8,
        neighbors: Search = "exact",
        tol: float = 1e-10,
        random_state: Any = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.mode = mode
        self.alpha = alpha
        self.neighbors = neighbors
        self.tol = tol
        self.random_state = random_state

    def _fit(self, X: Any, targets: Targets) -> dict[str, Any]:
        n_neighbors = min(self.n_neighbors, X.shape[0] - 1)
        index: Any
        if self.neighbors == "approximate":
            index = ApproximateNeighbors(X, n_neighbors, self.random_state)
        else:
            index = NearestNeighbors(n_neighbors=n_neighbors).fit(X)
        affinity = symmetric_affinity(*index.kneighbors())
        found = self._diffuse(affinity, targets.dense())
        if n_unreached := len(found.unreached):
            share = n_unreached / X.shape[0]
            warn(
                f"No label reaches {n_unreached} rows ({share:.1%}), listed in `unreached_`: they "
                "get the class prior. Raise n_neighbors, or label a row of each of their groups."
            )
        return {
            "affinity_": affinity,
            "label_distributions_": found.distributions,
            "unreached_": found.unreached,
            "n_iter_": found.n_iter,
            "_index": index,
        }

    def _check(self, classes: Array) -> None:
        check_scalar(self.n_neighbors, "n_neighbors", Integral, min_val=1)
        check_real(self.alpha, "alpha", min_val=0, max_val=1, include_boundaries="neither")
        check_real(self.tol, "tol", min_val=0, include_boundaries="neither")
        check_one_of("mode", self.mode, get_args(Mode))
        check_one_of("neighbors", self.neighbors, get_args(Search))

    def _diffuse(self, affinity: Any, y_soft: Array) -> Diffused:
        if self.mode == "propagation":
            return propagate(affinity, y_soft, tol=self.tol)
        return spread(affinity, y_soft, alpha=self.alpha, tol=self.tol)

    def _proba(self, X: Any) -> Array:
        distances, indices = self._index.kneighbors(X)
        overflown = ~np.isfinite(distances).all(axis=1)
        distances[overflown] = 0.0  # farther than the dtype can say: all neighbours alike
        weights = weight_matrix(distances, indices, len(self.label_distributions_))
        mass = weights @ self.label_distributions_
        return mass / mass.sum(axis=1, keepdims=True)
