"""Warnings that point at the line of the user's call."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_user"]

# Packages whose frames lie between a check and the user's call.
_INSIDE = {"sknoisy", "sklearn", "skorch", "joblib", "torch"}


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called into this package, also through searches and pipelines."""
    level, frame = 1, sys._getframe()
    while frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE and frame.f_back:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
