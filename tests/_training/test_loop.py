"""The training loop: early stopping, schedules, warm-up, evaluation passes and bounded logits."""

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from skorch.callbacks import Callback
from torch import nn

from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ClassLoss, Method
from tests.factories import NormedMLP, noisy_blobs, noisy_digits, short

X, y = noisy_blobs(150, n_features=6, noise_rate=0.2, cluster_std=4.0)


class AtEpochEnd(Callback):
    """Record a function of the net at the end of each epoch."""

    def __init__(self, function):
        self.function = function

    def on_train_begin(self, net, **_):
        self.values = []

    def on_epoch_end(self, net, **_):
        self.values.append(self.function(net))


class RecordsArguments(ClassLoss):
    """Cross-entropy that records the arguments of its hooks."""

    def setup(self, net, y):
        self.evaluations, self.batches = [], []

    def on_epoch_start(self, net, evaluation):
        self.evaluations.append(evaluation)

    def prepare_batch(self, net, batch):
        self.batches.append(batch)
        return batch

    def class_losses(self, logits):
        return class_cross_entropy(logits)


# ---- stopping early ------------------------------------------------------------------------------


def test_early_stopping_restores_the_weights_of_the_best_epoch():
    at_end = AtEpochEnd(lambda net: copy.deepcopy(net.module_.state_dict()))
    clf = short(
        callbacks=[at_end], early_stopping=True, max_epochs=60, n_iter_no_change=5, lr=0.1
    ).fit(X, y)
    scores = clf.history_[:, "valid_acc"]
    best = int(np.argmax(scores))
    assert clf.n_iter_ == len(scores) == best + 1 + 5
    assert scores[best] > scores[-1]
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, at_end.values[best][name])


def test_best_weights_are_restored_if_all_epochs_were_trained():
    at_end = AtEpochEnd(lambda net: copy.deepcopy(net.module_.state_dict()))
    clf = short(
        callbacks=[at_end], early_stopping=True, max_epochs=30, n_iter_no_change=100, lr=0.05
    ).fit(X, y)
    best = int(np.argmax(clf.history_[:, "valid_acc"]))
    assert clf.n_iter_ == 30
    assert best < 29
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, at_end.values[best][name])


def test_early_stopping_depends_on_accuracy_and_not_on_loss():
    # The loss is no measure at negative rates. The accuracy is constant here, the loss is not.
    class Frozen(nn.Linear):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out)
            self.calls = 0

        def forward(self, x):
            logits = super().forward(x)
            self.calls += not self.training
            return logits.detach() * (1 + self.calls) + 0 * logits

    clf = short(module=Frozen, early_stopping=True, n_iter_no_change=3, max_epochs=50).fit(X, y)
    assert len(set(clf.history_[:, "valid_acc"])) == 1
    assert len(set(clf.history_[:, "valid_loss"])) > 1
    assert clf.n_iter_ == 4


def test_held_out_rows_are_not_trained_on():
    clf = short(
        method=RecordsArguments, early_stopping=True, validation_fraction=0.2, warmup=0
    ).fit(X, y)
    seen = torch.cat([batch.index for batch in clf.method_.batches]).unique()
    assert len(seen) == 120
    held_out = np.setdiff1d(np.arange(150), seen)
    fractions = np.bincount(y[held_out]) / np.bincount(y)
    np.testing.assert_allclose(fractions, 0.2, atol=0.03)
    assert len(clf.method_.evaluations) == 4
    assert all(torch.equal(evaluation.index, seen) for evaluation in clf.method_.evaluations)
    assert np.isfinite(clf.label_quality_).all()


@pytest.mark.slow
def test_early_stopping_helps_on_noisy_labels():
    X, noisy = noisy_digits(noise_rate=0.45)
    _, y = noisy_digits(noise_rate=0)
    train, test = np.arange(0, 1797, 2), np.arange(1, 1797, 2)
    params = {"max_epochs": 60, "lr": 0.003}
    stopped = short(early_stopping=True, validation_fraction=0.2, **params).fit(
        X[train], noisy[train]
    )
    whole = short(**params).fit(X[train], noisy[train])
    assert stopped.score(X[test], y[test]) > whole.score(X[test], y[test]) + 0.05


# ---- schedules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ("cosine", lambda t: 0.5 * (1 + np.cos(np.pi * t))),
        ("linear", lambda t: 1 - t),
        (lambda t: 0.1 if t >= 0.5 else 1.0, lambda t: np.where(t >= 0.5, 0.1, 1.0)),
        (None, lambda t: np.ones_like(t)),
    ],
    ids=["cosine", "linear", "callable", "none"],
)
def test_learning_rates_follow_the_schedule(schedule, factor):
    lrs = []

    class Read(Callback):
        def on_batch_end(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    short(callbacks=[Read()], lr_schedule=schedule).fit(X, y)
    np.testing.assert_allclose(lrs, 0.01 * factor(np.arange(20) / 20))


def test_schedule_starts_again_with_each_fit_and_its_learning_rate():
    lrs = []

    class Read(Callback):
        def on_batch_end(self, net, **_):
            lrs.append(net.optimizer_.param_groups[0]["lr"])

    clf = short(callbacks=[Read()], lr_schedule="linear", warm_start=True).fit(X, y)
    clf.set_params(lr=0.5).fit(X, y)
    np.testing.assert_allclose(
        lrs, np.r_[0.01, 0.5].repeat(20) * np.tile(1 - np.arange(20) / 20, 2)
    )


def test_partial_fit_trains_after_the_end_of_the_schedule():
    clf = short(lr_schedule="cosine").fit(X, y)
    before = clf.predict_proba(X)
    assert not np.array_equal(clf.partial_fit(X, y).predict_proba(X), before)


# ---- warm-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("warmup", "epochs"), [(0, 0), (3, 3), (0.25, 2), (0.01, 1), (1.0, 8), ("auto", 0)], ids=str
)
def test_warm_up_is_cross_entropy_and_calls_no_hooks(warmup, epochs):
    clf = short(method=RecordsArguments, warmup=warmup, max_epochs=8, smoothing=0.3).fit(X, y)
    assert [evaluation.epoch for evaluation in clf.method_.evaluations] == list(range(8 - epochs))
    assert sorted({batch.epoch for batch in clf.method_.batches}) == list(range(8 - epochs))
    for batch in clf.method_.batches:
        expected = 0.7 * torch.eye(3)[batch.y] + 0.1
        torch.testing.assert_close(batch.target, expected)
    plain = short(warmup=0, max_epochs=8).fit(X, y)
    losses, plain_losses = (np.array(fit.history_[:, "train_loss"]) for fit in (clf, plain))
    np.testing.assert_array_equal(losses[:epochs], plain_losses[:epochs])
    assert (losses[epochs:] != plain_losses[epochs:]).all()


def test_batches_hold_rows_with_their_labels_and_weights():
    weight = np.random.default_rng(0).uniform(0.5, 2, 150)
    clf = short(method=RecordsArguments, max_epochs=1).fit(X, y, weight)
    for batch in clf.method_.batches:
        np.testing.assert_array_equal(batch.x, X[batch.index])
        np.testing.assert_array_equal(batch.y, y[batch.index])
        np.testing.assert_allclose(
            batch.weight, weight[batch.index] / weight.mean() / len(batch.y), rtol=1e-5
        )
    assert sorted(torch.cat([b.index for b in clf.method_.batches]).tolist()) == list(range(150))


# ---- evaluation passes and features --------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("logit_bound", [None, 0.1])
def test_evaluation_pass_is_one_pass_over_the_training_rows_in_evaluation_mode(
    early_stopping, logit_bound
):
    passes = []

    class Counted(NormedMLP):
        def forward(self, x):
            if not self.training:
                passes.append((len(x), torch.is_grad_enabled()))
            return super().forward(x)

    class Evaluates(RecordsArguments):
        def on_epoch_start(self, net, evaluation):
            before = copy.deepcopy(net.module.state_dict())
            super().on_epoch_start(net, evaluation)
            logits = evaluation.logits
            passes.clear()
            repeated = net.evaluate(net_data[0], evaluation.epoch)
            assert not passes
            assert torch.equal(repeated.logits, logits)
            assert sum(n_rows for n_rows, _ in passes) == len(evaluation.index)
            assert not any(with_graph for _, with_graph in passes)
            for name, value in net.module.state_dict().items():
                assert torch.equal(value, before[name])
            network = copy.deepcopy(net.module).eval()
            with torch.no_grad():
                torch.testing.assert_close(
                    evaluation.logits, network(torch.tensor(X)[evaluation.index])
                )
                body = nn.Sequential(*list(network)[:-1])
                torch.testing.assert_close(
                    evaluation.features, body(torch.tensor(X)[evaluation.index])
                )

    net_data = []

    class RecordsData(Callback):
        def on_epoch_begin(self, net, dataset_train, **_):
            net_data[:] = [net.get_dataset(dataset_train)]

    weight = np.ones(150)
    weight[[0, 99]] = 0
    clf = short(
        callbacks=[RecordsData()],
        method=Evaluates,
        module=Counted,
        early_stopping=early_stopping,
        logit_bound=logit_bound,
    ).fit(X, y, weight)
    assert len(clf.method_.evaluations) == 4
    for evaluation in clf.method_.evaluations:
        index = evaluation.index.tolist()
        assert index == sorted(index)
        assert len(index) == (133 if early_stopping else 148)
        assert not {0, 99} & set(index)
        np.testing.assert_array_equal(evaluation.y, y[index])
        assert (evaluation.weight > 0).all()
        assert not evaluation.logits.requires_grad and not evaluation.features.requires_grad


@pytest.mark.parametrize("n_networks", [1, 2])
def test_computing_features_changes_nothing(n_networks):
    n_batches = []

    class UsesFeatures(Method):
        def prepare_batch(self, net, batch):
            modes = [part.training for part in net.module.modules()]
            before = copy.deepcopy(net.module.state_dict())
            features = net.features(batch.x)
            assert modes == [part.training for part in net.module.modules()]
            assert all(modes)
            for name, value in net.module.state_dict().items():
                assert torch.equal(value, before[name])
            leading = (2,) if n_networks == 2 else ()
            assert features.shape == (*leading, len(batch.y), 16)
            assert torch.equal(features, net.features(batch.x))
            assert not features.requires_grad
            n_batches.append(1)
            return batch

        def loss(self, logits, batch):
            return (class_cross_entropy(logits) * batch.target).sum(-1)

    UsesFeatures.n_networks = n_networks
    actual = short(method=UsesFeatures, module=NormedMLP, max_epochs=2).fit(X, y)

    assert len(n_batches) == 2 * 5

    class UsesNoFeatures(UsesFeatures):
        def prepare_batch(self, net, batch):
            return batch

    expected = short(method=UsesNoFeatures, module=NormedMLP, max_epochs=2).fit(X, y)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("frozen", [True, False])
def test_layers_that_a_module_keeps_in_evaluation_mode_stay_in_it(frozen):
    class Partly(NormedMLP):
        def train(self, mode=True):
            super().train(mode)
            if frozen:
                self[1].eval()
            return self

    clf = short(module=Partly, method="co_teaching").fit(X, y)
    assert (clf.module_[0][1].num_batches_tracked == 0) == frozen


# ---- the bound -----------------------------------------------------------------------------------


def test_logits_are_bounded_in_training_and_not_in_predictions():
    largest = []

    class Bounded(RecordsArguments):
        def loss(self, logits, batch):
            largest.append(logits.norm(dim=-1).max())
            return super().loss(logits, batch)

    clf = short(method=Bounded, logit_bound=2.0, lr=0.3, max_epochs=20).fit(X, y)
    assert 1.5 < max(largest) <= 2.0 * (1 + 1e-6)
    logits = clf.module_(torch.tensor(X))
    assert logits.norm(dim=-1).max() > 2.0
    np.testing.assert_allclose(
        clf.predict_proba(X), torch.softmax(logits, -1).detach(), rtol=1e-5, atol=1e-7
    )


def bound_of(clf):
    return clf.net_.settings.smoothing.bound(None)


@pytest.mark.parametrize(
    ("smoothing", "bounded"), [(-0.5, True), (-8.0, True), (0.0, False), (0.4, False)]
)
def test_logits_are_bounded_by_default_if_the_loss_has_no_lower_limit(smoothing, bounded):
    clf = short(smoothing=smoothing).fit(X, y)
    assert (bound_of(clf) is not None) is bounded
    assert bound_of(short(smoothing=smoothing, logit_bound=None).fit(X, y)) is None


@pytest.mark.slow
@pytest.mark.parametrize("rate", [-8.0, -2.0, -0.5])
def test_networks_learn_at_negative_rates(rate):
    X, y = load_iris(return_X_y=True)
    assert short(smoothing=rate, max_epochs=100).fit(X, y).score(X, y) > 0.94
