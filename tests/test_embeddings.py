"""Embeddings of samples by a trained network, and their cache."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from sknoisy.embeddings import Embedder
from sknoisy.networks import CNN, capture_features
from tests.factories import short, small_images
from tests.networks.foreign import NETWORKS, WithFC

X, y = small_images(n_channels=3)
BYTES = (255 * X / X.max()).astype(np.uint8)


@parametrize_with_checks([Embedder(nn.Sequential(), device="cpu")])
def test_it_is_a_transformer_of_scikit_learn(estimator, check):
    check(estimator)


class Counted(WithFC):
    """Counts the samples that it sees."""

    n_seen = 0

    def forward(self, x):
        Counted.n_seen += len(x)
        return super().forward(x)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_last_layer_is_removed(network):
    embedder = Embedder(network()).fit(X)
    assert embedder.transform(X).shape == (48, 6 if network.__name__ == "WithClassifier" else 8)
    assert embedder.get_feature_names_out()[0] == "embedder0"
    assert not embedder.network_.training


def test_bytes_are_standardised_as_by_torchvision():
    embedder = Embedder(nn.Flatten(), normalize=((0.5, 0.4, 0.3), (0.1, 0.2, 0.3))).fit(BYTES)
    mean, std = np.array([[0.5, 0.4, 0.3], [0.1, 0.2, 0.3]])[:, None, :, None, None]
    expected = (BYTES / 255 - mean) / std
    np.testing.assert_allclose(
        embedder.transform(BYTES), expected.reshape(48, -1), rtol=1e-4, atol=1e-5
    )
    floats = (BYTES / 255).astype(np.float32)
    np.testing.assert_allclose(embedder.transform(floats), embedder.transform(BYTES), atol=1e-5)
    plain = Embedder(nn.Flatten(), normalize=None).fit_transform(floats)
    np.testing.assert_array_equal(plain, floats.reshape(48, -1))
    last = np.ascontiguousarray(BYTES.transpose(0, 2, 3, 1))
    moved = Embedder(nn.Flatten(), normalize=None).fit_transform(last)
    np.testing.assert_array_equal(moved, BYTES.reshape(48, -1))


def test_a_sample_is_embedded_once_in_all_folds_and_sessions(tmp_path):
    embedder = Embedder(Counted(), cache=tmp_path / "cache", batch_size=7)
    pipeline = make_pipeline(embedder, short())
    Counted.n_seen = 0
    search = GridSearchCV(pipeline, {"noisylabelclassifier__lr": [0.1, 0.01]}, cv=3).fit(BYTES, y)
    n_fits = 3 * 2 + 1
    assert Counted.n_seen == 48 + n_fits  # One sample more in each fit, to check the network.
    before = search.predict_proba(BYTES)
    np.testing.assert_array_equal(search.predict_proba(BYTES), before)
    again = clone(embedder).fit(BYTES)
    assert Counted.n_seen == 48 + n_fits + 1
    embeddings = again.transform(BYTES)
    assert Counted.n_seen == 48 + n_fits + 1
    np.testing.assert_allclose(
        embeddings, clone(embedder).set_params(cache=None).fit_transform(BYTES), atol=1e-6
    )
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("change", ["weights", "normalize", "bytes"])
def test_another_network_or_setting_has_embeddings_of_its_own(tmp_path, change):
    torch.manual_seed(0)
    first, second = WithFC(), WithFC()
    embedder = Embedder(first, cache=tmp_path)
    before = embedder.fit_transform(BYTES)
    data = BYTES
    if change == "weights":
        embedder = Embedder(second, cache=tmp_path)
    elif change == "normalize":
        embedder.set_params(normalize=None)
    else:
        data = BYTES.astype(np.float32)
    after = embedder.fit_transform(data)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(
        after, embedder.set_params(cache=None).fit_transform(data), atol=1e-6
    )


def test_a_network_of_this_package_has_the_features_of_the_classifier():
    clf = short(module=CNN, module__hidden=7).fit(BYTES, y)
    features = Embedder(clf.module_, normalize=None).fit_transform(BYTES)
    _, expected = capture_features(clf.module_, torch.tensor(BYTES).float())
    np.testing.assert_allclose(features, expected.detach(), atol=1e-5)


def test_a_damaged_file_is_made_again(tmp_path):
    embedder = Embedder(WithFC(), cache=tmp_path)
    before = embedder.fit_transform(BYTES)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(UserWarning, match="is damaged.*It is made again"):
        np.testing.assert_allclose(embedder.transform(BYTES), before, atol=1e-6)
    np.testing.assert_allclose(embedder.transform(BYTES), before, atol=1e-6)


def test_what_another_process_adds_meanwhile_is_kept(tmp_path):
    from sknoisy.embeddings import _Cache

    x = torch.arange(6.0).view(6, 1)
    first, second = _Cache(tmp_path, "k"), _Cache(tmp_path, "k")
    for cache, part in ((first, x[:3]), (second, x[3:])):
        cache.get(part, lambda rows: rows.numpy())
        cache.save()
    assert _Cache(tmp_path, "k").get(x, lambda rows: pytest.fail("computed")).ravel().tolist() == [
        0, 1, 2, 3, 4, 5,
    ]  # fmt: skip


def test_paths_of_images(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(len(BYTES))]
    for path, image in zip(paths, BYTES, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(path)
    embedder = Embedder(WithFC(), image_size=8, cache=tmp_path / "cache")
    embeddings = embedder.fit_transform(list(map(str, paths)))
    np.testing.assert_allclose(embeddings, embedder.fit_transform(BYTES), atol=1e-6)
    clf = make_pipeline(embedder, short(max_epochs=60)).fit(paths, y)
    assert clf.score(paths, y) > 0.8


def test_grey_images_are_repeated():
    grey, _ = small_images()
    assert Embedder(WithFC()).fit_transform(grey).shape == (48, 8)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"model": None}, "'model' parameter"),
        ({"model": lambda: None}, "must be a torch Module or make one"),
        ({"model": nn.Linear(5, 2)}, "Linear failed on the first row of X, of shape"),
        ({"normalize": ((0.5,), (0.0,))}, "'normalize' parameter must be 'imagenet', None, or"),
        ({"normalize": "mnist"}, "'normalize' parameter"),
        ({"image_size": 0}, "'image_size' parameter"),
        ({"device": "cuda:77"}, "'device' parameter"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    embedder = Embedder(partial(WithFC)).set_params(**params)
    with pytest.raises((ValueError, TypeError), match=message):
        embedder.fit(X)
