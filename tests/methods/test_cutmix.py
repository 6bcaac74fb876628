import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import CutMix

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("shape", [(4,), (2, 6, 6)], ids=["table", "images"])
def test_equation(make_batch, shape, rate):
    # Yun et al. 2019, Eq. 1, with the values of sample i equal to i.
    x = torch.arange(7.0).reshape(-1, *(1 for _ in shape)).expand(7, *shape)
    batch = make_batch(Y, rate=rate).replace(x=x)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        mixed = CutMix(probability=1.0).prepare_batch(None, batch)
    values, target = mixed.x.reshape(7, -1).numpy(), batch.target.numpy()
    expected = np.array([target[row.astype(int)].mean(axis=0) for row in values])
    assert 0 < (values != np.arange(7)[:, None]).mean() < 1
    np.testing.assert_allclose(mixed.target, expected, atol=1e-7)
    Z = rng.normal(size=(7, 3))
    losses = CutMix().loss(torch.tensor(Z), mixed)
    np.testing.assert_allclose(losses, -(mixed.target.numpy() * log_softmax(Z, axis=1)).sum(axis=1))
    np.testing.assert_array_equal(batch.x, x)


@pytest.mark.parametrize("params", [{"method__alpha": 0.0}, {"method__probability": 0.0}], ids=str)
def test_without_mixing_it_is_cross_entropy(params):
    settings = {"max_epochs": 5, "batch_size": -1, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("cutmix", **params, **settings).fit(X, y)
    ce = NoisyLabelClassifier("ce", **settings).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-9)


def test_it_has_no_state():
    clf = NoisyLabelClassifier("cutmix", max_epochs=3, random_state=0).fit(X, y)
    assert not clf.method_.state_dict()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="cutmix") > ce_score + 0.02
