"""The built-in MLP and its dropout."""

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy.networks import (
    MLP,
    Dropout,
    PiecewiseLinear,
    Standardize,
)


def test_mlp_has_the_layers_of_its_parameters():
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


@pytest.mark.parametrize(("n_in", "bins"), [(4, 8), (32, 8), (64, 4), (127, 2), (128, 2), (129, 0)])
def test_auto_bins_are_few_for_many_columns(n_in, bins):
    first = MLP(n_in, 3, bins="auto")[0]
    assert (first.lower_edge.shape[1] if isinstance(first, PiecewiseLinear) else 0) == bins
    assert MLP(n_in, 3, bins="auto")(torch.zeros(2, n_in)).shape == (2, 3)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.999, 1.0])
def test_dropout_drops_the_given_fraction_and_keeps_the_mean(p):
    torch.manual_seed(0)
    layer, x = Dropout(p), torch.full((501, 499), 3.0, requires_grad=True)
    y = layer(x)
    fraction = (y == 0).double().mean().item()
    assert fraction == pytest.approx(p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5 + 2**-17)
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
    # Four units use the bits of one random number.
    np.testing.assert_allclose(torch.corrcoef(dropped.T), np.eye(8), atol=0.03)
