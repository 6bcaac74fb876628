import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import normalize_weights
from sknoisy.methods import CoTeaching

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(10) % 3


def test_each_network_is_trained_on_small_losses_of_the_other(set_up, make_batch):
    method = set_up(CoTeaching(0.4, ramp_epochs=1), Y)
    losses = torch.tensor(rng.random((2, 10)))
    kept = method.sample_weights(losses, make_batch(Y, epoch=5)).numpy()
    for network in (0, 1):
        smallest = np.argsort(losses[1 - network].numpy())[:6]
        np.testing.assert_allclose(kept[network], np.isin(np.arange(10), smallest), atol=1e-9)


def test_loss_is_the_mean_over_what_is_kept(set_up, make_batch):
    # Han et al. 2018, Algorithm 1: selection and update.
    method, batch = set_up(CoTeaching(0.3, ramp_epochs=1), Y), make_batch(Y, epoch=5)
    Z = rng.normal(size=(2, 10, 3))
    losses = method.loss(torch.tensor(Z), batch)
    weight = normalize_weights(batch.weight / 10, method.sample_weights(losses, batch))
    means, losses = (losses * weight).sum(dim=-1).numpy(), losses.numpy()
    for network in (0, 1):
        smallest = np.argsort(losses[1 - network])[:7]
        np.testing.assert_allclose(means[network], losses[network, smallest].mean())


@pytest.mark.parametrize(
    ("epoch", "kept"), [(0, 10), (1, 9.6), (5, 8), (10, 6), (100, 6)], ids=lambda v: str(v)
)
def test_forget_rate_grows_linearly(set_up, make_batch, epoch, kept):
    method = set_up(CoTeaching(0.4, ramp_epochs=10), Y)
    weights = method.sample_weights(torch.tensor(rng.random((2, 10))), make_batch(Y, epoch=epoch))
    np.testing.assert_allclose(weights.sum(dim=1), kept)


def test_forget_rate_is_estimated_once_from_labels_that_are_not_predicted(set_up, make_evaluation):
    method = set_up(CoTeaching(), Y)
    logits = 5 * torch.eye(3, dtype=torch.float64)[torch.tensor(Y)].repeat(2, 1, 1)
    logits[:, :4] = logits[:, :4].roll(1, dims=-1)
    weight = torch.ones(10, dtype=torch.float64)
    weight[0] = 3
    assert method.forgotten.isnan()
    method.on_epoch_start(None, make_evaluation(Y, logits, 0, weight))
    assert float(method.forgotten) == pytest.approx(0.5)
    method.on_epoch_start(None, make_evaluation(Y, logits * 0, 2, weight))
    assert float(method.forgotten) == pytest.approx(0.5)


def test_a_given_forget_rate_is_not_estimated(set_up, make_evaluation):
    method = set_up(CoTeaching(forget_rate=0.2), Y)
    method.on_epoch_start(None, make_evaluation(Y, torch.zeros(2, 10, 3), epoch=0))
    assert float(method.forgotten) == pytest.approx(0.2)


def train(method, module, **params):
    settings = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    return NoisyLabelClassifier(method=method, module=module, **{**settings, **params}).fit(X, y)


@pytest.mark.parametrize(
    "params", [{"method__forget_rate": 0.0, "warmup": 0}, {"warmup": 8}], ids=["rate", "warm-up"]
)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_without_forgetting_each_network_is_trained_on_cross_entropy(params, optimizer):
    # All rows are in one batch, as their order differs.
    first = nn.Linear(4, 3).double()
    both = train("co_teaching", first, optimizer=optimizer, **params)
    alone = train("ce", first, optimizer=optimizer)
    for actual, expected in zip(
        both.module_[0].parameters(), alone.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_probabilities_are_the_mean_of_both_networks():
    clf = train("co_teaching", None)
    networks = [clf.module_.network(i) for i in (0, 1)]
    probs = [torch.softmax(network(torch.tensor(X)), -1) for network in networks]
    assert not torch.equal(*probs)
    np.testing.assert_allclose(clf.predict_proba(X), (sum(probs) / 2).detach(), rtol=1e-10)


def test_state_is_pickled_and_not_cloned():
    clf = train("co_teaching", None)
    assert set(clf.method_.state_dict()) == {"forgotten"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.forgotten, clf.method_.forgotten)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())


@pytest.mark.slow
def test_estimated_forget_rate_is_near_the_noise_rate():
    X, y = load_digits(return_X_y=True)
    mislabelled = rng.random(len(y)) < 0.3
    noisy = np.where(mislabelled, (y + rng.integers(1, 10, len(y))) % 10, y)
    clf = NoisyLabelClassifier("co_teaching", max_epochs=40, warmup=5, random_state=0)
    assert float(clf.fit(X, noisy).method_.forgotten) == pytest.approx(mislabelled.mean(), abs=0.05)


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="co_teaching") > ce_score + 0.1
