"""Last layers of networks of torchvision and timm are found, resized and removed."""

import pytest
import torch
from torch import nn

from sknoisy.networks import CNN
from sknoisy.networks._heads import find_head, has_head, remove_head, resize_head
from tests.networks.foreign import NETWORKS, FromTimm, WithFC, WithHeads, WithoutHead

X = torch.rand(2, 3, 9, 9)
every_network = pytest.mark.parametrize("network", NETWORKS)


@every_network
def test_a_resized_network_has_the_new_classes_and_the_old_features(network):
    net = network().eval()
    before = {name: p.clone() for name, p in net.named_parameters()}
    resize_head(net, 3)
    assert net(X).shape == (2, 3)
    head = find_head(net)
    for name, p in net.named_parameters():
        assert name.startswith(head) or torch.equal(p, before[name])
    net(X).sum().backward()
    assert all(p.grad is not None for p in net.get_submodule(head).parameters())


@every_network
def test_a_network_without_its_head_returns_features(network):
    net = network().eval()
    head = net.get_submodule(find_head(net))
    inputs = []
    head.register_forward_pre_hook(lambda _, x: inputs.append(x[0]))
    net(X)
    n_features = remove_head(net)
    features = net(X)
    assert features.shape == (2, n_features)
    expected = inputs[0] if inputs[0].dim() == 2 else inputs[0].mean((2, 3))
    torch.testing.assert_close(features, expected)


def test_a_resized_head_keeps_bias_type_and_device():
    net = WithHeads().double()
    resize_head(net, 3)
    assert net.heads.head.bias is None
    assert net.heads.head.weight.dtype == torch.float64


@pytest.mark.parametrize("network", [WithoutHead(), nn.Sequential(nn.Flatten()), nn.Sequential()])
def test_a_network_without_a_known_head_is_kept(network):
    before = list(network.modules())
    assert not has_head(network)
    assert remove_head(network) is None
    assert list(network.modules()) == before


def test_a_network_of_timm_without_classes_has_features_already():
    net = FromTimm()
    net.reset_classifier(0)
    assert find_head(net) is None
    assert has_head(net)
    assert remove_head(net) == 8
    assert net(X).shape == (2, 8)


def test_a_head_that_was_removed_is_not_found():
    net = WithFC()
    remove_head(net)
    assert find_head(net) is None


def test_the_last_layer_of_a_sequential_can_be_removed_but_is_not_resized():
    net = CNN(3, 10, hidden=7)
    assert not has_head(net)
    assert remove_head(net) == 7
    assert net(X).shape == (2, 7)
