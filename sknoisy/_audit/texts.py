"""Numbers and lists as short texts."""

from __future__ import annotations

from typing import Any

__all__ = ["listed", "named", "percent", "shortened"]

_MAX_LISTED = 8


def percent(fraction: float) -> str:
    """Write a fraction as a percentage with two digits that count."""
    value = 100 * fraction
    if value >= 10 or value == 0:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else f"{value:.1g} %"


def named(value: Any) -> str:
    """Write the name of a class; quoted if it begins or ends with a space, or is empty."""
    text = str(value)
    return text if text == text.strip() and text else repr(text)


def listed(values: list[Any]) -> str:
    """Write names one after the other, but not more than a few."""
    shown = ", ".join(map(named, values[:_MAX_LISTED]))
    more = len(values) - _MAX_LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def shortened(value: Any, length: int) -> str:
    """Write a value, cut off at a length."""
    text = str(value)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
