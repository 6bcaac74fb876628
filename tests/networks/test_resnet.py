"""Residual networks and the CNN of nine layers."""

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.networks import (
    CNN9,
    IMAGE_NETWORKS,
    ResNet,
    capture_features,
    preact_resnet18,
    resnet18,
    resnet34,
)

rng = np.random.default_rng(0)
y = np.arange(40) % 2
IMAGES = rng.integers(0, 100, size=(40, 3, 8, 8)).astype(np.uint8)
IMAGES[y == 1, :, :4] += 150
# A ResNet of one block in each of two stages, small enough for tests.
SMALL = {"module": ResNet, "module__n_blocks": (1, 1), "module__widths": (4, 8)}


@pytest.mark.parametrize(
    ("network", "n_classes", "n_parameters"),
    [
        (resnet18, 10, 11_173_962),
        (resnet18, 100, 11_220_132),
        (resnet34, 10, 21_282_122),
        (preact_resnet18, 100, 11_217_444),
        (CNN9, 10, 4_434_570),
        (CNN9, 100, 4_446_180),
    ],
)
def test_number_of_parameters_is_that_of_the_published_networks(network, n_classes, n_parameters):
    assert sum(p.numel() for p in network(3, n_classes).parameters()) == n_parameters


@pytest.mark.parametrize("preactivated", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (32, 32)])
def test_images_of_any_size_give_finite_gradients(preactivated, size):
    network = ResNet(3, 5, n_blocks=(1, 2), widths=(4, 6), preactivated=preactivated)
    logits = network(torch.rand(4, 3, *size))
    assert logits.shape == (4, 5)
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_only_later_stages_reduce_the_image():
    network, shapes = ResNet(1, 2, n_blocks=(1, 1, 1), widths=(2, 3, 4)), []
    for layer in list(network)[1:-3]:
        layer.register_forward_hook(lambda _, x, output: shapes.append(tuple(output.shape[1:])))
    network(torch.rand(1, 1, 8, 8))
    assert shapes[0] == (2, 8, 8)
    assert shapes[-3:] == [(2, 8, 8), (3, 4, 4), (4, 2, 2)]


def test_a_block_adds_its_input():
    network = ResNet(1, 2, n_blocks=(1,), widths=(3,)).eval()
    block = network[4]
    nn.init.zeros_(block.residual[-1].weight)
    x = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(block(x), x)


def test_cnn9_needs_28_pixels():
    assert CNN9(1, 2)(torch.rand(2, 1, 28, 28)).shape == (2, 2)
    with pytest.raises(RuntimeError):
        CNN9(1, 2)(torch.rand(2, 1, 27, 27))


def test_features_are_the_input_of_the_last_layer():
    network = ResNet(3, 5, n_blocks=(1, 1), widths=(4, 6)).eval()
    logits, features = capture_features(network, torch.rand(2, 3, 8, 8))
    assert features.shape == (2, 6)
    torch.testing.assert_close(network[-1](features), logits)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ce", "bagging", "distilled_pool", "elr_plus"])
def test_residual_networks_train(method):
    clf = NoisyLabelClassifier(method, max_epochs=6, batch_size=8, random_state=0, **SMALL)
    assert clf.fit(IMAGES, y).score(IMAGES, y) > 0.9


@pytest.mark.slow
def test_networks_by_name():
    clf = NoisyLabelClassifier("ce", module="resnet18", max_epochs=1, random_state=0)
    clf.fit(IMAGES.transpose(0, 2, 3, 1)[:8], y[:8])
    assert isinstance(clf.module_, ResNet)
    assert clf.predict_proba(IMAGES.transpose(0, 2, 3, 1)[:8]).shape == (8, 2)


def test_names_of_networks():
    assert list(IMAGE_NETWORKS) == ["resnet18", "resnet34", "preact_resnet18", "cnn9"]
    with pytest.raises(ValueError, match=r"'module' parameter .*Got 'resnet19'.*'resnet18'"):
        NoisyLabelClassifier(module="resnet19").fit(IMAGES, y)
    with pytest.raises(ValueError, match=r"is a network for images\. Got samples of 192"):
        NoisyLabelClassifier(module="resnet18").fit(IMAGES.reshape(40, -1), y)
    with pytest.raises(ValueError, match="'n_blocks' parameter of ResNet must have an entry"):
        ResNet(1, 2, n_blocks=(1, 2))
