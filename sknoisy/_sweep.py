"""Many trainings at once, which differ in numbers only: rates of smoothing, or those of a loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from sknoisy._building import settings_of
from sknoisy._memorization import share_as_labelled
from sknoisy._stack import stack_of
from sknoisy.beliefs import LabelQuality
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.data import Batch, BatchLoader, LabelledRows
from sknoisy.losses import bounded, cross_entropy, expected, one_hot, smooth
from sknoisy.methods import ClassLoss, CrossEntropy, Method, make_method
from sknoisy.runtime import few_threads, seeded
from sknoisy.training import OPTIMIZERS, SCHEDULES, Trainer

__all__ = ["check_sweepable", "train_at_once"]

# Moments of a method that see more than the logits of a batch.
_ENTRY_BY_ENTRY = tuple(
    getattr(torch.optim, name)
    for name in (
        "Adam", "AdamW", "SGD", "RMSprop", "NAdam", "RAdam", "Adagrad", "Adadelta", "Adamax",
        "ASGD", "Rprop",
    )
)  # fmt: skip
_MOMENTS = ("begin", "refit", "prepare", "weigh", "judge", "unseen", "proba", "step")


def check_sweepable(candidates: Sequence[NoisyLabelClassifier]) -> None:
    """Check that classifiers which differ in numbers only can be trained at once.

    Raises
    ------
    TypeError
        If they cannot.
    """
    methods = []
    for clf in candidates:
        try:
            methods.append(make_method(clf.method, **clf._given("method")))
        except (ValueError, KeyError):
            # Out of range, or unknown: this candidate fails by itself.
            continue
    instead = "use GridSearchCV."
    for method in methods[:1]:
        kind = type(method)
        own = [name for name in _MOMENTS if getattr(kind, name) is not getattr(Method, name)]
        own += [] if kind.loss in (ClassLoss.loss, CrossEntropy.loss) else ["loss"]
        own += ["state"] if method.n_networks > 1 or method.state_dict() else []
        if not isinstance(method, ClassLoss) or own:
            raise TypeError(
                "SmoothingSearchCV trains with methods that are only a loss (ClassLoss). "
                f"{kind.__name__} is more; {instead}"
            )
        stacked(methods, torch.float32, torch.device("cpu"))
    clf = candidates[0]
    if clf.callbacks not in (None, [], "disable") or getattr(clf, "_skl_callbacks", None):
        raise TypeError(f"SmoothingSearchCV has no place for callbacks; {instead}")
    optimizer = OPTIMIZERS.get(clf.optimizer) if isinstance(clf.optimizer, str) else clf.optimizer
    if optimizer is not None and optimizer not in _ENTRY_BY_ENTRY:
        raise TypeError(
            "SmoothingSearchCV needs an optimizer that moves each number by itself: "
            f"{[kind.__name__ for kind in _ENTRY_BY_ENTRY]}. Got "
            f"{getattr(optimizer, '__name__', optimizer)}; {instead}"
        )


def train_at_once(
    candidates: Sequence[NoisyLabelClassifier],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    trusted: Any = None,
) -> list[NoisyLabelClassifier | Exception]:
    """Fit classifiers that differ in ``smoothing`` and in numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted.
    X, y, sample_weight, trusted
        As in ``fit``.

    Returns
    -------
    list of NoisyLabelClassifier or Exception
        Each fitted, as if it had been alone, or what went wrong with it.
    """
    outcome: list[NoisyLabelClassifier | Exception] = list(candidates)
    methods: dict[int, Method] = {}
    for i, clf in enumerate(candidates):
        try:
            clf._validate_params()
            clf._check_names()
            methods[i] = make_method(clf.method, **clf._given("method"))
        except Exception as error:
            outcome[i] = error
    if not methods:
        return outcome
    # Rates may suit the classes of this fold or not.
    lead = clone(candidates[next(iter(methods))]).set_params(smoothing=0.0)
    training = lead._prepare(*lead._read(X, y, sample_weight, trusted, False), None)
    net, data, held_out, classes, seed = training
    settings: dict[int, dict[str, Any]] = {}
    for i, method in methods.items():
        try:
            settings[i] = settings_of(candidates[i], method, len(classes))
        except Exception as error:
            outcome[i] = error
    if not settings:
        return outcome
    device = torch.device(net.device)
    with seeded(device, seed) as left, torch.enable_grad():
        net.build(data)
    places = list(settings)
    sweep = Sweep(net, data, held_out, [methods[i] for i in places], list(settings.values()))
    with few_threads(net._work(data.rows) * len(places)):
        sweep.run(left["state"])
    seen = {k: v for k, v in vars(lead).items() if k in ("n_features_in_", "feature_names_in_")}
    for place, i in enumerate(places):
        found = sweep.outcome(place)
        if isinstance(found, Exception):
            outcome[i] = found
            continue
        clf = candidates[i]
        found.data_ = None
        clf.__dict__.update(seen)
        clf.label_quality_ = sweep.quality[place].numpy()
        clf._finish(found, classes)
    return outcome


class Sweep:
    """Networks that start alike and see the same batches, each under a loss of its own.

    Parameters
    ----------
    net : Trainer
        Built, and not trained; its network is the start of all.
    data : LabelledRows
    held_out : LabelledRows or None
    methods : list of Method
        Of one class, with numbers of their own.
    settings : list of dict
        As of :func:`~sknoisy._building.settings_of`; they differ in ``smoothing``,
        ``warmup_epochs`` and ``logit_bound``.
    """

    def __init__(
        self,
        net: Trainer,
        data: LabelledRows,
        held_out: LabelledRows | None,
        methods: list[Method],
        settings: list[dict[str, Any]],
    ) -> None:
        self.net, self.data, self.held_out = net, data, held_out
        self.methods, self.settings = methods, settings
        self.device, self.dtype, self.k = data.y.device, net.dtype, net.n_classes
        n = len(methods)
        self.quality = [LabelQuality(len(data.rows), self.device) for _ in range(n)]
        self.histories: list[list[dict[str, Any]]] = [[] for _ in range(n)]
        self.errors: list[Exception | None] = [None] * n
        self.best = [(-math.inf, 0)] * n
        self.learned: list[dict[str, Tensor] | None] = [None] * n
        self._aim(list(range(n)))

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

    def run(self, state: Any) -> None:
        """Train, from where a generator stood after the networks were built."""
        drawn = _generators(state, self.device)
        own = drawn.get(self.device.type)
        first = self.net._first_rows()
        with seeded(self.device):
            self.stack = stack_of(
                self.net.module_, len(self.active), own, first, self.net._precision
            )
        self.optimizer = self.net.optimizer_of(self.stack.parameters.items())
        setting = self.settings[0]
        size = len(self.data) if setting["batch_size"] == -1 else setting["batch_size"]
        apart = self.stack.draws_apart
        loader = BatchLoader(
            self.data, size, shuffle=True, generator=drawn["cpu"] if apart else None
        )
        drawing = nullcontext() if apart else seeded(self.device, state=state)
        with torch.enable_grad(), drawing:
            for epoch in range(setting["max_epochs"]):
                self._train_epoch(loader, epoch)
                if self.held_out is not None:
                    self._validate(epoch)
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
        for index, sizes in loader.indices():
            x, index = loader.rows_at(index), index.to(self.device)
            y, logits, losses = data.y[index], [], []
            batch_size = torch.from_numpy(np.repeat(sizes, sizes)).to(self.device)
            weight = data.weight[index] / batch_size
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
        if schedule is None:
            return
        schedule = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
        factor = schedule(epoch % n_epochs / n_epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor

    def _note(self, epoch: int, paid: Tensor, counts: list[int]) -> None:
        """Record the losses of an epoch, and note networks that have diverged."""
        values = paid.T.tolist()
        for i, each in zip(self.active, values, strict=True):
            total = sum(value * count for value, count in zip(each, counts, strict=True))
            self.histories[i].append({"epoch": epoch + 1, "train_loss": total / len(self.data)})
            lost = [b for b, value in enumerate(each) if not math.isfinite(value)]
            if lost:
                lr = self.optimizer.param_groups[0]["lr"]
                self.errors[i] = FloatingPointError(
                    f"The training loss is {each[lost[0]]} in epoch {epoch + 1}, batch "
                    f"{lost[0] + 1}, with lr={lr:g}. Lower 'lr', or bound the logits with "
                    "'logit_bound'."
                )

    # ---- stopping -------------------------------------------------------------------------------

    @torch.no_grad()
    def _validate(self, epoch: int) -> None:
        """Compare this epoch with the best of each network, by accuracy on the rows held out."""
        self.stack.train(False)
        data = self.held_out
        assert data is not None
        assert data.index is not None
        right, paid, seen = [], [], []
        loader = BatchLoader(data)
        for index, sizes in loader.indices():
            for part in index.split(sizes):
                z, part = self._infer(loader.rows_at(part)), part.to(self.device)
                p, weight = self.method.proba(z), data.weight[part]
                right.append(weight * share_as_labelled(data, p.argmax(dim=-1), part))
                log_p = torch.log(p.clamp_min(torch.finfo(p.dtype).tiny))
                paid.append(-weight * expected(log_p, data.given(part, self.k)))
                seen.append((self._bounded(z), part))
        for z, part in seen:
            self._see(z, data.y[part], part)
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
        """Keep what networks have learned, and look at rows that they have not seen."""
        state = self.stack.state()
        for i in networks:
            if self.learned[i] is None:
                place = self.active.index(i)
                self.learned[i] = {name: part[place].clone() for name, part in state.items()}

    def outcome(self, i: int) -> Trainer | Exception:
        """The trained net of a candidate, or what went wrong."""
        error, learned = self.errors[i], self.learned[i]
        if error is not None or learned is None:
            return error or RuntimeError("This candidate was not trained.")
        made = self.net.sibling(learned, self.methods[i], self.histories[i], **self.settings[i])
        try:
            made._check_last_step(self.data)
        except FloatingPointError as diverged:
            return diverged
        unseen = self.quality[i].missing()
        if len(unseen):
            scan = made.scan(self.data.part(unseen))
            self.quality[i].add(made._bounded(scan.logits), scan.y, scan.index)
        return made


def _generators(state: Any, device: torch.device) -> dict[str, torch.Generator]:
    """Generators that go on from where those of torch stood, by type of device."""
    made = {}
    for name, numbers in state.items():
        made[name] = torch.Generator(device if name == device.type else "cpu")
        made[name].set_state(torch.from_numpy(np.array(numbers)))
    return made


def stacked(methods: list[Method], dtype: torch.dtype, device: torch.device) -> Method:
    """One method for several networks: numbers that differ become a tensor of them.

    Raises
    ------
    TypeError
        If something else differs, or the loss is not what it would be with one number.
    """
    first, *others = (method.get_params(deep=False) for method in methods)
    differing = [name for name, value in first.items() if any(o[name] != value for o in others)]
    made = make_method(methods[0])
    for name in differing:
        values = [method.get_params(deep=False)[name] for method in methods]
        if not all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
            raise _not_a_number(made, name)
        setattr(made, name, torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1))
    if type(made).class_losses is not CrossEntropy.class_losses:
        logits = torch.linspace(-3, 3, 15, dtype=dtype, device=device).view(5, 3)
        alone = torch.stack([method.class_losses(logits) for method in methods])
        try:
            together = made.class_losses(logits.expand(len(methods), 5, 3))
        except (RuntimeError, TypeError) as error:
            raise _not_a_number(made, *differing) from error
        if together.shape != alone.shape or not torch.allclose(together, alone, rtol=1e-3):
            raise _not_a_number(made, *differing)
    return made


def _not_a_number(method: Method, *names: str) -> TypeError:
    kind = type(method).__name__
    if not names:
        return TypeError(
            f"SmoothingSearchCV needs a loss for logits of shape (..., n_classes). That of {kind} "
            "is another with an axis in front; use GridSearchCV."
        )
    return TypeError(
        f"SmoothingSearchCV can search numbers that the loss computes with. {names[0]!r} of "
        f"{kind} is something else; use GridSearchCV."
    )
