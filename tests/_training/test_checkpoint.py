"""Checkpoints of a fit: the same call goes on where a killed one stopped, and ends the same."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelClassifier
from sknoisy._runtime import files
from sknoisy._training.checkpoint_folder import CheckpointFolder
from sknoisy.functional import cross_entropy
from sknoisy.methods import METHODS, Method
from tests.factories import NormedMLP, every_method, noisy_blobs, short, small_images

N_EPOCHS = 6
X, y = noisy_blobs(90, n_features=5)
TRUSTED = np.arange(len(y)) % 4 == 0
GROUPS = np.arange(len(y)) // 3


class Killed(BaseException):
    """Stands for a signal that ends the process."""


class Kill(Callback):
    """Ends the training after some epochs, before the last of them is stored."""

    def __init__(self, n_epochs, kill=None):
        self.n_epochs, self.kill = n_epochs, kill

    def on_epoch_end(self, net, **_):
        if len(net.history) == self.n_epochs:
            raise Killed


def assert_same(ours, theirs, X=X):
    """All that a fit gives is equal to the last bit, but for times."""
    assert_array_equal(ours.predict_log_proba(X), theirs.predict_log_proba(X))
    for name in ("label_quality_", "smoothing_", "n_iter_", "classes_"):
        assert_array_equal(getattr(ours, name), getattr(theirs, name))
    rows = [[{**row, "dur": 0} for row in clf.history_] for clf in (ours, theirs)]
    np.testing.assert_equal(*rows)
    for part in ("module_", "method_"):
        states = [getattr(clf, part).state_dict() for clf in (ours, theirs)]
        np.testing.assert_equal(*[{k: v.numpy() for k, v in s.items()} for s in states])
    assert_array_equal(ours.net_.random_state_["cpu"], theirs.net_.random_state_["cpu"])
    assert ("noise_report_" in vars(ours)) == ("noise_report_" in vars(theirs))
    if "noise_report_" in vars(ours):
        np.testing.assert_equal(vars(ours.noise_report_), vars(theirs.noise_report_))


def resume(make, folder, n_epochs, X=X, y=y, callbacks=(), **fit):
    """Fit until some epoch, then again in the same folder."""
    with pytest.raises(Killed):
        make(checkpoint=folder, callbacks=[*callbacks, Kill(n_epochs)]).fit(X, y, **fit)
    return make(checkpoint=folder, callbacks=[*callbacks]).fit(X, y, **fit)


def check_resumed(make, folder, n_epochs=4, X=X, y=y, callbacks=list, **fit):
    whole = make(callbacks=callbacks()).fit(X, y, **fit)
    resumed = resume(make, folder, n_epochs, X, y, callbacks(), **fit)
    assert_same(resumed, whole, X)
    return whole


@every_method
def test_every_method_ends_with_the_same_bits(method, tmp_path):
    fit = {"trusted": TRUSTED} if METHODS[method]().uses_trusted else {}
    n_epochs = 1 + list(METHODS).index(method) % N_EPOCHS
    check_resumed(partial(short, method, max_epochs=N_EPOCHS), tmp_path, n_epochs, **fit)


@pytest.mark.parametrize("n_epochs", range(1, N_EPOCHS + 1))
@pytest.mark.parametrize("method", ["elr", "distilled_pool"])
def test_a_training_is_resumed_after_any_epoch(method, n_epochs, tmp_path):
    make = partial(short, method, max_epochs=N_EPOCHS)
    fit = {"groups": GROUPS, "trusted": TRUSTED} if method == "distilled_pool" else {}
    check_resumed(make, tmp_path, n_epochs, **fit)


def _decay(progress):
    return 0.5**progress


class CountsSteps(nn.Module):
    """Adds less noise in each step, from a count in a plain attribute."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear, self.n_steps = nn.Linear(n_in, n_out), 0
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.n_steps += 1
            self.scale *= 0.99
            x = x + torch.randn(()) / self.n_steps
        return self.linear(x) * self.scale


class CountsBatches(Method):
    """Keeps state in plain attributes: a list, and a generator of NumPy."""

    def setup(self, net, y):
        self.rng, self.seen = np.random.default_rng(0), []

    def sample_weights(self, losses, batch):
        self.seen.append(len(losses))
        return torch.from_numpy(self.rng.random(len(losses))).to(losses) / len(self.seen)

    def loss(self, logits, batch):
        return cross_entropy(logits, batch.target)


@pytest.mark.parametrize(
    "params",
    [
        {"lr_schedule": "cosine"},
        {"lr_schedule": _decay, "optimizer": "sgd", "optimizer__momentum": 0.9},
        *({"optimizer": name} for name in ("adamw", "rmsprop", "nadam", "radam", "adagrad")),
        {"optimizer": "lbfgs", "lr": 0.1},
        {"smoothing": "auto", "warmup": 2},
        {"smoothing": -1.0},
        {"smoothing": [0.1, 0, -0.5]},
        {"early_stopping": True, "n_iter_no_change": 2},
        {"early_stopping": "label_wave", "n_iter_no_change": 1, "max_epochs": 12},
        {"class_weight": "balanced", "batch_size": -1},
        {"module": NormedMLP},
        {"module": nn.Sequential(nn.Linear(5, 8), nn.Dropout(), nn.Linear(8, 3))},
        {"module": CountsSteps},
        {"method": CountsBatches},
        {"precision": "float64"},
        {"precision": "bf16-mixed"},
        {"augment": "strong"},
        {"checkpoint_every": 2},
        {"random_state": np.random.RandomState(3)},
    ],
    ids=lambda params: ",".join(params),
)
def test_every_setting_is_resumed(params, tmp_path):
    params = {"max_epochs": N_EPOCHS, **params}

    def make(**more):
        copied = pickle.loads(pickle.dumps(params.get("random_state", 0)))
        return short(**{**params, "random_state": copied, **more})

    check_resumed(make, tmp_path)


@pytest.mark.parametrize(
    "callbacks",
    [
        lambda: [LRScheduler("StepLR", step_size=2)],
        lambda: [LRScheduler(OneCycleLR, max_lr=0.1, total_steps=40, step_every="batch")],
        lambda: [LRScheduler("ReduceLROnPlateau", monitor="train_loss", patience=0)],
        lambda: [EarlyStopping("train_loss", patience=4, threshold=0.9)],
        lambda: [EpochScoring("accuracy", lower_is_better=False, on_train=True, name="score")],
    ],
)
def test_callbacks_get_their_state_back(callbacks, tmp_path):
    check_resumed(partial(short, max_epochs=N_EPOCHS), tmp_path, callbacks=callbacks)


class Jitter:
    """A random view with a generator of its own."""

    def __init__(self):
        self.generator, self.n_calls = torch.Generator().manual_seed(0), 0

    def __call__(self, x):
        self.n_calls += 1
        return x + 0.1 * torch.randn(x.shape, generator=self.generator).to(x)


@pytest.mark.parametrize("method", ["ce", "elr_plus"])
@pytest.mark.parametrize("augment", [lambda: "auto", lambda: "strong", Jitter])
def test_images_with_augmentation_are_resumed(method, augment, tmp_path):
    images, labels = small_images()
    images = (40 * images).astype(np.uint8)

    def make(**more):
        return short(method, augment=augment(), **more)

    check_resumed(make, tmp_path, 3, images, labels)


@pytest.mark.parametrize("kind", ["sparse", "dataset", "frame", "soft", "weights"])
def test_every_kind_of_data_is_resumed(kind, tmp_path):
    samples, labels, fit = X, y, {}
    if kind == "sparse":
        samples = sparse.csr_array(X)
    elif kind == "dataset":
        samples = TensorDataset(torch.from_numpy(X))
    elif kind == "frame":
        samples = pytest.importorskip("pandas").DataFrame(X, columns=list("abcde"))
        labels = np.array(["low", "mid", "top"])[y]
    elif kind == "soft":
        labels = np.eye(3)[y] * 0.8 + 0.2 / 3
    else:
        fit = {"sample_weight": np.arange(len(y)) % 5}
    check_resumed(short, tmp_path, 3, samples, labels, **fit)


def test_a_drawn_seed_is_kept(tmp_path):
    path = str(tmp_path / "{fingerprint}")
    make = partial(short, random_state=None)
    first = resume(make, path, 3)
    assert_same(make(checkpoint=path).fit(X, y), first)
    assert [folder.name for folder in tmp_path.iterdir()] != ["{fingerprint}"]


def test_a_finished_training_is_returned_immediately(tmp_path):
    make = partial(short, "elr", checkpoint=tmp_path, early_stopping="label_wave")
    first = make().fit(X, y)

    class NoEpoch(Callback):
        def on_epoch_begin(self, net, **_):
            raise AssertionError("an epoch was trained")

    assert_same(make(callbacks=[NoEpoch()]).fit(X, y), first)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-000003.checkpoint", "epoch-000004.checkpoint", "lock"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"X": X + 1}, "X differs"),
        ({"X": X[:60], "y": y[:60], "TRUSTED": TRUSTED[:60]}, "X differs"),
        ({"y": y[::-1].copy()}, "y differs"),
        ({"sample_weight": np.arange(90.0)}, "sample_weight differs"),
        ({"groups": GROUPS}, "groups differs"),
        ({"lr": 0.02}, "lr was 0.01, is 0.02"),
        ({"max_epochs": 9}, "max_epochs was 4, is 9"),
        ({"random_state": None}, "random_state was 0, is None"),
        ({"method": "gce"}, "method was 'ce', is 'gce'"),
        ({"module__hidden": (8,)}, "module__hidden"),
        ({"lr_schedule": _decay}, "lr_schedule differs"),
    ],
)
def test_another_training_is_refused(change, named, tmp_path):
    change = dict(change)
    change.pop("TRUSTED", None)
    short(checkpoint=tmp_path).fit(X, y)
    data = {"X": X, "y": y, **{k: change.pop(k) for k in ("X", "y") if k in change}}
    fit = {k: change.pop(k) for k in ("sample_weight", "groups") if k in change}
    clf = short(checkpoint=tmp_path, **change)
    with pytest.raises(ValueError, match="checkpoints of another training") as error:
        clf.fit(**data, **fit)
    assert named in str(error.value)
    assert not hasattr(clf, "net_")


def test_what_does_not_change_the_result_may_differ(tmp_path, capsys):
    first = resume(short, tmp_path, 2)
    assert_same(short(checkpoint=tmp_path, verbose=1, checkpoint_every=3).fit(X, y), first)
    # 1 and 1.0 are the same number.
    assert_same(short(checkpoint=tmp_path, smoothing=0).fit(X.copy(order="F"), y), first)


@pytest.mark.parametrize("name", ["torch", "device"])
def test_another_version_or_device_warns(name, tmp_path):
    first = short(checkpoint=tmp_path).fit(X, y)
    folder = CheckpointFolder(tmp_path)
    stored = folder.newest()
    stored.header["versions"][name] = "other"
    folder.write(4, stored)
    with pytest.warns(UserWarning, match=f"{name} was other.*no longer promised"):
        again = short(checkpoint=tmp_path).fit(X, y)
    assert_same(again, first)


def test_a_damaged_checkpoint_is_left_out(tmp_path):
    first = short(checkpoint=tmp_path).fit(X, y)
    newest = tmp_path / "epoch-000004.checkpoint"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        assert_same(short(checkpoint=tmp_path).fit(X, y), first)
    for path in tmp_path.glob("epoch*"):
        path.write_bytes(path.read_bytes()[:100])
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ValueError, match=r"all checkpoints in .* are damaged"),
    ):
        short(checkpoint=tmp_path).fit(X, y)


def test_a_full_disk_is_an_error_and_the_checkpoint_before_is_intact(tmp_path, monkeypatch):
    def full(descriptor):
        if len(list(tmp_path.glob("epoch*"))) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return synced(descriptor)

    synced = files.os.fsync
    clf = short(checkpoint=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(OSError, match=r"could not be written.*epoch-000001.*intact") as error:
            clf.fit(X, y)
    assert str(tmp_path) in error.value.filename
    assert not hasattr(clf, "net_")
    assert_same(clf.fit(X, y), short().fit(X, y))


def test_one_training_at_a_time_uses_a_folder(tmp_path):
    with (
        CheckpointFolder(tmp_path).locked(),
        pytest.raises(RuntimeError, match="another training uses the folder"),
    ):
        short(checkpoint=tmp_path).fit(X, y)
    short(checkpoint=tmp_path).fit(X, y)


def test_stale_temporaries_are_removed(tmp_path):
    with pytest.raises(KeyboardInterrupt), files.atomic_write(tmp_path / "a") as file:
        file.write(b"half")
        file.flush()
        stale = next(path for path in tmp_path.iterdir())
        content = stale.read_bytes()
        raise KeyboardInterrupt
    stale.write_bytes(content)
    short(checkpoint=tmp_path).fit(X, y)
    assert not stale.exists()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"checkpoint": ""}, "'checkpoint' parameter must be a folder"),
        ({"checkpoint": 3}, "'checkpoint' parameter of NoisyLabelClassifier must be"),
        ({"checkpoint_every": 0}, "'checkpoint_every' parameter"),
        ({"warm_start": True}, "must be None with warm_start=True"),
    ],
)
def test_wrong_parameters_are_refused(params, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        short(**{"checkpoint": tmp_path, **params}).fit(X, y)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(ValueError, match=r"must be a folder.*lies in, a file"):
            short(checkpoint=path).fit(X, y)


def test_partial_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be None for partial_fit"):
        short(checkpoint=tmp_path).partial_fit(X, y, classes=[0, 1, 2])


def test_a_method_that_cannot_be_pickled_is_named(tmp_path):
    class Local(CountsBatches):
        pass

    with pytest.raises(TypeError, match=r"'checkpoint' parameter needs a method .* pickled"):
        short(Local, checkpoint=tmp_path).fit(X, y)


def test_grid_search_resumes_each_fit(tmp_path):
    from sklearn.model_selection import GridSearchCV

    def search(**params):
        clf = short("elr", max_epochs=3, **params)
        return GridSearchCV(clf, {"smoothing": [0, 0.3]}, cv=2)

    whole = search().fit(X, y)
    path = str(tmp_path / "{fingerprint}")
    kill = KillLater(7)
    with pytest.raises(Killed):
        search(checkpoint=path, callbacks=[kill]).fit(X, y)
    resumed = search(checkpoint=path).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 5
    for name, values in whole.cv_results_.items():
        if "time" not in name:
            assert_array_equal(resumed.cv_results_[name], values)
    assert_same(resumed.best_estimator_, whole.best_estimator_)


class KillLater(Callback):
    """Ends the process after some epochs of all fits together."""

    n_trained = 0

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **_):
        KillLater.n_trained += 1
        if KillLater.n_trained == self.n_epochs:
            raise Killed


SCRIPT = """
    import os, signal, sys, torch
    torch.set_num_threads(1)
    from skorch.callbacks import Callback
    from tests._training.test_checkpoint import X, y, short
    folder, method, wait = sys.argv[1], sys.argv[2], float(sys.argv[3])
    if wait:
        signal.setitimer(signal.ITIMER_REAL, wait)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    class Kill(Callback):
        def on_epoch_end(self, net, **_):
            if not wait and len(net.history) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
    short(method, max_epochs=6, checkpoint=folder, callbacks=[Kill()]).fit(X, y)
"""


@pytest.mark.slow
def test_a_killed_process_is_resumed_by_another(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path), "elr", "0"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    epochs = [int(path.stem.split("-")[1]) for path in tmp_path.glob("epoch*")]
    # The third epoch was not stored yet: less than one more epoch is lost.
    assert sorted(epochs) == [1, 2]
    resumed = short("elr", max_epochs=6, checkpoint=tmp_path).fit(X, y)
    assert_same(resumed, short("elr", max_epochs=6).fit(X, y))


@pytest.mark.long
def test_a_hundred_random_kills(tmp_path):
    """Write-heavy: a checkpoint of two megabytes each of 40 short epochs."""
    make = partial(short, "elr", max_epochs=40, module__hidden=(256, 256))
    begin = time.perf_counter()
    whole = make(checkpoint=tmp_path / "whole").fit(X, y)
    seconds = time.perf_counter() - begin
    rng, n_killed, n_fits = np.random.default_rng(0), 0, 0
    while n_killed < 100:
        assert n_fits < 1000
        folder, n_fits = tmp_path / str(n_fits), n_fits + 1
        pid = os.fork()
        if pid == 0:
            # The time of a kill is random, so it also falls into a write.
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.01, seconds))
            make(checkpoint=folder).fit(X, y)
            os._exit(0)
        rng.uniform()
        n_killed += os.waitpid(pid, 0)[1] != 0
        with warnings.catch_warnings():
            # A checkpoint that is not readable would warn.
            warnings.simplefilter("error")
            assert_same(make(checkpoint=folder).fit(X, y), whole)
    print(json.dumps({"kills": n_killed, "equal to the bit": n_fits}))


def test_the_parameter_is_cloned_and_ignored_by_predictions(tmp_path):
    clf = NoisyLabelClassifier("ce", max_epochs=2, checkpoint=tmp_path).fit(X, y)
    stored = pickle.loads(pickle.dumps(clf))
    assert stored.checkpoint == tmp_path
    assert_array_equal(stored.predict(X), clf.predict(X))
