"""A file is read as it was written, or refused: damaged, hostile, of another kind or too new."""

import json
import pickle
import random
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknoisy._runtime.container import FORMAT_VERSION, read_container, write_container
from tests.fuzz.mutations import DAMAGES, sealed

DOCUMENT = {"a": [1, 0.1, None, True], "b": {"c": "ä \ud800"}}
ARRAYS = {"0": np.arange(4000.0), "1": np.eye(3, dtype=np.float32), "2": np.zeros((0, 2))}


@pytest.fixture
def path(tmp_path):
    write_container(tmp_path / "model", DOCUMENT, ARRAYS)
    return tmp_path / "model"


def test_what_is_written_is_read(path):
    document, arrays = read_container(path)
    assert document == DOCUMENT
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_files_are_refused(kind, path, tmp_path):
    data, rng = path.read_bytes(), random.Random(0)
    write_container(tmp_path / "other", {**DOCUMENT, "d": 1}, {**ARRAYS, "1": np.ones((3, 3))})
    other = (tmp_path / "other").read_bytes()
    for _ in range(60):
        path.write_bytes(DAMAGES[kind](data, rng, other))
        with pytest.raises(ValueError, match=r"is damaged|is not a file that"):
            read_container(path)


@pytest.mark.parametrize("content", [b"", b"\x93", pickle.dumps(1), b"PK\x03\x04", b"{}" * 100])
def test_files_of_another_kind_are_refused(content, tmp_path):
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ValueError, match=r"model' is not a file that save\(\)"):
        read_container(tmp_path / "model")


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, 2**32 - 1])
def test_other_versions_are_refused(version, tmp_path):
    (tmp_path / "model").write_bytes(sealed(b"{}", b"what later versions write", version))
    with pytest.raises(ValueError, match=rf"model' has version {version} of the format"):
        read_container(tmp_path / "model")


def arrays_with(header, n_bytes=16, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    return length.to_bytes(8, "little") + text + bytes(n_bytes)


def entry(shape=(4,), dtype="F32", offsets=(0, 16)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HOSTILE = {
    "deep JSON": (b"[" * 10**6, arrays_with({})),
    "deep objects": (b'{"a":' * 10**6, arrays_with({})),
    "no object": (b"[]", arrays_with({})),
    "NaN": (b'{"a": NaN}', arrays_with({})),
    "duplicate key": (b'{"a": 1, "a": 2}', arrays_with({})),
    "long number": (b'{"a": ' + b"9" * 10**5 + b"}", arrays_with({})),
    "no text": (b'{"a": "\xff"}', arrays_with({})),
    "pickle": (pickle.dumps({}), arrays_with({})),
    "pickle of arrays": (b"{}", pickle.dumps({})),
    "no arrays": (b"{}", b""),
    "huge header": (b"{}", arrays_with({}, length=2**63)),
    "huge shape": (b"{}", arrays_with({"0": entry([2**40])})),
    "shape that overflows": (b"{}", arrays_with({"0": entry([2**62, 2**62])})),
    "shape of NaN": (b"{}", arrays_with(json.dumps({"0": entry([float("nan")])}).encode())),
    "negative shape": (b"{}", arrays_with({"0": entry([-4])})),
    "negative offset": (b"{}", arrays_with({"0": entry(offsets=[-16, 0])})),
    "offset behind the end": (b"{}", arrays_with({"0": entry(offsets=[16, 32])})),
    "overlap": (b"{}", arrays_with({"0": entry(), "1": entry(offsets=[8, 24])}, 24)),
    "hole": (b"{}", arrays_with({"0": entry(offsets=[8, 24])}, 24)),
    "objects": (b"{}", arrays_with({"0": entry([2], "O")})),
    "unknown type": (b"{}", arrays_with({"0": entry([8], "BF16")})),
}  # fmt: skip


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_without_much_memory(parts, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(sealed(*parts))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"model' is not valid: "):
            read_container(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size + 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("n_text", [3, 2**40, 2**64 - 1])
def test_more_json_than_there_is(n_text, tmp_path):
    (tmp_path / "model").write_bytes(sealed(b"{}", b"", n_text=n_text))
    with pytest.raises(ValueError, match="declares more JSON than it has"):
        read_container(tmp_path / "model")


def test_a_device_without_an_end_is_not_read():
    with pytest.raises(ValueError, match="is not a file that"):
        read_container("/dev/zero")
