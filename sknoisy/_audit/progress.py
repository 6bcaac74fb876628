"""A line on the terminal that says how far the audit is, and how long it still takes."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from sknoisy._runtime.time_left import time_left
from sknoisy._training.net import Callback

__all__ = ["Progress"]


class Progress:
    """A live line on a terminal, otherwise a line for each stage.

    Parameters
    ----------
    stream : file or None
        Where to write; None: nowhere.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self._is_live = stream is not None and stream.isatty()
        self._text = ""

    @classmethod
    def on_stderr(cls) -> Progress:
        """Write to the standard error stream."""
        return cls(sys.stderr)

    def stage(self, text: str) -> None:
        """Say what is done now."""
        self._write(f"{text} ...")

    def step(self, text: str, done: float, total: float, seconds: float) -> None:
        """Say how many parts of a stage are done, and estimate the time left; live only."""
        if self._is_live and done > 0:
            left = time_left(done, total, seconds)
            self._write(f"{text}: {done:.0f} of {total:.0f}, {left}")

    def close(self) -> None:
        """Remove the live line."""
        if self._is_live:
            self._write("")

    def callback(self, n_epochs: int) -> Any:
        """Make a callback that shows the epochs of a training."""
        return _EpochProgress(self, n_epochs)

    def _write(self, text: str) -> None:
        if self.stream is None:
            return
        if self._is_live:
            padding = " " * max(0, len(self._text) - len(text))
            self.stream.write(f"\r{text}{padding}" + "\r" * (not text))
        else:
            self.stream.write(f"{text}\n")
        self._text = text
        self.stream.flush()


class _EpochProgress(Callback):
    """Shows the epochs of a training."""

    def __init__(self, progress: Progress, n_epochs: int) -> None:
        self.progress, self.n_epochs = progress, n_epochs

    def __reduce__(self) -> tuple[Any, ...]:
        # A stream cannot be copied or pickled.
        return type(self), (Progress(), self.n_epochs)

    def on_train_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Begin to measure the time."""
        self._begin = time.monotonic()
        self.progress.stage("Training")

    def on_epoch_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Show the number of epochs."""
        n, seconds = len(net.history), time.monotonic() - self._begin
        self.progress.step("Training: epoch", n, max(n, self.n_epochs), seconds)
