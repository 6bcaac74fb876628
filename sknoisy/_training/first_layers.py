"""Statistics of the training set in the first layers of networks."""

from __future__ import annotations

from torch import nn

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy.networks import Standardize

__all__ = ["adapt_constant_columns", "adapt_first_layers", "first_layers"]


def first_layers(network: nn.Module) -> list[Standardize]:
    """Return the layers that standardise the inputs of the networks of a module."""
    return [part for part in network.modules() if isinstance(part, Standardize)]


def adapt_first_layers(network: nn.Module, data: LabelledRows) -> None:
    """Adapt the first layers to a training set, unless they are already adapted."""
    for layer in first_layers(network):
        if not layer.is_adapted:
            layer.adapt(BatchLoader(data).weighted_rows())


def adapt_constant_columns(network: nn.Module, data: LabelledRows) -> None:
    """Adapt the first layers to the columns that vary in this training set for the first time.

    So far they were multiplied by zero, so their weights are still the initial ones.
    """
    for layer in first_layers(network):
        layer.adapt_constant(BatchLoader(data).weighted_rows())
