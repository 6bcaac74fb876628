import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import normalize_weights
from sknoisy.methods import JoCoR

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(10) % 3


def reference(Z, target, agreement):
    """Wei et al. 2020, Eq. 1 to 4."""
    p, log_p = softmax(Z, axis=-1), log_softmax(Z, axis=-1)
    cross_entropies = [-(target * log_p[i]).sum(axis=1) for i in (0, 1)]
    divergences = [(p[i] * (log_p[i] - log_p[1 - i])).sum(axis=1) for i in (0, 1)]
    return (1 - agreement) * sum(cross_entropies) + agreement * sum(divergences)


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("agreement", [0.0, 0.1, 0.9])
def test_equation(set_up, make_batch, agreement, rate):
    method, Z = set_up(JoCoR(agreement), Y), rng.normal(scale=3, size=(2, 10, 3))
    losses = method.loss(torch.tensor(Z), make_batch(Y, rate=rate))
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    np.testing.assert_allclose(losses, reference(Z, target, agreement))


def test_both_networks_get_gradients_from_the_divergence(set_up, make_batch):
    method, batch = set_up(JoCoR(0.6), Y), make_batch(Y)
    z = torch.tensor(rng.normal(size=(2, 10, 3)), requires_grad=True)
    method.loss(z, batch).sum().backward()
    for network in (0, 1):
        p, log_p = torch.softmax(z.detach(), -1), torch.log_softmax(z.detach(), -1)
        ratio = log_p[network] - log_p[1 - network]
        # Of KL(p, q) and of KL(q, p) by the logits of p.
        forward = p[network] * (ratio - (p[network] * ratio).sum(dim=1, keepdim=True))
        divergence = forward + p[network] - p[1 - network]
        expected = 0.4 * (p[network] - batch.target) + 0.6 * divergence
        torch.testing.assert_close(z.grad[network], expected)


def test_both_networks_are_trained_on_the_smallest_joint_losses(set_up, make_batch):
    # Algorithm 1: the mean over the selected samples.
    method, batch = set_up(JoCoR(0.5, 0.3, ramp_epochs=1), Y), make_batch(Y, epoch=5)
    losses = method.loss(torch.tensor(rng.normal(size=(2, 10, 3))), batch)
    weight = normalize_weights(batch.weight / 10, method.sample_weights(losses, batch))
    mean, losses = (losses * weight).sum().numpy(), losses.numpy()
    np.testing.assert_allclose(mean, np.sort(losses)[:7].mean())


@pytest.mark.parametrize(("epoch", "kept"), [(0, 10), (5, 8), (10, 6), (100, 6)])
def test_forget_rate_grows_linearly(set_up, make_batch, epoch, kept):
    method = set_up(JoCoR(forget_rate=0.4, ramp_epochs=10), Y)
    weights = method.sample_weights(torch.tensor(rng.random(10)), make_batch(Y, epoch=epoch))
    np.testing.assert_allclose(weights.sum(), kept)


def test_forget_rate_is_estimated_once_from_labels_that_are_not_predicted(set_up, make_evaluation):
    method = set_up(JoCoR(), Y)
    logits = 5 * torch.eye(3, dtype=torch.float64)[torch.tensor(Y)].repeat(2, 1, 1)
    # Probabilities of both networks are averaged, and the first one is more confident.
    logits[0, :4] = 2 * logits[0, :4].roll(1, dims=-1)
    weight = torch.ones(10, dtype=torch.float64)
    weight[0] = 3
    method.on_epoch_start(None, make_evaluation(Y, logits, 0, weight))
    assert float(method.forgotten) == pytest.approx(0.5)
    method.on_epoch_start(None, make_evaluation(Y, logits * 0, 2, weight))
    assert float(method.forgotten) == pytest.approx(0.5)


def test_a_given_forget_rate_is_not_estimated(set_up, make_evaluation):
    method = set_up(JoCoR(forget_rate=0.2), Y)
    method.on_epoch_start(None, make_evaluation(Y, torch.zeros(2, 10, 3), epoch=0))
    assert float(method.forgotten) == pytest.approx(0.2)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_huge_logits_have_a_finite_loss_and_gradient(set_up, make_batch, rate):
    z = torch.tensor(1e4 * rng.normal(size=(2, 10, 3)), requires_grad=True)
    losses = set_up(JoCoR(), Y).loss(z, make_batch(Y, rate=rate))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_without_agreement_and_forgetting_it_is_cross_entropy(optimizer):
    # All rows are in one batch, as their order differs.
    settings = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    params = {"module": nn.Linear(4, 3).double(), "optimizer": optimizer, **settings}
    off = {"method__agreement": 0.0, "method__forget_rate": 0.0}
    both = NoisyLabelClassifier("jocor", warmup=0, **off, **params).fit(X, y)
    alone = NoisyLabelClassifier("ce", **params).fit(X, y)
    for actual, expected in zip(
        both.module_[0].parameters(), alone.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("jocor", max_epochs=3, random_state=0).fit(X, y)
    assert set(clf.method_.state_dict()) == {"forgotten"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.forgotten, clf.method_.forgotten)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="jocor") > ce_score + 0.1
