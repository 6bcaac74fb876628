"""Networks, and several of them as one axis."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy.networks import (
    CNN,
    MLP,
    Dropout,
    NetworkEnsemble,
    PiecewiseLinear,
    StackedMLP,
    Standardize,
    capture_features,
    is_plain_mlp,
    replicate,
)
from sknoisy.networks.ensemble import BatchedLinear

rng = np.random.default_rng(0)


def standardized(x, weight, batch_size=7, dtype=torch.float32):
    part = Standardize(x.shape[1]).to(dtype)
    x, weight = torch.tensor(x), torch.tensor(weight)
    part.adapt(zip(x.split(batch_size), weight.split(batch_size), strict=True))
    return part, part(x.to(dtype)).numpy()


@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("shape", [(30, 4), (30, 4, 3, 5)], ids=["table", "images"])
def test_weighted_mean_and_deviation_become_0_and_1(shape, batch_size):
    x, weight = rng.normal(50, 3, size=shape), rng.integers(0, 3, 30) * 1.0
    _, z = standardized(x, weight, batch_size, torch.float64)
    z = np.repeat(z, weight.astype(int), axis=0)
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(z.mean(axis=axes), 0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=axes), 1, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 1e15])
def test_no_scale_is_too_small_or_large(scale):
    x = scale * rng.normal(size=(40, 2))
    _, z = standardized(x, np.ones(40))
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-4)


def test_large_mean_is_no_cancellation():
    x = 1e4 + rng.normal(size=(40, 2))
    _, z = standardized(x.astype(np.float32), np.ones(40))
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-2)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e7])
def test_constant_column_stays_finite_and_small(value):
    part, z = standardized(np.full((10, 1), value, dtype=np.float32), np.ones(10))
    assert part.scale.item() == 1
    assert np.abs(z).max() <= 1e-6 * max(1, value)


def test_weight_zero_batches_are_passed_over():
    x, weight = rng.normal(size=(10, 2)), np.r_[np.zeros(5), np.ones(5)]
    part, _ = standardized(x, weight, 5)
    assert torch.isfinite(part.scale).all()
    np.testing.assert_allclose(part(torch.tensor(x[5:])).mean(axis=0), 0, atol=1e-6)


def test_statistics_travel_with_the_state():
    part, _ = standardized(rng.normal(3, 2, size=(10, 2)), np.ones(10))
    other = Standardize(2)
    other.load_state_dict(part.state_dict())
    assert torch.equal(other.scale, part.scale) and torch.equal(other.shift, part.shift)


def test_other_number_of_columns_is_named():
    with pytest.raises(ValueError, match=r"n_in=3 columns or channels\. Got 2"):
        Standardize(3).adapt([(torch.zeros(4, 2), torch.ones(4))])


def test_mlp_is_what_it_says():
    mlp = MLP(4, 3, hidden=(8, 6), dropout=0.5, bins=0)
    kinds = [Standardize, nn.Linear, nn.ReLU, Dropout, nn.Linear, nn.ReLU, Dropout, nn.Linear]
    assert [type(part) for part in mlp] == kinds
    assert [(p.in_features, p.out_features) for p in mlp if isinstance(p, nn.Linear)] == [
        (4, 8),
        (8, 6),
        (6, 3),
    ]
    assert len(MLP(4, 3, hidden=())) == 2
    assert MLP(4, 3, hidden=np.int64(7))[1].out_features == 7
    encoded = MLP(4, 3, bins="auto")
    assert [type(part) for part in list(encoded)[:2]] == [PiecewiseLinear, nn.Linear]
    assert encoded[1].in_features == 4 * (1 + 8)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (32, 32), (65, 7)])
@pytest.mark.parametrize("widths", [(4,), (4, 6, 8)])
def test_cnn_takes_images_of_any_size(size, widths):
    cnn = CNN(3, 5, widths=widths, pooled=2, hidden=7, dropout=0.1)
    logits = cnn(torch.rand(2, 3, *size))
    assert logits.shape == (2, 5)
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in cnn.parameters())


@pytest.mark.parametrize("n_channels", [1, 3])
def test_convolutions_see_channels_last(n_channels):
    cnn, strides = CNN(n_channels, 2), []
    for part in cnn:
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda _, x, out: strides.append((x[0], out)))
    x = torch.rand(4, n_channels, 8, 8)
    logits = cnn(x)
    for image in (image for pair in strides for image in pair):
        c, h, w = image.shape[1:]
        assert image.stride() == (h * w * c, 1, w * c, c)
    # The layout is no business of those who look at the weights.
    assert all(p.is_contiguous() for p in cnn.parameters())
    torch.testing.assert_close(nn.Sequential(*cnn)(x), logits)


def test_a_batch_of_networks_for_images():
    cnns = [CNN(3, 2) for _ in range(3)]
    params, buffers = torch.func.stack_module_state(cnns)
    x = torch.rand(3, 4, 3, 8, 8)

    def run(params, buffers, x):
        return torch.func.functional_call(cnns[0], (params, buffers), (x,))

    together = torch.vmap(run)(params, buffers, x)
    alone = torch.stack([cnn(images) for cnn, images in zip(cnns, x, strict=True)])
    torch.testing.assert_close(together, alone)


# ---- peers ---------------------------------------------------------------------------------------


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


# ---- features ------------------------------------------------------------------------------------


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
    peers, x = make_peers(2), torch.rand(6, 4)
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


@pytest.mark.parametrize("hidden", [(), (5,), (7, 6)])
def test_stacked_networks_are_those_networks(hidden):
    x = torch.randn(9, 4, dtype=torch.float64)
    networks = [MLP(4, 3, hidden).double() for _ in range(3)]
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    stacked, peers = StackedMLP(networks), NetworkEnsemble(networks)
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
    stacked = StackedMLP([MLP(4, 3, hidden, dropout).double() for _ in range(2)])
    slopes = []
    for listener in (None, lambda *_: None):
        # Whoever looks into a layer is shown it.
        hook = listener and stacked[1].register_forward_hook(listener)
        torch.manual_seed(0)
        logits = stacked(x)
        slopes.append(torch.autograd.grad(logits.square().sum(), list(stacked.parameters())))
        assert ("BatchedMLP" in type(logits.grad_fn).__name__) == (hook is None)
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
    stacked = StackedMLP([MLP(4, 3) for _ in range(2)])
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
    stacked = StackedMLP([MLP(4, 3, (50,), dropout=0.5)] * 2)
    one, other = stacked(torch.ones(6, 4))
    assert not torch.equal(one, other)
    assert stacked.network(1)[3].p == 0.5
    assert torch.equal(*stacked.eval()(torch.ones(6, 4)))


def test_only_built_in_networks_are_stacked():
    class Own(MLP):
        pass

    assert type(replicate(lambda: MLP(4, 3), 2)) is StackedMLP
    assert type(replicate(lambda: Own(4, 3), 2)) is NetworkEnsemble
    assert type(replicate(lambda: MLP(4, 3), 1)) is MLP


def adapted(X, bins=4, weight=None, batch=7):
    layer = PiecewiseLinear(X.shape[1], bins).double()
    X = torch.as_tensor(X, dtype=torch.float64)
    weight = torch.ones(len(X)) if weight is None else torch.as_tensor(weight, dtype=torch.float64)
    layer.adapt(zip(X.split(batch), weight.split(batch), strict=True))
    return layer


def test_bins_hold_equal_shares():
    X = np.random.default_rng(0).normal(size=(1000, 3)) * [1, 10, 0.1]
    layer = adapted(X)
    edges = np.quantile(X, [0, 0.25, 0.5, 0.75, 1], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(layer.low, edges[:-1].T)
    np.testing.assert_allclose(1 / layer.steep, np.diff(edges, axis=0).T)


def test_encoding_against_numpy():
    # Gorishniy et al. 2022, scaled to [-1, 1].
    X = np.random.default_rng(0).normal(size=(50, 2))
    layer = adapted(X)
    low = layer.low.numpy()
    high = low + 1 / layer.steep.numpy()
    seen = layer(torch.tensor(X))
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    place = np.clip((X[:, :, None] - low) / (high - low), 0, 1)
    np.testing.assert_allclose(seen, np.hstack([standard, 2 * place.reshape(50, -1) - 1]))


def test_bins_without_width_stay_silent():
    X = np.zeros((40, 2))
    X[:5, 0] = 1
    seen = adapted(X)(torch.tensor(X))[:, 2:].reshape(40, 2, 4)
    assert (seen[:, 1] == 0).all()
    assert ((seen[:, 0] == 0).all(dim=0).sum()) == 3
    assert torch.isfinite(seen).all()


def test_weights_count_as_rows_in_bins():
    X = np.random.default_rng(0).normal(size=(60, 2))
    weight = np.arange(60) % 3 + 1
    weighted, repeated = adapted(X, weight=weight), adapted(X.repeat(weight, axis=0))
    np.testing.assert_allclose(weighted.low, repeated.low)
    np.testing.assert_allclose(weighted.steep, repeated.steep)


def test_bins_of_many_rows_come_from_an_even_sample(monkeypatch):
    monkeypatch.setattr("sknoisy.networks.inputs._Thinned._ROWS", 100)
    X = np.arange(10_000.0)[:, None]
    layer = adapted(X, batch=33)
    np.testing.assert_allclose(layer.low[0], [0, 2500, 5000, 7500], atol=200)


@pytest.mark.parametrize(("n_in", "bins"), [(4, 8), (32, 8), (64, 4), (127, 2), (128, 2), (129, 0)])
def test_auto_bins_are_few_for_many_columns(n_in, bins):
    first = MLP(n_in, 3, bins="auto")[0]
    assert (first.low.shape[1] if isinstance(first, PiecewiseLinear) else 0) == bins
    assert MLP(n_in, 3, bins="auto")(torch.zeros(2, n_in)).shape == (2, 3)


def test_stacked_networks_keep_their_bins():
    networks = [MLP(4, 3, (5,), bins=3) for _ in range(2)]
    x = torch.randn(9, 4)
    for network in networks:
        network[0].adapt([(x, torch.ones(9))])
    stacked = StackedMLP(networks)
    torch.testing.assert_close(stacked(x), torch.stack([network(x) for network in networks]))
    torch.testing.assert_close(stacked.network(1)(x), networks[1](x))


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.999, 1.0])
def test_dropout_drops_that_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    layer, x = Dropout(p), torch.full((501, 499), 3.0, requires_grad=True)
    y = layer(x)
    share = (y == 0).double().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5 + 2**-17)
    kept = y[y != 0]
    assert torch.allclose(kept, torch.full_like(kept, 3 / (1 - p)) if p < 1 else kept, rtol=0.02)
    y.sum().backward()
    torch.testing.assert_close(x.grad, (y / 3).detach())
    assert torch.equal(layer.eval()(x), x)
    torch.manual_seed(0)
    assert torch.equal(layer.train()(x), y)


def test_units_are_dropped_independently():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(20_000, 8)) == 0).double()
    # Four units share a random number.
    np.testing.assert_allclose(torch.corrcoef(dropped.T), np.eye(8), atol=0.03)
