"""Residual networks for small images: their first convolution keeps the size of the image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sknoisy.networks._checks import check_sizes, check_widths
from sknoisy.networks.inputs import Standardize

__all__ = ["ResNet", "preact_resnet18", "resnet18", "resnet34"]

_WIDTHS = (64, 128, 256, 512)


class ResNet(nn.Sequential):
    """A residual network for images of some 32 x 32 pixels.

    The first layer is a 3 x 3 convolution without stride or pooling. Networks made for ImageNet
    begin by reducing the image to a quarter of its height and width, which costs several points of
    accuracy on small images.

    Parameters
    ----------
    n_in : int
        Number of channels.
    n_out : int
        Number of classes.
    n_blocks : sequence of int, default=(2, 2, 2, 2)
        Residual blocks of each stage, of two 3 x 3 convolutions each. All stages but the first
        halve height and width. (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.
    widths : sequence of int, default=(64, 128, 256, 512)
        Channels of each stage.
    preactivated : bool, default=False
        Whether normalisation and ReLU come before a convolution instead of after it.

    References
    ----------
    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. Preactivated: He et al.,
    "Identity Mappings in Deep Residual Networks", ECCV 2016, in the form that the code of DivideMix
    uses: the first convolution is normalised, and the last feature map is not.

    Examples
    --------
    >>> import torch
    >>> network = ResNet(3, 10)
    >>> network(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(p.numel() for p in network.parameters())
    11173962
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        n_blocks: Sequence[int] = (2, 2, 2, 2),
        widths: Sequence[int] = _WIDTHS,
        preactivated: bool = False,
    ) -> None:
        check_sizes("ResNet", n_in=n_in, n_out=n_out)
        check_widths("ResNet", "n_blocks", n_blocks)
        check_widths("ResNet", "widths", widths)
        if len(n_blocks) != len(widths):
            raise ValueError(
                "The 'n_blocks' parameter of ResNet must have an entry for each of the "
                f"{len(widths)} widths. Got {n_blocks!r} instead."
            )
        if not isinstance(preactivated, bool):
            raise ValueError(
                "The 'preactivated' parameter of ResNet must be a bool. Got "
                f"{preactivated!r} instead."
            )
        block = _PreactivatedBlock if preactivated else _Block
        width = widths[0]
        layers: list[nn.Module] = [
            Standardize(n_in), _conv(n_in, width), nn.BatchNorm2d(width), nn.ReLU(),
        ]  # fmt: skip
        for stage, (n, wider) in enumerate(zip(n_blocks, widths, strict=True)):
            for i in range(n):
                layers.append(block(width, wider, stride=2 if stage and not i else 1))
                width = wider
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, n_out)]
        super().__init__(*layers)


def resnet18(n_in: int, n_out: int) -> ResNet:
    """Make a ResNet-18 for small images; see :class:`ResNet`.

    Parameters
    ----------
    n_in : int
        Number of channels of the images.
    n_out : int
        Number of classes.

    Returns
    -------
    ResNet

    Examples
    --------
    >>> import torch
    >>> resnet18(3, 10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return ResNet(n_in, n_out)


def resnet34(n_in: int, n_out: int) -> ResNet:
    """Make a ResNet-34 for small images; see :class:`ResNet`.

    Parameters
    ----------
    n_in : int
        Number of channels of the images.
    n_out : int
        Number of classes.

    Returns
    -------
    ResNet

    Examples
    --------
    >>> import torch
    >>> resnet34(3, 10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return ResNet(n_in, n_out, n_blocks=(3, 4, 6, 3))


def preact_resnet18(n_in: int, n_out: int) -> ResNet:
    """Make a preactivated ResNet-18 for small images; see :class:`ResNet`.

    Parameters
    ----------
    n_in : int
        Number of channels of the images.
    n_out : int
        Number of classes.

    Returns
    -------
    ResNet

    Examples
    --------
    >>> import torch
    >>> preact_resnet18(3, 10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return ResNet(n_in, n_out, preactivated=True)


def _conv(n_in: int, n_out: int, stride: int = 1, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, size, stride=stride, padding=size // 2, bias=False)


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _conv(n_in, n_out, stride), nn.BatchNorm2d(n_out), nn.ReLU(),
            _conv(n_out, n_out), nn.BatchNorm2d(n_out),
        )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride > 1 or n_in != n_out:
            self.shortcut.extend([_conv(n_in, n_out, stride, size=1), nn.BatchNorm2d(n_out)])

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.shortcut(x) + self.residual(x))


class _PreactivatedBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.activation = nn.Sequential(nn.BatchNorm2d(n_in), nn.ReLU())
        self.residual = nn.Sequential(
            _conv(n_in, n_out, stride), nn.BatchNorm2d(n_out), nn.ReLU(), _conv(n_out, n_out)
        )
        is_changed = stride > 1 or n_in != n_out
        self.shortcut = _conv(n_in, n_out, stride, size=1) if is_changed else None

    def forward(self, x: Tensor) -> Tensor:
        activated = self.activation(x)
        kept = x if self.shortcut is None else self.shortcut(activated)
        return kept + self.residual(activated)
