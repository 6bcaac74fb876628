"""Images of bytes, from 0 to 255, and images of fractions, from 0 to 1, are not mixed silently."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from sknoisy._validation.user_warnings import warn_user

__all__ = ["remember_pixel_range", "warn_about_pixel_range"]


def remember_pixel_range(estimator: BaseEstimator, images: np.ndarray) -> None:
    """Remember whether the images of the first fit hold bytes or fractions."""
    estimator._pixel_range = _pixel_range(images)


def warn_about_pixel_range(estimator: BaseEstimator, images: np.ndarray) -> None:
    """Warn if a classifier was fitted to bytes and gets fractions, or the other way round."""
    fitted = getattr(estimator, "_pixel_range", "")
    if not fitted:
        return
    given = _pixel_range(images)
    if given and given != fitted:
        warn_user(
            f"X holds images of {given}, but {type(estimator).__name__} was fitted to images of "
            f"{fitted}: pass images of one range to fit and predict."
        )


def _pixel_range(images: np.ndarray) -> str:
    """Name the range of the pixels; empty if it is neither, or black and white."""
    if not images.size:
        return ""
    highest = float(images.max())
    if images.dtype == np.uint8:
        return "bytes (0 to 255)" if highest > 1 else ""
    is_fraction = images.dtype.kind == "f" and 0 < highest <= 1 and float(images.min()) >= 0
    return "fractions (0 to 1)" if is_fraction else ""
