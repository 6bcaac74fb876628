import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import DisturbLabel

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=2, size=(3, 4))
Y = np.arange(60_000) % 3


@pytest.fixture(autouse=True)
def same_draws():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("alpha", [0.1, 0.5])
@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_mean_gradient_is_that_of_label_smoothing(make_batch, alpha, rate):
    z = torch.tensor(Z, requires_grad=True)
    batch = DisturbLabel(alpha).prepare_batch(None, make_batch(Y, n_classes=4, rate=rate))
    DisturbLabel(alpha).loss(z[Y], batch).sum().backward()
    target = (1 - rate) * np.eye(4)[:3] + rate / 4
    smoothed = (1 - alpha) * target + alpha / 4
    np.testing.assert_allclose(z.grad / 20_000, softmax(Z, axis=1) - smoothed, atol=0.02)


def test_labels_are_replaced_uniformly_at_the_given_rate(make_batch):
    target = DisturbLabel(0.4).prepare_batch(None, make_batch(Y, n_classes=4)).target.numpy()
    assert (np.sort(target, axis=1) == [0, 0, 0, 1]).all()
    counts = np.array([target[Y == label].mean(axis=0) for label in range(3)])
    np.testing.assert_allclose(counts, 0.6 * np.eye(4)[:3] + 0.1, atol=0.02)


def test_soft_labels_keep_their_probabilities_in_another_order(make_batch):
    soft = torch.tensor([[0.5, 0.3, 0.2, 0.0]], dtype=torch.float64).repeat(40_000, 1)
    batch = make_batch(np.zeros(40_000, dtype=int), n_classes=4).replace(target=soft)
    target = DisturbLabel(0.2).prepare_batch(None, batch).target
    torch.testing.assert_close(target.sort(dim=1).values, soft.sort(dim=1).values)
    np.testing.assert_allclose(target.mean(dim=0), 0.8 * soft[0] + 0.2 / 4, atol=0.01)


def test_each_call_draws_other_labels_and_does_not_change_the_batch(make_batch):
    batch = make_batch(Y[:500], n_classes=4)
    before = batch.target.clone()
    first, second = (DisturbLabel(0.5).prepare_batch(None, batch) for _ in range(2))
    assert not torch.equal(first.target, second.target)
    assert torch.equal(batch.target, before)
    assert first.x is batch.x


def test_at_alpha_zero_it_is_cross_entropy():
    # All rows are in one batch, as the draws change their order.
    params = {"max_epochs": 5, "batch_size": -1, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("disturb_label", method__alpha=0.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


# The authors' rate of 0.1 is for clean labels: here it does not change the accuracy.
def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="disturb_label", method__alpha=0.5) > ce_score + 0.05
