"""A search over rates of smoothing that trains all candidates of a fold at once."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context, clone
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRequest
from sklearn.utils.validation import _num_samples

from sknoisy._stack import NotStackable
from sknoisy._sweep import check_sweepable, train_at_once
from sknoisy._tasks import CallbackSupportMixin
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["SmoothingSearchCV", "one_standard_error"]

RATES = (-8.0, -4.0, -2.0, -1.0, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8)


class SmoothingSearchCV(GridSearchCV):
    """Search the rate of label smoothing, with all rates of a fold in one training.

    It finds what scikit-learn's ``GridSearchCV`` finds, to rounding, and has its results and its
    attributes. But networks that differ only in the rate start alike and see the same batches, so
    one batched product serves them all, in place of one training after another.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
        The classifier, or a pipeline that ends in one, whose steps before it are fitted once for
        each fold. Its method must be only a loss: "ce", "gce", "mae", "sce", "nce_rce",
        "confidence_penalty", or a :class:`~sknoisy.methods.ClassLoss` of your own.
    smoothing : sequence of float, default=(-8, -4, -2, -1, -.6, -.4, -.2, 0, .2, .4, .6, .8)
        The rates; an entry may be an array of one rate for each class.
    param_grid : dict, default=None
        Further candidates, as for ``GridSearchCV``: numbers of the method, ``method__name``, which
        its loss computes with. All are combined with all rates.
    cv : int, cross-validation generator or iterable, default=5
        How to split.
    scoring : str, callable, list, tuple or dict, default=None
        How to score, one way or several; None: by accuracy. On noisy labels see
        :func:`~sknoisy.metrics.make_noisy_scorer`.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all samples; of several scores the name of the one that
        decides, or a function from ``cv_results_`` to the index of the best, such as
        :func:`one_standard_error`.
    n_jobs : int, default=None
        Folds to train at the same time, each in a thread of its own.
    error_score : "raise" or float, default=nan
        What a candidate is given that could not be fitted.
    return_train_score : bool, default=False
        Whether to score the training parts too.
    verbose : int, default=0
        The higher, the more is printed.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As of ``GridSearchCV``; the time of a fit is the share of a candidate in that of its fold.
    best_estimator_ : estimator
        Fitted to all samples. Only with ``refit``, as all that predicts.
    best_params_, best_score_, best_index_
        Of the best candidate.
    scorer_, n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As of ``GridSearchCV``.

    Raises
    ------
    TypeError
        In ``fit``, if the candidates cannot be trained at once: use ``GridSearchCV``.

    See Also
    --------
    sknoisy.plots.SmoothingCurveDisplay : Draws the scores over the rates.

    Notes
    -----
    Candidates whose loss becomes NaN fail alone. With ``random_state=None`` all candidates of a
    fold start alike, where a ``GridSearchCV`` draws a start for each. Folds are trained one after
    another unless ``n_jobs`` says otherwise; modules of your own take turns in any case, as they
    draw from torch's one random generator. What a module keeps in plain attributes is not kept
    apart for each candidate: let it be buffers, changed in place. ``precision="bf16-mixed"`` holds
    for the refit only; all else is computed in float32.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> y = corrupt_labels(y, 0.4, random_state=0)
    >>> clf = NoisyLabelClassifier("ce", max_epochs=10, random_state=0)
    >>> search = SmoothingSearchCV(clf, smoothing=[-4, 0, 0.4], cv=3).fit(X, y)
    >>> len(search.cv_results_["params"])
    3
    """

    _parameter_constraints: dict = {
        **{k: v for k, v in GridSearchCV._parameter_constraints.items() if k != "pre_dispatch"},
        "smoothing": ["array-like"],
        "param_grid": [dict, None],
    }

    def __init__(
        self,
        estimator: Any,
        smoothing: Sequence[Any] = RATES,
        *,
        param_grid: Mapping[str, Sequence[Any]] | None = None,
        cv: Any = 5,
        scoring: Any = None,
        refit: bool | str | Callable[[dict], int] = True,
        n_jobs: int | None = None,
        error_score: str | float = np.nan,
        return_train_score: bool = False,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.smoothing = smoothing
        self.param_grid = param_grid
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.n_jobs = n_jobs
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> SmoothingSearchCV:
        """Score all candidates, and fit the best.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or images
            The samples.
        y : array-like of shape (n_samples,)
            The given labels.
        **params
            For the splitter (``groups``), for ``fit`` of the estimator and for the scorers, as in
            ``GridSearchCV``.

        Returns
        -------
        self
        """
        candidates = _Candidates(self.estimator, self.smoothing, self.param_grid)
        inner = GridSearchCV(
            _AtOnce(self.estimator, candidates),
            candidates.grid,
            scoring=self.scoring,
            n_jobs=self.n_jobs,
            refit=self.refit,
            cv=self.cv,
            verbose=self.verbose,
            error_score=self.error_score,
            return_train_score=self.return_train_score,
        )
        if listening := getattr(self, "_skl_callbacks", None):
            inner.set_callbacks(*listening)
        candidates.n_samples = n = _num_samples(X)
        try:
            with parallel_config(backend="threading"):
                inner.fit(X, y, **params, row_=np.arange(n))
        except Exception:
            if candidates.refusal is not None:
                raise candidates.refusal from None
            raise
        found = {k: v for k, v in vars(inner).items() if k.endswith("_") and k[0] != "_"}
        for statistic, value in candidates.times(inner.cv_results_["mean_fit_time"].shape).items():
            found["cv_results_"][statistic] = value
        # The one that was used holds the stand-in.
        scorers, _ = self._get_scorers()
        found["scorer_"] = getattr(scorers, "_scorers", scorers)
        self.__dict__.update(found)
        return self


def one_standard_error(cv_results: Mapping[str, Any]) -> int:
    """Choose the rate nearest to zero among those whose score is hardly below the best.

    For ``refit`` of a search over ``smoothing``: of the candidates within one standard error of the
    best mean, the one that changes the labels least.

    Parameters
    ----------
    cv_results : dict
        The ``cv_results_`` of a search by one score.

    Returns
    -------
    int
        An index into the candidates.

    References
    ----------
    Breiman et al., "Classification and Regression Trees", 1984, Section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.search import one_standard_error
    >>> results = {"param_smoothing": np.array([-4.0, -1.0, 0.0])}
    >>> results |= {"split0_test_score": [0.81, 0.8, 0.6], "split1_test_score": [0.77, 0.77, 0.6]}
    >>> results |= {"mean_test_score": np.array([0.79, 0.785, 0.6])}
    >>> results |= {"std_test_score": np.array([0.02, 0.015, 0.0])}
    >>> one_standard_error(results)
    1
    """
    names = [name for name in cv_results if str(name).endswith("smoothing")]
    if not names:
        raise ValueError("cv_results has no parameter 'smoothing'.")
    n_splits = sum(
        str(name).startswith("split") and str(name).endswith("_test_score") for name in cv_results
    )
    mean = np.asarray(cv_results["mean_test_score"], dtype=float)
    error = np.asarray(cv_results["std_test_score"], dtype=float) / np.sqrt(max(n_splits, 1))
    best = int(np.nanargmax(mean))
    near = np.flatnonzero(mean >= mean[best] - error[best])
    distance = [np.abs(np.asarray(cv_results[names[0]][i], dtype=float)).max() for i in near]
    # Of two at one distance, the better.
    return int(min(zip(distance, -mean[near], near, strict=True))[2])


def _last_step(estimator: Any) -> tuple[str, NoisyLabelClassifier]:
    """The classifier that an estimator ends in, and what its parameters are called there."""
    if isinstance(estimator, NoisyLabelClassifier):
        return "", estimator
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        inside, classifier = _last_step(last)
        return f"{name}__{inside}", classifier
    raise TypeError(
        "The 'estimator' parameter of SmoothingSearchCV must be a NoisyLabelClassifier, or a "
        f"Pipeline that ends in one. Got {estimator!r} instead; use GridSearchCV."
    )


def _with_last_step(estimator: Any, last: Any) -> Any:
    """An estimator that ends in something else, and is as it was before that."""
    if not isinstance(estimator, Pipeline):
        return last
    made = copy.copy(estimator)
    name, inside = estimator.steps[-1]
    made.steps = [*estimator.steps[:-1], (name, _with_last_step(inside, last))]
    return made


class _Candidates:
    """All candidates of a search, trained for a fold when the first of them is asked for.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
    smoothing : sequence
    param_grid : dict or None
    """

    def __init__(self, estimator: Any, smoothing: Sequence[Any], param_grid: Any) -> None:
        self.prefix, classifier = _last_step(estimator)
        rates = list(smoothing)
        for rate in rates:
            if isinstance(rate, str) or not np.issubdtype(np.asarray(rate).dtype, np.number):
                raise TypeError(
                    "The 'smoothing' parameter of SmoothingSearchCV must hold numbers. Got "
                    f"{rate!r}; use GridSearchCV."
                )
        others = dict(param_grid or {})
        own = f"{self.prefix}method__"
        strange = [name for name in others if not name.startswith(own)]
        if strange:
            raise TypeError(
                f"The 'param_grid' parameter of SmoothingSearchCV may have numbers of the method, "
                f"named {own}*. Got {strange[0]!r}; use GridSearchCV."
            )
        self.grid = {**others, f"{self.prefix}smoothing": rates}
        self.all = list(ParameterGrid(self.grid))
        check_sweepable([clone(classifier).set_params(**self._own(each)) for each in self.all])
        self.n_samples = -1
        self.refusal: TypeError | None = None
        self._folds: dict[bytes, _Fold] = {}
        self._lock = threading.Lock()

    def _own(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {name.removeprefix(self.prefix): value for name, value in params.items()}

    def fitted(
        self, estimator: Any, wanted: dict, X: Any, y: Any, rows: np.ndarray, params: dict
    ) -> Any:
        """One candidate fitted to some rows."""
        if len(rows) == self.n_samples:
            # The best one, in the end.
            return estimator.fit(X, y, **params)
        with self._lock:
            fold = self._folds.setdefault(np.asarray(rows).tobytes(), _Fold())
        with fold.lock:
            if not fold.trained:
                begin = time.perf_counter()
                fold.trained = self._train(estimator, X, y, params)
                fold.seconds = time.perf_counter() - begin
                errors = [each for each in fold.trained if isinstance(each, Exception)]
                fold.origins = {id(error): error.__traceback__ for error in errors}
        place = self._place(wanted)
        found = fold.trained[place]
        # Each is asked for once.
        fold.trained[place] = None
        if isinstance(found, NotStackable):
            self.refusal = TypeError(f"{found} Use GridSearchCV.")
        if isinstance(found, Exception):
            # Told several times, it is to say each time where it came from, and no more.
            raise found.with_traceback(fold.origins[id(found)])
        return estimator.fit(X, y, **params) if found is None else found

    def _train(self, estimator: Any, X: Any, y: Any, params: dict) -> list[Any]:
        _, classifier = _last_step(estimator)
        candidates = [clone(classifier).set_params(**self._own(each)) for each in self.all]
        caught = _Caught(classifier)
        before = _with_last_step(clone(estimator), caught)
        try:
            before.fit(X, y, **params)
            trained = train_at_once(candidates, caught.X_, caught.y_, **caught.params_)
        except Exception as error:
            return [error] * len(candidates)
        return [
            one if isinstance(one, Exception) else _with_last_step(before, one) for one in trained
        ]

    def _place(self, wanted: Mapping[str, Any]) -> int:
        for place, params in enumerate(self.all):
            if all(np.array_equal(wanted[name], value) for name, value in params.items()):
                return place
        raise RuntimeError("This candidate is none of the search.")

    def times(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """What a fit took, as the share of a candidate in the training of its fold."""
        each = [fold.seconds / len(self.all) for fold in self._folds.values()]
        if not each:
            return {}
        return {
            "mean_fit_time": np.full(shape, np.mean(each)),
            "std_fit_time": np.full(shape, np.std(each)),
        }


class _Fold:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.trained: list[Any] = []
        self.origins: dict[int, Any] = {}
        self.seconds = 0.0


class _Caught(ClassifierMixin, BaseEstimator):
    """The last step of a pipeline, which only notes what reaches it."""

    def __init__(self, classifier: NoisyLabelClassifier) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any = None, **params: Any) -> _Caught:
        self.X_, self.y_, self.params_ = X, y, params
        return self

    def get_metadata_routing(self) -> Any:
        return self.classifier.get_metadata_routing()


class _AtOnce(CallbackSupportMixin, BaseEstimator):
    """Stands in for an estimator in a grid search; by ``fit`` it becomes that estimator, fitted."""

    # The search cuts rows out of what is passed to fit, and so tells which they are.
    __metadata_request__fit = {"row_": True}
    __metadata_request__score = {"sample_weight": UNUSED}

    def __init__(self, estimator: Any, candidates: _Candidates) -> None:
        self.estimator = estimator
        self.candidates = candidates
        self.wanted: dict[str, Any] = {}

    def __sklearn_clone__(self) -> _AtOnce:
        return _AtOnce(clone(self.estimator), self.candidates)

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.estimator)

    def set_params(self, **params: Any) -> _AtOnce:
        self.estimator.set_params(**params)
        self.wanted = params
        return self

    def fit(self, X: Any, y: Any = None, *, row_: Any, **params: Any) -> Any:
        fitted = self.candidates.fitted(self.estimator, self.wanted, X, y, row_, params)
        # Scorers are to see what they would see in a plain search.
        own = ("estimator", "candidates", "wanted")
        told = {k: v for k, v in vars(self).items() if k not in own}
        self.__class__, self.__dict__ = type(fitted), {**vars(fitted), **told}
        return self

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        raise NotImplementedError("This is asked for its signature; fitted, it is another class.")

    def get_metadata_routing(self) -> Any:
        routing = copy.deepcopy(self.estimator.get_metadata_routing())
        if isinstance(routing, MetadataRequest):
            routing.fit.add_request(param="row_", alias=True)
            return routing
        return routing.add_self_request(self)
