"""Data for experiments with wrong labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch, check_random_state

from sknoisy.noise import corrupt_labels

__all__ = ["make_noisy_classification"]


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
    """Make a classification problem with wrong labels to learn from and right ones to test on.

    Parameters
    ----------
    n_samples : int, default=1000
        Of both parts together.
    noise, kind, exact
        What is wrong with the labels to learn from, as in :func:`~sknoisy.noise.corrupt_labels`.
    test_size : float or int, default=0.5
        Share or number of the samples to test on.
    random_state : int, RandomState instance or None, default=None
    **params
        For :func:`sklearn.datasets.make_classification`; its ``flip_y``, wrong labels in both
        parts, is 0 here unless given.

    Returns
    -------
    Bunch
        ``X`` and ``y``, labels of which some are wrong; ``X_test`` and ``y_test``, right ones; and
        ``manifest``, a :class:`~sknoisy.noise.NoiseManifest` with the right labels of the first
        part and where the given ones differ.

    Examples
    --------
    >>> from sknoisy.datasets._synthetic import make_noisy_classification
    >>> data = make_noisy_classification(noise=0.2, exact=True, random_state=0)
    >>> data.X.shape, data.X_test.shape
    ((500, 20), (500, 20))
    >>> bool((data.y != data.manifest.y).mean() == data.manifest.rate)
    True
    """
    rng = check_random_state(random_state)
    X, y = make_classification(n_samples, random_state=rng, **{"flip_y": 0.0, **params})
    X, X_test, y, y_test = train_test_split(X, y, test_size=test_size, stratify=y, random_state=rng)
    noisy, manifest = corrupt_labels(
        y, noise, kind=kind, X=X, exact=exact, random_state=rng, return_manifest=True
    )
    return Bunch(X=X, y=noisy, X_test=X_test, y_test=y_test, manifest=manifest)
