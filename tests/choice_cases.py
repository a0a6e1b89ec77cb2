"""What the tests of the choice, and of the rows that decide it, share."""

import numpy as np
import torch

from sklearn_softloss import (
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._estimators.course import Problem
from sklearn_softloss._estimators.held_out import splits_of
from sklearn_softloss._training.batches import TrainingData, TrainingTargets

CPU, DOUBLE = torch.device("cpu"), torch.float64
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


def data_of(X, Y, weight=None):
    targets = TrainingTargets(np.asarray(Y, float), None, weight)
    return TrainingData(X, targets, np.arange(X.shape[0]), DOUBLE, CPU, may_stay_sparse=True)


def folds_of(data, cv=None, valid=None):
    return splits_of(Problem(data, valid, *[None] * 6), cv)


def minus_mean_loss(clf, X, y):
    """What the choice looks at by default, of estimators with their default loss."""
    if isinstance(clf, SoftLossMLPRegressor):
        return -np.mean((clf.predict(X) - y) ** 2)
    proba = clf.predict_proba(X)
    if isinstance(clf, SoftTargetMLPClassifier):
        y = y if np.ndim(y) == 2 else np.asarray(y)[:, None] == clf.classes_
        return np.sum(y * np.log(proba), axis=1).mean()
    return np.sum(np.where(y == 1, np.log(proba), np.log1p(-proba)), axis=1).mean()
