"""Paths of images, and folders of them."""

import numpy as np
import pandas as pd
from PIL import Image

from sknoisy import SmoothingSearchCV
from sknoisy.datasets import load_image_folder
from sknoisy.ensemble import OpinionPoolClassifier
from tests.corpus._cases import Bad, fitted, folder, images, paths, y
from tests.factories import short

FOUR = [0, 1, 0, 1]


def fit(*names, **params):
    return short(max_epochs=1, **params).fit(paths(*names), FOUR[: len(names)])


BAD = {
    "no file": Bad(lambda: fit("a", "b", "c", "none"), "image '.*none.png' cannot .* no such file"),
    "no image": Bad(
        lambda: fit("a", "b", "c", "text"), "image '.*text.png' cannot be read: cannot"
    ),
    "empty file": Bad(lambda: fit("a", "b", "c", "empty"), "image '.*empty.png' cannot be read"),
    "cut file": Bad(lambda: fit("a", "b", "c", "cut"), "'.*cut.png' cannot be read: .*truncated"),
    "folder": Bad(lambda: fit("a", "b", "c", "folder"), "folder.png' cannot .*[Ii]s a directory"),
    "several sizes": Bad(
        lambda: fit("a", "b", "c", "tall"),
        r"\(8, 8\).*tall.png' has \(9, 8\). Set the 'image_size'",
    ),
    "text among paths": Bad(
        lambda: short().fit([*paths("a", "b", "c"), "notes.txt"], FOUR),
        r"X has 3 .*, but at position 3 'notes.txt'. The suffix of an image is one of \['.bmp'",
    ),
    "None among paths": Bad(
        lambda: short().fit([*paths("a", "b", "c"), None], FOUR), "but at position 3 None"
    ),
    "one path": Bad(
        lambda: short().fit(paths("a")[0], [0]),
        "X must be .* list of paths of images. Got '.*a.png'",
    ),
    "too few labels": Bad(lambda: short().fit(paths(*"abcd"), [0, 1]), r"inconsistent .*\[4, 2\]"),
    "frame with more than paths": Bad(
        lambda: short().fit(pd.DataFrame({"path": paths(*"abcd"), "z": 1}), FOUR),
        "text in column 'path'",
    ),
    "images of Pillow": Bad(
        lambda: short().fit([Image.new("RGB", (8, 8))] * 4, FOUR),
        "images of Pillow, of type Image. Pass their paths",
        TypeError,
    ),
    "paths after a table": Bad(lambda: fitted().predict(paths("a")), "dim 4, while dim 2"),
    "no file in predict": Bad(lambda: fit(*"abcd").predict(paths("none")), "no such file"),
    "cut file in predict": Bad(lambda: fit(*"abcd").predict(paths("cut")), "truncated"),
    "size of 0": Bad(lambda: fit(*"abcd", image_size=0), r"'image_size' parameter .*\[1.* Got 0"),
    "size of text": Bad(
        lambda: fit(*"abcd", image_size="8"), "'image_size' parameter .* must be .* Got '8'"
    ),
    "search": Bad(
        lambda: SmoothingSearchCV(short(), [0], cv=2, error_score="raise").fit(
            paths("a", "b", "c", "text"), [0, 0, 1, 1]
        ),
        "text.png' cannot be read",
    ),
    "pool": Bad(
        lambda: OpinionPoolClassifier().fit(paths(*"abcd"), FOUR),
        "takes arrays, .*Got paths of images instead: read them",
        TypeError,
    ),
    "pool of one path": Bad(
        lambda: OpinionPoolClassifier().fit(paths("a")[0], [0]), "X must be .* Got '.*a.png'"
    ),
    "folder of a number": Bad(
        lambda: load_image_folder(3), "'folder' parameter must be the path .* Got 3", TypeError
    ),
    "folder of None": Bad(
        lambda: load_image_folder(None), "'folder' parameter must be .* Got None", TypeError
    ),
    "folder of bytes": Bad(
        lambda: load_image_folder(b"/tmp"), "'folder' parameter must be .* Got b'/tmp'", TypeError
    ),
    "folder of a list": Bad(
        lambda: load_image_folder(["a"]), r"'folder' parameter must be .* Got \['a'\]", TypeError
    ),
    "folder that is none": Bad(
        lambda: load_image_folder("/none"), "'folder' parameter must be a folder. Got '/none'"
    ),
    "folder that is a file": Bad(
        lambda: load_image_folder(paths("a")[0]),
        "'folder' parameter must be a folder. Got '.*a.png",
    ),
    "folder without subfolders": Bad(
        lambda: load_image_folder(folder() / "cat"),
        r"'folder' parameter must have a subfolder with images .*\['.bmp'.* Got '.*cat'",
    ),
}

GOOD = {
    "paths": lambda: fit(*"abcd").predict(paths("a")),
    "resized": lambda: fit("a", "b", "c", "tall", image_size=8),
    "array of paths": lambda: short().fit(np.array(paths(*"abcd")), FOUR),
    "column of paths": lambda: short().fit(pd.DataFrame({"path": paths(*"abcd")}), FOUR),
    "Path objects": lambda: short().fit([folder() / f"{name}.png" for name in "abcd"], FOUR),
    "folder": lambda: load_image_folder(folder()),
    "folder as text": lambda: load_image_folder(str(folder())),
    "bytes after paths": lambda: fit(*"abcd").predict((255 * images).astype(np.uint8)),
    "fractions": lambda: short().fit(images, y).predict(images / 2),
}
