"""
Why train towards 0.1 and 0.9?
==============================

With targets 0 and 1 a sigmoid is never done: the loss falls as long as the logit grows. What do
targets 0.1 and 0.9 change, and what do they cost?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.display import LossShapeDisplay

# %%
# The shape of the loss says it: towards 1 it falls for ever (first figure), towards 0.9 it has a
# minimum (second figure).

for target in (1.0, 0.9):
    LossShapeDisplay.from_losses("binary_cross_entropy", "squared_error", target=target)

# %%
# A net without dropout and decay, trained for long: how large do its logits become, and what is
# its log loss on test rows? ``predict_proba`` undoes the range, so that a net which is sure
# answers close to 0 and 1 in both cases. The logits stay small, and the log loss on the test rows
# is lower.

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
parts = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
X_train, X_test, y_train, y_test = parts
figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
bins = np.linspace(-20, 20, 60)
for (name, target_range), color in zip(
    {"0 and 1": None, "0.1 and 0.9": (0.1, 0.9)}.items(), ("C0", "C1"), strict=True
):
    clf = MultiLabelSigmoidClassifier(
        target_range=target_range, dropout=0.0, alpha=0.0, max_iter=60, random_state=0
    ).fit(X_train, y_train)
    logits = clf.net_.forward(X_train).numpy().ravel()
    losses = [
        log_loss(truth, clf.predict_proba(rows))
        for rows, truth in zip((X_train, X_test), (y_train, y_test), strict=True)
    ]
    print(
        f"targets {name}: largest logit {np.abs(logits).max():.1f}, "
        f"log loss {losses[0]:.3f} on training rows, {losses[1]:.3f} on test rows"
    )
    axis.hist(np.clip(logits, -20, 20), bins, alpha=0.6, color=color, label=f"targets {name}")
axis.set(xlabel="logit of a training row (cut at 20)", ylabel="rows")
axis.legend()
