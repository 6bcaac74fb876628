"""Corruption of clean labels by synthetic noise."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sknoisy._label_noise.estimators import transition_between
from sknoisy._validation.constraints import Names, checked
from sknoisy._validation.frames import refuse_frame_in_another_order
from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy._validation.matrices import as_float_array, check_distributions
from sknoisy._validation.shapes import check_same_length
from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._bad_label import bad_label
from sknoisy.noise._instance import instance_dependent
from sknoisy.noise._pair import pair
from sknoisy.noise._rates import check_rate
from sknoisy.noise._sampling import draw_exact_counts, draw_labels
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

# Functions of X, the encoded labels, the number of classes and the rate.
_INSTANCE_DEPENDENT: dict[str, Callable[..., np.ndarray]] = {
    "instance": partial(instance_dependent, by_class=False),
    "part_dependent": instance_dependent,
    "bad_label": bad_label,
}

# The smallest number of classes for kinds of noise that affect specific classes.
_MIN_CLASSES = {
    "pair_swap": 10,
    "asymmetric_cifar10": 10,
    "asymmetric_cifar100": 100,
    "asymmetric_cifar100_blocks": 100,
}

# All kinds of noise that are defined by a rate.
KINDS = (*_MATRICES, *_INSTANCE_DEPENDENT)


@dataclass(frozen=True)
class NoiseManifest:
    """Record of what :func:`corrupt_labels` changed.

    Attributes
    ----------
    y : array-like of shape (n_samples,)
        A copy of the clean labels, of the same type.
    flipped : ndarray of bool of shape (n_samples,)
        Mask of the mislabelled samples.
    rate : float
        The fraction of mislabelled samples.
    transition_matrix : ndarray of shape (n_classes, n_classes)
        The observed fraction of each noisy label for each true label. A class without samples has
        its row of the identity matrix.
    classes : ndarray of shape (n_classes,)
        The classes of rows and columns.

    Examples
    --------
    >>> from sknoisy.noise import corrupt_labels
    >>> y = ["cat"] * 10 + ["dog"] * 10
    >>> y_noisy, manifest = corrupt_labels(y, 0.2, random_state=0, return_manifest=True)
    >>> manifest.classes.tolist(), bool(manifest.rate == manifest.flipped.mean())
    (['cat', 'dog'], True)
    """

    y: Any
    flipped: np.ndarray
    rate: float
    transition_matrix: np.ndarray
    classes: np.ndarray


@checked(
    kind=[Names(set(KINDS))],
    exact=["boolean"],
    random_state=["random_state"],
    return_manifest=["boolean"],
)
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
    """Add synthetic noise to labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The clean labels, of any type; they are not changed in place.
    noise : float or array-like of shape (n_classes, n_classes) or (2,)
        A rate, whose meaning depends on ``kind``. Or a transition matrix, in the order of the
        sorted classes: entry (i, j) is the probability of given label j for true label i. Or, for
        two classes, the noise rate of each class.
    kind : str, default="symmetric"
        With a rate, a name in :data:`sknoisy.noise.KINDS`: "symmetric" (any other class),
        "symmetric_inclusive" (any class, the true one included), "pair", "pair_swap",
        "asymmetric_cifar10", "asymmetric_cifar100", "asymmetric_cifar100_blocks", "instance" and
        "part_dependent" (both depend on ``X``; see :func:`instance_dependent`), and "bad_label" (as
        hard as possible, see :func:`bad_label`). With a matrix or two rates it must be the default.
    X : array-like of shape (n_samples, ...), default=None
        The samples, for instance-dependent noise; ignored by other kinds.
    exact : bool, default=False
        Whether to change exactly the expected number of labels in each class, rounded down. Not
        possible for instance-dependent noise.
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted; None: the labels in y.
    random_state : int, RandomState instance or None, default=None
        Source of the noise; an int draws the same labels each time.
    return_manifest : bool, default=False
        Whether to also return a record of the changes.

    Returns
    -------
    y_noisy : ndarray or Series of shape (n_samples,)
        A Series if y is a Series of pandas or polars.
    manifest : NoiseManifest
        Only if ``return_manifest``.

    Raises
    ------
    ValueError, TypeError
        If a rate is out of range; a matrix has the wrong shape, a row that is not a distribution,
        or names that are the classes in another order; ``kind`` is set together with a matrix; a
        label or ``X`` is missing; or the kind needs more classes.

    Examples
    --------
    >>> from sknoisy.noise import corrupt_labels
    >>> y = ["cat", "dog"] * 50
    >>> y_noisy, manifest = corrupt_labels(y, 0.3, exact=True, random_state=0, return_manifest=True)
    >>> manifest.rate
    0.3
    >>> corrupt_labels(["cat", "dog", "dog"], [[1, 0], [1, 0]])
    array(['cat', 'cat', 'cat'], dtype='<U3')
    """
    rng = check_random_state(random_state)
    if isinstance(noise, (list, tuple)):
        noise = as_float_array("noise", noise)
    (labels,) = check_labels(classes, y=y)
    check_same_length(optional=("X",), y=labels, X=X)
    known = np.unique(labels) if classes is None else sorted_classes(classes)
    codes, k = encode(labels, known), len(known)
    if k < 2:
        raise ValueError(f"y must have at least 2 classes. Got {known.tolist()} instead.")
    if np.ndim(noise) == 0 and kind in _INSTANCE_DEPENDENT:
        noisy_codes = draw_labels(_instance_proba(X, codes, k, noise, kind, exact, rng), rng)
    else:
        transition = _transition_matrix(noise, kind, known)
        if exact:
            noisy_codes = draw_exact_counts(codes, transition, rng)
        else:
            noisy_codes = draw_labels(transition[codes], rng)
    y_noisy = _as_type_of(y, known[noisy_codes])
    if not return_manifest:
        return y_noisy
    observed, flipped = transition_between(codes, noisy_codes, k), noisy_codes != codes
    return y_noisy, NoiseManifest(deepcopy(y), flipped, float(flipped.mean()), observed, known)


def _transition_matrix(noise: Any, kind: str, classes: np.ndarray) -> np.ndarray:
    """Build the transition matrix of a kind and a rate, or check a given matrix."""
    n_classes = len(classes)
    if np.ndim(noise) == 0:
        if n_classes < _MIN_CLASSES.get(kind, 0):
            raise ValueError(
                f"kind={kind!r} needs at least {_MIN_CLASSES[kind]} classes. Got {n_classes} "
                "instead."
            )
        return _MATRICES[kind](n_classes, noise)
    if kind != "symmetric":
        raise ValueError(
            "The 'kind' parameter of corrupt_labels must be 'symmetric', the default, if 'noise' "
            f"is a matrix or two rates. Got {kind!r} instead."
        )
    refuse_frame_in_another_order("noise", noise, classes)
    given = as_float_array("noise", noise)
    if given.shape == (2,) and n_classes == 2:
        first, second = (check_rate(rate, 1.0) for rate in given)
        return np.array([[1 - first, first], [second, 1 - second]])
    if given.shape != (n_classes, n_classes):
        raise ValueError(
            "The 'noise' parameter of corrupt_labels must be a rate, a matrix of shape "
            f"{(n_classes, n_classes)} with a row and a column for each class, or two rates for "
            f"two classes. Got an array of shape {given.shape} instead."
        )
    return check_distributions(
        given, "The 'noise' parameter must have rows that are at least 0 and sum to 1."
    )


def _instance_proba(
    X: Any, codes: np.ndarray, k: int, rate: float, kind: str, exact: bool, rng: Any
) -> np.ndarray:
    if X is None or exact:
        raise ValueError(
            f"kind={kind!r} needs X and exact=False. Got X={'None' if X is None else '...'} and "
            f"exact={exact} instead."
        )
    return _INSTANCE_DEPENDENT[kind](X, codes, k, rate, random_state=rng)


def _as_type_of(y: Any, labels: np.ndarray) -> Any:
    """Return the labels as a Series with the index, name and type of y, if y is a Series."""
    if hasattr(y, "to_physical"):  # polars
        return type(y)(y.name, labels.tolist(), dtype=y.dtype)
    if not (hasattr(y, "iloc") and hasattr(y, "name")):
        return labels
    dtype = y.dtype
    if hasattr(dtype, "categories"):
        new = [label for label in np.unique(labels).tolist() if label not in dtype.categories]
        dtype = y.cat.add_categories(new).dtype
    return type(y)(labels, index=y.index, name=y.name, dtype=dtype)
