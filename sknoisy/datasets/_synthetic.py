"""Synthetic data with noisy training labels and clean test labels."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval

from sknoisy._validation.constraints import Names, checked
from sknoisy.noise import KINDS, corrupt_labels

__all__ = ["make_noisy_classification"]


@checked(
    n_samples=[Interval(Integral, 1, None, closed="left")],
    kind=[Names(set(KINDS))],
    exact=["boolean"],
    random_state=["random_state"],
)
def make_noisy_classification(
    n_samples: int = 1000,
    *,
    noise: Any = 0.3,
    kind: str = "symmetric",
    exact: bool = False,
    test_size: float | int = 0.5,
    random_state: int | np.random.RandomState | None = None,
    **params: Any,
) -> Bunch:
    """Make a classification problem with noisy training labels and clean test labels.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples, training and test set together.
    noise : float or array-like, default=0.3
        Noise of the training labels, as in :func:`~sknoisy.noise.corrupt_labels`.
    kind : str, default="symmetric"
        Kind of noise, as in ``corrupt_labels``.
    exact : bool, default=False
        Whether to change exactly the expected number of labels, as in ``corrupt_labels``.
    test_size : float or int, default=0.5
        Fraction or number of the samples in the test set.
    random_state : int, RandomState instance or None, default=None
        Source of data, split and noise.
    **params
        Parameters of :func:`sklearn.datasets.make_classification`. ``flip_y``, which adds noise to
        training and test labels, is 0 here by default.

    Returns
    -------
    Bunch
        ``X`` and ``y``, the training set with noisy labels; ``X_test`` and ``y_test``, the test set
        with clean labels; and ``manifest``, a :class:`~sknoisy.noise.NoiseManifest` with the clean
        training labels and a mask of the mislabelled samples.

    Examples
    --------
    >>> from sknoisy.datasets import make_noisy_classification
    >>> data = make_noisy_classification(noise=0.2, exact=True, random_state=0)
    >>> data.X.shape, data.X_test.shape
    ((500, 20), (500, 20))
    >>> bool((data.y != data.manifest.y).mean() == data.manifest.rate)
    True
    """
    rng = check_random_state(random_state)
    X, y = make_classification(n_samples, random_state=rng, **{"flip_y": 0.0, **params})
    X, X_test, y, y_test = train_test_split(X, y, test_size=test_size, stratify=y, random_state=rng)
    y_noisy, manifest = corrupt_labels(
        y, noise, kind=kind, X=X, exact=exact, random_state=rng, return_manifest=True
    )
    return Bunch(X=X, y=y_noisy, X_test=X_test, y_test=y_test, manifest=manifest)
