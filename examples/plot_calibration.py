"""
Calibrated against whom?
========================

A classifier is too sure. Fitted to majority votes, a temperature learns that there is one right
answer; fitted to the votes, it learns how far annotators disagree. What is the difference on rows
where they do?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.display import ReliabilityDisplay
from sklearn_softloss.metrics import expected_calibration_error, soft_log_loss

# %%
# Simulated: an annotator says yes with the probability of a logistic regression; five of them vote.

rng = np.random.default_rng(0)
X, y = make_classification(1600, n_features=10, n_informative=5, random_state=0)
X = StandardScaler().fit_transform(X)
yes = LogisticRegression(C=0.02).fit(X, y).predict_proba(X)[:, 1]
shares = rng.binomial(5, yes) / 5
votes = np.column_stack([1 - shares, shares])
train, fresh, test = slice(400), slice(400, 800), slice(800, None)

bold = SoftTargetMLPClassifier((64,), dropout=0.0, alpha=0.0, max_iter=60, random_state=0)
bold.fit(X[train], votes[train].argmax(axis=1))

# %%
# The net is fitted already, so the calibrators see rows that it has not seen.

found = {"before": bold.predict_proba(X[test])}
for name, target in (
    ("fitted to majority votes", votes[fresh].argmax(axis=1)),
    ("fitted to votes", votes[fresh]),
):
    calibrated = SoftCalibratedClassifierCV(FrozenEstimator(bold)).fit(X[fresh], target)
    found[name] = calibrated.predict_proba(X[test])

figure, axes = plt.subplots(1, 3, figsize=(10, 4.2), sharey=True, layout="constrained")
for axis, (name, proba) in zip(axes, found.items(), strict=True):
    loss = soft_log_loss(votes[test], proba)
    error = expected_calibration_error(votes[test], proba)
    print(f"{name}: soft log loss {loss:.3f} nats, calibration error {error:.3f}")
    ReliabilityDisplay.from_predictions(votes[test], proba, random_state=0, n_bins=8, ax=axis)
    axis.set_title(f"{name}\nlog loss {loss:.3f}")
