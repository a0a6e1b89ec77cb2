"""Which folds a classifier around a classifier takes where it is given their number."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from .._targets.encoding import Array, Targets
from .split import (
    MultiLabelStratifiedGroupKFold,
    MultiLabelStratifiedKFold,
    RandomState,
    SoftStratifiedGroupKFold,
    SoftStratifiedKFold,
)


def splits_of(
    cv: Any,
    X: Any,
    y: Any,
    targets: Targets,
    *,
    labels: bool,
    groups: Any,
    shuffle: bool,
    random_state: RandomState = None,
) -> list[tuple[Array, Array]]:
    """Those of a splitter or an iterable; of a number so many folds of targets already encoded.
    Folds are stratified by classes, class mass or `labels`. Rows of one group stay together where
    groups are given."""
    if not isinstance(cv, Integral):
        return list(check_cv(cv).split(X, y, groups))
    options: Any = {"shuffle": shuffle, "random_state": random_state if shuffle else None}
    alone = groups is None
    if targets.from_vector:
        codes = targets.values.argmax(axis=1)
        folds = StratifiedKFold if alone else StratifiedGroupKFold
        return list(folds(int(cv), **options).split(codes, codes, groups))
    if labels:
        splitter: Any = MultiLabelStratifiedKFold if alone else MultiLabelStratifiedGroupKFold
    else:
        splitter = SoftStratifiedKFold if alone else SoftStratifiedGroupKFold
    return list(splitter(int(cv), **options)._split_encoded(targets.values, groups))


def check_training_parts(targets: Targets, splits: list[tuple[Array, Array]]) -> None:
    """Refuse a split whose classifier would never see a class of a 1-D y."""
    if not targets.from_vector:
        return
    for fold, (train, _) in enumerate(splits):
        present = targets.dense()[train].any(axis=0)
        if not present.all():
            raise ValueError(
                f"The training part of split {fold} has no row of class "
                f"{targets.classes.tolist()[int(np.argmin(present))]!r}, to which its classifier "
                "could give no probability. Take stratified folds, fewer of them, or more rows of "
                "that class."
            )
