"""Trainings that stop, continue, restore or are stored: network, method and callbacks together."""

import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EpochScoring, Freezer
from torch import nn
from torch.utils.data import Dataset

from sknoisy.functional import cross_entropy
from sknoisy.methods import Method
from sknoisy.networks import MLP
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(300, n_features=10)


class Biased(Method):
    """Learns an offset of the logits, which predictions use."""

    def setup(self, net, y):
        self.offset = nn.Parameter(torch.zeros(net.n_classes))
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)
        self.register_buffer("passing", torch.ones(2), persistent=False)

    def loss(self, logits, batch):
        return cross_entropy(logits + self.offset, batch.target)

    def proba(self, logits):
        return torch.softmax(logits + self.offset, dim=-1)


class Doubled(Method):
    """Doubles each batch, at half the weight."""

    def prepare_batch(self, net, batch):
        twice = {
            k: torch.cat([v, v]) for k, v in vars(batch).items() if isinstance(v, torch.Tensor)
        }
        return batch.replace(**{**twice, "weight": twice["weight"] / 2})

    def loss(self, logits, batch):
        return cross_entropy(logits, batch.target)


class Subset(Method):
    """Trains on some rows of each batch, or on none."""

    def prepare_batch(self, net, batch):
        keep = batch.index % 7 == 0
        fields = {k: v[keep] for k, v in vars(batch).items() if isinstance(v, torch.Tensor)}
        return batch.replace(**fields)

    def loss(self, logits, batch):
        return cross_entropy(logits, batch.target)


def test_every_callback_is_called_in_the_last_epoch():
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(len(net.history))

    callbacks = [EpochScoring("accuracy", on_train=True, name="train_acc"), Watch]
    clf = short(early_stopping=True, n_iter_no_change=2, max_epochs=60, callbacks=callbacks)
    clf.fit(X, y)
    assert clf.n_iter_ < 60
    assert seen == list(range(1, clf.n_iter_ + 1))
    assert len(clf.history_[:, "train_acc"]) == clf.n_iter_


@pytest.mark.parametrize("callbacks", [None, "disable"])
def test_early_stopping_restores_network_and_method(callbacks):
    clf = short(
        method=Biased, early_stopping=True, n_iter_no_change=3, max_epochs=60, lr=0.05
    ).set_params(callbacks=callbacks)
    best = []

    class RecordsBest(Biased):
        def snapshot(self):
            best.append(self.offset.detach().clone())
            return super().snapshot()

    clf.set_params(method=RecordsBest).fit(X, y)
    assert clf.n_iter_ < 60
    assert torch.equal(clf.method_.offset, best[-1])


def test_schedule_can_be_removed():
    clf = short(lr_schedule="cosine", warm_start=True, lr=0.01).fit(X, y)
    clf.set_params(lr_schedule=None).fit(X, y)
    assert clf.net_.optimizer_.param_groups[0]["lr"] == 0.01


class Unlabelled(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.from_numpy(X[i])


def test_dataset_without_labels_needs_y():
    with pytest.raises(ValueError, match=r"requires y to be passed.*pairs \(x, y\)"):
        short().fit(Unlabelled())
    assert short().fit(Unlabelled(), y).n_features_in_ == 10


def test_frozen_parameters_stay_frozen_after_pickling():
    clf = short(method=Biased, callbacks=[Freezer("1.*")], warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    clf.fit(X, y)
    loaded.fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), loaded.predict_proba(X))
    assert not loaded.module_[1].weight.requires_grad
    assert not loaded.method_.frozen.requires_grad
    assert "passing" not in loaded.method_.state_dict()


def test_modules_made_in_setup_get_the_precision_of_the_net():
    class Layered(Method):
        def setup(self, net, y):
            self.layer = nn.Linear(net.n_classes, net.n_classes)

        def loss(self, logits, batch):
            return cross_entropy(self.layer(logits), batch.target)

    clf = short(method=Layered, precision="float64").fit(X, y)
    assert clf.method_.layer.weight.dtype == torch.float64


def test_frozen_layers_keep_their_weights_in_every_network():
    module = MLP(10, 3, hidden=(8,))
    module[1].requires_grad_(False)
    clf = short(module=module, method="co_teaching").fit(X, y)
    first, second = clf.module_
    assert torch.equal(first[1].weight, module[1].weight)
    assert torch.equal(second[1].weight, module[1].weight)
    assert not torch.equal(first[3].weight, second[3].weight)


@pytest.mark.parametrize("callbacks", [None, [Callback]])
def test_losses_are_averaged_if_a_method_changes_the_batch_size(callbacks):
    plain = short().fit(X, y).history_[:, "train_loss"]
    doubled = short(method=Doubled, callbacks=callbacks).fit(X, y).history_[:, "train_loss"]
    np.testing.assert_allclose(doubled, plain, rtol=1e-4)
    shrunk = short(method=Subset, batch_size=4, callbacks=callbacks).fit(X, y)
    assert np.isfinite(shrunk.history_[:, "train_loss"]).all()


def test_failed_continuation_restores_a_buffer_of_another_size():
    class Kept(Method):
        def setup(self, net, y):
            self.register_buffer("kept", torch.arange(len(y)))

        def on_epoch_start(self, net, evaluation):
            self.kept = evaluation.index[evaluation.losses < evaluation.losses.mean()]

        def loss(self, logits, batch):
            return cross_entropy(logits, batch.target)

    clf = short(method=Kept, warm_start=True).fit(X, y)
    before = clf.method_.kept.clone()
    with pytest.raises(FloatingPointError):
        clf.set_params(lr=1e30).fit(X, y)
    assert torch.equal(clf.method_.kept, before)


def test_rows_whose_classes_have_no_weight_are_refused():
    clf = short(class_weight={0: 0.0, 1: 1.0, 2: 1.0}).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="at least one non-zero number"):
        clf.partial_fit(X[y == 0], y[y == 0])


def test_default_dtype_of_torch_does_not_matter():
    expected = short().fit(X, y).predict_proba(X)
    torch.set_default_dtype(torch.float64)
    try:
        probs = short().fit(X, y).predict_proba(X)
    finally:
        torch.set_default_dtype(torch.float32)
    assert probs.dtype == np.float32
    assert probs.shape == expected.shape


def test_given_network_keeps_its_input_statistics():
    trained = short().fit(X, y).module_
    statistics = copy.deepcopy(trained[0].state_dict())
    assert statistics
    clf = short(module=trained).fit(100 * X + 5, y)
    for name, value in clf.module_[0].state_dict().items():
        assert torch.equal(value, statistics[name])


def test_fit_works_under_no_grad():
    with torch.no_grad():
        clf = short().fit(X, y)
        assert not torch.is_grad_enabled()
    np.testing.assert_array_equal(clf.predict_proba(X), short().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("shape", ["scalar", "class losses"])
def test_loss_of_a_wrong_shape_is_refused(shape):
    class Wrong(Method):
        def loss(self, logits, batch):
            return logits.mean() if shape == "scalar" else logits

    with pytest.raises(ValueError, match=r"loss of Wrong has shape .*one number for each sample"):
        short(method=Wrong, batch_size=3).fit(X, y)


def test_methods_can_have_required_parameters():
    class Required(Method):
        def __init__(self, factor):
            self.factor = factor

        def loss(self, logits, batch):
            return self.factor * cross_entropy(logits, batch.target)

    assert short(method=Required, method__factor=2.0).fit(X, y).method_.factor == 2.0


def test_unknown_parameter_of_a_partial_is_refused():
    module = functools.partial(MLP, hidden=8)
    with pytest.raises(ValueError, match="Invalid parameter 'module__foo'"):
        short(module=module, module__foo=1).fit(X, y)


def test_failed_training_keeps_the_learning_rate_that_a_callback_set():
    class Halve(Callback):
        def on_epoch_end(self, net, **_):
            net.set_params(lr=net.lr / 2)

    class Fail(Callback):
        def on_epoch_begin(self, net, **_):
            if len(net.history) == 6:
                raise RuntimeError

    callbacks = [Halve, Fail]
    clf = short("ce", max_epochs=4, callbacks=callbacks, warm_start=True, lr=0.016).fit(X, y)
    net = clf.net_
    with pytest.raises(RuntimeError):
        clf.fit(X, y)
    assert net.lr == net.optimizer_.param_groups[0]["lr"] == 0.001
    clf.set_params(max_epochs=1).fit(X, y)
    assert net.optimizer_.param_groups[0]["lr"] == 0.008
