"""
Unknown is not absent
=====================

Half of the entries of a label set were never filled in. What happens when they are recorded as 0,
and what when they are left unknown?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier

# %%
# The same net on the same rows, with more and more entries unknown.

LOST = (0.0, 0.2, 0.4, 0.6, 0.8)
SEEDS = (0, 1)

X, Y = make_multilabel_classification(1000, n_classes=5, n_labels=2, random_state=0)
X = StandardScaler().fit_transform(X).astype(np.float32)
train, test = slice(500), slice(500, None)
f1 = {"left unknown (NaN)": [], "recorded as 0": []}
for share in LOST:
    scores = {name: [] for name in f1}
    for seed in SEEDS:
        lost = np.random.default_rng(seed).random(Y[train].shape) < share
        targets = (np.where(lost, np.nan, Y[train]), np.where(lost, 0, Y[train]))
        for name, target in zip(f1, targets, strict=True):
            clf = MultiLabelSigmoidClassifier((64,), max_iter=20, random_state=seed)
            answer = clf.fit(X[train], target).predict(X[test])
            scores[name].append(f1_score(Y[test], answer, average="macro", zero_division=0))
    for name, values in scores.items():
        f1[name].append(values)

# %%
# Bars reach from the lowest to the highest of the seeds.

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for (name, values), style in zip(f1.items(), ("o-", "s--"), strict=True):
    mean = np.mean(values, axis=1)
    spread = [mean - np.min(values, axis=1), np.max(values, axis=1) - mean]
    axis.errorbar(LOST, mean, spread, fmt=style, capsize=3, label=name)
    print(f"{name}: macro F1 {mean.round(3)}")
axis.set(xlabel="share of training entries that nobody knows", ylabel="macro F1 on test rows")
axis.legend()
