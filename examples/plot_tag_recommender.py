"""
A tag recommender with unknown tags
===================================

People tag an item with what comes to mind; most tags that would fit are never given. What does a
recommender lose if what was not tagged is taken for "does not fit"?

A hundred tags from common to rare, simulated: an item was asked about a third of the tags, and of
the others nobody knows.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.datasets import make_label_sets
from sklearn_softloss.decision import TopK
from sklearn_softloss.metrics import multilabel_log_loss, multilabel_precision_at_k

N_TAGS = 100
X, partly, truth = make_label_sets(
    2000,
    20,
    N_TAGS,
    prevalence=(0.3, 0.005),
    unknown=2 / 3,
    sharpness=4.0,
    return_proba=True,
    random_state=0,
)
fits = (np.random.default_rng(1).random(truth.shape) < truth).astype(int)  # asked about all, later
train, test = slice(1000), slice(1000, None)

# %%
# The same net three times: on the tags as they are known, on "not tagged is no", and on full
# knowledge, which nobody has.

full = np.where(np.isnan(partly), np.random.default_rng(2).random(truth.shape) < truth, partly)
targets = {
    "unknown left open": partly,
    "not tagged is no": np.nan_to_num(partly),
    "everything known": full,
}
ks = (1, 3, 5, 10)
found = {}
for name, target in targets.items():
    clf = MultiLabelSigmoidClassifier((64,), random_state=0).fit(X[train], target[train])
    proba = clf.predict_proba(X[test])
    found[name] = proba
    precision = [multilabel_precision_at_k(fits[test], proba, k=k) for k in ks]
    loss = multilabel_log_loss(fits[test], proba)
    print(f"{name}: precision at {ks} {np.round(precision, 3)}, log loss {loss:.3f}")

# %%
# Ranks suffer little, since all tags were hidden alike. What `predict_proba` says is another
# matter: where the second net says one in seven, half of the tags fit.

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for (name, proba), style in zip(found.items(), ("o-", "s-", "x--"), strict=True):
    place = np.clip((proba * 10).astype(int), 0, 9)
    there = [i for i in range(10) if (place == i).sum() > 50]
    means = [[values[place == i].mean() for i in there] for values in (proba, truth[test])]
    axis.plot(*means, style, label=name)
axis.plot([0, 1], [0, 1], color="0.8", zorder=0)
axis.set(xlabel="predicted probability that a tag fits", ylabel="mean of the true one")
axis.legend()

# %%
# Five tags an item, the most probable ones:

suggested = TopK(5).fit(fits[train], truth[train]).decide(found["unknown left open"])
print(suggested.sum(axis=1)[:3], "tags;", np.flatnonzero(suggested[0]), "for the first item")
