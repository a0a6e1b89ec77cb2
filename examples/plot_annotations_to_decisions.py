"""
From a CSV of annotations to decisions
======================================

A file says who answered what, one answer a line. How does one get from there to decisions on new
rows, with the cost of a mistake in them?

The answers are simulated here and written to a file first, so that the truth is known.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.datasets import make_annotations
from sklearn_softloss.decision import CostMatrix
from sklearn_softloss.targets import annotation_matrix

X, Y, truth = make_annotations(
    1500, n_annotators=25, n_answers=4, n_spammers=5, return_truth=True, random_state=0
)
row, worker = np.nonzero(~np.isnan(Y))
said = np.array(["fine", "harmful"])[Y[row, worker].astype(int)]
file = Path(tempfile.mkdtemp()) / "answers.csv"
pd.DataFrame({"row": row, "worker": worker, "answer": said}).to_csv(file, index=False)
print(file.read_text()[:80])

# %%
# Read it, pivot it, train. The first 1,000 rows were answered; the others are new.

table = pd.read_csv(file).query("row < 1000")
answers = annotation_matrix(table["row"], table["worker"], table["answer"], items=range(1000))
clf = AnnotatorMLPClassifier((64,), random_state=0).fit(X[:1000], answers)
report = pd.DataFrame(clf.annotator_report()).sort_values("spammer")
print(report[["annotator", "agreement", "spammer"]].round(2).tail(6).to_string(index=False))

# %%
# What a row costs: to pass a harmful one costs five times as much as to stop a fine one. The rule
# takes the cheaper answer; the classifier knows nothing of costs. Those who answer at random are
# part of the population, so that `predict_proba` leans to one half: asked are the others.

costs = np.array([[0, 1], [5, 0]])  # rows: what it is, columns: what is decided
serious = report.loc[report["spammer"] < 0.5, "annotator"]
proba = clf.predict_annotator_proba(X[1000:], serious).mean(axis=1)
rule = CostMatrix(costs).fit(np.eye(2), np.full((2, 2), 0.5))
is_harmful = truth.camp_proba[0, 1000:, 1]  # the share of serious annotators who say so
at = np.linspace(0.02, 0.98, 49)


def mean_cost(stopped):
    return np.mean(np.where(stopped, 1 - is_harmful, 5 * is_harmful))


cost = [mean_cost(proba[:, 1] >= cut) for cut in at]
decided = mean_cost(rule.decide(proba) == 1)
print(f"cost a row: {decided:.3f} decided by costs, {mean_cost(proba[:, 1] >= 0.5):.3f} cut at 0.5")

# %%
# The costs imply a cut-off of one sixth, and there the mean cost is lowest: nothing was tuned.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
report = report.sort_values("annotator")
for name, mark, chosen in (("serious", "o", truth.camp >= 0), ("at random", "x", truth.camp < 0)):
    left.scatter(report["agreement"][chosen], report["spammer"][chosen], marker=mark, label=name)
left.set(xlabel="agreement with all", ylabel="spammer score", title="Who answers at random?")
left.legend()
right.plot(at, cost)
right.axvline(1 / 6, color="0.6", ls="--", label="implied by the costs")
right.set(xlabel="cut-off for harmful", ylabel="mean cost of a new row", title="Where to cut?")
right.legend()
