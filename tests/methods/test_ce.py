import copy

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import CrossEntropy

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("rate", [-4.0, -0.5, 0.0, 0.3, 1.0])
def test_equation(make_batch, rate):
    losses = CrossEntropy().loss(torch.tensor(Z), make_batch(Y, rate=rate))
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    np.testing.assert_allclose(losses, -(target * log_softmax(Z, axis=1)).sum(axis=1))


@pytest.mark.parametrize("rate", [-2.0, 0.0, 0.4])
def test_training_equals_a_plain_torch_loop(rate):
    module = nn.Linear(4, 3)
    clf = NoisyLabelClassifier(
        "ce",
        module=module,
        smoothing=rate,
        logit_bound=None,
        warmup=2,
        optimizer="sgd",
        lr=0.01,
        max_epochs=6,
        batch_size=-1,
        precision="float64",
        random_state=0,
    ).fit(X, y)
    network = copy.deepcopy(module).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    losses = []
    for epoch in range(6):
        r = 0.0 if epoch < 2 else rate
        target = (1 - r) * nn.functional.one_hot(torch.tensor(y), 3).double() + r / 3
        logits = network(torch.tensor(X))
        loss = -(target * torch.log_softmax(logits, -1)).sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(clf.history_[:, "train_loss"], losses, rtol=1e-10)
    for actual, expected in zip(clf.module_.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(actual, expected)


# At -8 the gain is about .1; it depends on the seed.
@pytest.mark.parametrize(("smoothing", "gain"), [(-8, 0.05), (-32, 0.1)])
def test_negative_smoothing_beats_cross_entropy(score_on_noisy_digits, ce_score, smoothing, gain):
    assert score_on_noisy_digits(smoothing=smoothing) > ce_score + gain
