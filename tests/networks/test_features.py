"""Features: the input of the last linear layer."""

import pytest
import torch
from torch import nn

from sknoisy.networks import (
    MLP,
    NetworkEnsemble,
    capture_features,
    replicate,
)


class Backwards(nn.Module):
    """Register the layers in another order than they are called in."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.body = nn.Linear(4, 5)

    def forward(self, x):
        return self.head(torch.tanh(self.body(x)))


def test_features_are_what_reaches_the_last_linear_layer_called():
    network, x = Backwards(), torch.rand(6, 4)
    logits, features = capture_features(network, x)
    torch.testing.assert_close(features, torch.tanh(network.body(x)))
    torch.testing.assert_close(logits, network(x))
    assert not network.head._forward_pre_hooks and not network.body._forward_pre_hooks


def test_features_of_peers_have_their_axis():
    peers, x = replicate(lambda: MLP(4, 3, hidden=(5,)), 2), torch.rand(6, 4)
    logits, features = capture_features(peers, x)
    assert (logits.shape, features.shape) == ((2, 6, 3), (2, 6, 5))
    torch.testing.assert_close(peers.network(1)[-1](features[1]), logits[1])


def test_network_without_a_linear_layer_is_its_own_feature():
    network = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten())
    logits, features = capture_features(network, torch.rand(6, 1, 2, 2))
    assert torch.equal(logits, features)


def test_hooks_are_removed_when_the_network_fails():
    network = Backwards()
    with pytest.raises(RuntimeError):
        capture_features(network, torch.rand(6, 9))
    assert not network.body._forward_pre_hooks
    assert isinstance(NetworkEnsemble([network])[0], Backwards)
