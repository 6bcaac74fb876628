"""Load a classifier from a file without code."""

from __future__ import annotations

import os
from collections.abc import Callable

from torch import nn

from sknoisy._runtime.container import read_container
from sknoisy._training.model_file import classifier_from, given_parts
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import Method

__all__ = ["load"]


def load(
    path: str | os.PathLike[str],
    *,
    module: Callable[..., nn.Module] | None = None,
    method: type[Method] | Method | None = None,
) -> NoisyLabelClassifier:
    """Load a classifier from a file that its ``save`` has written.

    Nothing in the file is code, so it may come from a stranger. No object but data is made of it,
    and no more memory is needed than a few times its size. A checksum detects a damaged file; it
    does not tell who has made it. A classifier that was trained on a device that is not available
    here is loaded to the CPU, with a warning.

    Parameters
    ----------
    path : str or path-like
        The file.
    module : Module class, callable or Module instance, default=None
        The network, if it was one of your own: the file has its weights and the name of its code.
        It gets its parameters from the file.
    method : Method class or instance, default=None
        The method, if it was one of your own. Its parameters and state are those of the file.

    Returns
    -------
    NoisyLabelClassifier

    Raises
    ------
    ValueError
        If the file is damaged, of another kind, or written by a later version of sknoisy.
    TypeError
        If ``module`` or ``method`` must be given, or must not.

    See Also
    --------
    sknoisy.NoisyLabelClassifier.save : Write the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import sknoisy
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = sknoisy.NoisyLabelClassifier("ce", max_epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(Path(folder, "iris.sknoisy"))
    ...     loaded = sknoisy.load(Path(folder, "iris.sknoisy"))
    >>> bool((loaded.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """
    document, arrays = read_container(path)
    users = given_parts(document.get("given"), module, method)
    try:
        return classifier_from(document, arrays, users, NoisyLabelClassifier)
    except (ImportError, MemoryError, Warning):
        raise
    except Exception as error:
        # The checksum is right, so the file was made like that, or the user's code fails.
        reason = f"{type(error).__name__}: {error}"[:1000].rstrip(".")
        raise ValueError(
            f"{os.fspath(path)!r} cannot be loaded. {reason}. The file was written with "
            f"{document.get('versions')!r:.200}."
        ) from error
