"""Statistics of the training set in the first layers of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy.networks import PiecewiseLinear, Standardize

__all__ = ["adapt_constant_columns", "adapt_first_layers", "first_layers"]


def first_layers(network: nn.Module) -> list[Standardize]:
    """Return the layers that standardise the inputs of the networks of a module."""
    return [part for part in network.modules() if isinstance(part, Standardize)]


def adapt_first_layers(network: nn.Module, data: LabelledRows) -> None:
    """Adapt the first layers to a training set, unless they are already adapted."""
    layers = [layer for layer in first_layers(network) if not layer.is_adapted]
    _once_for_equal_layers(layers, lambda layer: layer.adapt(BatchLoader(data).weighted_rows()))


def adapt_constant_columns(network: nn.Module, data: LabelledRows) -> None:
    """Adapt the first layers to the columns that vary in this training set for the first time.

    So far they were multiplied by zero, so their weights are still the initial ones.
    """
    _once_for_equal_layers(
        first_layers(network),
        lambda layer: layer.adapt_constant(BatchLoader(data).weighted_rows()),
    )


def _once_for_equal_layers(
    layers: Iterable[Standardize], adapt: Callable[[Standardize], None]
) -> None:
    """Adapt layers; those that are equal, as in the networks of an ensemble, read the rows once."""
    adapted: list[tuple[dict[str, Tensor], Standardize]] = []
    for layer in layers:
        before = {name: part.clone() for name, part in layer.state_dict().items()}
        twin = next((other for state, other in adapted if _are_equal(state, before)), None)
        if twin is not None and type(layer) is type(twin) in (Standardize, PiecewiseLinear):
            layer.load_state_dict(twin.state_dict())
        else:
            adapt(layer)
            adapted.append((before, layer))


def _are_equal(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return state.keys() == other.keys() and all(
        torch.equal(part, other[name]) for name, part in state.items()
    )
