"""Warnings that point at the line of the user's call."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from weakref import WeakSet

from joblib import Parallel

__all__ = ["warn_user", "warn_user_once"]

# Packages whose frames lie between a check and the user's call.
_INSIDE = {"sknoisy", "sklearn", "skorch", "joblib", "torch"}
# Packages that call into this one in the workers of a cross-validation.
_WORKERS = {"concurrent", "multiprocessing", "threading"}


# Cross-validations in which the user has been warned, and messages of worker processes and threads.
_warned_runs: WeakSet[Parallel] = WeakSet()
_warned_by_workers: set[str] = set()


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called into this package, also through searches and pipelines."""
    level = len(_inner_frames()) + 1
    warnings.warn(message, category, stacklevel=level)


def warn_user_once(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn as :func:`warn_user`, but once in a cross-validation or search, which fits many times.

    Python's own filter does not do that, because scikit-learn and skorch reset its memory.
    """
    frames = _inner_frames()
    caller = frames[-1].f_back
    # The call of a user, or each of its runs in another thread or process.
    runs = [
        value
        for frame in frames
        for value in map(frame.f_locals.get, ("self", "parallel"))
        if isinstance(value, Parallel)
    ]
    if runs:
        if runs[-1] in _warned_runs:
            return
        _warned_runs.add(runs[-1])
    elif caller is not None and _package_of(caller) in _WORKERS:
        if message in _warned_by_workers:
            return
        _warned_by_workers.add(message)
    warn_user(message, category)


def _inner_frames() -> list[FrameType]:
    """Return the frames between the caller of this function and the user's call, innermost first.

    The last one was called by the user.
    """
    frames, frame = [], sys._getframe(1)
    while _package_of(frame) in _INSIDE and frame.f_back:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _package_of(frame: FrameType) -> str:
    return frame.f_globals.get("__name__", "").partition(".")[0]
