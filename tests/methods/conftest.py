import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from sknoisy.functional import one_hot, smooth_labels
from sknoisy.methods import Batch, EvaluationPass
from tests.factories import noisy_digits, short
from tests.views import linear_view

# Methods whose accuracy is measured in `make test`; that of all methods in `make test-long`.
SHORT = ("test_ce", "test_elr", "test_co_teaching", "test_bagging", "test_distilled_pool")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "score_on_noisy_digits" in getattr(item, "fixturenames", ()):
            is_short = item.path.stem in SHORT
            item.add_marker(pytest.mark.slow if is_short else pytest.mark.long)


@pytest.fixture(scope="session")
def score_on_noisy_digits():
    """Compute the clean test accuracy after a training long enough to memorise noisy labels."""
    X, y_noisy = noisy_digits(noise_rate=0.4)
    _, y = noisy_digits(noise_rate=0)
    X, X_test, y_noisy, _, _, y_test = train_test_split(
        X, y_noisy, y, test_size=0.4, random_state=0
    )

    def score(**params):
        clf = short(**{"max_epochs": 60, "batch_size": 64, "lr": 0.003, **params})
        return clf.fit(X, y_noisy).score(X_test, y_test)

    return score


@pytest.fixture(scope="session")
def ce_score(score_on_noisy_digits):
    """Clean test accuracy of cross-entropy."""
    return score_on_noisy_digits()


@pytest.fixture
def set_up():
    """Set up a method without a training, on a linear network."""

    def set_up(method, y, n_classes=3, n_features=2, net=None, **params):
        y = torch.as_tensor(y)
        if net is None:
            weight = torch.zeros(n_features, n_classes)
            net = linear_view(weight, np.zeros((len(y), n_features)), y, **params)
        method.setup(net, y)
        return method

    return set_up


@pytest.fixture
def make_evaluation():
    """Make an evaluation pass over the whole training set with the given logits."""

    def make_evaluation(y, logits, epoch=0, weight=None, features=None, trusted=None):
        y, logits = torch.as_tensor(y), torch.as_tensor(logits)
        target = one_hot(y, logits.shape[-1], logits.dtype)
        weight = torch.ones(len(y), dtype=logits.dtype) if weight is None else weight
        features = logits if features is None else torch.as_tensor(features)
        index = torch.arange(len(y))
        trusted = None if trusted is None else torch.isin(index, torch.as_tensor(trusted))
        outputs = logits, features
        return EvaluationPass(
            index, y, weight, epoch, lambda rows: target, lambda rows: outputs, trusted
        )

    return make_evaluation


@pytest.fixture
def make_batch():
    """Make a batch in double precision."""

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
