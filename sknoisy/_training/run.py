"""The state of a running training: data, settings and records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sknoisy._data.columns import ColumnTransform
from sknoisy._data.dataset import LabelledRows
from sknoisy._label_noise.report import NoiseReport
from sknoisy._training.early_stopping import EarlyStopping
from sknoisy._training.epoch_line import EpochLine
from sknoisy._training.label_wave import LabelWave
from sknoisy._training.network_view import ModuleView
from sknoisy._training.noise_inspection import inspect_labels, inspect_out_of_bag
from sknoisy._training.processes import SINGLE_PROCESS, Processes
from sknoisy._training.records import LabelQuality, Memorization
from sknoisy._training.settings import Rate, Settings
from sknoisy.methods import Method

__all__ = ["Checkpoint", "TrainingRun"]


class Checkpoint(Protocol):
    """The parts of :class:`~sknoisy._training.checkpoint.FitCheckpoint` that a training uses."""

    @property
    def state(self) -> dict[str, Any] | None: ...
    @property
    def is_finished(self) -> bool: ...
    @property
    def has_stopped(self) -> bool: ...
    def restore(self, net: Any, run: TrainingRun) -> None: ...
    def restore_callbacks(self, net: Any) -> None: ...
    def save(
        self, net: Any, run: TrainingRun, has_stopped: bool = False, is_finished: bool = False
    ) -> None: ...


@dataclass
class TrainingRun:
    """The state of one call of fit, made when it starts and dropped when it returns.

    Parameters
    ----------
    data : LabelledRows
        The rows to train on.
    validation : LabelledRows or None
        Held-out rows, on which epochs are compared; None: no rows are held out.
    settings : Settings
    columns : ColumnTransform or None, default=None
        What has been done to the columns of the rows.
    processes : Processes, default=SINGLE_PROCESS
    noise : NoiseReport or None, default=None
        Noise report of ``smoothing="auto"``, first of an earlier call, later of this call.
    first_epoch : int, default=0
        Epoch from which the learning rate is scheduled.
    on_epoch_end : callable or None, default=None
        Called after each epoch; the training stops when it returns True.
    checkpoint : FitCheckpoint or None, default=None
        Where the training is stored, and from which it goes on.

    Attributes
    ----------
    n_epochs : int
        Number of epochs of this call in which the method is in use.
    view : ModuleView
        The view of the network for methods; set when the network is built.
    line : EpochLine
        Shows the epochs on a terminal; set when they begin.
    quality : LabelQuality
    memorization : Memorization
    stopping : EarlyStopping
    label_wave : LabelWave or None
        The score of epochs, if it is used.
    best_state : tuple or None
        Weights and method state of the best epoch, if epochs are compared.
    """

    data: LabelledRows
    validation: LabelledRows | None
    settings: Settings
    columns: ColumnTransform | None = None
    processes: Processes = SINGLE_PROCESS
    noise: NoiseReport | None = None
    first_epoch: int = 0
    on_epoch_end: Callable[[], bool] | None = None
    checkpoint: Checkpoint | None = None
    n_epochs: int = field(init=False)
    view: ModuleView = field(init=False)
    line: EpochLine = field(init=False)
    quality: LabelQuality = field(init=False)
    memorization: Memorization = field(init=False)
    stopping: EarlyStopping = field(init=False)
    label_wave: LabelWave | None = field(init=False, default=None)
    best_state: tuple[Any, Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.plan_epochs(self.settings.max_epochs)
        self.quality = LabelQuality(len(self.data.rows), self.data.y.device)
        self.memorization = Memorization(self.data)
        self.stopping = EarlyStopping(self.settings.patience)
        if self.settings.label_wave:
            self.label_wave = LabelWave(self.data.weight)

    def plan_epochs(self, n_epochs: int, n_trained: int = 0) -> None:
        """Set the number of epochs of this call, after those of earlier calls."""
        n_warmup = max(self.settings.warmup_epochs - n_trained, 0)
        self.n_epochs = max(n_epochs - n_warmup, 1)

    def attach(self, view: ModuleView) -> None:
        """Set the view of the network, with the logit bound for the current noise report."""
        self.view = view
        self._set_noise(self.noise)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs to go on after an epoch; it is not a copy."""
        return {
            "noise": self.noise,
            "quality": self.quality,
            "memorization": (self.memorization.predicted, self.memorization.is_complete),
            "stopping": self.stopping,
            "label_wave": self.label_wave,
            "best_state": self.best_state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the result of :meth:`state`, of another run with the same data and settings."""
        self._set_noise(state["noise"])
        self.memorization.predicted, self.memorization.is_complete = state["memorization"]
        for name in ("quality", "stopping", "label_wave", "best_state"):
            setattr(self, name, state[name])

    def close(self) -> None:
        """Take the training set from the view, which a method may have stored."""
        if hasattr(self, "view"):
            self.view.data = None

    @property
    def awaits_noise_report(self) -> bool:
        """Whether the smoothing rate needs a noise report that does not exist yet."""
        return self.settings.smoothing.is_auto and self.noise is None

    def smoothing_rate(self, epoch: int) -> Rate:
        """Return the smoothing rate after warm-up; with "auto" the first call inspects labels."""
        if self.awaits_noise_report:
            warmed_up = self.settings.warmup_epochs > 0
            self._set_noise(inspect_labels(self.view, self.data, epoch, warmed_up))
        return self.settings.smoothing.rate(self.noise)

    def update_noise_report(self, method: Method, epoch: int) -> None:
        """With "auto", update the noise report by out-of-bag predictions, if there are any."""
        if self.settings.smoothing.is_auto and epoch >= 0:
            self.smoothing_rate(epoch)
            assert self.noise is not None
            self._set_noise(inspect_out_of_bag(method, self.data, self.noise))

    def _set_noise(self, noise: NoiseReport | None) -> None:
        self.noise = noise
        self.view.logit_bound = self.settings.smoothing.bound(noise)

    def record_quality_of_unvisited(self, epoch: int) -> None:
        """Evaluate the rows that were trained on only in mixed or changed form."""
        index = self.quality.unvisited()
        if len(index):
            evaluation = self.view.evaluate(self.data.part(index), epoch)
            logits = self.view.bounded(evaluation.logits)
            self.quality.add(logits, evaluation.y, evaluation.index)
