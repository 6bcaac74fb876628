import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import contrastive_loss, neighborhood_divergence
from sknoisy.methods import CoLearning
from tests.views import linear_view, module_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2])
OFF = {"mixing": 0.0, "intrinsic": 0.0, "structural": 0.0}


def linear(views=()):
    """Return a linear network on the two columns of x, with given views."""
    views = iter(views)
    weight = rng.normal(size=(2, 3))
    return linear_view(
        weight, np.zeros((6, 2)), Y, augment=lambda x: torch.tensor(next(views, x.numpy()))
    )


class Log(nn.Module):
    def forward(self, x):
        return x.log()


def step(set_up, make_batch, x, views=(), **params):
    method = set_up(CoLearning(**params), Y)
    net = linear(views)
    batch = make_batch(Y[: len(x)]).replace(x=torch.tensor(x))
    return method, net, method.training_step(net, batch)


@pytest.mark.parametrize(
    ("intrinsic", "structural", "temperature", "width"),
    [(1.0, 0.0, 0.5, 0.5), (0.0, 1.0, 0.5, 0.5), (2.0, 3.0, 0.2, 0.8)],
)
def test_equation(set_up, make_batch, intrinsic, structural, temperature, width):
    x, *views = rng.normal(size=(3, 6, 2))
    params = {"temperature": temperature, "width": width, "mixing": 0.0}
    method, net, result = step(
        set_up, make_batch, x, views, intrinsic=intrinsic, structural=structural, **params
    )
    hidden, projection = (p.detach().numpy().T for p in (method.hidden, method.projection))
    first, second = (np.maximum(view @ hidden, 0) @ projection for view in views)
    first, second = (
        torch.tensor(z / np.linalg.norm(z, axis=1, keepdims=True)) for z in (first, second)
    )
    weight = net.module.weight.detach().numpy().T
    p = torch.tensor(softmax(views[0] @ weight, axis=1))
    expected = -log_softmax(x @ weight, axis=1)[np.arange(6), Y]
    expected += intrinsic * contrastive_loss(first, second, temperature).numpy()
    expected += structural * neighborhood_divergence(first, p, width).numpy()
    np.testing.assert_allclose(result.losses.detach(), expected)


def test_labels_are_mixed_as_their_samples(set_up, make_batch):
    method, batch = set_up(CoLearning(mixing=5.0), Y), make_batch(Y)
    torch.manual_seed(0)
    mixed = method.prepare_batch(None, batch.replace(x=batch.target))
    torch.testing.assert_close(mixed.x, mixed.target)
    torch.testing.assert_close(mixed.target.sum(dim=1), torch.ones(6, dtype=torch.float64))
    assert not torch.equal(mixed.target, batch.target)
    coefficients = [
        float(method.prepare_batch(None, batch).target.amax(dim=1).min()) for _ in range(500)
    ]
    # With B of Beta(5, 5), the larger of B and 1 - B is 1/2 + |B - 1/2|, on average 0.623.
    assert np.mean(coefficients) == pytest.approx(0.623, abs=0.03)


@pytest.mark.parametrize(("n_columns", "mixed"), [(63, False), (64, True)])
def test_only_wide_samples_are_mixed_by_default(make_batch, n_columns, mixed):
    batch = make_batch(Y).replace(x=torch.tensor(rng.normal(size=(6, n_columns))))
    assert torch.equal(CoLearning().prepare_batch(None, batch).x, batch.x) != mixed


def test_equal_neighbourhoods_have_no_structural_loss(set_up, make_batch):
    # Probabilities of the classes that equal the projections.
    x = rng.dirichlet(np.ones(3), 6)
    method = set_up(CoLearning(**{**OFF, "structural": 1.0}), Y, n_features=3)
    # Without a linear layer, the features are the logits.
    net, method._project = module_view(Log(), x, Y), torch.exp
    batch = make_batch(Y).replace(x=torch.tensor(x))
    losses = method.training_step(net, batch).losses
    np.testing.assert_allclose(losses, -np.log(x[np.arange(6), Y]), atol=1e-12)


def test_structural_loss_has_no_gradient_in_the_head(set_up, make_batch):
    x, *views = rng.normal(size=(3, 6, 2))
    method, net = set_up(CoLearning(**{**OFF, "structural": 1.0}), Y), linear(views)
    result = method.training_step(net, make_batch(Y).replace(x=torch.tensor(x)))
    result.losses.sum().backward()
    assert net.module.weight.grad.any()
    assert not method.hidden.grad.any()
    assert not method.projection.grad.any()


def test_a_batch_of_one_sample_is_trained_on_cross_entropy(set_up, make_batch):
    x = rng.normal(size=(1, 2))
    _, net, result = step(set_up, make_batch, x)
    expected = -log_softmax(x @ net.module.weight.detach().numpy().T, axis=1)[0, Y[0]]
    np.testing.assert_allclose(result.losses.detach(), [expected])


def test_losses_of_far_and_equal_samples_are_finite(set_up, make_batch):
    x = np.array([[0.0, 0.0], [0.0, 0.0], [1e4, 0.0], [1e4, 1.0], [-1e4, 0.0], [0.0, -1e4]])
    method, net = set_up(CoLearning(mixing=0.0), Y), linear()
    result = method.training_step(net, make_batch(Y).replace(x=torch.tensor(x)))
    result.losses.sum().backward()
    assert torch.isfinite(result.losses).all()
    for part in (net.module.weight, method.hidden, method.projection):
        assert torch.isfinite(part.grad).all()


def test_with_all_weights_at_zero_it_is_cross_entropy():
    # All rows are in one batch, as their order differs.
    params = {"max_epochs": 8, "batch_size": -1, "precision": "float64", "random_state": 0}
    params["module"] = nn.Linear(4, 3).double()
    clf = NoisyLabelClassifier(CoLearning(**OFF), **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


def test_head_is_trained_and_pickled(set_up):
    state = torch.get_rng_state()
    initial = set_up(CoLearning(), Y, n_features=128, dtype=torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    clf = NoisyLabelClassifier("co_learning", max_epochs=3, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    for name in ("hidden", "projection"):
        learned = getattr(clf.method_, name)
        assert isinstance(learned, nn.Parameter)
        assert 0 < (learned - getattr(initial, name)).abs().max() < 0.1
        assert torch.equal(getattr(loaded.method_, name), learned)
    assert not clone(clf.method_).state_dict()


def test_views_are_made_by_the_augment_parameter():
    batch_sizes = []

    def augment(x):
        batch_sizes.append(len(x))
        return x + 0.01

    clf = NoisyLabelClassifier("co_learning", augment=augment, max_epochs=2, batch_size=50)
    clf.fit(X, y)
    assert batch_sizes == [50] * 2 * 2 * 3


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="co_learning") > ce_score + 0.15
