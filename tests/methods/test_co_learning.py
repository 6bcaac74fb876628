import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import CoLearning

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2])
OFF = {"mixing": 0.0, "intrinsic": 0.0, "structural": 0.0}


class Linear:
    """A network whose features are two columns of x and whose views are given."""

    n_features = 2

    def __init__(self, views=()):
        self.views, self.weight = iter(views), torch.tensor(rng.normal(size=(2, 3)))

    def augment(self, x):
        return torch.tensor(next(self.views, x.numpy()))

    def represent(self, x):
        return x @ self.weight, x


def step(begin, make_batch, x, views=(), **params):
    method = begin(CoLearning(**params), Y, n_features=2)
    net = Linear(views)
    batch = make_batch(Y[: len(x)]).replace(x=torch.tensor(x))
    return method, net, method.training_step(net, batch)


def contrast(first, second, temperature):
    """NT-Xent of Chen et al. 2020, Eq. 1, sample by sample."""
    both = [*first, *second]
    cosine = [[u @ v / np.linalg.norm(u) / np.linalg.norm(v) for v in both] for u in both]
    alike, n, paid = np.exp(np.array(cosine) / temperature), len(first), []
    for i in range(2 * n):
        others = alike[i].sum() - alike[i, i]
        paid.append(-np.log(alike[i, (i + n) % (2 * n)] / others))
    return (np.array(paid[:n]) + paid[n:]) / 2


def neighbours(points, width):
    shares = np.zeros((len(points), len(points)))
    for i, u in enumerate(points):
        for j, v in enumerate(points):
            shares[i, j] = (i != j) * np.exp(-((u - v) ** 2).sum() / (2 * width**2))
    return shares / shares.sum(axis=1, keepdims=True)


def divergence(teacher, student, width):
    return rel_entr(neighbours(teacher, width), neighbours(student, width)).sum(axis=1)


@pytest.mark.parametrize(
    ("intrinsic", "structural", "temperature", "width"),
    [(1.0, 0.0, 0.5, 0.5), (0.0, 1.0, 0.5, 0.5), (2.0, 3.0, 0.2, 0.8)],
)
def test_equation(begin, make_batch, intrinsic, structural, temperature, width):
    x, *views = rng.normal(size=(3, 6, 2))
    params = {"temperature": temperature, "width": width, "mixing": 0.0}
    method, net, taken = step(
        begin, make_batch, x, views, intrinsic=intrinsic, structural=structural, **params
    )
    hidden, projection = (p.detach().numpy().T for p in (method.hidden, method.projection))
    first, second = (np.maximum(view @ hidden, 0) @ projection for view in views)
    first, second = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (first, second))
    weight = net.weight.numpy()
    expected = -log_softmax(x @ weight, axis=1)[np.arange(6), Y]
    expected += intrinsic * contrast(first, second, temperature)
    expected += structural * divergence(first, softmax(views[0] @ weight, axis=1), width)
    np.testing.assert_allclose(taken.losses.detach(), expected)


def test_labels_are_mixed_as_the_samples_are(begin, make_batch):
    method, batch = begin(CoLearning(), Y, n_features=2), make_batch(Y)
    torch.manual_seed(0)
    mixed = method.prepare_batch(None, batch.replace(x=batch.target))
    torch.testing.assert_close(mixed.x, mixed.target)
    torch.testing.assert_close(mixed.target.sum(dim=1), torch.ones(6, dtype=torch.float64))
    assert not torch.equal(mixed.target, batch.target)
    shares = [float(method.prepare_batch(None, batch).target.amax(dim=1).min()) for _ in range(500)]
    # Of two shares from Beta(5, 5) the larger is 1/2 + |B - 1/2|, on average 0.623.
    assert np.mean(shares) == pytest.approx(0.623, abs=0.03)


def test_who_sees_the_same_neighbours_pays_nothing(begin, make_batch):
    # Shares of the classes that lie as the projections do.
    x = rng.dirichlet(np.ones(3), 6)
    method = begin(CoLearning(**{**OFF, "structural": 1.0}), Y, n_features=3)
    method._project = lambda features: features
    net = Linear()
    net.represent = lambda x: (x.log(), x)
    batch = make_batch(Y).replace(x=torch.tensor(x))
    plain = -np.log(x[np.arange(6), Y])
    paid = method.training_step(net, batch).losses
    np.testing.assert_allclose(paid, plain, atol=1e-12)


def test_neighbours_are_taught_by_the_head_alone(begin, make_batch):
    x, *views = rng.normal(size=(3, 6, 2))
    method, net = begin(CoLearning(**{**OFF, "structural": 1.0}), Y, n_features=2), Linear(views)
    net.weight.requires_grad_()
    taken = method.training_step(net, make_batch(Y).replace(x=torch.tensor(x)))
    taken.losses.sum().backward()
    assert net.weight.grad.any()
    assert not method.hidden.grad.any()
    assert not method.projection.grad.any()


def test_a_batch_of_one_sample_has_no_neighbours(begin, make_batch):
    x = rng.normal(size=(1, 2))
    _, net, taken = step(begin, make_batch, x)
    expected = -log_softmax(x @ net.weight.numpy(), axis=1)[0, Y[0]]
    np.testing.assert_allclose(taken.losses.detach(), [expected])


def test_far_and_equal_samples_are_finite(begin, make_batch):
    x = np.array([[0.0, 0.0], [0.0, 0.0], [1e4, 0.0], [1e4, 1.0], [-1e4, 0.0], [0.0, -1e4]])
    method, net = begin(CoLearning(mixing=0.0), Y, n_features=2), Linear()
    net.weight.requires_grad_()
    taken = method.training_step(net, make_batch(Y).replace(x=torch.tensor(x)))
    taken.losses.sum().backward()
    assert torch.isfinite(taken.losses).all()
    for part in (net.weight, method.hidden, method.projection):
        assert torch.isfinite(part.grad).all()


def test_without_its_parts_it_is_cross_entropy():
    # All rows in one batch: their order is all that differs.
    params = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    params["module"] = nn.Linear(4, 3).double()
    ours = NoisyLabelClassifier(CoLearning(**OFF), **params).fit(X, y)
    plain = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def test_head_is_learned_and_survives_a_pickle(begin):
    state = torch.get_rng_state()
    start = begin(CoLearning(), Y, n_features=128, dtype=torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    clf = NoisyLabelClassifier("co_learning", max_epochs=3, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    for name in ("hidden", "projection"):
        learned = getattr(clf.method_, name)
        assert isinstance(learned, nn.Parameter)
        assert 0 < (learned - getattr(start, name)).abs().max() < 0.1
        assert torch.equal(getattr(again.method_, name), learned)
    assert not clone(clf.method_).state_dict()


def test_views_are_those_the_user_makes():
    seen = []

    def augment(x):
        seen.append(len(x))
        return x + 0.01

    clf = NoisyLabelClassifier("co_learning", augment=augment, max_epochs=2, batch_size=50)
    clf.fit(X, y)
    assert seen == [50] * 2 * 2 * 3


def test_beats_cross_entropy(score_on_noisy_digits, plain_score):
    assert score_on_noisy_digits(method="co_learning") > plain_score + 0.15
