from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import one_hot, smooth_labels
from sknoisy.methods import Batch, EvaluationPass


@pytest.fixture(scope="session")
def score_on_noisy_digits():
    """Clean test accuracy after a training long enough to memorise wrong labels."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.4
    noisy = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)

    def score(**params):
        settings = {"method": "ce", "max_epochs": 60, "batch_size": 64, "lr": 0.003}
        clf = NoisyLabelClassifier(**{**settings, "random_state": 0, **params}).fit(X, noisy)
        return clf.score(X_test, y_test)

    return score


@pytest.fixture(scope="session")
def plain_score(score_on_noisy_digits):
    """The same for cross-entropy."""
    return score_on_noisy_digits()


@pytest.fixture
def begin():
    """Begin a method without a training."""

    def begin(method, y, n_classes=3, **answers):
        y = torch.as_tensor(y)
        asked = {
            "n_classes": n_classes,
            "dtype": torch.float64,
            "device": "cpu",
            "trusted": None,
            "labels": lambda: one_hot(y, n_classes, torch.float64),
        }
        method.setup(SimpleNamespace(**{**asked, **answers}), y)
        return method

    return begin


@pytest.fixture
def make_scan():
    """The whole training set, seen with the given logits."""

    def make_scan(y, logits, epoch=0, weight=None, features=None, trusted=None):
        y, logits = torch.as_tensor(y), torch.as_tensor(logits)
        target = one_hot(y, logits.shape[-1], logits.dtype)
        weight = torch.ones(len(y), dtype=logits.dtype) if weight is None else weight
        features = logits if features is None else torch.as_tensor(features)
        index = torch.arange(len(y))
        trusted = None if trusted is None else torch.isin(index, torch.as_tensor(trusted))
        return EvaluationPass(index, y, target, weight, epoch, lambda: (logits, features), trusted)

    return make_scan


@pytest.fixture
def make_batch():
    def make_batch(y, n_classes=3, rate=0.0, epoch=0, index=None, weight=None, trusted=None):
        y = torch.as_tensor(y)
        index = torch.arange(len(y)) if index is None else torch.as_tensor(index)
        return Batch(
            x=torch.zeros(len(y), 1),
            y=y,
            target=smooth_labels(one_hot(y, n_classes, torch.float64), rate),
            weight=torch.ones(len(y), dtype=torch.float64) if weight is None else weight,
            index=index,
            epoch=epoch,
            trusted=None if trusted is None else torch.isin(index, torch.as_tensor(trusted)),
        )

    return make_batch
