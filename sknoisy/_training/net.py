"""The training loop: a private skorch net, and the only file that knows skorch."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochTimer, PrintLog
from skorch.dataset import Dataset as SkorchDataset
from skorch.utils import to_tensor
from torch import Tensor, nn

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._data.rows import Rows, as_rows
from sknoisy._label_noise.report import NoiseReport
from sknoisy._runtime.randomness import seeded
from sknoisy._runtime.threads import caught_sigint, limit_threads
from sknoisy._training.early_stopping import BestEpoch
from sknoisy._training.loop import Epochs
from sknoisy._training.persistence import Travels
from sknoisy._training.processes import ALONE, Ranks
from sknoisy._training.records import LabelQuality, Memorization
from sknoisy._validation.params import parameters_of
from sknoisy.methods import Method
from sknoisy.networks import NetworkEnsemble, Standardize, replicate

__all__ = ["OPTIMIZERS", "Trainer", "check_logits"]


def check_logits(logits: Any, shape: tuple[int, ...], dtype: torch.dtype, name: str) -> None:
    """Check what a network made of the first rows of X, and say what is wrong with it.

    Parameters
    ----------
    logits : object
        What the network returned, with a graph.
    shape : tuple of int
        The shape it should have.
    dtype : torch.dtype
        The type it should have.
    name : str
        Of the network's class.
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
            f"{shape}."
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
        warnings.warn(
            f"The 'module' parameter: {name} seems to return probabilities; return logits, without "
            "a softmax.",
            UserWarning,
            stacklevel=2,
        )


OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    name.lower(): getattr(torch.optim, name)
    for name in ("Adam", "AdamW", "SGD", "RMSprop", "NAdam", "RAdam", "Adagrad", "LBFGS")
}


_BATCH_EVENTS = ("on_batch_begin", "on_grad_computed", "on_batch_end")


class Trainer(Epochs, Travels, NeuralNetClassifier):
    """A skorch net whose criterion is a :class:`Method` and whose batches come whole.

    It sees label codes only. Everything a skorch callback may ask of a net works; callbacks that
    listen to single batches are called at each, and where there are none nothing is spent on them.

    Parameters
    ----------
    module : Module class or instance
    criterion : Method
    n_classes : int
    smoothing : float, tuple of float or "auto"
        Of the targets, after warm-up: one rate, one for each given label, or one that follows from
        the noise that is found when warm-up ends.
    warmup_epochs : int
        Epochs on plain cross-entropy before the method begins.
    logit_bound : float, None or "auto"
        Length of the logits in training; None: as the network gives them; "auto": as suits the rate
        of smoothing that was found.
    lr_schedule : str, callable or None
        A name of SCHEDULES, or a function from progress in [0, 1) to a factor on the learning rate.
    augment : callable
        Makes a random view of a batch.
    dtype : torch.dtype
        Of parameters and inputs.
    mixed : bool
        Compute in bfloat16 where torch deems it safe.
    patience : int or None
        Epochs without a better held-out accuracy before stopping; None: never stop.
    """

    data_: LabelledRows | None = None
    held_out_: LabelledRows | None = None
    epoch_told_: Callable[[], bool] | None = None
    noise_: NoiseReport | None = None
    best_epoch_: BestEpoch | None = None
    first_epoch_: int = 0
    quality_: LabelQuality
    random_state_: dict[str, Any] | None = None

    device: str

    def __init__(
        self,
        module: Any,
        *args: Any,
        n_classes: int,
        augment: Callable[[Tensor], Tensor],
        smoothing: str | float | tuple[float, ...] = 0.0,
        warmup_epochs: int = 0,
        logit_bound: str | float | None = None,
        lr_schedule: str | Callable[[float], float] | None = None,
        dtype: torch.dtype = torch.float32,
        mixed: bool = False,
        patience: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, *args, classes=range(n_classes), **kwargs)
        self.n_classes = n_classes
        self.smoothing = smoothing
        self.warmup_epochs = warmup_epochs
        self.logit_bound = logit_bound
        self.lr_schedule = lr_schedule
        self.augment = augment
        self.dtype = dtype
        self.mixed = mixed
        self.patience = patience

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        # Losses and accuracies are recorded by the loop itself, which has them at hand.
        sink = print if self.ranks_.rank == 0 else _silent
        log = [("print_log", PrintLog(sink=sink))] if self.verbose else []
        return [("epoch_timer", EpochTimer()), *log]

    # ---- building -------------------------------------------------------------------------------

    def build(self, data: LabelledRows) -> Trainer:
        """Make networks, method and optimizer for a training set."""
        self.data_, self.n_rows_ = data, len(data.rows)
        self.row_ndim_ = data.rows.span(0, 1).ndim
        self.best_: dict[str, float] = {}
        # The statistics of the rows are the most of it.
        with limit_threads(len(data.rows) * data.rows.row_bytes):
            return self.initialize()

    def check_data(self, X: Any, y: Any = None) -> None:
        """The classifier has checked the data and knows the classes."""

    def initialize_callbacks(self) -> Trainer:
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
            )
        return self

    def initialize_module(self) -> Trainer:
        kwargs = self.get_params_for("module")

        def make() -> nn.Module:
            # A network the user made is an example: train a copy.
            given = (
                copy.deepcopy(self.module) if isinstance(self.module, nn.Module) else self.module
            )
            made = self.initialized_instance(given, kwargs)
            if not isinstance(made, nn.Module):
                raise TypeError(
                    "The 'module' parameter must be a torch Module or make one. Got "
                    f"{self.module!r} instead, which makes {made!r}."
                )
            return made.to(self.device, self.dtype)

        self.module_ = replicate(make, self.criterion.n_networks)
        if self.data_ is not None:
            for part in self.module_.modules():
                if isinstance(part, Standardize) and part.untouched:
                    part.adapt(_statistics(self.data_))
            self._probe(self.data_)
        return self

    def initialize_criterion(self) -> Trainer:
        self.criterion_ = self.criterion
        if self.data_ is not None:
            self.criterion_.setup(self, self.data_.y)
        self.criterion_.to(self.device, self.dtype)
        return self

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple[tuple, dict]:
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        # One kernel for all parameters, where there would be several for each.
        chosen = {"fused", "foreach", "capturable", "differentiable"} & set(kwargs)
        fusable = "fused" in parameters_of(self.optimizer)
        if fusable and not chosen and torch.device(self.device).type in ("cpu", "cuda"):
            kwargs["fused"] = True
        return args, kwargs

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Trainer:
        super().initialize_optimizer(*args, **kwargs)
        _note_lr(self.optimizer_)
        return self

    def optimizer_of(self, named_parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Make an optimizer as of this net, for other parameters."""
        args, kwargs = self.get_params_for_optimizer("optimizer", list(named_parameters))
        made = self.optimizer(*args, **kwargs)
        _note_lr(made)
        return made

    def set_params(self, **params: Any) -> Trainer:
        super().set_params(**params)
        if "lr" in params and self.initialized_:
            _note_lr(self.optimizer_)
        return self

    def _probe(self, data: LabelledRows) -> None:
        """Run two rows through, so that a module that does not fit is named before training."""
        x = self._first_rows()
        network = self.module_[0] if isinstance(self.module_, NetworkEnsemble) else self.module_
        name = type(network).__name__
        self.module_.eval()
        try:
            logits = self.infer(x)
        except (RuntimeError, NotImplementedError) as error:
            raise ValueError(
                f"The 'module' parameter: {name} failed on the first rows of X, of shape "
                f"{tuple(x.shape)}: {error}"
            ) from error
        lead = () if self.criterion.n_networks == 1 else (self.criterion.n_networks,)
        check_logits(logits, (*lead, len(x), self.n_classes), self.dtype, name)

    def infer(self, x: Any, weights: Tensor | None = None, **_: Any) -> Tensor:
        if not isinstance(x, Tensor):
            x = to_tensor(x, device=self.device).to(self.dtype)
        return Epochs.infer(self, x, weights)

    def sibling(
        self,
        learned: dict[str, Tensor],
        method: Method,
        rows: list[dict[str, Any]],
        **settings: Any,
    ) -> Trainer:
        """Make a trained net like this one, from what another training of its network learned."""
        module = copy.deepcopy(self.module_)
        for name, part in (*module.named_parameters(), *module.named_buffers()):
            part.data.copy_(learned[name])
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, **settings)
        made.__dict__.update(module_=module, criterion=method, criterion_=method)
        made.__dict__["history_"] = type(self.history)(rows)
        return made.initialize_optimizer()

    # ---- training -------------------------------------------------------------------------------

    def train(
        self,
        data: LabelledRows,
        held_out: LabelledRows | None,
        epochs: int,
        seed: int | None,
        settings: dict[str, Any],
        epoch_told: Callable[[], bool] | None = None,
        first_epoch: int = 0,
        ranks: Ranks = ALONE,
    ) -> np.ndarray:
        """Build if need be, train for some more epochs, and return the quality of each label.

        An error or Ctrl-C leaves a network that was trained before as it was; stopping early, for
        which skorch raises the same exception as Ctrl-C, ends the training in good order. So does
        ``epoch_told``, called after each epoch, when it returns True. ``settings`` hold from now
        on, and the learning rate is scheduled from ``first_epoch``. Batches are divided among
        ``ranks``.
        """
        self.ranks_ = ranks
        self.epoch_told_, self.first_epoch_ = epoch_told, first_epoch
        self.held_out_, self.quality_ = held_out, LabelQuality(len(data.rows), data.y.device)
        self.data_, self.memorization_ = data, Memorization(data)
        try:
            generator = seeded(torch.device(self.device), seed, self.random_state_)
            with torch.enable_grad(), generator as left:
                if not self.initialized_:
                    self.build(data)
                ranks.begin(self.module_, self.criterion_)
                with self._rolled_back_on_error(settings):
                    with limit_threads(self._work(data.rows)):
                        self._train(data, epochs)
            self.random_state_ = left["state"]
            return self.quality_.numpy()
        finally:
            self.data_ = self.held_out_ = self.epoch_told_ = self.best_epoch_ = None
            self.ranks_ = ALONE
            del self.quality_, self.memorization_

    def _train(self, data: LabelledRows, epochs: int) -> None:
        self.best_epoch_ = None if self.patience is None else BestEpoch(self.patience)
        self.notify("on_train_begin", X=data, y=data.y)
        with caught_sigint() as pressed:
            try:
                self.fit_loop(data, epochs=epochs)
            except KeyboardInterrupt:
                if pressed:
                    raise
        if self.best_epoch_ is not None:
            self.best_epoch_.go_back(self)
        if self.smoothing == "auto" and self.method_epoch >= 0:
            self.noise_ = self._judged_at_the_end(data, self.found_noise(data))
        unseen = self.quality_.missing()
        if len(unseen):
            scan = self.scan(data.part(unseen))
            self.quality_.add(self._bounded(scan.logits), scan.y, scan.index)
        self.notify("on_train_end", X=data, y=data.y)
        self._check_last_step(data)

    def _judged_at_the_end(self, data: LabelledRows, early: NoiseReport) -> NoiseReport:
        """What was found early, or what networks now say of rows they were not trained on."""
        if self.criterion_.oob_predictions is None:
            return early
        p = self.criterion_.oob_predictions[0]
        rows = torch.nonzero(~p.isnan().any(dim=1)).squeeze(1)
        if not len(rows):
            return early
        codes, said = data.y[rows].cpu().numpy(), p[rows].double().cpu().numpy()
        # Networks trained with a negative rate rank samples, but are far too sure of them.
        found = NoiseReport.of(codes, said, "out of bag", labels_alone=True)
        basis = {name: getattr(early, name) for name in ("smoothing", "unexplained", "memorized")}
        return replace(found, **basis)

    def _check_last_step(self, data: LabelledRows) -> None:
        """No loss shows what the last step did."""
        with torch.no_grad():
            if not torch.isfinite(self._see(self._first_rows())[0]).all():
                lr = self.optimizer_.param_groups[0]["lr"]
                raise FloatingPointError(
                    f"The network returns NaN or infinity after epoch {len(self.history)}, with "
                    f"lr={lr:g}. Lower 'lr'."
                )

    def _work(self, rows: Rows) -> float:
        """Multiplications in one step, roughly: a convolution uses a weight at each position."""
        positions = math.prod(rows.span(0, 1).shape[2:])
        weights = sum(
            p.numel() * (positions if p.dim() > 2 else 1) for p in self.module_.parameters()
        )
        return float(weights * (len(rows) if self.batch_size == -1 else self.batch_size))

    @contextmanager
    def _rolled_back_on_error(self, settings: dict[str, Any]) -> Iterator[None]:
        """Go on with other settings; an error takes back what came of them, and themselves."""
        settings = {k: v for k, v in settings.items() if getattr(self, k) != v}
        before = {name: getattr(self, name) for name in settings}
        n_epochs, best, states = len(self.history), dict(self.best_), self._states()
        noise = self.noise_
        try:
            self.set_params(**settings)
            if "lr_schedule" in settings:
                for group in self.optimizer_.param_groups:
                    group["lr"] = group["initial_lr"]
            yield
        except BaseException:
            self.__dict__.update(before)
            del self.history[n_epochs:]
            self.best_, self.noise_ = best, noise
            if n_epochs:
                module, method, optimizer = states
                self.module_.load_state_dict(module)
                self.criterion_.restore(method)
                self.optimizer_.load_state_dict(optimizer)
            raise

    def _states(self) -> tuple[Any, ...]:
        if not len(self.history):
            return ()  # Nothing trained yet: nothing to lose.
        module, optimizer = self.module_.state_dict(), self.optimizer_.state_dict()
        return copy.deepcopy(module), self.criterion_.snapshot(), copy.deepcopy(optimizer)

    def notify(self, method_name: str, **kwargs: Any) -> None:
        super().notify(method_name, **kwargs)
        if method_name != "on_epoch_end":
            return
        enough = self.best_epoch_ is not None and self.best_epoch_.passed(self)
        told = self.epoch_told_ is not None and self.epoch_told_()
        self.ranks_.check_agreed(self.module_, self.criterion_)
        if self.ranks_.agreed(enough or told):
            # skorch's way of stopping early; every callback has seen this epoch.
            raise KeyboardInterrupt

    def get_dataset(self, X: Any, y: Any = None) -> LabelledRows:
        if isinstance(X, _Shown):
            return X.X
        if isinstance(X, LabelledRows):
            return X
        return LabelledRows(as_rows(X, torch.device(self.device), self.dtype))

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[_Shown, _Shown | None]:
        held_out = None if self.held_out_ is None else _Shown(self.held_out_)
        return _Shown(self.get_dataset(X)), held_out

    def get_iterator(self, dataset: Any, training: bool = False) -> BatchLoader:
        dataset = self.get_dataset(dataset)
        size = len(dataset) if self.batch_size == -1 else self.batch_size
        return BatchLoader(dataset, size if training else None, shuffle=training)

    def _get_predict_nonlinearity(self) -> Callable[[Tensor], Tensor]:
        return self.criterion_.proba

    def forward_iter(self, X: Any, training: bool = False, device: str = "cpu") -> Iterator[Tensor]:
        data = self.get_dataset(X)
        self._set_training(training)
        for x, _ in self.get_iterator(data):
            with torch.no_grad():
                logits = self.infer(x)
            yield logits.to(device)

    def probabilities(self, X: Any) -> np.ndarray:
        """Class probabilities of many rows, of shape (n_samples, n_classes)."""
        data = self.get_dataset(X)
        with limit_threads(self._work(data.rows)):
            return self.predict_proba(data)

    def run_single_epoch(
        self, iterator: BatchLoader | None, training: bool, *_: Any, **__: Any
    ) -> None:
        if iterator is None:
            return
        (self.train_epoch if training else self.validate_epoch)(iterator)

    def _listened(self) -> bool:
        """Whether a callback listens to single batches."""
        kinds = [type(callback) for _, callback in self.callbacks_]
        return any(
            getattr(kind, event) is not getattr(Callback, event)
            for kind in kinds
            for event in _BATCH_EVENTS
        )


def _silent(*_: Any) -> None:
    """Print nothing: one of several processes does."""


def _note_lr(optimizer: torch.optim.Optimizer) -> None:
    """Remember what a schedule begins from."""
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]


class _Shown(SkorchDataset):
    """A part of the training set as callbacks see it: skorch looks for its labels in ``y``."""

    def __init__(self, data: LabelledRows) -> None:
        super().__init__(data, data.y if data.index is None else data.y[data.index], len(data))

    def __getitem__(self, i: int) -> tuple[Tensor, Any]:
        return self.X[i]


def _statistics(data: LabelledRows) -> Iterator[tuple[Tensor, Tensor]]:
    loader = BatchLoader(data)
    for index, sizes in loader.indices():
        for part in index.split(sizes):
            yield loader.rows_at(part), data.weight[part.to(data.weight.device)]
