import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import roc_auc_score

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import SOP

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def reference(Z, target, u, v):
    """Liu et al. 2022: both losses, which autograd can differentiate by u and v."""
    p, t = torch.softmax(Z, dim=1), target.clamp(0, 1)
    up, down = u**2 * t, v**2 * (1 - t)
    corrected = (p + up - down.detach()).clamp(min=1e-4)
    normed = corrected / corrected.sum(dim=1, keepdim=True)
    ce = -(target * normed.log()).sum(dim=1)
    hard = torch.eye(3, dtype=p.dtype)[p.argmax(dim=1)]
    return ce, ((hard + up - down - t) ** 2).sum(dim=1)


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("params", [(10.0, 10.0), (1.0, 100.0)])
def test_losses_and_corrections(set_up, make_batch, rate, params):
    method, batch = set_up(SOP(*params), Y), make_batch(Y, rate=rate)
    method.u.copy_(torch.tensor(rng.uniform(0.1, 0.9, size=(7, 1))))
    method.v.copy_(torch.tensor(rng.uniform(0.1, 0.9, size=(7, 3))))
    for _ in range(3):
        Z = torch.tensor(rng.normal(scale=2, size=(7, 3)), requires_grad=True)
        tables = [table.clone().requires_grad_() for table in (method.u, method.v)]
        ce, squared = reference(Z, batch.target, *tables)
        gradients = torch.autograd.grad((ce + squared).sum(), [Z, *tables])
        losses = method.loss(Z, batch)
        torch.testing.assert_close(losses, ce)
        torch.testing.assert_close(torch.autograd.grad(losses.sum(), Z)[0], gradients[0])
        for table, lr, old, gradient in zip(
            (method.u, method.v), params, tables, gradients[1:], strict=True
        ):
            torch.testing.assert_close(table, (old - lr / 128 * gradient).detach().clamp(1e-8, 1))


def test_a_noisy_label_is_corrected_and_a_clean_one_is_not(set_up, make_batch):
    method = set_up(SOP(start=1e-3), [0, 0])
    Z = torch.tensor([[3.0, -1.0, -1.0], [-1.0, 3.0, -1.0]], dtype=torch.float64)
    first = method.loss(Z, make_batch([0, 0]))
    for _ in range(100):
        last = method.loss(Z, make_batch([0, 0]))
    u, v = method.u.numpy(), method.v.numpy()
    assert u[0] < 0.01 and (v[0] < 0.01).all()
    assert u[1] > 0.9 and v[1, 1] > 0.9 and v[1, 0] < 0.01 and v[1, 2] < 0.01
    np.testing.assert_allclose(last[0], first[0], rtol=1e-3)
    assert last[1] < 0.1 < 3 < first[1]


def test_steps_do_not_depend_on_batch_size_and_weights(set_up, make_batch):
    Z = torch.tensor(rng.normal(size=(7, 3)))
    whole, parts = set_up(SOP(start=0.1), Y), set_up(SOP(start=0.1), Y)
    whole.loss(Z, make_batch(Y))
    for index in ([4, 0], [6, 2, 3], [1, 5]):
        weight = torch.tensor(rng.random(len(index)))
        parts.loss(Z[index], make_batch(Y[index], index=index, weight=weight))
    assert not (whole.u == 0.1).any()
    torch.testing.assert_close(whole.u, parts.u)
    torch.testing.assert_close(whole.v, parts.v)


def test_only_rows_of_the_batch_are_corrected(set_up, make_batch):
    method = set_up(SOP(), np.zeros(10, dtype=int))
    method.u.fill_(0.5)
    method.v.fill_(0.5)
    method.loss(torch.tensor(rng.normal(size=(3, 3))), make_batch([0, 1, 2], index=[7, 2, 4]))
    for table in (method.u, method.v):
        updated = (table != 0.5).any(dim=1)
        assert torch.nonzero(updated).flatten().tolist() == [2, 4, 7]


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_corrections_stay_in_range_at_any_rate(set_up, make_batch, scale):
    method = set_up(SOP(lr_u=1e4, lr_v=1e4), Y)
    for _ in range(50):
        z = torch.tensor(scale * rng.normal(size=(7, 3)), requires_grad=True)
        losses = method.loss(z, make_batch(Y))
        losses.sum().backward()
        assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()
        for table in (method.u, method.v):
            assert not table.requires_grad
            assert ((table >= 1e-8) & (table <= 1)).all()


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
def test_with_learning_rates_of_zero_the_loss_is_cross_entropy(set_up, make_batch, rate):
    method, batch = set_up(SOP(0.0, 0.0), Y), make_batch(Y, rate=rate)
    for _ in range(3):
        Z = rng.normal(size=(7, 3))
        expected = -(batch.target.numpy() * log_softmax(Z, axis=1)).sum(axis=1)
        np.testing.assert_allclose(method.loss(torch.tensor(Z), batch), expected)
    assert (method.u == 1e-8).all() and (method.v == 1e-8).all()
    assert softmax(Z, axis=1).min() > 1e-4


def test_training_with_learning_rates_of_zero_equals_that_on_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    sop = NoisyLabelClassifier("sop", method__lr_u=0, method__lr_v=0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(sop.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


def test_corrections_detect_mislabelled_samples():
    points, labels = make_blobs(300, n_features=2, centers=3, random_state=1)
    mislabelled = rng.random(300) < 0.2
    noisy = np.where(mislabelled, (labels + 1) % 3, labels)
    clf = NoisyLabelClassifier("sop", method__start=1e-3, max_epochs=40, random_state=0)
    u = clf.fit(points, noisy).method_.u.squeeze(1)
    assert roc_auc_score(mislabelled, u) > 0.95


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("sop", max_epochs=3, random_state=0).fit(X, y)
    assert {"u", "v"} <= set(clf.method_.state_dict())
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.v, clf.method_.v)
    assert not dict(clone(clf.method_).named_buffers())


@pytest.mark.parametrize(("start", "margin"), [(1e-8, 0.02), (1e-3, 0.1)])
def test_beats_cross_entropy(score_on_noisy_digits, ce_score, start, margin):
    assert score_on_noisy_digits(method="sop", method__start=start) > ce_score + margin
