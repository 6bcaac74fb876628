"""One epoch: batches, steps of the optimizer, and what is recorded of them. Apart from skorch."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._label_noise.report import NoiseReport
from sknoisy._training.network_view import Asked, in_warmup_half
from sknoisy._training.records import LabelQuality, Memorization, share_as_labelled
from sknoisy._validation.params import parameters_of
from sknoisy.functional import cross_entropy, expected_loss, one_hot, smooth_labels
from sknoisy.methods import Batch, Method, TrainingStep

__all__ = ["Epochs", "SCHEDULES", "divergence_error", "weighted_scores", "schedule_lr"]


SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1 - progress,
}


TakeStep = Callable[[Any, Batch], TrainingStep]


class Epochs(Asked):
    """Trains and validates for an epoch, for the trainer that it is mixed into."""

    criterion_: Method
    optimizer_: torch.optim.Optimizer
    smoothing: str | float | tuple[float, ...]
    noise_: NoiseReport | None
    lr_schedule: str | Callable[[float], float] | None
    max_epochs: int
    first_epoch_: int
    best_: dict[str, float]
    quality_: LabelQuality
    memorization_: Memorization
    held_out_: LabelledRows | None
    notify: Callable[..., None]
    get_all_learnable_params: Callable[[], Iterator[Any]]
    _set_training: Callable[[bool], None]

    @abstractmethod
    def _listened(self) -> bool:
        """Whether a callback listens to single batches."""

    def train_epoch(self, loader: BatchLoader) -> None:
        method, data = self.criterion_, loader.dataset
        epoch, begun = len(self.history) - 1, 0
        warm = self.method_epoch < 0
        if not warm and type(method).on_epoch_start is not Method.on_epoch_start:
            method.on_epoch_start(self, self.scan(data))
        if not (self.module_.training and method.training):
            self._set_training(True)
        step: TakeStep = _warm_step if warm else method.training_step
        told = self._listened() or _needs_closure(self.optimizer_)
        self.memorization_.begin()
        advance = self._told_advance if told else self._advance
        for batches, y, index in self._chunks(loader, 0.0 if warm else self._rate(data)):
            taken: list[TrainingStep] = []
            for batch in batches:
                if self.lr_schedule is not None:
                    self._set_lr(epoch + (begun + len(taken)) / len(loader))
                taken.append(advance(step, batch))
            self._settle(batches, taken, begun, told)
            if all(one.batch.x is given.x for one, given in zip(taken, batches, strict=True)):
                logits = torch.cat([one.logits.detach() for one in taken], dim=-2)
                self.quality_.add(logits, y, index)
                self.memorization_.add(logits, index)
            else:
                # Warm-up alone would say little: these rows are looked at when all is over.
                self.quality_.forget(index)
                self.memorization_.miss()
            begun += len(taken)
        rows = self.history[-1]["batches"]
        total = sum(row["train_loss"] * row["train_batch_size"] for row in rows)
        self._record("train", loss=total / len(data), **self.memorization_.shares())
        if self.held_out_ is None:
            self._validate_unseen(data)

    def _validate_unseen(self, data: LabelledRows) -> None:
        """Take the accuracy on rows that networks judge without having been trained on them."""
        said = self.criterion_.oob_predictions
        if said is None:
            return
        index = torch.arange(len(data.rows)) if data.index is None else data.index
        index = index.to(data.y.device)
        p = said[0][index]
        weight = data.weight[index] * ~p.isnan().any(dim=1)
        right = weight @ share_as_labelled(data, p.argmax(dim=1), index)
        # In warm-up nothing has been judged: NaN.
        self._record("valid", acc=float(right / weight.sum()))

    def _rate(self, data: LabelledRows) -> float | tuple[float, ...]:
        """Rate of smoothing: the one given, or what follows from a look at the labels."""
        if isinstance(self.smoothing, str):
            return self.found_noise(data).smoothing
        return self.smoothing

    def found_noise(self, data: LabelledRows) -> NoiseReport:
        """What the first look at the labels found, which this may be."""
        if self.noise_ is None:
            self.noise_ = self.look_at_labels(data)
        return self.noise_

    def _chunks(
        self, loader: BatchLoader, rate: float | tuple[float, ...]
    ) -> Iterator[tuple[list[Batch], Tensor, Tensor]]:
        """Cut batches from tables, many at a time: one gather serves them all."""
        data = loader.dataset
        rates = torch.tensor(rate, dtype=self.dtype).reshape(-1, 1).to(data.y.device)
        codes = torch.arange(self.n_classes, device=data.y.device)
        targets = smooth_labels(one_hot(codes, self.n_classes, self.dtype), rates)
        for x, y, weight, index, sizes in loader.chunks():
            target = targets[y] if data.labels is None else data.labels[index] @ targets
            epoch, trusted = [self.method_epoch] * len(sizes), [None] * len(sizes)
            if data.trusted is not None:
                trusted = data.trusted[index].split(sizes)
            fields = (part.split(sizes) for part in (x, y, target, weight, index))
            yield list(map(Batch, *fields, epoch, trusted)), y, index

    def _advance(self, step: TakeStep, batch: Batch) -> TrainingStep:
        """Take one step of the optimizer."""
        taken = self._descend(step, batch)
        self.optimizer_.step()
        return taken

    def _descend(self, step: TakeStep, batch: Batch) -> TrainingStep:
        """Compute the gradient. The share of each loss *is* its gradient: no mean is taken."""
        for group in self.optimizer_.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        taken = step(self, batch)
        if taken.losses.dim() not in (1, taken.logits.dim() - 1):
            raise ValueError(
                f"The 'method' parameter: the loss of {type(self.criterion_).__name__} has shape "
                f"{tuple(taken.losses.shape)}, but one number for each sample was expected, of "
                f"shape {tuple(taken.logits.shape[:-1])}."
            )
        taken.losses.backward(taken.weight.expand_as(taken.losses))
        self.ranks_.share_gradients(self.optimizer_, self.module_)
        return taken

    def _told_advance(self, step: TakeStep, batch: Batch) -> TrainingStep:
        """Take one step with each callback called at its moment, and the gradient at will."""
        plain = {"batch": (batch.x, batch.y), "training": True}
        first: list[TrainingStep] = []
        self.notify("on_batch_begin", **plain)

        def evaluate() -> Any:
            first.append(self._descend(step, batch))
            parameters = list(self.get_all_learnable_params())
            self.notify("on_grad_computed", named_parameters=parameters, **plain)
            return (first[-1].losses.detach() * first[-1].weight).sum()

        self.optimizer_.step(evaluate)
        taken = first[0]
        loss = self._paid([taken])[0]
        self._note_batch("train", loss, len(batch.y))
        self.notify("on_batch_end", loss=torch.tensor(loss), y_pred=taken.logits.detach(), **plain)
        return taken

    @torch.no_grad()
    def _paid(self, taken: list[TrainingStep]) -> list[float]:
        """Read the losses of batches at once: one wait for the device, not one for each batch."""
        sizes = [one.losses.shape[-1] for one in taken]
        share = torch.cat([one.weight for one in taken], dim=-1)
        paid = torch.cat([one.losses for one in taken], dim=-1) * share
        paid = paid.mean(dim=0) if paid.dim() > 1 else paid
        return [float(part.sum()) for part in np.split(paid.cpu().numpy(), np.cumsum(sizes)[:-1])]

    def _settle(
        self, batches: list[Batch], taken: list[TrainingStep], begun: int, told: bool
    ) -> None:
        """Check the losses of a chunk, and record them where that was not done at each batch."""
        values = self._paid(taken)
        for i, value in enumerate(values):
            if not math.isfinite(value):
                raise divergence_error(value, len(self.history), begun + i + 1, self.optimizer_)
        if not told:
            self.history[-1]["batches"] += [
                {"train_loss": value, "train_batch_size": len(batch.y)}
                for value, batch in zip(values, batches, strict=True)
            ]

    def validate_epoch(self, loader: BatchLoader) -> None:
        self._set_training(False)
        data, listened = loader.dataset, self._listened()
        right, paid = [], []
        for index, sizes in loader.indices():
            for part in index.split(sizes):
                x, part = loader.rows_at(part), part.to(data.y.device)
                y = data.y[part]
                batch = {"batch": (x, y), "training": False}
                if listened:
                    self.notify("on_batch_begin", **batch)
                with torch.no_grad():
                    logits = self.infer(x)
                    p = self.criterion_.proba(logits)
                scored, owed = weighted_scores(data, p, part)
                right.append(scored)
                paid.append(owed)
                self.quality_.add(self._bounded(logits), y, part)
                if not listened:
                    self.history.new_batch()
                share = float(owed.sum() / data.weight[part].sum())
                self._note_batch("valid", share, len(y))
                if listened:
                    self.notify("on_batch_end", loss=paid[-1].mean(), y_pred=logits, **batch)
        total = data.weight[data.index].sum()
        score, loss = (float(torch.cat(parts).sum() / total) for parts in (right, paid))
        self._record("valid", loss=loss, acc=score)

    def _set_lr(self, epoch: float) -> None:
        assert self.lr_schedule is not None
        progress = (epoch - self.first_epoch_) % self.max_epochs / self.max_epochs
        schedule_lr(self.optimizer_, self.lr_schedule, progress)

    def _note_batch(self, prefix: str, loss: float, size: int) -> None:
        self.history.record_batch(f"{prefix}_loss", loss)
        self.history.record_batch(f"{prefix}_batch_size", size)

    def _record(self, prefix: str, **values: float) -> None:
        """Record an epoch's values, and whether each is the best so far."""
        for name, value in values.items():
            key = f"{prefix}_{name}"
            rank = -value if name == "loss" else value
            best = rank > self.best_.get(key, -math.inf)
            if best:
                self.best_[key] = rank
            self.history.record(key, value)
            self.history.record(f"{key}_best", best)


def divergence_error(
    loss: float, epoch: int, batch: int, optimizer: torch.optim.Optimizer
) -> FloatingPointError:
    """The error of a training whose loss is no number any more."""
    lr = optimizer.param_groups[0]["lr"]
    return FloatingPointError(
        f"The training loss is {loss} in epoch {epoch}, batch {batch}, with lr={lr:g}. Lower 'lr', "
        "or bound the logits with 'logit_bound'."
    )


def schedule_lr(
    optimizer: torch.optim.Optimizer, schedule: str | Callable[[float], float], progress: float
) -> None:
    """Set the learning rate that a schedule has at some progress, in [0, 1)."""
    factor = (SCHEDULES[schedule] if isinstance(schedule, str) else schedule)(progress)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def weighted_scores(data: LabelledRows, p: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted hits and losses of probabilities (..., n_index, n_classes) for some rows."""
    weight = data.weight[index]
    log_p = torch.log(p.clamp_min(torch.finfo(p.dtype).tiny))
    right = share_as_labelled(data, p.argmax(dim=-1), index)
    return weight * right, -weight * expected_loss(log_p, data.given(index, p.shape[-1]))


def _warm_step(net: Epochs, batch: Batch) -> TrainingStep:
    """Cross-entropy on the batch as it is: what every method is before it begins."""
    logits = net.infer(batch.x)
    losses = cross_entropy(logits, batch.target)
    if isinstance(net.smoothing, str) and net.noise_ is None:
        # The other half is to judge, and so must not be known by heart.
        return TrainingStep(losses, 2 * batch.weight * in_warmup_half(batch.index), logits, batch)
    return TrainingStep(losses, batch.weight, logits, batch)


def _needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    closure = parameters_of(type(optimizer).step).get("closure")
    return closure is not None and closure.default is closure.empty
