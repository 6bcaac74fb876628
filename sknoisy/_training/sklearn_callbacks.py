"""Support for the callbacks of scikit-learn 1.9 and later, which follow a fit and its epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9
    CallbackSupportMixin = type("CallbackSupportMixin", (), {})

    def with_callbacks(method: Callable) -> Callable:
        """Return the method unchanged: there are no callbacks to manage."""
        return method


class FitTasks:
    """Task of a fit, with a subtask for each epoch; does nothing without callbacks.

    Parameters
    ----------
    estimator : CallbackSupportMixin
    n_epochs : int
    """

    def __init__(self, estimator: Any, n_epochs: int) -> None:
        self._estimator = estimator
        listened = getattr(estimator, "_skl_callbacks", None)
        self._root = estimator._init_callback_context(max_subtasks=n_epochs) if listened else None

    def begin(self, X: Any, y: Any) -> None:
        """Announce the start of the fit, after X and y are checked."""
        if self._root is not None:
            self._data = {"X": X, "y": y}
            self._root.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch(self, **fitted: Any) -> bool:
        """Announce the end of an epoch, and return whether a callback requests a stop.

        Parameters
        ----------
        **fitted
            Attributes that make the estimator ready to predict.
        """
        if self._root is None:
            return False
        task = self._root.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        return bool(
            task.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=fitted, **self._data
            )
        )

    def end(self, **fitted: Any) -> None:
        """Announce the end of the fit."""
        if self._root is not None:
            self._root.call_on_fit_task_end(
                estimator=self._estimator, reconstruction_attributes=fitted, **self._data
            )
