"""Changed files of classifiers: damaged ones, and hostile ones whose checksum is right."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import random
import struct
from collections.abc import Callable
from typing import Any

__all__ = [
    "DAMAGES",
    "HOSTILE_VALUES",
    "hostile_file",
    "mutated",
    "parts_of",
    "resealed",
    "sealed",
    "unsealed",
]

_PREFIX = struct.Struct("<8sIQ")


class Exploit:
    """An object whose pickle runs code when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, ("import sys; sys.modules['sknoisy'].exploited = True",)


def parts_of(data: bytes) -> tuple[Any, bytes]:
    """Split a file into its JSON and its arrays in the format of safetensors."""
    n_text = _PREFIX.unpack_from(data)[2]
    start = _PREFIX.size
    return json.loads(data[start : start + n_text]), data[start + n_text : -32]


def sealed(text: bytes, arrays: bytes, version: int = 1, n_text: int | None = None) -> bytes:
    """Join the parts of a file, with a checksum that is right."""
    n_text = len(text) if n_text is None else n_text
    content = _PREFIX.pack(b"\x93SKNOISY", version, n_text) + text + arrays
    return content + hashlib.sha256(content).digest()


def unsealed(data: bytes) -> bytes:
    """Return what a fuzzer changes: the length of the JSON and all that follows."""
    return data[_PREFIX.size - 8 : -32]


def resealed(content: bytes) -> bytes:
    """Make a file of the result of :func:`unsealed`."""
    content = _PREFIX.pack(b"\x93SKNOISY", 1, 0)[:-8] + content
    return content + hashlib.sha256(content).digest()


# ---- damages, which the checksum detects --------------------------------------------------------


def _truncated(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _flipped(data: bytes, rng: random.Random, other: bytes) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _zeroed(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Zero a block of 4 KiB that has other bytes."""
    start = rng.randrange(len(data))
    changed = data[:start] + bytes(min(4096, len(data) - start)) + data[start + 4096 :]
    return changed if changed != data else _zeroed(data, rng, other)


def _swapped(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Join a part of each file, which gives neither of them."""
    at = rng.randrange(1, len(data) - 1)
    changed = data[:at] + other[at:]
    return changed if changed not in (data, other) else _swapped(data, rng, other)


def _extended(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data + rng.randbytes(rng.randrange(1, 100))


DAMAGES: dict[str, Callable[[bytes, random.Random, bytes], bytes]] = {
    "truncated": _truncated,
    "flipped": _flipped,
    "zeroed": _zeroed,
    "swapped": _swapped,
    "extended": _extended,
}


# ---- hostile files, whose checksum is right -----------------------------------------------------

HOSTILE_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 2**31, 2**63, -(2**63), 10**30, 1e308, -0.0, "", "0", "1",
    "nan", "../../etc/passwd", "os.system", "builtins.eval", "__class__", "__dict__", "cuda",
    "mlp", "resnet18", "elr", "Adam", "<U1000000000", "<M8[ns]", "|O", "|V8", "$array", [], {},
    [[]], [0], [-1], [10**9] * 3, [10**12], {"$array": "0"}, {"$array": "1", "dtype": "|O"},
    {"$objects": [], "shape": [0]}, {"$objects": [1], "shape": [10**12]}, {"$tuple": []},
    {"$tuple": [10**9, 10**9]}, {"$float": "nan"}, {"$float": "inf"}, {"$dict": [[1, 2]]},
    {"$dict": [[[], 1]]}, {"$scalar": 1}, {"$given": "module"}, {"$given": "os"},
    {"$given_with": ["method", {}]}, {"$network": "resnet34"}, {"$optimizer": "LBFGS"},
    {"$method": "bagging"}, {"$method_with": ["elr", {"lam": "x"}]}, {"$device": "cuda:99"},
    {"$device": "meta"}, {"$dtype": "load"}, {"$random_state": ["MT19937", [1], 700, 0, 0.0]},
    {"$record": ["Settings", {}]}, {"$record": ["os.system", {"command": "true"}]},
    {"$index": ["range", [None], [0, 10**15, 1]]}, {"$index": ["levels", [], [[], []]]},
    {"$record": ["RandAugment", {"n_operations": 10**12, "magnitude": 0.1, "first": "eval"}]},
    {"$eval": "1"}, {"$array": "0", "$array2": "1"},
]  # fmt: skip


def hostile_file(data: bytes, rng: random.Random) -> bytes:
    """Change the JSON or the arrays of a file, and make the checksum right again."""
    document, arrays = parts_of(data)
    kind = rng.random()
    if kind < 0.6:
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            mutated(document, rng)
        return sealed(json.dumps(document).encode(), arrays)
    text = json.dumps(document).encode()
    if kind < 0.7:
        return sealed(_changed(text, rng), arrays)
    if kind < 0.8:
        return sealed(text, _changed(arrays, rng))
    if kind < 0.95:
        return sealed(text, _with_changed_shapes(arrays, rng))
    return sealed(
        rng.choice((text, b"[" * 10**5, b'{"a":' * 10**5, b"NaN", pickle.dumps(Exploit()))),
        rng.choice((arrays, b"", pickle.dumps(Exploit()), rng.randbytes(40))),
        rng.choice((0, 1, 1, 2, 2**32 - 1)),
        rng.choice((None, 0, 1, 2**40, 2**64 - 1)),
    )


def mutated(document: Any, rng: random.Random) -> None:
    """Change a random part of nested JSON in place."""
    places = list(_places(document))
    parent, key = rng.choice(places)
    action = rng.random()
    if action < 0.5:
        parent[key] = copy.deepcopy(rng.choice(HOSTILE_VALUES))
    elif action < 0.65:
        del parent[key]
    elif action < 0.8:
        other, name = rng.choice(places)
        value = other[name] if _has(other, name) else None
        parent[key] = copy.deepcopy(value)
    elif action < 0.9 and isinstance(parent, dict):
        parent[rng.choice(("__class__", "predict", "$array", "$x", key + "_"))] = parent.pop(key)
    else:
        for _ in range(rng.choice((1, 3, 60))):
            parent[key] = rng.choice(([parent[key]], {"a": parent[key]}))


def _places(node: Any) -> Any:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _has(node: Any, key: Any) -> bool:
    return key in node if isinstance(node, dict) else key < len(node)


def _changed(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 10))):
        at = rng.randrange(len(changed))
        changed[at : at + rng.choice((0, 1, 1, 4))] = rng.randbytes(rng.choice((0, 1, 1, 4)))
    return bytes(changed)


def _with_changed_shapes(arrays: bytes, rng: random.Random) -> bytes:
    """Change shapes, types, offsets and names of arrays."""
    n_header = int.from_bytes(arrays[:8], "little")
    header = json.loads(arrays[8 : 8 + n_header])
    for _ in range(rng.choice((1, 2))):
        entry = header[rng.choice(list(header))]
        number = rng.choice((0, 1, -1, 4, 2**31, 2**62, 2**63, 2**64, 1.5, "NaN"))
        action = rng.randrange(5)
        if action == 0:
            entry["shape"] = rng.choice(([number], [number, number], entry["shape"] + [number]))
        elif action == 1:
            entry["dtype"] = rng.choice(("F64", "U8", "BOOL", "BF16", "C64", "F8_E4M3", "O", 7))
        elif action == 2:
            entry["data_offsets"][rng.randrange(2)] = number
        elif action == 3:
            entry["data_offsets"] = header[rng.choice(list(header))]["data_offsets"]
        else:
            header[rng.choice(("../x", "0", "", "__metadata__"))] = entry
    text = json.dumps(header).encode()
    length = rng.choice((len(text),) * 8 + (0, 2**40, 2**64 - 1))
    return length.to_bytes(8, "little") + text + arrays[8 + n_header :]
