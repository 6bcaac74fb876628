"""The built-in multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

from torch import Tensor, nn

from sknoisy._validation.constraints import did_you_mean
from sknoisy.networks._checks import check_dropout, check_sizes, check_widths
from sknoisy.networks._fused_mlp import dropout_mask
from sknoisy.networks.inputs import PiecewiseLinear, Standardize

__all__ = ["Dropout", "MLP", "has_hooks", "is_plain_mlp"]


class Dropout(nn.Dropout):
    """Dropout with fast random numbers on the CPU; torch's dropout on other devices.

    Parameters
    ----------
    p : float, default=0.5
        Probability of dropping a unit, rounded to a multiple of 2 ** -16.
    inplace : bool, default=False
        As in :class:`torch.nn.Dropout`; without effect on the CPU.

    Examples
    --------
    >>> import torch
    >>> Dropout(0.25).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if isinstance(p, bool) or not isinstance(p, Real) or not 0 <= float(p) <= 1:
            raise ValueError(
                f"The 'p' parameter of Dropout must be a float in the range [0, 1]. Got {p!r} "
                "instead."
            )
        super().__init__(p, inplace)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or x.device.type != "cpu":
            return super().forward(x)
        return x * dropout_mask(x, self.p)


class MLP(nn.Sequential):
    """A multi-layer perceptron whose first layer standardises the input.

    Parameters
    ----------
    n_in : int
        Number of columns.
    n_out : int
        Number of classes.
    hidden : int or sequence of int, default=(128, 128)
        Width of each hidden layer; an int means a single hidden layer.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    bins : int or "auto", default=0
        Bins of the :class:`PiecewiseLinear` encoding of each column; 0 or 1: no encoding. "auto": 8
        bins for up to 32 columns, and fewer for more columns, with at most 256 bins in total. Above
        128 columns there is no encoding.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> import torch
    >>> MLP(4, 3, hidden=(8,))(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        hidden: int | Sequence[int] = (128, 128),
        dropout: float = 0.0,
        bins: int | str = 0,
    ) -> None:
        check_sizes("MLP", n_in=n_in, n_out=n_out)
        widths = [hidden] if isinstance(hidden, Integral) else hidden
        check_widths("MLP", "hidden", widths)
        check_dropout("MLP", dropout)
        if bins == "auto":
            bins = min(8, 256 // n_in)
        if isinstance(bins, bool) or not isinstance(bins, Integral) or bins < 0:
            raise ValueError(
                "The 'bins' parameter of MLP must be 'auto' or an int in the range [0, inf). Got "
                f"{bins!r} instead.{did_you_mean(bins, ['auto'])}"
            )
        encoded = bins > 1
        layers: list[nn.Module] = [
            PiecewiseLinear(n_in, int(bins)) if encoded else Standardize(n_in)
        ]
        n_in = n_in * (1 + int(bins)) if encoded else n_in
        for width in widths:
            layers += [nn.Linear(n_in, width), nn.ReLU()]
            layers += [Dropout(dropout)] if dropout else []
            n_in = width
        super().__init__(*layers, nn.Linear(n_in, n_out))


def is_plain_mlp(network: nn.Module) -> bool:
    """Whether a network is an :class:`MLP` with unchanged layers, none with hooks or frozen.

    Parameters
    ----------
    network : Module

    Returns
    -------
    bool

    Examples
    --------
    >>> is_plain_mlp(MLP(4, 3)), is_plain_mlp(nn.Linear(4, 3))
    (True, False)
    """
    if type(network) is not MLP or not len(network):
        return False
    first, *rest = network
    dropouts = {part.p for part in rest if isinstance(part, nn.Dropout)}
    if len(dropouts) > 1 or type(first) not in (Standardize, PiecewiseLinear):
        return False
    hidden: list[type[nn.Module]] = [nn.Linear, nn.ReLU] + [Dropout] * len(dropouts)
    depth = len(rest) // len(hidden)
    return (
        [type(part) for part in rest] == hidden * depth + [nn.Linear]
        and all(part.bias is not None for part in rest if isinstance(part, nn.Linear))
        and all(p.requires_grad for p in network.parameters())
        and len(list(network.parameters())) == 2 * depth + 2
        and not any(map(has_hooks, (network, *network)))
    )


def has_hooks(module: nn.Module) -> bool:
    """Whether a module has hooks or a replaced ``forward``, which a fused pass would not call."""
    hooks = (
        module._forward_hooks, module._forward_pre_hooks, module._backward_hooks,
        module._backward_pre_hooks,
    )  # fmt: skip
    return any(hooks) or "forward" in vars(module)
