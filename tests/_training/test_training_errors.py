"""Errors of a running training say where it happened and what to do."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, Checkpoint
from torch import nn

from sknoisy import SmoothingSearchCV
from sknoisy._training.training_errors import is_out_of_memory
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(96)


class FailsLater:
    """A view that a function replaces from some call on."""

    def __init__(self, failure, after=3):
        self.failure, self.after, self.calls = failure, after, 0

    def __call__(self, x):
        self.calls += 1
        return self.failure(x) if self.calls > self.after else x + 0


def fail(*_):
    raise KeyError("no such view")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        (
            {"lr": 1e20},
            r"nan in epoch 1, batch [23], with lr=1e\+20 and smoothing=0. Lower 'lr', or bound",
        ),
        (
            {"optimizer": "sgd", "lr": 1e15, "smoothing": -4.0, "warmup": 0, "logit_bound": None},
            r"epoch \d, batch \d, with lr=1e\+15 and smoothing=-4. Lower .* no lower",
        ),
        (
            {"augment": FailsLater(lambda x: x * np.nan)},
            r"nan in epoch 4, batch 1, with lr=0.01 .* 'augment' parameter returned NaN",
        ),
        (
            {"lr_schedule": lambda progress: 1e22 if progress > 0.3 else 1.0},
            r"nan in epoch [23], batch \d, with lr=1e\+20 .* 'lr_schedule' .* from 0.01: lower",
        ),
    ],
    ids=["lr", "negative rate", "augment", "schedule"],
)
def test_divergence_error_names_the_remedy_that_fits(params, match):
    with pytest.raises(FloatingPointError, match=match):
        short(**params).fit(X, y)


class SpoilsGradients(Callback):
    """Replaces a gradient by NaN in the second epoch."""

    def on_grad_computed(self, net, named_parameters, **_):
        if len(net.history) == 2:
            for _, parameter in named_parameters:
                parameter.grad.fill_(float("nan"))


@pytest.mark.parametrize("max_epochs", [2, 3], ids=["in the last epoch", "earlier"])
def test_gradients_of_nan_are_noticed(max_epochs):
    clf = short(callbacks=[SpoilsGradients()], batch_size=-1, max_epochs=max_epochs)
    with pytest.raises(FloatingPointError, match=r"epoch [23].*lr=0.01"):
        clf.fit(X, y)


@pytest.mark.parametrize(
    ("params", "note"),
    [
        ({"augment": FailsLater(fail)}, r"'augment' parameter failed on a batch of .*\(96, 4\)"),
        ({"lr_schedule": fail}, "'lr_schedule' parameter failed at progress 0"),
    ],
    ids=["augment", "schedule"],
)
def test_errors_of_functions_of_the_user_name_the_parameter(params, note):
    with pytest.raises(KeyError) as caught:
        short(**params).fit(X, y)
    assert len(caught.value.__notes__) == 1
    with pytest.raises(AssertionError, match=note):
        raise AssertionError(caught.value.__notes__[0])


def test_a_search_names_the_rate_that_diverged():
    clf = short(max_epochs=3, optimizer="sgd", lr=1e15, logit_bound=None, warmup=0)
    search = SmoothingSearchCV(clf, [-4.0], cv=2, error_score="raise")
    with pytest.raises(FloatingPointError, match=r"lr=1e\+15 and smoothing=-4. .*no lower limit"):
        search.fit(X, y)


# ---- memory --------------------------------------------------------------------------------------


class TooLarge(nn.Module):
    """Asks in training for more memory than there is."""

    asks = True
    error = None

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, x):
        if self.training and self.asks:
            if self.error is not None:
                raise self.error
            torch.empty(2**50)
        return self.linear(x)


HOST = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to")
ERRORS = {
    "torch": (None, RuntimeError),
    "host": (HOST, RuntimeError),
    "device": (torch.OutOfMemoryError("CUDA out of memory. Tried"), torch.OutOfMemoryError),
    "NumPy": (MemoryError("Unable to allocate 1. TiB"), MemoryError),
}


@pytest.fixture
def enough_memory_at_first(monkeypatch):
    monkeypatch.setattr(TooLarge, "asks", False)
    clf = short(module=TooLarge, warm_start=True).fit(X, y)
    monkeypatch.setattr(TooLarge, "asks", True)
    return clf


@pytest.mark.parametrize(("error", "kind"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("how", ["fit", "warm start", "partial_fit"])
def test_out_of_memory_names_the_batch_size_and_keeps_the_old_model(
    enough_memory_at_first, monkeypatch, error, kind, how
):
    clf = enough_memory_at_first.set_params(warm_start=how == "warm start")
    before = clf.predict_proba(X), clf.n_iter_
    monkeypatch.setattr(TooLarge, "error", error)
    match = r"not enough to train with batch_size=32. Try a lower 'batch_size', .*estimator is as"
    with pytest.raises(kind, match=match) as caught:
        clf.partial_fit(X, y) if how == "partial_fit" else clf.fit(X, y)
    assert is_out_of_memory(caught.value.__cause__)
    np.testing.assert_array_equal(clf.predict_proba(X), before[0])
    assert clf.n_iter_ == before[1]


def test_out_of_memory_names_the_size_of_a_full_batch():
    with pytest.raises(RuntimeError, match="train with batch_size=96"):
        short(module=TooLarge, batch_size=-1).fit(X, y)


def test_other_errors_are_unchanged():
    class Fails(TooLarge):
        error = RuntimeError("something else")

    with pytest.raises(RuntimeError, match=r"^something else$") as caught:
        short(module=Fails).fit(X, y)
    assert caught.value is Fails.error


# ---- skorch's checkpoints ------------------------------------------------------------------------


def test_silent_checkpoints_of_skorch_give_a_warning(tmp_path):
    messages = []
    match = r"Checkpoint of skorch says nothing .* full disk, .* Pass checkpoint=, a folder"
    with pytest.warns(UserWarning, match=match):
        short(callbacks=[Checkpoint(dirname=tmp_path, monitor=None)]).fit(X, y)
    told = Checkpoint(dirname=tmp_path, monitor=None, sink=messages.append)
    short(callbacks=[told]).fit(X, y)
    assert len(messages) == 4
