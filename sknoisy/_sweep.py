"""Many trainings at once, which differ in numbers only: rates of smoothing, or those of a loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from sknoisy._building import settings_of
from sknoisy._epochs import diverged, judged, schedule_lr
from sknoisy._stack import stack_of
from sknoisy._sweepable import stacked
from sknoisy.beliefs import LabelQuality
from sknoisy.classifier import NoisyLabelClassifier, Training
from sknoisy.data import Batch, BatchLoader, LabelledRows
from sknoisy.losses import bounded, cross_entropy, one_hot, smooth
from sknoisy.methods import Method, make_method
from sknoisy.runtime import few_threads, free_memory, seeded
from sknoisy.training import Trainer

__all__ = ["train_at_once"]


def train_at_once(
    candidates: Sequence[NoisyLabelClassifier],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    trusted: Any = None,
    share: float = 1.0,
) -> list[NoisyLabelClassifier | Exception]:
    """Fit classifiers that differ in ``smoothing`` and in numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted.
    X, y, sample_weight, trusted
        As in ``fit``.
    share : float, default=1.0
        Part of the free memory to count on, where several of these run at the same time.

    Returns
    -------
    list of NoisyLabelClassifier or Exception
        Each fitted, as if it had been alone, or what went wrong with it.
    """
    outcome: list[NoisyLabelClassifier | Exception] = list(candidates)
    methods = _each(outcome, _checked_method)
    if not methods:
        return outcome
    # Rates may suit the classes of this fold or not.
    lead = clone(candidates[next(iter(methods))]).set_params(smoothing=0.0)
    training = lead._prepare(*lead._read(X, y, sample_weight, trusted, False), None)
    settings = _each(outcome, lambda i, clf: settings_of(clf, methods[i], len(training.classes)))
    if not settings:
        return outcome
    places = list(settings)
    sweep = Sweep(training, [methods[i] for i in places], list(settings.values()), share)
    sweep.run()
    seen = {k: v for k, v in vars(lead).items() if k in ("n_features_in_", "feature_names_in_")}
    for place, i in enumerate(places):
        found = sweep.outcome(place)
        if isinstance(found, Exception):
            outcome[i] = found
            continue
        clf = candidates[i]
        clf.__dict__.update(seen)
        clf.label_quality_ = sweep.quality[place].numpy()
        clf._finish(found, training.classes)
    return outcome


def _each(
    outcome: list[NoisyLabelClassifier | Exception],
    ask: Callable[[int, NoisyLabelClassifier], Any],
) -> dict[int, Any]:
    """Ask candidates that are still well; one that fails is left out, and says why."""
    answers = {}
    for i, clf in enumerate(outcome):
        if isinstance(clf, Exception):
            continue
        try:
            answers[i] = ask(i, clf)
        except Exception as error:
            outcome[i] = error
    return answers


def _checked_method(_: int, clf: NoisyLabelClassifier) -> Method:
    clf._validate_params()
    clf._check_names()
    return make_method(clf.method, **clf._given("method"))


class Sweep:
    """Networks that start alike and see the same batches, each under a loss of its own.

    Parameters
    ----------
    training : Training
        Of a net that is not built yet; its network is the start of all.
    methods : list of Method
        Of one class, with numbers of their own.
    settings : list of dict
        As of :func:`~sknoisy._building.settings_of`; they differ in ``smoothing``,
        ``warmup_epochs`` and ``logit_bound``.
    share : float, default=1.0
        Part of the free memory to count on.
    """

    def __init__(
        self,
        training: Training,
        methods: list[Method],
        settings: list[dict[str, Any]],
        share: float = 1.0,
    ) -> None:
        self.net, self.data, self.held_out, _, self.seed, _ = training
        self.methods, self.settings = methods, settings
        self.device, self.dtype, self.k = self.data.y.device, self.net.dtype, self.net.n_classes
        self.share = share
        # By network, from when its group begins.
        self.quality: dict[int, LabelQuality] = {}
        self.histories: dict[int, list[dict[str, Any]]] = {}
        self.errors: dict[int, Exception | None] = {}
        self.best: dict[int, tuple[float, int]] = {}
        self.learned: dict[int, dict[str, Tensor] | None] = {}

    def _begin(self, group: list[int]) -> None:
        """Get ready to train some of the networks at once, from the start."""
        for i in group:
            self.quality[i] = LabelQuality(len(self.data.rows), self.device)
            self.histories[i], self.errors[i], self.learned[i] = [], None, None
            self.best[i] = -math.inf, 0
        self._aim(group)

    def _aim(self, active: list[int]) -> None:
        """Gather what differs between the networks that still train."""
        self.active = active
        own = [self.settings[i] for i in active]
        rates = [np.broadcast_to(one["smoothing"], self.k) for one in own]
        self.rates = torch.tensor(np.array(rates)).to(self.device, self.dtype).unsqueeze(-1)
        bounds = torch.tensor([one["logit_bound"] or math.inf for one in own], dtype=self.dtype)
        self.unbounded = bounds.isinf().view(-1, 1, 1).to(self.device)
        self.any_bounded = not bool(self.unbounded.all())
        self.bounds = bounds.nan_to_num(posinf=1.0).view(-1, 1, 1).to(self.device)
        self.warmup = np.array([one["warmup_epochs"] for one in own])
        self.method = stacked([self.methods[i] for i in active], self.dtype, self.device)

    # ---- training -------------------------------------------------------------------------------

    def run(self) -> None:
        """Build the network that all start from, and train as many at once as memory holds."""
        with seeded(self.device, self.seed) as left, torch.enable_grad():
            self.net.build(self.data)
        waiting, most = list(range(len(self.methods))), self._fitting()
        while waiting:
            # The last ones make room first.
            self.__dict__.pop("stack", None)
            self.__dict__.pop("optimizer", None)
            self._begin(waiting[:most])
            most = len(self.active)
            try:
                with few_threads(self.net._work(self.data.rows) * most):
                    self._train(left["state"])
            except torch.OutOfMemoryError:
                if most == 1:
                    raise
                most = (most + 1) // 2
                continue
            waiting = waiting[most:]

    def _fitting(self) -> int:
        """How many networks fit into the memory that is free, at least one."""
        network, data = self.net.module_, self.data
        size = self.settings[0]["batch_size"]
        rows = torch.arange(len(data)) if data.index is None else data.index
        try:
            with seeded(self.device), torch.enable_grad(), self.net._precision():
                x = data.rows.take(rows if size == -1 else rows[:size])
                passing = _saved_bytes(network, x)
            kept = sum(part.nbytes for part in (*network.parameters(), *network.buffers()))
        except RuntimeError:
            # Whether such a network can be trained so at all is said elsewhere.
            return len(self.methods)
        # Itself, its gradient, two moments of it, and copies of the best and on the way there. Of
        # what is saved for the way back, each has a gradient.
        needed = 6 * kept + 2 * passing
        return max(1, int(self.share * free_memory(self.device) / 2 / max(needed, 1)))

    def _train(self, state: Any) -> None:
        """Train, from where the generators stood after the network was built."""
        drawn, first = _generators(state, self.device), self.net._first_rows()
        own = drawn.get(self.device.type)
        with seeded(self.device):
            self.stack = stack_of(
                self.net.module_, len(self.active), own, first, self.net._precision
            )
        self.optimizer = self.net.optimizer_of(self.stack.parameters.items())
        setting = self.settings[0]
        size = len(self.data) if setting["batch_size"] == -1 else setting["batch_size"]
        apart = self.stack.draws_apart
        generator = drawn["cpu"] if apart else None
        loader = BatchLoader(self.data, size, shuffle=True, generator=generator)
        drawing = nullcontext() if apart else seeded(self.device, state=state)
        with torch.enable_grad(), drawing:
            for epoch in range(setting["max_epochs"]):
                self._train_epoch(loader, epoch)
                if self.held_out is not None:
                    self._validate(self.held_out, epoch)
                self._let_go(epoch)
                if not self.active:
                    break
        self._end(self.active)

    def _train_epoch(self, loader: BatchLoader, epoch: int) -> None:
        self.stack.train(True)
        data, warm = self.data, torch.from_numpy(epoch < self.warmup).to(self.device)
        losses_of = self._losses_in(warm)
        rates = torch.where(warm.view(-1, 1, 1), 0.0, self.rates)
        codes = torch.arange(self.k, device=self.device)
        targets = smooth(one_hot(codes, self.k, self.dtype), rates)
        paid: list[Tensor] = []
        counts: list[int] = []
        for x, y, weight, index, sizes in loader.chunks():
            logits, losses = [], []
            parts = [part.split(sizes) for part in (x, y, weight, index)]
            for xb, yb, wb, ib in zip(*parts, strict=True):
                self._schedule(epoch + len(counts) / len(loader))
                if data.labels is None:
                    target = targets.index_select(1, yb)
                else:
                    target = data.labels[ib] @ targets
                z = self._bounded(self._infer(xb))
                each = losses_of(z, Batch(xb, yb, target, wb, ib, epoch))
                for parameter in self.stack.parameters.values():
                    parameter.grad = None
                each.backward(wb.expand_as(each))
                self.optimizer.step()
                logits.append(z.detach())
                losses.append(each.detach())
                counts.append(len(yb))
            self._see(torch.cat(logits, dim=-2), y, index)
            owed = (torch.cat(losses, dim=-1) * weight).split(sizes, dim=-1)
            paid += [part.sum(dim=-1) for part in owed]
        self._note(epoch, torch.stack(paid), counts)

    def _infer(self, x: Tensor) -> Tensor:
        with self.net._precision():
            return self.stack(x).to(self.dtype)

    def _bounded(self, logits: Tensor) -> Tensor:
        if not self.any_bounded:
            return logits
        return torch.where(self.unbounded, logits, bounded(logits, self.bounds))

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

    def _see(self, logits: Tensor, y: Tensor, index: Tensor) -> None:
        for i, own in zip(self.active, logits.unbind(), strict=True):
            self.quality[i].add(own, y, index)

    def _schedule(self, epoch: float) -> None:
        schedule, n_epochs = self.settings[0]["lr_schedule"], self.settings[0]["max_epochs"]
        if schedule is not None:
            schedule_lr(self.optimizer, schedule, epoch / n_epochs)

    def _note(self, epoch: int, paid: Tensor, counts: list[int]) -> None:
        """Record the losses of an epoch, and note networks that have diverged."""
        values = paid.T.tolist()
        for i, each in zip(self.active, values, strict=True):
            total = sum(value * count for value, count in zip(each, counts, strict=True))
            self.histories[i].append({"epoch": epoch + 1, "train_loss": total / len(self.data)})
            lost = [b for b, value in enumerate(each) if not math.isfinite(value)]
            if lost:
                self.errors[i] = diverged(each[lost[0]], epoch + 1, lost[0] + 1, self.optimizer)

    # ---- stopping -------------------------------------------------------------------------------

    @torch.no_grad()
    def _validate(self, data: LabelledRows, epoch: int) -> None:
        """Compare this epoch with the best of each network, by accuracy on the rows held out."""
        self.stack.train(False)
        right, paid = [], []
        loader = BatchLoader(data)
        for index, sizes in loader.indices():
            for part in index.split(sizes):
                z, part = self._infer(loader.rows_at(part)), part.to(self.device)
                scored, owed = judged(data, self.method.proba(z), part)
                right.append(scored)
                paid.append(owed)
                self._see(self._bounded(z), data.y[part], part)
        total = data.weight[data.index].sum()
        # Summed one by one, in the order of a training alone: ties between epochs are exact.
        scores, losses = (
            torch.stack([one.contiguous().sum() / total for one in torch.cat(parts, dim=-1)])
            for parts in (right, paid)
        )
        better = []
        for place, (i, score, loss) in enumerate(
            zip(self.active, scores.tolist(), losses.tolist(), strict=True)
        ):
            self.histories[i][-1].update(valid_loss=loss, valid_acc=score)
            if score > self.best[i][0]:
                self.best[i] = score, epoch + 1
                better.append(place)
        if better:
            state = self.stack.state()
            for place in better:
                self.learned[self.active[place]] = {k: v[place].clone() for k, v in state.items()}

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
        state = self.stack.state()
        for i in networks:
            if self.learned[i] is None:
                place = self.active.index(i)
                self.learned[i] = {name: part[place].clone() for name, part in state.items()}

    def outcome(self, i: int) -> Trainer | Exception:
        """The trained net of a candidate, or what went wrong."""
        if (error := self.errors[i]) is not None:
            return error
        learned = self.learned[i]
        assert learned is not None
        made = self.net.sibling(learned, self.methods[i], self.histories[i], **self.settings[i])
        try:
            made._check_last_step(self.data)
        except FloatingPointError as diverged:
            return diverged
        unseen = self.quality[i].missing()
        if len(unseen):
            scan = made.scan(self.data.part(unseen))
            self.quality[i].add(made._bounded(scan.logits), scan.y, scan.index)
        made.data_ = None
        return made


def _saved_bytes(network: nn.Module, x: Tensor) -> int:
    """What a pass through a network in training keeps for the way back, parameters apart."""
    network = copy.deepcopy(network).train()
    sizes = {part.untyped_storage().data_ptr(): 0 for part in network.parameters()}

    def note(saved: Tensor) -> Tensor:
        sizes.setdefault(saved.untyped_storage().data_ptr(), saved.untyped_storage().nbytes())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        found = network(x)
    del found
    return sum(sizes.values())


def _generators(state: Any, device: torch.device) -> dict[str, torch.Generator]:
    """Generators that go on from where those of torch stood, by type of device."""
    made = {}
    for name, numbers in state.items():
        made[name] = torch.Generator(device if name == device.type else "cpu")
        made[name].set_state(torch.from_numpy(np.array(numbers)))
    return made
