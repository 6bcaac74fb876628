"""The machine a training runs on: device, random state, threads and interrupts."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = [
    "caught_sigint",
    "few_threads",
    "find_device",
    "free_memory",
    "generators_at",
    "launched",
    "seeded",
]

# Torch's generator is one for the whole process, so fits in threads of one process take turns.
_GENERATOR = threading.RLock()

# Below this many multiplications in a step a second thread costs more than it brings.
_ONE_THREAD_WORK = 2**30


def find_device(device: str | torch.device) -> torch.device:
    """Resolve ``"auto"`` and ``"accelerate"``, and check that a device is there.

    Parameters
    ----------
    device : str or torch.device

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If there is no such device here.
    ImportError
        If it is "accelerate" and that package is not installed.
    """
    if device == "accelerate":
        found = launched().device
        return torch.device("cpu") if found.type == "cpu" else found
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The 'device' parameter of NoisyLabelClassifier is {str(device)!r}, which is not "
            f"available here (torch {torch.__version__}); use 'auto' or 'cpu'."
        ) from error
    return found


def launched() -> Any:
    """The processes that a launcher has started, as accelerate knows them; without one, this."""
    try:
        from accelerate import PartialState
        from accelerate.utils import parse_flag_from_env
    except ImportError as error:
        raise ImportError(
            "device='accelerate' needs the package accelerate: pip install 'sknoisy[accelerate]'."
        ) from error
    if "LOCAL_RANK" in os.environ and multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "device='accelerate' trains in the processes that a launcher has started, not in those "
            "that one of them starts: leave n_jobs=None there."
        )
    # Of several processes accelerate takes those on CPUs for separate ones unless told.
    several = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    return PartialState(cpu=several or parse_flag_from_env("ACCELERATE_USE_CPU"))


def free_memory(device: torch.device) -> float:
    """Bytes that nothing uses; infinite where the system does not tell."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + held)
    if device.type != "cpu":
        return float("inf")
    free = float("inf")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        free = 1024.0 * int(line.split()[1])
    with contextlib.suppress(OSError, ValueError):
        # A container may have less than its machine.
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current")
        )
        free = min(free, float(limit - used))
    return free


@contextlib.contextmanager
def seeded(device: torch.device, seed: int | None = None, state: Any = None) -> Iterator[dict]:
    """Draw from generators of one's own: torch's global ones are put back afterwards.

    Parameters
    ----------
    device : torch.device
    seed : int, default=None
        Where the draws begin; or
    state : dict of ndarray, default=None
        where an earlier context left off.

    Yields
    ------
    dict
        ``["state"]`` holds, after the context, where it left off.
    """
    left: dict[str, Any] = {}
    on_cuda = device.type == "cuda"
    index = torch.cuda.current_device() if on_cuda and device.index is None else device.index
    devices = [index] if on_cuda else []
    with _GENERATOR, torch.random.fork_rng(devices=devices):
        if state is not None:
            torch.set_rng_state(torch.from_numpy(np.array(state["cpu"])))
            if on_cuda and "cuda" in state:
                torch.cuda.set_rng_state(torch.from_numpy(np.array(state["cuda"])), device)
        elif seed is not None:
            # torch.manual_seed also queues a call, with a stack trace, for each absent accelerator.
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                torch.cuda.manual_seed(seed)
        try:
            yield left
        finally:
            left["state"] = {"cpu": torch.get_rng_state().numpy()}
            if on_cuda:
                left["state"]["cuda"] = torch.cuda.get_rng_state(device).numpy()


def generators_at(state: dict, device: torch.device) -> dict[str, torch.Generator]:
    """Make generators that go on from where :func:`seeded` left those of torch, by device type."""
    made = {}
    for name, numbers in state.items():
        made[name] = torch.Generator(device if name == device.type else "cpu")
        made[name].set_state(torch.from_numpy(np.array(numbers)))
    return made


class _FewThreads:
    """Torch's thread count, lowered in a thread while it trains in small steps, then put back."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 1
        self._here = threading.local()

    @contextlib.contextmanager
    def __call__(self, work: float) -> Iterator[None]:
        """Hold torch to one thread if a step is this small.

        Parameters
        ----------
        work : float
            Multiplications in a step: rows times parameters.
        """
        if work > _ONE_THREAD_WORK or hasattr(self._here, "before"):
            yield
            return
        with self._lock:
            before = torch.get_num_threads()
            if self._inside:
                # A thread that is new begins with the count set last anywhere, which may be ours.
                before = max(before, self._before)
            self._here.before = self._before = before
            self._inside += 1
            torch.set_num_threads(1)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                torch.set_num_threads(self._here.before)
                del self._here.before


few_threads = _FewThreads()


@contextlib.contextmanager
def caught_sigint() -> Iterator[list]:
    """Note a real Ctrl-C, which skorch's way of stopping early looks exactly like.

    Yields
    ------
    list
        Empty unless the interrupt key was pressed in this context.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if callable(before):
            try:
                before(number, frame)
            except KeyboardInterrupt:
                # A handler that lets the program go on is no Ctrl-C.
                pressed.append(number)
                raise

    if not callable(before):
        # Ignored, or handled outside Python: not ours to catch.
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
