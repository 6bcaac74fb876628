"""The built-in CNN."""

import pytest
import torch
from torch import nn

from sknoisy.networks import (
    CNN,
)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (32, 32), (65, 7)])
@pytest.mark.parametrize("widths", [(4,), (4, 6, 8)])
def test_cnn_takes_images_of_any_size(size, widths):
    cnn = CNN(3, 5, widths=widths, pooled=2, hidden=7, dropout=0.1)
    logits = cnn(torch.rand(2, 3, *size))
    assert logits.shape == (2, 5)
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in cnn.parameters())


@pytest.mark.parametrize("n_channels", [1, 3])
def test_convolutions_compute_with_channels_last(n_channels):
    cnn, images = CNN(n_channels, 2), []
    for layer in cnn:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, x, output: images.extend([x[0], output]))
    x = torch.rand(4, n_channels, 8, 8)
    logits = cnn(x)
    for image in images:
        c, h, w = image.shape[1:]
        assert image.stride() == (h * w * c, 1, w * c, c)
    # Weights and results do not depend on the layout.
    assert all(p.is_contiguous() for p in cnn.parameters())
    torch.testing.assert_close(nn.Sequential(*cnn)(x), logits)


def test_cnns_run_under_vmap():
    cnns = [CNN(3, 2) for _ in range(3)]
    params, buffers = torch.func.stack_module_state(cnns)
    x = torch.rand(3, 4, 3, 8, 8)

    def run(params, buffers, x):
        return torch.func.functional_call(cnns[0], (params, buffers), (x,))

    mapped = torch.vmap(run)(params, buffers, x)
    expected = torch.stack([cnn(images) for cnn, images in zip(cnns, x, strict=True)])
    torch.testing.assert_close(mapped, expected)
