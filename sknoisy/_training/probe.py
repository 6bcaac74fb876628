"""Trial of the network on the first rows, so that its errors are raised before training."""

from __future__ import annotations

from typing import Any

import torch

from sknoisy._training.network_view import ModuleView
from sknoisy._validation.user_warnings import warn_user
from sknoisy.networks import NetworkEnsemble
from sknoisy.networks._heads import explain_head, has_head

__all__ = ["OtherClasses", "check_finite", "check_logits", "probe_module"]


class OtherClasses(Exception):
    """The network has logits for another number of classes, and a last layer to replace."""


def probe_module(view: ModuleView, n_networks: int, can_resize: bool = False) -> None:
    """Compute the logits of the first rows, and check them.

    Raises
    ------
    OtherClasses
        If the network has another number of classes, its last layer can be replaced, and
        ``can_resize``.
    ValueError, TypeError
        If the network fails on these rows, or returns something other than logits.
    """
    x, module = view.first_rows(), view.module
    network = module[0] if isinstance(module, NetworkEnsemble) else module
    name = type(network).__name__
    module.eval()
    try:
        logits = view.infer(x)
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"The 'module' parameter: {name} failed on the first rows of X, of shape "
            f"{tuple(x.shape)}: {error}"
        ) from error
    lead = () if n_networks == 1 else (n_networks,)
    shape = (*lead, len(x), view.n_classes)
    returned = tuple(getattr(logits, "shape", ()))
    is_other = returned[:-1] == shape[:-1] and returned != shape
    if can_resize and is_other and has_head(network):
        raise OtherClasses
    check_logits(logits, shape, view.dtype, name, explain_head(network))


def check_finite(view: ModuleView, n_epochs: int, optimizer: torch.optim.Optimizer) -> None:
    """Check the outputs after the last step, which no training loss shows."""
    if not torch.isfinite(view.eval_forward(view.first_rows())[0]).all():
        lr = optimizer.param_groups[0]["lr"]
        raise FloatingPointError(
            f"The network returns NaN or infinity after epoch {n_epochs}, with lr={lr:g}. Lower "
            "'lr'."
        )


def check_logits(
    logits: Any, shape: tuple[int, ...], dtype: torch.dtype, name: str, advice: str = ""
) -> None:
    """Check the output of a network for the first rows of X.

    Parameters
    ----------
    logits : object
        The output of the network, with a graph.
    shape : tuple of int
        The expected shape.
    dtype : torch.dtype
        The expected type.
    name : str
        Class name of the network.
    advice : str, default=""
        What to do if the shape is another one.
    """
    returned = f"The 'module' parameter: {name} returned"
    if not isinstance(logits, torch.Tensor):
        raise TypeError(
            f"{returned} {type(logits).__name__}, but one tensor of logits of shape {shape} was "
            "expected."
        )
    if tuple(logits.shape) != shape:
        raise ValueError(
            f"{returned} shape {tuple(logits.shape)} but y has {shape[-1]} classes: expected "
            f"{shape}.{advice and ' ' + advice}"
        )
    if not logits.is_floating_point():
        raise TypeError(f"{returned} {logits.dtype}, but logits of {dtype} were expected.")
    if not logits.requires_grad:
        raise ValueError(f"{returned} logits without a gradient.")
    logits = logits.detach()
    if not torch.isfinite(logits).all():
        raise ValueError(f"{returned} NaN or infinity on the first rows of X.")
    total = logits.double().sum(-1)
    if (logits >= 0).all() and torch.allclose(total, torch.ones_like(total)):
        warn_user(
            f"The 'module' parameter: {name} seems to return probabilities; return logits, without "
            "a softmax."
        )
