"""The built-in convolutional network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sknoisy.networks._checks import check_dropout, check_sizes, check_widths
from sknoisy.networks.inputs import Standardize
from sknoisy.networks.mlp import Dropout

__all__ = ["CNN"]


class CNN(nn.Sequential):
    """A small convolutional network for images (channels, height, width) of any size.

    Parameters
    ----------
    n_in : int
        Number of channels.
    n_out : int
        Number of classes.
    widths : sequence of int, default=(32, 64)
        Channels of each 3 x 3 convolution; max-pooling halves the image before each of them but
        the first.
    pooled : int, default=4
        Height and width of the last feature map after average pooling.
    hidden : int, default=128
        Width of the hidden linear layer.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.

    Examples
    --------
    >>> import torch
    >>> CNN(3, 10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        widths: Sequence[int] = (32, 64),
        pooled: int = 4,
        hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        check_sizes("CNN", n_in=n_in, n_out=n_out, hidden=hidden, pooled=pooled)
        check_widths("CNN", "widths", widths)
        check_dropout("CNN", dropout)
        layers: list[nn.Module] = [Standardize(n_in)]
        for i, width in enumerate(widths):
            # Without ceil_mode an image of a single pixel would become empty.
            layers += [nn.MaxPool2d(2, ceil_mode=True)] if i else []
            layers += [nn.Conv2d(n_in, width, 3, padding=1), nn.ReLU()]
            n_in = width
        layers += [nn.AdaptiveAvgPool2d(pooled), nn.Flatten()]
        layers += [nn.Linear(n_in * pooled**2, hidden), nn.ReLU()]
        layers += [Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(hidden, n_out))

    def forward(self, x: Tensor) -> Tensor:
        first, *layers = self
        # Convolutions on the CPU are faster with channels last in memory. Asking for the memory
        # format channels_last does nothing with a single channel, and vmap does not support it.
        x = first(x).permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
        x = x.permute(0, 3, 1, 2)
        for layer in layers:
            x = layer(x)
        return x
