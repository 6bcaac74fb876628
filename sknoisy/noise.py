"""Wrong labels made on purpose, for experiments: numpy in, numpy out, seeded.

Papers count noise differently. Here a rate is the share of labels that come out wrong, among those
that a kind of noise touches; ``symmetric_inclusive`` alone counts labels drawn anew, some of which
come out right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from scipy.stats import truncnorm
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length

from sknoisy._checks import (
    distributions,
    encode,
    numbers_in,
    refuse_frame_in_another_order,
)
from sknoisy._labels import check_labels, sorted_classes, transition_between

__all__ = [
    "KINDS",
    "NoiseManifest",
    "asymmetric",
    "corrupt_labels",
    "instance_dependent",
    "pair",
    "symmetric",
]

# Which class turns into which, by its position among the classes in their usual order.
_CIFAR10 = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
_SWAPPED = {9: 1, 1: 9, 2: 0, 0: 2, 4: 7, 7: 4, 3: 5, 5: 3, 6: 8, 8: 6}
# The superclass of each fine class of CIFAR-100, in alphabetical order of the fine classes.
_SUPERCLASS = (
    "4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 6 13 15 3 15 0 11 1 10 12 14 16 9 "
    "11 5 5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18 17 10 3 2 12 12 16 12 1 9 19 2 10 0 1 "
    "16 12 9 13 15 13 16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13"
)
# Spread of the rates of single samples in instance-dependent noise.
_SPREAD = 0.1


def symmetric(n_classes: int, rate: float, *, inclusive: bool = False) -> np.ndarray:
    """Transition matrix of noise that favours no class.

    Parameters
    ----------
    n_classes : int
        At least 2.
    rate : float
        Probability of a wrong label, in [0, 1 - 1 / n_classes]; beyond it the right label would be
        the rarest. With ``inclusive``, probability of a label drawn anew, in [0, 1].
    inclusive : bool, default=False
        Whether a label drawn anew may be the right one, as in the tables of ELR and DivideMix. An
        inclusive rate is larger than the share of wrong labels by n_classes / (n_classes - 1).

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true.

    Examples
    --------
    >>> symmetric(3, 0.2)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    >>> symmetric(3, 0.3, inclusive=True)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """
    most = _most(n_classes)
    rate = _checked(rate, 1.0 if inclusive else most)
    drawn = rate if inclusive else rate / most
    return (1 - drawn) * np.eye(n_classes) + drawn * (1 / n_classes)


def pair(n_classes: int, rate: float, *, swap: bool = False) -> np.ndarray:
    """Transition matrix of noise that turns each class into one other.

    Parameters
    ----------
    n_classes : int
        At least 2; with ``swap`` at least 10.
    rate : float
        Probability of a wrong label, in [0, 1 - 1 / n_classes]. Beyond 1/2 most labels of a class
        are wrong.
    swap : bool, default=False
        False: class i turns into i + 1, the last into the first, as in Co-teaching. True: classes 0
        to 9 are exchanged in fixed pairs (9 and 1, 2 and 0, 4 and 7, 3 and 5, 6 and 8), as in the
        code of Wei et al. 2022; others stay.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Examples
    --------
    >>> pair(3, 0.4)
    array([[0.6, 0.4, 0. ],
           [0. , 0.6, 0.4],
           [0.4, 0. , 0.6]])
    """
    _most(n_classes)
    if swap and n_classes < len(_SWAPPED):
        raise ValueError(
            f"n_classes must be at least {len(_SWAPPED)} with swap=True. Got {n_classes}."
        )
    following = {i: (i + 1) % n_classes for i in range(n_classes)}
    return asymmetric(n_classes, rate, _SWAPPED if swap else following)


def asymmetric(
    n_classes: int, rate: float, mapping: str | Mapping[int, int] = "cifar10"
) -> np.ndarray:
    """Transition matrix of noise that turns some classes into one other each.

    Parameters
    ----------
    n_classes : int
        At least 2; at least 10 or 100 with the name of a mapping.
    rate : float
        Probability of a wrong label in a class that turns, in [0, 1 - 1 / n_classes]. Over all
        labels the share of wrong ones is smaller: half of it with "cifar10".
    mapping : {"cifar10", "cifar100", "cifar100_blocks"} or dict, default="cifar10"
        What turns into what, by positions among the sorted classes. "cifar10": truck to automobile,
        bird to airplane, deer to horse, cat to dog and dog to cat. "cifar100": each class to the
        next of its superclass. "cifar100_blocks": the same in blocks of five in alphabetical order,
        which the code of ELR takes for superclasses.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach", CVPR 2017.

    Examples
    --------
    >>> asymmetric(3, 0.25, {0: 2})
    array([[0.75, 0.  , 0.25],
           [0.  , 1.  , 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    rate = _checked(rate, _most(n_classes))
    maps = {"cifar10": _CIFAR10, "cifar100": _cycles(_superclasses())}
    maps["cifar100_blocks"] = _cycles(np.arange(100) // 5)
    if not isinstance(mapping, Mapping) and (not isinstance(mapping, str) or mapping not in maps):
        raise ValueError(
            f"The 'mapping' parameter must be a str among {sorted(maps)} or a dict. Got "
            f"{mapping!r} instead."
        )
    if isinstance(mapping, str):
        least = 10 if mapping == "cifar10" else 100
        if n_classes < least:
            raise ValueError(
                f"n_classes must be at least {least} with mapping={mapping!r}. Got {n_classes}."
            )
        mapping = maps[mapping]
    for place in (*mapping, *mapping.values()):
        if not isinstance(place, Integral) or not 0 <= place < n_classes:
            raise ValueError(
                f"The 'mapping' parameter must hold classes from 0 to {n_classes - 1}. Got "
                f"{place!r}."
            )
    transition = np.eye(n_classes)
    for old, new in mapping.items():
        transition[old, old] -= rate
        transition[old, new] += rate
    return transition


def _superclasses() -> np.ndarray:
    return np.array(_SUPERCLASS.split(), dtype=int)


def _cycles(groups: np.ndarray) -> dict[int, int]:
    """Each class to the next one of its group, the last to the first."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return {int(a): int(b) for own in members for a, b in zip(own, np.roll(own, -1), strict=True)}


def instance_dependent(
    X: Any,
    codes: np.ndarray,
    n_classes: int,
    rate: float,
    *,
    by_class: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Probabilities of labels under noise that hangs on the sample.

    Each sample has a rate of its own, drawn from a normal distribution with a spread of .1, cut off
    at 0 and 1, whose mean is ``rate``; what it is taken for instead is drawn from a softmax of
    random projections of it.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        The samples; columns are standardised.
    codes : ndarray of int of shape (n_samples,)
        Right labels as positions among the classes.
    n_classes : int
    rate : float
        Mean probability of a wrong label, in [0, 1 - 1 / n_classes].
    by_class : bool, default=True
        Whether each class has projections of its own, as in part-dependent noise; False: one matrix
        for all, the form most code has.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    References
    ----------
    Xia et al., "Part-dependent Label Noise: Towards Instance-dependent Label Noise", NeurIPS 2020,
    Algorithm 2. Departure: there ``rate`` is the centre before the cut, so that low rates come out
    higher.

    Examples
    --------
    >>> p = instance_dependent([[0.0], [1.0], [2.0]], [0, 1, 1], 2, 0.3, random_state=0)
    >>> p.sum(axis=1)
    array([1., 1., 1.])
    """
    rate, rng = _checked(rate, _most(n_classes)), check_random_state(random_state)
    X = check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
    X, codes = X.reshape(len(X), -1), np.asarray(codes)
    check_consistent_length(X, codes)
    if codes.min() < 0 or codes.max() >= n_classes:
        raise ValueError(
            f"codes must be from 0 to {n_classes - 1}. Got {codes.min()} to {codes.max()}."
        )
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    wrong = _rates(len(X), rate, rng)
    shared = rng.normal(size=(X.shape[1], n_classes))
    p = np.empty((len(X), n_classes))
    for label in range(n_classes):
        own = codes == label
        scores = X[own] @ (rng.normal(size=shared.shape) if by_class else shared)
        scores[:, label] = -np.inf
        p[own] = wrong[own, None] * softmax(scores, axis=1)
    p[np.arange(len(p)), codes] = 1 - wrong
    return p


def _rates(n: int, rate: float, rng: np.random.RandomState) -> np.ndarray:
    """Rates of single samples: from a normal distribution cut off at 0 and 1, of this mean."""
    if rate < 1e-3:
        return np.full(n, rate)

    def cut(centre: float) -> tuple[float, float, float, float]:
        return -centre / _SPREAD, (1 - centre) / _SPREAD, centre, _SPREAD

    # What is cut off at 0 would lift the mean of a low rate.
    centre = brentq(lambda centre: truncnorm.mean(*cut(centre)) - rate, -20, 20)
    return truncnorm.rvs(*cut(centre), size=n, random_state=rng)


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
    >>> from sknoisy.noise import corrupt_labels
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


def _most(n_classes: int) -> float:
    """The largest rate of noise: that of labels drawn at random."""
    if not isinstance(n_classes, Integral):
        raise TypeError(f"n_classes must be an int. Got {n_classes!r}.")
    if n_classes < 2:
        raise ValueError(f"n_classes must be at least 2. Got {n_classes}.")
    return 1 - 1 / n_classes


def _checked(rate: Any, most: float) -> float:
    if not isinstance(rate, Real):
        raise TypeError(f"A rate of noise must be a number. Got {rate!r}.")
    if not 0 <= float(rate) <= most:
        raise ValueError(
            f"The rate of this kind of noise must be in the range [0, {most:g}]. Got {rate!r}."
        )
    return float(rate)


def _draw(p: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """One class for each row of probabilities."""
    return (rng.random_sample((len(p), 1)) >= p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def _draw_exactly(
    codes: np.ndarray, transition: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """New classes in exact numbers: those that stay are rounded up, others by largest remainder."""
    new = codes.copy()
    for label, row in enumerate(transition):
        own = rng.permutation(np.flatnonzero(codes == label))
        wanted = len(own) * np.where(np.arange(len(row)) == label, 0, row)
        # A share such as .29 of 100 is 28.999... in binary.
        counts = np.floor(wanted + 1e-9).astype(int)
        rest = int(np.floor(wanted.sum() + 1e-9)) - counts.sum()
        behind = rng.permutation(len(row))
        behind = behind[np.argsort(-(wanted - counts)[behind], kind="stable")]
        counts[behind[:rest]] += 1
        new[own[: counts.sum()]] = np.repeat(np.arange(len(row)), counts)
    return new


def _like(y: Any, values: np.ndarray) -> Any:
    """Values in the guise of y, where that is a Series."""
    if not (hasattr(y, "iloc") and hasattr(y, "name")):
        return values
    dtype = y.dtype
    if hasattr(dtype, "categories"):
        others = [value for value in np.unique(values).tolist() if value not in dtype.categories]
        dtype = y.cat.add_categories(others).dtype
    return type(y)(values, index=y.index, name=y.name, dtype=dtype)
