"""Fingerprint of a fit: what its result depends on, described so that differences have names."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Real
from types import FunctionType
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from torch import nn

from sknoisy._data.rows import as_rows
from sknoisy._training.training_set import TrainingSet

__all__ = [
    "describe",
    "differences",
    "digest_of",
    "fingerprint",
    "parts_of_data",
    "parts_of_params",
    "versions",
]

# They do not change what is learned. Callbacks are those of the call that goes on.
_IGNORED = frozenset(
    {"checkpoint", "checkpoint_every", "verbose", "callbacks", "device", "warm_start", "n_jobs"}
)
_PACKAGES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy")
_CHUNK = 1024


def fingerprint(estimator: BaseEstimator, data: TrainingSet) -> dict[str, str]:
    """Describe the training set and the parameters of a fit, each part by a text.

    Parameters
    ----------
    estimator : BaseEstimator
    data : TrainingSet

    Returns
    -------
    dict of str to str
        Equal texts mean equal parts.
    """
    return parts_of_data(data) | parts_of_params(estimator)


def parts_of_data(data: TrainingSet) -> dict[str, str]:
    """Describe the parts of a training set."""
    labels = data.labels
    y = labels.codes if labels.soft is None else labels.soft
    optional = {"sample_weight": data.weight, "trusted": data.trusted, "groups": data.groups}
    return {
        "X": _samples(data.X),
        "y": f"{_values(y)} of {_values(labels.classes)}",
        **{name: describe(value) for name, value in optional.items()},
    }


def parts_of_params(estimator: BaseEstimator, deep: bool = False) -> dict[str, str]:
    """Describe the parameters of an estimator that change what it learns.

    Parameters
    ----------
    estimator : BaseEstimator
    deep : bool, default=False
        Whether the parameters of its parts are parts of their own.
    """
    params = estimator.get_params(deep=deep)
    return {
        name: _name_of_kind(value) if deep and hasattr(value, "get_params") else describe(value)
        for name, value in params.items()
        if not _IGNORED & set(name.split("__"))
    }


def digest_of(texts: Mapping[str, str]) -> str:
    """Return a short name for a fingerprint."""
    lines = "\n".join(f"{name}={texts[name]}" for name in sorted(texts))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def differences(earlier: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Describe the parts that differ, such as "lr was 0.01, is 0.1"."""
    names = [name for name in {**earlier, **now} if earlier.get(name) != now.get(name)]
    return [_difference(name, earlier.get(name), now.get(name)) for name in names]


def versions(device: torch.device) -> dict[str, str]:
    """Return the versions and the kind of device on which equal bits are promised."""
    machine = f"{platform.system()} {platform.machine()}"
    return {name: version(name) for name in _PACKAGES} | {
        "python": platform.python_version(),
        "machine": machine,
        "device": device.type,
    }


def describe(value: Any) -> str:
    """Describe a parameter by a text that is the same in another process."""
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, Real) and not isinstance(value, bool):
        # 1 and 1.0 are the same number.
        number = float(value)
        return repr(int(number)) if number.is_integer() else repr(number)
    if value is None or isinstance(value, str | bytes | bool):
        return repr(value)
    if sp.issparse(value):
        return _samples(value)
    if hasattr(value, "to_numpy"):
        return f"{_name_of_kind(value)} {_values(np.asarray(value))}"
    if isinstance(value, np.ndarray | torch.Tensor):
        return _values(np.asarray(value))
    if isinstance(value, Mapping):
        items = sorted((describe(k), describe(v)) for k, v in value.items())
        return "{" + ", ".join(f"{k}: {v}" for k, v in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(describe, value)) + "]"
    if isinstance(value, functools.partial):
        return f"partial({describe([value.func, value.args, value.keywords])})"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__} ({_of_code(value)})"
    name = _name_of_kind(value)
    if isinstance(value, BaseEstimator):
        return f"{name}({parts_of_params(value)})"
    if isinstance(value, nn.Module):
        state = {k: v for k, v in value.state_dict().items() if isinstance(v, torch.Tensor)}
        return f"{name}({hashlib.sha256(repr(value).encode()).hexdigest()[:8]}, {describe(state)})"
    text = repr(value)
    # Attributes may change in a fit, so without a repr of its own only the class counts.
    return name if " at 0x" in text else f"{name} ({hashlib.sha256(text.encode()).hexdigest()[:8]})"


def _name_of_kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _difference(name: str, earlier: str | None, now: str | None) -> str:
    shown = [text is not None and len(text) <= 40 and "(" not in text for text in (earlier, now)]
    return f"{name} was {earlier}, is {now}" if all(shown) else f"{name} differs"


def _of_code(function: FunctionType) -> str:
    """Describe what a function computes, so that a changed function is recognised."""
    code = function.__code__
    constants = [c for c in code.co_consts if not hasattr(c, "co_code")]
    cells = [repr(cell.cell_contents) for cell in function.__closure__ or ()]
    text = (code.co_code, constants, code.co_names, function.__defaults__, cells)
    return hashlib.sha256(repr(text).encode()).hexdigest()[:16]


def _samples(X: Any) -> str:
    """Describe the samples, which are read once, in chunks."""
    if isinstance(X, np.ndarray):
        return _values(X)
    if sp.issparse(X):
        X = sp.csr_array(X)
        return f"sparse {X.shape} {describe([X.data, X.indices, X.indptr])}"
    rows = as_rows(X, torch.device("cpu"), torch.float64)
    some = torch.linspace(0, len(rows) - 1, min(len(rows), _CHUNK)).long()
    first, second = (rows.take(some) for _ in range(2))
    if not torch.equal(first, second):
        return f"{len(rows)} samples that differ each time they are read"
    digest = hashlib.sha1(usedforsecurity=False)
    for start in range(0, len(rows), _CHUNK):
        digest.update(rows.span(start, start + _CHUNK).numpy().tobytes())
    return f"{len(rows)} samples ({digest.hexdigest()[:16]})"


def _values(values: np.ndarray) -> str:
    """Describe an array by type, shape and content; read in parts, as it may be on a disk."""
    digest = hashlib.sha1(usedforsecurity=False)
    if values.dtype.hasobject:
        digest.update(repr(values.tolist()).encode())
    elif values.ndim == 0:
        digest.update(values.tobytes())
    else:
        for start in range(0, len(values), _CHUNK):
            digest.update(np.ascontiguousarray(values[start : start + _CHUNK]).data)
    return f"{values.dtype} {values.shape} ({digest.hexdigest()[:16]})"
