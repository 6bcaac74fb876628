"""The candidates of a search; all candidates of a fold are trained when one is needed."""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from sknoisy._runtime.devices import find_device, free_memory
from sknoisy._training.settings import MIN_SMOOTHING
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.networks._stacked import NotStackable
from sknoisy.search._checkpoint import SearchCheckpoint
from sknoisy.search._compatibility import check_vectorizable
from sknoisy.search._fit import fit_folds
from sknoisy.search._fold import Fold

__all__ = ["Candidates", "WholeSearch", "groups_argument", "last_step"]

FitArguments = Callable[[], tuple[Any, Any, dict]]


def last_step(estimator: Any) -> tuple[str, NoisyLabelClassifier]:
    """Return the classifier at the end of an estimator, after the prefix of its parameters."""
    if isinstance(estimator, NoisyLabelClassifier):
        return "", estimator
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        inside, classifier = last_step(last)
        return f"{name}__{inside}", classifier
    raise TypeError(
        "The 'estimator' parameter of SmoothingSearchCV must be a NoisyLabelClassifier, or a "
        f"Pipeline that ends in one. Got {estimator!r} instead; use GridSearchCV."
    )


def groups_argument(prefix: str) -> str:
    """Return the name of ``groups`` in ``fit`` of an estimator whose last step has a prefix."""
    return "groups" if get_config()["enable_metadata_routing"] else f"{prefix}groups"


def _with_last_step(estimator: Any, last: Any) -> Any:
    """Return a copy of an estimator with a different last step."""
    if not isinstance(estimator, Pipeline):
        return last
    pipeline = copy.copy(estimator)
    name, inside = estimator.steps[-1]
    pipeline.steps = [*estimator.steps[:-1], (name, _with_last_step(inside, last))]
    return pipeline


@dataclass(frozen=True)
class WholeSearch:
    """The data of a whole search, so that all folds can be trained together.

    Attributes
    ----------
    splits : list of ndarray
        Training rows of each fold; filled when the search calls the splitter.
    X, y
        All samples.
    params : mapping
        Further arguments of ``fit``, of the whole data.
    """

    splits: list[np.ndarray]
    X: Any
    y: Any
    params: Mapping[str, Any]


@dataclass(eq=False)
class FoldResult:
    """The fitted candidates of a fold, or their errors.

    Attributes
    ----------
    lock : Lock
        Held while the fold is trained.
    outcomes : list
        A fitted estimator or an exception for each candidate; empty before the training.
    tracebacks : dict
        Original traceback of each exception, by its id.
    seconds : float
        Time of the training.
    """

    lock: Any = field(default_factory=threading.Lock)
    outcomes: list[Any] = field(default_factory=list)
    tracebacks: dict[int, Any] = field(default_factory=dict)
    seconds: float = 0.0


class Candidates:
    """All candidates of a search.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
    smoothing : sequence
    param_grid : dict or None
    all_rows : ndarray of shape (n_samples,)
        All rows. The final fit of the best candidate uses them; it is trained alone.
    n_jobs : int or None, default=None
        Number of threads that train networks, on a CPU.
    whole : WholeSearch or None, default=None
        If the training sets of all folds fit into memory, folds are trained together.
    groups : array-like of shape (n_samples,), default=None
        Groups of all samples, of which each fit gets its part.
    """

    def __init__(
        self,
        estimator: Any,
        smoothing: Sequence[Any],
        param_grid: Any,
        all_rows: np.ndarray,
        n_jobs: int | None = None,
        whole: WholeSearch | None = None,
        groups: Any = None,
        checkpoint: SearchCheckpoint | None = None,
    ) -> None:
        self.prefix, classifier = last_step(estimator)
        if classifier.checkpoint is not None:
            raise ValueError(
                "The 'checkpoint' parameter of the estimator must be None: SmoothingSearchCV has "
                f"one of its own. Got {classifier.checkpoint!r} instead."
            )
        self.grid = _check_grid(smoothing, param_grid, self.prefix)
        self.all = list(ParameterGrid(self.grid))
        check_vectorizable([self._with_params(classifier, params) for params in self.all])
        self.all_rows, self.whole, self.groups = all_rows, whole, groups
        self.checkpoint = checkpoint
        self.n_jobs = effective_n_jobs(n_jobs)
        # Threads would take turns on a GPU.
        on_cpu = find_device(classifier.device).type == "cpu"
        self.n_threads = self.n_jobs if on_cpu else 1
        self.refusal: TypeError | None = None
        self._results: dict[bytes, FoldResult] = {}
        self._results_lock = threading.Lock()
        self._training_lock = threading.Lock()

    def _with_params(self, classifier: NoisyLabelClassifier, params: Mapping[str, Any]) -> Any:
        inner = {name.removeprefix(self.prefix): value for name, value in params.items()}
        return clone(classifier).set_params(**inner)

    def fit(
        self, estimator: Any, params: dict, X: Any, y: Any, rows: np.ndarray, fit_params: dict
    ) -> Any:
        """Return the candidate with some parameters, fitted to some rows."""
        fit_params = {**fit_params, **self._groups_of(rows)}
        if np.array_equal(rows, self.all_rows):
            return self._refit(estimator, X, y, fit_params)
        result = self._result_of(rows)
        with self._training_lock if self._trains_together else result.lock:
            if not result.outcomes:
                others = self._other_folds(estimator)
                self._train(estimator, {result: lambda: (X, y, fit_params), **others})
        position = self._position(params)
        outcome = result.outcomes[position]
        # Each candidate is requested once, so it need not be kept.
        result.outcomes[position] = None
        if isinstance(outcome, NotStackable):
            self.refusal = TypeError(f"{outcome} Use GridSearchCV.")
        if isinstance(outcome, Exception):
            # Re-raise with the original traceback, which grows otherwise.
            raise outcome.with_traceback(result.tracebacks[id(outcome)])
        return estimator.fit(X, y, **fit_params) if outcome is None else outcome

    def _refit(self, estimator: Any, X: Any, y: Any, params: dict) -> Any:
        """Fit the best candidate to all samples."""
        if self.checkpoint is None:
            return estimator.fit(X, y, **params)
        name, path = f"{self.prefix}checkpoint", self.checkpoint.of_refit
        every = {f"{self.prefix}checkpoint_every": self.checkpoint.every}
        estimator.set_params(**{name: path}, **every).fit(X, y, **params)
        return estimator.set_params(**{name: None})

    @cached_property
    def _trains_together(self) -> bool:
        """Whether the training sets of all folds fit into memory."""
        if self.whole is None:
            return False
        needed = len(self.whole.splits) * _n_bytes(self.whole.X)
        return needed <= free_memory(torch.device("cpu")) / 4

    def _groups_of(self, rows: np.ndarray) -> dict[str, Any]:
        """Return the argument of ``fit`` with the groups of some rows; empty without groups."""
        if self.groups is None:
            return {}
        return {groups_argument(self.prefix): _safe_indexing(self.groups, rows)}

    def _result_of(self, rows: np.ndarray) -> FoldResult:
        with self._results_lock:
            return self._results.setdefault(np.asarray(rows).tobytes(), FoldResult())

    def _other_folds(self, estimator: Any) -> dict[FoldResult, FitArguments]:
        """Functions that select the training sets of waiting folds, as a grid search does."""
        if self.whole is None or not self._trains_together:
            return {}
        # Splitters may return masks or negative positions.
        parts = [self.all_rows[train] for train in self.whole.splits]
        return {
            self._result_of(rows): partial(_cut, estimator, self.whole, rows, self._groups_of(rows))
            for rows in parts
            if not np.array_equal(rows, self.all_rows) and not self._result_of(rows).outcomes
        }

    def _train(self, estimator: Any, arguments: dict[FoldResult, FitArguments]) -> None:
        """Train several folds; only the first one is needed now."""
        start = time.perf_counter()
        _, classifier = last_step(estimator)
        requested, ready = next(iter(arguments)), {}
        seed = None if self.checkpoint is None else self.checkpoint.seed_of(classifier)
        for result, cut in arguments.items():
            candidates = [self._with_params(classifier, params) for params in self.all]
            recorder = FitRecorder(classifier)
            pipeline = _with_last_step(clone(estimator), recorder)
            try:
                X, y, params = cut()
                pipeline.fit(X, y, **params)
                fold = Fold(candidates, recorder.X_, recorder.y_, seed=seed, **recorder.params_)
                ready[result] = pipeline, fold
            except Exception as error:
                no_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError))
                if no_memory and result is not requested:
                    # There may be enough memory later, when the fold is needed.
                    continue
                result.outcomes = [error] * len(candidates)
        fraction, n_threads = (
            (1.0, self.n_threads) if self._trains_together else (1 / self.n_jobs, 1)
        )
        folds = [fold for _, fold in ready.values()]
        fit_folds(folds, fraction, n_threads, self.checkpoint)
        for result, (pipeline, fold) in ready.items():
            result.outcomes = [
                outcome if isinstance(outcome, Exception) else _with_last_step(pipeline, outcome)
                for outcome in fold.outcomes
            ]
        for result in arguments:
            errors = [outcome for outcome in result.outcomes if isinstance(outcome, Exception)]
            result.tracebacks = {id(error): error.__traceback__ for error in errors}
            result.seconds = (time.perf_counter() - start) / len(arguments)

    def _position(self, params: Mapping[str, Any]) -> int:
        for position, candidate in enumerate(self.all):
            if all(np.array_equal(params[name], value) for name, value in candidate.items()):
                return position
        raise RuntimeError("This candidate is not part of the search.")

    def fit_times(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return statistics of the fit time of a candidate: its part of the time of its fold."""
        seconds = [result.seconds / len(self.all) for result in self._results.values()]
        if not seconds:
            return {}
        return {
            "mean_fit_time": np.full(shape, np.mean(seconds)),
            "std_fit_time": np.full(shape, np.std(seconds)),
        }


def _check_grid(smoothing: Any, param_grid: Any, prefix: str) -> dict[str, Any]:
    """Check the smoothing rates and the other parameters of the grid."""
    if isinstance(smoothing, Mapping):
        raise TypeError(
            "The 'smoothing' parameter of SmoothingSearchCV must be a sequence of rates. Got "
            f"{smoothing!r}; numbers of the method go into 'param_grid'."
        )
    rates = list(smoothing)
    for rate in rates:
        is_number = not isinstance(rate, str) and np.issubdtype(np.asarray(rate).dtype, np.number)
        if is_number and np.isnan(rate).any():
            raise ValueError(
                "The 'smoothing' parameter of SmoothingSearchCV must hold rates in the range "
                f"[{MIN_SMOOTHING:g}, 1]. Got {rate!r} in it."
            )
        if not is_number:
            raise TypeError(
                "The 'smoothing' parameter of SmoothingSearchCV must hold numbers. Got "
                f"{rate!r}; use GridSearchCV."
            )
    others = dict(param_grid or {})
    allowed = f"{prefix}method__"
    unexpected = [name for name in others if not name.startswith(allowed)]
    if unexpected:
        raise TypeError(
            f"The 'param_grid' parameter of SmoothingSearchCV may have numbers of the method, "
            f"named {allowed}*. Got {unexpected[0]!r}; use GridSearchCV."
        )
    return {**others, f"{prefix}smoothing": rates}


def _cut(
    estimator: Any, whole: WholeSearch, rows: np.ndarray, groups: dict[str, Any]
) -> tuple[Any, Any, dict]:
    params = _check_method_params(whole.X, whole.params, indices=rows)
    # Of a kernel matrix, columns are cut too: the tags of the estimator tell.
    return *_safe_split(estimator, whole.X, whole.y, rows), {**params, **groups}


def _n_bytes(X: Any) -> int:
    if sp.issparse(X):
        return int(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
    return X.nbytes if isinstance(X, np.ndarray) else sys.getsizeof(X)


class FitRecorder(ClassifierMixin, BaseEstimator):
    """Last step of a pipeline that only records the arguments of ``fit``."""

    def __init__(self, classifier: NoisyLabelClassifier) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any = None, **params: Any) -> FitRecorder:
        self.X_, self.y_, self.params_ = X, y, params
        return self

    def get_metadata_routing(self) -> Any:
        return self.classifier.get_metadata_routing()
