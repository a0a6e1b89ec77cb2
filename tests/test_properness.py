"""What a loss declares about its probabilities, shown where the truth is known."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

from cases import over_losses, over_proper_losses
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS = 200_000
CLOSE = 0.02
EXACT = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.0, "tol": 1e-9, "max_iter": 5000}

# One row of true probabilities for each of six cells of features.
CLASSES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.1, 0.8, 0.1],
        [0.05, 0.05, 0.9],
        [1 / 3, 1 / 3, 1 / 3],
        [0.45, 0.5, 0.05],
        [0.15, 0.25, 0.6],
    ]
)
LABELS = np.array(
    [
        [0.9, 0.1, 0.5],
        [0.05, 0.2, 0.3],
        [0.6, 0.6, 0.6],
        [0.3, 0.95, 0.1],
        [0.5, 0.4, 0.8],
        [0.1, 0.1, 0.15],
    ]
)
SUBSETS = np.array(list(np.ndindex(2, 2, 2)), dtype=float)


def hard_draws(loss):
    """200,000 draws, as counted rows (cell, y, weight)."""
    rng = np.random.default_rng(0)
    cells, targets, weights = [], [], []
    for cell, (over_classes, over_labels) in enumerate(zip(CLASSES, LABELS, strict=True)):
        if loss.domain == "distribution":
            outcomes, chance = np.eye(3), over_classes
        else:
            chance = np.where(SUBSETS == 1, over_labels, 1 - over_labels).prod(axis=1)
            outcomes = SUBSETS
        cells += [cell] * len(outcomes)
        targets.append(outcomes)
        weights.append(rng.multinomial(N_ROWS // len(CLASSES), chance))
    return np.eye(len(CLASSES))[cells], np.concatenate(targets), np.concatenate(weights)


def fitted_probabilities(loss, X, Y, weight=None, **params):
    Estimator = (
        SoftTargetMLPClassifier if loss.domain == "distribution" else MultiLabelSigmoidClassifier
    )
    clf = Estimator(loss=loss, random_state=0, **{**EXACT, **params})
    return clf.fit(X, Y, sample_weight=weight).predict_proba(np.eye(len(CLASSES)))


def truth(loss):
    return CLASSES if loss.domain == "distribution" else LABELS


def soft_draws(loss):
    """Soft rows of different concentration, whose mean in each cell is the truth."""
    cells, targets, weights = [], [], []
    for cell, mean in enumerate(truth(loss)):
        pointed = np.zeros(3)
        pointed[mean.argmax()] = 1.0
        share = mean.max() / 2
        cells += [cell, cell]
        targets += [pointed, (mean - share * pointed) / (1 - share)]
        weights += [share, 1 - share]
    return np.eye(len(CLASSES))[cells], np.array(targets), np.array(weights)


@over_losses
def test_declaration_is_evidence(loss):
    """E[y given x] is recovered from drawn labels and from drawn soft rows, or one of them shows
    that it is not."""
    errors = [
        np.abs(fitted_probabilities(loss, *draws(loss)) - truth(loss)).max()
        for draws in (hard_draws, soft_draws)
    ]
    assert (max(errors) < CLOSE) == (loss.properness != "neither"), errors


@over_proper_losses
def test_proper_losses_recover_soft_rows(loss):
    error = np.abs(fitted_probabilities(loss, np.eye(6), truth(loss)) - truth(loss)).max()
    assert error < CLOSE


@over_proper_losses
@pytest.mark.parametrize("kind", ["label_smoothing", "target_range"])
def test_smoothing_and_range_are_undone_under_every_proper_loss(loss, kind):
    if loss.domain == "nonnegative":
        with pytest.raises(ValueError, match="no meaning for the targets of a 'nonnegative' loss"):
            fitted_probabilities(loss, np.eye(6), truth(loss), label_smoothing=0.1)
        return
    if kind == "label_smoothing":
        code = {"label_smoothing": 0.1}
    elif loss.domain == "distribution":
        code = {"target_range": (0.05, 0.9)}  # three classes: rows go on summing to 1
    else:
        code = {"target_range": (0.1, 0.9)}
    error = np.abs(fitted_probabilities(loss, *hard_draws(loss), **code) - truth(loss)).max()
    assert error < CLOSE


@pytest.mark.parametrize("smoothing", [0.05, 0.1, 0.2])
def test_undoing_smoothing_claims_no_more_than_it_left(smoothing):
    """Three classes, a tenth of the labels flipped: the plain inverse clips what is a mistake."""
    rng = np.random.default_rng(0)
    X, y = make_classification(1200, 10, n_informative=5, n_classes=3, random_state=0)
    y = np.where(rng.random(1200) < 0.1, rng.integers(0, 3, 1200), y)
    clf = SoftTargetMLPClassifier(label_smoothing=smoothing, max_iter=16, random_state=0)
    clf.fit(X[:720], y[:720])
    proba, held_out = clf.predict_proba(X[720:]), y[720:]
    left = clf.net_.predict_proba(X[720:])
    assert log_loss(held_out, proba) < 1.07 * log_loss(held_out, left)
    plain = np.clip((left - smoothing / 3) / (1 - smoothing), 1e-15, 1)
    plain /= plain.sum(axis=1, keepdims=True)
    assert log_loss(held_out, proba) < 0.95 * log_loss(held_out, plain)
    assert np.isfinite(clf.decision_function(X)).all()
    assert ((proba > 0) & (proba < 1)).all()
