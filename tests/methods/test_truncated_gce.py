import pickle

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GCE, TruncatedGCE

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
P = softmax(Z, axis=1)


def test_loss_is_that_of_gce(make_batch):
    batch, logits = make_batch(Y, rate=0.2), torch.tensor(Z)
    torch.testing.assert_close(TruncatedGCE(0.4).loss(logits, batch), GCE(0.4).loss(logits, batch))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_samples_whose_label_is_unlikely_and_another_class_is_not_are_left_out(
    set_up, make_batch, make_evaluation, threshold
):
    # Zhang and Sabuncu 2018, Eq. 9.
    method = set_up(TruncatedGCE(threshold=threshold, start_epoch=0), Y)
    method.on_epoch_start(None, make_evaluation(Y, Z))
    expected = (P[np.arange(7), Y] > threshold) | (P.max(axis=1) <= threshold)
    assert 0 < expected.sum() < 7
    np.testing.assert_array_equal(method.kept, expected)
    index = [3, 0, 6]
    weights = method.sample_weights(torch.zeros(3), make_batch(Y[index], index=index))
    np.testing.assert_array_equal(weights, expected[index])


def test_it_is_decided_again_after_each_interval(set_up, make_evaluation):
    method = set_up(TruncatedGCE(start_epoch=4, interval=3), Y)
    certain = 9 * torch.eye(3, dtype=torch.float64)[torch.tensor(Y)]
    wrong = certain.roll(1, dims=-1)
    kept = []
    for epoch in range(12):
        method.on_epoch_start(None, make_evaluation(Y, certain if epoch == 7 else wrong, epoch))
        kept.append(float(method.kept.mean()))
    assert kept == [1] * 4 + [0] * 3 + [1] * 3 + [0] * 2


def test_at_threshold_zero_it_is_gce():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    own = {"method__threshold": 0.0, "method__start_epoch": 1}
    clf = NoisyLabelClassifier("truncated_gce", **own, **params).fit(X, y)
    gce = NoisyLabelClassifier("gce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), gce.predict_proba(X), rtol=1e-8)


def test_with_small_q_and_threshold_zero_it_is_cross_entropy():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    own = {"method__threshold": 0.0, "method__q": 1e-12}
    clf = NoisyLabelClassifier("truncated_gce", **own, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-6)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier(
        "truncated_gce", method__start_epoch=2, max_epochs=4, warmup=0, random_state=0
    )
    noisy = np.where(np.arange(150) % 5 == 0, (y + 1) % 3, y)
    clf.set_params(lr=0.01, batch_size=16).fit(X, noisy)
    assert 0 < clf.method_.kept.sum() < 150
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.kept, clf.method_.kept)
    assert not dict(clone(clf.method_).named_buffers())


def test_loss_and_gradient_of_huge_logits_are_finite(make_batch):
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True, dtype=torch.float64)
    losses = TruncatedGCE().loss(z, make_batch([1]))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="truncated_gce") > ce_score + 0.1
