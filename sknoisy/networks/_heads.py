"""The last layer of networks made elsewhere, such as those of torchvision and timm."""

from __future__ import annotations

from typing import Any

from torch import nn

__all__ = ["explain_head", "find_head", "has_head", "n_repeats", "remove_head", "resize_head"]

# Where networks of torchvision have their last layers; "head" is that of Swin transformers.
_ATTRIBUTES = ("fc", "classifier", "head", "heads")
_LAYERS = (nn.Linear, nn.Conv2d)


def find_head(network: nn.Module) -> str | None:
    """Find the layer that computes the logits.

    Parameters
    ----------
    network : Module

    Returns
    -------
    str or None
        The name of the last linear layer or convolution in the attribute ``fc``, ``classifier``,
        ``head`` or ``heads``, or in what ``get_classifier`` of timm returns. None: there is none.

    Examples
    --------
    >>> network = nn.Sequential()
    >>> network.classifier = nn.Sequential(nn.Dropout(), nn.Linear(8, 1000))
    >>> find_head(network)
    'classifier.1'
    """
    parts = _classifier_of(network)
    if parts is None:
        parts = [getattr(network, attribute, None) for attribute in _ATTRIBUTES]
    elif isinstance(parts, nn.Module):
        parts = [parts]
    names = {layer: name for name, layer in network.named_modules()}
    for part in parts:
        layers = part.modules() if isinstance(part, nn.Module) else ()
        inside = [names[layer] for layer in layers if isinstance(layer, _LAYERS)]
        if inside:
            return inside[-1]
    return None


def has_head(network: nn.Module) -> bool:
    """Whether :func:`resize_head` can replace the last layer."""
    return _reset_of(network) is not None or find_head(network) is not None


def explain_head(network: nn.Module) -> str:
    """Say where a last layer is looked for, and what the network has instead."""
    children = [name for name, _ in network.named_children()]
    return (
        "A last layer can be replaced if it is a Linear or Conv2d in an attribute of the name "
        f"{', '.join(map(repr, _ATTRIBUTES))}, or if there is a method 'reset_classifier'. The "
        f"parts of {type(network).__name__} are {children}."
    )


def resize_head(network: nn.Module, n_out: int) -> None:
    """Replace the last layer of a network, in place, by a new one for another number of classes.

    Parameters
    ----------
    network : Module
        It must have a last layer that :func:`has_head` finds.
    n_out : int
        Number of classes.

    Examples
    --------
    >>> network = nn.Sequential()
    >>> network.fc = nn.Linear(8, 1000)
    >>> resize_head(network, 3)
    >>> network.fc
    Linear(in_features=8, out_features=3, bias=True)
    """
    if (reset := _reset_of(network)) is not None:
        reset(n_out)
    elif (name := find_head(network)) is not None:
        _replace(network, name, _resized(network.get_submodule(name), n_out))


def remove_head(network: nn.Module) -> int | None:
    """Remove the last layer of a network, in place, so that the network returns features.

    Parameters
    ----------
    network : Module
        The last layer is that of :func:`find_head`, or a linear layer at the end of a Sequential,
        such as a network of this package.

    Returns
    -------
    int or None
        Number of features; None: the network has no last layer, and is not changed.

    Examples
    --------
    >>> network = nn.Sequential(nn.Flatten())
    >>> network.fc = nn.Linear(8, 1000)
    >>> remove_head(network)
    8
    """
    name = find_head(network) or _last_of_sequential(network)
    head = None if name is None else network.get_submodule(name)
    n_features = getattr(network, "num_features", None)
    if (reset := _reset_of(network)) is not None:
        is_all = head is not None and _classifier_of(network) is head
        reset(0)
        return _n_inputs(head) if is_all else n_features
    if name is None:
        return n_features
    _replace(network, name, nn.Identity())
    return _n_inputs(head)


def n_repeats(network: nn.Module, n_in: int) -> int:
    """Return how often the channel of grey images is repeated for the first convolution."""
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d)), None)
    return 1 if first is None or n_in != 1 else first.in_channels


def _last_of_sequential(network: nn.Module) -> str | None:
    if not isinstance(network, nn.Sequential) or not len(network):
        return None
    name, layer = list(network.named_children())[-1]
    return name if isinstance(layer, nn.Linear) else None


def _reset_of(network: nn.Module) -> Any:
    """Return the method of timm that replaces the last layer, or None."""
    reset = getattr(network, "reset_classifier", None)
    return reset if callable(reset) else None


def _classifier_of(network: nn.Module) -> Any:
    """Return the last layer of a network of timm, or a tuple of several; None: not of timm."""
    get: Any = getattr(network, "get_classifier", None)
    return get() if callable(get) else None


def _n_inputs(head: nn.Module | None) -> int:
    assert isinstance(head, _LAYERS)
    return head.in_features if isinstance(head, nn.Linear) else head.in_channels


def _resized(head: nn.Module, n_out: int) -> nn.Module:
    assert isinstance(head, _LAYERS)
    at: Any = {"device": head.weight.device, "dtype": head.weight.dtype}
    has_bias = head.bias is not None
    if isinstance(head, nn.Linear):
        return nn.Linear(head.in_features, n_out, has_bias, **at)
    shape: Any = {"stride": head.stride, "padding": head.padding}
    n_in, size = head.in_channels, head.kernel_size
    return nn.Conv2d(n_in, n_out, size, **shape, bias=has_bias, **at)  # type: ignore[arg-type]


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, layer)
