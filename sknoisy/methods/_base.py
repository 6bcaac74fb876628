"""The life of a training set in six moments, which every method fills in as it needs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sknoisy._runtime.serialization import to_arrays, to_tensors
from sknoisy.functional import expected_loss, normalize_weights

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["ClassLoss", "Method", "NetworkView", "TrainingStep"]


class NetworkView(Protocol):
    """What a method may ask of the network it is training.

    Where it takes ``weights``, the answer is that of a network with these weights instead of its
    own: an average of earlier ones, say. They are one vector for all networks together, so that
    averaging them is one operation.

    Attributes
    ----------
    n_classes : int
    n_rows : int
        Rows of X.
    n_features : int
        Width of what reaches the last linear layer.
    device : torch.device
    dtype : torch.dtype
        Of parameters and of per-sample state.
    trusted : Tensor of bool of shape (n_rows,) or None
        Which rows of X, of those to train on, have labels that the user knows to be right.
    """

    n_classes: int
    device: Any
    dtype: torch.dtype

    @property
    def n_rows(self) -> int: ...

    @property
    def n_features(self) -> int: ...

    @property
    def trusted(self) -> Tensor | None: ...

    def infer(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Logits of x in training, with a graph: ([n_networks,] n_samples, n_classes)."""

    def represent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of x as :meth:`infer`, and what reaches the last linear layer, with a graph."""

    def logits(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Logits of x in evaluation mode and without a graph."""

    def features(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """What reaches the last linear layer, in evaluation mode and without a graph."""

    def weights(self) -> Tensor:
        """All weights and batch statistics, copied into one vector."""

    def rows(self, index: Tensor) -> Tensor:
        """Rows of the training set, by their place in X."""

    def labels(self) -> Tensor:
        """Labels of all rows of X as distributions, (n_rows, n_classes): one-hot, or soft."""

    def augment(self, x: Tensor) -> Tensor:
        """Make a random view of the samples, of the same shape."""


class TrainingStep(NamedTuple):
    """What a training step minimises, ``(losses * weight).sum()``, and what it saw on the way.

    Attributes
    ----------
    losses : Tensor of shape ([n_networks,] n_samples)
        With a graph.
    weight : Tensor that broadcasts to the shape of losses
    logits : Tensor of shape ([n_networks,] n_samples, n_classes)
    batch : Batch
        The batch the logits belong to.
    """

    losses: Tensor
    weight: Tensor
    logits: Tensor
    batch: Batch


class Method(BaseEstimator, nn.Module):
    """A way to learn from wrong labels: six moments in the life of a training set.

    Override the narrowest moment that holds your idea; only :meth:`loss` is required. A method is
    at once a scikit-learn estimator (``get_params``, ``clone``) and a torch module: per-sample
    memory goes into buffers and learned quantities into parameters, both made in :meth:`setup`, so
    that they follow the device, reach the optimizer and travel with checkpoints. ``__init__`` only
    stores its arguments, and need not call ``super().__init__()``.

    Attributes
    ----------
    n_networks : int
        Networks trained side by side, as a leading axis of the logits.
    warmup : float or int
        Fraction of the epochs (a float), or their number (an int), trained on plain cross-entropy
        first, where the estimator's ``warmup`` is ``"auto"``.
    per_sample : bool
        Whether state is kept for each training row, so that ``partial_fit`` on other rows makes no
        sense.
    module_params : mapping
        Parameters that suit the method, for built-in networks that take them, where ``module__*``
        does not say otherwise.
    trusts : bool
        Whether the method makes use of rows whose labels are known to be right.

    Examples
    --------
    A loss of one's own is one function of the logits:

    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.methods import ClassLoss
    >>> class MeanAbsoluteError(ClassLoss):
    ...     def class_losses(self, logits):
    ...         return 2 * (1 - torch.softmax(logits, -1))
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method=MeanAbsoluteError, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    n_networks: int = 1
    warmup: float = 0.0
    per_sample: bool = False
    module_params: Mapping[str, Any] = MappingProxyType({})

    # As in scikit-learn; a parameter without an entry is taken as it is.
    _parameter_constraints: dict = {}

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> Method:
        method = super().__new__(cls)
        nn.Module.__init__(method)
        return method

    def __init__(self) -> None:
        pass

    @property
    def uses_trusted(self) -> bool:
        """Whether the method uses trusted samples; a class attribute in most methods that do."""
        return False

    def setup(self, net: NetworkView, y: Tensor) -> None:
        """Once, before the optimizer is built: make buffers and parameters.

        Parameters
        ----------
        net : Net
        y : Tensor of shape (n_samples,), int64
            The given labels of all rows of X, also of those held out or of weight zero.
        """

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Before each epoch after warm-up: look at the whole training set."""

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        """Before the forward pass: mix, synthesise or relabel; returns the batch to train on."""
        return batch

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """After the forward pass: one loss for each sample.

        Parameters
        ----------
        logits : Tensor of shape ([n_networks,] n_samples, n_classes)
        batch : Batch

        Returns
        -------
        Tensor of shape ([n_networks,] n_samples)
        """
        raise NotImplementedError(f"{type(self).__name__} must define loss(logits, batch).")

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor | None:
        """Then: how much each sample counts, in [0, 1], of the shape of losses; None: all alike."""
        return None

    def epoch_score(self) -> Tensor | None:
        """After each epoch: how good it was, the higher the better; None if the method cannot tell.

        Training stops when it no longer rises, and goes back to the best epoch.
        """
        return None

    @property
    def oob_predictions(self) -> tuple[Tensor, Tensor | None] | None:
        """What networks say of rows they were not trained on; None where there are none.

        Probabilities of the given labels, (n_samples, n_classes) with NaN for rows nobody judged,
        and the transition matrix, (n_classes, n_classes), or None if that is not known.
        """
        return None

    def proba(self, logits: Tensor) -> Tensor:
        """Class probabilities from logits, averaged over networks."""
        p = torch.softmax(logits, dim=-1)
        return p if self.n_networks == 1 else p.mean(dim=0)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        """One training step, through the moments in their order.

        The last resort: override it only where that order does not fit.
        """
        batch = self.prepare_batch(net, batch)
        logits = net.infer(batch.x)
        losses = self.loss(logits, batch)
        return TrainingStep(
            losses,
            normalize_weights(batch.weight, self.sample_weights(losses.detach(), batch)),
            logits,
            batch,
        )

    def snapshot(self) -> dict[str, Any]:
        """Copy what the method carries, to :meth:`restore` to; plain attributes by reference."""
        return {
            "plain": {k: v for k, v in vars(self).items() if k not in _MODULE_STATE},
            "buffers": {k: _cloned(v) for k, v in self._buffers.items()},
            "parameters": {k: _cloned(v) for k, v in self._parameters.items()},
            "modules": {k: copy.deepcopy(m.state_dict()) for k, m in self.named_children()},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Be as :meth:`snapshot` found it; parameters stay the optimizer's own."""
        for name in [k for k in vars(self) if k not in _MODULE_STATE]:
            del self.__dict__[name]
        self.__dict__.update(snapshot["plain"])
        for name, value in snapshot["buffers"].items():
            self._buffers[name] = _cloned(value)
        for name, parameter in self.named_parameters(recurse=False):
            parameter.data.copy_(snapshot["parameters"][name])
        for name, module in self.named_children():
            module.load_state_dict(snapshot["modules"][name])

    # Tensors travel as arrays: a fitted method loads on any device, and without pickled bytes.
    def __getstate__(self) -> dict[str, Any]:
        plain = {k: v for k, v in vars(self).items() if k not in _MODULE_STATE}
        return {
            "plain": plain,
            "buffers": to_arrays(self._buffers),
            "parameters": to_arrays(self._parameters),
            "frozen": [k for k, p in self._parameters.items() if p is None or not p.requires_grad],
            "passing": sorted(self._non_persistent_buffers_set),
            "modules": dict(self._modules),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(state["plain"])
        for name, value in to_tensors(state["buffers"]).items():
            self.register_buffer(name, value, persistent=name not in state["passing"])
        for name, value in to_tensors(state["parameters"]).items():
            learns = name not in state["frozen"]
            self.register_parameter(name, None if value is None else nn.Parameter(value, learns))
        for name, module in state["modules"].items():
            self.add_module(name, module)


_MODULE_STATE = frozenset(vars(nn.Module()))


def _cloned(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach().clone()


class ClassLoss(Method):
    """A method that is only a loss: one number for each class, contracted with the target."""

    def class_losses(self, logits: Tensor) -> Tensor:
        """What each class would cost as the label, in the shape (..., n_classes) of the logits."""
        raise NotImplementedError(f"{type(self).__name__} must define class_losses(logits).")

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return expected_loss(self.class_losses(logits), batch.target)
