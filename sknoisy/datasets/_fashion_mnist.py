"""Fashion-MNIST."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sknoisy._validation.constraints import Names, checked
from sknoisy.datasets._download import RemoteFile, data_folder, get_file

__all__ = ["fetch_fashion_mnist"]

_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
_NAMES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
]  # fmt: skip
_DESCR = """Fashion-MNIST: 28 x 28 grey images of clothes, 60,000 for training and 10,000 for tests.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", arXiv:1708.07747, 2017. Licence: MIT. The labels are clean; make noisy ones with
sknoisy.noise.corrupt_labels.
"""


@checked(subset=[Names({"train", "test"})], download_if_missing=["boolean"])
def fetch_fashion_mnist(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = False,
) -> Bunch:
    """Read Fashion-MNIST.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The part to read.
    data_home : str, Path or None, default=None
        The files are in its subfolder ``fashion_mnist``. None: the folder ``sknoisy_data`` in the
        home.
    download_if_missing : bool, default=False
        Whether to download files that are missing, 30 MB.

    Returns
    -------
    Bunch
        ``data``, ndarray of uint8 of shape (n_samples, 1, 28, 28); ``target`` and ``clean_target``,
        ndarrays of int64 with the same labels; ``target_names``, list of str; ``DESCR``, str, with
        the licence.

    Raises
    ------
    OSError
        If a file is missing or damaged.
    """
    folder, part = data_folder(data_home, "fashion_mnist"), "train" if subset == "train" else "t10k"
    names = (f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz")
    files = (RemoteFile(name, f"{_URL}/{name}", _MD5[name]) for name in names)
    images, labels = (_read_idx(get_file(folder, file, download_if_missing)) for file in files)
    target = labels.astype(np.int64)
    return Bunch(
        data=images[:, None],
        target=target,
        clean_target=target.copy(),
        target_names=list(_NAMES),
        DESCR=_DESCR,
    )


def _read_idx(path: Path) -> np.ndarray:
    """Read an array of bytes: two zeros, type, number of axes, their lengths, values."""
    try:
        with gzip.open(path) as file:
            content = file.read()
        n_axes = content[3]
        shape = np.frombuffer(content, ">i4", n_axes, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise OSError(f"The file {str(path)!r} is damaged: {error}.") from error
