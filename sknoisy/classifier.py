"""The estimator, NoisyLabelClassifier: parameters, ``fit`` and ``predict``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import metadata
from numbers import Integral, Real
from os import PathLike
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
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._training.build import fitted_attributes, make_run, method_of
from sknoisy._training.checkpoint import FitCheckpoint, check_checkpoint, checkpoint_of
from sknoisy._training.fitted import FittedAttributesMixin
from sknoisy._training.html_summary import HTMLSummaryMixin
from sknoisy._training.loop import SCHEDULES
from sknoisy._training.net import OPTIMIZERS, SkorchNet
from sknoisy._training.rollback import restored_on_error
from sknoisy._training.saving import SavingMixin
from sknoisy._training.scores import ScoresMixin, probabilities
from sknoisy._training.settings import MIN_SMOOTHING, max_epochs_of
from sknoisy._training.sklearn_callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from sknoisy._training.training_set import TrainingSet, warn_about_copies
from sknoisy._validation.constraints import Names
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.params import DunderParams, check_part_names
from sknoisy.functional.augmentations import AUGMENTATIONS
from sknoisy.methods import METHODS, Method
from sknoisy.networks import IMAGE_NETWORKS

__all__ = ["NoisyLabelClassifier"]


def _documentation_links() -> tuple[str, str]:
    """Return module and template of the links in the HTML repr; empty if no site is configured."""
    urls = dict(url.split(", ", 1) for url in metadata("sknoisy").get_all("Project-URL", []))
    if not (site := urls.get("Documentation")):
        return "", ""
    return "sknoisy", site.rstrip("/") + "/generated/sknoisy.{estimator_name}.html"


class NoisyLabelClassifier(
    DunderParams,
    FittedAttributesMixin,
    SavingMixin,
    ScoresMixin,
    CallbackSupportMixin,
    HTMLSummaryMixin,
    ClassifierMixin,
    BaseEstimator,
):
    """Classify with neural networks that are robust to label noise.

    Networks first fit clean labels and later memorise noisy ones. ``method`` selects how
    memorisation is prevented. ``smoothing``, which may be negative, can be combined with every
    method.

    Parameters
    ----------
    method : str, Method class or Method instance, default="distilled_pool"
        How to learn from noisy labels: a name in :data:`sknoisy.METHODS`, or a custom
        :class:`~sknoisy.methods.Method`. Its parameters are set as ``method__name``.
    smoothing : float, "auto" or array-like of shape (n_classes,), default=0.0
        Smoothing rate, in [-1e9, 1]. An array has one rate for each given label, in the order of
        ``classes_``. A positive rate moves the target towards the uniform distribution, a negative
        rate away from it. The noisier the labels, the more negative is the best rate. "auto": at
        the end of warm-up, the rate is derived from the estimated label noise and from the
        memorisation so far, see :func:`~sknoisy.functional.smoothing_rate_for_noise`; the estimate
        is ``noise_report_``. It is 0 with a method that corrects the labels, such as the default.
        With a negative rate probabilities are over-confident; calibrate them
        if you need them.
    module : None, str, Module class, callable or Module instance, default=None
        The network. None: an :class:`~sknoisy.networks.MLP` for tables, a
        :class:`~sknoisy.networks.CNN` for images, with the ``module_params`` of the method. For
        small images "resnet18", "resnet34", "preact_resnet18" (:class:`~sknoisy.networks.ResNet`)
        and "cnn9" (:class:`~sknoisy.networks.CNN9`). A class or callable gets ``n_in`` (columns or
        channels) and ``n_out`` (classes) if it accepts them, and the ``module__name`` parameters.
        An instance is copied, and training starts from its weights. The network must return logits
        of shape (n_samples, n_classes); the last layer of a network of torchvision or timm is
        replaced if it has other classes (:class:`~sknoisy.networks.FineTuned` keeps the rest
        frozen, or trains it at another rate). It gets columns that single precision would blur,
        inexact and far from zero or tiny, centred or multiplied by a power of two, and columns that
        are constant in training always with that value.
    warmup : "auto", int or float, default="auto"
        Number of epochs (int) or fraction of ``max_epochs`` (float) trained on cross-entropy and
        unsmoothed labels before the method starts. "auto": the default of the method. Methods that
        select or correct labels leave a fifth of the samples out of warm-up, and start when their
        loss has not decreased for five epochs, at the latest when a tenth of the epochs is left.
        If ``smoothing`` is negative or "auto", it is at least a tenth, or just that.
    logit_bound : "auto", float or None, default="auto"
        Bound on the norm of the centred logits of each sample in training, see
        :func:`~sknoisy.functional.bound_logits`; predictions use unbounded logits. None: no bound.
        "auto": the bound of :func:`~sknoisy.functional.logit_bound_for_rate` if ``smoothing`` is
        negative or "auto", because the loss would have no lower limit; otherwise no bound.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, by which sample weights are multiplied.
    augment : "auto", "weak", "strong", callable or None, default=None
        Makes a random view of each sample of a batch: methods that compare several views make them
        with it, others are trained on views instead of the samples. None: samples are not changed,
        and methods that compare views have "auto". See :func:`~sknoisy.functional.make_augment` for
        the names. A callable may be a torch module, such as a transform of torchvision; it gets a
        batch and must not change it in place.
    image_size : int, tuple of (int, int) or None, default=None
        Height and width to which images are resized, in ``fit`` and in ``predict``; None: images
        keep their size, which must be the same for all.
    optimizer : str or Optimizer class, default="adam"
        A name such as "adam", "adamw", "sgd", or a torch optimizer class. Its parameters are set as
        ``optimizer__name``.
    lr : float, default=0.001
        Learning rate.
    lr_schedule : "cosine", "linear", callable or None, default=None
        Factor on the learning rate: a function of the progress in [0, 1); None: a constant rate. In
        ``partial_fit`` the schedule restarts after ``max_epochs`` calls.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training set. "auto": the default of the method, which is 100 for
        most.
    batch_size : int, default=128
        Number of rows per step; -1: all rows.
    precision : "float32", "float64" or "bf16-mixed", default="float32"
        Precision of parameters and computations; "bf16-mixed" keeps parameters in float32 and
        computes in bfloat16 where torch considers it safe.
    compile : bool, default=False
        Whether training steps use the network as compiled by :func:`torch.compile`, which takes up
        to minutes before the first step and needs a compiler of C++ on a CPU. Predictions,
        evaluation passes, and methods that compute features or other weights in a step use it as
        it is. Rounding and the draws of dropout differ from those without.
    early_stopping : bool, "auto" or "label_wave", default="auto"
        Whether to stop when the score of the epochs no longer increases, and to restore the weights
        of the best epoch. True: the score is the accuracy on the (noisy) labels of held-out
        samples, unless the method computes an ``epoch_score``. "auto": only for methods with an
        ``epoch_score``; no samples are held out. "label_wave": the score is the fraction of
        training samples that are predicted as in the epoch before, averaged over three epochs; no
        samples are held out. Epochs of warm-up do not count, unless there are no others.
    validation_fraction : float, default=0.1
        Fraction of the training set to hold out, in (0, 1). Only with ``early_stopping=True``.
    n_iter_no_change : int, default=10
        Number of epochs without a better score before stopping. Only with ``early_stopping``.
    device : str or torch.device, default="auto"
        Where to train. "auto": CUDA if available, then MPS, then the CPU. "accelerate": on the
        devices of all processes started by ``accelerate launch`` or ``torchrun``. Each process
        computes a part of every batch; all must call ``fit`` with the same data, and get the same
        fitted model.
    deterministic : bool, default=False
        Whether torch may only use algorithms that give the same bits each time, during ``fit`` and
        ``predict``. The CPU needs no such switch. On a GPU it costs time, and an operation without
        such an algorithm raises an error. torch's settings are restored after each call.
    random_state : int, RandomState instance or None, default=None
        An int makes fits reproducible, to the last bit on one machine. torch's global generators
        are never changed.
    warm_start : bool, default=False
        Whether ``fit`` continues the last training for ``max_epochs`` more epochs. Network, method,
        optimizer, callbacks, device, precision and ``compile`` are then kept from the first fit.
    verbose : int, default=0
        1: on a terminal, one line with the epoch, its accuracies and the time left; in a file or a
        notebook, a row for each epoch. Above 1: always a row for each epoch. With a negative
        smoothing rate the training loss has no lower limit and becomes negative: compare epochs by
        accuracy.
    callbacks : list, "disable" or None, default=None
        Callbacks of skorch, called with the inner net. Their parameters are set as
        ``callbacks__callback__name``. "disable": no callbacks, not even the epoch timer.
    checkpoint : str, path-like or None, default=None
        Folder where ``fit`` stores its training. The same call then goes on where a killed one
        stopped, and ends with the same bits on one machine and CPU; after the end it returns the
        stored result. ``max_epochs`` counts from the start, and a seed that ``random_state=None``
        draws is kept. Other data or parameters are refused. A path with "{fingerprint}" has a
        folder for each training set and parameters, for searches. Callbacks of skorch get their
        state back. The files are pickles: use folders of your own only.
    checkpoint_every : int, default=1
        Number of epochs from one checkpoint to the next; the last two are kept.
    **params
        Parameters of parts: ``method__*``, ``module__*``, ``optimizer__*``, ``callbacks__*``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    n_features_in_ : int
        Number of columns, or channels, seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the columns, if all names of X are strings.
    n_iter_ : int
        Number of epochs trained.
    smoothing_ : float or ndarray of shape (n_classes,)
        The smoothing rate in use; with "auto" it is 0 during warm-up.
    noise_rate_ : float
        Estimated fraction of mislabelled samples; 0 if no noise is detected. Trusted samples count
        as any others, and sample weights are ignored, except that samples of weight 0 are left out.
        This attribute and the next two exist with methods that have out-of-bag predictions, such as
        the default, and with ``smoothing="auto"`` after warm-up. They describe the samples of the
        last call.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label ``classes_[j]`` for true label ``classes_[i]``.
        It is estimated, unless ``method__transition_matrix`` is a matrix. The default method has
        its own estimate, with which it corrects predictions: ``method_.transition``.
    noise_report_ : NoiseReport
        The noise rate with a confidence interval, the transition matrix, their evidence and the
        confusions that uniform noise does not explain; print it. See
        :class:`~sknoisy.transition.NoiseReport`. Without ``smoothing="auto"`` it is computed when
        it is first used.
    label_quality_ : ndarray of shape (n_samples,)
        How well each label of the last call agreed with the predictions during training, in [0, 1]:
        low for mislabelled samples. Samples that were trained on only in mixed or changed form are
        evaluated once, at the end. NaN for a soft label without a single most likely class, which
        says nothing that could be wrong.
    module_, method_, history_
        The trained network, the method with its state, and a row for each epoch.
    net_ : skorch net
        The inner net, which is trained on encoded labels.

    See Also
    --------
    sknoisy.METHODS : The methods by name.

    Notes
    -----
    torch is limited to one thread if a training step is so small that a second thread would slow it
    down; the setting is restored after each call. Fits in threads of one process take turns,
    because torch has one random generator per process; use processes to fit in parallel.

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
    # With metadata routing, groups are requested by default, as splitters do.
    __metadata_request__fit = {"groups": True}
    __metadata_request__partial_fit = {"groups": True}
    _doc_link_module, _doc_link_template = _documentation_links()

    # Index of the data frame that was passed to fit.
    _names_of_rows: Any = None
    # Whether images had their channels last.
    _channels_last: bool = False
    # Whether images had bytes or fractions as pixels; empty if neither.
    _pixel_range: str = ""
    # The samples that were passed to it as trusted.
    _trusted: Any = None
    _groups: Any = None

    _parameter_constraints: dict = {
        "method": [Names(set(METHODS)), Method, type],
        "smoothing": [
            StrOptions({"auto"}),
            Interval(Real, MIN_SMOOTHING, 1, closed="both"),
            "array-like",
        ],
        "module": [Names(set(IMAGE_NETWORKS)), callable, None],
        "warmup": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="both"),
        ],
        "logit_bound": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="neither"), None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "augment": [Names(set(AUGMENTATIONS)), callable, None],
        "image_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "optimizer": [Names(set(OPTIMIZERS)), callable],
        "lr": [Interval(Real, 0, np.inf, closed="neither")],
        "lr_schedule": [Names(set(SCHEDULES)), callable, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), Options(Integral, {-1})],
        "precision": [Names({"float32", "float64", "bf16-mixed"})],
        "compile": ["boolean"],
        "early_stopping": [StrOptions({"auto", "label_wave"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "deterministic": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "callbacks": [list, StrOptions({"disable"}), None],
        "checkpoint": [str, PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        method: str | type[Method] | Method = "distilled_pool",
        *,
        smoothing: str | float | Sequence[float] | np.ndarray = 0.0,
        module: str | Callable[..., nn.Module] | None = None,
        warmup: str | int | float = "auto",
        logit_bound: str | float | None = "auto",
        class_weight: dict | str | None = None,
        augment: str | Callable[[torch.Tensor], torch.Tensor] | None = None,
        image_size: int | tuple[int, int] | None = None,
        optimizer: str | Callable[..., torch.optim.Optimizer] = "adam",
        lr: float = 0.001,
        lr_schedule: str | Callable[[float], float] | None = None,
        max_epochs: int | str = "auto",
        batch_size: int = 128,
        precision: str = "float32",
        compile: bool = False,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        device: str | torch.device = "auto",
        deterministic: bool = False,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        callbacks: list | str | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        **params: Any,
    ) -> None:
        self.method = method
        self.smoothing = smoothing
        self.module = module
        self.warmup = warmup
        self.logit_bound = logit_bound
        self.class_weight = class_weight
        self.augment = augment
        self.image_size = image_size
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.compile = compile
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.deterministic = deterministic
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self._store_params(params)

    # ---- fitting --------------------------------------------------------------------------------

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        trusted: Any = None,
        groups: Any = None,
    ) -> NoisyLabelClassifier:
        """Train on noisy labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples. Images with channels last are converted, except for a module of your own.
            Paths of image files, a list, an array or a column of them, stand for their pixels: this
            needs Pillow (``sknoisy[images]``).
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, of any type that scikit-learn accepts. An array of two dimensions has
            soft labels: each row is a distribution over the classes, such as crowd votes or the
            probabilities of another model; see :func:`~sknoisy.crowds.soft_labels`. Samples count
            by how decided their label is: not at all if it is uniform. The classes are the column
            names of a data frame, otherwise the column positions. None: the labels of the items of
            a Dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; only their ratios matter. Samples of weight 0 are left out.
        trusted : array-like of bool of shape (n_samples,), default=None
            Mask of the samples whose labels are known to be clean, for methods that use trusted
            samples. They should be a random part of each class.
        groups : array-like of shape (n_samples,), default=None
            Groups of samples that depend on each other, such as the images of a patient or near
            copies. Samples of one group are trained on or held out together. None: samples with
            equal features are a group, unless fewer than 64 different ones exist.
            ``np.arange(n_samples)``: no groups.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        check_part_names(self)
        check_checkpoint(self)
        net = getattr(self, "net_", None) if self.warm_start else None
        epochs = max_epochs_of(self, method_of(self) if net is None else net.criterion)
        tasks = FitTasks(self, epochs)
        with restored_on_error(self, net), default_torch_settings(self.deterministic):
            earlier: dict[str, Any] = {}
            if net is not None:
                earlier = {"classes": self.classes_, "row_shape": net.row_shape_}
            self._names_of_rows = names_of_rows(X)
            data = TrainingSet.from_arrays(self, X, y, sample_weight, trusted, groups, **earlier)
            warn_about_copies(data.copies)
            self._trusted = data.trusted
            tasks.begin(data.X, data.y)
            with checkpoint_of(self, data) as checkpoint:
                self._train(data, net, epochs, tasks, checkpoint)
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
        groups: Any = None,
    ) -> NoisyLabelClassifier:
        """Train for one more epoch.

        The built-in networks standardise columns by the samples of the first call in which they
        vary: begin with a part that shows how the columns vary.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), array of shape \
(n_samples, channels, height, width), or torch Dataset
            The samples. Methods with per-sample state need the same rows in every call.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The given labels, hard or soft. None: the labels of the items of a Dataset.
        classes : array-like of shape (n_classes,), default=None
            All possible labels; required in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.
        trusted : array-like of bool of shape (n_samples,), default=None
            Mask of the samples whose labels are known to be clean.
        groups : array-like of shape (n_samples,), default=None
            As in :meth:`fit`, for the samples of this call. Groups are numbered in the order in
            which they first appear, so out-of-bag predictions need the same order in every call.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        check_part_names(self)
        # scikit-learn checks parameters in the first call only; they may have changed since.
        self._validate_params()
        stops = self.early_stopping != "auto" and self.early_stopping
        if self.class_weight == "balanced" or stops:
            name = f"early_stopping={self.early_stopping!r}" if stops else "class_weight='balanced'"
            raise ValueError(
                f"{name} is not supported for partial_fit, which gets a part of the data at a time."
            )
        if self.checkpoint is not None:
            raise ValueError(
                f"The 'checkpoint' parameter must be None for partial_fit. Got {self.checkpoint!r} "
                "instead: store the estimator between its calls, for example with pickle."
            )
        net = getattr(self, "net_", None)
        with restored_on_error(self, net), default_torch_settings(self.deterministic):
            self._names_of_rows = names_of_rows(X)
            data = TrainingSet.from_arrays(
                self,
                X,
                y,
                sample_weight,
                trusted,
                groups,
                classes=self._check_classes(classes, net is None),
                row_shape=None if net is None else net.row_shape_,
                needs_two_classes=False,
            )
            self._trusted = data.trusted
            self._train(data, net, 1)
        return self

    def _check_classes(self, classes: Any, first: bool) -> np.ndarray:
        if classes is None:
            if first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return self.classes_
        try:
            classes = unique_labels(classes)
        except ValueError as error:
            raise ValueError(
                "The 'classes' parameter of partial_fit must be an array-like of labels. Got "
                f"{classes!r:.80} instead: {error}"
            ) from error
        if not first and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        if len(classes) < 2:
            raise ValueError(
                f"The number of 'classes' of partial_fit must be at least 2. Got {classes!r}."
            )
        return classes

    def _train(
        self,
        data: TrainingSet,
        net: SkorchNet | None,
        epochs: int,
        tasks: FitTasks | None = None,
        checkpoint: FitCheckpoint | None = None,
    ) -> None:
        seed = None if checkpoint is None else checkpoint.stored.seed
        net, run, seed = make_run(self, data, net, seed)
        classes, rule = data.labels.classes, run.settings.smoothing
        continued = tasks is None or self.warm_start
        if rule.is_auto and run.settings.warmup_epochs >= epochs and not continued:
            raise ValueError(
                "The 'warmup' parameter must leave an epoch after warm-up if smoothing='auto', "
                f"because half of the samples are left out of warm-up. Got {self.warmup!r} with "
                f"max_epochs={epochs} instead."
            )
        if tasks is not None:
            run.on_epoch_end = partial(tasks.epoch, net_=net, classes_=classes)
            run.first_epoch = len(net.history or ())
        if checkpoint is not None:
            checkpoint.stored.seed, run.checkpoint = seed, checkpoint
        quality = net.train(run, epochs, seed)
        self.__dict__.pop("noise_report_", None)
        self.__dict__.update(fitted_attributes(net, data, quality))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- predicting -----------------------------------------------------------------------------

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns are in the order of ``classes_``; in double precision, and finite also where the
            probability rounds to 0.
        """
        check_is_fitted(self, "net_")
        net = self.net_
        device = torch.device(net.device)
        with default_torch_settings(self.deterministic):
            rows = rows_to_predict(self, X, net.row_shape_, device, net.dtype, net.columns_)
            return net.log_probabilities(LabelledRows(rows))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix or torch Dataset of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns are in the order of ``classes_``. The dtype is the precision of the training.
        """
        return probabilities(self.predict_log_proba(X), self._score_dtype)

    @property
    def _score_dtype(self) -> np.dtype:
        """The precision of the training: logits have no more digits."""
        return np.dtype(np.float64 if self.net_.dtype == torch.float64 else np.float32)
