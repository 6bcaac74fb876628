"""Training steps with the compiled network."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sknoisy._training.compilation import CompiledNetwork
from tests.factories import noisy_blobs, short, small_images

X, y = noisy_blobs()


@pytest.fixture
def calls(monkeypatch):
    """Replace torch.compile by a function that compiles nothing; return the modes of its calls."""
    modes = []

    def compiled(network):
        def forward(x):
            modes.append(network.training)
            return network(x)

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    return modes


@pytest.mark.parametrize("method", ["ce", "co_teaching", "elr", "mixup", "bagging"])
def test_only_training_steps_are_compiled(calls, method):
    without = short(method).fit(X, y).predict_proba(X)
    assert not calls
    clf = short(method, compile=True).fit(X, y)
    assert calls
    assert all(calls)
    n_calls = len(calls)
    np.testing.assert_array_equal(clf.predict_proba(X), without)
    loaded = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(loaded.predict_proba(X), without)
    assert len(calls) == n_calls
    loaded.set_params(warm_start=True).fit(X, y)
    assert len(calls) > n_calls


def test_the_network_that_a_callback_puts_in_place_is_compiled(calls):
    from skorch.callbacks import Callback

    class Replaces(Callback):
        def on_epoch_begin(self, net, **_):
            net.module_ = nn.Sequential(nn.Linear(4, 3))
            net.initialize_optimizer()

    clf = short(compile=True, callbacks=[Replaces]).fit(X, y)
    assert isinstance(clf.module_, nn.Sequential)
    assert clf.score(X, y) > 0.3


def test_a_network_that_cannot_be_compiled_is_named(monkeypatch):
    failure = type("BackendCompilerFailed", (Exception,), {"__module__": "torch._dynamo.exc"})

    def compiled(network):
        def forward(x):
            raise failure("no compiler\nand much more")

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    clf = short().fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(RuntimeError, match=r"'compile' parameter: .* MLP: no compiler Set compile"):
        clf.set_params(compile=True).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_errors_of_the_network_are_kept(monkeypatch):
    class Fails(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError("of the network")

    monkeypatch.setattr(torch, "compile", lambda network: network)
    with pytest.raises(ZeroDivisionError, match="of the network"):
        CompiledNetwork(Fails())(torch.zeros(2))


@pytest.mark.long
# Of parts of torch that its compiler imports.
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("precision", ["float32", "bf16-mixed"])
def test_compiled_training_gives_the_same_network(precision):
    images, labels = small_images()
    clf = short(precision=precision, lr=1e-3)
    fitted = (clf.set_params(compile=compile).fit(images, labels) for compile in (False, True))
    results = [clf.decision_function(images) for clf in fitted]
    tolerance = 1e-4 if precision == "float32" else 0.05
    np.testing.assert_allclose(results[1], results[0], atol=tolerance)
