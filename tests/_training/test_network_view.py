"""The 14 names that a method may ask for, and that the skorch net stays a plain object."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from sknoisy import METHODS
from sknoisy._training.network_view import ModuleView
from sknoisy.methods import CrossEntropy, NetworkView
from tests.factories import short
from tests.views import view_of

X, y = load_iris(return_X_y=True)
NAMES = (
    "n_classes", "n_rows", "n_features", "device", "dtype", "trusted", "infer", "represent",
    "logits", "features", "weights", "rows", "labels", "augment",
)  # fmt: skip


def test_view_has_the_names_of_the_protocol():
    protocol = {name for name in dir(NetworkView) if not name.startswith("_")}
    assert protocol | set(NetworkView.__annotations__) == set(NAMES)
    view = view_of(short(max_epochs=1).fit(X, y), X, y)
    assert all(hasattr(view, name) for name in NAMES)
    assert (view.n_classes, view.n_rows, view.n_features, view.trusted) == (3, 150, 128, None)


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
