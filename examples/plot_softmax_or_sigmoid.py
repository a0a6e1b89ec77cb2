"""
Softmax or sigmoids?
====================

A softmax says how the classes share one row. Sigmoids say of each class whether it is there. What
does each answer where several classes are there, or none?
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

# %%
# Two things may be in a picture, and one number says what we see: only a cat on the left, both in
# the middle, only a dog on the right, nothing at the far right.

rng = np.random.default_rng(0)
x = rng.uniform(0, 4, size=(800, 1))
labels = np.column_stack([(x < 2), (x > 1) & (x < 3)]).ravel().reshape(-1, 2).astype(int)
noisy = np.where(rng.random(labels.shape) < 0.05, 1 - labels, labels)

# %%
# The softmax needs rows that sum to 1: a row with both becomes a half each, and rows with none have
# to be left out. The sigmoids take the label sets as they are.

some = noisy.any(axis=1)
softmax = SoftTargetMLPClassifier(dropout=0.0, alpha=0.01, random_state=0)
softmax.fit(x[some] - 2, noisy[some] / noisy[some].sum(axis=1, keepdims=True))
sigmoids = MultiLabelSigmoidClassifier(dropout=0.0, alpha=0.01, random_state=0).fit(x - 2, noisy)

grid = np.linspace(0, 4, 200)[:, None]
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for axis, clf, title in zip(axes, (softmax, sigmoids), ("softmax", "sigmoids"), strict=True):
    proba = clf.predict_proba(grid - 2)
    for column, name, style in ((0, "cat", "-"), (1, "dog", "--")):
        axis.plot(grid, proba[:, column], style, label=name, color=f"C{column}", lw=2)
    axis.set_title(title, pad=24)
    axis.set(xlabel="what we see", ylim=(-0.02, 1.02))
    for place, text in ((0.5, "cat"), (1.5, "both"), (2.5, "dog"), (3.5, "none")):
        axis.text(place, 1.03, text, ha="center", transform=axis.get_xaxis_transform())
axes[0].set_ylabel("probability")
axes[1].legend(loc="center right")
print("far right, softmax:", softmax.predict_proba([[1.8]]).round(2))
print("far right, sigmoids:", sigmoids.predict_proba([[1.8]]).round(2))

# %%
# The softmax cannot say "none": at the far right it still divides one between the two, by the few
# rows there whose labels are wrong. The sigmoids can say both and none.
