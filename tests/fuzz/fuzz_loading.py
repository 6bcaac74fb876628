"""Load changed files of classifiers, and report what happened.

    python tests/fuzz/fuzz_loading.py --seconds 600

A file that is damaged or hostile is to raise a ValueError, or a TypeError where the user's code is
asked for. It ends with an error if a damaged file is loaded, if code is run, if another exception
is raised, or if there is not enough memory. ``--atheris`` uses the fuzzer of this name, which is
guided by coverage (``pip install atheris``).
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fuzz.mutations import DAMAGES, hostile_file, resealed, unsealed

_RUNS_CODE = (
    "compile", "ctypes.dlopen", "exec", "marshal.loads", "os.exec", "os.fork", "os.posix_spawn",
    "os.system", "pickle.find_class", "socket.connect", "subprocess.Popen",
)  # fmt: skip


_IMPORTED = {"numpy", "pandas", "scipy", "sklearn", "sknoisy", "skorch", "torch"}
_IMPORTED |= set(sys.stdlib_module_names)


class CodeWasRun(BaseException):
    """No handler of Exception catches it."""


_watching = False


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "import" and str(args[0]).partition(".")[0] not in _IMPORTED:
        raise CodeWasRun(f"{event}: {args!r:.200}")
    if event in _RUNS_CODE and not _is_importing():
        raise CodeWasRun(f"{event}: {args!r:.200}")


def _is_importing() -> bool:
    """Tell whether a module of a library is being imported, as when an error is printed."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
    return False


@contextlib.contextmanager
def no_code_runs() -> Iterator[None]:
    """Raise if Python compiles or runs code, loads a library or starts a process."""
    global _watching
    _watching = True
    try:
        yield
    finally:
        _watching = False


def small_files(folder: Path) -> list[bytes]:
    """Make files of small classifiers of several kinds."""
    import pandas as pd

    from sknoisy import NoisyLabelClassifier
    from sknoisy.recipes import Steps

    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "a", "b")
    frame = pd.DataFrame(X, columns=["p", "q", "r"], index=[f"row {i}" for i in range(40)])
    images = np.tile(X[:, :1, None, None], (1, 1, 4, 4))
    files, small = [], {"max_epochs": 1, "module__hidden": (4,), "random_state": 0}
    for clf, samples in (
        (NoisyLabelClassifier("ce", smoothing="auto", warmup=1, **{**small, "max_epochs": 2}), X),
        (NoisyLabelClassifier("elr", lr_schedule=Steps((0.5,), (0.1,)), **small), frame),
        (NoisyLabelClassifier("bagging", method__n_networks=2, augment="weak", **small), X),
        (NoisyLabelClassifier("sop", optimizer="sgd", random_state=0, max_epochs=1,
                              module__widths=(2,), module__hidden=4), images),
    ):  # fmt: skip
        clf.fit(samples, y).save(folder / "model")
        files.append((folder / "model").read_bytes())
    return files


def outcome(path: Path, data: bytes, X: np.ndarray) -> str:
    """Load a file, and use the classifier if there is one; return what happened."""
    import sknoisy

    path.write_bytes(data)
    with warnings.catch_warnings(), no_code_runs():
        warnings.simplefilter("ignore")
        try:
            clf = sknoisy.load(path)
        except (ValueError, TypeError) as error:
            return type(error).__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clf.predict_proba(X)
            return "loaded"
        except Exception:
            return "loaded, but predicts nothing"


def fuzz(seconds: float, n_files: int, seed: int) -> Counter[str]:
    """Load changed files, for some time or some number; return counts of what happened."""
    sys.addaudithook(_audit)
    rng, counts = random.Random(seed), Counter[str]()
    X = np.zeros((2, 3), np.float32)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model"
        files = small_files(path.parent)
        for data in files:  # Everything that is imported when it is needed is imported now.
            outcome(path, data, X)
        start = time.monotonic()
        while time.monotonic() < start + seconds and counts.total() < n_files:
            data, other = rng.sample(files, 2)
            if rng.random() < 0.1:
                kind = rng.choice(list(DAMAGES))
                changed = DAMAGES[kind](data, rng, other)
                result = outcome(path, changed, X)
                if result != "ValueError":
                    raise AssertionError(f"a damaged file: {kind}, {result}")
                counts[f"damaged: {result}"] += 1
            else:
                counts[f"hostile: {outcome(path, hostile_file(data, rng), X)}"] += 1
    return counts


def fuzz_with_atheris(arguments: list[str]) -> None:
    """Let atheris make the content of files; their checksum is right."""
    import atheris

    with atheris.instrument_imports(include=["sknoisy._runtime", "sknoisy._training.model_file",
                                             "sknoisy._training.plain", "json"]):  # fmt: skip
        import sknoisy  # noqa: F401

    folder = Path(tempfile.mkdtemp())
    (corpus := folder / "corpus").mkdir()
    for i, data in enumerate(small_files(folder)):
        (corpus / str(i)).write_bytes(unsealed(data))
    X = np.zeros((2, 3), np.float32)
    for path in corpus.iterdir():  # Everything that is imported when it is needed is imported now.
        assert outcome(folder / "model", resealed(path.read_bytes()), X).startswith("loaded")
    sys.addaudithook(_audit)
    atheris.Setup(
        [sys.argv[0], str(corpus), *arguments],
        lambda data: outcome(folder / "model", resealed(data), X),
    )
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--files", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true", help="use atheris")
    options = parser.parse_args()
    # A file of some kilobytes must not need much memory.
    limit = 8 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if options.atheris:
        fuzz_with_atheris([f"-max_total_time={options.seconds:.0f}", "-max_len=100000"])
        return
    counts = fuzz(options.seconds, options.files, options.seed)
    for name, count in counts.most_common():
        print(f"{count:9,d}  {name}")
    print(f"{counts.total():9,d}  files in all")


if __name__ == "__main__":
    main()
