"""Embeddings: the outputs of a trained network, computed once for each sample and kept in files."""

from __future__ import annotations

import copy
import hashlib
import os
import zipfile
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sknoisy._data.images import as_images, decoded
from sknoisy._data.rows import Rows, as_rows
from sknoisy._data.samples import check_dataset_rows, check_table_or_images, is_dataset
from sknoisy._runtime.devices import find_device
from sknoisy._validation.constraints import Names
from sknoisy._validation.user_warnings import warn_user
from sknoisy.networks._heads import n_repeats, remove_head

__all__ = ["Embedder"]

# Means and standard deviations of the channels of ImageNet, in [0, 1].
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CPU = torch.device("cpu")


class Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Replace samples by the output of a trained network.

    In a pipeline before a classifier of tables it is a frozen backbone whose outputs are computed
    once instead of in each epoch. Each sample is embedded alone, so nothing is learned from the
    training set. With a ``cache``, a sample is embedded once in all fits, folds and sessions.

    Parameters
    ----------
    model : Module or callable
        The network, or what returns it, such as a factory of torchvision in a
        ``functools.partial`` with its ``weights``. An instance is copied. The last layer is
        removed if :class:`~sknoisy.networks.FineTuned` can replace it; otherwise the output is
        taken.
    image_size : int, tuple of (int, int) or None, default=None
        Height and width to which images are resized; None: images keep their size.
    normalize : "imagenet", None or tuple of (mean, std), default="imagenet"
        Means and standard deviations of the channels of images, with which they are standardised.
        Bytes are divided by 255 before. "imagenet": those of ImageNet, with which most networks
        were trained. None: the network gets images as they are, such as a network of this package,
        which standardises them itself. Tables are never changed.
    batch_size : int, default=64
        Number of samples that are embedded together.
    device : str or torch.device, default="auto"
        Where to compute, as in :class:`~sknoisy.NoisyLabelClassifier`.
    cache : str, Path or None, default=None
        Folder of files with embeddings, one for each network: the key of a sample are its values,
        the key of a network its weights and ``normalize``. Processes may share it. None: embeddings
        are not kept.

    Attributes
    ----------
    network_ : Module
        The network without its last layer.
    n_features_in_ : int
        Number of columns, or channels, seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, if all names of X are strings.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.embeddings import Embedder
    >>> X, y = load_digits(return_X_y=True)
    >>> trained = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU())
    >>> trained.fc = torch.nn.Linear(32, 1000)
    >>> Embedder(trained).fit_transform(X).shape
    (1797, 32)
    >>> clf = make_pipeline(Embedder(trained), NoisyLabelClassifier("elr", max_epochs=2))
    >>> clf.fit(X, y).predict(X).shape
    (1797,)
    """

    # Checks of X read these parameters of a classifier: images may have channels last.
    module = None
    precision = "float32"
    _channels_last = False

    _parameter_constraints: dict = {
        "model": [callable],
        "image_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "normalize": [Names({"imagenet"}), tuple, list, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "cache": [str, os.PathLike, None],
    }

    def __init__(
        self,
        model: nn.Module | Callable[[], nn.Module],
        *,
        image_size: int | tuple[int, int] | None = None,
        normalize: Any = "imagenet",
        batch_size: int = 64,
        device: str | torch.device = "auto",
        cache: str | os.PathLike | None = None,
    ) -> None:
        self.model = model
        self.image_size = image_size
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device
        self.cache = cache

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Embedder:
        """Make the network, and check it on the first sample.

        Parameters
        ----------
        X : of a type and shape that the ``fit`` of the classifier takes
            The samples: a table, images, paths of images, or a torch Dataset.
        y : object, default=None
            Ignored.

        Returns
        -------
        self
            The fitted transformer.
        """
        rows, is_bytes = self._rows(X, None)
        if self.normalize is not None:
            # Bytes are divided by 255, so that they may be mixed with fractions.
            self._pixel_range = ""
        network = copy.deepcopy(self.model) if isinstance(self.model, nn.Module) else self.model()
        if not isinstance(network, nn.Module):
            raise TypeError(
                "The 'model' parameter of Embedder must be a torch Module or make one. Got "
                f"{self.model!r:.80} instead."
            )
        remove_head(network)
        self.network_ = network.eval().requires_grad_(False)
        self.row_shape_ = rows.row_shape
        first = rows.span(0, 1)
        try:
            self._n_features_out = self._embedded(first, is_bytes).shape[1]
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(
                f"The 'model' parameter: {type(network).__name__} failed on the first row of X, of "
                f"shape {tuple(first.shape)}: {error}"
            ) from error
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Embed samples.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), float32
        """
        check_is_fitted(self, "network_")
        rows, is_bytes = self._rows(X, self.row_shape_)
        cache = None if self.cache is None else _Cache(Path(self.cache), self._key(is_bytes))
        parts = []
        for start in range(0, len(rows), self.batch_size):
            x = rows.span(start, min(start + self.batch_size, len(rows)))
            if cache is None:
                parts.append(self._embedded(x, is_bytes))
            else:
                parts.append(cache.get(x, lambda missing: self._embedded(missing, is_bytes)))
        if cache is not None:
            cache.save()
        return np.concatenate(parts)

    def _rows(self, X: Any, row_shape: tuple[int, ...] | None) -> tuple[Rows, bool]:
        """Check X; return its rows, and whether they are images of bytes."""
        X = decoded(self, X, row_shape)
        if is_dataset(X):
            X = as_images(self, X, row_shape, is_items=True)
            rows = as_rows(X, _CPU, torch.float32)
            check_dataset_rows(self, rows, row_shape)
            first = X[0][0] if isinstance(X[0], (tuple, list)) else X[0]
        else:
            X = check_table_or_images(self, X, reset=row_shape is None, row_shape=row_shape)
            rows, first = as_rows(X, _CPU, torch.float32), X
        is_bytes = getattr(first, "dtype", None) in (np.uint8, torch.uint8)
        return rows, is_bytes and len(rows.row_shape) == 3

    def _embedded(self, x: Tensor, is_bytes: bool) -> np.ndarray:
        device = find_device(self.device)
        network, x = self.network_.to(device), x.to(device)
        if x.dim() == 4:
            x = x.repeat(1, n_repeats(network, x.shape[1]), 1, 1)
        if x.dim() == 4 and (statistics := self._statistics()) is not None:
            mean, std = (x.new_tensor(part).view(1, -1, 1, 1) for part in statistics)
            x = ((x / 255 if is_bytes else x) - mean) / std
        with torch.no_grad():
            output = network(x)
        if not isinstance(output, Tensor):
            raise TypeError(
                "The 'model' parameter of Embedder must be a network that returns one tensor. Got "
                f"{type(output).__name__} instead."
            )
        return output.flatten(1).float().cpu().numpy()

    def _statistics(self) -> tuple[Any, Any] | None:
        if self.normalize is None:
            return None
        statistics: Any = _IMAGENET if isinstance(self.normalize, str) else self.normalize
        if len(statistics) != 2 or not np.all(np.asarray(statistics[1], dtype=float) > 0):
            raise ValueError(
                "The 'normalize' parameter must be 'imagenet', None, or a pair of means and "
                f"positive standard deviations. Got {self.normalize!r} instead."
            )
        mean, std = (np.ravel(part).tolist() for part in statistics)
        return mean, std

    def _key(self, is_bytes: bool) -> str:
        """Hash what an embedding depends on beside the sample."""
        digest = hashlib.blake2b(digest_size=16)
        settings = (self.row_shape_, is_bytes, self._statistics(), repr(self.network_))
        digest.update(repr(settings).encode())
        for name, value in self.network_.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class _Cache:
    """The embeddings of one network in a file; what other processes add meanwhile is kept."""

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{key}.npz"
        self.embeddings = self._read()
        self.is_changed = False

    def get(self, x: Tensor, embed: Callable[[Tensor], np.ndarray]) -> np.ndarray:
        """Look up the embeddings of samples, and compute those that are missing."""
        keys = [hashlib.blake2b(row.numpy().tobytes(), digest_size=16).digest() for row in x]
        missing = {key: i for i, key in enumerate(keys) if key not in self.embeddings}
        if missing:
            computed = embed(x[list(missing.values())])
            self.embeddings.update(zip(missing, computed, strict=True))
            self.is_changed = True
        return np.stack([self.embeddings[key] for key in keys])

    def save(self) -> None:
        """Write the file, whole or not at all."""
        if not self.is_changed:
            return
        merged = self._read() | self.embeddings
        keys = np.frombuffer(b"".join(merged), dtype=np.uint8).reshape(len(merged), -1)
        new = self.path.with_suffix(f".{os.getpid()}.tmp")
        with new.open("wb") as file:
            np.savez(file, keys=keys, values=np.stack(list(merged.values())))
        new.replace(self.path)

    def _read(self) -> dict[bytes, np.ndarray]:
        if not self.path.exists():
            return {}
        try:
            with self.path.open("rb") as file, np.load(file) as arrays:
                return dict(zip(map(bytes, arrays["keys"]), arrays["values"], strict=True))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            warn_user(
                f"The file {str(self.path)!r} of embeddings is damaged: {error}. It is made again."
            )
            return {}
