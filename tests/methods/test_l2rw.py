import pickle

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import normalize_weights
from sknoisy.methods import L2RW
from tests.views import linear_view, module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(12) % 3
ROWS = rng.normal(size=(12, 4))
WEIGHT = rng.normal(size=(4, 3))
TRUSTED = np.isin(np.arange(12), [1, 5, 6, 9])


def gradients(rows, target):
    """Return the gradient of the cross-entropy of each row by the weight of a linear network."""
    errors = softmax(rows @ WEIGHT, axis=1) - target
    return np.einsum("id,ik->idk", rows, errors).reshape(len(rows), -1)


def started(set_up, make_evaluation, method, net, trusted=TRUSTED, **kwargs):
    set_up(method, Y, net=net)
    logits = torch.tensor(ROWS @ WEIGHT)
    positions = None if trusted is None else np.flatnonzero(trusted)
    method.on_epoch_start(net, make_evaluation(Y, logits, trusted=positions, **kwargs))
    return method


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
def test_equation(set_up, make_evaluation, make_batch, rate):
    # Ren et al. 2018, Eq. 8 to 12, at weights of zero, in closed form.
    net = linear_view(WEIGHT, ROWS, Y)
    weight = rng.integers(1, 4, size=12).astype(float)
    method = started(set_up, make_evaluation, L2RW(), net, weight=torch.tensor(weight))
    batch = make_batch(Y[:7], rate=rate).replace(x=torch.tensor(ROWS[:7]))
    batch = method.prepare_batch(net, batch)
    clean = np.average(gradients(ROWS, np.eye(3)[Y]), axis=0, weights=weight * TRUSTED)
    products = np.maximum(gradients(ROWS[:7], batch.target.numpy()) @ clean, 0)
    selection = method.sample_weights(torch.zeros(7), batch)
    np.testing.assert_allclose(selection, products / products.max(), atol=1e-12)
    assert 0 < (products > 0).sum() < 7
    normalized = normalize_weights(batch.weight / 7, selection)
    np.testing.assert_allclose(normalized, products / products.sum(), atol=1e-12)


def test_weights_are_the_derivative_of_the_virtual_step(set_up, make_evaluation, make_batch):
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    net = module_view(module, ROWS, Y)
    method = started(set_up, make_evaluation, L2RW(), net)
    batch = make_batch(Y).replace(x=torch.tensor(ROWS))
    selection = method.prepare_batch(net, batch).notes["weights"]
    weights, lr, step = net.weights(), 0.1, 1e-5

    def clean_loss(factors):
        """Loss of the trusted samples after a step on weighted samples, Eq. 4 to 7."""
        w = weights.clone().requires_grad_()
        losses = torch.log_softmax(net.infer(batch.x, w), -1)[range(12), Y]
        (gradient,) = torch.autograd.grad(-losses @ factors, w)
        log_p = torch.log_softmax(net.infer(batch.x[TRUSTED], weights - lr * gradient), -1)
        return -log_p[range(4), Y[TRUSTED]].mean()

    numeric = [-float(clean_loss(step * e) - clean_loss(-step * e)) for e in torch.eye(12).double()]
    expected = np.maximum(numeric, 0) / max(numeric)
    np.testing.assert_allclose(selection.detach(), expected, atol=1e-6)


def test_without_a_useful_sample_no_weight_is_positive(set_up, make_evaluation, make_batch):
    # All samples of the batch have the label of no trusted sample of the same kind.
    rows, labels = np.ones((12, 4)), np.zeros(12, dtype=int)
    net = linear_view(np.zeros((4, 3)), rows, labels)
    method = set_up(L2RW(), labels, net=net)
    logits = torch.zeros(12, 3).double()
    method.on_epoch_start(net, make_evaluation(labels, logits, trusted=[0, 1]))
    batch = make_batch(np.ones(5, dtype=int)).replace(x=torch.ones(5, 4).double())
    selection = method.prepare_batch(net, batch).notes["weights"]
    assert (selection == 0).all()
    assert (normalize_weights(batch.weight, selection) == 0).all()


def test_by_default_the_smallest_losses_of_each_class_are_trusted(set_up, make_evaluation):
    net = linear_view(WEIGHT, ROWS, Y)
    method = started(
        set_up, make_evaluation, L2RW(trusted_fraction=0.5, keep_agreeing=False), net, trusted=None
    )
    losses = -np.log(softmax(ROWS @ WEIGHT, axis=1)[np.arange(12), Y])
    expected = np.zeros(12, dtype=bool)
    for label in range(3):
        members = np.flatnonzero(Y == label)
        expected[members[np.argsort(losses[members])[:2]]] = True
    np.testing.assert_array_equal(method.trust > 0, expected)
    np.testing.assert_array_equal(method.trusted_rows, np.flatnonzero(expected))
    # They are chosen once.
    method.on_epoch_start(net, make_evaluation(Y, torch.zeros(12, 3).double(), epoch=1))
    np.testing.assert_array_equal(method.trust > 0, expected)


def test_at_most_so_many_trusted_samples_are_drawn(set_up, make_evaluation, make_batch):
    net = linear_view(WEIGHT, ROWS, Y)
    method = started(set_up, make_evaluation, L2RW(trusted_batch=1), net)
    batch = make_batch(Y).replace(x=torch.tensor(ROWS))
    one = gradients(ROWS, np.eye(3)[Y])
    products = np.maximum(one @ one[TRUSTED].T, 0)
    possible = (products / products.max(axis=0)).T
    selection = method.prepare_batch(net, batch).notes["weights"].numpy()
    assert min(np.abs(selection - p).max() for p in possible) < 1e-9


def test_trusted_samples_make_it_better():
    noisy = np.where(rng.random(150) < 0.5, (y + 1) % 3, y)
    trusted = np.arange(150) % 5 == 0
    given = np.where(trusted, y, noisy)
    params = {"max_epochs": 40, "lr": 0.02, "random_state": 0}
    clf = NoisyLabelClassifier("l2rw", **params).fit(X, given, trusted=trusted)
    ce = NoisyLabelClassifier("ce", **params).fit(X, given)
    assert clf.score(X, y) > max(0.9, ce.score(X, y) + 0.1)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("l2rw", max_epochs=3, random_state=0).fit(X, y)
    assert set(clf.method_.state_dict()) == {"trust"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.trust, clf.method_.trust)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="l2rw") > ce_score + 0.1
