"""A line on a terminal that says how far a training is, and how long it still takes."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from sknoisy._runtime.time_left import time_left

__all__ = ["EpochLine"]

_ERASE = "\r\x1b[K"
_SHOWN = ("train_acc", "valid_acc")


class EpochLine:
    """One line of the standard output that is written again after each epoch.

    It needs a terminal. A file would keep all its versions, so there, and if one epoch only is
    trained, ``is_live`` is False and nothing is written.

    Parameters
    ----------
    verbose : int
        Only 1 asks for the line.
    n_before : int
        Number of epochs of earlier trainings.
    n_epochs : int
        Number of epochs that are trained now, at most.
    """

    def __init__(self, verbose: int, n_before: int, n_epochs: int) -> None:
        self.is_live = verbose == 1 and n_epochs > 1 and sys.stdout.isatty()
        self._n_before, self._n_epochs = n_before, n_epochs
        self._begin = time.monotonic()

    def show(self, history: Sequence[dict[str, Any]]) -> None:
        """Show the number of the last epoch, its accuracies and the time left."""
        if not self.is_live:
            return
        done, row = len(history) - self._n_before, history[-1]
        parts = [f"epoch {len(history)} of {self._n_before + self._n_epochs}"]
        values = {name: row.get(name, math.nan) for name in _SHOWN}
        parts += [f"{name} {value:.3f}" for name, value in values.items() if not math.isnan(value)]
        parts.append(time_left(done, self._n_epochs, time.monotonic() - self._begin))
        self._write(_ERASE + ", ".join(parts))

    def __enter__(self) -> EpochLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_live:
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
