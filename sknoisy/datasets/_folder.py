"""Images of a folder whose subfolders are the classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sknoisy._data.image_files import SUFFIXES

__all__ = ["load_image_folder"]


def load_image_folder(folder: str | Path) -> Bunch:
    """List the images in a folder with one subfolder for each class.

    The images are not read: :meth:`NoisyLabelClassifier.fit <sknoisy.NoisyLabelClassifier.fit>`
    takes paths.

    Parameters
    ----------
    folder : str or Path
        Images in subfolders of subfolders are of the class of the outer one. Hidden files and
        folders, other files and subfolders without images are left out.

    Returns
    -------
    Bunch
        ``data``, ndarray of shape (n_samples,), object: paths, in the order of their names;
        ``target``, ndarray of shape (n_samples,), object: names of the subfolders, the given
        labels; ``target_names``, list of str.

    Raises
    ------
    ValueError, TypeError
        If there is no such folder, or no image in a subfolder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
    ...         (Path(folder) / name).parent.mkdir(exist_ok=True)
    ...         (Path(folder) / name).touch()
    ...     load_image_folder(folder).target.tolist()
    ['cat', 'cat', 'dog']
    """
    if not isinstance(folder, str | Path):
        raise TypeError(
            f"The 'folder' parameter must be the path of a folder, str or Path. Got {folder!r} "
            "instead."
        )
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"The 'folder' parameter must be a folder. Got {str(root)!r} instead.")
    labelled: list[tuple[str, Any]] = []
    for path in sorted(root.glob("*/**/*")):
        inside = path.relative_to(root).parts
        is_hidden = any(part.startswith(".") for part in inside)
        if path.suffix.lower() in SUFFIXES and not is_hidden and path.is_file():
            labelled.append((inside[0], str(path)))
    if not labelled:
        raise ValueError(
            f"The 'folder' parameter must have a subfolder with images for each class, with one of "
            f"the suffixes {list(SUFFIXES)}. Got {str(root)!r}, which has none."
        )
    names, paths = zip(*labelled, strict=True)
    return Bunch(
        data=np.array(paths, dtype=object),
        target=np.array(names, dtype=object),
        target_names=sorted(set(names)),
    )
