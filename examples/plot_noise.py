"""
Which loss for wrong labels?
============================

Some training labels are wrong, each wrong class as likely as the others. Which losses keep the
accuracy on clean test rows?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import SoftTargetMLPClassifier

# %%
# A net with room to learn wrong labels by heart: no dropout, no decay.

LOSSES = {
    "cross_entropy": "o-",
    "generalized_cross_entropy": "s--",
    "symmetric_cross_entropy": "^-.",
    "absolute_error": "v:",
}
NOISE = (0.0, 0.3, 0.6)
SEEDS = (0, 1)

X, y = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32)
accuracy = np.zeros((len(LOSSES), len(NOISE), len(SEEDS)))
for k, seed in enumerate(SEEDS):
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=seed)
    rng = np.random.default_rng(seed)
    lots, others = rng.random(len(y_train)), rng.integers(1, 10, len(y_train))
    for j, share in enumerate(NOISE):
        target = np.where(lots < share, (y_train + others) % 10, y_train)
        for i, loss in enumerate(LOSSES):
            clf = SoftTargetMLPClassifier(
                (64,), loss=loss, dropout=0.0, alpha=0.0, max_iter=15, random_state=seed
            )
            accuracy[i, j, k] = clf.fit(X_train, target).score(X_test, y_test)

# %%
# Bars reach from the lowest to the highest of the seeds.

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
for (loss, style), values in zip(LOSSES.items(), accuracy, strict=True):
    mean = values.mean(axis=1)
    spread = [mean - values.min(axis=1), values.max(axis=1) - mean]
    axis.errorbar(NOISE, mean, spread, fmt=style, capsize=3, label=loss.replace("_", " "))
    print(f"{loss}: accuracy {mean.round(3)}")
axis.set(xlabel="share of wrong training labels", ylabel="accuracy on clean test rows")
axis.legend()

# %%
# A loss that forgives outliers does not learn by heart what wrong labels say. The price is not in
# this picture: the symmetric and the absolute loss are neither proper nor invertible, so calibrate
# them before reading a probability.
