"""Every loss keeps the contract; those with a twin elsewhere agree with it."""

import pickle
import re

import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone

from cases import LOSSES, draw_logits, draw_targets, over_losses, over_proper_losses
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
    logits, target = draw_logits(loss).requires_grad_(), draw_targets(loss)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


@over_losses
def test_gradient_is_the_derivative_with_weights_and_unknown_entries(loss):
    weight = torch.rand(7, 4, generator=torch.Generator().manual_seed(0)).double()
    weight[torch.arange(7), torch.arange(7) % 4] = 0.0
    target = draw_targets(loss)
    assert torch.autograd.gradcheck(
        lambda z: loss(z, target, weight), draw_logits(loss).requires_grad_()
    )


@over_losses
@pytest.mark.parametrize("size", [1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_at_extreme_logits_and_targets(loss, size, dtype):
    logits = torch.tensor([[size, -size, 0.0, size], [-size] * 4, [size] * 4], dtype=dtype)
    extra = torch.tensor([[size], [-size], [0.0]], dtype=dtype)
    logits = torch.cat([logits, extra], -1)[:, : loss.n_logits(4)]
    for hot in range(4):
        target = F.one_hot(torch.tensor([hot] * 3), 4).to(dtype)
        values, gradient = value_and_gradient(loss, logits, target)
        assert torch.isfinite(values).all()
        assert torch.isfinite(gradient).all()
        if loss.offers_gradient:
            assert torch.isfinite(loss.gradient(logits, target)).all()
    assert torch.isfinite(loss.inverse_link(logits)).all()


@over_losses
def test_inverse_link_lies_in_the_domain(loss):
    proba = loss.inverse_link(draw_logits(loss))
    assert proba.shape == (7, 4)
    assert ((proba >= 0) & (proba <= 1)).all()
    if loss.domain == "distribution":
        torch.testing.assert_close(proba.sum(-1), torch.ones(7).double())


@over_proper_losses
def test_the_minimiser_is_the_target(loss):
    target = 0.05 + 0.9 * draw_targets(loss, n=3)
    target = target / target.sum(-1, keepdim=True) if loss.domain == "distribution" else target
    logits = torch.zeros(3, loss.n_logits(4), dtype=torch.float64, requires_grad=True)
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


@over_proper_losses
def test_soft_targets_are_the_mean_over_hard_draws(loss):
    """Minimising against the mean target is minimising the mean loss over draws of labels."""
    logits = draw_logits(loss, n=1)
    share = torch.tensor([[0.7, 0.3, 0.0, 0.0]]).double()
    _, soft = value_and_gradient(loss, logits, share)
    first, second = (F.one_hot(torch.tensor([j]), 4).double() for j in (0, 1))
    hard = 0.7 * value_and_gradient(loss, logits, first)[1]
    hard = hard + 0.3 * value_and_gradient(loss, logits, second)[1]
    torch.testing.assert_close(soft, hard)


@over_losses
def test_unknown_entries_contribute_exactly_nothing(loss):
    """Whatever an entry of weight 0 holds, and whatever its logit, it is as if not there."""
    logits, target = draw_logits(loss), draw_targets(loss)
    weight = torch.ones(7, 4).double()
    weight[:, 2] = 0.0
    if loss.domain == "distribution":
        target[:, 2] = 0.0
        target = target / target.sum(-1, keepdim=True)
    kept = [0, 1, 3, *range(4, loss.n_logits(4))]
    expected, expected_gradient = value_and_gradient(loss, logits[:, kept], target[:, kept[:3]])
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
        loss, draw_logits(loss, n=2), target, torch.zeros(2, 4).double()
    )
    assert (values == 0).all()
    assert (gradient == 0).all()


@over_losses
def test_entry_weights_of_one_change_nothing(loss):
    logits, target = draw_logits(loss), draw_targets(loss)
    torch.testing.assert_close(loss(logits, target), loss(logits, target, torch.ones(7, 4)))


@over_losses
def test_permuting_classes_permutes_gradients(loss):
    logits, target = draw_logits(loss), draw_targets(loss)
    order = [3, 2, 1, 0] if loss.ordered else [2, 0, 3, 1]
    ends = list(range(4, loss.n_logits(4)))
    values, gradient = value_and_gradient(loss, logits, target)
    permuted_values, permuted_gradient = value_and_gradient(
        loss, logits[:, order + ends], target[:, order]
    )
    torch.testing.assert_close(permuted_values, values)
    torch.testing.assert_close(permuted_gradient, gradient[:, order + ends])


@over_losses
def test_leading_dimensions(loss):
    logits, target = draw_logits(loss, n=12), draw_targets(loss, n=12)
    deep, weight = logits.reshape(2, 3, 2, -1), torch.rand(12, 4).double()
    shaped = loss(deep, target.reshape(2, 3, 2, 4), weight.reshape(2, 3, 2, 4))
    assert shaped.shape == (2, 3, 2)
    torch.testing.assert_close(shaped.reshape(-1), loss(logits, target, weight))
    assert loss.inverse_link(deep).shape == (2, 3, 2, 4)


@over_losses
def test_a_row_costs_the_same_in_any_batch(loss):
    """So a row of weight 2 is two rows; a loss that compares rows says so."""
    logits, target = draw_logits(loss), draw_targets(loss).round(decimals=0)
    if loss.domain == "distribution":
        target = one_hot()
    alone = torch.cat([loss(logits[i : i + 1], target[i : i + 1]) for i in range(7)])
    same = torch.allclose(alone, loss(logits, target), rtol=1e-12)
    assert same is not loss.batch_dependent


@over_losses
@pytest.mark.parametrize("weighted", [False, True])
def test_closed_form_gradient_is_autograds(loss, weighted):
    if not loss.offers_gradient:
        with pytest.raises(NotImplementedError):
            loss.gradient(draw_logits(loss), draw_targets(loss))
        return
    weight = None
    if weighted:
        weight = torch.rand(7, 4, generator=torch.Generator().manual_seed(0)).double()
        weight[:, 1] = 0.0
    logits, target = draw_logits(loss), draw_targets(loss)
    _, expected = value_and_gradient(loss, logits, target, weight)
    found = loss.gradient(logits, target, weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@over_losses
def test_docstring_says_what_a_user_must_know(loss):
    text = type(loss).__doc__
    assert f"Domain: {loss.domain}" in text
    for part in ("Link:", "Use it", r"\bNot\s", "References", "Examples"):
        assert re.search(part, text), part
    for field in loss.get_params():
        assert f"{field} :" in text or f"{field}," in text or f", {field}" in text


@over_losses
def test_copies_are_equal(loss):
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert clone(loss) == loss
    assert get_loss(loss) is loss


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


def test_a_loss_that_redefines_its_value_keeps_no_gradient_of_its_parent():
    class Doubled(BinaryCrossEntropy):
        def per_sample(self, logits, target, entry_weight):
            return 2 * super().per_sample(logits, target, entry_weight)

    class Restated(Doubled):
        def logit_gradient(self, logits, target, entry_weight):
            return 2 * BinaryCrossEntropy().gradient(logits, target, entry_weight)

    logits, target = draw_logits(Doubled()), draw_targets(Doubled())
    assert not Doubled().offers_gradient
    assert Restated().offers_gradient
    total, gradient = Restated().sum_and_gradient(logits, target, None, None)
    values, expected = value_and_gradient(Doubled(), logits, target)
    torch.testing.assert_close(total, values.sum())
    torch.testing.assert_close(gradient, expected)
