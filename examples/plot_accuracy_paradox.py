"""
99 % right by predicting nothing
================================

With rare labels a classifier that never predicts one is almost always right. What does that hide,
and what do tuned cut-offs change?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import f1_score, hamming_loss
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.display import ThresholdCurveDisplay

# %%
# Ten labels, in fifteen to five of a thousand rows.

rng = np.random.default_rng(0)
X = rng.normal(size=(6000, 10))
scores = X @ rng.normal(size=(10, 10)) + rng.normal(scale=2, size=(6000, 10))
shares = np.linspace(0.015, 0.005, 10)
Y = scores > [np.quantile(column, 1 - q) for column, q in zip(scores.T, shares, strict=True)]
Y = Y.astype(int)
X = StandardScaler().fit_transform(X)
X_train, X_test, Y_train, Y_test = X[:3000], X[3000:], Y[:3000], Y[3000:]

net = MultiLabelSigmoidClassifier(random_state=0)
tuned = TunedDecisionClassifierCV(net, cv=2, random_state=0).fit(X_train, Y_train)
answers = {
    "predict nothing": np.zeros_like(Y_test),
    "cut at 0.5": (tuned.predict_proba(X_test) >= 0.5).astype(int),
    "tuned cut-offs": tuned.predict(X_test),
}

# %%
# By the share of right entries, predicting nothing is as good as the cut at 0.5 and better than the
# tuned cut-offs, which pay for what they find. By the macro F1 it is worth nothing.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
right = [1 - hamming_loss(Y_test, answer) for answer in answers.values()]
macro = [f1_score(Y_test, a, average="macro", zero_division=0) for a in answers.values()]
for axis, values, name in zip(axes, (right, macro), ("entries right", "macro F1"), strict=True):
    bars = axis.barh(list(answers), values, color=["0.7", "C0", "C1"])
    axis.bar_label(bars, fmt="%.3f", padding=3)
    axis.set(xlabel=name, xlim=(0, 1.2))
axes[0].set_ylabel("decision")
axes[1].tick_params(labelleft=False)

# %%
# The F1 of three of the labels by their cut-off, on the test rows, and the cut-offs that were tuned
# on the training rows: 0.5 is far from the best.

proba = tuned.predict_proba(X_test)
some = [0, 5, 9]
ThresholdCurveDisplay.from_predictions(
    Y_test[:, some],
    proba[:, some],
    thresholds=tuned.thresholds_[some],
    label_names=[f"{shares[j]:.1%} of the rows" for j in some],
)
