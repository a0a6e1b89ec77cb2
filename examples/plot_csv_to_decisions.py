"""
From a raw CSV to decisions
===========================

A file of customers, with numbers, categories and gaps: who will leave? The classifier takes the
table as it is read, without encoder, imputer or scaler.

The customers are simulated and written to a file first, so that the truth is known.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.inspection import partial_dependence
from sklearn.metrics import f1_score

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV

rng = np.random.default_rng(0)
n = 4000
months = rng.uniform(0, 60, n).round(1)
plan = rng.choice(["basic", "family", "student"], n, p=[0.6, 0.3, 0.1])
bill = np.exp(rng.normal(3, 0.7, n)).round(2)


def p_leaves(months, plan, bill):
    """Many leave when the contract ends, after two years; who has no bill on file pays by hand."""
    rise = 3 * np.exp(-(((months - 24) / 4) ** 2))
    return expit(rise - 3 + 1.5 * (plan == "student") + 0.5 * np.isnan(bill))


bill[rng.random(n) < 0.2] = np.nan
true = p_leaves(months, plan, bill)
answer = np.where(rng.random(n) < true, "leaves", "stays")
file = Path(tempfile.mkdtemp()) / "customers.csv"
table = pd.DataFrame({"months": months, "plan": plan, "bill": bill, "answer": answer})
table.loc[rng.random(n) < 0.1, "plan"] = None
table.to_csv(file, index=False)
print(file.read_text()[:120])

# %%
# Read it, train, decide. Leaving is rare, so that a cut-off of one half finds hardly anybody; the
# one that serves F1 is found out of fold.

X = pd.read_csv(file)
y = X.pop("answer")
train, test = slice(0, 2000), slice(2000, n)
clf = SoftTargetMLPClassifier(random_state=0)
tuned = TunedDecisionClassifierCV(clf, cv=2, pos_label="leaves", random_state=0)
tuned.fit(X[train], y[train])
print(tuned.decision_report())
net = tuned.estimator_
print(net.encoding_, net.encoded_names_)

# %%
# On customers that are new:

for name, decisions in (("cut at 0.5", net.predict(X[test])), ("tuned", tuned.predict(X[test]))):
    f1 = f1_score(y[test], decisions, pos_label="leaves")
    print(f"{name}: F1 {f1:.2f}, {np.mean(decisions == 'leaves'):.1%} are said to leave")

# %%
# What the months do, all else as it is, beside the truth. The numbers came in bent along their
# quantiles (``encoding_`` is "piecewise"), and the hump is there; a linear model of numbers as they
# are has no place for it.

grid = np.linspace(0, 60, 61)
linear = SoftTargetMLPClassifier((), encoding="standard", random_state=0).fit(X[train], y[train])
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
truth = [p_leaves(month, plan, bill).mean() for month in grid]
ax.plot(grid, truth, "k--", label="truth")
for model, name in ((net, "as chosen"), (linear, "a linear model")):
    found = partial_dependence(model, X[train], ["months"], custom_values={"months": grid})
    ax.plot(grid, 1 - found["average"][0], label=name)
ax.set(xlabel="months", ylabel="probability of leaving", ylim=(0, None))
ax.legend()
