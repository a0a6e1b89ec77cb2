"""
How many labels, and which?
===========================

Sigmoids say of each label whether it is there. The count distribution loss learns two things: how
many labels a row has, and how they are shared out. What does that gain over a
cut at 0.5?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier

# %%
# Rows with none to all of eight labels.

X, Y = make_multilabel_classification(
    1500, n_classes=8, n_labels=3, length=80, allow_unlabeled=True, random_state=0
)
X = StandardScaler().fit_transform(X)
train, test = slice(750), slice(750, None)
counts = Y[test].sum(axis=1)

by_count = MultiLabelSigmoidClassifier(loss="count_distribution", random_state=0)
by_label = MultiLabelSigmoidClassifier(random_state=0)
answers = {}
for name, clf in (("count distribution", by_count), ("sigmoids, cut at 0.5", by_label)):
    answers[name] = clf.fit(X[train], Y[train]).predict(X[test])
    f1 = f1_score(Y[test], answers[name], average="samples", zero_division=0)
    error = np.abs(answers[name].sum(axis=1) - counts).mean()
    print(f"{name}: samples F1 {f1:.3f}, predicted numbers of labels are off by {error:.2f}")

# %%
# Here the sigmoids are closer by both measures: the count distribution is worth its place where the
# count itself is wanted. Left: the predicted count against the true one; it is drawn to the mean,
# as every estimate from features that say little. Right: how many labels each classifier predicts.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
groups = [by_count.predict_count(X[test])[counts == n] for n in range(counts.max() + 1)]
left.boxplot(groups, positions=range(len(groups)), showfliers=False)
left.plot([0, counts.max()], [0, counts.max()], "k--", label="exact")
left.set(xlabel="true number of labels", ylabel="predicted count")
left.legend()
bins = np.arange(10) - 0.5
right.hist(
    [counts, *(answer.sum(axis=1) for answer in answers.values())],
    bins,
    label=["truth", *answers],
    color=["0.6", "C0", "C1"],
)
right.set(xlabel="number of labels", ylabel="test rows")
right.legend()
