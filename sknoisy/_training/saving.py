"""The methods with which a classifier writes itself to a file."""

from __future__ import annotations

import os
from typing import NoReturn

from sklearn.utils.validation import check_is_fitted

from sknoisy._runtime.container import write_container
from sknoisy._training.model_file import document_of
from sknoisy._training.onnx_export import export_to_onnx

__all__ = ["NotSavedMixin", "SavingMixin"]


class NotSavedMixin:
    """Mixin for a classifier with parts of other libraries, which cannot be stored without code."""

    def save(self, path: str | os.PathLike[str]) -> NoReturn:
        """Raise an error: use pickle, joblib or cloudpickle.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        TypeError
            Always. Trees and the classifiers in ``estimators`` are objects of other libraries.
        """
        raise TypeError(
            f"save() cannot store {type(self).__name__} in a file without code, because trees and "
            "other classifiers are objects of other libraries. Use pickle, joblib or cloudpickle, "
            "and load such files only if you trust whoever made them."
        )


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

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Export the trained model to ONNX, to predict without Python or torch.

        The graph computes the probabilities of a batch of any size from its samples: the transform
        of columns and their standardisation, all networks, and the correction by a transition
        matrix. Its input ``X`` is a table or images as in ``fit``, of the size to which ``fit`` has
        resized them; the dtype is that of the training, or float64 if single precision would blur a
        column. Its output is ``probabilities``, with columns in the order of the classes, which are
        in the metadata ``classes_``, as JSON. Needs ``sknoisy[onnx]``.

        Parameters
        ----------
        path : str or path-like
            The file, in an existing folder.

        Raises
        ------
        ImportError
            If onnx or onnxruntime is not installed.
        RuntimeError
            If probabilities of the graph, as onnxruntime computes them, differ by more than 1e-5.

        Notes
        -----
        Networks of ``precision="bf16-mixed"`` are exported in single precision, and those for
        images of "float64", too.
        """
        check_is_fitted(self, "net_")
        export_to_onnx(self, path)
