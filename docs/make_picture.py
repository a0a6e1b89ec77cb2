"""Draws _static/overview.png: nets from votes and from their shares, and cut-offs for label sets.

All data are simulated, so that the true probabilities are known.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.targets import vote_shares

PICTURE = Path(__file__).parent / "_static" / "overview.png"
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "0.55"


def draw_votes(ax: plt.Axes, rng: np.random.Generator) -> None:
    """Five annotators a row: a net from the majority vote, and one from the shares."""
    X = np.sort(rng.uniform(-3, 3, size=(1000, 1)), axis=0)
    yes = 0.5 + 0.35 * np.sin(1.5 * X[:, 0])
    votes = (rng.random((len(X), 5)) < yes[:, None]).astype(int)
    shares, _ = vote_shares(votes)
    targets = {
        "trained on the majority vote": (votes.sum(axis=1) > 2, ORANGE),
        "trained on the shares": (shares, BLUE),
    }
    ax.plot(X, shares[:, 1], ".", color=GREY, ms=3, alpha=0.5, label="share of five annotators")
    ax.plot(X, yes, "k--", label="true probability")
    for name, (y, color) in targets.items():
        # One feature is no redundant input: dropout would only flatten the curve.
        net = SoftTargetMLPClassifier(dropout=0.0, random_state=0)
        proba = make_pipeline(StandardScaler(), net).fit(X, y).predict_proba(X)
        ax.plot(X, proba[:, 1], color=color, lw=2.5, label=name)
    ax.set(title="Annotators who disagree", xlabel="feature", ylabel='probability of "yes"')


def draw_cut_offs(ax: plt.Axes, rng: np.random.Generator) -> None:
    """Eight labels from common to rare: F1 on test rows at 0.5 and at tuned cut-offs."""
    X = rng.normal(size=(6000, 10))
    logits = 1.5 * X @ rng.normal(size=(10, 8)) / np.sqrt(10) - np.linspace(0, 4, 8)
    Y = (rng.random(logits.shape) < expit(logits)).astype(int)
    train, test = slice(0, 3000), slice(3000, None)
    net = MultiLabelSigmoidClassifier(random_state=0)
    tuned = TunedDecisionClassifierCV(net, random_state=0).fit(X[train], Y[train])
    answers = {
        "cut at 0.5": (tuned.predict_proba(X[test]) >= 0.5, ORANGE),
        "tuned cut-offs": (tuned.predict(X[test]), BLUE),
    }
    for shift, (name, (answer, color)) in zip((-0.2, 0.2), answers.items(), strict=True):
        f1 = f1_score(Y[test], answer, average=None, zero_division=0)
        ax.bar(np.arange(8) + shift, f1, 0.4, color=color, label=name)
    ticks = [f"{share:.0%}" for share in Y[train].mean(axis=0)]
    ax.set(title="Label sets with rare labels", ylim=(0, 1), ylabel="F1 on test rows")
    ax.set(xlabel="share of rows with the label", xticks=range(8), xticklabels=ticks)


def main() -> None:
    plt.switch_backend("Agg")
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    for ax, draw in zip(axes, (draw_votes, draw_cut_offs), strict=True):
        draw(ax, rng)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
