"""How much time is left, in words."""

from __future__ import annotations

__all__ = ["time_left"]


def time_left(done: float, total: float, seconds: float) -> str:
    """Say how long the remaining parts take if they are like those that are done.

    Parameters
    ----------
    done, total : float
        Numbers of parts; at least one is done.
    seconds : float
        Time that those took.

    Returns
    -------
    str
    """
    left = seconds / done * (total - done)
    return f"about {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"
