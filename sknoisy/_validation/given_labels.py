"""The labels that a classifier was fitted to, kept to recognise them later."""

from __future__ import annotations

import numpy as np

from sknoisy._validation.labels import Labels

__all__ = ["check_same_labels", "compact_codes"]


def compact_codes(labels: Labels) -> np.ndarray:
    """Encode labels in the smallest integer type, one byte per sample up to 255 classes.

    A soft label without a single most likely class gets the code ``n_classes``.
    """
    n_classes = len(labels.classes)
    codes = labels.codes.astype(np.min_scalar_type(n_classes))
    if labels.soft is not None:
        second, first = np.partition(labels.soft, -2, axis=1)[:, -2:].T
        codes[first == second] = n_classes
    return codes


def check_same_labels(
    codes: np.ndarray, fitted: np.ndarray, classes: np.ndarray, function: str
) -> None:
    """Check that labels are those that a classifier was fitted to, in the same order.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    fitted : ndarray of shape (n_samples,)
        The :func:`compact_codes` of the labels passed to ``fit``.
    classes : ndarray of shape (n_classes,)
    function : str
        Name of the function whose ``y`` is checked.

    Raises
    ------
    ValueError
        If a label differs. The message counts them and shows the first one.
    """
    differs = (codes != fitted) & (fitted < len(classes))
    if not differs.any():
        return
    first = int(differs.argmax())
    reordered = np.array_equal(np.sort(codes), np.sort(fitted))
    hint = " They are the same labels in another order." if reordered else ""
    raise ValueError(
        f"The 'y' parameter of {function} must be the labels that the classifier was fitted to, in "
        f"the same order. {differs.sum()} of {len(codes)} labels differ, first at position "
        f"{first}: {classes[codes[first]]!s} instead of {classes[fitted[first]]!s}.{hint}"
    )
