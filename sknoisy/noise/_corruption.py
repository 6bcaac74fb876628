"""Labels made wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from sknoisy._label_noise.estimators import transition_between
from sknoisy._validation.frames import refuse_frame_in_another_order
from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy._validation.matrices import distributions, numbers_in
from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._instance import instance_dependent
from sknoisy.noise._pair import pair
from sknoisy.noise._rates import _checked
from sknoisy.noise._sampling import _draw, _draw_exactly
from sknoisy.noise._symmetric import symmetric

__all__ = ["KINDS", "NoiseManifest", "corrupt_labels"]


_MATRICES: dict[str, Callable[[int, float], np.ndarray]] = {
    "symmetric": symmetric,
    "symmetric_inclusive": lambda k, rate: symmetric(k, rate, inclusive=True),
    "pair": pair,
    "pair_swap": lambda k, rate: pair(k, rate, swap=True),
    "asymmetric_cifar10": asymmetric,
    "asymmetric_cifar100": lambda k, rate: asymmetric(k, rate, "cifar100"),
    "asymmetric_cifar100_blocks": lambda k, rate: asymmetric(k, rate, "cifar100_blocks"),
}


_BY_SAMPLES = ("instance", "part_dependent")


# How many classes the kinds need that name some.
_LEAST = {
    "pair_swap": 10,
    "asymmetric_cifar10": 10,
    "asymmetric_cifar100": 100,
    "asymmetric_cifar100_blocks": 100,
}


# What a rate may mean.
KINDS = (*_MATRICES, *_BY_SAMPLES)


@dataclass(frozen=True)
class NoiseManifest:
    """What :func:`corrupt_labels` did.

    Attributes
    ----------
    y : array-like of shape (n_samples,)
        A copy of the right labels, as they were given.
    flipped : ndarray of bool of shape (n_samples,)
        Where the label is wrong now.
    rate : float
        Share of labels that are wrong now.
    transition_matrix : ndarray of shape (n_classes, n_classes)
        Shares of the labels now given, for each right one: what came out, not what was asked for.
        A class without samples keeps its label.
    classes : ndarray of shape (n_classes,)
        In the order of rows and columns.
    """

    y: Any
    flipped: np.ndarray
    rate: float
    transition_matrix: np.ndarray
    classes: np.ndarray


def corrupt_labels(
    y: Any,
    noise: Any,
    *,
    kind: str = "symmetric",
    X: Any = None,
    exact: bool = False,
    classes: Any = None,
    random_state: int | np.random.RandomState | None = None,
    return_manifest: bool = False,
) -> Any:
    """Make some labels wrong.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The right labels, of any type. What is given stays as it is.
    noise : float or array-like of shape (n_classes, n_classes) or (2,)
        A rate, whose meaning is that of ``kind``; or a transition matrix, entry (i, j) the
        probability of label j where i is right, in the order of the sorted classes; or, for two
        classes, the probability of a wrong label in each.
    kind : str, default="symmetric"
        With a rate, a name of :data:`sknoisy.noise.KINDS`: "symmetric" (any other class),
        "symmetric_inclusive" (any class, the right one among them), "pair", "pair_swap",
        "asymmetric_cifar10", "asymmetric_cifar100", "asymmetric_cifar100_blocks", "instance" and
        "part_dependent" (both by ``X``; see :func:`instance_dependent`). Without a rate it has
        nothing to say and must be the default.
    X : array-like of shape (n_samples, ...), default=None
        The samples, for noise that hangs on them; other kinds do not look at it.
    exact : bool, default=False
        Whether exactly the asked share of each class is wrong, rounded down, and not just in
        expectation. Not for noise that hangs on X.
    classes : array-like of shape (n_classes,), default=None
        All labels there may be, sorted; None: those in y.
    random_state : int, RandomState instance or None, default=None
        An int draws the same labels each time.
    return_manifest : bool, default=False
        Whether to return what was done beside the labels.

    Returns
    -------
    y_noisy : ndarray or Series of shape (n_samples,)
        A Series where y is one.
    manifest : NoiseManifest
        If ``return_manifest``.

    Raises
    ------
    ValueError
        If a rate is out of its range, a matrix has another shape, a row that is no distribution,
        names that are the classes in another order or a ``kind`` beside it, a label or ``X`` is
        missing, or a kind needs more classes.

    Examples
    --------
    >>> from sknoisy.noise._corruption import corrupt_labels
    >>> y = ["cat", "dog"] * 50
    >>> y_noisy, manifest = corrupt_labels(y, 0.3, exact=True, random_state=0, return_manifest=True)
    >>> manifest.rate
    0.3
    >>> corrupt_labels(["cat", "dog", "dog"], [[1, 0], [1, 0]])
    array(['cat', 'cat', 'cat'], dtype='<U3')
    """
    rng = check_random_state(random_state)
    if kind not in KINDS:
        raise ValueError(
            f"The 'kind' parameter must be a str among {sorted(KINDS)}. Got {kind!r} instead."
        )
    if isinstance(noise, (list, tuple)):
        noise = numbers_in("noise", noise)
    (labels,) = check_labels(classes, y=y)
    check_consistent_length(labels, X)
    found = np.unique(labels) if classes is None else sorted_classes(classes)
    codes, k = encode(labels, found), len(found)
    if k < 2:
        raise ValueError(f"y must have at least 2 classes. Got {found.tolist()}.")
    if np.ndim(noise) == 0 and kind in _BY_SAMPLES:
        new = _draw(_by_samples(X, codes, k, noise, kind, exact, rng), rng)
    else:
        transition = _transition(noise, kind, found)
        new = _draw_exactly(codes, transition, rng) if exact else _draw(transition[codes], rng)
    noisy = _like(y, found[new])
    if not return_manifest:
        return noisy
    realised, flipped = transition_between(codes, new, k), new != codes
    return noisy, NoiseManifest(deepcopy(y), flipped, float(flipped.mean()), realised, found)


def _transition(noise: Any, kind: str, classes: np.ndarray) -> np.ndarray:
    n_classes = len(classes)
    if np.ndim(noise) == 0:
        if n_classes < _LEAST.get(kind, 0):
            raise ValueError(
                f"kind={kind!r} needs at least {_LEAST[kind]} classes. Got {n_classes}."
            )
        return _MATRICES[kind](n_classes, noise)
    if kind != "symmetric":
        raise ValueError(
            "The 'kind' parameter says what a rate means, and must be 'symmetric', the default, "
            f"where 'noise' is a matrix or rates of classes. Got {kind!r} instead."
        )
    refuse_frame_in_another_order("noise", noise, classes)
    given = numbers_in("noise", noise)
    if given.shape == (2,) and n_classes == 2:
        first, second = (_checked(rate, 1.0) for rate in given)
        return np.array([[1 - first, first], [second, 1 - second]])
    if given.shape != (n_classes, n_classes):
        raise ValueError(
            f"The 'noise' parameter must be a rate or a matrix of shape {(n_classes, n_classes)}, "
            "with a row and a column for each class, or two rates for two classes. Got one of "
            f"shape {given.shape} instead."
        )
    return distributions(
        given, "The 'noise' parameter must have rows that are at least 0 and sum to 1."
    )


def _by_samples(
    X: Any, codes: np.ndarray, k: int, rate: float, kind: str, exact: bool, rng: Any
) -> np.ndarray:
    if X is None or exact:
        raise ValueError(
            f"kind={kind!r} needs X and takes no exact=True. Got X={'None' if X is None else '...'}"
            f", exact={exact}."
        )
    by_class = kind == "part_dependent"
    return instance_dependent(X, codes, k, rate, by_class=by_class, random_state=rng)


def _like(y: Any, values: np.ndarray) -> Any:
    """Values in the guise of y, where that is a Series."""
    if not (hasattr(y, "iloc") and hasattr(y, "name")):
        return values
    dtype = y.dtype
    if hasattr(dtype, "categories"):
        others = [value for value in np.unique(values).tolist() if value not in dtype.categories]
        dtype = y.cat.add_categories(others).dtype
    return type(y)(values, index=y.index, name=y.name, dtype=dtype)
