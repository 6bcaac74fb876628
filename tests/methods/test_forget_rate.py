"""The fraction of a batch that small-loss selection leaves out."""

import numpy as np
import pytest
import torch

from sknoisy.methods._forget_rate import contradicted_fraction, ramped

rng = np.random.default_rng(0)


def test_fraction_of_the_weight_whose_label_is_not_predicted(make_evaluation):
    Y = np.arange(20) % 3
    logits, weight = rng.normal(size=(20, 3)), rng.random(20)
    probs = torch.softmax(torch.tensor(logits), -1)
    actual = contradicted_fraction(probs, make_evaluation(Y, logits, weight=torch.tensor(weight)))
    expected = weight[logits.argmax(axis=1) != Y].sum() / weight.sum()
    assert float(actual) == pytest.approx(expected)


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0), (2, 0.1), (8, 0.4), (9, 0.4)])
def test_fraction_grows_linearly(epoch, rate):
    assert float(ramped(torch.tensor(0.4), epoch, 8)) == pytest.approx(rate)
