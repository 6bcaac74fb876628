"""The quality of labels: the record against plain numpy, and the attribute of the classifier."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import average_precision_score

from sknoisy._training.records import LabelQuality
from sknoisy.functional import margin
from sknoisy.methods import CrossEntropy
from tests.factories import noisy_blobs, noisy_digits, short

rng = np.random.default_rng(0)

X, y = noisy_blobs(150, n_features=6, noise_rate=0.2, cluster_std=4.0)


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


# ---- the attribute of the classifier -------------------------------------------------------------


@pytest.mark.parametrize("method", ["ce", "bagging"])
def test_undecided_labels_have_no_quality(method):
    soft = np.eye(3)[y]
    soft[:10] = 1 / 3
    soft[10:20] = [0.5, 0.5, 0.0]
    quality = short(method=method).fit(X, soft).label_quality_
    np.testing.assert_array_equal(np.isnan(quality), np.arange(150) < 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "params", [{}, {"smoothing": -1.0}, {"method": "elr"}, {"method": "co_teaching"}], ids=str
)
def test_mislabelled_samples_have_a_low_label_quality(params):
    X, noisy = noisy_digits(noise_rate=0.4)
    mislabelled = noisy != noisy_digits(noise_rate=0)[1]
    quality = short(max_epochs=20, batch_size=128, **params).fit(X, noisy).label_quality_
    assert quality.shape == (1797,)
    assert quality.min() >= 0 and quality.max() <= 1
    assert average_precision_score(mislabelled, -quality) > 0.95


@pytest.mark.parametrize("method", ["mixup", "synthetic", "dividemix"])
def test_label_quality_is_computed_at_the_end_if_training_changes_the_rows(method):
    """The passes of warm-up do not count."""
    X, y = noisy_digits(noise_rate=0)
    clf = short(method=method, warmup=2, max_epochs=4, batch_size=128).fit(X, y)
    logits = torch.log(torch.from_numpy(clf.predict_proba(X)))
    expected = torch.sigmoid(margin(logits, torch.from_numpy(y)))
    if clf.method_.n_networks == 1:
        np.testing.assert_allclose(clf.label_quality_, expected, rtol=2e-3, atol=1e-5)
    else:
        assert np.corrcoef(clf.label_quality_, expected)[0, 1] > 0.95


def test_label_quality_is_computed_from_the_training_passes():
    margins = {i: [] for i in range(150)}

    class RecordsMargins(CrossEntropy):
        def loss(self, logits, batch):
            for i, z, label in zip(batch.index.tolist(), logits.detach(), batch.y, strict=True):
                margins[i].append(z[label] - np.delete(z.numpy(), label).max())
            return super().loss(logits, batch)

    clf = short(method=RecordsMargins).fit(X, y)
    expected = [torch.sigmoid(torch.tensor(margins[i])).mean() for i in range(150)]
    np.testing.assert_allclose(clf.label_quality_, expected, rtol=1e-4)


def test_rows_without_weight_have_a_label_quality():
    weight = np.ones(150)
    weight[::2] = 0
    quality = short(max_epochs=20).fit(X, y, weight).label_quality_
    assert np.isfinite(quality).all()
    assert len(set(quality[::2])) > 50
