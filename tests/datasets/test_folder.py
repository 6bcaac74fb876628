"""A folder of images with one subfolder for each class."""

import numpy as np
import pytest
from PIL import Image

from sknoisy.datasets import load_image_folder
from tests.factories import short


@pytest.fixture
def folder(tmp_path):
    for name in ("b/1.PNG", "a/2.png", "a/x/1.png", "b/3.png", "a/.hidden.png", ".git/4.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        value = 200 if name.startswith("a") else 20
        Image.new("L", (8, 8), value).save(tmp_path / name, format="png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    Image.new("L", (8, 8)).save(tmp_path / "outside.png")
    return tmp_path


def test_files_and_labels(folder):
    bunch = load_image_folder(folder)
    names = [path.removeprefix(str(folder)).strip("/") for path in bunch.data]
    assert names == ["a/2.png", "a/x/1.png", "b/1.PNG", "b/3.png"]
    assert bunch.target.tolist() == ["a", "a", "b", "b"]
    assert bunch.target_names == ["a", "b"]
    clf = short("ce").fit(bunch.data, bunch.target)
    np.testing.assert_array_equal(clf.classes_, ["a", "b"])
    assert clf.net_.row_shape_ == (1, 8, 8)


def test_folders_without_images_are_refused(folder):
    with pytest.raises(ValueError, match=r"'folder' parameter must be a folder\. Got '.*nowhere'"):
        load_image_folder(folder / "nowhere")
    with pytest.raises(ValueError, match=r"a subfolder with images for each class.*\.png"):
        load_image_folder(folder / "a" / "x")
