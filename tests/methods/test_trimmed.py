import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import normalize_weights
from sknoisy.methods import Trimmed
from sknoisy.noise import corrupt_labels

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(10) % 3


def test_loss_is_the_mean_without_the_largest_losses(set_up, make_batch):
    # Xue et al. 2019: the largest losses of a batch are left out.
    method, batch = set_up(Trimmed(0.3, ramp_epochs=1), Y), make_batch(Y, epoch=5)
    losses = method.loss(torch.tensor(rng.normal(size=(10, 3))), batch)
    weight = normalize_weights(batch.weight / 10, method.sample_weights(losses, batch))
    assert float((losses * weight).sum()) == pytest.approx(np.sort(losses)[:7].mean())


@pytest.mark.parametrize(("epoch", "kept"), [(0, 10), (1, 9.6), (5, 8), (10, 6), (100, 6)])
def test_forget_rate_grows_linearly(set_up, make_batch, epoch, kept):
    method = set_up(Trimmed(0.4, ramp_epochs=10), Y)
    weights = method.sample_weights(torch.tensor(rng.random(10)), make_batch(Y, epoch=epoch))
    np.testing.assert_allclose(weights.sum(), kept)


def test_forget_rate_is_estimated_once_from_labels_that_are_not_predicted(set_up, make_evaluation):
    method = set_up(Trimmed(), Y)
    logits = 5 * torch.eye(3, dtype=torch.float64)[torch.tensor(Y)]
    logits[:4] = logits[:4].roll(1, dims=-1)
    weight = torch.ones(10, dtype=torch.float64)
    weight[0] = 3
    assert method.forgotten.isnan()
    method.on_epoch_start(None, make_evaluation(Y, logits, 0, weight))
    assert float(method.forgotten) == pytest.approx(0.5)
    method.on_epoch_start(None, make_evaluation(Y, logits * 0, 2, weight))
    assert float(method.forgotten) == pytest.approx(0.5)


def test_a_given_forget_rate_is_not_estimated(set_up, make_evaluation):
    method = set_up(Trimmed(forget_rate=0.2), Y)
    method.on_epoch_start(None, make_evaluation(Y, torch.zeros(10, 3), epoch=0))
    assert float(method.forgotten) == pytest.approx(0.2)


def test_without_forgetting_it_is_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("trimmed", method__forget_rate=0.0, warmup=0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


@pytest.mark.slow
def test_estimated_forget_rate_is_near_the_noise_rate():
    X, y = load_digits(return_X_y=True)
    noisy = corrupt_labels(y, 0.3, random_state=0)
    clf = NoisyLabelClassifier("trimmed", max_epochs=40, warmup=5, random_state=0).fit(X, noisy)
    assert float(clf.method_.forgotten) == pytest.approx((noisy != y).mean(), abs=0.05)


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="trimmed") > ce_score + 0.05
