"""The rows that are audited: what a model gets of them, and what a reader sees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from sknoisy._audit.columns import kinds_of_columns
from sknoisy._audit.encode import table_encoder
from sknoisy._audit.repeated import RepeatedRows
from sknoisy._data.image_files import as_image_paths
from sknoisy._validation.frames import on_host

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Samples"]

# Images of several sizes, or larger ones, are resized to this height and width.
_IMAGE_SIZE, _MAX_IMAGE_SIZE = 32, 64


@dataclass(frozen=True)
class Samples:
    """Rows for a model and for a reader.

    Attributes
    ----------
    features : DataFrame, array or sparse matrix
        What the encoder or, without one, the classifier gets.
    shown : DataFrame
        The cells that a reader sees, without columns if there are none; its index names the rows.
    encoder : transformer or None
        Turns the features into numbers, if they need it.
    kinds : dict
        What each column is, if there are columns; see ``kinds_of_columns``.
    images : sequence of str, ndarray or None
        Paths or pixels of the images.
    image_size : tuple of (int, int) or None
        The size to which images are resized.
    """

    features: Any
    shown: pd.DataFrame
    encoder: BaseEstimator | None
    kinds: dict[Any, str]
    images: Any = None
    image_size: tuple[int, int] | None = None

    @classmethod
    def of(
        cls,
        X: Any,
        images: Any,
        folder: Any,
        encoder: Any,
        names: Any = None,
        ignore: Sequence[Any] = (),
    ) -> Samples:
        """Recognise tables, images in files and arrays of pixels.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix
        images : str or None
            Name of the column of X with the paths of images.
        folder : str or path or None
            What relative paths begin at; None: the working directory.
        encoder : "columns" or transformer
        names : Index or None
            Names of the rows, if X has none.
        ignore : sequence
            Names of columns that are shown, but not used.
        """
        import pandas as pd

        X = on_host(X)
        X = X.to_pandas() if hasattr(X, "to_pandas") else X
        if images is not None:
            return cls._of_column(X, images, folder)
        if not hasattr(X, "columns") and (paths := as_image_paths(X)) is not None:
            index = X.index if isinstance(X, pd.Series) else names
            shown = pd.DataFrame({"image": paths}, index=index)
            return cls._of_column(shown, "image", folder)
        if sp.issparse(X):
            index = pd.RangeIndex(X.shape[0]) if names is None else names
            return cls(sp.csr_array(X), pd.DataFrame(index=index), None, {})
        if not isinstance(X, pd.DataFrame):
            X = np.asarray(X)
            if X.ndim in (3, 4):
                index = pd.RangeIndex(len(X)) if names is None else names
                channels = X[:, None] if X.ndim == 3 else X
                return cls(channels, pd.DataFrame(index=index), None, {}, X)
            if X.ndim != 2:
                raise ValueError(
                    "The 'X' parameter of audit must be a table, images or paths of images. Got "
                    f"an array of shape {X.shape} instead."
                )
            X = pd.DataFrame(X, index=names, columns=[f"x{i}" for i in range(X.shape[1])])
        return cls._of_table(X, encoder, ignore)

    @classmethod
    def _of_table(cls, X: pd.DataFrame, encoder: Any, ignore: Sequence[Any]) -> Samples:
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()][0]
            raise ValueError(f"Names of columns must be distinct. {twice!r} occurs several times.")
        if unknown := [name for name in ignore if name not in X.columns]:
            raise ValueError(
                f"The 'ignore' parameter of audit must have names of columns: {list(X.columns)}. "
                f"Got {unknown[0]!r}."
            )
        kinds = kinds_of_columns(X) | dict.fromkeys(ignore, "left out: as asked")
        used = [name for name, kind in kinds.items() if not kind.startswith("left out")]
        if not used:
            reasons = "; ".join(f"{name!r} is {kind}" for name, kind in kinds.items())
            raise ValueError(f"No column says anything about the rows: {reasons or 'X has none'}.")
        if isinstance(encoder, str):
            encoder = table_encoder(kinds)
        else:
            encoder = make_pipeline(clone(encoder), SimpleImputer())
        # Encoders of other libraries may need column names that are strings.
        features = X[used].rename(columns=str) if all(isinstance(n, str) for n in used) else X[used]
        return cls(features, X, encoder, kinds)

    @classmethod
    def _of_column(cls, X: Any, images: str, folder: Any) -> Samples:
        if not hasattr(X, "columns") or images not in X.columns:
            names = list(getattr(X, "columns", []))
            raise ValueError(
                f"The 'images' parameter of audit must be the name of a column: one of {names}. "
                f"Got {images!r} instead."
            )
        root = Path("" if folder is None else folder)
        missing = X[images].isna().to_numpy()
        if missing.any():
            row = X.index.tolist()[int(missing.argmax())]
            raise ValueError(f"The column {images!r} has no path in row {row!r}.")
        paths = [os.fspath(root / str(path)) for path in X[images].tolist()]
        lost = [path for path in paths if not os.path.isfile(path)]
        if lost:
            raise ValueError(
                f"{len(lost)} of {len(paths)} images do not exist, the first of them {lost[0]!r}. "
                "Relative paths begin at the folder of the CSV file, or at 'folder'."
            )
        kinds = dict.fromkeys(X.columns, "shown, not used")
        kinds[images] = "images"
        features = np.array(paths, dtype=object)
        return cls(features, X, None, kinds, paths, _size_for(paths))

    def __len__(self) -> int:
        return len(self.shown)

    def take(self, rows: np.ndarray) -> Samples:
        """Return some of the rows."""
        features = self.features
        features = features.iloc[rows] if hasattr(features, "iloc") else features[rows]
        images = self.images
        if images is not None:
            images = images[rows] if isinstance(images, np.ndarray) else [images[i] for i in rows]
        shown = self.shown.iloc[rows]
        return Samples(features, shown, self.encoder, self.kinds, images, self.image_size)

    def repeated(self, codes: np.ndarray) -> RepeatedRows:
        """Find the rows that are equal."""
        if isinstance(self.images, list):
            return RepeatedRows.of_files(self.images, codes)
        if hasattr(self.features, "columns"):
            return RepeatedRows.of_table(self.features, codes)
        return RepeatedRows.of_array(self.features, codes)


def _size_for(paths: list[str]) -> tuple[int, int] | None:
    """Return the size to which images are resized, or None if they are small and alike."""
    from PIL import Image

    sizes = set()
    for path in paths:
        try:
            with Image.open(path) as image:
                sizes.add(image.size)
        except OSError as error:
            raise ValueError(f"The image {path!r} cannot be read: {error}.") from error
    small = len(sizes) == 1 and max(next(iter(sizes))) <= _MAX_IMAGE_SIZE
    return None if small else (_IMAGE_SIZE, _IMAGE_SIZE)
