"""The scikit-learn side: parameters, labels, weights, and what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, Options, RealNotInt, StrOptions
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted
from torch import nn

from sknoisy._data.dataset import LabelledRows, hold_out
from sknoisy._data.rows import as_rows
from sknoisy._data.samples import check_rows, check_samples
from sknoisy._label_noise.report import NoiseReport
from sknoisy._runtime.devices import find_device
from sknoisy._training.build import DTYPES, judges, make_net, settings_of, stops_early
from sknoisy._training.loop import SCHEDULES
from sknoisy._training.net import OPTIMIZERS, Trainer
from sknoisy._training.processes import Ranks
from sknoisy._training.sklearn_callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from sknoisy._validation.frames import names_of_rows, refuse_frame_in_another_order
from sknoisy._validation.labels import Labels, check_trusted, class_weights
from sknoisy._validation.params import DunderParams, Names
from sknoisy.methods import METHODS, Method

__all__ = ["NoisyLabelClassifier", "restored_on_error"]


@contextmanager
def restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Leave an estimator as it was before if anything goes wrong."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class Training(NamedTuple):
    """All that a training begins with."""

    net: Trainer
    data: LabelledRows
    held_out: LabelledRows | None
    classes: np.ndarray
    seed: int
    ranks: Ranks


class NoisyLabelClassifier(DunderParams, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Classify with a neural network that learns well from wrong labels.

    A network first fits the right labels and then memorises the wrong ones. ``method`` chooses what
    keeps it from doing so, and ``smoothing``, which may be negative, combines with any of them.

    Parameters
    ----------
    method : str, Method class or Method instance, default="bagging"
        How to learn from labels that may be wrong: a name from :data:`sknoisy.METHODS`, or a
        :class:`~sknoisy.methods.Method` of your own. Its parameters are set as ``method__name``.
    smoothing : float, "auto" or array-like of shape (n_classes,), default=0.0
        Rate of label smoothing, in (-inf, 1]. An array gives a rate to each given label, in the
        order of ``classes_``. Above zero the target is drawn toward the uniform
        distribution, below zero it is pushed away from it; the noisier the labels, the more
        negative the rate that serves best. "auto": as negative as suits the noise that is found
        when warm-up ends, and what the network has memorised by then, see
        :func:`~sknoisy.functional.smoothing_rate_for_noise`; the training goes on, and says what it
        found in ``noise_report_``. Probabilities at a negative rate are surer than
        they should be; calibrate them where that matters.
    module : None, Module class, callable or Module instance, default=None
        The network. None: a :class:`~sknoisy.networks.MLP` for tables, a
        :class:`~sknoisy.networks.CNN` for images, with the ``module_params`` of the method. A
        class or callable receives ``n_in`` (columns or channels) and ``n_out`` (classes) where it
        takes them, and ``module__name`` parameters. An instance is copied, and training starts
        from its weights. It returns logits of shape (n_samples, n_classes).
    warmup : "auto", int or float, default="auto"
        How long to train on plain cross-entropy and unsmoothed labels first: epochs, or a fraction
        of ``max_epochs``. "auto": what the method asks for, and at least a tenth where
        ``smoothing`` is negative or "auto".
    logit_bound : "auto", float or None, default="auto"
        In training, the vector of the centred logits of a sample is held to this length, see
        :func:`~sknoisy.functional.bound_logits`; predictions take logits as they are. "auto":
        with negative or "auto" smoothing, whose loss has no lower limit without it, that of
        :func:`~sknoisy.functional.logit_bound_for_rate`, and none otherwise.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied into the sample weights.
    augment : callable or None, default=None
        Makes a random view of a batch, a tensor, for the methods that compare several views of a
        sample. None: :class:`~sknoisy.functional.FeatureCorruption` for tables,
        :class:`~sknoisy.functional.RandomShift` for images.
    optimizer : str or Optimizer class, default="adam"
        A name such as "adam", "adamw", "sgd", or a torch optimizer class. Its parameters are set as
        ``optimizer__name``.
    lr : float, default=0.001
        Learning rate.
    lr_schedule : "cosine", "linear", callable or None, default=None
        How the learning rate falls over ``max_epochs``: a function from progress in [0, 1) to a
        factor; None: it does not. In ``partial_fit`` it begins anew after ``max_epochs`` calls.
    max_epochs : int, default=100
        Passes over the training set.
    batch_size : int, default=128
        Rows per step; -1: all of them.
    precision : "float32", "float64" or "bf16-mixed", default="float32"
        Of parameters and computations; "bf16-mixed" keeps parameters in float32 and computes in
        bfloat16 where torch deems it safe.
    early_stopping : bool or "auto", default="auto"
        Stop when an epoch is no longer better than those before, and return to the best weights.
        True: a part of the training set is held out, and epochs are compared by the accuracy on it
        (on labels as noisy as the others; never by the loss), unless the method judges epochs by
        itself. "auto": only where the method does, and nothing is held out. Epochs of warm-up do
        not count, unless there are no others.
    validation_fraction : float, default=0.1
        Fraction of the training set to hold out, in (0, 1). Only with ``early_stopping=True``.
    n_iter_no_change : int, default=10
        Epochs that are no better than the best before stopping. Only with ``early_stopping``.
    device : str or torch.device, default="auto"
        Where to train. "auto": CUDA, then MPS, then the CPU. "accelerate": on the devices of all
        processes that ``accelerate launch`` or ``torchrun`` has started, with each batch divided
        among them; every process calls ``fit`` with the same data, and is then fitted alike.
    random_state : int, RandomState instance or None, default=None
        An int makes every fit the same, down to the bits on one machine. Global generators of
        torch are left as they were in any case.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one, for ``max_epochs`` more. Network, method,
        optimizer, callbacks, device and precision then stay those of the first.
    verbose : int, default=0
        Above 0, print a row for each epoch.
    callbacks : list, "disable" or None, default=None
        Callbacks of skorch, which receive the inner net. Their parameters are set as
        ``callbacks__callback__name``. "disable": none at all, not even the epoch timer.
    **params
        Parameters of parts: ``method__*``, ``module__*``, ``optimizer__*``, ``callbacks__*``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Columns (or channels) seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, where X has names that are strings.
    n_iter_ : int
        Epochs trained.
    smoothing_ : float or ndarray of shape (n_classes,)
        The rate of smoothing in use; with "auto" it is 0 until warm-up is over.
    noise_rate_ : float
        Share of wrong labels that was found, 0 where none were; samples count alike, whatever
        their weight. This and the next two only with ``smoothing="auto"``, once warm-up is over.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability that ``classes_[j]`` was given where ``classes_[i]`` is true.
    noise_report_ : NoiseReport
        Both with an interval, what they rest on, and what was most often confused, see
        :class:`~sknoisy.transition.NoiseReport`; print it.
    label_quality_ : ndarray of shape (n_samples,)
        For each row of the last call how firmly its label was believed in the course of training,
        in [0, 1]: wrong labels come out low. Rows that the training saw only changed (mixed with
        others, say) are looked at once, at its end.
    module_, method_, history_
        The trained network, the method with its state, and a row for each epoch.
    net_ : skorch net
        The inner net; it sees classes as codes.

    See Also
    --------
    sknoisy.METHODS : The methods by name.

    Notes
    -----
    Torch works with one thread as long as a training step is small, where a second costs more than
    it brings; the setting is put back after each call. Fits in threads of one process take turns,
    because torch has one random generator per process; use processes to fit in parallel.

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="elr", max_epochs=20, random_state=0).fit(X, y)
    >>> clf.predict(X[:3])
    array([0, 1, 2])
    """

    _parts = ("callbacks", "method", "module", "optimizer")
    _doc_link_module = "sknoisy"
    _doc_link_template = (
        "https://sknoisy.readthedocs.io/en/latest/generated/sknoisy.{estimator_name}.html"
    )

    # Of the data frame that fit has seen.
    _names_of_rows: Any = None

    _parameter_constraints: dict = {
        "method": [Names(set(METHODS)), Method, type],
        "smoothing": [
            StrOptions({"auto"}),
            Interval(Real, -np.inf, 1, closed="right"),
            "array-like",
        ],
        "module": [callable, None],
        "warmup": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="both"),
        ],
        "logit_bound": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="neither"), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "augment": [callable, None],
        "optimizer": [Names(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, np.inf, closed="neither")],
        "lr_schedule": [StrOptions(set(SCHEDULES)), callable, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1})],
        "precision": [StrOptions({"float32", "float64", "bf16-mixed"})],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "callbacks": [list, StrOptions({"disable"}), None],
    }

    def __init__(
        self,
        method: str | type[Method] | Method = "bagging",
        *,
        smoothing: str | float | Sequence[float] | np.ndarray = 0.0,
        module: Callable[..., nn.Module] | None = None,
        warmup: str | int | float = "auto",
        logit_bound: str | float | None = "auto",
        class_weight: dict | str | None = None,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
        optimizer: str | Callable[..., torch.optim.Optimizer] = "adam",
        lr: float = 0.001,
        lr_schedule: str | Callable[[float], float] | None = None,
        max_epochs: int = 100,
        batch_size: int = 128,
        precision: str = "float32",
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        callbacks: list | str | None = None,
        **params: Any,
    ) -> None:
        self.method = method
        self.smoothing = smoothing
        self.module = module
        self.warmup = warmup
        self.logit_bound = logit_bound
        self.class_weight = class_weight
        self.augment = augment
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.callbacks = callbacks
        self._keep(params)

    # ---- fitting --------------------------------------------------------------------------------

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, trusted: Any = None
    ) -> NoisyLabelClassifier:
        """Train on labels that may be wrong.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, of any type scikit-learn takes. In two dimensions they are soft
            labels: a distribution over the classes in each row, from the votes of a crowd or the
            probabilities of another model; the classes are then the columns of a data frame, else
            their positions. None: from the items of a Dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; only their ratios matter. Rows of weight 0 are left out.
        trusted : array-like of bool of shape (n_samples,), default=None
            Marks the samples whose label is known to be right, for the methods that can use them;
            best a random choice of each class.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        self._check_names()
        tasks = FitTasks(self, self.max_epochs)
        with restored_on_error(self):
            known = self.warm_start and hasattr(self, "net_")
            self._names_of_rows = names_of_rows(X)
            X, labels, weight, sure = self._read(X, y, sample_weight, trusted, known)
            tasks.begin(X, labels)
            net = self.net_ if known else None
            training = self._prepare(X, labels, weight, sure, net)
            self._train(training, self.max_epochs, tasks)
            tasks.end(net_=self.net_, classes_=labels.classes)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        classes: Any = None,
        sample_weight: Any = None,
        trusted: Any = None,
    ) -> NoisyLabelClassifier:
        """Train for one epoch more.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples. A method with state for each row needs the same rows in every call.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, hard or soft. None: from the items of a Dataset.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever be met; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        trusted : array-like of bool of shape (n_samples,), default=None
            Marks the samples whose label is known to be right.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        self._check_names()
        stops = self.early_stopping != "auto" and self.early_stopping
        if self.class_weight == "balanced" or stops:
            name = "early_stopping=True" if stops else "class_weight='balanced'"
            raise ValueError(
                f"{name} is not supported for partial_fit, which sees a part at a time."
            )
        with restored_on_error(self):
            first = not hasattr(self, "net_")
            self._names_of_rows = names_of_rows(X)
            X, y = check_samples(self, X, y, reset=first)
            labels = Labels.of(y, self._stated_classes(classes, first))
            weight = self._weigh(labels, sample_weight)
            sure = check_trusted(trusted, len(weight))
            training = self._prepare(X, labels, weight, sure, None if first else self.net_)
            self._train(training, 1)
        return self

    def _stated_classes(self, stated: Any, first: bool) -> np.ndarray:
        if stated is None:
            if first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return self.classes_
        stated = unique_labels(stated)
        if not first and not np.array_equal(stated, self.classes_):
            raise ValueError(
                f"`classes={stated!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        if len(stated) < 2:
            raise ValueError(f"The 'classes' of partial_fit must be at least 2. Got {stated!r}.")
        return stated

    def _weigh(self, labels: Labels, sample_weight: Any) -> np.ndarray:
        weight = _check_sample_weight(
            sample_weight, labels.codes, dtype=np.float64, ensure_non_negative=True, copy=True
        )
        totals = labels.totals(weight)
        weight *= labels.expected(class_weights(self.class_weight, labels.classes, totals))
        if not weight.any():
            raise ValueError(
                "Sample weights, times class weights, must contain at least one non-zero number."
            )
        return weight

    def _read(
        self, X: Any, y: Any, sample_weight: Any, trusted: Any, known: bool
    ) -> tuple[Any, Labels, np.ndarray, np.ndarray | None]:
        """Check what fit is given; classes and features are known where it goes on."""
        X, y = check_samples(self, X, y, reset=not known)
        labels = Labels.of(y, self.classes_ if known else None)
        weight = self._weigh(labels, sample_weight)
        if np.count_nonzero(labels.totals(weight)) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but "
                "the data contains only one class with a positive weight."
            )
        return X, labels, weight, check_trusted(trusted, len(weight))

    def _prepare(
        self,
        X: Any,
        labels: Labels,
        weight: np.ndarray,
        trusted: np.ndarray | None,
        net: Trainer | None,
    ) -> Training:
        """Get ready to train on checked samples: a new net where none is given."""
        if net is None:
            device, dtype = find_device(self.device), DTYPES[self.precision]
        else:
            # "auto" may mean another device here than where the net was trained.
            device, dtype = torch.device(net.device), net.dtype
        rows = as_rows(X, device, dtype)
        ranks = Ranks.here(self.device)
        ranks.check_same(self, rows, labels, weight, trusted)
        seed = ranks.agreed(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if net is None:
            net = make_net(self, rows, len(labels.classes), device)
            for name, value in net.criterion.get_params(deep=False).items():
                refuse_frame_in_another_order(f"method__{name}", value, labels.classes)
        else:
            self._check_rows(net, len(rows))
        train, held_out = np.flatnonzero(weight), None
        if stops_early(self, net.criterion) and not judges(net.criterion):
            train, held_out = hold_out(labels.codes, weight, self.validation_fraction, seed)
        data = LabelledRows(
            rows,
            torch.from_numpy(labels.codes).to(device),
            torch.from_numpy(weight / weight[train].mean()).to(dtype).to(device),
            None if len(train) == len(rows) else torch.from_numpy(train),
            None if labels.soft is None else torch.from_numpy(labels.soft).to(dtype).to(device),
            self._trusted(net.criterion, trusted, train, len(rows), device),
        )
        rest = None if held_out is None else data.part(torch.from_numpy(held_out))
        return Training(net, data, rest, labels.classes, seed, ranks)

    def _train(self, training: Training, epochs: int, tasks: FitTasks | None = None) -> None:
        net, data, held_out, classes, seed, ranks = training
        told = None if tasks is None else partial(tasks.epoch, net_=net, classes_=classes)
        begun = 0 if tasks is None else len(net.history or ())
        settings = settings_of(self, net.criterion, len(classes))
        goes_on = tasks is None or self.warm_start
        if settings["smoothing"] == "auto" and settings["warmup_epochs"] >= epochs and not goes_on:
            raise ValueError(
                "The 'warmup' parameter must leave an epoch to smoothing='auto': until then half "
                f"of the samples are left out. Got {self.warmup!r} with max_epochs={epochs}."
            )
        self.label_quality_ = net.train(data, held_out, epochs, seed, settings, told, begun, ranks)
        self._finish(net, classes)

    def _finish(self, net: Trainer, classes: np.ndarray) -> None:
        """Take over a trained net, and say what it found; the last attributes come last."""
        self.n_iter_ = len(net.history)
        rate, found = net.smoothing, None
        if isinstance(rate, str):
            if net.noise_ is not None:
                found = replace(net.noise_, classes=classes)
            # Until warm-up is over, nothing is smoothed.
            rate = 0.0 if found is None else found.smoothing
        self._report(found)
        self.smoothing_ = rate if isinstance(rate, float) else np.array(rate)
        self.net_, self.classes_ = net, classes

    def _report(self, found: NoiseReport | None) -> None:
        """Say what was found of the noise; nothing where it was not looked for."""
        for name in ("noise_report_", "noise_rate_", "transition_matrix_"):
            self.__dict__.pop(name, None)
        if found is not None:
            self.noise_report_ = found
            self.noise_rate_ = found.rate
            self.transition_matrix_ = found.transition_matrix

    def _trusted(
        self,
        method: Method,
        trusted: np.ndarray | None,
        train: np.ndarray,
        n_rows: int,
        device: torch.device,
    ) -> torch.Tensor | None:
        """Which rows are trusted, of those to train on."""
        if trusted is None:
            return None
        if not method.uses_trusted:
            able = sorted(name for name, kind in METHODS.items() if kind().uses_trusted)
            raise ValueError(
                f"The 'method' parameter must be one that uses 'trusted' samples: one of {able} "
                f"with its default parameters, or your own. Got {method!r} instead."
            )
        mask = np.zeros(n_rows, dtype=bool)
        mask[train] = trusted[train]
        if not mask.any():
            raise ValueError("All trusted samples are held out or have a weight of zero.")
        return torch.from_numpy(mask).to(device)

    def _check_rows(self, net: Trainer, n_rows: int) -> None:
        """Check that a trained net can go on with the rows of this call."""
        if net.criterion_.per_sample and net.n_rows_ != n_rows:
            raise ValueError(
                f"The 'method' parameter: {type(net.criterion_).__name__} keeps state for each "
                f"training row, so training can only go on with the same {net.n_rows_} rows. Got "
                f"{n_rows} rows."
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- predicting -----------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_`` and in the precision of the training.
        """
        check_is_fitted(self, "net_")
        rows = check_rows(self, X)
        return self.net_.probabilities(rows)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Confidence in each class, in the order of the probabilities.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes the log-odds of the second, else logarithms of probabilities.
        """
        proba = self.predict_proba(X)
        p = proba.astype(np.float64)
        p = p.clip(np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)
        score = np.log(p[:, 1]) - np.log1p(-p[:, 1]) if p.shape[1] == 2 else np.log(p)
        return score.astype(proba.dtype)

    # ---- what the net holds ---------------------------------------------------------------------

    @property
    def module_(self) -> nn.Module:
        """The trained network; of several, ``module_.network(i)`` is one of them."""
        check_is_fitted(self, "net_")
        return self.net_.module_

    @property
    def method_(self) -> Method:
        """The method, with what it learned of the training set."""
        check_is_fitted(self, "net_")
        return self.net_.criterion_

    @property
    def history_(self) -> Any:
        """A row for each epoch; ``history_[:, "train_loss"]`` is one column of them."""
        check_is_fitted(self, "net_")
        return self.net_.history
