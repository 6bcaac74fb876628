"""The opinion pool as an estimator: any classifiers, forests and a kernel, under label noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context, is_classifier
from sklearn.utils import Bunch, Tags, check_random_state, gen_batches
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from sknoisy._data.image_files import as_image_paths
from sknoisy._data.samples import check_table_or_images, is_dataset
from sknoisy._label_noise.report import NoiseReport
from sknoisy._predictions import OutOfBagMixin
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._training.rollback import restored_on_error
from sknoisy._training.saving import NotSavedMixin
from sknoisy._training.scores import ScoresMixin
from sknoisy._training.training_set import TrainingSet, warn_about_copies
from sknoisy._validation.constraints import check_params
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.given_labels import compact_codes
from sknoisy._validation.matrices import check_transition_matrix
from sknoisy._validation.params import refuse_unknown_names
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.ensemble._columns import as_dense
from sknoisy.ensemble._model import fit_model

__all__ = ["OpinionPoolClassifier"]

_BUILT_IN = ("random_forest", "extra_trees", "kernel_ridge")
# Rows that are predicted together, so that the memory for trees and kernels is limited.
_CHUNK_ROWS, _CHUNK_VALUES = 20_000, 2**26


class OpinionPoolClassifier(
    OutOfBagMixin, NotSavedMixin, ScoresMixin, ClassifierMixin, _BaseComposition
):
    """Pool the opinions of classifiers about noisy labels.

    Like :class:`~sklearn.ensemble.StackingClassifier`, but right under label noise. Each classifier
    judges the samples whose labels it was not fitted to. Their opinions are multiplied, with
    exponents that are fitted to the given labels. The pooled opinion estimates the transition
    matrix, with which it is corrected, and, with the label of a sample, the probability of each
    true class. Two forests and kernel ridge regression are then fitted to these soft targets, in a
    second round, and predictions are the mean of both rounds.

    It needs no noise rate and has no parameter to tune. Trees and kernel ridge regression are
    fitted to parts of more than 20,000 samples.

    Parameters
    ----------
    estimators : list of (str, classifier), default=None
        Classifiers with ``predict_proba``, by name; they are cloned. Labels are passed to them as
        integers, and samples as arrays without column names. A random state that is None is set.
        None: a bagged ensemble of networks, ``NoisyLabelClassifier("bagging")``.
    built_in : bool, default=True
        Whether a random forest, extremely randomised trees and kernel ridge regression judge beside
        ``estimators``, and alone in the second round. False: the opinions of ``estimators`` are
        pooled and corrected.
    cv : int, cross-validation generator, iterable or None, default=5
        How to split the samples for classifiers without out-of-bag predictions of their own, such
        as forests with ``oob_score=True`` have. An int (None: 5) makes stratified folds that keep
        groups together; others must do so themselves.
    transition_matrix : array-like of shape (n_classes, n_classes), "auto" or None, default="auto"
        Entry (i, j): the probability of given label j for true class i, in the order of
        ``classes_``. "auto": estimated from out-of-bag predictions, and from trusted samples if
        there are any. None: predict the given labels, without correction.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn; they are multiplied with sample weights.
    n_jobs : int or None, default=None
        Processes that fit ``estimators``, and threads that grow trees.
    random_state : int, RandomState or None, default=None
        Seed of trees, centres, folds and networks.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    estimators_ : list of classifier
        The fitted ``estimators``, on encoded labels.
    named_estimators_ : Bunch
        The same by name.
    exponents_ : dict of str to float
        Exponent of each opinion in round one, in [0, 5]; 0: it is not used.
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
        The transition matrix with which predictions are corrected.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the true classes for the training samples, without their labels.
    label_quality_ : ndarray of shape (n_samples,)
        Probability that the given label of each sample is its true class.
    noise_report_ : NoiseReport
        The label noise, estimated from out-of-bag predictions.
    noise_rate_ : float
        Estimated fraction of mislabelled samples.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    sknoisy.NoisyLabelClassifier : One kind of network; faster to fit, and continues training.
    sknoisy.find_label_issues : Takes a fitted pool too.

    Notes
    -----
    Cost: eight networks, two times two forests of 100 trees, and kernel ridge regression on 300
    samples. It is linear in the number of samples: of more than 20,000, each tree is grown on a
    part. Each classifier that is named costs one more fit than there are folds.

    Sparse X becomes dense, up to 2**27 values.

    References
    ----------
    Genest and Zidek, "Combining Probability Distributions: A Critique and an Annotated
    Bibliography", Statistical Science 1, 1986, logarithmic opinion pools. Breiman, "Out-of-bag
    Estimation", 1996. Wolpert, "Stacked Generalization", Neural Networks 5, 1992. The composition,
    and the second round on soft targets, are our own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.ensemble import OpinionPoolClassifier
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> noisy = corrupt_labels(y, 0.3, random_state=0)
    >>> members = [("knn", KNeighborsClassifier(15))]
    >>> pool = OpinionPoolClassifier(members, random_state=0).fit(X, noisy)
    >>> bool(pool.score(X, y) > 0.9)
    True
    """

    # With metadata routing, groups are requested by default, as splitters do.
    __metadata_request__fit = {"groups": True}
    # The checks of training sets ask for them: images and tables are accepted as the networks do.
    module = None
    precision = "float32"

    _parameter_constraints: dict = {
        "estimators": [list, None],
        "built_in": ["boolean"],
        "cv": ["cv_object"],
        "transition_matrix": [StrOptions({"auto"}), "array-like", None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]] | None = None,
        *,
        built_in: bool = True,
        cv: Any = 5,
        transition_matrix: Any = "auto",
        class_weight: dict | str | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimators = estimators
        self.built_in = built_in
        self.cv = cv
        self.transition_matrix = transition_matrix
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, and those of the named classifiers as ``name__parameter``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the named classifiers and their parameters.

        Returns
        -------
        dict
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, replace a classifier by its name, or set its ``name__parameter``.

        Parameters
        ----------
        **params
            Parameters by name.

        Returns
        -------
        self
        """
        names = _names_in(params.get("estimators", self.estimators))
        plain = {k: v for k, v in params.items() if k.partition("__")[0] not in names}
        refuse_unknown_names(self, plain)
        return self._set_params("estimators", **params)

    # ---- fitting --------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        trusted: Any = None,
        groups: Any = None,
    ) -> Self:
        """Fit to noisy labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or array of shape \
(n_samples, channels, height, width)
            The samples. Forests and the kernel take the pixels of images as columns.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The given labels, hard or soft, as in :meth:`sknoisy.NoisyLabelClassifier.fit`. Of soft
            labels, classifiers that are no NoisyLabelClassifier learn the most likely class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; only their ratios matter. Samples of weight 0 are left out, and
            predicted.
        trusted : array-like of bool of shape (n_samples,), default=None
            Mask of the samples whose labels are known to be clean.
        groups : array-like of shape (n_samples,), default=None
            Groups of samples that depend on each other; a sample is judged without the labels of
            its group. None: samples with equal features are a group, unless fewer than 64 different
            ones exist. ``np.arange(n_samples)``: no groups.

        Returns
        -------
        self
            The fitted estimator. An error, or Ctrl-C, leaves it as it was before.
        """
        estimators = self._named_classifiers()
        if is_dataset(X):
            raise TypeError(
                f"{type(self).__name__} takes arrays, data frames and sparse matrices. Got a "
                f"{type(X).__name__} instead: read it into an array."
            )
        if as_image_paths(X) is not None:
            raise TypeError(
                f"{type(self).__name__} takes arrays, data frames and sparse matrices. Got paths "
                "of images instead: read them into an array, np.stack([np.asarray(Image.open(path))"
                " for path in X]) of Pillow."
            )
        with restored_on_error(self), default_torch_settings():
            self._names_of_rows = names_of_rows(X)
            data = TrainingSet.from_arrays(self, X, y, sample_weight, trusted, groups)
            if data.groups is not None and not data.groups.any():
                raise ValueError(
                    "The 'groups' parameter must have at least 2 groups, because each sample is "
                    "judged by classifiers that were not fitted to its group. Got 1 instead."
                )
            warn_about_copies(data.copies)
            self.__dict__.pop("noise_report_", None)
            self.__dict__.update(self._fit(estimators, data))
        return self

    def _validate_params(self) -> None:
        params = self.get_params(deep=False)
        check_params(type(self).__name__, self._parameter_constraints, params)

    def _named_classifiers(self) -> list[tuple[str, Any]]:
        """Check the named classifiers and leave out those that are "drop"."""
        if self.estimators is None:
            return [("networks", NoisyLabelClassifier("bagging"))]
        invalid = "The 'estimators' parameter must be a list of (name, classifier) tuples"
        for item in self.estimators:
            if not (isinstance(item, tuple | list) and len(item) == 2 and isinstance(item[0], str)):
                raise ValueError(f"{invalid}. Got {item!r} in it.")
        names = [name for name, _ in self.estimators]
        self._validate_names(names)
        if self.built_in and (taken := sorted({*names} & {*_BUILT_IN})):
            raise ValueError(
                f"{invalid} whose names are not those of the built-in ones. Got {taken} in it."
            )
        used = [(name, clf) for name, clf in self.estimators if clf != "drop"]
        for name, clf in used:
            if isinstance(clf, type) or not hasattr(clf, "fit") or not is_classifier(clf):
                raise ValueError(f"{invalid}. Got {clf!r} as {name!r}, which is no classifier.")
            if not hasattr(clf, "predict_proba"):
                raise ValueError(
                    f"{invalid} with predict_proba. Got {clf!r} as {name!r}, which has none; "
                    "CalibratedClassifierCV gives it one."
                )
        if not used and not self.built_in:
            raise ValueError(f"{invalid}, at least one with built_in=False. Got {self.estimators}.")
        return used

    def _fit(self, estimators: list[tuple[str, Any]], data: TrainingSet) -> dict[str, Any]:
        """Fit members and pool, and return the fitted attributes."""
        classes, codes = data.labels.classes, data.labels.codes
        rng, matrix = check_random_state(self.random_state), self._given_matrix(classes)
        model, judged = fit_model(
            estimators, data, matrix, self.built_in, self.cv, rng, self.n_jobs
        )
        fitted = {
            name: member.estimator
            for (name, _), member in zip(estimators, model.members, strict=True)
        }
        given_codes = compact_codes(data.labels)
        quality = judged.posterior[np.arange(len(codes)), codes]
        names = [*fitted, *(_BUILT_IN if self.built_in else ())]
        exponents = model.pool.first.exponents.tolist()
        return {
            "classes_": classes,
            "estimators_": list(fitted.values()),
            "named_estimators_": Bunch(**fitted),
            "exponents_": dict(zip(names, exponents, strict=True)),
            "transition_matrix_": model.pool.transition,
            "oob_decision_function_": judged.true,
            "label_quality_": np.where(given_codes < len(classes), quality, np.nan),
            "_model": model,
            "_row_shape": tuple(data.X.shape[1:]),
            "_given": judged.given.astype(np.float32),
            "_codes": given_codes,
            "_trusted": data.trusted,
            "_n_contradicting": data.n_contradicting,
        }

    def _given_matrix(self, classes: np.ndarray) -> np.ndarray | None:
        matrix, k = self.transition_matrix, len(classes)
        if matrix is None:
            return np.eye(k)
        if isinstance(matrix, str):
            return None
        return check_transition_matrix(matrix, k, "'auto', None or ", classes)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- label noise ----------------------------------------------------------------------------

    @cached_property
    def noise_report_(self) -> NoiseReport:
        """The label noise, estimated when it is first asked for."""
        check_is_fitted(self)
        decided = np.flatnonzero(self._codes < len(self.classes_))
        report = NoiseReport.from_predictions(
            self._codes[decided].astype(np.int64),
            self._given[decided].astype(np.float64),
            "out-of-bag",
            labels_only=True,
        )
        is_given = not (self.transition_matrix is None or isinstance(self.transition_matrix, str))
        return replace(
            report,
            transition_matrix=self.transition_matrix_ if is_given else report.transition_matrix,
            classes=self.classes_,
            smoothing=0.0,
            n_contradicting=self._n_contradicting,
        )

    @property
    def noise_rate_(self) -> float:
        """Estimated fraction of mislabelled samples."""
        return self.noise_report_.rate

    # ---- predicting -----------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities of the true classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns are in the order of ``classes_``.
        """
        check_is_fitted(self)
        with default_torch_settings():
            X = check_table_or_images(self, X, reset=False, row_shape=self._row_shape)
            if X.shape[1:] != self._row_shape:
                raise ValueError(
                    f"X has samples of shape {X.shape[1:]}, but {type(self).__name__} was fitted "
                    f"to samples of shape {self._row_shape}."
                )
            n_columns = np.prod(X.shape[1:], dtype=int)
            parts = gen_batches(X.shape[0], max(1, min(_CHUNK_ROWS, _CHUNK_VALUES // n_columns)))
            return np.concatenate([self._model.predict(as_dense(X[part])) for part in parts])

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of the probabilities of the true classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))


def _names_in(estimators: Any) -> set[str]:
    """Return the names in a list of named classifiers; none if it is no such list."""
    try:
        return {name for name, _ in estimators}
    except (TypeError, ValueError):
        return set()
