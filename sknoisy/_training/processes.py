"""Processes that train one network together: each runs a share of every batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from sknoisy._data.rows import Rows
from sknoisy._runtime.devices import launched
from sknoisy._runtime.randomness import seeded
from sknoisy._validation.labels import Labels

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

    def check_same(
        self, estimator: Any, rows: Rows, labels: Labels, *parts: np.ndarray | None
    ) -> None:
        """Check that all processes were given the same: of rows a sample, all of the rest.

        Raises
        ------
        ValueError
            In all of them, if not.
        """
        if self.n == 1:
            return
        settings = [
            (name, value)
            for name, value in sorted(estimator.get_params().items())
            if isinstance(value, (str, Real, tuple)) and name not in ("random_state", "verbose")
        ]
        digest = hashlib.blake2b(f"{len(rows)} {settings} {labels.classes.tolist()}".encode())
        parts = (labels.codes, labels.soft, *parts)
        sample = torch.linspace(0, len(rows) - 1, min(len(rows), 1024)).long()
        some, again = (rows.take(sample).cpu().numpy() for _ in range(2))
        # Items of a dataset may be another view each time.
        for part in (some, *parts) if np.array_equal(some, again) else parts:
            digest.update(b"none" if part is None else f"{part.dtype}{part.shape}".encode())
            digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        told: list[Any] = [None] * self.n
        dist.all_gather_object(told, digest.hexdigest())
        if len(set(told)) > 1:
            raise ValueError(
                "With device='accelerate' every process must be given the same samples, labels, "
                "weights and parameters: each batch is divided among processes by itself."
            )

    @torch.no_grad()
    def begin(self, *modules: nn.Module) -> None:
        """Start from what the first process has; only dropout is to draw otherwise in each."""
        if self.n == 1:
            return
        state = [t for module in modules for t in (*module.parameters(), *_buffers(module))]
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

    def divided(self, run: Callable[[Tensor], Any], x: Tensor) -> Any:
        """Outputs of a network for all rows, of which this process runs its share.

        Parameters
        ----------
        run : callable
            From rows to a tensor, or a tuple of tensors, of shape (..., n_rows, n_outputs).
        x : Tensor of shape (n_rows, ...)
        """
        if self.n == 1 or len(x) < 2 * self.n or x.requires_grad:
            # Batch normalisation cannot train on a single row; slopes of rows are wanted whole.
            return run(x)
        shares = x.tensor_split(self.n)
        with self._own_noise(x.device):
            own = run(shares[self.rank])
        sizes = [len(share) for share in shares]
        if isinstance(own, tuple):
            return tuple(self._gathered(part, sizes) for part in own)
        return self._gathered(own, sizes)

    def _gathered(self, own: Tensor, sizes: list[int]) -> Tensor:
        # Features may have several rows for each of x.
        each = own.shape[-2] // sizes[self.rank]
        return _Gathered.apply(own, [each * size for size in sizes], self.rank)

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
        buffers = [b for b in _buffers(module) if b.is_floating_point()]
        like = learned[0]
        here = [p.grad is not None for p in learned]
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad / self.n for p in learned]
        leading = [b.to(like.dtype) if self.rank == 0 else torch.zeros_like(b) for b in buffers]
        parts = [like.new_tensor(here), *slopes, *leading]
        flat = torch.cat([part.to(like.dtype).flatten() for part in parts])
        dist.all_reduce(flat)
        counts, *summed = flat.split([part.numel() for part in parts])
        # To read the counts means to wait for the device.
        reached = here if all(here) else [bool(count) for count in counts.tolist()]
        for p, known, slope in zip(learned, reached, summed, strict=False):
            # What no process reached, the optimizer is to leave alone. Fused kernels walk a
            # parameter and its slope through memory side by side.
            p.grad = torch.empty_like(p).copy_(slope.view_as(p)) if known else None
        for buffer, first in zip(buffers, summed[len(learned) :], strict=True):
            buffer.copy_(first.view_as(buffer))

    @torch.no_grad()
    def check_agreed(self, *modules: nn.Module) -> None:
        """Check that processes have learned the same, and will draw the same.

        Raises
        ------
        RuntimeError
            In all of them, if not.
        """
        if self.n == 1:
            return
        sizes = torch.stack(
            [_size(part) for m in modules for part in (*m.parameters(), *m.buffers())]
        )
        drawn = hashlib.blake2b(torch.get_rng_state().numpy().tobytes()).hexdigest()
        told: list[Any] = [None] * self.n
        dist.all_gather_object(told, (drawn, sizes.tolist()))
        draws, learned = zip(*told, strict=True)
        # Sums over samples may differ in their last digits.
        alike = all(np.allclose(each, learned[0], rtol=1e-4, equal_nan=True) for each in learned)
        if not alike or len(set(draws)) > 1:
            raise RuntimeError(
                "With device='accelerate' the processes no longer agree on what they have learned. "
                "The network, the method or a callback does not do the same in each: it may draw "
                "from other generators than those of torch, draw in one process only, or keep what "
                "it saw of a share of a batch."
            )


def _size(part: Tensor) -> Tensor:
    return part.double().nan_to_num().abs().sum()


def _buffers(module: nn.Module) -> list[Tensor]:
    """Those that can be written to: an expanded one cannot, and so never changes."""
    return [
        part
        for part in module.buffers()
        if all(step or size < 2 for step, size in zip(part.stride(), part.shape, strict=True))
    ]


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
