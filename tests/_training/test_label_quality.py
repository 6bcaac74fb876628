"""LabelQuality against plain numpy."""

import numpy as np
import torch
from scipy.special import expit

from sknoisy._training.records import LabelQuality

rng = np.random.default_rng(0)


def test_quality_is_the_mean_of_the_squashed_margins():
    quality = LabelQuality(4, torch.device("cpu"))
    first, second = torch.tensor(rng.normal(size=(2, 3, 5)))
    y = torch.tensor([0, 1, 2])
    quality.add(first, y, torch.tensor([2, 0, 3]))
    quality.add(second[:1], y[:1], torch.tensor([2]))

    def believed(z, k):
        return expit(z[k] - max(z[j] for j in range(5) if j != k))

    first, second = first.numpy(), second.numpy()
    assert quality.missing().tolist() == [1]
    found = quality.numpy()
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[0], believed(first[1], 1), rtol=1e-5)
    np.testing.assert_allclose(
        found[2], (believed(first[0], 0) + believed(second[0], 0)) / 2, rtol=1e-5
    )


def test_quality_of_two_networks_is_their_mean():
    both, each = LabelQuality(3, torch.device("cpu")), []
    logits, y = torch.tensor(rng.normal(size=(2, 3, 4))), torch.tensor([0, 3, 1])
    both.add(logits, y, torch.arange(3))
    for one in logits:
        alone = LabelQuality(3, torch.device("cpu"))
        alone.add(one, y, torch.arange(3))
        each.append(alone.numpy())
    np.testing.assert_allclose(both.numpy(), np.mean(each, axis=0), rtol=1e-6)


def test_quality_of_networks_told_apart():
    apart = LabelQuality(4, torch.device("cpu"), 3)
    logits, y = torch.tensor(rng.normal(size=(2, 3, 2, 5))), torch.tensor([0, 4])
    apart.add(logits[0], y, torch.tensor([2, 0]), torch.arange(3))
    apart.add(logits[1, :2], y, torch.tensor([1, 2]), torch.tensor([0, 2]))
    for network, second in ((0, 0), (1, None), (2, 1)):
        alone = LabelQuality(4, torch.device("cpu"))
        alone.add(logits[0, network], y, torch.tensor([2, 0]))
        if second is not None:
            alone.add(logits[1, second], y, torch.tensor([1, 2]))
        np.testing.assert_array_equal(apart.of(network).numpy(), alone.numpy())
        assert torch.equal(apart.of(network).missing(), alone.missing())
