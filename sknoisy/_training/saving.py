"""The method with which a classifier writes itself to a file."""

from __future__ import annotations

import os

from sknoisy._runtime.container import write_container
from sknoisy._training.model_file import document_of

__all__ = ["SavingMixin"]


class SavingMixin:
    """Mixin for a classifier that can be saved without code."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a file that contains no code, for :func:`sknoisy.load`.

        The file has the parameters and everything that was learned: a loaded classifier makes the
        same predictions and continues training in the same way. It consists of JSON and arrays, in
        the format of safetensors, and a checksum. If writing fails, a file that was there before
        is unchanged.

        Parameters
        ----------
        path : str or path-like
            The file, in an existing folder.

        Raises
        ------
        TypeError
            If a parameter cannot be stored without code: callbacks of skorch, an ``augment``,
            ``lr_schedule`` or ``optimizer`` of your own, a function in the parameters of a part,
            or a data frame. A ``module`` and a ``method`` of your own are stored by name, and
            passed to :func:`sknoisy.load`.

        See Also
        --------
        sknoisy.load : Load the file.

        Examples
        --------
        >>> import os, tempfile
        >>> import sknoisy
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = sknoisy.NoisyLabelClassifier("ce", max_epochs=2, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "iris.sknoisy")
        ...     clf.save(path)
        ...     loaded = sknoisy.load(path)
        >>> bool((loaded.predict_proba(X) == clf.predict_proba(X)).all())
        True
        """
        if SavingMixin not in type(self).__bases__:
            raise TypeError(
                f"save() cannot store {type(self).__name__} in a file without code, because it is "
                "a class of your own. Use pickle, joblib or cloudpickle."
            )
        write_container(path, *document_of(self))
