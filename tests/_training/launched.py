"""Checks of a training in two processes, which ``test_processes.py`` launches.

Usage, in each of the processes: python launched.py FOLDER CHECK [CHECK ...]. Each process appends
the names and errors of its checks to a file in the folder, and ends at the first error: the other
process may still be waiting for it.
"""

import functools
import io
import json
import os
import pickle
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sknoisy import METHODS
from sknoisy.methods import CrossEntropy
from tests import factories
from tests.factories import noisy_blobs, noisy_digits, small_images

RANK = int(os.environ.get("RANK", 0))
X, y = noisy_blobs(121)


def short(method="ce", **params):
    """Make a classifier that trains in all processes."""
    return factories.short(method, **{"device": "accelerate", "max_epochs": 3, **params})


def gather(value):
    """Return the values of both processes."""
    values = [None, None]
    torch.distributed.all_gather_object(values, value)
    return values


def assert_equal_predictions(clf, X=X):
    np.testing.assert_array_equal(*gather(clf.predict_proba(X)))


# ---- methods -------------------------------------------------------------------------------------


def results_of(method, device):
    """Train a method in a way that does not depend on which process draws a random number."""
    X, y = noisy_digits(200)
    params = {"precision": "float64", "batch_size": 48, "warmup": 1, "lr": 1e-3}
    clf = short(method, device=device, module__dropout=0.0, **params).fit(X, y)
    return np.concatenate([clf.predict_proba(X).ravel(), clf.label_quality_])


def check_two_processes_learn_what_one_process_learns(method):
    results = results_of(method, "accelerate")
    np.testing.assert_array_equal(*gather(results))
    if RANK == 0:
        np.testing.assert_allclose(results, results_of(method, "cpu"), atol=1e-9)


# ---- how a batch is divided ----------------------------------------------------------------------


class RecordsSizes(nn.Module):
    """Records how many rows it is given."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.sizes = nn.Linear(n_in, n_out), []

    def forward(self, x):
        self.sizes.append((self.training, len(x)))
        return self.layer(x)


def check_each_process_computes_half_of_a_batch():
    clf = short(module=RecordsSizes, batch_size=40).fit(X, y)
    sizes = [size for training, size in clf.module_.sizes if training]
    # The third batch has 41 rows: one more is no batch of its own.
    assert sizes == ([20, 20, 21] if RANK == 0 else [20, 20, 20]) * 3


def check_small_batches_are_computed_by_all_processes():
    few = X[:10], y[:10]
    first, second = (
        short(device=device, batch_size=4, precision="float64").fit(*few).predict_proba(X)
        for device in ("accelerate", "cpu")
    )
    np.testing.assert_allclose(first, second, atol=1e-12)


def check_callbacks_receive_whole_batches():
    class RecordsBatches(Callback):
        sizes = ()

        def on_batch_end(self, net, batch, training, **_):
            self.sizes = (*self.sizes, len(batch[1]))

    clf = short(callbacks=[RecordsBatches()], batch_size=40, max_epochs=1).fit(X, y)
    assert clf.net_.callbacks_[-1][1].sizes == (40, 40, 41)


# ---- random numbers ------------------------------------------------------------------------------


class RecordsDropout(nn.Module):
    """Records its dropout masks."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.masks = nn.Linear(n_in, n_out), []

    def forward(self, x):
        mask = torch.dropout(torch.ones_like(x), 0.5, self.training)
        if self.training:
            self.masks.append(mask)
        return self.layer(mask * x)


def check_processes_draw_different_dropout_and_otherwise_the_same():
    clf = short("mixup", module=RecordsDropout, batch_size=40).fit(X, y)
    first, second = gather([mask.numpy() for mask in clf.module_.masks])
    assert not any(np.array_equal(a[:20], b[:20]) for a, b in zip(first, second, strict=True))
    assert_equal_predictions(clf)


def check_processes_share_a_seed_if_random_state_is_none():
    assert_equal_predictions(short(random_state=None).fit(X, y))


def check_random_numbers_drawn_in_only_one_process_are_noticed():
    class Draws(Callback):
        def on_batch_end(self, net, **_):
            torch.rand(1 + RANK)

    with pytest.raises(RuntimeError, match="draw in one process only"):
        short(callbacks=[Draws()]).fit(X, y)


# ---- networks and methods of all kinds -----------------------------------------------------------


class BatchNorm(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x):
        return self.norm(self.layer(x))


def check_processes_agree_on_batch_statistics():
    clf = short(module=BatchNorm).fit(X, y)
    first, second = gather(clf.module_.norm.running_mean.numpy())
    np.testing.assert_array_equal(first, second)
    assert first.any()
    assert_equal_predictions(clf)


def check_images_are_learned():
    X, y = small_images()
    clf = short("elr", max_epochs=10, lr=1e-3).fit(X, y)
    assert clf.score(X, y) > 0.9
    assert_equal_predictions(clf, X)


def check_given_network_starts_with_the_weights_of_the_first_process():
    torch.manual_seed(RANK)
    given = nn.Linear(4, 3)
    clf = short(module=given, max_epochs=1, lr=1e-9).fit(X, y)
    first, second = gather(given.weight.detach().numpy())
    assert not np.allclose(first, second)
    assert np.allclose(clf.module_.weight.detach().numpy(), first, atol=1e-6)


class OddMemory(nn.Module):
    """Its parameter lies transposed in memory, and its buffers cannot be summed or written to."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out).t().contiguous().t())
        self.register_buffer("never", torch.tensor(-torch.inf))
        self.register_buffer("one", torch.ones(1).expand(n_out))

    def forward(self, x):
        logits = x @ self.weight * self.one
        return torch.where(logits > self.never, logits, self.never)


class PartlyUsed(nn.Module):
    """Some rows, perhaps all in one process, reach a layer that the others do not reach."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.far = nn.Linear(n_in, n_out), nn.Linear(n_in, n_out)

    def forward(self, x):
        out, far = self.layer(x), x[:, 0] > 3.5
        return torch.where(far[:, None], self.far(x), out) if far.any() else out


class SeveralRowsPerSample(nn.Module):
    """Its last layer sees several rows for each sample, and it draws in evaluation too."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(1, n_out)

    def forward(self, x):
        x = x + 1e-9 * torch.randn_like(x)
        return self.layer(x.reshape(-1, 1)).view(*x.shape, -1).sum(dim=1)


class InputGradientPenalty(CrossEntropy):
    """Differentiates the logits by the samples."""

    def training_step(self, net, batch):
        x = batch.x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(net.infer(x).square().sum(), x)
        step = super().training_step(net, batch)
        return step._replace(losses=step.losses + gradient.square().mean())


KINDS = {
    "odd memory": {"module": OddMemory},
    "partly used": {"module": PartlyUsed, "batch_size": 20},
    "several rows per sample": {"module": SeveralRowsPerSample, "early_stopping": True},
    "input gradient": {"method": InputGradientPenalty},
}


def check_two_processes_predict_what_one_process_predicts(kind):
    first, second = (
        short(device=device, precision="float64", **KINDS[kind]).fit(X, y).predict_proba(X)
        for device in ("accelerate", "cpu")
    )
    # One of the networks draws small random numbers, also in predictions.
    atol = 1e-6 if kind == "several rows per sample" else 1e-10
    for probs in (*gather(first), second):
        np.testing.assert_allclose(first, probs, atol=atol)


# ---- fits of all kinds ---------------------------------------------------------------------------


def check_search_in_all_processes():
    search = GridSearchCV(short(), {"smoothing": [-0.5, 0.0, 0.5]}, cv=3).fit(X, y)
    first, second = gather(search.best_score_)
    assert first == second
    assert_equal_predictions(search)


def check_all_processes_stop_early_in_the_same_epoch():
    clf = short(max_epochs=60, n_iter_no_change=3, early_stopping=True).fit(X, y)
    first, second = gather(clf.n_iter_)
    assert first == second < 60


def check_partial_fit_and_warm_start():
    clf = short(warm_start=True)
    for _ in range(2):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    clf.fit(X, y)
    assert clf.n_iter_ == 5
    assert_equal_predictions(clf)


def check_processes_agree_on_the_smoothing_rate_and_noise_rate():
    X, y = noisy_digits(200)
    clf = short(smoothing="auto", max_epochs=10).fit(X, y)
    first, second = gather((clf.noise_rate_, clf.smoothing_))
    assert first == second
    assert_equal_predictions(clf, X)


def check_dataset_of_random_views():
    rng = np.random.default_rng(RANK)

    class Views(torch.utils.data.Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return X[i] + rng.normal(size=4).astype(np.float32), int(y[i])

    assert_equal_predictions(short().fit(Views()))


def check_sparse_rows():
    assert_equal_predictions(short().fit(csr_array(X), y))


def check_one_process_can_predict_without_the_other():
    clf = short().fit(X, y)
    if RANK == 0:
        assert clf.score(X, y) > 0.5
        loaded = pickle.loads(pickle.dumps(clf))
        np.testing.assert_array_equal(clf.predict_proba(X), loaded.predict_proba(X))
    torch.distributed.barrier()


def check_only_the_first_process_prints():
    printed = io.StringIO()
    with redirect_stdout(printed):
        short(verbose=1, max_epochs=1, callbacks__print_log__keys_ignored="dur").fit(X, y)
    assert ("train_loss" in printed.getvalue()) == (RANK == 0)


# ---- processes that differ -----------------------------------------------------------------------


def check_different_data_are_refused():
    soft = np.eye(3)[y] * 0.7 + 0.1
    changed = soft + RANK * np.eye(3)[y] * 0.01
    changed /= changed.sum(axis=1, keepdims=True)
    for data in (X + RANK, y), (X, np.roll(y, RANK)), (X[RANK:], y[RANK:]), (X, changed):
        with pytest.raises(ValueError, match="every process must be given the same samples"):
            short().fit(*data)


def check_different_parameters_and_trusted_samples_are_refused():
    with pytest.raises(ValueError, match="weights and parameters"):
        short("bagging", batch_size=40 + RANK).fit(X, y)
    with pytest.raises(ValueError, match="weights and parameters"):
        short("bagging").fit(X, y, trusted=np.arange(121) > 9 + RANK)


def check_processes_started_by_a_process_are_refused():
    grid = {"smoothing": [0.0, 0.2]}
    with pytest.raises(RuntimeError, match="leave n_jobs=None"):
        GridSearchCV(short(), grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)


def check_processes_that_no_longer_agree_are_noticed():
    class Diverges(CrossEntropy):
        def setup(self, net, y):
            self.register_buffer("steps", torch.zeros(()))

        def loss(self, logits, batch):
            self.steps += 1 + RANK
            return super().loss(logits, batch)

    with pytest.raises(RuntimeError, match="no longer have the same weights"):
        short(Diverges).fit(X, y)


def check_different_losses_give_the_same_gradient():
    class Scaled(CrossEntropy):
        def loss(self, logits, batch):
            return super().loss(logits, batch) * (1 + RANK)

    clf = short(Scaled).fit(X, y)
    first, second = gather(clf.history_[0, "train_loss"])
    assert second > 1.5 * first
    assert_equal_predictions(clf)


def check_divergence_restores_the_earlier_fit_in_all_processes():
    clf = short(max_epochs=1).fit(X, y)
    with pytest.raises(FloatingPointError):
        clf.set_params(lr=1e30, max_epochs=5).fit(X, y)
    assert clf.n_iter_ == 1
    assert_equal_predictions(clf)


# ---- running them --------------------------------------------------------------------------------

VARIANTS = {
    check_two_processes_learn_what_one_process_learns: METHODS,
    check_two_processes_predict_what_one_process_predicts: KINDS,
}


def all_checks():
    """Return the checks by their names; a check with variants is several."""
    checks = {}
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            name = name.removeprefix("check_")
            for variant in VARIANTS.get(check, ()):
                checks[f"{name}, {variant}"] = functools.partial(check, variant)
            if check not in VARIANTS:
                checks[name] = check
    return checks


def run(folder, names):
    """Run checks up to the first error."""
    checks = all_checks()
    with (Path(folder) / f"{RANK}.jsonl").open("a") as results:
        for name in names:
            error = None
            try:
                checks[name]()
            except BaseException:
                error = traceback.format_exc()
            print(json.dumps([name, error]), file=results, flush=True)
            if error:
                sys.exit(1)


if __name__ == "__main__":
    warnings.simplefilter("error")
    run(sys.argv[1], sys.argv[2:])
    torch.distributed.destroy_process_group()
