"""Data sets with real label noise whose images must be requested from their authors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sknoisy._data.image_files import SUFFIXES
from sknoisy._validation.constraints import Names, checked

__all__ = ["load_animal10n", "load_clothing1m"]

_ANIMALS = [
    "cat", "lynx", "wolf", "coyote", "cheetah", "jaguar", "chimpanzee", "orangutan", "hamster",
    "guinea pig",
]  # fmt: skip
_ANIMAL_DESCR = """ANIMAL-10N: 64 x 64 colour images of five pairs of similar animals, 50,000 for
training with about 8 % of wrong labels and 5,000 for tests.

Song, Kim and Lee, "SELFIE: Refurbishing Unclean Samples for Robust Deep Learning", ICML 2019. The
images come from search engines; the authors give them on request, for research.
"""
_CLOTHING_DESCR = """Clothing1M: a million images of 14 kinds of clothes, with labels from the text
around them, about 38 % of them wrong. 50,000, 14,000 and 10,000 images have clean labels.

Xiao et al., "Learning from Massive Noisy Labeled Data for Image Classification", CVPR 2015. The
authors give the images on request, for non-commercial research.
"""
_CLOTHES = [
    "T-Shirt", "Shirt", "Knitwear", "Chiffon", "Sweater", "Hoodie", "Windbreaker", "Jacket",
    "Downcoat", "Suit", "Shawl", "Dress", "Vest", "Underwear",
]  # fmt: skip
_SUBSETS = ("noisy_train", "clean_train", "clean_val", "clean_test")


@checked(subset=[Names({"train", "test"})])
def load_animal10n(folder: str | os.PathLike, *, subset: str = "train") -> Bunch:
    """List the images of ANIMAL-10N, whose human labels are noisy.

    Parameters
    ----------
    folder : str or Path
        With the subfolders ``training`` and ``testing``; names of files begin with the label, such
        as ``3_17.jpg``.
    subset : {"train", "test"}, default="train"
        The part to list.

    Returns
    -------
    Bunch
        ``data``, ndarray of object: paths; ``target``, ndarray of int64: the given labels;
        ``clean_target``: the same in the test set, otherwise None; ``target_names``, list of str;
        ``DESCR``, str, with the licence.

    Raises
    ------
    OSError
        If there is no such folder, no image in it, or a name without a label.
    """
    inside = Path(folder) / ("training" if subset == "train" else "testing")
    paths = sorted(p for p in inside.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise OSError(
            f"Found no images in {str(inside)!r}. The folder of ANIMAL-10N has the subfolders "
            "'training' and 'testing'."
        )
    labels = [path.name.partition("_")[0] for path in paths]
    for path, label in zip(paths, labels, strict=True):
        if not (label.isdecimal() and int(label) < len(_ANIMALS)):
            raise OSError(
                f"The name of {str(path)!r} must begin with a label, 0 to {len(_ANIMALS) - 1}, and "
                "an underscore."
            )
    target = np.array(labels, dtype=np.int64)
    return Bunch(
        data=np.array(list(map(str, paths)), dtype=object),
        target=target,
        clean_target=target.copy() if subset == "test" else None,
        target_names=list(_ANIMALS),
        DESCR=_ANIMAL_DESCR,
    )


@checked(subset=[Names(set(_SUBSETS))])
def load_clothing1m(folder: str | os.PathLike, *, subset: str = "noisy_train") -> Bunch:
    """List the images of Clothing1M, whose labels come from web pages.

    Parameters
    ----------
    folder : str or Path
        With the subfolder ``images`` and, in it or in its subfolder ``annotations``, the lists
        ``noisy_label_kv.txt``, ``clean_label_kv.txt`` and ``noisy_train_key_list.txt`` or that of
        the subset.
    subset : {"noisy_train", "clean_train", "clean_val", "clean_test"}, default="noisy_train"
        The part to list.

    Returns
    -------
    Bunch
        ``data``, ndarray of object: paths; ``target``, ndarray of int64: the noisy labels of
        "noisy_train" and the clean ones of the others; ``clean_target``, ndarray of int64: -1 where
        it is not known; ``target_names``, list of str; ``DESCR``, str, with the licence.

    Raises
    ------
    OSError
        If a list or the first image is missing, or an image has no label.
    """
    root = Path(folder)
    keys = _lines(root, f"{subset}_key_list.txt")
    clean = _labels(root, "clean_label_kv.txt")
    given = _labels(root, "noisy_label_kv.txt") if subset == "noisy_train" else clean
    without = [key for key in keys if key not in given]
    if without or not keys:
        raise OSError(
            f"{subset}_key_list.txt in {str(root)!r} has {len(keys)} images, of which "
            f"{len(without)} have no label{', such as ' + repr(without[0]) if without else ''}."
        )
    if not (root / keys[0]).exists():
        raise OSError(f"The image {str(root / keys[0])!r}, the first of {subset}, is missing.")
    return Bunch(
        data=np.array([str(root / key) for key in keys], dtype=object),
        target=np.array([given[key] for key in keys], dtype=np.int64),
        clean_target=np.array([clean.get(key, -1) for key in keys], dtype=np.int64),
        target_names=list(_CLOTHES),
        DESCR=_CLOTHING_DESCR,
    )


def _lines(root: Path, name: str) -> list[str]:
    for path in (root / "annotations" / name, root / name):
        if path.exists():
            return [line for line in path.read_text().splitlines() if line]
    raise OSError(f"There is no file {name!r} in {str(root)!r} or its subfolder 'annotations'.")


def _labels(root: Path, name: str) -> dict[str, int]:
    labels = {}
    for line in _lines(root, name):
        key, _, label = line.rpartition(" ")
        if not (key and label.isdecimal() and int(label) < len(_CLOTHES)):
            raise OSError(
                f"A line of {name!r} in {str(root)!r} must be a path and a label, 0 to "
                f"{len(_CLOTHES) - 1}. Got {line!r:.80}."
            )
        labels[key] = int(label)
    return labels
