"""Images in files, and images that are resized."""

import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch.utils.data import Dataset

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy._data import image_files
from tests.factories import short

N = 24
rng = np.random.default_rng(0)
y = np.arange(N) % 2
images = rng.integers(0, 100, size=(N, 3, 8, 10)).astype(np.uint8)
images[y == 1, :, :4] += 150


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for i, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture
def paths(folder):
    return sorted(map(str, folder.glob("*.png")))


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    monkeypatch.setattr(image_files, "_CACHE", image_files._Cache())


FORMS = {
    "list of str": list,
    "list of Path": lambda paths: [Path(p) for p in paths],
    "tuple": tuple,
    "array": np.array,
    "array of objects": lambda paths: np.array([Path(p) for p in paths], dtype=object),
    "column of an array": lambda paths: np.array(paths, dtype=object)[:, None],
    "Series": pd.Series,
    "DataFrame": lambda paths: pd.DataFrame({"file": paths}),
    "upper case": lambda paths: paths,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_files_give_the_results_of_their_pixels(form, paths):
    X = form(paths)
    clf = short("ce").fit(X, y)
    expected = short("ce").fit(images, y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(images))
    assert clf.n_features_in_ == 3
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(X[:5]), clf.predict_proba(images[:5]))


def test_searches_pipelines_and_cross_validation(paths):
    grid = {"smoothing": [0.0, 0.1]}
    search = GridSearchCV(short("ce"), grid, cv=2, error_score="raise").fit(paths, y)
    same = GridSearchCV(short("ce"), grid, cv=2, error_score="raise").fit(images, y)
    score = "mean_test_score"
    np.testing.assert_array_equal(search.cv_results_[score], same.cv_results_[score])
    joint = SmoothingSearchCV(short("ce"), [0.0, 0.1], cv=2, error_score="raise").fit(paths, y)
    np.testing.assert_allclose(joint.cv_results_[score], same.cv_results_[score], atol=0.1)
    pipeline = make_pipeline(FunctionTransformer(), short("ce"))
    assert pipeline.fit(paths, y).predict(paths).shape == (N,)
    assert cross_val_predict(short("ce"), np.array(paths), y, cv=2).shape == (N,)


def test_partial_fit_and_the_default_take_files(paths):
    clf = short("ce").partial_fit(paths, y, classes=[0, 1]).partial_fit(paths[:7], y[:7])
    assert clf.predict(paths).shape == (N,)
    assert NoisyLabelClassifier(max_epochs=3, random_state=0).fit(paths, y).score(paths, y) > 0.4


@pytest.mark.parametrize("size", [(4, 5), [4, 5], 6])
def test_images_are_resized(size, paths):
    clf = short("ce", image_size=size).fit(paths, y)
    assert clf.net_.row_shape_ == (3, *((6, 6) if size == 6 else size))
    assert clf.predict_proba(images).shape == (N, 2)
    # Pillow and torch resize alike, up to the rounding of bytes.
    np.testing.assert_allclose(clf.predict_proba(paths), clf.predict_proba(images), atol=0.05)


ARRAYS = {
    "reversed": lambda X: X[:, :, ::-1],
    "other byte order": lambda X: X.astype(">f4"),
    "float16": lambda X: X.astype(np.float16),
    "tensor of float16": lambda X: torch.tensor(X).half(),
    "read-only": lambda X: np.broadcast_to(X, X.shape),
}


@pytest.mark.parametrize("form", [lambda X: X, list], ids=["array", "list"])
@pytest.mark.parametrize("kind", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_all_kinds_are_resized(kind, form):
    """Torch takes no arrays of reversed axes or bytes, and resizes no half precision."""
    X = kind(images)
    expected = np.asarray(X, dtype=np.float32)
    result = short("ce", image_size=8).fit(form(X), y).predict_proba(form(X))
    same = short("ce", image_size=8).fit(expected, y).predict_proba(expected)
    np.testing.assert_allclose(result, same, atol=0.02)


class Pillows(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, i):
        return Image.fromarray(images[i].transpose(1, 2, 0)), int(y[i])


@pytest.mark.parametrize("size", [None, 8])
def test_images_of_pillow_are_refused(size):
    """Heights were taken for channels."""
    with pytest.raises(TypeError, match=r"Pillow, of type Image\. Pass their paths, or arrays"):
        short("ce", image_size=size).fit([Pillows()[i][0] for i in range(N)], y)
    with pytest.raises(TypeError, match=r"Got x of type Image"):
        short("ce", image_size=size).fit(Pillows())


def test_no_images_are_not_resized():
    clf = short("ce", image_size=8).fit(images, y)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        clf.predict(images[:0])


class Unequal(Dataset):
    def __len__(self):
        return N

    def __getitem__(self, i):
        return torch.from_numpy(images[i][:, : 6 + i % 3]), int(y[i])


def test_a_dataset_of_images_of_several_sizes(paths):
    with pytest.raises(ValueError, match=r"the same shape.*'image_size' parameter"):
        short("ce").fit(Unequal())
    clf = short("ce", image_size=8).fit(Unequal())
    assert clf.net_.row_shape_ == (3, 8, 8)
    assert clf.predict(Unequal()).shape == (N,)


def test_a_list_of_images_of_several_sizes():
    unequal = [image[:, : 6 + i % 3] for i, image in enumerate(images)]
    with pytest.raises(ValueError, match=r"several shapes.*'image_size'"):
        short("ce").fit(unequal, y)
    clf = short("ce", image_size=8).fit(unequal, y)
    expected = short("ce", image_size=8).fit(Unequal()).predict_proba(Unequal())
    np.testing.assert_array_equal(clf.predict_proba(unequal), expected)


def test_a_list_of_images_of_several_sizes_with_channels_last():
    """Heights were taken for channels."""
    unequal = [image[:, :, : 6 + i % 3] for i, image in enumerate(images)]
    last = [image.transpose(1, 2, 0) for image in unequal]
    clf = short("ce", image_size=8).fit(last, y)
    expected = short("ce", image_size=8).fit(unequal, y)
    np.testing.assert_array_equal(clf.predict_proba(last), expected.predict_proba(unequal))
    with pytest.raises(ValueError, match="channels first"):
        clf.predict(unequal)


@pytest.mark.parametrize("decoded", [0.0, 0.5])
def test_files_after_a_fit_to_images_with_channels_last(decoded, paths, monkeypatch):
    """The advice was to transpose the paths."""
    monkeypatch.setattr(image_files, "_MAX_DECODED", decoded)
    clf = short("ce").fit(images.transpose(0, 2, 3, 1), y)
    expected = short("ce").fit(images, y)
    np.testing.assert_array_equal(clf.predict_proba(paths), expected.predict_proba(images))
    np.testing.assert_array_equal(
        clf.partial_fit(paths, y).predict_proba(paths),
        expected.partial_fit(images, y).predict_proba(images),
    )


def test_files_of_several_sizes(tmp_path, paths):
    Image.new("RGB", (5, 6)).save(tmp_path / "other.png")
    mixed = [*paths[:-1], str(tmp_path / "other.png")]
    with pytest.raises(ValueError, match=r"several sizes.*\(8, 10\).*other\.png.*\(6, 5\)"):
        short("ce").fit(mixed, y)
    assert short("ce", image_size=8).fit(mixed, y).predict(mixed).shape == (N,)


@pytest.mark.parametrize(
    ("mode", "n_channels"), [("L", 1), ("1", 1), ("LA", 1), ("P", 3), ("RGBA", 3), ("CMYK", 3)]
)
def test_modes_of_files(mode, n_channels, tmp_path):
    suffix = "tif" if mode == "CMYK" else "png"
    files = [tmp_path / f"{i}.{suffix}" for i in range(N)]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).convert(mode).save(file)
    clf = short("ce").fit(files, y)
    assert clf.n_features_in_ == n_channels
    # Images of fit decide: later ones are converted.
    color = tmp_path / "color.png"
    Image.fromarray(images[0].transpose(1, 2, 0)).save(color)
    assert clf.predict([color]).shape == (1,)


def test_orientation_is_that_of_the_camera(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(images[0].transpose(1, 2, 0)).save(tmp_path / "a.png", exif=exif)
    decoded = image_files.read_image_files([str(tmp_path / "a.png")], None)
    np.testing.assert_array_equal(decoded[0], np.rot90(images[0], -1, axes=(1, 2)))


def test_files_that_cannot_be_read_are_named(tmp_path, paths):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(Path(paths[0]).read_bytes()[:60])
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    deep = tmp_path / "deep.png"
    Image.fromarray(np.zeros((8, 10), dtype=np.uint16)).save(deep)
    for file, reason in [
        (damaged, ""), (text, ""), (tmp_path / "missing.png", "there is no such file"),
        (deep, "more than 8 bits"),
    ]:  # fmt: skip
        for position in (0, 5):
            broken = [*paths]
            broken[position] = str(file)
            with pytest.raises(ValueError, match=f"{file.name}' cannot be read: .*{reason}"):
                short("ce").fit(broken, y)


def test_images_that_do_not_fit_into_memory_are_decoded_in_each_epoch(paths, monkeypatch):
    expected = short("ce").fit(paths, y).predict_proba(paths)
    monkeypatch.setattr(image_files, "_MAX_DECODED", 0.0)
    monkeypatch.setattr(image_files, "_MAX_CACHED", 0.0)
    monkeypatch.setattr(image_files, "_CACHE", image_files._Cache())
    clf = short("ce").fit(paths, y)
    np.testing.assert_array_equal(clf.predict_proba(paths), expected)
    assert not image_files._CACHE._images


def test_images_are_decoded_once_for_all_fits_of_a_search(paths, monkeypatch):
    calls, decode = [], image_files._decoded
    monkeypatch.setattr(image_files, "_decoded", lambda *args: calls.append(args) or decode(*args))
    GridSearchCV(short("ce"), {"lr": [0.1, 0.01]}, cv=2, error_score="raise").fit(paths, y)
    # Each fit and prediction reads its first image to learn its shape.
    assert len(calls) < N + 12


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a.png"
    for value in (3, 4):
        Image.new("L", (4, 4), value).save(path)
        os.utime(path, ns=(value, value))
        assert image_files.read_image_files([str(path)], None).max() == value


@pytest.mark.parametrize("size", [0, (4,), (4, 0), (4, 5, 6), 2.5, "8", (4.0, 4.0), [True, "a"]])
def test_sizes_that_are_none(size, paths):
    with pytest.raises(ValueError, match="'image_size' parameter"):
        short("ce", image_size=size).fit(paths, y)


def test_texts_are_no_paths():
    with pytest.raises((ValueError, TypeError), match=r"text|string|convert"):
        short("ce").fit([f"a picture of {i}.png or not" + "?" * (i == 3) for i in range(N)], y)


@pytest.mark.parametrize("value", [None, np.nan, "cat.txt", 3, np.zeros(4)])
@pytest.mark.parametrize("form", [list, pd.Series])
def test_a_value_that_is_no_path_is_named(value, form, paths):
    X = form([*paths[:5], value, *paths[6:]])
    with pytest.raises(ValueError, match=r"23 texts that are paths of images, but at position 5"):
        short("ce").fit(X, y)


@pytest.mark.parametrize("form", [str, Path])
def test_a_single_path_is_refused(form, folder, paths):
    clf = short("ce").fit(paths, y)
    for path in (folder, paths[0]):
        with pytest.raises(ValueError, match=r"list of paths of images.*load_image_folder"):
            clf.predict(form(path))
