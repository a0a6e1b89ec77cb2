"""
Two camps and a spammer
=======================

Thirty annotators say whether comments are rude. Most see it alike, eight see it otherwise, and two
click at random. Nobody says who is who: `AnnotatorMLPClassifier` finds out from who agrees with
whom.

The answers are simulated, five a comment.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_softloss.annotators import AnnotatorMLPClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(1500, 6))
kind = np.repeat(["camp", "other camp", "spammer"], (20, 8, 2))
rude = {
    "camp": 1 / (1 + np.exp(-3 * X[:, 0])),
    "other camp": 1 / (1 + np.exp(-3 * X[:, 1])),
    "spammer": np.full(len(X), 0.5),
}
Y = np.stack([rng.random(len(X)) < rude[name] for name in kind], axis=1).astype(float)
for answers in Y:
    answers[rng.permutation(30)[5:]] = np.nan  # five answers a comment

clf = AnnotatorMLPClassifier((64,), random_state=0).fit(X, Y)

# %%
# Where annotators lie by what they share with all, and by what sets the camps apart. Those who
# answer at random share nothing and lie at the origin.

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for name, marker in (("camp", "o"), ("other camp", "s"), ("spammer", "x")):
    axis.scatter(*clf.embedding_[kind == name].T, marker=marker, label=name)
axis.axhline(0, color="0.8", lw=1, zorder=0)
axis.axvline(0, color="0.8", lw=1, zorder=0)
axis.set(xlabel="shared with all", ylabel="what sets the camps apart")
axis.legend()

# %%
# The report says the same in numbers.

report = clf.annotator_report()
for name in rude:
    one = np.flatnonzero(kind == name)
    print(
        f"{name}: camps {np.unique(report['camp'][one])}, "
        f"agreement {report['agreement'][one].mean():.2f}, "
        f"spammer score {report['spammer'][one].mean():.2f}"
    )

# %%
# The share of "rude" is that of all; each camp has a probability of its own. A comment that only
# the other camp finds rude:

comment = np.array([[-2.0, 2.0, 0, 0, 0, 0]])
said = clf.predict_annotator_proba(comment)[0, :, 1]
print(f"share: {clf.predict_proba(comment)[0, 1]:.2f}")
for name, chance in (("camp", 0.0025), ("other camp", 0.9975), ("spammer", 0.5)):
    print(f"{name}: {said[kind == name].mean():.2f}, simulated with {chance:.2f}")
