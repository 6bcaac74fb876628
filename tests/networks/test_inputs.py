"""First layers, which are adapted to statistics of the training set."""

import numpy as np
import pytest
import torch

from sknoisy.networks import PiecewiseLinear, Standardize
from sknoisy.networks._statistics import EvenSample

rng = np.random.default_rng(0)


def standardized(x, weight, batch_size=7, dtype=torch.float32):
    """Return an adapted layer, and what it makes of x before values are bounded."""
    layer = Standardize(x.shape[1]).to(dtype)
    x, weight = torch.tensor(x), torch.tensor(weight)
    layer.adapt(zip(x.split(batch_size), weight.split(batch_size), strict=True))
    return layer, unbounded(layer(x.to(dtype)).numpy())


def bounded(z):
    """Smooth clipping of Holzmüller et al. 2024."""
    return z / np.sqrt(1 + (z / 3) ** 2)


def unbounded(z):
    return z / np.sqrt(1 - (z / 3) ** 2)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("shape", [(30, 4), (30, 4, 3, 5)], ids=["table", "images"])
def test_weighted_mean_becomes_0_and_standard_deviation_1(shape, batch_size):
    x, weight = rng.normal(50, 3, size=shape), rng.integers(0, 3, 30) * 1.0
    _, z = standardized(x, weight, batch_size, torch.float64)
    z = np.repeat(z, weight.astype(int), axis=0)
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(z.mean(axis=axes), 0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=axes), 1, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 1e15])
def test_columns_of_any_scale_are_standardised(scale):
    x = scale * rng.normal(size=(40, 2))
    _, z = standardized(x, np.ones(40))
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-4)


def test_large_means_cause_no_cancellation():
    x = 1e4 + rng.normal(size=(40, 2))
    _, z = standardized(x.astype(np.float32), np.ones(40))
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-2)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e7])
def test_a_constant_column_becomes_zero(value):
    layer, z = standardized(np.full((10, 1), value, dtype=np.float32), np.ones(10))
    assert layer.is_adapted
    assert (z == 0).all()
    assert layer(torch.tensor([[1e9]])).item() == 0


def test_batches_without_weight_are_ignored():
    x, weight = rng.normal(size=(10, 2)), np.r_[np.zeros(5), np.ones(5)]
    layer, _ = standardized(x, weight, 5)
    assert torch.isfinite(layer.scale).all()
    z = unbounded(layer(torch.tensor(x[5:])).numpy())
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-6)


def test_statistics_are_part_of_the_state_dict():
    layer, _ = standardized(rng.normal(3, 2, size=(10, 2)), np.ones(10))
    other = Standardize(2)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.scale, layer.scale) and torch.equal(other.shift, layer.shift)


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match=r"n_in=3 columns or channels\. Got 2 instead"):
        Standardize(3).adapt([(torch.zeros(4, 2), torch.ones(4))])


def adapted(X, bins=4, weight=None, batch=7):
    layer = PiecewiseLinear(X.shape[1], bins).double()
    X = torch.as_tensor(X, dtype=torch.float64)
    weight = torch.ones(len(X)) if weight is None else torch.as_tensor(weight, dtype=torch.float64)
    layer.adapt(zip(X.split(batch), weight.split(batch), strict=True))
    return layer


def test_bins_have_equal_weight():
    X = np.random.default_rng(0).normal(size=(1000, 3)) * [1, 10, 0.1]
    layer = adapted(X)
    edges = np.quantile(X, [0, 0.25, 0.5, 0.75, 1], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(layer.lower_edge, edges[:-1].T)
    np.testing.assert_allclose(1 / layer.inverse_width, np.diff(edges, axis=0).T)


def test_encoding_agrees_with_numpy():
    # Gorishniy et al. 2022, scaled to [-1, 1].
    X = np.random.default_rng(0).normal(size=(50, 2))
    layer = adapted(X)
    low = layer.lower_edge.numpy()
    high = low + 1 / layer.inverse_width.numpy()
    encoded = layer(torch.tensor(X))
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    position = np.clip((X[:, :, None] - low) / (high - low), 0, 1)
    np.testing.assert_allclose(
        encoded, np.hstack([bounded(standard), 2 * position.reshape(50, -1) - 1])
    )


def test_bins_without_width_are_encoded_as_zero():
    X = np.zeros((40, 2))
    X[:5, 0] = 1
    encoded = adapted(X)(torch.tensor(X))[:, 2:].reshape(40, 2, 4)
    assert (encoded[:, 1] == 0).all()
    assert ((encoded[:, 0] == 0).all(dim=0).sum()) == 3
    assert torch.isfinite(encoded).all()


def test_weights_count_as_repeated_rows_in_bins():
    X = np.random.default_rng(0).normal(size=(60, 2))
    weight = np.arange(60) % 3 + 1
    weighted, repeated = adapted(X, weight=weight), adapted(X.repeat(weight, axis=0))
    np.testing.assert_allclose(weighted.lower_edge, repeated.lower_edge)
    np.testing.assert_allclose(weighted.inverse_width, repeated.inverse_width)


def test_bins_of_many_rows_come_from_an_even_sample(monkeypatch):
    monkeypatch.setattr(PiecewiseLinear, "_max_sampled", 100)
    X = np.arange(10_000.0)[:, None]
    layer = adapted(X, batch=33)
    np.testing.assert_allclose(layer.lower_edge[0], [0, 2500, 5000, 7500], atol=200)


def test_columns_of_many_rows_are_standardised_by_all_of_them(monkeypatch):
    monkeypatch.setattr(PiecewiseLinear, "_max_sampled", 100)
    X = np.arange(10_000.0)[:, None]
    standardised = unbounded(adapted(X, batch=33)(torch.tensor(X))[:, 0].numpy())
    np.testing.assert_allclose([standardised.mean(), standardised.std()], [0, 1], atol=1e-9)


def with_outliers(x, share, value):
    x = x.copy()
    x[rng.random(x.shape) < share] = value
    return x


@pytest.mark.parametrize("shape", [(4000, 2), (300, 2, 6, 5)], ids=["table", "images"])
@pytest.mark.parametrize("value", [1e4, 1e8, -1e30])
@pytest.mark.parametrize("share", [0.002, 0.03, 0.15])
def test_outliers_do_not_move_the_others(share, value, shape):
    x = rng.normal(50, 3, size=shape).astype(np.float32)
    weight = np.ones(len(x), dtype=np.float32)
    dirty = with_outliers(x, share, value)
    layer, _ = standardized(dirty, weight, 33)
    expected = bounded((x - 50) / 3)
    z = layer(torch.tensor(dirty)).numpy()
    np.testing.assert_allclose(z[dirty == x], expected[dirty == x], atol=0.1)
    np.testing.assert_allclose(z[dirty != x], 3 * np.sign(value), rtol=1e-3)


def test_rare_outliers_outside_the_sample_do_not_move_the_others(monkeypatch):
    monkeypatch.setattr(Standardize, "_max_sampled", 100)
    x = rng.normal(size=(3001, 1)).astype(np.float32)
    x[1001] = 1e12
    layer, _ = standardized(x, np.ones(len(x), dtype=np.float32), 100)
    assert 0.7 < 1 / layer.scale.item() < 1.3


ORDINARY = {
    "normal": rng.normal(size=2000),
    "uniform": rng.random(2000),
    "exponential": rng.exponential(size=2000),
    "ordinal": rng.integers(0, 5, 2000),
    "rare": rng.random(2000) < 0.01,
    "frequent": rng.random(2000) < 0.99,
    "rare and huge": (rng.random(2000) < 0.02) * 1e8,
    "mostly zero": np.where(rng.random(2000) < 0.1, rng.gamma(2, size=2000), 0),
}


@pytest.mark.parametrize("column", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_columns_have_mean_0_and_standard_deviation_1(column):
    x = column.astype(np.float64)[:, None]
    layer, _ = standardized(x, np.ones(len(x)), dtype=torch.float64)
    np.testing.assert_allclose(1 / layer.scale, x.std(axis=0))
    np.testing.assert_allclose(-layer.shift / layer.scale, x.mean(axis=0), atol=1e-12)


def test_weights_count_as_repeated_rows_in_fences():
    x = rng.standard_cauchy(size=(400, 2))
    weight = rng.integers(0, 3, 400)
    weighted, _ = standardized(x, weight.astype(float), dtype=torch.float64)
    repeated, _ = standardized(x.repeat(weight, axis=0), np.ones(weight.sum()), dtype=torch.float64)
    np.testing.assert_allclose(weighted.scale, repeated.scale)
    np.testing.assert_allclose(weighted.shift, repeated.shift)
    assert (1 / weighted.scale < 5).all()


def test_fences_agree_with_numpy():
    x = rng.standard_cauchy(size=(401, 1))
    x[:, 0][:150] = 0.0  # The quartiles are those of values below and above the median.
    median = np.median(x)
    lower, upper = (
        np.quantile(side, 0.5, method="inverted_cdf") for side in (x[x < median], x[x > median])
    )
    inside = x[(x >= 4 * lower - 3 * upper) & (x <= 4 * upper - 3 * lower)]
    layer, _ = standardized(x, np.ones(401), dtype=torch.float64)
    np.testing.assert_allclose(1 / layer.scale.item(), inside.std())
    np.testing.assert_allclose((-layer.shift / layer.scale).item(), inside.mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-30, 1e30, 3e37])
def test_columns_of_extreme_scale_give_finite_inputs(scale, dtype):
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * scale
    for layer in (Standardize(3).to(dtype), PiecewiseLinear(3, 4).to(dtype)):
        layer.adapt([(x, torch.ones(100))])
        z = layer(x.to(dtype))
        assert z.isfinite().all()
        assert layer(torch.full((1, 3), 3e38, dtype=dtype)).isfinite().all()
        if 1e-38 < scale:
            assert z[:, :3].std() > 0.5


def test_a_layer_that_is_not_adapted_bounds_only():
    x = torch.tensor([[-1.0, 0.0, 5.0]])
    np.testing.assert_allclose(Standardize(3)(x), bounded(x.numpy()), rtol=1e-6)


def test_sampled_batches_are_not_kept_in_memory():
    sample = EvenSample(100, 1)
    for x in torch.arange(10_000.0)[:, None].split(1000):
        sample.add(x, torch.ones(len(x)))
    assert sum(part.untyped_storage().nbytes() for part, _ in sample.sampled) <= 4 * 200


@pytest.mark.slow
@pytest.mark.parametrize("layer", [Standardize(3), PiecewiseLinear(3, 4)], ids=["plain", "encoded"])
def test_adapted_layers_have_gradients_and_can_be_exported(layer):
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    layer.adapt([(x, torch.ones(50))])
    z = layer(x.requires_grad_())[:, :3]
    (gradient,) = torch.autograd.grad(z.sum(), x)
    expected = layer.scale * (1 - (z.detach() / 3) ** 2) ** 1.5
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
    exported = torch.export.export(layer, (x.detach(),)).module()
    torch.testing.assert_close(exported(x.detach()), layer(x.detach()))
