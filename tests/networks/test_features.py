"""Features: the input of the last linear layer."""

import pytest
import torch
from torch import nn

from sknoisy.networks import (
    MLP,
    capture_features,
    replicate,
)


class ReverseOrder(nn.Module):
    """Registers the last layer first."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.body = nn.Linear(4, 5)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


def test_features_are_the_input_of_the_last_linear_layer_called():
    network, x = ReverseOrder(), torch.rand(6, 4)
    logits, features = capture_features(network, x)
    torch.testing.assert_close(features, torch.tanh(network.body(x)))
    torch.testing.assert_close(logits, network(x))
    assert not network.head._forward_pre_hooks and not network.body._forward_pre_hooks


def test_features_of_several_networks_have_a_leading_axis():
    ensemble, x = replicate(lambda: MLP(4, 3, hidden=(5,)), 2), torch.rand(6, 4)
    logits, features = capture_features(ensemble, x)
    assert (logits.shape, features.shape) == ((2, 6, 3), (2, 6, 5))
    torch.testing.assert_close(ensemble.network(1)[-1](features[1]), logits[1])


def test_features_without_linear_layers_are_the_logits():
    network = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten())
    logits, features = capture_features(network, torch.rand(6, 1, 2, 2))
    assert torch.equal(logits, features)


def test_hooks_are_removed_after_an_error():
    network = ReverseOrder()
    with pytest.raises(RuntimeError):
        capture_features(network, torch.rand(6, 9))
    assert not network.body._forward_pre_hooks
