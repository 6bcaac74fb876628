"""Many trainings at once, which differ in smoothing rates or in parameters of a loss."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.utils.parallel import Parallel, delayed
from torch import Tensor

from sknoisy._data.loader import BatchLoader
from sknoisy._runtime.devices import free_memory
from sknoisy._runtime.randomness import generators_at, seeded
from sknoisy._runtime.threads import limit_threads
from sknoisy._training.loop import divergence_error, schedule_lr, weighted_scores
from sknoisy._training.net import Trainer
from sknoisy._training.records import LabelQuality
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.functional import bound_logits, cross_entropy, one_hot, smooth_labels
from sknoisy.methods import Batch
from sknoisy.networks._stacked import saved_bytes, stack_networks
from sknoisy.search._compatibility import stacked
from sknoisy.search._fold import Batches, Chunk, Fold, side_by_side

__all__ = ["Sweep", "train_at_once", "train_folds"]


def train_at_once(
    candidates: Sequence[NoisyLabelClassifier], X: Any, y: Any, **params: Any
) -> list[NoisyLabelClassifier | Exception]:
    """Fit classifiers that differ in ``smoothing`` and in numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted.
    X, y, **params
        As in ``fit``.

    Returns
    -------
    list of NoisyLabelClassifier or Exception
        Each fitted, as if it had been alone, or what went wrong with it.
    """
    fold = Fold(candidates, X, y, **params)
    train_folds([fold])
    return fold.outcome


def train_folds(folds: Sequence[Fold], share: float = 1.0, n_threads: int = 1) -> None:
    """Fit the candidates of folds, all networks at once where folds allow it.

    Parameters
    ----------
    folds : sequence of Fold
        Their ``outcome`` is filled. With ``random_state=None`` they all start alike.
    share : float, default=1.0
        Part of the free memory to count on, where several of these run at the same time.
    n_threads : int, default=1
        Threads to spread the networks over.
    """
    kinds: dict[Any, list[Fold]] = {}
    for fold in [fold for fold in folds if fold.settings]:
        if fold.random_state is None:
            fold.seed = next(one.seed for one in folds if one.settings)
        try:
            fold.build()
        except Exception as error:
            fold.fail(error)
            continue
        kinds.setdefault(fold.kind, []).append(fold)
    parts = []
    for alike in kinds.values():
        networks = [(fold, place) for fold in alike for place in fold.settings]
        n_parts = min(n_threads, len(networks))
        ends = [round(i * len(networks) / n_parts) for i in range(n_parts + 1)]
        parts += [networks[begin:end] for begin, end in itertools.pairwise(ends)]
    run = delayed(_train_part)
    Parallel(n_threads, backend="threading")(run(part, share / n_threads) for part in parts)


def _train_part(networks: list[tuple[Fold, int]], share: float) -> None:
    """Train some networks at once; an error in between is that of all, one after is of one."""
    sweep = Sweep(networks, share)
    try:
        sweep.run()
    except Exception as error:
        for fold, place in networks:
            fold.outcome[place] = error
        return
    for i, (fold, place) in enumerate(networks):
        try:
            fold.finish(place, sweep.outcome(i), sweep.quality[i].numpy())
        except Exception as error:
            fold.outcome[place] = error


class Sweep:
    """Networks of one shape that take the same steps, each under a loss of its own.

    Those of a fold start alike and see the same batches; each fold has its own start and rows.

    Parameters
    ----------
    networks : list of (Fold, int)
        The fold of each network, built and all of one kind, and its place among the candidates
        there; those of a fold stand together.
    share : float, default=1.0
        Part of the free memory to count on.
    """

    def __init__(self, networks: list[tuple[Fold, int]], share: float = 1.0) -> None:
        self.networks = networks
        self.methods = [fold.methods[place] for fold, place in networks]
        self.settings = [fold.settings[place] for fold, place in networks]
        self.lead, self.share = networks[0][0], share
        self.net, self.device = self.lead.net, self.lead.device
        self.dtype, self.k = self.net.dtype, self.net.n_classes
        # By network, from when its group begins.
        self.histories: dict[int, list[dict[str, Any]]] = {}
        self.errors: dict[int, Exception | None] = {}
        self.best: dict[int, tuple[float, int]] = {}
        self.quality: dict[int, LabelQuality] = {}
        self.learned: dict[int, dict[str, Tensor]] = {}

    def _begin(self, group: list[int]) -> None:
        """Get ready to train some of the networks at once, from the start."""
        for i in group:
            self.histories[i], self.errors[i], self.best[i] = [], None, (-math.inf, 0)
        self.group = group
        own = [self.networks[i][0] for i in group]
        self.folds = list(dict.fromkeys(own))
        # Networks of a fold stand together: its first place in the group, and how many they are.
        self.begins = [own.index(fold) for fold in self.folds]
        self.counts = [own.count(fold) for fold in self.folds]
        self._aim(group)

    def _aim(self, active: list[int]) -> None:
        """Gather what differs between the networks that still train."""
        self.active = active
        own = [self.settings[i] for i in active]
        rates = [np.broadcast_to(one["smoothing"], self.k) for one in own]
        self.rates = torch.tensor(np.array(rates)).to(self.device, self.dtype).unsqueeze(-1)
        bounds = torch.tensor([one["logit_bound"] or math.inf for one in own], dtype=self.dtype)
        self.any_bounded = not bool(bounds.isinf().all())
        self.bounds = bounds.view(-1, 1, 1).to(self.device)
        self.warmup = np.array([one["warmup_epochs"] for one in own])
        self.method = stacked([self.methods[i] for i in active], self.dtype, self.device)
        folds = [self.folds.index(self.networks[i][0]) for i in active]
        self.fold_of = torch.tensor(folds).to(self.device)
        ends = np.searchsorted(folds, range(len(self.folds) + 1)).tolist()
        self.spans = [slice(*ends) for ends in itertools.pairwise(ends)]
        self.place = torch.tensor([i - self.group[0] for i in active]).to(self.device)

    def _for_each(self, part: Tensor) -> Tensor:
        """Of what each fold has, (n_folds, ...), that of each network; of one fold, as it is."""
        return part if len(part) == 1 else part.index_select(0, self.fold_of)

    # ---- training -------------------------------------------------------------------------------

    def run(self) -> None:
        """Train as many at once as memory holds."""
        waiting, most = list(range(len(self.networks))), self._fitting()
        while waiting:
            self._begin(waiting[:most])
            most = len(self.active)
            try:
                with limit_threads(self.net._work(self.lead.data.rows) * most):
                    self._train()
            except torch.OutOfMemoryError:
                if most == 1:
                    raise
                most = (most + 1) // 2
                continue
            finally:
                # Make room for what comes next.
                for name in ("stack", "optimizer", "kept", "believed"):
                    self.__dict__.pop(name, None)
            waiting = waiting[most:]

    def _fitting(self) -> int:
        """How many networks fit into the memory that is free, at least one."""
        network, data = self.net.module_, self.lead.data
        size = self.settings[0]["batch_size"]
        rows = torch.arange(len(data)) if data.index is None else data.index
        try:
            with seeded(self.device), torch.enable_grad(), self.net._precision():
                x = data.rows.take(rows if size == -1 else rows[:size])
                passing = saved_bytes(network, x)
            kept = sum(part.nbytes for part in (*network.parameters(), *network.buffers()))
        except RuntimeError:
            # Whether such a network can be trained so at all is said elsewhere.
            return len(self.networks)
        # Itself, its gradient, two moments of it, and copies of the best and on the way there. Of
        # what is saved for the way back, each has a gradient.
        needed = 6 * kept + 2 * passing
        most = self.share * free_memory(self.device) / 2 / max(needed, 1)
        return int(max(1, min(most, len(self.networks))))

    def _train(self) -> None:
        """Train, from where the generators stood after the networks were built."""
        drawn, first = generators_at(self.lead.state, self.device), self.net._first_rows()
        own = drawn.get(self.device.type)
        networks = [self.networks[i][0].net.module_ for i in self.active]
        with seeded(self.device):
            self.stack = stack_networks(networks, own, first, self.net._precision)
        self.optimizer = self.net.optimizer_of(self.stack.parameters.items())
        # Of the group, what is known of each row, and what each network has learned at its best.
        self.believed = [
            LabelQuality(len(fold.data.rows), self.device, n)
            for fold, n in zip(self.folds, self.counts, strict=True)
        ]
        self.kept = self.stack.state()
        apart = self.stack.draws_apart
        if self.lead.rows_apart:
            states = [generators_at(fold.state, self.device) for fold in self.folds]
            batches = Batches(self.folds, [state["cpu"] for state in states])
        else:
            batches = Batches(self.folds, [drawn["cpu"] if apart else None])
        drawing = nullcontext() if apart else seeded(self.device, state=self.lead.state)
        with torch.enable_grad(), drawing:
            for epoch in range(self.settings[0]["max_epochs"]):
                self._train_epoch(batches, epoch)
                if self.lead.held_out is not None:
                    self._validate(epoch)
                self._let_go(epoch)
                if not self.active:
                    break
        self._end(self.active)
        for place, i in enumerate(self.group):
            fold = self.folds.index(self.networks[i][0])
            self.quality[i] = self.believed[fold].of(place - self.begins[fold])
            self.learned[i] = {name: part[place] for name, part in self.kept.items()}

    def _train_epoch(self, batches: Batches, epoch: int) -> None:
        self.stack.train(True)
        warm = torch.from_numpy(epoch < self.warmup).to(self.device)
        losses_of = self._losses_in(warm)
        rates = torch.where(warm.view(-1, 1, 1), 0.0, self.rates)
        codes = torch.arange(self.k, device=self.device)
        targets = smooth_labels(one_hot(codes, self.k, self.dtype), rates)
        paid: list[Tensor] = []
        counts: list[list[int]] = [[] for _ in self.folds]
        for chunk in batches:
            logits: list[Tensor] = []
            losses: list[Tensor] = []
            for batch in chunk.batches():
                x, y, weight, index, *labels = map(self._for_each, batch)
                self._schedule(epoch + (len(paid) + len(losses)) / len(batches))
                target = labels[0] @ targets if labels else _given(targets, y)
                z = self._bounded(self._infer(x))
                each = losses_of(z, Batch(x, y, target, weight, index, epoch))
                for parameter in self.stack.parameters.values():
                    parameter.grad = None
                each.backward(weight.expand_as(each))
                self.optimizer.step()
                logits.append(z.detach())
                losses.append(each.detach())
            self._see_chunk(torch.cat(logits, dim=-2), chunk)
            owed = torch.cat(losses, dim=-1) * self._for_each(chunk.weight)
            paid += [part.sum(dim=-1) for part in owed.split(chunk.sizes, dim=-1)]
            for count, sizes in zip(counts, chunk.own_sizes, strict=True):
                count += sizes
        self._note(epoch, torch.stack(paid), counts)

    def _infer(self, x: Tensor) -> Tensor:
        with self.net._precision():
            return self.stack(x).to(self.dtype)

    def _bounded(self, logits: Tensor) -> Tensor:
        return bound_logits(logits, self.bounds) if self.any_bounded else logits

    def _losses_in(self, warm: Tensor) -> Callable[[Tensor, Batch], Tensor]:
        """The loss of an epoch in which some networks, or all, are in warm-up."""
        if warm.all():
            return lambda z, batch: cross_entropy(z, batch.target)
        if not warm.any():
            return self.method.loss
        column = warm.unsqueeze(-1)
        return lambda z, batch: torch.where(
            column, cross_entropy(z, batch.target), self.method.loss(z, batch)
        )

    def _see_chunk(self, logits: Tensor, chunk: Chunk) -> None:
        for place, sizes in enumerate(chunk.own_sizes):
            n = sum(sizes)
            self._see(place, logits[:, :n], chunk.y[place, :n], chunk.index[place, :n])

    def _see(self, place: int, logits: Tensor, y: Tensor, index: Tensor) -> None:
        """Note what the networks of a fold say of rows of it."""
        span = self.spans[place]
        networks = self.place[span] - self.begins[place]
        self.believed[place].add(logits[span], y, index, networks)

    def _schedule(self, epoch: float) -> None:
        schedule, n_epochs = self.settings[0]["lr_schedule"], self.settings[0]["max_epochs"]
        if schedule is not None:
            schedule_lr(self.optimizer, schedule, epoch / n_epochs)

    def _note(self, epoch: int, paid: Tensor, counts: list[list[int]]) -> None:
        """Record the losses of an epoch, and note networks that have diverged."""
        own = [counts[place] for place in self.fold_of.tolist()]
        for i, each, sizes in zip(self.active, paid.T.tolist(), own, strict=True):
            total = sum(value * size for value, size in zip(each, sizes, strict=True))
            loss = total / len(self.networks[i][0].data)
            self.histories[i].append({"epoch": epoch + 1, "train_loss": loss})
            lost = [b for b, value in enumerate(each) if not math.isfinite(value)]
            if lost:
                self.errors[i] = divergence_error(
                    each[lost[0]], epoch + 1, lost[0] + 1, self.optimizer
                )

    # ---- stopping -------------------------------------------------------------------------------

    @torch.no_grad()
    def _validate(self, epoch: int) -> None:
        """Compare this epoch with the best of each network, by accuracy on the rows held out."""
        self.stack.train(False)
        held_out = [fold.held_out for fold in self.folds]
        indices = side_by_side([data.index for data in held_out])
        loaders = [BatchLoader(d.part(i)) for d, i in zip(held_out, indices, strict=True)]
        right: list[list[Tensor]] = [[] for _ in self.folds]
        paid: list[list[Tensor]] = [[] for _ in self.folds]
        start = 0
        for size in loaders[0].sizes():
            parts = indices[:, start : start + size]
            x = [loader.rows_at(part) for loader, part in zip(loaders, parts, strict=True)]
            z = self._infer(self._for_each(side_by_side(x)))
            bound = self._bounded(z)
            for place, (data, part) in enumerate(zip(held_out, parts, strict=True)):
                if self.spans[place].start == self.spans[place].stop:
                    continue
                # What fills up the others does not count.
                part = part[: max(len(data) - start, 0)].to(self.device)
                p = self.method.proba(z[self.spans[place], : len(part)])
                scored, owed = weighted_scores(data, p, part)
                right[place].append(scored)
                paid[place].append(owed)
                self._see(place, bound[:, : len(part)], data.y[part], part)
            start += size
        scores, losses = self._totals(right), self._totals(paid)
        better = []
        for place, (i, score, loss) in enumerate(zip(self.active, scores, losses, strict=True)):
            self.histories[i][-1].update(valid_loss=loss, valid_acc=score)
            if epoch < self.warmup[place] < self.settings[0]["max_epochs"]:
                # As in a training alone, what is not the method's yet is not kept.
                self.best[i] = -math.inf, epoch + 1
            elif score > self.best[i][0]:
                self.best[i] = score, epoch + 1
                better.append(place)
        if better:
            self._keep(better)

    def _keep(self, places: list[int]) -> None:
        """Remember what some of the active networks have learned."""
        rows = torch.tensor(places).to(self.device)
        for name, part in (*self.stack.parameters.items(), *self.stack.buffers.items()):
            self.kept[name].index_copy_(0, self.place[rows], part.detach().index_select(0, rows))

    def _totals(self, parts: list[list[Tensor]]) -> list[float]:
        """Weighted means over the rows held out, for each network."""
        means: list[Tensor] = []
        for fold, found in zip(self.folds, parts, strict=True):
            if not found:
                continue
            data = fold.held_out
            total = data.weight[data.index].sum()
            # Summed one by one, in the order of a training alone: ties between epochs are exact.
            means += [one.contiguous().sum() / total for one in torch.cat(found, dim=-1)]
        return torch.stack(means).tolist()

    def _let_go(self, epoch: int) -> None:
        """Stop networks that failed, or no longer become better, and go on without them."""
        patience = self.settings[0]["patience"]
        on = [
            self.errors[i] is None and (patience is None or epoch + 1 - self.best[i][1] < patience)
            for i in self.active
        ]
        if all(on):
            return
        rows = torch.tensor([place for place, goes_on in enumerate(on) if goes_on])
        self._end([i for i, goes_on in zip(self.active, on, strict=True) if not goes_on])
        active = [i for i, goes_on in zip(self.active, on, strict=True) if goes_on]
        if active:
            self.stack.keep(rows.to(self.device), self.optimizer)
            self._aim(active)
        self.active = active

    def _end(self, networks: list[int]) -> None:
        """Keep what networks have learned in the end, where no earlier epoch is kept."""
        if last := [self.active.index(i) for i in networks if self.best[i][0] == -math.inf]:
            self._keep(last)

    def outcome(self, i: int) -> Trainer | Exception:
        """The trained net of a candidate, or what went wrong."""
        if (error := self.errors[i]) is not None:
            return error
        fold = self.networks[i][0]
        made = fold.net.sibling(
            self.learned[i], self.methods[i], self.histories[i], **self.settings[i]
        )
        try:
            made._check_last_step(fold.data)
        except FloatingPointError as divergence_error:
            return divergence_error
        unseen = self.quality[i].missing()
        if len(unseen):
            scan = made.scan(fold.data.part(unseen))
            self.quality[i].add(made._bounded(scan.logits), scan.y, scan.index)
        made.data_ = None
        return made


def _given(targets: Tensor, y: Tensor) -> Tensor:
    """Targets (n_networks, n_samples, n_classes) of codes (1 or n_networks, n_samples)."""
    if len(y) == 1:
        return targets.index_select(1, y[0])
    return targets.gather(1, y.unsqueeze(-1).expand(-1, -1, targets.shape[-1]))
