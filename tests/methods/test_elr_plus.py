import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ELRPlus
from sknoisy.networks import replicate
from tests.views import module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def started(**params):
    """Set up the method on two linear networks of seven columns."""
    module = replicate(lambda: nn.Linear(7, 3), 2)
    net, method = module_view(module, np.eye(7), Y), ELRPlus(**params)
    method.setup(net, torch.tensor(Y))
    return net, method


def draw_weights(net):
    """Replace the weights of the networks by random numbers; return all of them."""
    for part in net.module.parameters():
        part.data = torch.tensor(rng.normal(scale=2, size=part.shape))
    return net.weights().numpy()


def test_memory_is_of_the_other_network_with_averaged_weights(make_batch):
    net, method = started(beta=0.7)
    memory, index = np.zeros((2, 7, 3)), [5, 0, 3, 2]
    for _ in range(3):
        batch = make_batch(Y[:4], index=index).replace(x=torch.tensor(rng.normal(size=(4, 7))))
        draw_weights(net)
        method.prepare_batch(net, batch)
        p = torch.softmax(net.logits(batch.x, method.average), dim=-1).numpy()
        # Liu et al. 2020, Eq. 9, with the networks exchanged.
        for network, other in ((0, 1), (1, 0)):
            rows = memory[network, index]
            memory[network, index] = 0.7 * rows + 0.3 * p[other]
        np.testing.assert_allclose(method.memory, memory)


def test_average_follows_the_weights_on_a_ramp(make_batch):
    net, method = started(momentum=0.9, ramp_epochs=2.0)
    batch, average = make_batch(Y).replace(x=torch.eye(7, dtype=torch.float64)), 0.0
    for step in range(8):
        weights = draw_weights(net)
        method.prepare_batch(net, batch)
        ramp = 0.9 * np.exp(-5 * (1 - min(1.0, step / 2)) ** 2)
        momentum = min(1 - 1 / (step + 1), ramp)
        average = momentum * average + (1 - momentum) * weights
        np.testing.assert_allclose(method.average, average)


def test_samples_targets_and_memory_are_mixed_by_the_same_coefficients(make_batch):
    net, method = started(alpha=1.0)
    batch = make_batch(Y, rate=-1.0).replace(x=torch.eye(7, dtype=torch.float64))
    mixed = method.prepare_batch(net, batch)
    # Samples are rows of the identity, so that row i of x has the coefficients of mixture i.
    coefficients = mixed.x
    assert (coefficients.diagonal() >= 0.5).all() and (coefficients.diagonal() < 1).any()
    np.testing.assert_allclose(coefficients.sum(dim=1), 1)
    torch.testing.assert_close(mixed.target, coefficients @ batch.target)
    torch.testing.assert_close(mixed.notes["memory"], coefficients @ method.memory)


@pytest.mark.parametrize(("n_columns", "mixed"), [(63, False), (64, True)])
def test_only_wide_samples_are_mixed_by_default(make_batch, n_columns, mixed):
    module = replicate(lambda: nn.Linear(n_columns, 3), 2)
    net, method = module_view(module, rng.normal(size=(7, n_columns)), Y), ELRPlus()
    method.setup(net, torch.tensor(Y))
    batch = make_batch(Y).replace(x=torch.tensor(rng.normal(size=(7, n_columns))))
    assert torch.equal(method.prepare_batch(net, batch).x, batch.x) != mixed


@pytest.mark.parametrize("lam", [0.0, 3.0])
def test_equation(make_batch, lam):
    # Liu et al. 2020, Eq. 6, with a mixed target and a mixed memory for each network.
    Z, target = rng.normal(scale=3, size=(2, 7, 3)), rng.dirichlet(np.ones(3), size=7)
    memory = rng.dirichlet(np.ones(3), size=(2, 7))
    batch = make_batch(Y).replace(
        target=torch.tensor(target), notes={"memory": torch.tensor(memory)}
    )
    agreement = (softmax(Z, axis=-1) * memory).sum(axis=-1)
    expected = -(target * log_softmax(Z, axis=-1)).sum(axis=-1)
    expected += lam * np.log(1 - (1 - 1e-4) * agreement)
    np.testing.assert_allclose(ELRPlus(lam=lam).loss(torch.tensor(Z), batch), expected)


def train(method, module=None, **params):
    settings = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    params = {"warmup": 0, **settings, **params}
    return NoisyLabelClassifier(method=method, module=module, **params).fit(X, y)


@pytest.mark.parametrize(
    "params", [{"method__lam": 0.0, "method__alpha": 0}, {"warmup": 8}], ids=["zero", "warm-up"]
)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_can_be_cross_entropy_on_each_network(params, optimizer):
    # All rows are in one batch, as their order differs.
    first = nn.Linear(4, 3).double()
    both = train("elr_plus", first, optimizer=optimizer, **params)
    alone = train("ce", first, optimizer=optimizer)
    for actual, expected in zip(
        both.module_.network(0).parameters(), alone.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_weights_and_batch_statistics_are_averaged():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 3))
    three, four = (train("elr_plus", module, method__momentum=0.0, max_epochs=n) for n in (3, 4))
    # With momentum 0 the average is the weights before the last step.
    torch.testing.assert_close(four.method_.average, three.net_.view().weights())
    assert len(four.method_.average) == 2 * (15 + 6 + 6 + 12)


def test_probabilities_are_the_mean_of_both_networks():
    clf = train("elr_plus")
    probs = [torch.softmax(clf.module_.network(i)(torch.tensor(X)), -1) for i in (0, 1)]
    assert not torch.equal(*probs)
    np.testing.assert_allclose(clf.predict_proba(X), (sum(probs) / 2).detach(), rtol=1e-10)


def test_memory_has_the_order_of_the_rows_of_x():
    clf = train("elr_plus", max_epochs=30, batch_size=32)
    memory = clf.method_.memory
    torch.testing.assert_close(memory.sum(dim=-1), (1 - 0.7**30) * torch.ones(2, 150).double())
    assert (memory.numpy().argmax(axis=-1) == clf.predict(X)).mean() > 0.95


def test_rows_held_out_or_of_weight_zero_are_not_updated():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier("elr_plus", max_epochs=2, early_stopping=True, random_state=0)
    empty = (clf.fit(X, y, weight).method_.memory == 0).all(dim=-1)
    assert empty[:, [3, 77]].all()
    assert empty.sum(dim=1).tolist() == [2 + 15, 2 + 15]


def test_state_is_pickled_and_not_cloned():
    clf = train("elr_plus")
    assert {"memory", "average", "n_steps"} <= set(clf.method_.state_dict())
    loaded = pickle.loads(pickle.dumps(clf))
    for name, state in clf.method_.state_dict().items():
        assert torch.equal(loaded.method_.state_dict()[name], state)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="elr_plus") > ce_score + 0.15
