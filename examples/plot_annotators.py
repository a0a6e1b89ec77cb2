"""
Vote shares or the majority vote?
=================================

Several annotators label each row and disagree. Should a classifier learn the shares of their votes,
or the label that most of them chose?

The annotators here are simulated: each sees a blurred image and says a digit with the probability
that a logistic regression on all blurred images gives it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.metrics import soft_log_loss
from sklearn_softloss.targets import vote_shares

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
blurred = X + rng.normal(scale=4, size=X.shape)
eye = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(blurred, y)
seen = eye.predict_proba(blurred)

# %%
# Three annotators vote on each training image. The test rows are judged against the probability
# with which an annotator says each digit.

train, test = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=0)
found = {"vote shares": [], "majority vote": []}
for seed in range(2):
    draws = np.random.default_rng(seed).multinomial(1, seen[train], size=(3, len(train)))
    shares, _ = vote_shares(draws.argmax(axis=-1).T, classes=np.arange(10))
    for name, target in (("vote shares", shares), ("majority vote", shares.argmax(axis=1))):
        model = make_pipeline(StandardScaler(), SoftTargetMLPClassifier(random_state=seed))
        proba = model.fit(blurred[train], target).predict_proba(blurred[test])
        found[name].append(soft_log_loss(seen[test], proba))
for name, losses in found.items():
    print(f"{name}: {np.mean(losses):.3f} nats, seeds {np.round(losses, 3)}")

# %%
# Each line is one draw of votes. Lower is better.

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
axis.plot(list(found), np.array(list(found.values())), color="0.5", marker="o")
axis.set(ylabel="soft log loss on test rows (nats)", xlabel="what the net was trained on")
axis.margins(x=0.3)
