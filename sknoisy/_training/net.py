"""The skorch net behind the estimator, and the only file that imports skorch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochTimer, PrintLog
from skorch.dataset import Dataset as SkorchDataset
from skorch.utils import to_tensor
from torch import Tensor, nn

from sknoisy._data.columns import ColumnTransform
from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._data.rows import Rows, as_rows
from sknoisy._label_noise.report import NoiseReport
from sknoisy._runtime.accelerator import accelerator_name, is_accelerator
from sknoisy._runtime.locks import ForkSafeLock
from sknoisy._runtime.randomness import seeded
from sknoisy._runtime.threads import caught_sigint, limit_threads
from sknoisy._training.augment_check import CheckedAugment
from sknoisy._training.callback_checks import check_callbacks
from sknoisy._training.epoch_line import EpochLine
from sknoisy._training.first_layers import adapt_constant_columns, adapt_first_layers
from sknoisy._training.hook_checks import checked_log_proba
from sknoisy._training.loop import TrainingLoop
from sknoisy._training.network_view import ModuleView
from sknoisy._training.persistence import get_state, set_state
from sknoisy._training.probe import OtherClasses, check_finite, probe_module
from sknoisy._training.run import Checkpoint, TrainingRun
from sknoisy._training.settings import Settings
from sknoisy._training.training_errors import explained_errors
from sknoisy._validation.constraints import did_you_mean
from sknoisy._validation.params import parameters_of
from sknoisy.methods import Method
from sknoisy.networks import replicate
from sknoisy.networks._heads import resize_head

__all__ = ["Callback", "OPTIMIZERS", "SkorchNet"]

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    name.lower(): getattr(torch.optim, name)
    for name in ("Adam", "AdamW", "SGD", "RMSprop", "NAdam", "RAdam", "Adagrad", "LBFGS")
}

_BATCH_EVENTS = ("on_batch_begin", "on_grad_computed", "on_batch_end")


class SkorchNet(NeuralNetClassifier):
    """A skorch net whose criterion is a :class:`Method` and whose batches are cut whole.

    It is trained on encoded labels. It has all that skorch's callbacks use of a net. Callbacks are
    notified of single batches only if one of them listens to batches, because this costs time.

    Parameters
    ----------
    module : Module class or instance
    criterion : Method
    n_classes : int
    settings : Settings
    dtype : torch.dtype
        Type of parameters and inputs.
    mixed : bool
        Whether to compute in bfloat16 where torch considers it safe.
    compiles : bool
        Whether to train with the compiled network.

    Attributes
    ----------
    loop_ : TrainingLoop or None
        The running training, ``loop_.run``, with its loop; None when there is none.
    columns_ : ColumnTransform or None
        What is done to the columns of a table before the cast.
    new_head_ : bool
        Whether the last layer of the network was replaced, because it had another number of
        classes.
    noise_ : NoiseReport or None
        The noise report of ``smoothing="auto"``.
    rows_digest_ : tuple of str or None
        Digest of the rows of the first training, by which they are recognised.
    row_shape_ : tuple of int
        Shape of a row of X; images: (channels, height, width).
    """

    device: str
    loop_: TrainingLoop | None = None
    columns_: ColumnTransform | None = None
    new_head_: bool = False
    noise_: NoiseReport | None = None
    random_state_: dict[str, Any] | None = None
    rows_digest_: tuple[str, str, str] | None = None

    def __init__(
        self,
        module: Any,
        *args: Any,
        n_classes: int,
        settings: Settings,
        dtype: torch.dtype = torch.float32,
        mixed: bool = False,
        compiles: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, *args, classes=range(n_classes), **settings.for_skorch(), **kwargs)
        self.n_classes = n_classes
        self.settings = settings
        self.dtype = dtype
        self.mixed = mixed
        self.compiles = compiles
        # A prediction in another thread must not switch the mode of a network that trains.
        self._lock = ForkSafeLock()

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        # Losses and accuracies are recorded by the training loop, not by callbacks.
        silent = self.loop_ is not None and self.loop_.run.processes.rank > 0
        log = [("print_log", _EpochLog(sink=_print_nothing if silent else print))]
        return [("epoch_timer", EpochTimer()), *(log if self.verbose else [])]

    # ---- building -------------------------------------------------------------------------------

    def build(self, run: TrainingRun) -> SkorchNet:
        """Build network, method and optimizer for the rows of a training."""
        with self._running(run):
            return self._build(run.data.rows)

    def _build(self, rows: Rows) -> SkorchNet:
        self.n_rows_, self.row_shape_ = len(rows), rows.row_shape
        # Most of the work is to compute the statistics of the rows.
        with limit_threads(len(rows) * rows.row_bytes):
            return self.initialize()

    @contextmanager
    def _running(self, run: TrainingRun) -> Iterator[TrainingLoop]:
        self.loop_ = TrainingLoop(run, self)
        try:
            yield self.loop_
        finally:
            self.loop_ = None
            if self.initialized_:
                self._set_training(False)

    def view(self, run: TrainingRun | None = None) -> ModuleView:
        """Return the view of the network for methods, with the training set of a run."""
        settings = self.settings if run is None else run.settings
        view = ModuleView(
            self.module_,
            n_classes=self.n_classes,
            device=torch.device(self.device),
            dtype=self.dtype,
            augment=CheckedAugment(settings.augment),
            mixed=self.mixed,
            compiles=self.compiles,
        )
        if run is not None:
            view.data, view.processes, view.n_epochs = run.data, run.processes, run.n_epochs
        return view

    def check_data(self, X: Any, y: Any = None) -> None:
        """Do nothing: the estimator has already checked the data."""

    def initialize_callbacks(self) -> SkorchNet:
        for entry in self.callbacks or ():
            named = isinstance(entry, tuple) and len(entry) == 2
            callback = entry[1] if named else entry
            if not issubclass(callback if isinstance(callback, type) else type(callback), Callback):
                raise TypeError(
                    "The 'callbacks' parameter must be a list of callbacks of skorch, classes or "
                    f"instances, alone or as (name, callback). Got {self.callbacks!r} instead."
                )
        super().initialize_callbacks()
        names = {name for name, _ in self._uniquely_named_callbacks()}
        given = [name for name in vars(self) if name.startswith("callbacks__")]
        unknown = [name for name in given if name.split("__")[1] not in names]
        if unknown:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r}: the callbacks are {sorted(names)}."
                f"{did_you_mean(unknown[0].split('__')[1], names)}"
            )
        return self

    def initialize_module(self) -> SkorchNet:
        kwargs = self.get_params_for("module")

        def make() -> nn.Module:
            # An instance that the user passed is not changed: a copy of it is trained.
            module = self.module
            module = copy.deepcopy(module) if isinstance(module, nn.Module) else module
            network = self.initialized_instance(module, kwargs)
            if not isinstance(network, nn.Module):
                raise TypeError(
                    "The 'module' parameter must be a torch Module or make one. Got "
                    f"{self.module!r} instead, which makes {network!r}."
                )
            if self.new_head_:
                resize_head(network, self.n_classes)
            try:
                network = network.to(self.device, self.dtype)
            except NotImplementedError as error:
                raise ValueError(
                    "The 'module' parameter must have parameters with values. Got "
                    f"{type(network).__name__}, some of which are on the device meta."
                ) from error
            if is_accelerator(torch.device(self.device)):
                # Its kernels for convolutions are faster with this layout of weights and images.
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            return network

        self.module_ = replicate(make, self.criterion.n_networks)
        if self.loop_ is not None:
            run = self.loop_.run
            adapt_first_layers(self.module_, run.data)
            run.attach(self.view(run))
            try:
                probe_module(run.view, self.criterion.n_networks, can_resize=not self.new_head_)
            except OtherClasses:
                self.new_head_ = True
                return self.initialize_module()
        return self

    def initialize_criterion(self) -> SkorchNet:
        if self._resumed is not None:
            # Its tensors may have other types than those that setup made.
            # skorch refuses to set a module under this name, which is a parameter.
            self.__dict__["criterion"] = self._resumed["method"].to(self.device)
            self.criterion_ = self.criterion
            return self
        self.criterion_ = self.criterion
        if self.loop_ is not None:
            self.criterion_.setup(self.loop_.run.view, self.loop_.run.data.y)
        self.criterion_.to(self.device, self.dtype)
        return self

    @property
    def _resumed(self) -> dict[str, Any] | None:
        """The state from which the running training goes on; None if it begins."""
        checkpoint = None if self.loop_ is None else self.loop_.run.checkpoint
        return None if checkpoint is None else checkpoint.state

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple[tuple, dict]:
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        # A fused kernel updates all parameters together.
        chosen = {"fused", "foreach", "capturable", "differentiable"} & set(kwargs)
        fusable = "fused" in parameters_of(self.optimizer)
        if fusable and not chosen and torch.device(self.device).type in ("cpu", accelerator_name()):
            kwargs["fused"] = True
        return args, kwargs

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> SkorchNet:
        try:
            super().initialize_optimizer(*args, **kwargs)
        except (TypeError, ValueError) as error:
            name = getattr(self.optimizer, "__name__", self.optimizer)
            raise ValueError(f"The 'optimizer' parameter: {name} failed: {error}") from error
        if not isinstance(self.optimizer_, torch.optim.Optimizer):
            raise TypeError(
                "The 'optimizer' parameter must be a class of torch optimizers, or a callable that "
                f"makes one. Got {self.optimizer!r}, which makes {self.optimizer_!r}."
            )
        _remember_initial_lr(self.optimizer_)
        return self

    def make_optimizer(self, named_parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Make an optimizer with the settings of this net, for other parameters."""
        args, kwargs = self.get_params_for_optimizer("optimizer", list(named_parameters))
        optimizer = self.optimizer(*args, **kwargs)
        _remember_initial_lr(optimizer)
        return optimizer

    def set_params(self, **params: Any) -> SkorchNet:
        super().set_params(**params)
        if "lr" in params and self.initialized_:
            _remember_initial_lr(self.optimizer_)
        return self

    def with_state(
        self,
        weights: dict[str, Tensor],
        method: Method,
        history: list[dict[str, Any]],
        settings: Settings,
    ) -> SkorchNet:
        """Return a copy of this net with weights, method and history of another training."""
        module = copy.deepcopy(self.module_)
        for name, part in (*module.named_parameters(), *module.named_buffers()):
            part.data.copy_(weights[name])
        net = object.__new__(type(self))
        net.__dict__.update(self.__dict__, **settings.for_skorch(), settings=settings)
        net.__dict__.update(
            _lock=ForkSafeLock(), module_=module, criterion=method, criterion_=method
        )
        net.__dict__["history_"] = type(self.history)(history)
        return net.initialize_optimizer()

    # ---- training -------------------------------------------------------------------------------

    def train(self, run: TrainingRun, epochs: int, seed: int | None) -> np.ndarray:
        """Train for some more epochs, and return the quality of each label.

        The network, method and optimizer of a new net are built first. The estimator restores a net
        that was trained before after an error or Ctrl-C.
        """
        run.noise = self.noise_
        run.plan_epochs(epochs, len(self.history) if self.initialized_ else 0)
        with (
            seeded(torch.device(self.device), seed, self.random_state_) as generators,
            self._lock,
            closing(run),
            self._running(run) as loop,
        ):
            if not self.initialized_:
                self._build(run.data.rows)
            else:
                run.attach(self.view(run))
            run.processes.sync_start(self.module_, self.criterion_)
            self.apply_settings(run.settings)
            self.columns_ = run.columns
            if len(self.history):
                adapt_constant_columns(self.module_, run.data)
            n_rows = len(run.data) if self.batch_size == -1 else self.batch_size
            work = self.flops_per_step(run.data.rows)
            with limit_threads(work), explained_errors(n_rows):
                if run.checkpoint is None:
                    self._train(loop, epochs)
                else:
                    self._train_with_checkpoints(loop, run.checkpoint, epochs)
        self.random_state_ = generators["state"]
        return run.quality.numpy()

    def _train_with_checkpoints(
        self, loop: TrainingLoop, checkpoint: Checkpoint, epochs: int
    ) -> None:
        run = loop.run
        if checkpoint.state is None:
            checkpoint.save(self, run)
        else:
            checkpoint.restore(self, run)
        if not checkpoint.is_finished:
            self._train(loop, 0 if checkpoint.has_stopped else epochs - len(self.history))
            checkpoint.save(self, run, has_stopped=True, is_finished=True)

    def _train(self, loop: TrainingLoop, epochs: int) -> None:
        run = loop.run
        check_callbacks(self.callbacks_, run, self.criterion_)
        self.notify("on_train_begin", X=run.data, y=run.data.y)
        if run.checkpoint is not None:
            run.checkpoint.restore_callbacks(self)
        shown = self.verbose if run.processes.rank == 0 else 0
        with caught_sigint() as interrupts, EpochLine(shown, len(self.history), epochs) as run.line:
            try:
                self.fit_loop(run.data, epochs=epochs)
            except KeyboardInterrupt:
                # Early stopping and skorch's callbacks raise KeyboardInterrupt too.
                if interrupts:
                    raise
        loop.restore_best_epoch()
        run.update_noise_report(self.criterion_, loop.method_epoch)
        self.noise_ = run.noise
        run.record_quality_of_unvisited(loop.method_epoch)
        self.notify("on_train_end", X=run.data, y=run.data.y)
        check_finite(run.view, len(self.history), self.optimizer_)

    def flops_per_step(self, rows: Rows) -> float:
        """Estimate the multiplications of one step: a convolution uses a weight at each pixel."""
        positions = math.prod(rows.row_shape[1:])
        weights = sum(
            p.numel() * (positions if p.dim() > 2 else 1) for p in self.module_.parameters()
        )
        return float(weights * (len(rows) if self.batch_size == -1 else self.batch_size))

    def apply_settings(self, settings: Settings) -> None:
        """Apply settings to the following epochs."""
        changed = {k: v for k, v in settings.for_skorch().items() if getattr(self, k) != v}
        self.set_params(**changed)
        if settings.lr_schedule != self.settings.lr_schedule:
            for group in self.optimizer_.param_groups:
                group["lr"] = group["initial_lr"]
        self.settings = settings

    def notify(self, method_name: str, **kwargs: Any) -> None:
        super().notify(method_name, **kwargs)
        if (loop := self.loop_) is not None:
            # A callback may have replaced the network.
            loop.run.view.module = self.module_
            if method_name != "on_epoch_end":
                return
            loop.run.line.show(self.history)
            has_stopped = loop.end_epoch()
            if loop.run.checkpoint is not None:
                loop.run.checkpoint.save(self, loop.run, has_stopped)
            if has_stopped:
                # skorch stops early in this way; all callbacks are already notified of this epoch.
                raise KeyboardInterrupt

    def run_single_epoch(
        self, iterator: BatchLoader | None, training: bool, *_: Any, **__: Any
    ) -> None:
        loop = self.loop_
        if iterator is not None and loop is not None:
            (loop.train_epoch if training else loop.validate_epoch)(iterator)

    def listens_to_batches(self) -> bool:
        """Whether a callback listens to single batches."""
        kinds = [type(callback) for _, callback in self.callbacks_]
        return any(
            getattr(kind, event) is not getattr(Callback, event)
            for kind in kinds
            for event in _BATCH_EVENTS
        )

    # ---- data and predictions -------------------------------------------------------------------

    def get_dataset(self, X: Any, y: Any = None) -> LabelledRows:
        if isinstance(X, _ShownDataset):
            return X.X
        if isinstance(X, LabelledRows):
            return X
        return LabelledRows(as_rows(X, torch.device(self.device), self.dtype, self.columns_))

    def get_split_datasets(
        self, X: Any, y: Any = None, **_: Any
    ) -> tuple[_ShownDataset, _ShownDataset | None]:
        validation = None if self.loop_ is None else self.loop_.run.validation
        shown = None if validation is None else _ShownDataset(validation)
        return _ShownDataset(self.get_dataset(X)), shown

    def get_iterator(self, dataset: Any, training: bool = False) -> BatchLoader:
        dataset = self.get_dataset(dataset)
        size = len(dataset) if self.batch_size == -1 else self.batch_size
        return BatchLoader(dataset, size if training else None, shuffle=training)

    def infer(self, x: Any, **_: Any) -> Tensor:
        if not isinstance(x, Tensor):
            x = to_tensor(x, device=self.device).to(self.dtype)
        return (self.view() if self.loop_ is None else self.loop_.run.view).infer(x)

    def _get_predict_nonlinearity(self) -> Callable[[Tensor], Tensor]:
        return self.criterion_.proba

    def forward_iter(self, X: Any, training: bool = False, device: str = "cpu") -> Iterator[Tensor]:
        data = self.get_dataset(X)
        self._set_training(training)
        for x, _ in self.get_iterator(data):
            with torch.no_grad():
                logits = self.infer(x)
            yield logits.to(device)

    def log_probabilities(self, data: LabelledRows) -> np.ndarray:
        """Compute logarithms of class probabilities in double precision, (n_samples, n_classes)."""
        with self._lock, limit_threads(self.flops_per_step(data.rows)):
            parts = [
                checked_log_proba(self.criterion_, logits) for logits in self.forward_iter(data)
            ]
        return torch.cat(parts).double().numpy()

    def __getstate__(self) -> dict[str, Any]:
        return get_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        set_state(self, state)


class _EpochLog(PrintLog):
    """Prints a row for each epoch, unless one line on the terminal shows the last one."""

    def on_epoch_end(self, net: SkorchNet, **kwargs: Any) -> None:
        if net.loop_ is None or not net.loop_.run.line.is_live:
            super().on_epoch_end(net, **kwargs)


def _print_nothing(*_: Any) -> None:
    """Print nothing, because only the first of several processes prints."""


def _remember_initial_lr(optimizer: torch.optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]


class _ShownDataset(SkorchDataset):
    """A part of the training set for callbacks; skorch reads its labels from ``y``."""

    def __init__(self, data: LabelledRows) -> None:
        super().__init__(data, data.y if data.index is None else data.y[data.index], len(data))

    def __getitem__(self, i: int) -> tuple[Tensor, Any]:
        return self.X[i]
