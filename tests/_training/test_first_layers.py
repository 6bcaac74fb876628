"""Columns that were constant in the first call and vary when a training continues."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import KFold, cross_validate
from torch.utils.data import Dataset

from sknoisy import NoisyLabelClassifier
from sknoisy.networks import CNN, MLP, FineTuned, PiecewiseLinear, ResNet, Standardize
from tests.factories import every_method, short, small_images
from tests.networks.foreign import WithFC

X, y = make_classification(200, 6, n_informative=5, n_classes=3, n_redundant=0, random_state=0)
rng = np.random.default_rng(0)
CONSTANT = np.c_[X, np.full(200, 3.0)]
VARYING = {
    "ordinary": np.c_[X, y + rng.normal(0, 0.1, 200)],
    "far from zero": np.c_[X, 1.7e9 + y],
    "tiny": np.c_[X, 1e-60 * y],
}


def layer_of(clf):
    return next(part for part in clf.module_.modules() if isinstance(part, Standardize))


def copied(layer):
    return {name: buffer.clone() for name, buffer in layer.named_buffers()}


@pytest.mark.parametrize("kind", VARYING)
@pytest.mark.parametrize("method", ["ce", "bagging"])
def test_a_column_is_learned_from_when_it_varies(method, kind):
    """It had no say for ever."""
    later = VARYING[kind]
    clf = short(method, max_epochs=2, warm_start=True, module__bins=4).fit(CONSTANT, y)
    before = copied(layer_of(clf))
    np.testing.assert_array_equal(clf.predict_proba(CONSTANT), clf.predict_proba(later))
    clf.set_params(max_epochs=30).fit(later, y)
    assert clf.score(later, y) > 0.97
    # The statistics of the others stay.
    for name, buffer in layer_of(clf).named_buffers():
        assert torch.equal(buffer[:-1], before[name][:-1])
        assert not torch.equal(buffer[-1], before[name][-1])
    shuffled = later.copy()
    shuffled[:, -1] = rng.permutation(later[:, -1])
    assert clf.score(shuffled, y) < 0.9


# The samples are the same, but their values have changed.
@pytest.mark.filterwarnings("ignore:.*keeps state for each training row:UserWarning")
@every_method
def test_every_method_continues_and_is_stored(method):
    clf = short(method, max_epochs=3, warm_start=True).fit(CONSTANT, y)
    later = VARYING["far from zero"]
    clf.fit(later, y).partial_fit(later, y)
    twin = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(twin.predict_proba(later), clf.predict_proba(later))
    assert layer_of(clf).scale.all()
    np.testing.assert_array_equal(
        clf.fit(later, y).predict_proba(later), twin.fit(later, y).predict_proba(later)
    )


def test_weights_of_a_constant_column_are_still_the_initial_ones():
    initial = []

    class Keeps(MLP):
        def __init__(self, n_in, n_out):
            super().__init__(n_in, n_out, hidden=(8,))
            initial.append(self[1].weight.detach().clone())

    clf = short(module=Keeps, max_epochs=10).fit(CONSTANT, y)
    weight = clf.module_[1].weight
    assert torch.equal(weight[:, -1], initial[0][:, -1])
    assert not torch.equal(weight[:, 0], initial[0][:, 0])


def test_a_column_is_ignored_while_it_is_constant():
    """Only the rows of one call are compared: weights of another constant stay untrained."""
    clf = short(warm_start=True).fit(CONSTANT, y)
    moved = np.c_[X, np.full(200, 5.0)]
    twin = pickle.loads(pickle.dumps(clf)).fit(CONSTANT, y)
    np.testing.assert_array_equal(
        clf.fit(moved, y).predict_proba(X_with(9.0)), twin.predict_proba(X_with(9.0))
    )
    assert clf.fit(VARYING["ordinary"], y).module_[0].scale[-1] > 0


def X_with(value):
    return np.c_[X, np.full(200, value)]


def test_a_first_call_with_one_sample_does_not_silence_all_columns():
    clf = short().partial_fit(X[:1], y[:1], classes=[0, 1, 2])
    assert not clf.module_[0].scale.any()
    for _ in range(60):
        clf.partial_fit(X, y)
    assert clf.score(X, y) > 0.8


def test_channels_of_images_are_adapted_too():
    images, labels = small_images()
    dark = np.concatenate([0 * images, images], axis=1)
    clf = short(max_epochs=1, warm_start=True).fit(dark, labels)
    assert (layer_of(clf).scale > 0).tolist() == [False, True]
    clf.fit(dark[:, ::-1].copy(), labels)
    assert (layer_of(clf).scale > 0).all()


def test_an_error_restores_the_statistics():
    clf = short(warm_start=True).fit(CONSTANT, y)
    columns, before = clf.net_.columns_, clf.predict_proba(CONSTANT)
    clf.set_params(lr_schedule=lambda progress: np.nan)
    with pytest.raises(ValueError, match="lr_schedule"):
        clf.fit(VARYING["ordinary"], y)
    assert clf.net_.columns_ is columns and layer_of(clf).scale[-1] == 0
    np.testing.assert_array_equal(clf.predict_proba(VARYING["ordinary"]), before)


def test_networks_of_the_user_that_standardise_are_adapted():
    class Own(torch.nn.Sequential):
        def __init__(self, n_in, n_out):
            super().__init__(PiecewiseLinear(n_in, 4), torch.nn.Linear(5 * n_in, n_out))

    later = VARYING["far from zero"]
    clf = NoisyLabelClassifier("ce", module=Own, lr=0.03, max_epochs=30, warm_start=True)
    clf.set_params(random_state=0).fit(CONSTANT, y).fit(later, y)
    assert clf.score(later, y) > 0.97


def test_rows_are_read_again_only_if_a_column_was_constant():
    layer = Standardize(2)
    layer.adapt([(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.ones(2))])
    before = copied(layer)

    def batches():
        raise AssertionError
        yield

    layer.adapt_constant(batches())
    assert all(torch.equal(buffer, before[name]) for name, buffer in layer.named_buffers())


class Counting(Dataset):
    """Samples that count how often they are read."""

    def __init__(self, images, labels):
        self.images, self.labels, self.n_read = torch.from_numpy(images), labels, 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        self.n_read += 1
        return self.images[i], int(self.labels[i])


def test_the_networks_of_an_ensemble_read_the_rows_once():
    """Each of the eight convolutional networks read the whole Dataset for the same statistics."""
    images = Counting(*small_images(64))
    clf = short("bagging", max_epochs=1, module=CNN, module__widths=(4,), module__hidden=8)
    clf.fit(images)
    layers = [part for part in clf.module_.modules() if isinstance(part, Standardize)]
    assert len(layers) == 8
    assert all(torch.equal(layer.scale, layers[0].scale) for layer in layers)
    # Once for the labels, once for the statistics, once to train, and a few rows for checks.
    assert images.n_read < 3.5 * len(images)


def test_layers_that_differ_are_adapted_on_their_own():
    class Two(torch.nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.first, self.second = Standardize(n_in), PiecewiseLinear(n_in, 4)
            self.linear = torch.nn.Linear(6 * n_in, n_out)

        def forward(self, x):
            return self.linear(torch.cat([self.first(x), self.second(x)], dim=1))

    network = short(module=Two).fit(X, y).module_
    assert torch.equal(network.first.scale, network.second.scale)
    assert network.second.inverse_width.all()


def test_items_of_a_table_are_read_three_times_beside_the_epochs():
    """For the labels, for the columns and for the statistics of the first layer."""
    rows = Counting(X, y)
    short(max_epochs=2).fit(rows)
    assert rows.n_read < 5.2 * len(X)


NETWORKS = {
    "cnn": CNN,
    "resnet": partial(ResNet, n_blocks=(1,), widths=(4,)),
    "fine-tuned": partial(FineTuned, model=WithFC()),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_channels_are_standardised_by_the_training_fold(network, early_stopping):
    images = rng.integers(0, 256, size=(60, 3, 8, 8)).astype(np.uint8)
    # Each channel and each third of the samples has a range of its own.
    thirds = (1 + np.arange(60) // 20)[:, None, None, None]
    images = (images // np.array([1, 2, 4])[:, None, None] // thirds).astype(np.uint8)
    labels = np.arange(60) % 2
    clf = short(module=network, max_epochs=1, early_stopping=early_stopping)
    folds = cross_validate(
        clf, images, labels, cv=KFold(3), return_estimator=True, return_indices=True
    )
    for fitted, train in zip(folds["estimator"], folds["indices"]["train"], strict=True):
        layer = layer_of(fitted)
        mean, scale = -layer.shift / layer.scale, 1 / layer.scale
        fold = images[train].astype(float)
        # Without held-out samples the statistics are exactly those of the fold.
        tolerance = 0.05 if early_stopping else 1e-4
        np.testing.assert_allclose(mean, fold.mean((0, 2, 3)), rtol=tolerance)
        np.testing.assert_allclose(scale, fold.std((0, 2, 3)), rtol=tolerance)
