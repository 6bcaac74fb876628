import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.neighbors import NearestNeighbors
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import cross_entropy, gmm_clean_probability, one_hot
from sknoisy.methods import Synthetic
from tests.views import module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(8) % 3
SAMPLES = torch.tensor(rng.normal(size=(8, 2, 3, 3)))
FEATURES = SAMPLES[:, 0, 0, :2].numpy()


class FirstPixels(nn.Module):
    def forward(self, x):
        return x[:, 0, 0, :2]


NET = module_view(nn.Sequential(FirstPixels(), nn.Linear(2, 3)), SAMPLES, Y)


def reference(index, base, clean, targets, k, mix_clean):
    """Mix each row and its target with those of its k nearest other rows of ``base``."""
    x, t = [], []
    for i in index:
        others = sorted(
            (j for j in base if j != i),
            key=lambda j: np.square(FEATURES[i] - FEATURES[j]).sum(),
        )
        parts = [i, *others[:k]]
        coefficients = clean[parts] + 1e-10
        if not mix_clean:
            coefficients[1:] *= (1 - coefficients[0]) / max(coefficients[1:].sum(), 1e-12)
        coefficients /= coefficients.sum()
        x.append(np.tensordot(coefficients, SAMPLES[parts], 1))
        t.append(coefficients @ targets[parts])
    return np.array(x), np.array(t)


def started(set_up, make_evaluation, params, logits=None, **kwargs):
    method = set_up(Synthetic(**params), Y)
    logits = torch.tensor(rng.normal(size=(8, 3))) if logits is None else logits
    method.on_epoch_start(NET, make_evaluation(Y, logits, features=FEATURES, **kwargs))
    return method


@pytest.mark.parametrize("k", [0, 1, 3])
@pytest.mark.parametrize("where", ["batch", "dataset"])
@pytest.mark.parametrize("mix_clean", [False, True])
def test_samples_and_targets_are_mixed_with_those_of_neighbours(
    set_up, make_evaluation, make_batch, where, k, mix_clean
):
    params = {"n_neighbors": k, "where": where, "mix_clean": mix_clean}
    method = started(set_up, make_evaluation, params)
    method.clean.copy_(torch.tensor(rng.uniform(0.1, 1, size=8)))
    method.targets.copy_(torch.tensor(rng.dirichlet(np.ones(3), size=8)))
    batch = make_batch(Y[:6], epoch=3).replace(x=SAMPLES[:6])
    mixed = method.prepare_batch(NET, batch)
    base = range(6) if where == "batch" else range(8)
    clean, targets = method.clean.numpy(), method.targets.numpy()
    x, target = reference(range(6), base, clean, targets, k, mix_clean)
    np.testing.assert_allclose(mixed.x, x)
    np.testing.assert_allclose(mixed.target, target)
    Z = rng.normal(size=(6, 3))
    losses = method.loss(torch.tensor(Z), mixed)
    np.testing.assert_allclose(losses, -(target * log_softmax(Z, axis=1)).sum(axis=1))


def test_neighbours_in_the_dataset_are_the_nearest(set_up, make_evaluation):
    method = started(set_up, make_evaluation, {"n_neighbors": 2, "where": "dataset"})
    expected = (
        NearestNeighbors(n_neighbors=3).fit(FEATURES).kneighbors(FEATURES, return_distance=False)
    )
    np.testing.assert_array_equal(method.neighbors, expected)


@pytest.mark.parametrize("where", ["batch", "dataset"])
def test_a_sample_is_in_its_mixture_also_where_all_features_are_equal(
    set_up, make_evaluation, make_batch, where
):
    # Bounds of zero make all features equal.
    module = nn.Sequential(nn.Hardtanh(0, 1e-300), nn.Linear(8, 3))
    net = module_view(module, np.eye(8), Y)
    method = set_up(Synthetic(where=where, mix_clean=True), Y)
    method.on_epoch_start(
        net, make_evaluation(Y, torch.zeros(8, 3).double(), features=np.zeros((8, 2)))
    )
    batch = make_batch(Y, epoch=3).replace(x=torch.eye(8).double())
    coefficients = method.prepare_batch(net, batch).x
    np.testing.assert_allclose(coefficients.diagonal(), 0.5)
    np.testing.assert_allclose(coefficients.sum(dim=1), 1)


def test_a_sample_whose_label_is_predicted_is_not_mixed(set_up, make_evaluation, make_batch):
    Z = rng.normal(size=(8, 3))
    method = started(set_up, make_evaluation, {}, torch.tensor(Z))
    predicted = Z.argmax(axis=1) == Y
    assert 0 < predicted.sum() < 8
    assert (method.clean.numpy()[predicted] == 1).all()
    assert (method.clean.numpy()[~predicted] < 1).any()
    batch = make_batch(Y, epoch=1).replace(x=SAMPLES)
    mixed = method.prepare_batch(NET, batch)
    torch.testing.assert_close(mixed.x[predicted], SAMPLES[predicted])
    assert not torch.equal(mixed.x, SAMPLES)


def test_more_neighbours_than_other_samples(set_up, make_evaluation, make_batch):
    for where in ("batch", "dataset"):
        method = started(set_up, make_evaluation, {"n_neighbors": 20, "where": where})
        mixed = method.prepare_batch(NET, make_batch(Y[:6], epoch=1).replace(x=SAMPLES[:6]))
        np.testing.assert_allclose(mixed.target.sum(dim=1), 1)


def test_targets_are_corrected_towards_the_predictions(set_up, make_evaluation):
    method = set_up(Synthetic(momentum=0.8, correct_every=2, mix_clean=True), Y)
    expected = np.eye(3)[Y]
    for epoch in range(3, 9):
        Z = rng.normal(scale=3, size=(8, 3))
        method.on_epoch_start(NET, make_evaluation(Y, Z, epoch))
        if epoch in (4, 6, 8):
            expected = 0.8 * expected + 0.2 * softmax(Z, axis=1)
        np.testing.assert_allclose(method.targets, expected)
        losses = cross_entropy(torch.tensor(Z), one_hot(method.targets.argmax(1), 3, torch.float64))
        weight = torch.ones(8, dtype=torch.float64)
        np.testing.assert_allclose(method.clean, gmm_clean_probability(losses, weight))


def test_rows_held_out_keep_their_labels(set_up, make_evaluation):
    method = set_up(Synthetic(momentum=0.5, where="dataset"), Y)
    part = make_evaluation(Y[2:], torch.tensor(rng.normal(size=(6, 3))), features=FEATURES[2:])
    for epoch in range(3):
        method.on_epoch_start(
            NET, type(part)(**{**vars(part), "index": part.index + 2, "epoch": epoch})
        )
    np.testing.assert_array_equal(method.targets[:2], np.eye(3)[Y[:2]])
    assert (method.targets[2:] != one_hot(torch.tensor(Y[2:]), 3)).all()
    np.testing.assert_array_equal(method.neighbors[:2], [[0, 0], [1, 1]])
    assert (method.neighbors[2:] >= 2).all()


def test_initial_targets_are_smoothed_labels(set_up, make_evaluation, make_batch):
    method = started(set_up, make_evaluation, {"n_neighbors": 0})
    batch = make_batch(Y[:6], rate=-1.0).replace(x=SAMPLES[:6])
    torch.testing.assert_close(method.prepare_batch(NET, batch).target, batch.target)
    torch.testing.assert_close(method.targets[:6], batch.target)
    later = make_batch(Y[:6], epoch=1).replace(x=SAMPLES[:6])
    torch.testing.assert_close(method.prepare_batch(NET, later).target, batch.target)


def test_linear_phase_mixes_random_pairs_with_a_linear_loss(set_up, make_evaluation, make_batch):
    method = set_up(Synthetic(linear_until=6, momentum=0.5), Y)
    for epoch in (0, 1):
        evaluation = make_evaluation(Y, torch.tensor(rng.normal(size=(8, 3))), epoch)
        method.on_epoch_start(NET, evaluation)
    np.testing.assert_array_equal(method.targets, np.eye(3)[Y])
    batch = make_batch(Y, epoch=3).replace(x=torch.eye(8).double())
    mixed = method.prepare_batch(NET, batch)
    assert (mixed.x > 0).sum() > 8
    torch.testing.assert_close(mixed.target, mixed.x @ batch.target)
    assert len(np.unique(mixed.x[(mixed.x > 0) & (mixed.x < 1)].numpy().round(12))) == 2
    Z = rng.normal(size=(8, 3))
    losses = 1 - (mixed.target.numpy() * softmax(Z, axis=1)).sum(axis=1)
    np.testing.assert_allclose(method.loss(torch.tensor(Z), mixed), losses)
    assert not np.allclose(method.loss(torch.tensor(Z), mixed.replace(epoch=6)), losses)


def test_linear_phase_begins_after_warm_up():
    class Recorded(Synthetic):
        def loss(self, logits, batch):
            losses = super().loss(logits, batch)
            linear = 1 - (torch.softmax(logits, dim=-1) * batch.target).sum(dim=-1)
            is_linear = torch.allclose(losses, linear)
            self.is_linear = [*getattr(self, "is_linear", []), is_linear]
            return losses

    params = {"max_epochs": 6, "batch_size": -1, "random_state": 0}
    clf = NoisyLabelClassifier(Recorded, method__linear_until=2, warmup=3, **params).fit(X, y)
    assert clf.method_.is_linear == [True, True, False]


def test_without_neighbours_and_corrections_it_is_cross_entropy():
    params = {"max_epochs": 6, "precision": "float64", "random_state": 0}
    fixed = {"method__n_neighbors": 0, "method__momentum": 1.0}
    clf = NoisyLabelClassifier("synthetic", warmup=0, **fixed, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("where", ["batch", "dataset"])
def test_state_is_pickled_and_not_cloned(where):
    clf = NoisyLabelClassifier("synthetic", method__where=where, max_epochs=3, random_state=0)
    clf.fit(X, y)
    state = clf.method_.state_dict()
    loaded = pickle.loads(pickle.dumps(clf)).method_.state_dict()
    assert set(loaded) == set(state) >= {"targets", "clean"}
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="synthetic") > ce_score + 0.1
