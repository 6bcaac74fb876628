"""Threads of torch, and interrupts."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["caught_sigint", "limit_threads"]


# Below this many multiplications in a step a second thread costs more than it brings.
_ONE_THREAD_WORK = 2**30


class _FewThreads:
    """Torch's thread count, lowered in a thread while it trains in small steps, then put back."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 1
        self._here = threading.local()

    @contextlib.contextmanager
    def __call__(self, work: float) -> Iterator[None]:
        """Hold torch to one thread if a step is this small.

        Parameters
        ----------
        work : float
            Multiplications in a step: rows times parameters.
        """
        if work > _ONE_THREAD_WORK or hasattr(self._here, "before"):
            yield
            return
        with self._lock:
            before = torch.get_num_threads()
            if self._inside:
                # A thread that is new begins with the count set last anywhere, which may be ours.
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


limit_threads = _FewThreads()


@contextlib.contextmanager
def caught_sigint() -> Iterator[list]:
    """Note a real Ctrl-C, which skorch's way of stopping early looks exactly like.

    Yields
    ------
    list
        Empty unless the interrupt key was pressed in this context.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if callable(before):
            try:
                before(number, frame)
            except KeyboardInterrupt:
                # A handler that lets the program go on is no Ctrl-C.
                pressed.append(number)
                raise

    if not callable(before):
        # Ignored, or handled outside Python: not ours to catch.
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
