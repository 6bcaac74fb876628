"""Networks, and several of them as one axis."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy.networks import (
    MLP,
    BatchedMLP,
    NetworkEnsemble,
    capture_features,
    is_plain_mlp,
    replicate,
)
from sknoisy.networks.ensemble import BatchedLinear

rng = np.random.default_rng(0)


def make_peers(n=3):
    return replicate(lambda: MLP(4, 3, hidden=(5,)), n)


def test_one_network_has_no_axis():
    assert isinstance(make_peers(1), MLP)


def test_peers_are_stacked_and_differ():
    peers, x = make_peers(), torch.rand(6, 4)
    logits = peers(x)
    assert logits.shape == (3, 6, 3)
    for i, one in enumerate(logits):
        torch.testing.assert_close(one, peers.network(i)(x))
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("norm", [False, True])
def test_gradients_do_not_mix(norm):
    def build():
        layers = [nn.Linear(4, 5), nn.BatchNorm1d(5)] if norm else [nn.Linear(4, 5)]
        return nn.Sequential(*layers, nn.ReLU(), nn.Linear(5, 3))

    peers, x = replicate(build, 2), torch.rand(6, 4)
    alone = copy.deepcopy(peers[1])
    (peers(x) ** 2).sum().backward()
    (alone(x) ** 2).sum().backward()
    for together, apart in zip(peers[1].parameters(), alone.parameters(), strict=True):
        assert torch.equal(together.grad, apart.grad)
    peers.zero_grad()
    peers(x)[0].sum().backward()
    assert not any(p.grad.any() for p in peers[1].parameters())


def test_copies_of_a_given_network_start_anew_but_the_first():
    given = MLP(4, 3, hidden=(5,))
    peers = replicate(lambda: copy.deepcopy(given), 2)
    first, second = (peers.network(i) for i in (0, 1))
    assert all(map(torch.equal, first.parameters(), given.parameters()))
    assert not torch.equal(second[1].weight, given[1].weight)
    assert all(a is not b for a, b in zip(first.parameters(), given.parameters(), strict=True))


def test_own_initialisation_of_a_class_is_kept():
    def build():
        layer = nn.Linear(4, 3)
        nn.init.constant_(layer.bias, 5.0)
        return layer

    peers = replicate(build, 3)
    assert all((peer.bias == 5).all() for peer in peers)
    assert not torch.equal(peers[1].weight, peers[2].weight)


def test_lazy_networks_start_apart_too():
    given = nn.Sequential(nn.LazyLinear(5), nn.Linear(5, 3))
    peers = replicate(lambda: copy.deepcopy(given), 2)
    peers(torch.rand(6, 4))
    assert not torch.equal(peers[0][0].weight, peers[1][0].weight)
    assert not torch.equal(peers[0][1].weight, peers[1][1].weight)


@pytest.mark.parametrize("hidden", [(), (5,), (7, 6)])
def test_stacked_networks_are_those_networks(hidden):
    x = torch.randn(9, 4, dtype=torch.float64)
    networks = [MLP(4, 3, hidden).double() for _ in range(3)]
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    stacked, peers = BatchedMLP(networks), NetworkEnsemble(networks)
    torch.testing.assert_close(stacked(x), peers(x))
    for seen, one_by_one in zip(
        capture_features(stacked, x), capture_features(peers, x), strict=True
    ):
        torch.testing.assert_close(seen, one_by_one)
    for network in (stacked, peers):
        network(x).square().sum().backward()
    weights = [part.weight.grad for part in stacked if isinstance(part, BatchedLinear)]
    for i, network in enumerate(networks):
        torch.testing.assert_close(stacked.network(i)(x), network(x))
        grads = [part.weight.grad for part in network if isinstance(part, nn.Linear)]
        for found, grad in zip(weights, grads, strict=True):
            torch.testing.assert_close(found[i], grad)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("hidden", [(), (5,), (7, 6)])
def test_at_once_is_layer_by_layer(hidden, dropout):
    x = torch.randn(9, 4, dtype=torch.float64)
    stacked = BatchedMLP([MLP(4, 3, hidden, dropout).double() for _ in range(2)])
    slopes = []
    for listener in (None, lambda *_: None):
        # Whoever looks into a layer is shown it.
        hook = listener and stacked[1].register_forward_hook(listener)
        torch.manual_seed(0)
        logits = stacked(x)
        slopes.append(torch.autograd.grad(logits.square().sum(), list(stacked.parameters())))
        assert ("FusedMLP" in type(logits.grad_fn).__name__) == (hook is None)
    for at_once, by_layer in zip(*slopes, strict=True):
        torch.testing.assert_close(at_once, by_layer)


def changed(edit):
    network = MLP(4, 3, (5, 6), dropout=0.2)
    edit(network)
    return network


@pytest.mark.parametrize(
    "edit",
    [
        lambda n: n.__setitem__(2, nn.Tanh()),
        lambda n: n.__setitem__(3, nn.Dropout(0.2)),
        lambda n: setattr(n[3], "p", 0.7),
        lambda n: n.insert(3, nn.Identity()),
        lambda n: n.append(nn.Linear(3, 3)),
        lambda n: n.__setitem__(1, nn.Linear(4, 5, bias=False)),
        lambda n: n[1].register_forward_hook(lambda *_: None),
        lambda n: n[1].register_full_backward_hook(lambda *_: None),
        lambda n: n[1].weight.requires_grad_(False),
        lambda n: nn.utils.parametrizations.weight_norm(n[1]),
        lambda n: setattr(n, "forward", lambda x: x[:, :3]),
    ],
)
def test_networks_that_were_changed_are_not_stacked(edit):
    assert is_plain_mlp(MLP(4, 3, (5, 6), dropout=0.2))
    assert is_plain_mlp(MLP(4, 3, (), bins=3))
    assert not is_plain_mlp(changed(edit))
    assert type(replicate(lambda: changed(edit), 2)) is NetworkEnsemble


def test_what_needs_single_layers_has_them():
    stacked = BatchedMLP([MLP(4, 3) for _ in range(2)])
    x = torch.randn(5, 4)
    own = dict(stacked.named_parameters())

    def second(parameters):
        return torch.func.functional_call(stacked, parameters, (x,)).square().sum()

    slope = torch.func.grad(second)(own)
    assert all(slope[name].shape == p.shape for name, p in own.items())
    twice = {name: p.detach().double().requires_grad_() for name, p in own.items()}
    x = x.double()
    stacked.double()
    (first,) = torch.autograd.grad(second(twice), twice["1.weight"], create_graph=True)
    first.sum().backward()
    assert twice["1.weight"].grad.abs().sum() > 0
    with torch.autocast("cpu", torch.bfloat16):
        assert stacked.float()(x.float()).dtype is torch.bfloat16


def test_each_of_the_stacked_networks_drops_its_own_units():
    stacked = BatchedMLP([MLP(4, 3, (50,), dropout=0.5)] * 2)
    one, other = stacked(torch.ones(6, 4))
    assert not torch.equal(one, other)
    assert stacked.network(1)[3].p == 0.5
    assert torch.equal(*stacked.eval()(torch.ones(6, 4)))


def test_only_built_in_networks_are_stacked():
    class Own(MLP):
        pass

    assert type(replicate(lambda: MLP(4, 3), 2)) is BatchedMLP
    assert type(replicate(lambda: Own(4, 3), 2)) is NetworkEnsemble
    assert type(replicate(lambda: MLP(4, 3), 1)) is MLP


def test_stacked_networks_keep_their_bins():
    networks = [MLP(4, 3, (5,), bins=3) for _ in range(2)]
    x = torch.randn(9, 4)
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    stacked = BatchedMLP(networks)
    torch.testing.assert_close(stacked(x), torch.stack([network(x) for network in networks]))
    torch.testing.assert_close(stacked.network(1)(x), networks[1](x))
