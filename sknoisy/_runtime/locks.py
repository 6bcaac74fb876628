"""Locks that do not outlive a fork: in the child, the threads that hold them do not exist."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

__all__ = ["ForkSafeLock"]

_LOCKS: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


class ForkSafeLock:
    """A reentrant lock that is free in a forked process, and new in a copy."""

    def __init__(self) -> None:
        self._acquired: list[Any] = []
        self.reset()
        _LOCKS.add(self)

    def reset(self) -> None:
        """Replace the lock by a free one."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        lock = self._lock
        lock.acquire()
        self._acquired.append(lock)

    def __exit__(self, *_: Any) -> None:
        # A process that was forked in between releases the lock that it had acquired.
        self._acquired.pop().release()

    def __reduce__(self) -> tuple[type[ForkSafeLock], tuple[()]]:
        return ForkSafeLock, ()


def _reset_all() -> None:
    for lock in list(_LOCKS):
        lock.reset()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=_reset_all)
