"""Warning about out-of-bag predictions of networks that were still learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._predictions import innermost_estimator
from sknoisy._validation.user_warnings import warn_user
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["still_learning", "warn_if_undertrained"]

# Standard errors by which the accuracy of the last epoch exceeds that of the epoch before.
_Z_SCORE = 3.0


def warn_if_undertrained(model: Any) -> None:
    """Warn if the out-of-bag accuracy of a fitted model still rose when its training ended."""
    clf = innermost_estimator(model)
    if not isinstance(clf, NoisyLabelClassifier):
        return
    history = clf.history_
    if "valid_acc" not in history[-1]:
        return
    accuracies = [epoch["valid_acc"] for epoch in history]
    changed = 1 - history[-1]["train_agreement"]
    if still_learning(accuracies, changed, len(clf.label_quality_)):
        epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
        warn_user(
            f"The networks are undertrained: they still learned when the training ended after "
            f"{epochs}. Labels of samples not yet learned may be taken for wrong, and 'n_wrong' be "
            "too high. Raise 'max_epochs'."
        )


def still_learning(accuracies: list[float], changed: float, n_samples: int) -> bool:
    """Tell whether the last epoch has significantly improved on all epochs before.

    Parameters
    ----------
    accuracies : list of float
        Accuracy in each epoch on the given labels, out-of-bag.
    changed : float
        Fraction of samples that are predicted otherwise than in the epoch before.
    n_samples : int

    Returns
    -------
    bool
        True after one epoch: many samples were predicted before networks had learned anything.
    """
    *before, last = accuracies
    if not before:
        return True
    # Predictions that changed raise or lower the number of correct ones by one at most.
    return bool((last - max(before)) * n_samples > _Z_SCORE * np.sqrt(changed * n_samples))
