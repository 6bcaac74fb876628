"""The same prediction for a sample and for a random view of it, as methods share it."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ELR, ELRPlus, SOPPlus
from sknoisy.methods._consistency import consistency_losses, consistent_step
from sknoisy.networks import replicate
from tests.factories import short, small_images
from tests.views import module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def test_losses_are_divergences_of_the_predictions_for_strong_views():
    weak, strong = (torch.tensor(rng.normal(size=(2, 7, 3)), requires_grad=True) for _ in "ws")
    p, q = (softmax(z.detach().numpy(), axis=-1) for z in (weak, strong))
    losses = consistency_losses(weak, strong)
    np.testing.assert_allclose(losses.detach(), (p * np.log(p / q)).sum(axis=-1))
    losses.sum().backward()
    assert weak.grad is None
    np.testing.assert_allclose(strong.grad, q - p)


def test_losses_are_finite_for_confident_predictions():
    weak = torch.tensor([[0.0, 1e4], [1e4, 0.0]])
    losses = consistency_losses(weak, weak.flip(-1).requires_grad_())
    assert torch.isfinite(losses).all()
    torch.testing.assert_close(consistency_losses(weak, weak), torch.zeros(2))


@pytest.mark.parametrize("method", [ELR(), ELRPlus(), SOPPlus(balance=0.0)])
def test_a_step_adds_the_penalty_to_the_losses_of_the_method(make_batch, method):
    def shifted(x):
        return x.roll(1, dims=-1)

    torch.manual_seed(0)
    module = replicate(lambda: nn.Linear(3, 3), method.n_networks)
    net = module_view(module, np.eye(7, 3), Y, augment=shifted)
    method.setup(net, torch.tensor(Y))
    x = torch.tensor(rng.normal(size=(7, 3)))
    batch, snapshot = make_batch(Y).replace(x=x), method.snapshot()
    steps = []
    for strength in (0.0, 0.7):
        method.restore(snapshot)
        torch.manual_seed(1)
        steps.append(consistent_step(method, net, batch, strength))
    logits = net.infer(steps[1].batch.x)
    penalty = consistency_losses(logits, net.infer(shifted(steps[1].batch.x)))
    torch.testing.assert_close(steps[1].losses, steps[0].losses + 0.7 * penalty)
    torch.testing.assert_close(steps[1].logits, logits)
    assert steps[1].weight is steps[1].batch.weight


@pytest.mark.parametrize("method", ["elr", "elr_plus"])
def test_it_is_a_parameter_of_other_methods(method):
    plain, consistent = (
        short(method, method__consistency=strength, max_epochs=3).fit(X, y) for strength in (0, 0.9)
    )
    assert (plain.predict_proba(X) != consistent.predict_proba(X)).any()
    with pytest.raises(ValueError, match="'consistency' parameter of ELR"):
        short(method, method__consistency=-1).fit(X, y)


@pytest.mark.parametrize("method", ["elr", "sop_plus"])
def test_views_of_images_are_made_by_augment(method):
    images, labels = small_images()
    seen = []

    def seeing(x):
        seen.append(x.shape[1:])
        return x.flip(-1)

    clf = NoisyLabelClassifier(method, augment=seeing, max_epochs=2, method__consistency=0.5)
    clf.fit(images, labels)
    assert set(seen) == {(1, 8, 8)}
