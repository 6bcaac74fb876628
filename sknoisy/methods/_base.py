"""Base class of methods: six hooks called by the training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sknoisy._validation.params import HintedParams
from sknoisy.functional import expected_loss, normalize_weights, to_double
from sknoisy.methods._batch import TrainingStep
from sknoisy.methods._hook_checks import check_batch, check_losses, check_sample_weights
from sknoisy.methods._state import copy_state, get_state, restore_state, set_state

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["ClassLoss", "Method", "NetworkView"]


class NetworkView(Protocol):
    """The parts of the network and of its training set that a method may use.

    With ``n_networks`` above 1, logits and features have a leading axis of networks. Functions with
    a parameter ``weights`` compute with these weights instead of the current ones, for example with
    an average of earlier weights. They are one vector for all networks together, as returned by
    :meth:`weights`.

    Attributes
    ----------
    n_classes : int
        Number of classes.
    n_rows : int
        Number of rows of X.
    n_features : int
        Number of features: the width of the input of the last linear layer.
    device : torch.device
        Device of the network and of the batches.
    dtype : torch.dtype
        Type of parameters and of per-sample state.
    n_epochs : int
        Number of epochs of this call of ``fit`` in which the method is in use, if none stops it
        early; 1 in ``partial_fit``.
    trusted : Tensor of bool of shape (n_rows,) or None
        Mask of the trusted samples among the rows of X that are trained on: their labels are known
        to be clean. None if no ``trusted`` was passed to ``fit``.
    groups : Tensor of shape (n_rows,), int64, or None
        Number of the group of each row of X, from 0 in the order of first appearance. Rows of one
        group depend on each other, such as copies, so no part of the rows should split a group.
        None: each row is a group of its own.

    Examples
    --------
    ``setup`` gets it, before the first batch:

    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.methods import CrossEntropy
    >>> class Curious(CrossEntropy):
    ...     def setup(self, net, y):
    ...         print(net.n_classes, "classes,", net.n_rows, "rows on", net.device)
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(Curious, max_epochs=1, device="cpu").fit(X, y)
    3 classes, 150 rows on cpu
    """

    n_classes: int
    device: Any
    dtype: torch.dtype
    n_epochs: int

    @property
    def n_rows(self) -> int: ...

    @property
    def n_features(self) -> int: ...

    @property
    def trusted(self) -> Tensor | None: ...

    @property
    def groups(self) -> Tensor | None: ...

    def infer(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compute logits in training mode, with a graph.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
        weights : Tensor of shape (n_weights,), default=None

        Returns
        -------
        Tensor of shape ([n_networks,] n_samples, n_classes)
        """

    def represent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute logits and features in training mode, with a graph.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)

        Returns
        -------
        logits : Tensor of shape ([n_networks,] n_samples, n_classes)
        features : Tensor of shape ([n_networks,] n_samples, n_features)
        """

    def logits(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compute logits as :meth:`infer`, but in evaluation mode and without a graph."""

    def features(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Compute features in evaluation mode and without a graph.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
        weights : Tensor of shape (n_weights,), default=None

        Returns
        -------
        Tensor of shape ([n_networks,] n_samples, n_features)
        """

    def weights(self) -> Tensor:
        """Copy all weights and batch statistics of all networks into one vector."""

    def rows(self, index: Tensor) -> Tensor:
        """Return samples of the training set, selected by their row in X.

        Parameters
        ----------
        index : Tensor of shape (n_samples,), int64

        Returns
        -------
        Tensor of shape (n_samples, ...)
        """

    def labels(self) -> Tensor:
        """Return the given labels of all rows of X as distributions, (n_rows, n_classes)."""

    def augment(self, x: Tensor) -> Tensor:
        """Return a random view of each sample, of the same shape."""


class Method(HintedParams, BaseEstimator, nn.Module):
    """Base class of methods: six hooks called by the training loop.

    Only :meth:`loss` is required; override the other hooks that a method needs.

    ====================  ===================================  ====================================
    Hook                  Called                               Returns
    ====================  ===================================  ====================================
    ``setup``             once, before the optimizer is built  nothing; makes buffers and parameters
    ``on_epoch_start``    before each epoch                    nothing; updates the method's state
    ``prepare_batch``     before each forward pass             the batch to train on
    ``loss``              after each forward pass              one loss per sample
    ``sample_weights``    after ``loss``                       one weight per sample, or None
    ``epoch_score``       after each epoch                     how good the epoch was, or None
    ====================  ===================================  ====================================

    During warm-up, which trains on cross-entropy, only ``setup`` is called. Two more methods can be
    overridden: :meth:`log_proba` turns logits into logarithms of class probabilities, and
    :meth:`training_step` calls ``prepare_batch``, ``loss`` and ``sample_weights``; override it only
    where their order does not fit.

    A method is both a scikit-learn estimator (``get_params``, ``clone``) and a torch module.
    Per-sample state is kept in buffers and learned quantities in parameters, both made in
    ``setup``. They are then moved to the device, passed to the optimizer and saved. ``__init__``
    only stores its arguments, and need not call ``super().__init__()``.

    Attributes
    ----------
    n_networks : int
        Number of networks trained together. Above 1, logits have a leading axis of networks.
    warmup : float, int or "auto"
        Warm-up if the estimator's ``warmup`` is ``"auto"``: the fraction (a float) or number (an
        int) of epochs trained on cross-entropy first. "auto": a fifth of the samples is left out
        of warm-up, which ends when their loss has not decreased for five epochs, or when only a
        tenth of the epochs is left.
    max_epochs : int
        Number of epochs if the estimator's ``max_epochs`` is ``"auto"``.
    corrects_labels : bool
        Whether the network is trained on estimates of the true classes. Then ``smoothing="auto"``
        is 0, because they have no noise to be compensated.
    per_sample : bool
        Whether state is kept for each training row, so that ``partial_fit`` can only continue with
        the same rows.
    module_params : mapping
        Default parameters of built-in networks for this method; ``module__*`` overrides them.
    makes_views : bool
        Whether the method makes random views with ``net.augment``. Otherwise batches are replaced
        by views of them if the user has chosen an ``augment``.
    uses_trusted : bool
        Whether the method uses trusted samples, passed to ``fit`` as ``trusted``.

    Examples
    --------
    A new loss is one function of the logits:

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
    warmup: float | str = 0.0
    max_epochs: int = 100
    corrects_labels: bool = False
    per_sample: bool = False
    module_params: Mapping[str, Any] = MappingProxyType({})

    # The format is scikit-learn's; a parameter without an entry is not checked.
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
        """Whether the method uses trusted samples; may be overridden by a class attribute."""
        return False

    @property
    def makes_views(self) -> bool:
        """Whether the method calls ``net.augment``; may be overridden by a class attribute.

        If not, and the user has chosen an ``augment``, it gets views instead of the samples.
        """
        return False

    @property
    def n_preparing_epochs(self) -> int:
        """Number of first epochs that are not compared for early stopping, besides warm-up."""
        return 0

    def setup(self, net: NetworkView, y: Tensor) -> None:
        """Check parameters against the data, and make buffers and parameters.

        Called once, before the optimizer is built and the first epoch runs.

        Parameters
        ----------
        net : NetworkView
        y : Tensor of shape (n_rows,), int64
            The encoded labels of all rows of X, also of held-out rows and of rows with weight zero.

        Raises
        ------
        ValueError
            If a parameter is not valid for the data.
        """

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Update the method's state from the whole training set.

        Called before each epoch after warm-up.

        Parameters
        ----------
        net : NetworkView
        evaluation : EvaluationPass
            Logits, features and losses of the training set; computed only if they are used.
        """

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        """Mix, augment or relabel a batch.

        Called before each forward pass after warm-up.

        Parameters
        ----------
        net : NetworkView
        batch : Batch

        Returns
        -------
        Batch
            The batch to train on; its ``notes`` are passed to ``loss`` and ``sample_weights``.
        """
        return batch

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Compute one loss per sample, not averaged and not weighted.

        Called after each forward pass after warm-up.

        Parameters
        ----------
        logits : Tensor of shape ([n_networks,] n_samples, n_classes)
        batch : Batch
            The batch that ``prepare_batch`` returned.

        Returns
        -------
        Tensor of shape ([n_networks,] n_samples)
        """
        raise NotImplementedError(f"{type(self).__name__} must define loss(logits, batch).")

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor | None:
        """Compute the weight of each sample of the batch.

        Called after ``loss``.

        Parameters
        ----------
        losses : Tensor of shape ([n_networks,] n_samples)
            Without a graph.
        batch : Batch

        Returns
        -------
        Tensor of the shape of losses, or None
            Weights in [0, 1], multiplied by the weights of the batch; None: all samples have the
            same weight.
        """
        return None

    def bag_weights(self, batch: Batch) -> Tensor | None:
        """Return the weight of each sample for each network during warm-up.

        Only for methods with networks that are trained on parts of the samples.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Tensor of shape (n_networks, n_samples), or None
            Weights in [0, 1]; None: all samples have the same weight.
        """
        return None

    def epoch_score(self) -> Tensor | None:
        """Return a score of the epoch; higher is better.

        Called after each epoch after warm-up, unless the estimator's ``early_stopping`` is False.
        Training stops when the score has not increased for ``n_iter_no_change`` epochs; the weights
        of the best epoch are restored.

        Returns
        -------
        Tensor of shape () or None
            None, in any epoch: the method cannot score this epoch.
        """
        return None

    @property
    def oob_predictions(self) -> tuple[Tensor, Tensor | None] | None:
        """Out-of-bag predictions, made by networks that were not trained on the row, or None.

        They are a pair: probabilities of the given labels, of shape (n_rows, n_classes) with NaN
        for rows without a prediction; and the transition matrix, of shape (n_classes, n_classes),
        or None if it is not known.
        """
        return None

    def log_proba(self, logits: Tensor) -> Tensor:
        """Compute logarithms of class probabilities, averaged over networks.

        Called to predict. Logarithms rank confident predictions that all have a probability of 1.

        Parameters
        ----------
        logits : Tensor of shape ([n_networks,] n_samples, n_classes)

        Returns
        -------
        Tensor of shape (n_samples, n_classes)
            In double precision, where the device has it.
        """
        log_probs = torch.log_softmax(to_double(logits), dim=-1)
        if self.n_networks == 1:
            return log_probs
        return torch.logsumexp(log_probs, dim=0) - math.log(len(log_probs))

    def proba(self, logits: Tensor) -> Tensor:
        """Compute class probabilities in the precision of the logits, from :meth:`log_proba`."""
        return self.log_proba(logits).exp().to(logits.dtype)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        """Call the hooks of one training step.

        Called for each batch after warm-up. Override it only if the method needs another order of
        the hooks.

        Parameters
        ----------
        net : NetworkView
        batch : Batch

        Returns
        -------
        TrainingStep
        """
        batch = check_batch(self.prepare_batch(net, batch), self)
        logits = net.infer(batch.x)
        losses = check_losses(self.loss(logits, batch), logits, self)
        selection = check_sample_weights(self.sample_weights(losses.detach(), batch), losses, self)
        return TrainingStep(losses, normalize_weights(batch.weight, selection), logits, batch)

    def snapshot(self) -> dict[str, Any]:
        """Copy the state for :meth:`restore`: all tensors; other attributes are shared."""
        return copy_state(self)

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a :meth:`snapshot` in place: the optimizer keeps the same parameters."""
        restore_state(self, snapshot)

    def __getstate__(self) -> dict[str, Any]:
        return get_state(self)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        set_state(self, state)


class ClassLoss(Method):
    """Base class of methods that consist of a loss only, computed as one loss per class.

    The loss of a sample is the mean of its class losses, weighted by the target.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.methods import ClassLoss
    >>> class AbsoluteError(ClassLoss):
    ...     def class_losses(self, logits):
    ...         return 1 - logits.softmax(dim=-1)
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(AbsoluteError, max_epochs=20, random_state=0).fit(X, y)
    """

    def class_losses(self, logits: Tensor) -> Tensor:
        """Compute the loss of each class as the label.

        Parameters
        ----------
        logits : Tensor of shape (..., n_classes)

        Returns
        -------
        Tensor of shape (..., n_classes)
        """
        raise NotImplementedError(f"{type(self).__name__} must define class_losses(logits).")

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        losses = self.class_losses(logits)
        if losses.shape != logits.shape:
            raise ValueError(
                f"{type(self).__name__}.class_losses must return a tensor of the shape of its "
                f"logits, {tuple(logits.shape)}: one loss for each class. Got one of shape "
                f"{tuple(losses.shape)} instead."
            )
        return expected_loss(losses, batch.target)
