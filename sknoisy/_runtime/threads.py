"""The number of torch threads, and keyboard interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch

from sknoisy._runtime.locks import ForkSafeLock

__all__ = ["caught_sigint", "limit_threads"]

# With fewer multiplications in a step, a second thread costs more time than it saves.
_ONE_THREAD_WORK = 2**30


class _ThreadLimit:
    """Limit torch to one thread while a Python thread trains in small steps."""

    def __init__(self) -> None:
        self._lock, self._before = ForkSafeLock(), 1
        self.reset()

    def reset(self) -> None:
        """Forget the threads that train: a forked process has none of them."""
        self._inside, self._here = 0, threading.local()

    @contextlib.contextmanager
    def __call__(self, work: float) -> Iterator[None]:
        """Limit torch to one thread inside the context if a training step is small.

        Parameters
        ----------
        work : float
            Multiplications in a step: samples times parameters.
        """
        if work > _ONE_THREAD_WORK or hasattr(self._here, "before"):
            yield
            return
        with self._lock:
            before = torch.get_num_threads()
            if self._inside:
                # A new thread starts with the limit that any thread set last, which may be our 1.
                before = max(before, self._before)
            self._here.before = self._before = before
            self._inside += 1
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                torch.set_num_threads(self._here.before)
                del self._here.before


limit_threads = _ThreadLimit()
if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=limit_threads.reset)


@contextlib.contextmanager
def caught_sigint() -> Iterator[list]:
    """Record a real Ctrl-C, since skorch callbacks raise KeyboardInterrupt to stop early, too.

    Yields
    ------
    list
        The signal numbers: empty unless Ctrl-C was pressed inside the context.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)

    def record(number: int, frame: Any) -> None:
        if callable(before):
            try:
                before(number, frame)
            except KeyboardInterrupt:
                # Only a handler that raises ends the training; others let the program continue.
                pressed.append(number)
                raise

    if not callable(before):
        # The signal is ignored or handled outside Python: leave it alone.
        yield pressed
        return
    late: KeyboardInterrupt | None = None
    try:
        signal.signal(signal.SIGINT, record)
        yield pressed
    finally:
        while signal.getsignal(signal.SIGINT) is record:
            try:
                signal.signal(signal.SIGINT, before)
            except KeyboardInterrupt as interrupt:
                # Ctrl-C at this very moment must not leave our handler installed.
                late = interrupt
        if late is not None:
            raise late
