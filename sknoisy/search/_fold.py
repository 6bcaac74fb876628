"""One fold of a search: its candidates, its training set and their initial network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor, nn

from sknoisy._data.loader import BatchLoader
from sknoisy._runtime.randomness import seeded
from sknoisy._training.build import fitted_attributes, make_run, method_of
from sknoisy._training.net import SkorchNet
from sknoisy._training.probe import check_finite
from sknoisy._training.records import LabelQuality
from sknoisy._training.settings import Settings
from sknoisy._training.training_set import TrainingSet, warn_about_copies
from sknoisy._validation.params import check_part_names
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import Method
from sknoisy.networks import is_plain_mlp

__all__ = ["Fold", "Member"]


@dataclass(eq=False)
class Member:
    """A candidate in a fold, trained as one of several networks.

    Attributes
    ----------
    fold : Fold
    candidate : int
        Position among the candidates of the fold.
    method : Method
    settings : Settings
    history : list of dict
        A row for each epoch.
    error : Exception or None
        Why the training failed.
    weights : dict of str to Tensor
        Parameters and buffers after training.
    quality : LabelQuality
        Record of the label quality after training.
    """

    fold: Fold
    candidate: int
    method: Method
    settings: Settings
    history: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    weights: dict[str, Tensor] = field(init=False)
    quality: LabelQuality = field(init=False)

    def restart(self) -> None:
        """Reset the member after a training that was stopped."""
        self.history, self.error = [], None

    def finish(self) -> None:
        """Set the fitted attributes of the candidate, or store the error."""
        try:
            if self.error is not None:
                raise self.error
            self.fold.finish(self)
        except Exception as error:
            self.fold.outcomes[self.candidate] = error


class Fold:
    """A training set, and candidates that differ in smoothing rate and numbers of their method.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted in place.
    X, y, sample_weight, trusted, groups
        As in ``fit``.
    seed : int or None, default=None
        Seed of the training; None: the ``random_state`` of the candidates draws it.

    Attributes
    ----------
    outcomes : list of NoisyLabelClassifier or Exception
        The candidates, or their errors.
    members : list of Member
        The candidates that can be trained.
    net : SkorchNet
        The net with the initial network of all candidates, after :meth:`build`.
    """

    def __init__(
        self,
        candidates: Sequence[NoisyLabelClassifier],
        X: Any,
        y: Any,
        sample_weight: Any = None,
        trusted: Any = None,
        groups: Any = None,
        seed: int | None = None,
    ) -> None:
        self.outcomes: list[NoisyLabelClassifier | Exception] = list(candidates)
        self.members: list[Member] = []
        methods = self._for_each_valid(_checked_method)
        if not methods:
            return
        # Smoothing rates are checked for each candidate below.
        lead = clone(candidates[next(iter(methods))]).set_params(smoothing=0.0)
        training_set = TrainingSet.from_arrays(lead, X, y, sample_weight, trusted, groups)
        warn_about_copies(training_set.copies)
        self.net, self._run, self.seed = make_run(lead, training_set, seed=seed)
        self.data, self.validation = self._run.data, self._run.validation
        self.training_set, n_classes = training_set, len(training_set.labels.classes)
        self.device, self.random_state = self.data.y.device, lead.random_state
        names = ("n_features_in_", "feature_names_in_", "_channels_last", "_pixel_range")
        self._features = {name: v for name, v in vars(lead).items() if name in names}
        shape = self.data.rows.row_shape
        settings = self._for_each_valid(
            lambda i, clf: Settings.of(clf, methods[i], n_classes, shape)
        )
        self.members = [Member(self, i, methods[i], value) for i, value in settings.items()]

    def _for_each_valid(
        self, compute: Callable[[int, NoisyLabelClassifier], Any]
    ) -> dict[int, Any]:
        """Call a function for each candidate without an error, and store new errors."""
        values = {}
        for i, clf in enumerate(self.outcomes):
            if isinstance(clf, Exception):
                continue
            try:
                values[i] = compute(i, clf)
            except Exception as error:
                self.outcomes[i] = error
        return values

    def build(self) -> None:
        """Build the initial network of all candidates."""
        with seeded(self.device, self.seed) as generators, torch.enable_grad():
            self.net.build(self._run)
        self.generator_state = generators["state"]
        self.view = self._run.view

    @property
    def batch_size(self) -> int:
        size = self.members[0].settings.batch_size
        return len(self.data) if size == -1 else size

    @property
    def is_row_wise(self) -> bool:
        """Whether the network is known to draw no numbers and to compute rows independently."""
        network = self.net.module_
        dropout = any(isinstance(part, nn.Dropout) for part in network.modules())
        return is_plain_mlp(network) and not dropout

    @property
    def signature(self) -> tuple[Any, ...]:
        """Properties that must be equal in folds that are trained together.

        If networks are row-wise, a short last batch can be padded with rows of weight zero. Folds
        of other networks must have equal sizes and draw equal random numbers.
        """
        network = self.net.module_
        parts = (*network.named_parameters(), *network.named_buffers())
        shapes = tuple((name, part.shape) for name, part in parts)
        same: tuple[Any, ...] = (len(BatchLoader(self.data, self.batch_size)),)
        if not self.is_row_wise:
            draws = self.generator_state.items()
            states = ((name, numbers.tobytes()) for name, numbers in draws)
            n_held_out = 0 if self.validation is None else len(self.validation)
            same = (len(self.data), n_held_out, *states)
        return (shapes, self.data.rows.row_shape, self.net.n_classes, *same)

    def fail(self, error: Exception) -> None:
        """Set the error of all candidates that could have been trained."""
        for member in self.members:
            self.outcomes[member.candidate] = error

    def finish(self, member: Member) -> None:
        """Set the fitted attributes of the candidate of a trained member."""
        net = self._trained_net(member)
        clf = self.outcomes[member.candidate]
        fitted = fitted_attributes(net, self.training_set, member.quality.numpy())
        clf.__dict__.update({**self._features, **fitted})

    def _trained_net(self, member: Member) -> SkorchNet:
        net = self.net.with_state(member.weights, member.method, member.history, member.settings)
        view = net.view(self._run)
        check_finite(view, len(member.history), net.optimizer_)
        rule = member.settings.smoothing
        view.logit_bound = rule.bound(None)
        index = member.quality.unvisited()
        if len(index):
            evaluation = view.evaluate(self.data.part(index), epoch=0)
            logits = view.bounded(evaluation.logits)
            member.quality.add(logits, evaluation.y, evaluation.index)
        return net


def _checked_method(_: int, clf: NoisyLabelClassifier) -> Method:
    clf._validate_params()
    check_part_names(clf)
    return method_of(clf)
