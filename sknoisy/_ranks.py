"""Processes that train one network together: each runs a share of every batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from sknoisy.data import Rows
from sknoisy.runtime import launched, seeded

__all__ = ["ALONE", "Ranks"]

T = TypeVar("T")


class Ranks:
    """What a process needs of the others, of which each has the same data and the same draws.

    Only the passes through the network are divided. All that a method sees are the outputs for the
    whole batch, so losses, choices among samples and per-sample state are the same everywhere,
    without a word about them between processes; and the same as those of one process alone.

    Parameters
    ----------
    n : int, default=1
        Processes.
    rank : int, default=0
        Which of them this is.
    """

    def __init__(self, n: int = 1, rank: int = 0) -> None:
        self.n, self.rank = n, rank
        self._noise: Any = None
        self._reached: tuple[list[bool], list[bool]] = [], []

    @classmethod
    def here(cls, device: str | torch.device) -> Ranks:
        """Find the processes that a launcher has started; only for ``device="accelerate"``."""
        if device != "accelerate":
            return ALONE
        state = launched()
        return cls(state.num_processes, state.process_index)

    def agreed(self, value: T) -> T:
        """What it is in the first process."""
        if self.n == 1:
            return value
        told = [value]
        dist.broadcast_object_list(told, src=0)
        return told[0]

    def check_same(self, rows: Rows, *parts: np.ndarray) -> None:
        """Check that all processes were given the same first rows, and the same of all else.

        Raises
        ------
        ValueError
            In all of them, if not.
        """
        if self.n == 1:
            return
        digest = hashlib.blake2b(str(len(rows)).encode())
        first, again = (rows.span(0, 64).cpu().numpy() for _ in range(2))
        # Items of a dataset may be another view each time.
        for part in (first, *parts) if np.array_equal(first, again) else parts:
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        told: list[Any] = [None] * self.n
        dist.all_gather_object(told, digest.hexdigest())
        if len(set(told)) > 1:
            raise ValueError(
                "With device='accelerate' every process must be given the same samples, labels and "
                "weights, in the same order: each batch is divided among processes by itself."
            )

    @torch.no_grad()
    def begin(self, *modules: nn.Module) -> None:
        """Start from what the first process has; only dropout is to draw otherwise in each."""
        if self.n == 1:
            return
        state = [t for module in modules for t in (*module.parameters(), *module.buffers())]
        flat = torch.cat([t.contiguous().view(-1).view(torch.uint8) for t in state])
        dist.broadcast(flat, src=0)
        parts = flat.split([t.numel() * t.element_size() for t in state])
        for tensor, part in zip(state, parts, strict=True):
            tensor.copy_(part.clone().view(tensor.dtype).view_as(tensor))
        copied = torch.Generator()
        copied.set_state(torch.get_rng_state())
        first = int(torch.randint(2**31, (), generator=copied))
        with seeded(flat.device, first + self.rank) as left:
            pass
        self._noise = left["state"]

    def divided(self, run: Callable[[Tensor], Any], x: Tensor, training: bool) -> Any:
        """Outputs of a network for all rows, of which this process runs its share.

        Parameters
        ----------
        run : callable
            From rows to a tensor, or a tuple of tensors, of shape (..., n_rows, n_outputs).
        x : Tensor of shape (n_rows, ...)
        training : bool
            Whether the network draws.
        """
        if self.n == 1 or len(x) < 2 * self.n:
            # Batch normalisation cannot train on a single row.
            return run(x)
        shares = x.tensor_split(self.n)
        with self._own_noise(x.device) if training else nullcontext():
            own = run(shares[self.rank])
        sizes = [len(share) for share in shares]
        if isinstance(own, tuple):
            return tuple(_Gathered.apply(part, sizes, self.rank) for part in own)
        return _Gathered.apply(own, sizes, self.rank)

    @contextmanager
    def _own_noise(self, device: torch.device) -> Iterator[None]:
        with seeded(device, state=self._noise) as left:
            yield
        self._noise = left["state"]

    @torch.no_grad()
    def share_gradients(self, optimizer: torch.optim.Optimizer, module: nn.Module) -> None:
        """Take the mean of the gradients, and the first process's buffers, such as running means.

        Parameters
        ----------
        optimizer : Optimizer
            Holds the parameters whose gradients are meant.
        module : Module
            Holds the buffers.
        """
        if self.n == 1:
            return
        learned = [p for group in optimizer.param_groups for p in group["params"]]
        learned = [p for p in learned if p.requires_grad]
        buffers = [b for b in module.buffers() if b.is_floating_point()]
        like, lead = learned[0], float(self.rank == 0)
        here = [p.grad is not None for p in learned]
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad / self.n for p in learned]
        parts = [like.new_tensor(here), *slopes, *(b.to(like.dtype) * lead for b in buffers)]
        flat = torch.cat([part.flatten() for part in parts])
        dist.all_reduce(flat)
        counts, *summed = flat.split([part.numel() for part in parts])
        if here != self._reached[0]:
            # Read only when it changes: it means to wait for the device.
            self._reached = here, [bool(count) for count in counts.tolist()]
        for p, reached, slope in zip(learned, self._reached[1], summed, strict=False):
            # What no process reached, the optimizer is to leave alone.
            p.grad = slope.view_as(p) if reached else None
        for buffer, first in zip(buffers, summed[len(learned) :], strict=True):
            buffer.copy_(first.view_as(buffer))

    @torch.no_grad()
    def check_agreed(self, *modules: nn.Module) -> None:
        """Check that processes have learned the same.

        Raises
        ------
        RuntimeError
            In all of them, if not.
        """
        if self.n == 1:
            return
        sums = [_size(module) for module in modules]
        told: list[Any] = [None] * self.n
        dist.all_gather_object(told, sums)
        # Sums over samples may differ in their last digits.
        if not np.allclose(told, told[0], rtol=1e-3, equal_nan=True):
            raise RuntimeError(
                "With device='accelerate' the processes no longer agree on what they have learned. "
                "The network or the method does not do the same in each: it may draw from other "
                "generators than those of torch, or keep what it saw of a share of a batch."
            )


def _size(module: nn.Module) -> float:
    state = (*module.parameters(), *module.buffers())
    return float(sum(part.double().nan_to_num().abs().sum() for part in state))


ALONE = Ranks()


class _Gathered(torch.autograd.Function):
    """Rows of all processes, from those of each."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        most = max(sizes)
        # Rows first, and as many from each.
        rows = own.movedim(-2, 0)
        padded = rows.new_zeros(most, *rows.shape[1:])
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        parts = [part[:size] for part, size in zip(gathered, sizes, strict=True)]
        return torch.cat(parts).movedim(0, -2)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        # Each process differentiates the loss of the whole batch, and the mean of all is taken.
        own = slopes[0].split(ctx.sizes, dim=-2)[ctx.rank]
        return own * len(ctx.sizes), None, None
