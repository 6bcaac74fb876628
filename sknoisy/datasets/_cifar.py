"""CIFAR-10 and CIFAR-100, with human labels from CIFAR-N."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from sklearn.utils import Bunch

from sknoisy._validation.constraints import Names, checked
from sknoisy.datasets._download import RemoteFile, data_folder, get_file

__all__ = ["fetch_cifar10", "fetch_cifar100"]

_IMAGES = "https://www.cs.toronto.edu/~kriz"
_LABELS = "https://github.com/UCSC-REAL/cifar-10-100n/raw/main/data"
_CIFAR10 = RemoteFile(
    "cifar-10-python.tar.gz",
    f"{_IMAGES}/cifar-10-python.tar.gz",
    "c58f30108f718f92721af3b95e74349a",
)
_CIFAR100 = RemoteFile(
    "cifar-100-python.tar.gz",
    f"{_IMAGES}/cifar-100-python.tar.gz",
    "eb9058c3a382ffc7106e4002c42a8d85",
)
# No checksum was published. The file has the clean labels too, which are compared.
_CIFAR10N = RemoteFile("CIFAR-10_human.pt", f"{_LABELS}/CIFAR-10_human.pt", None)
_CIFAR100N = RemoteFile("CIFAR-100_human.pt", f"{_LABELS}/CIFAR-100_human.pt", None)
_COLUMNS = {
    "aggre": "aggre_label",
    "rand1": "random_label1",
    "rand2": "random_label2",
    "rand3": "random_label3",
    "worst": "worse_label",
}
_DESCR = """{name}: 32 x 32 colour images of {n} classes, 50,000 for training and 10,000 for tests.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The images come from the
web; the authors state no licence.

Human labels, {name}N: Wei et al., "Learning with Noisy Labels Revisited: A Study Using Real-World
Human Annotations", ICLR 2022. Licence: CC BY-NC 4.0, for non-commercial use only.
"""


@checked(
    subset=[Names({"train", "test"})],
    noisy_labels=[Names(set(_COLUMNS)), None],
    download_if_missing=["boolean"],
)
def fetch_cifar10(
    *,
    subset: str = "train",
    noisy_labels: str | None = None,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = False,
) -> Bunch:
    """Read CIFAR-10, with clean labels or the human labels of CIFAR-10N.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The part to read.
    noisy_labels : {"aggre", "rand1", "rand2", "rand3", "worst"} or None, default=None
        Labels of the training images: the vote of three annotators (9 % wrong), one of them (17 to
        18 %), or a wrong one where there is any (40 %). None: the clean labels.
    data_home : str, Path or None, default=None
        The files are in its subfolder ``cifar10``. None: the folder ``sknoisy_data`` in the home.
    download_if_missing : bool, default=False
        Whether to download files that are missing, 170 MB.

    Returns
    -------
    Bunch
        ``data``, ndarray of uint8 of shape (n_samples, 3, 32, 32); ``target``, the given labels,
        and ``clean_target``, ndarrays of int64; ``target_names``, list of str; ``DESCR``, str, with
        the licence.

    Raises
    ------
    OSError
        If a file is missing or damaged.
    """
    _check_subset(subset, noisy_labels is not None)
    folder = data_folder(data_home, "cifar10")
    archive = get_file(folder, _CIFAR10, download_if_missing)
    names = [f"data_batch_{i}" for i in range(1, 6)] if subset == "train" else ["test_batch"]
    batches, meta = _read(archive, names, "batches.meta")
    data, clean = _stack(batches, b"labels")
    target = clean.copy()
    if noisy_labels is not None:
        path = get_file(folder, _CIFAR10N, download_if_missing)
        target = _human_labels(path, _COLUMNS[noisy_labels], clean)
    return _bunch("CIFAR-10", data, target, clean, meta[b"label_names"])


@checked(
    subset=[Names({"train", "test"})], noisy_labels=["boolean"], download_if_missing=["boolean"]
)
def fetch_cifar100(
    *,
    subset: str = "train",
    noisy_labels: bool = False,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = False,
) -> Bunch:
    """Read CIFAR-100, with clean labels or the human labels of CIFAR-100N.

    Parameters
    ----------
    subset : {"train", "test"}, default="train"
        The part to read.
    noisy_labels : bool, default=False
        Whether the labels of the training images are those of an annotator, 40 % of them wrong.
    data_home : str, Path or None, default=None
        The files are in its subfolder ``cifar100``. None: the folder ``sknoisy_data`` in the home.
    download_if_missing : bool, default=False
        Whether to download files that are missing, 170 MB.

    Returns
    -------
    Bunch
        As in :func:`fetch_cifar10`.

    Raises
    ------
    OSError
        If a file is missing or damaged.
    """
    _check_subset(subset, noisy_labels)
    folder = data_folder(data_home, "cifar100")
    archive = get_file(folder, _CIFAR100, download_if_missing)
    batches, meta = _read(archive, [subset], "meta")
    data, clean = _stack(batches, b"fine_labels")
    target = clean.copy()
    if noisy_labels:
        path = get_file(folder, _CIFAR100N, download_if_missing)
        target = _human_labels(path, "noisy_label", clean)
    return _bunch("CIFAR-100", data, target, clean, meta[b"fine_label_names"])


def _check_subset(subset: str, is_noisy: bool) -> None:
    if subset == "test" and is_noisy:
        raise ValueError(
            "The 'noisy_labels' parameter is for the training images: the test labels are clean. "
            "Got subset='test'."
        )


def _bunch(
    name: str, data: np.ndarray, target: np.ndarray, clean: np.ndarray, names: list[bytes]
) -> Bunch:
    return Bunch(
        data=data,
        target=target,
        clean_target=clean,
        target_names=[label.decode() for label in names],
        DESCR=_DESCR.format(name=name, n=len(names)),
    )


def _read(archive: Path, names: list[str], meta: str) -> tuple[list[Any], Any]:
    """Read members of an archive by the last part of their names."""
    parts = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and (name := Path(member.name).name) in (*names, meta):
                parts[name] = _Unpickler(io.BytesIO(file.read()), encoding="bytes").load()
    return [parts[name] for name in names], parts[meta]


def _stack(batches: list[Any], key: bytes) -> tuple[np.ndarray, np.ndarray]:
    data = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[key] for batch in batches])
    return data.reshape(-1, 3, 32, 32), labels.astype(np.int64)


def _human_labels(path: Path, column: str, clean: np.ndarray) -> np.ndarray:
    """Read the labels of annotators, and check that they belong to these images."""
    try:
        # The file has arrays, which torch reads only as pickles; ours makes nothing else.
        columns = torch.load(path, weights_only=False, pickle_module=_ARRAYS_ONLY)
        found_clean, labels = (np.asarray(columns[name]) for name in ("clean_label", column))
    except (KeyError, RuntimeError, EOFError, TypeError, pickle.UnpicklingError) as error:
        raise OSError(
            f"The file {str(path)!r} is damaged: {type(error).__name__}: {error}. Delete it, and "
            "pass download_if_missing=True."
        ) from error
    if not np.array_equal(found_clean, clean) or labels.shape != clean.shape:
        raise OSError(
            f"The file {str(path)!r} is damaged: its clean labels are not those of the images. "
            "Delete it, and pass download_if_missing=True."
        )
    return labels.astype(np.int64)


class _Unpickler(pickle.Unpickler):
    """Makes arrays of numbers only, so that a file cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("_core", "core"), name) in _ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it has an object of the type {module}.{name}")


_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}
_ARRAYS_ONLY: Any = SimpleNamespace(
    __name__="pickle",
    Unpickler=_Unpickler,
    UnpicklingError=pickle.UnpicklingError,
    load=lambda file, **kwargs: _Unpickler(file, **kwargs).load(),
)
