"""Check of skorch's callbacks, before training, for what a training cannot give them.

Callbacks are recognised by their attributes, because one file imports skorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sknoisy._training.run import TrainingRun
from sknoisy._training.settings import has_epoch_score
from sknoisy._validation.user_warnings import warn_user_once
from sknoisy.methods import Method

__all__ = ["check_callbacks"]

_ON_VALIDATION = ("valid_loss", "valid_acc")


def check_callbacks(callbacks: Sequence[tuple[str, Any]], run: TrainingRun, method: Method) -> None:
    """Refuse callbacks that need held-out rows if there are none, or contradict a parameter.

    Parameters
    ----------
    callbacks : sequence of (str, Callback)
        The callbacks of a training, initialised.
    run : TrainingRun
    method : Method

    Raises
    ------
    ValueError
        The message says which parameter helps.
    """
    recorded = {getattr(callback, "name_", None) for _, callback in callbacks}
    if run.validation is not None:
        recorded.update(_ON_VALIDATION)
    elif type(method).oob_predictions is not Method.oob_predictions:
        recorded.update(_ON_VALIDATION)
    for _, callback in callbacks:
        _refuse_contradiction(callback, run)
        scores_held_out = getattr(callback, "on_train", True) is False
        if scores_held_out and run.validation is None:
            raise ValueError(
                f"The 'callbacks' parameter: {type(callback).__name__} scores held-out rows, but "
                f"no rows are held out. {_advice(method)}, or score the training rows with "
                "on_train=True."
            )
        monitor = _monitored(callback)
        if monitor in _ON_VALIDATION and monitor not in recorded:
            raise ValueError(
                f"The 'callbacks' parameter: {type(callback).__name__} monitors {monitor!r}, but "
                f"no rows are held out. {_advice(method)}, or monitor 'train_loss'."
            )


def _refuse_contradiction(callback: Any, run: TrainingRun) -> None:
    names = {kind.__name__ for kind in type(callback).__mro__}
    if "LRScheduler" in names and run.settings.lr_schedule is not None:
        raise ValueError(
            "The 'lr_schedule' parameter must be None with the callback LRScheduler: both set the "
            f"learning rate. Got lr_schedule={run.settings.lr_schedule!r}."
        )
    if names & {"Checkpoint", "TrainEndCheckpoint"} and _is_silent(callback):
        warn_user_once(
            f"The 'callbacks' parameter: {type(callback).__name__} of skorch says nothing if it "
            "cannot write, as on a full disk, does not store what a training needs to go on, and "
            "leaves a damaged file if it is killed while it writes. Pass checkpoint=, a folder, in "
            "its place."
        )
    if "InputShapeSetter" in names:
        raise ValueError(
            "The 'callbacks' parameter: InputShapeSetter is not needed. A module whose parameters "
            "include n_in and n_out gets the numbers of columns and classes; pass others as "
            "module__*."
        )


def _is_silent(callback: Any) -> bool:
    """Whether a callback drops its messages, which skorch prints with ``verbose`` only."""
    checkpoint = getattr(callback, "checkpoint_", callback)
    return getattr(getattr(checkpoint, "sink", None), "__name__", "") in ("noop", "print")


def _monitored(callback: Any) -> str | None:
    """Return the name of the score that a callback reads, without the suffix _best."""
    monitor = getattr(callback, "monitor", None)
    policy = getattr(callback, "policy", None)
    if not isinstance(monitor, str) or (policy is not None and "Plateau" not in str(policy)):
        return None
    return monitor.removesuffix("_best")


def _advice(method: Method) -> str:
    if has_epoch_score(method):
        return (
            f"{type(method).__name__} scores epochs itself and holds out none; choose another "
            "method with early_stopping=True"
        )
    return "Pass early_stopping=True, and call fit, to hold out the 'validation_fraction'"
