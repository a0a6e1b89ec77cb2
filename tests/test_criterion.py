"""Losses outside the estimators: a fully convolutional net through skorch, weights by pixel."""

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from torch import nn

from cases import draw_logits, draw_targets, over_losses
from sklearn_softloss._targets.weighting import weights_from_mass
from sklearn_softloss.losses import Criterion, CrossEntropy


class FullyConvolutional(nn.Module):
    """Logits of shape (batch, height, width, classes)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1)
        )

    def forward(self, X):
        return self.layers(X).movedim(1, -1)


def images_with_a_rare_class(n=24, size=8):
    rng = np.random.default_rng(0)
    classes = rng.choice(3, p=[0.6, 0.36, 0.04], size=(n, size, size))
    noise = rng.normal(0, 0.5, (n, 1, size, size))
    images = (classes[:, None] - 1.0 + noise).astype(np.float32)
    return images, np.eye(3, dtype=np.float32)[classes], classes


def train(class_weight):
    images, target, _ = images_with_a_rare_class()
    torch.manual_seed(0)
    net = NeuralNet(
        FullyConvolutional,
        criterion=Criterion,
        criterion__loss="cross_entropy",
        criterion__class_weight=class_weight,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=40,
        batch_size=8,
        train_split=None,
        verbose=0,
    )
    return net.fit(images, target)


def test_fully_convolutional_net_finds_the_rare_class_by_its_weight():
    images, target, classes = images_with_a_rare_class()
    weights = weights_from_mass(target.sum(axis=(0, 1, 2)), "median_frequency")
    rare = classes == 2
    recall = {}
    for name, class_weight in (("plain", None), ("weighted", weights.tolist())):
        net = train(class_weight)
        losses = net.history[:, "train_loss"]
        assert losses[-1] < 0.8 * losses[0]
        predicted = net.forward(images).argmax(-1).numpy()
        recall[name] = (predicted[rare] == 2).mean()
    assert recall["weighted"] > recall["plain"] + 0.2


def test_weights_follow_the_ground_truth():
    logits, target = torch.randn(2, 3, 3, 4).double(), torch.eye(4).double()
    target = target[torch.arange(18) % 4].reshape(2, 3, 3, 4)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    by_pixel = (target * weight).sum(-1)
    expected = (by_pixel * CrossEntropy()(logits, target)).sum() / by_pixel.sum()
    found = Criterion("cross_entropy", class_weight=weight)(logits, target)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        found, nn.functional.cross_entropy(logits.movedim(-1, 1), target.argmax(-1), weight)
    )


@over_losses
def test_without_weights_it_is_the_mean(loss):
    logits, target = draw_logits(loss), draw_targets(loss)
    torch.testing.assert_close(Criterion(loss)(logits, target), loss(logits, target).mean())


def test_weights_need_exclusive_classes():
    with pytest.raises(ValueError, match="needs a 'distribution' loss"):
        Criterion("binary_cross_entropy", class_weight=[1.0, 2.0])
