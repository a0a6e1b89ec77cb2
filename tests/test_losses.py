"""Every loss keeps the contract; those with a twin elsewhere agree with it."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, log_loss

from cases import LOSSES, draw_logits, draw_targets, over_losses
from sklearn_softloss.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    IndependentLoss,
    Loss,
    SquaredError,
    get_loss,
    loss_names,
    register_loss,
)


def one_hot(n=7, k=4):
    return F.one_hot(torch.arange(n) % k, k).double()


def value_and_gradient(loss, logits, target, entry_weight=None):
    logits = logits.clone().requires_grad_()
    values = loss(logits, target, entry_weight)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    return values.detach(), gradient


def test_every_registered_loss_is_tested():
    tested = {(loss.name, loss.domain) for loss in LOSSES}
    known = {
        (name, domain)
        for domain in ("distribution", "independent", "nonnegative")
        for name in loss_names((domain,))
    }
    assert known == tested


@over_losses
def test_gradient_is_the_derivative(loss):
    logits, target = draw_logits().requires_grad_(), draw_targets(loss)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


@over_losses
def test_gradient_is_the_derivative_with_weights_and_unknown_entries(loss):
    weight = torch.rand(7, 4, generator=torch.Generator().manual_seed(0)).double()
    weight[torch.arange(7), torch.arange(7) % 4] = 0.0
    target = draw_targets(loss)
    assert torch.autograd.gradcheck(
        lambda z: loss(z, target, weight), draw_logits().requires_grad_()
    )


@over_losses
@pytest.mark.parametrize("size", [1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_at_extreme_logits_and_targets(loss, size, dtype):
    logits = torch.tensor([[size, -size, 0.0, size], [-size] * 4], dtype=dtype)
    for hot in range(4):
        target = F.one_hot(torch.tensor([hot, hot]), 4).to(dtype)
        values, gradient = value_and_gradient(loss, logits, target)
        assert torch.isfinite(values).all()
        assert torch.isfinite(gradient).all()
    assert torch.isfinite(loss.inverse_link(logits)).all()


@over_losses
def test_inverse_link_lies_in_the_domain(loss):
    proba = loss.inverse_link(draw_logits())
    assert proba.shape == (7, 4)
    assert ((proba >= 0) & (proba <= 1)).all()
    if loss.domain == "distribution":
        torch.testing.assert_close(proba.sum(-1), torch.ones(7).double())


@over_losses
def test_the_minimiser_is_the_target(loss):
    """For proper and invertible losses the inverse link of the minimiser is E[y]."""
    if loss.properness == "neither":
        pytest.skip("makes no such claim")
    target = 0.05 + 0.9 * draw_targets(loss, n=3)
    target = target / target.sum(-1, keepdim=True) if loss.domain == "distribution" else target
    logits = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [logits],
        max_iter=500,
        tolerance_grad=1e-10,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        solver.zero_grad()
        value = loss(logits, target).sum()
        value.backward()
        return value

    solver.step(closure)
    torch.testing.assert_close(loss.inverse_link(logits.detach()), target, atol=1e-5, rtol=0)


@over_losses
def test_soft_targets_are_the_mean_over_hard_draws(loss):
    """Minimising against the mean target is minimising the mean loss over draws of labels."""
    logits = draw_logits(n=1)
    share = torch.tensor([[0.7, 0.3, 0.0, 0.0]]).double()
    _, soft = value_and_gradient(loss, logits, share)
    first, second = (F.one_hot(torch.tensor([j]), 4).double() for j in (0, 1))
    hard = 0.7 * value_and_gradient(loss, logits, first)[1]
    hard = hard + 0.3 * value_and_gradient(loss, logits, second)[1]
    torch.testing.assert_close(soft, hard)


@over_losses
def test_unknown_entries_contribute_exactly_nothing(loss):
    """Whatever an entry of weight 0 holds, and whatever its logit, it is as if not there."""
    logits, target = draw_logits(), draw_targets(loss)
    weight = torch.ones(7, 4).double()
    weight[:, 2] = 0.0
    if loss.domain == "distribution":
        target[:, 2] = 0.0
        target = target / target.sum(-1, keepdim=True)
    kept = [0, 1, 3]
    expected, expected_gradient = value_and_gradient(loss, logits[:, kept], target[:, kept])
    for content in (float("nan"), 0.0, 1.0, float("inf")):
        target[:, 2] = content
        values, gradient = value_and_gradient(loss, logits, target, weight)
        assert (gradient[:, 2] == 0).all()
        torch.testing.assert_close(values, expected)
        torch.testing.assert_close(gradient[:, kept], expected_gradient)


@over_losses
def test_wholly_unknown_rows_are_worth_nothing(loss):
    target = torch.full((2, 4), float("nan")).double()
    values, gradient = value_and_gradient(
        loss, draw_logits(n=2), target, torch.zeros(2, 4).double()
    )
    assert (values == 0).all()
    assert (gradient == 0).all()


@over_losses
def test_entry_weights_of_one_change_nothing(loss):
    logits, target = draw_logits(), draw_targets(loss)
    torch.testing.assert_close(loss(logits, target), loss(logits, target, torch.ones(7, 4)))


@over_losses
def test_permuting_classes_permutes_gradients(loss):
    logits, target = draw_logits(), draw_targets(loss)
    order = [2, 0, 3, 1]
    values, gradient = value_and_gradient(loss, logits, target)
    permuted_values, permuted_gradient = value_and_gradient(
        loss, logits[:, order], target[:, order]
    )
    torch.testing.assert_close(permuted_values, values)
    torch.testing.assert_close(permuted_gradient, gradient[:, order])


@over_losses
def test_leading_dimensions(loss):
    logits, target = draw_logits(n=12), draw_targets(loss, n=12)
    shaped = loss(logits.reshape(2, 3, 2, 4), target.reshape(2, 3, 2, 4))
    torch.testing.assert_close(shaped.reshape(-1), loss(logits, target))
    assert loss.inverse_link(logits.reshape(2, 3, 2, 4)).shape == (2, 3, 2, 4)


@over_losses
def test_copies_are_equal(loss):
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert clone(loss) == loss
    assert get_loss(loss) is loss


# --- agreement with others --------------------------------------------------------------------


def test_cross_entropy_agrees_with_torch_and_scikit_learn():
    logits, target = draw_logits(), draw_targets(CrossEntropy())
    loss = CrossEntropy()
    torch.testing.assert_close(
        loss(logits, target), F.cross_entropy(logits, target, reduction="none")
    )
    labels = torch.arange(7) % 4
    expected = log_loss(labels.numpy(), logits.softmax(-1).numpy())
    assert float(loss(logits, one_hot()).mean()) == pytest.approx(expected, rel=1e-10)


def test_label_smoothing_is_torchs():
    from sklearn_softloss.targets import TargetCode

    code = TargetCode.from_params(0.2, None, domain="distribution", n_columns=4)
    smoothed = torch.from_numpy(code.encode(one_hot().numpy()))
    logits = draw_logits()
    torch.testing.assert_close(
        CrossEntropy()(logits, smoothed),
        F.cross_entropy(logits, torch.arange(7) % 4, reduction="none", label_smoothing=0.2),
    )


@pytest.mark.parametrize("pos_weight", [None, 3.0, [0.5, 1.0, 2.0, 4.0]])
def test_binary_cross_entropy_agrees_with_torch(pos_weight):
    loss = BinaryCrossEntropy(pos_weight)
    logits, target = draw_logits(), draw_targets(loss)
    expected = F.binary_cross_entropy_with_logits(
        logits,
        target,
        reduction="none",
        pos_weight=None if pos_weight is None else torch.as_tensor(pos_weight),
    )
    torch.testing.assert_close(loss(logits, target), expected.sum(-1))


def test_squared_errors_agree_with_torch_and_scikit_learn():
    logits, target = draw_logits(), draw_targets(SquaredError())
    for loss, proba in (
        (SquaredError(), logits.softmax(-1)),
        (BinarySquaredError(), logits.sigmoid()),
    ):
        expected = F.mse_loss(proba, target, reduction="none").sum(-1)
        torch.testing.assert_close(loss(logits, target), expected)
    brier = brier_score_loss(
        np.arange(7) % 4, logits.softmax(-1).numpy(), labels=range(4), scale_by_half=False
    )
    assert float(SquaredError()(logits, one_hot()).mean()) == pytest.approx(brier, rel=1e-10)


def test_published_mean_squared_error():
    """[[1,0,0],[0,0,1]] against [[.9,.2,.2],[.2,.8,.3]] is 0.21 a entry, by hand."""
    target = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).double()
    logits = torch.logit(torch.tensor([[0.9, 0.2, 0.2], [0.2, 0.8, 0.3]]).double())
    assert float(BinarySquaredError()(logits, target).mean()) / 3 == pytest.approx(
        (0.01 + 0.04 + 0.04 + 0.04 + 0.64 + 0.49) / 6
    )
    assert pytest.approx(0.21) == (0.01 + 0.04 + 0.04 + 0.04 + 0.64 + 0.49) / 6


def test_squared_error_saturates_and_cross_entropy_does_not():
    """Confidently wrong: the gradient of the squared error vanishes, that of the logs is 1."""
    logits, target = torch.tensor([[-20.0]]).double(), torch.tensor([[1.0]]).double()
    assert value_and_gradient(BinarySquaredError(), logits, target)[1].abs() < 1e-8
    assert value_and_gradient(BinaryCrossEntropy(), logits, target)[1] == pytest.approx(-1)


# --- the registry and parameters --------------------------------------------------------------


def test_a_name_may_stand_in_two_domains():
    assert isinstance(get_loss("squared_error", ("distribution", "independent")), SquaredError)
    assert isinstance(get_loss("squared_error", ("independent",)), BinarySquaredError)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown loss 'hinge'.*binary_cross_entropy"):
        get_loss("hinge")


def test_wrong_domain_lists_those_that_fit():
    with pytest.raises(ValueError, match=r"'distribution' targets.*binary_cross_entropy"):
        get_loss("cross_entropy", ("independent",))


@pytest.mark.parametrize("wrong", [CrossEntropy, F.cross_entropy, 3, None])
def test_neither_name_nor_instance(wrong):
    with pytest.raises(TypeError, match="must be a name or an instance"):
        get_loss(wrong)


@pytest.mark.parametrize("wrong", [0, -1.0, [1.0, 0.0], float("nan"), [[1.0]]])
def test_bad_pos_weight_is_refused(wrong):
    with pytest.raises(ValueError, match="pos_weight"):
        BinaryCrossEntropy(wrong)
    with pytest.raises(ValueError, match="pos_weight"):
        BinaryCrossEntropy().set_params(pos_weight=wrong)


def test_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="has no parameter 'gamma'"):
        CrossEntropy().set_params(gamma=2)


def test_a_taken_or_missing_name_is_refused():
    class Impostor(Loss):
        name = "cross_entropy"
        domain = "distribution"

    class Nameless(IndependentLoss):
        pass

    with pytest.raises(ValueError, match="belongs to"):
        register_loss(Impostor)
    with pytest.raises(ValueError, match="class attribute `name`"):
        register_loss(Nameless)


def test_repr_warns_of_losses_that_give_no_probabilities():
    class Rank(BinarySquaredError):
        properness = "neither"

    assert "calibrate" in repr(Rank())
    assert repr(BinaryCrossEntropy(pos_weight=2.0)) == "BinaryCrossEntropy(pos_weight=2.0)"
