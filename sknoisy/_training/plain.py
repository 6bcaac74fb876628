"""Objects of this package and of torch as plain data: a name, and the fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import nn

from sknoisy._data.columns import ColumnTransform
from sknoisy._label_noise.report import NoiseReport
from sknoisy._training.schedules import CosineRestarts, LinearDecay, Steps
from sknoisy._training.settings import Settings, SmoothingRule
from sknoisy.functional import Cutout, FeatureCorruption, RandAugment, RandomFlip, RandomShift
from sknoisy.methods import METHODS, Method
from sknoisy.networks import CNN, IMAGE_NETWORKS, MLP, ResNet

__all__ = ["NETWORKS", "from_plain", "to_plain"]

# Dataclasses whose fields are all of their state.
_RECORDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        ColumnTransform, CosineRestarts, Cutout, FeatureCorruption, LinearDecay, NoiseReport,
        RandAugment, RandomFlip, RandomShift, Settings, SmoothingRule, Steps,
    )
}  # fmt: skip

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    **IMAGE_NETWORKS,
    "mlp": MLP,
    "cnn": CNN,
    "resnet": ResNet,
}

_OPTIMIZERS: dict[str, Any] = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
}


def to_plain(value: Any) -> Any:
    """Replace an object by a dict with one key, ``$kind``; return other values unchanged.

    The object may be a record such as a noise report, a network, optimizer or method by its class,
    a method of this package with its parameters, or a device, dtype or random state.
    """
    record = _RECORDS.get(type(value).__name__)
    if record is not None and type(value) is record:
        state = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {"$record": [type(value).__name__, state]}
    for tag, table in (("network", NETWORKS), ("optimizer", _OPTIMIZERS), ("method", METHODS)):
        if (name := _name_in(table, value)) is not None:
            return {f"${tag}": name}
    if isinstance(value, Method) and (name := _name_in(METHODS, type(value))) is not None:
        return {"$method_with": [name, value.get_params(deep=False)]}
    if isinstance(value, torch.device):
        return {"$device": str(value)}
    if isinstance(value, torch.dtype):
        return {"$dtype": str(value).removeprefix("torch.")}
    if isinstance(value, np.random.RandomState):
        return {"$random_state": value.get_state(legacy=True)}
    return value


def from_plain(value: Any) -> Any:
    """Make the object that :func:`to_plain` has replaced; return other values unchanged."""
    if isinstance(value, dict) and len(value) == 1:
        ((tag, content),) = value.items()
        if isinstance(tag, str) and (make := _MAKERS.get(tag.removeprefix("$"))):
            return make(content)
    return value


def _name_in(table: dict[str, Any], value: Any) -> str | None:
    return next((name for name, known in table.items() if known is value), None)


def _make_record(content: Any) -> Any:
    name, state = content
    return _RECORDS[name](**{field: from_plain(part) for field, part in state.items()})


def _make_method(content: Any) -> Method:
    name, params = content
    return METHODS[name]().set_params(**params)


def _make_dtype(name: Any) -> torch.dtype:
    return {"float32": torch.float32, "float64": torch.float64}[name]


def _make_random_state(state: Any) -> np.random.RandomState:
    generator = np.random.RandomState(0)
    generator.set_state(state)
    return generator


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "record": _make_record,
    "network": NETWORKS.__getitem__,
    "optimizer": _OPTIMIZERS.__getitem__,
    "method": METHODS.__getitem__,
    "method_with": _make_method,
    "device": torch.device,
    "dtype": _make_dtype,
    "random_state": _make_random_state,
}
