"""Networks trained together, with a leading axis of networks in front of their parameters."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from sknoisy.networks import MLP
from sknoisy.networks._stacked import NotStackable, saved_bytes, stack_networks


def normalised():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


def stacked(build, n=3):
    networks = [build() for _ in range(n)]
    return networks, stack_networks(networks, None, torch.randn(8, 4), nullcontext)


@pytest.mark.parametrize("build", [lambda: MLP(4, 3, (5,)), normalised])
def test_stacked_networks_compute_what_each_network_computes(build):
    networks, stack = stacked(build)
    x = torch.randn(3, 8, 4)
    logits = torch.stack([network(rows) for network, rows in zip(networks, x, strict=True)])
    torch.testing.assert_close(stack(x), logits)
    logits = torch.stack([network(x[0]) for network in networks])
    torch.testing.assert_close(stack(x[:1]), logits)


@pytest.mark.parametrize("build", [lambda: MLP(4, 3, (5,)), normalised])
def test_selected_networks_keep_their_parameters_and_optimizer_state(build):
    _, stack = stacked(build)
    optimizer = torch.optim.Adam(stack.parameters.values(), lr=0.1)
    stack(torch.randn(1, 8, 4)).square().sum().backward()
    optimizer.step()
    before = stack.state()
    name, parameter = next(iter(stack.parameters.items()))
    momentum = optimizer.state[parameter]["exp_avg"]
    stack.select(torch.tensor([2, 0]), optimizer)
    assert all(torch.equal(stack.state()[key], before[key][[2, 0]]) for key in before)
    assert torch.equal(optimizer.state[stack.parameters[name]]["exp_avg"], momentum[[2, 0]])
    assert len(optimizer.param_groups[0]["params"]) == len(stack.parameters)


def test_networks_with_data_dependent_control_flow_are_refused():
    class Branching(nn.Linear):
        def forward(self, x):
            return super().forward(x if x.sum() > 0 else -x)

    with pytest.raises(NotStackable, match="Copies of Branching cannot be computed together: vmap"):
        stacked(lambda: Branching(4, 3))


def test_networks_that_compute_something_else_under_vmap_are_refused():
    class Counting(nn.Linear):
        calls = 0

        def forward(self, x):
            Counting.calls += 1
            return super().forward(x) + Counting.calls

    with pytest.raises(NotStackable, match=r"Copies of Counting .* give other results"):
        stacked(lambda: Counting(4, 3))


def test_saved_bytes_counts_activations_without_parameters():
    network = nn.Sequential(nn.Linear(10, 1000), nn.ReLU(), nn.Linear(1000, 2))
    # The input, and the output of ReLU, which its own gradient and that of the last layer need.
    assert saved_bytes(network, torch.zeros(64, 10)) == 4 * 64 * (10 + 1000)
