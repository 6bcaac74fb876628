"""Nested Python data as JSON with references to arrays, from which no object but data is made."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["from_json", "to_json"]

_SCALARS = (type(None), bool, int, str)
_LARGEST_CODE_POINT = 0x10FFFF
# Text, dates and durations.
_DTYPE = re.compile(r"<U\d{1,9}|<[mM]8(\[\d{0,9}[a-zA-Z]{1,2}\])?")


def to_json(
    value: Any,
    arrays: dict[str, np.ndarray],
    what: str,
    replace: Callable[[Any], Any] = lambda value: value,
) -> Any:
    """Convert data to JSON.

    JSON has no tuples, arrays, infinite numbers and keys other than strings: each is an object with
    one key that begins with a dollar sign.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, arrays and scalars of NumPy, and lists, tuples and dicts of
        them.
    arrays : dict of ndarray
        Numbers of arrays are added to it.
    what : str
        Name of the value, for the error.
    replace : callable, default=None
        Returns for an object the data that replace it, as a dict with one key that begins with a
        dollar sign; other values are returned unchanged.

    Returns
    -------
    object
        Values of JSON; :func:`from_json` converts them back.

    Raises
    ------
    TypeError
        If there is something else in it, such as a function.
    """

    def convert(value: Any, path: str) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is float:
            return value if math.isfinite(value) else {"$float": str(value)}
        if kind is list:
            return [convert(v, f"{path}[{i}]") for i, v in enumerate(value)]
        if kind is tuple:
            return {"$tuple": convert(list(value), path)}
        if kind is dict:
            return convert_dict(value, path)
        if isinstance(value, np.generic):
            return {"$scalar": convert_array(np.asarray(value), path)}
        if isinstance(value, np.ndarray):
            return convert_array(np.asarray(value), path)
        if (replaced := replace(value)) is not value:
            ((tag, content),) = replaced.items()
            return {tag: convert(content, path)}
        raise refused(value, path)

    def convert_dict(value: dict[Any, Any], path: str) -> Any:
        if all(type(key) is str and not key.startswith("$") for key in value):
            return {key: convert(v, f"{path}[{key!r}]") for key, v in value.items()}
        return {
            "$dict": [[convert(k, path), convert(v, f"{path}[{k!r}]")] for k, v in value.items()]
        }

    def convert_array(array: np.ndarray, path: str) -> Any:
        kind, dtype = array.dtype.kind, array.dtype
        if kind == "O":
            return {"$objects": convert(array.ravel().tolist(), path), "shape": list(array.shape)}
        numbers = np.ascontiguousarray(array, dtype.newbyteorder("<")).reshape(array.shape)
        if kind in "mM":
            numbers = numbers.view(np.int64)
        elif kind == "U" and dtype.itemsize:
            # As numbers, so that a file is never smaller than its text.
            numbers = numbers.reshape(*array.shape, 1).view(np.uint32)
        elif kind not in "biu" and dtype not in (np.float16, np.float32, np.float64):
            raise refused(array, path)
        name = str(len(arrays))
        arrays[name] = numbers
        return (
            {"$array": name}
            if kind in "biuf"
            else {"$array": name, "dtype": dtype.newbyteorder("<").str}
        )

    def refused(value: Any, path: str) -> TypeError:
        kind, where = type(value), f" at {path}" if path else ""
        return TypeError(
            f"{what} cannot be stored in a file without code. Got {value!r:.100}{where}, of type "
            f"{kind.__module__}.{kind.__qualname__}."
        )

    return convert(value, "")


def from_json(
    node: Any,
    arrays: dict[str, np.ndarray],
    restore: Callable[[str, Any], Any],
) -> Any:
    """Convert the result of :func:`to_json` back.

    Parameters
    ----------
    node : object
        Values of JSON.
    arrays : dict of ndarray
        Each is removed when it is used, so that it is used once: data are not larger than the file.
    restore : callable
        Called with the key, without its dollar sign, and the data that ``replace`` has returned.

    Returns
    -------
    object

    Raises
    ------
    ValueError, TypeError or KeyError
        If the values are not valid.
    """

    def convert(node: Any) -> Any:
        if isinstance(node, list):
            return [convert(part) for part in node]
        if not isinstance(node, dict):
            return node
        tag = next((key for key in node if key.startswith("$")), None)
        if tag is None:
            return {key: convert(part) for key, part in node.items()}
        content, others = node[tag], {key: node[key] for key in node if key != tag}
        if tag == "$array":
            return _array(arrays.pop(content), **others)
        if tag == "$objects":
            return _objects(convert_list(content), **others)
        if others:
            raise ValueError(f"{sorted(others)} beside {tag}")
        if tag == "$float":
            return float(content)
        if tag == "$tuple":
            return tuple(convert_list(content))
        if tag == "$scalar":
            return convert(content)[()]
        if tag == "$dict":
            return {convert(key): convert(part) for key, part in content}
        return restore(tag[1:], convert(content))

    def convert_list(content: Any) -> list[Any]:
        # An iterable of another type might be longer than the file.
        if not isinstance(content, list):
            raise ValueError(f"{type(content).__name__} is no list")
        return convert(content)

    return convert(node)


def _array(numbers: np.ndarray, dtype: str | None = None) -> np.ndarray:
    if numbers.dtype == bool and (numbers.view(np.uint8) > 1).any():
        raise ValueError("an array of bool has other values")
    if dtype is None:
        return numbers.copy()
    # NumPy parses other names, such as those of structures, by Python's parser.
    if not (isinstance(dtype, str) and _DTYPE.fullmatch(dtype)):
        raise ValueError(f"an array of {dtype!r:.100}")
    kind = np.dtype(dtype)
    if kind.kind == "U" and kind.itemsize == 4 * numbers.shape[-1]:
        if numbers.dtype != np.uint32 or (numbers > _LARGEST_CODE_POINT).any():
            raise ValueError("a string has other numbers than those of characters")
        return numbers.copy().view(kind).squeeze(-1).astype(kind.newbyteorder("="))
    if kind.kind in "mM" and numbers.dtype == np.int64:
        return numbers.copy().view(kind).astype(kind.newbyteorder("="))
    raise ValueError(f"an array of {numbers.dtype} as {dtype}")


def _objects(values: list[Any], shape: list[int]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array.reshape(shape)
