"""Sets that hold fresh votes, by simulation and on votes of people."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.decision import RiskControlled, VoteConformal

DATA = os.environ.get("SOFTLOSS_DATA")


def draw(n, rng, k=4):
    """What people say of n rows, and what a classifier, which is off, says of them."""
    truth = rng.dirichlet(np.full(k, 0.5), size=n)
    proba = np.exp(1.5 * np.log(truth + 0.05) + 0.5 * rng.normal(size=(n, k)))
    return truth, proba / proba.sum(axis=1, keepdims=True)


def votes(truth, n_votes, rng):
    return rng.multinomial(n_votes, truth) / n_votes


@pytest.mark.parametrize(("coverage", "n_votes"), [(0.9, 5), (0.9, 1), (0.7, 3)])
def test_a_fresh_vote_is_held_as_often_as_promised(coverage, n_votes):
    rng = np.random.default_rng(0)
    held = []
    for _ in range(200):
        truth, proba = draw(150, rng)
        sets = VoteConformal(coverage).fit(votes(truth, n_votes, rng), proba)
        fresh, fresh_proba = draw(200, rng)
        held.append((fresh * sets.predict_sets(fresh_proba)).sum(axis=1).mean())
    assert coverage - 0.003 <= np.mean(held) <= coverage + 0.01


def test_calibration_on_the_majority_covers_too_little():
    rng = np.random.default_rng(0)
    of_votes, of_majority = [], []
    for _ in range(50):
        truth, proba = draw(300, rng)
        cast = votes(truth, 5, rng)
        fresh, fresh_proba = draw(300, rng)
        for found, given in ((of_votes, cast), (of_majority, np.eye(4)[cast.argmax(axis=1)])):
            sets = VoteConformal(0.9).fit(given, proba).predict_sets(fresh_proba)
            found.append((fresh * sets).sum(axis=1).mean())
    assert abs(np.mean(of_votes) - 0.9) < 0.01
    assert np.mean(of_majority) < 0.85


def rows_and_shares(name):
    with np.load(Path(DATA) / name) as file:
        X, Y = (
            sp.csr_array(
                (file[f"{part}_data"], file[f"{part}_indices"], file[f"{part}_indptr"]),
                shape=file[f"{part}_shape"],
            )
            if f"{part}_indices" in file
            else file[part]
            for part in ("X", "Y")
        )
    return X.astype(np.float32), Y / Y.sum(axis=1, keepdims=True)


@pytest.mark.skipif(DATA is None, reason="set SOFTLOSS_DATA to the folder of benchmark data")
@pytest.mark.parametrize(
    "name", ["label_distributions/SBU_3DFE.npz", "votes/lewidi_md_agreement.npz"]
)
def test_votes_of_people_are_held_as_often_as_promised(name):
    X, shares = rows_and_shares(name)
    rng = np.random.default_rng(0)
    order = rng.permutation(X.shape[0])[:4000]
    train, rest = order[: len(order) // 4], order[len(order) // 4 :]
    clf = SoftTargetMLPClassifier((16,), alpha=1.0, dropout=0.25, max_iter=8, random_state=0)
    proba = clf.fit(X[train], shares[train]).predict_proba(X[rest])
    truth, held, of_majority = shares[rest], [], []
    for _ in range(50):
        half = rng.permutation(len(rest)) < len(rest) // 2
        for found, given in (
            (held, truth[half]),
            (of_majority, np.eye(truth.shape[1])[truth[half].argmax(axis=1)]),
        ):
            sets = VoteConformal(0.9).fit(given, proba[half]).predict_sets(proba[~half])
            found.append((truth[~half] * sets).sum(axis=1).mean())
    assert abs(np.mean(held) - 0.9) < 0.01
    assert np.mean(of_majority) < np.mean(held) - 0.02


def test_the_highest_threshold_that_the_bound_allows():
    rng = np.random.default_rng(1)
    truth, proba = draw(40, rng)
    rule = VoteConformal(0.8).fit(truth, proba)

    def bound(cut):
        return ((truth * (proba < cut)).sum() + 1) / (len(truth) + 1)

    assert bound(rule.threshold_) <= 0.2
    assert bound(np.min(proba[proba > rule.threshold_]) + 1e-12) > 0.2
    np.testing.assert_allclose(rule.coverage_, 1 - (truth * (proba < rule.threshold_)).sum() / 40)
    same = RiskControlled("recall", level=0.8).fit(truth, proba)
    assert same.threshold_ == rule.threshold_


@pytest.mark.parametrize(("coverage", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_too_few_rows_take_all_classes_with_a_warning(coverage, needed):
    labels = np.zeros(needed, dtype=int)
    proba = np.tile([0.8, 0.1, 0.06, 0.04], (needed, 1))
    rule = VoteConformal(coverage).fit(np.eye(4)[labels], proba)
    assert rule.predict_sets(proba).sum() == needed  # the class that had all votes
    if needed > 1:
        message = (
            f"{needed - 1} rows are too few to promise coverage {coverage}, .* least {needed}:"
        )
        with pytest.warns(UserWarning, match=message):
            rule.fit(np.eye(4)[labels[1:]], proba[1:])
        assert rule.predict_sets(proba).all()


def test_hard_labels_copies_and_containers():
    truth, proba = draw(100, np.random.default_rng(0))
    labels = truth.argmax(axis=1)
    rule = VoteConformal().fit(labels, proba)
    assert rule.threshold_ == VoteConformal().fit(np.eye(4)[labels], proba.tolist()).threshold_
    again = pickle.loads(pickle.dumps(rule))
    np.testing.assert_array_equal(again.predict_sets(proba), rule.predict_sets(proba))
    with pytest.raises(NotFittedError):
        clone(rule).predict_sets(proba)


@pytest.mark.parametrize(
    ("coverage", "truth", "proba", "message"),
    [
        (1.0, [[1, 0]], [[0.5, 0.5]], "coverage"),
        (0.0, [[1, 0]], [[0.5, 0.5]], "coverage"),
        ("0.9", [[1, 0]], [[0.5, 0.5]], r"coverage must lie in \(0, 1\); got '0.9'"),
        (np.nan, [[1, 0]], [[0.5, 0.5]], "coverage"),
        (0.9, [[1, 1]], [[0.5, 0.5]], "sums to 2"),
        (0.9, [[1, 0]], [[0.5, 1.5]], r"\[0, 1\]"),
        (0.9, [[1, 0]], [[0.5, 0.25, 0.25]], "shape"),
    ],
)
def test_refused(coverage, truth, proba, message):
    with pytest.raises(ValueError, match=message):
        VoteConformal(coverage).fit(truth, proba)


def test_other_columns_are_refused():
    truth, proba = draw(50, np.random.default_rng(0))
    with pytest.raises(ValueError, match="shape"):
        VoteConformal().fit(truth, proba).predict_sets(proba[:, :3])
