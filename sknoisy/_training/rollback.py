"""Restoring of an estimator and its net after an error."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["restored_on_error"]


@contextmanager
def restored_on_error(estimator: BaseEstimator, net: Any = None) -> Iterator[None]:
    """Restore an estimator after an error, and the net that it trains further.

    One context restores both, so that Ctrl-C at no moment leaves one of them changed.

    Parameters
    ----------
    estimator : BaseEstimator
    net : SkorchNet or None, default=None
        A trained net that is changed in place; None: there is none, or a new one is trained.
    """
    before = dict(vars(estimator))
    restore_net = None if net is None else _restorer_of(net)
    try:
        yield
    except BaseException:
        _set_attributes(estimator, before)
        if restore_net is not None:
            restore_net()
        raise


def _restorer_of(net: Any) -> Callable[[], None]:
    """Copy the state of a net, and return a function that restores it."""
    with net._lock:
        # Callbacks may have changed what skorch knows, such as the learning rate.
        attributes, n_epochs = dict(vars(net)), len(net.history)
        module = copy.deepcopy(net.module_.state_dict())
        method = net.criterion_.snapshot()
        optimizer = copy.deepcopy(net.optimizer_.state_dict())

    def restore() -> None:
        with net._lock:
            _set_attributes(net, attributes)
            del net.history[n_epochs:]
            net.module_.load_state_dict(module)
            net.criterion_.restore(method)
            net.optimizer_.load_state_dict(optimizer)

    return restore


def _set_attributes(owner: Any, attributes: dict[str, Any]) -> None:
    vars(owner).update(attributes)
    for name in vars(owner).keys() - attributes.keys():
        del vars(owner)[name]
