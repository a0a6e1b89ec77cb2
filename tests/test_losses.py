"""Every loss keeps the contract; those with a twin elsewhere agree with it."""

import pickle
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone

from cases import (
    LOSSES,
    REGRESSION_LOSSES,
    X_SETS,
    Y_SETS,
    draw_logits,
    draw_targets,
    multi,
    over_all_losses,
    over_proper_losses,
)
from sklearn_softloss import losses
from sklearn_softloss._targets.domains import DOMAINS
from sklearn_softloss.losses import (
    Asymmetric,
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    Focal,
    IndependentLoss,
    Loss,
    RegressionLoss,
    SquaredError,
    _links,
    get_loss,
    loss_names,
    register_loss,
    sum_entries,
)


def one_hot(n=7, k=4):
    return F.one_hot(torch.arange(n) % k, k).double()


def value_and_gradient(loss, logits, target, entry_weight=None):
    logits = logits.clone().requires_grad_()
    values = loss(logits, target, entry_weight)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    return values.detach(), gradient


def logits_of(loss, columns, k=4):
    """Places of the logits of these of k columns: side by side, or first those of each column."""
    n_each = loss.n_logits(1) if isinstance(loss, RegressionLoss) else 1
    own = [column * n_each + part for column in columns for part in range(n_each)]
    return own + list(range(k * n_each, loss.n_logits(k)))


def test_every_registered_loss_is_tested():
    tested = {(loss.name, loss.domain) for loss in LOSSES + REGRESSION_LOSSES}
    known = {(name, domain) for domain in DOMAINS for name in loss_names((domain,))}
    assert known == tested


@over_all_losses
def test_gradient_is_the_derivative(loss):
    logits, target = draw_logits(loss).requires_grad_(), draw_targets(loss)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


@over_all_losses
def test_gradient_is_the_derivative_with_weights_and_unknown_entries(loss):
    weight = torch.rand(7, 4, generator=torch.Generator().manual_seed(0)).double()
    weight[torch.arange(7), torch.arange(7) % 4] = 0.0
    target = draw_targets(loss)
    assert torch.autograd.gradcheck(
        lambda z: loss(z, target, weight), draw_logits(loss).requires_grad_()
    )


@over_all_losses
@pytest.mark.parametrize("size", [1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_at_extreme_logits_and_targets(loss, size, dtype):
    logits = torch.tensor([[size, -size, 0.0, size], [-size] * 4, [size] * 4], dtype=dtype)
    extra = torch.tensor([[size], [-size], [0.0]], dtype=dtype)
    logits = torch.cat([logits, extra], -1).repeat(1, 5)[:, : loss.n_logits(4)]
    for hot in range(4):
        target = F.one_hot(torch.tensor([hot] * 3), 4).to(dtype)
        values, gradient = value_and_gradient(loss, logits, target)
        assert torch.isfinite(values).all()
        assert torch.isfinite(gradient).all()
        if loss.offers_gradient:
            assert torch.isfinite(loss.gradient(logits, target)).all()
    assert torch.isfinite(loss.inverse_link(logits)).all()


@over_all_losses
def test_inverse_link_lies_in_the_domain(loss):
    proba = loss.inverse_link(draw_logits(loss))
    assert proba.shape == (7, 4)
    low, high = np.round(loss.domain.prediction_range)
    assert ((proba >= low) & (proba <= high)).all()
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


@over_all_losses
def test_unknown_entries_contribute_exactly_nothing(loss):
    """Whatever an entry of weight 0 holds, and whatever its logit, it is as if not there."""
    logits, target = draw_logits(loss), draw_targets(loss)
    weight = torch.ones(7, 4).double()
    weight[:, 2] = 0.0
    if loss.domain == "distribution":
        target[:, 2] = 0.0
        target = target / target.sum(-1, keepdim=True)
    kept = logits_of(loss, [0, 1, 3])
    hidden = sorted({*range(loss.n_logits(4))} - {*kept})
    expected, expected_gradient = value_and_gradient(loss, logits[:, kept], target[:, [0, 1, 3]])
    for content in (float("nan"), 0.0, 1.0, float("inf")):
        target[:, 2] = content
        values, gradient = value_and_gradient(loss, logits, target, weight)
        assert (gradient[:, hidden] == 0).all()
        torch.testing.assert_close(values, expected)
        torch.testing.assert_close(gradient[:, kept], expected_gradient)


@over_all_losses
def test_wholly_unknown_rows_are_worth_nothing(loss):
    target = torch.full((2, 4), float("nan")).double()
    values, gradient = value_and_gradient(
        loss, draw_logits(loss, n=2), target, torch.zeros(2, 4).double()
    )
    assert (values == 0).all()
    assert (gradient == 0).all()


@over_all_losses
def test_entry_weights_of_one_change_nothing(loss):
    logits, target = draw_logits(loss), draw_targets(loss)
    torch.testing.assert_close(loss(logits, target), loss(logits, target, torch.ones(7, 4)))


@over_all_losses
def test_permuting_classes_permutes_gradients(loss):
    logits, target = draw_logits(loss), draw_targets(loss)
    order = [3, 2, 1, 0] if isinstance(loss, losses.EarthMover) else [2, 0, 3, 1]
    moved = logits_of(loss, order)
    values, gradient = value_and_gradient(loss, logits, target)
    permuted_values, permuted_gradient = value_and_gradient(
        loss, logits[:, moved], target[:, order]
    )
    torch.testing.assert_close(permuted_values, values)
    torch.testing.assert_close(permuted_gradient, gradient[:, moved])


@over_all_losses
def test_leading_dimensions(loss):
    logits, target = draw_logits(loss, n=12), draw_targets(loss, n=12)
    deep, weight = logits.reshape(2, 3, 2, -1), torch.rand(12, 4).double()
    shaped = loss(deep, target.reshape(2, 3, 2, 4), weight.reshape(2, 3, 2, 4))
    assert shaped.shape == (2, 3, 2)
    torch.testing.assert_close(shaped.reshape(-1), loss(logits, target, weight))
    assert loss.inverse_link(deep).shape == (2, 3, 2, 4)


@over_all_losses
def test_a_row_costs_the_same_in_any_batch(loss):
    """So a row of weight 2 is two rows; a loss that compares rows says so."""
    logits, target = draw_logits(loss), draw_targets(loss).round(decimals=0)
    if loss.domain == "distribution":
        target = one_hot()
    alone = torch.cat([loss(logits[i : i + 1], target[i : i + 1]) for i in range(7)])
    same = torch.allclose(alone, loss(logits, target), rtol=1e-12)
    assert same is not loss.batch_dependent


@over_all_losses
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


@over_all_losses
def test_docstring_says_what_a_user_must_know(loss):
    text = type(loss).__doc__
    assert f"Domain: {loss.domain}" in text
    for part in ("Link:", "Use it", r"\bNot\s", "References", "Examples"):
        assert re.search(part, text), part
    for field in loss.get_params():
        assert f"{field} :" in text or f"{field}," in text or f", {field}" in text


@over_all_losses
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


@over_all_losses
def test_a_refused_value_changes_no_parameter(loss):
    changed = clone(loss)
    for name in loss.get_params():
        with pytest.raises(ValueError, match=name):
            changed.set_params(**{name: float("nan")})
        assert changed == loss


DEFAULTS = [
    Asymmetric(gamma_pos=1.0, gamma_neg=4.0, margin=0.05),
    BinaryCrossEntropy(pos_weight=None),
    losses.BinaryFocal(gamma=2.0),
    losses.BinaryJeffreys(floor=1e-4),
    losses.BinaryPoly1(epsilon=1.0),
    losses.CountDistribution(count_link="poisson", mode="separate"),
    Focal(gamma=2.0),
    losses.GeneralizedCrossEntropy(q=0.7),
    losses.Hill(lamb=1.5, margin=1.0, gamma=2.0),
    losses.Huber(delta=1.35),
    losses.Jeffreys(floor=1e-4),
    losses.LogitAdjustedCrossEntropy(tau=1.0, prior=None),
    losses.Poly1(epsilon=1.0),
    losses.Quantile(levels=0.5),
    losses.SymmetricCrossEntropy(alpha=0.1, beta=1.0, log_zero=-4.0),
    losses.Tweedie(power=1.5),
    losses.TwoWay(temperature=4.0),
]


def test_defaults_are_those_that_are_documented():
    with_parameters = [loss for loss in [*LOSSES, *REGRESSION_LOSSES] if loss.get_params()]
    assert {type(loss) for loss in with_parameters} == {type(loss) for loss in DEFAULTS}
    for loss in DEFAULTS:
        assert type(loss)() == loss


@pytest.mark.parametrize(
    ("loss", "name", "legal", "illegal"),
    [
        (losses.Tweedie(), "power", [1.001, 1.999], [1, 0.999, 2, 2.001]),
        (losses.Jeffreys(), "floor", [1e-9, 1], [0, -1e-9, 1.001]),
        (losses.BinaryJeffreys(), "floor", [1e-9, 1], [0, -1e-9, 1.001]),
        (losses.GeneralizedCrossEntropy(), "q", [1e-9, 1], [0, -1e-9, 1.001]),
        (losses.SymmetricCrossEntropy(), "alpha", [0], [-1e-9]),
        (losses.SymmetricCrossEntropy(), "beta", [0], [-1e-9]),
        (losses.SymmetricCrossEntropy(), "log_zero", [-1e-9, -100], [0, 1e-9]),
        (losses.LogitAdjustedCrossEntropy(), "tau", [0], [-1e-9]),
        (losses.Huber(), "delta", [1e-9, 100], [0, -1e-9]),
        (Asymmetric(), "gamma_pos", [0], [-1e-9]),
        (Asymmetric(), "gamma_neg", [0], [-1e-9]),
        (Asymmetric(), "margin", [0, 1], [-1e-9, 1.001]),
        (losses.Hill(), "lamb", [1], [0.999]),
        (losses.Hill(), "margin", [-5], []),
        (losses.Hill(), "gamma", [0], [-1e-9]),
        (losses.TwoWay(), "temperature", [1e-9, 100], [0, -1e-9]),
        (Focal(), "gamma", [0], [-1e-9]),
        (losses.BinaryFocal(), "gamma", [0], [-1e-9]),
        (losses.Poly1(), "epsilon", [-0.999], [-1, -1.001]),
        (losses.BinaryPoly1(), "epsilon", [-0.999], [-1, -1.001]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parameters_are_legal_up_to_their_bounds(loss, name, legal, illegal):
    for value in legal:
        assert clone(loss).set_params(**{name: value}).get_params()[name] == value
    for value in illegal:
        with pytest.raises(ValueError, match=name):
            clone(loss).set_params(**{name: value})


def test_parameters_are_set_together_or_not_at_all():
    loss = Asymmetric()
    with pytest.raises(ValueError, match="margin"):
        loss.set_params(gamma_pos=3.0, margin=2.0)
    with pytest.raises(ValueError, match="has no parameter 'gama'"):
        loss.set_params(gamma_pos=3.0, gama=2.0)
    assert loss == Asymmetric()
    assert loss.set_params(gamma_pos=3.0, margin=0.5) is loss
    assert loss == Asymmetric(gamma_pos=3.0, margin=0.5)
    assert repr(Focal().set_params(gamma=1.0)) == "Focal(gamma=1.0)"


# --- losses written elsewhere -----------------------------------------------------------------


class Scaled(IndependentLoss):
    name = "scaled"
    properness = "neither"
    scale: Any = 1.0

    def per_sample(self, logits, target, entry_weight):
        error = logits.sigmoid() - target
        return sum_entries(torch.as_tensor(self.scale) * error.square(), entry_weight)


@dataclass
class DecoratedScaled(IndependentLoss):
    name = "scaled"
    properness = "neither"
    scale: Any = 1.0
    per_sample = Scaled.per_sample


@dataclass(repr=False)
class QuietScaled(IndependentLoss):
    name = "scaled"
    properness = "neither"
    scale: Any = 1.0
    per_sample = Scaled.per_sample


@pytest.mark.parametrize("Form", [Scaled, DecoratedScaled, QuietScaled])
def test_a_loss_may_be_written_in_three_forms(Form):
    assert register_loss(Form) is Form
    assert get_loss("scaled") == Form()
    loss = Form(scale=np.array([1.0, 2.0]))
    note = "(neither proper nor invertible: calibrate)"
    assert repr(loss) == f"{Form.__name__}(scale=array([1., 2.])) {note}"
    assert loss == Form([1.0, 2.0])
    assert loss != Form([1.0, 3.0])
    assert loss != Form()
    assert loss != BinarySquaredError()
    assert pickle.loads(pickle.dumps(loss)) == loss
    assert clone(loss) == loss
    with pytest.raises(TypeError, match="unhashable"):
        hash(loss)
    assert loss.set_params(scale=2.0) is loss
    assert loss.get_params() == {"scale": 2.0}


PIECES = {
    "name": "own",
    "domain": "independent",
    "properness": "neither",
    "per_sample": Scaled.per_sample,
    "inverse_link": IndependentLoss.inverse_link,
    "hide_unknown": IndependentLoss.hide_unknown,
}


def own_loss(**pieces):
    """A class that states these pieces and inherits none."""
    return type("Own", (Loss,), {"scale": 1.0, **pieces})


@pytest.mark.parametrize("piece", PIECES)
def test_a_missing_piece_is_named(piece):
    Incomplete = own_loss(**{name: found for name, found in PIECES.items() if name != piece})
    with pytest.raises(TypeError, match=rf"class Own .*\b{piece}\b"):
        Incomplete()
    with pytest.raises(ValueError, match=rf"class Own .*\b{piece}\b"):
        register_loss(Incomplete)


def test_a_loss_with_every_piece_is_enough():
    register_loss(own_loss(**PIECES))
    net = multi(loss="own", learning_rate="one_cycle").fit(X_SETS, Y_SETS)
    assert net.predict_proba(X_SETS).shape == Y_SETS.shape


@pytest.mark.parametrize(
    ("piece", "wrong", "message"),
    [
        ("name", 3, r"Own\.name must be a string; got 3"),
        ("domain", "sets", r"takes 'sets' targets; here only .*'independent'"),
        ("properness", "proper", r"Own\.properness must be one of .*'neither'.*got 'proper'"),
        ("properness", None, r"Own\.properness must be one of"),
        ("properness", property(lambda self: "proper"), r"Own\.properness must be one of"),
    ],
)
def test_an_illegal_statement_is_named(piece, wrong, message):
    Wrong = own_loss(**{**PIECES, piece: wrong})
    with pytest.raises(ValueError, match=message):
        register_loss(Wrong)
    if piece != "name":  # an instance is found without it
        with pytest.raises(ValueError, match=message):
            multi(loss=Wrong()).fit(X_SETS, Y_SETS)


def test_parameters_are_no_constructor():
    with pytest.raises(TypeError, match=r"Own writes its own __init__.*annotated"):
        own_loss(**PIECES, __init__=lambda self, scale=1.0: None)


def test_a_registered_loss_can_be_made_without_arguments():
    with pytest.raises(ValueError, match=r"defaults for its parameters.*'gamma'"):
        register_loss(own_loss(**PIECES, __annotations__={"gamma": float}))


def test_a_taken_or_missing_name_is_refused():
    class Impostor(Loss):
        name = "cross_entropy"
        domain = "distribution"

    class Nameless(IndependentLoss):
        pass

    with pytest.raises(ValueError, match="belongs to"):
        register_loss(Impostor)
    with pytest.raises(ValueError, match=r"needs all its pieces.*class Nameless .*\bname\b"):
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
    _, expected = value_and_gradient(Doubled(), logits, target)
    torch.testing.assert_close(Restated().gradient(logits, target), expected)


@pytest.mark.parametrize("shape", [(5,), (0, 3), (31, 4), (32, 4), (40, 16), (40, 17), (8, 9, 4)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_softmax_is_the_same_in_either_layout(name, shape):
    logits = 9 * torch.randn(shape, generator=torch.manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(getattr(_links, name)(logits), getattr(torch, name)(logits, -1))
