"""Processes that train one network together: each computes a part of every batch."""

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

__all__ = ["SINGLE_PROCESS", "Processes"]

T = TypeVar("T")


class Processes:
    """The processes of a training, each with the same data and the same random draws.

    Only passes through the network are split among the processes. Methods get the outputs for the
    whole batch, so losses, sample selection and per-sample state are equal in all processes without
    communication, and the same as in a single process.

    Parameters
    ----------
    n : int, default=1
        Number of processes.
    rank : int, default=0
        Number of this process.
    """

    def __init__(self, n: int = 1, rank: int = 0) -> None:
        self.n, self.rank = n, rank
        self._random_state: Any = None

    @classmethod
    def launched_on(cls, device: str | torch.device) -> Processes:
        """Return the processes that a launcher has started, for ``device="accelerate"`` only."""
        if device != "accelerate":
            return SINGLE_PROCESS
        state = launched()
        return cls(state.num_processes, state.process_index)

    def broadcast(self, value: T) -> T:
        """Return the value of the first process."""
        if self.n == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def check_same_inputs(
        self, estimator: Any, rows: Rows, labels: Labels, *parts: np.ndarray | None
    ) -> None:
        """Check that labels, weights, parameters and a sample of rows are equal in all processes.

        Raises
        ------
        ValueError
            In all processes, if something differs.
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
        first, second = (rows.take(sample).cpu().numpy() for _ in range(2))
        # A Dataset may return a different view of a row each time.
        for part in (first, *parts) if np.array_equal(first, second) else parts:
            digest.update(b"none" if part is None else f"{part.dtype}{part.shape}".encode())
            digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        digests: list[Any] = [None] * self.n
        dist.all_gather_object(digests, digest.hexdigest())
        if len(set(digests)) > 1:
            raise ValueError(
                "With device='accelerate' every process must be given the same samples, labels, "
                "weights and parameters: each batch is split among the processes automatically."
            )

    @torch.no_grad()
    def sync_start(self, *modules: nn.Module) -> None:
        """Copy the weights of the first process; seed dropout differently in each process."""
        if self.n == 1:
            return
        state = [t for module in modules for t in (*module.parameters(), *_buffers(module))]
        flat = torch.cat([t.contiguous().view(-1).view(torch.uint8) for t in state])
        dist.broadcast(flat, src=0)
        parts = flat.split([t.numel() * t.element_size() for t in state])
        for tensor, part in zip(state, parts, strict=True):
            tensor.copy_(part.clone().view(tensor.dtype).view_as(tensor))
        generator = torch.Generator()
        generator.set_state(torch.get_rng_state())
        seed = int(torch.randint(2**31, (), generator=generator))
        with seeded(flat.device, seed + self.rank) as generators:
            pass
        self._random_state = generators["state"]

    def forward_sharded(self, forward: Callable[[Tensor], Any], x: Tensor) -> Any:
        """Compute the outputs of a network for all rows; each process computes a part of them.

        Parameters
        ----------
        forward : callable
            Maps rows to a tensor, or a tuple of tensors, of shape (..., n_rows, n_outputs).
        x : Tensor of shape (n_rows, ...)
        """
        if self.n == 1 or len(x) < 2 * self.n or x.requires_grad:
            # Batch normalisation cannot train on a single row, and a gradient of x needs all rows.
            return forward(x)
        parts = x.tensor_split(self.n)
        with self._random_state_of_process(x.device):
            outputs = forward(parts[self.rank])
        sizes = [len(part) for part in parts]
        if isinstance(outputs, tuple):
            return tuple(self._gather(output, sizes) for output in outputs)
        return self._gather(outputs, sizes)

    def _gather(self, output: Tensor, sizes: list[int]) -> Tensor:
        # Features may have several rows for each row of x.
        factor = output.shape[-2] // sizes[self.rank]
        return _Gather.apply(output, [factor * size for size in sizes], self.rank)

    @contextmanager
    def _random_state_of_process(self, device: torch.device) -> Iterator[None]:
        with seeded(device, state=self._random_state) as generators:
            yield
        self._random_state = generators["state"]

    @torch.no_grad()
    def all_reduce_gradients(self, optimizer: torch.optim.Optimizer, module: nn.Module) -> None:
        """Average the gradients, and copy the buffers of the first process, such as running means.

        Parameters
        ----------
        optimizer : Optimizer
            Its parameters' gradients are averaged.
        module : Module
            Its buffers are copied.
        """
        if self.n == 1:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        parameters = [p for p in parameters if p.requires_grad]
        buffers = [b for b in _buffers(module) if b.is_floating_point()]
        like = parameters[0]
        has_gradient = [p.grad is not None for p in parameters]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad / self.n for p in parameters]
        leading = [b.to(like.dtype) if self.rank == 0 else torch.zeros_like(b) for b in buffers]
        parts = [like.new_tensor(has_gradient), *gradients, *leading]
        flat = torch.cat([part.to(like.dtype).flatten() for part in parts])
        dist.all_reduce(flat)
        counts, *summed = flat.split([part.numel() for part in parts])
        # The counts are only read if necessary, because reading them waits for the device.
        is_used = has_gradient
        if not all(has_gradient):
            is_used = [bool(count) for count in counts.tolist()]
        for p, used, gradient in zip(parameters, is_used, summed, strict=False):
            # The optimizer must skip parameters that no process used. Fused kernels need a
            # parameter and its gradient in the same memory layout.
            p.grad = torch.empty_like(p).copy_(gradient.view_as(p)) if used else None
        for buffer, first in zip(buffers, summed[len(parameters) :], strict=True):
            buffer.copy_(first.view_as(buffer))

    @torch.no_grad()
    def check_in_sync(self, *modules: nn.Module) -> None:
        """Check that weights, buffers and random states are equal in all processes.

        Raises
        ------
        RuntimeError
            In all processes, if they are not equal.
        """
        if self.n == 1:
            return
        sizes = torch.stack(
            [_norm(part) for m in modules for part in (*m.parameters(), *m.buffers())]
        )
        drawn = hashlib.blake2b(torch.get_rng_state().numpy().tobytes()).hexdigest()
        states: list[Any] = [None] * self.n
        dist.all_gather_object(states, (drawn, sizes.tolist()))
        draws, norms = zip(*states, strict=True)
        # Results may differ in the last digits, because sums are computed in another order.
        alike = all(np.allclose(norm, norms[0], rtol=1e-4, equal_nan=True) for norm in norms)
        if not alike or len(set(draws)) > 1:
            raise RuntimeError(
                "With device='accelerate' the processes no longer have the same weights and random "
                "states. The network, the method or a callback differs between processes: it may "
                "draw random numbers that are not torch's, draw in one process only, or keep "
                "outputs for its part of a batch."
            )


def _norm(part: Tensor) -> Tensor:
    return part.double().nan_to_num().abs().sum()


def _buffers(module: nn.Module) -> list[Tensor]:
    """Return the buffers that can be written to; an expanded buffer never changes."""
    return [
        part
        for part in module.buffers()
        if all(step or size < 2 for step, size in zip(part.stride(), part.shape, strict=True))
    ]


SINGLE_PROCESS = Processes()


class _Gather(torch.autograd.Function):
    """Concatenate the rows of all processes."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        longest = max(sizes)
        # Rows come first, padded to the same number in each process.
        rows = output.movedim(-2, 0)
        padded = rows.new_zeros(longest, *rows.shape[1:])
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        parts = [part[:size] for part, size in zip(gathered, sizes, strict=True)]
        return torch.cat(parts).movedim(0, -2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        # Each process differentiates the loss of the whole batch, and the gradients are averaged.
        part = gradients[0].split(ctx.sizes, dim=-2)[ctx.rank]
        return part * len(ctx.sizes), None, None
