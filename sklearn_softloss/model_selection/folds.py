"""Which folds a classifier around a classifier takes where it is given their number."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .._targets.encoding import Array, Targets
from .grouped import MultiLabelStratifiedGroupKFold, SoftStratifiedGroupKFold
from .split import MultiLabelStratifiedKFold, RandomState, SoftStratifiedKFold


def stratified_splits(
    targets: Targets,
    n_splits: int,
    *,
    labels: bool,
    groups: Any,
    shuffle: bool,
    random_state: RandomState = None,
) -> list[tuple[Array, Array]]:
    """So many folds of targets already encoded, stratified by classes, class mass or `labels`.

    Rows of one group stay together where groups are given.
    """
    options: Any = {"shuffle": shuffle, "random_state": random_state if shuffle else None}
    if targets.from_vector:
        codes = targets.values.argmax(axis=1)
        if groups is not None:
            folds = StratifiedGroupKFold(n_splits, **options)
            return list(folds.split(codes, codes, groups=groups))
        return list(StratifiedKFold(n_splits, **options).split(codes, codes))
    if groups is not None:
        grouped = MultiLabelStratifiedGroupKFold if labels else SoftStratifiedGroupKFold
        return list(grouped(n_splits, **options)._split_encoded(targets.values, groups))
    splitter = MultiLabelStratifiedKFold if labels else SoftStratifiedKFold
    return list(splitter(n_splits, **options)._split_encoded(targets.values))


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
