"""Data come back from JSON with the same types, values and bits; anything else is refused."""

import json
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknoisy._runtime.json_data import from_json, to_json

VALUES = {
    "none": None,
    "bool": True,
    "int": 2**70,
    "float": 0.1,
    "infinite": -math.inf,
    "text": 'ä "\ud800 \x00',
    "tuple": (1, (2, [3, ()])),
    "int keys": {1: "a", None: 2, (1, 2): 3},
    "dollar": {"$array": "0"},
    "numpy float": np.float64(0.1),
    "numpy int": np.int64(3),
    "numpy text": np.str_("abc"),
    "numpy date": np.datetime64("2020-01-01"),
}
ARRAYS = {
    "float32": np.array([0.1, np.nan, -0.0], dtype=np.float32),
    "float16": np.ones((2, 3), dtype=np.float16),
    "scalar": np.array(1.5),
    "empty": np.zeros((0, 3)),
    "uint64": np.array([2**64 - 1], dtype=np.uint64),
    "bool": np.array([True, False]),
    "big-endian": np.arange(3, dtype=">i4"),
    "transposed": np.arange(6).reshape(2, 3).T,
    "strided": np.arange(10)[::3],
    "text": np.array([["a", "bc"], ["", "𝄞"]]),
    "no text": np.array([], dtype="<U3"),
    "dates": np.array(["2020-01-01", "NaT"], dtype="M8[D]"),
    "spans": np.array([[1], [2]], dtype="m8[ns]"),
    "objects": np.array([1, "a", None, (1, 2)], dtype=object),
    "pairs": np.array([[1, "a"], [2.5, True]], dtype=object),
}


def unknown(tag, content):
    raise ValueError(tag)


def there_and_back(value):
    arrays = {}
    node = json.loads(json.dumps(to_json(value, arrays, "It"), allow_nan=False))
    return from_json(node, arrays, unknown)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_nan():
    assert math.isnan(there_and_back(math.nan))


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays(array):
    back = there_and_back({"x": [array]})["x"][0]
    assert_array_equal(back, array)
    assert back.dtype == array.dtype.newbyteorder("=") and back.flags.writeable
    if array.dtype != object:
        assert back.tobytes() == np.ascontiguousarray(array, back.dtype).tobytes()


@pytest.mark.parametrize(
    "value, where",
    [
        (print, ""),
        ([1, {"a": object()}], r" at \[1\]\['a'\]"),
        ({1, 2}, ""),
        (np.array([object()]), r" at \[0\]"),
        (np.ones(2, dtype=np.longdouble), ""),
        (np.ones(2, dtype=complex), ""),
        (np.zeros(2, dtype="i4,f4"), ""),
        (b"bytes", ""),
        (type("Text", (str,), {})("a"), ""),
    ],
)
def test_other_objects_are_refused(value, where):
    with pytest.raises(TypeError, match=rf"^It cannot be stored .* Got .*{where}, of type .*\.$"):
        to_json(value, {}, "It")


@pytest.mark.parametrize(
    "node",
    [
        {"$array": "1"},
        [{"$array": "0"}, {"$array": "0"}],
        {"$array": "0", "dtype": "|O"},
        {"$array": "0", "dtype": "<U1000000000"},
        {"$array": "0", "dtype": "|V8"},
        {"$array": "0", "dtype": "9,9"},
        {"$array": "0", "dtype": "<M8[(1)]"},
        {"$array": "0", "dtype": 7},
        {"$array": "0", "other": 1},
        {"$array": "text", "dtype": "<U1"},
        {"$array": "bool"},
        {"$objects": [1, 2], "shape": [10**12]},
        {"$objects": [1, 2], "shape": [2], "dtype": "O"},
        {"$float": [1]},
        {"$dict": [[[], 1]]},
        {"$dict": [1]},
        {"$tuple": 1},
        {"$scalar": 1},
        {"$eval": "print()"},
        {"$eval": 1, "$array": "0"},
    ],
)
def test_invalid_json_is_refused(node):
    arrays = {
        "0": np.arange(3),
        "text": np.array([[0x110000]], dtype=np.uint32),
        "bool": np.array([2], dtype=np.uint8).view(bool),
    }
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json(node, arrays, unknown)
