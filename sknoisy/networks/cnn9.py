"""The convolutional network with nine layers that Co-teaching was published with."""

from __future__ import annotations

from torch import nn

from sknoisy.networks._checks import check_dropout, check_sizes
from sknoisy.networks.inputs import Standardize

__all__ = ["CNN9"]


class CNN9(nn.Sequential):
    """Nine convolutions for images of at least 28 x 28 pixels.

    Parameters
    ----------
    n_in : int
        Number of channels.
    n_out : int
        Number of classes.
    dropout : float, default=0.25
        Probability of dropping a feature map.

    References
    ----------
    Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels",
    NeurIPS 2018, Table 2.

    Examples
    --------
    >>> import torch
    >>> network = CNN9(3, 10)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in network.parameters())
    4434570
    """

    def __init__(self, n_in: int, n_out: int, dropout: float = 0.25) -> None:
        check_sizes("CNN9", n_in=n_in, n_out=n_out)
        check_dropout("CNN9", dropout)
        layers: list[nn.Module] = [Standardize(n_in)]
        for width in (128, 256):
            for _ in range(3):
                layers += _convolution(n_in, width, padding=1)
                n_in = width
            layers += [nn.MaxPool2d(2), nn.Dropout2d(dropout)]
        for width in (512, 256, 128):
            layers += _convolution(n_in, width, padding=0)
            n_in = width
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, n_out)]
        super().__init__(*layers)


def _convolution(n_in: int, n_out: int, padding: int) -> list[nn.Module]:
    return [
        nn.Conv2d(n_in, n_out, 3, padding=padding), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.01),
    ]  # fmt: skip
