"""Losses agree with torch, scikit-learn, formulas written out and published figures."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import brier_score_loss, log_loss

from cases import draw_logits, draw_targets
from sklearn_softloss import losses
from sklearn_softloss._targets.domains import DISTRIBUTION

HARD = torch.arange(7) % 4
ONE_HOT = F.one_hot(HARD, 4).double()
LABELS = torch.from_numpy(np.random.default_rng(3).integers(0, 2, (7, 4))).double()
LABELS[:, 0] = 1.0  # a present label in each row
LABELS[:, 1] = 0.0  # and an absent one


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def soft(loss):
    return draw_logits(loss), draw_targets(loss)


# --- torch and scikit-learn ------------------------------------------------------------------


def test_cross_entropy():
    loss = losses.CrossEntropy()
    logits, target = soft(loss)
    close(loss(logits, target), F.cross_entropy(logits, target, reduction="none"))
    expected = log_loss(HARD.numpy(), logits.softmax(-1).numpy())
    assert float(loss(logits, ONE_HOT).mean()) == pytest.approx(expected, rel=1e-10)


def test_label_smoothing():
    code = DISTRIBUTION.code(0.2, None, 4)
    logits = draw_logits(losses.CrossEntropy())
    found = losses.CrossEntropy()(logits, torch.from_numpy(code.encode(ONE_HOT.numpy())))
    close(found, F.cross_entropy(logits, HARD, reduction="none", label_smoothing=0.2))


def test_kl_divergence():
    loss = losses.KLDivergence()
    logits, target = soft(loss)
    close(loss(logits, target), F.kl_div(logits.log_softmax(-1), target, reduction="none").sum(-1))
    close(loss(logits, ONE_HOT), losses.CrossEntropy()(logits, ONE_HOT))


@pytest.mark.parametrize("pos_weight", [None, 3.0, [0.5, 1.0, 2.0, 4.0]])
def test_binary_cross_entropy(pos_weight):
    loss = losses.BinaryCrossEntropy(pos_weight)
    logits, target = soft(loss)
    weight = None if pos_weight is None else torch.as_tensor(pos_weight)
    expected = F.binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=weight
    )
    close(loss(logits, target), expected.sum(-1))


@pytest.mark.parametrize(
    ("loss", "link", "error"),
    [
        (losses.SquaredError(), torch.softmax, F.mse_loss),
        (losses.BinarySquaredError(), lambda z, _: z.sigmoid(), F.mse_loss),
        (losses.AbsoluteError(), torch.softmax, F.l1_loss),
        (losses.BinaryAbsoluteError(), lambda z, _: z.sigmoid(), F.l1_loss),
    ],
    ids=lambda x: type(x).__name__,
)
def test_errors_of_probabilities(loss, link, error):
    logits, target = soft(loss)
    close(loss(logits, target), error(link(logits, -1), target, reduction="none").sum(-1))


def test_brier_score():
    loss = losses.SquaredError()
    logits = draw_logits(loss)
    expected = brier_score_loss(
        HARD.numpy(), logits.softmax(-1).numpy(), labels=range(4), scale_by_half=False
    )
    assert float(loss(logits, ONE_HOT).mean()) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("loss", "probabilities"),
    [(losses.Cosine(), torch.softmax), (losses.BinaryCosine(), lambda z, _: z.sigmoid())],
)
def test_cosine(loss, probabilities):
    logits, target = soft(loss)
    close(loss(logits, target), 1 - F.cosine_similarity(probabilities(logits, -1), target))


@pytest.mark.parametrize(
    ("limit", "plain"),
    [
        (losses.Focal(gamma=0.0), losses.CrossEntropy()),
        (losses.Poly1(epsilon=0.0), losses.CrossEntropy()),
        (losses.GeneralizedCrossEntropy(q=1e-9), losses.CrossEntropy()),
        (losses.SymmetricCrossEntropy(alpha=1.0, beta=0.0), losses.CrossEntropy()),
        (losses.LogitAdjustedCrossEntropy(tau=0.0, prior=[1, 2, 3, 4]), losses.CrossEntropy()),
        (losses.BinaryFocal(gamma=0.0), losses.BinaryCrossEntropy()),
        (losses.BinaryPoly1(epsilon=0.0), losses.BinaryCrossEntropy()),
        (losses.Asymmetric(gamma_pos=0.0, gamma_neg=0.0, margin=0.0), losses.BinaryCrossEntropy()),
    ],
    ids=repr,
)
def test_limits(limit, plain):
    logits, target = soft(plain)
    close(limit(logits, target), plain(logits, target))
    close(limit.inverse_link(logits), plain.inverse_link(logits))


def test_asymmetric_with_equal_exponents_is_focal():
    equal = losses.Asymmetric(gamma_pos=2.0, gamma_neg=2.0, margin=0.0)
    logits, target = soft(equal)
    close(equal(logits, target), losses.BinaryFocal()(logits, target))


def test_poisson_count():
    loss = losses.CountDistribution(mode="product")
    logits = draw_logits(loss)
    rate = logits[:, 4].exp()[:, None] * logits[:, :4].softmax(-1)
    expected = F.poisson_nll_loss(rate, LABELS, log_input=False, eps=0, reduction="none")
    close(loss(logits, LABELS), expected.sum(-1))


# --- formulas written out --------------------------------------------------------------------


def test_focal_written_out():
    logits = draw_logits(losses.Focal())
    p = logits.softmax(-1)[torch.arange(7), HARD]
    close(losses.Focal(gamma=1.5)(logits, ONE_HOT), -((1 - p) ** 1.5) * p.log())


def test_jeffreys_needs_no_absolute_value():
    for loss, p in (
        (losses.Jeffreys(), torch.softmax),
        (losses.BinaryJeffreys(), lambda z, _: z.sigmoid()),
    ):
        logits, y = soft(loss)
        y = y.clamp_min(1e-3)
        proba = p(logits, -1)
        close(loss(logits, y), ((proba - y) * (proba / y).log()).abs().sum(-1))


def test_symmetric_cross_entropy_written_out():
    logits = draw_logits(losses.CrossEntropy())
    p = logits.softmax(-1)[torch.arange(7), HARD]
    close(losses.SymmetricCrossEntropy()(logits, ONE_HOT), -0.1 * p.log() + 4 * (1 - p))


def test_generalized_cross_entropy_at_one_is_half_the_absolute_error():
    logits = draw_logits(losses.CrossEntropy())
    half = losses.AbsoluteError()(logits, ONE_HOT) / 2
    close(losses.GeneralizedCrossEntropy(q=1.0)(logits, ONE_HOT), half)


def test_earth_mover_written_out():
    loss = losses.EarthMover()
    logits, y = soft(loss)
    p = logits.softmax(-1)
    expected = sum((p[:, : k + 1].sum(-1) - y[:, : k + 1].sum(-1)) ** 2 for k in range(4))
    close(loss(logits, y), expected)


def test_asymmetric_written_out():
    logits = draw_logits(losses.Asymmetric())
    p = logits.sigmoid()
    q = (p - 0.05).clamp_min(0)
    absent = -(q**4) * (1 - q).log()
    expected = torch.where(LABELS == 1, -(1 - p) * p.log(), absent).sum(-1)
    close(losses.Asymmetric()(logits, LABELS), expected)


def test_hill_written_out():
    logits = draw_logits(losses.Hill())
    p, q = logits.sigmoid(), (logits - 1).sigmoid()
    expected = torch.where(LABELS == 1, -((1 - q) ** 2) * q.log(), (1.5 - p) * p**2).sum(-1)
    close(losses.Hill()(logits, LABELS), expected)


def test_zlpr_written_out():
    logits = draw_logits(losses.ZLPR())
    absent, present = ((1 - LABELS) * logits.exp()), (LABELS * (-logits).exp())
    close(losses.ZLPR()(logits, LABELS), (1 + absent.sum(-1)).log() + (1 + present.sum(-1)).log())


def test_two_way_written_out():
    """The mean over rows plus the mean over labels that occur."""
    z, y = draw_logits(losses.TwoWay()).numpy(), LABELS.numpy()

    def pairs(z, y):
        absent, present = z[y == 0], z[y == 1]
        if not len(present) or not len(absent):
            return 0.0
        return np.log1p(np.exp(absent).sum() * np.exp(-present / 4).sum() ** 4)

    rows = np.mean([pairs(z[i], y[i]) for i in range(7)])
    occurring = [j for j in range(4) if y[:, j].any()]
    labels = np.mean([pairs(z[:, j], y[:, j]) for j in occurring])
    found = losses.TwoWay()(torch.from_numpy(z), LABELS).mean()
    assert float(found) == pytest.approx(rows + labels)


def test_two_way_leaves_out_a_row_of_which_nothing_is_known():
    logits, weight = draw_logits(losses.TwoWay()), torch.ones_like(LABELS)
    weight[3] = 0
    found = losses.TwoWay()(logits, LABELS, weight)
    others = torch.arange(len(LABELS)) != 3
    assert found[3] == 0
    close(found[others], losses.TwoWay()(logits[others], LABELS[others]))


def test_counts_written_out():
    logits, y = draw_logits(losses.CountDistribution()), LABELS.clone()
    y[2] = 0.0
    n, p = y.sum(-1), logits[:, :4].softmax(-1)
    share = y / n.clamp_min(1)[:, None]
    divergence = (torch.xlogy(share, share) - share * p.log()).sum(-1)
    rate = logits[:, 4].exp()
    close(losses.CountDistribution()(logits, y), divergence + rate - n * rate.log())
    line = (1 + logits[:, 4]).clamp_min(0.01)
    linear = losses.CountDistribution(count_link="linear")
    close(linear(logits, y), divergence + (line - n) ** 2)
    product = losses.CountDistribution(count_link="linear", mode="product")
    close(product(logits, y), (line[:, None] * p - y).square().sum(-1))
    close(product.inverse_link(logits), (line[:, None] * p).clamp_max(1))
    close(product.count(logits), line)


def test_rows_without_labels_say_nothing_about_which():
    loss = losses.CountDistribution()
    logits = draw_logits(loss).requires_grad_()
    loss(logits, torch.zeros(7, 4)).sum().backward()
    assert (logits.grad[:, :4] == 0).all()
    assert (logits.grad[:, 4] > 0).all()


def test_normalized_cross_entropy_written_out():
    logits = draw_logits(losses.CrossEntropy())
    share = LABELS / LABELS.sum(-1, keepdim=True)
    found = losses.NormalizedCrossEntropy()(logits, LABELS)
    close(found, losses.CrossEntropy()(logits, share))
    assert losses.NormalizedCrossEntropy()(logits[:1], torch.zeros(1, 4)) == 0


# --- published figures -----------------------------------------------------------------------


def test_mean_squared_error_of_two_rows():
    """[[1,0,0],[0,0,1]] against [[.9,.2,.2],[.2,.8,.3]]: 0.21 an entry."""
    target = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).double()
    logits = torch.logit(torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.8, 0.3]]).double())
    assert float(losses.BinarySquaredError()(logits, target).mean()) / 3 == pytest.approx(0.21)


def test_cross_entropy_with_complement():
    """[1,0,0,0]: (.7,.1,.1,.1) costs 0.67; (.73,.26,.05,.05), which is no distribution, 0.72."""
    target = torch.tensor([[1.0, 0, 0, 0]]).double()
    first = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).double()
    second = torch.tensor([[0.73, 0.26, 0.05, 0.05]]).double()
    complement, sigmoids = losses.CrossEntropyWithComplement(), losses.BinaryCrossEntropy()
    assert float(complement(first.log(), target)) == pytest.approx(0.67, abs=0.005)
    assert float(sigmoids(first.logit(), target)) == pytest.approx(0.67, abs=0.005)
    assert float(sigmoids(second.logit(), target)) == pytest.approx(0.72, abs=0.005)


def test_squared_error_saturates_and_cross_entropy_does_not():
    """Confidently wrong: the gradient of the squared error vanishes, that of the logs is -1."""
    logits, target = torch.tensor([[-20.0]]).double(), torch.tensor([[1.0]]).double()
    assert losses.BinarySquaredError().gradient(logits, target).abs() < 1e-8
    assert losses.BinaryCrossEntropy().gradient(logits, target) == pytest.approx(-1)


def test_a_target_of_point_nine_is_a_logit_of_two():
    logit = torch.tensor([[2.197]]).double()
    target = torch.tensor([[0.9]]).double()
    assert losses.BinaryCrossEntropy().gradient(logit, target).abs() < 1e-4
