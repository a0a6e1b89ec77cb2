"""`for_prediction`: a copy without what only training needs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .._estimators.estimator import NetEstimator


def for_prediction(estimator: Any) -> Any:
    """A copy of a fitted estimator that predicts the same and holds nothing of its training.

    The optimizer's state, generators, callbacks and the history of the nets inside are left out.
    `fit` of the copy starts anew, and `partial_fit` is refused.

    Parameters
    ----------
    estimator : estimator
        Fitted: one of this package, or a pipeline, search or other estimator around it.

    Returns
    -------
    estimator

    Examples
    --------
    >>> import pickle
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.export import for_prediction
    >>> X = np.linspace(-2, 2, 20)[:, None]
    >>> clf = SoftTargetMLPClassifier((8,), max_iter=5, warm_start=True, random_state=0)
    >>> slim = for_prediction(clf.fit(X, X[:, 0] > 0))
    >>> len(pickle.dumps(slim)) < len(pickle.dumps(clf))
    True
    """
    slim = copy.deepcopy(estimator)
    for found in parts_of(slim, NetEstimator, set()):
        found.forget_training()
    return slim


def parts_of(held: Any, kind: type, seen: set[int]) -> Iterator[Any]:
    """Those of a kind in an object, in its attributes and in what they hold."""
    if id(held) in seen:
        return
    seen.add(id(held))
    if isinstance(held, kind):
        yield held
        return
    if hasattr(held, "__dict__") and (hasattr(held, "get_params") or hasattr(held, "estimator")):
        held = vars(held)
    inside = held.values() if isinstance(held, dict) else held
    for part in inside if isinstance(held, (dict, list, tuple)) else ():
        yield from parts_of(part, kind, seen)
