"""Loaders of data sets of images, on small files of the same form."""

import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
import torch

from sknoisy.datasets import (
    _cifar,
    _fashion_mnist,
    fetch_cifar10,
    fetch_cifar100,
    fetch_fashion_mnist,
    load_animal10n,
    load_clothing1m,
)

rng = np.random.default_rng(0)


def archive(members):
    """Make an archive as Krizhevsky's: pickles, protocol 2, of dicts with bytes as keys."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("cifar/"))
        for name, values in members.items():
            content = pickle.dumps(values, protocol=2)
            info = tarfile.TarInfo(f"cifar/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def batch(n, key, n_classes):
    images = rng.integers(0, 256, size=(n, 3072)).astype(np.uint8)
    return {b"data": images, key: (np.arange(n) % n_classes).tolist()}


def human(columns):
    buffer = io.BytesIO()
    torch.save(columns, buffer)
    return buffer.getvalue()


def serve(monkeypatch, server, module, name, content):
    """Serve a file in the place of a published one, with its own checksum."""
    file = getattr(module, name)
    server.files[f"/{file.name}"] = content
    md5 = None if file.md5 is None else hashlib.md5(content).hexdigest()
    new = file._replace(url=f"{server.url}/{file.name}", md5=md5)
    monkeypatch.setattr(module, name, new)


@pytest.fixture
def cifar10(monkeypatch, server):
    batches = {f"data_batch_{i}": batch(4, b"labels", 10) for i in range(1, 6)}
    batches |= {"test_batch": batch(3, b"labels", 10)}
    names = {b"label_names": [f"class {i}".encode() for i in range(10)]}
    serve(monkeypatch, server, _cifar, "_CIFAR10", archive({**batches, "batches.meta": names}))
    clean = np.concatenate([batches[f"data_batch_{i}"][b"labels"] for i in range(1, 6)])
    columns = {column: (clean + i) % 10 for i, column in enumerate(_cifar._COLUMNS.values(), 1)}
    labels = human({"clean_label": clean, **columns})
    serve(monkeypatch, server, _cifar, "_CIFAR10N", labels)
    return batches, clean


def test_cifar10(tmp_path, cifar10, server):
    batches, clean = cifar10
    data = fetch_cifar10(data_home=tmp_path, download_if_missing=True)
    expected = np.concatenate([batches[f"data_batch_{i}"][b"data"] for i in range(1, 6)])
    np.testing.assert_array_equal(data.data.reshape(20, -1), expected)
    assert data.data.shape == (20, 3, 32, 32)
    np.testing.assert_array_equal(data.target, clean)
    assert data.target_names[3] == "class 3"
    assert "CC BY-NC 4.0" in data.DESCR
    assert "CIFAR-10N" in data.DESCR
    test = fetch_cifar10(subset="test", data_home=tmp_path)
    assert test.target.tolist() == [0, 1, 2]
    assert len(server.requests) == 1


@pytest.mark.parametrize("i, kind", enumerate(_cifar._COLUMNS, 1))
def test_cifar10n(tmp_path, cifar10, i, kind):
    data = fetch_cifar10(noisy_labels=kind, data_home=tmp_path, download_if_missing=True)
    np.testing.assert_array_equal(data.clean_target, cifar10[1])
    np.testing.assert_array_equal(data.target, (cifar10[1] + i) % 10)


def test_labels_are_not_for_the_test_set(tmp_path):
    with pytest.raises(ValueError, match="'noisy_labels' parameter is for the training images"):
        fetch_cifar10(subset="test", noisy_labels="worst", data_home=tmp_path)
    with pytest.raises(ValueError, match="The 'noisy_labels' parameter of fetch_cifar10 must be"):
        fetch_cifar10(noisy_labels="wurst", data_home=tmp_path)
    with pytest.raises(OSError, match=r"There is no file '.*cifar-100-python.tar.gz'"):
        fetch_cifar100(data_home=tmp_path)


class Runs:
    def __reduce__(self):
        return (print, ("code of a file runs",))


@pytest.mark.parametrize("kind", ["other images", "short", "code", "no zip", "no column"])
def test_labels_that_do_not_belong_to_the_images_are_refused(
    tmp_path, cifar10, server, kind, capsys
):
    clean = cifar10[1]
    content = {
        "other images": human({"clean_label": clean[::-1], "worse_label": clean}),
        "short": human({"clean_label": clean, "worse_label": clean[:-1]}),
        "code": human({"clean_label": clean, "worse_label": Runs()}),
        "no zip": b"no zip",
        "no column": human({"clean_label": clean}),
    }[kind]
    server.files["/CIFAR-10_human.pt"] = content
    with pytest.raises(OSError, match=r"CIFAR-10_human.pt' is damaged: "):
        fetch_cifar10(noisy_labels="worst", data_home=tmp_path, download_if_missing=True)
    assert capsys.readouterr().out == ""


def test_cifar100(tmp_path, monkeypatch, server):
    parts = {"train": batch(200, b"fine_labels", 100), "test": batch(100, b"fine_labels", 100)}
    names = {b"fine_label_names": [f"c{i}".encode() for i in range(100)]}
    serve(monkeypatch, server, _cifar, "_CIFAR100", archive({**parts, "meta": names}))
    clean = np.array(parts["train"][b"fine_labels"])
    columns = {"clean_label": clean, "noisy_label": (clean + 1) % 100}
    serve(monkeypatch, server, _cifar, "_CIFAR100N", human(columns))
    data = fetch_cifar100(noisy_labels=True, data_home=tmp_path, download_if_missing=True)
    np.testing.assert_array_equal(data.target, columns["noisy_label"])
    np.testing.assert_array_equal(data.clean_target, clean)
    assert fetch_cifar100(subset="test", data_home=tmp_path).target.tolist() == list(range(100))


def test_fashion_mnist(tmp_path, monkeypatch, server):
    images, labels = rng.integers(0, 256, size=(6, 28, 28)).astype(np.uint8), np.arange(6)
    monkeypatch.setattr(_fashion_mnist, "_URL", server.url)
    for part in ("train", "t10k"):
        header = bytes([0, 0, 8, 3]) + np.array([6, 28, 28], ">i4").tobytes()
        files = {
            f"{part}-images-idx3-ubyte.gz": gzip.compress(header + images.tobytes()),
            f"{part}-labels-idx1-ubyte.gz": gzip.compress(
                bytes([0, 0, 8, 1, 0, 0, 0, 6]) + labels.astype(np.uint8).tobytes()
            ),
        }
        for name, content in files.items():
            server.files[f"/{name}"] = content
            monkeypatch.setitem(_fashion_mnist._MD5, name, hashlib.md5(content).hexdigest())
    for subset in ("train", "test"):
        data = fetch_fashion_mnist(subset=subset, data_home=tmp_path, download_if_missing=True)
        np.testing.assert_array_equal(data.data[:, 0], images)
        np.testing.assert_array_equal(data.target, labels)
    assert "Licence: MIT" in data.DESCR
    name = "t10k-labels-idx1-ubyte.gz"
    damaged = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9]))
    monkeypatch.setitem(_fashion_mnist._MD5, name, hashlib.md5(damaged).hexdigest())
    (tmp_path / "fashion_mnist" / name).write_bytes(damaged)
    with pytest.raises(OSError, match=r"t10k-labels.* is damaged"):
        fetch_fashion_mnist(subset="test", data_home=tmp_path)


def test_animal10n(tmp_path):
    for subset in ("training", "testing"):
        (tmp_path / subset).mkdir()
        for name in ("3_10.jpg", "0_11.jpg", "9_2.jpg", "notes.txt"):
            (tmp_path / subset / name).touch()
    data = load_animal10n(tmp_path)
    assert data.target.tolist() == [0, 3, 9]
    assert [data.target_names[label] for label in data.target] == ["cat", "coyote", "guinea pig"]
    assert data.data[1] == str(tmp_path / "training" / "3_10.jpg")
    assert data.clean_target is None
    assert load_animal10n(tmp_path, subset="test").clean_target.tolist() == [0, 3, 9]
    (tmp_path / "training" / "12_1.jpg").touch()
    with pytest.raises(OSError, match=r"12_1.jpg' must begin with a label, 0 to 9"):
        load_animal10n(tmp_path)
    with pytest.raises(OSError, match="Found no images in"):
        load_animal10n(tmp_path / "elsewhere")


@pytest.fixture(params=["annotations", "."])
def clothing(tmp_path, request):
    inside = tmp_path / request.param
    inside.mkdir(exist_ok=True)
    keys = [f"images/0/{i}.jpg" for i in range(4)]
    (tmp_path / "images" / "0").mkdir(parents=True)
    for key in keys:
        (tmp_path / key).touch()
    texts = {
        "noisy_train_key_list.txt": "\n".join(keys[:3]) + "\n",
        "clean_test_key_list.txt": "\n".join(keys[2:]),
        "noisy_label_kv.txt": "\n".join(f"{key} {i}" for i, key in enumerate(keys)) + "\n",
        "clean_label_kv.txt": "\n".join(f"{key} {i + 5}" for i, key in enumerate(keys) if i > 1),
    }
    for name, text in texts.items():
        (inside / name).write_text(text)
    return inside


def test_clothing1m(tmp_path, clothing):
    data = load_clothing1m(tmp_path)
    assert data.target.tolist() == [0, 1, 2]
    assert data.clean_target.tolist() == [-1, -1, 7]
    assert data.data[2] == str(tmp_path / "images/0/2.jpg")
    test = load_clothing1m(tmp_path, subset="clean_test")
    assert test.target.tolist() == test.clean_target.tolist() == [7, 8]


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("noisy_train_key_list.txt", None, "There is no file 'noisy_train_key_list.txt'"),
        ("noisy_label_kv.txt", "images/0/0.jpg 14", "a label, 0 to 13. Got 'images/0/0.jpg 14'"),
        ("noisy_label_kv.txt", "images/0/0.jpg 1", "3 images, of which 2 have no label, such as"),
        ("noisy_train_key_list.txt", "", "0 images"),
        ("noisy_train_key_list.txt", "images/0/9.jpg", "1 have no label"),
    ],
)
def test_damaged_lists_of_clothing1m_are_named(tmp_path, clothing, name, text, message):
    (clothing / name).unlink()
    if text is not None:
        (clothing / name).write_text(text)
    with pytest.raises(OSError, match=message):
        load_clothing1m(tmp_path)


def test_a_missing_image_of_clothing1m_is_named(tmp_path, clothing):
    (tmp_path / "images/0/0.jpg").unlink()
    with pytest.raises(OSError, match=r"0.jpg', the first of noisy_train, is missing"):
        load_clothing1m(tmp_path)
