"""The estimator: its parameters, ``fit`` and ``predict``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import metadata
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, Options, RealNotInt, StrOptions
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.samples import rows_to_predict
from sknoisy._training.build import fitted_attributes, make_run
from sknoisy._training.loop import SCHEDULES
from sknoisy._training.net import OPTIMIZERS, SkorchNet
from sknoisy._training.sklearn_callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from sknoisy._training.training_set import TrainingSet
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.params import DunderParams, Names, check_part_names
from sknoisy.methods import METHODS, Method

__all__ = ["NoisyLabelClassifier"]


def _documentation_links() -> tuple[str, str]:
    """Return module and template of the links in the HTML repr; empty if no site is configured."""
    urls = dict(url.split(", ", 1) for url in metadata("sknoisy").get_all("Project-URL", []))
    if not (site := urls.get("Documentation")):
        return "", ""
    return "sknoisy", site.rstrip("/") + "/generated/sknoisy.{estimator_name}.html"


@contextmanager
def _restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the attributes of an estimator after an error."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class NoisyLabelClassifier(DunderParams, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Classify with neural networks that are robust to label noise.

    A network first fits the clean labels and then memorises the noisy ones. ``method`` chooses how
    that is prevented; ``smoothing``, which may be negative, combines with every method.

    Parameters
    ----------
    method : str, Method class or Method instance, default="bagging"
        How to learn from noisy labels: a name from :data:`sknoisy.METHODS`, or a
        :class:`~sknoisy.methods.Method` of your own. Its parameters are set as ``method__name``.
    smoothing : float, "auto" or array-like of shape (n_classes,), default=0.0
        Rate of label smoothing, in (-inf, 1]. An array has one rate for each given label, in the
        order of ``classes_``. A positive rate draws the target toward the uniform distribution, a
        negative one pushes it away; the noisier the labels, the more negative the best rate.
        "auto": derived, when warm-up ends, from the estimated label noise and from how much the
        network has memorised by then, see :func:`~sknoisy.functional.smoothing_rate_for_noise`; the
        estimate is ``noise_report_``. Probabilities at a negative rate are over-confident;
        calibrate them where that matters.
    module : None, Module class, callable or Module instance, default=None
        The network. None: an :class:`~sknoisy.networks.MLP` for tables, a
        :class:`~sknoisy.networks.CNN` for images, with the ``module_params`` of the method. A
        class or callable gets ``n_in`` (columns or channels) and ``n_out`` (classes) if it takes
        them, and the ``module__name`` parameters. An instance is copied, and training starts from
        its weights. It returns logits of shape (n_samples, n_classes).
    warmup : "auto", int or float, default="auto"
        Training on plain cross-entropy and unsmoothed labels that precedes the method: epochs, or a
        fraction of ``max_epochs``. "auto": what the method asks for, and at least a tenth where
        ``smoothing`` is negative or "auto".
    logit_bound : "auto", float or None, default="auto"
        Bound on the length of the centred logit vector of each sample in training, see
        :func:`~sknoisy.functional.bound_logits`; predictions use unbounded logits. "auto": with
        negative or "auto" smoothing, whose loss has no lower limit otherwise, the bound of
        :func:`~sknoisy.functional.logit_bound_for_rate`; else none.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied into the sample weights.
    augment : callable or None, default=None
        Makes a random view of a batch, for methods that compare several views of a sample. None:
        :class:`~sknoisy.functional.FeatureCorruption` for tables,
        :class:`~sknoisy.functional.RandomShift` for images.
    optimizer : str or Optimizer class, default="adam"
        A name such as "adam", "adamw", "sgd", or a torch optimizer class. Its parameters are set as
        ``optimizer__name``.
    lr : float, default=0.001
        Learning rate.
    lr_schedule : "cosine", "linear", callable or None, default=None
        Factor on the learning rate: a function of the progress in [0, 1); None: a constant rate. In
        ``partial_fit`` the schedule restarts after ``max_epochs`` calls.
    max_epochs : int, default=100
        Passes over the training set.
    batch_size : int, default=128
        Rows per step; -1: all of them.
    precision : "float32", "float64" or "bf16-mixed", default="float32"
        Of parameters and computations; "bf16-mixed" keeps parameters in float32 and computes in
        bfloat16 where torch considers it safe.
    early_stopping : bool or "auto", default="auto"
        Whether to stop when epochs no longer improve, and to restore the best weights. True: a part
        of the training set is held out, and epochs are compared by accuracy on its (noisy) labels,
        unless the method scores epochs by itself. "auto": only if the method does, and nothing is
        held out. Epochs of warm-up do not count, unless there are no others.
    validation_fraction : float, default=0.1
        Fraction of the training set to hold out, in (0, 1). Only with ``early_stopping=True``.
    n_iter_no_change : int, default=10
        Epochs without a better score before stopping. Only with ``early_stopping``.
    device : str or torch.device, default="auto"
        Where to train. "auto": CUDA, then MPS, then the CPU. "accelerate": on the devices of all
        processes that ``accelerate launch`` or ``torchrun`` has started, each of which computes a
        part of every batch; all of them call ``fit`` with the same data, and are fitted alike.
    random_state : int, RandomState instance or None, default=None
        An int makes every fit the same, to the bit on one machine. torch's global generators are
        left unchanged in any case.
    warm_start : bool, default=False
        Whether ``fit`` continues the last training for ``max_epochs`` more. Network, method,
        optimizer, callbacks, device and precision then stay those of the first fit.
    verbose : int, default=0
        Above 0, print a row for each epoch.
    callbacks : list, "disable" or None, default=None
        Callbacks of skorch, which get the inner net. Their parameters are set as
        ``callbacks__callback__name``. "disable": none at all, not even the epoch timer.
    **params
        Parameters of parts: ``method__*``, ``module__*``, ``optimizer__*``, ``callbacks__*``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Number of columns, or channels, seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, where X has names that are strings.
    n_iter_ : int
        Number of epochs trained.
    smoothing_ : float or ndarray of shape (n_classes,)
        The smoothing rate in use; with "auto" it is 0 until warm-up ends.
    noise_rate_ : float
        Estimated fraction of mislabelled samples, 0 where no noise was found; sample weights do not
        count. This and the next two exist with ``smoothing="auto"`` only, once warm-up has ended.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability that ``classes_[j]`` is given where ``classes_[i]`` is true.
    noise_report_ : NoiseReport
        Both with an interval, their basis and the most frequent confusions; print it. See
        :class:`~sknoisy.transition.NoiseReport`.
    label_quality_ : ndarray of shape (n_samples,)
        How well each label of the last call agreed with the predictions during training,
        in [0, 1]: low for mislabelled samples. Samples that were trained on only mixed or changed
        are evaluated once, at the end.
    module_, method_, history_
        The trained network, the method with its state, and a row for each epoch.
    net_ : skorch net
        The inner net; it sees encoded labels.

    See Also
    --------
    sknoisy.METHODS : The methods by name.

    Notes
    -----
    torch uses one thread while a training step is so small that a second one would slow it down;
    the setting is restored after each call. Fits in threads of one process take turns, because
    torch has one random generator per process; use processes to fit in parallel.

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = NoisyLabelClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> clf.predict(X[:3])
    array([0, 1, 2])
    """

    _parts = ("callbacks", "method", "module", "optimizer")
    _doc_link_module, _doc_link_template = _documentation_links()

    # Index of the data frame that fit has seen.
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
        self._store_params(params)

    # ---- fitting --------------------------------------------------------------------------------

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, trusted: Any = None
    ) -> NoisyLabelClassifier:
        """Train on noisy labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, of any type scikit-learn takes. Two dimensions are soft labels: a
            distribution over the classes in each row, from crowd votes or from the probabilities of
            another model; the classes are the columns of a data frame, else their positions. None:
            the labels of the items of a Dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; only their ratios matter. Samples of weight 0 are left out.
        trusted : array-like of bool of shape (n_samples,), default=None
            Which labels are known to be clean, for the methods that use such samples; best a random
            choice of each class.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        check_part_names(self)
        tasks = FitTasks(self, self.max_epochs)
        with _restored_on_error(self):
            net = getattr(self, "net_", None) if self.warm_start else None
            earlier: dict[str, Any] = {}
            if net is not None:
                earlier = {"classes": self.classes_, "row_shape": net.row_shape_}
            self._names_of_rows = names_of_rows(X)
            data = TrainingSet.from_arrays(self, X, y, sample_weight, trusted, **earlier)
            tasks.begin(data.X, data.y)
            self._train(data, net, self.max_epochs, tasks)
            tasks.end(net_=self.net_, classes_=self.classes_)
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
        """Train for one more epoch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples. A method with state for each row needs the same rows in every call.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, hard or soft. None: the labels of the items of a Dataset.
        classes : array-like of shape (n_classes,), default=None
            All labels that may occur in any call; required in the first one.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        trusted : array-like of bool of shape (n_samples,), default=None
            Which labels are known to be clean.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        check_part_names(self)
        stops = self.early_stopping != "auto" and self.early_stopping
        if self.class_weight == "balanced" or stops:
            name = "early_stopping=True" if stops else "class_weight='balanced'"
            raise ValueError(
                f"{name} is not supported for partial_fit, which sees a part at a time."
            )
        with _restored_on_error(self):
            net = getattr(self, "net_", None)
            self._names_of_rows = names_of_rows(X)
            data = TrainingSet.from_arrays(
                self,
                X,
                y,
                sample_weight,
                trusted,
                classes=self._stated_classes(classes, net is None),
                row_shape=None if net is None else net.row_shape_,
                needs_two_classes=False,
            )
            self._train(data, net, 1)
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

    def _train(
        self, data: TrainingSet, net: SkorchNet | None, epochs: int, tasks: FitTasks | None = None
    ) -> None:
        net, run, seed = make_run(self, data, net)
        classes, rule = data.labels.classes, run.settings.smoothing
        continued = tasks is None or self.warm_start
        if rule.is_auto and run.settings.warmup_epochs >= epochs and not continued:
            raise ValueError(
                "The 'warmup' parameter must leave an epoch to smoothing='auto': until then half "
                f"of the samples are left out. Got {self.warmup!r} with max_epochs={epochs}."
            )
        if tasks is not None:
            run.on_epoch_end = partial(tasks.epoch, net_=net, classes_=classes)
            run.first_epoch = len(net.history or ())
        quality = net.train(run, epochs, seed)
        for name in ("noise_report_", "noise_rate_", "transition_matrix_"):
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted_attributes(net, classes, quality))

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
        net = self.net_
        device = torch.device(net.device)
        rows = rows_to_predict(self, X, net.row_shape_, device, net.dtype)
        return net.probabilities(LabelledRows(rows))

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
        """Compute confidence scores, in the order of the probabilities.

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

    # ---- parts of the net -----------------------------------------------------------------------

    @property
    def module_(self) -> nn.Module:
        """The trained network; ``module_.network(i)`` is one of several."""
        check_is_fitted(self, "net_")
        return self.net_.module_

    @property
    def method_(self) -> Method:
        """The method with its state."""
        check_is_fitted(self, "net_")
        return self.net_.criterion_

    @property
    def history_(self) -> Any:
        """A row for each epoch; ``history_[:, "train_loss"]`` is one column."""
        check_is_fitted(self, "net_")
        return self.net_.history
