"""The 15 names that a method may ask for, and that the skorch net stays a plain object."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from sknoisy import METHODS
from sknoisy._training.network_view import ModuleView
from sknoisy.functional import class_cross_entropy, cross_entropy
from sknoisy.methods import ClassLoss, CrossEntropy, Method, NetworkView, TrainingStep
from tests.factories import NormedMLP, short
from tests.views import view_of

X, y = load_iris(return_X_y=True)
NAMES = (
    "n_classes", "n_rows", "n_features", "device", "dtype", "n_epochs", "trusted", "groups",
    "infer", "represent", "logits", "features", "weights", "rows", "labels", "augment",
)  # fmt: skip


def test_view_has_the_names_of_the_protocol():
    protocol = {name for name in dir(NetworkView) if not name.startswith("_")}
    assert protocol | set(NetworkView.__annotations__) == set(NAMES)
    view = view_of(short(max_epochs=1).fit(X, y), X, y, groups=np.arange(150))
    assert all(hasattr(view, name) for name in NAMES)
    assert (view.n_classes, view.n_rows, view.n_features) == (3, 150, 128)
    assert view.trusted is view.groups is None


def test_methods_get_the_view_and_never_the_skorch_net():
    nets = []

    class RecordsNets(CrossEntropy):
        def setup(self, net, y):
            nets.append(net)

        def on_epoch_start(self, net, evaluation):
            nets.append(net)

        def prepare_batch(self, net, batch):
            nets.append(net)
            return batch

    short(RecordsNets, max_epochs=2).fit(X, y)
    assert {type(net) for net in nets} == {ModuleView}
    assert len({id(net) for net in nets}) == 1


@pytest.mark.parametrize("method", METHODS)
def test_net_can_be_inspected_after_a_fit(method):
    """``dir`` and ``hasattr`` raised AssertionError in properties that need a training set."""
    clf = short(method, max_epochs=3).fit(X, y)
    net = clf.net_
    for name in dir(net):
        if not name.startswith("__"):
            hasattr(net, name)
    assert not hasattr(net, "n_rows")
    assert net.loop_ is None
    for duplicate in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert vars(duplicate).keys() == vars(net).keys() - {"loop_"}


def test_view_has_no_training_set_outside_of_a_training():
    view = short(max_epochs=1).fit(X, y).net_.view()
    with pytest.raises(RuntimeError, match="no training set"):
        view.rows(torch.arange(2))
    assert view.logits(torch.tensor(X[:2], dtype=torch.float32)).shape == (2, 3)


def test_held_out_rows_are_not_trusted():
    trusted = np.arange(150) % 3 == 0
    clf = short("forward", max_epochs=2, early_stopping=True)
    view = view_of(clf.fit(X, y, trusted=trusted), X, y, trusted=trusted)
    trained = np.zeros(150, dtype=bool)
    trained[view.data.index.numpy()] = True
    np.testing.assert_array_equal(view.trusted, trusted & trained)
    assert 0 < (~trained).sum() < 150


# ---- what a method may ask of the network --------------------------------------------------------


def check_in_training(check, table, module=None, n_networks=1, **params):
    """Train for one step with a method that calls a function in it."""
    calls = []

    class Checks(Method):
        def training_step(self, net, batch):
            logits = net.infer(batch.x)
            check(net, batch, logits)
            calls.append(1)
            return TrainingStep(cross_entropy(logits, batch.target), batch.weight, logits, batch)

    Checks.n_networks = n_networks
    short(Checks, module=module, max_epochs=1, batch_size=-1, **params).fit(*table)
    assert len(calls) == 1


@pytest.mark.parametrize("n_networks", [1, 2])
def test_other_weights_give_the_results_of_another_network(n_networks, table):
    def check(net, batch, logits):
        before = net.module.state_dict()
        before = {name: part.clone() for name, part in before.items()}
        weights = net.weights()
        doubled = net.logits(batch.x, 2 * weights), net.features(batch.x, 2 * weights)
        assert torch.equal(net.logits(batch.x, weights), net.logits(batch.x))
        assert torch.equal(net.features(batch.x, weights), net.features(batch.x))
        assert net.module.training
        for name, part in net.module.state_dict().items():
            assert torch.equal(part, before[name]), name
        network = copy.deepcopy(net.module).eval()
        with torch.no_grad():
            for part in (*network.parameters(), *network.buffers()):
                if part.is_floating_point():
                    part.mul_(2)
            torch.testing.assert_close(doubled[0], network(batch.x))
        assert not doubled[0].requires_grad
        assert doubled[1].shape[-1] == net.n_features == 16

    check_in_training(check, table, NormedMLP, n_networks)


def test_weights_have_no_statistics_of_the_training_set():
    """An average of weights would keep those of an earlier training."""

    class Checks(CrossEntropy):
        def setup(self, net, y):
            assert len(net.weights()) == sum(p.numel() for p in net.module.parameters())
            assert len(list(net.module.buffers())) == 2

    short(Checks, max_epochs=1).fit(X, y)


def test_gradient_by_other_weights(table):
    def check(net, batch, logits):
        weights = net.weights().requires_grad_()
        loss = cross_entropy(net.infer(batch.x, weights), batch.target).sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        parts = torch.autograd.grad(
            cross_entropy(logits, batch.target).sum(),
            list(net.module.parameters()),
            retain_graph=True,
        )
        expected = torch.cat([part.flatten() for part in parts])
        torch.testing.assert_close(gradient[: len(expected)], expected)

    check_in_training(check, table)


def test_represent_can_be_differentiated(table):
    def check(net, batch, logits):
        repeated, features = net.represent(batch.x)
        assert features.requires_grad and repeated.requires_grad
        torch.testing.assert_close(repeated, logits)
        torch.testing.assert_close(features, net.features(batch.x))

    check_in_training(check, table)


def test_rows_and_labels_are_selected_by_index(table):
    X, y = table

    def check(net, batch, logits):
        assert torch.equal(net.rows(batch.index), batch.x)
        assert torch.equal(net.labels()[batch.index], batch.target)

    check_in_training(check, table, early_stopping=True)
    check_in_training(check, (X, np.eye(3, dtype=np.float32)[y] * 0.7 + 0.1))


@pytest.mark.parametrize("uses_evaluation", [False, True])
def test_evaluation_pass_is_computed_only_if_it_is_used(uses_evaluation, table):
    passes = []

    class StartsEpochs(ClassLoss):
        def on_epoch_start(self, net, evaluation):
            before = net.module.training
            eval_forward = net.eval_forward
            net.eval_forward = lambda *args: passes.append(1) or eval_forward(*args)
            assert evaluation.y.shape == evaluation.weight.shape
            if uses_evaluation:
                assert evaluation.logits is evaluation.logits
                assert len(evaluation.features) == len(evaluation.losses)
            del net.eval_forward
            assert net.module.training == before

        def class_losses(self, logits):
            return class_cross_entropy(logits)

    short(StartsEpochs, max_epochs=3).fit(*table)
    assert len(passes) == 3 * uses_evaluation
