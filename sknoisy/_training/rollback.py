"""Restoring of an estimator and its net after an error."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from sknoisy._training.settings import Settings

__all__ = ["restored_on_error", "rolled_back_on_error"]


@contextmanager
def restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the attributes of an estimator after an error."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


@contextmanager
def rolled_back_on_error(net: Any, settings: Settings) -> Iterator[None]:
    """Apply settings to a skorch net; an error restores the net and its previous settings."""
    # Callbacks may have changed what skorch knows, such as the learning rate.
    before = {
        name: getattr(net, name)
        for name in ("settings", "noise_", "columns_", *settings.for_skorch())
    }
    n_epochs = len(net.history)
    trained = _snapshot(net) if n_epochs else None
    try:
        net.apply_settings(settings)
        yield
    except BaseException:
        vars(net).update(before)
        del net.history[n_epochs:]
        if trained is not None:
            module, method, optimizer = trained
            net.module_.load_state_dict(module)
            net.criterion_.restore(method)
            net.optimizer_.load_state_dict(optimizer)
        raise


def _snapshot(net: Any) -> tuple[Any, Any, Any]:
    module, optimizer = net.module_.state_dict(), net.optimizer_.state_dict()
    return copy.deepcopy(module), net.criterion_.snapshot(), copy.deepcopy(optimizer)
