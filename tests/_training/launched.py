"""Run in two processes by ``test_ranks.py``; what methods learn goes into the file named."""

import os
import pickle
import sys
import warnings

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sknoisy import METHODS
from sknoisy.methods import CrossEntropy
from tests.factories import noisy_blobs, noisy_digits, small_images
from tests.factories import short as short_in_one_process

RANK = int(os.environ.get("RANK", 0))


BLOBS = noisy_blobs(121)
DIGITS = noisy_digits(200)


def short(method="ce", **params):
    return short_in_one_process(method, **{"device": "accelerate", "max_epochs": 3, **params})


def learned(name, device):
    """What a method learned, with draws that do not hang on who draws them."""
    X, y = DIGITS
    clf = short(name, device=device, precision="float64", batch_size=48, warmup=1)
    clf.set_params(module__dropout=0.0).fit(X, y)
    return np.concatenate([clf.predict_proba(X).ravel(), clf.label_quality_])


class Linear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x):
        return self.norm(self.layer(x))


class Sizes(nn.Module):
    """Keeps how many rows it was given."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.seen = nn.Linear(n_in, n_out), []

    def forward(self, x):
        self.seen.append((self.training, len(x)))
        return self.layer(x)


class Dropped(nn.Module):
    """Keeps what was dropped."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.kept = nn.Linear(n_in, n_out), []

    def forward(self, x):
        kept = torch.dropout(torch.ones_like(x), 0.5, self.training)
        if self.training:
            self.kept.append(kept)
        return self.layer(kept * x)


def of_all(value):
    told = [None, None]
    torch.distributed.all_gather_object(told, value)
    return told


def same_everywhere(clf, X):
    first, second = of_all(clf.predict_proba(X))
    return np.array_equal(first, second)


def check_each_process_runs_its_share():
    X, y = BLOBS
    clf = short(module=Sizes, batch_size=40).fit(X, y)
    trained = [size for training, size in clf.module_.seen if training]
    # Three batches, of which the last has the row that is left over.
    assert trained == ([20, 20, 21] if RANK == 0 else [20, 20, 20]) * 3, trained


def check_no_random_state_means_one_start_for_all():
    X, y = BLOBS
    assert same_everywhere(short(random_state=None).fit(X, y), X)


def check_a_network_given_starts_as_that_of_the_first_process():
    X, y = BLOBS
    torch.manual_seed(RANK)
    given = nn.Linear(4, 3)
    clf = short(module=given, max_epochs=1, lr=1e-9).fit(X, y)
    weights = of_all(given.weight.detach().numpy())
    assert not np.allclose(*weights)
    assert np.allclose(clf.module_.weight.detach().numpy(), weights[0], atol=1e-6)


def check_dropout_draws_apart_and_the_rest_alike():
    X, y = BLOBS
    clf = short("mixup", module=Dropped, batch_size=40).fit(X, y)
    first, second = of_all([kept.numpy() for kept in clf.module_.kept])
    assert not any(np.array_equal(a[:20], b[:20]) for a, b in zip(first, second, strict=True))
    assert same_everywhere(clf, X)


def check_batches_too_small_to_divide():
    X, y = BLOBS
    X, y = X[:10], y[:10]
    found = [
        short(device=device, batch_size=4, precision="float64").fit(X, y)
        for device in ("accelerate", "cpu")
    ]
    np.testing.assert_allclose(*(clf.predict_proba(X) for clf in found), atol=1e-12)


def check_a_search_in_all_processes():
    X, y = BLOBS
    search = GridSearchCV(short(), {"smoothing": [-0.5, 0.0, 0.5]}, cv=3).fit(X, y)
    first, second = of_all(search.best_score_)
    assert first == second and same_everywhere(search, X)


def check_batch_norm():
    X, y = BLOBS
    clf = short(module=Linear).fit(X, y)
    means = of_all(clf.module_.norm.running_mean.numpy())
    assert np.array_equal(*means) and means[0].any()
    assert same_everywhere(clf, X)


def check_images():
    X, y = small_images()
    clf = short("elr", max_epochs=10).fit(X, y)
    assert clf.score(X, y) > 0.9 and same_everywhere(clf, X)


def check_stopping_early_at_one_epoch():
    X, y = BLOBS
    params = {"max_epochs": 60, "n_iter_no_change": 3, "early_stopping": True}
    clf = short("ce", **params).fit(X, y)
    first, second = of_all(clf.n_iter_)
    assert first == second < 60


def check_partial_fit_and_warm_start():
    X, y = BLOBS
    clf = short(warm_start=True)
    for _ in range(2):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    clf.fit(X, y)
    assert clf.n_iter_ == 5 and same_everywhere(clf, X)


def check_smoothing_that_follows_the_noise():
    X, y = DIGITS
    clf = short("ce", smoothing="auto", max_epochs=10).fit(X, y)
    first, second = of_all(clf.noise_rate_)
    assert first == second and same_everywhere(clf, X)


def check_different_data_are_refused():
    X, y = BLOBS
    soft = np.eye(3)[y] * 0.7 + 0.1
    moved = soft + RANK * np.eye(3)[y] * 0.01
    moved /= moved.sum(axis=1, keepdims=True)
    for case in (X + RANK, y), (X, np.roll(y, RANK)), (X[RANK:], y[RANK:]), (X, moved):
        try:
            short().fit(*case)
        except ValueError as error:
            assert "every process must be given the same samples" in str(error)
        else:
            raise AssertionError("not refused")


def check_other_parameters_and_trusted_samples_are_refused():
    X, y = BLOBS
    for params, fit in (
        ({"batch_size": 40 + RANK}, {}),
        ({}, {"trusted": np.arange(121) > 9 + RANK}),
    ):
        try:
            short("bagging", **params).fit(X, y, **fit)
        except ValueError as error:
            assert "weights and parameters" in str(error)
        else:
            raise AssertionError("not refused")


class Odd(nn.Module):
    """Its parameter lies transposed in memory, and its buffers cannot be summed or written to."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out).t().contiguous().t())
        self.register_buffer("never", torch.tensor(-torch.inf))
        self.register_buffer("one", torch.ones(1).expand(n_out))

    def forward(self, x):
        logits = x @ self.weight * self.one
        return torch.where(logits > self.never, logits, self.never)


class Branches(nn.Module):
    """Few rows, which may all fall to one process, reach a part of it."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.far = nn.Linear(n_in, n_out), nn.Linear(n_in, n_out)

    def forward(self, x):
        out, far = self.layer(x), x[:, 0] > 3.5
        return torch.where(far[:, None], self.far(x), out) if far.any() else out


class Rows(nn.Module):
    """Its last linear layer sees several rows for each sample, and it draws in evaluation too."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(1, n_out)

    def forward(self, x):
        x = x + 1e-9 * torch.randn_like(x)
        return self.layer(x.reshape(-1, 1)).view(*x.shape, -1).sum(dim=1)


class Penalised(CrossEntropy):
    """Asks for the slopes of the logits in the samples."""

    def training_step(self, net, batch):
        x = batch.x.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(net.infer(x).square().sum(), x)
        taken = super().training_step(net, batch)
        return taken._replace(losses=taken.losses + slopes.square().mean())


def check_networks_and_methods_of_all_kinds():
    X, y = BLOBS
    for params in (
        {"module": Odd},
        {"module": Branches, "batch_size": 20},
        {"module": Rows, "early_stopping": True},
        {"method": Penalised},
    ):
        params = {"precision": "float64", **params}
        found = [short(device=device, **params).fit(X, y) for device in ("accelerate", "cpu")]
        # One of them draws a little, also in predicting.
        atol = 1e-6 if params.get("module") is Rows else 1e-10
        for told in (*of_all(found[0].predict_proba(X)), found[1].predict_proba(X)):
            np.testing.assert_allclose(
                found[0].predict_proba(X), told, atol=atol, err_msg=str(params)
            )


def check_draws_of_one_process_are_noticed():
    class Draws(Callback):
        def on_batch_end(self, net, **_):
            torch.rand(1 + RANK)

    X, y = BLOBS
    try:
        short(callbacks=[Draws()]).fit(X, y)
    except RuntimeError as error:
        assert "draw in one process only" in str(error)
    else:
        raise AssertionError("not noticed")


def check_processes_of_a_process_are_refused():
    X, y = BLOBS
    grid = {"smoothing": [0.0, 0.2]}
    try:
        GridSearchCV(short(), grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    except RuntimeError as error:
        assert "leave n_jobs=None" in str(error)
    else:
        raise AssertionError("not refused")


def check_a_dataset_of_random_views_and_rows_that_are_sparse():
    class Views(torch.utils.data.Dataset):
        def __len__(self):
            return len(X)

        def __getitem__(self, i):
            return X[i] + rng.normal(size=4).astype(np.float32), int(y[i])

    X, y = BLOBS
    rng = np.random.default_rng(RANK)
    assert same_everywhere(short().fit(Views()), X)
    assert same_everywhere(short().fit(csr_array(X), y), X)


def check_going_apart_is_noticed():
    class Apart(CrossEntropy):
        def setup(self, net, y):
            self.register_buffer("steps", torch.zeros(()))

        def loss(self, logits, batch):
            self.steps += 1 + RANK
            return super().loss(logits, batch)

    X, y = BLOBS
    try:
        short(Apart).fit(X, y)
    except RuntimeError as error:
        assert "no longer have the same weights" in str(error)
    else:
        raise AssertionError("not noticed")


def check_losses_that_differ_give_one_gradient():
    class Apart(CrossEntropy):
        def loss(self, logits, batch):
            return super().loss(logits, batch) * (1 + RANK)

    X, y = BLOBS
    clf = short(Apart).fit(X, y)
    losses = of_all(clf.history_[0, "train_loss"])
    assert losses[1] > 1.5 * losses[0]
    assert same_everywhere(clf, X)


def check_a_fault_is_everyones():
    X, y = BLOBS
    clf = short(max_epochs=1).fit(X, y)
    try:
        clf.set_params(lr=1e30, max_epochs=5).fit(X, y)
    except FloatingPointError:
        assert clf.n_iter_ == 1 and same_everywhere(clf, X)
    else:
        raise AssertionError("no error")


def check_predicting_alone():
    X, y = BLOBS
    clf = short().fit(X, y)
    if RANK == 0:
        # The other process does not take part, and need not.
        assert clf.score(X, y) > 0.5
        again = pickle.loads(pickle.dumps(clf))
        assert np.array_equal(clf.predict_proba(X), again.predict_proba(X))
    torch.distributed.barrier()


def check_callbacks_hear_whole_batches():
    class Heard(Callback):
        sizes = ()

        def on_batch_end(self, net, batch, training, **_):
            self.sizes = (*self.sizes, len(batch[1]))

    X, y = BLOBS
    clf = short(callbacks=[Heard()], batch_size=40, max_epochs=1).fit(X, y)
    assert clf.net_.callbacks_[-1][1].sizes == (40, 40, 41)


def check_only_the_first_process_prints():
    X, y = BLOBS
    short(verbose=1, max_epochs=1, callbacks__print_log__keys_ignored="dur").fit(X, y)


if __name__ == "__main__":
    warnings.simplefilter("error")
    found = {name: learned(name, "accelerate") for name in METHODS}
    np.savez(f"{sys.argv[1]}{RANK}.npz", **found)
    for name, check in list(vars().items()):
        if name.startswith("check_"):
            check()
            print(f"{name} passed in {RANK}")
    torch.distributed.destroy_process_group()
