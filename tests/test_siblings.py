"""Nets that train together learn what each learns alone, and what autograd says."""

import numpy as np
import pytest
import torch

from cases import draw_targets, every_activation, make_labels, make_soft, over_all_losses
from sklearn_softloss import losses
from sklearn_softloss._columns.standardize import Standardize
from sklearn_softloss._training.batches import Batches, TrainingData, TrainingTargets
from sklearn_softloss._training.epoch_loss import weight_of, weighted_sum
from sklearn_softloss._training.mlp import MLP
from sklearn_softloss._training.schedule import Schedule
from sklearn_softloss._training.siblings import Sibling, _Siblings, train_together

CPU, SINGLE, DOUBLE = torch.device("cpu"), torch.float32, torch.float64
THREE = [Sibling(0.0, 0.0), Sibling(0.5, 0.0), Sibling(20.0, 0.0)]
OPTIONS = {"betas": (0.9, 0.99), "eps": 1e-8}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def data_of(X, Y, dtype=SINGLE, weighting=None):
    targets = TrainingTargets(np.asarray(Y, float), None, weighting)
    return TrainingData(X, targets, np.arange(len(X)), dtype, CPU, may_stay_sparse=True)


def scaled(data):
    return [Standardize(data.X.shape[1]).fit(Batches(data, len(data)), more_to_come=False)]


def start_of(sizes, activation="relu", dtype=SINGLE, inputs=()):
    return MLP(sizes, activation, 0.0, seeded(), inputs).to(dtype)


def parts_of(net):
    return [part.detach() for layer in net.linear_layers() for part in (layer.weight, layer.bias)]


def close(net, other, **tolerance):
    for part, wanted in zip(parts_of(net), parts_of(other), strict=True):
        torch.testing.assert_close(part, wanted, **tolerance)


@pytest.fixture
def all_units_stay(monkeypatch):
    """Without dropout nothing is drawn, so that the order of rows is that of one net alone."""
    monkeypatch.setattr(
        _Siblings,
        "_mask",
        lambda self, matrix, _: matrix.new_ones(self.n_nets, matrix.shape[1], 1),
    )


def together(siblings, loss, data, hidden=(8,), activation="relu", batch_size=32, n_epochs=6):
    sizes = [data.X.shape[1], *hidden, loss.n_logits(data.targets.n_columns)]
    start = start_of(sizes, activation, data.dtype, scaled(data))
    schedule = Schedule("cosine", 0.05, 0.5, n_epochs)
    return start, train_together(
        start, siblings, loss, data, schedule, batch_size, seeded(1), **OPTIONS
    )


@pytest.mark.usefixtures("all_units_stay")
@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
@pytest.mark.parametrize("loss", [losses.CrossEntropy(), losses.Poly1()], ids=repr)
def test_each_learns_what_it_learns_alone(loss, hidden):
    data = data_of(*make_soft(n=100))
    _, nets = together(THREE, loss, data, hidden)
    for sibling, net in zip(THREE, nets, strict=True):
        (alone,) = together([sibling], loss, data, hidden)[1]
        close(net, alone, rtol=1e-3, atol=1e-5)
        assert not net.training


def by_autograd(start, sibling, loss, data, batch_size, n_epochs):
    """One net, by torch's Adam and decay that is put on afterwards, on rows in the same order."""
    net = MLP(start.layer_sizes, start.activation, 0.0, seeded(), start.inputs)
    net = net.to(data.dtype)
    net.load_state_dict(start.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), **OPTIONS)
    generator, n_batches = seeded(1), -(-len(data) // batch_size)
    for epoch in range(n_epochs):
        order = torch.randperm(len(data), generator=generator).numpy()
        for index in range(n_batches):
            X, y = data.batch(order[index * batch_size : (index + 1) * batch_size])
            progress = (epoch + index / n_batches) / n_epochs
            rate = optimizer.param_groups[0]["lr"] = 0.05 * (1 + np.cos(np.pi * progress)) / 2
            optimizer.zero_grad()
            (weighted_sum(loss, net(X), y) / weight_of(y)).backward()
            optimizer.step()
            with torch.no_grad():
                for layer in net.linear_layers():
                    layer.weight /= 1 + rate * sibling.alpha
    return net


@every_activation
@pytest.mark.usefixtures("all_units_stay")
@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
def test_a_training_is_that_of_autograd(activation, hidden):
    data, loss = data_of(*make_labels(n=90), DOUBLE), losses.BinaryCrossEntropy()
    start, nets = together(THREE, loss, data, hidden, activation)
    for sibling, net in zip(THREE, nets, strict=True):
        close(net, by_autograd(start, sibling, loss, data, 32, 6), rtol=1e-7, atol=1e-9)


# --- one step ------------------------------------------------------------------------------------


def step_of(loss, y, hidden=(6,), activation="tanh", siblings=THREE, n_columns=5):
    """Siblings after a step on random rows, and what the step began with."""
    X = torch.from_numpy(np.random.default_rng(2).normal(size=(len(y[0]), n_columns)))
    sizes = [n_columns, *hidden, loss.n_logits(y[0].shape[1])]
    start = start_of(sizes, activation, DOUBLE)
    with torch.no_grad():
        start[-1].weight.mul_(20)  # logits that are not all close to zero
    nets = _Siblings(start, siblings, loss, OPTIONS)
    nets.step(X, y, seeded())
    return nets, start, X


def check_gradients(nets, start, loss, X, y):
    """All nets are still where they began, so that they have one gradient."""
    (weighted_sum(loss, start(X), y) / weight_of(y)).backward()
    tolerance = {"rtol": 1e-6, "atol": 1e-9}
    for place, layer in enumerate(start.linear_layers()):
        for found, bias in zip(
            nets.weight_gradients[place], nets.bias_gradients[place], strict=True
        ):
            torch.testing.assert_close(found.t(), layer.weight.grad, **tolerance)
            torch.testing.assert_close(bias[0], layer.bias.grad, **tolerance)


def knowing_the_mean(loss, target):
    return loss.with_mean_target(target.mean(dim=0).numpy()) if loss.needs_mean_target else loss


@over_all_losses
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_has_the_gradient_of_autograd(loss, weighted):
    target = draw_targets(loss, n=12)
    loss = knowing_the_mean(loss, target)
    weight = torch.rand(12, generator=seeded(3), dtype=DOUBLE) if weighted else None
    y = target, weight, None
    nets, start, X = step_of(loss, y)
    check_gradients(nets, start, loss, X, y)


@over_all_losses
def test_weights_of_entries_have_the_gradient_of_autograd(loss):
    target = draw_targets(loss, n=12)
    loss = knowing_the_mean(loss, target)
    entry_weight = torch.rand(target.shape, generator=seeded(3), dtype=DOUBLE)
    entry_weight[torch.rand(target.shape, generator=seeded(4)) < 0.3] = 0.0
    y = target, torch.rand(12, generator=seeded(5), dtype=DOUBLE), entry_weight
    nets, start, X = step_of(loss, y)
    check_gradients(nets, start, loss, X, y)


@every_activation
@pytest.mark.parametrize("hidden", [(), (6,), (7, 6)])
def test_gradients_of_every_net(activation, hidden):
    loss = losses.CrossEntropy()
    y = draw_targets(loss, n=12), None, None
    nets, start, X = step_of(loss, y, hidden, activation)
    check_gradients(nets, start, loss, X, y)


class TimesRows(losses.CrossEntropy):
    batch_dependent = True

    def per_sample(self, logits, target, entry_weight):
        return len(logits) * super().per_sample(logits, target, entry_weight)


def test_a_loss_of_the_whole_batch_sees_one_net_at_a_time():
    loss = TimesRows()
    y = draw_targets(loss, n=12), None, None
    nets, start, X = step_of(loss, y)
    check_gradients(nets, start, loss, X, y)


def test_a_weight_is_as_many_rows():
    loss = losses.CrossEntropy()
    target, weight = draw_targets(loss, n=12), torch.arange(12) % 3
    X = torch.from_numpy(np.random.default_rng(2).normal(size=(12, 5)))
    found = []
    for rows, weights in ((np.arange(12), weight.double()), (np.arange(12).repeat(weight), None)):
        nets = _Siblings(start_of([5, 6, 4], dtype=DOUBLE), THREE, loss, OPTIONS)
        nets.step(X[rows], (target[rows], weights, None), seeded())
        found.append(nets)
    for part, wanted in zip(
        found[0].weight_gradients + found[0].bias_gradients,
        found[1].weight_gradients + found[1].bias_gradients,
        strict=True,
    ):
        torch.testing.assert_close(part, wanted)


def test_decay_shrinks_weights_and_no_biases():
    loss = losses.CrossEntropy()
    nets, start, _ = step_of(loss, (draw_targets(loss, n=12), None, None), hidden=(7, 6))
    rate = nets.optimizer.param_groups[0]["lr"]
    for matrix, bias in zip(nets.weights, nets.biases, strict=True):
        for place, sibling in enumerate(THREE):
            torch.testing.assert_close(matrix[place] * (1 + rate * sibling.alpha), matrix[0])
            torch.testing.assert_close(bias[place], bias[0])
    assert (nets.weights[0][0].t() != start[0].weight).any()


# --- dropout -------------------------------------------------------------------------------------


def test_a_dropped_unit_is_as_one_that_is_not_there():
    """What a step draws is made here into nets of the units that stay."""
    loss, siblings = losses.CrossEntropy(), [Sibling(0.0, p) for p in (0.0, 0.3, 0.6)]
    target = draw_targets(loss, n=12)
    nets, start, X = step_of(loss, (target, None, None), (30,), siblings=siblings)
    masks = nets._mask(nets.weights[1], seeded())[..., 0]
    for place, mask in enumerate(masks):
        stays = mask > 0
        logits = torch.tanh(start[0](X))[:, stays] * mask[stays] @ start[-1].weight.t()[stays]
        value = loss(logits + start[-1].bias, target).mean()
        first, last = torch.autograd.grad(value, [start[0].weight, start[-1].weight])
        torch.testing.assert_close(nets.weight_gradients[0][place].t(), first)
        torch.testing.assert_close(nets.weight_gradients[1][place].t(), last)
    assert (masks[0] == 1).all()
    assert (masks[1:] == 0).any(dim=1).all()


def test_units_are_dropped_as_often_as_asked_and_the_others_grow():
    siblings = [Sibling(0.0, p) for p in (0.0, 0.25, 0.5)]
    nets = _Siblings(start_of([3, 2000, 2]), siblings, losses.CrossEntropy(), OPTIONS)
    masks = nets._mask(nets.weights[1], seeded())[..., 0]
    for mask, sibling in zip(masks, siblings, strict=True):
        kept = 1 - sibling.dropout
        assert abs((mask > 0).double().mean() - kept) < 0.06
        torch.testing.assert_close(mask[mask > 0], torch.full_like(mask[mask > 0], 1 / kept))


# --- what a training leaves ----------------------------------------------------------------------


def test_nets_are_their_own_and_the_start_stays_as_it_was():
    data = data_of(*make_soft())
    siblings = [Sibling(0.1, 0.5), Sibling(1.0, 0.5)]
    start, nets = together(siblings, losses.CrossEntropy(), data)
    fresh = start_of(start.layer_sizes, inputs=start.inputs)
    close(start, fresh, rtol=0, atol=0)
    for net in nets:
        assert not net.training
        for parameter in net.parameters():
            assert parameter.untyped_storage().nbytes() == parameter.nbytes
            assert parameter.is_contiguous()
    before = parts_of(nets[1])[0].clone()
    with torch.no_grad():
        nets[0].linear_layers()[0].weight.zero_()
    torch.testing.assert_close(parts_of(nets[1])[0], before)


def test_a_generator_repeats_a_training_and_global_ones_stay_as_they_are():
    data, siblings = data_of(*make_soft()), [Sibling(0.1, 0.5), Sibling(1.0, 0.2)]
    first = together(siblings, losses.CrossEntropy(), data)[1]
    of_torch, of_numpy = torch.get_rng_state(), np.random.get_state()[1].tolist()
    again = together(siblings, losses.CrossEntropy(), data)[1]
    assert torch.equal(torch.get_rng_state(), of_torch)
    assert np.random.get_state()[1].tolist() == of_numpy
    for net, other in zip(first, again, strict=True):
        close(net, other, rtol=0, atol=0)
