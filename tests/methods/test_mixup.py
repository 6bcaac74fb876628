import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import Mixup

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.fixture(autouse=True)
def same_draws():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def mixed(make_batch, alpha=1.0, y=Y, **params):
    """Mix a batch of rows of the identity, so that x has the mixing coefficients."""
    batch = make_batch(y, **params)
    given = batch.replace(x=torch.eye(len(y), dtype=torch.float64))
    return given, Mixup(alpha).prepare_batch(None, given)


@pytest.mark.parametrize(("n_columns", "alpha"), [(2, 0.2), (63, 0.2), (64, 1.0)])
def test_default_alpha_follows_the_number_of_columns(make_batch, n_columns, alpha):
    batch = make_batch(Y).replace(x=torch.tensor(rng.normal(size=(7, n_columns))))
    results = []
    for method in (Mixup(), Mixup(alpha)):
        torch.manual_seed(0)
        results.append(method.prepare_batch(None, batch).x)
    assert torch.equal(*results)
    assert not torch.equal(results[0], batch.x)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_labels_are_mixed_as_their_samples(make_batch, alpha, rate):
    given, mixture = mixed(make_batch, alpha, rate=rate)
    torch.testing.assert_close(mixture.target, mixture.x @ given.target)
    np.testing.assert_allclose(mixture.x.sum(dim=1), 1)


def test_loss_is_the_mean_of_the_losses_of_both_labels(make_batch):
    _, mixture = mixed(make_batch)
    Z = rng.normal(size=(7, 3))
    losses = -log_softmax(Z, axis=1)[:, Y]  # Entry (i, j): of row i with the label of row j.
    expected = (mixture.x.numpy() * losses).sum(axis=1)
    np.testing.assert_allclose(Mixup().loss(torch.tensor(Z), mixture), expected)


def test_a_batch_is_mixed_with_a_permutation_of_itself_by_one_coefficient(make_batch):
    for _ in range(20):
        _, mixture = mixed(make_batch)
        coefficients = mixture.x.diagonal()
        unmixed = coefficients > 1 - 1e-12
        assert len(coefficients[~unmixed].unique()) <= 1
        np.testing.assert_allclose(mixture.x.sum(dim=0), 1)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.1, 1.0, 32.0])
def test_mixing_coefficients_follow_the_beta_distribution(make_batch, alpha):
    # Either order of a pair makes the same mixture, so the larger coefficient is compared.
    largest = [mixed(make_batch, alpha, y=[0, 1])[1].x.max() for _ in range(2000)]
    coefficients = np.array([float(value) for value in largest if value < 1 - 1e-12])
    expected = rng.beta(alpha, alpha, 200_000)
    expected = np.maximum(expected, 1 - expected)
    expected = expected[expected < 1 - 1e-12]
    assert coefficients.mean() == pytest.approx(expected.mean(), abs=0.02)
    assert coefficients.std() == pytest.approx(expected.std(), abs=0.02)


def test_partners_are_drawn_in_proportion_to_weights(make_batch):
    weight = torch.tensor([4.0, 2.0, 1.0, 1.0], dtype=torch.float64)
    total = torch.zeros(4, dtype=torch.float64)
    for _ in range(2000):
        given, mixture = mixed(make_batch, y=[0, 1, 2, 0], weight=weight)
        partners = (mixture.x - torch.diag(mixture.x.diagonal())) > 0
        partners |= torch.diag(mixture.x.diagonal() > 1 - 1e-12)
        total += partners.sum(dim=0)
        assert mixture.weight is given.weight
    np.testing.assert_allclose(total / total.sum(), weight / 8, atol=0.01)


def test_at_alpha_zero_it_is_cross_entropy():
    # All rows are in one batch, as the draws change their order.
    params = {"max_epochs": 5, "batch_size": -1, "precision": "float64", "random_state": 0}
    mixup = NoisyLabelClassifier("mixup", method__alpha=0.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(mixup.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


def test_the_given_batch_is_not_changed(make_batch):
    given, mixture = mixed(make_batch)
    assert torch.equal(given.x, torch.eye(7, dtype=torch.float64))
    assert not torch.equal(mixture.x, given.x)


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="mixup", method__alpha=8.0) > ce_score + 0.03
