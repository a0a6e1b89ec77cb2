"""Rules for class weights, and what they do."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from cases import SMALL, make_labels, make_soft, over_estimators, targets_for
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss._targets.weighting import weights_from_mass

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_balanced_is_scikit_learns():
    y = np.repeat([0, 1, 2], [50, 30, 5])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    np.testing.assert_allclose(weights_from_mass(np.bincount(y), "balanced"), expected)


def test_median_frequency():
    found = weights_from_mass(np.array([50.0, 30.0, 5.0]), "median_frequency")
    np.testing.assert_allclose(found, [30 / 50, 1.0, 30 / 5])


def test_effective_number():
    mass, beta = np.array([50.0, 30.0, 5.0]), 0.9
    rarity = (1 - beta) / (1 - beta**mass)
    found = weights_from_mass(mass, ("effective_number", beta))
    np.testing.assert_allclose(found, rarity / rarity.mean())


def test_effective_number_lies_between_none_and_balanced():
    mass = np.array([50.0, 30.0, 5.0])
    balanced = weights_from_mass(mass, "balanced")
    close_to_one = weights_from_mass(mass, ("effective_number", 1 - 1e-9))
    np.testing.assert_allclose(close_to_one, balanced / balanced.mean(), rtol=1e-5)
    np.testing.assert_allclose(weights_from_mass(mass, ("effective_number", 1e-9)), 1, rtol=1e-5)


@pytest.mark.parametrize("rule", ["balanced", "median_frequency", "effective_number"])
def test_a_class_without_mass_weighs_one(rule):
    assert weights_from_mass(np.array([5.0, 0.0, 3.0]), rule)[1] == 1
    assert (weights_from_mass(np.zeros((2, 3)), rule) == 1).all()


@over_estimators
@pytest.mark.parametrize(
    "rule", ["balanced", "median_frequency", "effective_number", ("effective_number", 0.9)]
)
def test_rules_are_the_weights_by_hand(Estimator, rule):
    X, Y = targets_for(Estimator)
    by_rule = Estimator(class_weight=rule, **SMALL).fit(X, Y)
    if Estimator is SoftTargetMLPClassifier:
        weights = dict(enumerate(weights_from_mass(Y.sum(axis=0), rule)))
    else:
        pairs = weights_from_mass(np.stack([(1 - Y).sum(axis=0), Y.sum(axis=0)]), rule)
        weights = [{0: absent, 1: present} for absent, present in pairs.T]
    by_hand = Estimator(class_weight=weights, **SMALL).fit(X, Y)
    np.testing.assert_allclose(by_rule.coefs_[0], by_hand.coefs_[0], rtol=1e-9)


@over_estimators
@pytest.mark.parametrize(
    "wrong", ["even", ("balanced", 0.9), ("effective_number", 1.0), ("effective_number",)]
)
def test_unknown_rules_are_refused(Estimator, wrong):
    X, Y = targets_for(Estimator)
    with pytest.raises(ValueError, match="names a rule"):
        Estimator(class_weight=wrong).fit(X, Y)


@over_estimators
def test_rules_need_all_of_y(Estimator):
    X, Y = targets_for(Estimator)
    with pytest.raises(ValueError, match="needs all of y at once"):
        Estimator(class_weight=("effective_number", 0.9)).partial_fit(X, Y)


def test_counts_take_one_weight_a_label():
    X, Y = make_labels()
    clf = MultiLabelSigmoidClassifier(loss="count_distribution", **SMALL)
    clf.set_params(class_weight=[1.0, 2.0, 1.0, 1.0]).fit(X, 3 * Y)
    with pytest.raises(ValueError, match="one number a label"):
        clf.set_params(class_weight="balanced").fit(X, Y)


def test_the_prior_is_the_mean_of_the_weighted_targets():
    X, Y = make_soft()
    clf = SoftTargetMLPClassifier(loss="logit_adjusted_cross_entropy", **SMALL).fit(X, Y)
    np.testing.assert_allclose(clf.net_.criterion_.prior, Y.mean(axis=0))
    weight = np.arange(len(Y))
    clf.fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose(clf.net_.criterion_.prior, np.average(Y, axis=0, weights=weight))
    with pytest.raises(ValueError, match="needs the mean of all targets"):
        SoftTargetMLPClassifier(loss="logit_adjusted_cross_entropy").partial_fit(X, Y)
