"""Several networks as one module, with a leading axis of networks."""

import copy

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


def test_a_single_network_is_not_wrapped():
    assert type(replicate(lambda: MLP(4, 3), 1)) is MLP


def test_logits_have_a_leading_axis_and_networks_differ():
    ensemble, x = replicate(lambda: MLP(4, 3, hidden=(5,)), 3), torch.rand(6, 4)
    logits = ensemble(x)
    assert logits.shape == (3, 6, 3)
    for i in range(3):
        torch.testing.assert_close(logits[i], ensemble.network(i)(x))
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("norm", [False, True])
def test_each_network_gets_the_gradient_of_its_own_loss(norm):
    def build():
        layers = [nn.Linear(4, 5), nn.BatchNorm1d(5)] if norm else [nn.Linear(4, 5)]
        return nn.Sequential(*layers, nn.ReLU(), nn.Linear(5, 3))

    ensemble, x = replicate(build, 2), torch.rand(6, 4)
    single = copy.deepcopy(ensemble[1])
    (ensemble(x) ** 2).sum().backward()
    (single(x) ** 2).sum().backward()
    for p, expected in zip(ensemble[1].parameters(), single.parameters(), strict=True):
        assert torch.equal(p.grad, expected.grad)
    ensemble.zero_grad()
    ensemble(x)[0].sum().backward()
    assert not any(p.grad.any() for p in ensemble[1].parameters())


def test_all_copies_of_a_given_network_but_the_first_are_reinitialised():
    given = MLP(4, 3, hidden=(5,))
    ensemble = replicate(lambda: copy.deepcopy(given), 2)
    first, second = (ensemble.network(i) for i in (0, 1))
    assert all(map(torch.equal, first.parameters(), given.parameters()))
    assert not torch.equal(second[1].weight, given[1].weight)
    assert all(a is not b for a, b in zip(first.parameters(), given.parameters(), strict=True))


def test_initialisation_by_the_given_function_is_kept():
    def build():
        layer = nn.Linear(4, 3)
        nn.init.constant_(layer.bias, 5.0)
        return layer

    ensemble = replicate(build, 3)
    assert all((network.bias == 5).all() for network in ensemble)
    assert not torch.equal(ensemble[1].weight, ensemble[2].weight)


def test_lazy_networks_start_from_different_parameters():
    given = nn.Sequential(nn.LazyLinear(5), nn.Linear(5, 3))
    ensemble = replicate(lambda: copy.deepcopy(given), 2)
    ensemble(torch.rand(6, 4))
    assert not torch.equal(ensemble[0][0].weight, ensemble[1][0].weight)
    assert not torch.equal(ensemble[0][1].weight, ensemble[1][1].weight)


@pytest.mark.parametrize("hidden", [(), (5,), (7, 6)])
def test_batched_mlp_agrees_with_a_network_ensemble(hidden):
    x = torch.randn(9, 4, dtype=torch.float64)
    networks = [MLP(4, 3, hidden).double() for _ in range(3)]
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    batched, ensemble = BatchedMLP(networks), NetworkEnsemble(networks)
    torch.testing.assert_close(batched(x), ensemble(x))
    torch.testing.assert_close(capture_features(batched, x), capture_features(ensemble, x))
    for network in (batched, ensemble):
        network(x).square().sum().backward()
    batched_grads = [part.weight.grad for part in batched if isinstance(part, BatchedLinear)]
    for i, network in enumerate(networks):
        torch.testing.assert_close(batched.network(i)(x), network(x))
        grads = [part.weight.grad for part in network if isinstance(part, nn.Linear)]
        for batched_grad, grad in zip(batched_grads, grads, strict=True):
            torch.testing.assert_close(batched_grad[i], grad)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("hidden", [(), (5,), (7, 6)])
def test_fused_pass_agrees_with_layer_by_layer(hidden, dropout):
    x = torch.randn(9, 4, dtype=torch.float64)
    batched = BatchedMLP([MLP(4, 3, hidden, dropout).double() for _ in range(2)])
    grads = []
    for fused in (True, False):
        if not fused:
            # Hooks need single layers.
            batched[1].register_forward_hook(lambda *_: None)
        torch.manual_seed(0)
        logits = batched(x)
        grads.append(torch.autograd.grad(logits.square().sum(), list(batched.parameters())))
        assert ("FusedMLP" in type(logits.grad_fn).__name__) == fused
    torch.testing.assert_close(*grads)


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
def test_changed_mlps_are_not_batched(edit):
    assert is_plain_mlp(MLP(4, 3, (5, 6), dropout=0.2))
    assert is_plain_mlp(MLP(4, 3, (), bins=3))
    assert not is_plain_mlp(changed(edit))
    assert type(replicate(lambda: changed(edit), 2)) is NetworkEnsemble


def squared_logits(parameters, network, x):
    return torch.func.functional_call(network, parameters, (x,)).square().sum()


def test_batched_mlp_works_with_torch_func_grad():
    batched, x = BatchedMLP([MLP(4, 3) for _ in range(2)]), torch.randn(5, 4)
    parameters = dict(batched.named_parameters())
    grads = torch.func.grad(squared_logits)(parameters, batched, x)
    assert all(grads[name].shape == p.shape for name, p in parameters.items())


def test_batched_mlp_has_second_derivatives_if_its_parameters_are_replaced():
    batched, x = BatchedMLP([MLP(4, 3) for _ in range(2)]), torch.randn(5, 4)
    parameters = {name: p.detach().requires_grad_() for name, p in batched.named_parameters()}
    loss, weight = squared_logits(parameters, batched, x), parameters["1.weight"]
    (grad,) = torch.autograd.grad(loss, weight, create_graph=True)
    grad.sum().backward()
    assert weight.grad.abs().sum() > 0


def test_batched_mlp_computes_in_mixed_precision():
    batched = BatchedMLP([MLP(4, 3) for _ in range(2)])
    with torch.autocast("cpu", torch.bfloat16):
        assert batched(torch.randn(5, 4)).dtype is torch.bfloat16


def test_networks_drop_different_units():
    batched = BatchedMLP([MLP(4, 3, (50,), dropout=0.5)] * 2)
    assert not torch.equal(*batched(torch.ones(6, 4)))
    assert batched.network(1)[3].p == 0.5
    assert torch.equal(*batched.eval()(torch.ones(6, 4)))


def test_subclasses_of_the_mlp_are_not_batched():
    class Subclass(MLP):
        pass

    assert type(replicate(lambda: MLP(4, 3), 2)) is BatchedMLP
    assert type(replicate(lambda: Subclass(4, 3), 2)) is NetworkEnsemble


def test_batched_mlps_keep_their_bins():
    networks = [MLP(4, 3, (5,), bins=3) for _ in range(2)]
    x = torch.randn(9, 4)
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    batched = BatchedMLP(networks)
    torch.testing.assert_close(batched(x), torch.stack([network(x) for network in networks]))
    torch.testing.assert_close(batched.network(1)(x), networks[1](x))
