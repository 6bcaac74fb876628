"""The index of a data frame as arrays, for a file of a model."""

from __future__ import annotations

from typing import Any

__all__ = ["index_of", "parts_of_index"]

_DTYPES_OF_OBJECTS = ("object", "str", "string")


def parts_of_index(index: Any) -> list[Any] | None:
    """Return the kind, names and parts of an index of pandas; None for anything else.

    The values of an index are numbers, strings, or dates and times without a time zone, on one or
    several levels.
    """
    if type(index).__module__.partition(".")[0] != "pandas":
        return None
    import pandas as pd

    if not isinstance(index, pd.Index):
        return None
    names, dtype = list(index.names), str(index.dtype)
    if isinstance(index, pd.RangeIndex):
        return ["range", names, [index.start, index.stop, index.step]]
    if isinstance(index, pd.MultiIndex):
        levels = [parts_of_index(level) for level in index.levels]
        if None in levels:
            return None
        return ["levels", names, [levels, [codes.copy() for codes in index.codes]]]
    if dtype in _DTYPES_OF_OBJECTS:
        return [dtype, names, index.to_numpy(dtype=object)]
    if getattr(index.dtype, "kind", "") in "iufbmM":
        values = index.to_numpy()
        return ["values", names, values] if values.dtype == index.dtype else None
    return None


def index_of(parts: list[Any]) -> Any:
    """Make the index of which :func:`parts_of_index` has returned the parts."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "The file has the index of a data frame, which needs pandas (sknoisy[pandas])."
        ) from error
    kind, names, content = parts
    if kind == "range":
        start, stop, step = content
        return pd.RangeIndex(start, stop, step, name=names[0])
    if kind == "levels":
        levels, codes = content
        return pd.MultiIndex([index_of(level) for level in levels], codes, names=names)
    if kind in _DTYPES_OF_OBJECTS:
        return pd.Index(content, dtype=kind, name=names[0])
    if kind == "values":
        return pd.Index(content, name=names[0])
    raise ValueError(f"an index of kind {kind!r}")
