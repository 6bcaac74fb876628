"""No damaged file is loaded, no hostile one runs code, and files of earlier versions load."""

import json
import pickle
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sknoisy
from sknoisy import NoisyLabelClassifier, load
from tests.factories import noisy_blobs
from tests.fuzz.mutations import DAMAGES, Exploit, parts_of, sealed

DATA = Path(__file__).parent / "data"


def small(**params):
    X, y = noisy_blobs(40)
    names = np.array(["a", "b", "c"])[y]
    defaults = {"max_epochs": 1, "module__hidden": (4,), "random_state": 0}
    return NoisyLabelClassifier("elr", **{**defaults, **params}).fit(X, names)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    small().save(folder / "model")
    small(random_state=1).save(folder / "other")
    return (folder / "model").read_bytes(), (folder / "other").read_bytes()


def test_none_of_300_damaged_files_is_loaded(contents, tmp_path):
    path, rng, counts = tmp_path / "model", random.Random(0), Counter()
    halves = [part[: len(part) // 2] for part in contents], [p[len(p) // 2 :] for p in contents]
    swapped = [a + b for a, b in zip(halves[0], reversed(halves[1]), strict=True)]
    damaged = [("halves", data) for data in swapped]
    while len(damaged) < 300:
        kind = list(DAMAGES)[len(damaged) % len(DAMAGES)]
        damaged.append((kind, DAMAGES[kind](contents[0], rng, contents[1])))
    for kind, data in damaged:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"is damaged|is not a file that"):
            load(path)
        counts[kind] += 1
    assert counts.total() == 300


@pytest.mark.parametrize("dumps", [pickle.dumps, joblib.dump])
def test_a_pickle_is_not_loaded(dumps, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(Exploit())) if dumps is pickle.dumps else dumps(Exploit(), path)
    with pytest.raises(ValueError, match=r"is not a file that save\(\)"):
        load(path)
    assert not hasattr(sknoisy, "exploited")


def changed(document, path, value):
    *parents, last = path
    for key in parents:
        document = document[key]
    document[last] = value


BOMB = {"$index": ["range", [None], [0, 10**15, 1]]}
HOSTILE = {
    "code as a module": (["net", "module"], {"$network": "os.system"}),
    "code as a record": (["params", "augment"], {"$record": ["eval", {"source": "1"}]}),
    "unknown kind": (["params", "augment"], {"$pickle": "gASVAAAA"}),
    "attribute that is a method": (["attributes", "predict"], 1),
    "attribute that is a parameter": (["attributes", "lr"], 1.0),
    "class": (["attributes", "__class__"], "dict"),
    "attribute of the net": (["net", "compile"], True),
    "estimator": (["estimator"], "SmoothingSearchCV"),
    "parameter": (["params", "n_estimators"], 3),
    "many networks": (["net", "method"], [{"$method": "bagging"}, {
        "plain": {"n_networks": 10**12}, "buffers": {}, "parameters": {}, "frozen": [],
        "non_persistent": [], "modules": {}}]),
    "many blocks": (["net", "module"], {"$network": "resnet18"},
                    ["net", "module__n_blocks"], [10**12] * 4),
    "many units": (["net", "module__hidden"], [10**12]),
    "many rows": (["net", "history_"], BOMB),
    "long tuple": (["params", "method"], {"$tuple": BOMB}),
    "long objects": (["attributes", "classes_"], {"$objects": BOMB, "shape": [10**15]}),
    "huge text": (["attributes", "x"], {"$array": "0", "dtype": "<U1000000000"}),
    "dtype that is a function": (["net", "dtype"], {"$dtype": "load"}),
    "path": (["versions"], "../../etc/passwd", ["net"], "../../etc/passwd"),
    "device": (["net", "device"], "file:///etc/passwd"),
    "no net": (["net"], None),
}  # fmt: skip


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(changes, contents, tmp_path):
    document, arrays = parts_of(contents[0])
    for path, value in zip(changes[::2], changes[1::2], strict=True):
        changed(document, path, value)
    path = tmp_path / "model"
    path.write_bytes(sealed(json.dumps(document).encode(), arrays))
    with pytest.raises(ValueError, match="cannot be loaded"):
        load(path)


def test_names_of_code_in_a_file_are_not_imported(contents, tmp_path):
    document, arrays = parts_of(contents[0])
    document["given"] = {"module": "antigravity.Network", "method": "this.Method"}
    path = tmp_path / "model"
    path.write_bytes(sealed(json.dumps(document).encode(), arrays))
    with pytest.raises(TypeError, match=r"the code of antigravity\.Network: pass module=Network"):
        load(path)
    assert not {"antigravity", "this"} & set(sys.modules)


@pytest.mark.long
def test_some_files_of_the_fuzzer():
    """For longer: ``python tests/fuzz/fuzz_loading.py --seconds 600``."""
    script = Path(__file__).parent / "fuzz" / "fuzz_loading.py"
    command = [sys.executable, str(script), "--files", "300"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hostile: ValueError" in done.stdout


@pytest.mark.parametrize("path", sorted(DATA.glob("*.sknoisy")), ids=lambda path: path.stem)
def test_files_of_earlier_versions_load(path):
    clf = load(path)
    X, y = noisy_blobs(40)
    expected = json.loads(path.with_suffix(".json").read_text())
    assert_array_equal(clf.classes_, expected["classes_"])
    assert_allclose(clf.predict_proba(X), expected["predict_proba"], atol=1e-6)
    assert_allclose(clf.label_quality_, expected["label_quality_"], atol=1e-6)
    assert clf.partial_fit(X, np.array(["a", "b", "c"])[y]).n_iter_ == expected["n_iter_"] + 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        load(tmp_path / "nothing")


def test_a_file_does_not_choose_a_folder_of_checkpoints(contents, tmp_path):
    """A fit would load pickles from it."""
    clf = small(checkpoint=tmp_path / "training")
    clf.save(tmp_path / "model")
    assert load(tmp_path / "model").checkpoint is None
    document, payload = parts_of(contents[0])
    for place in ("params", "attributes"):
        changed = {**document, place: {**document[place], "checkpoint": str(tmp_path)}}
        (tmp_path / "hostile").write_bytes(sealed(json.dumps(changed).encode(), payload))
        try:
            loaded = load(tmp_path / "hostile")
        except ValueError:
            continue
        assert loaded.checkpoint is None
