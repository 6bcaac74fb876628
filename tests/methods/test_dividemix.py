import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import gmm_clean_probability
from sknoisy.methods import DivideMix
from tests.views import module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


class RandomLogits(nn.Module):
    """Two networks with random logits for the rows of the identity."""

    def __init__(self):
        super().__init__()
        self.register_buffer("outputs", torch.tensor(rng.normal(scale=2, size=(2, 14, 3))))

    def forward(self, x):
        assert torch.equal(x, torch.eye(14, dtype=torch.float64))
        return self.outputs


def two_views():
    """Return networks whose views are rows of the identity, which show the mixing coefficients."""
    views = list(torch.eye(14, dtype=torch.float64).split(7))
    return module_view(RandomLogits(), np.zeros((7, 1)), Y, augment=lambda x: views.pop(0))


def sharpened(p, temperature):
    powered = p ** (1 / temperature)
    return powered / powered.sum(axis=-1, keepdims=True)


def test_targets_are_refined_or_predicted_then_mixed(set_up, make_batch):
    method, net = set_up(DivideMix(temperature=0.4, threshold=0.6, alpha=4.0), Y), two_views()
    method.clean.copy_(torch.tensor(rng.random((2, 7))))
    weight = torch.tensor(rng.random(7))
    mixed = method.prepare_batch(net, make_batch(Y, weight=weight, index=np.arange(7)[::-1].copy()))
    p = softmax(net.module.outputs.numpy(), axis=-1)
    p, clean = (p[:, :7] + p[:, 7:]) / 2, method.clean.numpy()[:, ::-1]
    target = np.empty((2, 7, 3))
    for k in (0, 1):
        for i in range(7):
            # Li et al. 2020, Algorithm 1: refined or guessed, then sharpened.
            refined = clean[k, i] * np.eye(3)[Y[i]] + (1 - clean[k, i]) * p[k, i]
            target[k, i] = sharpened(refined if clean[k, i] > 0.6 else p[:, i].mean(axis=0), 0.4)
    coefficients = mixed.x.numpy()
    assert (coefficients.diagonal() >= 0.5).all()
    np.testing.assert_allclose(coefficients.sum(axis=1), 1)
    np.testing.assert_allclose(mixed.target, coefficients @ np.tile(target, (1, 2, 1)))
    np.testing.assert_array_equal(mixed.notes["labelled"], np.tile(clean > 0.6, 2))
    np.testing.assert_allclose(mixed.weight, np.tile(weight / 2, 2))
    np.testing.assert_array_equal(mixed.index, [*range(6, -1, -1)] * 2)
    np.testing.assert_array_equal(mixed.y, np.tile(Y, 2))


def prepared(make_batch, labelled, **fields):
    target = torch.tensor(rng.dirichlet(np.ones(3), size=(2, 7)))
    batch = make_batch(Y, epoch=2, **fields)
    return batch.replace(target=target, notes={"labelled": torch.tensor(labelled)})


@pytest.mark.parametrize("balance", [0.0, 0.7])
def test_loss(set_up, make_batch, balance):
    method = set_up(DivideMix(lambda_u=20.0, ramp_epochs=8, balance=balance), Y)
    prior = rng.dirichlet(np.ones(3))
    method.class_prior.copy_(torch.tensor(prior))
    weight, labelled = rng.random(7), rng.random((2, 7)) > 0.4
    batch = prepared(make_batch, labelled, weight=torch.tensor(weight / weight.sum()))
    Z, t = rng.normal(size=(2, 7, 3)), batch.target.numpy()
    means = (method.loss(torch.tensor(Z), batch) * batch.weight).sum(dim=1)
    for k in (0, 1):
        # Li et al. 2020, Eq. 9 to 12, with weighted means; in epoch 2 of 8 lambda_u is 20 * 2 / 8.
        p, is_labelled = softmax(Z[k], axis=1), labelled[k]
        losses = -(t[k] * log_softmax(Z[k], axis=1)).sum(axis=1)
        squared = ((p - t[k]) ** 2).mean(axis=1)
        expected = np.average(losses[is_labelled], weights=weight[is_labelled])
        is_unlabelled = ~is_labelled
        expected += 5 * np.average(squared[is_unlabelled], weights=weight[is_unlabelled])
        mean = np.average(p, axis=0, weights=weight)
        expected += balance * (prior * np.log(prior / mean)).sum()
        np.testing.assert_allclose(means[k], expected)


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_batches_of_one_group_have_a_finite_loss(set_up, make_batch, labelled, scale):
    method = set_up(DivideMix(lambda_u=20.0), Y)
    batch = prepared(make_batch, np.full((2, 7), labelled))
    z = torch.tensor(scale * rng.normal(size=(2, 7, 3)), requires_grad=True)
    method.loss(z, batch).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_clean_probabilities_come_from_the_losses_of_the_other_network(set_up, make_evaluation):
    y, weight = np.arange(40) % 3, torch.tensor(rng.random(40))
    logits = torch.tensor(rng.normal(scale=3, size=(2, 40, 3)))
    method = set_up(DivideMix(keep_agreeing=False), y)
    evaluation = make_evaluation(y, logits, 0, weight)
    method.on_epoch_start(module_view(nn.Identity(), logits[0], y), evaluation)
    losses = -log_softmax(logits.numpy(), axis=-1)[:, np.arange(40), y]
    for network, other in ((0, 1), (1, 0)):
        expected = gmm_clean_probability(torch.tensor(losses[other]), weight)
        # Both are fitted together, until both have converged.
        np.testing.assert_allclose(method.clean[network], expected, atol=1e-3)
    assert not torch.allclose(method.clean[0], method.clean[1])
    unlabelled = np.average((method.clean <= 0.5).numpy().mean(axis=0), weights=weight)
    assert 0.2 < unlabelled < 1
    np.testing.assert_allclose(method.strength, 2.5 * 3 * min((unlabelled - 0.2) / 0.3, 1))


@pytest.mark.parametrize(("unlabelled", "strength"), [(0.1, 0), (0.2, 0), (0.35, 3.75), (0.9, 7.5)])
def test_default_strength_follows_the_unlabelled_fraction(
    set_up, make_evaluation, unlabelled, strength
):
    y = np.arange(60) % 3
    wrong = np.arange(60) < 60 * unlabelled
    logits = torch.tensor(10.0 * np.eye(3)[np.where(wrong, (y + 1) % 3, y)]).expand(2, -1, -1)
    method = set_up(DivideMix(), y)
    method.on_epoch_start(module_view(nn.Identity(), logits[0], y), make_evaluation(y, logits))
    np.testing.assert_allclose(method.strength, strength, atol=1e-9)


def test_labels_that_are_predicted_are_clean(set_up, make_evaluation):
    y = np.arange(40) % 3
    logits = torch.tensor(rng.normal(scale=3, size=(2, 40, 3)))
    net, results = module_view(nn.Identity(), logits[0], y), []
    for keep_agreeing in (False, True):
        method = set_up(DivideMix(keep_agreeing=keep_agreeing), y)
        method.on_epoch_start(net, make_evaluation(y, logits))
        results.append(method.clean)
    agreeing = (logits.argmax(dim=-1) == torch.tensor(y)).flip(0)
    assert (results[1][agreeing] == 1).all()
    torch.testing.assert_close(results[1][~agreeing], results[0][~agreeing])
    assert (results[0][agreeing] < 1).any()


@pytest.mark.parametrize("prior", ["given", "uniform"])
def test_frequencies_are_those_of_the_given_labels_or_uniform(set_up, make_evaluation, prior):
    weight, logits = torch.tensor(rng.random(7)), torch.tensor(rng.normal(size=(2, 7, 3)))
    method = set_up(DivideMix(prior=prior), Y)
    net = module_view(nn.Identity(), logits[0], Y)
    method.on_epoch_start(net, make_evaluation(Y, logits, 0, weight))
    given = np.bincount(Y, weight.numpy()) / weight.sum().numpy()
    np.testing.assert_allclose(method.class_prior, given if prior == "given" else 1 / 3)


@pytest.mark.parametrize(("n_columns", "mixed"), [(63, False), (64, True)])
def test_only_wide_samples_are_mixed_by_default(set_up, make_batch, n_columns, mixed):
    x = torch.tensor(rng.normal(size=(7, n_columns)))
    method, net = set_up(DivideMix(), Y), module_view(RandomLogits(), np.zeros((7, 1)), Y)
    net.module.forward = lambda x: net.module.outputs
    prepared = method.prepare_batch(net, make_batch(Y).replace(x=x))
    assert torch.equal(prepared.x, x.repeat(2, 1)) != mixed


def test_a_given_strength_is_kept(set_up, make_evaluation):
    method = set_up(DivideMix(lambda_u=25), Y)
    logits = torch.tensor(rng.normal(size=(2, 7, 3)))
    net = module_view(nn.Identity(), logits[0], Y)
    method.on_epoch_start(net, make_evaluation(Y, logits))
    assert method.strength == 25


def train(method, module=None, **params):
    settings = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    return NoisyLabelClassifier(method=method, module=module, **{**settings, **params}).fit(X, y)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_warm_up_is_cross_entropy_on_each_network(optimizer):
    # All rows are in one batch, as their order differs.
    first = nn.Linear(4, 3).double()
    both = train("dividemix", first, optimizer=optimizer, warmup=8)
    alone = train("ce", first, optimizer=optimizer)
    first_of_both, single = both.module_.network(0).parameters(), alone.module_.parameters()
    for actual, expected in zip(first_of_both, single, strict=True):
        torch.testing.assert_close(actual, expected)
    longer = train("dividemix", first, optimizer=optimizer, warmup=7)
    assert not torch.equal(longer.module_.network(0).weight, both.module_.network(0).weight)


def test_state_is_pickled_and_not_cloned():
    clf = train("dividemix")
    assert set(clf.method_.state_dict()) == {"clean", "class_prior", "strength"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.clean, clf.method_.clean)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="dividemix") > ce_score + 0.2
