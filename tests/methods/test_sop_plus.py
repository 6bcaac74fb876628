import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import SOP, SOPPlus
from tests.factories import short, small_images

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def penalised(Z, target, u, v, weight, prior, balance):
    """Liu et al. 2022, SOP+ without views: both losses, which autograd can differentiate by u."""
    p, t = torch.softmax(Z, dim=1), target.clamp(0, 1)
    up, down = u**2 * t, v**2 * (1 - t)
    corrected = (p + up - down.detach()).clamp(min=1e-4)
    normed = corrected / corrected.sum(dim=1, keepdim=True)
    mean = weight @ normed / weight.sum()
    ce = -(target * normed.log()).sum(dim=1) + balance * (prior * (prior / mean).log()).sum()
    hard = torch.eye(3, dtype=p.dtype)[p.argmax(dim=1)]
    return ce, ((hard + up - down - t) ** 2).sum(dim=1)


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("prior", ["labels", "uniform"])
def test_losses_and_corrections(set_up, make_batch, make_evaluation, rate, prior):
    method, frequency = set_up(SOPPlus(2.0, 3.0, balance=0.4, prior=prior), Y), torch.arange(7.0)
    method.on_epoch_start(None, make_evaluation(Y, np.eye(7, 3), weight=frequency.double()))
    weighted = np.bincount(Y, weights=frequency) / 21
    expected = weighted if prior == "labels" else np.full(3, 1 / 3)
    np.testing.assert_allclose(method.frequencies, expected)
    weight = torch.tensor(rng.random(7))
    batch = make_batch(Y, rate=rate, weight=weight)
    method.u.copy_(torch.tensor(rng.uniform(0.1, 0.9, size=(7, 1))))
    method.v.copy_(torch.tensor(rng.uniform(0.1, 0.9, size=(7, 3))))
    for _ in range(3):
        Z = torch.tensor(rng.normal(scale=2, size=(7, 3)), requires_grad=True)
        tables = [table.clone().requires_grad_() for table in (method.u, method.v)]
        ce, squared = penalised(
            Z, batch.target, *tables, weight, torch.tensor(expected), balance=0.4
        )
        # A sample counts by its weight, but the steps of its corrections do not depend on it.
        total = (ce * weight).sum() / weight.sum()
        z_slope, u_slope = torch.autograd.grad(total, [Z, tables[0]], retain_graph=True)
        squared_slopes = torch.autograd.grad(squared.sum(), tables)
        slopes = [u_slope * weight.sum() / weight.unsqueeze(1), torch.zeros(7, 3)]
        losses = method.loss(Z, batch)
        torch.testing.assert_close(losses, ce)
        total = (losses * weight).sum() / weight.sum()
        torch.testing.assert_close(torch.autograd.grad(total, Z)[0], z_slope)
        for table, lr, old, slope, squared_slope in zip(
            (method.u, method.v), (2.0, 3.0), tables, slopes, squared_slopes, strict=True
        ):
            new = (old - lr / 128 * (slope + squared_slope)).detach().clamp(1e-8, 1)
            torch.testing.assert_close(table, new)


def test_without_penalties_it_is_sop(set_up, make_batch):
    plus, sop = set_up(SOPPlus(consistency=0, balance=0), Y), set_up(SOP(), Y)
    for _ in range(3):
        Z = torch.tensor(rng.normal(size=(7, 3)))
        assert torch.equal(plus.loss(Z, make_batch(Y)), sop.loss(Z, make_batch(Y)))
    assert torch.equal(plus.u, sop.u) and torch.equal(plus.v, sop.v)


def test_training_without_penalties_and_corrections_equals_that_on_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    off = {f"method__{name}": 0 for name in ("lr_u", "lr_v", "consistency", "balance")}
    plus = NoisyLabelClassifier("sop_plus", **off, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(plus.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_losses_and_gradients_are_finite(set_up, make_batch, scale):
    method = set_up(SOPPlus(lr_u=1e4, lr_v=1e4, balance=1.0), Y)
    for _ in range(20):
        z = torch.tensor(scale * rng.normal(size=(7, 3)), requires_grad=True)
        losses = method.loss(z, make_batch(Y))
        losses.sum().backward()
        assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()
        for table in (method.u, method.v):
            assert ((table >= 1e-8) & (table <= 1)).all()


@pytest.mark.parametrize(("data", "strength"), [(small_images(), 0.9), ((X, y), 0.3)])
def test_views_of_tables_have_a_smaller_weight(data, strength):
    default, given = (
        short("sop_plus", max_epochs=2, **params).fit(*data)
        for params in ({}, {"method__consistency": strength})
    )
    np.testing.assert_array_equal(default.predict_proba(data[0]), given.predict_proba(data[0]))


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("sop_plus", max_epochs=3, random_state=0).fit(X, y)
    assert {"u", "v", "frequencies"} <= set(clf.method_.state_dict())
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.v, clf.method_.v)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="sop_plus") > ce_score + 0.02
