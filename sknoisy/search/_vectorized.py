"""Vectorised training of networks that differ in smoothing rates or numbers of their loss."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.loader import BatchLoader
from sknoisy._runtime.devices import free_memory
from sknoisy._runtime.randomness import generators_at, seeded
from sknoisy._runtime.threads import limit_threads
from sknoisy._training.early_stopping import EarlyStopping
from sknoisy._training.label_wave import LabelWave
from sknoisy._training.loop import schedule_lr
from sknoisy._training.records import LabelQuality, weighted_hits_and_losses
from sknoisy._training.training_errors import divergence_error, is_out_of_memory
from sknoisy.functional import one_hot, smooth_labels
from sknoisy.methods import Batch
from sknoisy.networks._stacked import saved_bytes, stack_networks
from sknoisy.search._active import ActiveMembers
from sknoisy.search._batches import Chunk, FoldBatches, stack_padded
from sknoisy.search._checkpoint import GroupCheckpoint, SearchCheckpoint
from sknoisy.search._fold import Member

__all__ = ["VectorizedTraining"]


class VectorizedTraining:
    """Train networks of one architecture in the same steps, each with its own loss.

    Networks of a fold have the same initial weights and batches; folds differ in both.

    Parameters
    ----------
    members : list of Member
        Members of built folds with the same signature, sorted by fold.
    memory_fraction : float, default=1.0
        Fraction of the free memory to use.
    checkpoint : SearchCheckpoint or None, default=None
    """

    def __init__(
        self,
        members: list[Member],
        memory_fraction: float = 1.0,
        checkpoint: SearchCheckpoint | None = None,
    ) -> None:
        self.members, self.memory_fraction = members, memory_fraction
        self.checkpoint = checkpoint

    def run(self) -> None:
        """Train as many networks together as fit into memory."""
        waiting, size = list(self.members), self._n_that_fit()
        net, rows = waiting[0].fold.net, waiting[0].fold.data.rows
        while waiting:
            group = waiting[:size]
            size = len(group)
            try:
                with limit_threads(net.flops_per_step(rows) * size):
                    self._train(group)
            except (RuntimeError, MemoryError) as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
                size = (size + 1) // 2
                continue
            waiting = waiting[size:]

    def _train(self, group: list[Member]) -> None:
        if self.checkpoint is None:
            GroupTraining(group).run()
            return
        with self.checkpoint.of_group(group) as checkpoint:
            GroupTraining(group, checkpoint).run()

    def _n_that_fit(self) -> int:
        """Return how many networks fit into the free memory, at least one."""
        fold = self.members[0].fold
        network, data = fold.net.module_, fold.data
        size = fold.members[0].settings.batch_size
        rows = torch.arange(len(data)) if data.index is None else data.index
        try:
            with seeded(fold.device), torch.enable_grad(), fold.view.precision():
                x = data.rows.take(rows if size == -1 else rows[:size])
                activations = saved_bytes(network, x)
            weights = sum(part.nbytes for part in (*network.parameters(), *network.buffers()))
        except RuntimeError:
            # Whether such networks can be stacked is checked later.
            return len(self.members)
        # Memory for weights, gradients, two moments, the best epoch and a temporary copy of it;
        # each saved activation has a gradient.
        needed = 6 * weights + 2 * activations
        n = self.memory_fraction * free_memory(fold.device) / 2 / max(needed, 1)
        return int(max(1, min(n, len(self.members))))


class GroupTraining:
    """Train some members together, from start to end.

    Parameters
    ----------
    group : list of Member
    checkpoint : GroupCheckpoint or None, default=None
    """

    def __init__(self, group: list[Member], checkpoint: GroupCheckpoint | None = None) -> None:
        self.checkpoint = checkpoint
        for member in group:
            member.restart()
        self.group, self.lead = group, group[0].fold
        self.folds = list(dict.fromkeys(member.fold for member in group))
        self.validation: list[Any] = [fold.validation for fold in self.folds]
        self.settings = group[0].settings
        self.device, self.view = self.lead.device, self.lead.view
        self.active = ActiveMembers.gather(group, group, self.folds, self.view.dtype)
        self.stopping = EarlyStopping(self.settings.patience, len(group))
        # One record of label quality for each fold.
        self.quality = [
            LabelQuality(len(fold.data.rows), self.device, span.stop - span.start)
            for fold, span in zip(self.folds, self.active.spans, strict=True)
        ]
        self.first_of_fold = [span.start for span in self.active.spans]
        if self.settings.label_wave:
            self.label_waves = [LabelWave(member.fold.data.weight) for member in group]
            self.predicted = [
                member.fold.data.y.new_full((len(member.fold.data.rows),), -1) for member in group
            ]

    def run(self) -> None:
        """Train, from the random state after the networks were built."""
        state = self.lead.generator_state
        generators = generators_at(state, self.device)
        generator = generators.get(self.device.type)
        networks = [member.fold.net.module_ for member in self.group]
        with seeded(self.device):
            first, precision = self.view.first_rows(), self.view.precision
            self.stack = stack_networks(networks, generator, first, precision)
        self.optimizer = self.lead.net.make_optimizer(self.stack.parameters.items())
        self.best = self.stack.state()
        separate = self.stack.uses_generator
        if self.lead.is_row_wise:
            states = [generators_at(fold.generator_state, self.device) for fold in self.folds]
            batches = FoldBatches(self.folds, [state["cpu"] for state in states])
        else:
            batches = FoldBatches(self.folds, [generators["cpu"] if separate else None])
        self.generators = [self.stack.generator, *batches.generators]
        drawing = nullcontext() if separate else seeded(self.device, state=state)
        with torch.enable_grad(), drawing:
            n_trained = 0 if self.checkpoint is None else self.checkpoint.restore(self)
            self._train(batches, n_trained)
        self._finish()

    def _train(self, batches: FoldBatches, n_trained: int) -> None:
        for epoch in range(n_trained, self.settings.max_epochs):
            if not self.active.members:
                break
            self._train_epoch(batches, epoch)
            if self.lead.validation is not None:
                self._validate(epoch)
            if self.settings.label_wave:
                self._score_label_waves(epoch)
            self._drop_stopped()
            if self.checkpoint is not None:
                self.checkpoint.save(self, epoch + 1)
        self._keep_last(list(range(len(self.active.members))))

    def _finish(self) -> None:
        """Set the weights and the label quality of each member."""
        for position, member in enumerate(self.group):
            fold = self.folds.index(member.fold)
            member_of_fold = position - self.first_of_fold[fold]
            member.quality = self.quality[fold].of_member(member_of_fold)
            member.weights = {name: part[position] for name, part in self.best.items()}

    # ---- an epoch -------------------------------------------------------------------------------

    def _train_epoch(self, batches: FoldBatches, epoch: int) -> None:
        active, n_classes, dtype = self.active, self.view.n_classes, self.view.dtype
        self.stack.train(True)
        loss_of = active.loss_in_epoch(epoch)
        classes = torch.arange(n_classes, device=self.device)
        targets = smooth_labels(one_hot(classes, n_classes, dtype), active.rates_in_epoch(epoch))
        batch_losses: list[Tensor] = []
        sizes: list[list[int]] = [[] for _ in self.folds]
        for chunk in batches:
            outputs: list[Tensor] = []
            losses: list[Tensor] = []
            for part in chunk.batches():
                x, y, weight, index, *labels = map(active.per_network, part)
                self._schedule_lr(epoch + (len(batch_losses) + len(losses)) / len(batches))
                target = labels[0] @ targets if labels else _targets_of(targets, y)
                logits = active.bounded(self._infer(x))
                loss = loss_of(logits, Batch(x, y, target, weight, index, epoch))
                self._step(loss, weight)
                outputs.append(logits.detach())
                losses.append(loss.detach())
            self._record_chunk(torch.cat(outputs, dim=-2), chunk)
            weighted = torch.cat(losses, dim=-1) * active.per_network(chunk.weight)
            batch_losses += [part.sum(dim=-1) for part in weighted.split(chunk.sizes, dim=-1)]
            for of_fold, more in zip(sizes, chunk.fold_sizes, strict=True):
                of_fold += more
        self._record_losses(epoch, torch.stack(batch_losses), sizes)

    def _infer(self, x: Tensor) -> Tensor:
        with self.view.precision():
            return self.stack(x).to(self.view.dtype)

    def _step(self, losses: Tensor, weight: Tensor) -> None:
        for parameter in self.stack.parameters.values():
            parameter.grad = None
        losses.backward(weight.expand_as(losses))
        self.optimizer.step()

    def _schedule_lr(self, epoch: float) -> None:
        if self.settings.lr_schedule is not None:
            progress = epoch / self.settings.max_epochs
            schedule_lr(self.optimizer, self.settings.lr_schedule, progress)

    def _record_chunk(self, logits: Tensor, chunk: Chunk) -> None:
        """Record the label quality and, if they are needed, the predictions of a chunk."""
        for fold, sizes in enumerate(chunk.fold_sizes):
            n = sum(sizes)
            index = chunk.index[fold, :n]
            self._record_quality(fold, logits[:, :n], chunk.y[fold, :n], index)
            if self.settings.label_wave:
                span = self.active.spans[fold]
                predicted = logits[span, :n].argmax(dim=-1)
                for position, classes in zip(
                    self.active.positions[span].tolist(), predicted, strict=True
                ):
                    self.predicted[position][index] = classes

    def _record_quality(self, fold: int, logits: Tensor, y: Tensor, index: Tensor) -> None:
        span = self.active.spans[fold]
        members = self.active.positions[span] - self.first_of_fold[fold]
        self.quality[fold].add(logits[span], y, index, members)

    def _record_losses(self, epoch: int, losses: Tensor, sizes: list[list[int]]) -> None:
        """Record the losses of an epoch, and the error of networks that have diverged."""
        of_member = [sizes[fold] for fold in self.active.fold_index.tolist()]
        members, values = self.active.members, losses.T.tolist()
        for member, own_losses, own_sizes in zip(members, values, of_member, strict=True):
            total = sum(loss * size for loss, size in zip(own_losses, own_sizes, strict=True))
            train_loss = total / len(member.fold.data)
            member.history.append({"epoch": epoch + 1, "train_loss": train_loss})
            lost = [i for i, loss in enumerate(own_losses) if not math.isfinite(loss)]
            if lost:
                loss, batch = own_losses[lost[0]], lost[0] + 1
                rate = member.settings.smoothing.rate(None)
                member.error = divergence_error(loss, epoch + 1, batch, self.optimizer, rate)

    # ---- early stopping -------------------------------------------------------------------------

    @torch.no_grad()
    def _validate(self, epoch: int) -> None:
        """Compare this epoch with the best epoch of each network, on held-out rows."""
        self.stack.train(False)
        validation = self.validation
        indices = stack_padded([data.index for data in validation])
        loaders = [BatchLoader(d.part(i)) for d, i in zip(validation, indices, strict=True)]
        hits: list[list[Tensor]] = [[] for _ in self.folds]
        losses: list[list[Tensor]] = [[] for _ in self.folds]
        start = 0
        for size in loaders[0].sizes():
            parts = indices[:, start : start + size]
            x = [loader.rows_at(part) for loader, part in zip(loaders, parts, strict=True)]
            logits = self._infer(self.active.per_network(stack_padded(x)))
            bounded = self.active.bounded(logits)
            for fold, (data, part) in enumerate(zip(validation, parts, strict=True)):
                span = self.active.spans[fold]
                if span.start == span.stop:
                    continue
                # Padding rows are ignored.
                index = part[: max(len(data) - start, 0)].to(self.device)
                p = self.active.method.proba(logits[span, : len(index)])
                fold_hits, fold_losses = weighted_hits_and_losses(data, p, index)
                hits[fold].append(fold_hits)
                losses[fold].append(fold_losses)
                self._record_quality(fold, bounded[:, : len(index)], data.y[index], index)
            start += size
        accuracies, means = self._means(hits), self._means(losses)
        for member, accuracy, mean in zip(self.active.members, accuracies, means, strict=True):
            member.history[-1].update(valid_loss=mean, valid_acc=accuracy)
        self._compare(epoch, accuracies)

    def _score_label_waves(self, epoch: int) -> None:
        """Compare this epoch with the best epoch of each network, by changed predictions."""
        scores = []
        positions = self.active.positions.tolist()
        for member, position in zip(self.active.members, positions, strict=True):
            score = self.label_waves[position].update(self.predicted[position])
            member.history[-1].update(label_wave=score)
            scores.append(-math.inf if math.isnan(score) else score)
        self._compare(epoch, scores)

    def _compare(self, epoch: int, scores: list[float]) -> None:
        warmup, positions = self.active.warmup, self.active.positions.cpu().numpy()
        # Networks that have stopped get no score.
        all_scores: list[float | None] = [None] * len(self.group)
        skipped = np.zeros(len(self.group), dtype=bool)
        skipped[positions] = (epoch < warmup) & (warmup < self.settings.max_epochs)
        for position, score in zip(positions.tolist(), scores, strict=True):
            all_scores[position] = score
        improved = self.stopping.update(all_scores, skipped)
        rows = np.flatnonzero(improved[positions])
        if len(rows):
            self._keep_best(rows.tolist())

    def _means(self, parts: list[list[Tensor]]) -> list[float]:
        """Return the weighted mean over held-out rows for each network."""
        means: list[Tensor] = []
        for data, of_fold in zip(self.validation, parts, strict=True):
            if not of_fold:
                continue
            total = data.weight[data.index].sum()
            # The order of the sum is that of a single training, so that ties of epochs are exact.
            means += [values.contiguous().sum() / total for values in torch.cat(of_fold, dim=-1)]
        return torch.stack(means).tolist()

    def _keep_best(self, rows: list[int]) -> None:
        """Copy the weights of some of the active networks."""
        index = torch.tensor(rows).to(self.device)
        positions = self.active.positions[index]
        for name, part in (*self.stack.parameters.items(), *self.stack.buffers.items()):
            self.best[name].index_copy_(0, positions, part.detach().index_select(0, index))

    def _keep_last(self, rows: list[int]) -> None:
        """Copy the last weights of networks for which no best epoch is kept."""
        positions = self.active.positions.tolist()
        rows = [row for row in rows if self.stopping.best_score[positions[row]] == -np.inf]
        if rows:
            self._keep_best(rows)

    def _drop_stopped(self) -> None:
        """Drop networks that failed or no longer improve."""
        members, stopped = self.active.members, self.stopping.has_stopped
        positions = self.active.positions.tolist()
        rows = [
            row
            for row, (member, position) in enumerate(zip(members, positions, strict=True))
            if member.error is None and not stopped[position]
        ]
        if len(rows) == len(members):
            return
        self._keep_last([row for row in range(len(members)) if row not in rows])
        if not rows:
            self.active = replace(self.active, members=[])
            return
        self.select(rows)

    def select(self, rows: list[int]) -> None:
        """Drop all active networks but those in some rows."""
        remaining = [self.active.members[row] for row in rows]
        self.stack.select(torch.tensor(rows).to(self.device), self.optimizer)
        self.active = ActiveMembers.gather(remaining, self.group, self.folds, self.view.dtype)


def _targets_of(targets: Tensor, y: Tensor) -> Tensor:
    """Look up targets (n_networks, n_samples, n_classes) of encoded y (1 or n_networks, ...)."""
    if len(y) == 1:
        return targets.index_select(1, y[0])
    return targets.gather(1, y.unsqueeze(-1).expand(-1, -1, targets.shape[-1]))
