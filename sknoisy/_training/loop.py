"""The training loop: one epoch of batches, optimizer steps and records. Independent of skorch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.loader import BatchLoader
from sknoisy._training.hook_checks import check_step, first_loss_error
from sknoisy._training.network_view import ModuleView
from sknoisy._training.noise_inspection import in_warmup_half
from sknoisy._training.records import (
    most_likely,
    record_epoch_value,
    weighted_hits_and_losses,
)
from sknoisy._training.run import TrainingRun
from sknoisy._training.settings import Rate
from sknoisy._training.training_errors import divergence_error
from sknoisy._training.warmup import (
    IN_WARMUP,
    adaptive_length,
    in_adaptive_warmup,
    left_out_loss,
)
from sknoisy._validation.params import parameters_of
from sknoisy.functional import cross_entropy, normalize_weights, one_hot, smooth_labels
from sknoisy.methods import Batch, Method, TrainingStep

__all__ = ["SCHEDULES", "TrainingLoop", "schedule_lr"]

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
}

# Rows whose out-of-bag predictions are scored together.
_OOB_ROWS = 2**16

TakeStep = Callable[[ModuleView, Batch], TrainingStep]


class Host(Protocol):
    """The parts of the skorch net that the loop uses: its records and its callbacks.

    Attributes are read each time, as callbacks may replace them.
    """

    @property
    def history(self) -> Any: ...

    optimizer_: torch.optim.Optimizer
    criterion_: Method

    def notify(self, method_name: str, **kwargs: Any) -> None: ...
    def get_all_learnable_params(self) -> Iterator[Any]: ...
    def listens_to_batches(self) -> bool: ...


class TrainingLoop:
    """Train and validate epoch by epoch.

    Parameters
    ----------
    run : TrainingRun
        The training set, settings and records.
    host : Host
        The skorch net whose network, method and optimizer are trained.
    """

    def __init__(self, run: TrainingRun, host: Host) -> None:
        self.run, self.host = run, host

    @property
    def view(self) -> ModuleView:
        """The view of the network for methods."""
        return self.run.view

    @property
    def method_epoch(self) -> int:
        """Number of epochs after warm-up before the current epoch; negative in warm-up."""
        settings, epoch = self.run.settings, len(self.host.history) - 1
        if not settings.adaptive_warmup:
            return epoch - settings.warmup_epochs
        earlier = list(self.host.history)[:epoch]
        losses = [row.get("warmup_loss", math.nan) for row in earlier]
        length = adaptive_length(losses, settings.warmup_epochs)
        return -1 if length is None else epoch - length

    # ---- training -------------------------------------------------------------------------------

    def train_epoch(self, loader: BatchLoader) -> None:
        """Train for one epoch, and record losses and accuracies."""
        run, data = self.run, self.run.data
        in_warmup = self.method_epoch < 0
        self._start_epoch(in_warmup)
        take_step: TakeStep = self._warmup_step if in_warmup else self._method.training_step
        notified = self.host.listens_to_batches() or _needs_closure(self.host.optimizer_)
        step = self._step_with_callbacks if notified else self._step
        rate: Rate = 0.0 if in_warmup else run.smoothing_rate(self.method_epoch)
        n_batches = 0
        for batches, y, index in self._chunks(loader, rate):
            steps: list[TrainingStep] = []
            for batch in batches:
                self._schedule_lr(n_batches + len(steps), len(loader))
                steps.append(step(take_step, batch))
            self._check_losses(losses := _batch_losses(steps), n_batches, rate)
            if not notified:
                self._record_losses(losses, batches)
            self._record_predictions(batches, steps, y, index)
            n_batches += len(steps)
        rows = self.host.history[-1]["batches"]
        total = sum(row["train_loss"] * row["train_batch_size"] for row in rows)
        self._record("train", loss=total / len(data), **run.memorization.figures())
        if run.settings.adaptive_warmup:
            loss = left_out_loss(self.view, data) if in_warmup else math.nan
            self._record("warmup", loss=run.processes.broadcast(loss))
        if run.validation is None:
            self._record_oob_scores()
        if run.label_wave is not None:
            score = run.label_wave.update(self._predictions())
            record_epoch_value(self.host.history, "label_wave", score)

    @property
    def _method(self) -> Method:
        return self.host.criterion_

    def _start_epoch(self, in_warmup: bool) -> None:
        method = self._method
        if not in_warmup and type(method).on_epoch_start is not Method.on_epoch_start:
            evaluation = self.view.evaluate(self.run.data, self.method_epoch)
            method.on_epoch_start(self.view, evaluation)
        if not (self.view.module.training and method.training):
            self._set_training(True)
        self.run.memorization.start_epoch()

    def _set_training(self, mode: bool) -> None:
        self.view.module.train(mode)
        self._method.train(mode)

    def _chunks(
        self, loader: BatchLoader, rate: Rate
    ) -> Iterator[tuple[list[Batch], Tensor, Tensor]]:
        """Yield lists of batches whose rows are gathered together."""
        data, n_classes, dtype = loader.dataset, self.view.n_classes, self.view.dtype
        rates = torch.tensor(rate, dtype=dtype).reshape(-1, 1).to(data.y.device)
        classes = torch.arange(n_classes, device=data.y.device)
        targets = smooth_labels(one_hot(classes, n_classes, dtype), rates)
        is_smoothed = bool(np.any(rate))
        for x, y, weight, index, sizes in loader.chunks():
            x = self.view.augment(x) if self.run.settings.augments_batches else x
            target = targets[y] if data.soft_labels is None else data.soft_labels[index] @ targets
            fields = (part.split(sizes) for part in (x, y, target, weight, index))
            epoch, none = [self.method_epoch] * len(sizes), [None] * len(sizes)
            # What the user may pass for each row, and usually does not.
            optional = (
                none if part is None else part[index].split(sizes)
                for part in (data.trusted, data.groups)
            )
            batches = list(map(Batch, *fields, epoch, *optional))
            if is_smoothed:
                batches = [batch.replace(smoothed_classes=targets) for batch in batches]
            yield batches, y, index

    def _warmup_step(self, view: ModuleView, batch: Batch) -> TrainingStep:
        """Compute the cross-entropy of a batch, which is minimised during warm-up."""
        logits = view.infer(batch.x)
        losses = cross_entropy(logits, batch.target)
        weight = normalize_weights(batch.weight, self._method.bag_weights(batch))
        if self.run.awaits_noise_report:
            # The other half is later compared with its neighbours, so it must not be memorised.
            weight = 2 * weight * in_warmup_half(batch.group_or_row)
        elif self.run.settings.adaptive_warmup:
            weight = weight * in_adaptive_warmup(batch.group_or_row) / IN_WARMUP
        return TrainingStep(losses, weight, logits, batch)

    def _step(self, take_step: TakeStep, batch: Batch) -> TrainingStep:
        step = self._backward(take_step, batch)
        self.host.optimizer_.step()
        return step

    def _backward(self, take_step: TakeStep, batch: Batch) -> TrainingStep:
        """Compute the gradients; weights enter as gradients of the losses, without a mean."""
        optimizer = self.host.optimizer_
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        step = take_step(self.view, batch)
        check_step(step, self._method)
        step.losses.backward(step.weight.expand_as(step.losses))
        self.run.processes.all_reduce_gradients(optimizer, self.view.module)
        return step

    def _step_with_callbacks(self, take_step: TakeStep, batch: Batch) -> TrainingStep:
        """Run a step that notifies callbacks and passes a closure to the optimizer."""
        event = {"batch": (batch.x, batch.y), "training": True}
        steps: list[TrainingStep] = []
        self.host.notify("on_batch_begin", **event)

        def closure() -> Any:
            steps.append(self._backward(take_step, batch))
            parameters = list(self.host.get_all_learnable_params())
            self.host.notify("on_grad_computed", named_parameters=parameters, **event)
            return (steps[-1].losses.detach() * steps[-1].weight).sum()

        self.host.optimizer_.step(closure)
        step = steps[0]
        loss = _batch_losses([step])[0]
        self._record_batch("train", loss, len(batch.y))
        logits = step.logits.detach()
        self.host.notify("on_batch_end", loss=torch.tensor(loss), y_pred=logits, **event)
        return step

    def _schedule_lr(self, batch: int, n_batches: int) -> None:
        settings = self.run.settings
        if settings.lr_schedule is None:
            return
        epoch = len(self.host.history) - 1 + batch / n_batches - self.run.first_epoch
        progress = epoch % settings.max_epochs / settings.max_epochs
        schedule_lr(self.host.optimizer_, settings.lr_schedule, progress)

    # ---- validation -----------------------------------------------------------------------------

    def validate_epoch(self, loader: BatchLoader) -> None:
        """Record accuracy and loss on the held-out rows."""
        self._set_training(False)
        data, notified = loader.dataset, self.host.listens_to_batches()
        hits, losses = [], []
        for chunk, sizes in loader.indices():
            for index in chunk.split(sizes):
                x, index = loader.rows_at(index), index.to(data.y.device)
                event = {"batch": (x, data.y[index]), "training": False}
                if notified:
                    self.host.notify("on_batch_begin", **event)
                else:
                    self.host.history.new_batch()
                with torch.no_grad():
                    logits = self.view.infer(x)
                    p = self._method.proba(logits)
                batch_hits, batch_losses = weighted_hits_and_losses(data, p, index)
                hits.append(batch_hits)
                losses.append(batch_losses)
                self.run.quality.add(self.view.bounded(logits), data.y[index], index)
                loss = float(batch_losses.sum() / data.weight[index].sum())
                self._record_batch("valid", loss, len(index))
                if notified:
                    mean = batch_losses.mean()
                    self.host.notify("on_batch_end", loss=mean, y_pred=logits, **event)
        total = data.weight[data.index].sum()
        accuracy, loss = (float(torch.cat(parts).sum() / total) for parts in (hits, losses))
        self._record("valid", loss=loss, acc=accuracy)

    def _record_oob_scores(self) -> None:
        """Record accuracy and loss of out-of-bag predictions; NaN before there are any."""
        if self._method.oob_predictions is None:
            return
        data, table = self.run.data, self._method.oob_predictions[0]
        index = torch.arange(len(data.rows)) if data.index is None else data.index
        sums = []
        # Copies of all predictions would take as much memory as the method.
        for part in index.to(data.y.device).split(_OOB_ROWS):
            p = table[part]
            predicted = ~p.isnan().any(dim=1)
            part, p = part[predicted], p[predicted]
            hits, losses = weighted_hits_and_losses(data, p.to(data.weight.dtype), part)
            sums.append(torch.stack([data.weight[part].sum(), losses.sum(), hits.sum()]))
        total, loss, hits = torch.stack(sums).sum(dim=0)
        self._record("valid", loss=float(loss / total), acc=float(hits / total))

    # ---- records and the end of an epoch ---------------------------------------------------------

    def _check_losses(self, losses: list[float], n_before: int, rate: Rate) -> None:
        """Raise an error if a loss of a chunk is not finite."""
        for i, loss in enumerate(losses):
            if not math.isfinite(loss):
                epoch, batch = len(self.host.history), n_before + i + 1
                if (epoch, batch) == (1, 1):
                    raise first_loss_error(loss, self._method)
                finite = bool(getattr(self.view.augment, "is_finite", True))
                raise divergence_error(loss, epoch, batch, self.host.optimizer_, rate, finite)

    def _record_losses(self, losses: list[float], batches: list[Batch]) -> None:
        self.host.history[-1]["batches"] += [
            {"train_loss": loss, "train_batch_size": len(batch.y)}
            for loss, batch in zip(losses, batches, strict=True)
        ]

    def _record_predictions(
        self, batches: list[Batch], steps: list[TrainingStep], y: Tensor, index: Tensor
    ) -> None:
        quality, memorization = self.run.quality, self.run.memorization
        unchanged = all(s.batch.x is b.x for s, b in zip(steps, batches, strict=True))
        if unchanged:
            logits = torch.cat([step.logits.detach() for step in steps], dim=-2)
            quality.add(logits, y, index)
            memorization.add(logits, index)
        else:
            # Visits in warm-up alone are not informative: these rows are evaluated after training.
            quality.forget(index)
            memorization.skip()

    def _predictions(self) -> Tensor:
        """Return the last prediction for each row of X; -1 for rows that are not trained on."""
        memorization = self.run.memorization
        if memorization.is_complete:
            return memorization.predicted
        # The method trained on other samples, so that the training steps do not tell.
        evaluation = self.view.evaluate(self.run.data, self.method_epoch)
        predicted = torch.full_like(self.run.data.y, -1)
        predicted[evaluation.index] = most_likely(evaluation.logits)
        return predicted

    def _record_batch(self, prefix: str, loss: float, size: int) -> None:
        self.host.history.record_batch(f"{prefix}_loss", loss)
        self.host.history.record_batch(f"{prefix}_batch_size", size)

    def _record(self, prefix: str, **values: float) -> None:
        for name, value in values.items():
            record_epoch_value(self.host.history, f"{prefix}_{name}", value)

    def end_epoch(self) -> bool:
        """Compare the epoch with the best epoch; return whether training must stop."""
        run = self.run
        if run.settings.patience is not None:
            self._update_early_stopping()
        requested = run.on_epoch_end is not None and run.on_epoch_end()
        run.processes.check_in_sync(self.view.module, self._method)
        return run.processes.broadcast(bool(run.stopping.has_stopped[0]) or requested)

    def _update_early_stopping(self) -> None:
        run, method = self.run, self._method
        score = run.processes.broadcast(self._epoch_score())
        # Epochs of warm-up do not count, as the method is not in use, unless there are no others.
        n_skipped = run.settings.warmup_epochs + method.n_preparing_epochs
        skipped = self.method_epoch < method.n_preparing_epochs
        skipped = skipped and n_skipped < run.settings.max_epochs
        if run.stopping.update([score], skipped)[0]:
            run.best_state = copy.deepcopy(self.view.module.state_dict()), method.snapshot()

    def _epoch_score(self) -> float | None:
        if self.run.label_wave is not None:
            score = self.host.history[-1]["label_wave"]
            return -math.inf if math.isnan(score) else score
        score = self._method.epoch_score()
        if score is None and self.run.validation is not None:
            score = self.host.history[-1].get("valid_acc")
        return None if score is None else float(score)

    def restore_best_epoch(self) -> None:
        """Restore weights and method of the best epoch, if epochs were compared."""
        if self.run.best_state is not None:
            weights, method_state = self.run.best_state
            self.view.module.load_state_dict(weights)
            self._method.restore(method_state)


@torch.no_grad()
def _batch_losses(steps: list[TrainingStep]) -> list[float]:
    """Read the losses of many batches together, so that the device is waited for only once."""
    sizes = [step.losses.shape[-1] for step in steps]
    weight = torch.cat([step.weight for step in steps], dim=-1)
    losses = torch.cat([step.losses for step in steps], dim=-1) * weight
    losses = losses.mean(dim=0) if losses.dim() > 1 else losses
    parts = np.split(losses.cpu().numpy(), np.cumsum(sizes)[:-1])
    return [float(part.sum()) for part in parts]


def schedule_lr(
    optimizer: torch.optim.Optimizer, schedule: str | Callable[[float], float], progress: float
) -> None:
    """Set the learning rate of a schedule at a progress in [0, 1)."""
    function = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    try:
        factor = function(progress)
    except TypeError as error:
        advice = ""
        if isinstance(schedule, type):
            name = schedule.__name__
            advice = (
                f" A scheduler of torch is passed as callbacks=[LRScheduler({name})] of skorch."
            )
        raise TypeError(
            "The 'lr_schedule' parameter must be a function of the progress, from 0 to 1, that "
            f"returns a factor. Got {schedule!r}, which fails: {error}.{advice}"
        ) from error
    except Exception as error:
        error.add_note(f"The 'lr_schedule' parameter failed at progress {progress:g}.")
        raise
    is_number = isinstance(factor, Real) and not isinstance(factor, bool)
    if not is_number or not 0 <= factor < math.inf:
        raise ValueError(
            "The 'lr_schedule' parameter must return a factor of at least 0. Got "
            f"{factor!r} at progress {progress:g} instead."
        )
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def _needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    closure = parameters_of(type(optimizer).step).get("closure")
    return closure is not None and closure.default is closure.empty
