"""LabelQuality against plain numpy."""

import numpy as np
import torch
from scipy.special import expit

from sknoisy._training.records import LabelQuality

rng = np.random.default_rng(0)


def test_quality_is_the_mean_sigmoid_of_the_margins():
    quality = LabelQuality(4, torch.device("cpu"))
    first, second = torch.tensor(rng.normal(size=(2, 3, 5)))
    y = torch.tensor([0, 1, 2])
    quality.add(first, y, torch.tensor([2, 0, 3]))
    quality.add(second[:1], y[:1], torch.tensor([2]))

    def sigmoid_margin(z, k):
        return expit(z[k] - max(z[j] for j in range(5) if j != k))

    first, second = first.numpy(), second.numpy()
    assert quality.unvisited().tolist() == [1]
    values = quality.numpy()
    assert np.isnan(values[1])
    np.testing.assert_allclose(values[0], sigmoid_margin(first[1], 1), rtol=1e-5)
    np.testing.assert_allclose(
        values[2], (sigmoid_margin(first[0], 0) + sigmoid_margin(second[0], 0)) / 2, rtol=1e-5
    )


def test_quality_of_two_networks_is_their_mean():
    ensemble, singles = LabelQuality(3, torch.device("cpu")), []
    logits, y = torch.tensor(rng.normal(size=(2, 3, 4))), torch.tensor([0, 3, 1])
    ensemble.add(logits, y, torch.arange(3))
    for network_logits in logits:
        single = LabelQuality(3, torch.device("cpu"))
        single.add(network_logits, y, torch.arange(3))
        singles.append(single.numpy())
    np.testing.assert_allclose(ensemble.numpy(), np.mean(singles, axis=0), rtol=1e-6)


def test_quality_of_each_of_several_networks():
    quality = LabelQuality(4, torch.device("cpu"), 3)
    logits, y = torch.tensor(rng.normal(size=(2, 3, 2, 5))), torch.tensor([0, 4])
    quality.add(logits[0], y, torch.tensor([2, 0]), torch.arange(3))
    quality.add(logits[1, :2], y, torch.tensor([1, 2]), torch.tensor([0, 2]))
    for network, second in ((0, 0), (1, None), (2, 1)):
        single = LabelQuality(4, torch.device("cpu"))
        single.add(logits[0, network], y, torch.tensor([2, 0]))
        if second is not None:
            single.add(logits[1, second], y, torch.tensor([1, 2]))
        np.testing.assert_array_equal(quality.of_member(network).numpy(), single.numpy())
        assert torch.equal(quality.of_member(network).unvisited(), single.unvisited())
